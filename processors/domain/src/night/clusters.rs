//! Which records tell of one stretch of sleep: a gap of up to two hours, measured against the whole
//! stretch so far, and declared naps apart from it.
//!
//! What a device tells without a break is a run, and a run is never torn: where it belongs is asked
//! of all of it at once. Its single fragments end anywhere beside the nap that another declares, and
//! one by one some were of the nap and some were not.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::witness::{Key, key};
use super::{GAP_S, NIGHT_MIN_S, RUN_GAP_S, SleepKind, SleepRecord};
use crate::time::Span;

/// Records of one stretch of sleep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// Indices into the slice given, by start, then id.
    pub members: Vec<usize>,
    pub window: Span,
    /// A source calls it a nap, and no longer sleep surrounds it.
    pub declared_nap: bool,
}

/// A partition of the records, by start of the window.
pub fn clusters(records: &[SleepRecord]) -> Vec<Cluster> {
    let mut order: Vec<(usize, &SleepRecord)> = records.iter().enumerate().collect();
    order.sort_unstable_by_key(|(index, record)| (record.span, record.id, *index));
    let runs = runs(&order);

    let is_own_nap = |run: &Run| run.kind == RunKind::Nap && !is_surrounded(run.sleep, &runs);
    let (naps, others): (Vec<&Run>, Vec<&Run>) = runs.iter().partition(|run| is_own_nap(run));
    let mut naps = chain(naps, 0, true);
    let homes: Vec<Option<usize>> = others
        .iter()
        .map(|run| home(run.sleep, &naps, is_of))
        .collect();
    let mut rest = Vec::with_capacity(others.len());
    for (run, home) in others.into_iter().zip(homes) {
        match home.and_then(|nap| naps.get_mut(nap)) {
            Some(nap) => nap.take(&run.members, run.window),
            None => rest.push(run),
        }
    }
    let mut all = Vec::new();
    for stretch in chain(rest, GAP_S, false) {
        let home = home(stretch.window, &naps, is_beside);
        match home.and_then(|nap| naps.get_mut(nap)) {
            Some(nap) => nap.take(&stretch.members, stretch.window),
            None => all.push(stretch),
        }
    }
    all.append(&mut naps);
    for cluster in &mut all {
        let place = |index: &usize| records.get(*index).map(|record| (record.span, record.id));
        cluster.members.sort_by_key(|index| (place(index), *index));
    }
    all.sort_by(|one, other| (one.window, &one.members).cmp(&(other.window, &other.members)));
    all
}

