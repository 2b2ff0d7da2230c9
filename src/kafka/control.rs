//! What the nodes of a cluster share besides the log: athletes, accounts and sealed secrets, in
//! compacted topics that every node that takes in or answers holds in its own vault; and who fetches
//! for whom.
//!
//! A node knows everything that was written before it started when it starts, hears of the rest within
//! a moment, and hears of its own writes before their sender does.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use edge::{Clock, SystemClock};
use ingest_vault::{ControlEntry, Journal, Vault};
use schemas::AnyRecord;
use schemas::control::{ACCOUNTS, ATHLETES, SECRETS};
use stream_kafka::{KafkaAppender, KafkaOptions, KafkaShare, KafkaTable, TableRow};
use stream_log::{Append, Class, Failure, Key, LogTime, Record, Topic};
use tokio::sync::watch;

use super::Side;
use crate::loops::{self, Share, Status};

const TABLES: &[&str] = &[ATHLETES, ACCOUNTS, SECRETS];
/// The group whose members share the fetching.
const FETCHING: &str = "fetching";
/// Rows that are told of together.
const TOLD_MAX: usize = 1_000;
const WAIT: Duration = Duration::from_millis(100);
const AGAIN: Duration = Duration::from_secs(1);

struct Topics(KafkaAppender);

impl Journal for Topics {
    fn write(
        &self,
        entries: Vec<ControlEntry>,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let now = LogTime(SystemClock.now().0);
        for some in entries.chunks(TOLD_MAX) {
            let records = some.iter().map(|entry| row(entry, now)).collect();
            self.0.append(records)?;
        }
        Ok(())
    }
}

fn row(entry: &ControlEntry, now: LogTime) -> Record {
    let topic = match &entry.record {
        Some(AnyRecord::AthleteRegistered(_)) => ATHLETES,
        Some(AnyRecord::AccountLinked(_)) => ACCOUNTS,
        // Only secrets are ever taken away.
        _ => SECRETS,
    };
    Record {
        topic: Topic(topic),
        key: Key::new(&entry.key),
        received_at: now,
        headers: Vec::new(),
        value: entry
            .record
            .as_ref()
            .map_or_else(Vec::new, AnyRecord::encode),
    }
}

fn entry(row: TableRow) -> anyhow::Result<ControlEntry> {
    let record = row.value.as_deref().map(schemas::decode_any).transpose();
    let record = record.with_context(|| format!("a row of {} cannot be read", row.topic))?;
    Ok(ControlEntry {
        key: row.key,
        record,
    })
}

fn learn(vault: &Vault, rows: Vec<TableRow>) -> anyhow::Result<()> {
    let heard = rows.into_iter().map(entry).collect::<Result<_, _>>()?;
    vault
        .learn(heard)
        .context("what other nodes know could not be kept")
}

impl Side {
    /// Knows what all nodes know, and from then on hears and tells; fetches for a share of the
    /// athletes, if it fetches.
    pub(crate) fn control(
        &self,
        vault: &Arc<Vault>,
        status: &Arc<Status>,
        fetches: bool,
    ) -> anyhow::Result<(JoinHandle<anyhow::Result<()>>, Share)> {
        let mut table = KafkaTable::open(&self.options, TABLES)?;
        let rows = table
            .read_all()
            .context("cannot read what the nodes of the cluster share")?;
        let told: BTreeSet<String> = rows.iter().map(|row| row.key.clone()).collect();
        learn(vault, rows)?;
        let journal = Topics(self.appender.clone());
        let untold = vault.untold(&told)?;
        if !untold.is_empty() {
            tracing::info!(
                rows = untold.len(),
                "telling the other nodes what this one knew"
            );
            let telling = journal.write(untold);
            telling.map_err(|error| anyhow::anyhow!("cannot tell the other nodes: {error}"))?;
        }
        vault.share(Arc::new(journal));
        let (shares, share) = watch::channel(Arc::default());
        let (options, vault, status_in) =
            (self.options.clone(), Arc::clone(vault), Arc::clone(status));
        let thread = loops::thread("control", status, move || {
            let mut table = Some(table);
            while !status_in.is_stopping() {
                let following = Following {
                    options: &options,
                    vault: &vault,
                    status: &status_in,
                    shares: &shares,
                    fetches,
                };
                let ended = following.run(table.take());
                // What is not heard of any more is nobody's to fetch.
                shares.send_replace(Arc::default());
                match ended {
                    Ok(()) => return Ok(()),
                    Err(error) if is_final(&error) => return Err(error),
                    Err(error) => {
                        tracing::warn!(error = %format!("{error:#}"), "what nodes share is opened anew");
                        std::thread::park_timeout(AGAIN);
                    }
                }
            }
            Ok(())
        })?;
        Ok((thread, share))
    }
}

/// Everything but a broker that is away.
fn is_final(error: &anyhow::Error) -> bool {
    let failure = error.downcast_ref::<Failure>();
    failure.is_none_or(|failure| failure.class == Class::Stop)
}

struct Following<'a> {
    options: &'a KafkaOptions,
    vault: &'a Vault,
    status: &'a Status,
    shares: &'a watch::Sender<crate::loops::Shares>,
    fetches: bool,
}

impl Following<'_> {
    fn run(&self, table: Option<KafkaTable>) -> anyhow::Result<()> {
        let mut table = match table {
            Some(table) => table,
            None => KafkaTable::open(self.options, TABLES)?,
        };
        let share = match self.fetches {
            true => Some(KafkaShare::join(self.options, FETCHING)?),
            false => None,
        };
        while !self.status.is_stopping() {
            let rows = table.read(WAIT)?;
            if !rows.is_empty() {
                learn(self.vault, rows)?;
            }
            let Some(share) = &share else {
                continue;
            };
            let ours = share.look(Duration::ZERO)?;
            if **self.shares.borrow() != ours {
                // A heir fetches with the tokens that the last owner got.
                learn(self.vault, table.read_all()?)?;
                tracing::info!(
                    partitions = ours.len(),
                    "fetching for a share of the athletes"
                );
                self.shares.send_replace(Arc::new(ours));
            }
        }
        Ok(())
    }
}
