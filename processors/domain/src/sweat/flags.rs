//! The words that qualify a loss.

/// Something that a reader of a loss should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LossFlag {
    /// Weighed in clothes: sweat that hung in them was added.
    Clothed,
    /// Nobody said how much urine was passed; none was taken off.
    UrineUnknown,
    /// The energy is unknown, so that breath and burnt mass were not taken off.
    EnergyUnknown,
    /// Under 45 minutes between weighings, where what scales miss weighs much; or under 30 minutes
    /// of a patch on working skin.
    Short,
    /// The athlete gained mass. The sweat may be right; it is not learnt from.
    Gain,
    /// Not used: no person sweats so, or the scales or the patch are wrong.
    Implausible,
    /// Used, and rare: outside of what most athletes show.
    Unusual,
    /// Scales and patch disagree by more than twice; the scales were taken.
    Conflict,
    /// A channel of the patch was full, or a colour out of its scale: the loss rests on a bound.
    Censored,
    /// The photo of the patch could not be read.
    ScanFailed,
    /// The patch did not tell from how much skin it gathers; the configured area was taken.
    AreaAssumed,
    /// Nobody told from how much skin the patch gathers: no rate from it.
    AreaUnknown,
    /// The athlete's mass is unknown, and so the surface of the body: no rate from the patch.
    MassUnknown,
    /// The patch sat where no formula leads to the whole body.
    SiteUnknown,
    /// The weather has been asked for.
    WeatherPending,
    /// Nobody could tell the weather.
    WeatherMissing,
    /// It was warm, and nobody could tell how humid.
    HumidityMissing,
    /// Unlike anything that this athlete was tested in, or that athletes were measured in.
    OutsideEnvelope,
    /// Nothing about the athlete went in.
    PopulationOnly,
    /// The sport has no row of its own; people of all sports stand in.
    SportUnlisted,
}

impl LossFlag {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Clothed => "clothed",
            Self::UrineUnknown => "urine_unknown",
            Self::EnergyUnknown => "energy_unknown",
            Self::Short => "short",
            Self::Gain => "gain",
            Self::Implausible => "implausible",
            Self::Unusual => "unusual",
            Self::Conflict => "conflict",
            Self::Censored => "censored",
            Self::ScanFailed => "scan_failed",
            Self::AreaAssumed => "area_assumed",
            Self::AreaUnknown => "area_unknown",
            Self::MassUnknown => "mass_unknown",
            Self::SiteUnknown => "site_unknown",
            Self::WeatherPending => "weather_pending",
            Self::WeatherMissing => "weather_missing",
            Self::HumidityMissing => "humidity_missing",
            Self::OutsideEnvelope => "outside_envelope",
            Self::PopulationOnly => "population_only",
            Self::SportUnlisted => "sport_unlisted",
        }
    }
}
