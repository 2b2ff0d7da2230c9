//! The pipeline as the engine sees it: decode, say which buckets, process, encode.

use schemas::codec;
use schemas::record::Micros;
use schemas::record::ingest::{RawReceived, Tick};
use schemas::record::session::SessionRevised;
use schemas::record::state::AthleteHead;
use schemas::topic;
use stream_log::{
    BucketId, BucketNeed, Buckets, Call, CounterChange, Effects, Key, LogTime, Partition,
    Processor, Record, Rejection, Sequenced, Stamped, Timer, Topic, Undecodable,
};

use crate::apply::rejection_of;
use crate::bucket::Bucket;
use crate::identity::{ItemNames, names};
use crate::ids::id_of;
use crate::need::need;
use crate::normalize::{Outcome, Rejected, normalize};
use crate::rules::Rules;
use crate::sessions::unrestricted;
use crate::topology;

/// A decoded input.
#[derive(Clone, Debug)]
pub enum Input {
    Raw(Box<RawItem>),
    Tick,
}

/// A raw item with what normalize made of it, once.
#[derive(Clone, Debug)]
pub struct RawItem {
    pub(crate) raw: RawReceived,
    pub(crate) outcome: Outcome,
    pub(crate) names: ItemNames,
}

/// What a timer of ours is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimerId {
    /// Something in this day's bucket settles or expires.
    Day(i32),
    /// The profile grows old.
    Profile,
    /// Weather of this day is asked for again.
    Weather(i32),
}

impl TimerId {
    pub(crate) fn encode(self) -> Vec<u8> {
        match self {
            Self::Day(day) => of_day(b'd', day),
            Self::Weather(day) => of_day(b'w', day),
            Self::Profile => b"p".to_vec(),
        }
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        match bytes.split_first()? {
            (b'd', day) => day_of(day).map(Self::Day),
            (b'w', day) => day_of(day).map(Self::Weather),
            (b'p', []) => Some(Self::Profile),
            _ => None,
        }
    }
}

/// Big-endian with the sign flipped, so that ids sort as days do.
fn of_day(letter: u8, day: i32) -> Vec<u8> {
    let day = day.cast_unsigned() ^ 0x8000_0000;
    std::iter::once(letter).chain(day.to_be_bytes()).collect()
}

fn day_of(bytes: &[u8]) -> Option<i32> {
    let day = u32::from_be_bytes(bytes.try_into().ok()?) ^ 0x8000_0000;
    Some(day.cast_signed())
}

/// All steps of an athlete, from raw item to advice.
#[derive(Debug)]
pub struct Pipeline {
    rules: Rules,
}

impl Pipeline {
    pub fn new(rules: Rules) -> Self {
        Self { rules }
    }

    /// Hash of rule tables and configuration: what published content may be compared by.
    pub fn rules_id(&self) -> &str {
        &self.rules.id
    }

    pub(crate) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Whether a timer follows from the facts alone. When weather is asked for again depends on when
    /// it was asked for, which is history.
    pub fn is_content_timer(id: &[u8]) -> bool {
        !matches!(TimerId::decode(id), Some(TimerId::Weather(_)))
    }

    /// An athlete's sessions merged again without what only the athlete may see, out of the state.
    pub fn unrestricted_sessions(
        &self,
        athlete: &Key,
        state: &[(BucketId, Vec<u8>)],
    ) -> Result<Vec<SessionRevised>, Undecodable> {
        let mut head = AthleteHead::default();
        let mut days = Vec::new();
        for (bucket, bytes) in state {
            if *bucket == BucketId::QUARANTINE {
                continue;
            }
            if *bucket == BucketId::HEAD {
                head = self.decode_head(bytes)?;
            } else if let Bucket::Day(day) = Bucket::decode(bytes)? {
                days.push(day);
            }
        }
        let names = athlete.as_str().split_once('/');
        let names = names.unwrap_or(("default", athlete.as_str()));
        unrestricted(&self.rules.id, names, &head, &days).map_err(undecodable)
    }

    /// A value of state by what it means; equal for equal sets of facts. `None` means nothing.
    pub fn digest(&self, bucket: BucketId, bytes: &[u8]) -> Result<Option<String>, Undecodable> {
        crate::digest::digest(bucket, bytes)
    }
}

impl Processor for Pipeline {
    type Input = Input;
    type Head = AthleteHead;
    type Bucket = Bucket;

    fn decode(&self, record: &Sequenced) -> Result<Input, Undecodable> {
        if record.record.topic.0 == topic::TICKS {
            return Ok(Input::Tick);
        }
        let raw: RawReceived = codec::decode(&record.record.value).map_err(undecodable)?;
        let outcome = normalize(&raw);
        let names = names(&raw, &outcome);
        Ok(Input::Raw(Box::new(RawItem {
            raw,
            outcome,
            names,
        })))
    }

    fn buckets(
        &self,
        head: &AthleteHead,
        inputs: &[Stamped<Input>],
        due: &[Timer],
        loaded: &Buckets<Bucket>,
    ) -> BucketNeed {
        need(head, inputs, due, loaded)
    }

