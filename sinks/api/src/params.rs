//! The query of a list, from text to what a store is asked.

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use chrono::DateTime;
use edge::Problem;
use schemas::record::Micros;

use crate::cursor::Cursor;
use crate::dto::{AsOfParams, ListParams};

const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 1_000;

pub(crate) type ListQueryParams = Result<Query<ListParams>, QueryRejection>;

/// A list's query, understood.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) from: Option<Micros>,
    pub(crate) to: Option<Micros>,
    pub(crate) include_retracted: bool,
    pub(crate) as_of: Option<Micros>,
    pub(crate) limit: usize,
    pub(crate) after: Option<Cursor>,
    filter: String,
}

impl Wanted {
    /// `list` names the list and whose it is.
    pub(crate) fn read(params: ListQueryParams, list: &str) -> Result<Self, Problem> {
        let Query(params) = params.map_err(|error| Problem::bad_request(error.body_text()))?;
        let from = instant("from", params.from.as_deref())?;
        let to = instant("to", params.to.as_deref())?;
        let as_of = instant("as_of", params.as_of.as_deref())?;
        if from.zip(to).is_some_and(|(from, to)| from > to) {
            return Err(Problem::bad_request("`from` is after `to`"));
        }
        let include_retracted = match params.include.as_deref() {
            None => false,
            Some("retracted") => true,
            Some(_) => return Err(Problem::bad_request("`include` knows only `retracted`")),
        };
        let filter = format!("{list}|{from:?}|{to:?}|{include_retracted}|{as_of:?}");
        let after = params
            .cursor
            .as_deref()
            .map(|text| {
                Cursor::read(text, &filter).ok_or_else(|| {
                    Problem::bad_request("`cursor` does not belong to this list and filter")
                })
            })
            .transpose()?;
        Ok(Self {
            from,
            to,
            include_retracted,
            as_of,
            limit: limit(params.limit.as_deref())?,
            after,
            filter,
        })
    }

    /// For what has no history to be asked.
    pub(crate) fn of_the_present(self) -> Result<Self, Problem> {
        if self.as_of.is_some() {
            return Err(Problem::bad_request(
                "`as_of` is for what is revised; this keeps no history",
            ));
        }
        Ok(self)
    }

    /// The page as it is sent. `last` is the place of the last item when there are more.
    pub(crate) fn page(&self, bodies: &[String], last: Option<&Cursor>) -> String {
        let cursor = last.map_or_else(
            || "null".to_owned(),
            |last| format!("\"{}\"", last.write(&self.filter)),
        );
        format!(
            "{{\"items\":[{}],\"next_cursor\":{cursor}}}",
            bodies.join(",")
        )
    }
}

pub(crate) type AsOfQuery = Result<Query<AsOfParams>, QueryRejection>;

/// The time that a single thing is asked for, if any.
pub(crate) fn as_of(params: AsOfQuery) -> Result<Option<Micros>, Problem> {
    let Query(params) = params.map_err(|error| Problem::bad_request(error.body_text()))?;
    instant("as_of", params.as_of.as_deref())
}

fn instant(name: &str, text: Option<&str>) -> Result<Option<Micros>, Problem> {
    let Some(text) = text else { return Ok(None) };
    micros(text).map(Some).ok_or_else(|| {
        Problem::bad_request(format!(
            "`{name}` is not an instant of RFC 3339, such as 2026-01-31T06:00:00Z"
        ))
    })
}

pub(crate) fn micros(text: &str) -> Option<Micros> {
    let at = DateTime::parse_from_rfc3339(text).ok()?;
    Some(Micros(at.timestamp_micros()))
}

fn limit(text: Option<&str>) -> Result<usize, Problem> {
    let Some(text) = text else {
        return Ok(LIMIT_DEFAULT);
    };
    match text.parse::<usize>() {
        Ok(limit) if (1..=LIMIT_MAX).contains(&limit) => Ok(limit),
        _ => Err(Problem::bad_request(format!(
            "`limit` is not a whole number from 1 to {LIMIT_MAX}"
        ))),
    }
}
