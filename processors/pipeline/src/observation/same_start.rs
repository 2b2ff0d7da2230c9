//! Sleeps that one account tells anew under another id: of those with the same start the one whose
//! content came last is the record, and the others are what it said before.
//!
//! It is worked out when the nights are, and not kept: which of them counts depends on which of them
//! was told since its account was closed.

use std::collections::BTreeMap;

use schemas::record::Micros;
use schemas::record::state::ObservationState;

use super::current;
use crate::bucket::Kept;

/// Only of this source it is known.
const SOURCE: &str = "garmin";

/// One account's word for when something began; a nap is no night.
type Told<'k> = (Option<&'k str>, Micros, bool);

/// Which records, by id, another of these has taken the place of, and which.
pub(crate) fn told_anew(live: &[&Kept]) -> BTreeMap<u128, u128> {
    let mut latest: BTreeMap<Told<'_>, ((i64, u128), Vec<u128>)> = BTreeMap::new();
    for kept in live {
        let Some((told, since)) = told(kept) else {
            continue;
        };
        let rank = (since, kept.id());
        let (last, all) = latest.entry(told).or_insert((rank, Vec::new()));
        *last = rank.max(*last);
        all.push(kept.id());
    }
    let replaced = latest.into_values().flat_map(|((_, last), all)| {
        let others = all.into_iter().filter(move |id| *id != last);
        others.map(move |id| (id, last))
    });
    replaced.collect()
}

/// What it is about, and when its content came: of a fetch, when it was true.
fn told(state: &ObservationState) -> Option<(Told<'_>, i64)> {
    let version = current(state).filter(|_| state.source == SOURCE)?;
    let body = version.sleep.as_deref()?;
    let since = match version.order {
        0 => version.first_received_at.0,
        fetched => fetched,
    };
    let account = state.account_id.as_deref();
    Some(((account, body.start, body.nap), since))
}
