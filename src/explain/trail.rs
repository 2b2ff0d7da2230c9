//! One athlete's way through the log: where facts lie, what each observation was read from, and the
//! raw records at the end of it.
//!
//! A fact is looked for around the time that it says of itself, because the log has no index but its
//! order; only what is not there is looked for in the whole log.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use schemas::AnyRecord;
use schemas::record::Micros;
use schemas::record::ingest::RawReceived;
use schemas::record::observation::ObservationRecorded;
use sinks_api::dto::{Place, RawExplained};
use sinks_store::rfc3339;
use stream_embedded::{EmbeddedReader, Filter, Stored};
use stream_log::{Failure, Key, LogTime, Offset, Record, Sequenced};

/// Requests overtake each other by less.
const OVERTAKING_US: i64 = 10_000_000;
/// Facts follow their cause at once, or after what a busy log got in between.
const FACTS_BEHIND_MAX: u64 = 20_000;
/// Characters of a body that are shown.
const EXCERPT_CHARS_MAX: usize = 400;

/// What is looked for.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// Facts by id, with the time at which they were recorded.
    pub(super) facts: BTreeMap<String, Micros>,
    pub(super) observations: BTreeMap<String, Arrivals>,
}

/// When an observation was told, as far as that is known.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    /// First arrivals of its contents: each has a fact that says so, but where a copy turned out to
    /// have come earlier, or a content was old when it came.
    pub(super) first: BTreeSet<Micros>,
    /// The last arrival: what was fetched or sent in again lies there.
    pub(super) last: Option<Micros>,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) facts: BTreeMap<String, Place>,
    /// In log order.
    pub(super) observations: BTreeMap<String, Vec<(Place, ObservationRecorded)>>,
}

pub(super) fn follow(
    reader: &EmbeddedReader,
    athlete: &Key,
    wanted: &Wanted,
) -> Result<Found, Failure> {
    let head = Offset(reader.next_seq()?.0.saturating_sub(1));
    let mut found = Found::default();
    for (after, until) in windows(reader, wanted, head)? {
        look(reader, athlete, wanted, (after, until), &mut found)?;
    }
    if !is_complete(wanted, &found) {
        found = Found::default();
        look(reader, athlete, wanted, (Offset(0), head), &mut found)?;
    }
    Ok(found)
}

/// Where to look first, ascending and apart.
fn windows(
    reader: &EmbeddedReader,
    wanted: &Wanted,
    head: Offset,
) -> Result<Vec<(Offset, Offset)>, Failure> {
    let arrivals = wanted.observations.values();
    let arrivals = arrivals.flat_map(|told| told.first.iter().chain(&told.last));
    let times: BTreeSet<Micros> = wanted.facts.values().chain(arrivals).copied().collect();
    let mut windows: Vec<(Offset, Offset)> = Vec::new();
    for at in times {
        let after = reader.before(LogTime(at.0.saturating_sub(OVERTAKING_US)))?;
        let until = reader.before(LogTime(at.0.saturating_add(OVERTAKING_US)))?;
        let until = Offset(until.0.saturating_add(FACTS_BEHIND_MAX)).min(head);
        match windows.last_mut() {
            Some(last) if after <= last.1 => last.1 = last.1.max(until),
            _ => windows.push((after, until)),
        }
    }
    Ok(windows)
}

fn look(
    reader: &EmbeddedReader,
    athlete: &Key,
    wanted: &Wanted,
    (after, until): (Offset, Offset),
    found: &mut Found,
) -> Result<(), Failure> {
    let filter = Filter {
        key: Some(athlete),
        ..Filter::default()
    };
    reader.visit_some(after, until, &filter, &mut |stored| {
        take(wanted, &stored, found);
        ControlFlow::Continue(())
    })
}

fn take(wanted: &Wanted, stored: &Stored, found: &mut Found) {
    let read = &stored.sequenced;
    if let Some(id) = header(&read.record, "ce_id")
        && wanted.facts.contains_key(id)
    {
        found.facts.insert(id.to_owned(), place(read));
    }
    if read.record.topic.0 != schemas::topic::OBSERVATIONS {
        return;
    }
    // A damaged record is for `verify` to tell of; an explanation shows what can be read.
    let Ok(fact) = schemas::decode::<ObservationRecorded>(&read.record.value) else {
        return;
    };
    if wanted.observations.contains_key(&fact.observation_id) {
        let of = found.observations.entry(fact.observation_id.clone());
        of.or_default().push((place(read), fact));
    }
}

