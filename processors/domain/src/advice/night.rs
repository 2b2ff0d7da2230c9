//! Before sleep after a hard day: slow protein, little to drink.

use std::collections::BTreeSet;

use super::need::{Need, Needs};
use super::{Draft, NeedFlag, Reason, Timing};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NightInput {
    /// The last workout was in the evening, or the day was hard.
    pub hard_day: bool,
    /// Milk, and so casein, is out of the question.
    pub without_milk: bool,
}

/// 40 g of protein, at least 32 g of it casein: 30 g of casein alone were shown not to be enough.
const PROTEIN_DG: i64 = 400;
const CASEIN_DG: i64 = 320;
/// All fluid of the last hour.
const FLUID_ML_MAX: i64 = 250;

/// On other days nothing is asked for, and the drinks of the last hour stay small.
pub fn pre_sleep(input: &NightInput) -> Draft {
    let protein = if input.hard_day { PROTEIN_DG } else { 0 };
    let casein = (input.hard_day && !input.without_milk).then(|| Need::around(CASEIN_DG));
    let unmet = input.hard_day && input.without_milk;
    let mut reasons = vec![Reason::new(
        "PRE_SLEEP_PROTEIN",
        [("protein_dg", protein)],
        &["trom2016"],
    )];
    if unmet {
        reasons.push(Reason::new("CASEIN_UNMET", [("casein_dg", CASEIN_DG)], &[]));
    }
    Draft {
        needs: Needs {
            fluid: Some(Need::banded(0, 0, FLUID_ML_MAX)),
            protein: Some(Need::around(protein)),
            casein,
            ..Needs::default()
        },
        flags: unmet
            .then_some(NeedFlag::Unmet)
            .into_iter()
            .collect::<BTreeSet<_>>(),
        reasons,
        timing: Timing::Once,
    }
}
