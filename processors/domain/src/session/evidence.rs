//! What holds the members of a group together, and how sure that is.

use super::Activity;
use super::clusters::Pair;
use super::hidden;
use super::linkage::{Candidate, Group, SPLIT, Tie, pair_of};
use super::matching::{Likeness, Strength, THRESHOLDS};
use super::recordings::Recordings;
use super::split::Side;
use super::words::{OverrideKind, Words};

/// What the groups were made of.
pub(super) struct Found<'a> {
    pub(super) order: &'a [(usize, &'a Activity)],
    pub(super) words: &'a Words,
    pub(super) recordings: &'a Recordings,
    pub(super) sides: &'a [Side],
    /// Hidden starts and the records they were placed with.
    pub(super) hidden: &'a [Pair],
}

impl Found<'_> {
    pub(super) fn group(&self, positions: &[usize], candidates: Vec<Candidate>) -> Group {
        let index = |position: usize| self.order.get(position).map_or(0, |(index, _)| *index);
        let ties = self.tree(positions);
        Group {
            members: positions.iter().map(|position| index(*position)).collect(),
            confidence_pct: self.confidence(positions, &ties),
            ties: ties
                .into_iter()
                .map(|(one, other, found)| Tie {
                    member: index(other),
                    with: index(one),
                    rule: found.rule,
                    score: found.score,
                })
                .collect(),
            candidates,
        }
    }

    /// The strongest ties that hold a group together, from its first member on.
    fn tree(&self, positions: &[usize]) -> Vec<(usize, usize, Likeness)> {
        let mut tied: Vec<usize> = positions.first().copied().into_iter().collect();
        let mut left: Vec<usize> = positions.iter().skip(1).copied().collect();
        let mut tree = Vec::with_capacity(left.len());
        while !left.is_empty() {
            let mut best: Option<(Likeness, usize, usize)> = None;
            for one in &tied {
                for other in &left {
                    let found = self.evidence(*one, *other);
                    if best.is_none_or(|(known, _, _)| found > known) {
                        best = Some((found, *one, *other));
                    }
                }
            }
            let Some((found, one, other)) = best else {
                break;
            };
            left.retain(|position| *position != other);
            tied.push(other);
            tree.push((one, other, found));
        }
        tree
    }

    /// What speaks for two members of one group, whatever joined them.
    fn evidence(&self, one: usize, other: usize) -> Likeness {
        let says = |strength, rule| Likeness {
            strength,
            score: 0,
            rule,
        };
        let pair = (one.min(other), one.max(other));
        if let (Some((_, one)), Some((_, other))) = (self.order.get(one), self.order.get(other))
            && self.words.on(one, other) == Some(OverrideKind::Merge)
        {
            return says(Strength::Copy, "user");
        }
        if let Some(found) = pair_of(self.order, pair.0, pair.1) {
            return found;
        }
        let of_one_side = |side: &Side| {
            let holds = |at: usize| {
                let original = self.recordings.original(at);
                side.parts.contains(&original) || side.wholes.contains(&original)
            };
            holds(one) && holds(other)
        };
        if self.sides.iter().any(of_one_side) {
            return SPLIT;
        }
        if self.hidden.contains(&(one, other)) || self.hidden.contains(&(other, one)) {
            return says(Strength::Weak, hidden::RULE);
        }
        // They are together through others.
        says(Strength::Weak, "")
    }

    /// A group is as sure as its weakest pair, or as what holds it together where pairs say nothing.
    fn confidence(&self, positions: &[usize], ties: &[(usize, usize, Likeness)]) -> u8 {
        let mut least = 100;
        for (_, _, tie) in ties {
            least = least.min(sure(tie));
        }
        for (taken, one) in positions.iter().enumerate() {
            for other in positions.iter().skip(taken.saturating_add(1)) {
                let found = self.evidence(*one, *other);
                if !found.rule.is_empty() {
                    least = least.min(sure(&found));
                }
            }
        }
        least
    }
}

fn sure(found: &Likeness) -> u8 {
    match (found.strength, found.rule) {
        // The user's word joined their groups.
        (_, "") | (Strength::Copy, _) => 100,
        (Strength::Strong, "split") => THRESHOLDS.confidence_split_pct,
        (Strength::Strong | Strength::Recording, _) => THRESHOLDS.confidence_strong_pct,
        (Strength::Weak, _) => THRESHOLDS.confidence_weak_pct,
    }
}
