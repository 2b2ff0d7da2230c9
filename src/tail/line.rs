//! A record as one line for people: when, where, what, whose, and the few fields that say most.

use schemas::record::Micros;
use serde_json::Value;
use sinks_store::rfc3339;
use stream_embedded::Stored;

use super::json::{athlete, decoded};

/// Characters of a text value that a line shows.
const TEXT_CHARS_MAX: usize = 120;

/// The fields that say most of a record, as paths; what is null is left out.
const FIELDS: &[(&str, &[&str])] = &[
    (
        "RawReceived",
        &["source", "kind", "provider_id", "id", "body"],
    ),
    (
        "RecordRejected",
        &["source", "kind", "stage", "reason", "detail", "id"],
    ),
    ("RejectionResolved", &["rejection_id", "attempts"]),
    ("Tick", &["at"]),
    ("ConnectionChanged", &["provider", "state", "reason"]),
    (
        "ObservationRecorded",
        &["source", "kind", "channel", "provider_id", "observation_id"],
    ),
    (
        "SessionRevised",
        &[
            "sport",
            "start",
            "elapsed_s",
            "distance_m",
            "revision",
            "session_id",
            "superseded_by",
        ],
    ),
    (
        "SessionRetracted",
        &["reason", "superseded_by", "revision", "session_id"],
    ),
    (
        "NightRevised",
        &["kind", "start", "end", "asleep_s", "revision", "night_id"],
    ),
    (
        "NightRetracted",
        &["reason", "superseded_by", "revision", "night_id"],
    ),
    (
        "SweatLossEstimated",
        &[
            "method",
            "fluid_ml.median",
            "sodium_mg.median",
            "revision",
            "loss_id",
            "session_id",
        ],
    ),
    ("SweatLossRetracted", &["reason", "revision", "loss_id"]),
    (
        "SweatProfileRevised",
        &[
            "sweat_rate_multiplier.median",
            "tests",
            "advice",
            "revision",
        ],
    ),
    (
        "WeatherRequested",
        &["lat_cell", "lon_cell", "hour", "attempt"],
    ),
    (
        "RecommendationIssued",
        &[
            "advice.phase",
            "advice.valid_from",
            "advice.needs.fluid_ml.target",
            "version",
            "slot",
        ],
    ),
    ("RecommendationSuperseded", &["version", "slot"]),
    ("RecommendationCancelled", &["reason", "version", "slot"]),
    (
        "RecommendationExpired",
        &["advice.phase", "late", "version", "slot"],
    ),
    (
        "SafetyHoldRaised",
        &["code", "symptoms", "since", "hold_id"],
    ),
    ("SafetyHoldReleased", &["at", "hold_id"]),
    ("PushScheduled", &["at", "rec_id", "push_id"]),
    ("PushCancelled", &["reason", "push_id"]),
    ("PushSent", &["sent_at", "push_id"]),
];

/// `time topic/partition/offset record athlete name=value …`.
pub(super) fn of(stored: &Stored) -> String {
    let read = &stored.sequenced;
    let record = &read.record;
    let (name, said) = match decoded(&record.value) {
        Ok((name, fields)) => (name, said(name, &fields)),
        Err(problem) => ("unreadable", problem),
    };
    let damaged = if stored.crc_ok { "" } else { " DAMAGED" };
    let who = athlete(record.key.as_str()).unwrap_or("-");
    format!(
        "{}  {:<24} {:>8}  {name:<21} {who}  {said}{damaged}",
        rfc3339(Micros(record.received_at.0)),
        record.topic.0,
        format!("{}/{}", read.partition.0, read.offset.0),
    )
}

fn said(name: &str, fields: &Value) -> String {
    let listed = FIELDS.iter().find(|(known, _)| *known == name);
    let names = listed.map(|(_, names)| *names).unwrap_or_default();
    let shown = names.iter().filter_map(|path| {
        let value = path
            .split('.')
            .try_fold(fields, |value, part| value.get(part))?;
        let last = path
            .rsplit('.')
            .find(|part| !matches!(*part, "median" | "target"))?;
        (!value.is_null()).then(|| format!("{last}={}", short(value)))
    });
    shown.collect::<Vec<_>>().join(" ")
}

/// One line of a value, however long it is.
fn short(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let plain: String = text
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .take(TEXT_CHARS_MAX)
        .collect();
    if plain.len() < text.len() {
        plain + "…"
    } else {
        plain
    }
}

#[cfg(test)]
mod tests {
    use schemas::topic::{CATALOGUE, Direction};
    use serde_json::json;

    use super::{FIELDS, TEXT_CHARS_MAX, said, short};

    #[test]
    fn every_record_that_can_be_followed_has_a_line() {
        for spec in CATALOGUE {
            for record in spec.records {
                let listed = FIELDS.iter().any(|(name, _)| name == record);
                assert!(listed || spec.direction == Direction::Internal, "{record}");
            }
        }
    }

    #[test]
    fn every_field_of_a_line_is_a_field_of_its_record() {
        struct Each;
        impl schemas::Visit for Each {
            fn visit<T: schemas::AvroRecord + PartialEq + std::fmt::Debug>(&mut self) {
                let Some((name, paths)) = FIELDS.iter().find(|(name, _)| *name == T::NAME) else {
                    return;
                };
                let value = schemas::encode(&schemas::sample::full::<T>());
                let (_, mut fields) = super::decoded(&value).unwrap();
                // The sample's body is no text, and so has its other name.
                if let Some(bytes) = fields.get("body_base64").cloned() {
                    fields["body"] = bytes;
                }
                for path in *paths {
                    let mut parts = path.split('.');
                    let found = parts.try_fold(&fields, |value, part| value.get(part));
                    assert!(found.is_some(), "{name}: {path} in {fields}");
                }
            }
        }
        schemas::visit_records(&mut Each);
    }

    #[test]
    fn a_line_has_what_is_known_and_stays_a_line() {
        let fields = json!({"reason": "merged", "superseded_by": null, "revision": 2});
        assert_eq!(
            said("SessionRetracted", &fields),
            "reason=merged revision=2"
        );
        assert_eq!(short(&json!("a\nb")), "a b");
        let long = "x".repeat(TEXT_CHARS_MAX + 1);
        assert_eq!(short(&json!(long)).chars().count(), TEXT_CHARS_MAX + 1);
    }
}
