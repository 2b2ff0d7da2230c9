//! The whole of it for Strava, against a server on a socket.

use super::*;

const T: i64 = NOW / SECOND;

fn activity(id: i64) -> Reply {
    let body = json!({"id": id, "name": "run", "embed_token": "tok-embed"});
    Reply::json(200, &body).usage([100, 1_000], [1, 1])
}

#[tokio::test]
async fn a_hint_becomes_a_body_and_the_end_of_its_fetch_for_everybody_linked() {
    let rig = Rig::new().await;
    rig.link("bob", "134815");
    rig.vendor.next([activity(7)]);
    let id = "987654321234567891234";
    let hints = rig.event("create", id, T).await;
    rig.settle(&mut rig.strava()).await;

    let asked = rig.vendor.asked();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_eq!(asked[0].path, format!("/api/v3/activities/{id}"));
    assert_eq!(asked[0].token, "Bearer access-1");
    let bodies = rig.records("activity");
    let owners: Vec<_> = bodies
        .iter()
        .map(|body| body.athlete_id.as_deref())
        .collect();
    assert_eq!(owners, [Some("ada"), Some("bob")]);
    for body in &bodies {
        assert_eq!(body.provider_id.as_deref(), Some(id));
        assert_eq!(body_of(body)["embed_token"], "redacted");
        assert_eq!(
            body.provider_event_at.map(|at| at.0),
            Some(NOW + 21 * SECOND / 4)
        );
    }
    assert_eq!(
        rig.ends(),
        [end("body", Some(200), 1), end("body", Some(200), 1)]
    );
    let told = body_of(&rig.records("fetch_result")[0]);
    assert_eq!(told["hints"][0]["id"], json!(hints[0]));
    assert_eq!(told["hints"][0]["provider_id"], json!(id));
    assert_eq!(told["fetched_at"], json!(NOW + 21 * SECOND / 4));
}

#[tokio::test]
async fn hints_of_one_object_share_a_fetch_and_a_copy_asks_for_nothing() {
    let rig = Rig::new().await;
    rig.event("create", "7", T).await;
    rig.event("create", "7", T).await;
    rig.event("update", "7", T + 1).await;
    let mut fetcher = rig.strava();
    rig.settle(&mut fetcher).await;
    assert_eq!(rig.ends(), [end("body", Some(200), 2)]);
    rig.event("update", "7", T + 1).await;
    rig.settle(&mut fetcher).await;
    assert_eq!((rig.vendor.asked().len(), rig.ends().len()), (1, 1));
}

#[tokio::test]
async fn an_update_during_a_fetch_causes_exactly_one_more() {
    let rig = Rig::new().await;
    let mut fetcher = rig.strava();
    rig.vendor.hold();
    rig.event("create", "7", T).await;
    rig.pass(SECOND);
    fetcher.look().await.unwrap();
    for time in 1..4 {
        rig.event("update", "7", T + time).await;
        rig.pass(SECOND);
        fetcher.look().await.unwrap();
    }
    rig.vendor.release();
    rig.settle(&mut fetcher).await;
    assert_eq!(rig.vendor.asked().len(), 2);
    assert_eq!(
        rig.ends(),
        [end("body", Some(200), 1), end("body", Some(200), 3)]
    );
}

#[tokio::test]
async fn what_is_gone_or_forbidden_ends_at_once() {
    let rig = Rig::new().await;
    for (id, status, outcome) in [("1", 404, "gone"), ("2", 403, "forbidden")] {
        rig.vendor.next([Reply::status(status)]);
        rig.event("create", id, T).await;
        rig.settle(&mut rig.strava()).await;
        assert_eq!(rig.ends().pop(), Some(end(outcome, Some(status), 1)));
    }
    assert_eq!(rig.vendor.asked().len(), 2);
    assert!(rig.records("activity").is_empty());
}

#[tokio::test]
async fn an_id_that_is_no_number_is_never_put_into_a_path() {
    let rig = Rig::new().await;
    for id in ["../athlete", "7?x=1", "", "7 7"] {
        rig.event("create", id, T).await;
    }
    rig.settle(&mut rig.strava()).await;
    assert!(rig.vendor.asked().is_empty());
    assert!(
        rig.ends()
            .iter()
            .all(|found| *found == end("failed", None, 1))
    );
    assert_eq!(rig.ends().len(), 4);
}

