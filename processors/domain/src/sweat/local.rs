//! From the skin under a patch to the whole body.
//!
//! ```text
//! rate   = surface · (0.239 + 0.162 · local rate)      log-SD 0.35      L/h, m², mg/cm²/min
//! sodium = 14 + 0.57 · local sodium                    SD 7.5 mmol/L    inner forearm
//! local sodium = 5 + 1.05 · local chloride             log-SD 0.10 more
//! ```
//!
//! The rate's line is fitted to moments of one published sample of large men in the cool, per square
//! metre of body. That of the inner forearm's sodium is inferred from published limits of agreement;
//! those of the outer forearm, the thigh and five sites together are published. All are guesses with
//! an honest error, and may be configured once pairs of patches and scales exist.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use super::{Body, Bound, LossFlag, PatchReading, Reading};
use crate::units::{
    Interval, LocalConcentration, LocalRate, LogMean, LogNormal, LogSd, Milligrams,
    SodiumConcentration, SweatRate,
};

mod model;

pub use model::{Line, PatchModel, Site};

/// Which ion was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Electrolyte {
    Chloride(Reading<LocalConcentration>),
    Sodium(Reading<LocalConcentration>),
}

/// A belief from one observation, and the side on which the truth lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observed {
    /// The logarithm is of L/h or mmol/L.
    pub belief: LogNormal,
    pub bound: Bound,
}

/// What a patch says of the whole body, before anything else that is known goes in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WholeBody {
    pub rate: Option<Observed>,
    pub sodium: Option<Observed>,
    pub flags: BTreeSet<LossFlag>,
}

impl WholeBody {
    /// The numbers of [`PatchReading`] taken to the whole body; its flags come along.
    pub fn of_patch(
        reading: &PatchReading,
        site: Option<Site>,
        body: Option<Body>,
        model: &PatchModel,
    ) -> Self {
        let chloride = reading.chloride.map(Electrolyte::Chloride);
        let mut whole = local_to_whole_body(site, reading.rate, chloride, body, model);
        if reading.partial
            && let Some(rate) = &mut whole.rate
        {
            rate.belief.log_sd = rate.belief.log_sd.max(PARTIAL_LOG_SD);
        }
        whole.flags.extend(&reading.flags);
        whole
    }

    pub fn rate_interval(&self) -> Option<Interval<SweatRate>> {
        Some(self.rate?.belief.interval(1_000))
    }

    pub fn sodium_interval(&self) -> Option<Interval<SodiumConcentration>> {
        Some(self.sodium?.belief.interval(10))
    }

    /// Sodium lost in one hour.
    pub fn sodium_per_hour(&self) -> Option<Interval<Milligrams>> {
        Some(super::sodium::lost(
            self.rate?.belief,
            self.sodium?.belief,
            1.0,
        ))
    }

    /// As a test of this athlete; a bound teaches nothing that lasts.
    pub fn rate_evidence(&self) -> Option<(SweatRate, LogSd)> {
        let rate = self.rate.filter(|rate| rate.bound == Bound::Exact)?;
        let value = SweatRate::from_litres_per_hour(rate.belief.median())?;
        Some((value, rate.belief.log_sd))
    }

    /// The logarithm of mmol/L; a bound teaches nothing that lasts.
    pub fn sodium_evidence(&self) -> Option<LogNormal> {
        self.sodium
            .filter(|sodium| sodium.bound == Bound::Exact)
            .map(|sodium| sodium.belief)
    }
}

/// A rate needs a body and a forearm, sodium only a site with a formula. What cannot be is left out
/// and flagged.
pub fn local_to_whole_body(
    site: Option<Site>,
    rate: Option<Reading<LocalRate>>,
    electrolyte: Option<Electrolyte>,
    body: Option<Body>,
    model: &PatchModel,
) -> WholeBody {
    let mut flags = BTreeSet::new();
    let Some(site) = site else {
        flags.insert(LossFlag::SiteUnknown);
        return WholeBody {
            flags,
            ..WholeBody::default()
        };
    };
    let rate = rate.and_then(|told| whole_rate(site, told, body, model, &mut flags));
    let sodium = electrolyte.and_then(|ion| whole_sodium(site, ion, model, &mut flags));
    if [rate, sodium]
        .into_iter()
        .flatten()
        .any(|seen| seen.bound != Bound::Exact)
    {
        flags.insert(LossFlag::Censored);
    }
    WholeBody {
        rate,
        sodium,
        flags,
    }
}

