//! The reference cases through the same door as the command, and what the door does not let in.

use serde_json::json;

use super::*;

fn answer(formula: Formula, input: &Value) -> Value {
    calc(formula, input).unwrap_or_else(|refused| panic!("{input}: {refused}"))
}

/// `name: value` pairs that the answer has to have; numbers may differ by a rounding step.
fn check(name: &str, formula: Formula, input: Value, expected: Value) {
    let found = answer(formula, &input);
    for (field, expected) in expected.as_object().unwrap() {
        let found = field.split('.').fold(&found, |value, part| {
            value.get(part).unwrap_or(&Value::Null)
        });
        match (found.as_f64(), expected.as_f64()) {
            (Some(found), Some(expected)) => {
                let close = (found - expected).abs() <= 1e-9 + expected.abs() * 1e-12;
                assert!(close, "{name} {field}: {found} instead of {expected}");
            }
            _ => assert_eq!(found, expected, "{name} {field}"),
        }
    }
}

fn needs(name: &str, input: Value, expected: Value) {
    check(name, Formula::Needs, input, expected);
}

#[test]
fn during_gives_the_reference_amounts() {
    let cases = [
        (
            "N1",
            json!({"phase": "during", "mass_kg": 70, "duration_h": 1.0, "sweat_rate_l_per_h": 1.0,
                "sodium_mmol_per_l": 36, "intensity": "moderate"}),
            json!({"fluid_ml": 700, "carbohydrate_g": 0, "sodium_mg": 350, "fluid_loss_ml": 1000,
                "sodium_loss_mg": 828, "end_deficit_pct": 0.43, "flags": [], "caffeine_mg": null}),
        ),
        (
            "N2",
            json!({"phase": "during", "mass_kg": 70, "duration_h": 2.0, "sweat_rate_l_per_h": 1.5,
                "sodium_mmol_per_l": 36, "intensity": "high"}),
            json!({"fluid_ml": 1600, "fluid_ml_per_h": 800, "carbohydrate_g": 120,
                "sodium_mg": 1120, "end_deficit_pct": 2.0, "flags": []}),
        ),
        (
            "N5",
            json!({"phase": "during", "mass_kg": 85, "duration_h": 0.5, "sweat_rate_l_per_h": 1.2,
                "sodium_mmol_per_l": 36, "intensity": "high"}),
            json!({"fluid_ml": 0, "carbohydrate_g": 0, "sodium_mg": 0, "end_deficit_pct": 0.71}),
        ),
        (
            "N6",
            json!({"phase": "during", "mass_kg": 50, "duration_h": 5.0, "sweat_rate_l_per_h": 0.45,
                "sodium_mmol_per_l": 36, "intensity": "low"}),
            json!({"fluid_ml": 1580, "fluid_ml_per_h": 320, "carbohydrate_g": 225,
                "sodium_mg": 1500, "end_deficit_pct": 1.34}),
        ),
        (
            "nothing said but the mass",
            json!({"phase": "during", "mass_kg": 70}),
            json!({"fluid_ml": 750, "fluid_loss_ml": 1071, "sodium_mg": 370}),
        ),
    ];
    for (name, input, expected) in cases {
        needs(name, input, expected);
    }
}

#[test]
fn before_gives_the_reference_amounts() {
    let cases = [
        (
            "N8",
            json!({"phase": "pre", "mass_kg": 70, "duration_h": 1.5, "lead_h": 3}),
            json!({"fluid_ml": 420, "carbohydrate_g": 210, "bands.fluid_ml.lo": 350,
                "bands.fluid_ml.hi": 700, "protein_g": 0, "sodium_mg": null}),
        ),
        (
            "N9",
            json!({"phase": "pre", "mass_kg": 70, "duration_h": 1.5, "lead_h": 0.25}),
            json!({"fluid_ml": 200, "carbohydrate_g": 30, "bands.fluid_ml.lo": 0,
                "bands.fluid_ml.hi": 300}),
        ),
        (
            "N11",
            json!({"phase": "pre", "mass_kg": 80, "duration_h": 0.75, "intensity": "low",
                "lead_h": 4}),
            json!({"fluid_ml": 480, "carbohydrate_g": 0, "bands.fluid_ml.lo": 400,
                "bands.fluid_ml.hi": 800}),
        ),
        (
            "dark urine",
            json!({"phase": "pre", "mass_kg": 70, "lead_h": 2, "dark_urine": true}),
            json!({"fluid_ml": 700}),
        ),
    ];
    for (name, input, expected) in cases {
        needs(name, input, expected);
    }
}

