//! Which method speaks, what it says, and what must hold whatever comes.

use proptest::prelude::*;

use super::*;
use crate::observation::ObservationId;
use crate::profile::{SodiumEvidence, Test, TestKind, log_ratio, posterior, sodium_posterior};
use crate::sport::Family;
use crate::sweat::{UnusableWeighIn, WeighIn, sodium_prior, weigh_in};
use crate::time::Instant;
use crate::units::{AirTemperature, Grams, Humidity, LogSd, Millilitres};

const NOW: Instant = Instant(1_000_000);
const HOUR: Seconds = Seconds::clamped(3_600);

fn belief(value: f64, sd: f64) -> LogNormal {
    LogNormal::new(
        LogMean::ln(value).unwrap(),
        LogSd::from_natural(sd).unwrap(),
    )
}

fn seen(value: f64, sd: f64, bound: Bound) -> Option<Observed> {
    Some(Observed {
        belief: belief(value, sd),
        bound,
    })
}

fn patch(rate: f64, sodium: Option<f64>) -> WholeBody {
    WholeBody {
        rate: seen(rate, 0.35, Bound::Exact),
        sodium: sodium.and_then(|sodium| seen(sodium, 0.2, Bound::Exact)),
        flags: BTreeSet::new(),
    }
}

/// Scales that tell `litres` in an hour.
fn scales(litres: f64) -> WeighInOutcome {
    let grams = (litres * 1_000.0) as i64;
    weigh_in(&WeighIn {
        mass_pre: BodyMass::clamped(70_000),
        mass_post: BodyMass::clamped(70_000 - grams),
        fluid: Millilitres::ZERO,
        food: Grams::clamped(0),
        urine: Some(Millilitres::ZERO),
        clothed: false,
        energy: Some(crate::units::Kilocalories::clamped(0)),
        duration: HOUR,
    })
}

fn history(ratio: f64) -> Posterior {
    let test = Test {
        at: NOW,
        observation: ObservationId(1),
        kind: TestKind::WeighIn,
        log_ratio: LogMean::ln(ratio).unwrap(),
        log_sd: LogSd::clamped(100_000),
        family: Family::Run,
        duration: HOUR,
        air_temp: AirTemperature::from_celsius(20.0),
    };
    posterior(&[test], NOW)
}

fn nobody() -> Posterior {
    posterior(&[], NOW)
}

fn fair() -> Conditions {
    Conditions::outdoor(
        AirTemperature::from_celsius(20.0),
        Humidity::from_percent(50.0),
    )
}

fn input<'a>(
    tests: &'a Posterior,
    weigh_in: Option<&'a WeighInOutcome>,
    patch: Option<&'a WholeBody>,
) -> LossInput<'a> {
    LossInput {
        sport: Sport::Run,
        sex: None,
        mass: Some(BodyMass::clamped(70_000)),
        duration: HOUR,
        conditions: fair(),
        tests,
        sodium: &SodiumPosterior::NOTHING,
        weigh_in,
        patch,
    }
}

#[test]
fn what_is_known_decides_the_method() {
    let (none, some) = (nobody(), history(1.2));
    let (told, odd) = (scales(1.3), scales(0.0));
    assert!(matches!(odd, WeighInOutcome::NotUsable(_)));
    let (worn, apart) = (patch(1.1, Some(50.0)), patch(0.5, Some(50.0)));
    let salt = WholeBody {
        rate: None,
        ..patch(1.0, Some(50.0))
    };
    let cases = [
        (&none, None, None, Method::Population, true),
        (&some, None, None, Method::Profile, true),
        (&none, None, Some(&worn), Method::Patch, true),
        (&some, None, Some(&worn), Method::Fused, true),
        (&none, Some(&told), None, Method::WeighIn, false),
        (&some, Some(&told), None, Method::WeighIn, false),
        (&none, Some(&told), Some(&worn), Method::Fused, true),
        (&none, Some(&told), Some(&apart), Method::WeighIn, false),
        (&none, Some(&told), Some(&salt), Method::Fused, true),
        (&none, Some(&odd), None, Method::Population, true),
        (&some, Some(&odd), None, Method::Profile, true),
        (&none, Some(&odd), Some(&worn), Method::Patch, true),
        (&none, None, Some(&salt), Method::Population, true),
    ];
    for (tests, weigh_in, patch, method, has_sodium) in cases {
        let input = input(tests, weigh_in, patch);
        let loss = estimate(&input);
        assert_eq!(loss.method, method, "{input:?}");
        assert_eq!(loss.sodium.is_some(), has_sodium, "{input:?}");
        assert_eq!(loss.sodium_concentration.is_some(), has_sodium, "{input:?}");
        assert_eq!(
            loss.flags.contains(&LossFlag::PopulationOnly),
            method == Method::Population
        );
        let is_odd = weigh_in.is_some_and(|told| matches!(told, WeighInOutcome::NotUsable(_)));
        assert_eq!(loss.flags.contains(&LossFlag::Implausible), is_odd);
    }
}

