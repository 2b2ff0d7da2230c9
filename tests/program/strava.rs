//! Hints and fetches, against a Strava of the test's own: what comes of trouble, of a budget, of
//! content that changes, and where secrets do not go.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use ingest_simulator::fakes::{Faults, Limit, StravaSettings};
use ingest_simulator::{Delivery, Mix, Source, StravaAccount, WorldOptions};
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rusqlite::Connection;
use schemas::AnyRecord;
use serde_json::{Value, json};

use super::content::{assert_same, content};
use super::support::{Service, assert_conserved, assert_verified, count, until};
use super::vendors::{
    OWNER, STRAVA_SECRET, VERIFY_TOKEN, Vendors, account, activity, event, members, start_with,
};
use super::world::{END, post_all};

/// 2025-05-23T11:33:20Z.
pub(super) const START: i64 = 1_748_000_000;
const DAY: i64 = 86_400;

pub(super) async fn sessions(service: &Service, athlete: &str) -> Vec<Value> {
    service
        .all(&format!("/v1/athletes/{athlete}/sessions"))
        .await
}

pub(super) async fn end(service: Service) {
    let data = service.data.clone();
    assert!(service.terminate().await.success());
    assert_verified(&data);
}

/// Strava athletes only, and all that happens to activities.
struct World {
    athletes: Vec<String>,
    accounts: Vec<StravaAccount>,
    registrations: Vec<Delivery>,
    others: Vec<Delivery>,
    events: Vec<Delivery>,
}

fn world() -> World {
    let mut mix = Mix::small();
    mix.strava.linked = 1.0;
    mix.strava.deauthorised = 0.0;
    mix.strava.event_late = 0.3;
    let options = WorldOptions {
        athletes: 6,
        days: 5,
        seed: 5,
        end: END,
    };
    let mut world = World {
        athletes: Vec::new(),
        accounts: Vec::new(),
        registrations: Vec::new(),
        others: Vec::new(),
        events: Vec::new(),
    };
    for athlete in ingest_simulator::world_of(options, mix) {
        world.athletes.push(athlete.athlete_id);
        world.accounts.extend(athlete.strava);
        world.registrations.extend(athlete.registrations);
        for delivery in athlete.deliveries {
            match delivery.source {
                Source::Strava => world.events.push(delivery),
                _ => world.others.push(delivery),
            }
        }
    }
    world
}

impl World {
    /// What every live session has to be told by, and what none may be.
    fn activities(&self) -> BTreeMap<(&str, &str), bool> {
        let all = self.accounts.iter().flat_map(|account| {
            let of = account.activities.iter();
            of.map(|one| {
                (
                    (account.athlete_id.as_str(), one.id.as_str()),
                    one.last().is_some(),
                )
            })
        });
        all.collect()
    }

    /// Every event, some twice, in no order.
    fn disordered(&self, seed: u64) -> Vec<Delivery> {
        let mut dice = ChaCha8Rng::seed_from_u64(seed);
        let mut events = self.events.clone();
        events.extend(self.events.iter().step_by(4).cloned());
        events.shuffle(&mut dice);
        events
    }
}

const CHAOS_LIMIT: Limit = Limit {
    quarter: 160,
    day: 1_000,
};

fn chaos() -> Faults {
    Faults {
        seed: 9,
        too_many: 0.04,
        server_error: 0.1,
        slow: 0.25,
        slow_by: Duration::from_millis(60),
        down: vec![14..17, 40..41],
        missing: BTreeSet::new(),
    }
}

/// A refusal of the moment says when to come again.
fn in_a_second(routes: Router) -> Router {
    routes.layer(axum::middleware::map_response(
        async |mut answer: Response| {
            if answer.status() == StatusCode::TOO_MANY_REQUESTS {
                let headers = answer.headers_mut();
                headers.insert("retry-after", HeaderValue::from_static("1"));
            }
            answer
        },
    ))
}

/// The live sessions that an activity is a member of, by athlete and activity.
async fn told(service: &Service, world: &World) -> BTreeMap<(String, String), usize> {
    let mut told = BTreeMap::new();
    for athlete in &world.athletes {
        for session in sessions(service, athlete).await {
            for (source, id) in members(&session) {
                if source == "strava" {
                    *told.entry((athlete.clone(), id)).or_default() += 1;
                }
            }
        }
    }
    told
}

