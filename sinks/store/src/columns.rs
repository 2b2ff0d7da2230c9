//! The dictionary: every column of every table with its kind, and what it says.
//!
//! The unit is the end of the column's name and nothing else, so that a file cannot say one unit in
//! its name and another in its description. Fractions, counts, codes and hashes have none.

use crate::Table;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellKind {
    /// Whole numbers.
    Int,
    /// 0 or 1.
    Flag,
    /// Whole microseconds since the epoch, UTC.
    Instant,
    Real,
    Text,
}

/// A column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColumnSpec {
    pub name: &'static str,
    pub kind: CellKind,
    pub about: &'static str,
}

/// Ends of names, longer ones first, with the unit as a person writes it.
const UNITS: &[(&str, &str)] = &[
    ("_mmol_per_l", "mmol/L"),
    ("_l_per_h", "L/h"),
    ("_ml_per_h", "mL/h"),
    ("_m_s", "m/s"),
    ("_w_m2", "W/m²"),
    ("_offset_s", "s"),
    ("_bytes", "B"),
    ("_bpm", "1/min"),
    ("_pct", "%"),
    ("_lat", "°"),
    ("_lon", "°"),
    ("_min", "min"),
    ("_us", "µs"),
    ("_kj", "kJ"),
    ("_kg", "kg"),
    ("_ml", "mL"),
    ("_mg", "mg"),
    ("_dg", "0.1 g"),
    ("_m", "m"),
    ("_s", "s"),
    ("_w", "W"),
    ("_c", "°C"),
    ("_g", "g"),
];

impl ColumnSpec {
    /// The unit of its numbers, where they have one.
    pub fn unit(&self) -> Option<&'static str> {
        if !matches!(
            self.kind,
            CellKind::Int | CellKind::Real | CellKind::Instant
        ) {
            return None;
        }
        UNITS
            .iter()
            .find(|(end, _)| self.name.ends_with(end))
            .map(|(_, unit)| *unit)
    }
}

macro_rules! columns {
    ($($list:ident { $($kind:ident $name:literal $about:literal,)* })*) => {$(
        const $list: &[ColumnSpec] = &[$(ColumnSpec {
            name: $name,
            kind: CellKind::$kind,
            about: $about,
        },)*];
    )*};
}

impl Table {
    /// The columns of its own, after those that all tables have.
    pub fn columns(self) -> &'static [ColumnSpec] {
        match self {
            Self::Sessions => SESSIONS,
            Self::Nights => NIGHTS,
            Self::SweatLosses => SWEAT_LOSSES,
            Self::Profiles => PROFILES,
            Self::Recommendations => RECOMMENDATIONS,
            Self::TimelineEntries => TIMELINE_ENTRIES,
            Self::DeadLetters => DEAD_LETTERS,
        }
    }

    /// The columns that every table has in front of its own, by the names they have in this one.
    pub fn common_columns(self) -> [ColumnSpec; 12] {
        let column = |name, kind, about| ColumnSpec { name, kind, about };
        [
            column("tenant_id", CellKind::Text, "Tenant that owns the athlete"),
            column(
                "athlete_id",
                CellKind::Text,
                "Athlete that the row is about",
            ),
            column(
                self.id_column(),
                CellKind::Text,
                "The thing that the row is about; the same in all its revisions",
            ),
            column(
                self.revision_column(),
                CellKind::Int,
                "Number of the revision; the highest stands",
            ),
            column(
                "step",
                CellKind::Int,
                "Orders what is said about one and the same revision",
            ),
            column("status", CellKind::Text, "live, or retracted with a reason"),
            column("start_us", CellKind::Instant, "Where it begins"),
            column("end_us", CellKind::Instant, "Where it ends"),
            column(
                "content_hash",
                CellKind::Text,
                "Hash of what it says, without ids and processing times",
            ),
            column(
                "revised_at_us",
                CellKind::Instant,
                "When this was published; rises with every revision",
            ),
            column("retracted_reason", CellKind::Text, "Why it was withdrawn"),
            column(
                "superseded_by",
                CellKind::Text,
                "The thing that took its place",
            ),
        ]
    }
}

