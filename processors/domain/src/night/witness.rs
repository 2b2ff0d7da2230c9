//! What one device through one path says of one stretch of sleep.
//!
//! Its own records may repeat each other: a night that was sent again with a later end, a fragment
//! that came under a new id, an unspecified wrapper around stages. Here they become one line of
//! pieces that do not overlap, so that nothing is counted twice.

use std::cmp::Reverse;

use super::{SleepKind, SleepRecord};
use crate::observation::{Device, DeviceClass, ObservationId, Source, Writer};
use crate::time::{Instant, Span};

/// Two devices that were both there differ by less.
const PARTIAL_BELOW_PERMILLE: u128 = 700;

/// The same device, told through the same path.
pub(super) type Key = (Source, u64, Option<Writer>, Option<Device>);

pub(super) fn key(record: &SleepRecord) -> Key {
    (record.source, record.account, record.writer, record.device)
}

/// A stretch of one kind, and the record that tells it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    pub(super) span: Span,
    pub(super) kind: SleepKind,
    pub(super) teller: ObservationId,
    /// From a record that tells the whole: its last segment ends the night, asleep or not.
    whole: bool,
    /// Of a record that tells no intervals: how much of it was sleep.
    told_us: u64,
}

impl Piece {
    fn asleep_us(&self) -> u64 {
        let sleeps = self.kind.is_asleep() || self.kind == SleepKind::Session;
        if sleeps {
            self.span.length_us().min(self.told_us)
        } else {
            0
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Witness {
    /// Apart from each other, by start.
    pub(super) pieces: Vec<Piece>,
    told: Totals,
    standing: Standing,
}

/// Seconds by kind that records state without intervals.
#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    awake_s: Option<(i64, ObservationId)>,
    deep_s: Option<(i64, ObservationId)>,
    light_s: Option<(i64, ObservationId)>,
    rem_s: Option<(i64, ObservationId)>,
}

impl Totals {
    /// What records state of kinds for which they tell no interval. A record whose sleep was dropped
    /// as a wrapper states nothing.
    fn of(records: &[&SleepRecord], pieces: &[Piece]) -> Self {
        let mut told = Self::default();
        for record in records
            .iter()
            .filter(|record| record.kind == SleepKind::Session)
        {
            if !pieces.iter().any(|piece| piece.teller == record.id) {
                continue;
            }
            let add = |sum: &mut Option<(i64, ObservationId)>, kind, stated: Option<i64>| {
                let has_intervals = record.segments.iter().any(|segment| segment.0 == kind);
                if let Some(more) = stated.filter(|_| !has_intervals) {
                    let (before, first) = sum.unwrap_or((0, record.id));
                    *sum = Some((before.saturating_add(more.max(0)), first));
                }
            };
            add(&mut told.awake_s, SleepKind::Awake, record.awake_s);
            add(&mut told.deep_s, SleepKind::Deep, record.deep_s);
            add(&mut told.light_s, SleepKind::Light, record.light_s);
            add(&mut told.rem_s, SleepKind::Rem, record.rem_s);
        }
        told
    }
}

/// The smaller, the better; the order of the fields is the order of the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Standing {
    pub(super) no_sleep: bool,
    pub(super) manual: bool,
    pub(super) no_stages: bool,
    /// It was there for a part of the sleep that another saw in stages.
    pub(super) partial: bool,
    pub(super) path: u8,
    pub(super) asleep: Reverse<u64>,
    first: Option<ObservationId>,
}

impl Witness {
    /// `in_bed_is_sleep`: nobody in the cluster tells of sleep itself.
    pub(super) fn new(records: &[&SleepRecord], in_bed_is_sleep: bool) -> Self {
        let kept = without_repeats(records);
        let mut pieces = Vec::new();
        for record in &kept {
            collect(record, in_bed_is_sleep, &mut pieces);
        }
        drop_unstaged(&mut pieces);
        let pieces = clipped(pieces);
        let told = Totals::of(&kept, &pieces);
        let asleep = pieces
            .iter()
            .fold(0_u64, |sum, piece| sum.saturating_add(piece.asleep_us()));
        let opaque = |piece: &Piece| piece.kind == SleepKind::Session;
        let staged = pieces.iter().any(|piece| piece.kind.is_stage())
            || told.deep_s.or(told.light_s).or(told.rem_s).is_some();
        let standing = Standing {
            no_sleep: asleep == 0 && !pieces.iter().any(opaque),
            manual: kept.iter().all(|record| record.manual),
            no_stages: !staged,
            partial: false,
            path: records.first().map_or(u8::MAX, |record| path_rank(record)),
            asleep: Reverse(asleep),
            first: records.iter().map(|record| record.id).min(),
        };
        Self {
            pieces,
            told,
            standing,
        }
    }

