//! What an athlete must not have is never a candidate, and so never in a basket.

use crate::catalogue::{Catalogue, Item, Kind, Trait, Truth};
use crate::selection::{
    Allergen, Band, Bands, Candidates, Diet, Drinks, Nutrient, Objection, Phase, Problem,
    Restrictions, Selection, Units,
};

fn all() -> Restrictions {
    Restrictions {
        caffeine_allowed: true,
        ..Restrictions::default()
    }
}

fn hungry() -> Bands {
    Bands::default()
        .with(Nutrient::Fluid, Band::new(1_500, Some(2_000), None))
        .with(Nutrient::Carbohydrate, Band::new(1_500, Some(2_000), None))
        .with(Nutrient::Protein, Band::new(300, Some(400), None))
        .with(Nutrient::Casein, Band::new(200, Some(300), None))
        .with(Nutrient::Sodium, Band::new(800, Some(1_000), None))
        .with(Nutrient::Caffeine, Band::new(50, Some(150), Some(200)))
}

/// By the ingredient, told apart from the code under test.
fn breaks(item: &Item, restrictions: &Restrictions) -> bool {
    let is = |what: Trait| item.traits.of(what);
    let diet = |diet: &Diet| match diet {
        Diet::Vegan => is(Trait::Vegan) != Truth::Yes,
        Diet::Vegetarian => is(Trait::Vegetarian) != Truth::Yes,
        Diet::Halal => is(Trait::Halal) != Truth::Yes,
        Diet::Kosher => is(Trait::Kosher) != Truth::Yes,
        Diet::GlutenFree => is(Trait::Gluten) != Truth::No,
        Diet::LactoseFree => is(Trait::Lactose) != Truth::No,
    };
    let allergy = |allergen: &Allergen| {
        let substance = match allergen {
            Allergen::Milk => Trait::Milk,
            Allergen::Egg => Trait::Egg,
            Allergen::Fish => Trait::Fish,
            Allergen::Nuts => Trait::Nuts,
            Allergen::Peanut => Trait::Peanut,
            Allergen::Soy => Trait::Soy,
            Allergen::Gluten => Trait::Gluten,
        };
        is(substance) != Truth::No
    };
    restrictions.diets.iter().any(diet) || restrictions.allergies.iter().any(allergy)
}

#[test]
fn no_diet_with_no_set_of_allergies_is_ever_broken() {
    let catalogue = Catalogue::shipped();
    let diets = Diet::ALL.into_iter().map(Some).chain([None]);
    let mut baskets = 0;
    for diet in diets {
        for mask in 0_u32..1 << Allergen::ALL.len() {
            let chosen = Allergen::ALL.into_iter().enumerate();
            let restrictions = Restrictions {
                diets: diet.into_iter().collect(),
                allergies: chosen
                    .filter(|(index, _)| mask & (1 << index) != 0)
                    .map(|(_, allergen)| allergen)
                    .collect(),
                ..all()
            };
            let candidates = Candidates::new(catalogue, &restrictions, None);
            for item in candidates.items() {
                assert!(
                    !breaks(item, &restrictions),
                    "{restrictions:?}: {}",
                    item.id
                );
            }
            // Water is for everybody.
            assert!(candidates.items().any(|item| item.id == "water-500"));
            let answer = Problem::new(&candidates, hungry(), 3).solve();
            for one in &answer.items {
                let item = catalogue.get(&one.id).unwrap();
                assert!(!breaks(item, &restrictions), "{restrictions:?}: {}", one.id);
                baskets += 1;
            }
        }
    }
    assert!(baskets > 1_000);
}

#[test]
fn an_item_is_a_candidate_or_has_an_objection() {
    for phase in Phase::ALL.into_iter().map(Some).chain([None]) {
        let candidates = Candidates::new(Catalogue::shipped(), &Restrictions::default(), phase);
        let mut seen: Vec<&str> = candidates.items().map(|item| item.id.as_str()).collect();
        assert!(seen.len() >= 20, "{phase:?}: {}", seen.len());
        seen.extend(candidates.objections().iter().map(|(id, _)| *id));
        seen.sort_unstable();
        let items = Catalogue::shipped().items().iter();
        assert_eq!(seen, items.map(|item| item.id.as_str()).collect::<Vec<_>>());
    }
}

fn objection(restrictions: &Restrictions, phase: Option<Phase>, id: &str) -> Option<Objection> {
    restrictions.objection(Catalogue::shipped().get(id).unwrap(), phase)
}

