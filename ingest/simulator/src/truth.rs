//! The truth file: `truth.jsonl`, one JSON object a line, told apart by `type`.
//!
//! 1. One `world` line: the options.
//! 2. Then athlete by athlete, never interleaved: its `event` lines (what physically happened) and
//!    its `record` lines (what was told, by whom, of which event, and whether that is still live).
//!
//! Instants are RFC 3339 UTC, durations end in `_s`, what is unknown or does not apply is `null`.
//! These are the only types of this crate that serde derives: the payloads are written by hand.

use std::io::BufRead;

use serde::{Deserialize, Serialize};

/// A line of the truth file is a few hundred bytes; a longer one is another file.
const LINE_BYTES_MAX: usize = 64 * 1024;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum TruthLine {
    World(TruthWorld),
    Event(TruthEvent),
    Record(TruthRecord),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TruthWorld {
    pub athletes: u32,
    pub days: u32,
    pub seed: u64,
    #[serde(with = "instant")]
    pub start: i64,
    #[serde(with = "instant")]
    pub end: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    Session,
    Night,
    Nap,
}

impl EventKind {
    /// Nights and naps are scored together: both are sleep.
    pub fn is_sleep(self) -> bool {
        self != Self::Session
    }
}

/// One thing that happened to one body.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TruthEvent {
    pub event_id: String,
    pub athlete_id: String,
    pub kind: EventKind,
    /// The contract's name of the sport; sessions only.
    pub sport: Option<String>,
    /// Start of the session, or onset of sleep; microseconds UTC.
    #[serde(with = "instant")]
    pub start: i64,
    /// End of the session, or last awakening.
    #[serde(with = "instant")]
    pub end: i64,
    /// Session: time without pauses. Sleep: time asleep.
    pub duration_s: i64,
    pub distance_m: Option<f64>,
    /// Sweat alone, without what was breathed out.
    pub fluid_lost_ml: Option<f64>,
    pub sodium_lost_mg: Option<f64>,
    /// At least one live record tells of it at the end of the world.
    pub told: bool,
    /// What is hard about it: the names of the world's scenarios, each of which is scored apart.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

/// One source's account of one event: what the pipeline knows as a source record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TruthRecord {
    pub athlete_id: String,
    pub source: String,
    pub provider_id: String,
    pub event_id: String,
    /// What wrote it, e.g. `garmin`, `connect`, `apple_watch`, `phone`, `strava`, `strava_app` (what
    /// Strava's app writes into Health).
    pub device: String,
    /// The live fragments of one sleep by one device weigh 1 together; all else weighs 1.
    pub weight: f64,
    /// Not deleted at the end of the world.
    pub live: bool,
    /// A whole of a multisport: left out of the score.
    pub container: bool,
    /// Its clock is wrong by hours: no rule may group it by itself, only suspect it. Left out of the
    /// score, and counted apart.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub candidate: bool,
    /// `original`, `copy`, `second_watch`, `upload`, `manual`, `part`, `stage`, `in_bed`, `nap`, …
    pub role: String,
    /// What it says, for comparing the merge with its sources; absent where it says no such thing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub says: Option<TruthSays>,
}

/// What one record says of its event, in the words of the truth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TruthSays {
    #[serde(with = "instant")]
    pub start: i64,
    #[serde(with = "instant")]
    pub end: i64,
    /// Session: without pauses, where the source knows them. Sleep: time asleep.
    pub duration_s: i64,
    pub distance_m: Option<f64>,
    /// Which kind of sport the vendor's type belongs to, e.g. `run`, `ride`, `other`.
    pub family: Option<String>,
}

/// All truth of one athlete.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AthleteTruth {
    pub athlete_id: String,
    pub events: Vec<TruthEvent>,
    pub records: Vec<TruthRecord>,
}

impl AthleteTruth {
    /// The lines of the file, events before records.
    pub fn lines(&self) -> impl Iterator<Item = TruthLine> + '_ {
        let events = self.events.iter().cloned().map(TruthLine::Event);
        events.chain(self.records.iter().cloned().map(TruthLine::Record))
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ReadTruthError {
    #[error("line {line} of the truth cannot be read")]
    Io { line: u64, source: std::io::Error },
    #[error("line {line} of the truth is no truth line")]
    Parse {
        line: u64,
        source: serde_json::Error,
    },
    #[error("line {line} of the truth is longer than {LINE_BYTES_MAX} bytes")]
    TooLong { line: u64 },
}

/// Reads a truth file athlete by athlete, in bounded memory.
pub struct TruthReader<R> {
    reader: R,
    line: u64,
    world: Option<TruthWorld>,
    current: AthleteTruth,
}

impl<R: BufRead> TruthReader<R> {
    pub fn new(reader: R) -> Self {
        Self {
            reader,
            line: 0,
            world: None,
            current: AthleteTruth::default(),
        }
    }

