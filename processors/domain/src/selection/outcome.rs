//! The answer: a basket, how good it is, what it lacks and why, and whether that is proven.

use super::search::{self, Found};
use super::{Bands, Nutrient, Problem};

/// The best basket for a [`Problem`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// By id.
    pub items: Vec<Servings>,
    /// In the order of [`Nutrient::ALL`]; what an item does not tell counts as nothing.
    pub totals: [i64; Nutrient::COUNT],
    pub score: Score,
    pub unmet: Vec<Unmet>,
    pub optimality: Optimality,
    /// Steps of the search.
    pub nodes: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Servings {
    pub id: String,
    pub servings: u8,
}

/// Smaller is better; compared in the order of the fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Score {
    pub unmet: i64,
    pub over: i64,
    pub kinds: i64,
    pub servings: i64,
    pub penalty: i64,
}

/// A lower end that was not reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Unmet {
    pub nutrient: Nutrient,
    /// In the nutrient's unit.
    pub short: i64,
    pub reason: UnmetReason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UnmetReason {
    /// What would bring it is no candidate.
    Filter,
    /// A maximum, the number of kinds or of servings.
    Cap,
    /// What would bring it does not say how much of something that matters.
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Optimality {
    Proven,
    /// The search ended at its budget: good, perhaps not best.
    Bounded,
}

impl Selection {
    pub fn solve(problem: &Problem<'_>) -> Self {
        let found = search::solve(problem);
        Self::of(problem, &found)
    }

    /// The best basket, then up to `more` others, each without the main items of those before it.
    /// Ends early where nothing is left to offer.
    pub fn with_alternatives(problem: &Problem<'_>, more: usize) -> Vec<Self> {
        let mut offered = vec![Self::solve(problem)];
        let mut candidates = problem.candidates.clone();
        for _ in 0..more.min(ALTERNATIVES_MAX) {
            let Some(main) = offered.last().and_then(|last| last.main_item(problem)) else {
                break;
            };
            candidates = candidates.without(&main);
            let next = Self::solve(&Problem {
                candidates: &candidates,
                bands: problem.bands,
                kinds_max: problem.kinds_max,
                units: problem.units,
                penalties: problem.penalties.clone(),
                limits: problem.limits,
            });
            if next.items.is_empty() {
                break;
            }
            offered.push(next);
        }
        offered
    }

    pub fn total(&self, nutrient: Nutrient) -> i64 {
        self.totals.get(nutrient as usize).copied().unwrap_or(0)
    }

    /// What brings most of the needs; the first by id where two bring as much.
    fn main_item(&self, problem: &Problem<'_>) -> Option<String> {
        let share = |one: &Servings| {
            let item = problem.candidates.catalogue().get(&one.id);
            item.map_or(0, |item| {
                let servings = i64::from(one.servings);
                let amounts = Nutrient::ALL.map(|nutrient| {
                    let amount = item.amount(nutrient).unwrap_or(0);
                    amount.saturating_mul(servings)
                });
                covered(&problem.bands, &amounts)
            })
        };
        let mut main: Option<(i64, &Servings)> = None;
        for one in &self.items {
            let share = share(one);
            if main.is_none_or(|(best, _)| share > best) {
                main = Some((share, one));
            }
        }
        main.map(|(_, one)| one.id.clone())
    }

    fn of(problem: &Problem<'_>, found: &Found) -> Self {
        let measures = problem.bands.measures();
        let mut unmet = Vec::new();
        for ((nutrient, measure), total) in
            Nutrient::ALL.into_iter().zip(measures).zip(found.totals)
        {
            let short = measure.lo.saturating_sub(total);
            if short > 0 {
                unmet.push(Unmet {
                    nutrient,
                    short: i64::from(short),
                    reason: search::reason(problem, nutrient),
                });
            }
        }
        Self {
            items: found.items.clone(),
            totals: found.totals.map(i64::from),
            score: found.score,
            unmet,
            optimality: found.optimality,
            nodes: found.nodes,
        }
    }
}

/// More would be a menu.
const ALTERNATIVES_MAX: usize = 3;

/// How much of the needs amounts cover, in weighted thousandths.
fn covered(bands: &Bands, amounts: &[i64; Nutrient::COUNT]) -> i64 {
    Nutrient::ALL
        .into_iter()
        .zip(amounts)
        .map(|(nutrient, amount)| {
            let lo = bands.get(nutrient).lo.max(0);
            let share = amount.min(&lo).saturating_mul(1_000);
            let weight = i64::from(nutrient.weight_short());
            share.checked_div(lo).unwrap_or(0).saturating_mul(weight)
        })
        .fold(0, i64::saturating_add)
}

impl UnmetReason {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Filter => "filter",
            Self::Cap => "cap",
            Self::Unknown => "unknown",
        }
    }
}

impl Optimality {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Bounded => "bounded",
        }
    }
}
