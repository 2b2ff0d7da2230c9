//! Worked posteriors, and that a set of tests has one profile whatever its order.

use proptest::prelude::*;

use super::*;
use crate::sport::Sport;
use crate::units::SweatRate;

fn log_normal(value: f64, sd: f64) -> LogNormal {
    LogNormal::new(
        LogMean::ln(value).unwrap(),
        LogSd::from_natural(sd).unwrap(),
    )
}

#[test]
fn worked_posteriors_of_the_endurance_prior_come_out() {
    let prior = LogNormal::new(LogMean::clamped(156_400), LogSd::clamped(425_300));
    let patch = log_normal(0.90, 0.35);
    let scales = log_normal(1.05, 0.12);
    let cases = [
        (vec![patch], 1.0003, 0.2703, 0.615, 1.627),
        (vec![patch, scales], 1.0417, 0.1097, 0.797, 1.361),
        (vec![scales, patch], 1.0417, 0.1097, 0.797, 1.361),
    ];
    for (tests, median, sd, lo, hi) in cases {
        let belief = normal_posterior(prior, &tests);
        assert!((belief.median() - median).abs() < 5e-5, "{belief:?}");
        assert!((belief.log_sd.natural() - sd).abs() < 5e-5, "{belief:?}");
        let day = predictive(belief, LogSd::from_natural(0.12).unwrap());
        let interval: Interval<SweatRate> = day.interval(1_000);
        assert!(
            (interval.lo90().litres_per_hour() - lo).abs() < 1.1e-3,
            "{interval:?}"
        );
        assert!(
            (interval.hi90().litres_per_hour() - hi).abs() < 1.1e-3,
            "{interval:?}"
        );
    }
}

#[test]
fn nobody_is_like_everybody_and_should_be_tested() {
    let nobody = of_rate(&[], Instant(0));
    assert_eq!(nobody.multiplier.median(), Permille::ONE);
    assert_eq!(nobody.multiplier.lo90().get(), 497);
    assert_eq!(nobody.multiplier.hi90().get(), 2_013);
    assert_eq!(nobody.advice(Instant(0)), ProfileAdvice::TestAgain);
    assert_eq!(nobody.durations, None);
}

/// Where no patch was worn.
fn of_rate(tests: &[Test], until: Instant) -> SweatProfile {
    profile_of(tests, &[], until, None)
}

const DAY_S: i64 = 86_400;

fn test_on(day: i64, key: u128) -> Test {
    Test {
        at: Instant::from_seconds(day * DAY_S),
        observation: ObservationId(key),
        kind: TestKind::WeighIn,
        log_ratio: log_ratio(SweatRate::clamped(1_400), Sport::Run).unwrap(),
        log_sd: LogSd::clamped(100_000),
        family: Family::Run,
        duration: Seconds::clamped(3_600 + day),
        air_temp: None,
    }
}

#[test]
fn advice_depends_on_how_many_tests_and_how_old() {
    let now = Instant::from_seconds(400 * DAY_S);
    let cases = [
        (vec![test_on(390, 1)], ProfileAdvice::LowConfidence),
        (vec![test_on(390, 1), test_on(300, 2)], ProfileAdvice::Ok),
        (vec![test_on(220, 1), test_on(200, 2)], ProfileAdvice::Ok),
        (
            vec![test_on(219, 1), test_on(200, 2)],
            ProfileAdvice::TestAgain,
        ),
        (
            vec![test_on(390, 1), test_on(390, 1)],
            ProfileAdvice::LowConfidence,
        ),
    ];
    for (tests, expected) in cases {
        assert_eq!(of_rate(&tests, now).advice(now), expected, "{tests:?}");
    }
}

#[test]
fn a_loss_sees_only_the_tests_up_to_its_moment() {
    let tests = [test_on(10, 1), test_on(20, 2)];
    let at = |day: i64| posterior(&tests, Instant::from_seconds(day * DAY_S));
    assert_eq!([at(9).tests(), at(10).tests(), at(20).tests()], [0, 1, 2]);
    assert_eq!(at(9), posterior(&[], Instant(0)));
    let known = of_rate(&tests, Instant::from_seconds(30 * DAY_S));
    assert_eq!(known.last_test_at, Some(Instant::from_seconds(20 * DAY_S)));
    assert_eq!(known.evidence, [ObservationId(1), ObservationId(2)]);
    assert_eq!(
        known.durations,
        Some((Seconds::clamped(3_610), Seconds::clamped(3_620)))
    );
    assert!(at(20).was_tested_in(Family::Run) && !at(20).was_tested_in(Family::Ride));
}