#[test]
fn after_gives_the_reference_amounts() {
    let cases = [
        (
            "N12",
            json!({"phase": "post", "mass_kg": 70, "deficit_l": 1.4, "sodium_loss_mg": 1660}),
            json!({"fluid_ml": 1750, "sodium_mg": 1660, "carbohydrate_g": 70, "protein_g": 21,
                "window_h": 6, "carry_over_ml": 0, "flags": []}),
        ),
        (
            "N13",
            json!({"phase": "post", "mass_kg": 70, "deficit_l": 1.4, "sodium_loss_mg": 1660,
                "next_start_h": 6}),
            json!({"fluid_ml": 2100, "window_h": 5.5, "carbohydrate_g": 280,
                "gap_class": "fast"}),
        ),
        (
            "N15",
            json!({"phase": "post", "mass_kg": 50, "deficit_l": -0.4, "intensity": "low"}),
            json!({"fluid_ml": 0, "sodium_mg": 0, "carbohydrate_g": 50, "protein_g": 20,
                "flags": ["NO_DEFICIT", "MASS_GAIN"]}),
        ),
        (
            "cut by the rate",
            json!({"phase": "post", "mass_kg": 70, "deficit_l": 3, "sodium_loss_mg": 2000,
                "to_bed_h": 3}),
            json!({"fluid_ml": 1600, "carry_over_ml": 2150, "flags": ["CAPPED_BY_RATE"]}),
        ),
        (
            "sodium is unknown after scales alone",
            json!({"phase": "post", "mass_kg": 70, "deficit_l": 1.4}),
            json!({"fluid_ml": 1750, "sodium_mg": null}),
        ),
        (
            "sodium by the sweat rate",
            json!({"phase": "post", "mass_kg": 70, "deficit_l": 1.4, "sweat_rate_l_per_h": 2}),
            json!({"sodium_mg": 1660}),
        ),
    ];
    for (name, input, expected) in cases {
        needs(name, input, expected);
    }
}

#[test]
fn gaps_and_bridges_are_those_of_the_reference() {
    let gaps = [0.3, 1.0, 3.0, 6.0, 10.0, 16.0, 30.0];
    let classes = [
        "merged",
        "bridge",
        "rapid",
        "fast",
        "same_day",
        "supplemental",
        "independent",
    ];
    for (gap, class) in gaps.into_iter().zip(classes) {
        let input = json!({"phase": "gap_class", "mass_kg": 70, "gap_h": gap});
        needs("N24", input, json!({"gap_class": class, "fluid_ml": null}));
    }
    needs(
        "N25",
        json!({"phase": "bridge", "mass_kg": 70, "deficit_l": 1.2, "gap_h": 1.0}),
        json!({"fluid_ml": 400, "carbohydrate_g": 53, "protein_g": 0, "gap_class": "bridge"}),
    );
}

#[test]
fn caffeine_is_that_of_the_reference_and_off_by_default() {
    for (to_bed, dose) in [(14, 200), (10, 200), (8, 100), (5, 0)] {
        let input = json!({"phase": "caffeine", "mass_kg": 70, "age": 30, "to_bed_h": to_bed,
            "caffeine_opt_in": true});
        needs("N19", input, json!({"caffeine_mg": dose, "flags": []}));
    }
    let but = |changes: Value| {
        let mut input = json!({"phase": "caffeine", "mass_kg": 70, "age": 30, "to_bed_h": 14,
            "caffeine_opt_in": true});
        let fields = input.as_object_mut().unwrap();
        for (name, value) in changes.as_object().unwrap() {
            fields.insert(name.clone(), value.clone());
        }
        input
    };
    let cases = [
        ("N21", but(json!({"mass_kg": 55})), 160, json!([])),
        (
            "N23",
            but(json!({"short_sleep": true, "to_bed_h": 7})),
            70,
            json!([]),
        ),
        (
            "day",
            but(json!({"caffeine_today_mg": 300})),
            100,
            json!([]),
        ),
        ("short", but(json!({"duration_h": 0.5})), 0, json!([])),
        ("young", but(json!({"age": 17})), 0, json!(["S8"])),
        (
            "unasked",
            but(json!({"caffeine_opt_in": null})),
            0,
            json!(["S8"]),
        ),
    ];
    for (name, input, dose, flags) in cases {
        needs(name, input, json!({"caffeine_mg": dose, "flags": flags}));
    }
}

