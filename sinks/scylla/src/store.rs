//! The writer: reads what a batch names, decides (`plan.rs`), writes, and then says how far it got.
//!
//! The order of the writes is what makes a repetition harmless. First what never changes anything by
//! itself: histories, names, months. Then the rows of months, with what they leave behind last. Then
//! the rows by id, by which the next batch is decided. Then the position. A process that ends
//! anywhere in between finds the rows by id as they were, or as they shall be.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use futures::stream::{self, StreamExt, TryStreamExt};
use schemas::record::Micros;
use scylla::statement::batch::{Batch, BatchType};
use scylla::statement::prepared::PreparedStatement;
use scylla::value::{CqlValue, MaybeUnset};
use sinks_store::{
    APPLY_ROWS_MAX, FeedPosition, Month, Row, RowChange, SeriesStore, StoreError, Table,
};

use crate::cluster::{Cluster, failure};
use crate::plan::{Entity, Known, Needed, Plan, Standing};
use crate::rows::{self, Value, int, long, owner, text};
use crate::{Options, ScyllaReader};

/// A batch of one partition ends early at this many bytes; nodes refuse mutations of some MiB.
const BATCH_BYTES_MAX: usize = 512 * 1_024;
/// A row whose body is larger is kept without it: a node refuses it, and the log has it anyway.
const BODY_BYTES_MAX: usize = 6 * 1_024 * 1_024;
const DAY_US: i64 = 86_400_000_000;

/// The one writer of a feed.
pub struct ScyllaStore {
    cluster: Arc<Cluster>,
}

/// What is written to one partition, in order.
type Partition = (Table, String, String, i32);

impl ScyllaStore {
    /// Connects, and makes the keyspace and its tables where they are not there.
    pub fn connect(options: Options) -> Result<Self, StoreError> {
        Ok(Self {
            cluster: Arc::new(Cluster::connect(options)?),
        })
    }

    /// Readers on the same connections.
    pub fn reader(&self) -> ScyllaReader {
        ScyllaReader::new(Arc::clone(&self.cluster))
    }

    /// At most so many writes at once, each awaited; the first failure ends it.
    async fn all<F>(&self, writes: impl IntoIterator<Item = F>) -> Result<(), StoreError>
    where
        F: Future<Output = Result<(), StoreError>>,
    {
        stream::iter(writes)
            .map(Ok)
            .try_for_each_concurrent(self.cluster.options.writes_max, |write| write)
            .await
    }

    async fn write(
        &self,
        statement: &PreparedStatement,
        values: Vec<Value>,
    ) -> Result<(), StoreError> {
        let done = self
            .cluster
            .session
            .execute_unpaged(statement, values)
            .await;
        done.map(drop).map_err(failure("storing a row"))
    }

    /// Statements of one partition together.
    async fn write_together(
        &self,
        writes: Vec<(&PreparedStatement, Vec<Value>)>,
    ) -> Result<(), StoreError> {
        let mut batch = Batch::new(BatchType::Unlogged);
        batch.set_is_idempotent(true);
        let mut values = Vec::with_capacity(writes.len());
        for (statement, row) in writes {
            batch.append_statement(statement.clone());
            values.push(row);
        }
        let done = self.cluster.session.batch(&batch, values).await;
        done.map(drop).map_err(failure("storing rows of a month"))
    }

    async fn known(&self, changes: &[RowChange]) -> Result<BTreeMap<Entity, Known>, StoreError> {
        let mut needed = Needed::by(changes);
        let told = stream::iter(needed.told)
            .map(|(tenant, athlete, source, id)| async move {
                let names = vec![text(&tenant), text(&athlete), text(&source), text(&id)];
                let told = &self.cluster.told;
                let found = self
                    .cluster
                    .all(told, names, "looking up what was told")
                    .await?;
                let ids = found
                    .into_iter()
                    .filter_map(|row| row.into_iter().next().and_then(rows::string));
                Ok(ids
                    .map(|id| (Table::TimelineEntries, tenant.clone(), id))
                    .collect::<Vec<Entity>>())
            })
            .buffer_unordered(self.cluster.options.writes_max)
            .try_collect::<Vec<_>>()
            .await?;
        needed.entities.extend(told.into_iter().flatten());
        stream::iter(needed.entities)
            .map(|entity| async move {
                let known = self.cluster.current(&entity).await?;
                Ok(known.map(|known| (entity, known)))
            })
            .buffer_unordered(self.cluster.options.writes_max)
            .try_filter_map(|found| async move { Ok(found) })
            .try_collect()
            .await
    }

