//! Reconcile, sleep: records and fragments around the affected wake dates → nights and naps.
//!
//! Which cluster is *the* night depends on the others of its wake date, so a date is worked out
//! whole, from all records within reach, and compared with what was said.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use processors_domain::identity::{Continued, EntityId, Identities, Published, Withdrawn, assign};
use processors_domain::night::{self, Night, SleepKind, SleepRecord};
use processors_domain::observation::{Anchor, ObservationId, Source, fingerprint};
use processors_domain::time::Span;
use schemas::record::night::{NightRetracted, NightRevised};
use schemas::record::state::{AthleteHead, NightState, ObservationState};
use schemas::record::{Micros, Text};
use schemas::topic;

use crate::bucket::{Kept, Kind, day_of};
use crate::dirty::{Reach, any_touches, close};
use crate::entity::{fact_id, hash_of, revise};
use crate::ids::{id_number, id_text};
use crate::licence;
use crate::lineage::{Lineage, lent, reason, texts};
use crate::normalize::SECOND_US;
use crate::observation;
use crate::sessions::{anchor, entity_id};
use crate::tellers::{Teller, member, provenance};
use crate::wire::{self, Names, observation_text};
use crate::work::Work;

const CLUSTER_SLACK_US: i64 = night::GAP_S * SECOND_US;
const REACH_US: i64 = night::REACH_S * SECOND_US;

#[derive(Default)]
struct Block {
    records: Vec<SleepRecord>,
    /// Live and withdrawn records of the affected clusters.
    touched: BTreeSet<ObservationId>,
    told_by: BTreeMap<ObservationId, Teller>,
    /// Withdrawn records that another account tells again, or the same one anew.
    heirs: BTreeMap<ObservationId, ObservationId>,
}

impl Block {
    fn with_heirs(&self, members: &[String]) -> Vec<ObservationId> {
        let ids: Vec<ObservationId> = members.iter().map(|id| wire::observation_id(id)).collect();
        let heirs = ids.iter().filter_map(|id| self.heirs.get(id).copied());
        let heirs: Vec<ObservationId> = heirs.filter(|heir| !ids.contains(heir)).collect();
        ids.into_iter().chain(heirs).collect()
    }

    fn holds(&self, state: &NightState) -> bool {
        let mut members = state.members.iter();
        members.any(|id| self.touched.contains(&wire::observation_id(id)))
    }

    fn add<'w>(&mut self, kept: &'w Kept, names: &mut Names<'w>) {
        if let Some(record) = record(kept, names) {
            self.told_by.insert(record.id, Teller::of(kept));
            self.records.push(record);
        }
    }
}

/// What is said again: all nights of the affected wake dates.
struct Affected {
    block: Block,
    nights: Vec<Night>,
    before: Vec<Arc<NightState>>,
}

pub(crate) fn reconcile(work: &mut Work<'_>) {
    let Some(affected) = affected(work) else {
        return;
    };
    let Affected {
        block,
        nights,
        before,
    } = &affected;
    let identities = identify(work, block, before, nights);
    for withdrawn in &identities.withdrawn {
        if let Some(state) = before.get(withdrawn.published) {
            retract(work, state, withdrawn);
        }
    }
    for (one, continued) in nights.iter().zip(&identities.groups) {
        let known = continued.published.and_then(|at| before.get(at));
        let known = known.map(Arc::as_ref);
        publish(work, block, one, continued, known);
    }
}

fn affected(work: &Work<'_>) -> Option<Affected> {
    let seen = Seen::of(work)?;
    let mut names = Names::default();
    let mut block = seen.block(&mut names);
    let settings = work.settings();
    let zone = settings.time_zone.as_deref();
    let mut all = night::nights(&block.records, zone);
    let touched = all.iter().filter(|one| is_touched(&block, one));
    let mut dates: BTreeSet<String> = touched.map(|one| one.local_date.to_string()).collect();
    let held = states(work).filter(|state| block.holds(state));
    dates.extend(held.map(|state| state.local_date.clone()));
    if seen.add_others_of(&dates, work, &mut block, &mut names) {
        all = night::nights(&block.records, zone);
    }
    all.retain(|one| dates.contains(&one.local_date.to_string()));
    let mut involved = block.touched.clone();
    let records = all.iter().flat_map(|one| members(&block, one));
    involved.extend(records.map(|record| record.id));
    let is_involved = |state: &&Arc<NightState>| {
        let mut members = state.members.iter();
        dates.contains(&state.local_date)
            || members.any(|id| involved.contains(&wire::observation_id(id)))
    };
    Some(Affected {
        before: states(work).filter(is_involved).cloned().collect(),
        nights: all,
        block,
    })
}

