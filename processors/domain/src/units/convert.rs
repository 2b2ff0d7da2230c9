//! Numbers as people and files tell them, to quantities and back.
//!
//! Conversions between units go through `uom`, so that the factor between a pound, a litre and a
//! minute is written by a library and a kilogram cannot be handed in for a litre.

use uom::si::f64::{Energy, Mass, MassRate, Time, Volume};
use uom::si::{energy, mass, mass_rate, time, volume};

use super::{
    AirTemperature, BodyHeight, BodyMass, BodySurface, CollectionArea, Decigrams, DrinkRate, Grams,
    Humidity, Interval, Kilocalories, LocalConcentration, LocalRate, LogMean, LogSd, Milligrams,
    Millilitres, PatchVolume, Permille, Quantity, Seconds, SodiumConcentration, SweatRate,
};

impl BodyMass {
    pub fn from_kilograms(value: f64) -> Option<Self> {
        Self::from_f64(Mass::new::<mass::kilogram>(value).get::<mass::gram>())
    }

    pub fn kilograms(self) -> f64 {
        Mass::new::<mass::gram>(self.as_f64()).get::<mass::kilogram>()
    }
}

impl Grams {
    pub fn from_kilograms(value: f64) -> Option<Self> {
        Self::from_f64(Mass::new::<mass::kilogram>(value).get::<mass::gram>())
    }
}

impl Millilitres {
    pub const ZERO: Self = Self(0);

    pub fn from_litres(value: f64) -> Option<Self> {
        Self::from_f64(Volume::new::<volume::liter>(value).get::<volume::milliliter>())
    }

    pub fn litres(self) -> f64 {
        Volume::new::<volume::milliliter>(self.as_f64()).get::<volume::liter>()
    }
}

impl Seconds {
    pub const ZERO: Self = Self(0);

    pub fn from_hours(value: f64) -> Option<Self> {
        Self::from_f64(Time::new::<time::hour>(value).get::<time::second>())
    }

    pub fn from_minutes(value: f64) -> Option<Self> {
        Self::from_f64(Time::new::<time::minute>(value).get::<time::second>())
    }

    /// From a difference of instants in microseconds.
    pub fn from_micros(value: i64) -> Self {
        Self::clamped(value / 1_000_000)
    }

    pub fn hours(self) -> f64 {
        self.as_f64() / 3_600.0
    }
}

/// Per hour on both sides, so that only the volume changes its unit.
impl SweatRate {
    pub fn from_litres_per_hour(value: f64) -> Option<Self> {
        Self::from_f64(Volume::new::<volume::liter>(value).get::<volume::milliliter>())
    }

    /// A loss of mass in time, with 1 kg of sweat taken as 1 L.
    pub fn from_mass_rate(rate: MassRate) -> Option<Self> {
        Self::from_f64(rate.get::<mass_rate::kilogram_per_hour>() * 1_000.0)
    }

    pub fn litres_per_hour(self) -> f64 {
        Volume::new::<volume::milliliter>(self.as_f64()).get::<volume::liter>()
    }
}

impl DrinkRate {
    pub fn from_litres_per_hour(value: f64) -> Self {
        Self::near(Volume::new::<volume::liter>(value).get::<volume::milliliter>())
    }
}

impl SodiumConcentration {
    pub fn from_mmol_per_l(value: f64) -> Option<Self> {
        Self::from_f64(value * 10.0)
    }

    pub fn mmol_per_l(self) -> f64 {
        self.as_f64() / 10.0
    }
}

impl BodyHeight {
    pub fn from_metres(value: f64) -> Option<Self> {
        Self::from_f64(value * 1_000.0)
    }

    pub fn metres(self) -> f64 {
        self.as_f64() / 1_000.0
    }
}

impl BodySurface {
    pub fn from_square_metres(value: f64) -> Option<Self> {
        Self::from_f64(value * 10_000.0)
    }

    pub fn square_metres(self) -> f64 {
        self.as_f64() / 10_000.0
    }
}

impl AirTemperature {
    pub fn from_celsius(value: f64) -> Option<Self> {
        Self::from_f64(value * 10.0)
    }

    pub fn celsius(self) -> f64 {
        self.as_f64() / 10.0
    }
}

impl Humidity {
    pub fn from_percent(value: f64) -> Option<Self> {
        Self::from_f64(value)
    }

    pub fn percent(self) -> f64 {
        self.as_f64()
    }
}

impl PatchVolume {
    pub fn from_microlitres(value: f64) -> Option<Self> {
        Self::from_f64(value * 10.0)
    }

    pub fn microlitres(self) -> f64 {
        self.as_f64() / 10.0
    }
}

impl CollectionArea {
    pub fn from_cm2(value: f64) -> Option<Self> {
        Self::from_f64(value * 1_000.0)
    }

    pub fn cm2(self) -> f64 {
        self.as_f64() / 1_000.0
    }
}

impl LocalRate {
    pub fn from_mg_per_cm2_min(value: f64) -> Option<Self> {
        Self::from_f64(value * 1_000.0)
    }

    pub fn mg_per_cm2_min(self) -> f64 {
        self.as_f64() / 1_000.0
    }
}

impl LocalConcentration {
    pub fn from_mmol_per_l(value: f64) -> Option<Self> {
        Self::from_f64(value * 10.0)
    }

    pub fn mmol_per_l(self) -> f64 {
        self.as_f64() / 10.0
    }
}

impl Kilocalories {
    pub fn from_kilojoules(value: f64) -> Option<Self> {
        Self::from_f64(Energy::new::<energy::kilojoule>(value).get::<energy::kilocalorie>())
    }
}

impl Decigrams {
    pub fn from_grams(value: f64) -> Option<Self> {
        Self::from_f64(value * 10.0)
    }

    pub fn grams(self) -> f64 {
        self.as_f64() / 10.0
    }
}

impl Milligrams {
    pub const ZERO: Self = Self(0);
}

impl Permille {
    pub const ONE: Self = Self(1_000);

    pub fn fraction(self) -> f64 {
        self.as_f64() / 1_000.0
    }
}

impl LogMean {
    pub fn from_natural(value: f64) -> Option<Self> {
        Self::from_f64(value * MILLION)
    }

    /// The logarithm of a positive number.
    pub fn ln(value: f64) -> Option<Self> {
        if value > 0.0 {
            Self::from_natural(libm::log(value))
        } else {
            None
        }
    }

    pub fn natural(self) -> f64 {
        self.as_f64() / MILLION
    }
}

impl LogSd {
    pub const ZERO: Self = Self(0);

    pub fn from_natural(value: f64) -> Option<Self> {
        Self::from_f64(value * MILLION)
    }

    pub fn natural(self) -> f64 {
        self.as_f64() / MILLION
    }
}

const MILLION: f64 = 1_000_000.0;

/// In the order median, low, high, as numbers for the wire.
impl<Q: Quantity> Interval<Q> {
    /// Each number by `number`, e.g. [`SweatRate::litres_per_hour`].
    pub fn numbers(self, number: fn(Q) -> f64) -> [f64; 3] {
        [
            number(self.median()),
            number(self.lo90()),
            number(self.hi90()),
        ]
    }
}