/// Events and ends of fetches in the log, by kind.
fn logged(data: &Path) -> BTreeMap<String, usize> {
    let log = Connection::open(data.join("log.db")).unwrap();
    let mut records = log.prepare("SELECT value FROM records").unwrap();
    let values = records
        .query_map([], |row| row.get::<_, Vec<u8>>(0))
        .unwrap();
    let mut kinds = BTreeMap::new();
    for value in values {
        if let Ok(AnyRecord::RawReceived(raw)) = schemas::decode_any(&value.unwrap())
            && raw.source == "strava"
        {
            *kinds.entry(raw.kind).or_default() += 1;
        }
    }
    kinds
}

/// What is still to be fetched once Strava was asked. On a broker counts come a commit later.
async fn owed(service: &Service, is_asked: impl Fn() -> bool) -> i64 {
    until("Strava is asked", async || {
        let (_, quality) = service.get("/v1/quality").await;
        let owed = quality["pending"]["fetches"].as_i64().unwrap();
        (is_asked() && (owed > 0 || quality["idle"] == true)).then_some(owed)
    })
    .await
}

#[tokio::test]
async fn an_ailing_strava_and_four_kills_lose_no_activity_and_double_none() {
    let folder = tempfile::tempdir().unwrap();
    let world = world();
    let calm = Vendors::start(StravaSettings::default()).await;
    for account in &world.accounts {
        calm.strava.register(account);
    }
    let service = calm.service(&folder.path().join("calm")).await;
    post_all(&service, &world.registrations).await;
    post_all(&service, &world.others).await;
    post_all(&service, &world.events).await;
    service.idle().await;
    let expected = content(&service, &world.athletes).await;
    drop(service);

    let settings = StravaSettings {
        read: CHAOS_LIMIT,
        overall: CHAOS_LIMIT,
        keeps_old_refresh: true,
        faults: chaos(),
        ..StravaSettings::default()
    };
    let vendors = Vendors::start_behind(settings, in_a_second).await;
    for account in &world.accounts {
        vendors.strava.register_as_told(account);
    }
    let data = folder.path().join("chaos");
    let mut service = vendors.service(&data).await;
    post_all(&service, &world.registrations).await;
    post_all(&service, &world.others).await;
    let events = world.disordered(3);
    let counters = || vendors.strava.counters();
    let mut unfinished = 0;
    for part in events.chunks(events.len().div_ceil(4)) {
        let before = counters().requests;
        for event in part {
            vendors.strava.told(event);
        }
        post_all(&service, part).await;
        // Some of what was just hinted at is asked for, some not yet, one perhaps right now.
        unfinished += owed(&service, || counters().requests >= before + 3).await;
        service.kill();
        service = vendors.service(&data).await;
    }
    assert!(unfinished > 0, "no kill hit a fetch");
    let quality = service.idle().await;

    let told = told(&service, &world).await;
    for ((athlete, id), is_live) in world.activities() {
        let times = told.get(&(athlete.to_owned(), id.to_owned())).copied();
        assert_eq!(times, is_live.then_some(1), "{athlete} {id}");
    }
    assert_same(&expected, &content(&service, &world.athletes).await);
    let used = counters();
    assert_eq!(used.over_limit, 0, "{used:?}");
    assert!(used.most_in_quarter <= CHAOS_LIMIT.quarter, "{used:?}");
    assert!(used.faults > 5 && used.tokens > 0, "{used:?}");
    assert_eq!(count(&quality, "strava", "dead_lettered"), 0, "{quality}");
    let logged = logged(&data);
    assert_eq!(logged["event"], events.len());
    let received = i64::try_from(logged["event"] + logged["activity"]).unwrap();
    assert_eq!(count(&quality, "strava", "received"), received);
    end(service).await;
}

const SMALL: Limit = Limit {
    quarter: 12,
    day: 1_000,
};

