//! What all pages share: their frame, and rows read by name.

use std::fmt::Write as _;

use schemas::record::Micros;
use serde_json::Value;
use sinks_store::{Item, ListQuery, Table};

use super::failure::Failure;
use crate::params::micros;
use crate::state::{Api, problem};

/// Title and place in the navigation.
pub(super) struct Frame {
    pub(super) title: String,
    pub(super) nav: &'static str,
    /// The athlete whose pages these are, and which of them.
    pub(super) athlete: Option<(String, &'static str)>,
}

impl Frame {
    pub(super) fn of(title: &str, nav: &'static str) -> Self {
        Self {
            title: title.to_owned(),
            nav,
            athlete: None,
        }
    }

    pub(super) fn of_athlete(athlete_id: &str, tab: &'static str) -> Self {
        Self {
            title: athlete_id.to_owned(),
            nav: "athletes",
            athlete: Some((athlete_id.to_owned(), tab)),
        }
    }
}

/// A row of a list, read by the names of the contract.
#[derive(Clone, Debug)]
pub(super) struct Row(pub(super) Value);

impl Row {
    pub(super) fn of(item: &Item) -> Self {
        Self(serde_json::from_str(&item.body).unwrap_or_default())
    }

    pub(super) fn get(&self, path: &str) -> Option<&Value> {
        path.split('.')
            .try_fold(&self.0, |value, name| value.get(name))
            .filter(|v| !v.is_null())
    }

    pub(super) fn text(&self, path: &str) -> String {
        self.get(path)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    }

    pub(super) fn number(&self, path: &str) -> Option<f64> {
        self.get(path)?.as_f64()
    }

    pub(super) fn int(&self, path: &str) -> Option<i64> {
        self.get(path)?.as_i64()
    }

    pub(super) fn is(&self, path: &str) -> bool {
        self.get(path).and_then(Value::as_bool).unwrap_or(false)
    }

    pub(super) fn at(&self, path: &str) -> Option<Micros> {
        micros(self.get(path)?.as_str()?)
    }

    pub(super) fn rows(&self, path: &str) -> Vec<Self> {
        let rows = self.get(path).and_then(Value::as_array);
        rows.into_iter().flatten().cloned().map(Self).collect()
    }

    pub(super) fn texts(&self, path: &str) -> Vec<String> {
        let rows = self.get(path).and_then(Value::as_array);
        let text = |value: &Value| value.as_str().map(str::to_owned);
        rows.into_iter().flatten().filter_map(text).collect()
    }

    pub(super) fn live(&self) -> bool {
        self.text("status") == "live"
    }
}

pub(super) fn rows(api: &Api, query: &ListQuery) -> Result<Vec<Row>, Failure> {
    let page = api.store.list(query).map_err(problem)?;
    Ok(page.items.iter().map(Row::of).collect())
}

/// The rows of an athlete that begin last: the whole list is read when it is short, else its end.
pub(super) fn latest(
    api: &Api,
    table: Table,
    athlete: &str,
    include_retracted: bool,
) -> Result<Vec<Row>, Failure> {
    /// More of one kind than an athlete makes in two years.
    const ROWS_MAX: usize = 1_000;
    let query = ListQuery {
        include_retracted,
        ..ListQuery::of(table, &api.tenant_id, athlete, ROWS_MAX)
    };
    let mut page = api.store.list(&query).map_err(problem)?;
    while page.more
        && let Some(last) = page.items.last()
    {
        let after = sinks_store::After {
            start: last.start,
            id: last.id.clone(),
            inclusive: false,
        };
        page = api
            .store
            .list(&ListQuery {
                after: Some(after),
                ..query.clone()
            })
            .map_err(problem)?;
    }
    let mut rows: Vec<Row> = page.items.iter().map(Row::of).collect();
    rows.reverse();
    Ok(rows)
}

/// Runs the reads of a page in their turn.
pub(super) async fn made<T: Send + 'static>(
    api: &Api,
    make: impl FnOnce(&Api) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    api.read(move |api| Ok(make(api))).await?
}

/// Text of a chart under construction.
pub(super) fn put(svg: &mut String, part: std::fmt::Arguments<'_>) {
    let done = svg.write_fmt(part);
    debug_assert!(done.is_ok(), "a string takes all that is written to it");
}
