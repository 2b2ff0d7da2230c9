//! The client of a schema registry (Confluent's API), and the ids that it gave.
//!
//! It knows subjects, texts of schemas and ids, and nothing of what they mean. Values carry the id of
//! their schema in bytes 1 to 4. Inside a process that is the id of the lock file; where a cluster has
//! its ids from a registry, they are exchanged on the way to the broker and back.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::blocking::{Client, RequestBuilder};
use serde_json::{Value, json};
use stream_log::{Class, Failure};

const TIMEOUT: Duration = Duration::from_secs(10);
const MEDIA_TYPE: &str = "application/vnd.schemaregistry.v1+json";
const MAGIC: u8 = 0;
/// What is shown of an answer that is no schema.
const SHOWN_CHARS: usize = 300;
/// A version may only add what older readers skip and newer ones find a default for, whichever version
/// the other side has.
const COMPATIBILITY: &str = "FULL_TRANSITIVE";

pub struct Registry {
    client: Client,
    url: String,
}

/// What a registry says of a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaState {
    /// Registered under this id.
    Known(u32),
    /// Not registered, and it may be.
    New,
    /// Not registered, and it may not be: why.
    Incompatible(String),
}

fn path(subject: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let mut text = String::new();
    for byte in subject.bytes() {
        if plain(byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

impl Registry {
    /// `url` is the base of the API: what comes before `/subjects`.
    pub fn open(url: &str) -> Result<Self, Failure> {
        let client = Client::builder().timeout(TIMEOUT).build();
        let client = client.map_err(|error| {
            Failure::new(Class::Stop, "opening the client of the registry").with_source(error)
        })?;
        Ok(Self {
            client,
            url: url.trim_end_matches('/').to_owned(),
        })
    }

    /// Asks for the strictest rule for all subjects: registries start with weaker ones.
    pub fn require_compatibility(&self) -> Result<(), Failure> {
        let asked = self.client.put(format!("{}/config", self.url));
        let body = json!({"compatibility": COMPATIBILITY});
        match self.answer(asked, &body)? {
            (status, _) if status.is_success() => Ok(()),
            (status, said) => Err(self.refused("setting the compatibility", status, &said)),
        }
    }

    /// Changes nothing.
    pub fn state(&self, subject: &str, schema: &str) -> Result<SchemaState, Failure> {
        let asked = format!("looking for a schema of {subject}");
        let body = json!({"schema": schema});
        let url = format!("{}/subjects/{}", self.url, path(subject));
        let (status, said) = self.answer(self.client.post(url), &body)?;
        match id(&said) {
            Some(id) if status.is_success() => return Ok(SchemaState::Known(id)),
            _ if status == StatusCode::NOT_FOUND => {}
            _ => return Err(self.refused(&asked, status, &said)),
        }
        let url = format!(
            "{}/compatibility/subjects/{}/versions?verbose=true",
            self.url,
            path(subject)
        );
        let (status, said) = self.answer(self.client.post(url), &body)?;
        if status == StatusCode::NOT_FOUND {
            // A subject without versions.
            return Ok(SchemaState::New);
        }
        match said.get("is_compatible").and_then(Value::as_bool) {
            Some(true) => Ok(SchemaState::New),
            Some(false) => {
                let why = said.get("messages").map(shown).unwrap_or_default();
                Ok(SchemaState::Incompatible(why))
            }
            None => Err(self.refused(&asked, status, &said)),
        }
    }

    /// The id, also where it was registered before.
    pub fn register(&self, subject: &str, schema: &str) -> Result<u32, Failure> {
        let url = format!("{}/subjects/{}/versions", self.url, path(subject));
        let (status, said) = self.answer(self.client.post(url), &json!({"schema": schema}))?;
        id(&said)
            .filter(|_| status.is_success())
            .ok_or_else(|| self.refused(&format!("registering {subject}"), status, &said))
    }

    fn answer(
        &self,
        request: RequestBuilder,
        body: &Value,
    ) -> Result<(StatusCode, Value), Failure> {
        let request = request.header("content-type", MEDIA_TYPE);
        let answer = request.body(body.to_string()).send();
        let away = |error: reqwest::Error| {
            Failure::new(Class::Retry, format!("asking the registry {}", self.url))
                .with_source(error.without_url())
        };
        let answer = answer.map_err(away)?;
        let status = answer.status();
        let text = answer.text().map_err(away)?;
        let said = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok((status, said))
    }

    fn refused(&self, attempted: &str, status: StatusCode, said: &Value) -> Failure {
        let text = said.get("message").unwrap_or(said);
        Failure::new(
            Class::Stop,
            format!(
                "{attempted}: the registry answered {status}: {}",
                shown(text)
            ),
        )
    }
}

fn id(said: &Value) -> Option<u32> {
    said.get("id")?.as_u64()?.try_into().ok()
}

fn shown(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    text.chars().take(SHOWN_CHARS).collect()
}

/// Ids of the lock file and those that a registry gave for the same schemas.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SchemaIds {
    outward: BTreeMap<u32, u32>,
    inward: BTreeMap<u32, u32>,
}

impl SchemaIds {
    /// Pairs of the lock file's id and the registry's.
    pub fn new(pairs: impl IntoIterator<Item = (u32, u32)>) -> Self {
        let outward: BTreeMap<u32, u32> = pairs.into_iter().collect();
        let inward = outward
            .iter()
            .map(|(own, theirs)| (*theirs, *own))
            .collect();
        Self { outward, inward }
    }

    /// As it goes to the broker.
    pub(crate) fn outward<'v>(&self, value: &'v [u8]) -> std::borrow::Cow<'v, [u8]> {
        exchanged(&self.outward, value)
    }

    /// As it is inside. An id that the registry gave to somebody else's schema stays, and is refused by
    /// whoever decodes it.
    pub(crate) fn inward(&self, value: Vec<u8>) -> Vec<u8> {
        if self.inward.is_empty() {
            return value;
        }
        exchanged(&self.inward, &value).into_owned()
    }
}

