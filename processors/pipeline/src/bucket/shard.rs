//! An index shard in fixed-width entries.
//!
//! Its numbers are hashes and instants: as varints they take more bytes than as they are, and a
//! loop for each. A batch reads and writes a shard for nearly every item, so they are copied instead.

use std::cmp::Ordering;

use schemas::codec;
use schemas::record::state::{IndexShard, IndexShardView};
use stream_log::Undecodable;

const COUNT: usize = size_of::<u32>();
const PRINT: usize = size_of::<i64>();

/// The lists of a shard, in the order in which they are stored. Each rises by fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum List {
    /// Raw items, and when each first arrived.
    Seen,
    /// Observations, and the day that each stands in.
    Known,
    /// What was withdrawn, and when.
    Deleted,
    /// Edits of titles, and when: as many entries of a fingerprint as edits.
    TitleEdits,
    /// Edits of sports, likewise.
    SportEdits,
    /// Deletions that a source told with their time, and that time: as many as it told.
    Deletions,
    /// What a fetch showed, and the time of the last event that asked for one.
    Shown,
    /// What writers call their records, and the records that are called so.
    Called,
    /// Sleeps, and every list of naps that was told of each.
    NapLists,
    /// Lists of naps, and the naps in each.
    Naps,
}

impl List {
    const ALL: [Self; 10] = [
        Self::Seen,
        Self::Known,
        Self::Deleted,
        Self::TitleEdits,
        Self::SportEdits,
        Self::Deletions,
        Self::Shown,
        Self::Called,
        Self::NapLists,
        Self::Naps,
    ];
    /// How many lists shards held, oldest first: before edits were told, before the times of deletions
    /// were, before records were called anything, and before naps were listed.
    const HELD_BEFORE: [usize; 4] = [3, 5, 7, 8];

    /// A fingerprint, and an instant or a day.
    const fn entry_bytes(self) -> usize {
        match self {
            Self::Known => PRINT + size_of::<i32>(),
            _ => PRINT + size_of::<i64>(),
        }
    }
}

/// An index shard as the bytes that are stored: it is searched and changed where it lies.
///
/// Invariant: the lists, each behind its count, fill the bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Shard {
    packed: Vec<u8>,
}

impl Default for Shard {
    fn default() -> Self {
        Self {
            packed: vec![0; List::ALL.len() * COUNT],
        }
    }
}

impl Shard {
    pub(super) fn encode(&self) -> Vec<u8> {
        codec::encode_view(&IndexShardView {
            packed: &self.packed,
            ..IndexShardView::default()
        })
    }

    /// The shard as it is worked with. One that was stored before shards were packed is packed now.
    pub(super) fn of(stored: IndexShard) -> Result<Self, Undecodable> {
        if stored.packed.is_empty() {
            return Ok(Self::from_lists(&stored));
        }
        let mut packed = stored.packed;
        let fills = |held: &usize| {
            let lists = List::ALL.get(..*held);
            lists.is_some_and(|lists| are_lists(&packed, lists))
        };
        if let Some(held) = List::HELD_BEFORE.into_iter().find(fills) {
            packed.resize(packed.len() + (List::ALL.len() - held) * COUNT, 0);
        }
        if !are_lists(&packed, &List::ALL) {
            let detail = format!(
                "the entries of an index shard do not fill its {} bytes",
                packed.len()
            );
            return Err(Undecodable { detail });
        }
        Ok(Self { packed })
    }

    fn from_lists(stored: &IndexShard) -> Self {
        let mut shard = Self::default();
        for seen in &stored.seen {
            shard.put(List::Seen, seen.fingerprint, seen.first_received_at.0);
        }
        for known in &stored.known {
            shard.put(List::Known, known.fingerprint, i64::from(known.day));
        }
        for gone in &stored.deleted {
            shard.put(List::Deleted, gone.fingerprint, gone.received_at.0);
        }
        shard
    }

    pub(super) fn entries_len(&self) -> usize {
        List::ALL.into_iter().map(|list| self.place(list).1).sum()
    }

    /// What stands beside a fingerprint.
    pub(crate) fn get(&self, list: List, print: i64) -> Option<i64> {
        let entries = self.entries(list);
        let at = find(entries, list, print).ok()?;
        Some(value(entry(entries, list, at)))
    }

    /// All that stands beside a fingerprint, ascending.
    pub(crate) fn all(&self, list: List, print: i64) -> impl Iterator<Item = i64> {
        let entries = self.entries(list);
        let width = list.entry_bytes();
        let (Ok(first) | Err(first)) = search(entries, list, |one| {
            (long(one), value(one)).cmp(&(print, i64::MIN))
        });
        let entries = entries.get(first * width..).unwrap_or_default();
        let entries = entries.chunks_exact(width);
        entries.take_while(move |one| long(one) == print).map(value)
    }

    /// Puts a value beside a fingerprint, in the place of one that stood there.
    pub(crate) fn put(&mut self, list: List, print: i64, value: i64) {
        let found = find(self.entries(list), list, print);
        self.put_at(list, found, (print, value));
    }

