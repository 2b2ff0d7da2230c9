//! An account got an athlete: what had come for it before is tried again.
//!
//! The replay waits until everything received so far can be read, so that no dead letter is missed
//! because it is still on its way. At a start all accounts are looked at once, so that a crash
//! between a link and its replay loses nothing.

use std::sync::Arc;

use ingest_connectors::port::{AthleteRef, Linked};
use sinks_api::Replay;
use sinks_store::{After, ListQuery, Table};
use stream_embedded::EmbeddedLog;
use tokio::sync::mpsc;

use super::LogReplay;
use crate::loops::{self, Status};
use crate::wiring::TENANT;

/// Links that wait for their replay. Beyond it a look at everything is asked for instead.
const WAITING_MAX: usize = 1_024;
const PAGE: usize = 200;

/// `None` asks for a look at all accounts.
type Asked = Option<(String, String)>;

struct Teller {
    sender: mpsc::Sender<Asked>,
}

impl Linked for Teller {
    fn account_linked(&self, _athlete: &AthleteRef, provider: &str, account_id: &str) {
        let asked = Some((provider.to_owned(), account_id.to_owned()));
        // A full queue is drained by a look at everything, which the worker does when it is idle.
        self.sender.try_send(asked).unwrap_or_default();
    }
}

pub(crate) struct AccountLinks {
    replay: LogReplay,
    status: Arc<Status>,
    log: Arc<EmbeddedLog>,
    asked: mpsc::Receiver<Asked>,
}

impl AccountLinks {
    pub(crate) fn channel(
        replay: LogReplay,
        status: Arc<Status>,
        log: Arc<EmbeddedLog>,
    ) -> (Arc<dyn Linked>, Self) {
        let (sender, asked) = mpsc::channel(WAITING_MAX);
        (
            Arc::new(Teller { sender }),
            Self {
                replay,
                status,
                log,
                asked,
            },
        )
    }

    pub(crate) async fn run(mut self) {
        let mut batch: Vec<Asked> = vec![None];
        loop {
            self.caught_up().await;
            self.replay_all(&batch).await;
            batch.clear();
            if self.asked.recv_many(&mut batch, WAITING_MAX).await == 0 {
                return;
            }
            if batch.len() == WAITING_MAX {
                batch = vec![None];
            }
        }
    }

    async fn caught_up(&self) {
        let mut question = self.status.ask(self.log.head());
        while !self.status.is_answered(&mut question) {
            loops::nap().await;
        }
    }

    async fn replay_all(&self, asked: &[Asked]) {
        let everything = asked.iter().any(Option::is_none);
        let mut after: Option<After> = None;
        loop {
            let mut query = ListQuery::all(Table::DeadLetters, TENANT, PAGE);
            query.after = after.take();
            let store = Arc::clone(self.replay.store());
            let page = tokio::task::spawn_blocking(move || store.list(&query)).await;
            let Ok(Ok(page)) = page else {
                tracing::warn!(
                    "dead letters of linked accounts could not be listed; the next link tries again"
                );
                return;
            };
            for item in &page.items {
                if self.is_wanted(&item.body, everything, asked)
                    && let Err(error) = self.replay.replay(&item.id).await
                {
                    tracing::warn!(%error, id = %item.id, "a dead letter was not replayed");
                }
            }
            match page.items.last() {
                Some(last) if page.more => {
                    after = Some(After {
                        start: last.start,
                        id: last.id.clone(),
                        inclusive: false,
                    });
                }
                _ => return,
            }
        }
    }

    /// Only what nobody owned and somebody owns now.
    fn is_wanted(&self, body: &str, everything: bool, asked: &[Asked]) -> bool {
        let Ok(letter) = serde_json::from_str::<serde_json::Value>(body) else {
            return false;
        };
        let text = |name: &str| letter.get(name).and_then(serde_json::Value::as_str);
        let (Some(source), Some(account)) = (text("source"), text("account_id")) else {
            return false;
        };
        let named = everything
            || asked
                .iter()
                .flatten()
                .any(|(provider, wanted)| provider == source && wanted == account);
        named && text("reason") == Some("unknown_account") && self.replay.has_owner(source, account)
    }
}