columns! {
    SESSIONS {
        Text "sport" "Sport in our words, such as trail_run",
        Text "family" "Family of the sport, such as RUN",
        Int "timer_s" "Time that the timer ran, pauses left out",
        Int "moving_s" "Time in motion",
        Int "elapsed_s" "Time from start to end, pauses included",
        Real "distance_m" "Distance covered",
        Real "energy_kj" "Energy spent, as the source tells it",
        Int "heart_rate_avg_bpm" "Mean heart rate",
        Int "heart_rate_max_bpm" "Highest heart rate",
        Real "power_avg_w" "Mean mechanical power",
        Real "speed_avg_m_s" "Mean speed",
        Real "elevation_gain_m" "Sum of ascents",
        Real "start_lat" "Latitude of the start, north positive",
        Real "start_lon" "Longitude of the start, east positive",
        Flag "indoor" "Done indoors; null is unknown",
        Text "title" "Name that the athlete or the vendor gave it",
        Text "local_date" "Civil date at the start, yyyy-mm-dd",
        Int "utc_offset_s" "Civil time minus UTC at the start",
        Text "time_zone" "IANA time zone; null where only the offset is known",
        Flag "container" "A multisport whole whose legs are rows of their own",
        Int "member_count" "Source records that make it up",
        Real "confidence" "Confidence in the grouping, 0 to 1",
        Flag "settled" "No further source is waited for",
    }
    NIGHTS {
        Text "kind" "night or nap",
        Instant "in_bed_start_us" "Went to bed",
        Instant "in_bed_end_us" "Left the bed",
        Int "asleep_s" "Time asleep",
        Int "awake_s" "Time awake between onset and end",
        Int "deep_s" "Deep sleep",
        Int "light_s" "Light sleep",
        Int "rem_s" "REM sleep",
        Text "local_date" "Civil date of waking, yyyy-mm-dd",
        Int "utc_offset_s" "Civil time minus UTC at waking",
        Int "member_count" "Source records that make it up",
    }
    SWEAT_LOSSES {
        Text "session_id" "Session that it was lost in",
        Int "session_revision" "Revision of the session that it was worked out from",
        Text "method" "weigh_in, patch, fused, profile, model or population",
        Real "fluid_ml" "Sweat lost, median",
        Real "fluid_lo90_ml" "Sweat lost, lower bound of the 90 % interval",
        Real "fluid_hi90_ml" "Sweat lost, upper bound of the 90 % interval",
        Real "sweat_rate_l_per_h" "Sweat rate, median",
        Real "sweat_rate_lo90_l_per_h" "Sweat rate, lower bound of the 90 % interval",
        Real "sweat_rate_hi90_l_per_h" "Sweat rate, upper bound of the 90 % interval",
        Real "sodium_mmol_per_l" "Sodium in sweat, median",
        Real "sodium_lo90_mmol_per_l" "Sodium in sweat, lower bound of the 90 % interval",
        Real "sodium_hi90_mmol_per_l" "Sodium in sweat, upper bound of the 90 % interval",
        Real "sodium_mg" "Sodium lost, median; null where only scales told",
        Real "sodium_lo90_mg" "Sodium lost, lower bound of the 90 % interval",
        Real "sodium_hi90_mg" "Sodium lost, upper bound of the 90 % interval",
        Real "air_temp_c" "Air temperature over the session",
        Real "humidity_pct" "Relative humidity over the session",
        Real "wind_m_s" "Wind over the session",
        Real "solar_w_m2" "Solar radiation over the session",
        Flag "indoor" "Done indoors; null is unknown",
        Text "conditions_source" "archive, forecast, indoor or none",
        Text "flags" "What to know before using it, separated by commas",
        Text "model_version" "Version of the formulas",
    }
    PROFILES {
        Real "sweat_rate_multiplier" "Sweats this many times the usual, median",
        Real "sweat_rate_multiplier_lo90" "Lower bound of the 90 % interval",
        Real "sweat_rate_multiplier_hi90" "Upper bound of the 90 % interval",
        Real "sodium_mmol_per_l" "Sodium in sweat, median",
        Real "sodium_lo90_mmol_per_l" "Sodium in sweat, lower bound of the 90 % interval",
        Real "sodium_hi90_mmol_per_l" "Sodium in sweat, upper bound of the 90 % interval",
        Int "tests" "Sweat tests that it rests on",
        Instant "last_test_at_us" "The latest of them",
        Text "advice" "ok, low_confidence or test_again",
    }
    RECOMMENDATIONS {
        Text "phase" "pre, during, bridge, post, pre_sleep, or hold",
        Text "anchor_id" "Session, night or plan that it belongs to",
        Text "anchor_kind" "What the anchor is",
        Instant "anchor_start_us" "Start of the anchor",
        Instant "anchor_end_us" "End of the anchor",
        Text "gap_class" "Class of the gap to the next workout",
        Int "fluid_ml" "Fluid to take, target",
        Int "fluid_ml_per_h" "Fluid to take an hour",
        Int "carbohydrate_dg" "Carbohydrate to take, target",
        Int "protein_dg" "Protein to take, target",
        Int "casein_dg" "Casein to take, target",
        Int "sodium_mg" "Sodium to take, target",
        Int "caffeine_mg" "Caffeine to take, target",
        Real "confidence_fluid" "Confidence in the fluid, 0 to 1",
        Real "confidence_sodium" "Confidence in the sodium, 0 to 1",
        Instant "expired_at_us" "When its window closed",
        Flag "late" "Closed before it was ever issued",
    }
    // `source`, `account_id` and `provider_id` come first: a deletion names its target by them.
    TIMELINE_ENTRIES {
        Text "source" "Who told it",
        Text "account_id" "Account at the source",
        Text "provider_id" "Its id at the source",
        Text "type" "weigh_in, intake, plan, self_report or scan",
        Real "mass_pre_kg" "Mass before the workout",
        Real "mass_post_kg" "Mass after the workout",
        Real "fluid_ml" "Fluid taken",
        Real "carbohydrate_g" "Carbohydrate taken",
        Real "protein_g" "Protein taken",
        Real "sodium_mg" "Sodium taken",
        Real "caffeine_mg" "Caffeine taken",
        Text "sport" "Sport of a plan",
        Real "duration_min" "Duration of a plan",
        Text "intensity" "Intensity of a plan: low, moderate or high",
    }
    // `source` and `account_id` come first: an account that gets linked asks for its own.
    DEAD_LETTERS {
        Text "source" "Who sent it",
        Text "account_id" "Account at the source",
        Text "provider_id" "Its id at the source",
        Text "kind" "The vendor's name of its kind",
        Text "stage" "Where it was refused",
        Text "reason" "Why, as a code",
        Text "detail" "Why, in words",
        Int "attempts" "How often it was tried",
        Instant "first_received_at_us" "First arrival",
        Text "raw_id" "The raw record",
        Text "body_sha256" "Hash of the original bytes",
        Int "body_size_bytes" "Size of the original bytes",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(table: Table) -> Vec<ColumnSpec> {
        let common = table.common_columns();
        common.iter().chain(table.columns()).copied().collect()
    }

    #[test]
    fn a_column_name_stands_once_in_its_table() {
        for table in Table::ALL {
            let mut names: Vec<_> = all(table).iter().map(|column| column.name).collect();
            names.sort_unstable();
            let before = names.len();
            names.dedup();
            assert_eq!(names.len(), before, "{}", table.name());
        }
    }

    #[test]
    fn a_number_has_the_unit_of_its_name_or_none_on_purpose() {
        const BARE: &[&str] = &[
            "revision",
            "version",
            "step",
            "member_count",
            "session_revision",
            "confidence",
            "confidence_fluid",
            "confidence_sodium",
            "sweat_rate_multiplier",
            "sweat_rate_multiplier_lo90",
            "sweat_rate_multiplier_hi90",
            "tests",
            "attempts",
        ];
        for column in Table::ALL.into_iter().flat_map(all) {
            let counts = matches!(
                column.kind,
                CellKind::Int | CellKind::Real | CellKind::Instant
            );
            let bare = column.unit().is_none();
            assert_eq!(counts && bare, BARE.contains(&column.name), "{column:?}");
            assert!(!column.about.is_empty());
        }
        let unit = |name| {
            all(Table::SweatLosses)
                .iter()
                .find(|c| c.name == name)
                .and_then(ColumnSpec::unit)
        };
        assert_eq!(unit("sweat_rate_lo90_l_per_h"), Some("L/h"));
        assert_eq!(unit("sodium_mmol_per_l"), Some("mmol/L"));
        assert_eq!(unit("solar_w_m2"), Some("W/m²"));
    }
}
