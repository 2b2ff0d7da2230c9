//! HealthKit: samples and workouts that our own SDK form or Health Auto Export carries.
//!
//! Workouts, sleep fragments, body mass and deletions make observations; every other sample type is
//! kept raw. It is not `export.xml`: that is another form of the same data. Auto Export names no
//! sample, so its identities are hashes of what it tells: where a time changes, the record is new.

mod export;
mod export_names;
mod normalize;
mod payload;

pub(crate) use normalize::normalize;