#[tokio::test]
async fn a_spent_budget_ends_the_asking_and_says_so_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let settings = StravaSettings {
        read: SMALL,
        ..StravaSettings::default()
    };
    let vendors = Vendors::start(settings).await;
    let ids: Vec<String> = (1..=40).map(|number| (900 + number).to_string()).collect();
    let starts = (0..).map(|day| START + day * DAY);
    let runs: Vec<_> = ids
        .iter()
        .zip(starts)
        .map(|(id, start)| (id.as_str(), activity(id, start, 10_000.0)))
        .collect();
    let account = account("ada", OWNER, runs);
    vendors.strava.register(&account);
    let data = folder.path().join("data");
    let mut service = vendors.service(&data).await;
    service.register_strava(&account).await;
    for id in &ids {
        service
            .hint(&event(OWNER, id, "create", START + 41 * DAY))
            .await;
    }
    for attempt in 0..2 {
        until("the budget is spent, and the service says so", async || {
            let is_spent = vendors.strava.counters().served >= SMALL.quarter.into();
            (is_spent && service.log().contains("rate_limited")).then_some(())
        })
        .await;
        let used = vendors.strava.counters();
        assert_eq!(used.over_limit, 0, "{used:?}");
        assert!(used.most_in_quarter <= SMALL.quarter, "{used:?}");
        let served = usize::try_from(used.served).unwrap();
        assert!(served < ids.len(), "{used:?}");
        until("what was fetched is told", async || {
            (sessions(&service, "ada").await.len() == served).then_some(())
        })
        .await;
        let quality = until("what is not fetched is counted", async || {
            let (_, quality) = service.get("/v1/quality").await;
            (quality["pending"]["fetches"] == ids.len() - served).then_some(quality)
        })
        .await;
        assert_conserved(&quality);
        assert_eq!(quality["idle"], false, "{quality}");
        if attempt == 0 {
            service.kill();
            service = vendors.service(&data).await;
        }
    }
    end(service).await;
}

#[tokio::test]
async fn the_webhook_takes_what_is_strava_s_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let vendors = Vendors::start(StravaSettings::default()).await;
    let mut settings = vendors.settings();
    settings.push(("SUDOR__STRAVA__SUBSCRIPTION_ID", "120475".to_owned()));
    let service = start_with(&folder.path().join("data"), &settings).await;
    let hook = format!("/webhooks/strava/{STRAVA_SECRET}");
    let shake = |token: &str| {
        format!("hub.mode=subscribe&hub.challenge=15f7d1a91c1f40f8&hub.verify_token={token}")
    };
    let good = shake(VERIFY_TOKEN);
    for (path, asked, expected) in [
        (hook.as_str(), good.as_str(), 200),
        (&hook, &shake("wrong"), 403),
        (&hook, &shake(""), 403),
        (&hook, &good.replace("subscribe", "unsubscribe"), 403),
        (&hook, "hub.mode=subscribe", 403),
        ("/webhooks/strava/wrong", &good, 404),
    ] {
        let (status, said) = service.get(&format!("{path}?{asked}")).await;
        assert_eq!(status, expected, "{path} {asked}: {said}");
        if status == 200 {
            assert_eq!(said, json!({"hub.challenge": "15f7d1a91c1f40f8"}));
        }
    }
    let told = event(OWNER, "77", "create", START);
    for (path, body, expected) in [
        ("/webhooks/strava/wrong", told.clone(), 404),
        (&hook, told.replace("120475", "120476"), 403),
        (&hook, told.replace(",\"subscription_id\":120475", ""), 403),
        (&hook, " ".repeat(100_000), 413),
        (&hook, "{".to_owned(), 400),
        (&hook, "[]".to_owned(), 400),
    ] {
        let (status, said) = service.post(path, body.clone()).await;
        assert_eq!(
            status,
            expected,
            "{path} {}: {said}",
            &body[..body.len().min(200)]
        );
    }
    assert_eq!(
        service.post_as(&hook, "text/xml", told.clone()).await.0,
        415
    );
    assert_eq!(
        count(&service.idle().await, "strava", "received"),
        0,
        "what is refused was not received"
    );
    assert_eq!(vendors.strava.counters().requests, 0);
}

#[tokio::test]
async fn an_event_for_nobody_waits_as_a_dead_letter_until_its_account_is_linked() {
    let folder = tempfile::tempdir().unwrap();
    let vendors = Vendors::start(StravaSettings::default()).await;
    let account = account("ada", OWNER, vec![("77", activity("77", START, 10_000.0))]);
    vendors.strava.register(&account);
    let service = vendors.service(&folder.path().join("data")).await;
    service.hint(&event(OWNER, "77", "create", START)).await;
    let quality = service.idle().await;
    assert_eq!(count(&quality, "strava", "dead_lettered"), 1);
    let letters = service.all("/v1/dead-letters").await;
    assert_eq!(letters[0]["reason"], "unknown_account", "{letters:?}");
    assert_eq!(vendors.strava.counters().requests, 0);
    service.register_strava(&account).await;
    until(
        "the event is replayed and its activity fetched",
        async || (sessions(&service, "ada").await.len() == 1).then_some(()),
    )
    .await;
    let quality = service.idle().await;
    let counts = ["received", "accepted", "dead_lettered"];
    assert_eq!(
        counts.map(|what| count(&quality, "strava", what)),
        [2, 2, 0]
    );
    assert!(service.all("/v1/dead-letters").await.is_empty());
    assert_eq!(vendors.strava.counters().activities, 1);
    end(service).await;
}
