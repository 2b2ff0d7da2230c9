//! Every scenario of the pipeline in one run on the broker, while the processes are killed: what is live
//! is what it is on one machine without any accident, and nothing is said twice, out of order, or of
//! something that is withdrawn.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::Path;

use schemas::AnyRecord;
use schemas::topic::{CATALOGUE, Direction};
use serde_json::Value;
use stream_embedded::{EmbeddedLog, EmbeddedReader, Options};
use stream_kafka::KafkaAppender;
use stream_log::{Append, Offset, Record, Sequenced, Topic};

use crate::cluster::{Reading, World, server};
use crate::items::{self, Dice, TOPICS};
use crate::support::{Service, assert_verified, until};
use crate::told::{self, Scenario};

const SEED: u64 = 20_261_121;
const CRASHES: usize = 3;
/// So that a kill finds work under way: all of it is hundreds of commits.
const BATCH_RECORDS: &str = "8";
/// Nobody outside is asked: what was fetched is part of what is told.
pub(crate) const ROLES: &str = "process,sink,api";

/// Facts of each athlete, in the order of their topics.
pub(crate) type Facts = BTreeMap<String, Vec<AnyRecord>>;

pub(crate) fn outputs() -> Vec<Topic> {
    let facts = CATALOGUE
        .iter()
        .filter(|it| it.direction == Direction::Fact);
    facts.map(|spec| Topic(spec.name)).collect()
}

/// Item by item of every athlete, so that all are under way at once.
fn in_turn(scenarios: &[Scenario]) -> Vec<Record> {
    let longest = scenarios.iter().map(|it| it.items.len()).max().unwrap();
    (0..longest)
        .flat_map(|at| scenarios.iter().filter_map(move |it| it.items.get(at)))
        .map(items::record)
        .collect()
}

pub(crate) fn take(facts: &mut Facts, found: &Sequenced) {
    let fact = schemas::decode_any(&found.record.value).unwrap();
    let athlete = found.record.key.as_str().to_owned();
    facts.entry(athlete).or_default().push(fact);
}

/// Everything is processed, and nothing is due.
pub(crate) async fn done(service: &Service) {
    until("everything is processed", async || {
        let (_, quality) = service.get("/v1/quality").await;
        let pending = &quality["pending"];
        (pending["records"] == 0 && pending["timers_due"] == 0).then_some(())
    })
    .await;
}

/// On one machine, in one go.
pub(crate) async fn embedded(folder: &Path, records: &[Record]) -> Facts {
    let log = EmbeddedLog::open(folder, &Options::new(TOPICS)).unwrap();
    log.appender().append(records.to_vec()).unwrap();
    drop(log);
    let service = Service::start_as(folder, ROLES, &[]).await;
    done(&service).await;
    assert!(service.terminate().await.success());
    assert_verified(folder);
    let (mut facts, outputs) = (Facts::new(), outputs());
    let reader = EmbeddedReader::open(folder, TOPICS).unwrap();
    let visit = &mut |stored: stream_embedded::Stored| {
        if outputs.contains(&stored.sequenced.record.topic) {
            take(&mut facts, &stored.sequenced);
        }
        ControlFlow::Continue(())
    };
    reader.visit(Offset(0), visit).unwrap();
    facts
}

/// Two processes on the broker, of which one is killed at three moments that are drawn.
async fn on_the_broker(world: &World, records: &[Record], total: usize) -> Facts {
    let appender = KafkaAppender::open(&world.options()).unwrap();
    appender.append(records.to_vec()).unwrap();
    let mut dice = Dice(SEED);
    let (mut facts, mut count) = (Facts::new(), 0);
    let mut reading = Reading::new(world, outputs());
    let names = ["first", "second"];
    let mut services = Vec::new();
    for name in names {
        services.push(world.start_as(name, ROLES).await);
    }
    for crash in 0..CRASHES {
        let at = total * (2 * crash + 1) / 8 + dice.below(total / 8);
        while count < at {
            for found in reading.next() {
                take(&mut facts, &found);
                count += 1;
            }
        }
        assert!(count < total, "nothing was left to do");
        let one = dice.below(names.len());
        services.swap_remove(one).kill();
        services.push(world.start_as(names[one], ROLES).await);
        if one == 0 {
            services.swap(0, 1);
        }
    }
    for service in &services {
        done(service).await;
    }
    for service in services {
        assert!(service.terminate().await.success());
    }
    for found in reading.rest() {
        take(&mut facts, &found);
    }
    for name in names {
        world.verify(name);
    }
    facts
}

