//! Deliveries of Garmin: whose they are, what is refused, and what is never stored.

use std::time::Duration;

use super::*;
use crate::port::PublishError;

const HOOK: &str = "/webhooks/garmin/s3cret";

#[tokio::test]
async fn many_users_in_one_body_are_split_to_their_athletes_verbatim() {
    let world = World::with_ada_and_bob().await;
    let item = r#"{"userId": "u1", "activityId": 5001968355, "speed": 2.50}"#;
    let body = format!(
        r#"{{"activities":[{item},{{"userId":"u2","activityId":"7"}}],
            "sleeps":[{{"userId":"u2","summaryId":"x-1"}}],"dailies":[]}}"#
    );
    let answer = world.send("POST", HOOK, body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert_eq!(
        answer.json(),
        json!({ "accepted": 3, "duplicate": 0, "rejected": [] })
    );

    let records = world.published();
    assert_eq!(
        routed(&records),
        [
            ("ada", "activities", "5001968355"),
            ("bob", "activities", "7"),
            ("bob", "sleeps", "x-1")
        ]
    );
    let first = &records[0];
    assert_eq!(body_of(first), item);
    assert_eq!(first.body_sha256.len(), 64);
    assert_eq!(
        (first.source.as_str(), first.account_id.as_deref()),
        ("garmin", Some("u1"))
    );
    assert!(first.received_at.0 >= NOW && first.attempt == 1);
    assert_eq!(first.headers["content-type"], "application/json");
}

