//! Who told of a thing: members and origins of fields, in the words of the wire.

use std::collections::BTreeMap;

use processors_domain::observation::{Choice, Licence, ObservationId, Role};
use schemas::record::session::{FieldProvenance, Loser, Member};
use schemas::record::state::ObservationState;

use crate::licence;
use crate::wire::observation_text;

/// Which record an observation is, in the words of the wire.
pub(crate) struct Teller {
    pub(crate) id: String,
    source: String,
    provider_id: String,
    pub(crate) licence: Licence,
}

impl Teller {
    pub(crate) fn of(state: &ObservationState) -> Self {
        Self {
            id: state.observation_id.clone(),
            source: state.source.clone(),
            provider_id: state.provider_id.clone(),
            licence: licence::of(state),
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

pub(crate) fn provenance(choice: &Choice) -> FieldProvenance {
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
        parts: choice.parts.iter().copied().map(observation_text).collect(),
        licence: None,
    }
}
