//! Slots: what was last said in one, and what is said next.

use std::sync::Arc;

use processors_domain::advice::{
    Advised, AfterInput, BeforeInput, BridgeInput, Confidence, DuringInput, GapClass, NightInput,
    RULES_VERSION,
};
use schemas::record::Micros;
use schemas::record::recommendation::{
    Advice, Dependency, Need, Needs, Param, Portion, Reason, RecommendationCancelled,
    RecommendationExpired, RecommendationIssued, RecommendationSuperseded,
};
use schemas::record::state::{PublishedState, SessionState, SlotState};
use schemas::topic;

use super::timeline::Timeline;
use crate::bucket::day_of;
use crate::entity::{fact_id, hash_of, revise};
use crate::ids::{content_hash, id_of};
use crate::normalize::HOUR_US;
use crate::wire;
use crate::work::Work;

/// What a slot hangs on.
pub(super) struct Anchor {
    id: String,
    kind: &'static str,
    slot: String,
    depends_on: Vec<Dependency>,
}

impl Anchor {
    pub(super) fn session(work: &Work<'_>, state: &SessionState, phase: &str) -> Self {
        let mut depends_on = vec![Dependency {
            id: state.session_id.clone(),
            revision: state.published.revision,
        }];
        depends_on.extend(state.loss.as_ref().map(|loss| Dependency {
            id: id_of(&["loss", &state.session_id]),
            revision: loss.published.revision,
        }));
        Self {
            slot: format!("{}/{}/{phase}", work.athlete, state.session_id),
            id: state.session_id.clone(),
            kind: "session",
            depends_on,
        }
    }

    pub(super) fn plan(work: &Work<'_>, plan_id: &str, phase: &str) -> Self {
        let revision = work
            .head
            .profile
            .as_ref()
            .map_or(0, |profile| profile.revision);
        Self {
            slot: format!("{}/{plan_id}/{phase}", work.athlete),
            id: plan_id.to_owned(),
            kind: "plan",
            depends_on: vec![Dependency {
                id: format!("profile/{}", work.athlete),
                revision,
            }],
        }
    }
}

/// The inputs of the rule that was asked, for their hash.
#[derive(Clone, Copy)]
pub(super) enum Inputs {
    Before(BeforeInput),
    During(DuringInput),
    Bridge(BridgeInput),
    After(AfterInput),
    Night(NightInput),
}

impl Inputs {
    fn text(&self) -> String {
        match self {
            Self::Before(input) => format!("{input:?}"),
            Self::During(input) => format!("{input:?}"),
            Self::Bridge(input) => format!("{input:?}"),
            Self::After(input) => format!("{input:?}"),
            Self::Night(input) => format!("{input:?}"),
        }
    }
}

/// What should stand in a slot now.
pub(super) struct Desired {
    pub(super) phase: &'static str,
    pub(super) start: Micros,
    pub(super) end: Micros,
    pub(super) valid_from: Micros,
    pub(super) valid_until: Micros,
    /// What the schedule's offsets count from.
    pub(super) origin: Micros,
    pub(super) gap_class: Option<GapClass>,
    /// What the rule was asked.
    pub(super) inputs: Inputs,
    pub(super) advised: Advised,
    pub(super) confidence: Confidence,
}

pub(super) fn say(work: &mut Work<'_>, timeline: &Timeline, anchor: &Anchor, desired: Desired) {
    let expired = desired.valid_until <= work.now;
    let (inputs, start, valid_until) = (desired.inputs, desired.start, desired.valid_until);
    let (phase, needs) = (desired.phase, desired.advised.needs);
    let hours = (desired.end.0.saturating_sub(start.0)) as f64 / HOUR_US as f64;
    let mut fact = content(work, anchor, desired);
    // Baskets follow from the needs and from what the athlete may take; they are worked out only
    // where something is said.
    let hash = hash_of(&fact);
    let hash = content_hash(&[hash.as_bytes(), timeline.taste.text.as_bytes()]);
    let known = find(work, &anchor.slot);
    let said = revise(
        known.as_ref().map(|(_, slot)| &slot.published),
        &hash,
        true,
        work.now,
    );
    let is_over = |slot: &SlotState| expired && !slot.expired;
    if said.is_none() && !known.as_ref().is_some_and(|(_, slot)| is_over(slot)) {
        return;
    }
    let inputs_hash = content_hash(&[inputs.text().as_bytes()]);
    name(work, &mut fact, anchor, inputs_hash);
    let shelf = Arc::clone(&work.rules.shelf);
    fact.advice.options = shelf.options(&timeline.taste, phase, &needs, hours);
    let day = day_of(start.0);
    let Some(said) = said else {
        if let Some((from, slot)) = known {
            fact.revised_at = work.now;
            expire(work, fact, &slot.published, false);
            let expired = SlotState {
                expired: true,
                ..Arc::unwrap_or_clone(slot)
            };
            put(work, Some(from), day, expired);
        }
        return;
    };
    let state = SlotState {
        slot: anchor.slot.clone(),
        fact_id: fact_id(&anchor.slot, &said),
        published: said,
        valid_until,
        expired,
        fluid_ml: needs.fluid.map(|need| need.target.get()),
    };
    fact.content_hash = hash;
    let from = known.as_ref().map(|(from, _)| *from);
    replace(work, fact, known.as_ref().map(|(_, slot)| &**slot), &state);
    put(work, from, day, state);
}

