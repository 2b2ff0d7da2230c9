//! The middleware: finds the key, compares it with what the route needs, and passes the grant on.
//!
//! A program sends `Authorization: Bearer`. A browser of the console holds the key in a cookie that no
//! script can read; with it, only a page of ours may change anything.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{MatchedPath, RawPathParams, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};

use super::access::Need;
use super::{Access, Grant, KeyStore, KeyStoreError, Rates, Scope, check};
use crate::{Clock, Problem};

/// The cookie of a browser that was let in.
pub const COOKIE: &str = "sudor_key";
const RETRY_AFTER: Duration = Duration::from_secs(1);
const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer realm=\"sudor\"");

/// What the guard decides by. Clones share everything.
#[derive(Clone)]
pub struct Gate {
    /// `None`: no key is needed.
    pub keys: Option<Arc<dyn KeyStore>>,
    /// As long as there is no key, none is needed; the first one closes the door at once.
    pub open_without_keys: bool,
    pub access: Arc<Access>,
    pub rates: Arc<Rates>,
    pub clock: Arc<dyn Clock>,
    /// Where a browser without a key is sent.
    pub login: &'static str,
}

/// Where the credentials came from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Carrier {
    Header,
    Cookie,
}

/// Middleware over all routes.
pub async fn guard(
    State(gate): State<Gate>,
    matched: Option<MatchedPath>,
    params: Result<RawPathParams, axum::extract::rejection::RawPathParamsRejection>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(matched) = matched else {
        // Nothing is there; whoever asks learns no more than that.
        return next.run(request).await;
    };
    let athlete = params.ok().and_then(|params| {
        let mut named = params.iter().filter(|(name, _)| *name == "athlete_id");
        named.next().map(|(_, value)| value.to_owned())
    });
    let need = gate.access.need(request.method(), matched.as_str());
    let decided = gate.decide(
        &need,
        request.method(),
        request.headers(),
        athlete.as_deref(),
    );
    match decided {
        Ok(grant) => {
            request.extensions_mut().insert(grant);
            next.run(request).await
        }
        Err(refusal) => gate.refuse(refusal, &request),
    }
}

/// Why a request does not pass.
enum Refusal {
    NoKey,
    /// One was sent, and it is none of ours.
    UnknownKey,
    Problem(Problem),
}

impl Gate {
    /// No key is needed, and nobody is counted.
    pub fn open(clock: Arc<dyn Clock>) -> Self {
        Self {
            keys: None,
            open_without_keys: true,
            access: Arc::default(),
            rates: Arc::new(Rates::new(0)),
            clock,
            login: "/",
        }
    }

    fn decide(
        &self,
        need: &Need,
        method: &Method,
        headers: &HeaderMap,
        athlete: Option<&str>,
    ) -> Result<Grant, Refusal> {
        let open = *need == Need::Nothing;
        let grant = match &self.keys {
            None => Grant::everything(),
            Some(_) if open => Grant::everything(),
            Some(keys) if self.open_without_keys && keys.count().map_err(unreadable)? == 0 => {
                Grant::everything()
            }
            Some(keys) => self.granted(&**keys, method, headers)?,
        };
        if let Need::AnyOf(scopes) = need {
            allow(&grant, scopes, athlete).map_err(Refusal::Problem)?;
        }
        // What is sent in has limits of its own: a body's, and the log's.
        let reads = method == Method::GET || method == Method::HEAD;
        if reads && !open && !self.rates.take(&grant.key_id, self.clock.now()) {
            let detail = "this key asks more often than it may; see Retry-After";
            return Err(Refusal::Problem(Problem::rate_limited(detail, RETRY_AFTER)));
        }
        Ok(grant)
    }

    fn granted(
        &self,
        keys: &dyn KeyStore,
        method: &Method,
        headers: &HeaderMap,
    ) -> Result<Grant, Refusal> {
        let (sent, carrier) = sent(headers).ok_or(Refusal::NoKey)?;
        let checked = check(keys, sent).map_err(unreadable)?;
        let grant = checked.ok_or(Refusal::UnknownKey)?;
        if carrier == Carrier::Cookie && !method.is_safe() && !from_own_page(headers) {
            let detail = "a browser may only change things from a page of this service";
            return Err(Refusal::Problem(Problem::forbidden(detail)));
        }
        Ok(grant)
    }

    fn refuse(&self, refusal: Refusal, request: &Request) -> Response {
        let problem = match refusal {
            Refusal::Problem(problem) => problem,
            Refusal::NoKey if wants_page(request) => {
                return Redirect::to(self.login).into_response();
            }
            // So that the page can say why it is back.
            Refusal::UnknownKey if wants_page(request) => {
                return Redirect::to(&format!("{}?again=1", self.login)).into_response();
            }
            Refusal::UnknownKey => Problem::unauthorised(
                "this API key is not known here, or it was revoked; `sudor keys list` shows the ids of those that are",
            ),
            Refusal::NoKey => Problem::unauthorised(
                "send an API key as `Authorization: Bearer KEY`; `sudor keys create` makes one",
            ),
        };
        let challenge = problem.status() == axum::http::StatusCode::UNAUTHORIZED;
        let mut response = problem.into_response();
        if challenge {
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, CHALLENGE);
        }
        response
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it ends the error, as the last function of a `map_err`"
)]
fn unreadable(error: KeyStoreError) -> Refusal {
    let cause = std::error::Error::source(&error).map(ToString::to_string);
    tracing::error!(%error, cause, "no key can be checked");
    let detail = "keys cannot be checked now";
    Refusal::Problem(Problem::unavailable(detail, RETRY_AFTER))
}

/// The scope first, then the athlete. A bound key asking for another athlete is told the same as for
/// one that does not exist, so that it learns no names.
fn allow(grant: &Grant, scopes: &[Scope], athlete: Option<&str>) -> Result<(), Problem> {
    if !scopes.iter().any(|scope| grant.has(*scope)) {
        let words: Vec<&str> = scopes.iter().map(|scope| scope.word()).collect();
        let detail = format!("this key lacks the scope {}", words.join(" or "));
        return Err(Problem::forbidden(detail));
    }
    if athlete.is_some_and(|athlete| !grant.reaches(athlete)) {
        return Err(Problem::not_found("no athlete has this id"));
    }
    Ok(())
}

fn sent(headers: &HeaderMap) -> Option<(&str, Carrier)> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let (scheme, key) = value.to_str().ok()?.split_once(' ')?;
        let bearer = scheme.eq_ignore_ascii_case("bearer");
        return bearer.then_some((key.trim(), Carrier::Header));
    }
    let cookies = headers.get_all(header::COOKIE).iter();
    let pairs = cookies
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(';'));
    pairs
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE)
        .map(|(_, key)| (key, Carrier::Cookie))
}

/// Every browser of today says where a request comes from; one that does not is refused.
fn from_own_page(headers: &HeaderMap) -> bool {
    headers
        .get("sec-fetch-site")
        .is_some_and(|site| site == "same-origin")
}

fn wants_page(request: &Request) -> bool {
    let accepts = request.headers().get(header::ACCEPT);
    let page = accepts.is_some_and(|accepts| {
        accepts
            .to_str()
            .is_ok_and(|text| text.contains("text/html"))
    });
    page && request.method() == Method::GET
        && !request.headers().contains_key(header::AUTHORIZATION)
}
