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
    }
}

fact! {
    pub struct NightRetracted {
        pub night_id: String,
        pub revision: i64,
        pub content_hash: String,
        pub reason: String,
        pub superseded_by: Option<String>,
    }
}
