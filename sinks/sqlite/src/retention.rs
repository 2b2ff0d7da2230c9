//! What a store forgets with time: revisions that no longer stood when its term began, and dead letters
//! older than theirs. On a connection of its own, in steps that a batch of the writer can wait for.
//!
//! Invariant: from the time on that `Kept` tells, nothing is missing; it is raised with the rows that
//! go, in one transaction.

use std::path::Path;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use schemas::record::Micros;
use sinks_store::{Kept, StoreError, Table};

use crate::connection::{self, failure};
use crate::schema;

/// Rows of a table that one step looks at.
const STEP_ROWS_MAX: i64 = 1_000;

pub struct SqliteRetention(Connection);

impl SqliteRetention {
    /// Opens or makes the file.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let mut connection = connection::writer(path)?;
        schema::migrate(&mut connection)?;
        Ok(Self(connection))
    }

    /// One step towards keeping only what the terms ask for; how many rows went. 0 is the end.
    pub fn forget(&mut self, terms: &Kept) -> Result<usize, StoreError> {
        self.0
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .and_then(|transaction| {
                let mut gone = 0;
                if let Some(since) = terms.history_since {
                    gone += superseded(&transaction, since)?;
                }
                if let Some(since) = terms.dead_letters_since {
                    gone += dead_letters(&transaction, since)?;
                }
                transaction.commit()?;
                Ok(gone)
            })
            .map_err(failure("forgetting what is past its term"))
    }
}

/// A revision goes when another had taken its place by then, so that every time since is complete.
/// Rows lie in order of being superseded: the first ones are the oldest.
fn superseded(transaction: &Transaction<'_>, since: Micros) -> rusqlite::Result<usize> {
    let mut gone = 0;
    for table in Table::ALL.into_iter().filter(|table| table.has_history()) {
        let (name, id, revision) = (table.name(), table.id_column(), table.revision_column());
        let text = format!(
            "DELETE FROM {name}_superseded WHERE rowid IN (
                 SELECT old.rowid FROM (
                     SELECT rowid, tenant_id, {id}, {revision}, step, status
                     FROM {name}_superseded ORDER BY rowid LIMIT ?2) AS old
                 WHERE EXISTS (
                     SELECT 1 FROM {name}_history AS later
                     WHERE later.tenant_id = old.tenant_id AND later.{id} = old.{id}
                       AND (later.{revision}, later.step, later.status)
                         > (old.{revision}, old.step, old.status)
                       AND later.revised_at_us <= ?1))"
        );
        gone += transaction
            .prepare_cached(&text)?
            .execute([since.0, STEP_ROWS_MAX])?;
    }
    if gone > 0 {
        raise(transaction, "history_since_us", since)?;
    }
    Ok(gone)
}

fn dead_letters(transaction: &Transaction<'_>, since: Micros) -> rusqlite::Result<usize> {
    let gone = transaction
        .prepare_cached(
            "DELETE FROM dead_letters WHERE rowid IN (
                 SELECT rowid FROM dead_letters WHERE start_us < ?1 LIMIT ?2)",
        )?
        .execute([since.0, STEP_ROWS_MAX])?;
    if gone > 0 {
        raise(transaction, "dead_letters_since_us", since)?;
    }
    Ok(gone)
}

fn raise(transaction: &Transaction<'_>, column: &str, since: Micros) -> rusqlite::Result<()> {
    let text = format!("UPDATE kept SET {column} = max(coalesce({column}, ?1), ?1)");
    transaction.execute(&text, [since.0])?;
    Ok(())
}

/// Of a file of before there is everything.
pub(crate) fn kept(connection: &Connection) -> rusqlite::Result<Kept> {
    let there = "SELECT count(*) FROM sqlite_schema WHERE name = 'kept'";
    if connection.query_row(there, [], |row| row.get::<_, i64>(0))? == 0 {
        return Ok(Kept::default());
    }
    let text = "SELECT history_since_us, dead_letters_since_us FROM kept";
    connection.query_row(text, [], |row| {
        Ok(Kept {
            history_since: row.get::<_, Option<i64>>(0)?.map(Micros),
            dead_letters_since: row.get::<_, Option<i64>>(1)?.map(Micros),
        })
    })
}