fn states<'w>(work: &'w Work<'_>) -> impl Iterator<Item = &'w Arc<NightState>> {
    work.days().flat_map(|(_, bucket)| &bucket.nights)
}

fn members<'b>(block: &'b Block, one: &'b Night) -> impl Iterator<Item = &'b SleepRecord> {
    let records = one.members.iter();
    records.filter_map(|at| block.records.get(*at))
}

fn is_touched(block: &Block, one: &Night) -> bool {
    members(block, one).any(|record| block.touched.contains(&record.id))
}

/// The sleep records at hand, and where the affected clusters lie.
struct Seen<'w> {
    records: Vec<(&'w Kept, Reach)>,
    spans: Vec<Reach>,
    head: &'w AthleteHead,
}

impl<'w> Seen<'w> {
    /// `None` where no sleep changed.
    fn of(work: &'w Work<'_>) -> Option<Self> {
        if work.dirty.sleep.is_empty() && !work.dirty.everything {
            return None;
        }
        let records: Vec<(&Kept, Reach)> = work
            .observations_of(&[Kind::Sleep])
            .filter_map(|kept| Some((kept, kept.span()?)))
            .collect();
        let items: Vec<Reach> = records.iter().map(|(_, reach)| *reach).collect();
        let stale = if work.dirty.everything {
            &items
        } else {
            &work.dirty.sleep
        };
        let spans = close(stale, &items, CLUSTER_SLACK_US);
        (!spans.is_empty()).then_some(Self {
            records,
            spans,
            head: &work.head,
        })
    }

    /// The affected clusters; with what may have taken the place of a withdrawn record, where there is
    /// one.
    fn block(&self, names: &mut Names<'w>) -> Block {
        let mut block = Block::default();
        let mut gone: Vec<&Kept> = Vec::new();
        let mut live: Vec<&Kept> = Vec::new();
        let touched_live = self.records.iter().filter(|(kept, reach)| {
            kept.is_live(self.head) && any_touches(&self.spans, *reach, CLUSTER_SLACK_US)
        });
        let touched_live: Vec<&Kept> = touched_live.map(|(kept, _)| *kept).collect();
        let anew = observation::told_anew(&touched_live);
        let heirs = anew
            .iter()
            .map(|(old, new)| (ObservationId(*old), ObservationId(*new)));
        block.heirs.extend(heirs);
        for (kept, reach) in &self.records {
            let is_live = kept.is_live(self.head) && !anew.contains_key(&kept.id());
            let touched = any_touches(&self.spans, *reach, CLUSTER_SLACK_US);
            if touched {
                block.touched.insert(ObservationId(kept.id()));
            }
            match (is_live, touched) {
                (true, true) => block.add(kept, names),
                (false, true) => gone.push(kept),
                _ => {}
            }
            if is_live && any_touches(&self.spans, *reach, REACH_US) {
                live.push(kept);
            }
        }
        for old in gone {
            let is_heir = |new: &&&Kept| {
                new.provider_id == old.provider_id
                    && new.source == old.source
                    && new.account_id != old.account_id
            };
            if let Some(new) = live.iter().find(is_heir) {
                let ids = (ObservationId(old.id()), ObservationId(new.id()));
                block.heirs.insert(ids.0, ids.1);
            }
        }
        block
    }

