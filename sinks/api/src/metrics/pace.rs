//! The last ten minutes in steps of ten seconds, for the page of the pipeline: what a person looks at
//! who has no Prometheus.

use std::collections::BTreeMap;

use super::Committed;

const STEP_S: i64 = 10;
const STEPS: i64 = 60;
/// Steps of the last minute.
const MINUTE: i64 = 6;

#[derive(Debug, Default)]
pub(super) struct Ring(BTreeMap<i64, Step>);

#[derive(Clone, Copy, Debug, Default)]
struct Step {
    inputs: u64,
    commits: u64,
    commit_s: f64,
    batches: u64,
    waited_s: f64,
}

/// The figures of the page.
pub(crate) struct Pace {
    /// Items in each step, the oldest first.
    pub(crate) columns: Vec<f64>,
    pub(crate) per_s: f64,
    pub(crate) commit_mean_s: Option<f64>,
    pub(crate) ingest_to_sink_mean_s: Option<f64>,
}

impl Ring {
    pub(super) fn committed(&mut self, commit: &Committed) {
        let step = self.at(commit.at_s);
        step.inputs += commit.inputs;
        step.commits += 1;
        step.commit_s += commit.took_s;
    }

    pub(super) fn stored(&mut self, waited_s: f64, at_s: f64) {
        let step = self.at(at_s);
        step.batches += 1;
        step.waited_s += waited_s;
    }

    fn at(&mut self, at_s: f64) -> &mut Step {
        let step = at_s as i64 / STEP_S;
        self.0.retain(|known, _| *known > step - STEPS - 1);
        self.0.entry(step).or_default()
    }

    pub(super) fn pace(&self, now_us: i64) -> Pace {
        let last = now_us / 1_000_000 / STEP_S;
        let of = |step: i64| self.0.get(&step).copied().unwrap_or_default();
        let columns = (last - STEPS + 1..=last)
            .map(|step| of(step).inputs as f64)
            .collect();
        let minute: Vec<Step> = (last - MINUTE + 1..=last).map(of).collect();
        let inputs: u64 = minute.iter().map(|step| step.inputs).sum();
        let mean = |sum: f64, count: u64| (count > 0).then(|| sum / count as f64);
        let commits = minute.iter().map(|step| step.commits).sum();
        let batches = minute.iter().map(|step| step.batches).sum();
        Pace {
            columns,
            per_s: inputs as f64 / (MINUTE * STEP_S) as f64,
            commit_mean_s: mean(minute.iter().map(|step| step.commit_s).sum(), commits),
            ingest_to_sink_mean_s: mean(minute.iter().map(|step| step.waited_s).sum(), batches),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_minute_is_meant_and_older_steps_are_forgotten() {
        let mut ring = Ring::default();
        let commit = |at_s: f64, inputs| Committed {
            inputs,
            outputs: 0,
            took_s: 0.5,
            at_s,
        };
        ring.committed(&commit(5.0, 600));
        ring.committed(&commit(1_000.0, 60));
        ring.stored(2.0, 1_001.0);
        let pace = ring.pace(1_005_000_000);
        assert_eq!(
            (pace.columns.len(), pace.columns.last().copied()),
            (60, Some(60.0))
        );
        assert!((pace.per_s - 1.0).abs() < 1e-9);
        assert_eq!(
            (pace.commit_mean_s, pace.ingest_to_sink_mean_s),
            (Some(0.5), Some(2.0))
        );
        assert_eq!(ring.0.len(), 1);
        assert_eq!(ring.pace(9_000_000_000).commit_mean_s, None);
    }
}