#[test]
fn the_profile_tells_its_envelope_and_the_salt_of_the_last_patch() {
    let at = |day: i64, air: Option<i64>| Test {
        air_temp: air.map(AirTemperature::clamped),
        kind: TestKind::Patch,
        ..test_on(day, u128::from(day.unsigned_abs()))
    };
    let tests = [
        at(10, Some(180)),
        at(20, None),
        at(30, Some(-20)),
        at(40, Some(300)),
    ];
    let sodium = |day: i64, mmol_per_l: f64| {
        let told = log_normal(mmol_per_l, 0.2);
        let key = ObservationId(u128::from(day.unsigned_abs()));
        SodiumEvidence::new(Instant::from_seconds(day * DAY_S), key, told, None)
    };
    let salt = [sodium(10, 60.0), sodium(30, 60.0), sodium(50, 20.0)];
    let known = |day: i64| profile_of(&tests, &salt, Instant::from_seconds(day * DAY_S), None);
    let airs = |day| {
        known(day)
            .air_temps
            .map(|(low, high)| (low.get(), high.get()))
    };
    assert_eq!(
        [airs(9), airs(25), airs(35)],
        [None, Some((180, 180)), Some((-20, 180))]
    );
    assert_eq!(airs(40), Some((-20, 300)));
    let concentration = |day| known(day).sodium.map(|sodium| sodium.median().get());
    assert_eq!(concentration(9), None);
    // Nothing but time passes between two patches, and a profile keeps still.
    assert_eq!(concentration(30), concentration(49));
    assert!(concentration(10) < concentration(30) && concentration(50) < concentration(49));
    let for_ever = profile_of(&tests, &salt, Instant(i64::MAX), None);
    assert_eq!(for_ever.sodium, known(50).sodium);
    let near = |celsius: f64| {
        let until = Instant(i64::MAX);
        let air = AirTemperature::from_celsius(celsius).unwrap();
        posterior(&tests, until).distance_to_tested(air)
    };
    assert_eq!(
        [near(20.0), near(29.0), near(-10.0)],
        [Some(20), Some(10), Some(80)]
    );
    assert_eq!(
        posterior(&tests[1..2], Instant(i64::MAX)).distance_to_tested(AirTemperature::MIN),
        None
    );
}

fn any_evidence() -> impl Strategy<Value = Test> {
    let family = prop_oneof![Just(Family::Run), Just(Family::Ride)];
    (any::<i8>(), any::<u8>(), any::<i64>(), any::<i64>(), family).prop_map(
        |(at, key, ratio, sd, family)| Test {
            at: Instant(i64::from(at)),
            observation: ObservationId(u128::from(key)),
            kind: TestKind::Patch,
            log_ratio: LogMean::clamped(ratio),
            log_sd: LogSd::clamped(sd),
            family,
            duration: Seconds::clamped(ratio),
            air_temp: AirTemperature::new(sd % 1_000),
        },
    )
}

proptest! {
    #[test]
    fn order_and_doubles_do_not_matter(
        tests in prop::collection::vec(any_evidence(), 0..12),
        seed in any::<prop::sample::Index>(),
    ) {
        let mut other: Vec<_> = tests.iter().rev().copied().collect();
        other.extend(tests.iter().take(seed.index(tests.len() + 1)));
        let turn = seed.index(other.len().max(1));
        let length = other.len();
        other.rotate_left(turn.min(length));
        prop_assert_eq!(of_rate(&tests, Instant(50)), of_rate(&other, Instant(50)));
        prop_assert_eq!(posterior(&tests, Instant(50)), posterior(&other, Instant(50)));
    }

    #[test]
    fn a_test_never_makes_the_belief_wider(
        tests in prop::collection::vec(any_evidence(), 0..8), one in any_evidence(),
    ) {
        let end = Instant(i64::MAX);
        let mut more = tests.clone();
        more.push(one);
        let sd = |tests: &[Test]| posterior(tests, end).belief().log_sd;
        prop_assert!(sd(&more) <= sd(&tests));
    }
}
