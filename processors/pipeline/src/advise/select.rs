//! Select: needs into baskets of products, from the shelf that the program ships.
//!
//! A basket is a function of needs, phase, restrictions and catalogue, so that it is worked out only
//! where something is said, and remembered: many slots need the same to within a sip.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use processors_domain::advice::Advised;
use processors_domain::catalogue::Catalogue;
use processors_domain::selection::{
    Allergen, Band, Bands, Candidates, Diet, Drinks, Limits, Nutrient, Phase, Problem,
    Restrictions, Selection, Units,
};
use schemas::record::recommendation::{Need, Needs, ProductOption, ProductServings, Unmet};

use crate::settings::Settings;

/// Baskets besides the best one.
const ALTERNATIVES: usize = 2;
/// Sets of candidates that are kept; athletes share a few sets of restrictions.
const CANDIDATES_MAX: usize = 512;
/// Baskets that are kept.
const BASKETS_MAX: usize = 8_192;
/// Needs are met to within these steps: less than a sip, a bite, a pinch.
const FLUID_STEP_ML: i64 = 50;
const FOOD_STEP_DG: i64 = 50;
const SODIUM_STEP_MG: i64 = 50;
/// Salt capsules in one hour.
const SALT_PER_H: i64 = 2;
const SALT_MAX: u8 = 6;

/// What a product of the catalogue is called.
pub fn product_name(catalog_id: &str) -> Option<&'static str> {
    Catalogue::shipped()
        .get(catalog_id)
        .map(|item| item.name.as_ref())
}

/// Products, with what was worked out lately.
pub(crate) struct Shelf {
    catalogue: &'static Catalogue,
    memo: Mutex<Memo>,
}

impl fmt::Debug for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shelf({})", self.version())
    }
}

#[derive(Default)]
struct Memo {
    candidates: BTreeMap<(Restrictions, Phase), (u32, Arc<Candidates<'static>>)>,
    given: u32,
    baskets: BTreeMap<Asked, Arc<Vec<ProductOption>>>,
}

/// What a basket depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Asked {
    candidates: u32,
    bands: Bands,
    salt_max: u8,
    strong_drinks: bool,
}

/// What an athlete may and will take.
pub(super) struct Taste {
    restrictions: Restrictions,
    gut_trained: bool,
    /// All of it as text: part of what makes advice another one.
    pub(super) text: String,
}

impl Taste {
    pub(super) fn of(settings: &Settings) -> Self {
        let (withheld, allergies) = (settings.withheld(), settings.allergies.iter());
        let allergies: Vec<_> = allergies.map(|word| Allergen::parse(word)).collect();
        let restrictions = Restrictions {
            diets: settings
                .diet
                .iter()
                .filter_map(|word| Diet::parse(word))
                .collect(),
            // Nothing is known to be free of what nobody asked about.
            unknown_allergy: allergies.contains(&None),
            allergies: allergies.into_iter().flatten().collect(),
            tested: settings.has_flag("tested_athlete"),
            certified: BTreeSet::new(),
            sodium_restricted: withheld.sodium,
            carbohydrate_restricted: withheld.carbohydrate,
            ..Restrictions::default()
        };
        Self {
            text: words(&restrictions, settings.gut_trained),
            restrictions,
            gut_trained: settings.gut_trained,
        }
    }
}

/// What an athlete said, in words that stay as they are when the program changes: advice that says
/// the same is not said again.
fn words(restrictions: &Restrictions, gut_trained: bool) -> String {
    let diets = restrictions.diets.iter().map(|diet| diet.as_str());
    let allergies = restrictions.allergies.iter().map(|one| one.as_str());
    let said = [
        ("unknown_allergy", restrictions.unknown_allergy),
        ("tested", restrictions.tested),
        ("sodium_restricted", restrictions.sodium_restricted),
        (
            "carbohydrate_restricted",
            restrictions.carbohydrate_restricted,
        ),
        ("gut_trained", gut_trained),
    ];
    let said = said.into_iter().filter(|(_, is_so)| *is_so);
    let words: Vec<&str> = diets
        .chain(allergies)
        .chain(said.map(|(word, _)| word))
        .collect();
    words.join(" ")
}

