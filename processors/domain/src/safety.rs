//! The last word: rules that lower or stop what the needs ask for, and never raise it.
//!
//! The only way from a [`Draft`] to [`Advised`] leads through here. A rule sees the needs through
//! `Lowering`, which has no way to write a greater number, so that "can only lower or stop" holds
//! by construction. Rules run in the order of the table; a new one is a row there.

mod lowering;

use std::collections::BTreeSet;

use crate::advice::{Advised, Draft, NeedFlag};
use crate::selection::Drinks;
use crate::units::{
    Decigrams, DrinkRate, Milligrams, Millilitres, Permille, Seconds, SodiumConcentration,
    SweatRate, floor_to,
};
use lowering::Lowering;

/// The rules by their number in the project's list; those without a row are not built yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SafetyRule {
    /// Never more than is lost.
    S1,
    /// No drink after a gain.
    S2,
    /// Nothing while a symptom is reported; a hold, and no row of the table.
    S3,
    /// Never faster than a gut takes, never more than 12 L a day.
    S5,
    /// After a great loss somebody has to look, after a grave one nothing is advised.
    S6,
    /// No sodium for who has to go without salt.
    S9,
    /// No carbohydrate for who needs a practitioner's plan, no word of what is missing for whom it harms.
    S10,
    /// No amounts to drink in a pregnancy.
    S11,
    /// Nothing by itself from what no person does.
    S15,
}

impl SafetyRule {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::S1 => "S1",
            Self::S2 => "S2",
            Self::S3 => "S3",
            Self::S5 => "S5",
            Self::S6 => "S6",
            Self::S9 => "S9",
            Self::S10 => "S10",
            Self::S11 => "S11",
            Self::S15 => "S15",
        }
    }
}

/// What the rules look at besides the needs. What is `None` is unknown, and no rule applies to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SafetyContext {
    /// Loss that the plan for a workout must not exceed; set for the phase during only.
    pub predicted_loss: Option<Millilitres>,
    /// Sodium lost, or about to be, in the workout that this is about.
    pub sodium_lost: Option<Milligrams>,
    pub cap: Option<DrinkRate>,
    /// All fluid of the day so far, drunk and planned.
    pub fluid_today: Option<Millilitres>,
    /// What the advice was computed from, for rule S15.
    pub basis: Option<BasisFacts>,
    /// The athlete's numbers are unsure: the reader is told.
    pub low_confidence: bool,
    pub withheld: Withheld,
    /// Mass that was gained during exercise, in this workout or in one before.
    pub gain: Option<Gain>,
}

/// What a gain stops: there is water enough in the body, and salt does not make up for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gain {
    /// Everything to drink, until the athlete passes water or is thirsty.
    Drinking,
    /// Plain water, for a day.
    PlainWater,
}

/// What nobody but a practitioner may set a target for, or speak of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Withheld {
    pub sodium: bool,
    pub carbohydrate: bool,
    /// Amounts to drink, which rest on what is lost.
    pub drinking: bool,
    /// Every word of what is missing of the mass.
    pub deficit: bool,
}

/// What no basket may bring more of, where the target was taken away and nothing else bounds it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ceilings {
    pub fluid: Option<Millilitres>,
    pub carbohydrate: Option<Decigrams>,
    pub sodium: Option<Milligrams>,
    pub drinks: Drinks,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BasisFacts {
    pub rate: Option<SweatRate>,
    pub sodium: Option<SodiumConcentration>,
    /// Lost (or gained, below zero) of the body mass, in thousandths.
    pub mass_loss_permille: Option<i64>,
    pub duration: Option<Seconds>,
}

