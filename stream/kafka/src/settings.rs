//! What a host is opened with, and its limits.

use std::path::PathBuf;
use std::time::Duration;

use stream_log::{LogTime, Topics};

/// One catalogue, many settings: what a topic is made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicSpec {
    pub name: &'static str,
    /// The last record of a key stays; everything else stays too where this is false.
    pub compacted: bool,
    /// Largest record, with room for its envelope.
    pub record_bytes_max: u32,
}

/// How members of a group agree on who owns what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GroupProtocol {
    /// The broker assigns (brokers from 4.0 on).
    #[default]
    Consumer,
    /// The members assign among themselves, moving only what has to move.
    Classic,
}

/// How a broker knows us, and we it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Security {
    pub tls: bool,
    /// A file of certificates that are trusted; without it, the system's.
    pub ca_file: Option<PathBuf>,
    /// SCRAM-SHA-512.
    pub user: Option<String>,
    pub password: Option<String>,
}

#[derive(Clone, Debug)]
pub struct KafkaOptions {
    /// `host:port`, separated by commas.
    pub brokers: String,
    /// Stands before every topic, group and transactional id: several worlds on one broker.
    pub prefix: String,
    pub group: String,
    /// Which derivation of the inputs this is: from 2 on, topics that are not read by processors, groups
    /// and transactional ids have it in their names.
    pub generation: u32,
    /// Names this process over its restarts, so that a new life shuts out the last one.
    pub instance: String,
    pub group_protocol: GroupProtocol,
    pub partitions: u32,
    /// Every topic's name, and whether the processors read it.
    pub topics: Topics,
    /// Topic of the state's changes.
    pub changelog: &'static str,
    /// Where partitions keep their state between two lives.
    pub state: PathBuf,
    pub security: Security,
    /// Ids of schemas, where they are not those of the lock file.
    pub ids: std::sync::Arc<crate::registry::SchemaIds>,
    pub limits: KafkaLimits,
    /// The time of day; kept state has an age.
    pub now: fn() -> LogTime,
}

/// Named limits; the defaults are those of production, tests shorten them.
#[derive(Clone, Copy, Debug)]
pub struct KafkaLimits {
    /// Least time between the beginnings of two commits; what arrives in between is one batch. Below
    /// 50 ms a broker pays more for transactions than anybody gains.
    pub commit_interval: Duration,
    /// How long a poll waits for the first record.
    pub poll_wait: Duration,
    /// How long one call to a broker may take before it is made again.
    pub call: Duration,
    /// How long a transaction may stay open. Also how long the partitions of a host that died in
    /// the middle of one are blocked.
    pub transaction: Duration,
    /// A call that did not return by then, with its retries, ends the process. Longer than
    /// `transaction`: a call that still answers is given up in an orderly way before.
    pub watchdog: Duration,
    /// A member that is not heard of for so long is taken for dead (classic protocol; otherwise it
    /// is the broker's setting).
    pub session: Duration,
    /// A member that does not poll for so long is taken for stuck.
    pub max_poll_interval: Duration,
    /// How long ingest waits for its records to be durable before it refuses.
    pub delivery: Duration,
    /// Bytes that wait for the broker at ingest; beyond it, appends are refused.
    pub queued_bytes: usize,
    /// Bytes that are fetched ahead.
    pub prefetch_kib: usize,
    /// How often a client tells its counts.
    pub statistics: Duration,
}

impl Default for KafkaLimits {
    fn default() -> Self {
        Self {
            commit_interval: Duration::from_millis(50),
            poll_wait: Duration::from_millis(50),
            call: Duration::from_secs(5),
            transaction: Duration::from_secs(15),
            watchdog: Duration::from_secs(25),
            session: Duration::from_secs(10),
            max_poll_interval: Duration::from_mins(2),
            delivery: Duration::from_secs(8),
            queued_bytes: 64 * 1024 * 1024,
            prefetch_kib: 16 * 1024,
            statistics: Duration::from_millis(500),
        }
    }
}

impl KafkaOptions {
    /// A topic's name on the broker. Inputs, and what is no part of the log, are of all generations.
    pub fn topic(&self, name: &str) -> String {
        let suffix = if self.is_derived(name) {
            self.suffix()
        } else {
            String::new()
        };
        format!("{}{name}{suffix}", self.prefix)
    }

    fn is_derived(&self, name: &str) -> bool {
        let listed = self.topics.iter().find(|(known, _)| *known == name);
        listed.map_or(name == self.changelog, |(_, input)| !*input)
    }

    /// Names of the first generation are those without one.
    fn suffix(&self) -> String {
        if self.generation > 1 {
            format!(".g{}", self.generation)
        } else {
            String::new()
        }
    }

    /// The catalogue's own name of a topic on the broker.
    pub(crate) fn known(&self, name: &str) -> Option<&'static str> {
        let bare = name.strip_prefix(&self.prefix)?;
        let suffix = self.suffix();
        let mut topics = self.topics.iter();
        topics
            .find(|(known, input)| {
                let own = if *input { "" } else { suffix.as_str() };
                bare.strip_prefix(known) == Some(own)
            })
            .map(|(known, _)| *known)
    }

    pub(crate) fn inputs(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.topics
            .iter()
            .filter(|(_, input)| *input)
            .map(|(name, _)| *name)
    }

    pub(crate) fn group(&self) -> String {
        self.group_named(&self.group)
    }

    /// The name on the broker of a group that belongs to this generation.
    pub(crate) fn group_named(&self, name: &str) -> String {
        format!("{}{name}{}", self.prefix, self.suffix())
    }

    pub(crate) fn transactional_id(&self) -> String {
        format!("{}.{}", self.group(), self.instance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(generation: u32) -> KafkaOptions {
        KafkaOptions {
            brokers: String::new(),
            prefix: "p.".to_owned(),
            group: "processing".to_owned(),
            generation,
            instance: "one".to_owned(),
            group_protocol: GroupProtocol::Classic,
            partitions: 1,
            topics: &[("raw", true), ("facts", false), ("changelog", false)],
            changelog: "changelog",
            state: PathBuf::new(),
            security: Security::default(),
            ids: std::sync::Arc::default(),
            limits: KafkaLimits::default(),
            now: || LogTime(0),
        }
    }

    #[test]
    fn generations_share_what_is_read_and_nothing_that_is_written() {
        let (first, second) = (options(1), options(2));
        let names = "\
            raw        p.raw        p.raw
            control    p.control    p.control
            facts      p.facts      p.facts.g2
            changelog  p.changelog  p.changelog.g2";
        for line in names.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            assert_eq!([first.topic(words[0]), second.topic(words[0])], words[1..]);
        }
        assert_eq!(second.known("p.facts.g2"), Some("facts"));
        assert_eq!(second.known("p.raw"), Some("raw"));
        for other in ["p.facts", "p.facts.g3", "p.raw.g2", "facts.g2"] {
            assert_eq!(second.known(other), None, "{other}");
        }
        assert_eq!(first.known("p.facts.g2"), None);
        assert_eq!(
            [first.group(), second.group()],
            ["p.processing", "p.processing.g2"]
        );
        assert_eq!(second.transactional_id(), "p.processing.g2.one");
    }
}
