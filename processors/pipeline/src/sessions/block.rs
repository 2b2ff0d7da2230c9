//! The affected block: all that a change can have to do with, and nothing else.
//!
//! Grouping looks at records that lie near each other in time. Three things reach further: a start
//! that is hidden belongs to its whole local day, a word of the user ties records wherever they are,
//! and a clock in a wrong zone is suspected over half a day. The last changes nobody's members, so
//! sessions are looked at for their suspicions without being said again.

use std::collections::{BTreeMap, BTreeSet};

use processors_domain::observation::ObservationId;
use processors_domain::session::{
    Activity, Group, Override, OverrideKind, heirs, is_zone_apart, is_zone_error,
};
use schemas::record::Micros;
use schemas::record::state::{AthleteHead, OverrideState, SessionState};

use crate::app::WITHDRAWN;
use crate::bucket::{Kept, Kind};
use crate::dirty::{Reach, any_touches, close};
use crate::ids::id_number;
use crate::normalize::SECOND_US;
use crate::observation;
use crate::tellers::Teller;
use crate::wire;
use crate::work::Work;

/// Two recordings further apart than this are never one workout.
const SLACK_US: i64 = 15 * 60 * SECOND_US;

/// The observations of a block, live ones as the rules see them.
pub(super) struct Block {
    pub(super) activities: Vec<Activity>,
    pub(super) overrides: Vec<Override>,
    /// Live and withdrawn records of what is said again: who may vote for an identity.
    pub(super) touched: BTreeSet<ObservationId>,
    pub(super) told_by: BTreeMap<ObservationId, Teller>,
    heirs: BTreeMap<ObservationId, ObservationId>,
    said: Vec<Reach>,
}

impl Block {
    /// A block of these records, of which nothing is said yet.
    pub(super) fn of(head: &AthleteHead, live: &[&Kept], gone: &[&Kept]) -> Self {
        let mut activities: Vec<Activity> = Vec::with_capacity(live.len());
        let mut told_by = BTreeMap::new();
        for kept in live {
            if let Some(activity) = wire::activity(kept) {
                told_by.insert(activity.id, Teller::of(kept));
                activities.push(activity);
            }
        }
        let gone: Vec<Activity> = gone
            .iter()
            .filter_map(|state| wire::activity(state))
            .collect();
        let heirs = heirs(&gone, &activities);
        Self {
            overrides: overrides(head, &heirs),
            activities,
            touched: BTreeSet::new(),
            told_by,
            heirs,
            said: Vec::new(),
        }
    }

    /// Whether a session stands where something is said again. One that only remembers a withdrawn
    /// record from here, and has gone on elsewhere, is no business of this block.
    pub(super) fn holds(&self, state: &SessionState) -> bool {
        any_touches(&self.said, (state.start.0, state.end.0), SLACK_US)
    }

    pub(super) fn members<'b>(&'b self, group: &'b Group) -> impl Iterator<Item = &'b Activity> {
        group
            .members
            .iter()
            .filter_map(|at| self.activities.get(*at))
    }

    /// Whether a group is said again, and not only looked at.
    pub(super) fn concerns(&self, group: &Group) -> bool {
        self.members(group)
            .any(|one| self.touched.contains(&one.id))
    }

    /// Members of an entity with those that took the place of some.
    pub(super) fn with_heirs(&self, members: &[String]) -> Vec<ObservationId> {
        let mut ids: Vec<ObservationId> =
            members.iter().map(|id| wire::observation_id(id)).collect();
        if !self.heirs.is_empty() {
            let heirs: Vec<ObservationId> = ids
                .iter()
                .filter_map(|id| self.heirs.get(id).copied())
                .filter(|heir| !ids.contains(heir))
                .collect();
            ids.extend(heirs);
            ids.sort_unstable();
            ids.dedup();
        }
        ids
    }
}

struct Seen<'w> {
    state: &'w Kept,
    reach: Reach,
    live: bool,
}

/// The affected block, or `None` when no activity changed.
pub(super) fn block(work: &Work<'_>) -> Option<Block> {
    if work.dirty.activity.is_empty() && !work.dirty.everything {
        return None;
    }
    let seen: Vec<Seen<'_>> = work
        .observations_of(&[Kind::Activity])
        .filter_map(|state| {
            Some(Seen {
                state,
                reach: state.reach()?,
                live: state.is_live(&work.head),
            })
        })
        .collect();
    let around = Around::of(work, &seen);
    let stale = if work.dirty.everything {
        // Where a record was before it moved is stale, too.
        let moved = work.dirty.activity.iter();
        around.items.iter().chain(moved).copied().collect()
    } else {
        work.dirty.activity.clone()
    };
    let changed = around.close(&stale);
    let said = around.grow(&changed, suspects_before(work, &around, &changed));
    let looked_at = around.grow(&said, Vec::new());
    Some(gather(work, &seen, &said, &looked_at))
}

/// The records at hand, to find what a change reaches.
struct Around<'w> {
    seen: &'w [Seen<'w>],
    items: Vec<Reach>,
    /// Reaches of records that one word of the user names.
    words: Vec<Vec<Reach>>,
}

