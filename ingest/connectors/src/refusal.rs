//! Why an item was not taken: in a word for programs, and in a sentence for whoever mends the sender.

use std::borrow::Cow;

use crate::receive::ITEM_BYTES_MAX;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) reason: &'static str,
    pub(crate) detail: Cow<'static, str>,
}

impl Refusal {
    pub(crate) fn malformed(detail: &'static str) -> Self {
        Self {
            reason: "malformed",
            detail: detail.into(),
        }
    }

    pub(crate) fn missing(field: &str) -> Self {
        Self {
            reason: "missing_field",
            detail: format!("`{field}` is missing").into(),
        }
    }

    /// `bound` completes "it has to be …".
    pub(crate) fn bad(field: &str, bound: &str) -> Self {
        Self {
            reason: "bad_value",
            detail: format!("`{field}` has to be {bound}").into(),
        }
    }

    pub(crate) fn unsupported(detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            reason: "unsupported_kind",
            detail: detail.into(),
        }
    }

    pub(crate) fn too_large() -> Self {
        let most = ITEM_BYTES_MAX / 1024;
        Self {
            reason: "too_large",
            detail: format!("one item has at most {most} KiB").into(),
        }
    }
}
