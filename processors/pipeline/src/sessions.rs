//! Reconcile, workouts: the live activities of the affected block → sessions, and what changed.
//!
//! The block is recomputed whole and compared with what was said: nothing is patched, so the answer
//! cannot depend on the order of arrival. Identity is decided last and is no part of the content.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use processors_domain::identity::{Continued, EntityId, Identities, Published, assign};
use processors_domain::observation::{Anchor, ObservationId, Role};
use processors_domain::session::{
    self, Activity, Composed, Group, MERGE_REACH_US, Override, OverrideKind,
};
use schemas::record::Micros;
use schemas::record::session::{
    Candidate, FieldProvenance, Loser, Member, SessionRetracted, SessionRevised,
};
use schemas::record::state::{AthleteHead, ObservationState, OverrideState, SessionState};
use schemas::topic;

use crate::bucket::day_of;
use crate::dirty::{Reach, any_touches, close};
use crate::entity::{fact_id, hash_of, revise};
use crate::ids::{id_number, id_of, id_text};
use crate::normalize::{HOUR_US, SECOND_US};
use crate::wire;
use crate::work::Work;
use crate::{observation, wire::observation_text};

/// Informative only: after this long nothing is expected to change.
pub(crate) const SETTLED_AFTER_US: i64 = 72 * HOUR_US;
/// Two recordings further apart than this are never one workout.
const BLOCK_SLACK_US: i64 = 15 * 60 * SECOND_US;

/// The observations of a block, live ones as the rules see them.
struct Block {
    activities: Vec<Activity>,
    /// Live and withdrawn: who may vote for an identity.
    touched: BTreeSet<String>,
    told_by: BTreeMap<ObservationId, Teller>,
}

/// Which record an observation is, in the words of the wire.
pub(crate) struct Teller {
    pub(crate) id: String,
    source: String,
    provider_id: String,
}

impl Teller {
    pub(crate) fn of(state: &ObservationState) -> Self {
        Self {
            id: state.observation_id.clone(),
            source: state.source.clone(),
            provider_id: state.provider_id.clone(),
        }
    }
}

pub(crate) fn member(
    told_by: &BTreeMap<ObservationId, Teller>,
    id: ObservationId,
    role: Role,
) -> Member {
    let role = role.as_str().to_owned();
    match told_by.get(&id) {
        Some(by) => Member {
            observation_id: by.id.clone(),
            source: by.source.clone(),
            provider_id: by.provider_id.clone(),
            role,
        },
        None => Member {
            observation_id: observation_text(id),
            source: String::new(),
            provider_id: String::new(),
            role,
        },
    }
}

pub(crate) fn reconcile(work: &mut Work<'_>) {
    let Some(block) = block(work) else { return };
    let overrides = overrides(work);
    let groups = session::group(&block.activities, &overrides);
    let before = published(work, &block.touched);
    let identities = identify(work, &before, &groups, &block.activities);
    let legs = session::legs(&groups, &block.activities);
    let settings = work.settings();
    for withdrawn in &identities.withdrawn {
        if let Some(state) = before.get(withdrawn.published) {
            retract(work, state, withdrawn.superseded_by);
        }
    }
    for (index, group) in groups.iter().enumerate() {
        let Some(continued) = identities.groups.get(index) else {
            continue;
        };
        let members: Vec<&Activity> = group
            .members
            .iter()
            .filter_map(|at| block.activities.get(*at))
            .collect();
        let Some(composed) = session::compose(&members, settings.time_zone.as_deref()) else {
            continue;
        };
        let ids = |indices: &[usize]| -> Vec<String> {
            let of = |at: &usize| identities.groups.get(*at).map(|group| id_text(group.id.0));
            indices.iter().filter_map(of).collect()
        };
        let candidates: Vec<usize> = group.candidates.iter().map(|one| one.group).collect();
        let relations = Relations {
            legs: ids(legs.get(index).map(Vec::as_slice).unwrap_or_default()),
            candidates: ids(&candidates)
                .into_iter()
                .zip(&group.candidates)
                .map(|(session_id, one)| Candidate {
                    session_id,
                    rule: one.rule.to_owned(),
                })
                .collect(),
        };
        let known = continued.published.and_then(|at| before.get(at));
        publish(work, &block, group, &composed, continued, relations, known);
    }
}

