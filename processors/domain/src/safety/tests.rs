//! Each rule by a case, and that none ever raises a number.

use proptest::prelude::*;

use super::*;
use crate::advice::{AfterInput, DuringInput, GapBounds, Intensity, Needs, after, during};
use crate::units::{BodyMass, Milligrams};

fn plan(minutes: i64, rate: i64, cap: i64) -> DuringInput {
    DuringInput {
        mass: BodyMass::clamped(70_000),
        duration: Seconds::clamped(minutes * 60),
        rate: SweatRate::clamped(rate),
        sodium: SodiumConcentration::clamped(360),
        intensity: Intensity::Moderate,
        start_deficit: Millilitres::ZERO,
        cap: DrinkRate::clamped(cap),
        gut_trained: false,
        merged_before: Seconds::ZERO,
    }
}

fn fluid(needs: &Needs) -> Option<i64> {
    needs.fluid.map(|need| need.target.get())
}

#[test]
fn a_plan_within_the_rules_passes_unchanged() {
    let draft = during(&plan(60, 1_000, 800));
    let context = SafetyContext {
        predicted_loss: Some(Millilitres::clamped(1_000)),
        cap: Some(DrinkRate::clamped(800)),
        fluid_today: Some(Millilitres::clamped(2_000)),
        basis: Some(BasisFacts {
            rate: Some(SweatRate::clamped(1_000)),
            sodium: Some(SodiumConcentration::clamped(360)),
            mass_loss_permille: Some(20),
            duration: Some(Seconds::clamped(3_600)),
        }),
        ..SafetyContext::default()
    };
    let advised = apply(draft.clone(), &context);
    assert_eq!(&advised.needs, draft.needs());
    assert_eq!(advised.safety, BTreeSet::new());
    let times: Vec<_> = advised
        .schedule
        .iter()
        .map(|portion| portion.after.get())
        .collect();
    assert_eq!(times, [900, 1_800, 2_700, 3_600]);
    let parts: Vec<_> = advised
        .schedule
        .iter()
        .map(|portion| portion.fluid.get())
        .collect();
    assert_eq!(parts, [170, 180, 170, 180]);
}

#[test]
fn s9_and_s10_set_no_target_that_is_a_practitioners_to_set() {
    let of = |sodium, carbohydrate| {
        let context = SafetyContext {
            withheld: Withheld {
                sodium,
                carbohydrate,
                ..Withheld::default()
            },
            ..SafetyContext::default()
        };
        apply(during(&plan(180, 1_400, 800)), &context)
    };
    let told = |advised: &Advised, code: &str| {
        let mut reasons = advised.reasons.iter();
        let reason = reasons.any(|reason| reason.code == code);
        let portion = advised.schedule.iter().any(|portion| match code {
            "DURING_SODIUM" => portion.sodium.get() > 0,
            _ => portion.carbohydrate.get() > 0,
        });
        assert_eq!(reason, portion, "{code}");
        reason
    };
    for (sodium, carbohydrate, rules) in [
        (false, false, &[][..]),
        (true, false, &[SafetyRule::S9]),
        (false, true, &[SafetyRule::S10]),
        (true, true, &[SafetyRule::S9, SafetyRule::S10]),
    ] {
        let advised = of(sodium, carbohydrate);
        assert_eq!(advised.safety, rules.iter().copied().collect());
        assert_eq!(advised.needs.sodium.is_none(), sodium);
        assert_eq!(advised.needs.carbohydrate.is_none(), carbohydrate);
        let most = advised.ceilings.sodium.map(Milligrams::get);
        assert_eq!(most, sodium.then_some(400));
        let most = advised.ceilings.carbohydrate.map(Decigrams::get);
        assert_eq!(most, carbohydrate.then_some(300));
        assert_eq!(told(&advised, "DURING_SODIUM"), !sodium);
        assert_eq!(told(&advised, "DURING_CARBOHYDRATE"), !carbohydrate);
        assert_eq!(fluid(&advised.needs), fluid(&of(false, false).needs));
    }
}

