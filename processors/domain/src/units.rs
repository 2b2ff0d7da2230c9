//! Quantities: integers of one small unit each, with the bounds of what is plausible in the type.
//!
//! Sums of integers do not depend on order, and equal answers are equal bits. The bounds are those
//! outside of which a number is a mistake whoever tells it; `new` answers `None` for such a number
//! and `clamped` takes the nearest bound, for what our own formulas yield.
//!
//! Not here: a wish, a cap or a threshold. Those belong to the rule that has them.

mod convert;
mod interval;

pub use interval::{Interval, LogNormal};

/// One twentieth of a normal variable lies above this many standard deviations: the half width of
/// a central 90 % interval. `statrs` gives the same figure; a test compares them.
pub(crate) const Z90: f64 = 1.644_853_626_951_472_2;

/// A newtype over `i64` in one unit, between two bounds.
macro_rules! quantity {
    ($(#[$meta:meta])* $name:ident, $min:expr, $max:expr) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(i64);

        impl $name {
            pub const MIN: Self = Self($min);
            pub const MAX: Self = Self($max);

            /// `None` outside of the bounds.
            pub const fn new(value: i64) -> Option<Self> {
                if value < $min || value > $max { None } else { Some(Self(value)) }
            }

            /// The nearest value inside of the bounds.
            pub const fn clamped(value: i64) -> Self {
                if value < $min {
                    Self($min)
                } else if value > $max {
                    Self($max)
                } else {
                    Self(value)
                }
            }

            /// The number in the unit of the type.
            pub const fn get(self) -> i64 {
                self.0
            }

            /// Rounded to the unit; `None` for what is no number or out of bounds.
            pub fn from_f64(value: f64) -> Option<Self> {
                let rounded = $crate::units::nearest(value)?;
                Self::new(rounded)
            }

            /// Rounded to the unit and brought inside of the bounds; no number counts as the lower.
            pub fn near(value: f64) -> Self {
                $crate::units::nearest(value).map_or(Self::MIN, Self::clamped)
            }

            pub(crate) const fn as_f64(self) -> f64 {
                self.0 as f64
            }
        }

        /// Zero, or the bound next to it.
        impl Default for $name {
            fn default() -> Self {
                Self::clamped(0)
            }
        }

        impl $crate::units::Quantity for $name {
            fn number(self) -> i64 {
                self.0
            }

            fn of(value: i64) -> Self {
                Self::clamped(value)
            }
        }
    };
}

quantity!(
    /// Volume of a drink, of sweat, or of a deficit (which is below zero after a gain).
    Millilitres, -50_000, 50_000
);
quantity!(
    /// Sodium or caffeine.
    Milligrams, 0, 200_000
);
quantity!(
    /// Carbohydrate and protein, in 0.1 g.
    Decigrams, 0, 30_000
);
quantity!(
    /// Mass of food, or what scales lost; 1 g of sweat is taken as 1 mL.
    Grams, -50_000, 50_000
);
quantity!(
    /// Mass of an athlete, in g: 20 kg to 250 kg.
    BodyMass, 20_000, 250_000
);
quantity!(
    /// A length of time or a lead before an event; below zero the event has passed. At most 400 days.
    Seconds, -34_560_000, 34_560_000
);
quantity!(
    /// Rate of sweating of the whole body in mL/h, 0.05 L/h to 6 L/h (safety rule S15). What scales
    /// tell beyond that is a mistake of the scales.
    SweatRate, 50, 6_000
);
quantity!(
    /// How fast a person may be told to drink, in mL/h: never above 1.2 L/h (safety rule S5).
    DrinkRate, 0, 1_200
);
quantity!(
    /// Sodium in sweat of the whole body, in 0.1 mmol/L: 5 mmol/L to 120 mmol/L (safety rule S15).
    SodiumConcentration, 50, 1_200
);
quantity!(
    /// Energy that an exercise took.
    Kilocalories, 0, 40_000
);
quantity!(
    /// How tall an athlete is, in mm: 0.5 m to 2.6 m.
    BodyHeight, 500, 2_600
);
quantity!(
    /// Skin of a body in cm²; 0.1 m² to 5 m².
    BodySurface, 1_000, 50_000
);
quantity!(
    /// Air in 0.1 °C: −30 °C to 55 °C.
    AirTemperature, -300, 550
);
quantity!(
    /// Relative humidity in percent.
    Humidity, 0, 100
);
quantity!(
    /// What a patch gathered, in 0.1 µL.
    PatchVolume, 0, 100_000
);
quantity!(
    /// Skin from which a patch gathers, in thousandths of a cm².
    CollectionArea, 10, 100_000
);
quantity!(
    /// Sweating of the skin under a patch, in µg per cm² and minute: 0.02 mg to 6 mg.
    LocalRate, 20, 6_000
);
quantity!(
    /// Sodium or chloride of sweat under a patch, in 0.1 mmol/L, at most 1 mol/L. What is plausible is
    /// much less, and a matter of rules that can say so.
    LocalConcentration, 0, 10_000
);
quantity!(
    /// A factor in thousandths.
    Permille, 0, 1_000_000
);
quantity!(
    /// The middle of a logarithm, in millionths.
    LogMean, -20_000_000, 20_000_000
);
quantity!(
    /// The spread of a logarithm (one standard deviation), in millionths.
    LogSd, 0, 10_000_000
);

impl SweatRate {
    /// What left in `duration`, as a rate; `None` where the rate is implausible or no time passed.
    pub fn of_loss(fluid: Millilitres, duration: Seconds) -> Option<Self> {
        if duration.get() <= 0 {
            return None;
        }
        Self::from_f64(fluid.as_f64() / duration.hours())
    }

    /// The volume that this rate makes in `duration`.
    pub fn over(self, duration: Seconds) -> Millilitres {
        Millilitres::near(self.as_f64() * duration.hours())
    }
}

impl Milligrams {
    /// The sodium in a volume of sweat.
    pub fn of_sodium(fluid: Millilitres, sodium: SodiumConcentration) -> Self {
        Self::near(fluid.as_f64() / 1_000.0 * sodium.mmol_per_l() * SODIUM_MG_PER_MMOL)
    }
}

impl LogMean {
    /// To the resolution at which a belief is compared and published: 0.0001.
    #[must_use]
    pub fn quantised(self) -> Self {
        Self::clamped(half_up(self.as_f64(), LOG_STEP))
    }
}

impl LogSd {
    /// To the resolution at which a belief is compared and published: 0.0001.
    #[must_use]
    pub fn quantised(self) -> Self {
        Self::clamped(half_up(self.as_f64(), LOG_STEP))
    }
}

const LOG_STEP: i64 = 100;

/// Molar mass of sodium.
pub(crate) const SODIUM_MG_PER_MMOL: f64 = 22.99;

/// What every quantity can do; lets intervals and needs be written once.
pub trait Quantity: Copy + Ord {
    fn number(self) -> i64;
    /// Brought inside of the bounds.
    fn of(value: i64) -> Self;
}

/// The multiple of `step` that is nearest, halves upwards; no number is 0.
///
/// The nudge makes 734.999 999 999 99 (which decimal fractions in binary give) count as the 735 that
/// was meant. It is far below any step in use.
pub(crate) fn half_up(value: f64, step: i64) -> i64 {
    let step = step.max(1);
    let steps = libm::floor(value / step as f64 + 0.5 + NUDGE);
    (steps as i64).saturating_mul(step)
}

/// The greatest multiple of `step` that is not above; used where a limit must not be passed.
pub(crate) fn floor_to(value: f64, step: i64) -> i64 {
    let step = step.max(1);
    let steps = libm::floor(value / step as f64 + NUDGE);
    (steps as i64).saturating_mul(step)
}

const NUDGE: f64 = 1e-9;

fn nearest(value: f64) -> Option<i64> {
    if !value.is_finite() {
        return None;
    }
    Some(libm::round(value) as i64)
}

#[cfg(test)]
mod tests;
