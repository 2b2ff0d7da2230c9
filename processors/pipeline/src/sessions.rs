//! Reconcile, workouts: the live activities of the affected block → sessions, and what changed.
//!
//! The block is recomputed whole and compared with what was said: nothing is patched, so the answer
//! cannot depend on the order of arrival. Identity is decided last and is no part of the content.

use std::collections::BTreeMap;
use std::sync::Arc;

use processors_domain::identity::{Continued, EntityId, Identities, Published, Withdrawn, assign};
use processors_domain::observation::{Anchor, ObservationId};
use processors_domain::session::{self, Activity, Composed, Group};
use schemas::record::session::{Candidate, SessionRetracted, SessionRevised, Tie};
use schemas::record::state::SessionState;
use schemas::record::{Micros, Text};
use schemas::topic;

use crate::bucket::day_of;
use crate::entity::{fact_id, hash_of, revise};
use crate::ids::{id_number, id_of, id_text};
use crate::licence;
use crate::lineage::{Lineage, lent, reason, texts};
use crate::normalize::HOUR_US;
use crate::tellers::{member, provenance};
use crate::wire::{self, observation_text};
use crate::work::Work;

mod block;
mod view;

use block::{Block, block};
pub(crate) use view::unrestricted;

/// Informative only: after this long nothing is expected to change.
pub(crate) const SETTLED_AFTER_US: i64 = 72 * HOUR_US;

pub(crate) fn reconcile(work: &mut Work<'_>) {
    let Some(block) = block(work) else { return };
    let groups = session::group(&block.activities, &block.overrides);
    let before = published(work, &block);
    // Groups that are looked at for the suspicions of others only are not said again.
    let said: Vec<usize> = (0..groups.len())
        .filter(|at| groups.get(*at).is_some_and(|group| block.concerns(group)))
        .collect();
    let identities = identify(work, &block, &before, &groups, &said);
    let ids = session_ids(work, &block, &groups, &said, &identities);
    let legs = session::legs(&groups, &block.activities);
    for withdrawn in &identities.withdrawn {
        if let Some(state) = before.get(withdrawn.published) {
            retract(work, state, withdrawn);
        }
    }
    let settings = work.settings();
    for (at, continued) in said.iter().zip(&identities.groups) {
        let Some(group) = groups.get(*at) else {
            continue;
        };
        let members: Vec<&Activity> = block.members(group).collect();
        let Some(composed) = session::compose(&members, settings.time_zone.as_deref()) else {
            continue;
        };
        let related = |at: usize, rule: &'static str| Related {
            session_id: ids.get(&at).cloned().unwrap_or_default(),
            members: groups.get(at).map(|group| named(&block, group)),
            rule,
        };
        let legs = legs.get(*at).into_iter().flatten();
        let suspects = group.candidates.iter();
        let relations = Relations {
            legs: legs.map(|leg| related(*leg, "")).collect(),
            candidates: suspects.map(|one| related(one.group, one.rule)).collect(),
        };
        let known = continued.published.and_then(|at| before.get(at));
        publish(work, &block, group, &composed, continued, relations, known);
    }
}

/// Sessions, live or retracted, that share a member with what is said again.
fn published(work: &Work<'_>, block: &Block) -> Vec<SessionState> {
    work.sessions()
        .filter(|state| !state.published.live || block.holds(state))
        .filter(|state| {
            let mut members = state.members.iter();
            members.any(|id| block.touched.contains(&wire::observation_id(id)))
        })
        .cloned()
        .collect()
}

/// The ids of all groups at hand, by index: those that are said again, and those that stay.
fn session_ids(
    work: &Work<'_>,
    block: &Block,
    groups: &[Group],
    said: &[usize],
    identities: &Identities,
) -> BTreeMap<usize, String> {
    let again = said.iter().zip(&identities.groups);
    let mut ids: BTreeMap<usize, String> = again
        .map(|(at, continued)| (*at, id_text(continued.id.0)))
        .collect();
    for (at, group) in groups.iter().enumerate() {
        let Some(first) = block
            .members(group)
            .next()
            .filter(|_| !ids.contains_key(&at))
        else {
            continue;
        };
        let first = observation_text(first.id);
        let holds = |state: &&SessionState| state.published.live && state.members.contains(&first);
        if let Some(state) = work.sessions().find(holds) {
            ids.insert(at, state.session_id.clone());
        }
    }
    ids
}

