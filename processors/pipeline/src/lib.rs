//! The steps, from topic to topic: a crate of its own so that the rules meet the schema in one place.
//!
//! It is not the rules (`processors-domain`) and not a host: it opens nothing, waits for nothing and
//! reads no clock. Vendor payloads, schema facts and domain types cross here and nowhere else:
//! `normalize` and `wire`.
//!
//! Invariants: content is a function of the set of facts and the athlete's logical time; a step says
//! something only when its content changed; every fact carries `rules_id`.

#![warn(clippy::cast_lossless)]

pub mod calc;
pub mod topology;

mod advise;
mod app;
mod apply;
mod beliefs;
mod bucket;
mod conditions;
mod digest;
mod dirty;
mod entity;
mod estimate;
mod fetched;
mod fields;
mod garmin;
mod healthkit;
mod identity;
mod ids;
mod licence;
mod lineage;
mod need;
mod nights;
mod normalize;
mod observation;
mod processor;
mod profile;
mod rederive;
mod rules;
mod scan;
mod sessions;
mod settings;
mod strava;
mod sweat_tests;
mod tellers;
mod timers;
mod told;
mod weather;
mod wire;
mod work;

pub use advise::product_name;
pub use bucket::{Bucket, observations_in};
pub use normalize::{AnsweredHint, Body, Draft, FetchEnded, Naps, Outcome, Rejected, normalize};
pub use observation::{Name, activity as told_activity};
pub use processor::{Input, Pipeline, RawItem};
pub use rederive::{Difference, Rederived, StoredState};
pub use rules::{Rules, RulesConfig};
pub use told::told_in_session;
