//! Asking others: an HTTP client that cannot be made to read too much, to wait too long, or to go
//! where it must not.
//!
//! There are two kinds of addresses. What an operator configured is trusted, loopback included.
//! What came in a payload is not: it is followed only to hosts of an [`AllowList`], over https
//! unless the list names a loopback host, and only when every address behind the name is a public
//! one. The connection is made to the addresses that were checked, because the check *is* the name
//! resolution: a name that changes its mind between check and connection finds no gap.
//!
//! It is not: a place that retries, caches, counts quotas or judges a status. An answer with any
//! status is an answer; errors are what kept one from coming.
//!
//! Invariants:
//! * no redirect is followed and no proxy of the environment is used;
//! * at most `body_bytes_max` bytes of a body are ever in memory; nothing is decompressed;
//! * neither an error's text nor any `Debug` here shows a query, user info, a token or a body.

mod address;
mod allow;
mod retry_after;

#[cfg(test)]
mod tests;

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{self, HeaderMap};
use reqwest::redirect::Policy;
use reqwest::{ClientBuilder, RequestBuilder, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};

pub use allow::AllowList;
pub use retry_after::retry_after;

use address::{CheckedResolver, Lookup, NotPublic, system_lookup};

const USER_AGENT: &str = concat!("sudor/", env!("CARGO_PKG_VERSION"));

/// What one call may take at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub connect_timeout: Duration,
    /// From the first byte sent to the last byte read.
    pub total_timeout: Duration,
    pub body_bytes_max: usize,
}

/// Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Client {
    trusted: reqwest::Client,
    foreign: reqwest::Client,
    limits: Limits,
}

/// What came back, whatever its status; a redirect is an answer too.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// Why there is no answer. `host` is the name and port that were asked, nothing else of the URL.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// Nothing was sent, and trying again does not help.
    #[error("refused: {0}")]
    Refused(&'static str),
    #[error("cannot connect to {host}")]
    Connect {
        host: String,
        #[source]
        cause: reqwest::Error,
    },
    #[error("{host} took too long")]
    Timeout { host: String },
    #[error("{host} answered with more than {limit} bytes")]
    TooLarge { host: String, limit: usize },
    /// The connection broke before the answer's end, or the answer was no HTTP.
    #[error("the answer of {host} broke off")]
    Broken {
        host: String,
        #[source]
        cause: reqwest::Error,
    },
}

/// The TLS library could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be built")]
pub struct BuildError(#[source] reqwest::Error);

impl Client {
    pub fn new(limits: Limits) -> Result<Self, BuildError> {
        Self::with_lookup(limits, system_lookup())
    }

    fn with_lookup(limits: Limits, lookup: Lookup) -> Result<Self, BuildError> {
        let resolver = Arc::new(CheckedResolver::new(lookup));
        Ok(Self {
            trusted: build(|| builder(limits))?,
            foreign: build(|| builder(limits).dns_resolver(resolver.clone()))?,
            limits,
        })
    }

    /// Asks a configured address. `query` is added to what the address has already.
    pub async fn get(
        &self,
        url: &str,
        query: &[(&str, &str)],
        bearer: Option<&SecretString>,
    ) -> Result<Answer, HttpError> {
        let mut url = web_url(url)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let host = host_of(&url);
        self.send(self.trusted.get(url), host, bearer).await
    }

    /// Sends a form to a configured address, as OAuth does.
    pub async fn post_form(
        &self,
        url: &str,
        fields: &[(&str, &str)],
        bearer: Option<&SecretString>,
    ) -> Result<Answer, HttpError> {
        let url = web_url(url)?;
        let host = host_of(&url);
        let request = self
            .trusted
            .post(url)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form(fields)?);
        self.send(request, host, bearer).await
    }

    /// Asks an address out of a payload, if it may be asked.
    pub async fn get_foreign(
        &self,
        url: &str,
        allowed: &AllowList,
        bearer: Option<&SecretString>,
    ) -> Result<Answer, HttpError> {
        let url = allowed.permit(url).map_err(HttpError::Refused)?;
        let host = host_of(&url);
        self.send(self.foreign.get(url), host, bearer).await
    }

    async fn send(
        &self,
        request: RequestBuilder,
        host: String,
        bearer: Option<&SecretString>,
    ) -> Result<Answer, HttpError> {
        let request = match bearer {
            Some(token) => request.bearer_auth(token.expose_secret()),
            None => request,
        };
        let mut response = request.send().await.map_err(|error| typed(error, &host))?;
        let limit = self.limits.body_bytes_max;
        let over = |announced: u64| usize::try_from(announced).map_or(true, |size| size > limit);
        if response.content_length().is_some_and(over) {
            return Err(HttpError::TooLarge { host, limit });
        }
        let mut body = Vec::new();
        while let Some(data) = response
            .chunk()
            .await
            .map_err(|error| typed(error, &host))?
        {
            if body.len().saturating_add(data.len()) > limit {
                return Err(HttpError::TooLarge { host, limit });
            }
            body.extend_from_slice(&data);
        }
        Ok(Answer {
            status: response.status(),
            headers: response.headers().clone(),
            body,
        })
    }
}

fn builder(limits: Limits) -> ClientBuilder {
    reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .redirect(Policy::none())
        .no_proxy()
        .referer(false)
        .connect_timeout(limits.connect_timeout)
        .timeout(limits.total_timeout)
}

/// A machine without a certificate store can still talk to itself: then https fails call by call,
/// with a word in the log, instead of keeping the whole process from starting.
fn build(builder: impl Fn() -> ClientBuilder) -> Result<reqwest::Client, BuildError> {
    builder().build().or_else(|error| {
        tracing::warn!(%error, "no certificates were found: https addresses will not be reached");
        builder().tls_certs_only([]).build().map_err(BuildError)
    })
}

fn web_url(url: &str) -> Result<Url, HttpError> {
    let url = Url::parse(url).map_err(|_| HttpError::Refused("the address is no URL"))?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        _ => Err(HttpError::Refused("the address is neither http nor https")),
    }
}

/// Name and port, as errors show them.
fn host_of(url: &Url) -> String {
    let port = url.port_or_known_default().unwrap_or_default();
    format!("{}:{port}", url.host_str().unwrap_or_default())
}

/// The fields as a form's body: what a URL's query looks like, so a URL writes it.
fn form(fields: &[(&str, &str)]) -> Result<String, HttpError> {
    let mut url = web_url("http://form/")?;
    url.query_pairs_mut().extend_pairs(fields);
    Ok(url.query().unwrap_or_default().to_owned())
}

fn typed(error: reqwest::Error, host: &str) -> HttpError {
    let host = host.to_owned();
    let cause = error.without_url();
    if let Some(refusal) = refusal_in(&cause) {
        return HttpError::Refused(refusal);
    }
    if cause.is_timeout() {
        return HttpError::Timeout { host };
    }
    if cause.is_builder() {
        return HttpError::Refused("the request cannot be written");
    }
    if cause.is_connect() {
        return HttpError::Connect { host, cause };
    }
    HttpError::Broken { host, cause }
}

/// What the name resolution objected to, if that is where the error comes from.
fn refusal_in(error: &reqwest::Error) -> Option<&'static str> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(NotPublic(why)) = error.downcast_ref::<NotPublic>() {
            return Some(why);
        }
        cause = error.source();
    }
    None
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Client")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Answer")
            .field("status", &self.status.as_u16())
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}
