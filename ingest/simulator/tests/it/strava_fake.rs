//! The fake Strava over HTTP: tokens, owners, limits, faults.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::http::{HeaderMap, Request, StatusCode};
use edge::{ManualClock, UnixMicros};
use ingest_simulator::fakes::{FakeStrava, Faults, Limit, StravaSettings};
use ingest_simulator::{Delivery, Source, StravaAccount, StravaActivity, StravaVersion, world};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::world::OPTIONS;

const NOW: i64 = 1_774_828_800;
const SECOND: i64 = 1_000_000;

struct Service {
    clock: Arc<ManualClock>,
    fake: FakeStrava,
}

impl Service {
    fn new(settings: StravaSettings) -> Self {
        let clock = Arc::new(ManualClock::at(UnixMicros(NOW * SECOND)));
        let fake = FakeStrava::new(clock.clone(), settings);
        for account in [account("1", "a", "r"), account("2", "b", "s")] {
            fake.register(&account);
        }
        Self { clock, fake }
    }

    async fn send(&self, request: Request<Body>) -> (StatusCode, HeaderMap, Value) {
        let answer = self.fake.router().oneshot(request).await.unwrap();
        let (parts, body) = answer.into_parts();
        (parts.status, parts.headers, read(body).await)
    }

    async fn get(&self, path: &str, token: &str) -> (u16, Value) {
        let request = Request::get(path).header("authorization", format!("Bearer {token}"));
        let (status, _, body) = self.send(request.body(Body::empty()).unwrap()).await;
        (status.as_u16(), body)
    }

    async fn refresh(&self, token: &str) -> (u16, Value) {
        let form =
            format!("client_id=5&client_secret=x&grant_type=refresh_token&refresh_token={token}");
        let request = Request::post("/oauth/token")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(form))
            .unwrap();
        let (status, _, body) = self.send(request).await;
        (status.as_u16(), body)
    }
}

async fn read(mut body: Body) -> Value {
    let mut bytes = Vec::new();
    while let Some(frame) =
        std::future::poll_fn(|task| std::pin::Pin::new(&mut body).poll_frame(task)).await
    {
        bytes.extend(frame.unwrap().into_data().unwrap());
    }
    serde_json::from_slice(&bytes).unwrap_or(Value::Null)
}

/// An account whose activity `<id>1` was renamed at second 20 and whose `<id>2` was deleted at 30.
fn account(id: &str, access: &str, refresh: &str) -> StravaAccount {
    let version = |at: i64, body: Option<Value>| StravaVersion {
        at: at * SECOND,
        body: body.map(|body| body.to_string()),
    };
    let body = |name: &str| Some(json!({"name": name, "elapsed_time": 600, "distance": 1500.0}));
    let activity = |number: &str, versions| StravaActivity {
        id: format!("{id}{number}"),
        versions,
    };
    StravaAccount {
        athlete_id: format!("athlete-{id}"),
        account_id: id.to_owned(),
        access_token: access.to_owned(),
        refresh_token: refresh.to_owned(),
        expires_at: NOW + 3_600,
        deauthorised_at: None,
        activities: vec![
            activity(
                "1",
                vec![version(10, body("old")), version(20, body("new"))],
            ),
            activity("2", vec![version(10, body("gone")), version(30, None)]),
        ],
    }
}

#[tokio::test]
async fn activities_are_served_to_their_owner_in_their_last_version() {
    let service = Service::new(StravaSettings::default());
    //           path,                      token, status, name
    let cases = [
        ("/api/v3/activities/11", "a", 200, json!("new")),
        ("/api/v3/activities/21", "b", 200, json!("new")),
        ("/api/v3/activities/21", "a", 404, Value::Null),
        ("/api/v3/activities/12", "a", 404, Value::Null),
        (
            "/api/v3/activities/99999999999999999999999",
            "a",
            404,
            Value::Null,
        ),
        ("/api/v3/activities/11", "r", 401, Value::Null),
        ("/api/v3/activities/11", "", 401, Value::Null),
    ];
    for (path, token, status, name) in cases {
        let (told, body) = service.get(path, token).await;
        assert_eq!((told, &body["name"]), (status, &name), "{path} {token}");
    }
    let counters = service.fake.counters();
    assert_eq!((counters.requests, counters.served), (7, 2));
    assert_eq!((counters.not_found, counters.unauthorised), (3, 2));
}

