//! The reference cases of each phase, and what holds for all inputs.

use proptest::prelude::*;

use super::*;
use crate::units::{BodyMass, Milligrams, Millilitres, SodiumConcentration, SweatRate};

fn hours(value: f64) -> Seconds {
    Seconds::from_hours(value).unwrap()
}

fn mass(kilograms: i64) -> BodyMass {
    BodyMass::clamped(kilograms * 1_000)
}

fn planned(kilograms: i64, duration_h: f64, litres_per_hour: f64) -> DuringInput {
    DuringInput {
        mass: mass(kilograms),
        duration: hours(duration_h),
        rate: SweatRate::from_litres_per_hour(litres_per_hour).unwrap(),
        sodium: SodiumConcentration::from_mmol_per_l(36.0).unwrap(),
        intensity: Intensity::Moderate,
        start_deficit: Millilitres::ZERO,
        cap: DrinkRate::clamped(800),
        gut_trained: false,
        merged_before: Seconds::ZERO,
    }
}

fn ended(kilograms: i64, deficit_ml: i64, sodium_lost: i64) -> AfterInput {
    AfterInput {
        mass: mass(kilograms),
        duration: hours(1.0),
        intensity: Intensity::Moderate,
        deficit: Millilitres::clamped(deficit_ml),
        sodium_lost: Milligrams::clamped(sodium_lost),
        sodium_taken: Milligrams::ZERO,
        next: None,
        to_bed: None,
        cap: DrinkRate::clamped(800),
        bounds: GapBounds::default(),
    }
}

/// Fluid mL, carbohydrate g, protein g, sodium mg.
fn amounts(draft: &Draft) -> [i64; 4] {
    let needs = draft.needs();
    [
        needs.fluid.map_or(0, |need| need.target.get()),
        needs.carbohydrate.map_or(0, |need| need.target.get() / 10),
        needs.protein.map_or(0, |need| need.target.get() / 10),
        needs.sodium.map_or(0, |need| need.target.get()),
    ]
}

fn codes(draft: &Draft) -> Vec<&'static str> {
    draft.reasons().iter().map(|reason| reason.code).collect()
}

#[test]
fn during_gives_the_reference_amounts() {
    let high = Intensity::High;
    let cases = [
        ("N1", planned(70, 1.0, 1.0), 700, [700, 0, 0, 350]),
        (
            "N2",
            DuringInput {
                intensity: high,
                ..planned(70, 2.0, 1.5)
            },
            800,
            [1_600, 120, 0, 1_120],
        ),
        (
            "N5",
            DuringInput {
                intensity: high,
                ..planned(85, 0.5, 1.2)
            },
            0,
            [0, 0, 0, 0],
        ),
        (
            "N6",
            DuringInput {
                intensity: Intensity::Low,
                ..planned(50, 5.0, 0.45)
            },
            320,
            [1_580, 225, 0, 1_500],
        ),
        (
            "day",
            DuringInput {
                intensity: high,
                ..planned(70, 1.5, 1.2)
            },
            800,
            [1_200, 90, 0, 600],
        ),
    ];
    for (name, input, per_hour, expected) in cases {
        let draft = during(&input);
        assert_eq!(amounts(&draft), expected, "{name}");
        assert_eq!(
            draft.needs().fluid_per_hour.unwrap().get(),
            per_hour,
            "{name}"
        );
        assert!(!draft.flags().contains(&NeedFlag::DeficitGt2Pct), "{name}");
    }
}

#[test]
fn a_deficit_carried_into_a_workout_raises_the_drinking_to_the_cap() {
    let carried = DuringInput {
        start_deficit: Millilitres::clamped(800),
        ..planned(70, 1.0, 1.2)
    };
    let draft = during(&carried);
    assert_eq!(draft.needs().fluid_per_hour.unwrap().get(), 800);
    assert_eq!(draft.flags(), &BTreeSet::new());
    assert_eq!(
        codes(&draft)[..3],
        ["DURING_RATE", "DURING_START_DEFICIT", "DURING_CAP"]
    );
    let worse = DuringInput {
        start_deficit: Millilitres::clamped(1_100),
        ..carried
    };
    assert!(during(&worse).flags().contains(&NeedFlag::DeficitGt2Pct));
}

