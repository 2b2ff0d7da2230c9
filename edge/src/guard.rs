//! Refuses what a web page could make a browser send to a service on the loopback interface.
//!
//! Without API keys, being on loopback is the only thing that protects the service, and a page in a
//! browser on the same machine is there too. Its requests carry its own `Origin`, and a name that
//! was rebound to 127.0.0.1 still stands in `Host`: both give it away.
//!
//! It is not authentication, and it is off where API keys are required. A request with neither
//! header does not come from a browser and passes.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::Problem;

const LOOPBACK_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// The names under which this service may be addressed, on any port.
#[derive(Clone, Debug)]
pub struct OwnNames {
    names: Arc<[String]>,
}

impl OwnNames {
    /// The loopback names, and the host of `public_url` where it has one.
    pub fn of(public_url: &str) -> Self {
        let public = public_url.parse::<Uri>().ok();
        let public = public
            .as_ref()
            .and_then(Uri::host)
            .map(str::to_ascii_lowercase);
        let names = LOOPBACK_NAMES
            .iter()
            .map(|name| (*name).to_owned())
            .chain(public)
            .collect();
        Self { names }
    }

    fn contains(&self, host: &str) -> bool {
        self.names
            .iter()
            .any(|name| name.eq_ignore_ascii_case(host))
    }

    /// `Host: name[:port]`, as sent or as HTTP/2's authority. Two of them are one too many: which
    /// one counts would depend on who reads it.
    fn allow_host(&self, headers: &HeaderMap, uri: &Uri) -> bool {
        let mut sent = headers.get_all(header::HOST).iter();
        let first = match sent.next() {
            Some(value) => value.to_str().ok(),
            None => return uri.host().is_none_or(|host| self.contains(host)),
        };
        sent.next().is_none()
            && first
                .and_then(host_of_authority)
                .is_some_and(|host| self.contains(host))
    }

    /// `Origin: scheme://name[:port]`; `null` is a foreign one.
    fn allow_origin(&self, headers: &HeaderMap) -> bool {
        headers.get_all(header::ORIGIN).iter().all(|value| {
            let Some((scheme, authority)) =
                value.to_str().ok().and_then(|text| text.split_once("://"))
            else {
                return false;
            };
            matches!(scheme, "http" | "https")
                && host_of_authority(authority).is_some_and(|host| self.contains(host))
        })
    }
}

/// The name in `name`, `name:port` or `[address]:port`; `None` for anything else.
fn host_of_authority(authority: &str) -> Option<&str> {
    let after_name = match authority.find(']') {
        Some(end) => end.checked_add(1)?,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (name, port) = authority.split_at_checked(after_name)?;
    let port_is_one = match port.strip_prefix(':') {
        Some(digits) => !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()),
        None => port.is_empty(),
    };
    port_is_one.then_some(name)
}

/// Middleware: 403 for a foreign `Host` or `Origin`.
pub async fn refuse_foreign(State(own): State<OwnNames>, request: Request, next: Next) -> Response {
    if !own.allow_host(request.headers(), request.uri()) {
        return Problem::forbidden("the Host header names another service").into_response();
    }
    if !own.allow_origin(request.headers()) {
        return Problem::forbidden("pages of another origin may not call this service")
            .into_response();
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn one(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn own_hosts_pass_on_any_port_and_foreign_ones_do_not() {
        let own = OwnNames::of("https://sudor.example:8443/base");
        for (host, passes) in [
            ("localhost", true),
            ("LOCALHOST:8080", true),
            ("127.0.0.1:1", true),
            ("[::1]:8080", true),
            ("[::1]", true),
            ("sudor.example", true),
            ("evil.example", false),
            ("localhost.evil.example", false),
            ("localhost:8080.evil.example", false),
            ("localhost:", false),
            ("[::1]evil", false),
            ("127.0.0.1@evil.example", false),
            ("", false),
        ] {
            assert_eq!(
                own.allow_host(&one(header::HOST, host), &Uri::default()),
                passes,
                "{host}"
            );
        }
    }

    #[test]
    fn own_origins_pass_and_null_or_foreign_ones_do_not() {
        let own = OwnNames::of("http://127.0.0.1:8080");
        for (origin, passes) in [
            ("http://localhost:3000", true),
            ("http://127.0.0.1:8080", true),
            ("http://[::1]", true),
            ("https://evil.example", false),
            ("http://localhost.evil.example", false),
            ("null", false),
            ("file://localhost", false),
        ] {
            assert_eq!(
                own.allow_origin(&one(header::ORIGIN, origin)),
                passes,
                "{origin}"
            );
        }
    }

    #[test]
    fn a_request_with_neither_header_passes_and_two_hosts_do_not() {
        let own = OwnNames::of("");
        assert!(own.allow_host(&HeaderMap::new(), &Uri::from_static("/livez")));
        assert!(own.allow_origin(&HeaderMap::new()));
        assert!(!own.allow_host(&HeaderMap::new(), &Uri::from_static("http://evil.example/")));

        let mut two = one(header::HOST, "localhost");
        two.append(header::HOST, HeaderValue::from_static("localhost"));
        assert!(!own.allow_host(&two, &Uri::default()));
    }
}
