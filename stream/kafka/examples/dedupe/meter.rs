//! What a run cost: read when its first record comes, at half of them, and at the end.

use std::time::Instant;

use serde_json::{Value, json};

/// Ticks of a CPU in `/proc/self/stat`.
const TICKS_PER_S: f64 = 100.0;

#[derive(Clone, Copy)]
struct Moment {
    at: Instant,
    cpu_s: f64,
}

pub(crate) struct Meter {
    expected: u64,
    records: u64,
    unique: u64,
    first: Option<Moment>,
    half: Option<(u64, Moment)>,
}

impl Meter {
    pub(crate) fn new(expected: u64) -> Self {
        Self {
            expected,
            records: 0,
            unique: 0,
            first: None,
            half: None,
        }
    }

    /// Called before the first record is worked on.
    pub(crate) fn begin(&mut self) {
        self.first.get_or_insert_with(Moment::now);
    }

    pub(crate) fn count(&mut self, records: usize, unique: usize) {
        self.records += records as u64;
        self.unique += unique as u64;
        if self.records >= self.expected / 2 {
            let records = self.records;
            self.half.get_or_insert_with(|| (records, Moment::now()));
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.records >= self.expected
    }

    pub(crate) fn report(&self, who: &str) -> Value {
        let now = Moment::now();
        let first = self.first.unwrap_or(now);
        let (before, half) = self.half.unwrap_or((0, first));
        json!({
            "who": who,
            "records": self.records,
            "unique": self.unique,
            "wall_s": now.at.duration_since(first.at).as_secs_f64(),
            "cpu_s": now.cpu_s - first.cpu_s,
            "half_records": self.records - before,
            "half_cpu_s": now.cpu_s - half.cpu_s,
            "process_cpu_s": now.cpu_s,
            "rss_mb": resident_mb(),
        })
    }
}

impl Moment {
    /// User and system time of all threads.
    fn now() -> Self {
        let text = std::fs::read_to_string("/proc/self/stat").unwrap();
        let fields: Vec<&str> = text.rsplit_once(") ").unwrap().1.split(' ').collect();
        let ticks = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
        Self {
            at: Instant::now(),
            cpu_s: ticks / TICKS_PER_S,
        }
    }
}

/// The largest it ever was.
pub(crate) fn resident_mb() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}