#[test]
fn without_milk_the_casein_of_the_night_stays_unmet() {
    let night =
        |without_milk| json!({"phase": "pre_sleep", "mass_kg": 70, "without_milk": without_milk});
    needs(
        "N27",
        night(true),
        json!({"protein_g": 40, "casein_g": null, "flags": ["UNMET"]}),
    );
    needs(
        "milk",
        night(false),
        json!({"protein_g": 40, "casein_g": 32, "flags": []}),
    );
}

#[test]
fn limits_are_those_of_the_safety_rules() {
    let cases = [
        (
            "never faster than the absolute cap",
            json!({"phase": "during", "mass_kg": 60, "duration_h": 3, "sweat_rate_l_per_h": 3,
                "cap_l_per_h": 5}),
            json!({"fluid_ml": 3600, "fluid_ml_per_h": 1200, "flags": ["DEFICIT_GT_2PCT"]}),
        ),
        (
            "never more than is lost",
            json!({"phase": "during", "mass_kg": 60, "duration_h": 1, "sweat_rate_l_per_h": 0.3,
                "deficit_l": 3}),
            json!({"fluid_ml": 300, "fluid_ml_per_h": 300}),
        ),
    ];
    for (name, input, expected) in cases {
        needs(name, input, expected);
    }
}

#[test]
fn two_weighings_give_the_reference_loss() {
    let cases = [
        (
            "N18",
            json!({"mass_pre_kg": 72.4, "mass_post_kg": 71.2, "fluid_ml": 750, "urine_ml": 100,
                "duration_min": 90}),
            json!({"sweat_loss_ml": 1850, "sweat_rate_l_per_h": 1.233, "sodium_mg": null,
                "flags": ["energy_unknown"]}),
        ),
        (
            "E1",
            json!({"mass_pre_kg": 70.0, "mass_post_kg": 69.0, "fluid_ml": 500, "food_g": 0,
                "urine_ml": 0, "clothed": false, "duration_min": 60}),
            json!({"sweat_loss_ml": 1500, "sweat_rate_l_per_h": 1.5}),
        ),
        (
            "E2",
            json!({"mass_pre_kg": 75.2, "mass_post_kg": 73.6, "fluid_ml": 750, "food_g": 50,
                "urine_ml": 200, "energy_kcal": 1100, "duration_min": 90}),
            json!({"sweat_loss_ml": 1980, "sweat_rate_l_per_h": 1.32, "flags": []}),
        ),
        (
            "a loss that no person has",
            json!({"mass_pre_kg": 75, "mass_post_kg": 60, "urine_ml": 0, "energy_kcal": 0,
                "duration_min": 60}),
            json!({"sweat_loss_ml": 15000, "sweat_rate_l_per_h": null, "bands": null,
                "flags": ["implausible"]}),
        ),
    ];
    for (name, input, expected) in cases {
        check(name, Formula::WeighIn, input, expected);
    }
}

#[test]
fn beliefs_give_the_reference_intervals() {
    let prior = json!({"log_mean": 0.1564, "log_sd": 0.4253});
    let cases = [
        (json!([]), [1.1693, 0.4253, 0.5653, 2.4188]),
        (
            json!([{"value": 0.90, "log_sd": 0.35}]),
            [1.0003, 0.2703, 0.615, 1.627],
        ),
        (
            json!([{"value": 0.90, "log_sd": 0.35}, {"value": 1.05, "log_sd": 0.12}]),
            [1.0417, 0.1097, 0.797, 1.361],
        ),
    ];
    for (observations, expected) in cases {
        let input = json!({"prior": prior, "observations": observations, "day_log_sd": 0.12});
        let found = answer(Formula::Posterior, &input);
        for (name, expected) in ["median", "log_sd", "lo90", "hi90"]
            .into_iter()
            .zip(expected)
        {
            let found = found[name].as_f64().unwrap();
            assert!((found - expected).abs() < 5.1e-4, "{input} {name}: {found}");
        }
        let usual = answer(
            Formula::Posterior,
            &json!({"prior": prior, "observations": observations}),
        );
        assert_eq!(found, usual, "0.12 is the usual spread of days");
    }
}

