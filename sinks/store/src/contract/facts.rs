//! Facts for the suite: samples of the schema with what a scenario is about set by hand.

use std::sync::Arc;

use schemas::AnyRecord;
use schemas::record::Micros;
use schemas::record::ingest::{RawReceived, RecordRejected, RejectionResolved};
use schemas::record::loss::{SweatLossEstimated, SweatLossRetracted, SweatProfileRevised};
use schemas::record::night::{NightRetracted, NightRevised};
use schemas::record::observation::ObservationRecorded;
use schemas::record::recommendation::{
    RecommendationCancelled, RecommendationExpired, RecommendationIssued, SafetyHoldRaised,
    SafetyHoldReleased,
};
use schemas::record::session::{SessionRetracted, SessionRevised};
use schemas::sample::full;

use super::TENANT;

pub(super) const ATHLETE: &str = "a1";
const SECOND: i64 = 1_000_000;

/// A sample of a fact of the suite's athlete.
macro_rules! fact {
    ($name:ident { $($field:ident $(: $value:expr)?),* $(,)? }) => {
        $name {
            tenant_id: TENANT.to_owned(),
            athlete_id: ATHLETE.to_owned(),
            $($field $(: $value)?,)*
            ..full::<$name>()
        }
    };
}

pub(super) fn session(id: &str, revision: i64, start_s: i64) -> AnyRecord {
    spanning(id, revision, start_s, start_s + 100)
}

pub(super) fn spanning(id: &str, revision: i64, start_s: i64, end_s: i64) -> AnyRecord {
    let fact = fact!(SessionRevised {
        session_id: id.to_owned(),
        revision,
        revised_at: Micros(revision),
        content_hash: format!("hash {revision}"),
        start: Micros(start_s * SECOND),
        end: Micros(end_s * SECOND),
        superseded_by: None,
    });
    fact.into()
}

pub(super) fn session_gone(id: &str, revision: i64) -> AnyRecord {
    let fact = fact!(SessionRetracted {
        session_id: id.to_owned(),
        revision,
        revised_at: Micros(revision),
        reason: "merged".to_owned(),
        superseded_by: Some("s0".to_owned()),
    });
    fact.into()
}

fn night(id: &str, revision: i64) -> AnyRecord {
    let (night_id, revised_at) = (id.to_owned(), Micros(revision));
    fact!(NightRevised {
        night_id,
        revision,
        revised_at
    })
    .into()
}

fn night_gone(id: &str, revision: i64) -> AnyRecord {
    let (night_id, revised_at) = (id.to_owned(), Micros(revision));
    fact!(NightRetracted {
        night_id,
        revision,
        revised_at
    })
    .into()
}

fn loss(id: &str, revision: i64) -> AnyRecord {
    let (loss_id, revised_at) = (id.to_owned(), Micros(revision));
    fact!(SweatLossEstimated {
        loss_id,
        revision,
        revised_at
    })
    .into()
}

fn loss_gone(id: &str, revision: i64) -> AnyRecord {
    let (loss_id, revised_at) = (id.to_owned(), Micros(revision));
    fact!(SweatLossRetracted {
        loss_id,
        revision,
        revised_at
    })
    .into()
}

fn profile(revision: i64) -> AnyRecord {
    let revised_at = Micros(revision);
    fact!(SweatProfileRevised {
        revision,
        revised_at
    })
    .into()
}

pub(super) fn issued(slot: &str, version: i64) -> AnyRecord {
    let (slot, revised_at) = (slot.to_owned(), Micros(version));
    fact!(RecommendationIssued {
        slot,
        version,
        revised_at
    })
    .into()
}

pub(super) fn cancelled(slot: &str, version: i64) -> AnyRecord {
    let fact = fact!(RecommendationCancelled {
        slot: slot.to_owned(),
        version,
        revised_at: Micros(version),
        reason: "WORKOUT_DELETED".to_owned(),
    });
    fact.into()
}

pub(super) fn expired(slot: &str, version: i64, late: bool) -> AnyRecord {
    let fact = fact!(RecommendationExpired {
        slot: slot.to_owned(),
        version,
        revised_at: Micros(version),
        late,
    });
    fact.into()
}

