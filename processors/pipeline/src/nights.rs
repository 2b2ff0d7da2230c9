//! Reconcile, sleep: records and fragments around the affected wake dates → nights and naps.
//!
//! Which cluster is *the* night depends on the others of its wake date, so a date is worked out
//! whole, from all records within reach, and compared with what was said.

use std::collections::{BTreeMap, BTreeSet};

use processors_domain::identity::{Continued, EntityId, Identities, Published, Withdrawn, assign};
use processors_domain::night::{self, Night, SleepKind, SleepRecord};
use processors_domain::observation::{Anchor, ObservationId, Source, fingerprint};
use processors_domain::time::{CivilDate, Span};
use schemas::record::Micros;
use schemas::record::night::{NightRetracted, NightRevised};
use schemas::record::state::{NightState, ObservationState};
use schemas::topic;

use crate::bucket::{Kept, Kind, day_of};
use crate::dirty::{Reach, any_touches, close};
use crate::entity::{fact_id, hash_of, revise};
use crate::ids::{id_number, id_text};
use crate::licence;
use crate::lineage::{Lineage, reason, texts};
use crate::normalize::SECOND_US;
use crate::observation;
use crate::sessions::{anchor, entity_id};
use crate::tellers::{Teller, member, provenance};
use crate::wire::{self, Names, observation_text};
use crate::work::Work;

const CLUSTER_SLACK_US: i64 = night::GAP_S * SECOND_US;
const REACH_US: i64 = night::REACH_S * SECOND_US;

struct Block {
    records: Vec<SleepRecord>,
    /// Live and withdrawn records of the affected clusters.
    touched: BTreeSet<String>,
    told_by: BTreeMap<ObservationId, Teller>,
    /// Withdrawn records that another account tells again.
    heirs: BTreeMap<ObservationId, ObservationId>,
}

impl Block {
    fn with_heirs(&self, members: &[String]) -> Vec<ObservationId> {
        let ids: Vec<ObservationId> = members.iter().map(|id| wire::observation_id(id)).collect();
        let heirs = ids.iter().filter_map(|id| self.heirs.get(id).copied());
        let heirs: Vec<ObservationId> = heirs.filter(|heir| !ids.contains(heir)).collect();
        ids.into_iter().chain(heirs).collect()
    }
}

pub(crate) fn reconcile(work: &mut Work<'_>) {
    let Some(block) = block(work) else { return };
    let settings = work.settings();
    let all = night::nights(&block.records, settings.time_zone.as_deref());
    let mut dates: BTreeSet<CivilDate> = states(work)
        .filter(|state| {
            state
                .members
                .iter()
                .any(|member| block.touched.contains(member))
        })
        .filter_map(|state| state.local_date.parse().ok())
        .collect();
    dates.extend(
        all.iter()
            .filter(|one| is_touched(&block, one))
            .map(|one| one.local_date),
    );
    let nights: Vec<&Night> = all
        .iter()
        .filter(|one| dates.contains(&one.local_date))
        .collect();
    let mut involved: BTreeSet<&str> = block.touched.iter().map(String::as_str).collect();
    let records = nights.iter().flat_map(|one| members(&block, one));
    involved.extend(
        records
            .filter_map(|record| block.told_by.get(&record.id))
            .map(|by| by.id.as_str()),
    );
    let before: Vec<NightState> = states(work)
        .filter(|state| {
            state
                .members
                .iter()
                .any(|member| involved.contains(member.as_str()))
                || state
                    .local_date
                    .parse()
                    .is_ok_and(|date| dates.contains(&date))
        })
        .cloned()
        .collect();
    let identities = identify(work, &block, &before, &nights);
    for withdrawn in &identities.withdrawn {
        if let Some(state) = before.get(withdrawn.published) {
            retract(work, state, withdrawn);
        }
    }
    for (one, continued) in nights.iter().zip(&identities.groups) {
        let known = continued.published.and_then(|at| before.get(at));
        publish(work, &block, one, continued, known);
    }
}

fn states<'w>(work: &'w Work<'_>) -> impl Iterator<Item = &'w NightState> {
    work.days().flat_map(|(_, bucket)| bucket.nights.iter())
}

fn members<'b>(block: &'b Block, one: &Night) -> Vec<&'b SleepRecord> {
    one.members
        .iter()
        .filter_map(|at| block.records.get(*at))
        .collect()
}

fn is_touched(block: &Block, one: &Night) -> bool {
    members(block, one)
        .iter()
        .filter_map(|record| block.told_by.get(&record.id))
        .any(|by| block.touched.contains(&by.id))
}

