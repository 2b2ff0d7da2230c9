//! Pulls what a ping points at.
//!
//! The address was checked when it came and is checked again here: the settings may have changed, and
//! so may what its name stands for. It is used once and then destroyed.

use std::sync::Arc;
use std::time::Duration;

use edge::http::{AllowList, BuildError, Client, HttpError, Limits};
use edge::{Clock, UnixMicros};
use secrecy::ExposeSecret;
use serde_json::value::RawValue;

use super::SOURCE;
use super::ping::Stored;
use super::receive::{Links, NotSummaries, summaries};
use crate::fetch::{Ending, Fetched, Object, Source, Task, Told, Trace, answers, blocking};
use crate::port::{Answer, Registry, RegistryError, Vault};
use crate::receive::{Connectors, Item};

const LIMITS: Limits = Limits {
    connect_timeout: Duration::from_secs(5),
    total_timeout: Duration::from_secs(60),
    // A day of details once a second of one user.
    body_bytes_max: 64 * 1024 * 1024,
};

pub(crate) struct GarminClient {
    inner: Arc<Inner>,
}

struct Inner {
    http: Client,
    allowed: AllowList,
    registry: Arc<dyn Registry>,
    vault: Arc<dyn Vault>,
    clock: Arc<dyn Clock>,
}

impl GarminClient {
    pub(crate) fn new(connectors: &Connectors, allowed: AllowList) -> Result<Self, BuildError> {
        let inner = Inner {
            http: Client::new(LIMITS)?,
            allowed,
            registry: connectors.ports.registry.clone(),
            vault: connectors.ports.vault.clone(),
            clock: connectors.ports.clock.clone(),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }
}

impl Source for GarminClient {
    fn name(&self) -> &'static str {
        SOURCE
    }

    fn connector(&self) -> &'static str {
        "garmin-pull"
    }

    fn fetch(&self, task: Task) -> Answer<Fetched> {
        let inner = self.inner.clone();
        Box::pin(async move { inner.pull(&task).await })
    }

    /// Garmin's samples come with the summaries.
    fn streams(&self, _: Object) -> Answer<Fetched> {
        let nothing = Fetched {
            told: Told::Ended(Ending::new("gone", "")),
            trace: Trace::default(),
            status: None,
            items: Vec::new(),
        };
        Box::pin(std::future::ready(nothing))
    }

    fn ended(&self, id: String) -> Answer<Result<(), RegistryError>> {
        let vault = self.inner.vault.clone();
        Box::pin(blocking(move || vault.destroy_callback(&id)))
    }
}

impl Inner {
    async fn pull(&self, task: &Task) -> Fetched {
        let stored = Stored::of(task.hint.body.as_bytes());
        let Some((kind, reference)) =
            stored.and_then(|ping| Some((ping.summary_type, ping.callback?)))
        else {
            return unsent(Told::Ended(Ending::new(
                "failed",
                "the ping has no callback",
            )));
        };
        let vault = self.vault.clone();
        let url = match blocking(move || vault.unseal_callback(&reference)).await {
            Ok(Some(url)) => url,
            Ok(None) => {
                let detail = "the callback is not kept any more";
                return unsent(Told::Ended(Ending::new("gone", detail)));
            }
            Err(error) => {
                tracing::error!(%error, "a callback cannot be unsealed");
                return unsent(Told::Down {
                    suspect: false,
                    detail: "the vault cannot be used",
                });
            }
        };
        let sent_at = self.clock.now();
        let answer = self
            .http
            .get_foreign(url.expose_secret(), &self.allowed, None)
            .await;
        let (told, status, items) = match answer {
            Ok(answer) => {
                let status = answer.status.as_u16();
                let (told, items) = match status {
                    200 | 204 => self.read(&kind, task, &answer.body),
                    _ => (answers::of_status(&answer, self.clock.now()), Vec::new()),
                };
                (told, Some(status), items)
            }
            Err(HttpError::Refused(why)) => {
                let ending = Ending::new("forbidden", why);
                return unsent(Told::Ended(ending));
            }
            Err(error) => (answers::of_failure(&error), None, Vec::new()),
        };
        Fetched {
            told,
            trace: sent(sent_at),
            status,
            items,
        }
    }

    /// An array of summaries of the ping's type, or an object like a delivery.
    fn read(&self, kind: &str, task: &Task, body: &[u8]) -> (Told, Vec<Item>) {
        if body.is_empty() {
            return (Told::Body, Vec::new());
        }
        let account_id = task.object.account_id.as_str();
        let mut links = Links::new(self.registry.as_ref());
        let read = serde_json::from_slice::<&RawValue>(body)
            .map_err(|_| NotSummaries::NoJson)
            .and_then(|body| summaries(kind, body, account_id, &mut links));
        match read {
            Ok(items) => (Told::Body, items),
            Err(why) => (Told::Failing(why.to_string()), Vec::new()),
        }
    }
}

fn sent(at: UnixMicros) -> Trace {
    Trace {
        sent_at: Some(at),
        ..Trace::default()
    }
}

fn unsent(told: Told) -> Fetched {
    Fetched {
        told,
        trace: Trace::default(),
        status: None,
        items: Vec::new(),
    }
}
