//! One HTTP request of the world: what is sent, when, and what its receiver should count.

use std::io;

use serde_json::json;

use crate::time::MICROS;

/// Stands in a path for the secret segment of the Garmin webhook; the poster puts the real one in.
pub const GARMIN_SECRET_PLACEHOLDER: &str = "{garmin-secret}";
/// The same for the Strava webhook.
pub const STRAVA_SECRET_PLACEHOLDER: &str = "{strava-secret}";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Put,
    Post,
}

impl Method {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Put => "PUT",
            Self::Post => "POST",
        }
    }
}

/// The source under which the receiver counts the items of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    Garmin,
    Healthkit,
    App,
    Strava,
    Scan,
}

impl Source {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Garmin => "garmin",
            Self::Healthkit => "healthkit",
            Self::App => "app",
            Self::Strava => "strava",
            Self::Scan => "scan",
        }
    }
}

/// One request, ready to be posted.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// When the world sends it, microseconds UTC.
    pub at: i64,
    pub method: Method,
    /// With [`GARMIN_SECRET_PLACEHOLDER`] or [`STRAVA_SECRET_PLACEHOLDER`] where a secret belongs.
    pub path: String,
    pub content_type: &'static str,
    pub body: Vec<u8>,
    pub source: Source,
    /// Items inside, as the receiver counts them (per linked athlete).
    pub items: usize,
    /// Things of which this delivery tells one of several differing contents: deliveries that
    /// share a key must keep their order, all others may be shuffled.
    pub causal: Vec<String>,
    /// For Garmin: the items before they are packed, so that those of several athletes can share a
    /// request without parsing.
    pub(crate) pushes: Vec<Push>,
}

/// One item of a Garmin push: the summary type and its JSON.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Push {
    pub(crate) key: &'static str,
    pub(crate) item: String,
}

impl Delivery {
    pub(crate) fn json(
        at: i64,
        method: Method,
        path: String,
        source: Source,
        body: String,
    ) -> Self {
        Self {
            at,
            method,
            path,
            content_type: "application/json",
            body: body.into_bytes(),
            source,
            items: 1,
            causal: Vec::new(),
            pushes: Vec::new(),
        }
    }

    pub(crate) fn garmin(at: i64, pushes: Vec<Push>, causal: Vec<String>) -> Self {
        let path = format!("/webhooks/garmin/{GARMIN_SECRET_PLACEHOLDER}");
        let mut made = Self::json(at, Method::Post, path, Source::Garmin, pack(&pushes));
        made.items = pushes.len();
        made.causal = causal;
        made.pushes = pushes;
        made
    }

    /// One webhook event of Strava: a hint, whose truth is in the account that the world tells of.
    pub(crate) fn strava(at: i64, event: String) -> Self {
        let path = format!("/webhooks/strava/{STRAVA_SECRET_PLACEHOLDER}");
        Self::json(at, Method::Post, path, Source::Strava, event)
    }

    /// One line of `deliveries.jsonl`, without the line feed.
    pub fn write_line(&self, out: &mut impl io::Write) -> io::Result<()> {
        let line = json!({
            "at": crate::time::utc(self.at.div_euclid(MICROS)),
            "method": self.method.as_str(),
            "path": self.path,
            "content_type": self.content_type,
            "source": self.source.as_str(),
            "items": self.items,
            "causal": self.causal,
            "body": String::from_utf8_lossy(&self.body),
        });
        serde_json::to_writer(out, &line).map_err(io::Error::from)
    }
}

/// `{"activities":[…],"sleeps":[…]}`: keys in the order of their first item.
fn pack(pushes: &[Push]) -> String {
    let mut keys: Vec<&'static str> = Vec::new();
    for push in pushes {
        if !keys.contains(&push.key) {
            keys.push(push.key);
        }
    }
    let mut body = String::with_capacity(pushes.iter().map(|push| push.item.len() + 24).sum());
    for key in keys {
        body.push_str(if body.is_empty() { "{\"" } else { "],\"" });
        body.push_str(key);
        body.push_str("\":[");
        let items = pushes.iter().filter(|push| push.key == key);
        for (index, push) in items.enumerate() {
            if index > 0 {
                body.push(',');
            }
            body.push_str(&push.item);
        }
    }
    body.push_str(if body.is_empty() { "{}" } else { "]}" });
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(key: &'static str, item: &str) -> Push {
        Push {
            key,
            item: item.to_owned(),
        }
    }

    #[test]
    fn items_are_packed_under_their_keys() {
        let cases = [
            (vec![], "{}"),
            (vec![push("a", "1")], r#"{"a":[1]}"#),
            (
                vec![push("a", "1"), push("b", "2"), push("a", "3")],
                r#"{"a":[1,3],"b":[2]}"#,
            ),
        ];
        for (pushes, body) in cases {
            assert_eq!(pack(&pushes), body);
        }
    }
}
