//! Where schema and domain meet: the only conversions between the two.
//!
//! Wire numbers are plain and carry their unit in the name; domain numbers are integers of a small
//! unit. Each pair of functions says both, so that a unit is converted in one place.

use processors_domain::observation::{Device, ObservationId, Source, Writer, fingerprint};
use processors_domain::session::Activity;
use processors_domain::sport::Sport;
use processors_domain::time::{Instant, Span};
use processors_domain::units::Interval;
use schemas::record::observation::ActivityBody;
use schemas::record::state::ObservationState;
use schemas::record::{Micros, Text};

use crate::ids::{id_digits, id_number, id_text};
use crate::observation::{self, Name};

pub(crate) fn instant(at: Micros) -> Instant {
    Instant(at.0)
}

pub(crate) fn micros(at: Instant) -> Micros {
    Micros(at.0)
}

pub(crate) fn observation_id(text: &str) -> ObservationId {
    ObservationId(id_number(text))
}

/// An id as a fact names it.
pub(crate) fn lent_id(id: ObservationId) -> Text<'static> {
    Text::Id(id_digits(id.0))
}

pub(crate) fn observation_text(id: ObservationId) -> String {
    id_text(id.0)
}

/// A wire number in whole steps of a smaller unit.
pub(crate) fn steps(value: Option<f64>, per_unit: f64) -> Option<i64> {
    value.map(|number| libm::round(number * per_unit) as i64)
}

/// Whole steps back as the wire's unit.
pub(crate) fn unit(value: Option<i64>, per_unit: f64) -> Option<f64> {
    value.map(|number| number as f64 / per_unit)
}

/// Writers and devices that were met in one call. A night has dozens of fragments by one device.
#[derive(Default)]
pub(crate) struct Names<'w> {
    writers: Vec<(&'w str, Option<Writer>)>,
    devices: Vec<(&'w str, Option<Device>)>,
}

impl<'w> Names<'w> {
    pub(crate) fn writer(&mut self, name: Option<&'w str>) -> Option<Writer> {
        known(&mut self.writers, name?, Writer::of)
    }

    pub(crate) fn device(&mut self, name: Option<&'w str>) -> Option<Device> {
        known(&mut self.devices, name?, Device::of)
    }
}

fn known<'w, T: Copy>(
    met: &mut Vec<(&'w str, Option<T>)>,
    name: &'w str,
    of: fn(&str) -> Option<T>,
) -> Option<T> {
    if let Some((_, value)) = met.iter().find(|(known, _)| *known == name) {
        return *value;
    }
    let value = of(name);
    met.push((name, value));
    value
}

/// The activity that counts, as the rules see it. `None` for an observation of another kind.
pub(crate) fn activity(state: &ObservationState) -> Option<Activity> {
    let body = observation::activity(state)?;
    let span = Span::new(instant(body.start), instant(body.end));
    let sport = Sport::parse(&body.sport).unwrap_or(Sport::Other);
    Some(Activity {
        account: fingerprint(state.account_id.as_deref().unwrap_or("")),
        provider: fingerprint(&state.provider_id),
        external: body.external_id.as_deref().map(fingerprint),
        uploaded_from: body.external_id.as_deref().and_then(uploaded_from),
        parent: body.parent_provider_id.as_deref().map(fingerprint),
        hidden_start: body.hidden_start,
        writer: body.writer.as_deref().and_then(Writer::of),
        device: body.device.as_deref().and_then(Device::of),
        sport_known: sport != Sport::Other,
        utc_offset_s: body.utc_offset_s,
        zone: body.time_zone.clone(),
        timer_s: body.timer_s,
        moving_s: body.moving_s,
        elapsed_s: body.elapsed_s,
        distance_dm: steps(body.distance_m, 10.0),
        energy_j: steps(body.energy_kj, 1_000.0),
        heart_rate_avg_bpm: body.heart_rate_avg_bpm,
        heart_rate_max_bpm: body.heart_rate_max_bpm,
        power_avg_dw: steps(body.power_avg_w, 10.0),
        speed_avg_mm_s: steps(body.speed_avg_m_s, 1_000.0),
        elevation_gain_dm: steps(body.elevation_gain_m, 10.0),
        start_position_e7: position(&body),
        indoor: body.indoor,
        manual: body.manual,
        title: body.title.clone(),
        sport_edited_at: observation::edited_at(state, Name::Sport),
        title_edited_at: observation::edited_at(state, Name::Title),
        container: body.container,
        first_received: instant(observation::first_received(state)),
        ..Activity::bare(
            observation_id(&state.observation_id),
            Source::parse(&state.source),
            sport,
            span,
        )
    })
}

fn position(body: &ActivityBody) -> Option<(i64, i64)> {
    Some((steps(body.start_lat, 1e7)?, steps(body.start_lon, 1e7)?))
}

/// The record of another source that a file was made of, where its name says so: a file that Garmin
/// pushes is called after its activity. (One that it pings with is not.)
fn uploaded_from(file: &str) -> Option<(Source, u64)> {
    let id = file.strip_prefix("garmin_push_")?;
    let id = id.split('.').next().filter(|id| !id.is_empty())?;
    Some((Source::Garmin, fingerprint(id)))
}

/// An interval in the wire's unit.
pub(crate) fn interval<Q: processors_domain::units::Quantity>(
    interval: Interval<Q>,
    number: fn(Q) -> f64,
) -> schemas::record::Interval {
    let [median, lo90, hi90] = interval.numbers(number);
    schemas::record::Interval { median, lo90, hi90 }
}

/// A quantity as the whole number of its unit.
pub(crate) fn number<Q: processors_domain::units::Quantity>(quantity: Q) -> i64 {
    quantity.number()
}
