//! Which published thing a group of observations continues.
//!
//! A group gets its id when it is first published, from its anchor, and keeps it through whatever
//! later facts do to its members. Ids are history, not content: nothing that is said *in* a session
//! or night may depend on what is decided here.
//!
//! How a group came about ([`Lineage`]) is said with it: what it took in, what left it.
//!
//! It is a stable marriage of entities and groups that share observations. An entity courts the
//! group that holds most of its members (then the one with its anchor); a group takes a live entity
//! before a withdrawn one, then the one with the smallest anchor. Entities propose, so the outcome is
//! unique, and the order of the slices does not matter.

mod lineage;

use crate::observation::{Anchor, ObservationId};

/// The id of a session or night: 128 bits, written as 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntityId(pub u128);

/// What was published before, in the affected block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    pub id: EntityId,
    /// What the id was derived from; it never changes, even when that observation left.
    pub anchor: Anchor,
    /// The members of its last revision, with those that were deleted since and stayed attached. A
    /// withdrawn entity keeps the members it had.
    pub members: Vec<ObservationId>,
    pub live: bool,
}

/// How a group goes on. One for each group, in the order given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Continued {
    pub id: EntityId,
    pub anchor: Anchor,
    /// Index of the published entity that it continues; `None` is a new id.
    pub published: Option<usize>,
    /// Former members that are in no group now (deleted): they vote for the identity only.
    pub attached: Vec<ObservationId>,
    pub lineage: Lineage,
}

/// What became of members of other entities, or of its own, by this one change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lineage {
    /// Live entities that were withdrawn in favour of this one.
    pub merged_from: Vec<EntityId>,
    /// Of an entity that was not live: the live one that most of its members belonged to.
    pub split_from: Option<EntityId>,
    /// New or returned entities that hold what was a part of this one.
    pub split_into: Vec<EntityId>,
}

/// A live entity that no group continues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withdrawn {
    /// Index into the published entities.
    pub published: usize,
    /// The group that took most of its members. `None` where all of them are gone.
    pub superseded_by: Option<EntityId>,
    /// Where the rest of its members went.
    pub split_into: Vec<EntityId>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identities {
    pub groups: Vec<Continued>,
    pub withdrawn: Vec<Withdrawn>,
}

/// Assigns ids to groups (each the anchors of its live members, never empty).
///
/// `derive` makes the id for an observation; its second argument is 0, and counts on only when every
/// member's id is used by another entity. `taken` knows the ids of entities outside of `published`.
pub fn assign(
    published: &[Published],
    groups: &[Vec<Anchor>],
    derive: impl Fn(ObservationId, u32) -> EntityId,
    taken: impl Fn(EntityId) -> bool,
) -> Identities {
    let courtships = courtships(published, groups);
    let keepers = marry(published, groups.len(), &courtships);
    let mut used: Vec<EntityId> = published.iter().map(|entity| entity.id).collect();
    let mut continued = Vec::with_capacity(groups.len());
    for index in fresh_order(groups) {
        let keeper = keepers.get(index).copied().flatten();
        let members = groups.get(index).map(Vec::as_slice).unwrap_or_default();
        let (id, anchor) = match keeper.and_then(|position| published.get(position)) {
            Some(entity) => (entity.id, entity.anchor),
            None => new_id(members, &derive, |id| used.contains(&id) || taken(id)),
        };
        used.push(id);
        continued.push((
            index,
            Continued {
                id,
                anchor,
                published: keeper,
                attached: Vec::new(),
                lineage: Lineage::default(),
            },
        ));
    }
    continued.sort_unstable_by_key(|(index, _)| *index);
    let mut groups_out: Vec<Continued> = continued.into_iter().map(|(_, group)| group).collect();
    attach_deleted(published, groups, &mut groups_out);
    let mut withdrawn = withdrawn(published, &keepers, &courtships, &groups_out);
    lineage::trace(published, &courtships, &mut groups_out, &mut withdrawn);
    Identities {
        groups: groups_out,
        withdrawn,
    }
}

/// An entity's interest in one group.
#[derive(Clone, Copy)]
struct Courtship {
    group: usize,
    shared: usize,
    holds_anchor: bool,
    /// The group's smallest anchor, to settle ties the same way for every order of groups.
    first: Option<Anchor>,
}

/// For each entity the groups that share members with it, the dearest first.
fn courtships(published: &[Published], groups: &[Vec<Anchor>]) -> Vec<Vec<Courtship>> {
    let of_entity = |entity: &Published| {
        let mut wanted: Vec<Courtship> = Vec::new();
        for (group, members) in groups.iter().enumerate() {
            let is_ours = |member: &&Anchor| entity.members.contains(&member.observation);
            let shared = members.iter().filter(is_ours).count();
            if shared > 0 {
                let holds_anchor = members
                    .iter()
                    .any(|one| one.observation == entity.anchor.observation);
                let first = members.iter().min().copied();
                wanted.push(Courtship {
                    group,
                    shared,
                    holds_anchor,
                    first,
                });
            }
        }
        wanted.sort_unstable_by(|one, other| {
            (other.shared, other.holds_anchor)
                .cmp(&(one.shared, one.holds_anchor))
                .then(one.first.cmp(&other.first))
        });
        wanted
    };
    published.iter().map(of_entity).collect()
}

