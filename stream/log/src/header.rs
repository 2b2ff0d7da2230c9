//! What a reader may know of a record without decoding it.

use std::ops::Deref;
use std::sync::Arc;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    pub name: &'static str,
    pub value: HeaderValue,
}

/// The bytes of a header. Most records of a batch say the same in most of their headers, so there is
/// one copy of what they say.
#[derive(Clone, Debug)]
pub enum HeaderValue {
    Static(&'static [u8]),
    Shared(Arc<[u8]>),
}

impl Deref for HeaderValue {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Static(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }
}

impl PartialEq for HeaderValue {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for HeaderValue {}

impl From<&'static str> for HeaderValue {
    fn from(text: &'static str) -> Self {
        Self::Static(text.as_bytes())
    }
}

impl From<&[u8]> for HeaderValue {
    fn from(bytes: &[u8]) -> Self {
        Self::Shared(Arc::from(bytes))
    }
}

impl From<Vec<u8>> for HeaderValue {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Shared(Arc::from(bytes))
    }
}

impl From<String> for HeaderValue {
    fn from(text: String) -> Self {
        Self::from(text.into_bytes())
    }
}
