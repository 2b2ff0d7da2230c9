//! Devices, by the names that sources give them.

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
    /// Case, punctuation and the vendor's name in front do not count; `unknown` is no device.
    pub fn of(name: &str) -> Option<Self> {
        let mut plain: String = name
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|letter| letter.to_ascii_lowercase())
            .collect();
        for prefix in ["garmin", "apple"] {
            if let Some(rest) = plain.strip_prefix(prefix)
                && !rest.is_empty()
            {
                plain = rest.to_owned();
            }
        }
        if matches!(plain.as_str(), "" | "unknown" | "manual" | "none") {
            return None;
        }
        let class = match plain.as_str() {
            text if text.contains("phone") || text.contains("pixel") || text.contains("ipad") => {
                DeviceClass::Phone
            }
            text if BIKE_COMPUTERS.iter().any(|word| text.starts_with(word)) => {
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

/// How the names of computers on bikes begin.
const BIKE_COMPUTERS: [&str; 7] = [
    "edge",
    "elemnt",
    "wahooelemnt",
    "karoo",
    "hammerheadkaroo",
    "bryton",
    "corosdura",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_device_are_one_device() {
        let alike = [
            ["Forerunner 965", "Garmin Forerunner 965"],
            ["forerunner935", "Garmin Forerunner 935"],
            ["Apple Watch7,2", "Watch7,2"],
        ];
        for [one, other] in alike {
            assert_eq!(Device::of(one), Device::of(other), "{one}");
        }
        assert_ne!(Device::of("Forerunner 965"), Device::of("Forerunner 955"));
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
        for name in ["Edge 840", "Garmin Edge 1040", "ELEMNT BOLT", "Karoo 2"] {
            assert_eq!(class(name), Some(DeviceClass::BikeComputer), "{name}");
        }
        assert_eq!(class("Forerunner 965"), Some(DeviceClass::Wearable));
    }
}