#[test]
fn patches_are_taken_to_the_whole_body_by_the_line_of_their_site() {
    let sodium = |site: &str, ion: &str, local: f64| {
        let found = answer(
            Formula::LocalToWholeBody,
            &json!({"site": site, ion: local}),
        );
        assert_eq!(found["sweat_rate_l_per_h"], Value::Null);
        let told = &found["sodium_mmol_per_l"];
        let [lo, median, hi] = ["lo90", "median", "hi90"].map(|name| told[name].as_f64().unwrap());
        assert!(lo < median && median < hi, "{told}");
        median
    };
    let (na, cl) = ("local_sodium_mmol_l", "local_chloride_mmol_l");
    let cases = [
        ("forearm", na, 60.0, 45.25),
        ("forearm", na, 43.6, 35.902),
        ("forearm_left_dorsal", na, 104.8, 70.786),
        ("forearm_left_ventral", na, 32.0, 32.24),
        ("forearm_left_ventral", cl, 30.0, 34.805),
        ("forearm", cl, 10.0, 22.835),
        ("five_sites", na, 59.0, 40.56),
    ];
    for (site, ion, local, expected) in cases {
        let found = sodium(site, ion, local);
        assert!(
            (found - expected).abs() < 1e-3,
            "{site} {ion} {local}: {found}"
        );
    }
    // Surface 1.9379 m² by Du Bois; 0.239 + 0.162 · 1.25 = 0.4415 L/h for one.
    let input = json!({"site": "forearm_left_ventral", "local_sweat_rate_mg_cm2_min": 1.25,
        "mass_kg": 75, "height_m": 1.80});
    let rate = &answer(Formula::LocalToWholeBody, &input)["sweat_rate_l_per_h"];
    assert!(
        (rate["median"].as_f64().unwrap() - 0.8556).abs() < 1e-3,
        "{rate}"
    );
    let spread = rate["hi90"].as_f64().unwrap() / rate["median"].as_f64().unwrap();
    assert!((spread.ln() - 1.644_853_6 * 0.35).abs() < 2e-3, "{rate}");
}

/// Bands as `(lo, hi, max)`, in the units of the contract.
fn basket(name: &str, input: Value, score: [i64; 4], items: Value) -> Value {
    let found = answer(Formula::Select, &input);
    let told = &found["score"];
    let [unmet, over, kinds, servings] = score;
    let expected = json!({"unmet": unmet, "over": over, "kinds": kinds, "servings": servings,
        "penalty": told["penalty"]});
    assert_eq!(*told, expected, "{name}");
    assert_eq!(found["items"], items, "{name}");
    assert_eq!(found["optimality"], "proven", "{name}");
    found
}

fn band(lo: i64, hi: i64, max: i64) -> Value {
    json!({"lo": lo, "hi": hi, "max": max})
}

#[test]
fn baskets_are_those_of_the_reference() {
    for units in [json!(4), Value::Null] {
        let found = basket(
            "P1",
            json!({"candidates": ["water-500", "gatorade-tq-355", "gatorade-endurance-355",
                "gatorlyte-591", "gu-gel", "sis-go-gel", "clif-bloks", "saltstick-cap", "banana"],
                "kinds_max": 3, "units_max": units, "need": {"fluid_ml": band(1440, 1760, 1760),
                "carbohydrate_dg": band(1080, 1320, 1600), "sodium_mg": band(1010, 1230, 1400),
                "protein_dg": band(0, 50, 100)}}),
            [0, 0, 2, 5],
            json!([{"id": "banana", "servings": 1}, {"id": "gatorade-endurance-355", "servings": 4}]),
        );
        let totals = json!({"fluid_ml": 1508, "carbohydrate_dg": 1150, "protein_dg": 13,
            "casein_dg": 0, "sodium_mg": 1201, "caffeine_mg": 0});
        assert_eq!((&found["totals"], &found["unmet"]), (&totals, &json!([])));
        basket(
            "P3",
            json!({"candidates": ["water-500", "gatorade-tq-591", "choc-milk", "gatorade-whey-bar",
                "bagel", "rice-white", "chicken-breast", "pretzels", "banana", "chicken-broth",
                "greek-yogurt"], "kinds_max": 4, "units_max": units, "need": {
                "fluid_ml": band(1890, 2310, 2310), "carbohydrate_dg": band(2520, 3080, 3500),
                "protein_dg": band(190, 400, 600), "sodium_mg": band(1490, 1830, 2500)}}),
            [0, 0, 3, 6],
            json!([{"id": "bagel", "servings": 2}, {"id": "gatorade-tq-591", "servings": 3},
                {"id": "rice-white", "servings": 1}]),
        );
        basket(
            "P7",
            json!({"candidates": ["coffee-237", "espresso-30", "black-tea-237",
                "gatorade-fast-twitch-355", "gu-gel-caf40", "red-bull-250"], "kinds_max": 2,
                "units_max": units, "need": {"fluid_ml": band(0, 500, 600),
                "carbohydrate_dg": band(0, 300, 600), "caffeine_mg": band(160, 200, 200)}}),
            [0, 0, 1, 1],
            json!([{"id": "gatorade-fast-twitch-355", "servings": 1}]),
        );
    }
    basket(
        "P5",
        json!({"candidates": ["on-casein-33", "cottage-cheese", "greek-yogurt", "milk-skim",
            "whey-powder-32", "soy-isolate-28"], "kinds_max": 2, "units_max": 3, "need": {
            "fluid_ml": band(0, 400, 400), "carbohydrate_dg": band(0, 300, 600),
            "casein_dg": band(320, 440, 600), "protein_dg": band(360, 550, 700),
            "sodium_mg": band(0, 800, 1200)}}),
        [0, 0, 1, 2],
        json!([{"id": "on-casein-33", "servings": 2}]),
    );
    let gels = |penalty: Value| {
        json!({"candidates": ["gu-gel", "clif-shot-gel"], "kinds_max": 1, "units_max": 2,
            "penalty": penalty, "need": {"fluid_ml": band(0, 0, 100),
            "carbohydrate_dg": band(200, 240, 300), "sodium_mg": band(0, 100, 200)}})
    };
    let one = |id: &str| json!([{"id": id, "servings": 1}]);
    basket("P10", gels(Value::Null), [0, 0, 1, 1], one("clif-shot-gel"));
    basket(
        "P10",
        gels(json!({"clif-shot-gel": 1})),
        [0, 0, 1, 1],
        one("gu-gel"),
    );
}

