//! What a source's terms allow with what it told, as a label that travels with every value.
//!
//! A label is a word for readers, who obey it; a value that was made of several has the strictest.
//! The terms themselves are not here: a person reads them, and this table follows.

use super::{Source, Writer};

/// The stricter, the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Licence {
    /// The athlete's own word, scan or file.
    Own,
    /// Free to use where its source is named.
    Attribution,
    /// Only for what the athlete agreed to, never for advertisement.
    Consented,
    /// Shown to the athlete alone: no coach, no sums over athletes, no training of models.
    OwnerOnly,
}

impl Licence {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Attribution => "attribution",
            Self::Consented => "consented",
            Self::OwnerOnly => "owner_only",
        }
    }

    /// An unknown word is taken for the strictest.
    pub fn parse(word: &str) -> Self {
        match word {
            "own" => Self::Own,
            "attribution" => Self::Attribution,
            "consented" => Self::Consented,
            _ => Self::OwnerOnly,
        }
    }

    /// The label of what a source told. A copy has the label of its original at least.
    pub fn of(source: Source, writer: Option<Writer>) -> Self {
        let path = match source {
            Source::App | Source::File => Self::Own,
            Source::Garmin => Self::Attribution,
            Source::HealthKit => Self::Consented,
            Source::Strava | Source::Other => Self::OwnerOnly,
        };
        let original = writer.and_then(Writer::cloud_source);
        original.map_or(path, |source| path.max(Self::of(source, None)))
    }

    /// Whether others than the athlete may see it.
    pub fn is_restricted(self) -> bool {
        self == Self::OwnerOnly
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_as_strict_as_its_original() {
        assert_eq!(Licence::of(Source::Garmin, None), Licence::Attribution);
        let copies = [
            ("com.garmin.connect.mobile", Licence::Consented),
            ("com.strava.stravaride", Licence::OwnerOnly),
            ("com.apple.health.7", Licence::Consented),
        ];
        for (bundle, expected) in copies {
            assert_eq!(Licence::of(Source::HealthKit, Writer::of(bundle)), expected);
        }
    }

    #[test]
    fn words_read_back_and_an_unknown_one_is_the_strictest() {
        for label in [
            Licence::Own,
            Licence::Attribution,
            Licence::Consented,
            Licence::OwnerOnly,
        ] {
            assert_eq!(Licence::parse(label.as_str()), label);
        }
        assert!(Licence::parse("house_rules").is_restricted());
    }
}
