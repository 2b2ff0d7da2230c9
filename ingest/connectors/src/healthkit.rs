//! Apple HealthKit, as our own SDK pushes it from the phone: one athlete per request.
//!
//! ```text
//! {"provider":…,"sdkVersion":…,"syncTimestamp":…,
//!  "data":{"workouts":[…],"sleep":[…],"records":[…],"deleted":["uuid" | {"id":…}]}}
//! ```
//!
//! Every sample has a uuid, which is its identity; bursts and whole windows are sent again. Items
//! without one are rejected in the answer, because the phone can be told and can be fixed.
//!
//! It is not: the Auto Export app's form (`data.metrics`), which has no ids and its own dates and
//! units. That one is recognised and refused as not built, so that nothing of it is half read.

pub(crate) mod receive;