fn exchanged<'v>(ids: &BTreeMap<u32, u32>, value: &'v [u8]) -> std::borrow::Cow<'v, [u8]> {
    let framed = match value {
        [MAGIC, a, b, c, d, rest @ ..] => {
            let id = u32::from_be_bytes([*a, *b, *c, *d]);
            ids.get(&id).map(|other| (other, rest))
        }
        _ => None,
    };
    let Some((other, rest)) = framed else {
        return value.into();
    };
    let mut bytes = Vec::with_capacity(value.len());
    bytes.push(MAGIC);
    bytes.extend(other.to_be_bytes());
    bytes.extend(rest);
    bytes.into()
}

#[cfg(test)]
mod tests {
    use super::{SchemaIds, path};

    #[test]
    fn an_id_is_exchanged_on_the_way_out_and_back() {
        let ids = SchemaIds::new([(3, 1_007), (1_007, 9)]);
        let value = [0, 0, 0, 0, 3, b'x'];
        let out = ids.outward(&value).into_owned();
        assert_eq!(out, [0, 0, 0, 3, 239, b'x']);
        assert_eq!(ids.inward(out), value);
        for other in [&b""[..], b"\x01\0\0\0\x03x", b"\0\0\0\0", b"\0\0\0\0\x05x"] {
            assert_eq!(ids.outward(other).as_ref(), other);
        }
        assert_eq!(SchemaIds::default().inward(value.to_vec()), value);
    }

    #[test]
    fn a_subject_is_one_segment_of_a_path() {
        assert_eq!(path("sudor.sessions-sudor.X"), "sudor.sessions-sudor.X");
        assert_eq!(path("a/b c"), "a%2Fb%20c");
    }
}