/// For each group the entity that it continues.
fn marry(
    published: &[Published],
    group_count: usize,
    courtships: &[Vec<Courtship>],
) -> Vec<Option<usize>> {
    let mut keepers: Vec<Option<usize>> = vec![None; group_count];
    // How many groups each entity has asked; each asks a group once, so the loop ends.
    let mut asked: Vec<usize> = vec![0; published.len()];
    let standing = |position: usize| {
        published
            .get(position)
            .map(|entity| (!entity.live, entity.anchor, entity.id, position))
    };
    let mut single: Vec<usize> = (0..published.len()).collect();
    while let Some(suitor) = single.pop() {
        let Some(turn) = asked.get_mut(suitor) else {
            continue;
        };
        let wanted = courtships.get(suitor).and_then(|list| list.get(*turn));
        *turn = turn.saturating_add(1);
        let Some(keeper) = wanted.and_then(|one| keepers.get_mut(one.group)) else {
            continue;
        };
        match *keeper {
            Some(rival) if standing(rival) < standing(suitor) => single.push(suitor),
            refused => {
                single.extend(refused);
                *keeper = Some(suitor);
            }
        }
    }
    keepers
}

/// Groups by their smallest anchor, so that new ids do not depend on the order of groups.
fn fresh_order(groups: &[Vec<Anchor>]) -> Vec<usize> {
    let mut order: Vec<(Option<&Anchor>, usize)> = groups
        .iter()
        .enumerate()
        .map(|(index, members)| (members.iter().min(), index))
        .collect();
    order.sort_unstable();
    order.into_iter().map(|(_, index)| index).collect()
}

/// Ids that one member may stand for; far more than an observation can ever leave behind.
const DERIVATIONS_MAX: u32 = 1_000;

/// The id of the first member by arrival whose id is free.
fn new_id(
    members: &[Anchor],
    derive: impl Fn(ObservationId, u32) -> EntityId,
    is_used: impl Fn(EntityId) -> bool,
) -> (EntityId, Anchor) {
    let mut by_arrival = members.to_vec();
    by_arrival.sort_unstable();
    for attempt in 0..DERIVATIONS_MAX {
        for anchor in &by_arrival {
            let id = derive(anchor.observation, attempt);
            if !is_used(id) {
                return (id, *anchor);
            }
        }
    }
    let nobody = Anchor {
        received_at: Default::default(),
        observation: ObservationId::default(),
    };
    let anchor = by_arrival.first().copied().unwrap_or(nobody);
    (derive(anchor.observation, DERIVATIONS_MAX), anchor)
}

/// Each former member that is in no group now goes to one group at most: that of the entity with the
/// best standing among those that remember it.
fn attach_deleted(published: &[Published], groups: &[Vec<Anchor>], out: &mut [Continued]) {
    let is_grouped = |id: &ObservationId| {
        groups
            .iter()
            .any(|members| members.iter().any(|member| member.observation == *id))
    };
    let mut keepers: Vec<usize> = (0..out.len()).collect();
    keepers.sort_unstable_by_key(|index| {
        let entity = out
            .get(*index)
            .and_then(|group| published.get(group.published?));
        entity.map(|entity| (!entity.live, entity.anchor, entity.id))
    });
    let mut attached: Vec<ObservationId> = Vec::new();
    for index in keepers {
        let Some(group) = out.get_mut(index) else {
            continue;
        };
        let entity = group.published.and_then(|position| published.get(position));
        let Some(entity) = entity else { continue };
        for id in &entity.members {
            if !is_grouped(id) && !attached.contains(id) {
                attached.push(*id);
                group.attached.push(*id);
            }
        }
        group.attached.sort_unstable();
    }
}

fn withdrawn(
    published: &[Published],
    keepers: &[Option<usize>],
    courtships: &[Vec<Courtship>],
    out: &[Continued],
) -> Vec<Withdrawn> {
    let mut list = Vec::new();
    for (position, entity) in published.iter().enumerate() {
        if !entity.live || keepers.contains(&Some(position)) {
            continue;
        }
        let heir = courtships.get(position).and_then(|wanted| wanted.first());
        let superseded_by = heir
            .and_then(|one| out.get(one.group))
            .map(|group| group.id);
        list.push(Withdrawn {
            published: position,
            superseded_by,
            split_into: Vec::new(),
        });
    }
    list
}

#[cfg(test)]
mod tests;