#[tokio::test]
async fn a_refused_token_is_renewed_once_and_the_new_refresh_token_is_sealed_first() {
    let rig = Rig::new().await;
    rig.link("bob", "134815");
    rig.tokens("bob", "134815", "access-1", Some("refresh-1"), 21_600);
    let renewed =
        json!({"access_token": "access-2", "refresh_token": "refresh-2", "expires_in": 21_600});
    rig.vendor
        .next([Reply::status(401), Reply::json(200, &renewed), activity(7)]);
    rig.event("create", "7", T).await;
    rig.settle(&mut rig.strava()).await;

    let asked = rig.vendor.asked();
    let paths: Vec<_> = asked.iter().map(|asked| asked.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "/api/v3/activities/7",
            "/oauth/token",
            "/api/v3/activities/7"
        ]
    );
    assert_eq!(asked[1].method, "POST");
    assert_eq!(
        asked[1].body,
        "client_id=77&client_secret=client-s3cret&grant_type=refresh_token&refresh_token=refresh-1"
    );
    assert_eq!(asked[2].token, "Bearer access-2");
    assert_eq!(rig.refresh_token_of("ada"), "refresh-2");
    assert_eq!(
        rig.refresh_token_of("bob"),
        "refresh-2",
        "they share the grant"
    );
    assert_eq!(rig.ends().len(), 2);
}

#[tokio::test]
async fn a_token_that_ends_within_a_minute_is_renewed_before_it_is_used() {
    for (for_s, renews) in [(60, true), (70, false)] {
        let rig = Rig::new().await;
        rig.tokens("ada", "134815", "access-1", Some("refresh-1"), for_s);
        rig.vendor.always(Reply::json(
            200,
            &json!({"access_token": "access-2", "expires_at": T + 21_600}),
        ));
        rig.event("create", "7", T).await;
        rig.settle(&mut rig.strava()).await;
        let paths = rig.vendor.paths();
        assert_eq!(
            paths.contains(&"/oauth/token".to_owned()),
            renews,
            "{for_s}"
        );
        assert_eq!(
            rig.refresh_token_of("ada"),
            "refresh-1",
            "it was not replaced"
        );
    }
}

#[tokio::test]
async fn without_a_way_to_renew_a_token_is_used_until_it_is_refused() {
    let rig = Rig::new().await;
    rig.tokens("ada", "134815", "access-1", None, -100);
    rig.event("create", "7", T).await;
    rig.settle(&mut rig.strava()).await;
    assert_eq!(rig.ends(), [end("body", Some(200), 1)]);
    rig.vendor.always(Reply::status(401));
    rig.event("update", "7", T + 1).await;
    rig.settle(&mut rig.strava()).await;
    assert_eq!(rig.ends().pop(), Some(end("unauthorised", Some(401), 1)));
    assert_eq!(rig.vendor.asked().len(), 2);
}

#[tokio::test]
async fn a_refused_renewal_and_a_new_token_that_is_refused_end_as_unauthorised() {
    let renewed = json!({"access_token": "access-2", "refresh_token": "refresh-2"});
    for (script, status) in [
        (vec![Reply::status(401), Reply::status(400)], 400),
        (
            vec![
                Reply::status(401),
                Reply::json(200, &renewed),
                Reply::status(401),
            ],
            401,
        ),
    ] {
        let rig = Rig::new().await;
        let asked = script.len();
        rig.vendor.next(script);
        rig.event("create", "7", T).await;
        rig.settle(&mut rig.strava()).await;
        assert_eq!(rig.ends(), [end("unauthorised", Some(status), 1)]);
        assert_eq!(rig.vendor.asked().len(), asked);
    }
}

#[tokio::test]
async fn nobody_is_asked_for_an_account_that_is_not_linked_any_more() {
    let rig = Rig::new().await;
    rig.event("create", "7", T).await;
    rig.accounts
        .deregister("strava", "134815", UnixMicros(NOW))
        .unwrap();
    rig.settle(&mut rig.strava()).await;
    assert_eq!(rig.ends(), [end("unauthorised", None, 1)]);
    assert!(rig.vendor.asked().is_empty());
}

#[tokio::test]
async fn too_many_requests_wait_for_the_end_of_the_window_or_what_the_vendor_says() {
    for (reply, wait_s) in [
        // From 5 s into the quarter to its end, and 2 s for clocks that differ.
        (Reply::status(429).usage([100, 1_000], [100, 300]), 897),
        (Reply::status(429).usage([100, 1_000], [100, 1_000]), 57_597),
        (Reply::status(429).with("retry-after", 40), 40),
        (Reply::status(429), 897),
    ] {
        let rig = Rig::new().await;
        rig.vendor.next([reply]);
        rig.event("create", "7", T).await;
        let mut fetcher = rig.strava();
        rig.round(&mut fetcher, 0).await;
        rig.round(&mut fetcher, (wait_s - 1) * SECOND).await;
        let waiting = fetcher.status().borrow().waiting.unwrap();
        assert_eq!(waiting.reason, "rate_limited");
        assert_eq!(waiting.until, UnixMicros(NOW + (5 + wait_s) * SECOND));
        assert_eq!(rig.vendor.asked().len(), 1, "{wait_s}");
        rig.round(&mut fetcher, SECOND).await;
        assert_eq!(rig.vendor.asked().len(), 2, "{wait_s}");
        assert_eq!(rig.ends(), [end("body", Some(200), 1)]);
    }
}

