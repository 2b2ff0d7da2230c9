//! What a batch makes of the rows that are there. Pure: rows in, writes out.
//!
//! It is the reference store's logic over a window of it: only the things that the batch names.

use std::collections::{BTreeMap, BTreeSet};

use schemas::record::Micros;
use sinks_store::{Cell, Month, Row, RowChange, Table, Told, replayed, retract, take_back};

use crate::rows::owner;

/// Table, tenant and id.
pub(crate) type Entity = (Table, String, String);

/// How far ahead of the clock a revision may be. A cell from the far future could not be written over
/// by anything that comes later.
pub(crate) const AHEAD_MAX_US: i64 = 5 * 60 * 1_000_000;

/// A current row with the timestamp it has in the database.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) row: Row,
    pub(crate) timestamp: i64,
}

/// What a batch has to read first.
#[derive(Debug, Default)]
pub(crate) struct Needed {
    pub(crate) entities: BTreeSet<Entity>,
    /// Tenant, athlete, source and its id.
    pub(crate) told: BTreeSet<(String, String, String, String)>,
}

impl Needed {
    pub(crate) fn by(changes: &[RowChange]) -> Self {
        let mut needed = Self::default();
        for change in changes {
            match change {
                RowChange::Put(row) => {
                    let entity = (row.table, row.tenant_id.clone(), row.id.clone());
                    needed.entities.insert(entity);
                }
                RowChange::Retract(change) => {
                    let entity = (change.table, change.tenant_id.clone(), change.id.clone());
                    needed.entities.insert(entity);
                }
                RowChange::Replayed(change) => {
                    let (tenant, id) = (change.tenant_id.clone(), change.id.clone());
                    needed.entities.insert((Table::DeadLetters, tenant, id));
                }
                RowChange::TakeBack(told) => {
                    needed.told.insert((
                        told.tenant_id.clone(),
                        told.athlete_id.clone(),
                        told.source.clone(),
                        told.provider_id.clone(),
                    ));
                }
            }
        }
        needed
    }
}

/// A current row that has to be written, and where it lay before.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    pub(crate) row: Row,
    pub(crate) timestamp: i64,
    /// The start it had, where it has another now.
    pub(crate) moved_from: Option<Micros>,
}

/// The writes of a batch.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) standing: Vec<Standing>,
    pub(crate) history: Vec<Row>,
    pub(crate) athletes: BTreeSet<(String, String)>,
    /// The latest end of what begins in a month of an athlete's table.
    pub(crate) months: BTreeMap<(String, String, Table, i32), i64>,
    pub(crate) set_aside: Vec<Row>,
}

impl Plan {
    pub(crate) fn make(
        changes: Vec<RowChange>,
        known: BTreeMap<Entity, Known>,
        now: Micros,
    ) -> Self {
        let mut window = Window {
            stored: known.clone(),
            current: known,
            dirty: BTreeSet::new(),
            latest_us: now.0.saturating_add(AHEAD_MAX_US),
            plan: Self::default(),
        };
        for change in changes {
            window.change(change);
        }
        window.finish()
    }
}

struct Window {
    stored: BTreeMap<Entity, Known>,
    current: BTreeMap<Entity, Known>,
    dirty: BTreeSet<Entity>,
    latest_us: i64,
    plan: Plan,
}

impl Window {
    fn change(&mut self, change: RowChange) {
        match change {
            RowChange::Put(row) => self.put(*row),
            RowChange::Retract(change) => {
                let entity = (change.table, change.tenant_id.clone(), change.id.clone());
                let before = self.current.get(&entity).map(|known| &known.row);
                if let Some(row) = retract(before, &change) {
                    self.put(row);
                }
            }
            RowChange::TakeBack(told) => {
                for row in self.told_by(&told) {
                    self.force(row);
                }
            }
            RowChange::Replayed(change) => {
                let (tenant, id) = (change.tenant_id.clone(), change.id.clone());
                let known = self.current.get(&(Table::DeadLetters, tenant, id));
                if let Some(row) = known.and_then(|known| replayed(&known.row, &change)) {
                    self.force(row);
                }
            }
        }
    }

    fn put(&mut self, row: Row) {
        if row.revised_at.0 > self.latest_us {
            self.plan.set_aside.push(row);
            return;
        }
        if let Some(athlete) = &row.athlete_id {
            let place = (row.tenant_id.clone(), athlete.clone());
            self.plan.athletes.insert(place);
        }
        self.remember(&row);
        let entity = (row.table, row.tenant_id.clone(), row.id.clone());
        let known = self.current.get(&entity);
        if known.is_none_or(|known| known.row.version < row.version) {
            self.stand(entity, row);
        }
    }

    /// Ends a row without raising its version, so that its next revision stands again.
    fn force(&mut self, row: Row) {
        if row.revised_at.0 > self.latest_us {
            self.plan.set_aside.push(row);
            return;
        }
        self.remember(&row);
        let entity = (row.table, row.tenant_id.clone(), row.id.clone());
        self.stand(entity, row);
    }

