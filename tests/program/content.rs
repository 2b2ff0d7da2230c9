//! What athletes see, without what differs between two runs of the same world: ids, revisions,
//! hashes and times of processing.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::support::Service;

/// Sorted lists by athlete and kind.
pub(crate) type Content = BTreeMap<String, Vec<String>>;

pub(crate) async fn content(service: &Service, athletes: &[String]) -> Content {
    let mut content = Content::new();
    for athlete in athletes {
        for (list, plain) in [
            ("sessions", session as fn(&Value) -> Value),
            ("nights", night),
            ("sweat-losses", loss),
            ("recommendations", recommendation),
        ] {
            let path = format!("/v1/athletes/{athlete}/{list}");
            let items = service.all(&path).await;
            let mut items: Vec<String> = items.iter().map(|item| plain(item).to_string()).collect();
            items.sort();
            content.insert(format!("{athlete} {list}"), items);
        }
    }
    content
}

/// Names the first list that differs, so that a failure can be read.
pub(crate) fn assert_same(left: &Content, right: &Content) {
    for (name, items) in left {
        assert_eq!(Some(items), right.get(name), "{name}");
    }
    assert_eq!(left.len(), right.len());
}

fn pick(item: &Value, fields: &[&str]) -> Value {
    let fields = fields
        .iter()
        .map(|field| ((*field).to_owned(), item[*field].clone()));
    Value::Object(fields.collect())
}

fn members(item: &Value) -> Value {
    let members = item["members"].as_array().unwrap();
    let mut members: Vec<String> = members
        .iter()
        .map(|member| pick(member, &["source", "provider_id", "role"]).to_string())
        .collect();
    members.sort();
    json!(members)
}

fn session(item: &Value) -> Value {
    let fields = [
        "status",
        "start",
        "end",
        "sport",
        "family",
        "timer_s",
        "moving_s",
        "elapsed_s",
        "distance_m",
        "energy_kj",
        "heart_rate_avg_bpm",
        "heart_rate_max_bpm",
        "indoor",
        "title",
        "local_date",
        "utc_offset_s",
        "container",
        "confidence",
    ];
    json!([pick(item, &fields), members(item)])
}

fn night(item: &Value) -> Value {
    let fields = [
        "status",
        "kind",
        "start",
        "end",
        "in_bed_start",
        "in_bed_end",
        "asleep_s",
        "awake_s",
        "deep_s",
        "light_s",
        "rem_s",
        "local_date",
        "utc_offset_s",
    ];
    json!([pick(item, &fields), members(item)])
}

fn loss(item: &Value) -> Value {
    let fields = [
        "status",
        "session_start",
        "session_end",
        "method",
        "fluid_ml",
        "sweat_rate_l_per_h",
        "sodium_mg",
        "flags",
    ];
    pick(item, &fields)
}

/// Whether advice still came in time is history.
fn recommendation(item: &Value) -> Value {
    let fields = [
        "status",
        "phase",
        "anchor_kind",
        "valid_from",
        "valid_until",
        "needs",
        "schedule",
        "safety",
    ];
    pick(item, &fields)
}
