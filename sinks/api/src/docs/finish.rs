//! From the routes' own descriptions to a document that a machine can check answers by.

use serde_json::{Map, Value, json};

use super::units::unit_of;

/// Answers of a demo, by the name of their schema.
const EXAMPLES: &str = include_str!("examples.json");
/// Shapes that the annotations cannot say.
const SHAPES: &str = include_str!("shapes.json");
const PROBLEM: &str = "#/components/schemas/Problem";
const PROBLEM_TYPE: &str = "application/problem+json";
/// What is sent in, by its path.
const BODIES: [(&str, &str); 6] = [
    ("/v1/athletes/{athlete_id}", "ProfileFields"),
    ("/v1/athletes/{athlete_id}/events", "AppEvents"),
    ("/v1/athletes/{athlete_id}/scans", "Scans"),
    ("/v1/athletes/{athlete_id}/healthkit", "HealthKitUpload"),
    ("/webhooks/garmin/{secret}", "GarminDelivery"),
    ("/webhooks/strava/{secret}", "StravaEvent"),
];
/// The lanes of a timeline that are rows of a list of their own.
const LANES: [(&str, &str); 4] = [
    ("session", "Session"),
    ("night", "Night"),
    ("loss", "SweatLoss"),
    ("recommendation", "Recommendation"),
];

pub(super) fn finish(doc: &mut Value) -> Result<(), serde_json::Error> {
    about(doc);
    let shapes: Map<String, Value> = serde_json::from_str(SHAPES)?;
    if let Some(schemas) = schemas(doc) {
        schemas.extend(shapes);
        lanes(schemas);
        lists(schemas);
        for schema in schemas.values_mut() {
            close(schema);
        }
        let examples: Map<String, Value> = serde_json::from_str(EXAMPLES)?;
        for (name, example) in examples {
            if let Some(schema) = schemas.get_mut(&name).and_then(Value::as_object_mut) {
                schema.insert("examples".to_owned(), json!([example]));
            }
        }
    }
    let paths = doc.get_mut("paths").and_then(Value::as_object_mut);
    for (path, item) in paths.into_iter().flatten() {
        let body = BODIES.iter().find(|(of, _)| of == path);
        for (_, operation) in item.as_object_mut().into_iter().flatten() {
            refusals(operation);
            if let (Some((_, name)), Some(schema)) = (
                body,
                operation.pointer_mut("/requestBody/content/application~1json/schema"),
            ) {
                *schema = json!({"$ref": format!("#/components/schemas/{name}")});
            }
        }
    }
    Ok(())
}

