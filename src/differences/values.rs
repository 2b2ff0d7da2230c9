//! The values in which two records differ: every leaf of both, by its path.

use std::collections::{BTreeMap, BTreeSet};

use schemas::AnyRecord;
use serde_json::Value;

use crate::tail;

/// Names and numbers of a derivation: they say nothing about the athlete.
const NO_CONTENT: &[&str] = &[
    "catalog",
    "content_hash",
    "id",
    "inputs_hash",
    "key_id",
    "loss_id",
    "night_id",
    "recorded_at",
    "revised_at",
    "revision",
    "rules",
    "rules_id",
    "session_id",
    "session_revision",
    "slot",
    "tenant_id",
    "athlete_id",
    "version",
];

type Leaves = BTreeMap<String, Value>;
/// Path, before, after.
pub(super) type Changed = Vec<(String, Option<Value>, Option<Value>)>;

pub(super) fn changed(
    before: Option<&AnyRecord>,
    after: Option<&AnyRecord>,
) -> anyhow::Result<Changed> {
    let (before, after) = (leaves(before)?, leaves(after)?);
    let content = differing(&before, &after, |name| !NO_CONTENT.contains(&name));
    // Where nothing but names differs, names are what there is to show.
    if content.is_empty() {
        return Ok(differing(&before, &after, |_| true));
    }
    Ok(content)
}

fn differing(before: &Leaves, after: &Leaves, counts: impl Fn(&str) -> bool) -> Changed {
    let paths: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    paths
        .into_iter()
        .filter(|path| path.split('.').all(&counts) && before.get(*path) != after.get(*path))
        .map(|path| {
            let (was, now) = (before.get(path).cloned(), after.get(path).cloned());
            (path.clone(), was, now)
        })
        .collect()
}

fn leaves(record: Option<&AnyRecord>) -> anyhow::Result<Leaves> {
    let mut found = Leaves::new();
    if let Some(record) = record {
        gather("", tail::instants_as_text(record.to_json()?), &mut found);
    }
    Ok(found)
}

/// What is unknown is no leaf: a value that appears is told as one that was not there.
fn gather(path: &str, value: Value, found: &mut Leaves) {
    let below = |name: &str| match path {
        "" => name.to_owned(),
        path => format!("{path}.{name}"),
    };
    match value {
        Value::Null => {}
        Value::Object(fields) => {
            for (name, value) in fields {
                gather(&below(&name), value, found);
            }
        }
        Value::Array(items) => {
            for (at, value) in items.into_iter().enumerate() {
                gather(&below(&at.to_string()), value, found);
            }
        }
        plain => drop(found.insert(path.to_owned(), plain)),
    }
}

#[cfg(test)]
mod tests {
    use schemas::record::loss::SweatLossEstimated;
    use serde_json::json;

    use super::*;

    fn loss(sodium_mg: Value) -> AnyRecord {
        let part = json!({"median": 1.0, "lo90": 0.5, "hi90": 2.0});
        let told = json!({
            "id": "f", "tenant_id": "default", "athlete_id": "a", "recorded_at": 0, "revised_at": 0,
            "rules_id": "r", "licence": null, "key_id": null, "loss_id": "l", "revision": 1,
            "content_hash": "c", "session_id": "s", "session_revision": 1, "session_start": 0,
            "session_end": 0, "method": "model", "fluid_ml": part, "sweat_rate_l_per_h": part,
            "sodium_mmol_per_l": null, "sodium_mg": sodium_mg,
            "conditions": {"air_temp_c": null, "humidity_pct": null, "wind_m_s": null,
                "solar_w_m2": null, "indoor": false, "source": "none"},
            "evidence": [], "flags": [], "model_version": "m",
        });
        AnyRecord::from(serde_json::from_value::<SweatLossEstimated>(told).unwrap())
    }

    #[test]
    fn whatever_differs_is_shown_and_numbers_of_the_derivation_are_not() {
        let (was, mut now) = (
            loss(Value::Null),
            loss(json!({"median": 3.0, "lo90": 2.0, "hi90": 4.0})),
        );
        if let AnyRecord::SweatLossEstimated(now) = &mut now {
            now.revision = 2;
            now.recorded_at.0 = 9;
        }
        let found = changed(Some(&was), Some(&now)).unwrap();
        let names: Vec<&str> = found.iter().map(|(name, ..)| name.as_str()).collect();
        assert_eq!(
            names,
            ["sodium_mg.hi90", "sodium_mg.lo90", "sodium_mg.median"]
        );
        assert_eq!(
            found[2],
            ("sodium_mg.median".to_owned(), None, Some(json!(3.0)))
        );
    }

    #[test]
    fn where_only_numbers_differ_they_are_shown() {
        let (was, mut now) = (loss(Value::Null), loss(Value::Null));
        assert!(changed(Some(&was), Some(&now)).unwrap().is_empty());
        if let AnyRecord::SweatLossEstimated(now) = &mut now {
            now.rules_id = "other".to_owned();
        }
        let found = changed(Some(&was), Some(&now)).unwrap();
        assert_eq!(
            found,
            [(
                "rules_id".to_owned(),
                Some(json!("r")),
                Some(json!("other"))
            )]
        );
    }
}
