//! How an entity came to its members, and why it went, in the words of the wire.

use processors_domain::identity::{Continued, EntityId, Withdrawn};

use schemas::record::Text;

use crate::bucket::Kept;
use crate::ids::id_number;
use crate::ids::id_text;
use crate::work::Work;

/// How an entity came to its members, in the words of the wire.
pub(crate) struct Lineage {
    pub(crate) change: &'static str,
    pub(crate) merged_from: Vec<String>,
    pub(crate) split_from: Option<String>,
    pub(crate) split_into: Vec<String>,
}

impl Lineage {
    /// `was_live`: what was last said of it, if anything.
    pub(crate) fn of(continued: &Continued, was_live: Option<bool>) -> Self {
        let told = &continued.lineage;
        let change = match was_live {
            None if told.split_from.is_some() => "split",
            None => "created",
            Some(false) => "returned",
            Some(true) if !told.merged_from.is_empty() => "merged",
            Some(true) if !told.split_into.is_empty() => "split",
            Some(true) => "revised",
        };
        Self {
            change,
            merged_from: texts(&told.merged_from),
            split_from: told.split_from.map(|id| id_text(id.0)),
            split_into: texts(&told.split_into),
        }
    }
}

pub(crate) fn lent(texts: &[String]) -> Vec<Text<'_>> {
    texts.iter().map(Text::from).collect()
}

pub(crate) fn texts(ids: &[EntityId]) -> Vec<String> {
    ids.iter().map(|id| id_text(id.0)).collect()
}

/// Why an entity is withdrawn.
pub(crate) fn reason(work: &Work<'_>, members: &[String], gone: &Withdrawn) -> &'static str {
    if gone.superseded_by.is_some() {
        return if gone.split_into.is_empty() {
            "merged"
        } else {
            "regrouped"
        };
    }
    let members: Vec<u128> = members.iter().map(|id| id_number(id)).collect();
    let is_kept = |kept: &Kept| members.contains(&kept.id()) && !kept.deleted;
    // Nobody deleted it: its account was closed.
    if work.observations().any(is_kept) {
        "deregistered"
    } else {
        "deleted"
    }
}
