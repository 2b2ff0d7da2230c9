//! Scans of sweat patches, `sweat.scan/1`.

use schemas::record::ingest::RawReceived;

use crate::normalize::{Rejected, Told};

pub(crate) fn normalize(_raw: &RawReceived) -> Told {
    Err(Rejected::new("unsupported_kind", "not read yet"))
}