impl<'w> Around<'w> {
    fn of(work: &Work<'_>, seen: &'w [Seen<'w>]) -> Self {
        let named = |word: &OverrideState| {
            let ids = word.body.observation_ids.iter();
            let ids: Vec<u128> = ids.map(|id| id_number(id)).collect();
            let is_named = |it: &&Seen<'_>| ids.contains(&it.state.id());
            seen.iter().filter(is_named).map(|it| it.reach).collect()
        };
        Self {
            seen,
            items: seen.iter().map(|it| it.reach).collect(),
            words: observation::overrides(&work.head).map(named).collect(),
        }
    }

    /// Everything that may share a group with what lies in the spans.
    fn close(&self, spans: &[Reach]) -> Vec<Reach> {
        let mut spans = close(spans, &self.items, SLACK_US);
        let mut left: Vec<&Vec<Reach>> = self.words.iter().collect();
        loop {
            let before = left.len();
            let mut named: Vec<Reach> = Vec::new();
            left.retain(|word| {
                let touches = word
                    .iter()
                    .any(|reach| any_touches(&spans, *reach, SLACK_US));
                if touches {
                    named.extend(word.iter().copied());
                }
                !touches
            });
            if left.len() == before {
                return spans;
            }
            named.extend(spans);
            spans = close(&named, &self.items, SLACK_US);
        }
    }

    /// The spans with those of records that a wrong zone may lie between, closed again.
    fn grow(&self, spans: &[Reach], mut more: Vec<Reach>) -> Vec<Reach> {
        let is_inside = |it: &&Seen<'_>| any_touches(spans, it.reach, SLACK_US);
        let live = || self.seen.iter().filter(|it| it.live);
        let start = |it: &Seen<'_>| wire::instant(Micros(it.state.span().map_or(0, |span| span.0)));
        let inside: Vec<&Seen<'_>> = live().filter(is_inside).collect();
        for outside in live().filter(|it| !is_inside(it)) {
            let is_partner = |it: &&&Seen<'_>| {
                is_zone_apart(start(it), start(outside))
                    && wire::activity(it.state)
                        .zip(wire::activity(outside.state))
                        .is_some_and(|(one, other)| is_zone_error(&one, &other))
            };
            if inside.iter().any(|it| is_partner(&it)) {
                more.push(outside.reach);
            }
        }
        if more.is_empty() {
            return spans.to_vec();
        }
        more.extend(spans.iter().copied());
        self.close(&more)
    }
}

/// Where the sessions lie that a changed one named as candidates: they name it too.
fn suspects_before(work: &Work<'_>, around: &Around<'_>, changed: &[Reach]) -> Vec<Reach> {
    let mut named: Vec<&str> = Vec::new();
    for state in work.sessions().filter(|state| !state.candidates.is_empty()) {
        let members: Vec<u128> = state.members.iter().map(|id| id_number(id)).collect();
        let is_member = |it: &&Seen<'_>| members.contains(&it.state.id());
        let mut members = around.seen.iter().filter(is_member);
        if members.any(|it| any_touches(changed, it.reach, SLACK_US)) {
            named.extend(state.candidates.iter().map(String::as_str));
        }
    }
    let is_named = |state: &&SessionState| named.contains(&state.session_id.as_str());
    let suspects = work
        .sessions()
        .filter(|_| !named.is_empty())
        .filter(is_named);
    suspects.map(|state| (state.start.0, state.end.0)).collect()
}

fn gather(work: &Work<'_>, seen: &[Seen<'_>], said: &[Reach], looked_at: &[Reach]) -> Block {
    let mut touched = BTreeSet::new();
    let mut live: Vec<&Kept> = Vec::new();
    let mut gone: Vec<&Kept> = Vec::new();
    for it in seen {
        if any_touches(said, it.reach, SLACK_US) {
            touched.insert(ObservationId(it.state.id()));
        } else if !any_touches(looked_at, it.reach, SLACK_US) {
            continue;
        }
        if it.live {
            live.push(it.state);
        } else {
            gone.push(it.state);
        }
    }
    Block {
        touched,
        said: said.to_vec(),
        ..Block::of(&work.head, &live, &gone)
    }
}

/// The user's words, with the heirs of those that are gone in their place.
fn overrides(head: &AthleteHead, heirs: &BTreeMap<ObservationId, ObservationId>) -> Vec<Override> {
    let present = |id: &String| {
        let id = wire::observation_id(id);
        heirs.get(&id).copied().unwrap_or(id)
    };
    let of = |state: &OverrideState| Override {
        kind: if state.body.action == "merge" {
            OverrideKind::Merge
        } else {
            OverrideKind::Split
        },
        ids: state.body.observation_ids.iter().map(present).collect(),
        at: wire::instant(state.body.at),
        received_at: wire::instant(state.first_received_at),
        id: wire::observation_id(&state.observation_id),
    };
    observation::overrides(head)
        .filter(|state| state.body.action != WITHDRAWN)
        .map(of)
        .collect()
}