#[test]
fn scales_alone_tell_what_they_always_told() {
    let told = scales(1.3);
    let WeighInOutcome::Loss(alone) = told.clone() else {
        panic!("{told:?}")
    };
    let tests = nobody();
    for conditions in [fair(), Conditions::MISSING, Conditions::PENDING] {
        let input = LossInput {
            conditions,
            ..input(&tests, Some(&told), None)
        };
        assert_eq!(estimate(&input), alone.clone().into_loss());
    }
}

#[test]
fn a_patch_alone_is_fused_with_the_population() {
    // The worked posterior: 0.90 (0.35) into the endurance prior gives 1.0003 (0.2703).
    let loss = estimate(&input(&nobody(), None, Some(&patch(0.90, None))));
    let sd = 0.2703;
    let expected = [
        1.0003,
        (-Z90_SD * sd).exp() * 1.0003,
        (Z90_SD * sd).exp() * 1.0003,
    ];
    for (got, expected) in loss
        .rate
        .numbers(SweatRate::litres_per_hour)
        .iter()
        .zip(expected)
    {
        assert!((got - expected).abs() < 1.1e-3, "{loss:?}");
    }
    assert_eq!(loss.fluid.median().get(), 1_000);
    assert_eq!(loss.sodium_concentration.unwrap().median().get(), 360);
}

const Z90_SD: f64 = crate::units::Z90;

#[test]
fn a_patch_meets_the_forecast_with_its_day_and_its_weather() {
    let tests = history(1.2);
    let at = |conditions| {
        estimate(&LossInput {
            conditions,
            ..input(&tests, None, Some(&patch(0.9, None)))
        })
    };
    // V = 1/(1/0.4253² + 1/0.1²); + 0.12² for the day; then the patch of 0.35².
    let known = 1.0 / (1.0 / 0.4253_f64.powi(2) + 100.0);
    let mean = 0.1564 + known * 100.0 * 1.2_f64.ln();
    let precision = |width: f64| 1.0 / (known + 0.0144 + width * width);
    for (conditions, width) in [(fair(), 0.0), (Conditions::MISSING, 0.12)] {
        let loss = at(conditions);
        let (prior, seen) = (precision(width), 1.0 / 0.1225);
        let middle = ((mean * prior + 0.9_f64.ln() * seen) / (prior + seen)).exp();
        assert!(
            (loss.rate.median().litres_per_hour() - middle).abs() < 1.1e-3,
            "{loss:?}"
        );
        let high = middle * (Z90_SD / (prior + seen).sqrt()).exp();
        assert!(
            (loss.rate.hi90().litres_per_hour() - high).abs() < 1.6e-3,
            "{loss:?}"
        );
    }
}

#[test]
fn scales_and_patch_are_weighed_by_their_precision_unless_they_disagree() {
    let (told, tests) = (scales(1.2), nobody());
    let WeighInOutcome::Loss(alone) = told.clone() else {
        panic!("{told:?}")
    };
    let fused = estimate(&input(&tests, Some(&told), Some(&patch(1.8, Some(50.0)))));
    // Two weighings of 75 g: an error of 0.0884.
    let error = 75.0 * 2.0_f64.sqrt() / 1_200.0;
    let weights = (1.0 / (error * error), 1.0 / 0.1225);
    let middle = (1.2_f64.ln() * weights.0 + 1.8_f64.ln() * weights.1) / (weights.0 + weights.1);
    assert!((fused.rate.median().litres_per_hour() - middle.exp()).abs() < 1.1e-3);
    assert_eq!(fused.method, Method::Fused);
    for (rate, disagrees) in [(0.59, true), (0.601, false), (2.399, false), (2.41, true)] {
        let worn = patch(rate, Some(50.0));
        assert_eq!(conflicts(alone.rate.median(), &worn), disagrees, "{rate}");
        let loss = estimate(&input(&tests, Some(&told), Some(&worn)));
        assert_eq!(
            loss.flags.contains(&LossFlag::Conflict),
            disagrees,
            "{rate}"
        );
        assert_eq!(loss.fluid == alone.fluid, disagrees, "{rate}");
        assert_eq!(loss.sodium.is_none(), disagrees, "{rate}");
    }
    let salt = WholeBody {
        rate: None,
        ..patch(1.8, Some(50.0))
    };
    let salted = estimate(&input(&tests, Some(&told), Some(&salt)));
    assert_eq!((salted.fluid, salted.rate), (alone.fluid, alone.rate));
    assert!(salted.sodium_concentration.unwrap().median().get() > 360);
    let dry = estimate(&input(&tests, Some(&told), Some(&patch(1.2, None))));
    assert_eq!((dry.method, dry.sodium), (Method::Fused, None));
}

