//! What all facts share: instants, intervals, and the envelope that `fact!` puts in front of each.

use serde::{Deserialize, Serialize};

/// An instant: microseconds since 1970-01-01T00:00:00Z (Avro `timestamp-micros`).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Micros(pub i64);

/// A median with the bounds of its central 90 % interval, all in the unit of the field's name.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    pub median: f64,
    pub lo90: f64,
    pub hi90: f64,
}

/// A fact: the envelope that every published record has, then its own fields.
///
/// `id` = hash(entity, revision, content_hash), so that a reader outside of the transaction can tell
/// a second copy. `recorded_at` is the logical time of the cause. `revised_at` rises strictly per
/// entity and is the order for stores. `licence` and `key_id` are reserved for enforcement later.
macro_rules! fact {
    ($(#[$meta:meta])* pub struct $name:ident { $($(#[$field_meta:meta])* pub $field:ident : $kind:ty,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        pub struct $name {
            pub id: String,
            pub tenant_id: String,
            pub athlete_id: String,
            pub recorded_at: $crate::record::Micros,
            pub revised_at: $crate::record::Micros,
            pub rules_id: String,
            pub licence: Option<String>,
            pub key_id: Option<String>,
            $($(#[$field_meta])* pub $field: $kind,)*
        }
    };
}
pub(crate) use fact;