    pub(super) fn standing(&self) -> Standing {
        self.standing
    }

    /// Whether its sleep is a measure for that of others.
    fn sees_stages(&self) -> bool {
        !(self.standing.no_sleep || self.standing.manual || self.standing.no_stages)
    }

    pub(super) fn asleep_us(&self) -> u64 {
        self.standing.asleep.0
    }

    /// Pieces in which it says the athlete slept, with whole records that tell only totals.
    pub(super) fn asleep(&self) -> impl DoubleEndedIterator<Item = &Piece> {
        self.pieces
            .iter()
            .filter(|it| it.kind.is_asleep() || it.kind == SleepKind::Session)
    }

    /// All that it watched, awake or not.
    pub(super) fn window(&self) -> Option<Span> {
        self.pieces
            .iter()
            .map(|piece| piece.span)
            .reduce(Span::hull)
    }

    pub(super) fn onset(&self) -> Option<(Instant, ObservationId)> {
        self.asleep()
            .map(|piece| (piece.span.start(), piece.teller))
            .min()
    }

    /// The last awakening: the end of the last sleep, or of the last segment of a whole record.
    pub(super) fn waking(&self) -> Option<(Instant, ObservationId)> {
        let counts = |it: &&Piece| it.whole || it.kind.is_asleep() || it.kind == SleepKind::Session;
        let ends = self
            .pieces
            .iter()
            .filter(counts)
            .map(|it| (it.span.end(), it.teller));
        ends.max_by_key(|(end, teller)| (*end, Reverse(*teller)))
    }

    /// The record that tells the most sleep, for the provenance of sums.
    pub(super) fn main_teller(&self) -> Option<ObservationId> {
        let longest = |piece: &&Piece| (piece.span.length_us(), Reverse(piece.teller));
        self.asleep().max_by_key(longest).map(|piece| piece.teller)
    }

    /// Seconds of one kind and who told of it first. `None` where it says nothing of the kind.
    pub(super) fn seconds_of(&self, kind: SleepKind) -> Option<(i64, ObservationId)> {
        let told = match kind {
            SleepKind::Awake => self.told.awake_s,
            SleepKind::Deep => self.told.deep_s,
            SleepKind::Light => self.told.light_s,
            SleepKind::Rem => self.told.rem_s,
            SleepKind::Session | SleepKind::InBed | SleepKind::Asleep => None,
        };
        let mut sum = 0_u64;
        let mut teller = None;
        for piece in self.pieces.iter().filter(|piece| piece.kind == kind) {
            sum = sum.saturating_add(piece.span.length_us());
            teller = teller.or(Some(piece.teller));
        }
        match (teller, told) {
            // One record with intervals and one with totals: no record is in both sums.
            (Some(teller), Some((more, _))) => Some((us_seconds(sum).saturating_add(more), teller)),
            (Some(teller), None) => Some((us_seconds(sum), teller)),
            (None, told) => told,
        }
    }
}

/// Marks those that saw much less sleep in stages than another did: the watch was put on late, or died.
pub(super) fn mark_partial<K>(witnesses: &mut [(K, Witness)]) {
    let staged = witnesses.iter().filter(|(_, it)| it.sees_stages());
    let most = staged.map(|(_, it)| it.asleep_us()).max().unwrap_or(0);
    let enough = u128::from(most).saturating_mul(PARTIAL_BELOW_PERMILLE) / 1_000;
    for (_, witness) in witnesses {
        witness.standing.partial =
            witness.sees_stages() && u128::from(witness.asleep_us()) < enough;
    }
}

/// Whole records of one device that overlap are one night sent again: the one that reaches furthest
/// stands for all. Fragments stay; clipping takes care of them.
fn without_repeats<'a>(records: &[&'a SleepRecord]) -> Vec<&'a SleepRecord> {
    let is_whole = |record: &&&SleepRecord| record.kind == SleepKind::Session;
    let mut whole: Vec<&SleepRecord> = records.iter().filter(is_whole).copied().collect();
    whole.sort_unstable_by_key(|it| (Reverse(it.span.end()), it.span.start(), it.id));
    let mut kept: Vec<&SleepRecord> = Vec::with_capacity(records.len());
    for record in whole {
        let repeats = |other: &&SleepRecord| {
            other.span == record.span || other.span.overlap_us(record.span) > 0
        };
        if !kept.iter().any(repeats) {
            kept.push(record);
        }
    }
    kept.extend(
        records
            .iter()
            .filter(|record| record.kind != SleepKind::Session),
    );
    kept
}

