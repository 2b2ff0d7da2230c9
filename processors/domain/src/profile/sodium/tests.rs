//! Patches sharpen, time wears off, order does not matter.

use proptest::prelude::*;

use super::*;

const DAY_S: i64 = 86_400;

fn day(day: i64) -> Instant {
    Instant::from_seconds(day * DAY_S)
}

fn patch(on: i64, key: u128, mmol_per_l: f64, sd: i64) -> SodiumEvidence {
    let sodium = LogNormal::new(LogMean::ln(mmol_per_l).unwrap(), LogSd::clamped(sd));
    SodiumEvidence::new(day(on), ObservationId(key), sodium, None)
}

fn belief(evidence: &[SodiumEvidence], on: i64) -> LogNormal {
    sodium_posterior(evidence, day(on), None).belief(None)
}

#[test]
fn before_the_first_patch_the_prior_of_the_sex_holds() {
    let later = [patch(10, 1, 60.0, 200_000)];
    for evidence in [&[][..], &later[..]] {
        let known = sodium_posterior(evidence, day(9), Some(Sex::Female));
        assert_eq!(known, SodiumPosterior::NOTHING);
        assert_eq!(
            known.belief(Some(Sex::Female)),
            sodium_prior(Some(Sex::Female))
        );
        assert_eq!(known.predictive(None), sodium_prior(None));
    }
}

#[test]
fn a_patch_moves_the_belief_by_its_precision() {
    // 1/0.09 and 1/0.04: the patch has 9 parts in 13, and 1/√36.11 is left.
    let known = belief(&[patch(10, 1, 60.0, 200_000)], 10);
    let expected = (36.0_f64.ln() * 4.0 + 60.0_f64.ln() * 9.0) / 13.0;
    assert!(
        (known.log_mean.natural() - expected).abs() < 1e-4,
        "{known:?}"
    );
    assert!((known.log_sd.natural() - 0.1664).abs() < 1e-4, "{known:?}");
    let tomorrow = sodium_posterior(&[patch(10, 1, 60.0, 200_000)], day(10), None).predictive(None);
    assert!((tomorrow.log_sd.natural() - (0.1664_f64.powi(2) + 0.01).sqrt()).abs() < 1e-4);
}

#[test]
fn a_patch_of_long_ago_is_forgotten_towards_the_prior() {
    let evidence = [patch(0, 1, 60.0, 200_000)];
    let at = |on| belief(&evidence, on);
    // After 30 days its variance is 0.04 + 0.0225.
    let weight = (1.0 / 0.0625) / (1.0 / 0.09 + 1.0 / 0.0625);
    let expected = 36.0_f64.ln() + weight * (60.0_f64 / 36.0).ln();
    assert!((at(30).log_mean.natural() - expected).abs() < 1e-4);
    for [sooner, later] in [[0, 30], [30, 365], [365, 3_650]] {
        assert!(at(sooner).log_mean > at(later).log_mean);
        assert!(at(sooner).log_sd < at(later).log_sd);
    }
    assert!(at(100_000).log_mean.get() - sodium_prior(None).log_mean.get() < 2_000);
    let endless = sodium_posterior(&evidence, Instant(i64::MAX), None);
    assert!(endless.belief(None).log_sd <= sodium_prior(None).log_sd);
}

#[test]
fn a_patch_in_a_hard_workout_is_taken_to_the_usual_rate() {
    let sodium = LogNormal::new(LogMean::ln(50.0).unwrap(), LogSd::clamped(200_000));
    let hard = LogMean::from_natural(1.5_f64.ln());
    let taken = SodiumEvidence::new(day(0), ObservationId(1), sodium, hard);
    let expected = 50.0 / 1.5_f64.powf(0.6);
    assert!((taken.log_mean.natural() - expected.ln()).abs() < 1e-5);
    let sd = (0.04 + (0.4 * 1.5_f64.ln()).powi(2)).sqrt();
    assert!((taken.log_sd.natural() - sd).abs() < 1e-5);
    let plain = SodiumEvidence::new(day(0), ObservationId(1), sodium, None);
    assert_eq!(
        (plain.log_mean, plain.log_sd),
        (sodium.log_mean, sodium.log_sd)
    );
}

fn any_evidence() -> impl Strategy<Value = SodiumEvidence> {
    (-50_i64..50, any::<u8>(), any::<i64>(), any::<i64>()).prop_map(|(on, key, mean, sd)| {
        SodiumEvidence {
            at: day(on),
            observation: ObservationId(u128::from(key)),
            log_mean: LogMean::clamped(mean),
            log_sd: LogSd::clamped(sd),
        }
    })
}

proptest! {
    #[test]
    fn order_and_doubles_do_not_matter(
        evidence in prop::collection::vec(any_evidence(), 0..10), until in -60_i64..60,
    ) {
        let mut other: Vec<_> = evidence.iter().rev().copied().collect();
        other.extend(evidence.first());
        let one = sodium_posterior(&evidence, day(until), None);
        prop_assert_eq!(one, sodium_posterior(&other, day(until), None));
        prop_assert!(one.predictive(None).log_sd <= sodium_prior(None).log_sd);
    }

    #[test]
    fn a_patch_never_widens_the_belief(
        evidence in prop::collection::vec(any_evidence(), 0..8), one in any_evidence(),
    ) {
        let mut more = evidence.clone();
        more.push(one);
        prop_assert!(belief(&more, 60).log_sd <= belief(&evidence, 60).log_sd);
    }
}