#[tokio::test]
async fn no_more_is_sent_than_the_budget_allows_also_after_a_restart() {
    let rig = Rig::new().await;
    rig.vendor.count([40, 1_000]);
    for id in 0..100 {
        rig.event("create", &id.to_string(), T).await;
    }
    let mut fetcher = rig.strava();
    // Processes die while requests are under way, and others go on.
    for _ in 0..4 {
        rig.round(&mut fetcher, SECOND).await;
        rig.pass(SECOND);
        fetcher.look().await.unwrap();
        fetcher = rig.strava();
    }
    for _ in 0..20 {
        rig.round(&mut fetcher, SECOND).await;
    }
    let reason = fetcher
        .status()
        .borrow()
        .waiting
        .map(|waiting| waiting.reason);
    assert_eq!(reason, Some("rate_limited"));
    let [used, _] = rig.vendor.end_quarter();
    assert!((4..=40).contains(&used), "{used}");
    rig.pass(900 * SECOND);
    for _ in 0..20 {
        rig.round(&mut fetcher, SECOND).await;
    }
    let [used, _] = rig.vendor.end_quarter();
    assert_eq!(used, 40, "the whole window is used");
    rig.pass(900 * SECOND);
    rig.settle(&mut fetcher).await;
    assert_eq!(rig.ends().len(), 100);
}

#[tokio::test]
async fn a_broken_activity_is_given_up_and_keeps_nobody_else_waiting() {
    let rig = Rig::new().await;
    rig.event("create", "7", T).await;
    let mut fetcher = rig.strava();
    rig.vendor.next([Reply::status(500)]);
    rig.round(&mut fetcher, SECOND).await;
    rig.vendor.next([activity(8)]);
    rig.event("create", "8", T).await;
    rig.round(&mut fetcher, 0).await;
    assert_eq!(rig.ends(), [end("body", Some(200), 1)]);
    rig.vendor.always(Reply::status(500));
    for _ in 0..40 {
        rig.round(&mut fetcher, 300 * SECOND).await;
    }
    let asked = rig.vendor.paths();
    let broken = asked.iter().filter(|path| path.ends_with("/7")).count();
    assert_eq!(broken, 20);
    assert_eq!(rig.ends().pop(), Some(end("failed", Some(500), 1)));
}

#[tokio::test]
async fn a_source_that_is_down_is_probed_and_fails_no_hint() {
    let rig = Rig::new().await;
    for id in ["7", "8", "9"] {
        rig.event("create", id, T).await;
    }
    rig.vendor.always(Reply::status(503));
    let mut fetcher = rig.strava();
    for round in 1..60 {
        rig.round(&mut fetcher, 30 * SECOND).await;
        assert_eq!(rig.vendor.asked().len(), round, "one probe at a time");
    }
    assert!(rig.ends().is_empty());
    assert_eq!(fetcher.status().borrow().waiting.unwrap().reason, "down");
    rig.vendor.always(activity(7));
    rig.round(&mut fetcher, 30 * SECOND).await;
    rig.settle(&mut fetcher).await;
    assert_eq!(rig.ends().len(), 3);
}

#[tokio::test]
async fn a_lapsed_application_rests_for_an_hour() {
    let rig = Rig::new().await;
    let lapsed =
        json!({"errors": [{"resource": "Application", "field": "Status", "code": "Inactive"}]});
    rig.vendor.next([Reply::json(403, &lapsed)]);
    rig.event("create", "7", T).await;
    let mut fetcher = rig.strava();
    rig.round(&mut fetcher, SECOND).await;
    rig.round(&mut fetcher, 3_599 * SECOND).await;
    assert_eq!(rig.vendor.asked().len(), 1);
    assert_eq!(
        fetcher.status().borrow().waiting.unwrap().reason,
        "inactive"
    );
    rig.round(&mut fetcher, SECOND).await;
    assert_eq!(rig.ends(), [end("body", Some(200), 1)]);
}

#[tokio::test]
async fn nothing_is_lost_or_fetched_while_the_log_takes_nothing() {
    let rig = Rig::new().await;
    rig.event("create", "7", T).await;
    rig.event("create", "8", T).await;
    *rig.log.refusal.lock().unwrap() = Some(PublishError::Unavailable);
    let mut fetcher = rig.strava();
    for _ in 0..5 {
        rig.round(&mut fetcher, SECOND).await;
    }
    assert_eq!(rig.vendor.asked().len(), 1);
    assert_eq!(fetcher.status().borrow().waiting.unwrap().reason, "log");
    *rig.log.refusal.lock().unwrap() = None;
    rig.settle(&mut fetcher).await;
    assert_eq!((rig.vendor.asked().len(), rig.ends().len()), (2, 2));
}

