//! The hosts that addresses out of payloads may name, and what else such an address has to be.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use reqwest::Url;

use super::address::is_public;

/// Hosts, each with a port or, without one, on any port.
///
/// A host is compared as a whole and as text: there are no wildcards, because the part of a name
/// that is left open is the part that somebody else may own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowList {
    entries: Vec<(String, Option<u16>)>,
}

impl AllowList {
    /// Entries are `host` or `host:port`; IPv6 addresses stand in brackets. The first entry that is
    /// neither comes back as the error.
    pub fn new<T: AsRef<str>>(entries: impl IntoIterator<Item = T>) -> Result<Self, String> {
        let entries = entries
            .into_iter()
            .map(|text| entry(text.as_ref()).ok_or_else(|| text.as_ref().to_owned()))
            .collect::<Result<_, _>>()?;
        Ok(Self { entries })
    }

    /// The address, if it may be asked, or why not. The addresses behind a name are checked when it
    /// is resolved.
    pub(super) fn permit(&self, text: &str) -> Result<Url, &'static str> {
        let url = Url::parse(text).map_err(|_| "the address is no URL")?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err("the address is neither http nor https");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("the address carries user info");
        }
        let host = url.host_str().ok_or("the address has no host")?;
        if !self.names(host, url.port_or_known_default()) {
            return Err("the host is not allowed");
        }
        let literal = literal(host);
        let is_loopback = literal.map_or_else(|| is_loopback_name(host), |ip| ip.is_loopback());
        if url.scheme() == "http" && !is_loopback {
            return Err("the address is not https");
        }
        if literal.is_some_and(|ip| !ip.is_loopback() && !is_public(ip)) {
            return Err("the host has an address that is not public");
        }
        Ok(url)
    }

    /// Whether an address may be asked, before anything is sent; the reason if not.
    pub fn check(&self, url: &str) -> Result<(), &'static str> {
        self.permit(url).map(drop)
    }

    fn names(&self, host: &str, port: Option<u16>) -> bool {
        self.entries.iter().any(|(allowed, allowed_port)| {
            allowed == host && allowed_port.is_none_or(|allowed| Some(allowed) == port)
        })
    }
}

/// Only this name: what ends in it is nowhere promised to stay on the machine.
pub(super) fn is_loopback_name(name: &str) -> bool {
    name.eq_ignore_ascii_case("localhost")
}

fn entry(text: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match text.rfind(':') {
        Some(colon) if !text.ends_with(']') => {
            let (host, port) = text.split_at_checked(colon)?;
            (host, Some(port.strip_prefix(':')?.parse().ok()?))
        }
        _ => (text, None),
    };
    if host.is_empty() || host.contains(['/', '@', '?', '#', '*', '\\']) {
        return None;
    }
    // Parsed as part of an address, so that both sides are written the same way.
    let url = Url::parse(&format!("https://{host}/")).ok()?;
    Some((url.host_str()?.to_owned(), port))
}

/// The address that a host is, where it is no name.
fn literal(host: &str) -> Option<IpAddr> {
    match host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
    {
        Some(v6) => v6.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => host.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_followed_only_to_listed_hosts() {
        let allowed = AllowList::new([
            "apis.garmin.com",
            "other.example:8443",
            "localhost:99",
            "127.0.0.1:99",
            "[::1]:99",
            "10.0.0.1",
            "[::ffff:1.1.1.1]",
            "münchen.example",
        ])
        .unwrap();
        for (url, refusal) in [
            ("https://apis.garmin.com/x?token=s", None),
            ("https://APIS.garmin.com:8443/x", None),
            ("https://other.example:8443/", None),
            ("https://xn--mnchen-3ya.example/", None),
            ("http://localhost:99/", None),
            ("https://localhost:99/", None),
            ("http://127.0.0.1:99/", None),
            ("http://127.1:99/", None),
            ("http://[::1]:99/", None),
            ("https://other.example/", Some("the host is not allowed")),
            ("https://apis.garmin.com./", Some("the host is not allowed")),
            (
                "https://apis.garmin.com.evil.example/",
                Some("the host is not allowed"),
            ),
            (
                "https://evil.example/?apis.garmin.com",
                Some("the host is not allowed"),
            ),
            (
                "https://apis.garmin.com@evil.example/",
                Some("the address carries user info"),
            ),
            (
                "https://user:pass@apis.garmin.com/",
                Some("the address carries user info"),
            ),
            ("http://apis.garmin.com/", Some("the address is not https")),
            ("http://localhost:98/", Some("the host is not allowed")),
            ("http://127.0.0.2:99/", Some("the host is not allowed")),
            (
                "https://10.0.0.1/",
                Some("the host has an address that is not public"),
            ),
            (
                "https://[::ffff:1.1.1.1]/",
                Some("the host has an address that is not public"),
            ),
            (
                "ftp://apis.garmin.com/",
                Some("the address is neither http nor https"),
            ),
            (
                "file:///etc/passwd",
                Some("the address is neither http nor https"),
            ),
            ("apis.garmin.com/x", Some("the address is no URL")),
            ("", Some("the address is no URL")),
        ] {
            assert_eq!(allowed.check(url).err(), refusal, "{url}");
        }
    }

    #[test]
    fn an_entry_that_is_no_host_is_named() {
        for wrong in [
            "",
            ":80",
            "a:x",
            "a:70000",
            "https://a",
            "a/b",
            "*.a",
            "u@a",
        ] {
            assert_eq!(AllowList::new([wrong]), Err(wrong.to_owned()));
        }
        assert_eq!(
            AllowList::default().check("https://a/").err(),
            Some("the host is not allowed")
        );
    }
}
