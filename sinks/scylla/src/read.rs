//! The reader: the ports of `sinks-store` over the cluster. How pages come about is in `pages.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::stream::TryStreamExt;
use sinks_store::{
    FeedPosition, Item, Kept, ListQuery, LiveCounts, LiveRow, Month, Page, Row, RowScan,
    SeriesQuery, SeriesScan, Status, StoreError, Table,
};

use crate::cluster::Cluster;
use crate::rows::{self, int, long, number, string, text};

/// Reads what a writer of this or another process stored. Clones share the connections.
#[derive(Clone)]
pub struct ScyllaReader {
    cluster: Arc<Cluster>,
}

impl ScyllaReader {
    /// Connects for reading; the tables are made where they are not there.
    pub fn connect(options: crate::Options) -> Result<Self, StoreError> {
        Ok(Self::new(Arc::new(Cluster::connect(options)?)))
    }

    pub(crate) fn new(cluster: Arc<Cluster>) -> Self {
        Self { cluster }
    }

    /// The position up to which the rows stand for the feed.
    pub fn position(&self) -> Result<FeedPosition, StoreError> {
        self.cluster.wait(async {
            let feed = vec![text(&self.cluster.options.feed)];
            let found = self
                .cluster
                .all(&self.cluster.position, feed, "reading the feed position")
                .await?;
            let position = found
                .into_iter()
                .next()
                .and_then(|row| row.into_iter().next());
            let position = position.flatten();
            let position = number(position).unwrap_or(0);
            Ok(FeedPosition(u64::try_from(position).unwrap_or(0)))
        })?
    }
}

impl SeriesQuery for ScyllaReader {
    /// Nothing is removed from a cluster.
    fn kept(&self) -> Result<Kept, StoreError> {
        Ok(Kept::default())
    }

    fn list(&self, query: &ListQuery) -> Result<Page, StoreError> {
        self.cluster.wait(self.cluster.list(query))?
    }

    fn get(&self, table: Table, tenant_id: &str, id: &str) -> Result<Option<Item>, StoreError> {
        let entity = (table, tenant_id.to_owned(), id.to_owned());
        let known = self.cluster.wait(self.cluster.current(&entity))??;
        Ok(known.map(|known| Item {
            start: known.row.start,
            id: known.row.id,
            body: known.row.body,
        }))
    }

    fn history(
        &self,
        table: Table,
        tenant_id: &str,
        id: &str,
        limit: usize,
    ) -> Result<Vec<Item>, StoreError> {
        if !table.has_history() {
            return Ok(Vec::new());
        }
        self.cluster.wait(async {
            let told = self.cluster.told_of(table, tenant_id, id, limit).await?;
            Ok(told.into_iter().map(|head| head.item).collect())
        })?
    }

    /// A scan of everything, by its narrow columns: for reports, not for requests.
    fn counts(&self) -> Result<LiveCounts, StoreError> {
        self.cluster.wait(async {
            let mut of = BTreeMap::new();
            for table in Table::ALL {
                let all = &self.cluster.statements(table)?.all;
                let rows = self
                    .cluster
                    .stream(all, Vec::new(), "counting rows")
                    .await?;
                let live = rows.try_fold(0_u64, |count, row| async move {
                    Ok(count + u64::from(is_live(row.into_iter().nth(5).flatten())))
                });
                of.insert(table, live.await?);
            }
            let all = &self.cluster.all_athletes;
            let rows = self
                .cluster
                .stream(all, Vec::new(), "counting athletes")
                .await?;
            let athletes = rows.try_fold(0_u64, |count, _| async move { Ok(count + 1) });
            Ok(LiveCounts::from_tables(athletes.await?, &of))
        })?
    }

