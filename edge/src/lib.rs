//! What touches the outside in more than one stage: the clock, waiting, errors as problem+json,
//! bodies under a limit, the guards around every route, the client that asks others, and files that
//! are their owner's alone.
//!
//! A crate of its own because the stages may not see each other and yet have to answer, refuse and
//! log alike. It knows HTTP; it does not know a record, a vendor, or a rule.
//!
//! Invariants:
//! * no other place reads the system clock;
//! * no body is read without a limit, a request's or an answer's;
//! * no secret is compared with `==`, and no path is logged as it was sent, because a webhook's
//!   secret is part of it.

pub mod auth;
mod backoff;
pub mod body;
mod clock;
pub mod guard;
pub mod http;
pub mod private;
mod problem;
pub mod secret;
pub mod web;

pub use backoff::Backoff;
pub use clock::{Clock, ManualClock, SystemClock, UnixMicros};
pub use problem::Problem;
