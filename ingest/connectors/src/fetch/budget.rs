//! How many requests a vendor allows, and how many were made. Pure: time is an argument.
//!
//! Windows are natural ones: quarter hours and days in UTC. A request counts when it is sent, so that
//! `used` includes what is under way; what the vendor says counts more, since others may use the
//! same application.
//!
//! Invariant: nothing is sent while a window has no room.

use edge::UnixMicros;

use crate::port::Used;

const SECOND_US: i64 = 1_000_000;
const QUARTER_US: i64 = 900 * SECOND_US;
const DAY_US: i64 = 86_400 * SECOND_US;

/// The vendor's clock may differ from ours by this much. What is sent so shortly before the end of a
/// window counts in the next one too; after a window that was full nothing is sent for so long,
/// because a request that the vendor counts in the old one is refused for the whole new one.
const MARGIN_US: i64 = 2 * SECOND_US;

/// A vendor that asks for more is misread: it is asked again after a day.
const WAIT_US_MAX: i64 = DAY_US;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Window {
    name: &'static str,
    length_us: i64,
    began: UnixMicros,
    used: u32,
    /// Of `used`, what was sent within the margin of the end.
    late: u32,
    limit: u32,
    /// The greatest figure that answers told since something is under way.
    most_told: u32,
}

/// Limit and usage of a quarter and a day, as headers tell them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    pub(crate) limit: [u32; 2],
    pub(crate) usage: [u32; 2],
}

/// What an answer told of the budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rates {
    pub(crate) overall: Option<Rate>,
    pub(crate) read: Option<Rate>,
}

#[derive(Debug, Default)]
pub(crate) struct Budget {
    /// Overall and read windows of a quarter and a day; none where a vendor tells no budget.
    windows: Vec<Window>,
    blocked_until: Option<UnixMicros>,
    is_told: bool,
    /// An answer of this busy time told nothing.
    is_untold: bool,
}

impl Budget {
    /// A vendor that tells of no windows.
    pub(crate) fn unlimited() -> Self {
        Self {
            is_told: true,
            ..Self::default()
        }
    }

    /// Strava's: 200 and 2,000 in all, of them 100 and 1,000 reads, until it says otherwise.
    pub(crate) fn strava(stored: &[Used]) -> Self {
        let window = |name, length_us, limit| {
            let before = stored.iter().find(|used| used.window == name);
            Window {
                name,
                length_us,
                began: before.map_or(UnixMicros(0), |used| used.began),
                used: before.map_or(0, |used| used.requests),
                late: 0,
                limit: before.map_or(limit, |used| used.limit),
                most_told: 0,
            }
        };
        Self {
            windows: vec![
                window("strava/overall/quarter", QUARTER_US, 200),
                window("strava/overall/day", DAY_US, 2_000),
                window("strava/read/quarter", QUARTER_US, 100),
                window("strava/read/day", DAY_US, 1_000),
            ],
            blocked_until: None,
            is_told: false,
            is_untold: false,
        }
    }

    /// Whether the vendor has said what it allows.
    pub(crate) fn is_told(&self) -> bool {
        self.is_told
    }

    /// When a request may be sent: now, or at the end of a window.
    pub(crate) fn permit(&mut self, now: UnixMicros) -> Result<(), UnixMicros> {
        self.roll(now);
        let full = self
            .windows
            .iter()
            .filter(|window| window.used >= window.limit)
            .map(Window::end)
            .max();
        let blocked = self.blocked_until.filter(|until| *until > now);
        full.max(blocked).map_or(Ok(()), Err)
    }

    /// A request is about to be sent.
    pub(crate) fn sent(&mut self, now: UnixMicros) {
        self.roll(now);
        for window in &mut self.windows {
            window.used = window.used.saturating_add(1);
            if window.is_near_its_end(now) {
                window.late = window.late.saturating_add(1);
            }
        }
    }

    /// It was not sent after all.
    pub(crate) fn unsent(&mut self) {
        for window in &mut self.windows {
            window.used = window.used.saturating_sub(1);
        }
    }

