//! `verify` on folders that somebody changed: it ends with 1 and names what was changed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};
use schemas::AnyRecord;
use serde_json::Value;

use super::support::{SECRET, Service, assert_verified, on_brokers, sudor};

/// What is done to a folder, and the word of one finding that has to come of it.
type Sabotage = (&'static str, fn(&Folder), &'static str);

const SABOTAGES: &[Sabotage] = &[
    ("a row is gone", row_gone, "row_missing"),
    ("a row is doubled", row_doubled, "row_unexplained"),
    ("a row is altered", row_altered, "row_altered"),
    ("a row is hidden", row_hidden, "row_missing"),
    ("a counter is off", counter_off, "counter"),
    ("a counter is gone", counter_gone, "conservation"),
    ("a fact is doubled", fact_doubled, "fact_doubled"),
    ("a session lives twice", second_live, "content"),
    ("a record is dropped", record_dropped, "log_gap"),
    ("the last record is dropped", last_dropped, "log_tail"),
    (
        "a record's bytes are altered",
        record_altered,
        "log_altered",
    ),
    ("an item is forged", item_forged, "content"),
    ("a position is moved back", position_back, "counter"),
    (
        "a position is moved ahead",
        position_ahead,
        "position_ahead",
    ),
    ("the store is moved ahead", store_ahead, "store_position"),
    ("the store is moved back", store_back, "row_unexplained"),
    ("an athlete's state is gone", state_gone, "state"),
    ("a timer is gone", timer_gone, "timer"),
    ("a timer is moved", timer_moved, "timer"),
];

struct Folder(PathBuf);

impl Folder {
    fn log(&self) -> Connection {
        Connection::open(self.0.join("log.db")).unwrap()
    }

    fn store(&self) -> Connection {
        Connection::open(self.0.join("store.db")).unwrap()
    }
}

fn change(connection: &Connection, sql: &str) {
    let changed = connection.execute(sql, []).unwrap();
    assert!(changed > 0, "nothing to change: {sql}");
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// A service that took in a small world and ended.
async fn fill(data: &Path) {
    let service = Service::start(data).await;
    let posted = sudor(&["simulate", "--athletes", "8", "--days", "3", "--json"])
        .args(["--post", &service.url, "--garmin-secret", SECRET])
        .current_dir(data)
        .output()
        .unwrap();
    assert!(posted.status.success(), "{posted:?}");
    service.idle().await;
    assert!(service.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_names_what_was_changed() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    fill(&whole).await;
    assert_verified(&whole);
    for (number, (what, change, expected)) in SABOTAGES.iter().enumerate() {
        let folder = Folder(folder.path().join(number.to_string()));
        copy(&whole, &folder.0);
        change(&folder);
        let verify = ["verify", "--json", "--data", folder.0.to_str().unwrap()];
        let said = sudor(&verify).envs(on_brokers(&whole)).output().unwrap();
        assert_eq!(said.status.code(), Some(1), "{what}: {said:?}");
        let report: Value = serde_json::from_slice(&said.stdout).unwrap();
        assert_eq!(report["ok"], false, "{what}");
        let findings = report["findings"].as_array().unwrap();
        let named = findings.iter().any(|finding| finding["what"] == *expected);
        assert!(named, "{what}: no {expected} in {findings:#?}");
    }
}

fn row_gone(folder: &Folder) {
    change(
        &folder.store(),
        "DELETE FROM sessions WHERE rowid = (SELECT max(rowid) FROM sessions WHERE status = 'live')",
    );
}

fn row_doubled(folder: &Folder) {
    let store = folder.store();
    store
        .execute_batch(
            "CREATE TEMP TABLE copy AS SELECT * FROM sessions WHERE status = 'live' LIMIT 1;
             UPDATE copy SET body = replace(body, session_id, 'forged'), session_id = 'forged';",
        )
        .unwrap();
    change(&store, "INSERT INTO sessions SELECT * FROM copy");
}

fn row_altered(folder: &Folder) {
    change(
        &folder.store(),
        "UPDATE sweat_losses SET body = replace(body, '\"median\":', '\"median\":1')
         WHERE rowid = (SELECT min(rowid) FROM sweat_losses WHERE status = 'live')",
    );
}

fn row_hidden(folder: &Folder) {
    change(
        &folder.store(),
        "UPDATE nights SET status = 'retracted'
         WHERE rowid = (SELECT min(rowid) FROM nights WHERE status = 'live')",
    );
}

fn counter_off(folder: &Folder) {
    change(
        &folder.log(),
        "UPDATE counters SET value = value + 1
         WHERE (partition, name) = (SELECT partition, name FROM counters
                                    WHERE name = 'garmin.accepted' LIMIT 1)",
    );
}

fn counter_gone(folder: &Folder) {
    change(
        &folder.log(),
        "DELETE FROM counters WHERE name = 'healthkit.received'",
    );
}

/// The first record of a topic that holds what is asked for.
fn record_of(log: &Connection, wanted: impl Fn(&AnyRecord) -> bool) -> (i64, AnyRecord) {
    let mut records = log
        .prepare("SELECT seq, value FROM records ORDER BY seq")
        .unwrap();
    records
        .query_map([], |row| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?)))
        .unwrap()
        .map(Result::unwrap)
        .filter_map(|(seq, value)| Some((seq, schemas::decode_any(&value).ok()?)))
        .find(|(_, record)| wanted(record))
        .unwrap()
}