#[test]
fn each_filter_has_its_objection() {
    let set = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
    let usual = Restrictions::default();
    let tested = Restrictions {
        tested: true,
        certified: set(&["gu-gel"]),
        ..all()
    };
    let salt = Restrictions {
        sodium_restricted: true,
        ..all()
    };
    let sugar = Restrictions {
        carbohydrate_restricted: true,
        ..all()
    };
    let of_drinks = |drinks| Restrictions { drinks, ..all() };
    let (salted, dry) = (of_drinks(Drinks::NotPlain), of_drinks(Drinks::None));
    let minor = Restrictions {
        minor: true,
        ..all()
    };
    let picky = Restrictions {
        refused: set(&["banana"]),
        tried_only: Some(set(&["banana", "water-500"])),
        ..all()
    };
    let cases: [(&Restrictions, &str, Option<Objection>); 30] = [
        (&usual, "coffee-237", Some(Objection::Caffeine)),
        (&usual, "choc-milk", Some(Objection::Caffeine)),
        (&usual, "water-500", None),
        (&all(), "coffee-237", None),
        (&tested, "gu-gel", None),
        (&tested, "clif-shot-gel", Some(Objection::NotCertified)),
        (&tested, "saltstick-cap", Some(Objection::NotCertified)),
        (&tested, "soymilk", Some(Objection::NotCertified)),
        (&tested, "whey-powder-32", Some(Objection::NotCertified)),
        (&tested, "orange-juice", None),
        (&tested, "water-500", None),
        (&tested, "bagel", None),
        (&salt, "saltstick-cap", Some(Objection::Sodium)),
        (&salt, "table-salt-1g", Some(Objection::Sodium)),
        (&salt, "on-casein-33", Some(Objection::Sodium)),
        (&salt, "gu-gel", None),
        (&sugar, "ph1000-500", Some(Objection::Carbohydrate)),
        (&sugar, "banana", None),
        (&salted, "water-500", Some(Objection::Drink)),
        (&salted, "propel-355", None),
        (&salted, "orange-juice", None),
        (&dry, "propel-355", Some(Objection::Drink)),
        (&dry, "nuun-sport-473", Some(Objection::Drink)),
        (&dry, "watermelon", None),
        (&minor, "coffee-237", Some(Objection::Caffeine)),
        (&minor, "whey-powder-32", Some(Objection::Minor)),
        (&minor, "gatorade-tq-355", None),
        (&picky, "banana", Some(Objection::Refused)),
        (&picky, "apple", Some(Objection::Untried)),
        (&picky, "water-500", None),
    ];
    for (restrictions, id, expected) in cases {
        assert_eq!(objection(restrictions, None, id), expected, "{id}");
    }
}

#[test]
fn each_phase_has_what_suits_it() {
    let suits = |phase: Phase, id: &str| objection(&all(), Some(phase), id).is_none();
    let cases = [
        (Phase::Before, "bagel", true),
        (Phase::Before, "almonds-salted", false),
        (Phase::Before, "saltstick-cap", false),
        (Phase::During, "gu-gel", true),
        (Phase::During, "banana", true),
        (Phase::During, "saltstick-cap", true),
        (Phase::During, "lentils", false),
        (Phase::During, "milk-skim", false),
        (Phase::During, "whey-powder-32", false),
        (Phase::Bridge, "gatorade-tq-355", true),
        (Phase::Bridge, "chicken-breast", false),
        (Phase::Bridge, "saltstick-cap", false),
        (Phase::After, "pasta", true),
        (Phase::After, "whey-powder-32", true),
        (Phase::After, "gu-gel", false),
        (Phase::BeforeSleep, "greek-yogurt", true),
        (Phase::BeforeSleep, "on-casein-33", true),
        (Phase::BeforeSleep, "coffee-237", false),
        (Phase::BeforeSleep, "gu-gel", false),
    ];
    for (phase, id, expected) in cases {
        assert_eq!(suits(phase, id), expected, "{phase:?} {id}");
    }
}

#[test]
fn a_vegan_night_has_protein_from_plants_and_no_casein() {
    let vegan = Restrictions {
        diets: [Diet::Vegan].into(),
        ..Restrictions::default()
    };
    let phase = Phase::BeforeSleep;
    let candidates = Candidates::new(Catalogue::shipped(), &vegan, Some(phase));
    let bands = Bands::default()
        .with(Nutrient::Fluid, Band::new(0, Some(250), Some(250)))
        .with(Nutrient::Protein, Band::new(360, Some(440), None))
        .with(Nutrient::Casein, Band::new(288, Some(352), None));
    let answer = Problem::new(&candidates, bands, phase.kinds_max()).solve();
    assert!(answer.total(Nutrient::Protein) >= 360);
    let unmet: Vec<_> = answer
        .unmet
        .iter()
        .map(|unmet| (unmet.nutrient, unmet.reason))
        .collect();
    let why = crate::selection::UnmetReason::Filter;
    assert_eq!(unmet, [(Nutrient::Casein, why)]);
}

