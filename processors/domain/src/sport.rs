//! Kinds of sport: ours, and how the vendors' names map to them.
//!
//! A *sport* is as fine as any source tells it, a *family* is what matching compares: vendors agree
//! on "a ride" far more often than on "a gravel ride". A name that no table knows is
//! [`Sport::Other`] and says so (`known` is false), so that it can be counted.

mod fit;
mod garmin;
mod healthkit;
mod strava;

pub use fit::fit;
pub use garmin::garmin;
pub use healthkit::healthkit;
pub use strava::strava;

/// Our words for what was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sport {
    Run,
    TrailRun,
    Treadmill,
    RoadRide,
    GravelRide,
    Mtb,
    EBike,
    IndoorRide,
    PoolSwim,
    OpenWater,
    Walk,
    Hike,
    Row,
    Paddle,
    NordicSki,
    Alpine,
    Strength,
    Cardio,
    Yoga,
    Soccer,
    Basketball,
    AmericanFootball,
    Baseball,
    Tennis,
    Racket,
    /// Teams with a ball or something like it, without a word of their own.
    Team,
    Multisport,
    Other,
}

/// Every sport with its word and its family.
const SPORTS: [(Sport, &str, Family); 28] = [
    (Sport::Run, "run", Family::Run),
    (Sport::TrailRun, "trail_run", Family::Run),
    (Sport::Treadmill, "treadmill", Family::Run),
    (Sport::RoadRide, "road_ride", Family::Ride),
    (Sport::GravelRide, "gravel_ride", Family::Ride),
    (Sport::Mtb, "mtb", Family::Ride),
    (Sport::EBike, "e_bike", Family::Ride),
    (Sport::IndoorRide, "indoor_ride", Family::Ride),
    (Sport::PoolSwim, "pool_swim", Family::Swim),
    (Sport::OpenWater, "open_water", Family::Swim),
    (Sport::Walk, "walk", Family::Walk),
    (Sport::Hike, "hike", Family::Walk),
    (Sport::Row, "row", Family::Row),
    (Sport::Paddle, "paddle", Family::Paddle),
    (Sport::NordicSki, "nordic_ski", Family::Snow),
    (Sport::Alpine, "alpine", Family::Snow),
    (Sport::Strength, "strength", Family::Gym),
    (Sport::Cardio, "cardio", Family::Gym),
    (Sport::Yoga, "yoga", Family::Mind),
    (Sport::Soccer, "soccer", Family::Ball),
    (Sport::Basketball, "basketball", Family::Ball),
    (Sport::AmericanFootball, "american_football", Family::Ball),
    (Sport::Baseball, "baseball", Family::Ball),
    (Sport::Tennis, "tennis", Family::Ball),
    (Sport::Racket, "racket", Family::Ball),
    (Sport::Team, "team", Family::Ball),
    (Sport::Multisport, "multisport", Family::Multi),
    (Sport::Other, "other", Family::Any),
];

impl Sport {
    pub fn as_str(self) -> &'static str {
        self.row().map_or("other", |row| row.1)
    }

    pub fn family(self) -> Family {
        self.row().map_or(Family::Any, |row| row.2)
    }

    pub fn parse(word: &str) -> Option<Self> {
        SPORTS.iter().find(|row| row.1 == word).map(|row| row.0)
    }

    /// How much the word tells: 0 nothing, 1 the usual form of its family, 2 a special form.
    pub const fn specificity(self) -> u8 {
        match self {
            Self::Other => 0,
            Self::Run
            | Self::RoadRide
            | Self::PoolSwim
            | Self::Walk
            | Self::Cardio
            | Self::Racket
            | Self::Team
            | Self::Multisport => 1,
            _ => 2,
        }
    }

    /// What the sport alone says about being under a roof.
    pub const fn indoor(self) -> Option<bool> {
        match self {
            Self::Treadmill | Self::IndoorRide => Some(true),
            Self::TrailRun | Self::GravelRide | Self::Mtb | Self::OpenWater | Self::Hike => {
                Some(false)
            }
            _ => None,
        }
    }

    /// The table is in the order of the enum; a test keeps it so.
    fn row(self) -> Option<&'static (Self, &'static str, Family)> {
        SPORTS.get(self as usize)
    }
}

/// What matching compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    Run,
    Ride,
    Swim,
    Walk,
    Row,
    Paddle,
    Snow,
    Gym,
    Mind,
    Ball,
    Multi,
    Any,
}

