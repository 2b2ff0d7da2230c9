//! Strava's `sport_type`, with the activity's trainer flag.

use super::Place::{In, Out, Unsaid};
use super::{Classified, Row, Sport, look_up};

pub fn strava(sport_type: &str, trainer: Option<bool>) -> Classified {
    // A false `trainer` says only that nobody ticked it.
    let indoor = trainer.filter(|trainer| *trainer);
    look_up(TABLE, sport_type.trim())
        .unwrap_or(Classified::UNKNOWN)
        .moved(indoor)
}

pub(super) const TABLE: &[Row] = &[
    ("AlpineSki", Sport::Alpine, Out),
    ("BackcountrySki", Sport::Alpine, Out),
    ("Badminton", Sport::Racket, Unsaid),
    ("Basketball", Sport::Basketball, Unsaid),
    ("Canoeing", Sport::Paddle, Unsaid),
    ("Cricket", Sport::Team, Unsaid),
    ("Crossfit", Sport::Cardio, Unsaid),
    ("Dance", Sport::Cardio, Unsaid),
    ("EBikeRide", Sport::EBike, Unsaid),
    ("EMountainBikeRide", Sport::EBike, Out),
    ("Elliptical", Sport::Cardio, In),
    ("Golf", Sport::Other, Out),
    ("GravelRide", Sport::GravelRide, Out),
    ("Handcycle", Sport::RoadRide, Unsaid),
    ("HighIntensityIntervalTraining", Sport::Cardio, Unsaid),
    ("Hike", Sport::Hike, Out),
    ("IceSkate", Sport::Other, Unsaid),
    ("InlineSkate", Sport::Other, Unsaid),
    ("Kayaking", Sport::Paddle, Unsaid),
    ("Kitesurf", Sport::Other, Out),
    ("MountainBikeRide", Sport::Mtb, Out),
    ("NordicSki", Sport::NordicSki, Out),
    ("OpenWaterSwim", Sport::OpenWater, Out),
    ("Padel", Sport::Racket, Unsaid),
    ("PhysicalTherapy", Sport::Cardio, Unsaid),
    ("Pickleball", Sport::Racket, Unsaid),
    ("Pilates", Sport::Yoga, Unsaid),
    ("Racquetball", Sport::Racket, Unsaid),
    ("Ride", Sport::RoadRide, Unsaid),
    ("RockClimbing", Sport::Strength, Unsaid),
    ("RollerSki", Sport::NordicSki, Out),
    ("Rowing", Sport::Row, Unsaid),
    ("Run", Sport::Run, Unsaid),
    ("Sail", Sport::Other, Out),
    ("Skateboard", Sport::Other, Unsaid),
    ("Snowboard", Sport::Alpine, Out),
    ("Snowshoe", Sport::Hike, Out),
    ("Soccer", Sport::Soccer, Unsaid),
    ("Squash", Sport::Racket, Unsaid),
    ("StairStepper", Sport::Cardio, In),
    ("StandUpPaddling", Sport::Paddle, Unsaid),
    ("Surfing", Sport::Other, Out),
    ("Swim", Sport::PoolSwim, Unsaid),
    ("TableTennis", Sport::Racket, Unsaid),
    ("Tennis", Sport::Tennis, Unsaid),
    ("TrailRun", Sport::TrailRun, Out),
    ("Velomobile", Sport::RoadRide, Unsaid),
    ("VirtualRide", Sport::IndoorRide, In),
    ("VirtualRow", Sport::Row, In),
    ("VirtualRun", Sport::Treadmill, In),
    ("Volleyball", Sport::Team, Unsaid),
    ("Walk", Sport::Walk, Unsaid),
    ("WeightTraining", Sport::Strength, Unsaid),
    ("Wheelchair", Sport::RoadRide, Unsaid),
    ("Windsurf", Sport::Other, Out),
    ("Workout", Sport::Cardio, Unsaid),
    ("Yoga", Sport::Yoga, Unsaid),
];
