//! How a page comes about: month by month for one athlete, from the narrow columns for the past, and
//! merged over athletes for everybody.

use std::collections::BTreeMap;

use futures::stream::{self, Stream, StreamExt, TryStreamExt};
use schemas::record::Micros;
use scylla::statement::prepared::PreparedStatement;
use sinks_store::{Item, ListQuery, Month, Page, Status, StoreError, Table, cut};

use crate::cluster::{Cluster, pager_failure};
use crate::plan::{Entity, Known};
use crate::rows::{self, NOBODY, Value, int, long, number, string, text};

/// Histories that are read at once for a page of the past.
const HISTORIES_MAX: usize = 32;

/// What decides whether a row belongs to a page.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    end: Micros,
    live: bool,
    revised_at: Micros,
    account: (Option<String>, Option<String>),
    pub(crate) item: Item,
}

impl Head {
    fn read(values: Vec<Value>) -> Option<Self> {
        let mut values = values.into_iter();
        let mut next = || values.next().flatten();
        let (start, end) = (Micros(number(next())?), Micros(number(next())?));
        let id = string(next())?;
        let live = string(next())? == Status::Live.word();
        let revised_at = Micros(number(next())?);
        let body = string(next()).unwrap_or_default();
        Some(Self {
            end,
            live,
            revised_at,
            account: (string(next()), string(next())),
            item: Item { start, id, body },
        })
    }

    fn belongs(&self, query: &ListQuery) -> bool {
        let start = self.item.start;
        let after = query.after.as_ref().is_none_or(|after| {
            let (here, there) = ((start, &self.item.id), (after.start, &after.id));
            here > there || (after.inclusive && here == there)
        });
        let account = query.account.as_ref().is_none_or(|(source, account)| {
            self.account.0.as_ref() == Some(source) && self.account.1.as_ref() == Some(account)
        });
        after
            && account
            && (self.live || query.include_retracted)
            && query
                .from
                .is_none_or(|from| self.end > from || start >= from)
            && query.to.is_none_or(|to| start < to)
    }
}

impl Cluster {
    pub(crate) async fn stream(
        &self,
        statement: &PreparedStatement,
        values: Vec<Value>,
        attempted: &'static str,
    ) -> Result<impl Stream<Item = Result<Vec<Value>, StoreError>> + Unpin + use<>, StoreError>
    {
        let pager = self.session.execute_iter(statement.clone(), values).await;
        let rows = pager
            .map_err(pager_failure(attempted))?
            .rows_stream::<scylla::value::Row>()
            .map_err(|error| StoreError::failed(attempted, error))?;
        Ok(rows
            .map_ok(|row| row.columns)
            .map_err(move |error| StoreError::unavailable(attempted, error)))
    }

    /// All rows of an answer that is small by its nature.
    pub(crate) async fn all(
        &self,
        statement: &PreparedStatement,
        values: Vec<Value>,
        attempted: &'static str,
    ) -> Result<Vec<Vec<Value>>, StoreError> {
        let rows = self.stream(statement, values, attempted).await?;
        rows.try_collect().await
    }

    /// The row by id, with the timestamp it was written with.
    pub(crate) async fn current(&self, entity: &Entity) -> Result<Option<Known>, StoreError> {
        let (table, tenant, id) = entity;
        let get = &self.statements(*table)?.get;
        let key = vec![text(tenant), text(id)];
        let found = self.all(get, key, "reading a row").await?;
        Ok(found.into_iter().next().and_then(|mut values| {
            let timestamp = number(values.pop().flatten())?;
            let row = rows::row(*table, values)?;
            Some(Known { row, timestamp })
        }))
    }

    /// The revisions of one thing, ascending.
    pub(crate) async fn told_of(
        &self,
        table: Table,
        tenant: &str,
        id: &str,
        limit: usize,
    ) -> Result<Vec<Head>, StoreError> {
        let Some(history) = &self.statements(table)?.history else {
            return Ok(Vec::new());
        };
        let key = vec![text(tenant), text(id)];
        let rows = self.stream(history, key, "reading a history").await?;
        rows.take(limit)
            .try_filter_map(|values| async move { Ok(Head::read(values)) })
            .try_collect()
            .await
    }

    pub(crate) async fn list(&self, query: &ListQuery) -> Result<Page, StoreError> {
        let Some(athlete) = &query.athlete_id else {
            return self.list_of_everybody(query).await;
        };
        self.list_of(query, athlete).await
    }

    async fn list_of(&self, query: &ListQuery, athlete: &str) -> Result<Page, StoreError> {
        match query.as_of.filter(|_| query.table.has_history()) {
            Some(at) => self.list_of_then(query, athlete, at).await,
            None => self.list_of_now(query, athlete).await,
        }
    }

    async fn list_of_now(&self, query: &ListQuery, athlete: &str) -> Result<Page, StoreError> {
        let statement = &self.statements(query.table)?.month;
        let (mut items, mut bytes) = (Vec::new(), 0_usize);
        for (month, end) in self.months_of(query, athlete).await? {
            if !reaches(query, month, end) {
                continue;
            }
            let mut rows = self.month(statement, query, athlete, month).await?;
            while let Some(values) = rows.try_next().await? {
                let Some(head) = Head::read(values).filter(|head| head.belongs(query)) else {
                    continue;
                };
                bytes += head.item.body.len();
                items.push(head.item);
                let full = bytes > Page::BYTES_MAX && items.len() > 1;
                if full || items.len() > query.limit {
                    return Ok(cut(items, query.limit));
                }
            }
        }
        Ok(cut(items, query.limit))
    }