    /// Adds the records of other clusters that woke on these dates: what was said of a cluster that
    /// nothing touches still holds. Answers whether there are any.
    fn add_others_of(
        &self,
        dates: &BTreeSet<String>,
        work: &Work<'_>,
        block: &mut Block,
        names: &mut Names<'w>,
    ) -> bool {
        let others: BTreeSet<ObservationId> = states(work)
            .filter(|state| state.published.live && dates.contains(&state.local_date))
            .flat_map(|state| &state.members)
            .map(|id| wire::observation_id(id))
            .filter(|id| !block.touched.contains(id))
            .collect();
        let is_other = |kept: &Kept| others.contains(&ObservationId(kept.id()));
        let before = block.records.len();
        for (kept, reach) in self.records.iter().filter(|_| !others.is_empty()) {
            let near = any_touches(&self.spans, *reach, REACH_US);
            if near && is_other(kept) && kept.is_live(self.head) {
                block.add(kept, names);
            }
        }
        block.records.len() > before
    }
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
    before: &[Arc<NightState>],
    nights: &[Night],
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
            members(block, one).map(of).collect()
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
    let mut fact = night_fact((work.tenant, work.athlete), block, one);
    fact.licence = licence::seal(&mut fact.provenance, &one.provenance, &block.told_by);
    let hash = hash_of(&fact);
    let night_id = id_text(continued.id.0);
    let ids = members(block, one).map(|record| record.id);
    let mut state = NightState {
        night_id,
        anchor_received_at: wire::micros(continued.anchor.received_at),
        anchor_observation_id: observation_text(continued.anchor.observation),
        published: known
            .map(|known| known.published.clone())
            .unwrap_or_default(),
        start: fact.start,
        end: fact.end,
        local_date: one.local_date.to_string(),
        members: ids
            .chain(continued.attached.iter().copied())
            .map(observation_text)
            .collect(),
        superseded_by: None,
    };
    if let Some(said) = revise(known.map(|known| &known.published), &hash, true, work.now) {
        fact.id = fact_id(&state.night_id, &said).into();
        fact.night_id = (&state.night_id).into();
        fact.revision = said.revision;
        fact.revised_at = said.revised_at;
        fact.content_hash = hash.into();
        fact.recorded_at = work.now;
        fact.rules_id = work.rules.id.as_str().into();
        let lineage = Lineage::of(continued, known.map(|known| known.published.live));
        fact.change = lineage.change.into();
        fact.merged_from = lent(&lineage.merged_from);
        fact.split_from = lineage.split_from.as_ref().map(Text::from);
        fact.split_into = lent(&lineage.split_into);
        work.emit(topic::NIGHTS, fact.id.as_str(), &fact);
        state.published = said;
    }
    store(work, known, Some(state));
}

fn night_fact<'b>(
    (tenant, athlete): (&'b str, &'b str),
    block: &'b Block,
    one: &Night,
) -> NightRevised<Text<'b>> {
    NightRevised {
        id: Text::default(),
        tenant_id: tenant.into(),
        athlete_id: athlete.into(),
        recorded_at: Micros(0),
        revised_at: Micros(0),
        rules_id: Text::default(),
        licence: None,
        key_id: None,
        night_id: Text::default(),
        revision: 0,
        content_hash: Text::default(),
        kind: one.kind.as_str().into(),
        start: wire::micros(one.start),
        end: wire::micros(one.end),
        in_bed_start: one.in_bed.map(|span| wire::micros(span.start())),
        in_bed_end: one.in_bed.map(|span| wire::micros(span.end())),
        asleep_s: one.asleep_s,
        awake_s: one.awake_s,
        deep_s: one.deep_s,
        light_s: one.light_s,
        rem_s: one.rem_s,
        local_date: one.local_date.to_string().into(),
        utc_offset_s: one.utc_offset_s,
        provenance: one.provenance.iter().map(provenance).collect(),
        members: one
            .roles
            .iter()
            .map(|(id, role)| member(&block.told_by, *id, *role))
            .collect(),
        superseded_by: None,
        change: Text::default(),
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
    work.emit(topic::NIGHTS, &fact.id, &fact);
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
        bucket.nights.push(Arc::new(after));
        bucket
            .nights
            .sort_by(|a, b| (a.start, &a.night_id).cmp(&(b.start, &b.night_id)));
    }
}
