//! One athlete's timeline: five tables merged by start.

use schemas::record::Micros;

use crate::json::Json;
use crate::{After, Item, ListQuery, Page, SeriesQuery, StoreError, Table};

/// Tables of the timeline with the word of their items. Entries carry their own word.
const LANES: [(Table, Option<&str>); 5] = [
    (Table::Sessions, Some("session")),
    (Table::Nights, Some("night")),
    (Table::SweatLosses, Some("loss")),
    (Table::Recommendations, Some("recommendation")),
    (Table::TimelineEntries, None),
];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimelineQuery {
    pub tenant_id: String,
    pub athlete_id: String,
    pub from: Option<Micros>,
    pub to: Option<Micros>,
    pub include_retracted: bool,
    /// As in [`ListQuery`].
    pub as_of: Option<Micros>,
    /// Start, id and lane of the last item before the page.
    pub after: Option<(Micros, String, u8)>,
    pub limit: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimelineItem {
    pub start: Micros,
    pub id: String,
    /// Which table: breaks ties of start and id.
    pub lane: u8,
    pub body: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TimelinePage {
    pub items: Vec<TimelineItem>,
    pub more: bool,
}

/// Ascending by start, then id, then table.
pub fn timeline(
    store: &dyn SeriesQuery,
    query: &TimelineQuery,
) -> Result<TimelinePage, StoreError> {
    let mut more = false;
    let mut merged = Vec::new();
    // A lane that ended early says nothing about what lies behind its last row.
    let mut horizon: Option<(Micros, String, u8)> = None;
    for (lane, (table, word)) in (0_u8..).zip(LANES) {
        let page = store.list(&lane_query(query, table, lane))?;
        if page.more
            && let Some(last) = page.items.last()
        {
            more = true;
            let end = (last.start, last.id.clone(), lane);
            horizon = Some(horizon.map_or_else(|| end.clone(), |least| least.min(end.clone())));
        }
        merged.extend(
            page.items
                .into_iter()
                .map(|item| labelled(item, lane, word)),
        );
    }
    merged.sort_by(|a, b| key(a).cmp(&key(b)));
    if let Some((start, id, lane)) = &horizon {
        merged.retain(|item| key(item) <= (*start, id.as_str(), *lane));
    }
    if merged.len() > query.limit {
        merged.truncate(query.limit);
        more = true;
    }
    Ok(TimelinePage {
        items: merged,
        more,
    })
}

fn key(item: &TimelineItem) -> (Micros, &str, u8) {
    (item.start, item.id.as_str(), item.lane)
}

fn lane_query(query: &TimelineQuery, table: Table, lane: u8) -> ListQuery {
    ListQuery {
        from: query.from,
        to: query.to,
        include_retracted: query.include_retracted,
        as_of: query.as_of,
        after: query.after.as_ref().map(|(start, id, last)| After {
            start: *start,
            id: id.clone(),
            inclusive: lane > *last,
        }),
        ..ListQuery::of(table, &query.tenant_id, &query.athlete_id, query.limit)
    }
}

fn labelled(item: Item, lane: u8, word: Option<&str>) -> TimelineItem {
    let body = match word {
        Some(word) => with_type(&item.body, word),
        None => item.body,
    };
    TimelineItem {
        start: item.start,
        id: item.id,
        lane,
        body,
    }
}

/// Puts `type` first. A body is an object with at least one field.
fn with_type(body: &str, word: &str) -> String {
    let mut json = Json::with_room(body.len() + 32);
    json.text("type", word);
    let mut text = json.finish();
    text.truncate(text.len() - 1);
    text.push(',');
    text.push_str(body.strip_prefix('{').unwrap_or(body));
    text
}

/// Cuts a page that was read with one row more than asked, or more bytes than a page may have.
pub fn cut(mut items: Vec<Item>, limit: usize) -> Page {
    let mut more = items.len() > limit;
    items.truncate(limit);
    let mut bytes = 0_usize;
    let fitting = items
        .iter()
        .take_while(|item| {
            let fits = bytes == 0 || bytes + item.body.len() <= Page::BYTES_MAX;
            bytes += item.body.len();
            fits
        })
        .count();
    if fitting < items.len() {
        items.truncate(fitting);
        more = true;
    }
    Page { items, more }
}
