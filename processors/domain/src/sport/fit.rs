//! The numbers of sport and sub-sport in activity files.

use super::Place::{In, Out, Unsaid};
use super::{Classified, Place, Sport};

/// A sub-sport that the table does not have says no more than its sport.
pub fn fit(sport: u16, sub_sport: u16) -> Classified {
    let row = |sub: Option<u16>| {
        let index = TABLE.binary_search_by_key(&(sport, sub), |row| (row.0, row.1));
        TABLE.get(index.ok()?)
    };
    let found = row(Some(sub_sport)).or_else(|| row(None));
    let known = found.map(|row| Classified::from_row(row.2, row.3));
    Classified {
        transition: sport == TRANSITION,
        ..known.unwrap_or(Classified::UNKNOWN)
    }
}

const TRANSITION: u16 = 3;

/// Sport, sub-sport (`None` is any other), sorted.
pub(super) const TABLE: &[(u16, Option<u16>, Sport, Place)] = &[
    (0, None, Sport::Other, Unsaid),
    (1, None, Sport::Run, Unsaid),
    (1, Some(1), Sport::Treadmill, In),
    (1, Some(3), Sport::TrailRun, Out),
    (1, Some(45), Sport::Treadmill, In),
    (1, Some(58), Sport::Treadmill, In),
    (2, None, Sport::RoadRide, Unsaid),
    (2, Some(5), Sport::IndoorRide, In),
    (2, Some(6), Sport::IndoorRide, In),
    (2, Some(8), Sport::Mtb, Out),
    (2, Some(9), Sport::Mtb, Out),
    (2, Some(11), Sport::GravelRide, Out),
    (2, Some(28), Sport::EBike, Unsaid),
    (2, Some(46), Sport::GravelRide, Out),
    (2, Some(47), Sport::EBike, Out),
    (2, Some(58), Sport::IndoorRide, In),
    (TRANSITION, None, Sport::Multisport, Unsaid),
    (4, None, Sport::Cardio, Unsaid),
    (4, Some(14), Sport::Row, In),
    (5, None, Sport::PoolSwim, Unsaid),
    (5, Some(17), Sport::PoolSwim, Unsaid),
    (5, Some(18), Sport::OpenWater, Out),
    (6, None, Sport::Basketball, Unsaid),
    (7, None, Sport::Soccer, Unsaid),
    (8, None, Sport::Tennis, Unsaid),
    (10, None, Sport::Cardio, Unsaid),
    (10, Some(20), Sport::Strength, Unsaid),
    (10, Some(43), Sport::Yoga, Unsaid),
    (10, Some(44), Sport::Yoga, Unsaid),
    (11, None, Sport::Walk, Unsaid),
    (12, None, Sport::NordicSki, Out),
    (13, None, Sport::Alpine, Out),
    (14, None, Sport::Alpine, Out),
    (15, None, Sport::Row, Unsaid),
    (17, None, Sport::Hike, Out),
    (18, None, Sport::Multisport, Unsaid),
    (19, None, Sport::Paddle, Unsaid),
    (21, None, Sport::EBike, Unsaid),
    (37, None, Sport::Paddle, Unsaid),
    (41, None, Sport::Paddle, Unsaid),
    (62, None, Sport::Cardio, Unsaid),
    (64, None, Sport::Racket, Unsaid),
    (71, None, Sport::Team, Unsaid),
    (72, None, Sport::Team, Unsaid),
    (73, None, Sport::Team, Unsaid),
    (74, None, Sport::Team, Unsaid),
    (75, None, Sport::Team, Unsaid),
    (88, None, Sport::Paddle, Unsaid),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_a_sub_sport_falls_back_to_its_sport() {
        assert!(TABLE.is_sorted_by(|one, other| (one.0, one.1) < (other.0, other.1)));
        let sport = |sport, sub| fit(sport, sub).sport;
        assert_eq!(sport(1, 3), Sport::TrailRun);
        assert_eq!(sport(1, 200), Sport::Run);
        assert_eq!(sport(2, 58), Sport::IndoorRide);
        assert_eq!(sport(64, 85), Sport::Racket);
        assert_eq!((sport(71, 0), sport(75, 0)), (Sport::Team, Sport::Team));
        assert!(fit(3, 0).transition);
        assert!(!fit(250, 0).known);
    }
}