/// The checksum that the file's format asks for, so that only the content gives a forgery away.
fn seal(log: &Connection, seq: i64) {
    let crc = log
        .query_row(
            "SELECT topic, partition, received_at, key, headers, value FROM records WHERE seq = ?1",
            [seq],
            |row| {
                let mut hasher = crc32fast::Hasher::new();
                hasher.update(&row.get::<_, i64>(0)?.to_le_bytes());
                hasher.update(&row.get::<_, u32>(1)?.to_le_bytes());
                hasher.update(&row.get::<_, i64>(2)?.to_le_bytes());
                let key: String = row.get(3)?;
                let (headers, value): (Vec<u8>, Vec<u8>) = (row.get(4)?, row.get(5)?);
                for part in [key.as_bytes(), &headers, &value] {
                    hasher.update(&u64::try_from(part.len()).unwrap().to_le_bytes());
                    hasher.update(part);
                }
                hasher.update(&seq.to_le_bytes());
                Ok(hasher.finalize())
            },
        )
        .unwrap();
    log.execute(
        "UPDATE records SET crc32 = ?1 WHERE seq = ?2",
        params![crc, seq],
    )
    .unwrap();
}

/// A copy of a record at the end of the log, with other bytes, as the engine would have put it.
fn append(log: &Connection, like: i64, value: &[u8]) {
    let seq: i64 = log
        .query_row("SELECT value FROM meta WHERE key = 'next_seq'", [], |row| {
            row.get(0)
        })
        .unwrap();
    log.execute(
        "INSERT INTO records SELECT ?1, topic, partition, key, received_at, headers, ?3, 0
         FROM records WHERE seq = ?2",
        params![seq, like, value],
    )
    .unwrap();
    seal(log, seq);
    change(
        log,
        "UPDATE meta SET value = value + 1 WHERE key = 'next_seq'",
    );
}

fn fact_doubled(folder: &Folder) {
    let log = folder.log();
    let (seq, fact) = record_of(&log, |record| matches!(record, AnyRecord::NightRevised(_)));
    let AnyRecord::NightRevised(fact) = fact else {
        panic!("no night")
    };
    append(&log, seq, &schemas::encode(&fact));
}