#[test]
fn a_need_that_nothing_meets_is_unmet_with_its_reason() {
    let input = json!({"candidates": ["water-500"], "kinds_max": 1, "need": {
        "carbohydrate_dg": {"lo": 300}}});
    let found = answer(Formula::Select, &input);
    assert_eq!(found["items"], json!([]));
    assert_eq!(found["unmet"][0]["nutrient"], "carbohydrate_dg");
    assert_eq!(found["unmet"][0]["short"], 300);
    assert_eq!(found["unmet"][0]["reason"], "filter");
    // Without candidates it is the whole catalogue.
    let found = answer(
        Formula::Select,
        &json!({"need": {"fluid_ml": band(450, 550, 600)}}),
    );
    assert_eq!(found["score"]["unmet"], 0);
}

#[test]
fn an_array_gives_an_array_and_names_the_item_that_is_wrong() {
    let gap = |hours: f64| json!({"phase": "gap_class", "gap_h": hours});
    let found = answer(Formula::Needs, &json!([gap(1.0), gap(3.0)]));
    assert_eq!(found[1]["gap_class"], "rapid");
    assert_eq!(answer(Formula::Needs, &json!([])), json!([]));
    let refused = calc(Formula::Needs, &json!([gap(1.0), {"phase": "gap_class"}])).unwrap_err();
    assert_eq!(refused.to_string(), "item 1: `gap_h` is missing");
}

/// Each input is refused with a sentence that starts so.
fn refused<const N: usize>(formula: Formula, cases: [(Value, &str); N]) {
    for (input, expected) in cases {
        let refused = calc(formula, &input).expect_err(expected).to_string();
        assert!(refused.starts_with(expected), "{input}: {refused}");
    }
}

#[test]
fn a_weighing_that_is_wrong_is_refused_by_its_field() {
    let weighing = |changes: Value| {
        let mut input = json!({"mass_pre_kg": 70, "mass_post_kg": 69, "duration_min": 60});
        let fields = input.as_object_mut().unwrap();
        for (name, value) in changes.as_object().unwrap() {
            fields.insert(name.clone(), value.clone());
        }
        input
    };
    refused(
        Formula::WeighIn,
        [
            (
                json!(3),
                "the input has to be an object or an array of objects",
            ),
            (
                weighing(json!({"mass_post_kg": null})),
                "`mass_post_kg` is missing",
            ),
            (
                weighing(json!({"duration_min": null})),
                "`duration_min` is missing",
            ),
            (
                weighing(json!({"drunk_ml": 3})),
                "`drunk_ml` is no input of this formula",
            ),
            (
                weighing(json!({"fluid_ml": "3"})),
                "`fluid_ml` has to be a number, not \"3\"",
            ),
            (
                weighing(json!({"fluid_ml": -1})),
                "`fluid_ml` has to be from 0 to 50000 mL",
            ),
            (
                weighing(json!({"clothed": 1})),
                "`clothed` has to be true or false, not 1",
            ),
            (
                weighing(json!({"mass_pre_kg": 7})),
                "`mass_pre_kg` has to be from 20 to 250",
            ),
            (
                weighing(json!({"duration_min": 0})),
                "`duration_min` has to be above 0",
            ),
        ],
    );
}

