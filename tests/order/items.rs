//! Items of simulated worlds, split by the real connectors, and what users say of them: what runs in
//! any order have to tell the same of.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use edge::{Clock, ManualClock, UnixMicros};
use ingest_connectors::memory::MemoryAccounts;
use ingest_connectors::port::{Answer, PublishError, Publisher, Registry, Vault};
use ingest_connectors::{Connectors, GarminSettings, Ports, Settings, StravaSettings};
use ingest_simulator::{
    AthleteWorld, GARMIN_SECRET_PLACEHOLDER, STRAVA_SECRET_PLACEHOLDER, small_world,
};
use processors_pipeline::{Pipeline, Rules, RulesConfig};
use schemas::AnyRecord;
use schemas::record::Micros;
use schemas::record::ingest::RawReceived;
use schemas::topic;
use stream_log::driver::Memory;
use stream_log::{Append, Key, LogTime, Record, Step, Task, TaskLimits, Topic, Topics};
use tower::ServiceExt;

/// When the worlds end.
pub(crate) const END: i64 = 1_760_000_000_000_000;
const SMALL_FACTS_MAX: usize = 60;
const SECRET: &str = "order";
/// A time before every record: the task appends no ticks of its own.
pub(crate) const NEVER: LogTime = LogTime(i64::MIN);

pub(crate) static TOPICS: Topics = &topic::READ_BY_PROCESSORS;

/// SplitMix64: enough to shuffle, and the same everywhere.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound).unwrap()).unwrap()
    }

    pub(crate) fn shuffle<T>(&mut self, things: &mut [T]) {
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
pub(crate) fn items(worlds: &[AthleteWorld]) -> Vec<RawReceived> {
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

pub(crate) fn record(item: &RawReceived) -> Record {
    let athlete = item.athlete_id.as_deref().unwrap();
    Record {
        topic: Topic(topic::raw_topic(&item.source).unwrap()),
        key: Key::new(&format!("{}/{athlete}", item.tenant_id)),
        received_at: LogTime(item.received_at.0),
        headers: Vec::new(),
        value: schemas::codec::encode(item),
    }
}

pub(crate) fn pipeline() -> Pipeline {
    Pipeline::new(Rules::new(RulesConfig::default()))
}

/// Kind, entity and what of it is live: as `verify` reads a log.
pub(crate) fn content(fact: &AnyRecord) -> Option<(&'static str, String, Option<String>)> {
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
        AnyRecord::SafetyHoldRaised(fact) => {
            let held = format!("{} {}", fact.since.0, fact.symptoms.join(" "));
            ("hold", fact.hold_id.clone(), Some(held))
        }
        AnyRecord::SafetyHoldReleased(fact) => ("hold", fact.hold_id.clone(), None),
        _ => return None,
    })
}

pub(crate) fn last_arrival(items: &[RawReceived]) -> i64 {
    items
        .iter()
        .map(|item| item.received_at.0)
        .max()
        .unwrap_or(END)
}

pub(crate) fn small(seed: u64) -> Vec<RawReceived> {
    items(&[small_world(seed, SMALL_FACTS_MAX, END)])
}

/// Facts that items become, all of them at once.
pub(crate) fn facts(items: &[RawReceived]) -> Vec<AnyRecord> {
    let memory = Memory::new(1, TOPICS);
    let mut task = Task::new(pipeline(), memory.open(), TaskLimits::default());
    memory.append(items.iter().map(record).collect()).unwrap();
    while !matches!(task.step(NEVER).unwrap(), Step::Idle { .. }) {}
    let outputs = memory.take_outputs().into_iter();
    outputs
        .map(|one| schemas::decode_any(&one.record.value).unwrap())
        .collect()
}

/// The observations of workouts that items become.
fn workouts(items: &[RawReceived]) -> Vec<String> {
    let told = |fact: AnyRecord| match fact {
        AnyRecord::ObservationRecorded(fact) if fact.kind == "activity" => {
            Some(fact.observation_id)
        }
        _ => None,
    };
    let ids: BTreeSet<String> = facts(items).into_iter().filter_map(told).collect();
    ids.into_iter().collect()
}

/// What the user edits at Strava, as its events tell: of activities that are known and of one that may
/// never be, before, between and after fetches.
pub(crate) fn edits(items: &[RawReceived], dice: &mut Dice) -> Vec<RawReceived> {
    let fetches = items.iter().filter(|item| item.kind == "activity");
    let fetches: Vec<&RawReceived> = fetches.filter(|item| item.source == "strava").collect();
    if fetches.is_empty() {
        return Vec::new();
    }
    let (first, last) = (items[0].received_at.0, last_arrival(items));
    let mut told = Vec::new();
    for edit in 0..1 + dice.below(4) {
        let template = fetches[dice.below(fetches.len())];
        let at = first + i64::try_from(dice.next() % u64::try_from(last - first).unwrap()).unwrap();
        let name = ["title", "type", "sport_type"][dice.below(3)];
        let body = serde_json::json!({
            "object_type": "activity", "aspect_type": "update", "updates": {name: "other"},
            "event_time": at / 1_000_000,
        });
        let id = template.provider_id.clone();
        told.push(RawReceived {
            id: format!("{:032x}", 2_000_000 + edit),
            kind: "event".to_owned(),
            provider_id: id.filter(|_| dice.below(8) > 0).or(Some("404".to_owned())),
            received_at: Micros((at + 2_000_000).min(last)),
            provider_event_at: Some(Micros(at)),
            body_sha256: format!("{:064x}", dice.next()),
            body: body.to_string().into_bytes(),
            ..template.clone()
        });
    }
    told
}

/// What the user says of workouts: merges and splits, some of them twice or with another content.
pub(crate) fn words(items: &[RawReceived], dice: &mut Dice) -> Vec<RawReceived> {
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

/// Symptoms that the user reports of half of the worlds, some of them put right or cleared, before or
/// after: of most nothing is held in the end.
pub(crate) fn symptoms(items: &[RawReceived], dice: &mut Dice) -> Vec<RawReceived> {
    let (first, last) = (items[0].received_at.0, last_arrival(items));
    let length = u64::try_from(last - first).unwrap();
    let mut told = Vec::new();
    if dice.below(2) == 0 {
        return told;
    }
    for report in 0..1 + dice.below(4) {
        let at = first + i64::try_from(dice.next() % length).unwrap();
        let codes: &[&str] = [&["vomiting"][..], &["headache"], &[], &[]][dice.below(4)];
        let name = format!("symptom-{}", dice.below(3));
        let body = serde_json::json!({
            "id": name, "type": "symptom", "codes": codes, "cleared": codes.is_empty(),
            "at": jiff::Timestamp::from_microsecond(at).unwrap().to_string(),
        });
        told.push(RawReceived {
            id: format!("{:032x}", 3_000_000 + report),
            source: "app".to_owned(),
            kind: "symptom".to_owned(),
            account_id: None,
            provider_id: Some(name),
            received_at: Micros((at + i64::try_from(dice.next() % length).unwrap()).min(last)),
            body_sha256: format!("{:064x}", dice.next()),
            body: body.to_string().into_bytes(),
            ..items[0].clone()
        });
    }
    told
}
