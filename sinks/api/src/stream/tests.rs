//! The stream over a log of several partitions, cut at every place.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Extension;
use axum::body::{Body, HttpBody as _};
use axum::http::{Request, StatusCode};
use edge::auth::Grant;
use schemas::AnyRecord;
use schemas::record::Micros;
use schemas::record::recommendation::{RecommendationIssued, RecommendationSuperseded};
use schemas::record::session::{SessionRetracted, SessionRevised};
use schemas::sample::full;
use sinks_store::{FeedPosition, MemoryStore, SeriesStore as _, StoreError, project};
use tower::ServiceExt as _;

use super::{FactPage, FactRecord, Facts, Growth, Positions, Signer, Wanted};

const LANES: u32 = 3;
const ATHLETES: u32 = 7;

/// Offset, key, topic and value.
type Kept = (u64, String, &'static str, Vec<u8>);

/// A log in memory: each athlete lies in one lane.
struct Lanes {
    records: BTreeMap<u32, Vec<Kept>>,
    /// Offsets up to this were removed, in every lane.
    removed: u64,
    growth: tokio::sync::watch::Sender<Growth>,
}

impl Facts for Lanes {
    fn earliest(&self) -> Result<Positions, StoreError> {
        let all = self.records.keys().map(|lane| (*lane, self.removed));
        Ok(Positions(all.filter(|(_, removed)| *removed > 0).collect()))
    }

    fn readable(&self) -> Result<Positions, StoreError> {
        self.end()
    }

    fn end(&self) -> Result<Positions, StoreError> {
        let last =
            |(lane, records): (&u32, &Vec<(u64, _, _, _)>)| (*lane, records.last().unwrap().0);
        Ok(Positions(self.records.iter().map(last).collect()))
    }

    fn read(&self, after: &Positions, wanted: &Wanted, max: usize) -> Result<FactPage, StoreError> {
        let mut page = FactPage {
            records: Vec::new(),
            upto: after.clone(),
        };
        for (lane, records) in &self.records {
            for (offset, key, topic, value) in records {
                if *offset <= after.get(*lane) || page.records.len() >= max {
                    continue;
                }
                page.upto.set(*lane, *offset);
                let is_wanted = wanted.topics.contains(topic)
                    && wanted.key.as_ref().is_none_or(|wanted| wanted == key);
                if is_wanted {
                    page.records.push(FactRecord {
                        lane: *lane,
                        offset: *offset,
                        value: value.clone(),
                    });
                }
            }
        }
        Ok(page)
    }

    fn growth(&self) -> tokio::sync::watch::Receiver<Growth> {
        self.growth.subscribe()
    }
}

/// Revisions, withdrawals and advice of several athletes, in the order of the log.
fn story() -> Vec<(u32, AnyRecord)> {
    let mut story = Vec::new();
    for n in 0..120_u32 {
        let (who, turn) = (n % ATHLETES, i64::from(n / ATHLETES));
        let athlete_id = format!("a{who}");
        let (tenant_id, revised_at) = ("default".to_owned(), Micros(i64::from(n) + 1));
        let session_id = format!("s{who}");
        let fact = match n % 4 {
            3 => AnyRecord::from(SessionRetracted {
                tenant_id,
                athlete_id,
                session_id,
                revision: turn + 1,
                revised_at,
                ..full()
            }),
            2 => RecommendationSuperseded {
                tenant_id,
                athlete_id,
                version: turn,
                revised_at,
                ..full()
            }
            .into(),
            1 => RecommendationIssued {
                tenant_id,
                athlete_id,
                version: turn,
                revised_at,
                slot: format!("slot{n}"),
                ..full()
            }
            .into(),
            _ => SessionRevised {
                tenant_id,
                athlete_id,
                session_id,
                revision: turn + 1,
                revised_at,
                ..full()
            }
            .into(),
        };
        story.push((who, fact));
    }
    story
}

fn topic_of(fact: &AnyRecord) -> &'static str {
    if fact.name().starts_with("Session") {
        schemas::topic::SESSIONS
    } else {
        schemas::topic::RECOMMENDATIONS
    }
}

