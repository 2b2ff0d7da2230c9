//! The same answer as trying everything.

use super::draws::{self, Draw};
use crate::catalogue::{Catalogue, Item, Kind};
use crate::selection::{
    Bands, Candidates, Limits, Nutrient, Optimality, Problem, Restrictions, Selection, Units,
};

/// Unmet, over, kinds, servings, penalty, ids with counts.
type Key = (i64, i64, i64, i64, i64, Vec<(String, i64)>);

/// Written from the definition, in other words than the search: fractions are compared by
/// multiplication, and nothing is pruned.
fn try_everything(problem: &Problem<'_>, units: i64) -> Key {
    let items: Vec<&Item> = problem
        .candidates
        .items()
        .filter(|item| may_be_used(problem, item))
        .collect();
    let mut best = None;
    let mut counts = vec![0_i64; items.len()];
    loop {
        if let Some(key) = key(problem, &items, &counts)
            && best.as_ref().is_none_or(|best| key < *best)
        {
            best = Some(key);
        }
        let Some(next) = counts.iter().position(|count| *count < units) else {
            return best.unwrap();
        };
        counts[next] += 1;
        counts[..next].fill(0);
    }
}

fn may_be_used(problem: &Problem<'_>, item: &Item) -> bool {
    let restricted = problem.candidates.sodium_restricted;
    let known = |nutrient| item.amount(nutrient).is_some();
    let wanted_known = Nutrient::ALL
        .into_iter()
        .all(|nutrient| known(nutrient) || problem.bands.get(nutrient).lo == 0);
    let strength_known = known(Nutrient::Fluid) && known(Nutrient::Carbohydrate);
    wanted_known
        && known(Nutrient::Caffeine)
        && (known(Nutrient::Sodium) || !restricted)
        && (!problem.limits.drink_strength || !item.is_drink() || strength_known)
        && (!problem.limits.salt_needs_fluid
            || item.kind != Kind::Salt
            || problem.bands.fluid_ml.lo > 0)
}

const SHORT: [i64; 6] = [5, 4, 3, 2, 3, 2];
const OVER: [i64; 6] = [4, 1, 1, 0, 2, 6];
const FLOOR: [i64; 6] = [100, 100, 50, 50, 100, 20];

fn key(problem: &Problem<'_>, items: &[&Item], counts: &[i64]) -> Option<Key> {
    let used: Vec<(&Item, i64)> = items
        .iter()
        .copied()
        .zip(counts.iter().copied())
        .filter(|(_, count)| *count > 0)
        .collect();
    if used.len() > usize::from(problem.kinds_max) {
        return None;
    }
    let (mut unmet, mut over) = (0, 0);
    for (index, nutrient) in Nutrient::ALL.into_iter().enumerate() {
        let band = problem.bands.get(nutrient);
        let amounts = used.iter();
        let total: i64 = amounts
            .map(|(item, count)| item.amount(nutrient).unwrap_or(0) * count)
            .sum();
        if band.max.is_some_and(|max| total > max) {
            return None;
        }
        unmet += SHORT[index]
            * (0..=20)
                .find(|n| 20 * (band.lo - total) <= n * band.lo)
                .unwrap();
        if let Some(hi) = band.hi {
            let base = hi.max(FLOOR[index]);
            over += OVER[index] * (0..).find(|n| 10 * (total - hi) <= n * base).unwrap();
        }
    }
    let drinks = used.iter().filter(|(item, _)| item.is_drink());
    let strength: i64 = drinks
        .map(|(item, count)| {
            let carbohydrate = item.amount(Nutrient::Carbohydrate).unwrap_or(0);
            let fluid = item.amount(Nutrient::Fluid).unwrap_or(0);
            // 0.1 g in 100 mL, of which there may be 80.
            (carbohydrate * 100 - 80 * fluid) * count
        })
        .sum();
    if problem.limits.drink_strength && strength > 0 {
        return None;
    }
    let penalty = |(item, _): &(&Item, i64)| problem.penalties.get(&item.id).copied().unwrap_or(0);
    let mut ids: Vec<(String, i64)> = used
        .iter()
        .map(|(item, count)| (item.id.clone(), *count))
        .collect();
    ids.sort();
    Some((
        unmet,
        over,
        used.len() as i64,
        used.iter().map(|(_, count)| count).sum(),
        used.iter().map(penalty).sum(),
        ids,
    ))
}

fn key_of(answer: &Selection) -> Key {
    let score = answer.score;
    let items = answer.items.iter();
    (
        score.unmet,
        score.over,
        score.kinds,
        score.servings,
        score.penalty,
        items
            .map(|one| (one.id.clone(), i64::from(one.servings)))
            .collect(),
    )
}

fn drawn<'c>(
    draw: &mut Draw,
    candidates: &'c Candidates<'c>,
    bands: Bands,
    units: i64,
) -> Problem<'c> {
    let kinds = u8::try_from(1 + draw.below(3)).unwrap();
    let mut problem = Problem::new(candidates, bands, kinds);
    problem.units = Units::Each(u8::try_from(units).unwrap());
    problem.limits = Limits {
        drink_strength: draw.chance(30),
        salt_needs_fluid: draw.chance(30),
    };
    if draw.chance(40) {
        let ids = candidates.items().map(|item| item.id.clone());
        problem.penalties = ids.map(|id| (id, draw.below(3))).collect();
    }
    problem
}

#[test]
fn two_thousand_small_questions_have_the_answer_of_trying_everything() {
    let mut draw = Draw(20_251_121);
    let (mut unmet, mut over, mut penalised) = (0, 0, 0);
    for case in 0..2_000 {
        let items = 1 + draw.below(6);
        let catalogue: Catalogue = draws::catalogue(&mut draw, items);
        let restrictions = Restrictions {
            caffeine_allowed: true,
            sodium_restricted: draw.chance(15),
            ..Restrictions::default()
        };
        let candidates = Candidates::new(&catalogue, &restrictions, None);
        let bands = draws::bands(&mut draw);
        let units = 1 + draw.below(3);
        let problem = drawn(&mut draw, &candidates, bands, units);
        let answer = problem.solve();
        let expected = try_everything(&problem, units);
        assert_eq!(key_of(&answer), expected, "case {case}: {problem:?}");
        assert_eq!(answer.optimality, Optimality::Proven);
        unmet += i32::from(answer.score.unmet > 0);
        over += i32::from(answer.score.over > 0);
        penalised += i32::from(answer.score.penalty > 0);
    }
    // The cases are worth nothing if they are all of one sort.
    assert!((400..1_900).contains(&unmet), "{unmet} unmet");
    assert!(over > 100, "{over} over");
    assert!(penalised > 50, "{penalised} penalised");
}