/// In L/h and in mL per kg and hour.
const RATE_USUAL: RangeInclusive<f64> = 0.2..=3.0;
const PER_MASS_USUAL: RangeInclusive<f64> = 3.0..=45.0;
const PER_MASS_POSSIBLE: RangeInclusive<f64> = 1.0..=70.0;
/// In mmol/L. Blood has about 140, and sweat is made from it.
const LOCAL_USUAL: RangeInclusive<f64> = 10.0..=100.0;
const LOCAL_POSSIBLE: RangeInclusive<f64> = 3.0..=160.0;
const WHOLE_SODIUM_USUAL: RangeInclusive<f64> = 12.0..=75.0;
/// Of a patch that was hardly worn.
const PARTIAL_LOG_SD: LogSd = LogSd::clamped(600_000);

fn whole_rate(
    site: Site,
    told: Reading<LocalRate>,
    body: Option<Body>,
    model: &PatchModel,
    flags: &mut BTreeSet<LossFlag>,
) -> Option<Observed> {
    if !site.is_forearm() {
        flags.insert(LossFlag::SiteUnknown);
        return None;
    }
    let Some(body) = body else {
        flags.insert(LossFlag::MassUnknown);
        return None;
    };
    let litres_per_hour = body.surface_m2() * model.rate.at(told.value.mg_per_cm2_min());
    let per_mass = litres_per_hour * 1_000.0 / body.mass.kilograms();
    let rate = SweatRate::from_litres_per_hour(litres_per_hour)
        .filter(|_| PER_MASS_POSSIBLE.contains(&per_mass));
    if rate.is_none() {
        flags.insert(LossFlag::Implausible);
        return None;
    }
    if !RATE_USUAL.contains(&litres_per_hour) || !PER_MASS_USUAL.contains(&per_mass) {
        flags.insert(LossFlag::Unusual);
    }
    let belief = LogNormal::new(LogMean::ln(litres_per_hour)?, model.rate_log_sd);
    Some(Observed {
        belief,
        bound: told.bound,
    })
}

fn whole_sodium(
    site: Site,
    ion: Electrolyte,
    model: &PatchModel,
    flags: &mut BTreeSet<LossFlag>,
) -> Option<Observed> {
    let (told, local, structural) = match ion {
        Electrolyte::Chloride(told) => (
            told,
            model.chloride.at(told.value.mmol_per_l()),
            CHLORIDE_LOG_SD,
        ),
        Electrolyte::Sodium(told) => (told, told.value.mmol_per_l(), 0.0),
    };
    let whole = model.sodium_line(site).at(local);
    let told_mmol = told.value.mmol_per_l();
    if !LOCAL_POSSIBLE.contains(&told_mmol) || SodiumConcentration::from_mmol_per_l(whole).is_none()
    {
        flags.insert(LossFlag::Implausible);
        return None;
    }
    let rare = !LOCAL_USUAL.contains(&told_mmol) && told.bound == Bound::Exact;
    if rare || !WHOLE_SODIUM_USUAL.contains(&whole) {
        flags.insert(LossFlag::Unusual);
    }
    let error = (model.sodium_sd.mmol_per_l() / whole).clamp(SODIUM_LOG_SD.0, SODIUM_LOG_SD.1);
    let sd = libm::sqrt(error * error + structural * structural);
    let belief = LogNormal::new(LogMean::ln(whole)?, LogSd::near(sd * 1_000_000.0));
    Some(Observed {
        belief,
        bound: told.bound,
    })
}

/// Laboratories disagree about the ratio of the two ions.
const CHLORIDE_LOG_SD: f64 = 0.10;
/// An error in mmol/L as a share of a very high or low value would be too sure or say nothing.
const SODIUM_LOG_SD: (f64, f64) = (0.10, 0.50);

#[cfg(test)]
mod tests;
