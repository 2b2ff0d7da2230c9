//! Order does not matter: the same stamped items in any order, in any batches, with restarts, copies
//! and other partitions give the same content, the same state by meaning, and the same counts.
//!
//! The items are those of simulated worlds, split by the real connectors.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

#[cfg(test)]
#[path = "order/items.rs"]
mod items;

use std::collections::BTreeMap;

use ingest_simulator::{Mix, WorldOptions, world_of};
use items::{
    Dice, END, NEVER, TOPICS, content, edits, items, last_arrival, pipeline, record, small,
    symptoms, words,
};
use processors_pipeline::Pipeline;
use schemas::record::Micros;
use schemas::record::ingest::RawReceived;
use stream_log::driver::{Memory, MemoryHost};
use stream_log::{Append, Log, LogTime, Partition, Processor, StateStore, Step, Task, TaskLimits};

const HOUR_US: i64 = 3_600_000_000;
const SMALL_WORLDS: u64 = 100;
const SHUFFLES_PER_WORLD: u64 = 10;
const WORLDS_WITH_WORDS: u64 = 450;
const SHUFFLES_WITH_WORDS: u64 = 20;

/// How a set of items is run.
#[derive(Clone, Copy)]
struct Way {
    partitions: u32,
    /// The longest run of items between two commits; runs are of random length.
    batch_max: usize,
    cache_bytes: usize,
    /// A new task on what was committed, after every step.
    restart: bool,
    /// Hours from the last arrival to the last tick.
    tick_after_h: i64,
}

const STRAIGHT: Way = Way {
    partitions: 8,
    batch_max: usize::MAX,
    cache_bytes: 64 * 1024 * 1024,
    restart: false,
    tick_after_h: 1,
};

/// What must be equal.
#[derive(Clone, Debug, Default, PartialEq)]
struct Told {
    /// How often each live content stands, by athlete and kind.
    content: BTreeMap<(String, &'static str, String), u64>,
    state: BTreeMap<(String, i32), String>,
    counters: BTreeMap<String, i64>,
    timers: Vec<(i64, String, Vec<u8>)>,
}

struct Run {
    memory: Memory,
    task: Task<Pipeline, MemoryHost>,
    way: Way,
}

impl Run {
    fn new(way: Way) -> Self {
        let memory = Memory::new(way.partitions, TOPICS);
        let task = Self::task(&memory, way);
        Self { memory, task, way }
    }

    fn task(memory: &Memory, way: Way) -> Task<Pipeline, MemoryHost> {
        let limits = TaskLimits {
            cache_bytes: way.cache_bytes,
            ..TaskLimits::default()
        };
        Task::new(pipeline(), memory.open(), limits)
    }

    fn drain(&mut self) {
        while !matches!(self.task.step(NEVER).unwrap(), Step::Idle { .. }) {
            if self.way.restart {
                self.task = Self::task(&self.memory, self.way);
            }
        }
    }

    fn feed(&mut self, items: &[RawReceived], dice: &mut Dice) {
        let mut left = items;
        while !left.is_empty() {
            let size = 1 + dice.below(self.way.batch_max.min(left.len()));
            let (batch, rest) = left.split_at(size);
            self.memory
                .append(batch.iter().map(record).collect())
                .unwrap();
            self.drain();
            left = rest;
        }
    }

    fn tick(&mut self, at: i64) {
        for partition in (0..self.way.partitions).map(Partition) {
            let tick = self.task.processor().tick(partition, LogTime(at));
            self.task.host_mut().append_tick(partition, tick).unwrap();
        }
        self.drain();
    }

