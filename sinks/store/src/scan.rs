//! Whole tables, month by month and athlete by athlete: for files that analysts read.

use schemas::record::Micros;

use crate::instant::{civil_month, month_start};
use crate::{Row, StoreError, Table};

/// A calendar month in UTC, as `yyyymm`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month(i32);

impl Month {
    /// The month in which an instant lies.
    pub fn of(at: Micros) -> Self {
        let (year, month) = civil_month(at);
        Self(i32::try_from(year * 100 + month).unwrap_or(i32::MAX))
    }

    /// A number that `number` gave, or `None` where it names no month.
    pub fn from_number(yyyymm: i32) -> Option<Self> {
        ((0..=999_999).contains(&yyyymm) && (1..=12).contains(&(yyyymm % 100)))
            .then_some(Self(yyyymm))
    }

    pub fn number(self) -> i32 {
        self.0
    }

    pub fn start(self) -> Micros {
        month_start(i64::from(self.0 / 100), i64::from(self.0 % 100))
    }

    pub fn next(self) -> Self {
        let turn = self.0 % 100 == 12;
        Self(if turn { self.0 + 89 } else { self.0 + 1 })
    }
}

/// `2026-11`
impl std::fmt::Display for Month {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}", self.0 / 100, self.0 % 100)
    }
}

/// Rows of one athlete that begin in one month, live and retracted, ascending by start, then id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowScan {
    pub table: Table,
    pub tenant_id: String,
    pub athlete_id: String,
    pub month: Month,
    /// Start and id of the last row before.
    pub after: Option<(Micros, String)>,
    pub limit: usize,
}

/// From when on there is everything; `None` is from the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// The first time as of which a list is complete.
    pub history_since: Option<Micros>,
    /// Arrivals of dead letters.
    pub dead_letters_since: Option<Micros>,
}

/// Reads everything, in pieces that fit into memory. Rows of nobody (dead letters of accounts that
/// nobody linked) are not part of it.
pub trait SeriesScan {
    /// Months in which rows of a table begin, ascending.
    fn months(&self, table: Table) -> Result<Vec<Month>, StoreError>;

    /// Tenant and athlete, ascending, beginning after the given place.
    fn athletes(
        &self,
        after: Option<(&str, &str)>,
        limit: usize,
    ) -> Result<Vec<(String, String)>, StoreError>;

    fn rows(&self, scan: &RowScan) -> Result<Vec<Row>, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rfc3339;

    #[test]
    fn a_month_begins_where_the_one_before_ends() {
        for (at, number, start, next) in [
            (0, 197_001, "1970-01-01T00:00:00Z", 197_002),
            (
                1_763_683_200_000_000,
                202_511,
                "2025-11-01T00:00:00Z",
                202_512,
            ),
            (
                1_766_534_400_000_000,
                202_512,
                "2025-12-01T00:00:00Z",
                202_601,
            ),
            (
                1_709_210_096_000_000,
                202_402,
                "2024-02-01T00:00:00Z",
                202_403,
            ),
        ] {
            let month = Month::of(Micros(at));
            assert_eq!(month.number(), number);
            assert_eq!(rfc3339(month.start()), start);
            assert_eq!(month.next().number(), next);
            assert_eq!(Month::of(month.next().start()), month.next());
            assert_eq!(Month::of(Micros(month.next().start().0 - 1)), month);
        }
        assert_eq!(Month::from_number(202_613), None);
        assert_eq!(Month::of(Micros(0)).to_string(), "1970-01");
    }
}