#[test]
fn a_bound_conflicts_only_where_the_scales_break_it() {
    let rate = SweatRate::clamped(1_200);
    let bounded = |value: f64, bound| WholeBody {
        rate: seen(value, 0.35, bound),
        ..WholeBody::default()
    };
    let cases = [
        (0.3, Bound::AtLeast, false),
        (2.5, Bound::AtLeast, true),
        (3.0, Bound::AtMost, false),
        (0.5, Bound::AtMost, true),
        (0.5, Bound::Exact, true),
    ];
    for (value, bound, disagrees) in cases {
        assert_eq!(
            conflicts(rate, &bounded(value, bound)),
            disagrees,
            "{value} {bound:?}"
        );
    }
    assert!(!conflicts(rate, &WholeBody::default()));
}

#[test]
fn a_full_patch_only_raises_and_a_pale_one_only_dilutes() {
    let tests = nobody();
    let plain = estimate(&input(&tests, None, None));
    let full = WholeBody {
        rate: seen(0.8, 0.35, Bound::AtLeast),
        sodium: seen(22.8, 0.3, Bound::AtMost),
        flags: BTreeSet::from([LossFlag::Censored]),
    };
    let loss = estimate(&input(&tests, None, Some(&full)));
    assert_eq!(loss.method, Method::Patch);
    assert!(loss.flags.contains(&LossFlag::Censored));
    assert!(loss.rate.median() > plain.rate.median());
    assert!(
        loss.sodium_concentration.unwrap().median() < plain.sodium_concentration.unwrap().median()
    );
}

#[test]
fn weather_changes_flags_and_widths_and_nothing_else() {
    let (none, some) = (nobody(), history(1.2));
    let air = [
        (Conditions::MISSING, Some(LossFlag::WeatherMissing)),
        (Conditions::PENDING, Some(LossFlag::WeatherPending)),
        (Conditions::INDOOR, None),
    ];
    for tests in [&none, &some] {
        let known = estimate(&input(tests, None, None));
        assert!(!known.flags.contains(&LossFlag::WeatherMissing));
        for (conditions, flag) in air {
            let loss = estimate(&LossInput {
                conditions,
                ..input(tests, None, None)
            });
            assert_eq!(loss.method, known.method);
            assert_eq!(loss.rate.median(), known.rate.median());
            assert!(loss.rate.hi90() >= known.rate.hi90());
            assert!(flag.is_none_or(|flag| loss.flags.contains(&flag)));
        }
    }
}

#[test]
fn a_tested_athlete_is_never_less_known_than_a_stranger() {
    let none = nobody();
    let far = LossInput {
        sport: Sport::Soccer,
        conditions: Conditions::outdoor(AirTemperature::from_celsius(-25.0), None),
        ..input(&none, None, None)
    };
    let tests = history(1.0);
    let width =
        |loss: &Loss| loss.rate.hi90().litres_per_hour() / loss.rate.lo90().litres_per_hour();
    let stranger = estimate(&far);
    let tested = estimate(&LossInput {
        tests: &tests,
        ..far
    });
    assert!(
        width(&tested) <= width(&stranger) + 0.02,
        "{tested:?} {stranger:?}"
    );
    assert!(tested.flags.contains(&LossFlag::OutsideEnvelope));
}

