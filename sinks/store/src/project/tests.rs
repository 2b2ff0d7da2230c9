//! Every field of a fact is in what is served, and every column has its cell.

use std::collections::BTreeSet;

use schemas::AnyRecord;
use schemas::record::loss::{SweatLossEstimated, SweatProfileRevised};
use schemas::record::night::NightRevised;
use schemas::record::recommendation::{RecommendationExpired, RecommendationIssued};
use schemas::record::session::SessionRevised;
use schemas::sample::{full, min};
use serde_json::Value;

use super::project;
use crate::RowChange;

fn facts(full_ones: bool) -> Vec<AnyRecord> {
    macro_rules! samples {
        ($($name:ident),*) => {
            vec![$(if full_ones { full::<$name>().into() } else { min::<$name>().into() }),*]
        };
    }
    samples!(
        SessionRevised,
        NightRevised,
        SweatLossEstimated,
        SweatProfileRevised,
        RecommendationIssued,
        RecommendationExpired
    )
}

fn keys(of: &Value) -> BTreeSet<String> {
    of.as_object().unwrap().keys().cloned().collect()
}

/// The fields of a record, with those of the advice in it at the same level.
fn fields(fact: &AnyRecord) -> BTreeSet<String> {
    let json = fact.to_json().unwrap();
    let mut fields = keys(&json);
    if fields.remove("advice") && json["advice"].is_object() {
        fields.extend(keys(&json["advice"]));
    } else if json.get("advice").is_some() {
        fields.insert("advice".to_owned());
    }
    fields.remove("key_id");
    fields
}

#[test]
fn a_body_has_every_field_of_its_fact() {
    for fact in facts(true).into_iter().chain(facts(false)) {
        let (name, expected) = (fact.name(), fields(&fact));
        let Some(RowChange::Put(row)) = project(fact) else {
            panic!("{name} makes a row");
        };
        let body: Value = serde_json::from_str(&row.body).unwrap();
        let missing: Vec<_> = expected.difference(&keys(&body)).cloned().collect();
        assert_eq!(missing, [""; 0], "{name}");
        assert_eq!(row.cells.len(), row.table.columns().len(), "{name}");
        assert_eq!(body["status"], "live", "{name}");
        for (field, value) in body.as_object().unwrap() {
            let lineage = field == "merged_from" || field == "split_from";
            let instant = !lineage
                && ["start", "end", "_at", "_from", "_until", "_start", "_end"]
                    .iter()
                    .any(|end| field.ends_with(end));
            let shown = value.as_str().is_some_and(|text| text.ends_with('Z'));
            assert!(
                !instant || value.is_null() || shown,
                "{name}.{field} is {value}"
            );
        }
    }
}
