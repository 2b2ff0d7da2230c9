//! The logical night, and naps.

use super::Micros;
use super::fact::fact;
use super::session::{FieldProvenance, Member};

fact! {
    pub struct NightRevised {
        pub night_id: S,
        pub revision: i64,
        pub content_hash: S,
        /// `night` or `nap`.
        pub kind: S,
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
        pub local_date: S,
        pub utc_offset_s: i32,
        pub provenance: Vec<FieldProvenance<S>>,
        pub members: Vec<Member<S>>,
        pub superseded_by: Option<S>,
        /// `created`, `revised`, `merged`, `split`, `returned`; empty in old facts.
        pub change: S,
        /// Ids that were withdrawn in favour of this one by the same change.
        pub merged_from: Vec<S>,
        /// The id that this one was a part of until now.
        pub split_from: Option<S>,
        /// Ids that hold what was a part of this one until now.
        pub split_into: Vec<S>,
    }
}

fact! {
    pub struct NightRetracted {
        pub night_id: S,
        pub revision: i64,
        pub content_hash: S,
        pub reason: S,
        pub superseded_by: Option<S>,
        pub split_into: Vec<S>,
    }
}
