//! A partition that only ever grows together.

/// Positions, the smaller first.
pub(super) type Pair = (usize, usize);

/// A partition of positions: whose cluster each is in, and who is in each cluster.
pub(super) struct Clusters {
    home: Vec<usize>,
    pub(super) members: Vec<Vec<usize>>,
}

impl Clusters {
    pub(super) fn alone(count: usize) -> Self {
        Self {
            home: (0..count).collect(),
            members: (0..count).map(|index| vec![index]).collect(),
        }
    }

    /// Joins the clusters of a pair if every cross pair `fits`.
    pub(super) fn join_if(&mut self, pair: Pair, fits: impl Fn(usize, usize) -> bool) {
        let (Some(&one), Some(&other)) = (self.home.get(pair.0), self.home.get(pair.1)) else {
            return;
        };
        let (Some(ours), Some(theirs)) = (self.members.get(one), self.members.get(other)) else {
            return;
        };
        let all_fit = || {
            ours.iter()
                .all(|a| theirs.iter().all(|b| fits(*a.min(b), *a.max(b))))
        };
        if one == other || !all_fit() {
            return;
        }
        let moved = self
            .members
            .get_mut(other)
            .map(std::mem::take)
            .unwrap_or_default();
        for position in &moved {
            if let Some(home) = self.home.get_mut(*position) {
                *home = one;
            }
        }
        if let Some(kept) = self.members.get_mut(one) {
            kept.extend(moved);
        }
    }

    /// The clusters that are left, each and all in order.
    pub(super) fn into_parts(self) -> Vec<Vec<usize>> {
        let mut parts: Vec<Vec<usize>> = self
            .members
            .into_iter()
            .filter(|members| !members.is_empty())
            .collect();
        for members in &mut parts {
            members.sort_unstable();
        }
        parts.sort_unstable();
        parts
    }
}
