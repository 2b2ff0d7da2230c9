//! The whole of it for Garmin's pings, against a server on a socket.

use axum::http::header;
use tower::ServiceExt;

use super::*;

async fn ping(rig: &Rig, path: &str) {
    let url = format!("{}{path}", rig.vendor.url());
    let body = json!({"sleeps": [{"userId": "134815", "callbackURL": url}]});
    let (routes, _) = crate::router(rig.connectors.clone()).split_for_parts();
    let request = axum::http::Request::post("/webhooks/garmin/s3cret")
        .header(header::CONTENT_TYPE, "application/json")
        .body(axum::body::Body::from(body.to_string()))
        .unwrap();
    let response = routes.oneshot(request).await.unwrap();
    assert!(response.status().is_success());
}

fn kept(rig: &Rig) -> Vec<bool> {
    let pings = rig.records("ping");
    let is_kept = |ping: &RawReceived| {
        let reference = ping.provider_id.clone().unwrap();
        rig.accounts.unseal_callback(&reference).unwrap().is_some()
    };
    pings.iter().map(is_kept).collect()
}

#[tokio::test]
async fn what_a_ping_points_at_is_pulled_once_and_its_address_is_destroyed() {
    let rig = Rig::new().await;
    rig.link("bob", "134815");
    let sleeps = json!([
        {"userId": "134815", "summaryId": "s1", "userAccessToken": "tok-uat"},
        {"summaryId": "s2"},
    ]);
    rig.vendor.next([Reply::json(200, &sleeps)]);
    ping(&rig, "/rest/sleeps?token=tok-1").await;
    assert_eq!(kept(&rig), [true, true]);
    let mut fetcher = rig.garmin();
    rig.settle(&mut fetcher).await;

    assert_eq!(rig.vendor.paths(), ["/rest/sleeps?token=tok-1"]);
    let pulled = rig.records("sleeps");
    let told: Vec<_> = pulled
        .iter()
        .map(|record| {
            let owner = record.athlete_id.as_deref().unwrap();
            (owner, record.provider_id.as_deref().unwrap())
        })
        .collect();
    assert_eq!(
        told,
        [("ada", "s1"), ("bob", "s1"), ("ada", "s2"), ("bob", "s2")]
    );
    for record in &pulled {
        assert_eq!(record.connector, "garmin-pull");
        assert_eq!(record.account_id.as_deref(), Some("134815"));
        assert!(record.provider_event_at.is_some());
    }
    assert_eq!(
        rig.ends(),
        [end("body", Some(200), 1), end("body", Some(200), 1)]
    );
    assert_eq!(kept(&rig), [false, false]);
    assert!(!format!("{:?}", rig.log.records.lock().unwrap()).contains("tok-"));

    ping(&rig, "/rest/sleeps?token=tok-1").await;
    rig.settle(&mut fetcher).await;
    assert_eq!(rig.vendor.asked().len(), 1, "a copy asks for nothing");
    assert!(!kept(&rig).contains(&true), "and leaves nothing behind");
}

#[tokio::test]
async fn an_answer_may_be_an_object_of_arrays_or_nothing() {
    let rig = Rig::new().await;
    let both = json!({"sleeps": [{"summaryId": "s1"}], "hrv": [{"summaryId": "h1"}]});
    rig.vendor.next([
        Reply::json(200, &both),
        Reply::json(200, &json!([])),
        Reply::status(204),
    ]);
    let mut fetcher = rig.garmin();
    for path in ["/a", "/b", "/c"] {
        ping(&rig, path).await;
        rig.settle(&mut fetcher).await;
    }
    assert_eq!(
        (rig.records("sleeps").len(), rig.records("hrv").len()),
        (1, 1)
    );
    let outcomes: Vec<_> = rig
        .ends()
        .into_iter()
        .map(|(outcome, ..)| outcome)
        .collect();
    assert_eq!(outcomes, ["body"; 3]);
}

#[tokio::test]
async fn a_callback_that_is_over_ends_and_one_that_is_refused_is_not_asked() {
    let rig = Rig::new().await;
    let mut fetcher = rig.garmin();
    for (status, outcome) in [
        (404, "gone"),
        (410, "gone"),
        (401, "unauthorised"),
        (403, "forbidden"),
    ] {
        rig.vendor.next([Reply::status(status)]);
        ping(&rig, &format!("/{status}")).await;
        rig.settle(&mut fetcher).await;
        assert_eq!(rig.ends().pop(), Some(end(outcome, Some(status), 1)));
    }
    assert!(!kept(&rig).contains(&true));
    ping(
        &rig,
        "/?uploadStartTimeInSeconds=0&uploadEndTimeInSeconds=90000",
    )
    .await;
    rig.settle(&mut fetcher).await;
    assert_eq!((rig.vendor.asked().len(), rig.ends().len()), (4, 4));
    let refused = body_of(&rig.records("ping")[4]);
    assert_eq!(refused["refused"], "the window is longer than 24 hours");
}

#[tokio::test]
async fn too_many_pulls_rest_for_a_minute() {
    let rig = Rig::new().await;
    rig.vendor.next([Reply::status(429)]);
    ping(&rig, "/a").await;
    let mut fetcher = rig.garmin();
    rig.round(&mut fetcher, SECOND).await;
    rig.round(&mut fetcher, 59 * SECOND).await;
    assert_eq!(rig.vendor.asked().len(), 1);
    rig.vendor.always(Reply::json(200, &json!([])));
    rig.round(&mut fetcher, SECOND).await;
    assert_eq!(rig.ends(), [end("body", Some(200), 1)]);
}

#[tokio::test]
async fn a_crash_between_publishing_and_destroying_is_mended_by_the_next_process() {
    let rig = Rig::new().await;
    rig.vendor.next([Reply::json(200, &json!([]))]);
    ping(&rig, "/a").await;
    let mut first = rig.garmin();
    rig.round(&mut first, SECOND).await;
    assert_eq!((rig.ends().len(), kept(&rig)), (1, vec![true]));
    drop(first);
    rig.settle(&mut rig.garmin()).await;
    assert_eq!((rig.vendor.asked().len(), kept(&rig)), (1, vec![false]));
}