/// How often each content is live, by athlete and kind.
pub(crate) fn live(facts: &Facts) -> BTreeMap<(&str, &'static str, String), u64> {
    let mut entities = BTreeMap::new();
    for (athlete, facts) in facts {
        for (kind, entity, content) in facts.iter().filter_map(items::content) {
            entities.insert((athlete.as_str(), kind, entity), content);
        }
    }
    let mut live = BTreeMap::new();
    for ((athlete, kind, _), content) in entities {
        if let Some(content) = content {
            *live.entry((athlete, kind, content)).or_default() += 1;
        }
    }
    live
}

/// The fields of a fact that all of them have, and those that only some have.
fn fields(fact: &AnyRecord) -> Value {
    macro_rules! told {
        ($($kind:ident),*) => {
            match fact {
                $(AnyRecord::$kind(fact) => serde_json::to_value(fact).unwrap(),)*
                _ => Value::Null,
            }
        };
    }
    told!(
        ObservationRecorded,
        SessionRevised,
        SessionRetracted,
        NightRevised,
        NightRetracted,
        WeatherRequested,
        SweatLossEstimated,
        SweatLossRetracted,
        SweatProfileRevised,
        RecommendationIssued,
        RecommendationSuperseded,
        RecommendationCancelled,
        RecommendationExpired,
        SafetyHoldRaised,
        SafetyHoldReleased,
        RecordRejected
    )
}

/// What must not be, of one athlete.
pub(crate) fn flaws(facts: &[AnyRecord]) -> Vec<String> {
    let mut flaws = Vec::new();
    let (mut ids, mut revisions) = (BTreeSet::new(), BTreeMap::new());
    for fact in facts {
        let fields = fields(fact);
        let id = fields["id"].as_str().unwrap_or_else(|| panic!("{fact:?}"));
        // An observation that came once more is recorded once more, of another raw item.
        let raw = fields["raw_id"].as_str().unwrap_or_default();
        if !ids.insert(format!("{id} {raw}")) {
            flaws.push(format!("said twice: {fact:?}"));
        }
        let Some((kind, entity, _)) = items::content(fact) else {
            continue;
        };
        let revision = fields["revision"].as_i64().or(fields["version"].as_i64());
        let revision = revision.unwrap();
        let before = revisions.insert((kind, entity), revision).unwrap_or(0);
        // The end of advice names the version that ended.
        let may_repeat = matches!(
            fact,
            AnyRecord::RecommendationExpired(_) | AnyRecord::RecommendationCancelled(_)
        );
        if revision < before || (revision == before && !may_repeat) {
            flaws.push(format!("revision {revision} after {before}: {fact:?}"));
        }
    }
    flaws.extend(orphans(facts));
    flaws
}