/// Say a new version, and what became of the one before.
fn replace(
    work: &mut Work<'_>,
    mut fact: RecommendationIssued,
    known: Option<&SlotState>,
    state: &SlotState,
) {
    let said = &state.published;
    fact.version = said.revision;
    fact.revised_at = said.revised_at;
    fact.id.clone_from(&state.fact_id);
    if let Some(slot) = known.filter(|slot| slot.published.live && !slot.expired) {
        supersede(work, slot, &fact.id, said.revised_at);
    }
    if state.expired {
        expire(work, fact, said, true);
    } else {
        work.emit(topic::RECOMMENDATIONS, &state.fact_id, &fact);
    }
}

pub(super) fn cancel(work: &mut Work<'_>, anchor: &Anchor, reason: &str) {
    let Some((day, slot)) = find(work, &anchor.slot) else {
        return;
    };
    if !slot.published.live {
        return;
    }
    let revised_at = Micros(
        work.now
            .0
            .max(slot.published.revised_at.0.saturating_add(1)),
    );
    let version = slot.published.revision;
    let fact = RecommendationCancelled {
        id: id_of(&["cancelled", &slot.slot, &version.to_string()]),
        tenant_id: work.tenant.to_owned(),
        athlete_id: work.athlete.to_owned(),
        recorded_at: work.now,
        revised_at,
        rules_id: work.rules.id.clone(),
        licence: None,
        key_id: None,
        slot: slot.slot.clone(),
        version,
        reason: reason.to_owned(),
    };
    work.emit(topic::RECOMMENDATIONS, &fact.id, &fact);
    // The number goes on rising when the anchor returns.
    let mut slot = Arc::unwrap_or_clone(slot);
    slot.published.live = false;
    slot.published.content_hash.clear();
    slot.published.revised_at = revised_at;
    put(work, Some(day), day, slot);
}

fn find(work: &Work<'_>, name: &str) -> Option<(i32, Arc<SlotState>)> {
    work.days().find_map(|(day, bucket)| {
        let slot = bucket.slots.iter().find(|slot| slot.slot == name)?;
        Some((day, Arc::clone(slot)))
    })
}

fn put(work: &mut Work<'_>, from: Option<i32>, day: i32, state: SlotState) {
    if let Some(from) = from {
        work.day_mut(from)
            .slots
            .retain(|slot| slot.slot != state.slot);
    }
    let slots = &mut work.day_mut(day).slots;
    slots.push(Arc::new(state));
    slots.sort_by(|a, b| a.slot.cmp(&b.slot));
}

fn supersede(work: &mut Work<'_>, old: &SlotState, by: &str, revised_at: Micros) {
    let (slot, version) = (old.slot.as_str(), old.published.revision);
    let fact = RecommendationSuperseded {
        id: id_of(&["superseded", slot, &version.to_string()]),
        tenant_id: work.tenant.to_owned(),
        athlete_id: work.athlete.to_owned(),
        recorded_at: work.now,
        revised_at,
        rules_id: work.rules.id.clone(),
        licence: None,
        key_id: None,
        slot: slot.to_owned(),
        version,
        by: by.to_owned(),
    };
    work.emit(topic::RECOMMENDATIONS, &fact.id, &fact);
}

