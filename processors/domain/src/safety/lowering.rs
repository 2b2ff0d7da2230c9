//! The needs, seen so that no number in them can grow.

use crate::advice::{Needs, Timing};
use crate::units::{DrinkRate, Milligrams, Millilitres, Seconds};

pub(super) struct Lowering<'a> {
    needs: &'a mut Needs,
    timing: Timing,
}

impl<'a> Lowering<'a> {
    pub(super) fn new(needs: &'a mut Needs, timing: Timing) -> Self {
        Self { needs, timing }
    }

    pub(super) fn window(&self) -> Seconds {
        self.timing.window()
    }

    /// Nothing is advised on any more.
    pub(super) fn stop(&mut self) {
        *self.needs = Needs::default();
    }

    pub(super) fn drop_sodium(&mut self) -> bool {
        self.needs.sodium.take().is_some()
    }

    pub(super) fn drop_carbohydrate(&mut self) -> bool {
        self.needs.carbohydrate.take().is_some()
    }

    /// Sodium that was meant for a drink goes down with the drink.
    pub(super) fn fluid_to(&mut self, limit_ml: i64) -> bool {
        let Some(fluid) = self.needs.fluid.as_mut() else {
            return false;
        };
        let before = fluid.target.get();
        let lowered = fluid.lower_to(Millilitres::clamped(limit_ml));
        let after = fluid.target.get();
        if after < before
            && let Some(sodium) = self.needs.sodium.as_mut()
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
        let lowered = self.needs.fluid_per_hour.is_some_and(|rate| rate > cap);
        self.needs.fluid_per_hour = self.needs.fluid_per_hour.map(|rate| rate.min(cap));
        lowered
    }
}

const SHOWN_MG: i64 = 10;
