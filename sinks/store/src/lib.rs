//! Facts as rows: the ports of a store for readers, and the one projection that all stores share.
//!
//! A crate of its own because several databases implement its ports and none of them may decide what
//! a fact means. It does no I/O and knows no database.
//!
//! Invariants:
//! * `project` is pure, so the same facts give the same rows in every store;
//! * rows and the position of the feed become durable together, or not at all;
//! * a row that was seen before changes nothing, so a feed may be read again from any earlier place;
//! * an entity has one current row, live or retracted, and every revision stays in its history.

mod columns;
pub mod contract;
mod error;
mod instant;
mod json;
mod memory;
mod port;
mod project;
mod row;
mod scan;
mod timeline;
mod upsert;
mod writer;

pub use error::StoreError;
pub use instant::rfc3339;
pub use memory::MemoryStore;
pub use port::{
    APPLY_ROWS_MAX, After, Feed, FeedPosition, FeedRecord, Item, ListQuery, LiveCounts, LiveRow,
    Page, ReplayMarks, SeriesQuery, SeriesStore,
};
pub use project::{TOPICS, project};
pub use row::{
    Cell, CellKind, ColumnSpec, Replayed, Retraction, Row, RowChange, Status, Table, Told, Version,
};
pub use scan::{Kept, Month, RowScan, SeriesScan};
pub use timeline::{TimelineItem, TimelinePage, TimelineQuery, cut, timeline};
pub use upsert::{replayed, retract, take_back, without_bytes};
pub use writer::{BATCH_RECORDS_MAX, Step, Writer};
