//! The OpenAPI document against the service: what it says is checked in, and real answers fit it.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::tempdir;

use super::support::{Demo, Service};

const DOCUMENT: &str = "docs/openapi.json";

/// What is wrong with a value, by a schema of the document: the part of JSON Schema that it uses.
fn misfits(document: &Value, schema: &Value, value: &Value, place: &str, found: &mut Vec<String>) {
    if let Some(to) = schema["$ref"].as_str() {
        let target = document
            .pointer(&to[1..])
            .unwrap_or_else(|| panic!("{to} leads nowhere"));
        return misfits(document, target, value, place, found);
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        misfits(document, part, value, place, found);
    }
    for key in ["oneOf", "anyOf"] {
        let Some(choices) = schema[key].as_array() else {
            continue;
        };
        let fit = choices.iter().filter(|choice| {
            let mut wrong = Vec::new();
            misfits(document, choice, value, place, &mut wrong);
            wrong.is_empty()
        });
        let count = fit.count();
        if count == 0 || (key == "oneOf" && count > 1) {
            found.push(format!("{place}: fits {count} of {key}: {value}"));
        }
    }
    if let Some(constant) = schema.get("const").filter(|constant| *constant != value) {
        found.push(format!("{place}: {value} is not {constant}"));
    }
    if schema["enum"]
        .as_array()
        .is_some_and(|words| !words.contains(value))
    {
        found.push(format!("{place}: {value} is none of the words"));
    }
    if !of_type(&schema["type"], value) {
        found.push(format!(
            "{place}: {value} is not of type {}",
            schema["type"]
        ));
    }
    if let Value::Array(items) = value {
        for (index, item) in items.iter().enumerate() {
            misfits(
                document,
                &schema["items"],
                item,
                &format!("{place}/{index}"),
                found,
            );
        }
    }
    if let Value::Object(fields) = value {
        misfits_of_fields(document, schema, fields, place, found);
    }
}

fn misfits_of_fields(
    document: &Value,
    schema: &Value,
    fields: &serde_json::Map<String, Value>,
    place: &str,
    found: &mut Vec<String>,
) {
    for name in schema["required"].as_array().into_iter().flatten() {
        if !fields.contains_key(name.as_str().unwrap()) {
            found.push(format!("{place}: lacks {name}"));
        }
    }
    for (name, field) in fields {
        match (
            schema["properties"].get(name),
            &schema["additionalProperties"],
        ) {
            (Some(property), _) => {
                misfits(document, property, field, &format!("{place}/{name}"), found)
            }
            (None, Value::Bool(false)) => {
                found.push(format!("{place}: has {name}, which is not described"))
            }
            (None, Value::Null) => {}
            (None, rest) => misfits(document, rest, field, &format!("{place}/{name}"), found),
        }
    }
}

fn of_type(expected: &Value, value: &Value) -> bool {
    let is = |word: &str| match word {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("no type {other}"),
    };
    match expected {
        Value::String(word) => is(word),
        Value::Array(words) => words.iter().any(|word| is(word.as_str().unwrap())),
        _ => true,
    }
}

/// Objects without a word about their fields.
fn untyped(schema: &Value, place: &str, found: &mut Vec<String>) {
    if let Some(fields) = schema.as_object() {
        let is_object = schema["type"] == "object";
        let says = [
            "properties",
            "additionalProperties",
            "oneOf",
            "allOf",
            "$ref",
        ];
        if is_object && !says.iter().any(|key| fields.contains_key(*key)) {
            found.push(place.to_owned());
        }
        for (name, part) in fields.iter().filter(|(name, _)| *name != "examples") {
            untyped(part, &format!("{place}/{name}"), found);
        }
    }
    for (index, part) in schema.as_array().into_iter().flatten().enumerate() {
        untyped(part, &format!("{place}/{index}"), found);
    }
}

async fn read(demo: &Demo, path: &str) -> Value {
    let (status, text) = demo.get(path).await;
    assert_eq!(status, 200, "{path}: {text}");
    serde_json::from_str(&text).unwrap()
}

