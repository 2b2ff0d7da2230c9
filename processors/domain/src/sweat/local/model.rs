//! The lines from the skin to the body, and where a patch can sit.

use crate::units::{LogSd, SodiumConcentration};

/// Where a patch sits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Site {
    /// The inner forearm, for which the patches are made.
    VentralForearm,
    DorsalForearm,
    Thigh,
    /// The weighted mean of forearm, back, chest, forehead and thigh.
    FiveSites,
}

impl Site {
    /// From words like `forearm_left_ventral`; a forearm is meant to be the inner one.
    pub fn parse(word: &str) -> Option<Self> {
        let has = |part: &str| word.split(['_', '-', ' ']).any(|one| one == part);
        match () {
            () if has("forearm") && has("dorsal") => Some(Self::DorsalForearm),
            () if has("forearm") => Some(Self::VentralForearm),
            () if has("thigh") => Some(Self::Thigh),
            () if word == "five_site" || word == "five_sites" => Some(Self::FiveSites),
            () => None,
        }
    }

    pub(super) fn is_forearm(self) -> bool {
        matches!(self, Self::VentralForearm | Self::DorsalForearm)
    }
}

/// `intercept + slope · x`, in millionths, so that configurations can be compared and hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Line {
    intercept_micro: i64,
    slope_micro: i64,
}

impl Line {
    /// `None` for what is no number, does not rise, or has more than six digits before the point.
    pub fn new(intercept: f64, slope: f64) -> Option<Self> {
        let bounded = intercept.abs() <= MAGNITUDE_MAX && slope > 0.0 && slope <= MAGNITUDE_MAX;
        bounded.then(|| {
            let micro = |value: f64| libm::round(value * 1_000_000.0) as i64;
            Self::micro(micro(intercept), micro(slope))
        })
    }

    const fn micro(intercept_micro: i64, slope_micro: i64) -> Self {
        Self {
            intercept_micro,
            slope_micro,
        }
    }

    pub(super) fn at(self, x: f64) -> f64 {
        (self.intercept_micro as f64 + self.slope_micro as f64 * x) / 1_000_000.0
    }
}

const MAGNITUDE_MAX: f64 = 1e6;

/// The formulas of a patch; an operator may configure them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PatchModel {
    /// From mg/cm²/min to L/h for one m² of body.
    pub rate: Line,
    pub rate_log_sd: LogSd,
    /// From local to whole-body sodium, at the inner forearm.
    pub ventral_sodium: Line,
    pub dorsal_sodium: Line,
    /// Error of whole-body sodium.
    pub sodium_sd: SodiumConcentration,
    /// From chloride to sodium, both local.
    pub chloride: Line,
}

impl Default for PatchModel {
    fn default() -> Self {
        Self {
            rate: Line::micro(239_000, 162_000),
            rate_log_sd: LogSd::clamped(350_000),
            ventral_sodium: Line::micro(14_000_000, 570_000),
            dorsal_sodium: Line::micro(11_050_000, 570_000),
            sodium_sd: SodiumConcentration::clamped(75),
            chloride: Line::micro(5_000_000, 1_050_000),
        }
    }
}

impl PatchModel {
    /// How chloride leads to sodium: `default`, `lara2016` (157 marathoners) or `equimolar`.
    pub fn chloride_preset(name: &str) -> Option<Line> {
        match name {
            "default" => Some(Self::default().chloride),
            "lara2016" => Some(Line::micro(880_000, 1_304_000)),
            "equimolar" => Some(Line::micro(0, 1_000_000)),
            _ => None,
        }
    }

    /// For the version of the rules.
    pub fn describe(&self) -> String {
        format!("{self:?}")
    }

    pub(super) fn sodium_line(&self, site: Site) -> Line {
        match site {
            Site::VentralForearm => self.ventral_sodium,
            Site::DorsalForearm => self.dorsal_sodium,
            Site::Thigh => Line::micro(11_370_000, 750_000),
            Site::FiveSites => Line::micro(440_000, 680_000),
        }
    }
}
