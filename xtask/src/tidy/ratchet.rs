//! Excesses over the walls that were there already: recorded, and only ever smaller.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};

pub(super) const PATH: &str = "xtask/ratchet.json";

/// What is measured against a wall.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rule {
    FileLines,
    FunctionLines,
    PublicItems,
    SerdeWords,
}

impl Rule {
    const ALL: [Self; 4] = [
        Self::FileLines,
        Self::FunctionLines,
        Self::PublicItems,
        Self::SerdeWords,
    ];

    fn word(self) -> &'static str {
        match self {
            Self::FileLines => "file_lines",
            Self::FunctionLines => "function_lines",
            Self::PublicItems => "public_items",
            Self::SerdeWords => "serde_words",
        }
    }
}

/// Amount per rule and place, only where it is over the wall.
pub(super) type Excesses = BTreeMap<(Rule, String), usize>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ratchet {
    recorded: Excesses,
}

impl Ratchet {
    pub(super) fn of(recorded: Excesses) -> Self {
        Self { recorded }
    }

    pub(super) fn len(&self) -> usize {
        self.recorded.len()
    }

    pub(super) fn read(root: &Path) -> Result<Self> {
        let text =
            fs::read_to_string(root.join(PATH)).with_context(|| format!("cannot read {PATH}"))?;
        Self::parse(&text)
    }

    pub(super) fn write(&self, root: &Path) -> Result<()> {
        fs::write(root.join(PATH), self.to_text()?).with_context(|| format!("cannot write {PATH}"))
    }

    fn parse(text: &str) -> Result<Self> {
        let json: Map<String, Value> =
            serde_json::from_str(text).with_context(|| format!("{PATH} is no JSON object"))?;
        let mut recorded = Excesses::new();
        for (word, places) in json {
            let rule = Rule::ALL.into_iter().find(|rule| rule.word() == word);
            let (Some(rule), Some(places)) = (rule, places.as_object()) else {
                bail!("{PATH}: {word} is no rule with places")
            };
            for (place, amount) in places {
                let amount = amount
                    .as_u64()
                    .and_then(|amount| usize::try_from(amount).ok());
                let amount = amount.with_context(|| format!("{PATH}: {place} has no amount"))?;
                recorded.insert((rule, place.clone()), amount);
            }
        }
        Ok(Self { recorded })
    }

    fn to_text(&self) -> Result<String> {
        let mut json = Map::new();
        for rule in Rule::ALL {
            let places = self.recorded.iter().filter(|((of, _), _)| *of == rule);
            let places: Map<String, Value> = places
                .map(|((_, place), amount)| (place.clone(), Value::from(*amount)))
                .collect();
            json.insert(rule.word().to_owned(), Value::Object(places));
        }
        Ok(serde_json::to_string_pretty(&json)? + "\n")
    }

    /// What grew, and what shrank without being written down.
    pub(super) fn compare(&self, present: &Excesses) -> Vec<String> {
        let mut violations = Vec::new();
        for ((rule, place), amount) in present {
            match self.recorded.get(&(*rule, place.clone())) {
                Some(recorded) if amount <= recorded => {}
                Some(recorded) => violations.push(format!(
                    "{place}: {} grew from {recorded} to {amount}, and may only shrink",
                    rule.word()
                )),
                None => violations.push(format!(
                    "{place}: {} = {amount} is over the wall",
                    rule.word()
                )),
            }
        }
        for ((rule, place), recorded) in &self.recorded {
            let amount = present.get(&(*rule, place.clone())).copied().unwrap_or(0);
            if amount < *recorded {
                violations.push(format!(
                    "{place}: {} shrank below {recorded}; write it down with cargo xtask bless",
                    rule.word()
                ));
            }
        }
        violations
    }

    /// The smaller of recorded and present; nothing new.
    pub(super) fn shrunk(&self, present: &Excesses) -> Self {
        let kept = self.recorded.iter().filter_map(|(key, recorded)| {
            let amount = present.get(key)?;
            Some((key.clone(), *amount.min(recorded)))
        });
        Self {
            recorded: kept.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Excesses, Ratchet, Rule};

    fn excesses(entries: &[(&str, usize)]) -> Excesses {
        let entry =
            |(place, amount): &(&str, usize)| ((Rule::FileLines, (*place).to_owned()), *amount);
        entries.iter().map(entry).collect()
    }

    #[test]
    fn an_excess_may_stay_and_neither_grow_nor_shrink_in_silence() {
        let ratchet = Ratchet::of(excesses(&[("a", 600)]));
        let cases: &[(&[(&str, usize)], usize)] = &[
            (&[("a", 600)], 0),
            (&[("a", 601)], 1),
            (&[("a", 599)], 1),
            (&[], 1),
            (&[("a", 600), ("b", 501)], 1),
        ];
        for (present, expected) in cases {
            assert_eq!(
                ratchet.compare(&excesses(present)).len(),
                *expected,
                "{present:?}"
            );
        }
    }

    #[test]
    fn blessing_lowers_and_never_raises() {
        let ratchet = Ratchet::of(excesses(&[("a", 600), ("b", 700), ("c", 800)]));
        let shrunk = ratchet.shrunk(&excesses(&[("a", 650), ("b", 650), ("d", 501)]));
        assert_eq!(shrunk, Ratchet::of(excesses(&[("a", 600), ("b", 650)])));
    }

    #[test]
    fn a_written_ratchet_reads_back() {
        let ratchet = Ratchet::of(excesses(&[("a", 600)]));
        assert_eq!(
            Ratchet::parse(&ratchet.to_text().unwrap()).unwrap(),
            ratchet
        );
        assert!(Ratchet::parse("{\"speed\":{}}").is_err());
        assert!(Ratchet::parse("{\"file_lines\":{\"a\":\"x\"}}").is_err());
    }
}
