//! The processor of the suite: adds numbers per athlete and day, sets timers, and panics on demand.
//!
//! Inputs are words: `add N`, `timer ID DUE`, `clear ID`, `replay N`, `panic`, `panic-in-company`
//! (only beside other inputs), `panic-decode`, and anything else cannot be decoded. A timer called
//! `boom` panics when it fires.

use std::collections::BTreeSet;

use crate::{
    BucketId, BucketNeed, Buckets, Call, CounterChange, Effects, Key, LogTime, Partition,
    Processor, Record, Rejection, Sequenced, Stamped, Timer, TimerChange, Topic, Topics,
    Undecodable,
};

pub const INPUT: Topic = Topic("contract.input");
pub const TICKS: Topic = Topic("contract.ticks");
pub const OUTPUT: Topic = Topic("contract.output");
pub const DEAD: Topic = Topic("contract.dead");
pub const TOPICS: Topics = &[
    (INPUT.0, true),
    (TICKS.0, true),
    (OUTPUT.0, false),
    (DEAD.0, false),
];

const DAY_US: i64 = 86_400_000_000;

/// An input as it is appended.
pub fn input(athlete: &str, received_at: LogTime, words: &str) -> Record {
    Record {
        topic: INPUT,
        key: Key::new(athlete),
        received_at,
        headers: Vec::new(),
        value: words.as_bytes().to_vec(),
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Tally;

#[derive(Clone, Debug)]
pub enum Words {
    Add(i64),
    Replay(i64),
    Timer(Vec<u8>, LogTime),
    Clear(Vec<u8>),
    Panic,
    PanicInCompany,
}

#[derive(Clone, Debug, Default)]
pub struct Head {
    time: i64,
    inputs: i64,
    sum: i64,
}

fn day(at: LogTime) -> BucketId {
    BucketId(i32::try_from(at.0.div_euclid(DAY_US)).unwrap_or(0))
}

fn parse(text: &str) -> Option<Words> {
    let mut words = text.split(' ');
    let first = words.next()?;
    let mut number = || words.next()?.parse().ok();
    Some(match first {
        "add" => Words::Add(number()?),
        "replay" => Words::Replay(number()?),
        "timer" => {
            let id = words.next()?.as_bytes().to_vec();
            Words::Timer(id, LogTime(words.next()?.parse().ok()?))
        }
        "clear" => Words::Clear(words.next()?.as_bytes().to_vec()),
        "panic" => Words::Panic,
        "panic-in-company" => Words::PanicInCompany,
        _ => return None,
    })
}

fn numbers(bytes: &[u8]) -> Result<Vec<i64>, Undecodable> {
    let text = String::from_utf8_lossy(bytes);
    let parsed: Result<Vec<i64>, _> = text.split(' ').map(str::parse).collect();
    parsed.map_err(|error| Undecodable {
        detail: format!("{text}: {error}"),
    })
}

fn count(name: &str) -> CounterChange {
    CounterChange {
        name: name.to_owned(),
        by: 1,
    }
}

fn output(athlete: &Key, received_at: LogTime, text: String) -> Record {
    let value = text.into_bytes();
    Record {
        topic: OUTPUT,
        key: athlete.clone(),
        received_at,
        headers: Vec::new(),
        value,
    }
}

impl Tally {
    fn add_up(call: &Call<'_, Words, Head, i64>) -> Effects<Head, i64> {
        let mut effects = Effects::default();
        let (athlete, inputs) = (call.athlete, call.inputs);
        let mut head = call.head.clone();
        for timer in call.due {
            Self::fire(athlete, timer, &mut effects);
        }
        for input in inputs {
            head.inputs = head.inputs.saturating_add(1);
            let today = day(input.received_at);
            match &input.input {
                Words::Add(n) | Words::Replay(n) => {
                    head.sum = head.sum.saturating_add(*n);
                    let before = effects
                        .buckets
                        .get(&today)
                        .copied()
                        .unwrap_or_else(|| call.buckets.get(&today).copied());
                    let total = before.unwrap_or(0).saturating_add(*n);
                    // A day that came back to nothing is forgotten.
                    effects.buckets.insert(today, (total != 0).then_some(total));
                    let text = format!("{} sum {} day {total}", head.inputs, head.sum);
                    effects.emit.push(output(athlete, input.received_at, text));
                    effects.counters.push(count("added"));
                }
                Words::Timer(id, due) => {
                    effects.timers.push(TimerChange::Set {
                        id: id.clone(),
                        due: *due,
                    });
                }
                Words::Clear(id) => effects.timers.push(TimerChange::Clear { id: id.clone() }),
                Words::Panic => panic!("a rule panicked"),
                Words::PanicInCompany => {
                    assert!(inputs.len() == 1, "a rule panicked in company");
                    let text = format!("{} alone", head.inputs);
                    effects.emit.push(output(athlete, input.received_at, text));
                }
            }
        }
        head.time = head.time.max(call.now.0);
        effects.head = Some(head);
        effects
    }

    fn fire(athlete: &Key, timer: &Timer, effects: &mut Effects<Head, i64>) {
        let id = String::from_utf8_lossy(&timer.id).into_owned();
        assert!(id != "boom", "the timer went boom");
        effects.emit.push(output(
            athlete,
            timer.due,
            format!("fired {id} {}", timer.due.0),
        ));
        effects.counters.push(count("fired"));
    }
}

impl Processor for Tally {
    type Input = Words;
    type Head = Head;
    type Bucket = i64;

    fn decode(&self, record: &Sequenced) -> Result<Words, Undecodable> {
        let text = String::from_utf8_lossy(&record.record.value).into_owned();
        assert!(text != "panic-decode", "the decoder panicked");
        parse(&text).ok_or(Undecodable { detail: text })
    }

    /// The day of each input and, once that day is loaded, the day before it.
    fn buckets(
        &self,
        _head: &Head,
        inputs: &[Stamped<Words>],
        _due: &[Timer],
        loaded: &Buckets<i64>,
    ) -> BucketNeed {
        let mut need = BTreeSet::new();
        for input in inputs {
            if matches!(input.input, Words::Replay(_)) {
                return BucketNeed::All;
            }
            let today = day(input.received_at);
            need.insert(today);
            if loaded.contains_key(&today) {
                need.insert(BucketId(today.0.saturating_sub(1)));
            }
        }
        BucketNeed::These(need)
    }

    fn process(&self, calls: &[Call<'_, Words, Head, i64>]) -> Vec<Effects<Head, i64>> {
        calls.iter().map(Self::add_up).collect()
    }

    fn encode_head(&self, head: &Head) -> Vec<u8> {
        format!("{} {} {}", head.time, head.inputs, head.sum).into_bytes()
    }

    fn decode_head(&self, bytes: &[u8]) -> Result<Head, Undecodable> {
        match numbers(bytes)?.as_slice() {
            &[time, inputs, sum] => Ok(Head { time, inputs, sum }),
            _ => Err(Undecodable {
                detail: "three numbers are expected".to_owned(),
            }),
        }
    }

    fn encode_bucket(&self, bucket: &i64) -> Vec<u8> {
        bucket.to_string().into_bytes()
    }

    fn decode_bucket(&self, bytes: &[u8]) -> Result<i64, Undecodable> {
        match numbers(bytes)?.as_slice() {
            &[sum] => Ok(sum),
            _ => Err(Undecodable {
                detail: "one number is expected".to_owned(),
            }),
        }
    }

    fn head_size(&self, _head: &Head) -> usize {
        size_of::<Head>()
    }

    fn bucket_size(&self, _bucket: &i64) -> usize {
        size_of::<i64>()
    }

    fn logical_time(&self, head: &Head) -> LogTime {
        LogTime(head.time)
    }

    fn tick(&self, partition: Partition, at: LogTime) -> Record {
        Record {
            topic: TICKS,
            key: Key::new(&format!("~tick/{}", partition.0)),
            received_at: at,
            headers: Vec::new(),
            value: at.0.to_string().into_bytes(),
        }
    }

    fn as_tick(&self, record: &Record) -> Option<LogTime> {
        let text = std::str::from_utf8(&record.value).ok()?;
        if record.topic == TICKS {
            text.parse().ok().map(LogTime)
        } else {
            None
        }
    }

    fn rejection(&self, input: &Sequenced, reason: &str, _detail: &str) -> Rejection {
        let words = String::from_utf8_lossy(&input.record.value).into_owned();
        let mut record = output(
            &input.record.key,
            input.record.received_at,
            format!("dead {reason} {words}"),
        );
        record.topic = DEAD;
        Rejection {
            records: vec![record],
            counters: vec![count(reason)],
        }
    }

    fn is_replay(&self, input: &Words) -> bool {
        matches!(input, Words::Replay(_))
    }
}
