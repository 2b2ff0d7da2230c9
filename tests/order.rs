//! Order does not matter: the same stamped items in any order, in any batches, with restarts, copies
//! and other partitions give the same content, the same state by meaning, and the same counts.
//!
//! The items are those of simulated worlds, split by the real connectors.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]
#![expect(clippy::indexing_slicing, reason = "indices are made from lengths")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use edge::{Clock, ManualClock, UnixMicros};
use ingest_connectors::memory::MemoryAccounts;
use ingest_connectors::port::{Answer, PublishError, Publisher, Registry, Vault};
use ingest_connectors::{Connectors, GarminSettings, Ports, Settings, StravaSettings};
use ingest_simulator::{
    AthleteWorld, GARMIN_SECRET_PLACEHOLDER, Mix, STRAVA_SECRET_PLACEHOLDER, WorldOptions,
    small_world, world_of,
};
use processors_pipeline::{Pipeline, Rules, RulesConfig};
use schemas::AnyRecord;
use schemas::record::Micros;
use schemas::record::ingest::RawReceived;
use schemas::topic::{self, Direction};
use stream_log::driver::{Memory, MemoryHost};
use stream_log::{
    Append, Key, Log, LogTime, Partition, Processor, Record, StateStore, Step, Task, TaskLimits,
    Topic, Topics,
};
use tower::ServiceExt;

const END: i64 = 1_760_000_000_000_000;
const HOUR_US: i64 = 3_600_000_000;
const SMALL_FACTS_MAX: usize = 60;
const SMALL_WORLDS: u64 = 100;
const SHUFFLES_PER_WORLD: u64 = 10;
const WORLDS_WITH_WORDS: u64 = 450;
const SHUFFLES_WITH_WORDS: u64 = 20;
const SECRET: &str = "order";
/// A time before every record: the task appends no ticks of its own.
const NEVER: LogTime = LogTime(i64::MIN);

const ROWS: [(&str, bool); topic::CATALOGUE.len()] = {
    let mut rows = [("", false); topic::CATALOGUE.len()];
    let mut at = 0;
    while at < rows.len() {
        let spec = topic::CATALOGUE[at];
        rows[at] = (spec.name, matches!(spec.direction, Direction::Input));
        at += 1;
    }
    rows
};
static TOPICS: Topics = &ROWS;

/// SplitMix64: enough to shuffle, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound).unwrap()).unwrap()
    }

    fn shuffle<T>(&mut self, things: &mut [T]) {
        for at in (1..things.len()).rev() {
            let other = self.below(at + 1);
            things.swap(at, other);
        }
    }
}

#[derive(Default)]
struct Collected(Mutex<Vec<RawReceived>>);

