//! What this process used so far: CPU seconds of all threads, and its largest resident size.

use std::fs;

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    pub(crate) cpu_s: f64,
    pub(crate) rss_mb: f64,
}

/// Linux tells in `/proc`; elsewhere both are 0, which is "unknown" in a report for people.
pub(crate) fn now() -> Usage {
    Usage {
        cpu_s: cpu_s().unwrap_or(0.0),
        rss_mb: rss_mb().unwrap_or(0.0),
    }
}

/// `utime` and `stime` are fields 14 and 15, counted from behind the parenthesised name; a tick is
/// 10 ms on every Linux that this runs on.
fn cpu_s() -> Option<f64> {
    const TICKS_PER_S: f64 = 100.0;
    let text = fs::read_to_string("/proc/self/stat").ok()?;
    let (_, fields) = text.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_S)
}

fn rss_mb() -> Option<f64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(to_tenth(kilobytes / 1_024.0))
}

fn to_tenth(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}