    async fn carry_out(&self, plan: Plan, position: FeedPosition) -> Result<(), StoreError> {
        self.remember(&plan).await?;
        self.by_month(&plan.standing).await?;
        let standing = plan.standing.iter().map(|standing| async move {
            let statement = &self.cluster.statements(standing.row.table)?.insert_by_id;
            self.write(statement, rows::values(&standing.row, standing.timestamp))
                .await
        });
        self.all(standing).await?;
        self.advance(position, plan.standing.len(), plan.set_aside.len())
            .await
    }

    /// What a row leads to, before there is the row.
    async fn remember(&self, plan: &Plan) -> Result<(), StoreError> {
        let history = plan.history.iter().map(|row| async move {
            let statements = self.cluster.statements(row.table)?;
            if let Some(statement) = &statements.insert_history {
                self.write(statement, rows::values(row, row.revised_at.0.max(1)))
                    .await?;
            }
            Ok(())
        });
        self.all(history).await?;
        let athletes = plan.athletes.iter().map(|(tenant, athlete)| {
            let values = vec![text(tenant), text(athlete)];
            self.write(&self.cluster.know_athlete, values)
        });
        self.all(athletes).await?;
        let months = plan
            .months
            .iter()
            .map(|((tenant, athlete, table, month), end)| {
                let values = vec![
                    text(tenant),
                    text(athlete),
                    text(table.name()),
                    int(*month),
                    long(*end),
                    long((*end).max(1)),
                ];
                self.write(&self.cluster.know_month, values)
            });
        self.all(months).await?;
        let entries = plan.standing.iter().map(|standing| &standing.row);
        let told = entries
            .filter_map(told_name)
            .map(|values| self.write(&self.cluster.know_told, values));
        self.all(told).await?;
        let aside = plan.set_aside.iter().map(|row| {
            tracing::error!(
                table = row.table.name(),
                id = row.id,
                revised_at_us = row.revised_at.0,
                "a revision from the future was set aside"
            );
            self.write(&self.cluster.set_aside, aside(row))
        });
        self.all(aside).await
    }

    /// New places first, so that a reader sees a thing twice rather than never.
    async fn by_month(&self, standing: &[Standing]) -> Result<(), StoreError> {
        let mut inserts: BTreeMap<Partition, Vec<Vec<Value>>> = BTreeMap::new();
        let mut leaving = Vec::new();
        for Standing {
            row,
            timestamp,
            moved_from,
        } in standing
        {
            let month = Month::of(row.start).number();
            let of = |month| {
                (
                    row.table,
                    row.tenant_id.clone(),
                    owner(row).to_owned(),
                    month,
                )
            };
            inserts
                .entry(of(month))
                .or_default()
                .push(rows::values(row, *timestamp));
            if let Some(before) = moved_from {
                leaving.push((row, *before, *timestamp));
            }
        }
        let batches = inserts
            .into_iter()
            .flat_map(|((table, ..), rows)| {
                let together = pieces(rows, self.cluster.options.batch_rows_max);
                together.into_iter().map(move |rows| (table, rows))
            })
            .map(|(table, rows)| async move {
                let insert = &self.cluster.statements(table)?.insert;
                match <[Vec<Value>; 1]>::try_from(rows) {
                    Ok([row]) => self.write(insert, row).await,
                    Err(rows) => {
                        let writes = rows.into_iter().map(|row| (insert, row)).collect();
                        self.write_together(writes).await
                    }
                }
            });
        self.all(batches).await?;
        let deletes = leaving
            .into_iter()
            .map(|(row, before, timestamp)| async move {
                let values = vec![
                    long(timestamp),
                    text(&row.tenant_id),
                    text(owner(row)),
                    int(Month::of(before).number()),
                    long(before.0),
                    text(&row.id),
                ];
                self.write(&self.cluster.statements(row.table)?.delete, values)
                    .await
            });
        self.all(deletes).await
    }

