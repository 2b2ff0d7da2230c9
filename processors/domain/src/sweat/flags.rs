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
    /// Under 45 minutes: what scales miss weighs much.
    Short,
    /// The athlete gained mass. The sweat may be right; it is not learnt from.
    Gain,
    /// Not used: no person sweats so, or the scales are wrong.
    Implausible,
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
            Self::PopulationOnly => "population_only",
            Self::SportUnlisted => "sport_unlisted",
        }
    }
}