impl Publisher for Collected {
    fn publish(&self, items: Vec<RawReceived>) -> Answer<Result<(), PublishError>> {
        self.0.lock().unwrap().extend(items);
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Everything a world sends, split into items, each with an arrival of its own.
fn items(worlds: &[AthleteWorld]) -> Vec<RawReceived> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let collected = Arc::new(Collected::default());
    let accounts = Arc::new(MemoryAccounts::default());
    let clock = Arc::new(ManualClock::at(UnixMicros(END)));
    let garmin = GarminSettings {
        secret: SECRET.to_owned().into(),
        client_id: None,
        ..GarminSettings::default()
    };
    let settings = Settings {
        garmin: Some(garmin),
        strava: Some(strava()),
        ..Settings::default()
    };
    let ports = Ports {
        clock: Arc::clone(&clock) as Arc<dyn Clock>,
        publisher: Arc::clone(&collected) as Arc<dyn Publisher>,
        registry: Arc::clone(&accounts) as Arc<dyn Registry>,
        vault: Arc::clone(&accounts) as Arc<dyn Vault>,
        linked: accounts,
    };
    let routes: Router = ingest_connectors::router(Connectors::new(settings, ports)).into();
    let mut stamped = Vec::new();
    for delivery in worlds
        .iter()
        .flat_map(|world| world.registrations.iter().chain(&world.deliveries))
    {
        let request = Request::builder()
            .method(delivery.method.as_str())
            .uri(
                delivery
                    .path
                    .replace(GARMIN_SECRET_PLACEHOLDER, SECRET)
                    .replace(STRAVA_SECRET_PLACEHOLDER, SECRET),
            )
            .header("content-type", delivery.content_type)
            .body(Body::from(delivery.body.clone()))
            .unwrap();
        clock.set(UnixMicros(delivery.at));
        let answer = runtime.block_on(routes.clone().oneshot(request)).unwrap();
        assert!(answer.status().is_success(), "{}", delivery.path);
        for mut item in std::mem::take(&mut *collected.0.lock().unwrap()) {
            let index = i64::try_from(stamped.len()).unwrap();
            item.received_at = Micros(delivery.at + index);
            item.id = format!("{index:032x}");
            stamped.push(item);
        }
    }
    // What a vendor was asked for, and what the air was: as the fetchers would have brought it.
    for world in worlds {
        for told in world.fetched().into_iter().chain(world.weather_answers()) {
            let index = i64::try_from(stamped.len()).unwrap();
            let mut item = told.raw(format!("{index:032x}"));
            item.received_at.0 += index;
            stamped.push(item);
        }
    }
    stamped.sort_by_key(|item| item.received_at);
    stamped
}

fn strava() -> StravaSettings {
    StravaSettings {
        secret: SECRET.to_owned().into(),
        verify_token: SECRET.to_owned().into(),
        subscription_id: 0,
        client_id: String::new(),
        client_secret: SECRET.to_owned().into(),
        api_url: "http://127.0.0.1:9".to_owned(),
        oauth_url: "http://127.0.0.1:9".to_owned(),
        streams: false,
    }
}

fn record(item: &RawReceived) -> Record {
    let athlete = item.athlete_id.as_deref().unwrap();
    Record {
        topic: Topic(topic::raw_topic(&item.source).unwrap()),
        key: Key::new(&format!("{}/{athlete}", item.tenant_id)),
        received_at: LogTime(item.received_at.0),
        headers: Vec::new(),
        value: schemas::codec::encode(item),
    }
}

fn pipeline() -> Pipeline {
    Pipeline::new(Rules::new(RulesConfig::default()))
}

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

/// Kind, entity and what of it is live: as `verify` reads a log.
fn content(fact: &AnyRecord) -> Option<(&'static str, String, Option<String>)> {
    let live = |hash: &String| Some(hash.clone());
    Some(match fact {
        AnyRecord::SessionRevised(fact) => {
            ("session", fact.session_id.clone(), live(&fact.content_hash))
        }
        AnyRecord::SessionRetracted(fact) => ("session", fact.session_id.clone(), None),
        AnyRecord::NightRevised(fact) => ("night", fact.night_id.clone(), live(&fact.content_hash)),
        AnyRecord::NightRetracted(fact) => ("night", fact.night_id.clone(), None),
        AnyRecord::SweatLossEstimated(fact) => {
            ("loss", fact.loss_id.clone(), live(&fact.content_hash))
        }
        AnyRecord::SweatLossRetracted(fact) => ("loss", fact.loss_id.clone(), None),
        AnyRecord::SweatProfileRevised(fact) => {
            ("profile", fact.athlete_id.clone(), live(&fact.content_hash))
        }
        AnyRecord::RecommendationIssued(fact) => (
            "recommendation",
            fact.slot.clone(),
            live(&fact.content_hash),
        ),
        AnyRecord::RecommendationExpired(fact) => {
            let over = format!("{} expired", fact.content_hash);
            ("recommendation", fact.slot.clone(), Some(over))
        }
        AnyRecord::RecommendationCancelled(fact) => ("recommendation", fact.slot.clone(), None),
        _ => return None,
    })
}

fn last_arrival(items: &[RawReceived]) -> i64 {
    items
        .iter()
        .map(|item| item.received_at.0)
        .max()
        .unwrap_or(END)
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

fn small(seed: u64) -> Vec<RawReceived> {
    items(&[small_world(seed, SMALL_FACTS_MAX, END)])
}

/// The observations of workouts that items become.
fn workouts(items: &[RawReceived]) -> Vec<String> {
    let mut run = Run::new(STRAIGHT);
    run.feed(items, &mut Dice(0));
    let told = |value: &[u8]| match schemas::decode_any(value) {
        Ok(AnyRecord::ObservationRecorded(fact)) if fact.kind == "activity" => {
            Some(fact.observation_id)
        }
        _ => None,
    };
    let records = run.memory.records();
    let mut ids: Vec<String> = records
        .iter()
        .filter_map(|one| told(&one.record.value))
        .collect();
    ids.sort();
    ids.dedup();
    ids
}

/// What the user says of workouts: merges and splits, some of them twice or with another content.
fn words(items: &[RawReceived], dice: &mut Dice) -> Vec<RawReceived> {
    let ids = workouts(items);
    if ids.is_empty() {
        return Vec::new();
    }
    let (first, last) = (items[0].received_at.0, last_arrival(items));
    let mut said = Vec::new();
    for word in 0..1 + dice.below(4) {
        let named: Vec<&String> = (0..1 + dice.below(3))
            .map(|_| &ids[dice.below(ids.len())])
            .collect();
        let at = first + i64::try_from(dice.next() % u64::try_from(last - first).unwrap()).unwrap();
        let instant = jiff::Timestamp::from_microsecond(at).unwrap().to_string();
        let name = format!("word-{}", dice.below(3));
        let body = serde_json::json!({
            "id": name, "type": "link_override", "at": instant,
            "action": if dice.below(2) == 0 { "merge" } else { "split" },
            "observation_ids": named,
        });
        let template = &items[0];
        let body = body.to_string().into_bytes();
        said.push(RawReceived {
            id: format!("{:032x}", 1_000_000 + word),
            source: "app".to_owned(),
            kind: "link_override".to_owned(),
            account_id: None,
            provider_id: Some(name),
            received_at: Micros(at),
            body_sha256: format!("{:064x}", dice.next()),
            body,
            ..template.clone()
        });
    }
    said
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
        items.extend(said);
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