#[test]
fn a_patch_that_is_wrong_is_refused_by_its_field() {
    refused(
        Formula::LocalToWholeBody,
        [
            (
                json!({"site": "forearm"}),
                "`local_sweat_rate_mg_cm2_min` is missing, and",
            ),
            (
                json!({"site": "knee", "local_sodium_mmol_l": 40}),
                "`site` has to be one of forearm",
            ),
            (json!({"local_sodium_mmol_l": 40}), "`site` is missing"),
            (
                json!({"site": "forearm", "local_sweat_rate_mg_cm2_min": 1}),
                "`mass_kg` is missing",
            ),
            (
                json!({"site": "forearm", "local_sodium_mmol_l": 1, "local_chloride_mmol_l": 1}),
                "`local_sodium_mmol_l` cannot stand beside",
            ),
        ],
    );
}

#[test]
fn a_belief_that_is_wrong_is_refused_by_its_field() {
    let prior = json!({"log_mean": 0, "log_sd": 0.4});
    refused(
        Formula::Posterior,
        [
            (json!({}), "`prior` is missing"),
            (
                json!({"prior": {"log_mean": 0}}),
                "`prior.log_sd` is missing",
            ),
            (json!({"prior": 1}), "`prior` has to be an object"),
            (
                json!({"prior": prior, "observations": [{"value": 0, "log_sd": 0.1}]}),
                "`observations[0].value` has to be above 0, not 0",
            ),
            (
                json!({"prior": prior, "observations": [{"value": 1, "sd": 0.1}]}),
                "`observations[0].sd` is no input",
            ),
            (
                json!({"prior": prior, "observations": 1}),
                "`observations` has to be an array",
            ),
        ],
    );
}

#[test]
fn a_need_that_is_wrong_is_refused_by_its_field() {
    refused(
        Formula::Needs,
        [
            (json!({"mass_kg": 70}), "`phase` is missing"),
            (
                json!({"phase": "lunch"}),
                "`phase` has to be one of pre, during, bridge",
            ),
            (json!({"phase": "during"}), "`mass_kg` is missing"),
            (
                json!({"phase": "pre", "mass_kg": 70}),
                "`lead_h` is missing",
            ),
            (
                json!({"phase": "post", "mass_kg": 70}),
                "`deficit_l` is missing",
            ),
            (
                json!({"phase": "bridge", "mass_kg": 70}),
                "`gap_h` is missing",
            ),
            (
                json!({"phase": "caffeine", "mass_kg": 70}),
                "`to_bed_h` is missing",
            ),
            (
                json!({"phase": "during", "mass_kg": 70, "intensity": "hard"}),
                "`intensity` has to be one of low, moderate, high, not \"hard\"",
            ),
            (
                json!({"phase": "during", "mass_kg": 70, "sweat_rate_l_per_h": 9}),
                "`sweat_rate_l_per_h` has to be from 0.05 to 6 L/h, not 9",
            ),
        ],
    );
}

#[test]
fn a_basket_that_is_wrong_is_refused_by_its_field() {
    let need = json!({"fluid_ml": {"lo": 1}});
    refused(
        Formula::Select,
        [
            (json!({}), "`need` is missing"),
            (
                json!({"candidates": ["water-500", "rocket-fuel"], "need": need}),
                "`candidates` names what the catalogue does not have: rocket-fuel",
            ),
            (
                json!({"candidates": "x", "need": need}),
                "`candidates` has to be an array of words",
            ),
            (
                json!({"kinds_max": 2.5, "need": need}),
                "`kinds_max` has to be a whole number",
            ),
            (
                json!({"need": {"beer_ml": {}}}),
                "`need.beer_ml` is no input of this formula",
            ),
            (
                json!({"need": {"fluid_ml": {"lo": 3, "hi": 2}}}),
                "`need.fluid_ml.hi` has to be at least `lo`, 3",
            ),
            (
                json!({"need": need, "penalty": {"x": 1}}),
                "`penalty.x` is not known here",
            ),
        ],
    );
}
