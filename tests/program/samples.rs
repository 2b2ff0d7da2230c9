//! Payloads that others published, each with the outcome that is right for it.
//!
//! The files are not part of this repository: without them the test says so and ends.

use std::path::{Path, PathBuf};

use processors_pipeline::{Body, Draft};
use schemas::record::Micros;
use schemas::record::ingest::RawReceived;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::support::{SECRET, Service, count};

/// How a file is sent.
#[derive(Clone, Copy)]
enum Way {
    /// To the Garmin webhook, as it is.
    Push,
    /// To the Garmin webhook, as one item of this kind of the account `garmin_user_123`.
    Item(&'static str),
    /// To HealthKit's SDK route, as it is.
    Upload,
    /// To HealthKit's SDK route, as one item of this kind.
    Sample(&'static str),
    /// To the route of Apple's export file.
    Export,
    /// To the route of files.
    File,
}

/// What comes of it.
enum Outcome {
    /// Taken, and so many items end as accepted.
    Accepted(i64),
    /// Taken, and set aside with these reasons, in order of the words.
    SetAside(&'static [&'static str]),
    /// Refused whole.
    Refused(u16),
}

use Outcome::{Accepted, Refused, SetAside};
use Way::{Export, File, Item, Push, Sample, Upload};

const RADAR: &str = "garmin/RADAR-base__RADAR-PushEndpoint";
const CLIENT: &str = "garmin/m-d-b-code__garmin-client";
const WEARABLES: &str = "garmin/the-momentum__open-wearables";
const NORMALIZER: &str = "garmin/tsubotti63__garmin-running-data-normalizer";
const CONVERTER: &str = "healthkit/brtkwr__apple-health-tcx-converter";
const FREE_REPS: &str = "healthkit/meltforce__FreeReps";
const ANALYZER: &str = "healthkit/tagbug__apple-health-analyzer";
const KIT_WEARABLES: &str = "healthkit/the-momentum__open-wearables";

#[rustfmt::skip]
const SAMPLES: &[(&str, &str, Way, Outcome)] = &[
    (RADAR, "push__activities.json", Push, Accepted(2)),
    (RADAR, "push__activityDetails.json", Push, Accepted(1)),
    (RADAR, "push__allDayRespiration.json", Push, Accepted(1)),
    (RADAR, "push__bloodPressures.json", Push, Accepted(1)),
    (RADAR, "push__dailies.json", Push, Accepted(2)),
    (RADAR, "push__epochs.json", Push, Accepted(1)),
    (RADAR, "push__healthSnapshot.json", Push, Accepted(1)),
    (RADAR, "push__hrv.json", Push, Accepted(1)),
    (RADAR, "push__moveIQActivities.json", Push, Accepted(1)),
    (RADAR, "push__pulseox.json", Push, Accepted(1)),
    (RADAR, "push__stressDetails.json", Push, Accepted(1)),
    (RADAR, "push__userMetrics.json", Push, Accepted(1)),
    // What Garmin's website answers to itself is no push: an array, or members that are no lists.
    (CLIENT, "activities.json", Push, Refused(400)),
    (CLIENT, "activity.json", Push, Refused(400)),
    (CLIENT, "body-composition.json", Push, Refused(400)),
    (CLIENT, "daily-summary.json", Push, Refused(400)),
    (CLIENT, "sleep.json", Push, Refused(400)),
    (CLIENT, "activity.json", Item("activities"), SetAside(&["missing_field"])),
    (CLIENT, "daily-summary.json", Item("dailies"), Accepted(1)),
    (CLIENT, "sleep.json", Item("sleeps"), SetAside(&["missing_field"])),
    (WEARABLES, "item__bloodPressure.json", Item("bloodPressures"), Accepted(1)),
    (WEARABLES, "item__bodyComp.json", Item("bodyComps"), Accepted(1)),
    (WEARABLES, "item__sleep_with_naps.json", Item("sleeps"), Accepted(1)),
    (WEARABLES, "item__stressDetails.json", Item("stressDetails"), Accepted(1)),
    (WEARABLES, "item__bloodPressure.json", Push, Refused(400)),
    (WEARABLES, "item__bodyComp.json", Push, Refused(400)),
    (WEARABLES, "item__sleep_with_naps.json", Push, Refused(400)),
    (WEARABLES, "item__stressDetails.json", Push, Refused(400)),
    (WEARABLES, "push__activities_invalid.json", Push, SetAside(&["missing_field"])),
    (WEARABLES, "push__activities_run.json", Push, Accepted(1)),
    (WEARABLES, "push__dailies.json", Push, Accepted(1)),
    (WEARABLES, "push__deregistrations.json", Push, Accepted(1)),
    (WEARABLES, "push__hrv.json", Push, Accepted(1)),
    (WEARABLES, "push__userPermissionsChange_expanded.json", Push, Accepted(1)),
    (WEARABLES, "push__userPermissionsChange_invalid.json", Push, SetAside(&["malformed", "missing_field"])),
    (WEARABLES, "push__userPermissionsChange_reduced.json", Push, Accepted(1)),
    (NORMALIZER, "synthetic_summarizedActivities.json", Push, Refused(400)),
    (CONVERTER, "export.xml", Export, Refused(501)),
    (CONVERTER, "export.xml", Upload, Refused(415)),
    // The app's own file has seconds since 2001 and no units; what the app posts has neither.
    (FREE_REPS, "hae_file_workout.json", Sample("workouts"), SetAside(&["bad_value"])),
    (FREE_REPS, "hae_file_workout.json", Upload, Refused(400)),
    (FREE_REPS, "hae_metric_heart_rate.json", Sample("metrics"), Accepted(1)),
    (FREE_REPS, "hae_metric_heart_rate.json", Upload, Refused(400)),
    (FREE_REPS, "hae_sleep_aggregated.json", Sample("metrics"), Accepted(1)),
    (FREE_REPS, "hae_sleep_aggregated.json", Upload, Refused(400)),
    // A part of a workout, without the workout.
    (FREE_REPS, "hae_workout_metric_series.json", Upload, Refused(400)),
    (FREE_REPS, "hae_workout_metric_series.json", Sample("workouts"), Refused(422)),
    (ANALYZER, "example.xml", Export, Refused(501)),
    (ANALYZER, "example.xml", File, Refused(501)),
    (KIT_WEARABLES, "healthkit_workout.json", Sample("workouts"), Accepted(1)),
    (KIT_WEARABLES, "healthkit_workout.json", Upload, Refused(400)),
];

const STRAVALIB: &str = "strava/stravalib__stravalib";

/// What Strava answers to a fetch comes in through no route. A file that is a list is read item by
/// item where the kind is an activity of the list; the words are of every item, in their order.
#[rustfmt::skip]
const FETCHED: &[(&str, &str, bool, &[&str])] = &[
    ("swagger-example__createActivity_manual.json", "activity", false, &["123456778928065"]),
    ("swagger-example__getActivityById.json", "activity", false, &["12345678987654321"]),
    ("swagger-example__updateActivityById.json", "activity", false, &["12345678987654321"]),
    // Its `upload_id` is larger than any 64-bit integer.
    ("swagger-example__getLoggedInAthleteActivities.json", "activity", true, &["154504250376823", "1234567809"]),
    ("swagger-example__getLoggedInAthleteActivities.json", "activity", false, &["malformed"]),
    ("swagger-example__getActivityStreams.json", "streams", false, &["unused"]),
    // Other answers than an activity.
    ("swagger-example__getActivityStreams.json", "activity", false, &["malformed"]),
    ("swagger-example__getClubActivitiesById.json", "activity", true, &["missing_field"]),
    ("swagger-example__getEffortsBySegmentId.json", "activity", false, &["malformed"]),
    ("swagger-example__getGearById.json", "activity", false, &["missing_field"]),
    ("swagger-example__getLapsByActivityId.json", "activity", false, &["malformed"]),
    ("swagger-example__getLoggedInAthleteZones.json", "activity", false, &["malformed"]),
    ("example_zone_response.json", "activity", false, &["malformed"]),
    ("strava_swagger.json", "activity", false, &["missing_field"]),
];

fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/samples");
    folder.is_dir().then_some(folder)
}