#[tokio::test]
async fn a_restart_asks_for_what_is_open_and_for_nothing_else() {
    let rig = Rig::new().await;
    let mut first = rig.strava();
    rig.event("create", "7", T).await;
    rig.settle(&mut first).await;
    rig.event("create", "8", T).await;
    rig.event("create", "9", T).await;
    drop(first);
    let mut second = rig.strava();
    rig.round(&mut second, SECOND).await;
    drop(second);
    rig.settle(&mut rig.strava()).await;
    let mut paths = rig.vendor.paths();
    paths.sort();
    assert_eq!(
        paths,
        ["7", "8", "9"].map(|id| format!("/api/v3/activities/{id}"))
    );
    assert_eq!(rig.ends().len(), 3);
}

#[tokio::test]
async fn a_hint_from_before_a_deletion_ends_without_a_request() {
    let rig = Rig::new().await;
    rig.event("delete", "7", T + 10).await;
    rig.event("update", "7", T + 9).await;
    rig.event("create", "7", T).await;
    let mut fetcher = rig.strava();
    rig.settle(&mut fetcher).await;
    assert!(rig.vendor.asked().is_empty());
    assert_eq!(rig.ends(), [end("gone", None, 1), end("gone", None, 1)]);
    let deleted = rig.records("event")[0].received_at;
    assert_eq!(
        body_of(&rig.records("fetch_result")[0])["fetched_at"],
        json!(deleted.0)
    );

    rig.event("update", "7", T + 10).await;
    rig.settle(&mut fetcher).await;
    assert_eq!(
        rig.ends().pop(),
        Some(end("body", Some(200), 1)),
        "it is back"
    );
    rig.event("update", "7", T + 8).await;
    rig.settle(&mut fetcher).await;
    assert_eq!(rig.ends().pop(), Some(end("body", Some(200), 1)));
}

#[tokio::test]
async fn streams_are_fetched_when_there_is_room_and_their_failure_is_silent() {
    let rig = Rig::with_streams(true).await;
    let streams = json!({"time": {"data": [0, 1]}});
    rig.vendor.next([
        activity(7),
        Reply::json(200, &streams).usage([100, 1_000], [2, 2]),
    ]);
    rig.event("create", "7", T).await;
    let mut fetcher = rig.strava();
    rig.settle(&mut fetcher).await;
    let paths = rig.vendor.paths();
    assert!(
        paths[1].starts_with("/api/v3/activities/7/streams?keys=time%2Cdistance"),
        "{paths:?}"
    );
    assert!(paths[1].ends_with("key_by_type=true"));
    assert_eq!(body_of(&rig.records("streams")[0]), streams);

    rig.vendor.next([
        activity(8),
        Reply::status(404).usage([100, 1_000], [60, 60]),
        Reply::json(200, &json!({})).usage([100, 1_000], [61, 61]),
    ]);
    rig.event("create", "8", T).await;
    rig.settle(&mut fetcher).await;
    rig.event("create", "9", T).await;
    rig.settle(&mut fetcher).await;
    assert_eq!(rig.ends().len(), 3);
    assert_eq!(rig.records("streams").len(), 1);
    assert_eq!(rig.vendor.asked().len(), 5, "half of the window is used");
}

#[tokio::test]
async fn no_token_is_in_a_record_or_a_debug() {
    let rig = Rig::new().await;
    let renewed = json!({"access_token": "access-2", "refresh_token": "refresh-2"});
    rig.vendor.next([
        Reply::status(401),
        Reply::json(200, &renewed),
        Reply::status(500),
    ]);
    rig.event("create", "7", T).await;
    let mut fetcher = rig.strava();
    rig.settle(&mut fetcher).await;
    let shown = format!(
        "{:?} {:?}",
        rig.log.records.lock().unwrap(),
        fetcher.status().borrow()
    );
    for secret in ["access-", "refresh-", "client-s3cret"] {
        assert!(!shown.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn a_fetcher_that_is_told_to_stop_finishes_what_is_under_way() {
    fn is_send<T: Send>(it: T) -> T {
        it
    }
    let rig = Rig::new().await;
    rig.event("create", "7", T).await;
    rig.vendor.hold();
    let stop = {
        let vendor = rig.vendor.clone();
        async move {
            while vendor.asked().is_empty() {
                tokio::task::yield_now().await;
            }
            vendor.release();
        }
    };
    is_send(rig.strava().run(stop)).await;
    assert_eq!(rig.ends(), [end("body", Some(200), 1)]);
}
