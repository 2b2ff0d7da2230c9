//! The sinks' side: committed records of some topics, from a place on.

use rusqlite::Connection;
use stream_log::{Failure, Offset, Sequenced, Subscribe, Topic};

use crate::failed::failed;
use crate::records::{self, COLUMNS, footprint};
use crate::schema::{Place, TopicIds, signed};

/// Rows that one statement looks at, so that the sink of a rare topic does not hold a snapshot of
/// the file, and with it the write-ahead log, for as long as the whole log takes.
const ROWS_LOOKED_AT_MAX: u64 = 200_000;

/// Reads with a connection of its own.
pub struct Subscriber {
    connection: Connection,
    topics: TopicIds,
    /// The last answer that was nothing: topics, place asked for, and how far there was nothing.
    nothing: Option<(String, u64, u64)>,
}

impl Subscriber {
    pub(crate) fn open(place: &Place, topics: TopicIds) -> Result<Self, Failure> {
        Ok(Self {
            connection: place.reader()?,
            topics,
            nothing: None,
        })
    }

    fn read_range(
        &self,
        wanted: &str,
        after: u64,
        upto: u64,
        max_records: usize,
        max_bytes: usize,
    ) -> Result<Vec<Sequenced>, Failure> {
        let bad = |error| failed("reading records", error);
        let mut select = self
            .connection
            .prepare_cached(&format!(
                "SELECT {COLUMNS} FROM records WHERE seq > ?1 AND seq <= ?2 AND topic IN ({wanted})
                 ORDER BY seq"
            ))
            .map_err(bad)?;
        let mut rows = select.query([signed(after), signed(upto)]).map_err(bad)?;
        let mut found = Vec::new();
        let mut bytes = 0_usize;
        while found.len() < max_records
            && let Some(row) = rows.next().map_err(bad)?
        {
            let record = records::read_intact(row, &self.topics)?;
            bytes = bytes.saturating_add(footprint(&record.record));
            if bytes > max_bytes && !found.is_empty() {
                break;
            }
            found.push(record);
        }
        Ok(found)
    }
}

impl Subscribe for Subscriber {
    fn read(
        &mut self,
        topics: &[Topic],
        after: Offset,
        max_records: usize,
        max_bytes: usize,
    ) -> Result<Vec<Sequenced>, Failure> {
        let ids = topics.iter().filter_map(|topic| self.topics.id(topic.0));
        let wanted = ids.map(|id| id.to_string()).collect::<Vec<_>>().join(",");
        let last = crate::schema::last_seq(&self.connection)
            .map_err(|error| failed("reading the end of the log", error))?;
        let mut from = match &self.nothing {
            Some((topics, asked, upto)) if *topics == wanted && *asked == after.0 => *upto,
            _ => after.0,
        };
        while from < last {
            let upto = from.saturating_add(ROWS_LOOKED_AT_MAX).min(last);
            let found = self.read_range(&wanted, from, upto, max_records, max_bytes)?;
            if !found.is_empty() {
                return Ok(found);
            }
            from = upto;
        }
        self.nothing = Some((wanted, after.0, from));
        Ok(Vec::new())
    }
}
