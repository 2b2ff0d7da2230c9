//! Failures of a host: where they come from, and the one class that decides what is done.

use std::error::Error;
use std::fmt;

/// What to do about a failure. Only `task.rs` matches on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The same call may succeed: call it again.
    Retry,
    /// The commit did not happen: drop the overlay, rewind, process again.
    Abort,
    /// The outcome or the handle is in doubt: open everything anew.
    Rebuild,
    /// This input can never be committed: reject it.
    DeadLetter,
    /// Going on would lose or double something: end the process cleanly.
    Stop,
}

/// What was attempted, on what, and how to go on. The cause is in `source()`.
#[derive(Debug)]
pub struct Failure {
    pub class: Class,
    pub attempted: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl Failure {
    pub fn new(class: Class, attempted: impl Into<String>) -> Self {
        Self {
            class,
            attempted: attempted.into(),
            source: None,
        }
    }

    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.attempted)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn Error + 'static))
    }
}
