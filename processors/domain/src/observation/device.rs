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
        })
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
    fn a_computer_on_a_bike_is_told_from_a_watch() {
        let class = |name| Device::of(name).map(|device| device.class);
        for name in ["Edge 840", "Garmin Edge 1040", "ELEMNT BOLT", "Karoo 2"] {
            assert_eq!(class(name), Some(DeviceClass::BikeComputer), "{name}");
        }
        assert_eq!(class("Forerunner 965"), Some(DeviceClass::Wearable));
    }
}