    /// The timestamp is the revision's, unless the thing has that one already: equal timestamps would
    /// be merged cell by cell into a row that nobody wrote.
    fn stand(&mut self, entity: Entity, row: Row) {
        let known = self.current.get(&entity);
        let next = known.map_or(1, |known| known.timestamp.saturating_add(1));
        let timestamp = row.revised_at.0.max(next);
        self.dirty.insert(entity.clone());
        self.current.insert(entity, Known { row, timestamp });
    }

    fn remember(&mut self, row: &Row) {
        if row.table.has_history() {
            self.plan.history.push(row.clone());
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
            .map(|known| &known.row)
            .filter(|row| row.table == Table::TimelineEntries && row.tenant_id == told.tenant_id)
            .filter(|row| row.athlete_id.as_ref() == Some(&told.athlete_id))
            .filter(|row| row.cells.starts_with(&names))
            .filter_map(|row| take_back(row, told))
            .collect()
    }

    fn finish(mut self) -> Plan {
        for entity in &self.dirty {
            let Some(Known { row, timestamp }) = self.current.remove(entity) else {
                continue;
            };
            let place = (
                row.tenant_id.clone(),
                owner(&row).to_owned(),
                row.table,
                Month::of(row.start).number(),
            );
            let end = self.plan.months.entry(place).or_insert(row.end.0);
            *end = row.end.0.max(*end);
            let before = self.stored.get(entity).map(|known| known.row.start);
            self.plan.standing.push(Standing {
                moved_from: before.filter(|start| *start != row.start),
                row,
                timestamp,
            });
        }
        self.plan
    }
}

#[cfg(test)]
mod tests {
    use schemas::record::session::SessionRevised;
    use schemas::sample::full;
    use sinks_store::project;

    use super::*;

    fn put(revision: i64, revised_at: i64, start: i64) -> RowChange {
        let fact = SessionRevised {
            session_id: "s1".to_owned(),
            revision,
            revised_at: Micros(revised_at),
            start: Micros(start),
            end: Micros(start + 1),
            ..full()
        };
        project(fact.into()).unwrap()
    }

    fn known(change: &RowChange, timestamp: i64) -> BTreeMap<Entity, Known> {
        let RowChange::Put(row) = change else {
            panic!("no row");
        };
        let entity = (row.table, row.tenant_id.clone(), row.id.clone());
        let row = (**row).clone();
        BTreeMap::from([(entity, Known { row, timestamp })])
    }

    #[test]
    fn timestamps_are_those_of_revisions_and_rise_where_they_do_not() {
        for (stored, revised_at, expected) in
            [(0, 50, 50), (49, 50, 50), (50, 50, 51), (90, 50, 91)]
        {
            let stored = known(&put(1, 1, 1), stored);
            let plan = Plan::make(vec![put(2, revised_at, 1)], stored, Micros(0));
            let timestamps: Vec<i64> = plan.standing.iter().map(|s| s.timestamp).collect();
            assert_eq!(timestamps, [expected]);
        }
    }

    #[test]
    fn an_old_revision_is_remembered_and_does_not_stand() {
        let stored = known(&put(3, 3, 1), 3);
        let plan = Plan::make(vec![put(2, 2, 1)], stored, Micros(0));
        assert!(plan.standing.is_empty());
        assert_eq!(plan.history.len(), 1);
    }

    #[test]
    fn a_revision_from_the_future_is_set_aside_and_the_rest_goes_on() {
        let ahead = AHEAD_MAX_US + 11;
        let changes = vec![put(1, 5, 1), put(2, ahead, 1), put(3, 7, 1)];
        let plan = Plan::make(changes, BTreeMap::new(), Micros(10));
        assert_eq!(plan.set_aside.len(), 1);
        assert_eq!(plan.history.len(), 2);
        let standing: Vec<i64> = plan
            .standing
            .iter()
            .map(|s| s.row.version.revision)
            .collect();
        assert_eq!(standing, [3]);
    }

    #[test]
    fn a_thing_that_moves_says_from_where_also_over_several_moves() {
        let stored = known(&put(1, 1, 10), 1);
        let moves = vec![put(2, 2, 20), put(3, 3, 30)];
        let plan = Plan::make(moves, stored.clone(), Micros(0));
        let from: Vec<_> = plan.standing.iter().map(|s| s.moved_from).collect();
        assert_eq!(from, [Some(Micros(10))]);
        let there_and_back = vec![put(2, 2, 20), put(3, 3, 10)];
        let plan = Plan::make(there_and_back, stored, Micros(0));
        let from: Vec<_> = plan.standing.iter().map(|s| s.moved_from).collect();
        assert_eq!(from, [None]);
    }
}
