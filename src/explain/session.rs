//! A session: each field with its winner and losers, each member down to its raw records.

use std::collections::{BTreeMap, BTreeSet};

use schemas::record::observation::ActivityBody;
use serde_json::Value;
use sinks_api::dto::{FieldExplained, LoserTold, SessionExplained, SuspectExplained, Winner};
use sinks_store::{StoreError, Table};

use super::chain::{Chain, Evidence};
use super::row::Row;
use super::{told, words};

/// Sessions that took each other's place, one after the other.
const SUCCESSORS_MAX: usize = 16;

impl Chain {
    /// By its id, or by one that it superseded.
    pub(crate) fn session(&self, asked: &str) -> Result<Option<SessionExplained>, StoreError> {
        let Some(mut row) = self.row(Table::Sessions, asked)? else {
            return Ok(None);
        };
        for _ in 0..SUCCESSORS_MAX {
            let successor = row
                .text_or_none("superseded_by")
                .map(|id| self.row(Table::Sessions, &id))
                .transpose()?
                .flatten();
            let Some(successor) = successor else { break };
            row = successor;
        }
        let mut explained = self.session_row(&row)?;
        if explained.session_id != asked {
            explained.asked_for = Some(asked.to_owned());
            for field in &mut explained.fields {
                field.asked_for = Some(asked.to_owned());
            }
        }
        Ok(Some(explained))
    }

    /// One revision, or the present one where the store does not have it.
    pub(super) fn session_at(
        &self,
        id: &str,
        revision: i64,
    ) -> Result<Option<SessionExplained>, StoreError> {
        let row = match self.revision(Table::Sessions, id, revision)? {
            Some(row) => Some(row),
            None => self.row(Table::Sessions, id)?,
        };
        row.map(|row| self.session_row(&row)).transpose()
    }

    fn session_row(&self, row: &Row) -> Result<SessionExplained, StoreError> {
        let members = row.rows("members");
        let provenance = row.rows("provenance");
        let mut ids: BTreeSet<String> = members.iter().map(id_of).collect();
        for field in &provenance {
            ids.insert(id_of(field));
            ids.extend(field.rows("losers").iter().map(id_of));
        }
        let evidence = self.evidence(row, ids)?;
        let tellers = Tellers::new(&members, &evidence);
        Ok(SessionExplained {
            session_id: row.text("session_id"),
            asked_for: None,
            athlete_id: row.text("athlete_id"),
            status: row.text("status"),
            reason: row.text_or_none("reason"),
            superseded_by: row.text_or_none("superseded_by"),
            revision: row.int("revision").unwrap_or(0),
            rules_id: row.text("rules_id"),
            sport: row.text_or_none("sport"),
            start: row.text("start"),
            end: row.text("end"),
            fields: provenance
                .iter()
                .map(|one| tellers.field(row, one))
                .collect(),
            members: members
                .iter()
                .map(|member| {
                    let (source, provider_id) = (member.text("source"), member.text("provider_id"));
                    let named = (source.as_str(), provider_id.as_str());
                    evidence.observation(&id_of(member), &member.text("role"), named)
                })
                .collect(),
            candidates: row.rows("candidates").iter().map(suspect).collect(),
            recorded: evidence.recorded,
            past_retention: evidence.past_retention,
        })
    }
}

fn id_of(row: &Row) -> String {
    row.text("observation_id")
}

fn suspect(row: &Row) -> SuspectExplained {
    let rule = row.text("rule");
    SuspectExplained {
        session_id: row.text("session_id"),
        in_words: words::candidate(&rule),
        rule,
    }
}

/// Who tells of a session, and what.
struct Tellers {
    /// Source and provider id by observation.
    names: BTreeMap<String, (String, String)>,
    activities: BTreeMap<String, ActivityBody>,
}

impl Tellers {
    fn new(members: &[Row], evidence: &Evidence) -> Self {
        let name = |member: &Row| {
            let named = (member.text("source"), member.text("provider_id"));
            (id_of(member), named)
        };
        let names: BTreeMap<_, _> = members.iter().map(name).collect();
        let told = names.keys().filter_map(|id| {
            let body = evidence.states.activity(id, evidence.facts(id))?;
            Some((id.clone(), body))
        });
        let mut activities: BTreeMap<String, ActivityBody> = told.collect();
        // Whether they are pieces depends on who else tells of the session.
        let is_live = |member: &&Row| member.text("role") != "deleted";
        let live: BTreeSet<String> = members.iter().filter(is_live).map(id_of).collect();
        let mut together = evidence.states.pieces(&live);
        let is_piece = |member: &&Row| member.text("role") == "part";
        for piece in members.iter().filter(is_piece).map(id_of) {
            let told = together.remove(&piece);
            activities.extend(told.map(|body| (piece, body)));
        }
        Self { names, activities }
    }

    fn field(&self, session: &Row, choice: &Row) -> FieldExplained {
        let field = choice.text("field");
        let value = session.value(&field);
        let winner = id_of(choice);
        let (source, provider_id) = self.named(&winner);
        let rule = choice.text("rule");
        // Its own length is not that of the session.
        let told = if rule == "of_span" {
            Value::Null
        } else {
            self.told(&winner, &field)
        };
        FieldExplained {
            session_id: session.text("session_id"),
            asked_for: None,
            rule,
            rules_id: session.text("rules_id"),
            winner: Some(Winner {
                observation_id: winner,
                source,
                provider_id,
                // What follows from what was told, as an offset from a zone, is told all the same.
                value: if told.is_null() { value.clone() } else { told },
            }),
            losers: choice
                .rows("losers")
                .iter()
                .map(|loser| self.loser(loser, &field))
                .collect(),
            field,
            value,
        }
    }

    fn loser(&self, loser: &Row, field: &str) -> LoserTold {
        let observation_id = id_of(loser);
        let (source, provider_id) = self.named(&observation_id);
        LoserTold {
            value: self.told(&observation_id, field),
            observation_id,
            source,
            provider_id,
            reason: loser.text("reason"),
        }
    }

    fn named(&self, id: &str) -> (String, String) {
        self.names.get(id).cloned().unwrap_or_default()
    }

    fn told(&self, id: &str, field: &str) -> Value {
        self.activities
            .get(id)
            .map_or(Value::Null, |body| told::field(body, field))
    }
}
