//! What a change of grouping did to the entities that it concerned.

use super::{Continued, Courtship, EntityId, Published, Withdrawn};

/// Fills in what merged into what, and what was split from what.
pub(super) fn trace(
    published: &[Published],
    courtships: &[Vec<Courtship>],
    groups: &mut [Continued],
    withdrawn: &mut [Withdrawn],
) {
    for (index, group) in groups.iter_mut().enumerate() {
        let was_live = |entity: &Published| entity.live;
        let continues = group.published.and_then(|position| published.get(position));
        let mut heirs: Vec<EntityId> = withdrawn
            .iter()
            .filter(|gone| gone.superseded_by == Some(group.id))
            .filter_map(|gone| published.get(gone.published).map(|entity| entity.id))
            .collect();
        heirs.sort_unstable();
        group.lineage.merged_from = heirs;
        if !continues.is_some_and(was_live) {
            group.lineage.split_from = parent(published, courtships, index)
                .filter(|parent| !group.lineage.merged_from.contains(parent));
        }
    }
    let born: Vec<(EntityId, EntityId)> = groups
        .iter()
        .filter_map(|group| Some((group.lineage.split_from?, group.id)))
        .collect();
    let children = |parent: EntityId| -> Vec<EntityId> {
        let mut children: Vec<EntityId> = born
            .iter()
            .filter(|(from, child)| *from == parent && *child != parent)
            .map(|(_, child)| *child)
            .collect();
        children.sort_unstable();
        children
    };
    for group in groups.iter_mut() {
        group.lineage.split_into = children(group.id);
    }
    for gone in withdrawn.iter_mut() {
        let entity = published.get(gone.published);
        gone.split_into = entity.map(|entity| children(entity.id)).unwrap_or_default();
    }
}

/// The live entity that most members of a group belonged to.
fn parent(
    published: &[Published],
    courtships: &[Vec<Courtship>],
    group: usize,
) -> Option<EntityId> {
    let shares = published
        .iter()
        .zip(courtships)
        .filter(|(entity, _)| entity.live);
    let wanted = shares.filter_map(|(entity, wanted)| {
        let court = wanted.iter().find(|court| court.group == group)?;
        Some((court.shared, std::cmp::Reverse((entity.anchor, entity.id))))
    });
    wanted.max().map(|(_, std::cmp::Reverse((_, id)))| id)
}
