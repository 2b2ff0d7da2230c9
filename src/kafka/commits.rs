//! Whether each input is in exactly one commit, by what the commits say of themselves.
//!
//! Every record of the changelog names the last inputs of its commit, and the last of a commit in a
//! partition says where the inputs are then. Offsets of an input topic have no gaps, so commits that
//! go on where the one before ended have each input once. What the broker compacted away cannot be
//! looked at; what is left still only goes forward.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, anyhow};
use schemas::topic::CHANGELOG;
use stream_kafka::{Followed, KafkaFollower, Places, StateNews};
use stream_log::{Offset, Partition, Topics};

use crate::config::{Kafka, Settings};
use crate::verify::Findings;

const ONLY: Topics = &[(CHANGELOG, false)];
const BATCH: usize = 4_096;
const WAIT: Duration = Duration::from_millis(200);
/// A broker that says nothing for so many waits, half a minute, is away.
const SILENT_MAX: u32 = 150;

/// Reads the changelog to its end as it is now; how many commits there were.
pub(crate) fn check(
    settings: &Settings,
    kafka: &Kafka,
    findings: &mut Findings,
) -> anyhow::Result<u64> {
    let mut options = super::options(settings, kafka)?;
    options.topics = ONLY;
    let away = || format!("cannot read the commits on Kafka; is {} up?", kafka.brokers);
    let mut follower = KafkaFollower::open(&options, Places::new()).with_context(away)?;
    let mut ends = follower.ends().with_context(away)?;
    let mut chains = Chains::default();
    let mut silent = 0_u32;
    while !ends.is_empty() {
        let news = follower.read(BATCH, WAIT).with_context(away)?;
        follower.pass(&mut ends);
        silent = if news.is_empty() { silent + 1 } else { 0 };
        if silent > SILENT_MAX {
            return Err(anyhow!("the broker is silent")).with_context(away);
        }
        for one in news {
            if let Followed::State {
                partition,
                offset,
                news,
                processed,
            } = one
            {
                chains.take(partition, offset, &processed, news, findings);
            }
        }
    }
    Ok(chains.commits)
}

/// The commits of every partition, one after the other.
#[derive(Default)]
struct Chains {
    partitions: BTreeMap<Partition, Chain>,
    commits: u64,
}

#[derive(Default)]
struct Chain {
    /// The next input of each topic that no commit had.
    next: BTreeMap<String, i64>,
    /// Inputs that the commit in the making named as its last.
    open: Option<Vec<(String, Offset)>>,
}

impl Chains {
    fn take(
        &mut self,
        partition: Partition,
        at: Offset,
        last: &[(String, Offset)],
        news: StateNews,
        findings: &mut Findings,
    ) {
        let chain = self.partitions.entry(partition).or_default();
        let place = format!(
            "partition {}, record {} of the changelog",
            partition.0, at.0
        );
        if !last.is_empty() && chain.open.as_deref() != Some(last) {
            self.commits = self.commits.saturating_add(1);
            chain.begin(last, &place, findings);
        }
        if let StateNews::Inputs(next) = news {
            chain.end(last, next, &place, findings);
        }
    }
}

impl Chain {
    fn begin(&mut self, last: &[(String, Offset)], place: &str, findings: &mut Findings) {
        for (topic, offset) in last {
            let next = self.next.entry(topic.clone()).or_insert(0);
            let offset = i64::try_from(offset.0).unwrap_or(i64::MAX);
            if offset < *next {
                findings.add(
                    "input_committed_again",
                    format!("{place}: {topic} up to {offset}, and an earlier commit had all before {next}"),
                );
            }
            *next = offset.saturating_add(1).max(*next);
        }
        self.open = Some(last.to_vec());
    }

    fn end(
        &mut self,
        last: &[(String, Offset)],
        told: BTreeMap<String, i64>,
        place: &str,
        findings: &mut Findings,
    ) {
        for (topic, told) in told {
            let next = self.next.entry(topic.clone()).or_insert(told);
            if told < *next {
                findings.add(
                    "position_back",
                    format!(
                        "{place}: {topic} goes on at {told}, and commits had all before {next}"
                    ),
                );
            }
            // What no commit named can only have been in one that is compacted away, with its end.
            let named = last.iter().any(|(named, _)| *named == topic);
            if named && told > *next {
                findings.add(
                    "input_in_no_commit",
                    format!(
                        "{place}: {topic} goes on at {told}, and its commit ended before {next}"
                    ),
                );
            }
            *next = told.max(*next);
        }
        self.open = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A commit a line: inputs that it names, and where they are afterwards.
    fn check(commits: &str) -> Vec<&'static str> {
        let (mut chains, mut findings) = (Chains::default(), Findings::default());
        for (at, line) in (0..).zip(commits.lines()) {
            let (last, next) = line.split_once("->").unwrap();
            let pairs = |text: &str| -> Vec<(String, i64)> {
                let pairs = text
                    .split_whitespace()
                    .map(|one| one.split_once(':').unwrap());
                pairs
                    .map(|(topic, at)| (topic.to_owned(), at.parse().unwrap()))
                    .collect()
            };
            let last: Vec<(String, Offset)> = pairs(last)
                .into_iter()
                .map(|(topic, at)| (topic, Offset(u64::try_from(at).unwrap())))
                .collect();
            let next = StateNews::Inputs(pairs(next).into_iter().collect());
            let counter = StateNews::Counter("n".to_owned(), 1);
            for news in [counter, next] {
                chains.take(Partition(0), Offset(at), &last, news, &mut findings);
            }
        }
        findings
            .into_first()
            .into_iter()
            .map(|one| one.what)
            .collect()
    }

    #[test]
    fn commits_that_go_on_where_the_last_one_ended_have_each_input_once() {
        assert_eq!(
            check("a:0 -> a:1\na:4 -> a:5\na:5 b:2 -> a:6 b:3\nb:3 -> a:6 b:4"),
            [""; 0]
        );
        // What lies between is compacted away.
        assert_eq!(check("a:9 -> a:10 b:7\nb:20 -> a:30 b:21"), [""; 0]);
    }

    #[test]
    fn a_commit_that_is_there_twice_is_found() {
        assert_eq!(check("a:4 -> a:5\na:4 -> a:5"), ["input_committed_again"]);
        let two_owners = "a:4 -> a:5\na:6 -> a:7\na:5 -> a:6";
        assert_eq!(
            check(two_owners),
            ["input_committed_again", "position_back"]
        );
    }

    #[test]
    fn a_commit_that_says_more_than_it_had_is_found() {
        assert_eq!(check("a:4 -> a:5\na:6 -> a:9"), ["input_in_no_commit"]);
    }
}