const FAMILIES: [(Family, &str); 12] = [
    (Family::Run, "RUN"),
    (Family::Ride, "RIDE"),
    (Family::Swim, "SWIM"),
    (Family::Walk, "WALK"),
    (Family::Row, "ROW"),
    (Family::Paddle, "PADDLE"),
    (Family::Snow, "SNOW"),
    (Family::Gym, "GYM"),
    (Family::Mind, "MIND"),
    (Family::Ball, "BALL"),
    (Family::Multi, "MULTI"),
    (Family::Any, "ANY"),
];

impl Family {
    pub fn as_str(self) -> &'static str {
        FAMILIES.get(self as usize).map_or("ANY", |row| row.1)
    }

    pub fn parse(word: &str) -> Option<Self> {
        FAMILIES.iter().find(|row| row.1 == word).map(|row| row.0)
    }
}

/// How two families may be one workout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compatibility {
    Equal,
    /// One side says so little that it may be anything, at exactly the same time.
    Wild,
    /// Often told apart wrongly (a jog): one workout where everything else agrees well.
    OnlyStrong,
    No,
}

pub fn compatible(one: Family, other: Family) -> Compatibility {
    use Family::{Any, Gym, Run, Walk};
    match (one, other) {
        _ if one == other => Compatibility::Equal,
        (Any | Gym, _) | (_, Any | Gym) => Compatibility::Wild,
        (Run, Walk) | (Walk, Run) => Compatibility::OnlyStrong,
        _ => Compatibility::No,
    }
}

/// A vendor's name in our words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Classified {
    pub sport: Sport,
    /// What the name itself says; flags of the record have been taken into it.
    pub indoor: Option<bool>,
    /// False where no table has the name.
    pub known: bool,
    /// The way from one leg of a multisport race to the next.
    pub transition: bool,
}

impl Classified {
    const UNKNOWN: Self = Self {
        sport: Sport::Other,
        indoor: None,
        known: false,
        transition: false,
    };

    fn from_row(sport: Sport, place: Place) -> Self {
        let indoor = match place {
            Place::In => Some(true),
            Place::Out => Some(false),
            Place::Unsaid => sport.indoor(),
        };
        Self {
            sport,
            indoor,
            known: true,
            transition: false,
        }
    }

    /// A flag of the record, such as a trainer, moves a run or ride indoors.
    fn moved(self, indoor: Option<bool>) -> Self {
        let sport = match (self.sport, indoor) {
            (Sport::Run, Some(true)) => Sport::Treadmill,
            (Sport::RoadRide, Some(true)) => Sport::IndoorRide,
            (sport, _) => sport,
        };
        Self {
            sport,
            indoor: indoor.or(self.indoor),
            ..self
        }
    }
}

/// What a name says about the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    In,
    Out,
    Unsaid,
}

