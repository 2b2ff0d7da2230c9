//! A world whose truth is known: athletes live, their devices tell of it in the vendors' wire
//! formats, late, twice and sometimes wrongly, and an answer can be scored against what was so.
//!
//! It is a crate of its own because it must not share a line with the pipeline it tests: the
//! payloads are written here from the formats alone, and so are the services that are asked (Strava,
//! Open-Meteo), which are routers in [`fakes`].
//!
//! It is not: a client (it posts nothing), a climate, or a source of randomness that differs between
//! machines.
//!
//! Invariants:
//! * The same options give the same bytes on every platform: one seeded stream an athlete, no map
//!   with random order, transcendental functions from `libm`.
//! * Nothing is ever sent after the world's end, and athletes are generated one by one, so that
//!   memory does not grow with their number.
//! * Every physical event that ended inside the world is in the truth, told or not.

pub use crate::account::{StravaAccount, StravaActivity, StravaVersion};
pub use crate::block::{ATHLETES_PER_BLOCK, Block, blocks};
pub use crate::delivery::{
    Delivery, GARMIN_SECRET_PLACEHOLDER, Method, STRAVA_SECRET_PLACEHOLDER, Source,
};
pub use crate::options::{Mix, OptionsError, PatchMix, SceneMix, StravaMix, WorldOptions};
pub use crate::score::{
    Bcubed, Counts, FieldErrors, Fields, LossTold, Pairs, Rival, Score, Scorer, Spread, Suspects,
    SweatMethodScore, SweatScore, ThingTold, Told, baselines, score,
};
pub use crate::truth::{
    AthleteTruth, EventKind, ReadTruthError, TruthEvent, TruthLine, TruthReader, TruthRecord,
    TruthSays, TruthWorld,
};
pub use crate::weather::{Cell, Weather, forecast_at, weather_at};
pub use crate::world::{
    AthleteWorld, StampedItem, WeatherNeed, small_world, world, world_line, world_of,
};
pub use crate::write::{
    ReadStravaError, WriteError, Written, read_strava, write_strava, write_truth, write_truth_line,
    write_world,
};

pub mod fakes;

mod options;
mod world;

mod habits;
mod life;
mod person;
mod scene;
mod sport;
mod weather;

mod app;
mod garmin;
mod healthkit;
mod scan;
mod strava;
mod telling;

mod account;
mod block;
mod delivery;
mod write;

mod score;
mod truth;

mod dice;
mod time;
