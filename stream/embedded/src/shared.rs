//! What the writer tells the others without a trip through the file: how far the log is, and the
//! newest inputs.
//!
//! The window of newest inputs saves the processing side from reading back what was just written.
//! It is a shortcut only: where it ends or has a gap, records come from the file.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use stream_log::{Offset, Sequenced};

use crate::records::footprint;

/// Bytes of records that wait in memory for the processing side.
const WINDOW_BYTES_MAX: usize = 32 * 1024 * 1024;

pub(crate) struct Shared {
    window: Mutex<Window>,
    advanced: Condvar,
    /// Bytes in commands that the writer has not taken up yet.
    pub(crate) queued_bytes: AtomicUsize,
    /// Number of the processing host that may commit.
    pub(crate) owner: AtomicU64,
    /// What the first failed write was about; nothing was written since.
    pub(crate) failed: OnceLock<String>,
}

struct Window {
    /// The last committed record.
    head: u64,
    /// The records hold every input with `start < seq <= end`.
    start: u64,
    end: u64,
    records: VecDeque<Sequenced>,
    bytes: usize,
    /// Somebody polls.
    wanted: bool,
}

/// What the window had for a poll.
pub(crate) enum Found {
    /// Inputs after the cursor, maybe none, and how far that covers the log.
    Covered { records: Vec<Sequenced>, upto: u64 },
    /// Only the file has them, up to this record.
    InFile { head: u64 },
}

impl Shared {
    pub(crate) fn new(head: u64) -> Self {
        Self {
            window: Mutex::new(Window {
                head,
                start: head,
                end: head,
                records: VecDeque::new(),
                bytes: 0,
                wanted: false,
            }),
            advanced: Condvar::new(),
            queued_bytes: AtomicUsize::new(0),
            owner: AtomicU64::new(0),
            failed: OnceLock::new(),
        }
    }

    fn window(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn head(&self) -> Offset {
        Offset(self.window().head)
    }

    /// Sleeps until the log is longer than `after`, at most for `timeout`; says how long it is.
    pub(crate) fn wait_for(&self, after: Offset, timeout: Duration) -> Offset {
        let window = self.window();
        let (window, _) = self
            .advanced
            .wait_timeout_while(window, timeout, |window| window.head <= after.0)
            .unwrap_or_else(PoisonError::into_inner);
        Offset(window.head)
    }

    /// Ends every `wait_for`, when the log is closed.
    pub(crate) fn wake_all(&self) {
        self.advanced.notify_all();
    }

    /// Called by the writer after a commit of records `first..=head`, with the inputs among them.
    pub(crate) fn publish(&self, first: u64, head: u64, inputs: impl Iterator<Item = Sequenced>) {
        let mut window = self.window();
        let follows = window.end.saturating_add(1) == first;
        if window.wanted && follows && window.bytes <= WINDOW_BYTES_MAX {
            for record in inputs {
                window.bytes = window.bytes.saturating_add(footprint(&record.record));
                window.records.push_back(record);
            }
            window.end = head;
        }
        window.head = head;
        drop(window);
        self.advanced.notify_all();
    }

    pub(crate) fn take(&self, cursor: u64, max_records: usize, max_bytes: usize) -> Found {
        let mut window = self.window();
        window.wanted = true;
        while window
            .records
            .front()
            .is_some_and(|record| record.offset.0 <= cursor)
        {
            window.pop();
        }
        if cursor >= window.head {
            // Caught up: what comes next is handed over here, whatever was missed before.
            window.records.clear();
            window.bytes = 0;
            window.start = cursor;
            window.end = window.head;
            return Found::Covered {
                records: Vec::new(),
                upto: cursor,
            };
        }
        if cursor < window.start || cursor >= window.end {
            return Found::InFile { head: window.head };
        }
        let mut records = Vec::new();
        let mut bytes = 0_usize;
        while records.len() < max_records
            && let Some(next) = window.records.front()
        {
            bytes = bytes.saturating_add(footprint(&next.record));
            if bytes > max_bytes && !records.is_empty() {
                break;
            }
            records.extend(window.pop());
        }
        let upto = if window.records.is_empty() {
            window.end
        } else {
            records.last().map_or(cursor, |last| last.offset.0)
        };
        window.start = upto;
        Found::Covered { records, upto }
    }
}

impl Window {
    fn pop(&mut self) -> Option<Sequenced> {
        let record = self.records.pop_front()?;
        self.bytes = self.bytes.saturating_sub(footprint(&record.record));
        self.start = self.start.max(record.offset.0);
        Some(record)
    }
}