/// One vendor name and what it means. Tables are sorted by name, so that they can be searched.
type Row = (&'static str, Sport, Place);

fn look_up(table: &[Row], name: &str) -> Option<Classified> {
    let index = table.binary_search_by(|row| row.0.cmp(name)).ok()?;
    table
        .get(index)
        .map(|row| Classified::from_row(row.1, row.2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back_and_tables_follow_their_enums() {
        for (index, (sport, word, family)) in SPORTS.into_iter().enumerate() {
            assert_eq!(sport as usize, index);
            assert_eq!((sport.as_str(), sport.family()), (word, family));
            assert_eq!(Sport::parse(word), Some(sport));
        }
        for (index, (family, word)) in FAMILIES.into_iter().enumerate() {
            assert_eq!(family as usize, index);
            assert_eq!(Family::parse(word), Some(family));
        }
    }

    #[test]
    fn tables_are_sorted_and_name_nothing_twice() {
        for table in [garmin::TABLE, strava::TABLE, healthkit::TABLE] {
            for pair in table.windows(2) {
                assert!(pair[0].0 < pair[1].0, "{} before {}", pair[0].0, pair[1].0);
            }
        }
    }

    /// `source name => sport [in|out] [?]`, one case a line; `+in` is the record's own flag.
    fn check(cases: &str) {
        for case in cases.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (input, expected) = case.split_once("=>").unwrap();
            let words: Vec<&str> = input.split_whitespace().collect();
            let indoor = words.get(2).map(|flag| *flag == "+in");
            let found = match words[0] {
                "garmin" => garmin(words[1]),
                "strava" => strava(words[1], indoor),
                "healthkit" => healthkit(words[1], indoor, None),
                other => panic!("{other}"),
            };
            let mut said = found.sport.as_str().to_owned();
            match found.indoor {
                Some(true) => said.push_str(" in"),
                Some(false) => said.push_str(" out"),
                None => {}
            }
            if !found.known {
                said.push_str(" ?");
            }
            if found.transition {
                said.push_str(" transition");
            }
            assert_eq!(said, expected.trim(), "{input}");
        }
    }

    #[test]
    fn vendor_names_become_our_sports() {
        check(
            "garmin RUNNING => run
             garmin STREET_RUNNING => run
             garmin TRAIL_RUNNING => trail_run out
             garmin TREADMILL_RUNNING => treadmill in
             garmin VIRTUAL_RUN => treadmill in
             garmin CYCLING => road_ride
             garmin GRAVEL_CYCLING => gravel_ride out
             garmin MOUNTAIN_BIKING => mtb out
             garmin E_BIKE_FITNESS => e_bike
             garmin INDOOR_CYCLING => indoor_ride in
             garmin LAP_SWIMMING => pool_swim
             garmin OPEN_WATER_SWIMMING => open_water out
             garmin CASUAL_WALKING => walk
             garmin HIKING => hike out
             garmin ROWING_V2 => row
             garmin KAYAKING_V2 => paddle
             garmin CROSS_COUNTRY_SKIING_WS => nordic_ski out
             garmin RESORT_SKIING_SNOWBOARDING_WS => alpine out
             garmin STRENGTH_TRAINING => strength
             garmin HIIT => cardio
             garmin YOGA => yoga
             garmin TENNIS_V2 => tennis
             garmin PADDELBALL => racket
             garmin MULTI_SPORT => multisport
             garmin BIKE_TO_RUN_TRANSITION_V2 => multisport transition
             garmin OTHER => other
             garmin UNDERWATER_KNITTING => other ?
             strava Run => run
             strava Run +in => treadmill in
             strava Ride +in => indoor_ride in
             strava VirtualRide => indoor_ride in
             strava Swim => pool_swim
             strava Workout => cardio
             strava Chess => other ?
             healthkit HKWorkoutActivityTypeRunning => run
             healthkit HKWorkoutActivityTypeRunning +in => treadmill in
             healthkit Cycling => road_ride
             healthkit 37 => run
             healthkit 13 => road_ride
             healthkit 46 => pool_swim
             healthkit 52 => walk
             healthkit 24 => hike out
             healthkit 35 => row
             healthkit 50 => strength
             healthkit 20 => strength
             healthkit 63 => cardio
             healthkit 57 => yoga
             healthkit 41 => soccer
             healthkit 6 => basketball
             healthkit 48 => tennis
             healthkit 82 => multisport
             healthkit 83 => multisport transition
             healthkit 3000 => other
             healthkit 9999 => other ?",
        );
        assert_eq!(healthkit("46", None, Some(true)).sport, Sport::OpenWater);
    }

    #[test]
    fn teams_are_of_one_family_whoever_names_them() {
        check(
            "garmin VOLLEYBALL => team
             garmin CRICKET => team
             garmin RUGBY => team
             garmin LACROSSE => team
             garmin FIELD_HOCKEY => team
             garmin ICE_HOCKEY => team
             garmin HOCKEY => team
             garmin ULTIMATE_DISC => team
             strava Volleyball => team
             strava Cricket => team
             healthkit Volleyball => team
             healthkit Cricket => team
             healthkit Rugby => team
             healthkit Hockey => team
             healthkit Handball => team
             healthkit Lacrosse => team
             healthkit AustralianFootball => team
             healthkit 51 => team",
        );
        assert_eq!(Sport::Team.family(), Family::Ball);
    }

    #[test]
    fn a_vendor_spells_one_sport_in_several_ways() {
        check(
            "garmin HANDCYCLING => road_ride
             garmin INDOOR_HANDCYCLING => indoor_ride in
             garmin OBSTACLE_RUNNING => run
             garmin WHITEWATER_RAFTING_V2 => paddle
             garmin MMA => cardio
             garmin STRETCHING => yoga
             strava PhysicalTherapy => cardio
             healthkit running => run
             healthkit running +in => treadmill in
             healthkit walking => walk
             healthkit cycling => road_ride
             healthkit traditionalStrengthTraining => strength",
        );
    }

    #[test]
    fn vague_families_go_with_anything_and_a_jog_may_be_a_walk() {
        let cases = [
            (Family::Run, Family::Run, Compatibility::Equal),
            (Family::Run, Family::Any, Compatibility::Wild),
            (Family::Gym, Family::Ride, Compatibility::Wild),
            (Family::Walk, Family::Run, Compatibility::OnlyStrong),
            (Family::Ride, Family::Run, Compatibility::No),
        ];
        for (one, other, expected) in cases {
            assert_eq!(compatible(one, other), expected);
            assert_eq!(compatible(other, one), expected);
        }
    }
}