impl Shelf {
    pub(crate) fn shipped() -> Self {
        Self {
            catalogue: Catalogue::shipped(),
            memo: Mutex::new(Memo::default()),
        }
    }

    pub(crate) fn version(&self) -> &str {
        self.catalogue.version()
    }

    /// Baskets for these needs, best first; none where nothing is needed.
    pub(super) fn options(
        &self,
        taste: &Taste,
        phase: &str,
        advised: &Advised,
        hours: f64,
    ) -> Arc<Vec<ProductOption>> {
        let Some(phase) = Phase::parse(phase) else {
            return Arc::default();
        };
        let bands = coarse(Bands::of(&advised.needs).below(&advised.ceilings));
        if is_nothing(&bands) {
            return Arc::default();
        }
        let (number, candidates) = self.candidates(taste, advised.ceilings.drinks, phase);
        let asked = Asked {
            candidates: number,
            bands,
            salt_max: salt_max(phase, hours),
            strong_drinks: phase != Phase::During || taste.gut_trained,
        };
        let known = self.lock().baskets.get(&asked).cloned();
        if let Some(known) = known {
            return known;
        }
        let options = Arc::new(solve(&candidates, phase, asked));
        let mut memo = self.lock();
        if memo.baskets.len() >= BASKETS_MAX {
            memo.baskets.clear();
        }
        memo.baskets.insert(asked, Arc::clone(&options));
        options
    }