    /// What an answer told, while `in_flight` other requests are under way.
    pub(crate) fn told(
        &mut self,
        rates: Rates,
        sent_at: UnixMicros,
        now: UnixMicros,
        in_flight: u32,
    ) {
        self.roll(now);
        let Some(overall) = rates.overall.or(rates.read) else {
            // The vendor may have counted it all the same.
            self.is_untold = true;
            return;
        };
        self.is_told = true;
        // Whoever tells one limit only has no second one.
        let read = rates.read.unwrap_or(overall);
        let told = [overall, read].map(|rate| [0, 1].map(|window| pair(&rate, window)));
        for (window, (limit, usage)) in self.windows.iter_mut().zip(told.as_flattened()) {
            // A vendor that allows nothing is asked once a window, or it would never be heard again.
            window.limit = (*limit).max(1);
            // Near a border it is not known which window the vendor tells of.
            let is_after_its_start = sent_at.0.saturating_sub(MARGIN_US) >= window.began.0;
            if !is_after_its_start || window.is_near_its_end(now) {
                continue;
            }
            // Those under way may be in the vendor's figure or not. Answers of requests that were
            // under way together come in any order, so that the last one may bring an older figure:
            // of a busy time the greatest is the latest.
            window.most_told = window.most_told.max(*usage);
            window.used = match in_flight {
                0 if self.is_untold => window.used.max(*usage),
                0 => window.most_told,
                others => window.used.max(usage.saturating_add(others).min(*limit)),
            };
        }
        if in_flight == 0 {
            self.quiet();
        }
    }

    /// Nothing is under way: what comes now is another busy time.
    fn quiet(&mut self) {
        self.is_untold = false;
        for window in &mut self.windows {
            window.most_told = 0;
        }
    }

    /// The vendor had enough: until the time that it named, or the end of the window that is full.
    pub(crate) fn refused(
        &mut self,
        now: UnixMicros,
        retry_after_us: Option<i64>,
        fallback_us: i64,
    ) {
        self.roll(now);
        let full = |window: &&Window| window.used >= window.limit;
        // A wait of nothing is none: asked again at once, it would be refused for ever.
        let until = match retry_after_us.filter(|wait| *wait > 0) {
            Some(wait) => UnixMicros(now.0.saturating_add(wait.min(WAIT_US_MAX))),
            None => {
                let ends = self.windows.iter().filter(full).map(Window::end).max();
                let quarter = self.windows.first().map(Window::end);
                ends.or(quarter)
                    .unwrap_or(UnixMicros(now.0.saturating_add(fallback_us)))
            }
        };
        self.blocked_until = Some(until);
    }

    /// Whether more than half of every window is left.
    pub(crate) fn is_ample(&mut self, now: UnixMicros) -> bool {
        self.permit(now).is_ok()
            && self
                .windows
                .iter()
                .all(|window| window.used < window.limit.saturating_sub(window.used))
    }

    /// What a restart has to know.
    pub(crate) fn stored(&self) -> Vec<Used> {
        let used = |window: &Window| Used {
            window: window.name.to_owned(),
            began: window.began,
            requests: window.used,
            limit: window.limit,
        };
        self.windows.iter().map(used).collect()
    }

    fn roll(&mut self, now: UnixMicros) {
        for window in &mut self.windows {
            let began = began(now, window.length_us);
            // A clock that steps back does not give a window twice.
            if began <= window.began {
                continue;
            }
            let is_next = began.0.saturating_sub(window.began.0) == window.length_us;
            if is_next && window.used >= window.limit {
                let until = UnixMicros(began.0.saturating_add(MARGIN_US));
                self.blocked_until = self.blocked_until.max(Some(until));
            }
            window.used = if is_next { window.late } else { 0 };
            window.late = 0;
            window.most_told = 0;
            window.began = began;
        }
    }
}

impl Window {
    /// When it has ended for the vendor too.
    fn end(&self) -> UnixMicros {
        let end = self.began.0.saturating_add(self.length_us);
        UnixMicros(end.saturating_add(MARGIN_US))
    }

    fn is_near_its_end(&self, now: UnixMicros) -> bool {
        let end = self.began.0.saturating_add(self.length_us);
        now.0 >= end.saturating_sub(MARGIN_US)
    }
}

fn pair(rate: &Rate, window: usize) -> (u32, u32) {
    let of = |values: &[u32; 2]| values.get(window).copied().unwrap_or(u32::MAX);
    (of(&rate.limit), of(&rate.usage))
}

fn began(at: UnixMicros, length_us: i64) -> UnixMicros {
    UnixMicros(at.0.saturating_sub(at.0.rem_euclid(length_us)))
}
