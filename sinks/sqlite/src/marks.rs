//! Marks dead letters as replayed, on a connection of its own: the answer to a request does not wait
//! for the writer's next batch, only for its present one.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};
use schemas::record::Micros;
use sinks_store::{ReplayMarks, Replayed, StoreError, Table};

use crate::connection::{self, failure};
use crate::schema;
use crate::sql::{self, Statements};

pub struct SqliteMarks(Mutex<Connection>);

impl SqliteMarks {
    /// Opens or makes the file.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let mut connection = connection::writer(path)?;
        schema::migrate(&mut connection)?;
        Ok(Self(Mutex::new(connection)))
    }
}

impl ReplayMarks for SqliteMarks {
    fn mark_replayed(&self, tenant_id: &str, id: &str, at: Micros) -> Result<bool, StoreError> {
        let change = Replayed {
            tenant_id: tenant_id.to_owned(),
            id: id.to_owned(),
            at,
        };
        let mut connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .and_then(|transaction| {
                let marked = mark(&transaction, &change)?;
                transaction.commit()?;
                Ok(marked)
            })
            .map_err(failure("marking a dead letter as replayed"))
    }
}

pub(crate) fn mark(connection: &Connection, change: &Replayed) -> rusqlite::Result<bool> {
    let statements = Statements::of(Table::DeadLetters);
    let before = connection
        .prepare_cached(&statements.get)?
        .query_row([&change.tenant_id, &change.id], |row| {
            sql::row(Table::DeadLetters, row)
        })
        .optional()?;
    let Some(row) = before.and_then(|row| sinks_store::replayed(&row, change)) else {
        return Ok(false);
    };
    sql::run(&mut *connection.prepare_cached(&statements.force)?, &row)?;
    Ok(true)
}
