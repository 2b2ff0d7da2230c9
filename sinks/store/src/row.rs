//! Tables and rows: what a fact looks like to a reader, whatever the database.
//!
//! The columns are in `columns.rs`; they carry their unit at the end of the name. Instants are whole microseconds since the epoch
//! in UTC (`…_us`). A missing value is a null, never a zero.

use schemas::record::Micros;

pub use crate::columns::{CellKind, ColumnSpec};

/// Where a row belongs. The order is the order of a dump.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Table {
    Sessions,
    Nights,
    SweatLosses,
    Profiles,
    Recommendations,
    TimelineEntries,
    DeadLetters,
}

impl Table {
    pub const ALL: [Self; 7] = [
        Self::Sessions,
        Self::Nights,
        Self::SweatLosses,
        Self::Profiles,
        Self::Recommendations,
        Self::TimelineEntries,
        Self::DeadLetters,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Sessions => "sessions",
            Self::Nights => "nights",
            Self::SweatLosses => "sweat_losses",
            Self::Profiles => "profiles",
            Self::Recommendations => "recommendations",
            Self::TimelineEntries => "timeline_entries",
            Self::DeadLetters => "dead_letters",
        }
    }

    /// The column of the entity's id.
    pub fn id_column(self) -> &'static str {
        match self {
            Self::Sessions => "session_id",
            Self::Nights => "night_id",
            Self::SweatLosses => "loss_id",
            Self::Profiles => "profile_id",
            Self::Recommendations => "slot",
            Self::TimelineEntries => "observation_id",
            Self::DeadLetters => "dead_letter_id",
        }
    }

    /// The field of the body that counts revisions, where there is one.
    pub fn revision_field(self) -> Option<&'static str> {
        match self {
            Self::Recommendations => Some("version"),
            Self::TimelineEntries | Self::DeadLetters => None,
            _ => Some("revision"),
        }
    }

    /// The column of the revision.
    pub fn revision_column(self) -> &'static str {
        self.revision_field().unwrap_or("revision")
    }

    /// A dead letter never changes but for its end, and keeps whole bodies: one copy is enough.
    pub fn has_history(self) -> bool {
        self != Self::DeadLetters
    }
}

/// A value of a column. `Null` is unknown.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    Null,
    Int(i64),
    Real(f64),
    Text(String),
}

impl From<i64> for Cell {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<i32> for Cell {
    fn from(value: i32) -> Self {
        Self::Int(i64::from(value))
    }
}

impl From<bool> for Cell {
    fn from(value: bool) -> Self {
        Self::Int(i64::from(value))
    }
}

impl From<f64> for Cell {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl From<Micros> for Cell {
    fn from(value: Micros) -> Self {
        Self::Int(value.0)
    }
}

impl From<&str> for Cell {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<&String> for Cell {
    fn from(value: &String) -> Self {
        Self::Text(value.clone())
    }
}

impl From<usize> for Cell {
    fn from(value: usize) -> Self {
        Self::Int(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    Live,
    Retracted,
}

impl Status {
    pub fn word(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Retracted => "retracted",
        }
    }
}

/// What orders the rows of one entity: the higher one stands.
///
/// `step` orders what a fact stream says of one and the same revision: issued, then expired, then
/// cancelled; or, where a source counts versions itself, the time it told them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    pub revision: i64,
    pub step: i64,
}

/// One revision of an entity, ready to be stored and served.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub table: Table,
    pub tenant_id: String,
    /// `None` for dead letters of accounts that nobody linked.
    pub athlete_id: Option<String>,
    pub id: String,
    pub version: Version,
    pub status: Status,
    pub start: Micros,
    pub end: Micros,
    pub content_hash: String,
    pub revised_at: Micros,
    pub retracted_reason: Option<String>,
    pub superseded_by: Option<String>,
    /// In the order of `table.columns()`.
    pub cells: Vec<Cell>,
    /// The JSON object that the API serves.
    pub body: String,
}

/// An entity is no more. Its last row stays readable, with the reason.
#[derive(Clone, Debug, PartialEq)]
pub struct Retraction {
    pub table: Table,
    pub tenant_id: String,
    pub athlete_id: String,
    pub id: String,
    pub version: Version,
    pub fact_id: String,
    /// `None`: the content stays what it was.
    pub content_hash: Option<String>,
    pub recorded_at: Micros,
    pub revised_at: Micros,
    pub reason: String,
    pub superseded_by: Option<String>,
}

/// A source took back one timeline entry, named as that source names it.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    pub tenant_id: String,
    pub athlete_id: String,
    pub source: String,
    pub account_id: Option<String>,
    pub provider_id: String,
    pub revised_at: Micros,
    pub reason: String,
}

/// A dead letter was sent in again; it no longer waits for anybody.
#[derive(Clone, Debug, PartialEq)]
pub struct Replayed {
    pub tenant_id: String,
    pub id: String,
    pub at: Micros,
}

#[derive(Clone, Debug, PartialEq)]
pub enum RowChange {
    /// Boxed, because a row is many times the size of the others.
    Put(Box<Row>),
    Retract(Retraction),
    TakeBack(Told),
    Replayed(Replayed),
}
