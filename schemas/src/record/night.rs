//! The logical night, and naps.

use super::Micros;
use super::fact::fact;
use super::session::{FieldProvenance, Member};

fact! {
    pub struct NightRevised {
        pub night_id: String,
        pub revision: i64,
        pub content_hash: String,
        /// `night` or `nap`.
        pub kind: String,
        /// Sleep onset.
        pub start: Micros,
        /// Last awakening.
        pub end: Micros,
        pub in_bed_start: Option<Micros>,
        pub in_bed_end: Option<Micros>,
        pub asleep_s: i64,
        pub awake_s: Option<i64>,
        pub deep_s: Option<i64>,
        pub light_s: Option<i64>,
        pub rem_s: Option<i64>,
        /// The wake day, in the zone at waking.
        pub local_date: String,
        pub utc_offset_s: i32,
        pub provenance: Vec<FieldProvenance>,
        pub members: Vec<Member>,
        pub superseded_by: Option<String>,
        /// `created`, `revised`, `merged`, `split`, `returned`; empty in old facts.
        pub change: String,
        /// Ids that were withdrawn in favour of this one by the same change.
        pub merged_from: Vec<String>,
        /// The id that this one was a part of until now.
        pub split_from: Option<String>,
        /// Ids that hold what was a part of this one until now.
        pub split_into: Vec<String>,
    }
}

fact! {
    pub struct NightRetracted {
        pub night_id: String,
        pub revision: i64,
        pub content_hash: String,
        pub reason: String,
        pub superseded_by: Option<String>,
        pub split_into: Vec<String>,
    }
}