#[test]
fn what_is_merged_with_the_one_before_goes_on_with_its_drinking() {
    // Hours, hours of the one before, and mL of fluid.
    for (duration_h, merged_h, fluid) in [
        (0.5, 0.0, 0),
        (0.5, 0.1, 0),
        (0.5, 0.2, 350),
        (0.5, 1.0, 350),
        (0.0, 1.0, 0),
    ] {
        let draft = during(&DuringInput {
            merged_before: hours(merged_h),
            ..planned(70, duration_h, 1.0)
        });
        assert_eq!(amounts(&draft)[0], fluid, "{duration_h} {merged_h}");
    }
}

#[test]
fn carbohydrate_follows_length_and_intensity() {
    let grams = |duration_h: f64, intensity, gut_trained, merged_h: f64| {
        let merged_before = hours(merged_h);
        let plan = planned(70, duration_h, 1.0);
        amounts(&during(&DuringInput {
            intensity,
            gut_trained,
            merged_before,
            ..plan
        }))[1]
    };
    use Intensity::{High, Low, Moderate};
    assert_eq!(
        [
            grams(0.7, High, false, 0.0),
            grams(1.0, Moderate, false, 0.0)
        ],
        [0, 0]
    );
    assert_eq!(grams(1.0, High, false, 0.0), 15);
    assert_eq!(
        [
            grams(2.5, Low, false, 0.0),
            grams(2.5, Moderate, false, 0.0)
        ],
        [75, 113]
    );
    assert_eq!(
        [grams(3.0, High, false, 0.0), grams(3.0, High, true, 0.0)],
        [180, 270]
    );
    assert_eq!(
        grams(1.0, Moderate, false, 1.0),
        45,
        "with the hour before it is two hours"
    );
}

#[test]
fn gaps_have_the_reference_classes_and_end_before_their_bounds() {
    let cases = [
        (-1.0, "merged"),
        (0.3, "merged"),
        (0.75, "bridge"),
        (1.0, "bridge"),
        (2.0, "rapid"),
        (3.0, "rapid"),
        (6.0, "fast"),
        (10.0, "same_day"),
        (16.0, "supplemental"),
        (24.0, "independent"),
        (30.0, "independent"),
    ];
    for (gap, class) in cases {
        assert_eq!(
            GapClass::of(hours(gap), &GapBounds::default()).as_str(),
            class,
            "{gap}"
        );
    }
    assert_eq!(GapClass::Merged.between(), Between::Nothing);
    assert_eq!(GapClass::Bridge.between(), Between::Bridge);
    assert_eq!(GapClass::Rapid.between(), Between::AfterFolded);
    assert_eq!(GapClass::Fast.between(), Between::Both);
}

#[test]
fn a_bridge_gives_the_reference_amounts() {
    let input = BridgeInput {
        mass: mass(70),
        deficit: Millilitres::clamped(1_200),
        gap: hours(1.0),
        cap: DrinkRate::clamped(800),
    };
    assert_eq!(amounts(&bridge(&input)), [400, 53, 0, 0]);
    let none = BridgeInput {
        deficit: Millilitres::clamped(-300),
        gap: hours(0.1),
        ..input
    };
    assert_eq!(amounts(&bridge(&none)), [0, 0, 0, 0]);
}

#[test]
fn without_milk_the_casein_of_the_night_stays_unmet() {
    let hard = pre_sleep(&NightInput {
        hard_day: true,
        without_milk: false,
    });
    assert_eq!(amounts(&hard)[2], 40);
    assert_eq!(hard.needs().casein.unwrap().target.get(), 320);
    let vegan = pre_sleep(&NightInput {
        hard_day: true,
        without_milk: true,
    });
    assert_eq!((amounts(&vegan)[2], vegan.needs().casein), (40, None));
    assert_eq!(vegan.flags(), &BTreeSet::from([NeedFlag::Unmet]));
    let easy = pre_sleep(&NightInput {
        hard_day: false,
        without_milk: true,
    });
    assert_eq!((amounts(&easy), easy.flags().len()), ([0; 4], 0));
}

