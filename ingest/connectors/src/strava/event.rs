//! What is read of a webhook event: enough to route it, and to know whether to ask.

use edge::UnixMicros;
use serde_json::value::RawValue;

use crate::json::{id_text, pick, string};
use crate::names::{is_account_id, is_provider_id};

const SECOND_US: i64 = 1_000_000;

/// An event's own words, ids as texts.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) object_type: Option<String>,
    pub(crate) aspect_type: Option<String>,
    pub(crate) object_id: Option<String>,
    pub(crate) owner_id: Option<String>,
    pub(crate) subscription_id: Option<String>,
    pub(crate) event_at: Option<UnixMicros>,
    /// `updates.authorized` says no, as a text or as a boolean.
    withdrawn: bool,
}

impl Event {
    /// `None` for what is no object.
    pub(crate) fn of(body: &RawValue) -> Option<Self> {
        let names = [
            "object_type",
            "aspect_type",
            "object_id",
            "owner_id",
            "subscription_id",
            "event_time",
            "updates",
        ];
        let [
            object_type,
            aspect_type,
            object_id,
            owner_id,
            subscription_id,
            time,
            updates,
        ] = pick(body, names)?;
        let authorized = updates
            .and_then(|updates| pick(updates, ["authorized"]))
            .and_then(|[authorized]| authorized);
        Some(Self {
            object_type: object_type.and_then(string),
            aspect_type: aspect_type.and_then(string),
            object_id: object_id.and_then(id_text).filter(|id| is_provider_id(id)),
            owner_id: owner_id.and_then(id_text).filter(|id| is_account_id(id)),
            subscription_id: subscription_id.and_then(id_text),
            event_at: time
                .and_then(id_text)
                .and_then(|text| text.parse::<i64>().ok())
                .map(|seconds| UnixMicros(seconds.saturating_mul(SECOND_US))),
            withdrawn: authorized.is_some_and(|value| {
                value.get() == "false"
                    || string(value).is_some_and(|text| text.eq_ignore_ascii_case("false"))
            }),
        })
    }

    /// The event of a body as it was stored.
    pub(crate) fn stored(body: &[u8]) -> Option<Self> {
        Self::of(serde_json::from_slice(body).ok()?)
    }

    fn is(&self, object_type: &str, aspect_type: &str) -> bool {
        self.object_type.as_deref() == Some(object_type)
            && self.aspect_type.as_deref() == Some(aspect_type)
    }

    /// Something may have changed that only a fetch can tell.
    pub(crate) fn asks_for_a_fetch(&self) -> bool {
        self.is("activity", "create") || self.is("activity", "update")
    }

    pub(crate) fn is_deletion(&self) -> bool {
        self.is("activity", "delete")
    }

    /// The athlete took back the consent. It is documented as an update; a deletion is seen too.
    pub(crate) fn is_deauthorisation(&self) -> bool {
        self.object_type.as_deref() == Some("athlete")
            && (self.withdrawn || self.aspect_type.as_deref() == Some("delete"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(text: &str) -> Event {
        Event::stored(text.as_bytes()).unwrap()
    }

    #[test]
    fn ids_of_any_length_and_spelling_are_texts() {
        let told = event(
            r#"{"object_type":"activity","aspect_type":"create","object_id":987654321234567891234,
                "owner_id":"134815","subscription_id":"120475","event_time":1516126040,"updates":{}}"#,
        );
        assert_eq!(told.object_id.as_deref(), Some("987654321234567891234"));
        assert_eq!(told.owner_id.as_deref(), Some("134815"));
        assert_eq!(told.subscription_id.as_deref(), Some("120475"));
        assert_eq!(told.event_at, Some(UnixMicros(1_516_126_040_000_000)));
    }

    /// A fetch, a deletion, or the end of a link.
    fn meaning(told: &Event) -> [bool; 3] {
        [
            told.asks_for_a_fetch(),
            told.is_deletion(),
            told.is_deauthorisation(),
        ]
    }

    #[test]
    fn what_an_event_asks_for_follows_from_its_object_and_aspect() {
        const FETCH: [bool; 3] = [true, false, false];
        const DELETION: [bool; 3] = [false, true, false];
        const WITHDRAWAL: [bool; 3] = [false, false, true];
        const NOTHING: [bool; 3] = [false; 3];
        for (object, aspect, updates, expected) in [
            ("activity", "create", "{}", FETCH),
            ("activity", "update", r#"{"private":"true"}"#, FETCH),
            ("activity", "update", r#"{"private":false}"#, FETCH),
            ("activity", "update", r#"{"authorized":"false"}"#, FETCH),
            ("activity", "delete", "{}", DELETION),
            ("activity", "merge", "{}", NOTHING),
            ("athlete", "update", r#"{"authorized":"false"}"#, WITHDRAWAL),
            ("athlete", "update", r#"{"authorized":false}"#, WITHDRAWAL),
            ("athlete", "update", r#"{"authorized":"true"}"#, NOTHING),
            ("athlete", "update", "null", NOTHING),
            ("athlete", "delete", "{}", WITHDRAWAL),
        ] {
            let told = event(&format!(
                r#"{{"object_type":"{object}","aspect_type":"{aspect}","updates":{updates}}}"#
            ));
            assert_eq!(meaning(&told), expected, "{object} {aspect} {updates}");
        }
    }

    #[test]
    fn what_is_no_event_is_nothing() {
        for text in ["[]", "1", "\"x\"", "{"] {
            assert_eq!(Event::stored(text.as_bytes()), None, "{text}");
        }
        assert_eq!(event("{}"), Event::default());
        assert_eq!(
            event(r#"{"event_time":"soon","object_id":{}}"#),
            Event::default()
        );
    }
}
