//! A record as a JSON document: instants as people read them, bodies as text where they are text.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use schemas::AnyRecord;
use schemas::record::Micros;
use serde_json::{Value, json};
use sinks_store::rfc3339;
use stream_embedded::Stored;

/// Fields of all records that are instants. A test holds them to the schemas.
pub(super) const INSTANTS: &[&str] = &[
    "anchor_end",
    "anchor_start",
    "applied_at",
    "at",
    "changed_at",
    "end",
    "first_received_at",
    "hour",
    "in_bed_end",
    "in_bed_start",
    "last_test_at",
    "linked_at",
    "provider_event_at",
    "received_at",
    "recorded_at",
    "registered_at",
    "revised_at",
    "scanned_at",
    "sealed_at",
    "sent_at",
    "session_end",
    "session_start",
    "since",
    "start",
    "valid_from",
    "valid_until",
];

/// Microseconds become RFC 3339, at any depth.
pub(crate) fn instants_as_text(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(name, value)| {
                let instant = value.as_i64().filter(|_| INSTANTS.contains(&name.as_str()));
                let value = match instant {
                    Some(micros) => Value::from(rfc3339(Micros(micros))),
                    None => instants_as_text(value),
                };
                (name, value)
            });
            Value::Object(fields.collect())
        }
        Value::Array(items) => items.into_iter().map(instants_as_text).collect(),
        plain => plain,
    }
}

/// The bytes of a body as text, or in base64 under another name where they are none.
fn put_body(record: &mut Value, body: Vec<u8>) {
    let Some(fields) = record.as_object_mut() else {
        return;
    };
    fields.remove("body");
    match String::from_utf8(body) {
        Ok(text) => fields.insert("body".to_owned(), Value::from(text)),
        Err(error) => {
            let encoded = STANDARD.encode(error.as_bytes());
            fields.insert("body_base64".to_owned(), Value::from(encoded))
        }
    };
}

/// The whole record. A value that cannot be read is shown as it lies there.
pub(super) fn document(stored: &Stored) -> Value {
    let read = &stored.sequenced;
    let record = &read.record;
    let headers = record.headers.iter().map(|header| {
        let text = String::from_utf8_lossy(&header.value).into_owned();
        (header.name.to_owned(), Value::from(text))
    });
    let mut document = json!({
        "topic": record.topic.0,
        "partition": read.partition.0,
        "offset": read.offset.0,
        "key": record.key.as_str(),
        "athlete_id": athlete(record.key.as_str()),
        "received_at": rfc3339(Micros(record.received_at.0)),
        "intact": stored.crc_ok,
        "headers": Value::Object(headers.collect()),
    });
    let (name, value, problem) = match decoded(&record.value) {
        Ok((name, value)) => (Value::from(name), value, Value::Null),
        Err(problem) => (
            Value::Null,
            json!({"base64": STANDARD.encode(&record.value)}),
            Value::from(problem),
        ),
    };
    if let Some(fields) = document.as_object_mut() {
        fields.insert("record".to_owned(), name);
        fields.insert("value".to_owned(), value);
        fields.insert("problem".to_owned(), problem);
    }
    document
}

/// Name and fields of a record, ready to be read by people.
pub(super) fn decoded(value: &[u8]) -> Result<(&'static str, Value), String> {
    let name = schemas::name_of(value).map_err(|error| error.to_string())?;
    let mut record = schemas::decode_any(value).map_err(|error| error.to_string())?;
    // Taken out first: as JSON numbers, the bytes of a large body would need many times its size.
    let body = match &mut record {
        AnyRecord::RawReceived(raw) => Some(std::mem::take(&mut raw.body)),
        AnyRecord::RecordRejected(letter) => Some(std::mem::take(&mut letter.body)),
        _ => None,
    };
    let fields = record.to_json().map_err(|error| error.to_string())?;
    let mut fields = instants_as_text(fields);
    if let Some(body) = body {
        put_body(&mut fields, body);
    }
    Ok((name, fields))
}

/// The athlete of a key; nobody's keys have none.
pub(super) fn athlete(key: &str) -> Option<&str> {
    key.split_once('/')
        .map(|(_, athlete)| athlete)
        .filter(|athlete| !athlete.starts_with('~'))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use serde_json::{Value, json};

    use super::{INSTANTS, athlete, instants_as_text, put_body};

    /// Names of fields by whether a schema calls them instants.
    fn fields(schema: &Value, instants: &mut BTreeSet<String>, others: &mut BTreeSet<String>) {
        match schema {
            Value::Object(parts) => {
                if let (Some(name), Some(kind)) = (parts.get("name"), parts.get("type")) {
                    let name = name.as_str().unwrap().to_owned();
                    let text = kind.to_string();
                    let is_field = kind.as_str() != Some("record");
                    if is_field && text.contains("timestamp-micros") && !text.contains("fields") {
                        instants.insert(name);
                    } else if is_field && (text.contains("long") || text.contains("int")) {
                        others.insert(name);
                    }
                }
                parts
                    .values()
                    .for_each(|part| fields(part, instants, others));
            }
            Value::Array(parts) => parts.iter().for_each(|part| fields(part, instants, others)),
            _ => {}
        }
    }

    #[test]
    fn every_instant_of_the_schemas_is_known_and_nothing_else_has_its_name() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/avsc");
        // State is internal: no topic that can be followed has it.
        let internal = ["AthleteHead.avsc", "DayBucket.avsc", "IndexShard.avsc"];
        let (mut instants, mut others) = (BTreeSet::new(), BTreeSet::new());
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if !name.ends_with(".avsc") || internal.contains(&name.as_str()) {
                continue;
            }
            let schema = std::fs::read_to_string(&path).unwrap();
            fields(
                &serde_json::from_str(&schema).unwrap(),
                &mut instants,
                &mut others,
            );
        }
        let known: BTreeSet<String> = INSTANTS.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(instants, known);
        assert_eq!(known.intersection(&others).count(), 0, "{others:?}");
    }

    #[test]
    fn instants_are_told_at_any_depth() {
        let value = json!({"at": 0, "count": 0, "parts": [{"start": 1_000_000, "end": null}]});
        let expected = json!({
            "at": "1970-01-01T00:00:00Z", "count": 0,
            "parts": [{"start": "1970-01-01T00:00:01Z", "end": null}]
        });
        assert_eq!(instants_as_text(value), expected);
    }

    #[test]
    fn a_body_that_is_no_text_stays_whole_in_base64() {
        let mut text = json!({"body": []});
        put_body(&mut text, b"{}".to_vec());
        assert_eq!(text, json!({"body": "{}"}));
        let mut bytes = json!({"body": []});
        put_body(&mut bytes, vec![255, 0]);
        assert_eq!(bytes, json!({"body_base64": "/wA="}));
    }

    #[test]
    fn a_key_of_nobody_has_no_athlete() {
        assert_eq!(athlete("default/ada"), Some("ada"));
        assert_eq!(athlete("default/~garmin:acc"), None);
    }
}
