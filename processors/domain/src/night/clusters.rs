//! Which records tell of one stretch of sleep: a gap of up to two hours, measured against the whole
//! stretch so far, and declared naps apart from it.

use super::{GAP_S, SleepKind, SleepRecord};
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

    let is_own_nap = |record: &SleepRecord| record.nap && !is_surrounded(record, records);
    let naps = order
        .iter()
        .filter(|(_, record)| is_own_nap(record))
        .copied();
    let mut naps = chain(naps, 0, true);

    let mut rest = Vec::with_capacity(order.len());
    for (index, record) in order {
        if is_own_nap(record) {
            continue;
        }
        match naps
            .iter_mut()
            .find(|nap| is_mostly_inside(record.span, nap.window))
        {
            Some(nap) => nap.members.push(index),
            None => rest.push((index, record)),
        }
    }
    let mut all = chain(rest, GAP_S, false);
    all.append(&mut naps);
    for cluster in &mut all {
        let place = |index: &usize| records.get(*index).map(|record| (record.span, record.id));
        cluster.members.sort_by_key(|index| (place(index), *index));
    }
    all.sort_by(|one, other| (one.window, &one.members).cmp(&(other.window, &other.members)));
    all
}

/// Joins records in order of start while the gap to the window so far is at most `gap_s`.
fn chain<'a>(
    order: impl IntoIterator<Item = (usize, &'a SleepRecord)>,
    gap_s: i64,
    declared_nap: bool,
) -> Vec<Cluster> {
    let gap_us = gap_s.unsigned_abs().saturating_mul(1_000_000);
    let mut all: Vec<Cluster> = Vec::new();
    for (index, record) in order {
        match all.last_mut() {
            Some(last) if last.window.gap_us(record.span) <= gap_us => {
                last.members.push(index);
                last.window = last.window.hull(record.span);
            }
            _ => all.push(Cluster {
                members: vec![index],
                window: record.span,
                declared_nap,
            }),
        }
    }
    all
}

/// Something clearly longer that is not called a nap holds this nap: it is a part of that sleep.
fn is_surrounded(nap: &SleepRecord, records: &[SleepRecord]) -> bool {
    let quarter_more = nap
        .span
        .length_us()
        .saturating_add(nap.span.length_us() / 4);
    records.iter().any(|record| {
        !record.nap
            && record.kind != SleepKind::Awake
            && record.span.length_us() > quarter_more
            && record.span.contains(nap.span)
    })
}

/// Four fifths of it.
fn is_mostly_inside(span: Span, window: Span) -> bool {
    let inside = span.overlap_us(window).saturating_mul(5);
    window.contains(span) || (inside > 0 && inside >= span.length_us().saturating_mul(4))
}