/// How far apart records may be that one group holds: farther where the user merged some.
pub(crate) fn slack(head: &AthleteHead) -> i64 {
    let merges = |state: &OverrideState| state.body.action == "merge";
    if head.overrides.iter().any(merges) {
        MERGE_REACH_US
    } else {
        BLOCK_SLACK_US
    }
}

/// The affected block, or `None` when no activity changed.
fn block(work: &Work<'_>) -> Option<Block> {
    let seen: Vec<(&ObservationState, Reach)> = work
        .observations()
        .filter(|state| {
            observation::current(state).is_some_and(|version| version.activity.is_some())
        })
        .filter_map(|state| observation::reach(state).map(|reach| (state, reach)))
        .collect();
    let items: Vec<Reach> = seen.iter().map(|(_, reach)| *reach).collect();
    let stale = if work.dirty.everything {
        items.clone()
    } else {
        work.dirty.activity.clone()
    };
    if stale.is_empty() {
        return None;
    }
    let slack = slack(&work.head);
    let spans = close(&stale, &items, slack);
    let mut block = Block {
        activities: Vec::new(),
        touched: BTreeSet::new(),
        told_by: BTreeMap::new(),
    };
    for (state, reach) in seen {
        if !any_touches(&spans, reach, slack) {
            continue;
        }
        block.touched.insert(state.observation_id.clone());
        if observation::is_live(&work.head, state)
            && let Some(activity) = wire::activity(state)
        {
            block.told_by.insert(activity.id, Teller::of(state));
            block.activities.push(activity);
        }
    }
    Some(block)
}

fn overrides(work: &Work<'_>) -> Vec<Override> {
    let of = |state: &schemas::record::state::OverrideState| Override {
        kind: if state.body.action == "merge" {
            OverrideKind::Merge
        } else {
            OverrideKind::Split
        },
        ids: state
            .body
            .observation_ids
            .iter()
            .map(|id| wire::observation_id(id))
            .collect(),
        at: wire::instant(state.body.at),
        received_at: wire::instant(state.first_received_at),
        id: wire::observation_id(&state.observation_id),
    };
    work.head.overrides.iter().map(of).collect()
}

/// Sessions, live or retracted, that share a member with the block.
fn published(work: &Work<'_>, touched: &BTreeSet<String>) -> Vec<SessionState> {
    work.sessions()
        .filter(|state| state.members.iter().any(|member| touched.contains(member)))
        .cloned()
        .collect()
}

fn identify(
    work: &Work<'_>,
    before: &[SessionState],
    groups: &[Group],
    activities: &[Activity],
) -> Identities {
    let published: Vec<Published> = before
        .iter()
        .map(|state| Published {
            id: EntityId(id_number(&state.session_id)),
            anchor: anchor(state.anchor_received_at, &state.anchor_observation_id),
            members: state
                .members
                .iter()
                .map(|id| wire::observation_id(id))
                .collect(),
            live: state.published.live,
        })
        .collect();
    let anchors: Vec<Vec<Anchor>> = groups
        .iter()
        .map(|group| {
            let members = group.members.iter().filter_map(|at| activities.get(*at));
            members
                .map(|one| Anchor {
                    received_at: one.first_received,
                    observation: one.id,
                })
                .collect()
        })
        .collect();
    let derive = |observation: ObservationId, salt: u32| {
        entity_id("session", work.tenant, work.athlete, observation, salt)
    };
    let taken = |id: EntityId| {
        let id = id_text(id.0);
        let mut sessions = work.sessions();
        sessions.any(|state| state.session_id == id)
    };
    assign(&published, &anchors, derive, taken)
}

pub(crate) fn anchor(received_at: Micros, observation_id: &str) -> Anchor {
    Anchor {
        received_at: wire::instant(received_at),
        observation: wire::observation_id(observation_id),
    }
}

