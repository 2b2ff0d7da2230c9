//! The reference store: maps. What it answers, every other store answers.
//!
//! For tests and for reading the contract. It is as durable as the process.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use schemas::record::Micros;

use crate::timeline::cut;
use crate::{
    APPLY_ROWS_MAX, Cell, FeedPosition, Item, Kept, ListQuery, LiveCounts, LiveRow, Month, Page,
    ReplayMarks, Replayed, Row, RowChange, RowScan, SeriesQuery, SeriesScan, SeriesStore, Status,
    StoreError, Table, Told, Version, upsert,
};

type Entity = (Table, String, String);

#[derive(Default)]
struct Tables {
    position: FeedPosition,
    current: BTreeMap<Entity, Row>,
    history: BTreeMap<(Entity, Version, Status), Row>,
    athletes: BTreeSet<(String, String)>,
}

/// A handle; clones share one store.
#[derive(Clone, Default)]
pub struct MemoryStore(Arc<Mutex<Tables>>);

impl MemoryStore {
    pub fn new() -> Self {
        Self::default()
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    fn change(&mut self, change: RowChange) {
        let after = match change {
            RowChange::Put(row) => Some(*row),
            RowChange::Retract(change) => {
                let entity = (change.table, change.tenant_id.clone(), change.id.clone());
                upsert::retract(self.current.get(&entity), &change)
            }
            RowChange::TakeBack(told) => {
                let targets = self.told_by(&told);
                for row in targets {
                    self.force(row);
                }
                None
            }
            RowChange::Replayed(change) => {
                self.replay(&change);
                None
            }
        };
        if let Some(row) = after {
            self.put(row);
        }
    }

    fn put(&mut self, row: Row) {
        if let Some(athlete) = &row.athlete_id {
            self.athletes
                .insert((row.tenant_id.clone(), athlete.clone()));
        }
        self.remember(&row);
        let entity = (row.table, row.tenant_id.clone(), row.id.clone());
        let newer = self
            .current
            .get(&entity)
            .is_none_or(|known| known.version < row.version);
        if newer {
            self.current.insert(entity, row);
        }
    }

    /// Ends a row without raising its version, so that its next revision stands again.
    fn force(&mut self, row: Row) {
        self.remember(&row);
        self.current
            .insert((row.table, row.tenant_id.clone(), row.id.clone()), row);
    }

    fn remember(&mut self, row: &Row) {
        if row.table.has_history() {
            let entity = (row.table, row.tenant_id.clone(), row.id.clone());
            self.history
                .entry((entity, row.version, row.status))
                .or_insert_with(|| row.clone());
        }
    }

    fn told_by(&self, told: &Told) -> Vec<Row> {
        let account = told.account_id.as_deref().map_or(Cell::Null, Cell::from);
        let names = [
            Cell::from(told.source.as_str()),
            account,
            Cell::from(told.provider_id.as_str()),
        ];
        self.current
            .values()
            .filter(|row| row.table == Table::TimelineEntries)
            .filter(|row| row.tenant_id == told.tenant_id)
            .filter(|row| row.athlete_id.as_ref() == Some(&told.athlete_id))
            .filter(|row| row.cells.starts_with(&names))
            .filter_map(|row| upsert::take_back(row, told))
            .collect()
    }

    /// The highest revision of each entity among those that were published by then.
    fn standing_at(&self, at: Micros) -> Vec<&Row> {
        let mut standing: BTreeMap<&Entity, &Row> = BTreeMap::new();
        for ((entity, ..), row) in &self.history {
            if row.revised_at <= at {
                standing.insert(entity, row);
            }
        }
        standing.into_values().collect()
    }

    fn replay(&mut self, change: &Replayed) -> bool {
        let entity = (
            Table::DeadLetters,
            change.tenant_id.clone(),
            change.id.clone(),
        );
        let after = self
            .current
            .get(&entity)
            .and_then(|row| upsert::replayed(row, change));
        let marked = after.is_some();
        if let Some(row) = after {
            self.force(row);
        }
        marked
    }
}

impl SeriesStore for MemoryStore {
    fn position(&self) -> Result<FeedPosition, StoreError> {
        Ok(self.tables().position)
    }

    fn apply(&mut self, rows: Vec<RowChange>, position: FeedPosition) -> Result<(), StoreError> {
        if rows.len() > APPLY_ROWS_MAX {
            return Err(StoreError::BatchTooLarge {
                rows: rows.len(),
                max: APPLY_ROWS_MAX,
            });
        }
        let mut tables = self.tables();
        for row in rows {
            tables.change(row);
        }
        tables.position = tables.position.max(position);
        Ok(())
    }
}

impl ReplayMarks for MemoryStore {
    fn mark_replayed(&self, tenant_id: &str, id: &str, at: Micros) -> Result<bool, StoreError> {
        Ok(self.tables().replay(&Replayed {
            tenant_id: tenant_id.to_owned(),
            id: id.to_owned(),
            at,
        }))
    }
}

fn item(row: &Row) -> Item {
    Item {
        start: row.start,
        id: row.id.clone(),
        body: row.body.clone(),
    }
}

fn selected(row: &Row, query: &ListQuery) -> bool {
    let of_account = query.account.as_ref().is_none_or(|(source, account)| {
        let names = [Cell::from(source.as_str()), Cell::from(account.as_str())];
        row.cells.starts_with(&names)
    });
    let after = query.after.as_ref().is_none_or(|after| {
        let here = (row.start, row.id.as_str());
        let there = (after.start, after.id.as_str());
        here > there || (after.inclusive && here == there)
    });
    row.table == query.table
        && row.tenant_id == query.tenant_id
        && (query.athlete_id.is_none() || row.athlete_id == query.athlete_id)
        && (query.include_retracted || row.status == Status::Live)
        && upsert::overlaps(row.start, row.end, query.from, query.to)
        && of_account
        && after
}

impl SeriesQuery for MemoryStore {
    fn kept(&self) -> Result<Kept, StoreError> {
        Ok(Kept::default())
    }