    /// Puts a value beside a fingerprint, and beside the others that stand there.
    pub(crate) fn add(&mut self, list: List, print: i64, added: i64) {
        let found = search(self.entries(list), list, |one| {
            (long(one), value(one)).cmp(&(print, added))
        });
        self.put_at(list, found, (print, added));
    }

    fn put_at(&mut self, list: List, found: Result<usize, usize>, (print, value): (i64, i64)) {
        let (begin, count) = self.place(list);
        let width = list.entry_bytes();
        let (Ok(at) | Err(at)) = found;
        let start = begin + COUNT + at * width;
        if found.is_err() {
            self.packed
                .splice(start..start, std::iter::repeat_n(0, width));
            // More entries would make a value far beyond the largest that any store takes.
            let count = u32::try_from(count + 1).unwrap_or(u32::MAX);
            self.write(begin, &count.to_le_bytes());
        }
        self.write(start, &print.to_le_bytes());
        let value = value.to_le_bytes();
        // Of a day, which is a small number, the lower half is all.
        self.write(
            start + PRINT,
            value.get(..width - PRINT).unwrap_or_default(),
        );
    }

    fn write(&mut self, start: usize, bytes: &[u8]) {
        if let Some(place) = self.packed.get_mut(start..start + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    }

    /// Where a list begins, and how many entries it has.
    fn place(&self, list: List) -> (usize, usize) {
        let mut begin = 0;
        for before in List::ALL {
            let count = self.packed.get(begin..).map_or(0, count);
            if before == list {
                return (begin, count);
            }
            begin += COUNT + count * before.entry_bytes();
        }
        (begin, 0)
    }

    fn entries(&self, list: List) -> &[u8] {
        let (begin, count) = self.place(list);
        let start = begin + COUNT;
        let end = start + count * list.entry_bytes();
        self.packed.get(start..end).unwrap_or_default()
    }
}

fn are_lists(packed: &[u8], lists: &[List]) -> bool {
    let after = |rest: &'_ [u8], list: List| -> Option<usize> {
        let (first, _) = rest.split_first_chunk::<COUNT>()?;
        let count = usize::try_from(u32::from_le_bytes(*first)).ok()?;
        let bytes = count.checked_mul(list.entry_bytes())?.checked_add(COUNT)?;
        (bytes <= rest.len()).then_some(bytes)
    };
    let mut rest = packed;
    for list in lists {
        match after(rest, *list).and_then(|bytes| rest.get(bytes..)) {
            Some(behind) => rest = behind,
            None => return false,
        }
    }
    rest.is_empty()
}

fn count(bytes: &[u8]) -> usize {
    let count = bytes
        .first_chunk()
        .map_or(0, |count| u32::from_le_bytes(*count));
    usize::try_from(count).unwrap_or(0)
}

/// Where a fingerprint stands, or where it would.
fn find(entries: &[u8], list: List, print: i64) -> Result<usize, usize> {
    search(entries, list, |one| long(one).cmp(&print))
}

/// Where the entry stands that is equal to what is looked for, or where it would.
fn search(entries: &[u8], list: List, compare: impl Fn(&[u8]) -> Ordering) -> Result<usize, usize> {
    let (mut from, mut until) = (0, entries.len() / list.entry_bytes());
    while from < until {
        let middle = usize::midpoint(from, until);
        match compare(entry(entries, list, middle)) {
            Ordering::Less => from = middle + 1,
            Ordering::Equal => return Ok(middle),
            Ordering::Greater => until = middle,
        }
    }
    Err(from)
}

fn entry(entries: &[u8], list: List, at: usize) -> &[u8] {
    let width = list.entry_bytes();
    entries
        .get(at * width..(at + 1) * width)
        .unwrap_or_default()
}

fn value(entry: &[u8]) -> i64 {
    match entry.get(PRINT..).unwrap_or_default() {
        day if day.len() == size_of::<i32>() => {
            let day = day.first_chunk().map_or(0, |day| i32::from_le_bytes(*day));
            i64::from(day)
        }
        at => long(at),
    }
}

fn long(bytes: &[u8]) -> i64 {
    bytes
        .first_chunk()
        .map_or(0, |long| i64::from_le_bytes(*long))
}

#[cfg(test)]
mod tests {
    use schemas::record::Micros;
    use schemas::record::state::{DeletedState, KnownState, SeenState};

    use super::*;

    const ENTRIES: [(List, i64, i64); 12] = [
        (List::Seen, i64::MIN, 1),
        (List::Seen, -3, i64::MAX),
        (List::Known, 9, -1),
        (List::Known, 10, 20_000),
        (List::Deleted, i64::MAX, -7),
        (List::TitleEdits, -4, 8),
        (List::SportEdits, 11, 6),
        (List::Deletions, 5, 7),
        (List::Shown, 5, 8),
        (List::Called, -6, -8),
        (List::NapLists, 3, 2),
        (List::Naps, 12, 1),
    ];