pub(crate) fn entity_id(
    entity: &str,
    tenant: &str,
    athlete: &str,
    observation: ObservationId,
    salt: u32,
) -> EntityId {
    let observation = observation_text(observation);
    let id = if salt == 0 {
        id_of(&[entity, tenant, athlete, &observation])
    } else {
        id_of(&[entity, tenant, athlete, &observation, &salt.to_string()])
    };
    EntityId(id_number(&id))
}

struct Relations {
    legs: Vec<String>,
    candidates: Vec<Candidate>,
}

fn publish(
    work: &mut Work<'_>,
    block: &Block,
    group: &Group,
    composed: &Composed,
    continued: &Continued,
    relations: Relations,
    known: Option<&SessionState>,
) {
    let settled = work.now.0 >= composed.end.0.saturating_add(SETTLED_AFTER_US);
    let mut fact = session_fact(work, block, group, composed, settled);
    // How many legs and suspects is content; their ids are not.
    fact.legs = vec![String::new(); relations.legs.len()];
    fact.candidates = relations
        .candidates
        .iter()
        .map(|one| Candidate {
            session_id: String::new(),
            rule: one.rule.clone(),
        })
        .collect();
    let hash = hash_of(&fact);
    let session_id = id_text(continued.id.0);
    let members = group
        .members
        .iter()
        .filter_map(|at| block.activities.get(*at))
        .map(|one| one.id)
        .chain(continued.attached.iter().copied())
        .map(observation_text)
        .collect();
    let mut state = session_state(&fact, continued, members, known);
    let said = revise(known.map(|known| &known.published), &hash, true, work.now);
    if let Some(said) = said {
        fact.id = fact_id(&session_id, &said);
        fact.session_id.clone_from(&session_id);
        fact.revision = said.revision;
        fact.revised_at = said.revised_at;
        fact.content_hash = hash;
        fact.recorded_at = work.now;
        fact.rules_id.clone_from(&work.rules.id);
        fact.legs = relations.legs;
        fact.candidates = relations.candidates;
        work.emit(topic::SESSIONS, &fact.id.clone(), &fact);
        state.published = said;
        work.dirty.losses.insert(session_id);
        work.dirty.sessions.push((state.start.0, state.end.0));
        work.dirty
            .sessions
            .extend(known.map(|known| (known.start.0, known.end.0)));
        work.dirty.advice.push((state.start.0, state.end.0));
        work.dirty
            .advice
            .extend(known.map(|known| (known.start.0, known.end.0)));
    }
    store(work, known, Some(state));
}

/// The cell that a coordinate lies in, in tenths of a degree.
fn cell(degrees: Option<f64>) -> Option<i32> {
    degrees.map(|degrees| libm::round(degrees * 10.0) as i32)
}

/// What is remembered of a session: its identity, and what later steps need of its content.
fn session_state(
    fact: &SessionRevised,
    continued: &Continued,
    members: Vec<String>,
    known: Option<&SessionState>,
) -> SessionState {
    SessionState {
        session_id: id_text(continued.id.0),
        anchor_received_at: wire::micros(continued.anchor.received_at),
        anchor_observation_id: observation_text(continued.anchor.observation),
        published: known
            .map(|known| known.published.clone())
            .unwrap_or_default(),
        start: fact.start,
        end: fact.end,
        members,
        settled: fact.settled,
        superseded_by: None,
        sport: fact.sport.clone(),
        container: fact.container,
        duration_s: fact.timer_s.or(fact.moving_s).unwrap_or(fact.elapsed_s),
        energy_kj: fact.energy_kj,
        indoor: fact.indoor,
        loss: known.and_then(|known| known.loss.clone()),
        lat_dd: cell(fact.start_lat),
        lon_dd: cell(fact.start_lon),
    }
}

