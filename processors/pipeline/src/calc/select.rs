//! The best basket for needs that are given as bands.

use std::collections::BTreeMap;

use processors_domain::catalogue::Catalogue;
use processors_domain::selection::{
    Band, Bands, Candidates, Limits, Nutrient, Optimality, Phase, Problem, Restrictions, Selection,
    Units,
};
use schemas::record::recommendation::{Need, Needs};
use serde_json::{Map, Value, json};

use super::{Fields, Refused};

pub(super) const NAMES: &[&str] = &["candidates", "need", "kinds_max", "units_max", "penalty"];

/// Most different items in a basket, where nothing is said: as after a workout.
const KINDS_MAX: u8 = 4;

pub(super) fn calc(fields: &Fields<'_>) -> Result<Value, Refused> {
    let candidates = candidates(fields)?;
    let kinds_max = fields.whole("kinds_max", 0..=i64::from(Problem::KINDS_MAX))?;
    let units_max = fields.whole("units_max", 0..=i64::from(Problem::UNITS_MAX))?;
    let small = |number: i64| u8::try_from(number).unwrap_or(u8::MAX);
    let mut problem = Problem::new(
        &candidates,
        bands(fields)?,
        kinds_max.map_or(KINDS_MAX, small),
    );
    if let Some(units) = units_max {
        problem.units = Units::Each(small(units));
    }
    problem.penalties = penalties(fields)?;
    Ok(told(&problem.solve()))
}

/// The whole catalogue where none are named.
fn candidates(fields: &Fields<'_>) -> Result<Candidates<'static>, Refused> {
    let catalogue = Catalogue::shipped();
    let ids = match fields.words("candidates")? {
        Some(ids) => ids,
        None => catalogue
            .items()
            .iter()
            .map(|item| item.id.as_str())
            .collect(),
    };
    Candidates::named(catalogue, ids).map_err(|unknown| {
        let why = format!(
            "names what the catalogue does not have: {}",
            unknown.join(", ")
        );
        fields.refuse("candidates", why)
    })
}

fn bands(fields: &Fields<'_>) -> Result<Bands, Refused> {
    const AMOUNT_MAX: i64 = 1_000_000;
    let names = Nutrient::ALL.map(Nutrient::as_str);
    let need = fields.object("need", &names)?;
    let need = fields.needed("need", need)?;
    let mut bands = Bands::default();
    for nutrient in Nutrient::ALL {
        let Some(told) = need.object(nutrient.as_str(), &["lo", "hi", "max"])? else {
            continue;
        };
        let end = |name: &str| told.whole(name, 0..=AMOUNT_MAX);
        let band = Band::new(end("lo")?.unwrap_or(0), end("hi")?, end("max")?);
        if band.hi.is_some_and(|hi| hi < band.lo) {
            return Err(told.refuse("hi", format!("has to be at least `lo`, {}", band.lo)));
        }
        bands = bands.with(nutrient, band);
    }
    Ok(bands)
}

fn penalties(fields: &Fields<'_>) -> Result<BTreeMap<String, i64>, Refused> {
    const PENALTY_MAX: i64 = 1_000;
    let catalogue = Catalogue::shipped();
    let ids: Vec<&str> = catalogue
        .items()
        .iter()
        .map(|item| item.id.as_str())
        .collect();
    let Some(told) = fields.object("penalty", &ids)? else {
        return Ok(BTreeMap::new());
    };
    let mut penalties = BTreeMap::new();
    for id in ids {
        if let Some(penalty) = told.whole(id, 0..=PENALTY_MAX)? {
            penalties.insert(id.to_owned(), penalty);
        }
    }
    Ok(penalties)
}

fn told(selection: &Selection) -> Value {
    let items: Vec<Value> = selection
        .items
        .iter()
        .map(|item| json!({"id": item.id, "servings": item.servings}))
        .collect();
    let totals: Map<String, Value> = Nutrient::ALL
        .into_iter()
        .map(|nutrient| {
            let total = selection.total(nutrient);
            (nutrient.as_str().to_owned(), Value::from(total))
        })
        .collect();
    let unmet: Vec<Value> = selection
        .unmet
        .iter()
        .map(|one| {
            json!({
                "nutrient": one.nutrient.as_str(),
                "short": one.short,
                "reason": one.reason.as_str(),
            })
        })
        .collect();
    let score = selection.score;
    json!({
        "items": items,
        "totals": totals,
        "score": {
            "unmet": score.unmet,
            "over": score.over,
            "kinds": score.kinds,
            "servings": score.servings,
            "penalty": score.penalty,
        },
        "unmet": unmet,
        "optimality": selection.optimality.as_str(),
        "nodes": selection.nodes,
    })
}

/// The whole catalogue, made ready for the needs of many: what the workload `select` measures.
#[derive(Debug)]
pub struct Baskets {
    candidates: Vec<(Phase, Candidates<'static>)>,
}

/// What a measurement wants to know of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Basket {
    pub kinds: usize,
    /// No basket is better.
    pub proven: bool,
    /// Steps of the search.
    pub nodes: u32,
}

impl Default for Baskets {
    fn default() -> Self {
        let restrictions = Restrictions::default();
        let phases = [
            Phase::Before,
            Phase::During,
            Phase::Bridge,
            Phase::After,
            Phase::BeforeSleep,
        ];
        let of = |phase| Candidates::new(Catalogue::shipped(), &restrictions, Some(phase));
        Self {
            candidates: phases.map(|phase| (phase, of(phase))).into(),
        }
    }
}

impl Baskets {
    /// The best basket for published needs, solved anew each time; `None` for an unknown phase.
    pub fn solve(&self, phase: &str, needs: &Needs) -> Option<Basket> {
        let phase = Phase::parse(phase)?;
        let (_, candidates) = self.candidates.iter().find(|one| one.0 == phase)?;
        let mut problem = Problem::new(candidates, published(needs), phase.kinds_max());
        problem.limits = Limits {
            drink_strength: phase == Phase::During,
            salt_needs_fluid: true,
        };
        let selection = problem.solve();
        Some(Basket {
            kinds: selection.items.len(),
            proven: selection.optimality == Optimality::Proven,
            nodes: selection.nodes,
        })
    }
}

fn published(needs: &Needs) -> Bands {
    let band = |need: &Need| Band::new(need.lo.unwrap_or(0), need.hi, need.max);
    let told = [
        (Nutrient::Fluid, &needs.fluid_ml),
        (Nutrient::Carbohydrate, &needs.carbohydrate_dg),
        (Nutrient::Protein, &needs.protein_dg),
        (Nutrient::Casein, &needs.casein_dg),
        (Nutrient::Sodium, &needs.sodium_mg),
        (Nutrient::Caffeine, &needs.caffeine_mg),
    ];
    told.into_iter()
        .fold(Bands::default(), |bands, (nutrient, need)| match need {
            Some(need) => bands.with(nutrient, band(need)),
            None => bands,
        })
}