/// What is live of a session that is not, and sessions that lack what each has to have.
fn orphans(facts: &[AnyRecord]) -> Vec<String> {
    let mut sessions = BTreeMap::new();
    let mut losses = BTreeMap::new();
    let mut advice = BTreeMap::new();
    for fact in facts {
        match fact {
            AnyRecord::SessionRevised(fact) => {
                sessions.insert(&fact.session_id, fact.container);
            }
            AnyRecord::SessionRetracted(fact) => drop(sessions.remove(&fact.session_id)),
            AnyRecord::SweatLossEstimated(fact) => {
                losses.insert(&fact.loss_id, &fact.session_id);
            }
            AnyRecord::SweatLossRetracted(fact) => drop(losses.remove(&fact.loss_id)),
            AnyRecord::RecommendationIssued(fact) => {
                advice.insert(&fact.slot, &fact.advice);
            }
            AnyRecord::RecommendationExpired(fact) => {
                advice.insert(&fact.slot, &fact.advice);
            }
            AnyRecord::RecommendationCancelled(fact) => drop(advice.remove(&fact.slot)),
            _ => {}
        }
    }
    let lost: BTreeSet<&String> = losses.values().copied().collect();
    let mut flaws = Vec::new();
    for session in losses.values().filter(|it| !sessions.contains_key(*it)) {
        flaws.push(format!("a loss of {session}, which is withdrawn"));
    }
    for (slot, advice) in advice {
        if advice.anchor_kind == "session" && !sessions.contains_key(&advice.anchor_id) {
            flaws.push(format!("advice {slot} of a session that is withdrawn"));
        }
    }
    for (session, container) in &sessions {
        if *container == lost.contains(session) {
            flaws.push(format!("session {session}: a loss, or none"));
        }
    }
    flaws
}

#[tokio::test(flavor = "multi_thread")]
async fn every_scenario_comes_out_as_on_one_machine_whatever_is_killed() {
    let Some(brokers) = server("SUDOR_TEST_KAFKA") else {
        return;
    };
    let scenarios = tokio::task::spawn_blocking(told::all).await.unwrap();
    assert!(scenarios.len() > 80, "{}", scenarios.len());
    let records = in_turn(&scenarios);
    let mut world = World::new(&brokers, "scenarios");
    world.set("SUDOR__LIMITS__BATCH_RECORDS", BATCH_RECORDS);
    world.run(&["topics", "create"]);
    let expected = embedded(&world.folder.path().join("embedded"), &records).await;
    let count = expected.values().map(Vec::len).sum::<usize>();
    let found = on_the_broker(&world, &records, count).await;

    let mut wrong = Vec::new();
    for scenario in &scenarios {
        for (host, facts) in [("one machine", &expected), ("broker", &found)] {
            for key in &scenario.keys {
                let facts = facts.get(key).map_or(&[][..], Vec::as_slice);
                let flaws = flaws(facts).into_iter();
                let flaws = flaws.chain(scenario.differences(facts));
                wrong.extend(flaws.map(|flaw| format!("{} on {host}: {flaw}", scenario.name)));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    let (expected, found) = (live(&expected), live(&found));
    assert!(expected.len() > 300, "{}", expected.len());
    let differs = |key: &&(&str, &'static str, String)| expected.get(*key) != found.get(*key);
    let keys: BTreeSet<_> = expected.keys().chain(found.keys()).collect();
    let different: Vec<_> = keys.iter().filter(|key| differs(key)).collect();
    assert!(different.is_empty(), "{different:?}");
}

#[test]
fn what_must_not_be_is_found() {
    let facts = items::facts(&items::small(3));
    assert_eq!(flaws(&facts), Vec::<String>::new());
    let of_a_session = |fact: &&AnyRecord| matches!(fact, AnyRecord::SessionRevised(_));
    let session = facts.iter().rfind(of_a_session).unwrap();
    let again = [facts.as_slice(), std::slice::from_ref(session)].concat();
    let found = flaws(&again);
    assert!(found.iter().any(|flaw| flaw.starts_with("said twice")));
    assert!(found.iter().any(|flaw| flaw.starts_with("revision")));
    let mut alone = facts.clone();
    alone.retain(|fact| !matches!(fact, AnyRecord::SweatLossEstimated(_)));
    assert!(orphans(&alone)[0].ends_with("a loss, or none"));
    let mut withdrawn = facts;
    withdrawn.retain(|fact| !matches!(fact, AnyRecord::SessionRevised(_)));
    assert!(orphans(&withdrawn)[0].starts_with("a loss of"));
}