fn about(doc: &mut Value) {
    let Some(top) = doc.as_object_mut() else {
        return;
    };
    top.insert(
        "info".to_owned(),
        json!({
            "title": "Sudor",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "One true timeline per athlete, what each workout cost in fluid and sodium, \
                and what to drink and eat, when, and why. A missing value is `null` and never 0; a \
                number's unit ends its name; instants are RFC 3339 in UTC. Readers ignore words \
                that they do not know.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        }),
    );
    top.insert("servers".to_owned(), json!([{"url": "/"}]));
    let components = top.entry("components").or_insert_with(|| json!({}));
    if let Some(components) = components.as_object_mut() {
        let scheme = json!({"type": "http", "scheme": "bearer",
            "description": "A key of `sudor keys create`. On loopback without keys none is needed."});
        components.insert("securitySchemes".to_owned(), json!({ "api_key": scheme }));
    }
}

fn schemas(doc: &mut Value) -> Option<&mut Map<String, Value>> {
    doc.get_mut("components")?
        .get_mut("schemas")?
        .as_object_mut()
}

/// A timeline's item is the row of its list with a `type` in front.
fn lanes(schemas: &mut Map<String, Value>) {
    let entries = schemas
        .get("TimelineEntry")
        .and_then(|entry| entry.get("oneOf"));
    let mut kinds: Vec<Value> = entries
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    for (word, of) in LANES {
        let Some(mut lane) = schemas.get(of).cloned() else {
            continue;
        };
        if let Some(properties) = lane.get_mut("properties").and_then(Value::as_object_mut) {
            properties.insert("type".to_owned(), json!({"type": "string", "const": word}));
        }
        if let Some(required) = lane.get_mut("required").and_then(Value::as_array_mut) {
            required.push(json!("type"));
        }
        let name = format!("Timeline{of}");
        kinds.push(json!({"$ref": format!("#/components/schemas/{name}")}));
        schemas.insert(name, lane);
    }
    let about = "An item of any type: the row of its own list, with the `type` in front.";
    schemas.remove("TimelineEntry");
    schemas.insert(
        "TimelineItem".to_owned(),
        json!({"description": about, "oneOf": kinds}),
    );
}

/// A page refers to the shape of its items: a copy would be another shape under no name.
fn lists(schemas: &mut Map<String, Value>) {
    for (name, list) in schemas.iter_mut() {
        if let Some(of) = name.strip_prefix("List_")
            && let Some(items) = list.pointer_mut("/properties/items/items")
        {
            *items = json!({"$ref": format!("#/components/schemas/{of}")});
        }
    }
}

/// Objects have the fields that are listed and no others; numbers have the unit of their name.
fn close(schema: &mut Value) {
    match schema {
        Value::Array(parts) => parts.iter_mut().for_each(close),
        Value::Object(fields) => {
            if fields.contains_key("properties") && !fields.contains_key("additionalProperties") {
                fields.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
            let properties = fields.get_mut("properties").and_then(Value::as_object_mut);
            for (name, property) in properties.into_iter().flatten() {
                name_unit(name, property);
            }
            for (name, part) in fields.iter_mut() {
                if name != "examples" && name != "const" {
                    close(part);
                }
            }
        }
        _ => {}
    }
}

fn name_unit(name: &str, property: &mut Value) {
    let Some(fields) = property.as_object_mut() else {
        return;
    };
    let kind = fields.get("type").map(Value::to_string).unwrap_or_default();
    let is_number = kind.contains("number") || kind.contains("integer");
    let refers = fields.contains_key("$ref") || fields.contains_key("oneOf");
    let Some(unit) = unit_of(name).filter(|_| is_number || refers) else {
        return;
    };
    fields.insert("x-unit".to_owned(), json!(unit));
    let told = fields.get("description").and_then(Value::as_str);
    let text = match told {
        Some(told) => format!("{told} In {unit}."),
        None => format!("In {unit}."),
    };
    fields.insert("description".to_owned(), json!(text));
}

/// What every route may answer besides its own, and the media type of a refusal.
fn refusals(operation: &mut Value) {
    let open = operation
        .get("security")
        .is_some_and(|security| *security == json!([{}]));
    let Some(responses) = operation
        .get_mut("responses")
        .and_then(Value::as_object_mut)
    else {
        return;
    };
    for (status, meaning, keyed) in [
        ("400", "the request is malformed", false),
        ("401", "a key is missing or not valid", true),
        ("403", "this key, or this page, may not", false),
        ("404", "there is no such thing, or not for this key", false),
        ("429", "too many requests; `Retry-After` says when", true),
        ("500", "a defect; the log has it under `instance`", false),
        ("503", "busy or stopping; `Retry-After` says when", false),
    ] {
        if keyed && open {
            continue;
        }
        let problem = json!({"description": meaning,
            "content": {PROBLEM_TYPE: {"schema": {"$ref": PROBLEM}}}});
        responses.entry(status).or_insert(problem);
    }
    for response in responses.values_mut() {
        let Some(content) = response.get_mut("content").and_then(Value::as_object_mut) else {
            continue;
        };
        let is_problem =
            |body: &Value| body.pointer("/schema/$ref").is_some_and(|to| to == PROBLEM);
        if content.get("application/json").is_some_and(is_problem)
            && let Some(body) = content.remove("application/json")
        {
            content.insert(PROBLEM_TYPE.to_owned(), body);
        }
    }
}
