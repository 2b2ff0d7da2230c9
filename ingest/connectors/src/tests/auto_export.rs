//! Uploads of the app Health Auto Export.

use super::*;
use crate::receive::ITEMS_MAX;

const PATH: &str = "/v1/athletes/ada/healthkit";

/// Kinds and bodies of what an upload becomes.
async fn items(body: impl ToString) -> Vec<(String, String, String)> {
    let world = World::with_ada_and_bob().await;
    let answer = world.send("POST", PATH, body.to_string()).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text);
    let records = world.published();
    records
        .iter()
        .map(|record| {
            let id = record.provider_id.clone().unwrap();
            (record.kind.clone(), id, body_of(record).to_owned())
        })
        .collect()
}

/// The identity of one datum of a metric.
async fn identity(name: &str, units: &str, datum: &str) -> String {
    let metric = format!(r#"{{"name":"{name}","units":{units},"data":[{datum}]}}"#);
    let mut items = items(format!(r#"{{"data":{{"metrics":[{metric}]}}}}"#)).await;
    assert_eq!(items.len(), 1);
    items.remove(0).1
}

#[tokio::test]
async fn workouts_and_every_datum_of_a_metric_become_items() {
    let items = items(
        r#"{"data":{
        "metrics":[
            {"name":"heart_rate","units":"bpm","data":[
                {"date":"2024-02-06 14:30:00 -0800","Min":65,"Avg":72.50,"Max":85},
                {"date":"2024-02-06 14:31:00 -0800","Min":66,"Avg":73,"Max":86}]},
            {"name":"sleep_analysis","data":[
                {"startDate":"2024-02-06 01:00:00 -0800","endDate":"2024-02-06 02:00:00 -0800","value":"Core"}]}],
        "workouts":[{"id":"w","name":"Outdoor Ausführen","start":"2024-02-06 07:00:00 -0800"}],
        "symptoms":[{"start":"2024-02-06 07:00:00 -0800","name":"Headache"}],
        "version":2}}"#,
    )
    .await;
    let shown: Vec<_> = items.iter().map(|item| (&*item.0, &*item.2)).collect();
    assert_eq!(
        shown,
        [
            (
                "hae_metric",
                r#"{"name":"heart_rate","units":"bpm","data":{"date":"2024-02-06 14:30:00 -0800","Min":65,"Avg":72.50,"Max":85}}"#
            ),
            (
                "hae_metric",
                r#"{"name":"heart_rate","units":"bpm","data":{"date":"2024-02-06 14:31:00 -0800","Min":66,"Avg":73,"Max":86}}"#
            ),
            (
                "hae_metric",
                r#"{"name":"sleep_analysis","units":null,"data":{"startDate":"2024-02-06 01:00:00 -0800","endDate":"2024-02-06 02:00:00 -0800","value":"Core"}}"#
            ),
            (
                "hae_workout",
                r#"{"id":"w","name":"Outdoor Ausführen","start":"2024-02-06 07:00:00 -0800"}"#
            ),
            (
                "hae_metric",
                r#"{"name":"symptoms","units":null,"data":{"start":"2024-02-06 07:00:00 -0800","name":"Headache"}}"#
            ),
        ]
    );
    for (_, id, body) in &items {
        assert!(
            id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{id} {body}"
        );
    }
}

#[tokio::test]
async fn the_sdk_keeps_its_form_whatever_lists_it_has() {
    for head in [r#""provider":"apple","#, r#""sdkVersion":"2","#] {
        let body = format!(
            r#"{{{head}"data":{{"metrics":[{{"id":"m1"}}],"workouts":[{{"id":"w1","start":"x"}}]}}}}"#
        );
        let kinds: Vec<_> = items(body)
            .await
            .into_iter()
            .map(|item| (item.0, item.1))
            .collect();
        let expected = [("metrics", "m1"), ("workouts", "w1")];
        assert_eq!(kinds, expected.map(|(kind, id)| (kind.into(), id.into())));
    }
    let without_head =
        r#"{"data":{"workouts":[{"id":"w1","startDate":"x"}],"sleep":[{"id":"s1"}]}}"#;
    let kinds: Vec<_> = items(without_head)
        .await
        .into_iter()
        .map(|item| item.0)
        .collect();
    assert_eq!(kinds, ["workouts", "sleep"]);
}

#[tokio::test]
async fn what_a_datum_is_made_of_is_its_identity_and_nothing_else() {
    const DATUM: &str = r#"{"date":"2024-02-06 14:30:00 -0800","qty":70.5,"source":"Scale"}"#;
    let reference = identity("weight_body_mass", r#""kg""#, DATUM).await;
    let reordered =
        r#"{ "source":"Scale", "qty":70.5, "date":"2024-02-06 14:30:00 -0800", "n":1 }"#;
    assert_eq!(
        identity("weight_body_mass", r#""kg""#, reordered).await,
        reference
    );
    for (name, units, from, to) in [
        ("lean_body_mass", r#""kg""#, "", ""),
        ("weight_body_mass", r#""lb""#, "", ""),
        ("weight_body_mass", "null", "", ""),
        ("weight_body_mass", r#""kg""#, "Scale", "Watch"),
        ("weight_body_mass", r#""kg""#, "70.5", "70.6"),
        ("weight_body_mass", r#""kg""#, "14:30", "14:31"),
    ] {
        let other = identity(name, units, &DATUM.replace(from, to)).await;
        assert_ne!(other, reference, "{name} {units} {from} {to}");
    }
}

#[tokio::test]
async fn a_workout_keeps_its_identity_when_the_phone_changes_its_language() {
    let workout = |name: &str, end: &str| {
        items(format!(
            r#"{{"data":{{"workouts":[{{"name":"{name}","start":"2024-02-06 07:00:00 -0800","end":"{end}"}}]}}}}"#
        ))
    };
    let english = workout("Outdoor Run", "a").await;
    assert_eq!(english[0].1, workout("Outdoor Ausführen", "a").await[0].1);
    assert_ne!(english[0].1, workout("Outdoor Run", "b").await[0].1);
}

#[tokio::test]
async fn bad_items_are_named_by_their_place_over_all_data() {
    let world = World::with_ada_and_bob().await;
    let body = r#"{"data":{"metrics":[
        {"name":"a","data":[{"date":"x"},17,{"qty":1}]}, {"data":[]}, 5,
        {"name":7,"data":[]}, {"name":"b","data":{}}, {"name":"c","data":[{"date":"y"}]}],
        "workouts":[{"name":"Run"},{"start":"z"}]}}"#;
    let answer = world.send("POST", PATH, body).await;
    let answer = answer.json();
    assert_eq!(answer["accepted"], 3);
    let refused = [
        (1, "malformed"),
        (2, "missing_field"),
        (3, "missing_field"),
        (4, "malformed"),
        (5, "bad_value"),
        (6, "malformed"),
        (8, "missing_field"),
    ];
    let refused = refused.map(|(index, reason)| (index, reason.to_owned()));
    assert_eq!(rejected(&answer["rejected"]), refused);
}

#[tokio::test]
async fn an_upload_has_a_limit_over_all_its_metrics() {
    let metric = |count: usize| {
        let data: Vec<_> = (0..count)
            .map(|at| json!({ "date": at, "qty": 1 }))
            .collect();
        json!({ "name": "step_count", "units": "count", "data": data })
    };
    for (second, status) in [
        (ITEMS_MAX / 2, StatusCode::ACCEPTED),
        (ITEMS_MAX / 2 + 1, StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let world = World::with_ada_and_bob().await;
        let body = json!({ "data": { "metrics": [metric(ITEMS_MAX / 2), metric(second)] } });
        let answer = world.send("POST", PATH, body).await;
        assert_eq!(answer.status, status, "{}", answer.text);
        let kept = if status == StatusCode::ACCEPTED {
            ITEMS_MAX
        } else {
            0
        };
        assert_eq!(world.published().len(), kept);
    }
}
