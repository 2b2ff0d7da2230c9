//! Sessions as those may see them who are not the athlete: nothing of a restricted source shows.

use ingest_simulator::fakes::StravaSettings;
use serde_json::{Value, json};

use super::support::{Service, assert_verified, output};
use super::vendors::{OWNER, Vendors, account, activity, event, members};

const RUN: &str = "987654321987654321987654321";
const COPY: &str = "11111111-2222-3333-4444-555555555555";
/// 2025-05-23T11:33:20Z.
const START: i64 = 1_748_000_000;
const VIEW: &str = "/v1/athletes/ada/sessions?view=unrestricted";

fn run_in_health() -> String {
    let whole = json!({"provider": "apple", "sdkVersion": "1",
    "syncTimestamp": "2025-05-23T14:00:00Z", "data": {"workouts": [{
        "id": COPY, "type": "HKWorkoutActivityTypeRunning",
        "startDate": "2025-05-23T13:33:22+02:00", "endDate": "2025-05-23T14:33:20+02:00",
        "duration": 3598, "totalDistance": 10010.0,
        "source": {"name": "Watch", "bundleIdentifier": "com.apple.health.1"}
    }]}});
    whole.to_string()
}

async fn bytes(service: &Service, path: &str) -> String {
    let answer = service.client.get(format!("{}{path}", service.url));
    let answer = answer.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.text().await.unwrap()
}

/// The activity again, with one field other than it was.
fn told(field: &str, value: Value) -> String {
    let mut body: Value = serde_json::from_str(&activity("1", START, 10_000.0)).unwrap();
    body[field] = value;
    let fields = body.as_object_mut().unwrap();
    fields.remove("id");
    body.to_string()
        .replacen('{', &format!("{{\"id\":{RUN},"), 1)
}

/// Every field that a rule reads, each with another value.
fn changes() -> Vec<String> {
    let shorter = told("elapsed_time", json!(3_650));
    let mut bodies: Vec<String> = [
        ("name", json!("Another name")),
        ("distance", json!(9_500.0)),
        ("moving_time", json!(3_300)),
        ("total_elevation_gain", json!(300.0)),
        ("sport_type", json!("Walk")),
        ("trainer", json!(true)),
        ("start_date", json!("2025-05-23T11:34:00Z")),
        ("start_date_local", json!("2025-05-23T00:00:01Z")),
        ("utc_offset", json!(3_600.0)),
        ("timezone", json!("(GMT-08:00) America/Los_Angeles")),
        ("manual", json!(true)),
        ("start_latlng", json!([10.0, 20.0])),
        ("average_heartrate", json!(99.0)),
        ("max_heartrate", json!(200.0)),
        ("average_watts", json!(250.0)),
        ("average_speed", json!(4.5)),
        ("calories", json!(1_700.0)),
        ("device_name", json!("Garmin Forerunner 965")),
        ("external_id", json!("garmin_push_123.fit")),
    ]
    .into_iter()
    .map(|(field, value)| told(field, value))
    .collect();
    bodies.push(shorter);
    bodies
}

/// It is a list like any other, of the present alone.
async fn assert_is_a_list(service: &Service, text: &str) {
    let view: Value = serde_json::from_str(text).unwrap();
    let [session] = view["items"].as_array().unwrap().as_slice() else {
        panic!("{view}");
    };
    assert_eq!(session["distance_m"], 10_010.0);
    assert_eq!(
        members(session),
        [("healthkit".to_owned(), COPY.to_owned())]
    );
    assert_eq!(view["next_cursor"], Value::Null);
    let later = format!("{VIEW}&from=2025-05-24T00:00:00Z");
    assert_eq!(service.get(&later).await.1["items"], json!([]));
    for refused in ["&as_of=2025-05-24T00:00:00Z", "&limit=0"] {
        assert_eq!(service.get(&format!("{VIEW}{refused}")).await.0, 400);
    }
    let other = "/v1/athletes/ada/sessions?view=everything";
    assert_eq!(service.get(other).await.0, 400);
    let unknown = "/v1/athletes/nobody/sessions?view=unrestricted";
    assert_eq!(service.get(unknown).await.0, 404);
}

#[tokio::test]
async fn whatever_strava_tells_the_view_without_it_stays_the_same_to_the_byte() {
    let folder = tempfile::tempdir().unwrap();
    let vendors = Vendors::start(StravaSettings::default()).await;
    let service = vendors.service(&folder.path().join("data")).await;
    let of = |body: String| account("ada", OWNER, vec![(RUN, body)]);
    let first = of(activity(RUN, START, 10_000.0));
    vendors.strava.register(&first);
    service.register_strava(&first).await;
    let path = "/v1/athletes/ada/healthkit";
    let (status, said) = service.post(path, run_in_health()).await;
    assert_eq!(status, 202, "{said}");
    service.idle().await;
    let alone = bytes(&service, VIEW).await;

    let hint = async |aspect: &str, at: i64| {
        service.hint(&event(OWNER, RUN, aspect, at)).await;
        service.idle().await;
    };
    hint("create", START + 3_700).await;
    let published = service.all("/v1/athletes/ada/sessions").await;
    assert_eq!(members(&published[0]).len(), 2, "{published:?}");
    assert_eq!(bytes(&service, VIEW).await, alone);
    let (mut seen, mut changed) = (published, 0);
    for (at, body) in (START + 4_000..).zip(changes()) {
        vendors.strava.register(&of(body.clone()));
        hint("update", at).await;
        let now = service.all("/v1/athletes/ada/sessions").await;
        changed += usize::from(now != seen);
        seen = now;
        assert_eq!(bytes(&service, VIEW).await, alone, "{body}");
    }
    assert!(
        changed > 9,
        "the published sessions change with it: {changed}"
    );
    hint("delete", START + 90_000).await;
    assert_eq!(bytes(&service, VIEW).await, alone);

    assert_is_a_list(&service, &alone).await;
    let data = service.data.clone();
    assert!(service.terminate().await.success());
    let print = |words: &[&str]| -> Value {
        let words = [
            &[
                "sessions",
                "ada",
                "--json",
                "--data",
                data.to_str().unwrap(),
            ],
            words,
        ];
        let printed = output(&words.concat());
        assert!(printed.status.success(), "{printed:?}");
        serde_json::from_slice(&printed.stdout).unwrap()
    };
    let view: Value = serde_json::from_str(&alone).unwrap();
    assert_eq!(print(&["--view", "unrestricted"])["items"], view["items"]);
    assert_eq!(print(&[])["items"].as_array().map(Vec::len), Some(1));
    assert_verified(&data);
}
