//! A ping: not a summary but the address where some can be fetched, with a token in it.
//!
//! The log gets everything but the address, and a reference to where the address is sealed. The
//! reference is a hash of it, so that a ping which is sent twice is the same bytes twice.
//!
//! Invariant: neither the address nor its token is in a record, an error or a log line.

use edge::UnixMicros;
use edge::http::AllowList;
use secrecy::SecretString;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::json::{id_text, pick, string};
use crate::port::Callback;
use crate::receive::{hex, update};

pub(crate) const KIND: &str = "ping";

/// What Garmin lets anybody ask for at once.
const WINDOW_S_MAX: i64 = 24 * 3_600;

const START: &str = "uploadStartTimeInSeconds";
const END: &str = "uploadEndTimeInSeconds";

/// A ping as it goes into the log, and its address as it goes into the vault.
pub(super) struct Ping {
    pub(super) provider_id: String,
    pub(super) body: String,
    /// `None` when the address may not be followed.
    pub(super) callback: Option<Callback>,
}

impl Ping {
    /// `None` for a summary.
    pub(super) fn of(
        summary_type: &str,
        item: &RawValue,
        account_id: Option<&str>,
        allowed: &AllowList,
    ) -> Option<Self> {
        let [callback, start, end] = pick(item, ["callbackURL", START, END])?;
        let callback = callback?;
        let url = string(callback);
        let number = |value: Option<&RawValue>, name| {
            let told = value.and_then(id_text).and_then(|text| text.parse().ok());
            told.or_else(|| parameter(url.as_deref()?, name))
        };
        let (start, end) = (number(start, START), number(end, END));
        let refused = match &url {
            Some(url) => refusal(url, start, end, allowed),
            None => Some("the callback is no text"),
        };
        let reference = reference(summary_type, callback);
        let mut body = json!({
            "userId": account_id,
            "summaryType": summary_type,
            START: start,
            END: end,
            "callbackURL": "redacted",
        });
        let told = match refused {
            None => ("callback", reference.as_str()),
            Some(why) => ("refused", why),
        };
        if let Some(members) = body.as_object_mut() {
            members.insert(told.0.to_owned(), told.1.into());
        }
        let callback = url.filter(|_| refused.is_none()).map(|url| Callback {
            reference: reference.clone(),
            url: SecretString::from(url),
        });
        Some(Self {
            provider_id: reference,
            body: body.to_string(),
            callback,
        })
    }
}

/// Why an address is not followed.
fn refusal(
    url: &str,
    start: Option<i64>,
    end: Option<i64>,
    allowed: &AllowList,
) -> Option<&'static str> {
    if let Err(why) = allowed.check(url) {
        return Some(why);
    }
    let window = end.zip(start).map(|(end, start)| end.saturating_sub(start));
    match window {
        Some(window) if window > WINDOW_S_MAX => Some("the window is longer than 24 hours"),
        Some(window) if window < 0 => Some("the window ends before it begins"),
        _ => None,
    }
}

/// A number in the address's query.
fn parameter(url: &str, name: &str) -> Option<i64> {
    let (_, query) = url.split_once('?')?;
    query
        .split('&')
        .filter_map(|parameter| parameter.split_once('='))
        .find(|(found, _)| *found == name)
        .and_then(|(_, value)| value.parse().ok())
}

fn reference(summary_type: &str, callback: &RawValue) -> String {
    let url = string(callback).unwrap_or_else(|| callback.get().to_owned());
    let mut hash = Sha256::new();
    update(&mut hash, summary_type.as_bytes());
    update(&mut hash, url.as_bytes());
    hex(hash.finalize().get(..16).unwrap_or_default())
}

/// A ping as it is found in the log.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) summary_type: String,
    /// The reference into the vault; `None` when the address was refused.
    pub(crate) callback: Option<String>,
    pub(crate) upload_end: Option<UnixMicros>,
}

impl Stored {
    pub(crate) fn of(body: &[u8]) -> Option<Self> {
        let body: Value = serde_json::from_slice(body).ok()?;
        let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
        let upload_end = body.get(END).and_then(Value::as_i64);
        Some(Self {
            summary_type: text("summaryType")?,
            callback: text("callback").filter(|_| body.get("refused").is_none()),
            upload_end: upload_end.map(|seconds| UnixMicros(seconds.saturating_mul(1_000_000))),
        })
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn ping(item: &Value) -> Option<Ping> {
        let allowed = AllowList::new(["apis.garmin.com"]).unwrap();
        let item = RawValue::from_string(item.to_string()).unwrap();
        Ping::of("sleeps", &item, Some("u1"), &allowed)
    }

    fn url(parameters: &str) -> String {
        format!("https://apis.garmin.com/rest/sleeps?{parameters}")
    }

    #[test]
    fn an_address_is_replaced_by_a_reference_and_sealed() {
        let address = url("uploadStartTimeInSeconds=100&uploadEndTimeInSeconds=200&token=tok");
        let item = json!({"userId": "u1", "callbackURL": address, "userAccessToken": "uat"});
        let found = ping(&item).unwrap();
        let callback = found.callback.unwrap();
        assert_eq!(callback.url.expose_secret(), address);
        assert_eq!(callback.reference, found.provider_id);
        let body: Value = serde_json::from_str(&found.body).unwrap();
        assert_eq!(
            body,
            json!({
                "userId": "u1", "summaryType": "sleeps", START: 100, END: 200,
                "callbackURL": "redacted", "callback": found.provider_id,
            })
        );
        assert!(!found.body.contains("tok") && !found.body.contains("uat"));
        assert_eq!(
            Stored::of(found.body.as_bytes()),
            Some(Stored {
                summary_type: "sleeps".to_owned(),
                callback: Some(found.provider_id.clone()),
                upload_end: Some(UnixMicros(200_000_000)),
            })
        );
        assert_eq!(
            ping(&item).unwrap().body,
            found.body,
            "twice is the same bytes"
        );
    }

    #[test]
    fn an_address_that_may_not_be_followed_is_refused_and_not_kept() {
        let day = "uploadStartTimeInSeconds=0&uploadEndTimeInSeconds=86400";
        for (callback, why) in [
            (json!(url(day)), None),
            (json!(url("")), None),
            (
                json!(url(
                    "uploadStartTimeInSeconds=0&uploadEndTimeInSeconds=86401"
                )),
                Some("the window is longer than 24 hours"),
            ),
            (
                json!(url("uploadStartTimeInSeconds=9&uploadEndTimeInSeconds=8")),
                Some("the window ends before it begins"),
            ),
            (
                json!("http://apis.garmin.com/x"),
                Some("the address is not https"),
            ),
            (
                json!("https://evil.example/x?token=tok"),
                Some("the host is not allowed"),
            ),
            (
                json!(["https://apis.garmin.com/x"]),
                Some("the callback is no text"),
            ),
            (json!(null), Some("the callback is no text")),
        ] {
            let found = ping(&json!({"userId": "u1", "callbackURL": callback})).unwrap();
            let body: Value = serde_json::from_str(&found.body).unwrap();
            assert_eq!(
                body.get("refused").and_then(Value::as_str),
                why,
                "{callback}"
            );
            assert_eq!(found.callback.is_none(), why.is_some(), "{callback}");
            assert_eq!(body.get("callback").is_none(), why.is_some(), "{callback}");
            assert!(!found.body.contains("tok"));
        }
    }

    #[test]
    fn a_summary_is_no_ping() {
        assert!(ping(&json!({"userId": "u1", "summaryId": "s"})).is_none());
        assert!(ping(&json!("callbackURL")).is_none());
    }
}