fn is_complete(wanted: &Wanted, found: &Found) -> bool {
    let told = |(id, arrivals): (&String, &Arrivals)| {
        let Some(facts) = found.observations.get(id) else {
            return false;
        };
        arrivals
            .first
            .iter()
            .all(|at| facts.iter().any(|(_, fact)| fact.received_at == *at))
    };
    wanted.facts.keys().all(|id| found.facts.contains_key(id))
        && wanted.observations.iter().all(told)
}

/// The raw record that an observation was read from: at the place that its cause names.
pub(super) fn raw_of(
    reader: &EmbeddedReader,
    place: &Place,
    fact: &ObservationRecorded,
) -> Result<Option<RawExplained>, Failure> {
    let offset = place.cause.as_deref().and_then(offset_of);
    let Some(stored) = offset.map(|at| reader.at(at)).transpose()?.flatten() else {
        return Ok(None);
    };
    let read = stored.sequenced;
    let raw = match schemas::decode_any(&read.record.value) {
        Ok(AnyRecord::RawReceived(raw)) if raw.id == fact.raw_id => raw,
        _ => return Ok(None),
    };
    Ok(Some(shown(&read, &raw)))
}

fn shown(read: &Sequenced, raw: &RawReceived) -> RawExplained {
    RawExplained {
        raw_id: raw.id.clone(),
        topic: read.record.topic.0.to_owned(),
        partition: read.partition.0,
        offset: read.offset.0,
        received_at: rfc3339(raw.received_at),
        kind: raw.kind.clone(),
        account_id: raw.account_id.clone(),
        connector: raw.connector.clone(),
        content_type: raw.content_type.clone(),
        body_bytes: u64::try_from(raw.body.len()).unwrap_or(u64::MAX),
        body_sha256: raw.body_sha256.clone(),
        excerpt: excerpt(&raw.body),
    }
}

/// The beginning of a text, cut between characters. `None` for bytes that are no text.
fn excerpt(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    let mut shown: String = text.chars().take(EXCERPT_CHARS_MAX).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    Some(shown)
}

fn place(read: &Sequenced) -> Place {
    Place {
        topic: read.record.topic.0.to_owned(),
        partition: read.partition.0,
        offset: read.offset.0,
        cause: header(&read.record, "cause").map(str::to_owned),
    }
}

fn header<'r>(record: &'r Record, name: &str) -> Option<&'r str> {
    let header = record.headers.iter().find(|header| header.name == name)?;
    std::str::from_utf8(&header.value).ok()
}

/// `topic/partition/offset`, of which the offset says it all within one file.
fn offset_of(cause: &str) -> Option<Offset> {
    cause.rsplit('/').next()?.parse().ok().map(Offset)
}

#[cfg(test)]
mod tests {
    use super::{EXCERPT_CHARS_MAX, excerpt, offset_of};
    use stream_log::Offset;

    #[test]
    fn a_cause_names_its_offset_or_nothing() {
        let cases = [
            ("sudor.raw.garmin/3/17", Some(Offset(17))),
            ("sudor.raw.garmin/3/", None),
            ("", None),
        ];
        for (cause, expected) in cases {
            assert_eq!(offset_of(cause), expected, "{cause}");
        }
    }

    #[test]
    fn an_excerpt_ends_between_characters_and_says_that_it_ends() {
        let long = "ü".repeat(EXCERPT_CHARS_MAX + 1);
        let cut = excerpt(long.as_bytes()).unwrap();
        assert_eq!(cut.chars().count(), EXCERPT_CHARS_MAX + 1);
        assert!(cut.ends_with('…'));
        assert_eq!(excerpt(b"{}").as_deref(), Some("{}"));
        assert_eq!(excerpt(&[0xff, 0xfe]), None);
    }
}
