//! The observations of a day as bytes: outlines of one width in front, the observations behind.
//!
//! ```text
//! u32      CRC-32 of all that follows
//! u8       by which rules the outlines were drawn
//! u32      how many observations
//! 55 × n   outlines: id 16 (big-endian), kind 1, flags 1, versions 1, span 8 + 8, reach 8 + 8, length 4
//! ...      the observations, each as long as its outline says
//! ```
//! Numbers are little-endian. Which observation of which version of the schema it is, the frame of
//! each says itself.

use std::sync::Arc;

use schemas::record::state::ObservationState;
use stream_log::Undecodable;

use super::kept::{Kept, Kind, Outline};
use crate::dirty::Reach;

/// To be raised when `Outline::of` tells something else of the same observation: outlines that were
/// drawn by other rules are drawn again.
const OUTLINE_RULES: u8 = 1;
const OUTLINE_BYTES: usize = 55;
/// Checksum, rules and count.
const FRONT_BYTES: usize = 9;
const GONE: u8 = 1;
const HAS_SPAN: u8 = 2;
const HAS_REACH: u8 = 4;

pub(super) fn pack(observations: &[Kept]) -> Vec<u8> {
    if observations.is_empty() {
        return Vec::new();
    }
    let outlines = observations.len() * OUTLINE_BYTES;
    let bodies: usize = observations.iter().map(Kept::stored_bytes).sum();
    let mut packed = Vec::with_capacity(FRONT_BYTES + outlines + bodies);
    packed.extend_from_slice(&[0; size_of::<u32>()]);
    packed.push(OUTLINE_RULES);
    packed.extend_from_slice(&number(observations.len()).to_le_bytes());
    for kept in observations {
        draw(&kept.outline, &mut packed);
    }
    // How long each is, is known once it was written.
    let mut length_at = FRONT_BYTES + OUTLINE_BYTES - size_of::<u32>();
    for kept in observations {
        let start = packed.len();
        kept.append_to(&mut packed);
        let length = number(packed.len() - start).to_le_bytes();
        if let Some(place) = packed.get_mut(length_at..length_at + length.len()) {
            place.copy_from_slice(&length);
        }
        length_at += OUTLINE_BYTES;
    }
    let (crc, rest) = packed.split_at_mut(size_of::<u32>());
    crc.copy_from_slice(&crc32fast::hash(rest).to_le_bytes());
    packed
}

/// More would make a value far beyond the largest that any store takes.
fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// An outline whose length is not known yet.
fn draw(outline: &Outline, packed: &mut Vec<u8>) {
    let flag = |holds: bool, flag: u8| if holds { flag } else { 0 };
    packed.extend_from_slice(&outline.id.to_be_bytes());
    packed.push(outline.kind as u8);
    packed.push(
        flag(outline.gone, GONE)
            | flag(outline.span.is_some(), HAS_SPAN)
            | flag(outline.reach.is_some(), HAS_REACH),
    );
    packed.push(outline.versions);
    for (start, end) in [outline.span, outline.reach].map(Option::unwrap_or_default) {
        packed.extend_from_slice(&start.to_le_bytes());
        packed.extend_from_slice(&end.to_le_bytes());
    }
    packed.extend_from_slice(&number(0).to_le_bytes());
}

/// The observations of a bucket: behind outlines, or in full as they were stored before there were any.
pub(super) fn unpack(
    packed: Vec<u8>,
    full: Vec<Arc<ObservationState>>,
) -> Result<Vec<Kept>, Undecodable> {
    if packed.is_empty() {
        return Ok(full.into_iter().map(Kept::shared).collect());
    }
    let packed = Arc::new(packed);
    read(&packed).ok_or_else(|| Undecodable {
        detail: format!(
            "the observations of a day do not agree with their checksum, or do not fill their {} bytes",
            packed.len()
        ),
    })
}

fn read(packed: &Arc<Vec<u8>>) -> Option<Vec<Kept>> {
    let (crc, rest) = packed.split_first_chunk()?;
    if crc32fast::hash(rest) != u32::from_le_bytes(*crc) {
        return None;
    }
    let (rules, rest) = rest.split_first()?;
    let (count, rest) = rest.split_first_chunk()?;
    let count = usize::try_from(u32::from_le_bytes(*count)).ok()?;
    let (outlines, bodies) = rest.split_at_checked(count.checked_mul(OUTLINE_BYTES)?)?;
    let (outlines, _) = outlines.as_chunks::<OUTLINE_BYTES>();
    let mut start = packed.len().checked_sub(bodies.len())?;
    let mut observations = Vec::with_capacity(count);
    for outline in outlines {
        let (outline, length) = outline_of(outline)?;
        let end = start.checked_add(length)?;
        // An observation is a framed record, so none is empty.
        packed.get(start..end).filter(|bytes| !bytes.is_empty())?;
        observations.push(Kept::unread(outline, packed, start, end));
        start = end;
    }
    if start != packed.len() {
        return None;
    }
    if *rules != OUTLINE_RULES {
        let again = observations
            .into_iter()
            .map(|kept| Kept::of(kept.into_state()));
        return Some(again.collect());
    }
    Some(observations)
}

