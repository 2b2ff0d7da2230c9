//! The timeline as those may see it who are not the athlete: merged again without the sources that
//! only the athlete may see.
//!
//! It is worked out from the observations and not from what was published, so nothing of a restricted
//! source can shine through: neither a value, nor who is grouped with whom, nor an id, nor a number
//! of revisions. For the same reason it has no history.

use processors_domain::identity::EntityId;
use processors_domain::observation::Anchor;
use processors_domain::session::{self, Activity};
use schemas::codec::{self, DecodeError};
use schemas::record::session::{Candidate, SessionRevised};
use schemas::record::state::AthleteHead;

use super::block::Block;
use super::{entity_id, session_fact};
use crate::bucket::{Day, Kept, Kind};
use crate::entity::hash_of;
use crate::ids::id_text;
use crate::licence;
use crate::settings::Settings;
use crate::wire;

/// Sessions of the unrestricted sources alone, by start. Their ids are those of their first records.
pub(crate) fn unrestricted(
    rules_id: &str,
    (tenant, athlete): (&str, &str),
    head: &AthleteHead,
    days: &[Day],
) -> Result<Vec<SessionRevised>, DecodeError> {
    let open: Vec<&Kept> = days
        .iter()
        .flat_map(|day| &day.observations)
        .filter(|kept| kept.kind() == Kind::Activity)
        .filter(|kept| !licence::of(kept).is_restricted())
        .collect();
    let (live, gone): (Vec<_>, Vec<_>) = open.into_iter().partition(|kept| kept.is_live(head));
    let block = Block::of(head, &live, &gone);
    let groups = session::group(&block.activities, &block.overrides);
    let legs = session::legs(&groups, &block.activities);
    let ids: Vec<String> = groups
        .iter()
        .map(|group| id_text(first_id((tenant, athlete), block.members(group)).0))
        .collect();
    let named = |at: usize| ids.get(at).cloned().unwrap_or_default();
    let zone = Settings::of(head).time_zone;
    let mut facts: Vec<SessionRevised> = Vec::with_capacity(groups.len());
    for (at, group) in groups.iter().enumerate() {
        let members: Vec<&Activity> = block.members(group).collect();
        let Some(composed) = session::compose(&members, zone.as_deref()) else {
            continue;
        };
        let mut fact = session_fact((tenant, athlete), &block, group, &composed, false);
        fact.licence = licence::seal(&mut fact.provenance, &composed.provenance, &block.told_by);
        fact.content_hash = hash_of(&fact).into();
        fact.session_id = named(at).into();
        fact.id = fact.session_id.clone();
        // It has no history: it is as old as the last of its records, and its first and only word.
        let known = members.iter().map(|one| one.first_received).max();
        fact.recorded_at = wire::micros(known.unwrap_or_default());
        fact.revised_at = fact.recorded_at;
        fact.revision = 1;
        fact.change = "created".into();
        fact.rules_id = rules_id.into();
        let legs = legs.get(at).into_iter().flatten();
        fact.legs = legs.map(|leg| named(*leg).into()).collect();
        let suspects = group.candidates.iter();
        fact.candidates = suspects
            .map(|one| Candidate {
                session_id: named(one.group).into(),
                rule: one.rule.into(),
            })
            .collect();
        facts.push(codec::decode(&codec::encode_view(&fact))?);
    }
    facts.sort_by(|one, other| (one.start, &one.session_id).cmp(&(other.start, &other.session_id)));
    Ok(facts)
}

fn first_id<'a>(
    (tenant, athlete): (&str, &str),
    members: impl Iterator<Item = &'a Activity>,
) -> EntityId {
    let anchors = members.map(|one| Anchor {
        received_at: one.first_received,
        observation: one.id,
    });
    let first = anchors.min().map(|anchor| anchor.observation);
    entity_id("session", tenant, athlete, first.unwrap_or_default(), 0)
}
