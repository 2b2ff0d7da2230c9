//! Scans of sweat patches, from the route to the loss: whichever comes first, and whatever the photo
//! was worth.

use serde_json::{Value, json};

use super::support::{Service, assert_verified, count};

/// 2025-05-23T11:33:20Z, and an hour of running from then on.
const START: i64 = 1_748_000_000;

fn run() -> Value {
    json!({"activities": [{
        "userId": "acc", "summaryId": "1", "activityId": 1, "activityType": "RUNNING",
        "startTimeInSeconds": START, "durationInSeconds": 3600,
        "startTimeOffsetInSeconds": 7200, "distanceInMeters": 10_000.0
    }]})
}

/// A good scan, ten minutes after the run; `changes` replaces fields.
fn scan(id: &str, changes: &Value) -> Value {
    let mut scan = json!({
        "schema": "sweat.scan/1", "scan_id": id, "athlete_id": "ada", "patch_id": "patch-1",
        "body_site": "forearm_left_ventral",
        "applied_at": "2025-05-23T13:30:00+02:00", "scanned_at": "2025-05-23T14:43:20+02:00",
        "volume_channel": volume(20.0), "chloride_channel": chloride(45.0),
        "patch": {"collection_area_cm2": 0.30}, "revision": 1
    });
    let fields = scan.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        fields.insert(name.clone(), value.clone());
    }
    scan
}

fn volume(ul: f64) -> Value {
    json!({"fill_fraction": 0.5, "volume_ul": ul, "saturated": false, "quality": 0.93})
}

fn chloride(mmol_l: f64) -> Value {
    json!({"chloride_mmol_l": mmol_l, "below_range": false, "above_range": false, "quality": 0.9})
}

fn weigh_in() -> Value {
    json!({"id": "w1", "type": "weigh_in", "at": "2025-05-23T12:40:00Z",
        "mass_pre_kg": 70.0, "mass_post_kg": 68.9, "fluid_ml": 0, "urine_ml": 0})
}

async fn service(folder: &std::path::Path, name: &str) -> Service {
    let service = Service::start(&folder.join(name)).await;
    let body = json!({"mass_kg": 70, "height_m": 1.78, "sex": "male"});
    let (status, said) = service.put("/v1/athletes/ada", &body.to_string()).await;
    assert_eq!(status, 201, "{said}");
    service.link("ada", "acc").await;
    service
}

enum Told {
    Run,
    Scan(Value),
    Event(Value),
}

impl Told {
    async fn tell(&self, service: &Service) {
        let (status, said) = match self {
            Self::Run => service.push(&run()).await,
            Self::Scan(scan) => {
                service
                    .post("/v1/athletes/ada/scans", scan.to_string())
                    .await
            }
            Self::Event(event) => {
                service
                    .post("/v1/athletes/ada/events", event.to_string())
                    .await
            }
        };
        assert!(matches!(status, 200 | 202), "{status}: {said}");
        service.idle().await;
    }
}

/// The one live loss.
async fn loss(service: &Service) -> Value {
    let losses = service.all("/v1/athletes/ada/sweat-losses").await;
    assert_eq!(losses.len(), 1, "{losses:?}");
    losses[0].clone()
}

/// The loss that comes of it, told in this order, and in the opposite one.
async fn loss_of(told: &[Told]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let mut found = Vec::new();
    for name in ["forwards", "backwards"] {
        let service = service(folder.path(), name).await;
        if name == "forwards" {
            for one in told {
                one.tell(&service).await;
            }
        } else {
            for one in told.iter().rev() {
                one.tell(&service).await;
            }
        }
        found.push(loss(&service).await);
        let data = service.data.clone();
        assert!(service.terminate().await.success());
        assert_verified(&data);
    }
    for field in ["method", "fluid_ml", "sodium_mg", "flags", "conditions"] {
        assert_eq!(found[0][field], found[1][field], "{field}");
    }
    found.remove(0)
}