/// The routes over the story, and for each athlete the names that the log has.
fn app(removed: u64) -> (axum::Router, Vec<(String, String)>) {
    let mut store = MemoryStore::new();
    let mut records: BTreeMap<u32, Vec<_>> = BTreeMap::new();
    let mut told = Vec::new();
    for (who, fact) in story() {
        let lane = records.entry(who % LANES).or_default();
        let offset = lane.len() as u64 + 1;
        lane.push((
            offset,
            format!("default/a{who}"),
            topic_of(&fact),
            fact.encode(),
        ));
        told.push((format!("a{who}"), fact.name().to_owned()));
        store
            .apply(project(fact).into_iter().collect(), FeedPosition(offset))
            .unwrap();
    }
    let facts = Lanes {
        records,
        removed,
        growth: tokio::sync::watch::channel(Growth::default()).0,
    };
    let api = crate::tests::world::api(Arc::new(store), Arc::new(facts), Signer::new([9; 32]));
    let (routes, _) = crate::router(api).split_for_parts();
    (routes.layer(Extension(Grant::everything())), told)
}

#[derive(Clone, Debug, PartialEq)]
struct Event {
    id: String,
    name: String,
    athlete: String,
    data: serde_json::Value,
}

/// Reads until `until` says enough of the text so far, as a client whose line is cut then.
async fn read(
    app: &axum::Router,
    path: &str,
    last: Option<&str>,
    until: impl Fn(&str) -> bool,
) -> (StatusCode, String) {
    let mut request = Request::get(path);
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    let answer = app
        .clone()
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap();
    let status = answer.status();
    let mut body = Box::pin(answer.into_body());
    let mut text = String::new();
    while !until(&text) {
        let frame = std::future::poll_fn(|context| body.as_mut().poll_frame(context)).await;
        let Some(frame) = frame else { break };
        let bytes = frame.unwrap().into_data().unwrap();
        text.push_str(std::str::from_utf8(&bytes).unwrap());
    }
    (status, text)
}

/// Whole events only: what was cut in the middle was not received.
fn events(text: &str) -> Vec<Event> {
    let whole = text.rfind("\n\n").map_or("", |end| &text[..end]);
    let field = |block: &str, name: &str| -> Option<String> {
        block
            .lines()
            .find_map(|line| line.strip_prefix(name).map(str::to_owned))
    };
    whole
        .split("\n\n")
        .filter_map(|block| {
            let data: serde_json::Value = serde_json::from_str(&field(block, "data: ")?).unwrap();
            Some(Event {
                id: field(block, "id: ")?,
                name: field(block, "event: ")?,
                athlete: data["athlete_id"].as_str().unwrap().to_owned(),
                data,
            })
        })
        .collect()
}

fn of_each(told: impl Iterator<Item = (String, String)>) -> BTreeMap<String, Vec<String>> {
    let mut of: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (athlete, name) in told {
        of.entry(athlete).or_default().push(name);
    }
    of
}

#[tokio::test]
async fn a_stream_cut_at_a_thousand_points_goes_on_without_gap_or_repeat() {
    let (app, told) = app(0);
    let count = told.len();
    let enough = |text: &str| events(text).len() == count;
    let (status, text) = read(&app, "/v1/stream", None, enough).await;
    assert_eq!(status, StatusCode::OK);
    let straight = events(&text);
    let received = of_each(
        straight
            .iter()
            .map(|event| (event.athlete.clone(), event.name.clone())),
    );
    assert_eq!(
        received,
        of_each(told.into_iter()),
        "the log's order for each athlete"
    );
    for cut in 0..1_000 {
        let at = (cut * text.len()) / 1_000;
        // What came before the line was cut, and the id of the last whole event in it.
        let mut got = events(&String::from_utf8_lossy(&text.as_bytes()[..at]));
        let last = got.last().map(|event| event.id.clone());
        let left = count - got.len();
        let rest = read(&app, "/v1/stream", last.as_deref(), |text| {
            events(text).len() == left
        })
        .await
        .1;
        got.extend(events(&rest));
        let ids = |events: &[Event]| -> Vec<(String, String)> {
            events
                .iter()
                .map(|event| (event.athlete.clone(), event.data["id"].to_string()))
                .collect()
        };
        assert_eq!(
            of_each(ids(&got).into_iter()),
            of_each(ids(&straight).into_iter()),
            "cut at {at}"
        );
        assert_eq!(got.len(), count, "cut at {at}");
    }
}

