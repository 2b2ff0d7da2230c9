//! Scans of sweat patches, as our app sends them for its athlete: `sweat.scan/1`.
//!
//! ```text
//! {"schema":"sweat.scan/1","scan_id":"…","patch_id":"…","applied_at":…,"scanned_at":…,
//!  "volume_channel":{…},"chloride_channel":{…},…}                  one, or an array of them
//! ```
//!
//! The app chose the `scan_id`: the same one again is a repetition, or a better reading of the same
//! photo. A scan without one is rejected in the answer, because the app can be told.
//!
//! It is not: a judgement of what was measured. A scan that failed is kept like any other.

pub(crate) mod receive;