fn outline_of(bytes: &[u8; OUTLINE_BYTES]) -> Option<(Outline, usize)> {
    let (id, rest) = bytes.split_first_chunk()?;
    let ([kind, flags, versions], rest) = rest.split_first_chunk()?;
    let (span, rest) = reach(rest)?;
    let (reach, rest) = reach(rest)?;
    let length = u32::from_le_bytes(*rest.first_chunk()?);
    let outline = Outline {
        id: u128::from_be_bytes(*id),
        kind: Kind::of_byte(*kind)?,
        gone: flags & GONE != 0,
        span: (flags & HAS_SPAN != 0).then_some(span),
        reach: (flags & HAS_REACH != 0).then_some(reach),
        versions: *versions,
    };
    Some((outline, usize::try_from(length).ok()?))
}

fn reach(bytes: &[u8]) -> Option<(Reach, &[u8])> {
    let (start, rest) = bytes.split_first_chunk()?;
    let (end, rest) = rest.split_first_chunk()?;
    Some(((i64::from_le_bytes(*start), i64::from_le_bytes(*end)), rest))
}

#[cfg(test)]
mod tests {
    use schemas::record::Micros;
    use schemas::record::observation::{ActivityBody, BodyMassBody, PlannedWorkoutBody, SleepBody};
    use schemas::record::state::VersionState;

    use super::*;
    use crate::bucket::DAY_US;

    const HOUR_US: i64 = 3_600_000_000;
    const RULES_AT: usize = 4;
    /// The kind of the first outline: its id stands before it.
    const KIND_AT: usize = 4 + 1 + 4 + 16;

    fn state(id: u128, versions: Vec<VersionState>) -> ObservationState {
        ObservationState {
            observation_id: format!("{id:032x}"),
            source: "garmin".to_owned(),
            versions,
            ..ObservationState::default()
        }
    }

    fn activity(channel: &str, elapsed_s: i64, hidden_start: bool) -> VersionState {
        let body = ActivityBody {
            start: Micros(2 * HOUR_US),
            end: Micros(3 * HOUR_US),
            elapsed_s,
            hidden_start,
            ..ActivityBody::default()
        };
        VersionState {
            channel: channel.to_owned(),
            activity: Some(Arc::new(body)),
            ..VersionState::default()
        }
    }

    fn sleep() -> VersionState {
        let body = SleepBody {
            start: Micros(-HOUR_US),
            end: Micros(HOUR_US),
            ..SleepBody::default()
        };
        VersionState {
            sleep: Some(Arc::new(body)),
            ..VersionState::default()
        }
    }

    fn mass() -> VersionState {
        let body = BodyMassBody {
            at: Micros(7),
            mass_kg: 70.0,
            manual: false,
        };
        VersionState {
            body_mass: Some(Arc::new(body)),
            ..VersionState::default()
        }
    }

    fn plan_taken_back() -> VersionState {
        let body = PlannedWorkoutBody {
            plan_id: "p1".to_owned(),
            version: None,
            sport: "running".to_owned(),
            family: "run".to_owned(),
            start: Micros(0),
            duration_min: 60.0,
            intensity: "easy".to_owned(),
            indoor: None,
            with_patch: None,
            lat: None,
            lon: None,
            deleted: true,
        };
        VersionState {
            planned_workout: Some(Arc::new(body)),
            ..VersionState::default()
        }
    }

    type Told = (Kind, bool, Option<Reach>, Option<Reach>);

