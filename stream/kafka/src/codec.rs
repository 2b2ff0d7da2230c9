//! Records as Kafka carries them, and the records of the changelog.
//!
//! A record's key, value and headers are Kafka's own. `received_at` is a header of eight bytes (big
//! endian microseconds), because Kafka's timestamp has milliseconds only; a record of somebody else
//! without it arrived at its timestamp.
//!
//! Changelog key: one byte of kind, then
//! * `S`: bucket (4 bytes, big endian, sign flipped so that it sorts), athlete;
//! * `T`: length of the athlete (2 bytes), athlete, timer id;
//! * `C`: name of the counter;
//! * `F`: nothing more: the mark of an owner, see `restore`;
//! * `P`: nothing more: where the inputs are, a line for each topic with its next record.
//!
//! Changelog value: the state's own bytes; the timer's due time or the count as 8 bytes, big endian;
//! the mark. No value means that it is gone. It is a format: topics keep it for ever.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use crate::registry::SchemaIds;
use rdkafka::message::{BorrowedMessage, Header as KafkaHeader, Headers, Message, OwnedHeaders};
use stream_log::{
    BucketId, Bytes, Class, Failure, Header, Key, LogTime, Offset, Partition, Record, Sequenced,
    Topic,
};

const RECEIVED_AT: &str = "received_at";
pub(crate) const SOURCE: &str = "source";
/// Names of headers that others made up; each is kept for ever.
const NAMES_MAX: usize = 1_024;

pub(crate) fn headers(record: &Record) -> OwnedHeaders {
    let at = record.received_at.0.to_be_bytes();
    let mut headers = OwnedHeaders::new_with_capacity(record.headers.len().saturating_add(1))
        .insert(KafkaHeader {
            key: RECEIVED_AT,
            value: Some(&at),
        });
    for header in &record.headers {
        headers = headers.insert(KafkaHeader {
            key: header.name,
            value: Some(&*header.value),
        });
    }
    headers
}

/// The inputs that led to a change, in a header of its record.
pub(crate) fn source(positions: Option<&Vec<u8>>) -> OwnedHeaders {
    match positions {
        Some(positions) => OwnedHeaders::new().insert(KafkaHeader {
            key: SOURCE,
            value: Some(positions),
        }),
        None => OwnedHeaders::new(),
    }
}

/// Kafka's timestamp: never negative.
pub(crate) fn timestamp_ms(at: LogTime) -> i64 {
    at.0.div_euclid(1_000).max(0)
}

pub(crate) fn offset(raw: i64) -> Offset {
    Offset(u64::try_from(raw).unwrap_or(0))
}

pub(crate) fn raw_offset(offset: Offset) -> i64 {
    i64::try_from(offset.0).unwrap_or(i64::MAX)
}

pub(crate) fn number(partition: Partition) -> i32 {
    i32::try_from(partition.0).unwrap_or(i32::MAX)
}

pub(crate) fn partition(number: i32) -> Partition {
    Partition(u32::try_from(number).unwrap_or(u32::MAX))
}

/// A message as a record of a known topic.
pub(crate) fn sequenced(
    message: &BorrowedMessage<'_>,
    topic: &'static str,
    ids: &SchemaIds,
) -> Sequenced {
    let mut received_at = message
        .timestamp()
        .to_millis()
        .unwrap_or(0)
        .saturating_mul(1_000);
    let mut headers = Vec::new();
    if let Some(found) = message.headers() {
        for header in found.iter() {
            let value = header.value.unwrap_or_default();
            if header.key == RECEIVED_AT {
                if let Ok(bytes) = value.try_into() {
                    received_at = i64::from_be_bytes(bytes);
                }
            } else if let Some(name) = intern(header.key) {
                headers.push(Header {
                    name,
                    value: Bytes::copy_from_slice(value),
                });
            }
        }
    }
    let key = String::from_utf8_lossy(message.key().unwrap_or_default());
    Sequenced {
        partition: partition(message.partition()),
        offset: offset(message.offset()),
        record: Record {
            topic: Topic(topic),
            key: Key::new(&key),
            received_at: LogTime(received_at),
            headers,
            value: ids.inward(message.payload().unwrap_or_default().to_vec()),
        },
    }
}

pub(crate) fn footprint(record: &Record) -> usize {
    let headers = record.headers.iter().map(|header| header.value.len());
    record
        .value
        .len()
        .saturating_add(record.key.as_str().len())
        .saturating_add(headers.sum())
}

/// A header's name that lives as long as the program. Beyond the limit others' names are left out.
fn intern(name: &str) -> Option<&'static str> {
    static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.get(name) {
        return Some(known);
    }
    if names.len() >= NAMES_MAX {
        return None;
    }
    let kept: &'static str = Box::leak(name.to_owned().into_boxed_str());
    names.insert(kept);
    Some(kept)
}