#[test]
fn s2_advises_no_drink_and_no_salt_for_one_after_a_gain() {
    let long = plan(180, 1_400, 800);
    let all = during(&long);
    for (gain, drinks, drinking) in [
        (None, Drinks::All, true),
        (Some(Gain::PlainWater), Drinks::NotPlain, true),
        (Some(Gain::Drinking), Drinks::None, false),
    ] {
        let context = SafetyContext {
            gain,
            ..SafetyContext::default()
        };
        let advised = apply(all.clone(), &context);
        assert_eq!(advised.safety.contains(&SafetyRule::S2), gain.is_some());
        assert_eq!(advised.ceilings.drinks, drinks);
        assert_eq!(advised.needs.carbohydrate, all.needs().carbohydrate);
        if drinking {
            assert_eq!(advised.needs, *all.needs());
            continue;
        }
        let needs = &advised.needs;
        assert!(needs.fluid.is_none() && needs.sodium.is_none() && needs.fluid_per_hour.is_none());
        assert_eq!(advised.flags, BTreeSet::from([NeedFlag::MassGain]));
        let codes: Vec<&str> = advised.reasons.iter().map(|reason| reason.code).collect();
        assert_eq!(codes, ["DURING_CARBOHYDRATE"]);
    }
}

#[test]
fn a_gain_is_half_a_percent_or_anything_after_an_hour() {
    // Lost, of 70 kg, in minutes.
    for (lost, minutes, gain) in [
        (-349, 60, false),
        (-350, 60, true),
        (-10, 60, false),
        (-10, 61, true),
        (0, 300, false),
        (500, 300, false),
    ] {
        let (lost, mass) = (Millilitres::clamped(lost), BodyMass::clamped(70_000));
        let told = is_gain(lost, mass, Seconds::clamped(minutes * 60));
        assert_eq!(told, gain, "{lost:?} in {minutes} min");
    }
}

/// After an hour in which 70 kg lost so much.
fn rest(deficit: i64) -> AfterInput {
    AfterInput {
        mass: BodyMass::clamped(70_000),
        duration: Seconds::clamped(3_600),
        intensity: Intensity::High,
        deficit: Millilitres::clamped(deficit),
        sodium_lost: Milligrams::clamped(800),
        sodium_taken: Milligrams::ZERO,
        next: None,
        to_bed: None,
        cap: DrinkRate::clamped(800),
        bounds: GapBounds::default(),
    }
}

#[test]
fn s6_tells_of_a_great_loss_and_is_silent_after_a_grave_one() {
    for (permille, told, silent) in [
        (None, false, false),
        (Some(-5), false, false),
        (Some(40), false, false),
        (Some(41), true, false),
        (Some(70), true, false),
        (Some(71), true, true),
    ] {
        let facts = BasisFacts {
            mass_loss_permille: permille,
            ..BasisFacts::default()
        };
        let context = SafetyContext {
            basis: Some(facts),
            ..SafetyContext::default()
        };
        let draft = after(&rest(3_000));
        let advised = apply(draft.clone(), &context);
        assert_eq!(
            advised.safety.contains(&SafetyRule::S6),
            told,
            "{permille:?}"
        );
        let (needs, reasons) = if silent {
            (&Needs::default(), &[][..])
        } else {
            (draft.needs(), draft.reasons())
        };
        assert_eq!(
            (&advised.needs, &*advised.reasons),
            (needs, reasons),
            "{permille:?}"
        );
        assert_eq!(advised.schedule.is_empty(), silent);
    }
}

/// The words and the numbers of what is missing, in flags, reasons and parameters.
fn deficits(advised: &Advised) -> Vec<&'static str> {
    let flags = advised.flags.iter().map(|flag| flag.as_str());
    let reasons = advised.reasons.iter().flat_map(|reason| {
        let params = reason.params.iter().map(|(name, _)| *name);
        params.chain([reason.code])
    });
    let words = flags.chain(reasons);
    words
        .filter(|word| word.to_lowercase().contains("deficit") || word.contains("PCT"))
        .collect()
}

