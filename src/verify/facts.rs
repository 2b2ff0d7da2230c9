//! Published facts folded to what is live: per athlete a count of each content, per entity the last
//! revision.

use std::collections::{BTreeMap, BTreeSet};

use schemas::AnyRecord;
use stream_log::Offset;

use super::Findings;

/// What a fact says of its entity.
struct Said {
    kind: &'static str,
    athlete: String,
    entity: String,
    revision: i64,
    /// `None` withdraws it.
    content: Option<String>,
    fact_id: String,
    /// An expiry speaks of a version that was said before.
    may_repeat: bool,
}

#[derive(Debug, Default)]
struct Entity {
    revision: i64,
    content: Option<String>,
    /// Where its last word stands.
    at: Offset,
}

/// One live thing, and where its last word stands in the log it was read from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing<'f> {
    pub(crate) athlete: &'f str,
    pub(crate) kind: &'static str,
    pub(crate) id: &'f str,
    pub(crate) content: &'f str,
    pub(crate) at: Offset,
}

/// Athlete, kind and id.
pub(crate) type EntityId = (String, &'static str, String);

/// What a record is about, where it is about something that lives.
pub(crate) fn entity_of(record: &AnyRecord) -> Option<EntityId> {
    said(record).map(|said| (said.athlete, said.kind, said.entity))
}

/// Live content of everybody.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    entities: BTreeMap<EntityId, Entity>,
    athletes: BTreeSet<String>,
    ids: BTreeSet<String>,
    total: u64,
}

impl Facts {
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    pub(crate) fn athletes(&self) -> u64 {
        u64::try_from(self.athletes.len()).unwrap_or(0)
    }

    /// Take a fact; strictness about revisions is for the log, a rebuild has its own numbers.
    pub(crate) fn take(&mut self, record: &AnyRecord, at: Offset, findings: Option<&mut Findings>) {
        let Some(said) = said(record) else {
            if let (AnyRecord::ObservationRecorded(fact), Some(findings)) = (record, findings) {
                let names = ("observation", fact.athlete_id.as_str());
                once(&mut self.ids, names, &fact.id, findings);
            }
            return;
        };
        self.total += 1;
        let key = (said.athlete.clone(), said.kind, said.entity.clone());
        let entity = self.entities.entry(key).or_default();
        if let Some(findings) = findings {
            let rises = said.revision > entity.revision
                || (said.may_repeat && said.revision == entity.revision);
            if !rises {
                findings.add(
                    "revision_order",
                    format!(
                        "{} {} of {} says revision {} after {}",
                        said.kind, said.entity, said.athlete, said.revision, entity.revision
                    ),
                );
            }
            let names = (said.kind, said.athlete.as_str());
            once(&mut self.ids, names, &said.fact_id, findings);
        }
        entity.revision = said.revision.max(entity.revision);
        entity.content = said.content;
        entity.at = at;
        self.athletes.insert(said.athlete);
    }

    /// Everything that is live, by athlete, kind and id.
    pub(crate) fn standing(&self) -> impl Iterator<Item = Standing<'_>> {
        self.entities
            .iter()
            .filter_map(|((athlete, kind, id), entity)| {
                Some(Standing {
                    athlete,
                    kind,
                    id,
                    content: entity.content.as_deref()?,
                    at: entity.at,
                })
            })
    }

    /// Where the last word about an entity stands.
    pub(crate) fn place_of(&self, entity: &EntityId) -> Option<Offset> {
        self.entities.get(entity).map(|entity| entity.at)
    }

    /// How often each live content stands, by athlete and kind.
    pub(crate) fn content(&self) -> BTreeMap<(&str, &'static str, &str), u64> {
        let mut counts = BTreeMap::new();
        for ((athlete, kind, _), entity) in &self.entities {
            if let Some(content) = &entity.content {
                *counts
                    .entry((athlete.as_str(), *kind, content.as_str()))
                    .or_default() += 1;
            }
        }
        counts
    }

    /// An entity that has this content, to name it.
    pub(crate) fn name_of(&self, athlete: &str, kind: &str, content: &str) -> Option<&str> {
        self.entities
            .iter()
            .find(|((owner, what, _), entity)| {
                owner == athlete && *what == kind && entity.content.as_deref() == Some(content)
            })
            .map(|((_, _, id), _)| id.as_str())
    }
}

macro_rules! told {
    ($kind:expr, $fact:expr, $entity:expr, $revision:expr, $content:expr) => {
        Some(Said {
            kind: $kind,
            athlete: format!("{}/{}", $fact.tenant_id, $fact.athlete_id),
            entity: $entity.clone(),
            revision: $revision,
            content: $content,
            fact_id: $fact.id.clone(),
            may_repeat: false,
        })
    };
}

fn once(
    ids: &mut BTreeSet<String>,
    (kind, athlete): (&str, &str),
    id: &str,
    findings: &mut Findings,
) {
    if !ids.insert(id.to_owned()) {
        findings.add(
            "fact_doubled",
            format!("{kind} {id} of {athlete} is in the log twice"),
        );
    }
}

fn said(record: &AnyRecord) -> Option<Said> {
    match record {
        AnyRecord::SessionRevised(fact) => {
            told!(
                "session",
                fact,
                fact.session_id,
                fact.revision,
                live(&fact.content_hash)
            )
        }
        AnyRecord::SessionRetracted(fact) => {
            told!("session", fact, fact.session_id, fact.revision, None)
        }
        AnyRecord::NightRevised(fact) => {
            told!(
                "night",
                fact,
                fact.night_id,
                fact.revision,
                live(&fact.content_hash)
            )
        }
        AnyRecord::NightRetracted(fact) => told!("night", fact, fact.night_id, fact.revision, None),
        AnyRecord::SweatLossEstimated(fact) => {
            told!(
                "loss",
                fact,
                fact.loss_id,
                fact.revision,
                live(&fact.content_hash)
            )
        }
        AnyRecord::SweatLossRetracted(fact) => {
            told!("loss", fact, fact.loss_id, fact.revision, None)
        }
        AnyRecord::SweatProfileRevised(fact) => {
            told!(
                "profile",
                fact,
                fact.athlete_id,
                fact.revision,
                live(&fact.content_hash)
            )
        }
        AnyRecord::SafetyHoldRaised(fact) => {
            let content = format!("{} {}", fact.since.0, fact.symptoms.join(" "));
            told!("hold", fact, fact.hold_id, fact.version, Some(content))
        }
        AnyRecord::SafetyHoldReleased(fact) => {
            told!("hold", fact, fact.hold_id, fact.version, None)
        }
        other => advised(other),
    }
}

fn advised(record: &AnyRecord) -> Option<Said> {
    const KIND: &str = "recommendation";
    match record {
        AnyRecord::RecommendationIssued(fact) => {
            told!(
                KIND,
                fact,
                fact.slot,
                fact.version,
                live(&fact.content_hash)
            )
        }
        AnyRecord::RecommendationExpired(fact) => {
            // Whether advice was given in time is history; that it is over is content.
            let content = Some(format!("{} expired", fact.content_hash));
            let said = told!(KIND, fact, fact.slot, fact.version, content);
            said.map(|said| Said {
                may_repeat: true,
                ..said
            })
        }
        AnyRecord::RecommendationCancelled(fact) => {
            let said = told!(KIND, fact, fact.slot, fact.version, None);
            said.map(|said| Said {
                may_repeat: true,
                ..said
            })
        }
        _ => None,
    }
}

fn live(content_hash: &str) -> Option<String> {
    Some(content_hash.to_owned())
}