/// A list, the id of its items, and a route that takes the id.
const EXPLAINED: &[(&str, &str, &str)] = &[
    ("sessions", "session_id", "/v1/sessions/{session_id}"),
    ("nights", "night_id", "/v1/nights/{night_id}"),
    ("sweat-losses", "loss_id", "/v1/sweat-losses/{loss_id}"),
    ("recommendations", "slot", "/v1/recommendations/{slot}"),
    (
        "sessions",
        "session_id",
        "/v1/sessions/{session_id}/explain",
    ),
    (
        "sweat-losses",
        "loss_id",
        "/v1/sweat-losses/{loss_id}/explain",
    ),
    (
        "recommendations",
        "slot",
        "/v1/recommendations/{id}/explain",
    ),
];

/// Every answer of 200 that is JSON, as its route and its path.
async fn answers(demo: &Demo) -> Vec<(String, String)> {
    let mut answers: Vec<(String, String)> = [
        "/v1/athletes",
        "/v1/quality",
        "/v1/dead-letters",
        "/livez",
        "/readyz",
    ]
    .map(|path| (path.to_owned(), path.to_owned()))
    .into();
    for n in 0..8 {
        let athlete = format!("athlete-{n:05}");
        for list in [
            "sessions",
            "nights",
            "sweat-losses",
            "recommendations",
            "timeline",
        ] {
            let path = format!("/v1/athletes/{athlete}/{list}");
            answers.push((
                format!("/v1/athletes/{{athlete_id}}/{list}"),
                format!("{path}?include=retracted&limit=500"),
            ));
        }
        answers.push((
            "/v1/athletes/{athlete_id}/profile".to_owned(),
            format!("/v1/athletes/{athlete}/profile"),
        ));
        let ids = async |list: &str, name: &str| -> Vec<String> {
            let list = read(demo, &format!("/v1/athletes/{athlete}/{list}")).await;
            let items = list["items"].as_array().unwrap().iter();
            items
                .map(|item| item[name].as_str().unwrap().replace('/', "%2F"))
                .collect()
        };
        for (list, name, template) in EXPLAINED {
            for id in ids(list, name).await {
                let path = template.split('{').next().unwrap();
                let rest = template.rsplit('}').next().unwrap();
                answers.push(((*template).to_owned(), format!("{path}{id}{rest}")));
            }
        }
    }
    answers
}

async fn refusals_fit(demo: &Demo, document: &Value) {
    let mut found = Vec::new();
    for path in [
        "/v1/sessions/none",
        "/v1/athletes/nobody/sessions",
        "/v1/athletes?limit=0",
        "/v1/stream?cursor=A",
    ] {
        let (status, text) = demo.get(path).await;
        let problem = json!({"$ref": "#/components/schemas/Problem"});
        misfits(
            document,
            &problem,
            &serde_json::from_str(&text).unwrap(),
            path,
            &mut found,
        );
        assert!(
            (400..500).contains(&status) && found.is_empty(),
            "{status} {found:?}"
        );
    }
}

#[tokio::test]
async fn every_answer_of_a_demo_fits_the_document_and_the_document_is_the_one_checked_in() {
    let folder = tempdir().unwrap();
    let demo = Demo::start(
        &folder.path().join("data"),
        &["--athletes", "8", "--days", "3"],
    )
    .await;
    assert_eq!(
        demo.post(
            "/webhooks/garmin/demo",
            r#"{"activities":[{"userId":"nobody","activityId":9}]}"#
        )
        .await,
        200
    );
    let document = read(&demo, "/openapi.json").await;
    check_document(&document);
    let answers = answers(&demo).await;
    assert!(answers.len() > 100, "{}", answers.len());
    let mut found = Vec::new();
    for (template, path) in answers {
        let (status, text) = demo.get(&path).await;
        if status == 404 && template.ends_with("/profile") {
            continue;
        }
        assert_eq!(status, 200, "{path}: {text}");
        let schema = &document["paths"][&template]["get"]["responses"]["200"]["content"]["application/json"]
            ["schema"];
        assert!(schema.is_object(), "{template} has no schema");
        let value = serde_json::from_str(&text).unwrap();
        misfits(&document, schema, &value, &path, &mut found);
    }
    assert_eq!(found, Vec::<String>::new());
    refusals_fit(&demo, &document).await;
    compare_with_file(&document);
}