impl Cluster {
    fn take(&mut self, members: &[usize], window: Span) {
        self.members.extend(members);
        self.window = self.window.hull(window);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum RunKind {
    Sleep,
    InBed,
    Awake,
    /// One record that its source calls a nap.
    Nap,
}

/// What one device tells without a break: fragments, or one record of the whole.
struct Run {
    /// Indices into all records.
    members: Vec<usize>,
    kind: RunKind,
    teller: Key,
    /// Without the time awake that it begins or ends with.
    sleep: Span,
    window: Span,
}

impl Run {
    fn of(index: usize, record: &SleepRecord) -> Self {
        let kind = match record.kind {
            _ if record.nap => RunKind::Nap,
            SleepKind::InBed => RunKind::InBed,
            SleepKind::Awake => RunKind::Awake,
            _ => RunKind::Sleep,
        };
        Self {
            members: vec![index],
            kind,
            teller: key(record),
            sleep: record.span,
            window: record.span,
        }
    }

    fn take(&mut self, next: &Self) {
        self.members.extend(&next.members);
        self.window = self.window.hull(next.window);
        if next.kind == self.kind {
            self.sleep = self.sleep.hull(next.sleep);
        }
    }
}

/// By start. Time awake goes with the sleep that it ends or begins, and does not lengthen it: a device
/// may tell of a whole morning awake between a night and a nap.
fn runs(order: &[(usize, &SleepRecord)]) -> Vec<Run> {
    let gap_us = micros(RUN_GAP_S);
    let mut all: Vec<Run> = Vec::new();
    let mut last_of: BTreeMap<(RunKind, Key), usize> = BTreeMap::new();
    let mut awake: Vec<Run> = Vec::new();
    for (index, record) in order {
        let next = Run::of(*index, record);
        if next.kind == RunKind::Awake {
            awake.push(next);
            continue;
        }
        let is_fragment = next.kind != RunKind::Nap && record.kind != SleepKind::Session;
        let place = (next.kind, next.teller);
        let last = last_of
            .get(&place)
            .and_then(|last| all.get_mut(*last))
            .filter(|last| is_fragment && last.sleep.gap_us(next.sleep) <= gap_us);
        match last {
            Some(last) => last.take(&next),
            None => {
                if is_fragment {
                    last_of.insert(place, all.len());
                }
                all.push(next);
            }
        }
    }
    for next in awake {
        let of_its_device = all
            .iter_mut()
            .filter(|run| run.kind == RunKind::Sleep && run.teller == next.teller);
        let nearest = of_its_device.min_by_key(|run| run.window.gap_us(next.window));
        match nearest.filter(|run| run.window.gap_us(next.window) <= gap_us) {
            Some(run) => run.take(&next),
            None => all.push(next),
        }
    }
    all.sort_by(|one, other| (one.window, &one.members).cmp(&(other.window, &other.members)));
    all
}

/// Joins runs in order of start while the gap to the window so far is at most `gap_s`.
fn chain(runs: Vec<&Run>, gap_s: i64, declared_nap: bool) -> Vec<Cluster> {
    let gap_us = micros(gap_s);
    let mut all: Vec<Cluster> = Vec::new();
    for run in runs {
        match all.last_mut() {
            Some(last) if last.window.gap_us(run.window) <= gap_us => {
                last.take(&run.members, run.window);
            }
            _ => all.push(Cluster {
                members: run.members.clone(),
                window: run.window,
                declared_nap,
            }),
        }
    }
    all
}

/// The nap that a span belongs to; of several the one that shares most of it, then the first.
fn home(span: Span, naps: &[Cluster], belongs: fn(Span, Span) -> bool) -> Option<usize> {
    let fitting = naps
        .iter()
        .enumerate()
        .filter(|(_, nap)| belongs(span, nap.window));
    fitting
        .max_by_key(|(place, nap)| (span.overlap_us(nap.window), Reverse(*place)))
        .map(|(place, _)| place)
}

/// Sleep or time in bed more than twice as long, which nobody calls a nap, holds this nap: it is a
/// part of that. Another device that saw the same nap may well have seen more of it.
fn is_surrounded(nap: Span, runs: &[Run]) -> bool {
    runs.iter().any(|run| {
        matches!(run.kind, RunKind::Sleep | RunKind::InBed)
            && run.sleep.length_us() > nap.length_us().saturating_mul(2)
            && (run.sleep.contains(nap) || is_mostly_inside(nap, run.sleep))
    })
}

/// Half of the shorter is in the longer, and a run is no more than twice as long as the nap.
fn is_of(run: Span, nap: Span) -> bool {
    let shorter = run.length_us().min(nap.length_us());
    let inside = run.overlap_us(nap);
    let fits = run.length_us() <= nap.length_us().saturating_mul(2);
    nap.contains(run) || (fits && inside > 0 && inside >= shorter.div_ceil(2))
}

/// Nobody sleeps twice at once: what shares any of a nap and is too short for a night is that nap.
fn is_beside(stretch: Span, nap: Span) -> bool {
    stretch.overlap_us(nap) > 0 && stretch.length_us() < micros(NIGHT_MIN_S)
}

/// Four fifths of it.
fn is_mostly_inside(span: Span, window: Span) -> bool {
    let inside = span.overlap_us(window).saturating_mul(5);
    inside > 0 && inside >= span.length_us().saturating_mul(4)
}

fn micros(seconds: i64) -> u64 {
    seconds.unsigned_abs().saturating_mul(1_000_000)
}
