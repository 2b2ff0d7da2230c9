//! A log-normal belief after new observations, and what another day may show.

use processors_domain::profile::{normal_posterior, predictive};
use processors_domain::units::{LogMean, LogNormal, LogSd};
use serde_json::{Value, json};

use super::{Fields, Refused};

pub(super) const NAMES: &[&str] = &["prior", "observations", "day_log_sd"];

/// How far a sweat rate differs between days in the field.
const DAY_LOG_SD: f64 = 0.12;

pub(super) fn calc(fields: &Fields<'_>) -> Result<Value, Refused> {
    let prior = fields.object("prior", &["log_mean", "log_sd"])?;
    let prior = fields.needed("prior", prior)?;
    let mean = prior.quantity("log_mean", LogMean::from_natural, "from -20 to 20")?;
    let prior = LogNormal::new(prior.needed("log_mean", mean)?, spread(&prior, "log_sd")?);
    let mut seen = Vec::new();
    for observation in fields.objects("observations", &["value", "log_sd"])? {
        let value = observation.quantity("value", LogMean::ln, "above 0")?;
        let value = observation.needed("value", value)?;
        seen.push(LogNormal::new(value, spread(&observation, "log_sd")?));
    }
    let day = fields.quantity("day_log_sd", LogSd::from_natural, "from 0 to 10")?;
    let belief = normal_posterior(prior, &seen);
    let usual = LogSd::from_natural(DAY_LOG_SD).unwrap_or_default();
    let [lo90, hi90] = predictive(belief, day.unwrap_or(usual)).bounds90();
    Ok(json!({
        "median": shown(belief.median()),
        "log_sd": shown(belief.log_sd.natural()),
        "lo90": shown(lo90),
        "hi90": shown(hi90),
    }))
}

fn spread(fields: &Fields<'_>, name: &str) -> Result<LogSd, Refused> {
    let spread = |value: f64| LogSd::from_natural(value).filter(|sd| sd.get() > 0);
    let told = fields.quantity(name, spread, "above 0 and at most 10")?;
    fields.needed(name, told)
}

/// To a millionth: as exact as a logarithm is kept.
fn shown(value: f64) -> f64 {
    libm::round(value * 1e6) / 1e6
}
