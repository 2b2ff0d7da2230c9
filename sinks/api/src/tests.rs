//! The routes over the memory store, as a client sees them.

mod explained;
pub(crate) mod world;

use axum::http::StatusCode;

use world::{World, get, keys, send};

#[tokio::test]
async fn every_list_has_items_and_a_cursor() {
    for (path, items) in [
        ("/v1/athletes", 3),
        ("/v1/athletes/a1/sessions", 8),
        ("/v1/athletes/a1/sessions?include=retracted", 9),
        ("/v1/athletes/a1/sessions?from=1970-01-01T00:01:00Z", 5),
        ("/v1/athletes/a1/sessions?to=1970-01-01T01:00:10%2B01:00", 3),
        ("/v1/athletes/a1/nights", 1),
        ("/v1/athletes/a1/sweat-losses", 1),
        ("/v1/athletes/a1/recommendations", 1),
        ("/v1/athletes/a1/timeline", 11),
        ("/v1/athletes/a2/timeline", 0),
        ("/v1/dead-letters", 1),
    ] {
        let answer = get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!(answer.content_type, "application/json", "{path}");
        let list = answer.json();
        assert_eq!(keys(&list), ["items", "next_cursor"], "{path}");
        assert_eq!(list["items"].as_array().unwrap().len(), items, "{path}");
        assert!(list["next_cursor"].is_null(), "{path}");
        for item in list["items"].as_array().unwrap() {
            assert!(item["status"].is_string(), "{path}");
        }
    }
}

#[tokio::test]
async fn following_the_cursor_shows_every_item_once() {
    for (list, total) in [
        ("/v1/athletes", 3),
        ("/v1/athletes/a1/sessions", 8),
        ("/v1/athletes/a1/timeline", 11),
    ] {
        for limit in [1, 2, 3, 5, 11] {
            let mut seen = Vec::new();
            let mut path = format!("{list}?limit={limit}");
            loop {
                let page = get(&path).await.json();
                let items = page["items"].as_array().unwrap();
                assert!(items.len() <= limit);
                seen.extend(items.iter().map(ToString::to_string));
                let Some(cursor) = page["next_cursor"].as_str() else {
                    break;
                };
                path = format!("{list}?limit={limit}&cursor={cursor}");
            }
            assert_eq!(seen.len(), total, "{list} by {limit}");
            seen.sort();
            seen.dedup();
            assert_eq!(seen.len(), total, "{list} by {limit}");
        }
    }
}

async fn refuses(method: &str, path: &str, status: u16, word: &str) {
    let answer = send(method, path).await;
    assert_eq!(answer.status.as_u16(), status, "{path}");
    assert_eq!(answer.content_type, "application/problem+json", "{path}");
    let kind = format!("urn:sudor:problem:{word}");
    assert_eq!(answer.json()["type"], kind, "{path}");
}

#[tokio::test]
async fn what_is_not_there_or_not_built_is_a_problem_with_its_word() {
    for (path, status, word) in [
        ("/v1/athletes/nobody/sessions", 404, "not_found"),
        ("/v1/athletes/nobody/timeline", 404, "not_found"),
        ("/v1/athletes/nobody/profile", 404, "not_found"),
        ("/v1/athletes/a2/profile", 404, "not_found"),
        ("/v1/sessions/none", 404, "not_found"),
        ("/v1/dead-letters/none", 404, "not_found"),
        ("/v1/athletes/a1/nights?as_of=now", 400, "bad_request"),
        ("/v1/athletes/a1/profile?as_of=now", 400, "bad_request"),
        (
            "/v1/athletes?as_of=2026-01-01T00:00:00Z",
            400,
            "bad_request",
        ),
        ("/v1/stream?types=meals", 400, "bad_request"),
        ("/v1/stream?from=now", 400, "bad_request"),
        ("/v1/stream?athlete=nobody", 404, "not_found"),
        ("/v1/stream?cursor=AAAA", 410, "gone"),
        ("/readyz", 503, "unavailable"),
    ] {
        refuses("GET", path, status, word).await;
    }
    for (id, status, word) in [
        ("none", 404, "not_found"),
        ("done", 409, "conflict"),
        ("down", 503, "unavailable"),
    ] {
        let path = format!("/v1/dead-letters/{id}/replay");
        refuses("POST", &path, status, word).await;
    }
}

#[tokio::test]
async fn a_list_refuses_a_query_that_it_does_not_understand() {
    let page = get("/v1/athletes/a1/sessions?limit=1").await.json();
    let cursor = page["next_cursor"].as_str().unwrap().to_owned();
    let of_another_list = format!("cursor={cursor}");
    let of_another_filter = format!("include=retracted&cursor={cursor}");
    for query in [
        "limit=0",
        "limit=1001",
        "limit=-1",
        "limit=x",
        "limit=",
        "limit=1&limit=2",
        "from=today",
        "to=1970-01-01",
        "from=1970-01-02T00:00:00Z&to=1970-01-01T00:00:00Z",
        "include=all",
        "view=unrestricted",
        "cursor=AAAA",
        "cursor=%C3%A4",
        &of_another_list,
        &of_another_filter,
    ] {
        let path = format!("/v1/athletes/a1/nights?{query}");
        refuses("GET", &path, 400, "bad_request").await;
    }
    let widened = format!("/v1/athletes/a1/sessions?{of_another_filter}");
    refuses("GET", &widened, 400, "bad_request").await;
}