#[cfg(test)]
mod tests {
    use schemas::record::session::SessionRevised;
    use schemas::sample::full;
    use sinks_store::{FeedPosition, ListQuery, RowChange, SeriesQuery, SeriesStore, project};

    use super::*;
    use crate::{ReadStore, SqliteStore};

    fn revision(session: &str, revision: i64, at: i64) -> Vec<RowChange> {
        let fact = SessionRevised {
            session_id: session.to_owned(),
            revision,
            revised_at: Micros(at),
            ..full()
        };
        project(fact.into()).into_iter().collect()
    }

    /// What is said of each moment, with its number of revisions.
    fn said(reader: &ReadStore, moments: std::ops::Range<i64>) -> Vec<Vec<String>> {
        let fact: SessionRevised = full();
        moments
            .map(|at| {
                let query = ListQuery {
                    as_of: Some(Micros(at)),
                    ..ListQuery::of(Table::Sessions, &fact.tenant_id, &fact.athlete_id, 100)
                };
                let page = reader.list(&query).unwrap();
                page.items.into_iter().map(|item| item.body).collect()
            })
            .collect()
    }

    #[test]
    fn every_moment_of_the_term_is_as_it_was_and_older_revisions_go() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let mut store = SqliteStore::open(&path).unwrap();
        for (session, number, at) in [
            ("a", 1, 1),
            ("b", 1, 2),
            ("a", 2, 3),
            ("a", 3, 6),
            ("b", 2, 8),
        ] {
            let rows = revision(session, number, at);
            store.apply(rows, FeedPosition(at.unsigned_abs())).unwrap();
        }
        let reader = ReadStore::open_read_only(&path).unwrap();
        let before = said(&reader, 5..10);
        let mut retention = SqliteRetention::open(&path).unwrap();
        let terms = Kept {
            history_since: Some(Micros(5)),
            dead_letters_since: None,
        };
        // `a` had revision 2 at moment 5, and `b` its first one.
        assert_eq!(retention.forget(&terms).unwrap(), 1);
        assert_eq!(retention.forget(&terms).unwrap(), 0);
        assert_eq!(said(&reader, 5..10), before);
        assert_eq!(reader.kept().unwrap(), terms);
        let tenant = full::<SessionRevised>().tenant_id;
        let history = |id| reader.history(Table::Sessions, &tenant, id, 10).unwrap();
        assert_eq!((history("a").len(), history("b").len()), (2, 2));
        // A feed that is read again says nothing that stands now otherwise.
        store.apply(revision("a", 1, 1), FeedPosition(9)).unwrap();
        assert_eq!(said(&reader, 5..10), before);
    }

    #[test]
    fn dead_letters_go_by_their_arrival() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let mut store = SqliteStore::open(&path).unwrap();
        let fact: schemas::record::ingest::RecordRejected = full();
        let rows: Vec<RowChange> = project(fact.into()).into_iter().collect();
        let Some(RowChange::Put(row)) = rows.first() else {
            panic!("no row");
        };
        let arrived = row.start;
        store.apply(rows.clone(), FeedPosition(1)).unwrap();
        let mut retention = SqliteRetention::open(&path).unwrap();
        let reader = ReadStore::open_read_only(&path).unwrap();
        for (since, gone) in [(arrived, 0), (Micros(arrived.0 + 1), 1)] {
            let terms = Kept {
                history_since: None,
                dead_letters_since: Some(since),
            };
            assert_eq!(retention.forget(&terms).unwrap(), gone);
            assert_eq!(reader.counts().unwrap().dead_letters, u64::from(gone == 0));
        }
    }
}