fn block(work: &Work<'_>) -> Option<Block> {
    let seen: Vec<(&Kept, Reach)> = work
        .observations_of(&[Kind::Sleep])
        .filter_map(|state| state.span().map(|reach| (state, reach)))
        .collect();
    let items: Vec<Reach> = seen.iter().map(|(_, reach)| *reach).collect();
    let stale = if work.dirty.everything {
        items.clone()
    } else {
        work.dirty.sleep.clone()
    };
    if stale.is_empty() {
        return None;
    }
    let spans = close(&stale, &items, CLUSTER_SLACK_US);
    let mut block = Block {
        records: Vec::new(),
        touched: BTreeSet::new(),
        told_by: BTreeMap::new(),
        heirs: BTreeMap::new(),
    };
    let mut names = Names::default();
    let (mut live, mut gone): (Vec<&Kept>, Vec<&Kept>) = Default::default();
    for (state, reach) in seen {
        let is_live = state.is_live(&work.head);
        if any_touches(&spans, reach, CLUSTER_SLACK_US) {
            block.touched.insert(state.observation_id.clone());
            if !is_live {
                gone.push(state);
            }
        }
        if is_live
            && any_touches(&spans, reach, REACH_US)
            && let Some(record) = record(state, &mut names)
        {
            block.told_by.insert(record.id, Teller::of(state));
            block.records.push(record);
            live.push(state);
        }
    }
    for old in gone {
        let is_heir = |new: &&&Kept| {
            new.provider_id == old.provider_id
                && new.source == old.source
                && new.account_id != old.account_id
        };
        if let Some(new) = live.iter().find(is_heir) {
            let ids = (&old.observation_id, &new.observation_id);
            block
                .heirs
                .insert(wire::observation_id(ids.0), wire::observation_id(ids.1));
        }
    }
    Some(block)
}

fn record<'w>(state: &'w ObservationState, names: &mut Names<'w>) -> Option<SleepRecord> {
    let body = observation::current(state)?.sleep.as_deref()?;
    let span = Span::new(wire::instant(body.start), wire::instant(body.end));
    let manual = body
        .validation
        .as_deref()
        .is_some_and(|word| word.eq_ignore_ascii_case("manual"));
    Some(SleepRecord {
        account: fingerprint(state.account_id.as_deref().unwrap_or("")),
        writer: names.writer(body.writer.as_deref()),
        device: names.device(body.device.as_deref()),
        nap: body.nap,
        segments: body
            .segments
            .iter()
            .filter_map(|segment| {
                let span = Span::new(wire::instant(segment.start), wire::instant(segment.end));
                Some((SleepKind::parse(&segment.stage)?, span))
            })
            .collect(),
        asleep_s: body.asleep_s,
        awake_s: body.awake_s,
        deep_s: body.deep_s,
        light_s: body.light_s,
        rem_s: body.rem_s,
        utc_offset_s: body.utc_offset_s,
        zone: body.time_zone.clone(),
        manual,
        first_received: wire::instant(observation::first_received(state)),
        ..SleepRecord::bare(
            wire::observation_id(&state.observation_id),
            Source::parse(&state.source),
            SleepKind::parse(&body.stage)?,
            span,
        )
    })
}

fn identify(
    work: &Work<'_>,
    block: &Block,
    before: &[NightState],
    nights: &[&Night],
) -> Identities {
    let published: Vec<Published> = before
        .iter()
        .map(|state| Published {
            id: EntityId(id_number(&state.night_id)),
            anchor: anchor(state.anchor_received_at, &state.anchor_observation_id),
            members: block.with_heirs(&state.members),
            live: state.published.live,
        })
        .collect();
    let anchors: Vec<Vec<Anchor>> = nights
        .iter()
        .map(|one| {
            let of = |record: &SleepRecord| Anchor {
                received_at: record.first_received,
                observation: record.id,
            };
            members(block, one).into_iter().map(of).collect()
        })
        .collect();
    let derive = |observation: ObservationId, salt: u32| {
        entity_id("night", work.tenant, work.athlete, observation, salt)
    };
    let taken = |id: EntityId| {
        let id = id_text(id.0);
        states(work).any(|state| state.night_id == id)
    };
    assign(&published, &anchors, derive, taken)
}