#[tokio::test]
async fn streams_come_as_an_object_or_as_a_list() {
    let service = Service::new(StravaSettings::default());
    let path = "/api/v3/activities/11/streams?keys=time,distance,watts";
    let (_, list) = service.get(path, "a").await;
    assert_eq!(list.as_array().unwrap().len(), 2);
    let (_, object) = service.get(&format!("{path}&key_by_type=true"), "a").await;
    let time = object["time"]["data"].as_array().unwrap();
    assert_eq!(
        (time.first(), time.last()),
        (Some(&json!(0)), Some(&json!(600)))
    );
    assert_eq!(
        object["distance"]["data"].as_array().unwrap().len(),
        time.len()
    );
    assert_eq!(
        service
            .get("/api/v3/activities/12/streams?keys=time", "a")
            .await
            .0,
        404
    );
}

#[tokio::test]
async fn tokens_die_with_time_and_a_refresh_token_works_once() {
    let service = Service::new(StravaSettings::default());
    service.clock.set(UnixMicros((NOW + 3_601) * SECOND));
    assert_eq!(service.get("/api/v3/activities/11", "a").await.0, 401);
    let (status, granted) = service.refresh("r").await;
    assert_eq!(
        (status, &granted["expires_at"]),
        (200, &json!(NOW + 3_601 + 21_600))
    );
    let access = granted["access_token"].as_str().unwrap();
    let refresh = granted["refresh_token"].as_str().unwrap();
    assert_eq!(service.get("/api/v3/activities/11", access).await.0, 200);
    let (status, body) = service.refresh("r").await;
    assert_eq!(
        (status, &body["errors"][0]["resource"]),
        (400, &json!("RefreshToken"))
    );
    assert_eq!(service.refresh(refresh).await.0, 200);
    assert_eq!(service.refresh(refresh).await.0, 400);
    assert_eq!(service.refresh("unheard-of").await.0, 400);
    assert_eq!(service.fake.counters().refresh_refused, 3);
    // Telling of an account again brings no dead token back.
    service.fake.register(&account("1", "a", "r"));
    assert_eq!(service.refresh("r").await.0, 400);
}

#[tokio::test]
async fn an_old_refresh_token_may_live_until_a_new_token_is_used() {
    let service = Service::new(StravaSettings {
        keeps_old_refresh: true,
        ..StravaSettings::default()
    });
    let (_, lost) = service.refresh("r").await;
    let (status, kept) = service.refresh("r").await;
    assert_eq!(status, 200);
    let token = |granted: &Value, name: &str| granted[name].as_str().unwrap().to_owned();
    assert_eq!(service.refresh(&token(&lost, "refresh_token")).await.0, 400);
    let access = token(&kept, "access_token");
    assert_eq!(service.get("/api/v3/activities/11", &access).await.0, 200);
    assert_eq!(service.refresh("r").await.0, 400);
    let (status, next) = service.refresh(&token(&kept, "refresh_token")).await;
    assert_eq!(status, 200);
    assert_eq!(service.refresh(&token(&next, "refresh_token")).await.0, 200);
    assert_eq!(service.refresh(&token(&kept, "refresh_token")).await.0, 400);
}

#[tokio::test]
async fn secrets_of_the_application_are_compared_where_they_are_set() {
    let service = Service::new(StravaSettings {
        client_secret: Some("other".to_owned()),
        ..StravaSettings::default()
    });
    let (status, body) = service.refresh("r").await;
    assert_eq!(
        (status, &body["errors"][0]["field"]),
        (400, &json!("client_secret"))
    );
}

#[tokio::test]
async fn reads_beyond_the_limit_are_refused_until_the_quarter_of_an_hour_is_over() {
    let service = Service::new(StravaSettings {
        read: Limit { quarter: 2, day: 4 },
        ..StravaSettings::default()
    });
    //           second, status, usage
    let cases = [
        (0, 200, "1,1"),
        (1, 200, "2,2"),
        (2, 429, "3,3"),
        (900, 200, "1,4"),
        (1_800, 429, "1,5"),
    ];
    // Midnight: the first quarter of a day.
    let midnight = NOW / 86_400 * 86_400;
    for (second, status, usage) in cases {
        service.clock.set(UnixMicros((midnight + second) * SECOND));
        let request = Request::get("/api/v3/activities/11").header("authorization", "Bearer a");
        let (told, headers, _) = service.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(told.as_u16(), status, "{second}");
        assert_eq!(headers["x-readratelimit-usage"], usage);
        assert_eq!(headers["x-readratelimit-limit"], "2,4");
        assert_eq!(headers["x-ratelimit-limit"], "10000000,100000000");
        assert_eq!(headers["x-ratelimit-usage"], usage);
    }
    let counters = service.fake.counters();
    assert_eq!(
        (
            counters.over_limit,
            counters.most_in_quarter,
            counters.most_in_day
        ),
        (2, 3, 5)
    );
}