    async fn months_of(
        &self,
        query: &ListQuery,
        athlete: &str,
    ) -> Result<BTreeMap<Month, Micros>, StoreError> {
        let names = vec![
            text(&query.tenant_id),
            text(athlete),
            text(query.table.name()),
        ];
        let found = self
            .all(&self.months, names, "listing an athlete's months")
            .await?;
        Ok(found
            .into_iter()
            .filter_map(|row| {
                let mut row = row.into_iter();
                let month = i32::try_from(number(row.next().flatten())?).ok()?;
                let end = number(row.next().flatten())?;
                Some((Month::from_number(month)?, Micros(end)))
            })
            .collect())
    }

    async fn month(
        &self,
        statement: &PreparedStatement,
        query: &ListQuery,
        athlete: &str,
        month: Month,
    ) -> Result<impl Stream<Item = Result<Vec<Value>, StoreError>> + Unpin + use<>, StoreError>
    {
        // The past may lie elsewhere: only the present is asked for from the page's place on.
        let after = query.after.as_ref().filter(|_| query.as_of.is_none());
        let (start, id) = after.map_or((i64::MIN, ""), |after| (after.start.0, &*after.id));
        let to = query.to.filter(|_| query.as_of.is_none());
        let place = vec![
            text(&query.tenant_id),
            text(athlete),
            int(month.number()),
            long(start),
            text(id),
            long(to.map_or(i64::MAX, |to| to.0)),
        ];
        self.stream(statement, place, "reading a month").await
    }

    /// What stood then: of things that were not revised since the row that is there, of the others
    /// the last revision up to then. Only the page's own rows are kept.
    async fn list_of_then(
        &self,
        query: &ListQuery,
        athlete: &str,
        at: Micros,
    ) -> Result<Page, StoreError> {
        let statement = &self.statements(query.table)?.heads;
        let mut page: BTreeMap<(Micros, String), Entity> = BTreeMap::new();
        let mut keep = |head: Head| {
            if head.belongs(query) {
                let place = (head.item.start, head.item.id.clone());
                let entity = (query.table, query.tenant_id.clone(), head.item.id);
                page.insert(place, entity);
                if page.len() > query.limit.saturating_add(1) {
                    page.pop_last();
                }
            }
        };
        for month in self.months_of(query, athlete).await?.into_keys() {
            let heads = self.month(statement, query, athlete, month).await?;
            let standing = heads
                .try_filter_map(|values| async move { Ok(Head::read(values)) })
                .map_ok(|head| self.then(query, head, at))
                .try_buffer_unordered(HISTORIES_MAX);
            let mut standing = std::pin::pin!(standing);
            while let Some(head) = standing.try_next().await? {
                head.into_iter().for_each(&mut keep);
            }
        }
        let mut items = Vec::new();
        for entity in page.into_values() {
            let (table, tenant, id) = &entity;
            let told = self.told_of(*table, tenant, id, usize::MAX).await?;
            let then = told.into_iter().rfind(|head| head.revised_at <= at);
            items.extend(then.map(|head| head.item));
        }
        Ok(cut(items, query.limit))
    }

    async fn then(
        &self,
        query: &ListQuery,
        now: Head,
        at: Micros,
    ) -> Result<Option<Head>, StoreError> {
        if now.revised_at <= at {
            return Ok(Some(now));
        }
        let told = self.told_of(query.table, &query.tenant_id, &now.item.id, usize::MAX);
        let then = told.await?.into_iter().rfind(|head| head.revised_at <= at);
        Ok(then.map(|head| Head {
            account: now.account,
            ..head
        }))
    }

    /// A page of each, merged. For operators: it asks for every athlete.
    async fn list_of_everybody(&self, query: &ListQuery) -> Result<Page, StoreError> {
        let tenant = vec![text(&query.tenant_id)];
        let athletes = self
            .stream(&self.athletes, tenant, "listing athletes")
            .await?;
        let names = athletes
            .try_filter_map(|values| async move { Ok(values.into_iter().next().and_then(string)) });
        let nobody = (query.table == Table::DeadLetters).then(|| Ok(NOBODY.to_owned()));
        let pages = stream::iter(nobody)
            .chain(names)
            .map_ok(|athlete| async move { self.list_of(query, &athlete).await })
            .try_buffer_unordered(HISTORIES_MAX);
        let mut pages = std::pin::pin!(pages);
        let mut merged: BTreeMap<(Micros, String), Item> = BTreeMap::new();
        // Behind the end of a page that had more nothing is known yet.
        let mut horizon: Option<(Micros, String)> = None;
        while let Some(page) = pages.try_next().await? {
            if let Some(last) = page.items.last().filter(|_| page.more) {
                let end = (last.start, last.id.clone());
                horizon = Some(horizon.map_or(end.clone(), |known| known.min(end)));
            }
            let items = page.items.into_iter();
            merged.extend(items.map(|item| ((item.start, item.id.clone()), item)));
            while merged.len() > query.limit.saturating_add(1) {
                merged.pop_last();
            }
        }
        let known = |place: &(Micros, String)| horizon.as_ref().is_none_or(|end| place <= end);
        let items = merged.into_iter().filter(|(place, _)| known(place));
        let mut page = cut(items.map(|(_, item)| item).collect(), query.limit);
        page.more |= horizon.is_some();
        Ok(page)
    }
}

/// Whether a month may hold something of the page. What began earlier may last into the window.
fn reaches(query: &ListQuery, month: Month, end: Micros) -> bool {
    let next = month.next().start();
    let after = query.after.as_ref();
    query.from.is_none_or(|from| next > from || end > from)
        && query.to.is_none_or(|to| month.start() < to)
        && after.is_none_or(|after| next > after.start)
}