    fn shard_of(entries: &[(List, i64, i64)]) -> Shard {
        let mut shard = Shard::default();
        for (list, print, value) in entries.iter().rev() {
            shard.put(*list, *print, *value);
        }
        shard
    }

    fn shard() -> Shard {
        shard_of(&ENTRIES)
    }

    /// As it was when it held so many lists, and what was stored of it.
    fn with_lists(held: usize) -> (Shard, Vec<u8>) {
        let lists = &List::ALL[..held];
        let entries: Vec<_> = ENTRIES
            .into_iter()
            .filter(|(list, _, _)| lists.contains(list))
            .collect();
        let shard = shard_of(&entries);
        let length = shard.packed.len() - (List::ALL.len() - held) * COUNT;
        let packed = shard.packed[..length].to_vec();
        (shard, packed)
    }

    fn lists() -> IndexShard {
        let seen = |fingerprint, at| SeenState {
            fingerprint,
            first_received_at: Micros(at),
        };
        let known = |fingerprint, day| KnownState { fingerprint, day };
        IndexShard {
            seen: vec![seen(i64::MIN, 1), seen(-3, i64::MAX)],
            known: vec![known(9, -1), known(10, 20_000)],
            deleted: vec![DeletedState {
                fingerprint: i64::MAX,
                received_at: Micros(-7),
            }],
            packed: Vec::new(),
        }
    }

    fn stored(packed: &[u8]) -> IndexShard {
        IndexShard {
            packed: packed.to_vec(),
            ..IndexShard::default()
        }
    }

    #[test]
    fn what_was_put_is_found_and_nothing_else() {
        let mut shard = shard();
        for (list, print, value) in ENTRIES {
            assert_eq!(shard.get(list, print), Some(value));
            assert_eq!(shard.get(list, print / 2 + 1), None);
        }
        shard.put(List::Known, 9, 5);
        assert_eq!(shard.get(List::Known, 9), Some(5));
        assert_eq!(shard.get(List::Known, 10), Some(20_000));
        assert_eq!(shard.entries_len(), ENTRIES.len());
    }

    #[test]
    fn what_is_stored_comes_back_as_it_was() {
        for shard in [Shard::default(), shard()] {
            let read: IndexShard = codec::decode(&shard.encode()).unwrap();
            assert!(read.seen.is_empty() && read.known.is_empty() && read.deleted.is_empty());
            assert_eq!(Shard::of(read).unwrap(), shard);
        }
    }

    #[test]
    fn a_shard_from_before_there_was_packing_is_packed() {
        assert_eq!(Shard::of(lists()).unwrap(), with_lists(3).0);
    }

    #[test]
    fn a_shard_from_before_there_was_a_list_has_nothing_in_it() {
        for held in List::HELD_BEFORE {
            let (mut shard, packed) = with_lists(held);
            let mut read = Shard::of(stored(&packed)).unwrap();
            assert_eq!(read, shard, "{held}");
            for list in &List::ALL[held..] {
                assert_eq!(read.all(*list, 11).count(), 0, "{list:?}");
                read.add(*list, 11, 6);
                shard.add(*list, 11, 6);
                assert_eq!(read.get(*list, 11), Some(6), "{list:?}");
            }
            assert_eq!(read, shard, "{held}");
            assert_eq!(read.get(List::Deleted, i64::MAX), Some(-7));
        }
    }

    #[test]
    fn whatever_was_added_stands_beside_its_fingerprint_once_and_in_order() {
        let told = [(5, 3), (4, 9), (5, -1), (6, i64::MIN), (5, 3), (5, 7)];
        let add = |told: &mut dyn Iterator<Item = (i64, i64)>| {
            let mut shard = shard();
            told.for_each(|(print, at)| shard.add(List::TitleEdits, print, at));
            shard
        };
        let shard = add(&mut told.into_iter());
        let all = |print| shard.all(List::TitleEdits, print).collect::<Vec<_>>();
        assert_eq!(all(5), [-1, 3, 7]);
        assert_eq!(all(4), [9]);
        assert_eq!(all(6), [i64::MIN]);
        assert_eq!(all(7), [0; 0]);
        assert_eq!(shard, add(&mut told.into_iter().rev()));
        assert_eq!(shard.entries_len(), ENTRIES.len() + 5);
    }

    #[test]
    fn bytes_that_are_cut_or_too_long_are_refused() {
        let whole = shard().packed;
        let longer = [whole.as_slice(), &[0]].concat();
        // Cut behind a list it may be one from before there were more.
        let old = List::HELD_BEFORE.map(|held| with_lists(held).1.len());
        let cut = (1..whole.len()).filter(|length| !old.contains(length));
        let cut = cut.filter_map(|length| whole.get(..length));
        for packed in cut.chain([longer.as_slice()]) {
            assert!(Shard::of(stored(packed)).is_err(), "{} bytes", packed.len());
        }
    }
}
