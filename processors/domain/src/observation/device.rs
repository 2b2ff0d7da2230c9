//! Devices, by the names that sources give them.

use unicode_normalization::UnicodeNormalization;

use super::fingerprint;

/// What kind of thing a device is, the better witness of a body first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeviceClass {
    Wearable,
    /// On the handlebar, with the bike's sensors.
    BikeComputer,
    Unknown,
    Phone,
}

/// A device as sources name it, alike for all spellings of one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Device {
    pub class: DeviceClass,
    pub key: u64,
    /// Apple's watches have two names, and which belong together no source tells.
    apple_watch: Option<AppleName>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum AppleName {
    /// `Watch7,2`, as HealthKit has it.
    Identifier,
    /// `Apple Watch Series 9`, as services write it.
    Marketing,
}

impl Device {
    /// Case, accents, punctuation, the order of words, the vendor's name in front and what the case
    /// is made of do not count; `unknown` is no device.
    pub fn of(name: &str) -> Option<Self> {
        let mut words = words(name);
        if words.len() > 1 && words.first().is_some_and(|first| is_vendor(first)) {
            words.remove(0);
        }
        if words.iter().any(|word| !is_trim(word)) {
            words.retain(|word| !is_trim(word));
        }
        let told = words.concat();
        words.sort_unstable();
        let plain = words.concat();
        if matches!(plain.as_str(), "" | "unknown" | "manual" | "none") {
            return None;
        }
        let class = match plain.as_str() {
            text if text.contains("phone") || text.contains("pixel") || text.contains("ipad") => {
                DeviceClass::Phone
            }
            _ if BIKE_COMPUTERS
                .iter()
                .any(|name| told.starts_with(name) || begins_with(&words, name)) =>
            {
                DeviceClass::BikeComputer
            }
            text if WEARABLES.iter().any(|word| text.contains(word)) => DeviceClass::Wearable,
            _ => DeviceClass::Unknown,
        };
        Some(Self {
            class,
            key: fingerprint(&plain),
            apple_watch: apple_watch(name),
        })
    }

    /// The same device, as far as the names tell: a model's identifier says nothing against the name
    /// that the model is sold by.
    pub fn may_be(self, other: Self) -> bool {
        let names = self.apple_watch.zip(other.apple_watch);
        self.key == other.key || names.is_some_and(|(one, other)| one != other)
    }
}

/// Words of letters with the number that follows, in small letters without accents: `fenix7` and `x` of
/// `fēnix 7X`, `watch7` and `2` of `Watch7,2`.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut last = ' ';
    for letter in name.nfd() {
        // What an accent leaves behind when it is taken off its letter.
        if !letter.is_ascii() {
            continue;
        }
        let letter = letter.to_ascii_lowercase();
        if letter.is_ascii_alphanumeric() {
            let in_word = if letter.is_ascii_digit() {
                // A number goes with the word before it, not with a number.
                let ends_in_letter =
                    |word: &String| word.ends_with(|it: char| it.is_ascii_alphabetic());
                last.is_ascii_alphanumeric() || words.last().is_some_and(ends_in_letter)
            } else {
                last.is_ascii_alphabetic()
            };
            match words.last_mut() {
                Some(word) if in_word => word.push(letter),
                _ => words.push(letter.to_string()),
            }
        }
        last = letter;
    }
    words
}

/// Makers that stand in front of a model's name, or are left away.
fn is_vendor(word: &str) -> bool {
    matches!(word, "garmin" | "apple")
}

/// Variants of a model that only some sources name.
fn is_trim(word: &str) -> bool {
    matches!(
        word,
        "solar" | "sapphire" | "titanium" | "edition" | "dualpower"
    )
}

/// Whether some of the words begin the name of such a device.
fn begins_with(words: &[String], name: &str) -> bool {
    words.iter().any(|word| word.starts_with(name))
}