#[tokio::test]
async fn a_filter_shows_its_own_and_a_row_is_that_of_the_lists() {
    let (app, told) = app(0);
    let only = |athlete: &str, prefix: &str| {
        let of = |(who, name): &&(String, String)| who == athlete && name.starts_with(prefix);
        told.iter().filter(of).count()
    };
    for (query, count) in [
        ("types=sessions&athlete=a3", only("a3", "Session")),
        (
            "types=recommendations&athlete=a3",
            only("a3", "Recommendation"),
        ),
        ("types=sessions,recommendations&athlete=a1", only("a1", "")),
    ] {
        let path = format!("/v1/stream?{query}");
        let (_, text) = read(&app, &path, None, |text| events(text).len() == count).await;
        let events = events(&text);
        assert_eq!(events.len(), count, "{query}");
        let mut gone = events.iter().rev();
        let gone = gone.find(|event| event.name == "SessionRetracted");
        if let Some(gone) = gone {
            // The row as it was, with its end: not a bare tombstone.
            assert_eq!(gone.data["status"], "retracted");
            assert!(gone.data["members"].is_array(), "{}", gone.data);
        }
    }
}

#[tokio::test]
async fn a_position_that_is_unknown_or_not_kept_is_refused_with_the_earliest() {
    let (app, _) = app(5);
    let before = Signer::new([9; 32]).write(&Positions(BTreeMap::from([(0, 5), (1, 4), (2, 5)])));
    let strange = Signer::new([8; 32]).write(&Positions(BTreeMap::from([(0, 6)])));
    let beyond =
        Signer::new([9; 32]).write(&Positions(BTreeMap::from([(0, 5), (1, 5), (2, 9_999)])));
    for last in [&before, &strange, &beyond, "nonsense"] {
        let (status, text) = read(&app, "/v1/stream", Some(last), |_| false).await;
        assert_eq!(status, StatusCode::GONE, "{text}");
        let problem: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(problem["type"], "urn:sudor:problem:gone");
        let earliest = problem["earliest"].as_str().unwrap();
        let (status, text) = read(&app, "/v1/stream", Some(earliest), |text| {
            events(text).len() == 9
        })
        .await;
        assert_eq!((status, events(&text).len()), (StatusCode::OK, 9));
    }
}

#[tokio::test(start_paused = true)]
async fn silence_has_a_heartbeat_and_a_reader_that_takes_nothing_is_told() {
    let (app, told) = app(0);
    let beats = |text: &str| text.matches(": heartbeat\nid: ").count();
    let quiet = read(&app, "/v1/stream?from=latest", None, |text| {
        beats(text) == 2
    })
    .await
    .1;
    assert_eq!((beats(&quiet), events(&quiet).len()), (2, 0), "{quiet}");
    // A reader that holds its body for a minute: the queue fills, and it is cut.
    let request = Request::get("/v1/stream").body(Body::empty()).unwrap();
    let answer = app.clone().oneshot(request).await.unwrap();
    let mut body = Box::pin(answer.into_body());
    let mut text = String::new();
    // It takes one event, so that the others are on their way, and then none for a minute: the clock
    // goes on by itself when nobody has anything left to do.
    while !text.contains("event: ") {
        let frame = std::future::poll_fn(|context| body.as_mut().poll_frame(context)).await;
        text.push_str(std::str::from_utf8(&frame.unwrap().unwrap().into_data().unwrap()).unwrap());
    }
    let minute = std::time::Duration::from_secs(60);
    let nothing = tokio::time::timeout(minute, std::future::pending::<()>()).await;
    assert!(nothing.is_err());
    while let Some(frame) = std::future::poll_fn(|context| body.as_mut().poll_frame(context)).await
    {
        text.push_str(std::str::from_utf8(&frame.unwrap().into_data().unwrap()).unwrap());
    }
    assert!(
        text.ends_with("\n\n") && text.contains("event: StreamEnded"),
        "{text}"
    );
    let got = events(&text);
    assert!(got.len() < told.len(), "it was cut");
    let last = got.last().map(|event| event.id.clone());
    let left = told.len() - got.len();
    let rest = read(&app, "/v1/stream", last.as_deref(), |text| {
        events(text).len() == left
    })
    .await
    .1;
    assert_eq!(
        got.len() + events(&rest).len(),
        told.len(),
        "and lost nothing"
    );
}
