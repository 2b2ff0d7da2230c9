//! What is wanted of each nutrient, and how being off the mark is counted.

use crate::advice::{Need, Needs};
use crate::safety::Ceilings;
use crate::units::Quantity;

/// In the order in which facts and totals list them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Nutrient {
    /// mL
    Fluid,
    /// 0.1 g
    Carbohydrate,
    /// 0.1 g
    Protein,
    /// 0.1 g
    Casein,
    /// mg
    Sodium,
    /// mg
    Caffeine,
}

impl Nutrient {
    pub const COUNT: usize = 6;
    pub const ALL: [Self; Self::COUNT] = [
        Self::Fluid,
        Self::Carbohydrate,
        Self::Protein,
        Self::Casein,
        Self::Sodium,
        Self::Caffeine,
    ];

    /// With the unit at its end.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fluid => "fluid_ml",
            Self::Carbohydrate => "carbohydrate_dg",
            Self::Protein => "protein_dg",
            Self::Casein => "casein_dg",
            Self::Sodium => "sodium_mg",
            Self::Caffeine => "caffeine_mg",
        }
    }

    /// Of one 5 % step below the band.
    pub(crate) const fn weight_short(self) -> i32 {
        match self {
            Self::Fluid => 5,
            Self::Carbohydrate => 4,
            Self::Protein | Self::Sodium => 3,
            Self::Casein | Self::Caffeine => 2,
        }
    }

    /// Of one 10 % step above the band.
    pub(crate) const fn weight_over(self) -> i32 {
        match self {
            Self::Caffeine => 6,
            Self::Fluid => 4,
            Self::Sodium => 2,
            Self::Carbohydrate | Self::Protein => 1,
            Self::Casein => 0,
        }
    }

    /// A band that ends lower than this has its 10 % steps counted from here.
    const fn over_base_min(self) -> i32 {
        match self {
            Self::Fluid | Self::Carbohydrate | Self::Sodium => 100,
            Self::Protein | Self::Casein => 50,
            Self::Caffeine => 20,
        }
    }
}

/// Below `lo` it is short, above `hi` too much, above `max` never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Band {
    pub lo: i64,
    pub hi: Option<i64>,
    pub max: Option<i64>,
}

impl Band {
    pub const fn new(lo: i64, hi: Option<i64>, max: Option<i64>) -> Self {
        Self { lo, hi, max }
    }

    /// Nothing is wanted and nothing refused.
    pub const FREE: Self = Self::new(0, None, None);
    pub const NONE: Self = Self::new(0, Some(0), Some(0));

    fn below(self, ceiling: Option<i64>) -> Self {
        let Some(ceiling) = ceiling else {
            return self;
        };
        let end = |end: Option<i64>| Some(end.map_or(ceiling, |end| end.min(ceiling)));
        Self::new(self.lo.min(ceiling), end(self.hi), end(self.max))
    }
}

/// A band for each nutrient. What nobody asked for is free, but caffeine is then refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bands {
    pub fluid_ml: Band,
    pub carbohydrate_dg: Band,
    pub protein_dg: Band,
    pub casein_dg: Band,
    pub sodium_mg: Band,
    pub caffeine_mg: Band,
}

impl Default for Bands {
    fn default() -> Self {
        Self {
            fluid_ml: Band::FREE,
            carbohydrate_dg: Band::FREE,
            protein_dg: Band::FREE,
            casein_dg: Band::FREE,
            sodium_mg: Band::FREE,
            caffeine_mg: Band::NONE,
        }
    }
}

impl Bands {
    /// From what a rule asks for. A target without a band has 10 % to either side. Caffeine never
    /// goes above the upper end of its band, whatever the rule left open.
    pub fn of(needs: &Needs) -> Self {
        let caffeine = needs.caffeine.map_or(Band::NONE, |need| {
            let band = band(&need);
            Band {
                max: band.max.or(band.hi),
                ..band
            }
        });
        Self {
            fluid_ml: needs.fluid.as_ref().map_or(Band::FREE, band),
            carbohydrate_dg: needs.carbohydrate.as_ref().map_or(Band::FREE, band),
            protein_dg: needs.protein.as_ref().map_or(Band::FREE, band),
            casein_dg: needs.casein.as_ref().map_or(Band::FREE, band),
            sodium_mg: needs.sodium.as_ref().map_or(Band::FREE, band),
            caffeine_mg: caffeine,
        }
    }

    pub fn get(&self, nutrient: Nutrient) -> Band {
        match nutrient {
            Nutrient::Fluid => self.fluid_ml,
            Nutrient::Carbohydrate => self.carbohydrate_dg,
            Nutrient::Protein => self.protein_dg,
            Nutrient::Casein => self.casein_dg,
            Nutrient::Sodium => self.sodium_mg,
            Nutrient::Caffeine => self.caffeine_mg,
        }
    }