    /// Partitions lie in order of a hash, so that every piece is a scan that keeps the first rows of
    /// what lies behind: for `verify` of small stores.
    fn live_rows(
        &self,
        table: Table,
        after: Option<(&str, &str)>,
        limit: usize,
    ) -> Result<Vec<LiveRow>, StoreError> {
        self.cluster.wait(async {
            let all = &self.cluster.statements(table)?.all;
            let mut rows = self.cluster.stream(all, Vec::new(), "dumping rows").await?;
            let mut first: BTreeMap<(String, String), LiveRow> = BTreeMap::new();
            while let Some(row) = rows.try_next().await? {
                let Some(row) = live_row(table, row) else {
                    continue;
                };
                if after.is_some_and(|at| (row.tenant_id.as_str(), row.id.as_str()) <= at) {
                    continue;
                }
                first.insert((row.tenant_id.clone(), row.id.clone()), row);
                if first.len() > limit {
                    first.pop_last();
                }
            }
            let mut found = Vec::with_capacity(first.len());
            for (_, mut row) in first {
                let entity = (table, row.tenant_id.clone(), row.id.clone());
                if let Some(known) = self.cluster.current(&entity).await? {
                    row.body = known.row.body;
                    found.push(row);
                }
            }
            Ok(found)
        })?
    }
}

fn is_live(status: rows::Value) -> bool {
    string(status).is_some_and(|word| word == Status::Live.word())
}

fn live_row(table: Table, values: Vec<rows::Value>) -> Option<LiveRow> {
    let mut values = values.into_iter();
    let mut next = || values.next().flatten();
    let row = LiveRow {
        table,
        tenant_id: string(next())?,
        id: string(next())?,
        athlete_id: string(next()).filter(|athlete| athlete != rows::NOBODY),
        revision: number(next())?,
        content_hash: string(next())?,
        body: String::new(),
    };
    is_live(next()).then_some(row)
}

impl SeriesScan for ScyllaReader {
    fn months(&self, table: Table) -> Result<Vec<Month>, StoreError> {
        self.cluster.wait(async {
            let all = &self.cluster.all_months;
            let mut rows = self
                .cluster
                .stream(all, Vec::new(), "listing months")
                .await?;
            let mut months = BTreeSet::new();
            while let Some(row) = rows.try_next().await? {
                let mut row = row.into_iter();
                let name = string(row.next().flatten());
                let month = number(row.next().flatten());
                if name.is_some_and(|name| name == table.name()) {
                    let month = month.and_then(|month| i32::try_from(month).ok());
                    months.extend(month.and_then(Month::from_number));
                }
            }
            Ok(months.into_iter().collect())
        })?
    }

    fn athletes(
        &self,
        after: Option<(&str, &str)>,
        limit: usize,
    ) -> Result<Vec<(String, String)>, StoreError> {
        self.cluster.wait(async {
            let all = &self.cluster.all_athletes;
            let mut rows = self
                .cluster
                .stream(all, Vec::new(), "listing athletes")
                .await?;
            let mut first = BTreeSet::new();
            while let Some(row) = rows.try_next().await? {
                let mut row = row.into_iter();
                let place = string(row.next().flatten()).zip(string(row.next().flatten()));
                first.extend(place.filter(|(tenant, athlete)| {
                    after.is_none_or(|at| (tenant.as_str(), athlete.as_str()) > at)
                }));
                if first.len() > limit {
                    first.pop_last();
                }
            }
            Ok(first.into_iter().collect())
        })?
    }

    fn rows(&self, scan: &RowScan) -> Result<Vec<Row>, StoreError> {
        self.cluster.wait(async {
            let statement = &self.cluster.statements(scan.table)?.rows;
            let (start, id) = match &scan.after {
                Some((start, id)) => (start.0, id.as_str()),
                None => (i64::MIN, ""),
            };
            let place = vec![
                text(&scan.tenant_id),
                text(&scan.athlete_id),
                int(scan.month.number()),
                long(start),
                text(id),
                long(i64::MAX),
            ];
            let mut rows = self
                .cluster
                .stream(statement, place, "reading a month")
                .await?;
            let mut found = Vec::new();
            while found.len() < scan.limit
                && let Some(values) = rows.try_next().await?
            {
                let row = rows::row(scan.table, values);
                found.extend(row.filter(|row| {
                    let after = scan.after.as_ref();
                    after.is_none_or(|(start, id)| (row.start, &row.id) > (*start, id))
                }));
            }
            Ok(found)
        })?
    }
}