/// True where the rule lowered or stopped something, or has a word to say.
type Rule = fn(&mut Lowering<'_>, &SafetyContext) -> bool;

/// In the order in which they run: stops first, then limits.
const RULES: [(SafetyRule, Rule); 8] = [
    (SafetyRule::S15, stop_what_is_implausible),
    (SafetyRule::S6, stop_after_a_grave_loss),
    (SafetyRule::S2, no_drink_after_a_gain),
    (SafetyRule::S9, no_sodium),
    (SafetyRule::S10, no_carbohydrate_and_no_deficit),
    (SafetyRule::S1, never_above_the_loss),
    (SafetyRule::S5, never_above_the_caps),
    // What is left of an amount bounds the baskets, so this comes after the limits.
    (SafetyRule::S11, no_amounts_to_drink),
];

pub fn apply(mut draft: Draft, context: &SafetyContext) -> Advised {
    let mut ceilings = Ceilings::default();
    let mut safety = BTreeSet::new();
    for (rule, check) in RULES {
        if check(&mut Lowering::new(&mut draft, &mut ceilings), context) {
            safety.insert(rule);
        }
    }
    if context.low_confidence {
        draft.flags.insert(NeedFlag::LowConfidence);
    }
    Advised {
        schedule: crate::advice::schedule(&draft.needs, draft.timing),
        needs: draft.needs,
        flags: draft.flags,
        reasons: draft.reasons,
        window: draft.timing.window(),
        ceilings,
        safety,
    }
}

fn stop_what_is_implausible(needs: &mut Lowering<'_>, context: &SafetyContext) -> bool {
    let Some(facts) = context.basis else {
        return false;
    };
    let out_of =
        |value: Option<i64>, lo: i64, hi: i64| value.is_some_and(|value| value < lo || value > hi);
    let implausible = out_of(facts.rate.map(SweatRate::get), 200, 4_000)
        || out_of(facts.sodium.map(SodiumConcentration::get), 100, 1_100)
        || out_of(facts.mass_loss_permille, -80, 80)
        || out_of(facts.duration.map(Seconds::get), 0, 12 * 3_600);
    if implausible {
        needs.stop();
    }
    implausible
}

/// In thousandths of the mass: above the one somebody is told, above the other it is no matter of
/// drinking any more.
fn stop_after_a_grave_loss(needs: &mut Lowering<'_>, context: &SafetyContext) -> bool {
    const TOLD_PERMILLE: i64 = 40;
    const GRAVE_PERMILLE: i64 = 70;
    let lost = context.basis.and_then(|facts| facts.mass_loss_permille);
    if lost.is_some_and(|lost| lost > GRAVE_PERMILLE) {
        needs.silence();
    }
    lost.is_some_and(|lost| lost > TOLD_PERMILLE)
}

fn no_drink_after_a_gain(needs: &mut Lowering<'_>, context: &SafetyContext) -> bool {
    match context.gain {
        Some(Gain::Drinking) => needs.stop_drinking(),
        Some(Gain::PlainWater) => needs.no_plain_water(),
        None => {}
    }
    context.gain.is_some()
}

/// What would have been advised stays the most that a basket brings.
fn no_amounts_to_drink(needs: &mut Lowering<'_>, context: &SafetyContext) -> bool {
    if context.withheld.drinking {
        needs.drop_fluid();
        needs.hide_deficit();
    }
    context.withheld.drinking
}

/// Without a target there is still something to eat: no basket brings more than a fifth of what a day
/// without salt has (2 g), nor more than was sweated.
fn no_sodium(needs: &mut Lowering<'_>, context: &SafetyContext) -> bool {
    if context.withheld.sodium {
        let meal = Milligrams::clamped(400);
        needs.drop_sodium(context.sodium_lost.map_or(meal, |lost| lost.min(meal)));
    }
    context.withheld.sodium
}

/// No basket brings more than two slices of bread, which is what other foods come with.
fn no_carbohydrate_and_no_deficit(needs: &mut Lowering<'_>, context: &SafetyContext) -> bool {
    if context.withheld.carbohydrate {
        needs.drop_carbohydrate(Decigrams::clamped(300));
    }
    if context.withheld.deficit {
        needs.hide_deficit();
    }
    context.withheld.carbohydrate || context.withheld.deficit
}

fn never_above_the_loss(needs: &mut Lowering<'_>, context: &SafetyContext) -> bool {
    let Some(loss) = context.predicted_loss else {
        return false;
    };
    needs.fluid_to(floor_to(loss.as_f64().max(0.0), SHOWN_ML))
}

fn never_above_the_caps(needs: &mut Lowering<'_>, context: &SafetyContext) -> bool {
    let hourly = context.cap.is_some_and(|cap| {
        let rate = needs.drink_rate_to(cap);
        let window = needs.window();
        let volume = floor_to(cap.as_f64() * window.hours(), SHOWN_ML);
        // A drink that is taken at once has no window, and its size is its rule's matter.
        let total = window.get() > 0 && needs.fluid_to(volume);
        rate || total
    });
    let day = context.fluid_today.is_some_and(|today| {
        let left = DAY_ML_MAX.saturating_sub(today.get()).max(0);
        needs.fluid_to(floor_to(left as f64, SHOWN_ML))
    });
    hourly || day
}

const SHOWN_ML: i64 = 10;
/// All fluids of a day, heat or not.
const DAY_ML_MAX: i64 = 12_000;

/// Mass lost in thousandths of the mass before, for [`BasisFacts`].
pub fn share_of_mass(deficit: Millilitres, mass: crate::units::BodyMass) -> i64 {
    let share = deficit.as_f64() / mass.as_f64() * Permille::ONE.as_f64();
    (if share < 0.0 {
        libm::floor(share)
    } else {
        libm::ceil(share)
    }) as i64
}

/// Whether the scales showed a gain: by half a percent of the mass, or by anything after an hour.
pub fn is_gain(lost: Millilitres, mass: crate::units::BodyMass, duration: Seconds) -> bool {
    let gained = lost.get().saturating_neg();
    let much = gained > 0 && gained.saturating_mul(200) >= mass.get();
    much || (gained > 0 && duration.get() > 3_600)
}

#[cfg(test)]
mod tests;