fn second_live(folder: &Folder) {
    let log = folder.log();
    let (seq, fact) = record_of(&log, |record| {
        matches!(record, AnyRecord::SessionRevised(_))
    });
    let AnyRecord::SessionRevised(mut fact) = fact else {
        panic!("no session")
    };
    fact.id = "forged".to_owned();
    fact.session_id = "forged".to_owned();
    append(&log, seq, &schemas::encode(&fact));
}

fn record_dropped(folder: &Folder) {
    change(
        &folder.log(),
        "DELETE FROM records WHERE seq = (SELECT max(seq) / 2 FROM records)",
    );
}

fn last_dropped(folder: &Folder) {
    change(
        &folder.log(),
        "DELETE FROM records WHERE seq = (SELECT max(seq) FROM records)",
    );
}

fn record_altered(folder: &Folder) {
    let log = folder.log();
    let raw = |record: &AnyRecord| matches!(record, AnyRecord::RawReceived(_));
    let (seq, _) = record_of(&log, raw);
    let value = "SELECT value FROM records WHERE seq = ?1";
    let mut value: Vec<u8> = log.query_row(value, [seq], |row| row.get(0)).unwrap();
    *value.last_mut().unwrap() ^= 1;
    let sql = "UPDATE records SET value = ?1 WHERE seq = ?2";
    assert_eq!(log.execute(sql, params![value, seq]).unwrap(), 1);
}

/// An activity that was told once: of an edited one the later telling would hide the forgery.
fn told_once(log: &Connection) -> impl Fn(&AnyRecord) -> bool {
    let mut records = log.prepare("SELECT value FROM records").unwrap();
    let values = records.query_map([], |row| row.get::<_, Vec<u8>>(0));
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for value in values.unwrap() {
        if let Ok(AnyRecord::RawReceived(raw)) = schemas::decode_any(&value.unwrap())
            && raw.source == "garmin"
        {
            *times
                .entry(raw.provider_id.unwrap_or_default())
                .or_default() += 1;
        }
    }
    move |record| {
        let AnyRecord::RawReceived(raw) = record else {
            return false;
        };
        let id = raw.provider_id.as_deref().unwrap_or_default();
        raw.kind == "activities" && times.get(id) == Some(&1)
    }
}

fn item_forged(folder: &Folder) {
    let log = folder.log();
    let (seq, item) = record_of(&log, told_once(&log));
    let AnyRecord::RawReceived(mut item) = item else {
        panic!("no item")
    };
    let body = String::from_utf8(item.body).unwrap();
    let forged = body.replace("\"startTimeInSeconds\":1", "\"startTimeInSeconds\":9");
    assert_ne!(body, forged);
    item.body = forged.into_bytes();
    log.execute(
        "UPDATE records SET value = ?1 WHERE seq = ?2",
        params![schemas::encode(&item), seq],
    )
    .unwrap();
    seal(&log, seq);
}

fn position_back(folder: &Folder) {
    change(&folder.log(), "UPDATE positions SET seq = seq / 2");
}

fn position_ahead(folder: &Folder) {
    change(
        &folder.log(),
        "UPDATE positions SET seq = seq + 100000
         WHERE partition = (SELECT min(partition) FROM positions)",
    );
}

fn store_ahead(folder: &Folder) {
    change(
        &folder.store(),
        "UPDATE feed SET position = position + 100000",
    );
}

fn store_back(folder: &Folder) {
    change(&folder.store(), "UPDATE feed SET position = 1");
}

fn state_gone(folder: &Folder) {
    change(
        &folder.log(),
        "DELETE FROM state WHERE athlete = (SELECT min(athlete) FROM state)",
    );
}

fn timer_gone(folder: &Folder) {
    change(
        &folder.log(),
        "DELETE FROM timers WHERE due = (SELECT max(due) FROM timers)",
    );
}

fn timer_moved(folder: &Folder) {
    change(
        &folder.log(),
        "UPDATE timers SET due = due + 1 WHERE due = (SELECT max(due) FROM timers)",
    );
}
