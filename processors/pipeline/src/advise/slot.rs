//! Slots: what was last said in one, and what is said next.

use std::sync::Arc;

use processors_domain::advice::{
    Advised, AfterInput, BeforeInput, BridgeInput, Confidence, DuringInput, GapClass, NightInput,
    RULES_VERSION,
};
use processors_domain::observation::Licence;
use processors_domain::safety::Ceilings;
use processors_domain::selection::Drinks;
use schemas::record::recommendation::{
    Advice, Dependency, Need, Needs, Param, Portion, Reason, RecommendationCancelled,
    RecommendationExpired, RecommendationIssued, RecommendationSuperseded,
};
use schemas::record::state::{PublishedState, SessionState, SlotState};
use schemas::record::{Micros, Text};
use schemas::topic;

use super::hold;
use super::timeline::Timeline;
use crate::bucket::day_of;
use crate::entity::{fact_id, hash_of, revise};
use crate::ids::{content_hash, id_of};
use crate::normalize::HOUR_US;
use crate::wire;
use crate::work::Work;

/// A slot, and what it hangs on.
pub(super) struct Anchor<'s> {
    slot: String,
    what: Hook<'s>,
}

enum Hook<'s> {
    Session(&'s SessionState),
    Plan(&'s str),
}

impl<'s> Anchor<'s> {
    pub(super) fn session(work: &Work<'_>, state: &'s SessionState, phase: &str) -> Self {
        Self {
            slot: [work.athlete, &state.session_id, phase].join("/"),
            what: Hook::Session(state),
        }
    }

    pub(super) fn plan(work: &Work<'_>, plan_id: &'s str, phase: &str) -> Self {
        Self {
            slot: [work.athlete, plan_id, phase].join("/"),
            what: Hook::Plan(plan_id),
        }
    }

    fn id(&self) -> &'s str {
        match self.what {
            Hook::Session(state) => &state.session_id,
            Hook::Plan(id) => id,
        }
    }

    fn kind(&self) -> &'static str {
        match self.what {
            Hook::Session(_) => "session",
            Hook::Plan(_) => "plan",
        }
    }

    fn depends_on(&self, work: &Work<'_>) -> Vec<Dependency<Text<'s>>> {
        match self.what {
            Hook::Session(state) => {
                let session = Dependency {
                    id: Text::from(&state.session_id),
                    revision: state.published.revision,
                };
                let loss = state.loss.as_ref().map(|loss| Dependency {
                    id: Text::Own(id_of(&["loss", &state.session_id])),
                    revision: loss.published.revision,
                });
                std::iter::once(session).chain(loss).collect()
            }
            Hook::Plan(_) => {
                let profile = work.head.profile.as_ref();
                vec![Dependency {
                    id: Text::Own(format!("profile/{}", work.athlete)),
                    revision: profile.map_or(0, |profile| profile.revision),
                }]
            }
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
    /// The strictest label of what it was worked out from.
    pub(super) licence: Licence,
}

pub(super) fn say(
    work: &mut Work<'_>,
    timeline: &Timeline,
    anchor: &Anchor<'_>,
    desired: &Desired,
) {
    let (start, valid_until) = (desired.start, desired.valid_until);
    if hold::stops(work, valid_until) {
        cancel(work, anchor, "SAFETY_HOLD");
        return;
    }
    let expired = valid_until <= work.now;
    let needs = &desired.advised.needs;
    let hours = (desired.end.0.saturating_sub(start.0)) as f64 / HOUR_US as f64;
    let mut fact = content(work, anchor, desired);
    // Baskets follow from the needs and from what the athlete may take; they are worked out only
    // where something is said.
    let hash = hash_of(&fact);
    let taken = [timeline.taste.text.clone(), ceilings(&desired.advised)].concat();
    let hash = content_hash(&[hash.as_bytes(), taken.as_bytes()]);
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
    name(work, &mut fact, anchor, &desired.inputs);
    let shelf = &work.rules.shelf;
    fact.advice.options = shelf.options(&timeline.taste, desired.phase, &desired.advised, hours);
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
    fact.content_hash = hash.into();
    let from = known.as_ref().map(|(from, _)| *from);
    replace(work, fact, known.as_ref().map(|(_, slot)| &**slot), &state);
    put(work, from, day, state);
}

/// In words that nobody has who may take everything.
fn ceilings(advised: &Advised) -> String {
    let Ceilings {
        fluid,
        carbohydrate,
        sodium,
        drinks,
    } = advised.ceilings;
    let fluid = fluid.map(|most| format!(" fluid_ml {}", most.get()));
    let carbohydrate = carbohydrate.map(|most| format!(" carbohydrate_dg {}", most.get()));
    let sodium = sodium.map(|most| format!(" sodium_mg {}", most.get()));
    let drinks = match drinks {
        Drinks::All => None,
        Drinks::NotPlain => Some(" drinks not_plain".to_owned()),
        Drinks::None => Some(" drinks none".to_owned()),
    };
    let words = fluid
        .into_iter()
        .chain(carbohydrate)
        .chain(sodium)
        .chain(drinks);
    words.collect()
}

/// Say a new version, and what became of the one before.
fn replace(
    work: &mut Work<'_>,
    mut fact: RecommendationIssued<Text<'_>>,
    known: Option<&SlotState>,
    state: &SlotState,
) {
    let said = &state.published;
    fact.version = said.revision;
    fact.revised_at = said.revised_at;
    fact.id = Text::Own(state.fact_id.clone());
    if let Some(slot) = known.filter(|slot| slot.published.live && !slot.expired) {
        supersede(work, slot, &state.fact_id, said.revised_at);
    }
    if state.expired {
        expire(work, fact, said, true);
    } else {
        work.emit(topic::RECOMMENDATIONS, &state.fact_id, &fact);
    }
}

pub(super) fn cancel(work: &mut Work<'_>, anchor: &Anchor<'_>, reason: &str) {
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

/// Until when what was said last stood.
pub(super) fn valid_until(work: &Work<'_>, anchor: &Anchor<'_>) -> Option<Micros> {
    find(work, &anchor.slot).map(|(_, slot)| slot.valid_until)
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

fn expire(
    work: &mut Work<'_>,
    fact: RecommendationIssued<Text<'_>>,
    said: &PublishedState,
    late: bool,
) {
    let id = id_of(&["expired", fact.slot.as_str(), &said.revision.to_string()]);
    let expired = RecommendationExpired {
        id: Text::Lent(&id),
        tenant_id: fact.tenant_id,
        athlete_id: fact.athlete_id,
        recorded_at: work.now,
        revised_at: Micros(work.now.0.max(said.revised_at.0.saturating_add(1))),
        rules_id: fact.rules_id,
        licence: fact.licence,
        key_id: None,
        slot: fact.slot,
        version: said.revision,
        content_hash: Text::Own(said.content_hash.clone()),
        inputs_hash: fact.inputs_hash,
        rules: fact.rules,
        catalog: fact.catalog,
        late,
        advice: fact.advice,
    };
    work.emit(topic::RECOMMENDATIONS, &id, &expired);
}

/// What is history and no content: ids, revisions, processing times.
fn name<'b>(
    work: &Work<'b>,
    fact: &mut RecommendationIssued<Text<'b>>,
    anchor: &'b Anchor<'_>,
    inputs: &Inputs,
) {
    let rules = work.rules;
    fact.slot = (&anchor.slot).into();
    fact.inputs_hash = content_hash(&[inputs.text().as_bytes()]).into();
    fact.rules_id = (&rules.id).into();
    fact.recorded_at = work.now;
    fact.advice.anchor_id = anchor.id().into();
    fact.advice.depends_on = anchor.depends_on(work);
}

/// The content alone.
fn content<'b>(
    work: &Work<'b>,
    anchor: &Anchor<'_>,
    desired: &Desired,
) -> RecommendationIssued<Text<'b>> {
    let (rules, advised) = (work.rules, &desired.advised);
    let words = |words: &mut dyn Iterator<Item = &'static str>| words.map(Text::from).collect();
    RecommendationIssued {
        id: Text::default(),
        tenant_id: work.tenant.into(),
        athlete_id: work.athlete.into(),
        recorded_at: Micros(0),
        revised_at: Micros(0),
        rules_id: Text::default(),
        licence: Some(desired.licence.as_str().into()),
        key_id: None,
        slot: Text::default(),
        version: 0,
        content_hash: Text::default(),
        inputs_hash: Text::default(),
        rules: RULES_VERSION.into(),
        catalog: rules.shelf.version().into(),
        advice: Advice {
            phase: desired.phase.into(),
            anchor_id: Text::default(),
            anchor_kind: anchor.kind().into(),
            anchor_start: desired.start,
            anchor_end: desired.end,
            valid_from: desired.valid_from,
            valid_until: desired.valid_until,
            gap_class: desired.gap_class.map(|class| class.as_str().into()),
            needs: self::needs(&advised.needs),
            schedule: schedule(advised, desired.origin),
            options: Arc::default(),
            reasons: advised.reasons.iter().map(reason).collect(),
            safety: words(&mut advised.safety.iter().map(|rule| rule.as_str())),
            flags: words(&mut advised.flags.iter().map(|flag| flag.as_str())),
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

fn reason(told: &processors_domain::advice::Reason) -> Reason<Text<'static>> {
    let param = |(name, value): &(&'static str, i64)| Param {
        name: Text::from(*name),
        value: *value,
    };
    Reason {
        code: told.code.into(),
        params: told.params.iter().map(param).collect(),
        evidence: told.evidence.iter().copied().map(Text::from).collect(),
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
