//! The guard over routes of its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use serde_json::json;
use tower::ServiceExt;

use super::*;
use crate::{ManualClock, UnixMicros};

struct Keys(BTreeMap<String, StoredKey>);

impl KeyStore for Keys {
    fn find(&self, key_id: &str) -> Result<Option<StoredKey>, KeyStoreError> {
        if key_id == "broken" {
            return Err(KeyStoreError("the disk is gone".into()));
        }
        Ok(self.0.get(key_id).cloned())
    }

    fn count(&self) -> Result<usize, KeyStoreError> {
        Ok(self.0.len())
    }
}

fn keys() -> Keys {
    let key = |id: &str, scope, athlete: Option<&str>| {
        let grant = Grant {
            key_id: id.to_owned(),
            scopes: BTreeSet::from([scope]),
            athlete_id: athlete.map(str::to_owned),
        };
        let digest = digest_of(&format!("secret-of-{id}"));
        (id.to_owned(), StoredKey { grant, digest })
    };
    Keys(BTreeMap::from([
        key("all", Scope::ReadAll, None),
        key("anna", Scope::ReadAthlete, Some("anna")),
        key("send", Scope::Ingest, None),
        key("root", Scope::Admin, None),
    ]))
}

fn app(per_s: u32) -> Router {
    let document = json!({"paths": {
        "/open": {"get": {"security": [{}]}},
        "/athletes/{athlete_id}": {
            "get": {"security": [{"api_key": ["read:athlete"]}]},
            "put": {"security": [{"api_key": ["ingest"]}]},
        },
        "/all": {"get": {"security": [{"api_key": ["read:all"]}]}},
    }});
    let gate = Gate {
        keys: Some(Arc::new(keys())),
        open_without_keys: true,
        access: Arc::new(Access::of_document(&document)),
        rates: Arc::new(Rates::new(per_s)),
        clock: Arc::new(ManualClock::at(UnixMicros(0))),
        login: "/login",
    };
    let fine = || {
        get(async || "fine")
            .put(async || "fine")
            .post(async || "fine")
    };
    Router::new()
        .route("/open", fine())
        .route("/athletes/{athlete_id}", fine())
        .route("/all", fine())
        .route("/forgotten", fine())
        .layer(from_fn_with_state(gate, guard))
}

async fn status(method: Method, path: &str, headers: &[(&str, &str)]) -> StatusCode {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::empty()).unwrap();
    app(0).oneshot(request).await.unwrap().status()
}

async fn with_key(method: Method, path: &str, key: &str) -> u16 {
    let bearer = format!("Bearer sudor_{key}_secret-of-{key}");
    let headers = [("authorization", bearer.as_str())];
    status(method, path, &headers).await.as_u16()
}

#[tokio::test]
async fn a_key_opens_what_its_scope_allows_and_nothing_else() {
    for (key, open, anna, bob, all, put, forgotten) in [
        ("all", 200, 200, 200, 200, 403, 403),
        ("anna", 200, 200, 404, 403, 403, 403),
        ("send", 200, 403, 403, 403, 200, 403),
        ("root", 200, 200, 200, 200, 200, 200),
    ] {
        let get = async |path| with_key(Method::GET, path, key).await;
        assert_eq!(get("/open").await, open, "{key}");
        assert_eq!(get("/athletes/anna").await, anna, "{key}");
        assert_eq!(get("/athletes/%61nna").await, anna, "{key}");
        assert_eq!(get("/athletes/bob").await, bob, "{key}");
        assert_eq!(get("/all").await, all, "{key}");
        assert_eq!(get("/forgotten").await, forgotten, "{key}");
        let put_as = with_key(Method::PUT, "/athletes/anna", key).await;
        assert_eq!(put_as, put, "{key}");
    }
}

#[tokio::test]
async fn without_a_valid_key_there_is_nothing_but_the_open_routes() {
    assert_eq!(status(Method::GET, "/open", &[]).await, StatusCode::OK);
    for sent in [
        None,
        Some("Bearer sudor_all_secret-of-anna"),
        Some("Bearer sudor_nobody_secret-of-nobody"),
        Some("Bearer secret-of-all"),
        Some("Basic sudor_all_secret-of-all"),
        Some("sudor_all_secret-of-all"),
        Some(""),
    ] {
        let headers: Vec<_> = sent
            .map(|sent| ("authorization", sent))
            .into_iter()
            .collect();
        let got = status(Method::GET, "/all", &headers).await;
        assert_eq!(got, StatusCode::UNAUTHORIZED, "{sent:?}");
    }
    let broken = [("authorization", "Bearer sudor_broken_x")];
    let got = status(Method::GET, "/all", &broken).await;
    assert_eq!(got, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn who_sends_a_wrong_key_is_told_so_and_who_sends_none_is_told_how() {
    let answer = async |name: &str, value: &str| {
        let request = Request::get("/all").header(name, value);
        let request = request.body(Body::empty()).unwrap();
        let (parts, body) = app(0).oneshot(request).await.unwrap().into_parts();
        let text = crate::body::read(&parts.headers, body, 10_000)
            .await
            .unwrap();
        (parts.status.as_u16(), String::from_utf8(text).unwrap())
    };
    for (name, value, told) in [
        ("authorization", "Bearer sudor_all_wrong", "not known here"),
        ("cookie", "sudor_key=sudor_all_wrong", "not known here"),
        ("cookie", "other=sudor_all_wrong", "send an API key"),
    ] {
        let (status, text) = answer(name, value).await;
        assert_eq!(status, 401, "{value}");
        assert!(text.contains(told) && !text.contains("wrong"), "{text}");
    }
}

#[tokio::test]
async fn a_browser_with_a_wrong_key_comes_back_to_a_page_that_says_so() {
    for (cookie, page) in [
        ("sudor_key=sudor_all_wrong", "/login?again=1"),
        ("other=1", "/login"),
    ] {
        let request = Request::get("/all")
            .header("accept", "text/html")
            .header("cookie", cookie);
        let request = request.body(Body::empty()).unwrap();
        let response = app(0).oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::SEE_OTHER);
        assert_eq!(response.headers()["location"], page);
    }
}

#[tokio::test]
async fn a_cookie_opens_pages_and_changes_things_from_our_own_pages_only() {
    let cookie = ("cookie", "a=b; sudor_key=sudor_root_secret-of-root");
    let page = ("accept", "text/html,*/*");
    assert_eq!(status(Method::GET, "/all", &[cookie]).await, StatusCode::OK);
    assert_eq!(
        status(Method::GET, "/all", &[page]).await,
        StatusCode::SEE_OTHER
    );
    for (site, passes) in [
        (None, false),
        (Some("cross-site"), false),
        (Some("same-site"), false),
        (Some("same-origin"), true),
    ] {
        let mut headers = vec![cookie];
        headers.extend(site.map(|site| ("sec-fetch-site", site)));
        let got = status(Method::POST, "/all", &headers).await;
        assert_eq!(got == StatusCode::OK, passes, "{site:?}");
    }
}

#[tokio::test]
async fn a_key_that_reads_too_often_is_told_to_wait() {
    let app = app(1);
    let mut answers = Vec::new();
    for _ in 0..3 {
        let request =
            Request::get("/all").header("authorization", "Bearer sudor_all_secret-of-all");
        let request = request.body(Body::empty()).unwrap();
        answers.push(
            app.clone()
                .oneshot(request)
                .await
                .unwrap()
                .status()
                .as_u16(),
        );
    }
    assert_eq!(answers, [200, 200, 429]);
}
