//! An index shard in fixed-width entries.
//!
//! Its numbers are hashes and instants: as varints they take more bytes than as they are, and a
//! loop for each. A batch reads and writes a shard for nearly every item, so they are copied instead.

use schemas::record::Micros;
use schemas::record::state::{DeletedState, IndexShard, KnownState, SeenState};
use stream_log::Undecodable;

/// A fingerprint and an instant.
const LONG_ENTRY: usize = 16;
/// A fingerprint and a day.
const KNOWN_ENTRY: usize = 12;
const COUNT: usize = size_of::<u32>();

/// The shard as it is stored: the lists empty, and all of them in `packed`.
pub(super) fn pack(index: &IndexShard) -> IndexShard {
    let long = index.seen.len().saturating_add(index.deleted.len());
    let entries = long * LONG_ENTRY + index.known.len() * KNOWN_ENTRY;
    let mut packed = Vec::with_capacity(3 * COUNT + entries);
    count(&mut packed, index.seen.len());
    for seen in &index.seen {
        packed.extend_from_slice(&seen.fingerprint.to_le_bytes());
        packed.extend_from_slice(&seen.first_received_at.0.to_le_bytes());
    }
    count(&mut packed, index.known.len());
    for known in &index.known {
        packed.extend_from_slice(&known.fingerprint.to_le_bytes());
        packed.extend_from_slice(&known.day.to_le_bytes());
    }
    count(&mut packed, index.deleted.len());
    for gone in &index.deleted {
        packed.extend_from_slice(&gone.fingerprint.to_le_bytes());
        packed.extend_from_slice(&gone.received_at.0.to_le_bytes());
    }
    IndexShard {
        packed,
        ..IndexShard::default()
    }
}

fn count(packed: &mut Vec<u8>, entries: usize) {
    // More entries would make a value far beyond the largest that any store takes.
    let entries = u32::try_from(entries).unwrap_or(u32::MAX);
    packed.extend_from_slice(&entries.to_le_bytes());
}

/// The shard as it is worked with. One that was stored before shards were packed comes as it is.
pub(super) fn unpack(mut index: IndexShard) -> Result<IndexShard, Undecodable> {
    if index.packed.is_empty() {
        return Ok(index);
    }
    let bytes = std::mem::take(&mut index.packed);
    let (seen, known, deleted) = read(&bytes).ok_or_else(|| Undecodable {
        detail: format!(
            "the entries of an index shard do not fill its {} bytes",
            bytes.len()
        ),
    })?;
    Ok(IndexShard {
        seen,
        known,
        deleted,
        ..index
    })
}

type Lists = (Vec<SeenState>, Vec<KnownState>, Vec<DeletedState>);

fn read(bytes: &[u8]) -> Option<Lists> {
    let (seen, rest) = list::<LONG_ENTRY, _>(bytes, |fingerprint, at| SeenState {
        fingerprint,
        first_received_at: Micros(long(at)),
    })?;
    let (known, rest) = list::<KNOWN_ENTRY, _>(rest, |fingerprint, day| KnownState {
        fingerprint,
        day: day.first_chunk().map_or(0, |day| i32::from_le_bytes(*day)),
    })?;
    let (deleted, rest) = list::<LONG_ENTRY, _>(rest, |fingerprint, at| DeletedState {
        fingerprint,
        received_at: Micros(long(at)),
    })?;
    rest.is_empty().then_some((seen, known, deleted))
}

/// One list of entries that begin with a fingerprint, and the bytes after it.
fn list<const ENTRY: usize, T>(
    bytes: &[u8],
    of: impl Fn(i64, &[u8]) -> T,
) -> Option<(Vec<T>, &[u8])> {
    let (count, rest) = bytes.split_first_chunk::<COUNT>()?;
    let count = usize::try_from(u32::from_le_bytes(*count)).ok()?;
    let (entries, rest) = rest.split_at_checked(count.checked_mul(ENTRY)?)?;
    let (entries, _) = entries.as_chunks::<ENTRY>();
    let list = entries.iter().map(|entry| {
        let (print, value) = entry.split_at(size_of::<i64>());
        of(long(print), value)
    });
    Some((list.collect(), rest))
}

fn long(bytes: &[u8]) -> i64 {
    bytes
        .first_chunk()
        .map_or(0, |long| i64::from_le_bytes(*long))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index() -> IndexShard {
        let seen = |fingerprint, at| SeenState {
            fingerprint,
            first_received_at: Micros(at),
        };
        IndexShard {
            seen: vec![seen(i64::MIN, 1), seen(-3, i64::MAX)],
            known: vec![KnownState {
                fingerprint: 9,
                day: -1,
            }],
            deleted: vec![DeletedState {
                fingerprint: i64::MAX,
                received_at: Micros(-7),
            }],
            packed: Vec::new(),
        }
    }

    #[test]
    fn what_is_packed_is_unpacked_as_it_was() {
        for index in [IndexShard::default(), index()] {
            let packed = pack(&index);
            assert!(packed.seen.is_empty() && packed.known.is_empty() && packed.deleted.is_empty());
            assert_eq!(unpack(packed).unwrap(), index);
        }
    }

    #[test]
    fn a_shard_from_before_there_was_packing_is_read_as_it_is() {
        assert_eq!(unpack(index()).unwrap(), index());
    }

    #[test]
    fn bytes_that_are_cut_or_too_long_are_refused() {
        let whole = pack(&index()).packed;
        let longer = [whole.as_slice(), &[0]].concat();
        let cut = (1..whole.len()).filter_map(|length| whole.get(..length));
        for packed in cut.chain([longer.as_slice()]) {
            let broken = IndexShard {
                packed: packed.to_vec(),
                ..IndexShard::default()
            };
            assert!(unpack(broken).is_err(), "{} bytes", packed.len());
        }
    }
}
