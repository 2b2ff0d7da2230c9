//! Answers of the weather connector: one cell, one hour.
//!
//! A forecast, an archive value and a failure of one hour are three observations, so that a late
//! archive value does not rewrite what a forecast once said. It is not the interpreter of a weather
//! service: the connector asked for our units.

use std::sync::Arc;

use schemas::record::Micros;
use schemas::record::ingest::RawReceived;
use schemas::record::observation::WeatherBody;

use crate::fields::Fields;
use crate::normalize::{Body, Draft, Rejected, SECOND_US, Told, bounded, quantise};

const HOUR_S: i64 = 3_600;
const LAT_MAX_DD: f64 = 900.0;
const LON_MAX_DD: f64 = 1_800.0;
/// The records are -89.2 °C and 56.7 °C.
const TEMPERATURE_C: (f64, f64) = (-90.0, 60.0);
const HUMIDITY_PCT: (f64, f64) = (0.0, 100.0);
/// A gust reached 113 m/s once.
const WIND_M_S: (f64, f64) = (0.0, 120.0);
/// The sun gives 1,361 W/m² above the air; clouds can add a little on the ground.
const SOLAR_W_M2: (f64, f64) = (0.0, 1_500.0);

pub(crate) fn normalize(raw: &RawReceived) -> Told {
    let model = match raw.kind.as_str() {
        "forecast" | "archive" => raw.kind.as_str(),
        "failed" => "none",
        kind => {
            return Err(Rejected::new(
                "unsupported_kind",
                format!("weather {kind} is not known; forecast, archive and failed are"),
            ));
        }
    };
    let item = Fields::parse(&raw.body)?;
    let (lat_dd, lon_dd) = (
        tenths(&item, "lat_dd", LAT_MAX_DD)?,
        tenths(&item, "lon_dd", LON_MAX_DD)?,
    );
    let hour = item.integer("hour")?;
    let hour = hour.ok_or_else(|| Rejected::missing("hour"))?;
    if hour % HOUR_S != 0 {
        return Err(Rejected::new(
            "bad_value",
            format!("hour {hour} is not the start of an hour in unix seconds"),
        ));
    }
    let failed = raw.kind == "failed";
    let value = |name: &str, bounds: (f64, f64), steps_per_unit: f64| {
        let within = item
            .number_if_any(name)
            .filter(|value| !failed && *value >= bounds.0 && *value <= bounds.1);
        quantise(within, steps_per_unit)
    };
    let unsaid = || failed.then(|| "the weather service did not answer".to_owned());
    let body = WeatherBody {
        lat_dd,
        lon_dd,
        hour: Micros(hour.saturating_mul(SECOND_US)),
        model: model.to_owned(),
        air_temp_c: value("temperature_2m", TEMPERATURE_C, 10.0),
        humidity_pct: value("relative_humidity_2m", HUMIDITY_PCT, 1.0),
        wind_m_s: value("wind_speed_10m", WIND_M_S, 10.0),
        solar_w_m2: value("shortwave_radiation", SOLAR_W_M2, 1.0),
        failure: item.word("failure")?.or_else(unsaid),
        attribution: item.word("attribution")?,
    };
    let key = raw.provider_id.clone();
    let key = key.unwrap_or_else(|| format!("{lat_dd},{lon_dd}@{hour}"));
    Ok(Some(vec![Draft::summary(
        format!("{key}/{}", raw.kind),
        Body::Weather(Arc::new(body)),
    )]))
}

/// Whole tenths of a degree.
fn tenths(item: &Fields<'_>, name: &str, reach: f64) -> Result<i32, Rejected> {
    let told = item.integer(name)?.map(|tenths| tenths as f64);
    let told = bounded(name, told, -reach, reach)?;
    told.map(|tenths| tenths as i32)
        .ok_or_else(|| Rejected::missing(name))
}
