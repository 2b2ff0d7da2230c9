//! The limits of a task, and what one step of it came to.

use crate::LogTime;

const RECORDS_MAX: usize = 2_000;
const BYTES_MAX: usize = 8 * 1024 * 1024;
const TIMERS_MAX: usize = 2_000;
const CACHE_BYTES_MAX: usize = 256 * 1024 * 1024;
const TICK_INTERVAL_US: i64 = 1_000_000;
const FAILURES_MAX: u32 = 8;

/// Bounds of a task. The defaults are those of one process on a laptop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskLimits {
    /// Inputs of one batch.
    pub records: usize,
    /// Bytes of one poll; a single larger record still comes.
    pub bytes: usize,
    /// Timers that ticks may fire in one batch. A tick with more is drained in several commits.
    pub timers: usize,
    /// Decoded state in memory. Zero decodes everything anew for each batch.
    pub cache_bytes: usize,
    /// How often a busy task looks for due timers, in microseconds.
    pub tick_interval_us: i64,
    /// Failed attempts in a row before the host is to be opened anew.
    pub failures: u32,
}

impl Default for TaskLimits {
    fn default() -> Self {
        Self {
            records: RECORDS_MAX,
            bytes: BYTES_MAX,
            timers: TIMERS_MAX,
            cache_bytes: CACHE_BYTES_MAX,
            tick_interval_us: TICK_INTERVAL_US,
            failures: FAILURES_MAX,
        }
    }
}

/// What one step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing to do before the log grows or `next_due` has come.
    Idle { next_due: Option<LogTime> },
    /// A batch was committed, or ticks were appended.
    Worked {
        /// Records whose positions were committed, ticks included.
        inputs: usize,
        outputs: usize,
        /// Timers that fired.
        timers: usize,
        dead_letters: usize,
        /// Ticks appended.
        ticks: usize,
    },
    /// Nothing was committed; the next step begins at the committed positions. The host may wait.
    Aborted,
}
