//! How far a reader has got, and the signed word that says so.
//!
//! ```text
//! byte 0        version, 1
//! bytes 1..17   the first half of HMAC-SHA256 over the version and all that follows
//! then, for each partition: 4 bytes of its number, 8 bytes of its offset, big-endian
//! ```
//!
//! Signed, because a position is taken at its word: one that somebody made up could make a reader
//! believe that it has read what it has not.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

const VERSION: u8 = 1;
const MAC_BYTES: usize = 16;
/// Partitions of all topics together.
const LANES_MAX: usize = 4_096;
const TEXT_BYTES_MAX: usize = 2 * 12 * LANES_MAX;

/// For each partition the offset of the last record that was read. One that is not named was not
/// read from at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Positions(pub BTreeMap<u32, u64>);

impl Positions {
    pub fn of(lane: u32) -> PositionOf {
        PositionOf(lane)
    }

    pub fn get(&self, lane: u32) -> u64 {
        self.0.get(&lane).copied().unwrap_or(0)
    }

    pub fn set(&mut self, lane: u32, offset: u64) {
        self.0.insert(lane, offset);
    }

    /// Neither before what is kept nor behind what there is.
    pub(super) fn is_within(&self, earliest: &Self, end: &Self) -> bool {
        let lanes = self.0.keys().chain(earliest.0.keys());
        lanes
            .copied()
            .all(|lane| (earliest.get(lane)..=end.get(lane)).contains(&self.get(lane)))
    }
}

/// A partition, about to get its offset.
#[derive(Clone, Copy, Debug)]
pub struct PositionOf(u32);

impl PositionOf {
    pub fn at(self, offset: u64) -> Positions {
        Positions(BTreeMap::from([(self.0, offset)]))
    }
}

/// Writes positions that only it can have written.
#[derive(Clone)]
pub struct Signer([u8; 32]);

impl Signer {
    pub fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    pub fn write(&self, positions: &Positions) -> String {
        let mut bytes = vec![VERSION];
        let mut lanes = Vec::with_capacity(12 * positions.0.len());
        for (lane, offset) in &positions.0 {
            lanes.extend(lane.to_be_bytes());
            lanes.extend(offset.to_be_bytes());
        }
        let full = self.mac(&lanes).map(|mac| mac.finalize().into_bytes());
        let full: Vec<u8> = full.map(|mac| mac.to_vec()).unwrap_or_default();
        bytes.extend(full.iter().take(MAC_BYTES));
        bytes.extend(lanes);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// `None` for anything that `write` did not write with this key.
    pub fn read(&self, text: &str) -> Option<Positions> {
        (text.len() <= TEXT_BYTES_MAX).then_some(())?;
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (version, rest) = bytes.split_first()?;
        let (mac, lanes) = rest.split_at_checked(MAC_BYTES)?;
        (*version == VERSION).then_some(())?;
        // In constant time.
        self.mac(lanes)?.verify_truncated_left(mac).ok()?;
        let mut positions = Positions::default();
        for lane in lanes.chunks(12) {
            let (lane, offset) = lane.split_first_chunk::<4>()?;
            let offset = u64::from_be_bytes(offset.try_into().ok()?);
            positions.set(u32::from_be_bytes(*lane), offset);
        }
        Some(positions)
    }

    fn mac(&self, lanes: &[u8]) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(&[VERSION]);
        mac.update(lanes);
        Some(mac)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_reads_back_with_its_own_key_only() {
        let positions = Positions(BTreeMap::from([(0, 7), (3, u64::MAX), (70_000, 0)]));
        let text = Signer::new([1; 32]).write(&positions);
        assert_eq!(Signer::new([1; 32]).read(&text), Some(positions));
        assert_eq!(Signer::new([2; 32]).read(&text), None);
        let nothing = Signer::new([1; 32]).write(&Positions::default());
        assert_eq!(
            Signer::new([1; 32]).read(&nothing),
            Some(Positions::default())
        );
    }

    #[test]
    fn a_position_with_any_character_changed_or_cut_is_refused() {
        let signer = Signer::new([1; 32]);
        let text = signer.write(&Positions::of(2).at(99));
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(signer.read(&changed), None, "at {at}");
            assert_eq!(signer.read(&text[..at]), None, "cut at {at}");
        }
    }

    #[test]
    fn a_position_is_kept_from_the_earliest_to_the_end() {
        let (earliest, end) = (Positions::of(0).at(5), Positions::of(0).at(9));
        for (offset, within) in [(4, false), (5, true), (9, true), (10, false)] {
            assert_eq!(
                Positions::of(0).at(offset).is_within(&earliest, &end),
                within
            );
        }
        assert!(
            !Positions::default().is_within(&earliest, &end),
            "before what is kept"
        );
        assert!(
            !Positions::of(1).at(1).is_within(&earliest, &end),
            "no such partition"
        );
    }
}
