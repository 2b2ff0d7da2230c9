//! Fetching goes over: what a process had asked a vendor for when it was killed is asked for, and told,
//! by the other.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use ingest_simulator::fakes::StravaSettings;
use serde_json::Value;
use tokio::sync::watch;

use crate::cluster::{World, server};
use crate::support::{Service, count, until};
use crate::vendors::{Settings, Vendors, account, activity, event, members};

const ATHLETES: i64 = 12;
/// 2025-05-23T11:33:20Z.
const START: i64 = 1_748_000_000;

/// A door before a vendor: nobody gets an answer while it is closed. It knows who stands there.
#[derive(Clone)]
struct Door {
    open: watch::Receiver<bool>,
    /// Process, and the activity that it wants.
    asked: Arc<Mutex<Vec<(&'static str, String)>>>,
}

impl Door {
    fn of(&self, process: &'static str) -> BTreeSet<String> {
        let asked = self.asked.lock().unwrap();
        let own = asked.iter().filter(|(who, _)| *who == process);
        own.map(|(_, id)| id.clone()).collect()
    }
}

async fn stand(
    State((mut door, process)): State<(Door, &'static str)>,
    request: Request,
    next: Next,
) -> Response {
    let id = request.uri().path().rsplit_once("/activities/");
    let id = id.map(|(_, id)| id.to_owned());
    if let Some(id) = id {
        door.asked.lock().unwrap().push((process, id));
        door.open.wait_for(|open| *open).await.unwrap();
    }
    next.run(request).await
}

/// The vendors as one of the processes sees them, by an address of its own.
fn seen_by(process: &str, settings: &Settings) -> Settings {
    let seen = |value: &String| match value.split_once("/api/v3") {
        Some((url, rest)) => format!("{url}/{process}/api/v3{rest}"),
        None => value.clone(),
    };
    let settings = settings.iter();
    settings
        .filter(|(name, _)| name.contains("STRAVA"))
        .map(|(name, value)| (*name, seen(value)))
        .collect()
}

/// For how many partitions it fetches, as it says itself.
fn share(service: &Service) -> Option<u64> {
    let log = service.log();
    let lines = log.lines().rev();
    let mut told = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let last = told.find(|line| line["message"] == "fetching for a share of the athletes");
    last?["partitions"].as_u64()
}

/// Two processes, each with half of the fetching.
async fn both(world: &mut World, vendors: &Settings) -> [Service; 2] {
    let mut services = Vec::new();
    for process in ["one", "two"] {
        for (name, value) in seen_by(process, vendors) {
            world.set(name, &value);
        }
        services.push(world.start(process).await);
    }
    until("each fetches for a half", async || {
        let half = |service| share(service) == Some(2);
        services.iter().all(half).then_some(())
    })
    .await;
    <[Service; 2]>::try_from(services).unwrap_or_else(|_| panic!("two were started"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_that_a_killed_process_left_open_is_done_by_the_other() {
    let Some(brokers) = server("SUDOR_TEST_KAFKA") else {
        return;
    };
    let (opens, open) = watch::channel(false);
    let door = Door {
        open,
        asked: Arc::default(),
    };
    let before = |process| from_fn_with_state((door.clone(), process), stand);
    let vendors = Vendors::start_behind(StravaSettings::default(), |routes| {
        Router::new()
            .nest("/one", routes.clone().layer(before("one")))
            .nest("/two", routes.clone().layer(before("two")))
            .merge(routes)
    })
    .await;
    let mut world = World::new(&brokers, "fetching");
    world.run(&["topics", "create"]);
    let [one, two] = both(&mut world, &vendors.settings()).await;

    let mut wanted = BTreeSet::new();
    for number in 0..ATHLETES {
        let (athlete, owner) = (format!("athlete-{number}"), format!("{}", 500 + number));
        let id = format!("{}", 9_000 + number);
        let start = START + 86_400 * number;
        let account = account(
            &athlete,
            &owner,
            vec![(&id, activity(&id, start, 10_000.0))],
        );
        vendors.strava.register(&account);
        two.register_strava(&account).await;
        two.hint(&event(&owner, &id, "create", start + 3_700)).await;
        wanted.insert(id);
    }
    until("both stand at the door", async || {
        (!door.of("one").is_empty() && !door.of("two").is_empty()).then_some(())
    })
    .await;
    let left = door.of("one");
    assert!(left.is_disjoint(&door.of("two")), "each has its share");
    one.kill();
    opens.send(true).unwrap();

    let quality = two.idle().await;
    assert!(door.of("two").is_superset(&left), "{left:?}");
    assert_eq!(door.of("two"), wanted);
    assert_eq!(count(&quality, "strava", "dead_lettered"), 0, "{quality}");
    for number in 0..ATHLETES {
        let path = format!("/v1/athletes/athlete-{number}/sessions");
        let sessions = two.all(&path).await;
        let [session] = sessions.as_slice() else {
            panic!("{sessions:?}");
        };
        let told = [("strava".to_owned(), format!("{}", 9_000 + number))];
        assert_eq!(members(session), told);
    }
    assert!(two.terminate().await.success());
    world.verify("two");
}