    fn list(&self, query: &ListQuery) -> Result<Page, StoreError> {
        let tables = self.tables();
        let standing: Vec<&Row> = match query.as_of {
            Some(at) if query.table.has_history() => tables.standing_at(at),
            _ => tables.current.values().collect(),
        };
        let mut rows: Vec<&Row> = standing
            .into_iter()
            .filter(|row| selected(row, query))
            .collect();
        rows.sort_by(|a, b| (a.start, &a.id).cmp(&(b.start, &b.id)));
        rows.truncate(query.limit.saturating_add(1));
        Ok(cut(rows.into_iter().map(item).collect(), query.limit))
    }

    fn get(&self, table: Table, tenant_id: &str, id: &str) -> Result<Option<Item>, StoreError> {
        let entity = (table, tenant_id.to_owned(), id.to_owned());
        Ok(self.tables().current.get(&entity).map(item))
    }

    fn history(
        &self,
        table: Table,
        tenant_id: &str,
        id: &str,
        limit: usize,
    ) -> Result<Vec<Item>, StoreError> {
        let entity = (table, tenant_id.to_owned(), id.to_owned());
        Ok(self
            .tables()
            .history
            .iter()
            .filter(|((of, _, _), _)| *of == entity)
            .map(|(_, row)| item(row))
            .take(limit)
            .collect())
    }

    fn counts(&self) -> Result<LiveCounts, StoreError> {
        let tables = self.tables();
        let mut of: BTreeMap<Table, u64> = BTreeMap::new();
        for row in tables.current.values() {
            if row.status == Status::Live {
                *of.entry(row.table).or_default() += 1;
            }
        }
        let athletes = u64::try_from(tables.athletes.len()).unwrap_or(u64::MAX);
        Ok(LiveCounts::from_tables(athletes, &of))
    }

    fn live_rows(
        &self,
        table: Table,
        after: Option<(&str, &str)>,
        limit: usize,
    ) -> Result<Vec<LiveRow>, StoreError> {
        Ok(self
            .tables()
            .current
            .values()
            .filter(|row| row.table == table && row.status == Status::Live)
            .filter(|row| after.is_none_or(|at| (row.tenant_id.as_str(), row.id.as_str()) > at))
            .take(limit)
            .map(|row| LiveRow {
                table,
                tenant_id: row.tenant_id.clone(),
                id: row.id.clone(),
                athlete_id: row.athlete_id.clone(),
                revision: row.version.revision,
                content_hash: row.content_hash.clone(),
                body: row.body.clone(),
            })
            .collect())
    }
}

impl SeriesScan for MemoryStore {
    fn months(&self, table: Table) -> Result<Vec<Month>, StoreError> {
        let tables = self.tables();
        let of_table = tables.current.values().filter(|row| row.table == table);
        let months: BTreeSet<Month> = of_table.map(|row| Month::of(row.start)).collect();
        Ok(months.into_iter().collect())
    }

    fn athletes(
        &self,
        after: Option<(&str, &str)>,
        limit: usize,
    ) -> Result<Vec<(String, String)>, StoreError> {
        let tables = self.tables();
        let all = tables.athletes.iter();
        Ok(all
            .filter(|(tenant, athlete)| after.is_none_or(|at| (&**tenant, &**athlete) > at))
            .take(limit)
            .cloned()
            .collect())
    }

    fn rows(&self, scan: &RowScan) -> Result<Vec<Row>, StoreError> {
        let tables = self.tables();
        let mut rows: Vec<&Row> = tables
            .current
            .values()
            .filter(|row| row.table == scan.table && row.tenant_id == scan.tenant_id)
            .filter(|row| row.athlete_id.as_ref() == Some(&scan.athlete_id))
            .filter(|row| Month::of(row.start) == scan.month)
            .filter(|row| {
                let after = scan.after.as_ref();
                after.is_none_or(|(start, id)| (row.start, &row.id) > (*start, id))
            })
            .collect();
        rows.sort_by(|a, b| (a.start, &a.id).cmp(&(b.start, &b.id)));
        Ok(rows.into_iter().take(scan.limit).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_store_keeps_the_contract() {
        crate::contract::check(|| {
            let store = MemoryStore::new();
            (store.clone(), store)
        });
    }

    #[test]
    fn a_scan_shows_every_row_once() {
        let mut store = MemoryStore::new();
        crate::contract::fill_for_scan(&mut store);
        crate::contract::check_scan(&store, &store);
    }
}