#[test]
fn unknown_sodium_is_no_candidate_for_whom_sodium_matters() {
    let names = ["on-casein-33", "soy-isolate-28"];
    let free = Candidates::named(Catalogue::shipped(), names).unwrap();
    let bands = Bands::default()
        .with(Nutrient::Protein, Band::new(200, Some(300), None))
        .with(Nutrient::Casein, Band::new(200, Some(300), None));
    let basket = |candidates: &Candidates<'_>| -> Vec<String> {
        let answer = Problem::new(candidates, bands, 2).solve();
        answer.items.into_iter().map(|one| one.id).collect()
    };
    assert_eq!(basket(&free), ["on-casein-33"]);
    let salt = Restrictions {
        sodium_restricted: true,
        ..all()
    };
    let restricted = Candidates::new(Catalogue::shipped(), &salt, None);
    for item in restricted.items() {
        assert_ne!(item.kind, Kind::Salt);
        assert!(item.amount(Nutrient::Sodium).is_some(), "{}", item.id);
    }
}

#[test]
fn servings_of_salt_bars_and_caffeine_have_their_own_limits() {
    let most = |id: &str, nutrient: Nutrient, units: Units| {
        let candidates = Candidates::named(Catalogue::shipped(), [id]).unwrap();
        // So much that each serving is one step of 5 %.
        let item = Catalogue::shipped().get(id).unwrap();
        let wanted = item.amount(nutrient).unwrap() * 20;
        let bands = Bands::default()
            .with(Nutrient::Caffeine, Band::FREE)
            .with(nutrient, Band::new(wanted, None, None));
        let mut problem = Problem::new(&candidates, bands, 1);
        problem.units = units;
        let answer: Selection = problem.solve();
        answer.items.first().map_or(0, |one| one.servings)
    };
    let cases = [
        ("banana", Nutrient::Carbohydrate, Units::Usual, 4),
        ("clif-bar-68", Nutrient::Carbohydrate, Units::Usual, 2),
        ("saltstick-cap", Nutrient::Sodium, Units::Usual, 6),
        (
            "saltstick-cap",
            Nutrient::Sodium,
            Units::UsualWithSalt(3),
            3,
        ),
        ("banana", Nutrient::Carbohydrate, Units::UsualWithSalt(3), 4),
        ("coffee-237", Nutrient::Caffeine, Units::Usual, 2),
        (
            "gatorade-fast-twitch-355",
            Nutrient::Caffeine,
            Units::Usual,
            1,
        ),
        ("coffee-237", Nutrient::Caffeine, Units::Each(4), 4),
        (
            "banana",
            Nutrient::Carbohydrate,
            Units::Each(255),
            Problem::UNITS_MAX,
        ),
    ];
    for (id, nutrient, units, expected) in cases {
        assert_eq!(most(id, nutrient, units), expected, "{id} {units:?}");
    }
}

#[test]
fn words_are_read_as_they_are_written() {
    for diet in Diet::ALL {
        assert_eq!(Diet::parse(diet.as_str()), Some(diet));
    }
    for allergen in Allergen::ALL {
        assert_eq!(Allergen::parse(allergen.as_str()), Some(allergen));
    }
    for phase in Phase::ALL {
        assert_eq!(Phase::parse(phase.as_str()), Some(phase));
    }
    assert_eq!(Diet::parse("keto"), None);
}

#[test]
fn nothing_is_offered_against_an_allergy_that_no_item_tells_of() {
    let restrictions = Restrictions {
        unknown_allergy: true,
        ..Restrictions::default()
    };
    let all = Catalogue::shipped().items();
    let objection = |item| restrictions.objection(item, None);
    let refused = |item| objection(item) == Some(Objection::UnknownAllergy);
    assert!(all.iter().all(refused));
}

#[test]
fn an_allergen_is_known_by_one_and_by_many() {
    for (word, expected) in [
        ("nuts", Some(Allergen::Nuts)),
        ("nut", Some(Allergen::Nuts)),
        ("peanuts", Some(Allergen::Peanut)),
        ("eggs", Some(Allergen::Egg)),
        ("fish", Some(Allergen::Fish)),
        ("sesame", None),
        ("", None),
    ] {
        assert_eq!(Allergen::parse(word), expected, "{word}");
    }
}
