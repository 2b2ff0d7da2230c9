//! Events that an app of ours sends for its athlete: weigh-ins, plans, intake, how it felt.
//!
//! ```text
//! {"id":"…","type":"weigh_in","at":"2026-05-01T08:12:30Z",…}      one, or an array of them
//! ```
//!
//! The sender chose the `id`: the same one again is a repetition, or a correction where the content
//! differs. Events that cannot be told apart or placed in time are rejected in the answer.
//!
//! It is not: a check of an event's own fields. Those are normalize's, for which the event is kept.

pub(crate) mod receive;
