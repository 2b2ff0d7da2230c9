//! The live stream of a real service whose server and client are killed again and again.

use std::collections::BTreeMap;
use std::net::TcpListener;

use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::tempdir;

use super::support::{Service, until};

const KILLS: u64 = 20;
const ATHLETES: u64 = 3;
/// Workouts of each athlete before each kill.
const WORKOUTS: u64 = 2;

fn run(account: &str, id: u64) -> Value {
    json!({
        "userId": account, "summaryId": id.to_string(), "activityId": id, "activityType": "RUNNING",
        "startTimeInSeconds": 1_740_000_000 + id * 20_000, "startTimeOffsetInSeconds": 0,
        "durationInSeconds": 3_600, "distanceInMeters": 10_000.0
    })
}

/// Athlete, name and id of the fact.
type Event = (String, String, String);

/// A client that keeps what it received, and its last id.
#[derive(Default)]
struct Client {
    events: Vec<Event>,
    last: Option<String>,
}

impl Client {
    /// Reads until `enough` or until the line is cut; keeps whole events only.
    async fn read(&mut self, url: &str, enough: impl Fn(&[Event]) -> bool) {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut request = client.get(format!("{url}/v1/stream"));
        if let Some(last) = &self.last {
            request = request.header("last-event-id", last);
        }
        let Ok(mut answer) = request.send().await else {
            return;
        };
        assert_eq!(answer.status().as_u16(), 200);
        let mut text: Vec<u8> = Vec::new();
        while !enough(&self.events) {
            let Ok(Some(bytes)) = answer.chunk().await else {
                return;
            };
            text.extend(bytes);
            while let Some(end) = text.windows(2).position(|pair| pair == b"\n\n") {
                let block: Vec<u8> = text.drain(..end + 2).collect();
                self.take(&String::from_utf8(block).unwrap());
            }
        }
    }

    fn take(&mut self, block: &str) {
        let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
        if let Some(id) = field("id: ") {
            self.last = Some(id.to_owned());
        }
        let (Some(name), Some(data)) = (field("event: "), field("data: ")) else {
            return;
        };
        let data: Value = serde_json::from_str(data).unwrap();
        let text = |name: &str| data[name].as_str().unwrap().to_owned();
        self.events
            .push((text("athlete_id"), name.to_owned(), text("id")));
    }
}

/// What the log has for readers of the stream, in its order.
fn logged(data: &std::path::Path) -> Vec<Event> {
    let log = Connection::open(data.join("log.db")).unwrap();
    let sql = "SELECT value FROM records JOIN topics ON topics.id = topic WHERE name IN
        ('sudor.sessions', 'sudor.nights', 'sudor.sweat-losses', 'sudor.profiles', 'sudor.recommendations')
        ORDER BY seq";
    let mut select = log.prepare(sql).unwrap();
    let rows = select
        .query_map([], |row| row.get::<_, Vec<u8>>(0))
        .unwrap();
    let event = |value: Vec<u8>| {
        let fact = schemas::decode_any(&value).unwrap();
        let (name, said) = (fact.name().to_owned(), format!("{fact:?}"));
        let field = |name: &str| {
            let start = said.find(&format!("{name}: \"")).unwrap() + name.len() + 3;
            said[start..].split('"').next().unwrap().to_owned()
        };
        (field("athlete_id"), name, field(" id"))
    };
    rows.map(|value| event(value.unwrap())).collect()
}

fn by_athlete(events: &[Event]) -> BTreeMap<&str, Vec<(&str, &str)>> {
    let mut of: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
    for (athlete, name, id) in events {
        of.entry(athlete).or_default().push((name, id));
    }
    of
}

#[tokio::test]
async fn server_and_client_are_killed_twenty_times_and_nothing_is_missed_or_repeated() {
    let folder = tempdir().unwrap();
    let data = folder.path().join("data");
    // The same port each time, as behind one address.
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let bind = port.to_string();
    let start = async || Service::start_with(&data, &[("SUDOR__HTTP__BIND", &bind)]).await;
    let mut client = Client::default();
    let mut service = start().await;
    for n in 0..ATHLETES {
        service.register(&format!("a{n}"), &format!("acc{n}")).await;
    }
    for kill in 0..KILLS {
        let items =
            (0..ATHLETES * WORKOUTS).map(|n| run(&format!("acc{}", n % ATHLETES), kill * 100 + n));
        let (status, said) = service
            .push(&json!({"activities": items.collect::<Vec<_>>()}))
            .await;
        assert_eq!(status, 200, "{said}");
        // The client goes away after some more events, wherever that is; then the server dies.
        let had = client.events.len();
        let some = usize::try_from(1 + kill % 5).unwrap();
        client
            .read(&service.url, |events| events.len() >= had + some)
            .await;
        service.kill();
        service = start().await;
    }
    service.idle().await;
    let expected = until("the log is written", async || Some(logged(&data))).await;
    client
        .read(&service.url, |events| events.len() >= expected.len())
        .await;
    assert!(expected.len() > 100, "{}", expected.len());
    assert_eq!(by_athlete(&client.events), by_athlete(&expected));
    assert_eq!(client.events.len(), expected.len());
}
