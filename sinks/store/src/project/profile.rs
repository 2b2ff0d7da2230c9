//! Sweat profiles: one per athlete, so the athlete's id is the profile's.
//!
//! A profile has no place in time. Its row begins and ends where its last test was, or when it was
//! recorded where there was none.

use schemas::record::loss::SweatProfileRevised;

use super::loss::interval;
use super::{ISSUED, live_row, open_body};
use crate::{Cell, RowChange, Table};

pub(super) fn revised(fact: &SweatProfileRevised) -> RowChange {
    let at = fact.last_test_at.unwrap_or(fact.recorded_at);
    let mut json = open_body!(fact, at, at);
    json.int("revision", fact.revision)
        .text("content_hash", &fact.content_hash)
        .value("sweat_rate_multiplier", &fact.sweat_rate_multiplier)
        .value("sodium_mmol_per_l", &fact.sodium_mmol_per_l)
        .value("log_mean", &fact.log_mean)
        .value("log_sd", &fact.log_sd)
        .int("tests", fact.tests)
        .instant_or_null("last_test_at", fact.last_test_at)
        .value("envelope", &fact.envelope)
        .text("advice", &fact.advice)
        .value("evidence", &fact.evidence);
    live_row!(Profiles, fact, id: fact.athlete_id, version: (fact.revision, ISSUED),
        span: (at, at), hash: fact.content_hash, cells: cells(fact), body: json)
}

fn cells(fact: &SweatProfileRevised) -> Vec<Cell> {
    let mut cells = Vec::with_capacity(Table::Profiles.columns().len());
    cells.extend(interval(Some(fact.sweat_rate_multiplier)));
    cells.extend(interval(fact.sodium_mmol_per_l));
    cells.extend([
        fact.tests.into(),
        fact.last_test_at.into(),
        Cell::from(&fact.advice),
    ]);
    cells
}
