//! The ports: where facts come from, where rows go, and how rows are read.

use std::collections::BTreeMap;

use schemas::record::Micros;

use crate::{Kept, RowChange, StoreError, Table};

/// A place in the feed. Only the feed knows what it means; to a store it is a number that rises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct FeedPosition(pub u64);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedRecord {
    pub position: FeedPosition,
    pub topic: &'static str,
    /// `tenant/athlete`.
    pub key: String,
    pub value: Vec<u8>,
}

/// Committed facts, in order per athlete. An empty answer means that there is nothing new.
pub trait Feed: Send {
    fn read(
        &mut self,
        after: FeedPosition,
        max_records: usize,
    ) -> Result<Vec<FeedRecord>, StoreError>;
}

/// Rows of one transaction: several times what a writer's batch makes.
pub const APPLY_ROWS_MAX: usize = 65_536;

/// The writing side. One owner.
pub trait SeriesStore: Send {
    /// The position up to which everything is stored.
    fn position(&self) -> Result<FeedPosition, StoreError>;

    /// All rows and the position, durable together, or nothing. A row whose version is not above
    /// the stored one changes nothing; a position never goes back. More than `APPLY_ROWS_MAX` rows
    /// are refused.
    fn apply(&mut self, rows: Vec<RowChange>, position: FeedPosition) -> Result<(), StoreError>;
}

impl<S: SeriesStore + ?Sized> SeriesStore for Box<S> {
    fn position(&self) -> Result<FeedPosition, StoreError> {
        (**self).position()
    }

    fn apply(&mut self, rows: Vec<RowChange>, position: FeedPosition) -> Result<(), StoreError> {
        (**self).apply(rows, position)
    }
}

/// Says that a dead letter was sent in again. Apart from `SeriesStore`, because the answer to a
/// request must not wait for the writer's next batch.
pub trait ReplayMarks: Send + Sync {
    /// `false` when there is no such dead letter, or it was marked before.
    fn mark_replayed(&self, tenant_id: &str, id: &str, at: Micros) -> Result<bool, StoreError>;
}

/// A row as it is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub start: Micros,
    pub id: String,
    /// A JSON object.
    pub body: String,
}

/// Where a page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct After {
    pub start: Micros,
    pub id: String,
    /// The row at exactly this place belongs to the page too.
    pub inclusive: bool,
}

/// One page of a table, ascending by start, then id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListQuery {
    pub table: Table,
    pub tenant_id: String,
    /// `None`: of all athletes, and of none.
    pub athlete_id: Option<String>,
    /// `(source, account)`: only what came from there. For dead letters and timeline entries.
    pub account: Option<(String, String)>,
    /// What overlaps `[from, to)`.
    pub from: Option<Micros>,
    pub to: Option<Micros>,
    pub include_retracted: bool,
    /// As it was published at that time: each entity's highest revision of then. `None`: as it is now.
    /// Tables without a history show the present.
    pub as_of: Option<Micros>,
    pub after: Option<After>,
    pub limit: usize,
}

impl ListQuery {
    /// Live rows of one athlete from the beginning.
    pub fn of(table: Table, tenant_id: &str, athlete_id: &str, limit: usize) -> Self {
        Self {
            athlete_id: Some(athlete_id.to_owned()),
            ..Self::all(table, tenant_id, limit)
        }
    }

    /// Live rows of everybody from the beginning.
    pub fn all(table: Table, tenant_id: &str, limit: usize) -> Self {
        Self {
            table,
            tenant_id: tenant_id.to_owned(),
            athlete_id: None,
            account: None,
            from: None,
            to: None,
            include_retracted: false,
            as_of: None,
            after: None,
            limit,
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    pub items: Vec<Item>,
    /// There is at least one more row after the last item.
    pub more: bool,
}

impl Page {
    /// Bytes of bodies after which a page ends early, whatever its limit: dead letters can be large.
    pub const BYTES_MAX: usize = 8 * 1_024 * 1_024;
}

/// How many live things there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LiveCounts {
    pub athletes: u64,
    pub sessions: u64,
    pub nights: u64,
    pub sweat_losses: u64,
    pub profiles: u64,
    pub recommendations: u64,
    pub timeline_entries: u64,
    pub dead_letters: u64,
}

impl LiveCounts {
    pub fn from_tables(athletes: u64, of: &BTreeMap<Table, u64>) -> Self {
        let count = |table| of.get(&table).copied().unwrap_or(0);
        Self {
            athletes,
            sessions: count(Table::Sessions),
            nights: count(Table::Nights),
            sweat_losses: count(Table::SweatLosses),
            profiles: count(Table::Profiles),
            recommendations: count(Table::Recommendations),
            timeline_entries: count(Table::TimelineEntries),
            dead_letters: count(Table::DeadLetters),
        }
    }
}

/// A live row with what `verify` compares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveRow {
    pub table: Table,
    pub tenant_id: String,
    pub id: String,
    pub athlete_id: Option<String>,
    pub revision: i64,
    pub content_hash: String,
    pub body: String,
}

/// The reading side. Many may read while one writes.
pub trait SeriesQuery: Send + Sync {
    /// What retention has left.
    fn kept(&self) -> Result<Kept, StoreError>;

    fn list(&self, query: &ListQuery) -> Result<Page, StoreError>;

    /// The current row of an entity, live or retracted.
    fn get(&self, table: Table, tenant_id: &str, id: &str) -> Result<Option<Item>, StoreError>;

    /// Every revision of an entity, ascending, at most `limit` from the first.
    fn history(
        &self,
        table: Table,
        tenant_id: &str,
        id: &str,
        limit: usize,
    ) -> Result<Vec<Item>, StoreError>;

    fn counts(&self) -> Result<LiveCounts, StoreError>;

    /// Live rows of a table by (tenant, id), beginning after the given place: for `verify`.
    fn live_rows(
        &self,
        table: Table,
        after: Option<(&str, &str)>,
        limit: usize,
    ) -> Result<Vec<LiveRow>, StoreError>;
}