pub(super) fn intake(id: &str, provider_id: &str, revised_at: i64) -> AnyRecord {
    let fact = fact!(ObservationRecorded {
        observation_id: id.to_owned(),
        provider_id: provider_id.to_owned(),
        source: "app".to_owned(),
        account_id: None,
        revised_at: Micros(revised_at),
        kind: "intake".to_owned(),
    });
    fact.into()
}

pub(super) fn deletion(provider_id: &str, revised_at: i64) -> AnyRecord {
    let mut fact = fact!(ObservationRecorded {
        observation_id: format!("deletion of {provider_id}"),
        source: "app".to_owned(),
        account_id: None,
        revised_at: Micros(revised_at),
        kind: "deletion".to_owned(),
    });
    if let Some(body) = &mut fact.deletion {
        Arc::make_mut(body).target_provider_id = Some(provider_id.to_owned());
    }
    fact.into()
}

pub(super) fn plan(id: &str, version: Option<i64>, revised_at: i64, deleted: bool) -> AnyRecord {
    let mut fact = fact!(ObservationRecorded {
        observation_id: id.to_owned(),
        provider_id: id.to_owned(),
        revised_at: Micros(revised_at),
        kind: "planned_workout".to_owned(),
    });
    if let Some(body) = &mut fact.planned_workout {
        let body = Arc::make_mut(body);
        (body.version, body.deleted) = (version, deleted);
    }
    fact.into()
}

fn hold(version: i64) -> AnyRecord {
    let hold_id = "h1".to_owned();
    fact!(SafetyHoldRaised { hold_id, version }).into()
}

fn hold_over(version: i64) -> AnyRecord {
    let hold_id = "h1".to_owned();
    fact!(SafetyHoldReleased { hold_id, version }).into()
}

pub(super) fn rejected(id: &str, attempts: i32) -> AnyRecord {
    let fact = RecordRejected {
        id: id.to_owned(),
        tenant_id: TENANT.to_owned(),
        reason: "malformed".to_owned(),
        attempts,
        ..full::<RecordRejected>()
    };
    fact.into()
}

pub(super) fn arrived_again(id: &str, received_s: i64) -> AnyRecord {
    let raw = RawReceived {
        tenant_id: TENANT.to_owned(),
        replay_of: Some(id.to_owned()),
        received_at: Micros(received_s * SECOND),
        ..full::<RawReceived>()
    };
    raw.into()
}

pub(super) fn resolved(id: &str, recorded_s: i64) -> AnyRecord {
    let fact = RejectionResolved {
        tenant_id: TENANT.to_owned(),
        rejection_id: id.to_owned(),
        recorded_at: Micros(recorded_s * SECOND),
        ..full::<RejectionResolved>()
    };
    fact.into()
}

/// A bit of everything, in the order a log would have it.
pub(super) fn story() -> Vec<AnyRecord> {
    vec![
        session("s1", 1, 10),
        loss("l1", 1),
        issued("slot1", 1),
        night("n1", 1),
        profile(1),
        session("s2", 1, 10),
        intake("o1", "p1", 1),
        rejected("d1", 1),
        session("s1", 2, 12),
        session_gone("s2", 2),
        loss("l1", 2),
        issued("slot1", 2),
        plan("plan1", Some(2), 1, false),
        plan("plan1", Some(1), 2, false),
        deletion("p1", 2),
        hold(1),
        arrived_again("d1", 5),
        rejected("d2", 2),
        resolved("d2", 7),
        rejected("d3", 1),
        session_gone("s1", 3),
        loss_gone("l1", 3),
        cancelled("slot1", 2),
        night_gone("n1", 2),
        intake("o1", "p1", 3),
        hold_over(1),
        session("s1", 4, 14),
        loss("l1", 4),
        issued("slot1", 3),
        expired("slot1", 3, false),
        plan("plan1", Some(3), 3, true),
        profile(2),
        night("n1", 3),
        issued("slot2", 1),
        cancelled("slot2", 2),
    ]
}
