//! Fetching: what a hint asks for is asked of its vendor, under the vendor's budget, until it ends.
//!
//! ```text
//! log ──hints──▶ queue ──task──▶ client ──answer──▶ plan ──┬── later: back into the queue
//!  ▲             ≤ 50,000        ≤ 8 at once               └── end ─▶ body + fetch_result, one publish
//!  └───────────────────────────────────────────────────────────────────────┘         │
//!                                          mark ◀── nothing below it is open ────────┘
//! ```
//!
//! The log is the memory: which hints are open is what hints and ends of fetches in it say. A
//! process that dies anywhere reads again from the mark, finds what ended, and asks for the rest.
//!
//! It is not: a reader of what it fetches; and not the place where pending fetches are counted.
//!
//! Invariants:
//! * a body and the end of its fetch are published together;
//! * the mark moves only over what is durable;
//! * decisions are in `plan` and below it, which are pure; only `driver` and the clients wait.

pub(crate) mod answers;
mod budget;
mod circuit;
mod driver;
mod hint;
mod open;
mod patience;
mod plan;
mod queue;
mod records;

#[cfg(test)]
mod tests;

use std::time::Duration;

use edge::UnixMicros;

pub(crate) use budget::{Rate, Rates};
pub use driver::{FetchStatus, Fetcher, Waiting};
pub(crate) use driver::{Fetched, Source, blocking};
pub(crate) use hint::Object;
pub use open::OpenError;
pub(crate) use plan::{Ending, Told, Trace};
pub(crate) use queue::{Task, TokenPrint};

fn after(now: UnixMicros, wait: Duration) -> UnixMicros {
    let wait = i64::try_from(wait.as_micros()).unwrap_or(i64::MAX);
    UnixMicros(now.0.saturating_add(wait))
}
