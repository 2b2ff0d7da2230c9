//! The log by itself: dense numbers, intact bytes, rising revisions, and a recount of L2.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use schemas::AnyRecord;
use schemas::record::ingest::RawReceived;
use schemas::record::loss::WeatherRequested;
use schemas::topic::{self, Direction};
use stream_embedded::EmbeddedReader;
use stream_log::{Offset, Partition};

use super::Findings;
use super::facts::Facts;
use crate::adapters::FETCH_RESULT;
use crate::progress::Progress;
use crate::topics::KAFKA_OFFSET;

/// The stage of a dead letter that no rule wrote: one failed on it.
const ENGINE: &str = "engine";

/// Questions to the weather service, and which of them were answered.
#[derive(Debug, Default)]
pub(crate) struct Weather {
    asked: BTreeSet<(String, String)>,
    answered: BTreeSet<(String, String)>,
}

impl Weather {
    fn asked(&mut self, request: &WeatherRequested) {
        let whole = |degrees: f64| (degrees * 10.0).round() as i64;
        let hour = request.hour.0.div_euclid(1_000_000);
        let (lat, lon) = (whole(request.lat_cell), whole(request.lon_cell));
        let question = format!("{lat},{lon}@{hour}/{}", request.attempt);
        self.asked.insert((request.athlete_id.clone(), question));
    }

    fn answered(&mut self, raw: &RawReceived) {
        /// What is read of an answer.
        #[derive(serde::Deserialize)]
        struct Answer {
            attempt: i32,
        }
        let (Some(athlete), Some(key)) = (&raw.athlete_id, &raw.provider_id) else {
            return;
        };
        if let Ok(Answer { attempt }) = serde_json::from_slice(&raw.body) {
            let question = format!("{key}/{attempt}");
            self.answered.insert((athlete.clone(), question));
        }
    }

    /// How many questions are open.
    pub(crate) fn open(&self) -> i64 {
        let open = self.asked.difference(&self.answered).count();
        i64::try_from(open).unwrap_or(i64::MAX)
    }
}

/// What the log holds.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    pub(crate) records: u64,
    /// Inputs up to the committed positions.
    pub(crate) inputs: u64,
    /// Inputs after them.
    pub(crate) pending: u64,
    pub(crate) facts: Facts,
    /// Processed items per source; replays are no new items.
    pub(crate) received: BTreeMap<String, i64>,
    /// Items that the engine set aside because a rule failed on them.
    pub(crate) set_aside: BTreeSet<String>,
    pub(crate) weather: Weather,
    /// Records that are past retention, and athletes of whom some are.
    pub(crate) removed: u64,
    pub(crate) trimmed: BTreeSet<String>,
    /// In a copy of a log on Kafka: the next input of each topic's partition.
    places: BTreeMap<(&'static str, Partition), u64>,
}

impl Counted {
    /// Inputs have no gaps on Kafka, so they have none in a copy.
    fn place(&mut self, read: &stream_log::Sequenced, findings: &mut Findings) {
        let (topic, partition) = (read.record.topic.0, read.partition);
        let mut headers = read.record.headers.iter();
        let told = headers.find(|header| header.name == KAFKA_OFFSET);
        let told = told.and_then(|header| std::str::from_utf8(&header.value).ok()?.parse().ok());
        let Some(offset): Option<u64> = told else {
            return;
        };
        let next = self.places.entry((topic, partition)).or_insert(offset);
        let place = format!("{topic} partition {}", partition.0);
        if offset > *next {
            let missing = format!("{place}: {next} to {} are not in the copy", offset - 1);
            findings.add("input_missing", missing);
        }
        if offset < *next {
            let doubled =
                format!("{place}: {offset} is in the copy again, after all before {next}");
            findings.add("input_doubled", doubled);
        }
        *next = offset.saturating_add(1).max(*next);
    }
}

pub(crate) fn walk(
    reader: &EmbeddedReader,
    findings: &mut Findings,
    progress: &Progress,
) -> anyhow::Result<Counted> {
    let positions = reader.positions()?;
    let next = reader.next_seq()?.0;
    let mut counted = Counted::default();
    // What is past retention is no gap.
    let mut last = reader.first_seq()?.0.saturating_sub(1);
    counted.removed = last;
    counted.trimmed = reader.trimmed()?;
    reader.visit(Offset(0), &mut |stored| {
        let seq = stored.sequenced.offset.0;
        if seq != last + 1 {
            findings.add("log_gap", format!("record {} follows {last}", seq));
        }
        last = seq;
        progress.advance(1);
        counted.records += 1;
        if !stored.crc_ok {
            findings.add(
                "log_altered",
                format!("record {seq} does not match its checksum"),
            );
            return ControlFlow::Continue(());
        }
        take(&mut counted, findings, &positions, &stored.sequenced);
        ControlFlow::Continue(())
    })?;
    if last + 1 != next {
        findings.add(
            "log_tail",
            format!(
                "the log ends with record {last}, the writer gave {}",
                next.saturating_sub(1)
            ),
        );
    }
    for (partition, position) in &positions {
        if position.0 > last {
            findings.add(
                "position_ahead",
                format!(
                    "partition {} is processed up to {}, the log ends with {last}",
                    partition.0, position.0
                ),
            );
        }
    }
    Ok(counted)
}

fn take(
    counted: &mut Counted,
    findings: &mut Findings,
    positions: &BTreeMap<Partition, Offset>,
    read: &stream_log::Sequenced,
) {
    let name = read.record.topic.0;
    let input = topic::CATALOGUE
        .iter()
        .any(|spec| spec.name == name && spec.direction == Direction::Input);
    let processed = positions
        .get(&read.partition)
        .is_some_and(|position| read.offset <= *position);
    if input {
        counted.place(read, findings);
    }
    match (input, processed) {
        (true, true) => counted.inputs += 1,
        (true, false) => counted.pending += 1,
        (false, _) => {}
    }
    match schemas::decode_any(&read.record.value) {
        Ok(AnyRecord::RawReceived(raw)) => {
            // Only ingest itself says how a fetch ended.
            if processed && raw.replay_of.is_none() && raw.kind != FETCH_RESULT {
                *counted.received.entry(raw.source.clone()).or_default() += 1;
            }
            if processed && raw.source == "weather" {
                counted.weather.answered(&raw);
            }
        }
        Ok(AnyRecord::WeatherRequested(request)) => counted.weather.asked(&request),
        Ok(AnyRecord::RecordRejected(letter)) if letter.stage == ENGINE => {
            counted.set_aside.insert(letter.raw_id);
        }
        // What comes first of an athlete may be anything, once its beginning was removed.
        Ok(record) => {
            let strict = !counted.trimmed.contains(read.record.key.as_str());
            counted
                .facts
                .take(&record, read.offset, strict.then_some(findings));
        }
        Err(_) if input => {}
        Err(error) => {
            findings.add(
                "record_unreadable",
                format!("record {} of {name}: {error}", read.offset.0),
            );
        }
    }
}
