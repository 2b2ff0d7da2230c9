//! Ends the process when a call to a broker does not return.
//!
//! The client was seen to wait for ever inside a call that had a limit: after a pause in which the
//! only broker was fenced, it waits for a connection that it has given up itself. No thread can be
//! freed from that; a process can, and what it leaves behind is aborted by the broker.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The exit code of a process that was ended for this.
const EXIT: i32 = 70;
const LOOK_EVERY: Duration = Duration::from_millis(200);

pub(crate) struct Watchdog {
    watched: Arc<Watched>,
    thread: Option<JoinHandle<()>>,
}

struct Watched {
    begun: Instant,
    /// Milliseconds since `begun` plus one at which the call under way started; 0 is none.
    since: AtomicU64,
    stop: AtomicBool,
}

impl Watched {
    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Watchdog {
    pub(crate) fn new(limit: Duration) -> std::io::Result<Self> {
        let watched = Arc::new(Watched {
            begun: Instant::now(),
            since: AtomicU64::new(0),
            stop: AtomicBool::new(false),
        });
        let watching = Arc::clone(&watched);
        let thread = std::thread::Builder::new()
            .name("kafka-watchdog".to_owned())
            .spawn(move || watch(&watching, limit))?;
        Ok(Self {
            watched,
            thread: Some(thread),
        })
    }

    /// A call that may not outlive the limit.
    pub(crate) fn call<T>(&self, call: impl FnOnce() -> T) -> T {
        let now = self.watched.now().saturating_add(1);
        self.watched.since.store(now, Ordering::Release);
        let result = call();
        self.watched.since.store(0, Ordering::Release);
        result
    }
}

fn watch(watched: &Watched, limit: Duration) {
    let limit = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
    while !watched.stop.load(Ordering::Acquire) {
        std::thread::park_timeout(LOOK_EVERY);
        let since = watched.since.load(Ordering::Acquire);
        if since > 0 && watched.now().saturating_sub(since) > limit {
            tracing::error!(
                limit_ms = limit,
                "a call to the broker did not return; the process ends so that it can begin anew"
            );
            std::process::exit(EXIT);
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.watched.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            if thread.join().is_err() {
                tracing::error!("the watchdog panicked");
            }
        }
    }
}