/// One change of a partition's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    State(Key, BucketId, Option<Vec<u8>>),
    Timer(Key, Vec<u8>, Option<LogTime>),
    Counter(String, i64),
    Mark(Vec<u8>),
    /// Where the inputs are that the state before it stands for: topic and next record, all of them.
    Positions(BTreeMap<String, i64>),
}

const STATE: u8 = b'S';
const TIMER: u8 = b'T';
const COUNTER: u8 = b'C';
const MARK: u8 = b'F';
const POSITIONS: u8 = b'P';

pub(crate) fn write_change(change: &Change) -> (Vec<u8>, Option<Vec<u8>>) {
    match change {
        Change::State(athlete, bucket, value) => {
            let mut key = vec![STATE];
            key.extend((bucket.0 ^ i32::MIN).to_be_bytes());
            key.extend(athlete.as_str().as_bytes());
            (key, value.clone())
        }
        Change::Timer(athlete, id, due) => {
            let athlete = athlete.as_str().as_bytes();
            let mut key = vec![TIMER];
            key.extend(
                u16::try_from(athlete.len())
                    .unwrap_or(u16::MAX)
                    .to_be_bytes(),
            );
            key.extend(athlete);
            key.extend(id);
            (key, due.map(|due| due.0.to_be_bytes().to_vec()))
        }
        Change::Counter(name, count) => {
            let mut key = vec![COUNTER];
            key.extend(name.as_bytes());
            (key, Some(count.to_be_bytes().to_vec()))
        }
        Change::Mark(mark) => (vec![MARK], Some(mark.clone())),
        Change::Positions(positions) => {
            let lines = positions
                .iter()
                .map(|(topic, next)| format!("{topic} {next}\n"));
            (
                vec![POSITIONS],
                Some(lines.collect::<String>().into_bytes()),
            )
        }
    }
}

/// State that cannot be read is no bad input: going on would write over it.
pub(crate) fn read_change(key: &[u8], value: Option<&[u8]>) -> Result<Change, Failure> {
    parse_change(key, value)
        .ok_or_else(|| Failure::new(Class::Stop, "reading a record of the changelog"))
}

fn parse_change(key: &[u8], value: Option<&[u8]>) -> Option<Change> {
    let (&kind, rest) = key.split_first()?;
    let number = |value: &[u8]| Some(i64::from_be_bytes(value.try_into().ok()?));
    Some(match kind {
        STATE => {
            let (bucket, athlete) = rest.split_first_chunk::<4>()?;
            let bucket = BucketId(i32::from_be_bytes(*bucket) ^ i32::MIN);
            let athlete = Key::new(std::str::from_utf8(athlete).ok()?);
            Change::State(athlete, bucket, value.map(<[u8]>::to_vec))
        }
        TIMER => {
            let (length, rest) = rest.split_first_chunk::<2>()?;
            let length = usize::from(u16::from_be_bytes(*length));
            let (athlete, id) = rest.split_at_checked(length)?;
            let athlete = Key::new(std::str::from_utf8(athlete).ok()?);
            let due = match value {
                Some(value) => Some(LogTime(number(value)?)),
                None => None,
            };
            Change::Timer(athlete, id.to_vec(), due)
        }
        COUNTER => {
            let name = std::str::from_utf8(rest).ok()?.to_owned();
            Change::Counter(name, number(value?)?)
        }
        MARK => Change::Mark(value?.to_vec()),
        POSITIONS => {
            let lines = std::str::from_utf8(value?).ok()?.lines();
            let parse = |line: &str| {
                let (topic, next) = line.split_once(' ')?;
                Some((topic.to_owned(), next.parse().ok()?))
            };
            Change::Positions(lines.map(parse).collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{Change, read_change, write_change};
    use stream_log::{BucketId, Key, LogTime};

    #[test]
    fn a_change_comes_back_as_it_was_written() {
        let athlete = Key::new("t/ännä");
        let cases = [
            Change::State(athlete.clone(), BucketId(-3), Some(vec![])),
            Change::State(athlete.clone(), BucketId::HEAD, Some(vec![1, 2])),
            Change::State(athlete.clone(), BucketId(0), None),
            Change::Timer(athlete.clone(), vec![0, 255], Some(LogTime(-5))),
            Change::Timer(athlete, vec![], None),
            Change::Counter("a.b".to_owned(), i64::MIN),
            Change::Mark(vec![7]),
            Change::Positions([("a.b".to_owned(), 7)].into()),
        ];
        for change in cases {
            let (key, value) = write_change(&change);
            assert_eq!(read_change(&key, value.as_deref()).unwrap(), change);
        }
    }

    #[test]
    fn bytes_that_nobody_wrote_are_refused() {
        for key in [&b""[..], b"X", b"S\0", b"T\0\x09a", b"C\xff", b"F"] {
            assert!(read_change(key, None).is_err(), "{key:?}");
        }
    }
}
