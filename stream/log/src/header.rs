//! What a reader may know of a record without decoding it.

pub use bytes::Bytes;

/// Most records of a batch say the same in most of their headers, so what they say is shared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    pub name: &'static str,
    pub value: Bytes,
}
