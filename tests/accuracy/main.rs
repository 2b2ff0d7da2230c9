//! The merge is as good as it claims to be: worlds whose truth is known, split by the real connectors,
//! run through the real steps, and scored.
//!
//! The seeds are never used while rules are tuned. Half of the sessions are hard ones here, so that
//! small worlds hold enough of each kind; `docs/accuracy.md` has the scores of large worlds.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]
#![expect(clippy::indexing_slicing, reason = "indices are made from lengths")]

mod replay;

use ingest_simulator::{Mix, Rival, Score, Scorer, Spread, WorldOptions, baselines, world_of};

use replay::Replay;

const SEEDS: [u64; 3] = [1_000, 1_007, 1_013];
/// 2026-04-05T00:00:00Z: both clock changes of spring lie in the twenty days before.
const END: i64 = 1_775_347_200_000_000;
const ATHLETES: u32 = 60;
const DAYS: u32 = 14;
const HARD_PART: f64 = 0.5;

const SESSIONS_F1_MIN: f64 = 0.995;
const TAG_F1_MIN: f64 = 0.97;
const NIGHTS_F1_MIN: f64 = 0.99;
const WRONG_PAIRS_PART_MAX: f64 = 0.001;
const ASLEEP_P95_MAX_S: f64 = 300.0;
const SUSPECTED_PART_MIN: f64 = 0.97;
/// How much worse than a source alone a percentile may be: in a small world a few sessions move it.
const RIVAL_SLACK_S: f64 = 5.0;
const RIVAL_SLACK_PCT: f64 = 0.1;

struct Scores {
    own: Score,
    simpler: Vec<(&'static str, Score)>,
}

fn scores(seeds: &[u64]) -> Scores {
    let mut own = Scorer::new();
    let mut simpler: Vec<(&'static str, Scorer)> = Vec::new();
    for seed in seeds {
        let options = WorldOptions {
            athletes: ATHLETES,
            days: DAYS,
            seed: *seed,
            end: END,
        };
        let mut mix = Mix::default();
        mix.scene.part = HARD_PART;
        let replay = Replay::new();
        for world in world_of(options, mix) {
            own.add(&world.truth, &replay.told(&world));
            for (index, (name, told)) in baselines(&world.truth).into_iter().enumerate() {
                if simpler.len() == index {
                    simpler.push((name, Scorer::new()));
                }
                simpler[index].1.add(&world.truth, &told);
            }
        }
    }
    Scores {
        own: own.finish(),
        simpler: simpler
            .into_iter()
            .map(|(name, scorer)| (name, scorer.finish()))
            .collect(),
    }
}

/// Every threshold that `score` misses, in words.
fn misses(score: &Score) -> Vec<String> {
    let mut misses = Vec::new();
    let mut at_least = |what: String, value: f64, min: f64| {
        if value < min {
            misses.push(format!("{what}: {value:.4}, at least {min}"));
        }
    };
    at_least("sessions F1".to_owned(), score.sessions.f1, SESSIONS_F1_MIN);
    at_least("nights F1".to_owned(), score.nights.f1, NIGHTS_F1_MIN);
    for (tag, one) in score.session_tags.iter().chain(&score.night_tags) {
        at_least(
            format!("{tag} F1 of {} records", one.records),
            one.f1,
            TAG_F1_MIN,
        );
    }
    let right = 1.0 - score.pairs.wrong_part();
    at_least("right pairs".to_owned(), right, 1.0 - WRONG_PAIRS_PART_MAX);
    let asleep = score.field_errors.asleep_s.p95.unwrap_or(f64::MAX);
    at_least(
        "minus time asleep p95".to_owned(),
        -asleep,
        -ASLEEP_P95_MAX_S,
    );
    at_least(
        "minus clocks joined".to_owned(),
        -(score.suspects.joined as f64),
        0.0,
    );
    let suspects = &score.suspects;
    at_least(
        "wrong clocks suspected".to_owned(),
        suspects.listed as f64 / suspects.records.max(1) as f64,
        SUSPECTED_PART_MIN,
    );
    for (device, one) in &score.rivals {
        for (field, slack, ours, theirs) in errors(one) {
            for (ours, theirs) in [(ours.median, theirs.median), (ours.p95, theirs.p95)] {
                let worse = ours.unwrap_or_default() - theirs.unwrap_or_default();
                at_least(
                    format!("{field} beside {device} alone, minus"),
                    -worse,
                    -slack,
                );
            }
        }
    }
    misses
}

/// What every source tells: ours, and the source's own.
fn errors(one: &Rival) -> [(&'static str, f64, Spread, Spread); 4] {
    let (ours, theirs) = (&one.ours, &one.theirs);
    [
        ("start", RIVAL_SLACK_S, ours.start_s, theirs.start_s),
        ("end", RIVAL_SLACK_S, ours.end_s, theirs.end_s),
        (
            "distance",
            RIVAL_SLACK_PCT,
            ours.distance_pct,
            theirs.distance_pct,
        ),
        (
            "duration",
            RIVAL_SLACK_PCT,
            ours.duration_pct,
            theirs.duration_pct,
        ),
    ]
}

#[test]
fn three_worlds_score_what_the_merge_claims() {
    let Scores { own, simpler } = scores(&SEEDS);
    assert!(own.session_tags.len() > 15, "{:?}", own.session_tags.keys());
    let misses = misses(&own);
    assert!(misses.is_empty(), "{}", misses.join("\n"));
    for (name, score) in simpler {
        assert!(own.sessions.f1 > score.sessions.f1, "{name} is as good");
    }
}

#[test]
fn a_merge_that_joins_nothing_or_too_much_is_found_out() {
    let [_, (_, only_one)] = scores(&SEEDS[..1]).simpler.try_into().ok().unwrap();
    let found = misses(&only_one);
    assert!(
        found.iter().any(|miss| miss.starts_with("sessions F1")),
        "{found:?}"
    );
}
