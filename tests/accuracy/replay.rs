//! A world through the real connectors and the real steps, in memory: what would be live in the end.

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
    AthleteWorld, EventKind, GARMIN_SECRET_PLACEHOLDER, LossTold, STRAVA_SECRET_PLACEHOLDER,
    ThingTold, Told,
};
use processors_pipeline::{Pipeline, Rules, RulesConfig};
use schemas::AnyRecord;
use schemas::record::Micros;
use schemas::record::ingest::RawReceived;
use schemas::record::night::NightRevised;
use schemas::record::session::{Member, SessionRevised};
use schemas::topic;
use stream_log::driver::Memory;
use stream_log::{Append, Key, LogTime, Record, Step, Task, TaskLimits, Topic, Topics};
use tower::ServiceExt;

const SECRET: &str = "accuracy";

static TOPICS: Topics = &topic::READ_BY_PROCESSORS;

#[derive(Default)]
struct Collected(Mutex<Vec<RawReceived>>);

impl Publisher for Collected {
    fn publish(&self, items: Vec<RawReceived>) -> Answer<Result<(), PublishError>> {
        self.0.lock().unwrap().extend(items);
        Box::pin(std::future::ready(Ok(())))
    }
}

pub(crate) struct Replay {
    routes: Router,
    collected: Arc<Collected>,
    clock: Arc<ManualClock>,
    runtime: tokio::runtime::Runtime,
}

impl Replay {
    pub(crate) fn new() -> Self {
        let collected = Arc::new(Collected::default());
        let accounts = Arc::new(MemoryAccounts::default());
        let clock = Arc::new(ManualClock::at(UnixMicros(0)));
        let settings = Settings {
            garmin: Some(GarminSettings {
                secret: SECRET.to_owned().into(),
                ..GarminSettings::default()
            }),
            strava: Some(StravaSettings {
                secret: SECRET.to_owned().into(),
                verify_token: SECRET.to_owned().into(),
                subscription_id: 0,
                client_id: String::new(),
                client_secret: SECRET.to_owned().into(),
                api_url: "http://127.0.0.1:9".to_owned(),
                oauth_url: "http://127.0.0.1:9".to_owned(),
                streams: false,
            }),
            ..Settings::default()
        };
        let ports = Ports {
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            publisher: Arc::clone(&collected) as Arc<dyn Publisher>,
            registry: Arc::clone(&accounts) as Arc<dyn Registry>,
            vault: Arc::clone(&accounts) as Arc<dyn Vault>,
            linked: accounts,
        };
        Self {
            routes: ingest_connectors::router(Connectors::new(settings, ports)).into(),
            collected,
            clock,
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .build()
                .unwrap(),
        }
    }

    /// What the pipeline says of an athlete once everything was told.
    pub(crate) fn told(&self, world: &AthleteWorld) -> Told {
        let memory = Memory::new(1, TOPICS);
        let pipeline = Pipeline::new(Rules::new(RulesConfig::default()));
        let mut task = Task::new(pipeline, memory.open(), TaskLimits::default());
        let items = self.items(world);
        memory.append(items.iter().map(record).collect()).unwrap();
        while !matches!(task.step(LogTime(i64::MIN)).unwrap(), Step::Idle { .. }) {}
        let facts = memory.records().into_iter();
        live(facts.filter_map(|fact| schemas::decode_any(&fact.record.value).ok()))
    }

    /// Everything that is sent, split into items, and what is fetched for it.
    fn items(&self, world: &AthleteWorld) -> Vec<RawReceived> {
        let mut items = Vec::new();
        for delivery in world.registrations.iter().chain(&world.deliveries) {
            self.clock.set(UnixMicros(delivery.at));
            let path = delivery
                .path
                .replace(GARMIN_SECRET_PLACEHOLDER, SECRET)
                .replace(STRAVA_SECRET_PLACEHOLDER, SECRET);
            let request = Request::builder()
                .method(delivery.method.as_str())
                .uri(&path)
                .header("content-type", delivery.content_type)
                .body(Body::from(delivery.body.clone()))
                .unwrap();
            let answered = self.runtime.block_on(self.routes.clone().oneshot(request));
            assert!(answered.unwrap().status().is_success(), "{path}");
            for mut item in std::mem::take(&mut *self.collected.0.lock().unwrap()) {
                item.received_at = Micros(delivery.at);
                items.push(item);
            }
        }
        for told in world.fetched().into_iter().chain(world.weather_answers()) {
            items.push(told.raw(String::new()));
        }
        for (item, index) in items.iter_mut().zip(0_i64..) {
            item.id = format!("{index:032x}");
            item.received_at.0 += index;
        }
        items.sort_by_key(|item| item.received_at);
        items
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

fn live(facts: impl Iterator<Item = AnyRecord>) -> Told {
    let mut sessions = BTreeMap::new();
    let mut nights = BTreeMap::new();
    let mut losses = BTreeMap::new();
    for fact in facts {
        match fact {
            AnyRecord::SessionRevised(fact) => {
                sessions.insert(fact.session_id.clone(), session(fact));
            }
            AnyRecord::SessionRetracted(fact) => drop(sessions.remove(&fact.session_id)),
            AnyRecord::NightRevised(fact) => {
                nights.insert(fact.night_id.clone(), night(fact));
            }
            AnyRecord::NightRetracted(fact) => drop(nights.remove(&fact.night_id)),
            AnyRecord::SweatLossEstimated(fact) => {
                let loss = LossTold {
                    session_id: fact.session_id,
                    median_ml: fact.fluid_ml.median,
                    lo90_ml: fact.fluid_ml.lo90,
                    hi90_ml: fact.fluid_ml.hi90,
                    method: fact.method,
                };
                losses.insert(fact.loss_id, loss);
            }
            AnyRecord::SweatLossRetracted(fact) => drop(losses.remove(&fact.loss_id)),
            _ => {}
        }
    }
    Told {
        sessions: sessions.into_values().collect(),
        nights: nights.into_values().collect(),
        losses: losses.into_values().collect(),
    }
}

fn members(members: Vec<Member>) -> Vec<(String, String)> {
    let members = members.into_iter();
    members.map(|it| (it.source, it.provider_id)).collect()
}

fn session(fact: SessionRevised) -> ThingTold {
    ThingTold {
        id: fact.session_id,
        athlete_id: fact.athlete_id,
        kind: EventKind::Session,
        members: members(fact.members),
        start: fact.start.0,
        end: fact.end.0,
        distance_m: fact.distance_m,
        timer_s: fact.timer_s.map(|seconds| seconds as f64),
        asleep_s: None,
        sport: Some(fact.sport),
        container: fact.container,
        candidates: fact
            .candidates
            .into_iter()
            .map(|it| it.session_id)
            .collect(),
    }
}

fn night(fact: NightRevised) -> ThingTold {
    ThingTold {
        id: fact.night_id,
        athlete_id: fact.athlete_id,
        kind: if fact.kind == "nap" {
            EventKind::Nap
        } else {
            EventKind::Night
        },
        members: members(fact.members),
        start: fact.start.0,
        end: fact.end.0,
        distance_m: None,
        timer_s: None,
        asleep_s: Some(fact.asleep_s as f64),
        sport: None,
        container: false,
        candidates: Vec::new(),
    }
}
