//! What records of every kind have in common: who told, through which path, by which device; and
//! the words in which a merge accounts for its choices.
//!
//! Names are compared as fingerprints, so that a record is small and comparing two costs nothing.
//! A fingerprint is 64 bits over the few devices and accounts of one athlete.

mod device;
mod licence;

use std::fmt;
use std::str::FromStr;

use crate::time::Instant;

pub use device::{Device, DeviceClass};
pub use licence::Licence;

/// The id of one source's account of one thing: 128 bits, written as 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObservationId(pub u128);

impl fmt::Display for ObservationId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}

/// The text was not 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoObservationId;

impl FromStr for ObservationId {
    type Err = NoObservationId;

    fn from_str(text: &str) -> Result<Self, NoObservationId> {
        if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(NoObservationId);
        }
        u128::from_str_radix(text, 16)
            .map(Self)
            .map_err(|_| NoObservationId)
    }
}

/// The path on which a record reached us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    File,
    Garmin,
    HealthKit,
    Strava,
    App,
    /// A source that came after these rules.
    Other,
}

impl Source {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Garmin => "garmin",
            Self::HealthKit => "healthkit",
            Self::Strava => "strava",
            Self::App => "app",
            Self::Other => "other",
        }
    }

    pub fn parse(word: &str) -> Self {
        match word {
            "file" => Self::File,
            "garmin" => Self::Garmin,
            "healthkit" => Self::HealthKit,
            "strava" => Self::Strava,
            "app" => Self::App,
            _ => Self::Other,
        }
    }
}

/// The app that wrote a HealthKit sample, out of its bundle identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Writer {
    /// One Apple device: `com.apple.health.` and a UUID.
    AppleDevice(u64),
    /// Typed in by hand in the Health app.
    AppleManual,
    GarminConnect,
    Strava,
    Other(u64),
}

impl Writer {
    /// `None` for an empty identifier.
    pub fn of(bundle_identifier: &str) -> Option<Self> {
        let bundle = bundle_identifier.trim().to_ascii_lowercase();
        Some(match bundle.as_str() {
            "" => return None,
            "com.apple.health" => Self::AppleManual,
            _ if bundle.starts_with("com.apple.health.") => Self::AppleDevice(fingerprint(&bundle)),
            _ if bundle.starts_with("com.garmin.connect") => Self::GarminConnect,
            _ if bundle.starts_with("com.strava.") => Self::Strava,
            _ => Self::Other(fingerprint(&bundle)),
        })
    }

    /// The cloud source whose records this app copies into HealthKit.
    pub const fn cloud_source(self) -> Option<Source> {
        match self {
            Self::GarminConnect => Some(Source::Garmin),
            Self::Strava => Some(Source::Strava),
            Self::AppleDevice(_) | Self::AppleManual | Self::Other(_) => None,
        }
    }
}

/// 64 bits of FNV-1a: stable over versions and machines, unlike the hasher of the standard library.
pub fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// The first member of a group by arrival: what its id is derived from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Anchor {
    pub received_at: Instant,
    pub observation: ObservationId,
}

/// What a member did for its session or night.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Won most fields.
    Primary,
    /// Won at least one.
    Contributor,
    /// Won none.
    Duplicate,
    /// A piece of a split or restarted recording.
    Part,
    Leg,
    Transition,
    /// Time in bed around stages of sleep.
    Wrapper,
    /// Votes for the identity only.
    Deleted,
}

impl Role {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Contributor => "contributor",
            Self::Duplicate => "duplicate",
            Self::Part => "part",
            Self::Leg => "leg",
            Self::Transition => "transition",
            Self::Wrapper => "wrapper",
            Self::Deleted => "deleted",
        }
    }
}

/// Who won a field, by which rule, and who lost for which reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The name that the field has in the published fact.
    pub field: &'static str,
    pub winner: ObservationId,
    /// Further pieces of the winner's recording, where the value is of all of them.
    pub parts: Vec<ObservationId>,
    pub rule: &'static str,
    pub losers: Vec<(ObservationId, &'static str)>,
    /// Whose word decided for the winner, without being the value.
    pub confirmed_by: Option<ObservationId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_identifier_tells_who_wrote() {
        let apple = Writer::of("com.apple.health.9E0F3B8A-0000-4000-8000-000000000001");
        assert!(matches!(apple, Some(Writer::AppleDevice(_))));
        assert_eq!(Writer::of("com.apple.Health"), Some(Writer::AppleManual));
        assert_eq!(
            Writer::of("com.garmin.connect.mobile"),
            Some(Writer::GarminConnect)
        );
        assert_eq!(Writer::of("com.strava.stravaride"), Some(Writer::Strava));
        assert!(matches!(
            Writer::of("com.example.run"),
            Some(Writer::Other(_))
        ));
        assert_eq!(Writer::of(""), None);
    }

    #[test]
    fn an_observation_id_reads_what_it_writes() {
        let id = ObservationId(0xab);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!("+b".parse::<ObservationId>(), Err(NoObservationId));
        let signed = format!("+{:031x}", 1);
        assert_eq!(signed.parse::<ObservationId>(), Err(NoObservationId));
    }
}
