//! HealthKit: samples and workouts that our own SDK form carries.
//!
//! Workouts, sleep fragments, body mass and deletions make observations; every other sample type is
//! kept raw. It is not Health Auto Export and not `export.xml`: those are other forms of the same
//! data with weaker identities.

mod normalize;
mod payload;

pub(crate) use normalize::normalize;