fn is_total_only(record: &SleepRecord) -> bool {
    record.kind == SleepKind::Session && !record.segments.iter().any(|(kind, _)| kind.is_asleep())
}

/// Asleep as stated, else the stages together, else all of it that is not stated as awake.
fn told_asleep_s(record: &SleepRecord) -> i64 {
    let stages = [record.deep_s, record.light_s, record.rem_s];
    let staged = || stages.into_iter().flatten().reduce(i64::saturating_add);
    let length_s = record.span.length_s();
    let asleep_s = record.asleep_s.or_else(staged);
    asleep_s
        .unwrap_or_else(|| length_s.saturating_sub(record.awake_s.unwrap_or(0)))
        .max(0)
}

fn collect(record: &SleepRecord, in_bed_is_sleep: bool, pieces: &mut Vec<Piece>) {
    let whole = record.kind == SleepKind::Session;
    let told_us = if is_total_only(record) {
        seconds_us(told_asleep_s(record))
    } else {
        u64::MAX
    };
    let piece = |kind, span| Piece {
        span,
        kind,
        teller: record.id,
        whole,
        told_us,
    };
    match record.kind {
        SleepKind::Session if !is_total_only(record) => {
            let staged = record
                .segments
                .iter()
                .filter(|(kind, _)| !matches!(kind, SleepKind::Session | SleepKind::InBed));
            pieces.extend(staged.map(|(kind, span)| piece(*kind, *span)));
        }
        SleepKind::InBed if in_bed_is_sleep => pieces.push(piece(SleepKind::Asleep, record.span)),
        SleepKind::InBed => {}
        kind => pieces.push(piece(kind, record.span)),
    }
}

/// Unspecified sleep that overlaps the stretch with stages is a wrapper around it.
fn drop_unstaged(pieces: &mut Vec<Piece>) {
    let staged = pieces
        .iter()
        .filter(|it| it.kind.is_stage())
        .map(|it| it.span);
    if let Some(window) = staged.reduce(Span::hull) {
        pieces.retain(|piece| {
            let unstaged = matches!(piece.kind, SleepKind::Asleep | SleepKind::Session);
            !(unstaged && piece.span.overlap_us(window) > 0)
        });
    }
}

/// No instant counts twice: of two pieces that overlap the one that began earlier has it.
fn clipped(mut pieces: Vec<Piece>) -> Vec<Piece> {
    pieces.sort_unstable_by_key(|it| (it.span.start(), Reverse(it.span.end()), it.kind, it.teller));
    let mut reached: Option<Instant> = None;
    pieces.retain_mut(|piece| {
        let start = reached.map_or(piece.span.start(), |reached| {
            reached.max(piece.span.start())
        });
        let keeps = start < piece.span.end() || reached.is_none();
        if keeps {
            piece.span = Span::new(start, piece.span.end());
            reached = Some(piece.span.end());
        }
        keeps
    });
    pieces
}

/// Watches and rings see a body, copies lose detail on the way, a phone sees a pillow.
fn path_rank(record: &SleepRecord) -> u8 {
    let class = record.device.map(|device| device.class);
    match (record.source, record.writer, class) {
        (_, _, Some(DeviceClass::Phone)) => 4,
        (Source::Garmin | Source::File, _, _) => 0,
        (_, Some(Writer::GarminConnect), _) => 2,
        (_, _, Some(DeviceClass::Wearable)) => 1,
        _ => 3,
    }
}

pub(super) fn us_seconds(micros: u64) -> i64 {
    let rounded = micros.saturating_add(500_000) / 1_000_000;
    i64::try_from(rounded).unwrap_or(i64::MAX)
}

fn seconds_us(seconds: i64) -> u64 {
    u64::try_from(seconds)
        .unwrap_or(0)
        .saturating_mul(1_000_000)
}