/// Every file of a source below the folder, as it is named in the table.
fn files(folder: &Path, source: &str) -> Vec<String> {
    let mut files = Vec::new();
    for owner in std::fs::read_dir(folder.join(source)).unwrap() {
        let owner = owner.unwrap();
        for file in std::fs::read_dir(owner.path()).unwrap() {
            let (owner, file) = (owner.file_name(), file.unwrap().file_name());
            let (owner, file) = (owner.to_string_lossy(), file.to_string_lossy());
            files.push(format!("{source}/{owner}/{file}"));
        }
    }
    files
}

async fn send(service: &Service, way: Way, body: Vec<u8>) -> (u16, Value) {
    let garmin = format!("/webhooks/garmin/{SECRET}");
    let healthkit = "/v1/athletes/ada/healthkit";
    let parsed = || serde_json::from_slice::<Value>(&body).unwrap();
    match way {
        Push => service.post(&garmin, body).await,
        Item(kind) => {
            let mut item = parsed();
            item["userId"] = json!("garmin_user_123");
            service
                .post(&garmin, json!({kind: [item]}).to_string())
                .await
        }
        Upload if body.starts_with(b"<") => service.post_as(healthkit, "text/xml", body).await,
        Upload => service.post(healthkit, body).await,
        Sample(kind) => {
            let upload = json!({"data": {kind: [parsed()]}}).to_string();
            service.post(healthkit, upload).await
        }
        Export => {
            let url = format!("{}{healthkit}/export", service.url);
            let answer = service.client.put(url).body(body).send().await.unwrap();
            (answer.status().as_u16(), answer.json().await.unwrap())
        }
        File => {
            service
                .post_as("/v1/athletes/ada/files", "text/xml", body)
                .await
        }
    }
}