fn publish(
    work: &mut Work<'_>,
    block: &Block,
    one: &Night,
    continued: &Continued,
    known: Option<&NightState>,
) {
    let mut fact = night_fact(work, block, one);
    fact.licence = licence::seal(&mut fact.provenance, &block.told_by);
    let hash = hash_of(&fact);
    let night_id = id_text(continued.id.0);
    let ids = members(block, one).into_iter().map(|record| record.id);
    let mut state = NightState {
        night_id: night_id.clone(),
        anchor_received_at: wire::micros(continued.anchor.received_at),
        anchor_observation_id: observation_text(continued.anchor.observation),
        published: known
            .map(|known| known.published.clone())
            .unwrap_or_default(),
        start: fact.start,
        end: fact.end,
        local_date: fact.local_date.clone(),
        members: ids
            .chain(continued.attached.iter().copied())
            .map(observation_text)
            .collect(),
        superseded_by: None,
    };
    if let Some(said) = revise(known.map(|known| &known.published), &hash, true, work.now) {
        fact.id = fact_id(&night_id, &said);
        fact.night_id = night_id;
        fact.revision = said.revision;
        fact.revised_at = said.revised_at;
        fact.content_hash = hash;
        fact.recorded_at = work.now;
        fact.rules_id.clone_from(&work.rules.id);
        let lineage = Lineage::of(continued, known.map(|known| known.published.live));
        fact.change = lineage.change.to_owned();
        fact.merged_from = lineage.merged_from;
        fact.split_from = lineage.split_from;
        fact.split_into = lineage.split_into;
        work.emit(topic::NIGHTS, &fact.id.clone(), &fact);
        state.published = said;
    }
    store(work, known, Some(state));
}

fn night_fact(work: &Work<'_>, block: &Block, one: &Night) -> NightRevised {
    NightRevised {
        id: String::new(),
        tenant_id: work.tenant.to_owned(),
        athlete_id: work.athlete.to_owned(),
        recorded_at: Micros(0),
        revised_at: Micros(0),
        rules_id: String::new(),
        licence: None,
        key_id: None,
        night_id: String::new(),
        revision: 0,
        content_hash: String::new(),
        kind: one.kind.as_str().to_owned(),
        start: wire::micros(one.start),
        end: wire::micros(one.end),
        in_bed_start: one.in_bed.map(|span| wire::micros(span.start())),
        in_bed_end: one.in_bed.map(|span| wire::micros(span.end())),
        asleep_s: one.asleep_s,
        awake_s: one.awake_s,
        deep_s: one.deep_s,
        light_s: one.light_s,
        rem_s: one.rem_s,
        local_date: one.local_date.to_string(),
        utc_offset_s: one.utc_offset_s,
        provenance: one.provenance.iter().map(provenance).collect(),
        members: one
            .roles
            .iter()
            .map(|(id, role)| member(&block.told_by, *id, *role))
            .collect(),
        superseded_by: None,
        change: String::new(),
        merged_from: Vec::new(),
        split_from: None,
        split_into: Vec::new(),
    }
}

fn retract(work: &mut Work<'_>, known: &NightState, gone: &Withdrawn) {
    let superseded_by = gone.superseded_by.map(|id| id_text(id.0));
    let reason = reason(work, &known.members, gone);
    let Some(said) = revise(Some(&known.published), "", false, work.now) else {
        return;
    };
    let fact = NightRetracted {
        id: fact_id(&known.night_id, &said),
        tenant_id: work.tenant.to_owned(),
        athlete_id: work.athlete.to_owned(),
        recorded_at: work.now,
        revised_at: said.revised_at,
        rules_id: work.rules.id.clone(),
        licence: None,
        key_id: None,
        night_id: known.night_id.clone(),
        revision: said.revision,
        content_hash: String::new(),
        reason: reason.to_owned(),
        superseded_by: superseded_by.clone(),
        split_into: texts(&gone.split_into),
    };
    work.emit(topic::NIGHTS, &fact.id.clone(), &fact);
    let state = NightState {
        published: said,
        superseded_by,
        ..known.clone()
    };
    store(work, Some(known), Some(state));
}

fn store(work: &mut Work<'_>, before: Option<&NightState>, after: Option<NightState>) {
    if before == after.as_ref() {
        return;
    }
    if let Some(before) = before {
        let bucket = work.day_mut(day_of(before.start.0));
        bucket
            .nights
            .retain(|state| state.night_id != before.night_id);
    }
    if let Some(after) = after {
        let bucket = work.day_mut(day_of(after.start.0));
        bucket.nights.push(after);
        bucket
            .nights
            .sort_by(|a, b| (a.start, &a.night_id).cmp(&(b.start, &b.night_id)));
    }
}