fn expire(work: &mut Work<'_>, fact: RecommendationIssued, said: &PublishedState, late: bool) {
    let expired = RecommendationExpired {
        id: id_of(&["expired", &fact.slot, &said.revision.to_string()]),
        tenant_id: fact.tenant_id,
        athlete_id: fact.athlete_id,
        recorded_at: work.now,
        revised_at: Micros(work.now.0.max(said.revised_at.0.saturating_add(1))),
        rules_id: fact.rules_id,
        licence: None,
        key_id: None,
        slot: fact.slot,
        version: said.revision,
        content_hash: said.content_hash.clone(),
        inputs_hash: fact.inputs_hash,
        rules: fact.rules,
        catalog: fact.catalog,
        late,
        advice: fact.advice,
    };
    work.emit(topic::RECOMMENDATIONS, &expired.id, &expired);
}

/// What is history and no content: ids, revisions, processing times.
fn name(work: &Work<'_>, fact: &mut RecommendationIssued, anchor: &Anchor, inputs_hash: String) {
    fact.slot.clone_from(&anchor.slot);
    fact.inputs_hash = inputs_hash;
    fact.rules_id.clone_from(&work.rules.id);
    fact.recorded_at = work.now;
    fact.advice.anchor_id.clone_from(&anchor.id);
    fact.advice.depends_on.clone_from(&anchor.depends_on);
}

/// The content alone.
fn content(work: &Work<'_>, anchor: &Anchor, desired: Desired) -> RecommendationIssued {
    let advised = &desired.advised;
    RecommendationIssued {
        id: String::new(),
        tenant_id: work.tenant.to_owned(),
        athlete_id: work.athlete.to_owned(),
        recorded_at: Micros(0),
        revised_at: Micros(0),
        rules_id: String::new(),
        licence: None,
        key_id: None,
        slot: String::new(),
        version: 0,
        content_hash: String::new(),
        inputs_hash: String::new(),
        rules: RULES_VERSION.to_owned(),
        catalog: work.rules.shelf.version().to_owned(),
        advice: Advice {
            phase: desired.phase.to_owned(),
            anchor_id: String::new(),
            anchor_kind: anchor.kind.to_owned(),
            anchor_start: desired.start,
            anchor_end: desired.end,
            valid_from: desired.valid_from,
            valid_until: desired.valid_until,
            gap_class: desired.gap_class.map(|class| class.as_str().to_owned()),
            needs: needs(&advised.needs),
            schedule: schedule(advised, desired.origin),
            options: Arc::default(),
            reasons: advised.reasons.iter().map(reason).collect(),
            safety: advised
                .safety
                .iter()
                .map(|rule| rule.as_str().to_owned())
                .collect(),
            flags: advised
                .flags
                .iter()
                .map(|flag| flag.as_str().to_owned())
                .collect(),
            confidence: schemas::record::recommendation::Confidence {
                fluid: desired.confidence.fluid.fraction(),
                sodium: desired.confidence.sodium.fraction(),
            },
            depends_on: Vec::new(),
        },
    }
}

fn schedule(advised: &Advised, origin: Micros) -> Vec<Portion> {
    let at = |after: i64| Micros(origin.0.saturating_add(after.saturating_mul(1_000_000)));
    let portion = |portion: &processors_domain::advice::Portion| Portion {
        at: at(portion.after.get()),
        fluid_ml: Some(portion.fluid.get()),
        carbohydrate_dg: Some(portion.carbohydrate.get()),
        protein_dg: Some(portion.protein.get()),
        sodium_mg: Some(portion.sodium.get()),
    };
    advised.schedule.iter().map(portion).collect()
}

fn reason(told: &processors_domain::advice::Reason) -> Reason {
    Reason {
        code: told.code.to_owned(),
        params: told
            .params
            .iter()
            .map(|(name, value)| Param {
                name: (*name).to_owned(),
                value: *value,
            })
            .collect(),
        evidence: told.evidence.iter().map(|key| (*key).to_owned()).collect(),
    }
}

fn needs(needs: &processors_domain::advice::Needs) -> Needs {
    Needs {
        fluid_ml: needs.fluid.map(need),
        fluid_ml_per_h: needs.fluid_per_hour.map(|rate| rate.get()),
        carbohydrate_dg: needs.carbohydrate.map(need),
        protein_dg: needs.protein.map(need),
        casein_dg: needs.casein.map(need),
        sodium_mg: needs.sodium.map(need),
        caffeine_mg: needs.caffeine.map(need),
        carry_over_ml: needs.carry_over.map(|volume| volume.get()),
    }
}

fn need<Q: processors_domain::units::Quantity>(told: processors_domain::advice::Need<Q>) -> Need {
    Need {
        target: wire::number(told.target),
        lo: told.lo.map(wire::number),
        hi: told.hi.map(wire::number),
        max: told.max.map(wire::number),
    }
}
