//! The tables, generated from the dictionary of `sinks-store` for both dialects. Pure.
//!
//! | table | partition | order | asked for |
//! |---|---|---|---|
//! | `sessions`, … | tenant, athlete, month of the start | start, id | an athlete's month |
//! | `sessions_by_id`, … | tenant, id | – | one thing; and what a batch is decided by |
//! | `sessions_history`, … | tenant, id | revision | every revision, and what stood at a time |
//! | `athlete_months` | tenant, athlete | table, month | which months there are, and how far they reach |
//! | `told_ids` | tenant, athlete | source, its id | what a deletion takes back |
//! | `athletes` | tenant | athlete | everybody |
//! | `feed` | name | – | the position |
//! | `applied_batches`, `set_aside` | day | – | what was written when; what was refused |
//!
//! Only leveled and time-window compaction exist in both databases. What may be revised is leveled.
//! A history is written once and read by thing, for which each has a strategy of its own. The
//! time-window strategy must not see explicit timestamps, so only what is appended at the time of
//! writing has it, with a time to live.

use sinks_store::{CellKind, ColumnSpec, Table};

use crate::Dialect;

/// The schema this program writes.
pub(crate) const VERSION: i32 = 1;
/// How long it is known what was written when: enough to look into an incident.
const APPLIED_TTL_S: i64 = 30 * 86_400;

fn kind(column: &ColumnSpec) -> &'static str {
    match column.kind {
        // A `timestamp` of CQL has milliseconds, and cuts off the rest without a word.
        CellKind::Int | CellKind::Instant => "bigint",
        CellKind::Flag => "boolean",
        CellKind::Real => "double",
        CellKind::Text => "text",
    }
}

/// All columns of a row in the order of its values; `month` goes before them.
pub(crate) fn columns(table: Table) -> Vec<&'static str> {
    let common = table.common_columns();
    let all = common.iter().chain(table.columns()).map(|c| c.name);
    all.chain(["body"]).collect()
}

fn declared(table: Table) -> String {
    let common = table.common_columns();
    let all = common.iter().chain(table.columns());
    let mut declared = String::from("month int, ");
    for column in all {
        declared.push_str(&format!("{} {}, ", column.name, kind(column)));
    }
    declared.push_str("body text");
    declared
}

fn leveled() -> &'static str {
    "compaction = {'class': 'LeveledCompactionStrategy'}"
}

fn of_history(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Scylla => "compaction = {'class': 'IncrementalCompactionStrategy'}",
        Dialect::Cassandra => "compaction = {'class': 'UnifiedCompactionStrategy'}",
    }
}

fn by_day() -> String {
    format!(
        "compaction = {{'class': 'TimeWindowCompactionStrategy', 'compaction_window_unit': 'DAYS', \
         'compaction_window_size': 1}} AND default_time_to_live = {APPLIED_TTL_S}"
    )
}

/// Not `SimpleStrategy`, which knows no racks; and no clause about tablets, which one dialect has.
pub(crate) fn keyspace(name: &str, replication_factor: u32) -> String {
    format!(
        "CREATE KEYSPACE IF NOT EXISTS {name} WITH replication = \
         {{'class': 'NetworkTopologyStrategy', 'replication_factor': {replication_factor}}}"
    )
}

pub(crate) fn migrations(keyspace: &str) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS {keyspace}.migrations (program text, version int, name text, \
         PRIMARY KEY (program, version)) WITH {}",
        leveled()
    )
}

/// Every table of version 1, each of which may be there already.
pub(crate) fn tables(keyspace: &str, dialect: Dialect) -> Vec<String> {
    let create = |name: &str, columns: &str, key: &str, with: &str| {
        format!(
            "CREATE TABLE IF NOT EXISTS {keyspace}.{name} ({columns}, PRIMARY KEY ({key})) \
             WITH {with}"
        )
    };
    let mut all = vec![
        create("feed", "name text, position bigint", "name", leveled()),
        create(
            "athletes",
            "tenant_id text, athlete_id text",
            "(tenant_id), athlete_id",
            leveled(),
        ),
        create(
            "athlete_months",
            "tenant_id text, athlete_id text, name text, month int, end_us bigint",
            "(tenant_id, athlete_id), name, month",
            leveled(),
        ),
        create(
            "told_ids",
            "tenant_id text, athlete_id text, source text, provider_id text, observation_id text",
            "(tenant_id, athlete_id), source, provider_id, observation_id",
            leveled(),
        ),
        create(
            "applied_batches",
            "day int, feed text, at_us bigint, position bigint, rows bigint, set_aside bigint",
            "(feed, day), at_us",
            &by_day(),
        ),
        create(
            "set_aside",
            "tenant_id text, name text, id text, revision bigint, step bigint, revised_at_us bigint, \
             reason text, body text",
            "(tenant_id, name), id, revision, step",
            leveled(),
        ),
    ];
    for table in Table::ALL {
        let (name, id, columns) = (table.name(), table.id_column(), declared(table));
        let month = format!("(tenant_id, athlete_id, month), start_us, {id}");
        all.push(create(name, &columns, &month, leveled()));
        let one = format!("(tenant_id, {id})");
        all.push(create(&format!("{name}_by_id"), &columns, &one, leveled()));
        if table.has_history() {
            let revisions = format!("{one}, {}, step, status", table.revision_column());
            let history = format!("{name}_history");
            all.push(create(&history, &columns, &revisions, of_history(dialect)));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dialects_differ_in_the_compaction_of_histories_and_nowhere_else() {
        let scylla = tables("k", Dialect::Scylla);
        let cassandra = tables("k", Dialect::Cassandra);
        assert_eq!(scylla.len(), cassandra.len());
        for (one, other) in scylla.iter().zip(&cassandra) {
            let is_history = one.contains("_history (");
            assert_eq!(one != other, is_history, "{one}");
        }
    }

    #[test]
    fn what_may_be_revised_is_leveled_and_only_what_is_appended_has_a_time_to_live() {
        for dialect in [Dialect::Scylla, Dialect::Cassandra] {
            for table in tables("k", dialect) {
                let appended = table.contains("k.applied_batches ");
                assert_eq!(table.contains("TimeWindow"), appended, "{table}");
                assert_eq!(table.contains("time_to_live"), appended, "{table}");
                let history = table.contains("_history (");
                assert_eq!(table.contains("Leveled"), !appended && !history, "{table}");
            }
        }
    }

    #[test]
    fn a_month_of_an_athlete_is_one_partition() {
        let tables = tables("k", Dialect::Cassandra);
        let sessions = tables.iter().find(|t| t.contains("k.sessions ")).unwrap();
        assert!(sessions.ends_with(
            "PRIMARY KEY ((tenant_id, athlete_id, month), start_us, session_id)) \
             WITH compaction = {'class': 'LeveledCompactionStrategy'}"
        ));
        assert!(sessions.contains("distance_m double"));
        assert!(sessions.contains("indoor boolean"));
        assert!(sessions.contains("revised_at_us bigint"));
    }
}