#[test]
fn s10_and_s11_say_nothing_of_what_is_missing_and_s11_no_amounts_to_drink() {
    let bridged = crate::advice::BridgeInput {
        mass: BodyMass::clamped(70_000),
        deficit: Millilitres::clamped(1_000),
        gap: Seconds::clamped(3_600),
        cap: DrinkRate::clamped(800),
    };
    let started = DuringInput {
        start_deficit: Millilitres::clamped(500),
        ..plan(180, 1_800, 800)
    };
    let drafts = [
        (during(&started), 2_400),
        (after(&rest(1_000)), 1_250),
        (after(&rest(-100)), 0),
        (crate::advice::bridge(&bridged), 400),
    ];
    for (draft, fluid_ml) in drafts {
        let with = |drinking, deficit| {
            let context = SafetyContext {
                withheld: Withheld {
                    drinking,
                    deficit,
                    ..Withheld::default()
                },
                ..SafetyContext::default()
            };
            apply(draft.clone(), &context)
        };
        assert_ne!(deficits(&with(false, false)), [""; 0], "{draft:?}");
        let silent = with(false, true);
        assert_eq!(deficits(&silent), [""; 0]);
        assert_eq!(silent.needs, *draft.needs());
        assert_eq!(silent.safety, BTreeSet::from([SafetyRule::S10]));
        let pregnant = with(true, false);
        assert_eq!(deficits(&pregnant), [""; 0]);
        assert_eq!(pregnant.safety, BTreeSet::from([SafetyRule::S11]));
        assert_eq!(
            (pregnant.needs.fluid, pregnant.needs.carry_over),
            (None, None)
        );
        assert_eq!(pregnant.needs.carbohydrate, draft.needs().carbohydrate);
        let most = pregnant.ceilings.fluid.map(Millilitres::get);
        assert_eq!(most, Some(fluid_ml));
    }
}

#[test]
fn s9_leaves_no_room_for_more_sodium_than_was_asked_for_or_lost() {
    // Minutes of the plan, what was lost, the most that a basket may bring.
    for (minutes, lost, most) in [
        (180, Some(2_000), 400),
        (180, Some(170), 170),
        (60, None, 350),
        (30, None, 0),
    ] {
        let context = SafetyContext {
            sodium_lost: lost.map(Milligrams::clamped),
            withheld: Withheld {
                sodium: true,
                ..Withheld::default()
            },
            ..SafetyContext::default()
        };
        let advised = apply(during(&plan(minutes, 1_000, 800)), &context);
        assert_eq!(advised.ceilings.sodium, Some(Milligrams::clamped(most)));
    }
}

#[test]
fn s1_keeps_the_plan_below_the_loss_and_its_sodium_with_it() {
    let draft = during(&plan(60, 1_000, 800));
    let context = SafetyContext {
        predicted_loss: Some(Millilitres::clamped(355)),
        ..Default::default()
    };
    let advised = apply(draft, &context);
    assert_eq!(advised.safety, BTreeSet::from([SafetyRule::S1]));
    assert_eq!(fluid(&advised.needs), Some(350));
    assert_eq!(
        advised.needs.sodium.map(|need| need.target.get()),
        Some(170)
    );
    assert_eq!(
        advised
            .schedule
            .iter()
            .map(|portion| portion.fluid.get())
            .sum::<i64>(),
        350
    );
}

#[test]
fn s5_keeps_the_hour_and_the_day_below_their_caps() {
    let hourly = SafetyContext {
        cap: Some(DrinkRate::clamped(500)),
        ..SafetyContext::default()
    };
    let advised = apply(during(&plan(120, 1_500, 800)), &hourly);
    assert_eq!(advised.needs.fluid_per_hour, Some(DrinkRate::clamped(500)));
    assert_eq!(fluid(&advised.needs), Some(1_000));
    assert_eq!(advised.safety, BTreeSet::from([SafetyRule::S5]));
    for (today, left) in [(11_405, 590), (12_000, 0), (15_000, 0)] {
        let today = Some(Millilitres::clamped(today));
        let daily = SafetyContext {
            fluid_today: today,
            ..SafetyContext::default()
        };
        let advised = apply(during(&plan(120, 1_500, 800)), &daily);
        assert_eq!(fluid(&advised.needs), Some(left));
        assert_eq!(advised.safety, BTreeSet::from([SafetyRule::S5]));
    }
}

#[test]
fn s15_stops_what_rests_on_implausible_facts() {
    let facts = BasisFacts::default();
    let cases = [
        BasisFacts {
            rate: Some(SweatRate::clamped(150)),
            ..facts
        },
        BasisFacts {
            rate: Some(SweatRate::clamped(4_100)),
            ..facts
        },
        BasisFacts {
            sodium: Some(SodiumConcentration::clamped(1_150)),
            ..facts
        },
        BasisFacts {
            mass_loss_permille: Some(81),
            ..facts
        },
        BasisFacts {
            mass_loss_permille: Some(-81),
            ..facts
        },
        BasisFacts {
            duration: Some(Seconds::clamped(13 * 3_600)),
            ..facts
        },
    ];
    for basis in cases {
        let context = SafetyContext {
            basis: Some(basis),
            ..SafetyContext::default()
        };
        let advised = apply(during(&plan(60, 1_000, 800)), &context);
        assert_eq!(advised.needs, Needs::default(), "{basis:?}");
        assert_eq!(advised.schedule, []);
        assert!(advised.safety.contains(&SafetyRule::S15));
    }
}

