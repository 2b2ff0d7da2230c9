//! Sessions.

use schemas::record::session::{SessionRetracted, SessionRevised};

use super::{ISSUED, RETRACTED, live_row, open_body};
use crate::json::Json;
use crate::{Cell, Retraction, RowChange, Table, Version};

pub(super) fn revised(fact: &SessionRevised) -> RowChange {
    let mut json = open_body!(fact, fact.start, fact.end);
    figures(&mut json, fact);
    json.value("provenance", &fact.provenance)
        .value("members", &fact.members)
        .value("candidates", &fact.candidates)
        .value("confidence", &fact.confidence)
        .flag("settled", fact.settled)
        .text_or_null("supersedes", fact.supersedes.as_deref())
        .text_or_null("superseded_by", fact.superseded_by.as_deref())
        .value("ties", &fact.ties)
        .text("change", &fact.change)
        .value("merged_from", &fact.merged_from)
        .text_or_null("split_from", fact.split_from.as_deref())
        .value("split_into", &fact.split_into);
    live_row!(Sessions, fact, id: fact.session_id, version: (fact.revision, ISSUED),
        span: (fact.start, fact.end), hash: fact.content_hash,
        cells: cells(fact), body: json)
}

fn figures(json: &mut Json, fact: &SessionRevised) {
    json.text("session_id", &fact.session_id)
        .int("revision", fact.revision)
        .text("content_hash", &fact.content_hash)
        .text("sport", &fact.sport)
        .text("family", &fact.family)
        .int_or_null("timer_s", fact.timer_s)
        .int_or_null("moving_s", fact.moving_s)
        .int("elapsed_s", fact.elapsed_s)
        .value("distance_m", &fact.distance_m)
        .value("energy_kj", &fact.energy_kj)
        .int_or_null("heart_rate_avg_bpm", fact.heart_rate_avg_bpm)
        .int_or_null("heart_rate_max_bpm", fact.heart_rate_max_bpm)
        .value("power_avg_w", &fact.power_avg_w)
        .value("speed_avg_m_s", &fact.speed_avg_m_s)
        .value("elevation_gain_m", &fact.elevation_gain_m)
        .value("start_lat", &fact.start_lat)
        .value("start_lon", &fact.start_lon)
        .value("indoor", &fact.indoor)
        .text_or_null("title", fact.title.as_deref())
        .text("local_date", &fact.local_date)
        .int("utc_offset_s", fact.utc_offset_s)
        .text_or_null("time_zone", fact.time_zone.as_deref())
        .flag("container", fact.container)
        .value("legs", &fact.legs);
}

fn cells(fact: &SessionRevised) -> Vec<Cell> {
    vec![
        Cell::from(&fact.sport),
        Cell::from(&fact.family),
        fact.timer_s.into(),
        fact.moving_s.into(),
        fact.elapsed_s.into(),
        fact.distance_m.into(),
        fact.energy_kj.into(),
        fact.heart_rate_avg_bpm.into(),
        fact.heart_rate_max_bpm.into(),
        fact.power_avg_w.into(),
        fact.speed_avg_m_s.into(),
        fact.elevation_gain_m.into(),
        fact.start_lat.into(),
        fact.start_lon.into(),
        fact.indoor.into(),
        fact.title.as_ref().into(),
        Cell::from(&fact.local_date),
        fact.utc_offset_s.into(),
        fact.time_zone.as_ref().into(),
        fact.container.into(),
        fact.members.len().into(),
        fact.confidence.into(),
        fact.settled.into(),
    ]
}

pub(super) fn retracted(fact: SessionRetracted) -> RowChange {
    RowChange::Retract(Retraction {
        table: Table::Sessions,
        tenant_id: fact.tenant_id,
        athlete_id: fact.athlete_id,
        id: fact.session_id,
        version: Version {
            revision: fact.revision,
            step: RETRACTED,
        },
        fact_id: fact.id,
        content_hash: Some(fact.content_hash),
        recorded_at: fact.recorded_at,
        revised_at: fact.revised_at,
        reason: fact.reason,
        superseded_by: fact.superseded_by,
    })
}
