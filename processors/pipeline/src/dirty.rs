//! What a batch made stale: spans of event time, by what has to be looked at again.
//!
//! A span is closed at both ends, in microseconds. The affected block is the closure of the stale
//! spans over everything that touches them, so that a merge is recomputed whole or not at all.

use std::collections::BTreeSet;

pub(crate) type Reach = (i64, i64);

#[derive(Clone, Debug, Default)]
pub(crate) struct Dirty {
    pub(crate) activity: Vec<Reach>,
    pub(crate) sleep: Vec<Reach>,
    /// Where sessions were and where they are now: their weigh-ins are matched again.
    pub(crate) sessions: Vec<Reach>,
    /// Weigh-ins: sessions near them get another loss.
    pub(crate) weigh_in: Vec<Reach>,
    /// Hours whose weather became known: sessions in them get another loss.
    pub(crate) weather: Vec<Reach>,
    /// Where another body mass holds now: what patches say depends on it.
    pub(crate) mass: Vec<Reach>,
    /// Plans, intake, body mass, changed sessions: advice near them is worked out again.
    pub(crate) advice: Vec<Reach>,
    /// Sessions whose loss has to be estimated again, by id.
    pub(crate) losses: BTreeSet<String>,
    /// Days whose questions to the weather service changed, or are due again.
    pub(crate) asks: BTreeSet<i32>,
    /// Days whose timer fired.
    pub(crate) days: BTreeSet<i32>,
    /// Something that every day depends on changed.
    pub(crate) everything: bool,
    /// A report of symptoms came, changed or went.
    pub(crate) hold: bool,
    /// The evidence or the profile's own timer changed.
    pub(crate) profile: bool,
}

/// Extend `spans` until nothing in `items` touches them from outside (within `slack`).
pub(crate) fn close(spans: &[Reach], items: &[Reach], slack: i64) -> Vec<Reach> {
    let mut closed = merge(spans.to_vec(), slack);
    loop {
        let mut grown = closed.clone();
        for item in items {
            for span in &mut grown {
                if touches(*span, *item, slack) {
                    span.0 = span.0.min(item.0);
                    span.1 = span.1.max(item.1);
                }
            }
        }
        let grown = merge(grown, slack);
        if grown == closed {
            return closed;
        }
        closed = grown;
    }
}

pub(crate) fn touches(a: Reach, b: Reach, slack: i64) -> bool {
    a.0.saturating_sub(slack) <= b.1 && b.0.saturating_sub(slack) <= a.1
}

pub(crate) fn any_touches(spans: &[Reach], item: Reach, slack: i64) -> bool {
    spans.iter().any(|span| touches(*span, item, slack))
}

fn merge(mut spans: Vec<Reach>, slack: i64) -> Vec<Reach> {
    spans.sort_unstable();
    let mut merged: Vec<Reach> = Vec::with_capacity(spans.len());
    for span in spans {
        match merged.last_mut() {
            Some(last) if touches(*last, span, slack) => last.1 = last.1.max(span.1),
            _ => merged.push(span),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::close;

    #[test]
    fn a_block_closes_over_a_chain_of_neighbours_and_stops_at_a_gap() {
        let items = [(0, 10), (12, 20), (21, 30), (50, 60)];
        assert_eq!(close(&[(5, 6)], &items, 2), [(0, 30)]);
        assert_eq!(close(&[(5, 6)], &items, 0), [(0, 10)]);
        assert_eq!(close(&[(5, 6), (55, 70)], &items, 2), [(0, 30), (50, 70)]);
        assert!(close(&[], &items, 2).is_empty());
    }
}