    /// The same with one band in place of what was there.
    #[must_use]
    pub fn with(mut self, nutrient: Nutrient, band: Band) -> Self {
        match nutrient {
            Nutrient::Fluid => self.fluid_ml = band,
            Nutrient::Carbohydrate => self.carbohydrate_dg = band,
            Nutrient::Protein => self.protein_dg = band,
            Nutrient::Casein => self.casein_dg = band,
            Nutrient::Sodium => self.sodium_mg = band,
            Nutrient::Caffeine => self.caffeine_mg = band,
        }
        self
    }

    /// The same, with no basket above the ceilings.
    #[must_use]
    pub fn below(mut self, ceilings: &Ceilings) -> Self {
        let ceiling = ceilings.fluid.map(Quantity::number);
        self.fluid_ml = self.fluid_ml.below(ceiling);
        let ceiling = ceilings.carbohydrate.map(Quantity::number);
        self.carbohydrate_dg = self.carbohydrate_dg.below(ceiling);
        self.sodium_mg = self.sodium_mg.below(ceilings.sodium.map(Quantity::number));
        self
    }

    pub(crate) fn measures(&self) -> [Measure; Nutrient::COUNT] {
        Nutrient::ALL.map(|nutrient| Measure::new(nutrient, self.get(nutrient)))
    }
}

fn band<Q: Quantity>(need: &Need<Q>) -> Band {
    let target = need.target.number().max(0);
    let tenth = target / 10;
    let number = |value: Option<Q>| value.map(Quantity::number);
    Band {
        lo: number(need.lo).unwrap_or(target.saturating_sub(tenth)),
        hi: number(need.hi).or(Some(target.saturating_add(tenth))),
        max: number(need.max),
    }
}

/// No need is greater, in any unit: sums of servings then stay far inside of 32 bits.
const AMOUNT_MAX: i64 = 1_000_000;
/// Steps of 5 % from nothing to all of the lower end.
pub(crate) const SHORT_STEPS: i32 = 20;
const OVER_STEPS: i32 = 10;
const SHORT_STEPS_WIDE: i64 = SHORT_STEPS as i64;
const OVER_STEPS_WIDE: i64 = OVER_STEPS as i64;

/// One band with how it is counted, in the arithmetic of the search.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measure {
    pub(crate) lo: i32,
    /// `i32::MAX` where there is no end.
    pub(crate) hi: i32,
    pub(crate) max: i32,
    pub(crate) weight_short: i32,
    pub(crate) weight_over: i32,
    over_base: i32,
}

impl Measure {
    fn new(nutrient: Nutrient, band: Band) -> Self {
        let bounded = |value: i64| i32::try_from(value.clamp(0, AMOUNT_MAX)).unwrap_or(0);
        let end = |value: Option<i64>| value.map_or(i32::MAX, bounded);
        let hi = end(band.hi);
        Self {
            lo: bounded(band.lo),
            hi,
            max: end(band.max),
            weight_short: nutrient.weight_short(),
            weight_over: nutrient.weight_over(),
            over_base: hi.max(nutrient.over_base_min()),
        }
    }

    /// Steps, rounded up: what is short counts at least one.
    pub(crate) fn short_steps(&self, total: i32) -> i32 {
        let short = self.lo.saturating_sub(total);
        if short <= 0 {
            return 0;
        }
        steps(short, SHORT_STEPS, self.lo)
    }

    pub(crate) fn short(&self, total: i32) -> i32 {
        self.short_steps(total).saturating_mul(self.weight_short)
    }

    pub(crate) fn over(&self, total: i32) -> i32 {
        let over = total.saturating_sub(self.hi);
        if over <= 0 || self.weight_over == 0 {
            return 0;
        }
        steps(over, OVER_STEPS, self.over_base).saturating_mul(self.weight_over)
    }

    /// The least total that is at most `steps` short.
    pub(crate) fn lo_within(&self, steps: i32) -> i32 {
        let steps = i64::from(steps.clamp(0, SHORT_STEPS));
        let allowed = i64::from(self.lo).saturating_mul(steps) / SHORT_STEPS_WIDE;
        self.lo
            .saturating_sub(i32::try_from(allowed).unwrap_or(i32::MAX))
    }

    /// The greatest total whose overshoot counts at most `over`; never above the maximum.
    pub(crate) fn limit_within(&self, over: i32) -> i32 {
        let Some(steps) = over.checked_div(self.weight_over) else {
            return self.max;
        };
        let base = i64::from(self.over_base);
        let room = base.saturating_mul(i64::from(steps.max(0))) / OVER_STEPS_WIDE;
        let end = i64::from(self.hi).saturating_add(room);
        i32::try_from(end).unwrap_or(i32::MAX).min(self.max)
    }
}

/// `amount / base` in parts of which `parts` make one whole, rounded up.
fn steps(amount: i32, parts: i32, base: i32) -> i32 {
    let scaled = amount.saturating_mul(parts);
    let whole = scaled.checked_div(base).unwrap_or(0);
    let rest = scaled.checked_rem(base).unwrap_or(0);
    whole.saturating_add(i32::from(rest > 0))
}