    /// Observations, and what can be told without reading them: kind, withdrawn, span, reach. Where
    /// a row has to change, the rules of outlines did: raise [`OUTLINE_RULES`].
    fn table() -> Vec<(ObservationState, Told)> {
        let workout = Some((2 * HOUR_US, 3 * HOUR_US));
        let paused = Some((2 * HOUR_US, 4 * HOUR_US));
        let night = Some((-HOUR_US, HOUR_US));
        let plan = Some((0, HOUR_US));
        let of_day = Some((0, DAY_US));
        let instant = Some((7, 7));
        let both = vec![
            activity("details", 7_200, false),
            activity("summary", 3_600, false),
        ];
        let withdrawn = ObservationState {
            deleted: true,
            ..state(2, vec![activity("summary", 3_600, true)])
        };
        vec![
            (
                state(1, vec![activity("summary", 3_600, false)]),
                (Kind::Activity, false, workout, workout),
            ),
            (withdrawn, (Kind::Activity, true, workout, of_day)),
            (state(3, vec![sleep()]), (Kind::Sleep, false, night, night)),
            (
                state(4, vec![mass()]),
                (Kind::BodyMass, false, instant, instant),
            ),
            (
                state(5, vec![plan_taken_back()]),
                (Kind::Plan, true, plan, plan),
            ),
            (state(6, Vec::new()), (Kind::Symptom, false, None, None)),
            (
                state(u128::MAX, both),
                (Kind::Activity, false, paused, paused),
            ),
        ]
    }

    fn packed() -> Vec<u8> {
        let kept: Vec<Kept> = table()
            .into_iter()
            .map(|(state, _)| Kept::of(state))
            .collect();
        pack(&kept)
    }

    fn told(kept: &Kept) -> Told {
        let outline = &kept.outline;
        (outline.kind, outline.gone, outline.span, outline.reach)
    }

    #[test]
    fn an_outline_tells_what_the_observation_does() {
        let read = unpack(packed(), Vec::new()).unwrap();
        assert_eq!(read.len(), table().len());
        for (kept, (state, expected)) in read.iter().zip(table()) {
            assert_eq!(told(kept), expected, "{state:?}");
            assert_eq!(
                kept.id(),
                u128::from_str_radix(&state.observation_id, 16).unwrap()
            );
            assert_eq!(**kept, state);
        }
    }

    #[test]
    fn what_is_not_asked_for_is_not_read_and_goes_back_as_it_came() {
        let packed = packed();
        let mut read = unpack(packed.clone(), Vec::new()).unwrap();
        assert_eq!(pack(&read), packed);
        assert!(read.iter().all(|kept| !kept.is_read()));
        read.remove(1);
        let fewer = unpack(pack(&read), Vec::new()).unwrap();
        assert!(read.iter().all(|kept| !kept.is_read()));
        assert_eq!(fewer, read);
    }

    #[test]
    fn observations_from_before_there_were_outlines_are_read_in_full() {
        let full = table()
            .into_iter()
            .map(|(state, _)| Arc::new(state))
            .collect();
        let read = unpack(Vec::new(), full).unwrap();
        assert_eq!(pack(&read), packed());
    }

    #[test]
    fn outlines_of_other_rules_are_drawn_again() {
        let mut packed = packed();
        packed[RULES_AT] = OUTLINE_RULES + 1;
        packed[KIND_AT] = Kind::Scan as u8;
        let crc = crc32fast::hash(&packed[RULES_AT..]);
        packed[..RULES_AT].copy_from_slice(&crc.to_le_bytes());
        let read = unpack(packed, Vec::new()).unwrap();
        let kinds: Vec<Told> = read.iter().map(told).collect();
        let expected: Vec<Told> = table().into_iter().map(|(_, told)| told).collect();
        assert_eq!(kinds, expected);
    }

    #[test]
    fn bytes_that_are_cut_long_or_changed_are_refused() {
        let whole = packed();
        let longer = [whole.as_slice(), &[0]].concat();
        let changed = (0..whole.len()).map(|at| {
            let mut packed = whole.clone();
            packed[at] ^= 0x10;
            packed
        });
        let cut = (1..whole.len()).map(|length| whole[..length].to_vec());
        for packed in cut.chain(changed).chain([longer]) {
            let length = packed.len();
            assert!(unpack(packed, Vec::new()).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn no_byte_of_the_outlines_makes_it_look_outside_of_the_bytes() {
        let whole = packed();
        for at in RULES_AT..whole.len().min(RULES_AT + 5 + 2 * OUTLINE_BYTES) {
            for value in [0_u8, 0x7f, 0xff] {
                let mut packed = whole.clone();
                packed[at] = value;
                let crc = crc32fast::hash(&packed[RULES_AT..]);
                packed[..RULES_AT].copy_from_slice(&crc.to_le_bytes());
                // Whatever it becomes, nothing outside of its bytes is looked at.
                if at != RULES_AT {
                    drop(unpack(packed, Vec::new()));
                }
            }
        }
    }
}