    fn process(
        &self,
        calls: &[Call<'_, Input, AthleteHead, Bucket>],
    ) -> Vec<Effects<AthleteHead, Bucket>> {
        for stamped in calls.iter().flat_map(|call| call.inputs) {
            if let Input::Raw(item) = &stamped.input {
                self.rules.inject_fault(&item.raw);
            }
        }
        topology::run(&self.rules, calls)
    }

    fn encode_head(&self, head: &AthleteHead) -> Vec<u8> {
        codec::encode(head)
    }

    fn decode_head(&self, bytes: &[u8]) -> Result<AthleteHead, Undecodable> {
        codec::decode(bytes).map_err(undecodable)
    }

    fn encode_bucket(&self, bucket: &Bucket) -> Vec<u8> {
        bucket.encode()
    }

    fn decode_bucket(&self, bytes: &[u8]) -> Result<Bucket, Undecodable> {
        Bucket::decode(bytes)
    }

    fn head_size(&self, head: &AthleteHead) -> usize {
        512 + head.days.len() * 4
            + head.masses.len() * 80
            + head.evidence.len() * 120
            + head.profile_edits.len() * 400
    }

    fn bucket_size(&self, bucket: &Bucket) -> usize {
        bucket.size()
    }

    fn logical_time(&self, head: &AthleteHead) -> LogTime {
        LogTime(head.logical_time.0)
    }

    fn tick(&self, partition: Partition, at: LogTime) -> Record {
        let tick = Tick {
            partition: i32::try_from(partition.0).unwrap_or(0),
            at: Micros(at.0),
        };
        Record {
            topic: Topic(topic::TICKS),
            key: Key::new(&format!("~tick/{}", partition.0)),
            received_at: at,
            headers: Vec::new(),
            value: codec::encode(&tick),
        }
    }

    fn as_tick(&self, record: &Record) -> Option<LogTime> {
        (record.topic.0 == topic::TICKS).then_some(record.received_at)
    }

    fn rejection(&self, input: &Sequenced, reason: &str, detail: &str) -> Rejection {
        let record = &input.record;
        let raw =
            codec::decode::<RawReceived>(&record.value).unwrap_or_else(|_| unreadable(record));
        // The words come from the engine; an unknown one would not be in the vocabulary.
        let reason = if reason == "schema_mismatch" {
            "schema_mismatch"
        } else {
            "rule_panic"
        };
        let rejected = Rejected {
            reason,
            detail: detail.to_owned(),
        };
        let now = Micros(record.received_at.0);
        let mut fact = rejection_of(&raw, &rejected, now, &self.rules.id);
        "engine".clone_into(&mut fact.stage);
        let change = |what: &str, by| CounterChange {
            name: format!("{}.{what}", raw.source),
            by,
        };
        // A replay moves within `dead_lettered`; a first arrival is received now. How a fetch ended is
        // no item: its hints stay pending until it is replayed.
        let counters = match &raw.replay_of {
            _ if raw.kind == crate::fetched::KIND => Vec::new(),
            Some(_) => Vec::new(),
            None => vec![change("received", 1), change("dead_lettered", 1)],
        };
        let out = Record {
            topic: Topic(topic::REJECTIONS),
            key: record.key.clone(),
            received_at: record.received_at,
            headers: Vec::new(),
            value: codec::encode(&fact),
        };
        Rejection {
            records: vec![out],
            counters,
        }
    }

    fn is_replay(&self, input: &Input) -> bool {
        matches!(input, Input::Raw(item) if item.raw.replay_of.is_some())
    }
}

fn undecodable(error: codec::DecodeError) -> Undecodable {
    Undecodable {
        detail: error.to_string(),
    }
}

/// The envelope of bytes that are no record of ours: the bytes themselves become the body.
fn unreadable(record: &Record) -> RawReceived {
    let source = record.topic.0.rsplit('.').next().unwrap_or("unknown");
    let (tenant, athlete) = record
        .key
        .as_str()
        .split_once('/')
        .unwrap_or(("default", ""));
    let at = record.received_at.0.to_string();
    RawReceived {
        id: id_of(&[
            "unreadable",
            record.key.as_str(),
            &at,
            &crate::ids::content_hash(&[&record.value]),
        ]),
        tenant_id: tenant.to_owned(),
        athlete_id: (!athlete.is_empty() && !athlete.starts_with('~')).then(|| athlete.to_owned()),
        source: source.to_owned(),
        kind: "unknown".to_owned(),
        account_id: None,
        provider_id: None,
        received_at: Micros(record.received_at.0),
        first_received_at: None,
        replay_of: None,
        attempt: 1,
        provider_event_at: None,
        content_type: "application/octet-stream".to_owned(),
        body: record.value.clone(),
        body_sha256: String::new(),
        headers: std::collections::BTreeMap::new(),
        connector: String::new(),
        connector_version: String::new(),
        licence: None,
        key_id: None,
    }
}
