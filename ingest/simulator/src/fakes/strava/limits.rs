//! Request limits in natural windows: quarters of an hour, and UTC days.

/// Requests per window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    pub quarter: u32,
    pub day: u32,
}

impl Limit {
    /// More than any test asks for.
    pub const HUGE: Self = Self {
        quarter: 10_000_000,
        day: 100_000_000,
    };
}

const QUARTER_S: i64 = 900;
const DAY_S: i64 = 86_400;

/// What was used in the present windows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usage {
    window: (i64, i64),
    pub(super) quarter: u32,
    pub(super) day: u32,
}

impl Usage {
    /// Counts a request at `now` (Unix seconds). False where it is one too many.
    pub(super) fn count(&mut self, now: i64, limit: Limit) -> bool {
        let window = (now.div_euclid(QUARTER_S), now.div_euclid(DAY_S));
        if window.0 != self.window.0 {
            self.quarter = 0;
        }
        if window.1 != self.window.1 {
            self.day = 0;
        }
        self.window = window;
        self.quarter = self.quarter.saturating_add(1);
        self.day = self.day.saturating_add(1);
        self.quarter <= limit.quarter && self.day <= limit.day
    }

    /// As the headers write it: `20,10`.
    pub(super) fn header(self) -> String {
        format!("{},{}", self.quarter, self.day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_those_of_the_clock_on_the_wall() {
        let limit = Limit { quarter: 2, day: 4 };
        let mut usage = Usage::default();
        //           second,      allowed, quarter, day
        let cases = [
            (DAY_S * 100 + 899, true, 1, 1),
            (DAY_S * 100 + 900, true, 1, 2),
            (DAY_S * 100 + 901, true, 2, 3),
            (DAY_S * 100 + 1_799, false, 3, 4),
            (DAY_S * 100 + 1_800, false, 1, 5),
            (DAY_S * 101, true, 1, 1),
        ];
        for (now, allowed, quarter, day) in cases {
            assert_eq!(usage.count(now, limit), allowed, "{now}");
            assert_eq!((usage.quarter, usage.day), (quarter, day), "{now}");
        }
        assert_eq!(usage.header(), "1,1");
    }
}