#[tokio::test]
async fn the_id_of_an_item_is_taken_from_where_its_kind_has_it() {
    for (kind, item, provider_id) in [
        ("activities", r#"{"activityId":1,"summaryId":"2"}"#, "1"),
        ("manuallyUpdatedActivities", r#"{"summaryId":"2"}"#, "2"),
        (
            "activityDetails",
            r#"{"summary":{"activityId":3},"activityId":1}"#,
            "3",
        ),
        ("activityDetails", r#"{"activityId":"1"}"#, "1"),
        ("activityDetails", r#"{"summaryId":"9-detail"}"#, "9"),
        ("activityDetails", r#"{"summaryId":"9"}"#, "9"),
        ("bodyComps", r#"{"summaryId":"b","activityId":1}"#, "b"),
        ("userPermissionsChange", r#"{"permissions":[]}"#, "-"),
        ("activities", r#"{"activityId":null}"#, "-"),
        ("activities", r#"{}"#, "-"),
    ] {
        let world = World::new();
        let answer = world
            .send("POST", HOOK, format!(r#"{{"{kind}":[{item}]}}"#))
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{item}");
        assert_eq!(
            routed(&world.published()),
            [("-", kind, provider_id)],
            "{item}"
        );
    }
}

#[tokio::test]
async fn items_of_nobody_and_items_that_are_no_objects_are_kept_with_their_bytes() {
    let world = World::with_ada_and_bob().await;
    let body = r#"{"activities":[{"userId":"stranger","activityId":1},{"activityId":2},
                   "not_a_dict",17,null,[],{"userId":"u1","activityId":3}]}"#;
    let answer = world.send("POST", HOOK, body).await;
    assert_eq!(answer.json()["accepted"], 7);
    let records = world.published();
    let kept: Vec<_> = records
        .iter()
        .map(|record| {
            (
                record.athlete_id.as_deref(),
                record.account_id.as_deref(),
                body_of(record),
            )
        })
        .collect();
    assert_eq!(
        kept[0],
        (
            None,
            Some("stranger"),
            r#"{"userId":"stranger","activityId":1}"#
        )
    );
    assert_eq!(kept[2], (None, None, r#""not_a_dict""#));
    assert_eq!(kept[6].0, Some("ada"));
    assert!(records.iter().all(|record| record.tenant_id == "default"));
}

#[tokio::test]
async fn an_account_of_two_athletes_becomes_two_records() {
    let world = World::with_ada_and_bob().await;
    world.link("bob", "u1").await;
    let answer = world
        .send(
            "POST",
            HOOK,
            r#"{"sleeps":[{"userId":"u1","summaryId":"s"}]}"#,
        )
        .await;
    assert_eq!(answer.json()["accepted"], 2);
    let records = world.published();
    assert_eq!(
        routed(&records),
        [("ada", "sleeps", "s"), ("bob", "sleeps", "s")]
    );
    assert_ne!(records[0].id, records[1].id);
    assert_eq!(records[0].body_sha256, records[1].body_sha256);
}

#[tokio::test]
async fn what_is_sent_again_is_published_again_and_said_to_be_a_duplicate() {
    let world = World::with_ada_and_bob().await;
    let body = r#"{"sleeps":[{"userId":"u1","summaryId":"s"}]}"#;
    for duplicate in [0, 1, 1] {
        let answer = world.send("POST", HOOK, body).await;
        assert_eq!(answer.json()["duplicate"], duplicate);
    }
    let records = world.published();
    assert_eq!(records.len(), 3);
    assert!(
        records
            .windows(2)
            .all(|pair| pair[0].received_at < pair[1].received_at)
    );
    assert!(records.windows(2).all(|pair| pair[0].id != pair[1].id));
}

#[tokio::test]
async fn tokens_are_replaced_before_they_are_hashed_or_stored() {
    let world = World::with_ada_and_bob().await;
    for token in ["tok-one", "tok-two"] {
        let body = json!({
            "activities": [{ "userId": "u1", "userAccessToken": token, "activityId": 1 }],
            "sleeps": [{ "userId": "u1", "callbackURL": format!("https://h/p?a=1&token={token}") }],
        });
        world.send("POST", HOOK, body).await;
    }
    let records = world.published();
    assert_eq!(records.len(), 4);
    assert!(
        records
            .iter()
            .all(|record| !body_of(record).contains("tok-"))
    );
    assert!(
        records
            .iter()
            .all(|record| body_of(record).contains("redacted"))
    );
    assert_eq!(records[0].body_sha256, records[2].body_sha256);
    assert_eq!(
        (records[1].kind.as_str(), records[3].kind.as_str()),
        ("ping", "ping")
    );
}

#[tokio::test]
async fn what_is_no_delivery_is_refused_whole_and_nothing_is_published() {
    for (body, status) in [
        ("", StatusCode::BAD_REQUEST),
        ("not json", StatusCode::BAD_REQUEST),
        (
            r#"{"activities":[{"userId":"u1","activ"#,
            StatusCode::BAD_REQUEST,
        ),
        (r#"{"activities":[{"speed":NaN}]}"#, StatusCode::BAD_REQUEST),
        (r#"[{"userId":"u1"}]"#, StatusCode::BAD_REQUEST),
        (r#""activities""#, StatusCode::BAD_REQUEST),
        (r#"{"activities":{"userId":"u1"}}"#, StatusCode::BAD_REQUEST),
        (r#"{"activities":null}"#, StatusCode::BAD_REQUEST),
        (r#"{"a kind/of":[]}"#, StatusCode::BAD_REQUEST),
        (r#"{} {}"#, StatusCode::BAD_REQUEST),
    ] {
        let world = World::with_ada_and_bob().await;
        let answer = world.send("POST", HOOK, body).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (status, "bad_request"),
            "{body}"
        );
        assert!(world.published().is_empty(), "{body}");
    }
}

#[tokio::test]
async fn an_empty_delivery_is_fine() {
    for body in [
        "{}",
        r#"{"activities":[]}"#,
        r#"{"activities":[],"sleeps":[]}"#,
    ] {
        let world = World::new();
        let answer = world.send("POST", HOOK, body).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(
            answer.json(),
            json!({ "accepted": 0, "duplicate": 0, "rejected": [] })
        );
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_with_or_without_a_length() {
    let world = World::new();
    let body = vec![b' '; 50_000_000];
    let announced = Request::post(HOOK)
        .header(header::CONTENT_LENGTH, body.len())
        .body(Body::from(body.clone()))
        .unwrap();
    let chunked = Request::post(HOOK).body(Body::from(body)).unwrap();
    for request in [announced, chunked] {
        let answer = world.request(request).await;
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(answer.problem(), "too_large");
        assert_eq!(
            answer.headers[header::CONTENT_TYPE],
            "application/problem+json"
        );
    }
}

#[tokio::test]
async fn too_many_items_are_413() {
    let world = World::new();
    let items = vec!["0"; crate::receive::ITEMS_MAX + 1].join(",");
    let answer = world
        .send("POST", HOOK, format!(r#"{{"dailies":[{items}]}}"#))
        .await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(world.published().is_empty());
}

#[tokio::test]
async fn another_content_type_is_415() {
    let world = World::new();
    for content_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
    ] {
        let request = Request::post(HOOK).header(header::CONTENT_TYPE, content_type);
        let answer = world.request(request.body(Body::from("{}")).unwrap()).await;
        assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
        assert_eq!(answer.problem(), "unsupported_media_type");
    }
}

#[tokio::test]
async fn a_wrong_secret_and_a_webhook_that_is_off_are_not_there() {
    let off = World::with(Settings::default());
    for (world, path) in [
        (&World::new(), "/webhooks/garmin/wrong"),
        (&World::new(), "/webhooks/garmin/s3cre"),
        (&World::new(), "/webhooks/garmin"),
        (&off, "/webhooks/garmin/s3cret"),
        (&off, "/webhooks/garmin/"),
    ] {
        let answer = world.send("POST", path, "{}").await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(answer.problem(), "not_found");
        assert!(!answer.text.contains("s3cre"), "{}", answer.text);
    }
}

#[tokio::test]
async fn the_client_id_is_compared_where_it_is_configured() {
    let garmin = GarminSettings {
        secret: "s3cret".into(),
        client_id: Some("mine".to_owned()),
        ..GarminSettings::default()
    };
    let world = World::with(Settings {
        garmin: Some(garmin),
        ..Settings::default()
    });
    for (sent, status) in [
        (None, StatusCode::UNAUTHORIZED),
        (Some("other"), StatusCode::FORBIDDEN),
        (Some("mine"), StatusCode::OK),
    ] {
        let mut request = Request::post(HOOK);
        if let Some(sent) = sent {
            request = request.header("garmin-client-id", sent);
        }
        let answer = world.request(request.body(Body::from("{}")).unwrap()).await;
        assert_eq!(answer.status, status, "{sent:?}");
    }
}

#[tokio::test]
async fn foreign_hosts_and_origins_never_reach_a_connector() {
    let world = World::with_ada_and_bob().await;
    for (name, value) in [
        (header::HOST, "evil.example"),
        (header::ORIGIN, "http://evil.example"),
    ] {
        let request = Request::post(HOOK).header(name, value);
        let body = r#"{"sleeps":[{"userId":"u1","summaryId":"s"}]}"#;
        let answer = world.request(request.body(Body::from(body)).unwrap()).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
    }
    assert!(world.published().is_empty());
}

#[tokio::test]
async fn a_log_that_does_not_take_it_is_503_with_a_time_to_come_again() {
    let world = World::with_ada_and_bob().await;
    let body = r#"{"sleeps":[{"userId":"u1","summaryId":"s"}]}"#;
    for (refusal, seconds) in [
        (
            PublishError::Busy {
                retry_after: Duration::from_secs(2),
            },
            "2",
        ),
        (PublishError::Unavailable, "5"),
    ] {
        world.publisher.refuse(Some(refusal));
        let answer = world.send("POST", HOOK, body).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer.headers[header::RETRY_AFTER], seconds);
        assert_eq!(answer.problem(), "unavailable");
    }
    world.publisher.refuse(None);
    let answer = world.send("POST", HOOK, body).await;
    assert_eq!(
        answer.json()["duplicate"],
        0,
        "what was not stored is not a duplicate later"
    );
}

#[tokio::test]
async fn a_deregistration_is_kept_and_then_ends_the_link() {
    let world = World::with_ada_and_bob().await;
    let leave = r#"{"deregistrations":[{"userId":"u1"}]}"#;

    world.publisher.refuse(Some(PublishError::Unavailable));
    world.send("POST", HOOK, leave).await;
    world.publisher.refuse(None);
    let sleep = r#"{"sleeps":[{"userId":"u1","summaryId":"s"}]}"#;
    world.send("POST", HOOK, sleep).await;
    world.send("POST", HOOK, leave).await;
    world.send("POST", HOOK, sleep).await;

    assert_eq!(
        routed(&world.published()),
        [
            ("ada", "sleeps", "s"),
            ("ada", "deregistrations", "-"),
            ("-", "sleeps", "s")
        ]
    );
}

#[tokio::test]
async fn arrival_times_rise_although_the_clock_steps_back() {
    let world = World::with_ada_and_bob().await;
    let body = r#"{"sleeps":[{"userId":"u1","summaryId":"s"}]}"#;
    world.send("POST", HOOK, body).await;
    world.clock.set(UnixMicros(NOW - 1_000_000));
    world.send("POST", HOOK, body).await;
    let records = world.published();
    assert!(records[0].received_at < records[1].received_at);
}
