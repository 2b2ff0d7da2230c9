//! A draft, seen so that no number in its needs can grow.

use super::Ceilings;
use crate::advice::{Draft, NeedFlag, Needs};
use crate::selection::Drinks;
use crate::units::{Decigrams, DrinkRate, Milligrams, Millilitres, Seconds};

pub(super) struct Lowering<'a> {
    draft: &'a mut Draft,
    ceilings: &'a mut Ceilings,
}

impl<'a> Lowering<'a> {
    pub(super) fn new(draft: &'a mut Draft, ceilings: &'a mut Ceilings) -> Self {
        Self { draft, ceilings }
    }

    pub(super) fn window(&self) -> Seconds {
        self.draft.timing.window()
    }

    /// Nothing is advised on any more.
    pub(super) fn stop(&mut self) {
        self.draft.needs = Needs::default();
    }

    /// Nothing is advised on any more, and no numbers explain it.
    pub(super) fn silence(&mut self) {
        self.stop();
        self.draft.flags.clear();
        self.draft.reasons.clear();
    }

    /// Nothing to drink, nor the salt that was meant for it.
    pub(super) fn stop_drinking(&mut self) {
        self.forget_drinking();
        self.draft.needs.sodium = None;
        self.without_reasons("_SODIUM");
        self.draft.flags.insert(NeedFlag::MassGain);
        self.ceilings.drinks = Drinks::None;
    }

    /// No amounts of fluid any more, and no basket with more than would have been advised.
    pub(super) fn drop_fluid(&mut self) {
        let fluid = self.draft.needs.fluid;
        let most = fluid.map(|need| need.max.or(need.hi).unwrap_or(need.target));
        self.ceilings.fluid = most;
        self.forget_drinking();
    }

    fn forget_drinking(&mut self) {
        let needs = &mut self.draft.needs;
        (needs.fluid, needs.fluid_per_hour, needs.carry_over) = (None, None, None);
        let flags = &mut self.draft.flags;
        flags.remove(&NeedFlag::CappedByRate);
        flags.remove(&NeedFlag::DeficitGt2Pct);
        let reasons = &mut self.draft.reasons;
        reasons.retain(|reason| !OF_DRINKING.contains(&reason.code));
    }

    /// No word of what is missing of the mass.
    pub(super) fn hide_deficit(&mut self) {
        let flags = &mut self.draft.flags;
        flags.remove(&NeedFlag::DeficitGt2Pct);
        flags.remove(&NeedFlag::NoDeficit);
        let reasons = &mut self.draft.reasons;
        reasons.retain(|reason| !OF_DEFICIT.contains(&reason.code));
        for reason in reasons {
            reason.params.retain(|(name, _)| *name != "deficit_g");
        }
    }

    pub(super) fn no_plain_water(&mut self) {
        self.ceilings.drinks = Drinks::NotPlain;
    }

    /// No target any more, and no basket with more than `most`, nor than the target was.
    pub(super) fn drop_sodium(&mut self, most: Milligrams) {
        let target = self.draft.needs.sodium.take().map(|need| need.target);
        self.ceilings.sodium = Some(target.map_or(most, |target| target.min(most)));
        self.without_reasons("_SODIUM");
    }

    /// As [`Lowering::drop_sodium`].
    pub(super) fn drop_carbohydrate(&mut self, most: Decigrams) {
        let target = self.draft.needs.carbohydrate.take();
        let target = target.map(|need| need.target);
        self.ceilings.carbohydrate = Some(target.map_or(most, |target| target.min(most)));
        self.without_reasons("_CARBOHYDRATE");
    }

    /// A number that is not advised has no reason.
    fn without_reasons(&mut self, of: &str) {
        let reasons = &mut self.draft.reasons;
        reasons.retain(|reason| !reason.code.ends_with(of));
    }

    /// Sodium that was meant for a drink goes down with the drink.
    pub(super) fn fluid_to(&mut self, limit_ml: i64) -> bool {
        let needs = &mut self.draft.needs;
        let Some(fluid) = needs.fluid.as_mut() else {
            return false;
        };
        let before = fluid.target.get();
        let lowered = fluid.lower_to(Millilitres::clamped(limit_ml));
        let after = fluid.target.get();
        if after < before
            && let Some(sodium) = needs.sodium.as_mut()
        {
            let share = sodium
                .target
                .get()
                .saturating_mul(after)
                .checked_div(before)
                .unwrap_or(0);
            let shown = share.saturating_sub(share.checked_rem(SHOWN_MG).unwrap_or(0));
            sodium.lower_to(Milligrams::clamped(shown));
        }
        lowered
    }

    pub(super) fn drink_rate_to(&mut self, cap: DrinkRate) -> bool {
        let rate = &mut self.draft.needs.fluid_per_hour;
        let lowered = rate.is_some_and(|rate| rate > cap);
        *rate = rate.map(|rate| rate.min(cap));
        lowered
    }
}

/// Reasons of what is drunk.
const OF_DRINKING: [&str; 7] = [
    "PRE_FLUID",
    "DURING_RATE",
    "DURING_START_DEFICIT",
    "DURING_CAP",
    "POST_125PCT",
    "POST_150PCT",
    "POST_CAP",
];
/// Reasons that speak of what is missing.
const OF_DEFICIT: [&str; 4] = [
    "DURING_START_DEFICIT",
    "NO_DEFICIT",
    "POST_125PCT",
    "POST_150PCT",
];
const SHOWN_MG: i64 = 10;