#[test]
fn earlier_patches_tell_of_the_salt_and_it_follows_the_rate() {
    let sodium = belief(60.0, 0.2);
    let evidence = [SodiumEvidence::new(NOW, ObservationId(1), sodium, None)];
    let learnt = sodium_posterior(&evidence, NOW, None);
    let concentration = |tests: &Posterior| {
        let loss = estimate(&LossInput {
            sodium: &learnt,
            ..input(tests, None, None)
        });
        loss.sodium_concentration.unwrap()
    };
    let usual = learnt.predictive(None).interval(10);
    assert_eq!(concentration(&nobody()), usual);
    let heavy = history(1.5);
    let step = 0.6 * heavy.belief().log_mean.natural();
    let expected = usual.median().mmol_per_l() * step.exp();
    assert!((concentration(&heavy).median().mmol_per_l() - expected).abs() < 0.11);
    // Without any look at the salt the prior is about everybody's rate.
    let unknown = estimate(&input(&heavy, None, None))
        .sodium_concentration
        .unwrap();
    assert_eq!(unknown, sodium_prior(None).interval(10));
}

#[test]
fn sodium_moves_with_the_rate_within_limits() {
    let at =
        |value: f64, ratio: f64| sodium_at_rate(belief(value, 0.2), LogMean::ln(ratio).unwrap());
    let cases = [
        (40.0, 1.0, 40.0),
        (40.0, 1.5, 40.0 * 1.5_f64.powf(0.6)),
        (40.0, 0.5, 40.0 * 0.5_f64.powf(0.6)),
        (40.0, 9.0, 40.0 * 2.0_f64.powf(0.6)),
        (40.0, 0.1, 40.0 * 0.5_f64.powf(0.6)),
        (100.0, 2.0, 110.0),
        (9.0, 0.5, 8.0),
    ];
    for (value, ratio, expected) in cases {
        let moved = at(value, ratio);
        assert!(
            (moved.median() - expected).abs() < 1e-3,
            "{value} × {ratio}: {moved:?}"
        );
        let step = ratio.clamp(0.5, 2.0).ln();
        let sd = (0.04 + 0.16 * step * step).sqrt();
        assert!(
            (moved.log_sd.natural() - sd).abs() < 1e-5,
            "{value} × {ratio}: {moved:?}"
        );
    }
}

#[test]
fn large_losses_of_a_patch_are_flagged() {
    let tests = nobody();
    let at = |duration: i64, mass: Option<i64>, sodium: f64| {
        let loss = estimate(&LossInput {
            duration: Seconds::clamped(duration),
            mass: mass.map(BodyMass::clamped),
            ..input(&tests, None, Some(&patch(1.2, Some(sodium))))
        });
        loss.flags.contains(&LossFlag::Unusual)
    };
    // About 1.18 L/h: 2.4 L are below 4 % of 70 kg, 3.5 L above.
    assert!(!at(7_200, Some(70_000), 40.0));
    assert!(at(10_800, Some(70_000), 40.0));
    assert!(!at(10_800, None, 40.0));
    // 3.5 L/h and about 78 mmol/L are 6.3 g of sodium an hour.
    for (sodium, is_large) in [(110.0, true), (40.0, false)] {
        let told = scales(3.5);
        let loss = estimate(&LossInput {
            mass: None,
            ..input(&tests, Some(&told), Some(&patch(3.5, Some(sodium))))
        });
        assert_eq!(
            loss.flags.contains(&LossFlag::Unusual),
            is_large,
            "{loss:?}"
        );
    }
}

#[test]
fn in_water_a_patch_tells_nothing() {
    let (tests, worn) = (nobody(), patch(1.2, Some(60.0)));
    for sport in [Sport::PoolSwim, Sport::OpenWater] {
        let with = LossInput {
            sport,
            ..input(&tests, None, Some(&worn))
        };
        let without = LossInput {
            patch: None,
            ..with
        };
        assert_eq!(estimate(&with), estimate(&without));
        assert!(!wears_patch(sport));
    }
    assert!(wears_patch(Sport::Run));
}

#[test]
fn the_flags_of_a_patch_come_along_even_where_it_tells_nothing() {
    let told = scales(1.2);
    let unread = WholeBody {
        flags: BTreeSet::from([LossFlag::ScanFailed]),
        ..WholeBody::default()
    };
    for weigh_in in [None, Some(&told)] {
        let tests = nobody();
        let loss = estimate(&input(&tests, weigh_in, Some(&unread)));
        assert!(loss.flags.contains(&LossFlag::ScanFailed));
        assert_ne!(loss.method, Method::Patch);
    }
}

fn any_bound() -> impl Strategy<Value = Bound> {
    prop_oneof![
        Just(Bound::Exact),
        Just(Bound::AtLeast),
        Just(Bound::AtMost)
    ]
}