    /// The world line, once it was read; it stands first, so after the first athlete it is known.
    pub fn world(&self) -> Option<&TruthWorld> {
        self.world.as_ref()
    }

    fn read_line(&mut self) -> Result<Option<TruthLine>, ReadTruthError> {
        loop {
            self.line += 1;
            let line = self.line;
            let mut text = Vec::new();
            let mut limited = std::io::Read::take(&mut self.reader, LINE_BYTES_MAX as u64 + 1);
            let read = limited
                .read_until(b'\n', &mut text)
                .map_err(|source| ReadTruthError::Io { line, source })?;
            if read == 0 {
                return Ok(None);
            }
            if read > LINE_BYTES_MAX {
                return Err(ReadTruthError::TooLong { line });
            }
            if text.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let parsed = serde_json::from_slice(&text);
            return parsed
                .map(Some)
                .map_err(|source| ReadTruthError::Parse { line, source });
        }
    }

    fn take_if_other(&mut self, athlete_id: &str) -> Option<AthleteTruth> {
        if self.current.athlete_id == athlete_id {
            return None;
        }
        let next = AthleteTruth {
            athlete_id: athlete_id.to_owned(),
            ..AthleteTruth::default()
        };
        let done = std::mem::replace(&mut self.current, next);
        (!done.athlete_id.is_empty()).then_some(done)
    }

    fn next_athlete(&mut self) -> Result<Option<AthleteTruth>, ReadTruthError> {
        loop {
            let done = match self.read_line()? {
                None => {
                    let last = std::mem::take(&mut self.current);
                    return Ok((!last.athlete_id.is_empty()).then_some(last));
                }
                Some(TruthLine::World(world)) => {
                    self.world = Some(world);
                    None
                }
                Some(TruthLine::Event(event)) => {
                    let done = self.take_if_other(&event.athlete_id);
                    self.current.events.push(event);
                    done
                }
                Some(TruthLine::Record(record)) => {
                    let done = self.take_if_other(&record.athlete_id);
                    self.current.records.push(record);
                    done
                }
            };
            if done.is_some() {
                return Ok(done);
            }
        }
    }
}

impl<R: BufRead> Iterator for TruthReader<R> {
    type Item = Result<AthleteTruth, ReadTruthError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_athlete().transpose()
    }
}

/// Microseconds inside, RFC 3339 outside.
mod instant {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(micros: &i64, out: S) -> Result<S::Ok, S::Error> {
        let at = Timestamp::from_microsecond(*micros).map_err(serde::ser::Error::custom)?;
        out.collect_str(&at)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<i64, D::Error> {
        let text = String::deserialize(input)?;
        let at: Timestamp = text.parse().map_err(serde::de::Error::custom)?;
        Ok(at.as_microsecond())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(athlete: &str, id: &str) -> TruthEvent {
        TruthEvent {
            event_id: id.to_owned(),
            athlete_id: athlete.to_owned(),
            kind: EventKind::Session,
            sport: Some("run".to_owned()),
            start: 1_767_225_967_000_000,
            end: 1_767_229_567_000_000,
            duration_s: 3_500,
            distance_m: Some(10_000.5),
            fluid_lost_ml: Some(900.0),
            sodium_lost_mg: None,
            told: true,
            tags: Vec::new(),
        }
    }

    #[test]
    fn a_line_carries_its_type_and_readable_instants() {
        let line = serde_json::to_string(&TruthLine::Event(event("a", "e"))).unwrap();
        assert_eq!(
            line,
            r#"{"type":"event","event_id":"e","athlete_id":"a","kind":"session","sport":"run","start":"2026-01-01T00:06:07Z","end":"2026-01-01T01:06:07Z","duration_s":3500,"distance_m":10000.5,"fluid_lost_ml":900.0,"sodium_lost_mg":null,"told":true}"#
        );
    }

    #[test]
    fn the_reader_groups_lines_by_athlete_and_names_the_bad_line() {
        let mut text = String::new();
        for (athlete, id) in [("a", "1"), ("a", "2"), ("b", "3")] {
            let line = TruthLine::Event(event(athlete, id));
            text.push_str(&serde_json::to_string(&line).unwrap());
            text.push_str("\n\n");
        }
        let read: Vec<_> = TruthReader::new(text.as_bytes())
            .map(Result::unwrap)
            .collect();
        let sizes: Vec<_> = read
            .iter()
            .map(|a| (a.athlete_id.as_str(), a.events.len()))
            .collect();
        assert_eq!(sizes, [("a", 2), ("b", 1)]);
        let bad = TruthReader::new("{}\n".as_bytes())
            .next()
            .unwrap()
            .unwrap_err();
        assert_eq!(bad.to_string(), "line 1 of the truth is no truth line");
    }
}