#[tokio::test]
async fn faults_come_by_the_number_of_the_request() {
    let service = Service::new(StravaSettings::default());
    service.fake.set_faults(Faults {
        down: vec![1..2, 2..3],
        missing: ["21".to_owned()].into(),
        ..Faults::default()
    });
    let mut told = Vec::new();
    for (id, token) in [
        ("11", "a"),
        ("11", "a"),
        ("11", "a"),
        ("11", "a"),
        ("21", "b"),
    ] {
        told.push(
            service
                .get(&format!("/api/v3/activities/{id}"), token)
                .await
                .0,
        );
    }
    assert_eq!(told, [200, 503, 503, 200, 404]);
    let broken = Faults {
        too_many: 0.3,
        server_error: 0.3,
        slow: 0.4,
        slow_by: Duration::from_micros(1),
        ..Faults::default()
    };
    service.fake.set_faults(broken);
    let mut counts: BTreeMap<u16, u32> = BTreeMap::new();
    for _ in 0..300 {
        *counts
            .entry(service.get("/api/v3/activities/11", "a").await.0)
            .or_default() += 1;
    }
    assert!(counts.values().all(|count| *count > 60), "{counts:?}");
    assert_eq!(counts.keys().copied().collect::<Vec<_>>(), [200, 429, 500]);
}

#[tokio::test]
async fn versions_appear_as_events_tell_of_them_and_never_go_back() {
    let service = Service::new(StravaSettings::default());
    service.fake.register_as_told(&account("3", "c", "t"));
    let event = |id: &str, at: i64| {
        let mut like = world(OPTIONS)
            .flat_map(|one| one.deliveries)
            .find(|delivery| delivery.source == Source::Strava)
            .unwrap();
        like.body = format!(
            "{{\"object_type\":\"activity\",\"object_id\":{id},\"owner_id\":3,\"event_time\":{at}}}"
        )
        .into_bytes();
        like
    };
    //           told,                 id,  status, name
    let cases: [(Option<Delivery>, &str, u16, Value); 6] = [
        (None, "31", 404, Value::Null),
        (Some(event("31", 10)), "31", 200, json!("old")),
        (Some(event("31", 20)), "31", 200, json!("new")),
        (Some(event("31", 10)), "31", 200, json!("new")),
        (Some(event("32", 30)), "32", 404, Value::Null),
        (Some(event("32", 10)), "32", 404, Value::Null),
    ];
    for (told, id, status, name) in cases {
        if let Some(delivery) = &told {
            service.fake.told(delivery);
        }
        let (found, body) = service.get(&format!("/api/v3/activities/{id}"), "c").await;
        assert_eq!((found, &body["name"]), (status, &name), "{told:?}");
    }
}

#[tokio::test]
async fn an_athlete_who_took_the_permission_back_is_not_read_any_more() {
    let options = ingest_simulator::WorldOptions {
        athletes: 400,
        days: 1,
        ..OPTIONS
    };
    let one = world(options)
        .find(|one| {
            one.strava
                .as_ref()
                .is_some_and(|it| it.deauthorised_at.is_some())
        })
        .unwrap();
    let mut account = one.strava.unwrap();
    assert!(account.activities.is_empty());
    account.expires_at = NOW + 60;
    let service = Service::new(StravaSettings::default());
    service.fake.register(&account);
    assert_eq!(
        service
            .get("/api/v3/activities/1", &account.access_token)
            .await
            .0,
        404
    );
    let strava = one.deliveries.iter().filter(|d| d.source == Source::Strava);
    let told: Vec<&Delivery> = strava.collect();
    assert_eq!(told.len(), 1);
    service.fake.told(told[0]);
    assert_eq!(
        service
            .get("/api/v3/activities/1", &account.access_token)
            .await
            .0,
        401
    );
    assert_eq!(service.refresh(&account.refresh_token).await.0, 400);
}

#[tokio::test]
async fn a_whole_world_is_served_as_its_truth_says_it_stands() {
    let service = Service::new(StravaSettings::default());
    for one in world(OPTIONS) {
        let Some(account) = &one.strava else { continue };
        service.fake.register(account);
        let (status, granted) = service.refresh(&account.refresh_token).await;
        assert_eq!(status, 200);
        let token = granted["access_token"].as_str().unwrap();
        for record in one
            .truth
            .records
            .iter()
            .filter(|record| record.source == "strava")
        {
            let path = format!("/api/v3/activities/{}", record.provider_id);
            let (status, body) = service.get(&path, token).await;
            assert_eq!(status == 200, record.live, "{record:?}");
            let id = body.get("id").map(Value::to_string);
            assert!(!record.live || id.as_ref() == Some(&record.provider_id));
        }
    }
    assert!(service.fake.counters().served > 80);
}