fn apple_watch(name: &str) -> Option<AppleName> {
    let name = name.trim().to_ascii_lowercase();
    let name = name.strip_prefix("apple ").unwrap_or(&name);
    let rest = name.strip_prefix("watch")?;
    let is_identifier = |(model, size): (&str, &str)| {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
        digits(model) && digits(size)
    };
    match rest.split_once(',') {
        Some(parts) if is_identifier(parts) => Some(AppleName::Identifier),
        // `Apple Watch` alone is what every model of them is called.
        _ if rest.is_empty() || rest.starts_with(" series") || rest.starts_with(" se") => {
            Some(AppleName::Marketing)
        }
        _ if rest.starts_with(" ultra") => Some(AppleName::Marketing),
        _ => None,
    }
}

/// Parts of the names of watches, bands and rings.
const WEARABLES: [&str; 16] = [
    "watch",
    "forerunner",
    "fenix",
    "venu",
    "vivo",
    "epix",
    "instinct",
    "enduro",
    "tactix",
    "marq",
    "lily",
    "ring",
    "band",
    "whoop",
    "polar",
    "fitbit",
];

/// How words in the names of computers on bikes begin.
const BIKE_COMPUTERS: [&str; 5] = ["edge", "elemnt", "karoo", "bryton", "corosdura"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_device_are_one_device() {
        let alike = [
            ["Forerunner 965", "Garmin Forerunner 965"],
            ["forerunner935", "Garmin Forerunner 935"],
            ["Apple Watch7,2", "Watch7,2"],
            ["fenix 7X", "Garmin fēnix 7X"],
            ["fenix7x", "Garmin f\u{65}\u{304}nix® 7X Sapphire Solar"],
            ["vivoactive 5", "Garmin vívoactive 5"],
            ["Epix (Gen 2) Pro", "Garmin epix Pro (Gen 2)"],
            ["epix Pro Gen 2", "Garmin Epix Pro Gen2"],
            ["Edge 1040 Solar", "Garmin Edge 1040"],
        ];
        for [one, other] in alike {
            assert_eq!(Device::of(one), Device::of(other), "{one}");
        }
        let apart = [
            ["Forerunner 965", "Forerunner 955"],
            ["fenix 7", "fenix 7X"],
            ["fenix 7", "fenix 7 Pro"],
            ["Watch7,2", "Watch2,7"],
            ["Watch7,12", "Watch7,1"],
            ["Edge 1040", "Edge 104"],
        ];
        for [one, other] in apart {
            assert_ne!(Device::of(one), Device::of(other), "{one}");
        }
        assert!(Device::of("Solar").is_some() && Device::of("Garmin").is_some());
        assert_eq!(Device::of("unknown"), None);
        assert_eq!(Device::of(" "), None);
        assert_eq!(
            Device::of("iPhone15,3").map(|device| device.class),
            Some(DeviceClass::Phone)
        );
        assert_eq!(
            Device::of("Garmin").map(|device| device.class),
            Some(DeviceClass::Unknown)
        );
    }

    #[test]
    fn an_apple_watch_may_be_the_model_that_an_identifier_names() {
        let may_be = |one: &str, other: &str| {
            let (one, other) = (Device::of(one).unwrap(), Device::of(other).unwrap());
            assert_eq!(one.may_be(other), other.may_be(one));
            one.may_be(other)
        };
        assert!(may_be("Watch7,2", "Apple Watch Series 9"));
        assert!(may_be("Apple Watch SE", "Apple Watch6,10"));
        assert!(may_be("Watch7,5", "Apple Watch Ultra 2"));
        assert!(may_be("Watch7,2", "Apple Watch7,2"));
        assert!(!may_be("Watch7,2", "Watch6,1"));
        assert!(!may_be("Apple Watch Series 9", "Apple Watch SE"));
        assert!(!may_be("Watch7,2", "Galaxy Watch6"));
        assert!(!may_be("Watch7,2", "iPhone15,3"));
    }

    #[test]
    fn a_computer_on_a_bike_is_told_from_a_watch() {
        let class = |name| Device::of(name).map(|device| device.class);
        for name in [
            "Edge 840",
            "Garmin Edge 1040",
            "ELEMNT BOLT",
            "Wahoo ELEMNT ROAM",
            "Hammerhead Karoo 2",
            "COROS DURA",
        ] {
            assert_eq!(class(name), Some(DeviceClass::BikeComputer), "{name}");
        }
        assert_eq!(class("Forerunner 965"), Some(DeviceClass::Wearable));
    }
}