    fn told(&self) -> Told {
        let mut told = Told::default();
        let mut live: BTreeMap<(String, &'static str, String), Option<String>> = BTreeMap::new();
        for sequenced in self.memory.records() {
            let athlete = sequenced.record.key.as_str().to_owned();
            if let Ok(fact) = schemas::decode_any(&sequenced.record.value)
                && let Some((kind, entity, content)) = content(&fact)
            {
                live.insert((athlete, kind, entity), content);
            }
        }
        for ((athlete, kind, _), content) in live {
            if let Some(content) = content {
                *told.content.entry((athlete, kind, content)).or_default() += 1;
            }
        }
        for (athlete, buckets) in self.memory.state() {
            for (bucket, bytes) in buckets {
                if let Some(digest) = self.task.processor().digest(bucket, &bytes).unwrap() {
                    told.state
                        .insert((athlete.as_str().to_owned(), bucket.0), digest);
                }
            }
        }
        for ((_, name), count) in self.task.host().counters().unwrap() {
            *told.counters.entry(name).or_default() += count;
        }
        // Which of two equal fetches is the copy, and what was asked before it was known, is history.
        let copies = told.counters.remove("strava.duplicate").unwrap_or_default();
        *told
            .counters
            .entry("strava.accepted".to_owned())
            .or_default() += copies;
        told.counters.remove("weather.asked");
        told.counters.retain(|_, count| *count != 0);
        told.timers = self
            .memory
            .timers()
            .into_iter()
            .filter(|timer| Pipeline::is_content_timer(&timer.id))
            .map(|timer| (timer.due.0, timer.athlete.as_str().to_owned(), timer.id))
            .collect();
        told.timers.sort_unstable();
        told
    }
}

fn run(items: &[RawReceived], way: Way, dice: &mut Dice) -> Told {
    let mut run = Run::new(way);
    run.feed(items, dice);
    run.tick(last_arrival(items) + way.tick_after_h * HOUR_US);
    run.told()
}

/// Names what differs, so that a failure can be read.
fn assert_same(expected: &Told, found: &Told, how: &str) {
    fn differ<K: Ord + std::fmt::Debug, V: PartialEq + std::fmt::Debug>(
        left: &BTreeMap<K, V>,
        right: &BTreeMap<K, V>,
    ) -> Vec<String> {
        left.keys()
            .chain(right.keys().filter(|key| !left.contains_key(key)))
            .filter(|key| left.get(key) != right.get(key))
            .map(|key| format!("{key:?}: {:?} or {:?}", left.get(key), right.get(key)))
            .collect()
    }
    let mut differences = differ(&expected.content, &found.content);
    differences.extend(differ(&expected.state, &found.state));
    differences.extend(differ(&expected.counters, &found.counters));
    if expected.timers != found.timers {
        differences.push(format!(
            "timers {:?} or {:?}",
            expected.timers, found.timers
        ));
    }
    assert!(differences.is_empty(), "{how}:\n{}", differences.join("\n"));
}

fn whole(seed: u64) -> Vec<RawReceived> {
    let options = WorldOptions {
        athletes: 4,
        days: 5,
        seed,
        end: END,
    };
    items(&world_of(options, Mix::default()).collect::<Vec<_>>())
}

#[test]
fn a_thousand_shuffles_of_small_worlds_tell_the_same() {
    for seed in 0..SMALL_WORLDS {
        let mut items = small(seed);
        let mut dice = Dice(seed);
        // Near the last arrival much is still open, after 100 hours all is settled and over.
        let way = Way {
            tick_after_h: if seed % 2 == 0 { 0 } else { 100 },
            ..STRAIGHT
        };
        let expected = run(&items, way, &mut dice);
        assert!(!expected.content.is_empty(), "world {seed} tells nothing");
        for shuffle in 0..SHUFFLES_PER_WORLD {
            dice.shuffle(&mut items);
            let batch_max = [1, 3, 10, usize::MAX][dice.below(4)];
            let found = run(&items, Way { batch_max, ..way }, &mut dice);
            let how = format!("world {seed}, shuffle {shuffle}, batches to {batch_max}");
            assert_same(&expected, &found, &how);
        }
    }
}

#[test]
fn thousands_of_shuffles_of_worlds_with_words_of_the_user_tell_the_same() {
    let mut shuffles = 0;
    for seed in 1_000..1_000 + WORLDS_WITH_WORDS {
        let mut dice = Dice(seed);
        let mut items = small(seed);
        let said = words(&items, &mut dice);
        let edited = edits(&items, &mut dice);
        let reported = symptoms(&items, &mut dice);
        items.extend(said.into_iter().chain(edited).chain(reported));
        let expected = run(&items, STRAIGHT, &mut dice);
        for shuffle in 0..SHUFFLES_WITH_WORDS {
            dice.shuffle(&mut items);
            let batch_max = [1, 3, 10, usize::MAX][dice.below(4)];
            let way = Way {
                batch_max,
                restart: shuffle == 0,
                ..STRAIGHT
            };
            let found = run(&items, way, &mut dice);
            let how = format!("world {seed}, shuffle {shuffle}, batches to {batch_max}");
            assert_same(&expected, &found, &how);
            shuffles += 1;
        }
    }
    assert_eq!(shuffles, WORLDS_WITH_WORDS * SHUFFLES_WITH_WORDS);
}

#[test]
fn twenty_shuffles_of_whole_worlds_tell_the_same() {
    for seed in 0..4 {
        let mut items = whole(seed);
        let mut dice = Dice(seed);
        let expected = run(&items, STRAIGHT, &mut dice);
        for shuffle in 0..5 {
            dice.shuffle(&mut items);
            let way = Way {
                batch_max: 64,
                ..STRAIGHT
            };
            let found = run(&items, way, &mut dice);
            assert_same(
                &expected,
                &found,
                &format!("world {seed}, shuffle {shuffle}"),
            );
        }
    }
}

#[test]
fn a_world_read_backwards_tells_the_same() {
    for seed in 200..220 {
        let mut items = small(seed);
        let mut dice = Dice(seed);
        let expected = run(&items, STRAIGHT, &mut dice);
        items.reverse();
        let way = Way {
            batch_max: 1,
            ..STRAIGHT
        };
        let found = run(&items, way, &mut dice);
        assert_same(&expected, &found, &format!("world {seed} backwards"));
    }
}

#[test]
fn a_deletion_before_its_creation_tells_the_same() {
    let mut deletions = 0;
    for seed in 300..340 {
        let items = small(seed);
        let (first, rest): (Vec<_>, Vec<_>) = items
            .iter()
            .cloned()
            .partition(|item| item.kind == "deleted");
        deletions += first.len();
        let mut dice = Dice(seed);
        let expected = run(&items, STRAIGHT, &mut dice);
        let moved: Vec<RawReceived> = first.into_iter().chain(rest).collect();
        let way = Way {
            batch_max: 2,
            ..STRAIGHT
        };
        let found = run(&moved, way, &mut dice);
        assert_same(&expected, &found, &format!("world {seed}, deletions first"));
    }
    assert!(deletions > 0, "no world deletes anything");
}

#[test]
fn caches_partitions_and_restarts_change_nothing() {
    for seed in 400..420 {
        let mut items = small(seed);
        let mut dice = Dice(seed);
        let expected = run(&items, STRAIGHT, &mut dice);
        dice.shuffle(&mut items);
        let small_batches = Way {
            batch_max: 5,
            ..STRAIGHT
        };
        let ways = [
            (
                "no cache",
                Way {
                    cache_bytes: 0,
                    ..small_batches
                },
            ),
            (
                "one partition",
                Way {
                    partitions: 1,
                    ..small_batches
                },
            ),
            (
                "restarts",
                Way {
                    restart: true,
                    ..small_batches
                },
            ),
        ];
        for (name, way) in ways {
            let found = run(&items, way, &mut dice);
            assert_same(&expected, &found, &format!("world {seed}, {name}"));
        }
    }
}

#[test]
fn every_item_twice_tells_the_same_and_counts_the_copies() {
    for seed in 500..520 {
        let items = small(seed);
        let mut dice = Dice(seed);
        let expected = run(&items, STRAIGHT, &mut dice);
        let mut doubled: Vec<RawReceived> = items
            .iter()
            .flat_map(|item| [item.clone(), item.clone()])
            .collect();
        dice.shuffle(&mut doubled);
        let way = Way {
            batch_max: 7,
            ..STRAIGHT
        };
        let mut found = run(&doubled, way, &mut dice);
        for source in ["app", "garmin", "healthkit", "scan", "weather"] {
            let sent = items.iter().filter(|item| item.source == source).count();
            let sent = i64::try_from(sent).unwrap();
            for what in ["received", "duplicate"] {
                if sent > 0 {
                    *found
                        .counters
                        .entry(format!("{source}.{what}"))
                        .or_default() -= sent;
                }
            }
        }
        // Copies of a fetch are counted with the accepted ones, see `told`.
        let fetched = |item: &&RawReceived| item.source == "strava" && item.kind != "fetch_result";
        let sent = i64::try_from(items.iter().filter(fetched).count()).unwrap();
        for what in ["received", "accepted"] {
            *found.counters.entry(format!("strava.{what}")).or_default() -= sent;
        }
        found.counters.retain(|_, count| *count != 0);
        assert_same(&expected, &found, &format!("world {seed}, doubled"));
    }
}

#[test]
fn a_copy_that_comes_later_emits_nothing() {
    for seed in 600..620 {
        let items = small(seed);
        let mut dice = Dice(seed);
        let mut run = Run::new(STRAIGHT);
        run.feed(&items, &mut dice);
        // The same bytes once more, stamped just after: no timer falls due in between.
        let last = last_arrival(&items);
        // What is fetched again and differs from the latest fetch is no copy, however old it is.
        let mut copies = items.clone();
        copies.retain(|item| item.source != "strava");
        for copy in &mut copies {
            copy.received_at = Micros(last);
        }
        let facts = |run: &Run| {
            let records = run.memory.records();
            records
                .iter()
                .filter(|one| !one.record.topic.0.starts_with("sudor.raw"))
                .count()
        };
        let before = facts(&run);
        run.feed(&copies, &mut dice);
        assert_eq!(before, facts(&run), "world {seed}");
    }
}
