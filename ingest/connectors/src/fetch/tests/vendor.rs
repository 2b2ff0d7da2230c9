//! A vendor on a socket that answers as it is told and remembers what it was asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header;
use axum::response::Response;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

#[derive(Clone)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: String,
    pub(super) headers: Vec<(&'static str, String)>,
}

impl Reply {
    pub(super) fn status(status: u16) -> Self {
        Self::json(status, &json!({}))
    }

    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self {
            status,
            body: body.to_string(),
            headers: Vec::new(),
        }
    }

    pub(super) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    /// Read limits and usage of a quarter and a day.
    pub(super) fn usage(self, limits: [u32; 2], usage: [u32; 2]) -> Self {
        let pair = |[quarter, day]: [u32; 2]| format!("{quarter},{day}");
        self.with("x-ratelimit-limit", pair(limits.map(|limit| limit * 2)))
            .with("x-ratelimit-usage", pair(usage))
            .with("x-readratelimit-limit", pair(limits))
            .with("x-readratelimit-usage", pair(usage))
    }
}

/// What was asked: method, path with query, bearer token, body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) token: String,
    pub(super) body: String,
}

#[derive(Clone)]
pub(super) struct Vendor {
    port: u16,
    inner: Arc<Inner>,
}

struct Inner {
    /// Answers in order, whoever asks.
    script: Mutex<VecDeque<Reply>>,
    /// What is answered when the script is at its end.
    otherwise: Mutex<Reply>,
    asked: Mutex<Vec<Asked>>,
    /// Limits, and what was used of them, where the vendor counts by itself.
    counts: Mutex<Option<([u32; 2], [u32; 2])>>,
    gate: Semaphore,
}

impl Vendor {
    pub(super) async fn start() -> Self {
        let inner = Arc::new(Inner {
            script: Mutex::default(),
            otherwise: Mutex::new(Reply::json(200, &json!({"id": 1}))),
            asked: Mutex::default(),
            counts: Mutex::default(),
            gate: Semaphore::new(1_000),
        });
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
            .await
            .unwrap();
        let port = listener.local_addr().unwrap().port();
        let routes = Router::new().fallback(answer).with_state(inner.clone());
        #[expect(clippy::disallowed_methods, reason = "a test's own server")]
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { port, inner }
    }

    pub(super) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.host())
    }

    pub(super) fn next(&self, replies: impl IntoIterator<Item = Reply>) {
        self.inner.script.lock().unwrap().extend(replies);
    }

    pub(super) fn always(&self, reply: Reply) {
        *self.inner.otherwise.lock().unwrap() = reply;
    }

    /// From now on every answer tells what was used of a quarter and a day.
    pub(super) fn count(&self, limits: [u32; 2]) {
        *self.inner.counts.lock().unwrap() = Some((limits, [0, 0]));
    }

    /// What was used of the quarter and the day; the quarter begins anew.
    pub(super) fn end_quarter(&self) -> [u32; 2] {
        let mut counts = self.inner.counts.lock().unwrap();
        let (_, used) = counts.as_mut().unwrap();
        let before = *used;
        used[0] = 0;
        before
    }

    /// From now on answers are held back.
    pub(super) fn hold(&self) {
        self.inner.gate.forget_permits(1_000);
    }

    pub(super) fn release(&self) {
        self.inner.gate.add_permits(1_000);
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.inner.asked.lock().unwrap().clone()
    }

    pub(super) fn paths(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.path).collect()
    }
}

async fn answer(State(inner): State<Arc<Inner>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = edge::body::read(&parts.headers, body, 10_000)
        .await
        .unwrap();
    let token = parts.headers.get(header::AUTHORIZATION);
    inner.asked.lock().unwrap().push(Asked {
        method: parts.method.to_string(),
        path: parts.uri.to_string(),
        token: token
            .map(|token| token.to_str().unwrap().to_owned())
            .unwrap_or_default(),
        body: String::from_utf8(body).unwrap(),
    });
    drop(inner.gate.acquire().await.unwrap());
    let scripted = inner.script.lock().unwrap().pop_front();
    let mut reply = scripted.unwrap_or_else(|| inner.otherwise.lock().unwrap().clone());
    if let Some((limits, used)) = inner.counts.lock().unwrap().as_mut() {
        *used = used.map(|used| used + 1);
        reply = reply.usage(*limits, *used);
    }
    let mut response = Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    response.body(Body::from(reply.body)).unwrap()
}
