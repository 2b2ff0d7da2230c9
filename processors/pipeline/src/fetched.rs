//! The end of a fetch that a hint asked for: ingest's own record, `fetch_result`.

use schemas::record::ingest::RawReceived;

use crate::normalize::{FetchEnded, Rejected};

/// The kind of the record, whatever its source.
pub(crate) const KIND: &str = "fetch_result";

pub(crate) fn normalize(_raw: &RawReceived) -> Result<FetchEnded, Rejected> {
    Err(Rejected::new("unsupported_kind", "not read yet"))
}