/// What the service refuses of a plan the document refuses, and the other way round.
#[tokio::test]
async fn a_plan_fits_the_document_where_the_service_takes_it() {
    let folder = tempdir().unwrap();
    let service = Service::start(&folder.path().join("data")).await;
    service.register("anna", "u1").await;
    let (_, document) = service.get("/openapi.json").await;
    let whole = json!({"id": "p", "type": "planned_workout", "sport": "run", "duration_min": 60,
        "start": "2026-10-02T06:00:00Z"});
    let without = |name: &str| {
        let mut plan = whole.clone();
        plan.as_object_mut().unwrap().remove(name);
        plan
    };
    let deleted = |more: Value| {
        let mut plan = json!({"id": "p", "type": "planned_workout", "deleted": true});
        plan.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        plan
    };
    let at = json!({"at": "2026-10-01T06:00:00Z"});
    let mut refused_by_now = 0;
    for (place, (mut plan, fits)) in [
        (whole.clone(), true),
        (without("sport"), false),
        (without("start"), false),
        (without("duration_min"), false),
        (deleted(at.clone()), true),
        (deleted(json!({"start": "2026-10-02T06:00:00Z"})), true),
        (deleted(json!({})), false),
    ]
    .into_iter()
    .enumerate()
    {
        plan["id"] = json!(format!("p{place}"));
        let schema = json!({"$ref": "#/components/schemas/PlannedWorkoutEvent"});
        let mut found = Vec::new();
        misfits(&document, &schema, &plan, "plan", &mut found);
        assert_eq!(found.is_empty(), fits, "{plan}: {found:?}");
        let (status, _) = service
            .post("/v1/athletes/anna/events", plan.to_string())
            .await;
        service.idle().await;
        let letters = service.all("/v1/dead-letters").await.len();
        let taken = status == 202 && letters == refused_by_now;
        assert_eq!(taken, fits, "{plan}: {status}");
        refused_by_now = letters;
    }
    let everybody = document["paths"]["/v1/athletes"]["get"]["parameters"].as_array();
    let names: Vec<&str> = everybody
        .unwrap()
        .iter()
        .filter_map(|one| one["name"].as_str())
        .collect();
    assert_eq!(names, ["limit", "cursor"]);
}

fn check_document(document: &Value) {
    assert_eq!(document["openapi"], "3.1.0");
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let mut found = Vec::new();
    for (name, schema) in schemas {
        untyped(schema, name, &mut found);
        for example in schema["examples"].as_array().into_iter().flatten() {
            misfits(
                document,
                schema,
                example,
                &format!("example of {name}"),
                &mut found,
            );
        }
    }
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            untyped(
                &operation["requestBody"],
                &format!("{method} {path}"),
                &mut found,
            );
            assert!(
                operation["security"].is_array(),
                "{method} {path} says who may ask"
            );
        }
    }
    assert_eq!(found, Vec::<String>::new());
    for name in [
        "Session",
        "Night",
        "SweatLoss",
        "Recommendation",
        "Profile",
        "DeadLetter",
        "QualityReport",
        "Athlete",
    ] {
        assert!(
            schemas[name]["examples"].is_array(),
            "{name} has an example of a real answer"
        );
        assert_eq!(
            schemas[name]["additionalProperties"], false,
            "{name} is closed"
        );
    }
}

/// The file is what clients were made from: a change has to be seen in review.
fn compare_with_file(document: &Value) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(DOCUMENT);
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(
            &file,
            format!("{}\n", serde_json::to_string_pretty(document).unwrap()),
        )
        .unwrap();
    }
    let kept: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let paths = |document: &Value| -> BTreeSet<String> {
        document["paths"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect()
    };
    assert_eq!(paths(&kept), paths(document), "routes");
    assert!(
        kept == *document,
        "{DOCUMENT} is not what is served; UPDATE_OPENAPI=1 writes it anew"
    );
}

#[test]
fn a_misfit_is_found() {
    let document = json!({"components": {"schemas": {"A": {"type": "object", "additionalProperties": false,
        "required": ["n"], "properties": {"n": {"type": ["integer", "null"]}}}}}});
    let schema = json!({"$ref": "#/components/schemas/A"});
    for (value, misfit) in [
        (json!({"n": 1}), 0),
        (json!({"n": null}), 0),
        (json!({}), 1),
        (json!({"n": "1"}), 1),
        (json!({"n": 1, "m": 2}), 1),
        (json!([]), 1),
    ] {
        let mut found = Vec::new();
        misfits(&document, &schema, &value, "", &mut found);
        assert_eq!(found.len(), misfit, "{value}: {found:?}");
    }
}