fn session_fact(
    work: &Work<'_>,
    block: &Block,
    group: &Group,
    composed: &Composed,
    settled: bool,
) -> SessionRevised {
    SessionRevised {
        id: String::new(),
        tenant_id: work.tenant.to_owned(),
        athlete_id: work.athlete.to_owned(),
        recorded_at: Micros(0),
        revised_at: Micros(0),
        rules_id: String::new(),
        licence: None,
        key_id: None,
        session_id: String::new(),
        revision: 0,
        content_hash: String::new(),
        sport: composed.sport.as_str().to_owned(),
        family: composed.family.as_str().to_owned(),
        start: wire::micros(composed.start),
        end: wire::micros(composed.end),
        timer_s: composed.timer_s,
        moving_s: composed.moving_s,
        elapsed_s: composed.elapsed_s,
        distance_m: wire::unit(composed.distance_dm, 10.0),
        energy_kj: wire::unit(composed.energy_j, 1_000.0),
        heart_rate_avg_bpm: composed.heart_rate_avg_bpm,
        heart_rate_max_bpm: composed.heart_rate_max_bpm,
        power_avg_w: wire::unit(composed.power_avg_dw, 10.0),
        speed_avg_m_s: wire::unit(composed.speed_avg_mm_s, 1_000.0),
        elevation_gain_m: wire::unit(composed.elevation_gain_dm, 10.0),
        start_lat: wire::unit(composed.start_position_e7.map(|(lat, _)| lat), 1e7),
        start_lon: wire::unit(composed.start_position_e7.map(|(_, lon)| lon), 1e7),
        indoor: composed.indoor,
        title: composed.title.clone(),
        local_date: composed.local_date.to_string(),
        utc_offset_s: composed.utc_offset_s,
        time_zone: composed.zone.clone(),
        container: composed.container,
        legs: Vec::new(),
        provenance: composed.provenance.iter().map(provenance).collect(),
        members: composed
            .roles
            .iter()
            .map(|(id, role)| member(&block.told_by, *id, *role))
            .collect(),
        candidates: Vec::new(),
        confidence: f64::from(group.confidence_pct) / 100.0,
        settled,
        supersedes: None,
        superseded_by: None,
    }
}

pub(crate) fn provenance(choice: &processors_domain::observation::Choice) -> FieldProvenance {
    FieldProvenance {
        field: choice.field.to_owned(),
        observation_id: observation_text(choice.winner),
        rule: choice.rule.to_owned(),
        losers: choice
            .losers
            .iter()
            .map(|(id, reason)| Loser {
                observation_id: observation_text(*id),
                reason: (*reason).to_owned(),
            })
            .collect(),
    }
}

fn retract(work: &mut Work<'_>, known: &SessionState, superseded_by: Option<EntityId>) {
    let superseded_by = superseded_by.map(|id| id_text(id.0));
    let reason = if superseded_by.is_some() {
        "merged"
    } else {
        "deleted"
    };
    let Some(said) = revise(Some(&known.published), "", false, work.now) else {
        return;
    };
    let fact = SessionRetracted {
        id: fact_id(&known.session_id, &said),
        tenant_id: work.tenant.to_owned(),
        athlete_id: work.athlete.to_owned(),
        recorded_at: work.now,
        revised_at: said.revised_at,
        rules_id: work.rules.id.clone(),
        licence: None,
        key_id: None,
        session_id: known.session_id.clone(),
        revision: said.revision,
        content_hash: String::new(),
        reason: reason.to_owned(),
        superseded_by: superseded_by.clone(),
    };
    work.emit(topic::SESSIONS, &fact.id.clone(), &fact);
    work.dirty.losses.insert(known.session_id.clone());
    work.dirty.sessions.push((known.start.0, known.end.0));
    work.dirty.advice.push((known.start.0, known.end.0));
    let state = SessionState {
        published: said,
        superseded_by,
        ..known.clone()
    };
    store(work, Some(known), Some(state));
}

/// Move a session's state to the day it starts on now.
pub(crate) fn store(
    work: &mut Work<'_>,
    before: Option<&SessionState>,
    after: Option<SessionState>,
) {
    if before == after.as_ref() {
        return;
    }
    if let Some(before) = before {
        let bucket = work.day_mut(day_of(before.start.0));
        bucket
            .sessions
            .retain(|state| state.session_id != before.session_id);
    }
    if let Some(after) = after {
        let bucket = work.day_mut(day_of(after.start.0));
        bucket.sessions.push(Arc::new(after));
        bucket
            .sessions
            .sort_by(|a, b| (a.start, &a.session_id).cmp(&(b.start, &b.session_id)));
    }
}