fn width(interval: &Value) -> f64 {
    let bound = |name: &str| interval[name].as_f64().unwrap();
    assert!(bound("lo90") < bound("median") && bound("median") < bound("hi90"));
    (bound("hi90") / bound("lo90")).ln()
}

fn has_flag(loss: &Value, flag: &str) -> bool {
    loss["flags"].as_array().unwrap().contains(&json!(flag))
}

#[tokio::test]
async fn a_scan_tells_more_of_a_loss_whether_it_comes_before_its_workout_or_after() {
    let without = loss_of(&[Told::Run]).await;
    assert_eq!(without["method"], "population");
    let with = loss_of(&[Told::Run, Told::Scan(scan("s1", &json!({})))]).await;
    assert_eq!(with["method"], "patch", "{with}");
    assert!(width(&with["fluid_ml"]) < width(&without["fluid_ml"]));
    assert!(width(&with["sodium_mmol_per_l"]) < width(&without["sodium_mmol_per_l"]));
    assert!(width(&with["sodium_mg"]) > 0.0);
    assert_eq!(with["evidence"].as_array().unwrap().len(), 1);
    let scaled = [
        Told::Scan(scan("s1", &json!({}))),
        Told::Run,
        Told::Event(weigh_in()),
    ];
    let fused = loss_of(&scaled).await;
    assert_eq!(fused["method"], "fused", "{fused}");
    assert!(width(&fused["fluid_ml"]) < width(&with["fluid_ml"]));
    assert!(width(&fused["sodium_mg"]) > 0.0);
    // Scales alone know nothing of salt.
    let scales = loss_of(&[Told::Run, Told::Event(weigh_in())]).await;
    assert_eq!(scales["method"], "weigh_in");
    assert_eq!(scales["sodium_mg"], Value::Null);
}

#[tokio::test]
async fn a_photo_that_shows_nothing_or_too_much_says_so() {
    let good = loss_of(&[Told::Run, Told::Scan(scan("s1", &json!({})))]).await;
    let cases = [
        (
            json!({"failed": true, "failure_reason": "blurred"}),
            "scan_failed",
            "population",
        ),
        (
            json!({"volume_channel": {"volume_ul": 20.0, "quality": 0.2}}),
            "scan_failed",
            "population",
        ),
        (json!({"patch": {}}), "area_unknown", "population"),
        (
            json!({"volume_channel": {"volume_ul": 67.4, "saturated": true, "quality": 0.9}}),
            "censored",
            "patch",
        ),
        (
            json!({"chloride_channel": {"chloride_mmol_l": 90.0, "above_range": true, "quality": 0.9}}),
            "censored",
            "patch",
        ),
    ];
    for (changes, flag, method) in cases {
        let loss = loss_of(&[Told::Run, Told::Scan(scan("s1", &changes))]).await;
        assert!(has_flag(&loss, flag), "{flag}: {loss}");
        assert!(!has_flag(&good, flag), "{flag}: {good}");
        assert_eq!(loss["method"], method, "{changes}: {loss}");
    }
}

#[tokio::test]
async fn a_better_photo_replaces_the_one_before_however_it_says_so() {
    let poor = Told::Scan(scan("s1", &json!({})));
    let better = json!({"volume_channel": volume(26.0), "chloride_channel": chloride(30.0)});
    let alone = loss_of(&[Told::Run, Told::Scan(scan("s2", &better))]).await;
    let with = |more: Value| {
        let mut changes = better.clone();
        let fields = changes.as_object_mut().unwrap();
        fields.extend(more.as_object().unwrap().clone());
        changes
    };
    let superseding = with(json!({"supersedes": "s1"}));
    let told = [Told::Run, poor, Told::Scan(scan("s2", &superseding))];
    let found = loss_of(&told).await;
    assert_eq!(found["fluid_ml"], alone["fluid_ml"]);
    assert_eq!(found["sodium_mg"], alone["sodium_mg"]);
    let revised = with(json!({"revision": 2}));
    let told = [
        Told::Run,
        Told::Scan(scan("s1", &json!({}))),
        Told::Scan(scan("s1", &revised)),
    ];
    let found = loss_of(&told).await;
    assert_eq!(found["fluid_ml"], alone["fluid_ml"]);
    assert_eq!(found["sodium_mg"], alone["sodium_mg"]);
}

