//! Why a nutrient was not reached.

use super::super::outcome::UnmetReason;
use super::super::problem::Problem;
use super::pool::{units_within, usable};
use crate::catalogue::Item;
use crate::selection::{Nutrient, Objection};

/// The first that holds: the candidates could bring it but for the limits; what could bring it does
/// not tell enough; a maximum takes servings away; a filter took items away; there are too few
/// servings of what there is; nothing brings it.
pub(in crate::selection) fn reason(problem: &Problem<'_>, nutrient: Nutrient) -> UnmetReason {
    let measures = problem.bands.measures();
    let limits = measures.map(|measure| measure.max);
    let wanted = measures.get(nutrient as usize).map_or(0, |one| one.lo);
    let brings = |item: &Item| item.amount(nutrient).is_none_or(|amount| amount > 0);
    let (mut supply, mut capped, mut unknown) = (0_i32, false, false);
    for item in problem.candidates.items().filter(|item| brings(item)) {
        if !usable(problem, &measures, item) {
            unknown = true;
            continue;
        }
        let amounts = item.facts.map(|fact| fact.unwrap_or(0));
        let asked = problem.units_of(item);
        let units = units_within(&amounts, &limits, asked);
        let amount = amounts.get(nutrient as usize).copied().unwrap_or(0);
        supply = supply.saturating_add(amount.saturating_mul(units));
        capped |= units < asked;
    }
    let filtered = problem.candidates.objections().iter();
    let elsewhere = filtered
        .filter(|(_, objection)| *objection != Objection::NotOffered)
        .filter_map(|(id, _)| problem.candidates.catalogue().get(id))
        .any(brings);
    if supply >= wanted || problem.kinds_max == 0 {
        UnmetReason::Cap
    } else if unknown {
        UnmetReason::Unknown
    } else if capped || (supply > 0 && !elsewhere) {
        UnmetReason::Cap
    } else {
        UnmetReason::Filter
    }
}
