//! Who told of a thing: members and origins of fields, in the words of the wire.

use std::collections::BTreeMap;
use std::sync::Arc;

use processors_domain::observation::{Choice, Licence, ObservationId, Role};
use schemas::record::Text;
use schemas::record::session::{FieldProvenance, Loser, Member};
use schemas::record::state::ObservationState;

use crate::bucket::Kept;
use crate::licence;
use crate::wire;

/// The record that an observation is.
pub(crate) struct Teller {
    state: Arc<ObservationState>,
    pub(crate) licence: Licence,
}

impl Teller {
    pub(crate) fn of(kept: &Kept) -> Self {
        Self {
            licence: licence::of(kept),
            state: kept.share(),
        }
    }
}

pub(crate) fn member(
    told_by: &BTreeMap<ObservationId, Teller>,
    id: ObservationId,
    role: Role,
) -> Member<Text<'_>> {
    let (source, provider_id) = told_by.get(&id).map_or(("", ""), |by| {
        (by.state.source.as_str(), by.state.provider_id.as_str())
    });
    Member {
        observation_id: wire::lent_id(id),
        source: source.into(),
        provider_id: provider_id.into(),
        role: role.as_str().into(),
    }
}

pub(crate) fn provenance(choice: &Choice) -> FieldProvenance<Text<'static>> {
    FieldProvenance {
        field: choice.field.into(),
        observation_id: wire::lent_id(choice.winner),
        rule: choice.rule.into(),
        losers: choice
            .losers
            .iter()
            .map(|(id, reason)| Loser {
                observation_id: wire::lent_id(*id),
                reason: (*reason).into(),
            })
            .collect(),
        parts: choice.parts.iter().copied().map(wire::lent_id).collect(),
        licence: None,
    }
}
