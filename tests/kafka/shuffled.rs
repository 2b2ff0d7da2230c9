//! Worlds whose items come in any order: on the broker the same is live as on one machine in order.

use std::collections::BTreeSet;

use schemas::record::ingest::RawReceived;
use stream_kafka::KafkaAppender;
use stream_log::{Append, Record};

use crate::cluster::{Reading, World, server};
use crate::items::{self, Dice};
use crate::scenarios::{Facts, ROLES, done, embedded, flaws, live, outputs, take};
use crate::told::{self, Scenario};

/// So many with every change; `SUDOR_TEST_SHUFFLES` says another number.
const SHUFFLES: u64 = 100;
const SHUFFLES_VARIABLE: &str = "SUDOR_TEST_SHUFFLES";
const SEED: u64 = 20_261_122;

fn records(items: &[RawReceived]) -> Vec<Record> {
    items.iter().map(items::record).collect()
}

fn shuffles() -> u64 {
    let told = std::env::var(SHUFFLES_VARIABLE);
    told.map_or(SHUFFLES, |count| count.parse().unwrap())
}

async fn on_the_broker(world: &World, records: Vec<Record>) -> Facts {
    let appender = KafkaAppender::open(&world.options()).unwrap();
    appender.append(records).unwrap();
    let service = world.start_as("only", ROLES).await;
    done(&service).await;
    assert!(service.terminate().await.success());
    world.verify("only");
    let mut facts = Facts::new();
    for found in Reading::new(world, outputs()).rest() {
        take(&mut facts, &found);
    }
    facts
}

#[tokio::test(flavor = "multi_thread")]
async fn shuffled_worlds_come_out_as_on_one_machine_in_order() {
    let Some(brokers) = server("SUDOR_TEST_KAFKA") else {
        return;
    };
    let worlds = tokio::task::spawn_blocking(|| told::small_worlds(shuffles()));
    let worlds: Vec<Scenario> = worlds.await.unwrap();
    let mut items: Vec<RawReceived> = worlds.into_iter().flat_map(|it| it.items).collect();
    let world = World::new(&brokers, "shuffled");
    world.run(&["topics", "create"]);
    items.sort_by_key(|item| item.received_at);
    let in_order = embedded(&world.folder.path().join("embedded"), &records(&items)).await;
    Dice(SEED).shuffle(&mut items);
    let shuffled = on_the_broker(&world, records(&items)).await;

    let said = shuffled.iter().flat_map(|(athlete, facts)| {
        let flaws = flaws(facts).into_iter();
        flaws.map(move |flaw| format!("{athlete}: {flaw}"))
    });
    assert_eq!(said.collect::<Vec<_>>(), Vec::<String>::new());
    let (in_order, shuffled) = (live(&in_order), live(&shuffled));
    assert!(in_order.len() > 100, "{}", in_order.len());
    let all: BTreeSet<_> = in_order.keys().chain(shuffled.keys()).collect();
    let differs = |key: &&&(&str, &str, String)| in_order.get(**key) != shuffled.get(**key);
    let different: Vec<_> = all.iter().filter(differs).collect();
    assert!(different.is_empty(), "{different:#?}");
}
