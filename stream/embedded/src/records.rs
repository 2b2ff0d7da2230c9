//! Records on their way into the table, and back out of it.

use std::ops::Range;

use rusqlite::Row;
use stream_log::{
    Class, Failure, Key, LogTime, Offset, Partition, Record, Sequenced, Topic, partition_of,
};

use crate::codec;
use crate::failed::stop;
use crate::schema::{TopicIds, unsigned};

/// Largest value of one record. Bodies are limited far below that where they come in.
const RECORD_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Columns in the order that `read` expects.
pub(crate) const COLUMNS: &str = "seq, topic, partition, key, received_at, headers, value, crc32";

/// Records with everything worked out that needs no sequence number, so that the writer's thread
/// does little more than hand them to SQLite.
#[derive(Default)]
pub(crate) struct Prepared {
    pub(crate) rows: Vec<Prep>,
    /// Header blobs of all rows, one after the other.
    blob: Vec<u8>,
    pub(crate) bytes: usize,
}

pub(crate) struct Prep {
    pub(crate) record: Record,
    pub(crate) topic: i64,
    pub(crate) partition: Partition,
    headers: Range<usize>,
    pub(crate) content_crc: u32,
}

impl Prepared {
    pub(crate) fn new(
        records: Vec<Record>,
        partitions: u32,
        topics: &TopicIds,
    ) -> Result<Self, Failure> {
        let mut prepared = Self::default();
        prepared.rows.reserve_exact(records.len());
        for record in records {
            let partition = partition_of(record.key.as_str(), partitions);
            prepared.push(record, partition, topics)?;
        }
        Ok(prepared)
    }

    pub(crate) fn push(
        &mut self,
        record: Record,
        partition: Partition,
        topics: &TopicIds,
    ) -> Result<(), Failure> {
        if record.value.len() > RECORD_BYTES_MAX {
            return Err(Failure::new(
                Class::DeadLetter,
                format!(
                    "appending {} bytes to {}",
                    record.value.len(),
                    record.topic.0
                ),
            ));
        }
        let Some(topic) = topics.id(record.topic.0) else {
            return Err(stop(format!(
                "appending to {}, which is no topic here",
                record.topic.0
            )));
        };
        let start = self.blob.len();
        codec::write_headers(&record.headers, &mut self.blob);
        let headers = start..self.blob.len();
        let blob = self.blob.get(headers.clone()).unwrap_or_default();
        let content_crc = codec::content_crc(topic, partition.0, &record, blob);
        self.bytes = self
            .bytes
            .saturating_add(size_of::<Prep>())
            .saturating_add(footprint(&record))
            .saturating_add(blob.len());
        self.rows.push(Prep {
            record,
            topic,
            partition,
            headers,
            content_crc,
        });
        Ok(())
    }

    pub(crate) fn headers(&self, row: &Prep) -> &[u8] {
        self.blob.get(row.headers.clone()).unwrap_or_default()
    }
}

/// Rough bytes of a record in memory.
pub(crate) fn footprint(record: &Record) -> usize {
    record.value.len().saturating_add(record.key.as_str().len())
}

/// A stored record, and whether its checksum holds.
pub(crate) fn read(row: &Row<'_>, topics: &TopicIds) -> Result<(Sequenced, bool), Failure> {
    let bad = |error: rusqlite::Error| crate::failed::failed("reading a record", error);
    let seq = unsigned(row.get(0).map_err(bad)?);
    let topic: i64 = row.get(1).map_err(bad)?;
    let partition: u32 = row.get(2).map_err(bad)?;
    let key = row
        .get_ref(3)
        .map_err(bad)?
        .as_str()
        .map_err(|error| bad(error.into()))?;
    let received_at: i64 = row.get(4).map_err(bad)?;
    let headers = row
        .get_ref(5)
        .map_err(bad)?
        .as_blob()
        .map_err(|error| bad(error.into()))?;
    let value = row
        .get_ref(6)
        .map_err(bad)?
        .as_blob()
        .map_err(|error| bad(error.into()))?;
    let stored: i64 = row.get(7).map_err(bad)?;
    let crc = codec::crc(topic, partition, received_at, key, headers, value);
    let intact = stored == i64::from(codec::placed_crc(crc, seq));
    let name = topics.name(topic).ok_or_else(|| {
        stop(format!(
            "reading record {seq}: topic number {topic} is unknown"
        ))
    })?;
    let read_headers = codec::read_headers(headers);
    let intact = intact && read_headers.is_some();
    let record = Record {
        topic: Topic(name),
        key: Key::new(key),
        received_at: LogTime(received_at),
        headers: read_headers.unwrap_or_default(),
        value: value.to_vec(),
    };
    Ok((
        Sequenced {
            partition: Partition(partition),
            offset: Offset(seq),
            record,
        },
        intact,
    ))
}

/// As `read`, for those who must not go on with a damaged record.
pub(crate) fn read_intact(row: &Row<'_>, topics: &TopicIds) -> Result<Sequenced, Failure> {
    let (record, intact) = read(row, topics)?;
    if intact {
        Ok(record)
    } else {
        Err(stop(format!(
            "reading record {}: its checksum does not hold",
            record.offset.0
        )))
    }
}