    async fn advance(
        &self,
        position: FeedPosition,
        rows: usize,
        set_aside: usize,
    ) -> Result<(), StoreError> {
        let feed = &self.cluster.options.feed;
        let number = i64::try_from(position.0).unwrap_or(i64::MAX);
        let values = vec![text(feed), long(number), long(number.max(1))];
        self.write(&self.cluster.advance, values).await?;
        if rows == 0 {
            return Ok(());
        }
        let now = (self.cluster.options.now)();
        let day = i32::try_from(now.0.div_euclid(DAY_US)).unwrap_or(i32::MAX);
        // What is not said leaves no tombstone where rows are only appended.
        let set_aside = match i64::try_from(set_aside).unwrap_or(i64::MAX) {
            0 => MaybeUnset::Unset,
            count => MaybeUnset::Set(count),
        };
        let rows = i64::try_from(rows).unwrap_or(i64::MAX);
        let values = (feed, day, now.0, number, rows, set_aside);
        let applied = &self.cluster.applied;
        let done = self.cluster.session.execute_unpaged(applied, values).await;
        done.map(drop).map_err(failure("noting a batch"))
    }
}

impl SeriesStore for ScyllaStore {
    fn position(&self) -> Result<FeedPosition, StoreError> {
        self.reader().position()
    }

    fn apply(&mut self, changes: Vec<RowChange>, position: FeedPosition) -> Result<(), StoreError> {
        if changes.len() > APPLY_ROWS_MAX {
            return Err(StoreError::BatchTooLarge {
                rows: changes.len(),
                max: APPLY_ROWS_MAX,
            });
        }
        let changes = changes.into_iter().map(lighten).collect::<Vec<_>>();
        self.cluster.wait(async {
            let known = self.known(&changes).await?;
            let now: Micros = (self.cluster.options.now)();
            self.carry_out(Plan::make(changes, known, now), position)
                .await
        })?
    }
}

/// A body that no node would take is replaced by one that says so.
fn lighten(change: RowChange) -> RowChange {
    match change {
        RowChange::Put(mut row) if row.body.len() > BODY_BYTES_MAX => {
            tracing::warn!(
                table = row.table.name(),
                id = row.id,
                bytes = row.body.len(),
                "a body is too large for the cluster and is kept in the log alone"
            );
            row.body = sinks_store::without_bytes(&row.body);
            RowChange::Put(row)
        }
        change => change,
    }
}

/// By what a deletion finds an entry of the timeline: its source and the source's id.
fn told_name(row: &Row) -> Option<Vec<Value>> {
    let mut cells = row.cells.iter();
    let source = cells
        .next()
        .filter(|_| row.table == Table::TimelineEntries)?;
    let provider_id = cells.nth(1)?;
    let of = |cell: &sinks_store::Cell| match cell {
        sinks_store::Cell::Text(value) => Some(CqlValue::Text(value.clone())),
        _ => None,
    };
    let (source, provider_id) = (of(source)?, of(provider_id)?);
    Some(vec![
        text(&row.tenant_id),
        text(owner(row)),
        Some(source),
        Some(provider_id),
        text(&row.id),
    ])
}

fn aside(row: &Row) -> Vec<Value> {
    vec![
        text(&row.tenant_id),
        text(row.table.name()),
        text(&row.id),
        long(row.version.revision),
        long(row.version.step),
        long(row.revised_at.0),
        text("revised_at is ahead of the clock"),
        text(&row.body),
    ]
}

/// Rows in pieces that are small enough to travel together.
fn pieces(rows: Vec<Vec<Value>>, rows_max: usize) -> Vec<Vec<Vec<Value>>> {
    let mut pieces = Vec::new();
    let (mut piece, mut bytes) = (Vec::new(), 0_usize);
    for row in rows {
        let size: usize = row.iter().map(size).sum();
        if !piece.is_empty() && (piece.len() >= rows_max || bytes + size > BATCH_BYTES_MAX) {
            pieces.push(std::mem::take(&mut piece));
            bytes = 0;
        }
        bytes += size;
        piece.push(row);
    }
    pieces.extend((!piece.is_empty()).then_some(piece));
    pieces
}

fn size(value: &Value) -> usize {
    match value {
        Some(CqlValue::Text(text)) => text.len(),
        _ => 8,
    }
}