#[tokio::test]
async fn a_view_is_refused_where_there_is_none() {
    for list in ["nights", "sweat-losses", "timeline", "profile"] {
        let path = format!("/v1/athletes/a1/{list}?view=unrestricted");
        refuses("GET", &path, 400, "bad_request").await;
    }
    refuses("GET", "/v1/sessions/s1?as_of=x&view=", 400, "bad_request").await;
}

#[tokio::test]
async fn single_things_have_the_shapes_of_the_contract() {
    let profile = get("/v1/athletes/a1/profile").await.json();
    assert_eq!(
        keys(&profile["sweat_rate_multiplier"]),
        ["hi90", "lo90", "median"]
    );
    let gone = get("/v1/sessions/s8").await.json();
    assert_eq!(gone["status"], "retracted");
    let loss = get("/v1/athletes/a1/sweat-losses").await.json();
    assert_eq!(
        keys(&loss["items"][0]["fluid_ml"]),
        ["hi90", "lo90", "median"]
    );
    let letter = get("/v1/dead-letters/d1").await.json();
    assert!(letter["body_base64"].is_string());
    let advice = get("/v1/athletes/a1/recommendations").await.json();
    assert!(advice["items"][0]["needs"].is_object());
    assert!(advice["items"][0]["reasons"][0]["params"].is_object());
    let replayed = send("POST", "/v1/dead-letters/d1/replay").await;
    assert_eq!(replayed.status, StatusCode::ACCEPTED);
    assert_eq!(
        get("/v1/quality").await.json(),
        serde_json::json!({
            "sources": {"garmin": {
                "received": 3, "accepted": 2, "duplicate": 0, "dead_lettered": 0, "pending": 1,
                "unused": {"dailies": 1}, "last_received_at": "1970-01-01T00:00:00Z"
            }},
            "pending": {"records": 0, "fetches": 0, "weather": 0, "timers_due": 0},
            "quarantined": [], "idle": false
        })
    );
}

#[tokio::test]
async fn pages_for_people_need_nothing_from_outside() {
    for path in ["/", "/docs/"] {
        let answer = get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert!(answer.content_type.starts_with("text/html"), "{path}");
        for outside in ["http://", "https://", "src=\"//"] {
            assert!(!answer.text.contains(outside), "{path} has {outside}");
        }
    }
    assert_eq!(get("/livez").await.json()["status"], "ok");
    let metrics = get("/metrics").await;
    assert!(metrics.text.contains("# HELP sudor_build_info"));
}

#[tokio::test]
async fn the_openapi_document_lists_every_route_with_its_shapes() {
    let doc = get("/openapi.json").await.json();
    let of_athlete = [
        "sessions",
        "nights",
        "sweat-losses",
        "profile",
        "recommendations",
        "timeline",
    ]
    .map(|list| format!("/v1/athletes/{{athlete_id}}/{list}"));
    let others = [
        "/livez",
        "/metrics",
        "/readyz",
        "/v1/athletes",
        "/v1/dead-letters",
        "/v1/dead-letters/{id}",
        "/v1/dead-letters/{id}/replay",
        "/v1/nights/{night_id}",
        "/v1/quality",
        "/v1/recommendations/{id}/explain",
        "/v1/recommendations/{slot}",
        "/v1/sessions/{session_id}",
        "/v1/sessions/{session_id}/explain",
        "/v1/stream",
        "/v1/sweat-losses/{loss_id}",
        "/v1/sweat-losses/{loss_id}/explain",
    ];
    let mut expected: Vec<&str> = others.to_vec();
    expected.extend(of_athlete.iter().map(String::as_str));
    expected.sort_unstable();
    let mut paths = keys(&doc["paths"]);
    paths.sort_unstable();
    assert_eq!(paths, expected);
    let text = doc.to_string();
    for part in text.split("\"$ref\":\"#/components/schemas/").skip(1) {
        let name = part.split('"').next().unwrap();
        assert!(doc["components"]["schemas"][name].is_object(), "{name}");
    }
}

#[tokio::test]
async fn rows_have_exactly_the_fields_that_their_schema_says() {
    let doc = get("/openapi.json").await.json();
    for (schema, path) in [
        ("Session", "/v1/athletes/a1/sessions"),
        ("Night", "/v1/athletes/a1/nights"),
        ("SweatLoss", "/v1/athletes/a1/sweat-losses"),
        ("Recommendation", "/v1/athletes/a1/recommendations"),
        ("DeadLetter", "/v1/dead-letters"),
        ("Profile", "/v1/athletes/a1/profile"),
    ] {
        let answer = get(path).await.json();
        let row = answer["items"].get(0).unwrap_or(&answer);
        let mut fields = keys(row);
        fields.sort_unstable();
        let described = &doc["components"]["schemas"][schema];
        let mut properties = keys(&described["properties"]);
        properties.sort_unstable();
        assert_eq!(fields, properties, "{schema}");
        let required = described["required"].as_array().unwrap().len();
        assert_eq!(required, properties.len(), "{schema}: all are required");
    }
}