    fn candidates(
        &self,
        taste: &Taste,
        drinks: Drinks,
        phase: Phase,
    ) -> (u32, Arc<Candidates<'static>>) {
        let restrictions = Restrictions {
            drinks,
            ..taste.restrictions.clone()
        };
        let key = (restrictions, phase);
        let mut memo = self.lock();
        if let Some((number, candidates)) = memo.candidates.get(&key) {
            return (*number, Arc::clone(candidates));
        }
        if memo.candidates.len() >= CANDIDATES_MAX {
            memo.candidates.clear();
            memo.baskets.clear();
        }
        let candidates = Arc::new(Candidates::new(self.catalogue, &key.0, Some(phase)));
        memo.given = memo.given.wrapping_add(1);
        let number = memo.given;
        memo.candidates
            .insert(key, (number, Arc::clone(&candidates)));
        (number, candidates)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Memo> {
        self.memo.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn salt_max(phase: Phase, hours: f64) -> u8 {
    if phase != Phase::During {
        return SALT_MAX;
    }
    let most = (hours * SALT_PER_H as f64).clamp(0.0, f64::from(SALT_MAX));
    libm::floor(most) as u8
}

fn solve(candidates: &Candidates<'static>, phase: Phase, asked: Asked) -> Vec<ProductOption> {
    let mut problem = Problem::new(candidates, asked.bands, phase.kinds_max());
    problem.units = Units::UsualWithSalt(asked.salt_max);
    problem.limits = Limits {
        drink_strength: !asked.strong_drinks,
        salt_needs_fluid: true,
    };
    Selection::with_alternatives(&problem, ALTERNATIVES)
        .iter()
        .zip(1..)
        .map(|(selection, rank)| option(selection, rank))
        .collect()
}

fn option(selection: &Selection, rank: i32) -> ProductOption {
    ProductOption {
        rank,
        items: selection
            .items
            .iter()
            .map(|item| ProductServings {
                catalog_id: item.id.to_string(),
                servings: i32::from(item.servings),
            })
            .collect(),
        totals: totals(selection),
        unmet: selection
            .unmet
            .iter()
            .map(|unmet| Unmet {
                nutrient: unmet.nutrient.as_str().to_owned(),
                short: unmet.short,
                reason: unmet.reason.as_str().to_owned(),
            })
            .collect(),
        optimality: selection.optimality.as_str().to_owned(),
    }
}

fn totals(selection: &Selection) -> Needs {
    let total = |nutrient: Nutrient| {
        Some(Need {
            target: selection.total(nutrient),
            ..Need::default()
        })
    };
    Needs {
        fluid_ml: total(Nutrient::Fluid),
        carbohydrate_dg: total(Nutrient::Carbohydrate),
        protein_dg: total(Nutrient::Protein),
        casein_dg: total(Nutrient::Casein),
        sodium_mg: total(Nutrient::Sodium),
        caffeine_mg: total(Nutrient::Caffeine),
        ..Needs::default()
    }
}

/// Bands in steps, so that needs which differ by less than anybody pours share a basket. A maximum
/// only comes down.
fn coarse(bands: Bands) -> Bands {
    let down = |band: Band, step: i64| {
        let floor = |value: i64| value.div_euclid(step).saturating_mul(step);
        Band {
            lo: floor(band.lo),
            hi: band.hi.map(floor),
            max: band.max.map(floor),
        }
    };
    Bands {
        fluid_ml: down(bands.fluid_ml, FLUID_STEP_ML),
        carbohydrate_dg: down(bands.carbohydrate_dg, FOOD_STEP_DG),
        protein_dg: down(bands.protein_dg, FOOD_STEP_DG),
        casein_dg: down(bands.casein_dg, FOOD_STEP_DG),
        sodium_mg: down(bands.sodium_mg, SODIUM_STEP_MG),
        caffeine_mg: bands.caffeine_mg,
    }
}

fn is_nothing(bands: &Bands) -> bool {
    Nutrient::ALL
        .into_iter()
        .all(|nutrient| bands.get(nutrient).lo == 0)
}

#[cfg(test)]
mod tests {
    use schemas::record::Micros;
    use schemas::record::observation::ProfileEditBody;
    use schemas::record::state::{AthleteHead, ProfileEditState};

    use super::*;

    /// What an athlete with these allergies and diets may take in a long workout.
    fn offered(allergies: &[&str], diet: &[&str]) -> Vec<ProductOption> {
        let words = |list: &[&str]| Some(list.iter().map(|word| (*word).to_owned()).collect());
        let head = AthleteHead {
            profile_edits: vec![ProfileEditState {
                observation_id: String::new(),
                first_received_at: Micros(0),
                content_hash: 0,
                body: ProfileEditBody {
                    allergies: words(allergies),
                    diet: words(diet),
                    ..ProfileEditBody::default()
                },
            }],
            ..AthleteHead::default()
        };
        let taste = Taste::of(&Settings::of(&head));
        let bands = Bands {
            fluid_ml: Band::new(1_500, Some(2_000), None),
            carbohydrate_dg: Band::new(1_200, Some(1_800), None),
            ..Bands::default()
        };
        let shelf = Shelf::shipped();
        let (candidates, asked) = (shelf.candidates(&taste, Drinks::All, Phase::During), 0);
        let asked = Asked {
            candidates: asked,
            bands,
            salt_max: SALT_MAX,
            strong_drinks: false,
        };
        solve(&candidates.1, Phase::During, asked)
    }

    #[test]
    fn words_protect_however_they_are_spelled() {
        let plain = offered(&[], &[]);
        assert_ne!(offered(&["milk"], &[]), plain);
        for (allergies, diet, as_if, as_diet) in [
            (&["Milk "][..], &[][..], &["milk"][..], &[][..]),
            (&["nut", "Peanuts"], &[], &["nuts", "peanut"], &[]),
            (&[], &["Vegan"], &[], &["vegan"]),
            (&[], &["Gluten-free"], &[], &["gluten_free"]),
        ] {
            let found = offered(allergies, diet);
            assert_eq!(found, offered(as_if, as_diet), "{allergies:?} {diet:?}");
        }
    }

    #[test]
    fn an_allergy_that_nobody_knows_leaves_nothing_to_offer() {
        let options = offered(&["milk", "sesame"], &[]);
        assert!(options.iter().all(|option| option.items.is_empty()));
        assert!(options.iter().all(|option| !option.unmet.is_empty()));
    }
}
