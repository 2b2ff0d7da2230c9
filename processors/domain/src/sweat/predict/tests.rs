//! Forecasts without and with tests of the athlete.

use super::*;
use crate::observation::ObservationId;
use crate::profile::{SodiumPosterior, Test, TestKind, log_ratio, posterior};
use crate::sweat::{Loss, LossFlag, LossInput, Sex, estimate};
use crate::time::Instant;
use crate::units::{Seconds, SweatRate};

const NOW: Instant = Instant(1_000_000);

fn run_test(millilitres_per_hour: i64) -> Test {
    let rate = SweatRate::clamped(millilitres_per_hour);
    Test {
        at: NOW,
        observation: ObservationId(1),
        kind: TestKind::WeighIn,
        log_ratio: log_ratio(rate, Sport::Run).unwrap(),
        log_sd: LogSd::clamped(100_000),
        family: Sport::Run.family(),
        duration: Seconds::clamped(3_600),
        air_temp: None,
    }
}

/// Indoors, and nothing is known of the salt.
fn predict(sport: Sport, sex: Option<Sex>, tests: &Posterior, duration: Seconds) -> Loss {
    estimate(&LossInput {
        sport,
        sex,
        mass: None,
        duration,
        conditions: Conditions::INDOOR,
        tests,
        sodium: &SodiumPosterior::NOTHING,
        weigh_in: None,
        patch: None,
    })
}

#[test]
fn without_a_test_the_sports_population_is_the_answer() {
    let cases = [
        (Sport::Run, 1_169, false),
        (Sport::RoadRide, 1_169, false),
        (Sport::Soccer, 871, false),
        (Sport::Basketball, 869, false),
        (Sport::AmericanFootball, 1_370, false),
        (Sport::Baseball, 768, false),
        (Sport::PoolSwim, 334, true),
        (Sport::Tennis, 1_055, true),
        (Sport::Walk, 791, true),
        (Sport::Yoga, 527, true),
    ];
    let nobody = posterior(&[], NOW);
    for (sport, median, stand_in) in cases {
        let loss = predict(sport, None, &nobody, Seconds::clamped(3_600));
        assert_eq!(loss.method, Method::Population);
        assert_eq!(loss.rate.median().get(), median, "{sport:?}");
        assert_eq!(loss.fluid.median().get(), median, "{sport:?}");
        assert!(loss.flags.contains(&LossFlag::PopulationOnly));
        assert_eq!(
            loss.flags.contains(&LossFlag::SportUnlisted),
            stand_in,
            "{sport:?}"
        );
    }
}

#[test]
fn sodium_follows_the_prior_and_the_sex() {
    let nobody = posterior(&[], NOW);
    let hour = Seconds::clamped(3_600);
    let of = |sex| predict(Sport::Run, sex, &nobody, hour);
    let concentration = |sex| of(sex).sodium_concentration.unwrap().median().get();
    assert_eq!(
        [concentration(None), concentration(Some(Sex::Male))],
        [360, 360]
    );
    assert_eq!(concentration(Some(Sex::Female)), 320);
    let sodium = of(None).sodium.unwrap();
    // 1.1693 L × 36 mmol/L × 22.99 mg/mmol; σ² = 0.4253² + 0.3² + 0.8 · 0.4253 · 0.3.
    assert_eq!(sodium.median().get(), 968);
    assert_eq!(sodium.hi90().get(), 2_643);
}

#[test]
fn tests_move_the_forecast_and_narrow_it() {
    let hour = Seconds::clamped(3_600);
    let nobody = predict(Sport::Run, None, &posterior(&[], NOW), hour);
    let known = posterior(&[run_test(1_800)], NOW);
    let run = predict(Sport::Run, None, &known, hour);
    assert_eq!(run.method, Method::Profile);
    assert!(!run.flags.contains(&LossFlag::PopulationOnly));
    assert!(run.rate.median() > nobody.rate.median());
    assert!(run.rate.median() < SweatRate::clamped(1_800));
    let ratio = |loss: &Loss| loss.rate.hi90().as_f64() / loss.rate.lo90().as_f64();
    assert!(ratio(&run) < ratio(&nobody));
    let ride = predict(Sport::RoadRide, None, &known, hour);
    assert_eq!(ride.rate.median(), run.rate.median());
    assert!(ratio(&ride) > ratio(&run), "another family is less sure");
}

#[test]
fn a_workout_of_no_length_loses_nothing() {
    for duration in [Seconds::ZERO, Seconds::MIN] {
        let loss = predict(Sport::Run, None, &posterior(&[], NOW), duration);
        assert_eq!(loss.fluid.hi90().get(), 0);
        assert_eq!(loss.sodium.unwrap().hi90().get(), 0);
    }
}
