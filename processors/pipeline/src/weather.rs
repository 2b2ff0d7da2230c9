//! Answers of the weather connector: one cell, one hour.

use schemas::record::ingest::RawReceived;

use crate::normalize::{Rejected, Told};

pub(crate) fn normalize(_raw: &RawReceived) -> Told {
    Err(Rejected::new("unsupported_kind", "not read yet"))
}
