//! A recommendation: its reasons in words, and the chain of what it was computed from.

use sinks_api::dto::{DependencyExplained, ReasonExplained, RecommendationExplained};
use sinks_store::{After, ListQuery, StoreError, Table};

use super::chain::Chain;
use super::loss::{all_coded, coded};
use super::row::Row;
use super::words;

/// Rows that are read at once, and at most, to find a recommendation by the id of its fact: the
/// store knows slots. Whoever has more gives the slot.
const PAGE: usize = 1_000;
const SEARCHED_MAX: usize = 200_000;

impl Chain {
    pub(crate) fn recommendation(
        &self,
        id: &str,
    ) -> Result<Option<RecommendationExplained>, StoreError> {
        self.recommendation_of(id)?
            .map(|row| self.recommendation_row(&row))
            .transpose()
    }

    /// By slot, by slot and version, by the id of the fact that stands in a slot now.
    fn recommendation_of(&self, id: &str) -> Result<Option<Row>, StoreError> {
        if let Some(row) = self.row(Table::Recommendations, id)? {
            return Ok(Some(row));
        }
        if let Some((slot, version)) = id.rsplit_once('/') {
            return match version.parse() {
                Ok(version) => self.revision(Table::Recommendations, slot, version),
                Err(_) => Ok(None),
            };
        }
        let mut searched = 0;
        let mut query = ListQuery {
            include_retracted: true,
            ..ListQuery::all(Table::Recommendations, &self.tenant, PAGE)
        };
        while searched < SEARCHED_MAX {
            let page = self.store.list(&query)?;
            searched += page.items.len();
            let mut rows = page.items.iter().map(|item| Row::parse(&item.body));
            if let Some(row) = rows.find(|row| row.text("id") == id) {
                return Ok(Some(row));
            }
            match page.items.last() {
                Some(last) if page.more => {
                    query.after = Some(After {
                        start: last.start,
                        id: last.id.clone(),
                        inclusive: false,
                    });
                }
                _ => break,
            }
        }
        Ok(None)
    }

    fn recommendation_row(&self, row: &Row) -> Result<RecommendationExplained, StoreError> {
        let slot = row.text("slot");
        let latest = self.row(Table::Recommendations, &slot)?;
        let version = row.int("version").unwrap_or(0);
        let plan = self.plan_of(row)?;
        let evidence = self.evidence(row, plan.iter().cloned().collect())?;
        let mut depends_on = Vec::new();
        if let Some(plan) = plan {
            depends_on.push(DependencyExplained {
                plan: Some(evidence.observation(&plan, "anchor", ("", ""))),
                ..dependency(&row.text("anchor_id"), "plan")
            });
        }
        for needed in row.rows("depends_on") {
            depends_on.push(self.dependency(&needed)?);
        }
        Ok(RecommendationExplained {
            id: row.text("id"),
            version,
            latest_version: latest.and_then(|row| row.int("version")).unwrap_or(version),
            athlete_id: row.text("athlete_id"),
            status: row.text("status"),
            reason: row.text_or_none("reason"),
            phase: coded(row.text("phase"), words::phase),
            valid_from: row.text_or_none("valid_from"),
            valid_until: row.text_or_none("valid_until"),
            expired_at: row.text_or_none("expired_at"),
            late: row.flag("late"),
            gap_class: row
                .text_or_none("gap_class")
                .map(|class| coded(class, words::gap_class)),
            needs: row.value("needs"),
            schedule: row.value("schedule"),
            options: row.value("options"),
            reasons: row.rows("reasons").iter().map(reason).collect(),
            safety: all_coded(row.texts("safety"), words::safety),
            flags: all_coded(row.texts("flags"), words::need_flag),
            confidence: row.value("confidence"),
            rules_id: row.text("rules_id"),
            rules: row.text_or_none("rules"),
            catalog: row.text_or_none("catalog"),
            inputs_hash: row.text_or_none("inputs_hash"),
            depends_on,
            recorded: evidence.recorded,
            past_retention: evidence.past_retention,
            slot,
        })
    }

    /// The observation that planned what the advice is for.
    fn plan_of(&self, row: &Row) -> Result<Option<String>, StoreError> {
        if row.text("anchor_kind") != "plan" {
            return Ok(None);
        }
        let (plan, athlete) = (row.text("anchor_id"), row.text("athlete_id"));
        let query = ListQuery {
            include_retracted: true,
            from: row.instant("anchor_start"),
            to: row.instant("anchor_end"),
            ..ListQuery::of(Table::TimelineEntries, &self.tenant, &athlete, PAGE)
        };
        let page = self.store.list(&query)?;
        let mut entries = page.items.iter().map(|item| Row::parse(&item.body));
        let found = entries.find(|entry| entry.text("plan_id") == plan);
        Ok(found.map(|entry| entry.text("observation_id")))
    }

    fn dependency(&self, needed: &Row) -> Result<DependencyExplained, StoreError> {
        let id = needed.text("id");
        let revision = needed.int("revision").unwrap_or(0);
        let latest = |table, id: &str| -> Result<Option<i64>, StoreError> {
            Ok(self.row(table, id)?.and_then(|row| row.int("revision")))
        };
        let mut known = dependency(&id, "unknown");
        known.revision = Some(revision);
        if let Some(athlete) = id.strip_prefix("profile/") {
            known.profile = self.profile_at(athlete, revision)?;
            if known.profile.is_some() {
                known.kind = "profile".to_owned();
                known.latest_revision = latest(Table::Profiles, athlete)?;
            }
            return Ok(known);
        }
        known.session = self.session_at(&id, revision)?;
        if known.session.is_some() {
            known.kind = "session".to_owned();
            known.latest_revision = latest(Table::Sessions, &id)?;
            return Ok(known);
        }
        known.sweat_loss = self.loss_at(&id, revision)?;
        if known.sweat_loss.is_some() {
            known.kind = "sweat_loss".to_owned();
            known.latest_revision = latest(Table::SweatLosses, &id)?;
        }
        Ok(known)
    }
}

fn dependency(id: &str, kind: &str) -> DependencyExplained {
    DependencyExplained {
        id: id.to_owned(),
        kind: kind.to_owned(),
        revision: None,
        latest_revision: None,
        session: None,
        sweat_loss: None,
        profile: None,
        plan: None,
    }
}

fn reason(row: &Row) -> ReasonExplained {
    let code = row.text("code");
    let params = row.value("params");
    ReasonExplained {
        in_words: words::reason(&code, &params),
        code,
        params,
        evidence: row.texts("evidence"),
    }
}
