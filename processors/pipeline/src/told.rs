//! What the records of one session tell, for whoever asks why a field is what it is.

use std::collections::BTreeMap;

use processors_domain::session::{Activity, pieces, together};
use schemas::record::observation::ActivityBody;
use schemas::record::state::ObservationState;

use crate::observation;
use crate::wire::{self, micros, observation_text, unit};

/// Each by its id; the pieces of one recording tell together, under the id of the first.
pub fn told_in_session(states: &[&ObservationState]) -> BTreeMap<String, ActivityBody> {
    let mut told: BTreeMap<String, ActivityBody> = states
        .iter()
        .filter_map(|state| {
            let body = observation::activity(state)?;
            Some((state.observation_id.clone(), body))
        })
        .collect();
    let activities: Vec<Activity> = states
        .iter()
        .filter_map(|state| wire::activity(state))
        .collect();
    for parts in pieces(&activities.iter().collect::<Vec<_>>()) {
        let Some(side) = together(&parts) else {
            continue;
        };
        if let Some(body) = told.get_mut(&observation_text(side.id)) {
            as_one(body, &side);
        }
    }
    told
}

/// The body of the first piece with what all pieces tell together.
fn as_one(body: &mut ActivityBody, side: &Activity) {
    body.start = micros(side.span.start());
    body.end = micros(side.span.end());
    body.elapsed_s = side.elapsed_s;
    body.timer_s = side.timer_s;
    body.moving_s = side.moving_s;
    body.distance_m = unit(side.distance_dm, 10.0);
    body.energy_kj = unit(side.energy_j, 1_000.0);
    body.elevation_gain_m = unit(side.elevation_gain_dm, 10.0);
    body.heart_rate_avg_bpm = side.heart_rate_avg_bpm;
    body.heart_rate_max_bpm = side.heart_rate_max_bpm;
    body.power_avg_w = unit(side.power_avg_dw, 10.0);
    body.speed_avg_m_s = unit(side.speed_avg_mm_s, 1_000.0);
    body.title.clone_from(&side.title);
}
