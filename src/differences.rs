//! What two derivations of one log see otherwise: counted, with examples, for people and as JSON.
//!
//! `rederive` and `replay --shadow` say it in the same words. An example shows the values of the two
//! records that differ, whatever they are; ids, revisions and times of publication are no values.

mod pairs;
mod values;

use std::collections::BTreeMap;

use schemas::AnyRecord;
use serde::Serialize;
use serde_json::{Value, json};

pub(crate) use pairs::{Compared, Side, compare, record_at};

/// Differences of a kind that are shown; all are counted.
const EXAMPLES_MAX: usize = 10;
/// Values of one example that are shown; all are counted.
const VALUES_MAX: usize = 12;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Revised,
    Retracted,
    New,
}

impl Change {
    fn word(self) -> &'static str {
        match self {
            Self::Revised => "revised",
            Self::Retracted => "retracted",
            Self::New => "new",
        }
    }
}

/// One thing that is seen otherwise, by the records that say so.
pub(crate) struct Difference<'r> {
    pub(crate) kind: &'static str,
    pub(crate) athlete: &'r str,
    pub(crate) id: &'r str,
    pub(crate) change: Change,
    /// A session of other records than before.
    pub(crate) regrouped: bool,
    pub(crate) before: Option<&'r AnyRecord>,
    pub(crate) after: Option<&'r AnyRecord>,
}

/// How many things of a kind are seen otherwise.
#[derive(Debug, Default, Serialize)]
struct Tally {
    revised: u64,
    retracted: u64,
    new: u64,
    /// Of these, sessions of other records than before.
    #[serde(skip_serializing_if = "Option::is_none")]
    regrouped: Option<u64>,
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct Differences {
    #[serde(rename = "differences")]
    tallies: BTreeMap<&'static str, Tally>,
    examples: BTreeMap<&'static str, Vec<Value>>,
}

impl Differences {
    pub(crate) fn add(&mut self, difference: &Difference<'_>) -> anyhow::Result<()> {
        let kind = difference.kind;
        let tally = self.tallies.entry(kind).or_default();
        match difference.change {
            Change::New => tally.new += 1,
            Change::Retracted => tally.retracted += 1,
            Change::Revised => tally.revised += 1,
        }
        if kind == "session" {
            *tally.regrouped.get_or_insert(0) += u64::from(difference.regrouped);
        }
        let examples = self.examples.entry(kind).or_default();
        if examples.len() < EXAMPLES_MAX {
            examples.push(example(difference)?);
        }
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tallies.is_empty()
    }

    /// How many things of a kind differ, and how many of them are of other records.
    pub(crate) fn count(&self, kind: &str) -> (u64, u64) {
        let tally = self.tallies.get(kind);
        tally.map_or((0, 0), |tally| {
            let all = tally.revised + tally.retracted + tally.new;
            (all, tally.regrouped.unwrap_or(0))
        })
    }

    pub(crate) fn in_words(&self) -> String {
        let mut text = String::new();
        if self.is_empty() {
            text.push_str("\nnothing differs");
        }
        for (kind, tally) in &self.tallies {
            text.push_str(&format!(
                "\n{kind}: {} revised, {} retracted, {} new",
                tally.revised, tally.retracted, tally.new
            ));
            if let Some(regrouped) = tally.regrouped {
                text.push_str(&format!(", {regrouped} of other records than before"));
            }
            for example in self.examples.get(kind).into_iter().flatten() {
                text.push_str(&in_a_line(example));
            }
        }
        text
    }
}

fn example(difference: &Difference<'_>) -> anyhow::Result<Value> {
    let mut changed = values::changed(difference.before, difference.after)?;
    let total = changed.len();
    changed.truncate(VALUES_MAX);
    let mut sides = [serde_json::Map::new(), serde_json::Map::new()];
    let [before, after] = &mut sides;
    for (name, was, now) in changed {
        before.extend(was.map(|was| (name.clone(), was)));
        after.extend(now.map(|now| (name, now)));
    }
    let athlete = difference.athlete;
    Ok(json!({
        "athlete_id": athlete.split_once('/').map_or(athlete, |(_, id)| id),
        "id": difference.id,
        "change": difference.change.word(),
        "regrouped": difference.regrouped,
        "values": total,
        "before": before,
        "after": after,
    }))
}

fn in_a_line(example: &Value) -> String {
    let word = |name: &str| example[name].as_str().unwrap_or_default().to_owned();
    let shown = |side: &str| example[side].as_object().map_or(0, serde_json::Map::len);
    let total = example["values"].as_u64().unwrap_or(0);
    let most = shown("before").max(shown("after"));
    let rest = total.saturating_sub(u64::try_from(most).unwrap_or(total));
    let more = match rest {
        0 => String::new(),
        rest => format!(", and {rest} values more"),
    };
    format!(
        "\n  {} {} of {}: {} -> {}{more}",
        word("id"),
        word("change"),
        word("athlete_id"),
        example["before"],
        example["after"]
    )
}
