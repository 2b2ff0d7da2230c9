//! The table of records: a Rust type, its `avsc/` file, and its place in `AnyRecord`.
//!
//! To add a record: put `avsc/Name.avsc` down, add one line here, name it in a topic of `topic.rs`,
//! and run `cargo run -p schemas --example accept` (twice: the second time writes golden bytes).
//! To change one: copy the old text to `avsc/history/vN/Name.avsc` first and list it in `HISTORY`.
//!
//! Invariant: the name of the Rust type is the name of the schema and of the file.

use serde::{Serialize, de::DeserializeOwned};

use crate::codec::{self, DecodeError};
use crate::record;

/// A record of the contract: it has a schema, so it can become bytes and come back.
pub trait AvroRecord: Serialize + DeserializeOwned + Sealed {
    /// The name of the schema, of its file and of the Rust type.
    const NAME: &'static str;
}

/// Only the table makes records: a type without a locked schema must not reach a topic.
pub trait Sealed {
    #[doc(hidden)]
    const SLOT: usize;
}

/// The text of a schema in `avsc/`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SchemaFile {
    /// The path below `avsc/`, as the lock file names it.
    pub(crate) file: &'static str,
    pub(crate) text: &'static str,
}

macro_rules! records {
    ($($name:ident in $module:ident,)*) => {
        #[repr(usize)]
        enum Slot { $($name,)* }

        /// The present schema of every record, by slot.
        pub(crate) const PRESENT: &[SchemaFile] = &[
            $(SchemaFile {
                file: concat!(stringify!($name), ".avsc"),
                text: include_str!(concat!("../avsc/", stringify!($name), ".avsc")),
            },)*
        ];

        /// The name of every record, by slot.
        pub const NAMES: &[&str] = &[$(stringify!($name),)*];

        $(
            impl Sealed for record::$module::$name {
                const SLOT: usize = Slot::$name as usize;
            }
            impl AvroRecord for record::$module::$name {
                const NAME: &'static str = stringify!($name);
            }
        )*

        /// Any record, told apart by the schema id of its frame.
        #[derive(Clone, Debug, PartialEq)]
        pub enum AnyRecord { $($name(record::$module::$name),)* }

        impl AnyRecord {
            pub fn name(&self) -> &'static str {
                match self { $(Self::$name(_) => stringify!($name),)* }
            }

            pub fn encode(&self) -> Vec<u8> {
                match self { $(Self::$name(record) => codec::encode(record),)* }
            }

            /// The record as JSON with the names of the contract, for people and reports.
            pub fn to_json(&self) -> serde_json::Result<serde_json::Value> {
                match self { $(Self::$name(record) => serde_json::to_value(record),)* }
            }
        }

        $(
            impl From<record::$module::$name> for AnyRecord {
                fn from(record: record::$module::$name) -> Self {
                    Self::$name(record)
                }
            }
        )*

        /// Decodes whatever record the frame names.
        pub fn decode_any(bytes: &[u8]) -> Result<AnyRecord, DecodeError> {
            Ok(match codec::name_of(bytes)? {
                $(stringify!($name) => AnyRecord::$name(codec::decode(bytes)?),)*
                // `name_of` only yields names of this table.
                other => unreachable!("{other} is not in the table"),
            })
        }

        /// What has to be done for a record type, where the type itself is the argument.
        pub trait Visit {
            fn visit<T: AvroRecord + PartialEq + std::fmt::Debug>(&mut self);
        }

        /// Visits every record type of the table, in its order.
        pub fn visit_records(visitor: &mut impl Visit) {
            $(visitor.visit::<record::$module::$name>();)*
        }
    };
}

records! {
    RawReceived in ingest,
    RecordRejected in ingest,
    Tick in ingest,
    ConnectionChanged in ingest,
    ObservationRecorded in observation,
    SessionRevised in session,
    SessionRetracted in session,
    NightRevised in night,
    NightRetracted in night,
    SweatLossEstimated in loss,
    SweatLossRetracted in loss,
    SweatProfileRevised in loss,
    WeatherRequested in loss,
    RecommendationIssued in recommendation,
    RecommendationSuperseded in recommendation,
    RecommendationCancelled in recommendation,
    RecommendationExpired in recommendation,
    SafetyHoldRaised in recommendation,
    SafetyHoldReleased in recommendation,
    PushScheduled in recommendation,
    PushCancelled in recommendation,
    PushSent in recommendation,
    RejectionResolved in ingest,
    AthleteHead in state,
    DayBucket in state,
    IndexShard in state,
    AthleteRegistered in control,
    AccountLinked in control,
    SecretSealed in control,
    ClusterPinned in control,
}

macro_rules! replaced {
    ($version:literal, $name:literal) => {
        SchemaFile {
            file: concat!("history/", $version, "/", $name, ".avsc"),
            text: include_str!(concat!("../avsc/history/", $version, "/", $name, ".avsc")),
        }
    };
}

/// Texts that were replaced. Bytes written with them are read for ever, so none is ever removed.
pub(crate) const HISTORY: &[SchemaFile] = &[
    replaced!("v1", "AthleteHead"),
    replaced!("v1", "DayBucket"),
    replaced!("v1", "IndexShard"),
    replaced!("v1", "NightRetracted"),
    replaced!("v1", "NightRevised"),
    replaced!("v1", "ObservationRecorded"),
    replaced!("v1", "SessionRetracted"),
    replaced!("v1", "SessionRevised"),
    replaced!("v1", "WeatherRequested"),
    replaced!("v2", "AthleteHead"),
    replaced!("v2", "DayBucket"),
    replaced!("v3", "DayBucket"),
    replaced!("v3", "AthleteHead"),
    replaced!("v4", "DayBucket"),
    replaced!("v4", "AthleteHead"),
    replaced!("v5", "DayBucket"),
    replaced!("v5", "AthleteHead"),
];