#[test]
fn low_confidence_is_told() {
    let context = SafetyContext {
        low_confidence: true,
        ..SafetyContext::default()
    };
    let advised = apply(during(&plan(60, 1_000, 800)), &context);
    assert!(advised.flags.contains(&NeedFlag::LowConfidence));
}

#[test]
fn a_share_of_the_mass_is_rounded_away_from_zero() {
    let mass = BodyMass::clamped(70_000);
    for (deficit, permille) in [(5_600, 80), (5_601, 81), (-5_601, -81), (0, 0)] {
        assert_eq!(share_of_mass(Millilitres::clamped(deficit), mass), permille);
    }
}

/// Every number of the needs, an absent one as the greatest: no advice is less than any.
fn numbers(needs: &Needs) -> Vec<i64> {
    let one = |need: Option<[Option<i64>; 4]>| need.unwrap_or([None; 4]);
    let mut all = Vec::new();
    all.extend(one(needs.fluid.map(|n| {
        [
            Some(n.target.get()),
            n.lo.map(|v| v.get()),
            n.hi.map(|v| v.get()),
            n.max.map(|v| v.get()),
        ]
    })));
    all.extend(one(needs.sodium.map(|n| {
        [
            Some(n.target.get()),
            n.lo.map(|v| v.get()),
            n.hi.map(|v| v.get()),
            n.max.map(|v| v.get()),
        ]
    })));
    for need in [needs.carbohydrate, needs.protein, needs.casein] {
        all.extend(one(need.map(|n| {
            [
                Some(n.target.get()),
                n.lo.map(|v| v.get()),
                n.hi.map(|v| v.get()),
                n.max.map(|v| v.get()),
            ]
        })));
    }
    all.push(needs.fluid_per_hour.map(DrinkRate::get));
    all.push(needs.caffeine.map(|need| need.target.get()));
    all.push(needs.carry_over.map(Millilitres::get));
    all.into_iter()
        .map(|value| value.unwrap_or(i64::MIN))
        .collect()
}

proptest! {
    #[test]
    fn no_rule_ever_raises_a_number(
        minutes in -10_i64..2_000, rate in 0_i64..7_000, cap in 0_i64..1_300,
        deficit in -3_000_i64..9_000, loss in any::<Option<i64>>(), limit in any::<Option<i64>>(),
        today in prop::option::of(-1_000_i64..20_000), share in prop::option::of(-100_i64..100),
    ) {
        let workout = plan(minutes, rate, cap);
        let rest = AfterInput {
            mass: workout.mass,
            duration: workout.duration,
            intensity: Intensity::High,
            deficit: Millilitres::clamped(deficit),
            sodium_lost: Milligrams::clamped(deficit),
            sodium_taken: Milligrams::ZERO,
            next: None,
            to_bed: Some(workout.duration),
            cap: workout.cap,
            bounds: GapBounds::default(),
        };
        let context = SafetyContext {
            predicted_loss: loss.map(Millilitres::clamped),
            cap: limit.map(DrinkRate::clamped),
            fluid_today: today.map(Millilitres::clamped),
            basis: Some(BasisFacts { mass_loss_permille: share, ..BasisFacts::default() }),
            low_confidence: false,
            ..SafetyContext::default()
        };
        for draft in [during(&workout), after(&rest)] {
            let advised = apply(draft.clone(), &context);
            for (now, then) in numbers(&advised.needs).iter().zip(numbers(draft.needs())) {
                prop_assert!(*now <= then);
            }
            prop_assert!(advised.needs == *draft.needs() || !advised.safety.is_empty());
            let total: i64 = advised.schedule.iter().map(|portion| portion.fluid.get()).sum();
            prop_assert_eq!(total, fluid(&advised.needs).unwrap_or(0));
            if let (Some(loss), Some(fluid)) = (context.predicted_loss, advised.needs.fluid) {
                prop_assert!(fluid.target <= loss.max(Millilitres::ZERO));
            }
        }
    }
}