#[tokio::test]
async fn a_revised_scan_revises_the_loss_and_a_copy_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let service = service(folder.path(), "data").await;
    let first = scan("s1", &json!({}));
    let second = scan(
        "s1",
        &json!({"revision": 2, "volume_channel": volume(30.0)}),
    );
    let mut revisions = Vec::new();
    let mut medians = Vec::new();
    Told::Run.tell(&service).await;
    // The old photo again, and late, undoes nothing.
    for one in [&first, &second, &second, &first] {
        Told::Scan(one.clone()).tell(&service).await;
        let loss = loss(&service).await;
        revisions.push(loss["revision"].as_i64().unwrap());
        medians.push(loss["fluid_ml"]["median"].as_f64().unwrap());
    }
    assert_eq!(revisions, [2, 3, 3, 3]);
    assert!(medians[1] > medians[0] && medians[1] == medians[3]);
    let quality = service.idle().await;
    let counts = ["received", "accepted", "duplicate"];
    assert_eq!(counts.map(|what| count(&quality, "scan", what)), [4, 2, 2]);
    let data = service.data.clone();
    assert!(service.terminate().await.success());
    assert_verified(&data);
}

#[tokio::test]
async fn two_scans_of_one_patch_are_one_loss() {
    let early = json!({
        "scanned_at": "2025-05-23T14:13:20+02:00", "volume_channel": volume(11.0)
    });
    let alone = loss_of(&[Told::Run, Told::Scan(scan("s2", &json!({})))]).await;
    let both = [
        Told::Run,
        Told::Scan(scan("s1", &early)),
        Told::Scan(scan("s2", &json!({}))),
    ];
    let both = loss_of(&both).await;
    for field in ["method", "fluid_ml", "sodium_mg", "flags"] {
        assert_eq!(both[field], alone[field], "{field}");
    }
}

#[tokio::test]
async fn a_scan_that_cannot_be_is_refused_or_set_aside_and_changes_no_loss() {
    let folder = tempfile::tempdir().unwrap();
    let service = service(folder.path(), "data").await;
    Told::Run.tell(&service).await;
    let before = loss(&service).await;
    let scans = "/v1/athletes/ada/scans";
    for (body, expected) in [
        (scan("", &json!({})), 422),
        (scan("s1", &json!({"schema": "sweat.scan/2"})), 422),
        (json!(7), 400),
    ] {
        let (status, said) = service.post(scans, body.to_string()).await;
        assert_eq!(status, expected, "{body}: {said}");
    }
    let elsewhere = service
        .post(
            "/v1/athletes/nobody/scans",
            scan("s", &json!({})).to_string(),
        )
        .await;
    assert_eq!(elsewhere.0, 404);
    let set_aside = [
        (json!({"athlete_id": "bob"}), "bad_value"),
        (
            json!({"scanned_at": "2025-05-23T13:00:00+02:00"}),
            "bad_value",
        ),
        (json!({"patch_id": null}), "missing_field"),
        (json!({"volume_channel": {"volume_ul": 1e9}}), "bad_value"),
    ];
    let mut expected = Vec::new();
    for (number, (changes, reason)) in (1..).zip(set_aside) {
        Told::Scan(scan(&format!("bad-{number}"), &changes))
            .tell(&service)
            .await;
        expected.push(reason);
    }
    let letters = service.all("/v1/dead-letters").await;
    let mut reasons: Vec<&str> = letters
        .iter()
        .map(|letter| letter["reason"].as_str().unwrap())
        .collect();
    reasons.sort_unstable();
    expected.sort_unstable();
    assert_eq!(reasons, expected);
    assert_eq!(loss(&service).await, before);
    assert_eq!(count(&service.idle().await, "scan", "dead_lettered"), 4);
}
