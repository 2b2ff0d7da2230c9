//! Where the next page begins, as an opaque word.
//!
//! ```text
//! byte 0       version, 1
//! bytes 1..9   check sum over the filter and all that follows, big-endian
//! bytes 9..17  start of the last item, microseconds, big-endian
//! byte 17      lane of the last item
//! bytes 18..   id of the last item
//! ```
//!
//! The check sum finds mistakes (a cursor that was cut, or taken to another list), not attacks: a
//! cursor shows nothing that its list does not show.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemas::record::Micros;

const VERSION: u8 = 1;
/// The longest word that is looked at: ids are far shorter.
const TEXT_BYTES_MAX: usize = 2_048;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) start: Micros,
    pub(crate) lane: u8,
    pub(crate) id: String,
}

impl Cursor {
    pub(crate) fn write(&self, filter: &str) -> String {
        let mut place = Vec::with_capacity(16 + self.id.len());
        place.extend(self.start.0.to_be_bytes());
        place.push(self.lane);
        place.extend(self.id.as_bytes());
        let mut bytes = vec![VERSION];
        bytes.extend(check_sum(filter, &place).to_be_bytes());
        bytes.extend(place);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// `None` for anything that `write` did not write for this filter.
    pub(crate) fn read(text: &str, filter: &str) -> Option<Self> {
        if text.len() > TEXT_BYTES_MAX {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (version, rest) = bytes.split_first()?;
        let (sum, place) = rest.split_first_chunk::<8>()?;
        let (start, rest) = place.split_first_chunk::<8>()?;
        let (lane, id) = rest.split_first()?;
        let fits = *version == VERSION && u64::from_be_bytes(*sum) == check_sum(filter, place);
        fits.then_some(())?;
        Some(Self {
            start: Micros(i64::from_be_bytes(*start)),
            lane: *lane,
            id: String::from_utf8(id.to_vec()).ok()?,
        })
    }
}

/// FNV-1a, 64 bits.
fn check_sum(filter: &str, place: &[u8]) -> u64 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let bytes = filter.bytes().chain([0xff]).chain(place.iter().copied());
    bytes.fold(OFFSET, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(PRIME)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor() -> Cursor {
        Cursor {
            start: Micros(-5),
            lane: 3,
            id: "ath_7/wk/post".into(),
        }
    }

    #[test]
    fn a_cursor_reads_back_for_the_list_it_came_from_only() {
        let text = cursor().write("sessions a");
        assert_eq!(Cursor::read(&text, "sessions a"), Some(cursor()));
        assert_eq!(Cursor::read(&text, "sessions b"), None);
    }

    #[test]
    fn a_cursor_with_any_character_changed_or_cut_is_refused() {
        let text = cursor().write("f");
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(Cursor::read(&changed, "f"), None, "at {at}");
            assert_eq!(Cursor::read(&text[..at], "f"), None, "cut at {at}");
        }
    }
}
