//! How sure the numbers of an athlete are, in thousandths. The figures are this project's own.

use crate::units::Permille;

/// What the loss or the forecast rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Basis {
    /// Scales, in this very workout or in the same sport under like conditions.
    WeighIn,
    /// Tests of this athlete in the same family of sports.
    Profile,
    /// Tests in another family only.
    OtherFamily,
    Population,
    Nothing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfidenceInput {
    pub basis: Basis,
    /// Of the last test; `None` where the basis is no test, or this workout's own.
    pub test_age_days: Option<i64>,
    /// 28 °C or more and no humidity known.
    pub hot_and_dryness_unknown: bool,
    pub short_sleep: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confidence {
    pub fluid: Permille,
    pub sodium: Permille,
}

impl Confidence {
    pub fn of(input: &ConfidenceInput) -> Self {
        let (fluid, sodium) = match input.basis {
            Basis::WeighIn => (900, 400),
            Basis::Profile => (850, 400),
            Basis::OtherFamily => (600, 400),
            Basis::Population => (400, 400),
            Basis::Nothing => (300, 300),
        };
        let age = match input.test_age_days {
            Some(days) if days > 365 => 700,
            Some(days) if days > 90 => 850,
            Some(_) | None => 1_000,
        };
        let heat = if input.hot_and_dryness_unknown {
            900
        } else {
            1_000
        };
        let sleep = if input.short_sleep { 100 } else { 0 };
        let scaled = |base: i64| {
            let product = base.saturating_mul(age).saturating_mul(heat) / 1_000_000;
            Permille::clamped(product.saturating_sub(sleep))
        };
        Self {
            fluid: scaled(fluid),
            sodium: scaled(sodium),
        }
    }

    /// Below one half the reader is told so.
    pub fn is_low(self) -> bool {
        self.fluid.get() < 500
    }
}