fn any_patch() -> impl Strategy<Value = WholeBody> {
    let seen = |low: f64, high: f64| {
        prop::option::of(
            (low..high, 0.05..0.7, any_bound())
                .prop_map(|(value, sd, bound)| seen(value, sd, bound).unwrap()),
        )
    };
    (seen(0.05, 6.0), seen(5.0, 120.0)).prop_map(|(rate, sodium)| WholeBody {
        rate,
        sodium,
        flags: BTreeSet::new(),
    })
}

fn any_scales() -> impl Strategy<Value = Option<WeighInOutcome>> {
    let unusable = WeighInOutcome::NotUsable(UnusableWeighIn {
        fluid: Millilitres::ZERO,
        rate: None,
        flags: BTreeSet::from([LossFlag::Implausible]),
    });
    prop_oneof![
        Just(None),
        Just(Some(unusable)),
        (0.0..5.0).prop_map(|litres| Some(scales(litres))),
    ]
}

fn any_air() -> impl Strategy<Value = Conditions> {
    let known = (any::<Option<i64>>(), any::<Option<i64>>()).prop_map(|(air, humidity)| {
        Conditions::outdoor(
            air.map(AirTemperature::clamped),
            humidity.map(Humidity::clamped),
        )
    });
    prop_oneof![
        known,
        Just(Conditions::INDOOR),
        Just(Conditions::PENDING),
        Just(Conditions::MISSING),
    ]
}

fn holds_together(loss: &Loss) -> bool {
    let sodium = loss
        .sodium
        .is_none_or(|sodium| sodium.lo90() <= sodium.median() && sodium.median() <= sodium.hi90());
    loss.rate.lo90() <= loss.rate.median()
        && loss.rate.median() <= loss.rate.hi90()
        && loss.fluid.lo90() <= loss.fluid.median()
        && loss.fluid.median() <= loss.fluid.hi90()
        && loss.fluid.lo90() >= Millilitres::ZERO
        && sodium
        && loss.sodium.is_some() == loss.sodium_concentration.is_some()
}

proptest! {
    #[test]
    fn every_loss_holds_together(
        worn in prop::option::of(any_patch()), told in any_scales(), conditions in any_air(),
        ratio in prop::option::of(0.2_f64..5.0), duration in any::<i64>(),
    ) {
        let tests = ratio.map_or_else(nobody, history);
        let loss = estimate(&LossInput {
            conditions,
            duration: Seconds::clamped(duration),
            ..input(&tests, told.as_ref(), worn.as_ref())
        });
        prop_assert!(holds_together(&loss), "{:?}", loss);
    }

    #[test]
    fn a_look_at_the_workout_never_widens_what_is_believed_of_it(
        worn in any_patch(), conditions in any_air(), ratio in prop::option::of(0.2_f64..5.0),
    ) {
        let tests = ratio.map_or_else(nobody, history);
        let (_, before) = predictive(Sport::Run, &tests, &conditions);
        let after_it = after(before, worn.rate);
        prop_assert!(after_it.log_sd <= before.log_sd);
        match worn.rate.map(|rate| rate.bound) {
            Some(Bound::AtLeast) => prop_assert!(after_it.log_mean >= before.log_mean),
            Some(Bound::AtMost) => prop_assert!(after_it.log_mean <= before.log_mean),
            _ => {}
        }
    }

    #[test]
    fn fusing_exact_looks_does_not_depend_on_their_order(
        one in (0.1_f64..5.0, 0.05_f64..0.7), other in (0.1_f64..5.0, 0.05_f64..0.7),
    ) {
        let before = belief(1.17, 0.4253);
        let look = |(value, sd)| seen(value, sd, Bound::Exact);
        let [ab, ba] = [[one, other], [other, one]]
            .map(|looks| after(after(before, look(looks[0])), look(looks[1])));
        // Beliefs are rounded in between; what is compared and published is coarser.
        prop_assert!((ab.log_mean.get() - ba.log_mean.get()).abs() <= 100);
        prop_assert!((ab.log_sd.get() - ba.log_sd.get()).abs() <= 100);
    }

    #[test]
    fn a_ratio_is_of_what_is_usual(rate in 50_i64..6_000) {
        let ratio = log_ratio(SweatRate::clamped(rate), Sport::Run).unwrap().natural();
        let back = population(Sport::Run).rate.median() * ratio.exp();
        prop_assert!((back * 1_000.0 - rate as f64).abs() < 0.1);
    }
}