fn accepted(quality: &Value) -> i64 {
    let sources = ["garmin", "healthkit"];
    sources
        .map(|source| count(quality, source, "accepted"))
        .iter()
        .sum()
}

/// Posts one file and compares what became of it.
async fn outcome(service: &Service, name: &str, way: Way, body: Vec<u8>, right: &Outcome) {
    let before = accepted(&service.idle().await);
    let letters = service.all("/v1/dead-letters").await.len();
    let (status, said) = send(service, way, body).await;
    let quality = service.idle().await;
    let mut reasons: Vec<String> = service.all("/v1/dead-letters").await[letters..]
        .iter()
        .map(|letter| letter["reason"].as_str().unwrap().to_owned())
        .collect();
    reasons.sort();
    let accepted = accepted(&quality) - before;
    assert!(status < 500 || status == 501, "{name}: {status} {said}");
    match right {
        Accepted(items) => {
            assert!(matches!(status, 200 | 202), "{name}: {status} {said}");
            assert_eq!((accepted, &reasons[..]), (*items, &[][..]), "{name}");
        }
        SetAside(expected) => {
            assert!(matches!(status, 200 | 202), "{name}: {status} {said}");
            assert_eq!(reasons, *expected, "{name}");
        }
        Refused(expected) => {
            assert_eq!(status, *expected, "{name}: {said}");
            assert_eq!((accepted, reasons.len()), (0, 0), "{name}");
        }
    }
}

#[tokio::test]
async fn every_published_sample_ends_as_it_should() {
    let Some(samples) = folder() else {
        println!("SKIPPED: no ../shared/samples beside this repository, so no sample was posted");
        return;
    };
    for source in ["garmin", "healthkit"] {
        for file in files(&samples, source) {
            let known = |(owner, name, ..): &(&str, &str, Way, Outcome)| format!("{owner}/{name}");
            let known = SAMPLES.iter().map(known).any(|known| known == file);
            assert!(known, "{file} is in no line of the table");
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder.path().join("data")).await;
    service.register("ada", "garmin_user_123").await;
    service.link("ada", "sub-1").await;
    service.register("bob", "sub-2").await;
    for (owner, name, way, right) in SAMPLES {
        let body = std::fs::read(samples.join(owner).join(name)).unwrap();
        outcome(&service, name, *way, body, right).await;
        if *name == "push__deregistrations.json" {
            service.link("ada", "garmin_user_123").await;
        }
    }
}

fn as_fetched(kind: &str, body: &[u8]) -> RawReceived {
    RawReceived {
        id: "sample".to_owned(),
        tenant_id: "default".to_owned(),
        athlete_id: Some("ada".to_owned()),
        source: "strava".to_owned(),
        kind: kind.to_owned(),
        account_id: Some("134815".to_owned()),
        provider_id: None,
        // 2025-10-09T09:00:00Z.
        received_at: Micros(1_760_000_400_000_000),
        first_received_at: None,
        replay_of: None,
        attempt: 1,
        provider_event_at: None,
        content_type: "application/json".to_owned(),
        body: body.to_vec(),
        body_sha256: String::new(),
        headers: std::collections::BTreeMap::new(),
        connector: "strava".to_owned(),
        connector_version: "1".to_owned(),
        licence: None,
        key_id: None,
    }
}

/// The id of what was observed, or the word for what it is instead.
fn read(kind: &str, body: &[u8]) -> String {
    match processors_pipeline::normalize(&as_fetched(kind, body)) {
        processors_pipeline::Outcome::Observations(drafts) => {
            let activity = |draft: &Draft| draft.fetched && matches!(draft.body, Body::Activity(_));
            assert!(
                drafts.len() == 1 && drafts.iter().all(activity),
                "{drafts:?}"
            );
            drafts[0].provider_id.clone()
        }
        processors_pipeline::Outcome::Unused => "unused".to_owned(),
        processors_pipeline::Outcome::Rejected(rejected) => rejected.reason.to_owned(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_published_answer_of_strava_is_read_as_it_should() {
    let Some(samples) = folder() else {
        println!("SKIPPED: no ../shared/samples beside this repository, so no answer was read");
        return;
    };
    for file in files(&samples, "strava") {
        let known = |(name, ..): &(&str, &str, bool, &[&str])| format!("{STRAVALIB}/{name}");
        let known = FETCHED.iter().map(known).any(|known| known == file);
        assert!(known, "{file} is in no line of the table");
    }
    for (name, kind, is_list, right) in FETCHED {
        let body = std::fs::read(samples.join(STRAVALIB).join(name)).unwrap();
        let found: Vec<String> = if *is_list {
            let items: Vec<&RawValue> = serde_json::from_slice(&body).unwrap();
            let items = items.iter().map(|item| item.get().as_bytes());
            items.map(|item| read(kind, item)).collect()
        } else {
            vec![read(kind, &body)]
        };
        assert_eq!(found, *right, "{name} as {kind}");
    }
}
