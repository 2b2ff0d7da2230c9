//! A sweat loss and an athlete's profile: the method, and the evidence that it rests on.

use sinks_api::dto::{Coded, LossExplained, ObservationExplained, ProfileExplained};
use sinks_store::{StoreError, Table};

use super::chain::{Chain, Evidence};
use super::row::Row;
use super::words;

const EVIDENCE: &str = "evidence";

impl Chain {
    pub(crate) fn loss(&self, id: &str) -> Result<Option<LossExplained>, StoreError> {
        let Some(row) = self.row(Table::SweatLosses, id)? else {
            return Ok(None);
        };
        let mut loss = self.loss_row(&row)?;
        loss.session = match loss.session_revision {
            Some(revision) => self.session_at(&loss.session_id, revision)?,
            None => self.session(&loss.session_id)?,
        };
        Ok(Some(loss))
    }

    /// One revision, without its session.
    pub(super) fn loss_at(
        &self,
        id: &str,
        revision: i64,
    ) -> Result<Option<LossExplained>, StoreError> {
        let row = match self.revision(Table::SweatLosses, id, revision)? {
            Some(row) => Some(row),
            None => self.row(Table::SweatLosses, id)?,
        };
        row.map(|row| self.loss_row(&row)).transpose()
    }

    fn loss_row(&self, row: &Row) -> Result<LossExplained, StoreError> {
        let ids = row.texts(EVIDENCE);
        let evidence = self.evidence(row, ids.iter().cloned().collect())?;
        let method = row.text("method");
        Ok(LossExplained {
            loss_id: row.text("loss_id"),
            athlete_id: row.text("athlete_id"),
            status: row.text("status"),
            reason: row.text_or_none("reason"),
            revision: row.int("revision").unwrap_or(0),
            rules_id: row.text("rules_id"),
            session_id: row.text("session_id"),
            session_revision: row.int("session_revision"),
            method: coded(method, words::method),
            model_version: row.text_or_none("model_version"),
            fluid_ml: row.value("fluid_ml"),
            sweat_rate_l_per_h: row.value("sweat_rate_l_per_h"),
            sodium_mmol_per_l: row.value("sodium_mmol_per_l"),
            sodium_mg: row.value("sodium_mg"),
            conditions: row.value("conditions"),
            flags: all_coded(row.texts("flags"), words::flag),
            evidence: witnesses(&evidence, &ids),
            session: None,
            recorded: evidence.recorded,
            past_retention: evidence.past_retention,
        })
    }

    pub(super) fn profile_at(
        &self,
        athlete: &str,
        revision: i64,
    ) -> Result<Option<ProfileExplained>, StoreError> {
        let row = match self.revision(Table::Profiles, athlete, revision)? {
            Some(row) => Some(row),
            None => self.row(Table::Profiles, athlete)?,
        };
        row.map(|row| self.profile_row(&row)).transpose()
    }

    fn profile_row(&self, row: &Row) -> Result<ProfileExplained, StoreError> {
        let ids = row.texts(EVIDENCE);
        let evidence = self.evidence(row, ids.iter().cloned().collect())?;
        Ok(ProfileExplained {
            athlete_id: row.text("athlete_id"),
            revision: row.int("revision").unwrap_or(0),
            sweat_rate_multiplier: row.value("sweat_rate_multiplier"),
            sodium_mmol_per_l: row.value("sodium_mmol_per_l"),
            tests: row.int("tests").unwrap_or(0),
            last_test_at: row.text_or_none("last_test_at"),
            advice: coded(row.text("advice"), words::profile_advice),
            evidence: witnesses(&evidence, &ids),
            recorded: evidence.recorded,
            past_retention: evidence.past_retention,
        })
    }
}

fn witnesses(evidence: &Evidence, ids: &[String]) -> Vec<ObservationExplained> {
    ids.iter()
        .map(|id| evidence.observation(id, EVIDENCE, ("", "")))
        .collect()
}

pub(super) fn coded(code: String, words: impl Fn(&str) -> String) -> Coded {
    let in_words = words(&code);
    Coded { code, in_words }
}

pub(super) fn all_coded(codes: Vec<String>, words: impl Fn(&str) -> String) -> Vec<Coded> {
    let of = |code| coded(code, &words);
    codes.into_iter().map(of).collect()
}
