//! What all facts share: instants, intervals, and the envelope that `fact!` puts in front of each.

use serde::{Deserialize, Serialize, Serializer};

/// An instant: microseconds since 1970-01-01T00:00:00Z (Avro `timestamp-micros`).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Micros(pub i64);

/// Words that are written and not kept: lent, made for one record, or an id.
#[derive(Clone, Debug)]
pub enum Text<'a> {
    Lent(&'a str),
    Own(String),
    /// The hex digits of an id.
    Id([u8; 32]),
}

impl Text<'_> {
    pub fn as_str(&self) -> &str {
        match self {
            Self::Lent(text) => text,
            Self::Own(text) => text,
            Self::Id(digits) => std::str::from_utf8(digits).unwrap_or_default(),
        }
    }
}

impl Default for Text<'_> {
    fn default() -> Self {
        Self::Lent("")
    }
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self::Lent(text)
    }
}

impl<'a> From<&'a String> for Text<'a> {
    fn from(text: &'a String) -> Self {
        Self::Lent(text)
    }
}

impl From<String> for Text<'_> {
    fn from(text: String) -> Self {
        Self::Own(text)
    }
}

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

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
/// `S` is what its words are: of their own, or lent ([`Text`]) by who writes it.
macro_rules! fact {
    ($(#[$meta:meta])* pub struct $name:ident { $($(#[$field_meta:meta])* pub $field:ident : $kind:ty,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        pub struct $name<S = String> {
            pub id: S,
            pub tenant_id: S,
            pub athlete_id: S,
            pub recorded_at: $crate::record::Micros,
            pub revised_at: $crate::record::Micros,
            pub rules_id: S,
            pub licence: Option<S>,
            pub key_id: Option<S>,
            $($(#[$field_meta])* pub $field: $kind,)*
        }

        impl<S: serde::Serialize> $crate::codec::RecordView for $name<S> {
            type Record = $name;
        }
    };
}
pub(crate) use fact;