fn identify(
    work: &Work<'_>,
    block: &Block,
    before: &[SessionState],
    groups: &[Group],
    said: &[usize],
) -> Identities {
    let published: Vec<Published> = before
        .iter()
        .map(|state| Published {
            id: EntityId(id_number(&state.session_id)),
            anchor: anchor(state.anchor_received_at, &state.anchor_observation_id),
            members: block.with_heirs(&state.members),
            live: state.published.live,
        })
        .collect();
    let anchors: Vec<Vec<Anchor>> = said
        .iter()
        .filter_map(|at| groups.get(*at))
        .map(|group| {
            let of = |one: &Activity| Anchor {
                received_at: one.first_received,
                observation: one.id,
            };
            block.members(group).map(of).collect()
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
    legs: Vec<Related>,
    candidates: Vec<Related>,
}

/// Another session at hand.
struct Related {
    session_id: String,
    /// What stands for it in content: an id is a matter of history, members are not.
    members: Option<String>,
    rule: &'static str,
}

impl Related {
    /// As a candidate under its id, or under its members.
    fn candidate(&self, by_members: bool) -> Candidate<Text<'_>> {
        let name = if by_members {
            self.members.as_deref().unwrap_or_default()
        } else {
            &self.session_id
        };
        Candidate {
            session_id: name.into(),
            rule: self.rule.into(),
        }
    }
}

fn named(block: &Block, group: &Group) -> String {
    let members = block.members(group).map(|one| observation_text(one.id));
    let mut members: Vec<String> = members.collect();
    members.sort_unstable();
    members.concat()
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
    let names = (work.tenant, work.athlete);
    let mut fact = session_fact(names, block, group, composed, settled);
    fact.licence = licence::seal(&mut fact.provenance, &composed.provenance, &block.told_by);
    // Who legs and suspects are is content; their ids are not.
    let of_members = relations.legs.iter().map(|leg| leg.members.as_ref());
    fact.legs = of_members
        .map(|members| members.map(Text::from).unwrap_or_default())
        .collect();
    fact.candidates = relations
        .candidates
        .iter()
        .map(|one| one.candidate(true))
        .collect();
    let hash = hash_of(&fact);
    let members = group
        .members
        .iter()
        .filter_map(|at| block.activities.get(*at))
        .map(|one| one.id)
        .chain(continued.attached.iter().copied())
        .map(observation_text)
        .collect();
    let mut state = session_state(composed, settled, continued, members, known);
    state.licence = licence::word(licence::of_read(&composed.provenance, &block.told_by));
    let candidates = relations.candidates.iter();
    state.candidates = candidates.map(|one| one.session_id.clone()).collect();
    let said = revise(known.map(|known| &known.published), &hash, true, work.now);
    if let Some(said) = said {
        fact.id = fact_id(&state.session_id, &said).into();
        fact.session_id = (&state.session_id).into();
        fact.revision = said.revision;
        fact.revised_at = said.revised_at;
        fact.content_hash = hash.into();
        fact.recorded_at = work.now;
        fact.rules_id = work.rules.id.as_str().into();
        fact.legs = relations
            .legs
            .iter()
            .map(|leg| Text::from(&leg.session_id))
            .collect();
        fact.candidates = relations
            .candidates
            .iter()
            .map(|one| one.candidate(false))
            .collect();
        let lineage = Lineage::of(continued, known.map(|known| known.published.live));
        fact.change = lineage.change.into();
        fact.supersedes = lineage.merged_from.first().map(Text::from);
        fact.merged_from = lent(&lineage.merged_from);
        fact.split_from = lineage.split_from.as_ref().map(Text::from);
        fact.split_into = lent(&lineage.split_into);
        work.emit(topic::SESSIONS, fact.id.as_str(), &fact);
        changed(work, &state, known);
        state.published = said;
    }
    store(work, known, Some(state));
}

/// What follows from a session is worked out again, where it was and where it is now.
fn changed(work: &mut Work<'_>, state: &SessionState, known: Option<&SessionState>) {
    let dirty = &mut work.dirty;
    dirty.losses.insert(state.session_id.clone());
    for state in [Some(state), known].into_iter().flatten() {
        dirty.sessions.push((state.start.0, state.end.0));
        dirty.advice.push((state.start.0, state.end.0));
    }
}

/// The cell that a coordinate lies in, in tenths of a degree.
fn cell(degrees: Option<f64>) -> Option<i32> {
    degrees.map(|degrees| libm::round(degrees * 10.0) as i32)
}

/// What is remembered of a session: its identity, and what later steps need of its content.
fn session_state(
    composed: &Composed,
    settled: bool,
    continued: &Continued,
    members: Vec<String>,
    known: Option<&SessionState>,
) -> SessionState {
    let (lat, lon) = position(composed);
    SessionState {
        session_id: id_text(continued.id.0),
        anchor_received_at: wire::micros(continued.anchor.received_at),
        anchor_observation_id: observation_text(continued.anchor.observation),
        published: known
            .map(|known| known.published.clone())
            .unwrap_or_default(),
        start: wire::micros(composed.start),
        end: wire::micros(composed.end),
        members,
        settled,
        superseded_by: None,
        sport: composed.sport.as_str().to_owned(),
        container: composed.container,
        duration_s: composed
            .timer_s
            .or(composed.moving_s)
            .unwrap_or(composed.elapsed_s),
        energy_kj: wire::unit(composed.energy_j, 1_000.0),
        indoor: composed.indoor,
        loss: known.and_then(|known| known.loss.clone()),
        lat_dd: cell(lat),
        lon_dd: cell(lon),
        candidates: Vec::new(),
        licence: None,
    }
}

/// Where it starts, in degrees.
fn position(composed: &Composed) -> (Option<f64>, Option<f64>) {
    let (lat, lon) = composed.start_position_e7.unzip();
    (wire::unit(lat, 1e7), wire::unit(lon, 1e7))
}

fn session_fact<'b>(
    (tenant, athlete): (&'b str, &'b str),
    block: &'b Block,
    group: &Group,
    composed: &'b Composed,
    settled: bool,
) -> SessionRevised<Text<'b>> {
    let (start_lat, start_lon) = position(composed);
    SessionRevised {
        id: Text::default(),
        tenant_id: tenant.into(),
        athlete_id: athlete.into(),
        recorded_at: Micros(0),
        revised_at: Micros(0),
        rules_id: Text::default(),
        licence: None,
        key_id: None,
        session_id: Text::default(),
        revision: 0,
        content_hash: Text::default(),
        sport: composed.sport.as_str().into(),
        family: composed.family.as_str().into(),
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
        start_lat,
        start_lon,
        indoor: composed.indoor,
        title: composed.title.as_ref().map(Text::from),
        local_date: composed.local_date.to_string().into(),
        utc_offset_s: composed.utc_offset_s,
        time_zone: composed.zone.as_ref().map(Text::from),
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
        ties: ties(block, group),
        change: Text::default(),
        merged_from: Vec::new(),
        split_from: None,
        split_into: Vec::new(),
    }
}

fn ties(block: &Block, group: &Group) -> Vec<Tie<Text<'static>>> {
    let id = |at: usize| Some(wire::lent_id(block.activities.get(at)?.id));
    let tie = |tie: &session::Tie| {
        Some(Tie {
            observation_id: id(tie.member)?,
            with: id(tie.with)?,
            rule: tie.rule.into(),
            score: i32::try_from(tie.score).unwrap_or(i32::MAX),
        })
    };
    group.ties.iter().filter_map(tie).collect()
}

fn retract(work: &mut Work<'_>, known: &SessionState, gone: &Withdrawn) {
    let superseded_by = gone.superseded_by.map(|id| id_text(id.0));
    let reason = reason(work, &known.members, gone);
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
        split_into: texts(&gone.split_into),
    };
    work.emit(topic::SESSIONS, &fact.id, &fact);
    work.dirty.losses.insert(known.session_id.clone());
    work.dirty.sessions.push((known.start.0, known.end.0));
    work.dirty.advice.push((known.start.0, known.end.0));
    let state = SessionState {
        published: said,
        superseded_by,
        candidates: Vec::new(),
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