#[test]
fn confidence_falls_with_age_heat_and_short_sleep() {
    let fresh = ConfidenceInput {
        basis: Basis::WeighIn,
        test_age_days: None,
        hot_and_dryness_unknown: false,
        short_sleep: false,
    };
    let of = |input: ConfidenceInput| {
        let found = Confidence::of(&input);
        [found.fluid.get(), found.sodium.get()]
    };
    assert_eq!(of(fresh), [900, 400]);
    assert_eq!(
        of(ConfidenceInput {
            test_age_days: Some(91),
            ..fresh
        }),
        [765, 340]
    );
    assert_eq!(
        of(ConfidenceInput {
            test_age_days: Some(366),
            ..fresh
        }),
        [630, 280]
    );
    assert_eq!(
        of(ConfidenceInput {
            hot_and_dryness_unknown: true,
            ..fresh
        }),
        [810, 360]
    );
    assert_eq!(
        of(ConfidenceInput {
            short_sleep: true,
            ..fresh
        }),
        [800, 300]
    );
    let population = ConfidenceInput {
        basis: Basis::Population,
        ..fresh
    };
    assert!(Confidence::of(&population).is_low() && !Confidence::of(&fresh).is_low());
}

#[test]
fn a_heavy_sweater_who_tolerates_it_may_drink_faster() {
    let rate = |value: i64| Some(SweatRate::clamped(value));
    assert_eq!(usual_cap(rate(1_500), true).get(), 1_000);
    for (known, tolerated) in [(rate(1_500), false), (rate(1_199), true), (None, true)] {
        assert_eq!(usual_cap(known, tolerated).get(), 800);
    }
    assert_eq!(usual_sweat_rate(mass(70), Intensity::Moderate).get(), 1_071);
    assert_eq!(usual_sweat_rate(mass(20), Intensity::Low).get(), 300);
}

fn any_seconds() -> impl Strategy<Value = Seconds> {
    prop_oneof![any::<i64>(), -100_000_i64..200_000].prop_map(Seconds::clamped)
}

proptest! {
    #[test]
    fn portions_add_up_to_the_needs(
        duration in any_seconds(), gap in any_seconds(), rate in 0_i64..7_000,
        deficit in -60_000_i64..60_000, kilograms in 0_i64..300,
    ) {
        let workout = DuringInput {
            duration,
            rate: SweatRate::clamped(rate),
            start_deficit: Millilitres::clamped(deficit),
            ..planned(kilograms, 1.0, 1.0)
        };
        let next = Some(NextWorkout { gap, fluid_before: None });
        let rest = AfterInput { next, duration, ..ended(kilograms, deficit, 5_000) };
        for draft in [during(&workout), after(&rest)] {
            let found = schedule(draft.needs(), draft.timing);
            let total = |part: fn(&Portion) -> i64| found.iter().map(part).sum::<i64>();
            prop_assert_eq!(amounts(&draft), [
                total(|portion| portion.fluid.get()),
                total(|portion| portion.carbohydrate.get()) / 10,
                total(|portion| portion.protein.get()) / 10,
                total(|portion| portion.sodium.get()),
            ]);
            prop_assert!(found.iter().all(|portion| portion.fluid >= Millilitres::ZERO));
            prop_assert!(found.len() <= 96);
            let fluid = draft.needs().fluid.unwrap();
            prop_assert!(fluid.lo.unwrap() <= fluid.target && Some(fluid.target) <= fluid.max);
        }
    }

    #[test]
    fn who_sweats_more_is_never_told_to_drink_less(
        rate in 50_i64..5_900, more in 0_i64..100, minutes in 0_i64..600,
    ) {
        let fluid = |rate| {
            let plan = planned(70, 1.0, 1.0);
            let rate = SweatRate::clamped(rate);
            let duration = Seconds::clamped(minutes * 60);
            amounts(&during(&DuringInput { rate, duration, ..plan }))[0]
        };
        prop_assert!(fluid(rate) <= fluid(rate + more));
    }
}
