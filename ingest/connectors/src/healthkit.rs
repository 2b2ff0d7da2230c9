//! Apple HealthKit, as our own SDK or the app Health Auto Export pushes it from the phone: one
//! athlete per request.
//!
//! ```text
//! {"provider":…,"sdkVersion":…,"syncTimestamp":…,
//!  "data":{"workouts":[…],"sleep":[…],"records":[…],"deleted":["uuid" | {"id":…}]}}
//! ```
//!
//! Every sample has a uuid, which is its identity; bursts and whole windows are sent again. Items
//! without one are rejected in the answer, because the phone can be told and can be fixed.
//!
//! Auto Export's form has no ids and its own dates and units; `auto_export` has it. The two share a
//! route, because the user gives an app one address, and are told apart by their shape.
//!
//! It is not: the reader of HealthKit's own export file.

mod auto_export;
pub(crate) mod receive;
