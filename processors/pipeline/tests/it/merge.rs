//! What a merge promises beyond who is with whom: ids that stick, a lineage that can be followed,
//! words that hold, and a view into which nothing shines that only the athlete may see.

use std::collections::{BTreeMap, BTreeSet};

use processors_pipeline::{Pipeline, Rules, RulesConfig};
use schemas::AnyRecord;
use schemas::record::ingest::RawReceived;
use schemas::record::session::{SessionRetracted, SessionRevised};
use stream_log::driver::{Memory, MemoryHost};
use stream_log::{Append, Key, LogTime, StateStore, Step, Task, TaskLimits};

use super::hidden::{check, orders};
use super::reports::{self, TOPICS, health, record, start_s, strava, watch};

struct World {
    memory: Memory,
    task: Task<Pipeline, MemoryHost>,
}

impl World {
    fn new() -> Self {
        let memory = Memory::new(1, TOPICS);
        let pipeline = Pipeline::new(Rules::new(RulesConfig::default()));
        let task = Task::new(pipeline, memory.open(), TaskLimits::default());
        Self { memory, task }
    }

    fn of(items: &[RawReceived]) -> Self {
        let mut world = Self::new();
        items.iter().for_each(|item| world.tell(item));
        world
    }

    fn tell(&mut self, item: &RawReceived) {
        self.memory.append(vec![record(item)]).unwrap();
        while !matches!(
            self.task.step(LogTime(i64::MIN)).unwrap(),
            Step::Idle { .. }
        ) {}
    }

    fn facts(&self) -> Vec<AnyRecord> {
        let records = self.memory.records();
        let decode = |value: &[u8]| schemas::decode_any(value).unwrap();
        records
            .iter()
            .map(|one| decode(&one.record.value))
            .collect()
    }

    /// The live sessions by start.
    fn live(&self) -> Vec<SessionRevised> {
        let mut live = BTreeMap::new();
        for fact in self.facts() {
            match fact {
                AnyRecord::SessionRevised(fact) => {
                    live.insert(fact.session_id.clone(), fact);
                }
                AnyRecord::SessionRetracted(fact) => {
                    live.remove(&fact.session_id);
                }
                _ => {}
            }
        }
        let mut live: Vec<_> = live.into_values().collect();
        live.sort_by_key(|fact| fact.start);
        live
    }

    fn retracted(&self) -> Vec<SessionRetracted> {
        let facts = self.facts().into_iter();
        facts
            .filter_map(|fact| match fact {
                AnyRecord::SessionRetracted(fact) => Some(fact),
                _ => None,
            })
            .collect()
    }

    /// What others than the athlete may see, as bytes.
    fn view(&self) -> Vec<Vec<u8>> {
        let state = self.memory.state();
        let key = Key::new("default/mia");
        let buckets: Vec<_> = state[&key].clone().into_iter().collect();
        let pipeline = self.task.processor();
        let sessions = pipeline.unrestricted_sessions(&key, &buckets).unwrap();
        sessions.iter().map(schemas::codec::encode).collect()
    }

    fn counters(&self) -> BTreeMap<String, i64> {
        let mut sums: BTreeMap<String, i64> = BTreeMap::new();
        for ((_, name), count) in self.task.host().counters().unwrap() {
            *sums.entry(name).or_default() += count;
        }
        sums.retain(|_, count| *count != 0);
        sums
    }
}

#[test]
fn a_clock_in_a_wrong_zone_is_suspected_from_both_sides_in_any_order() {
    check(
        reports::wrong_zone().into(),
        &[
            ("2025-10-07 17.0", 1, 0),
            ("2025-10-07 7.0", 1, 1),
            ("2025-10-07 9.0", 1, 1),
        ],
    );
    // The copy that the other service has right clears both of suspicion.
    check(
        reports::wrong_zone_cleared().into(),
        &[("2025-10-07 7.0", 2, 0), ("2025-10-07 9.0", 1, 0)],
    );
}

#[test]
fn what_merged_and_what_was_split_can_be_followed() {
    let [morning, evening, merged, split] = reports::merged_then_split();
    let mut world = World::of(&[morning, evening]);
    let before = world.live();
    assert_eq!(before[0].change, "created");

    world.tell(&merged);
    let [both] = world.live().try_into().unwrap();
    assert_eq!(
        both.session_id, before[0].session_id,
        "the first arrival names it"
    );
    assert_eq!(both.change, "merged");
    assert_eq!(both.merged_from, [before[1].session_id.clone()]);
    assert_eq!(both.ties[0].rule, "user");
    let withdrawn = world.retracted();
    assert_eq!(withdrawn[0].superseded_by.as_ref(), Some(&both.session_id));
    assert_eq!(withdrawn[0].reason, "merged");

    world.tell(&split);
    let again = world.live();
    let ids = |facts: &[SessionRevised]| -> BTreeSet<String> {
        facts.iter().map(|fact| fact.session_id.clone()).collect()
    };
    assert_eq!(ids(&again), ids(&before), "they get their ids back");
    assert_eq!(again[0].change, "split");
    assert_eq!(again[0].split_into, [before[1].session_id.clone()]);
    assert_eq!(again[1].change, "returned");
    assert_eq!(again[1].split_from.as_ref(), Some(&both.session_id));
}

#[test]
fn an_account_that_is_linked_again_keeps_the_ids_of_what_it_told() {
    let [run, gone, again] = reports::linked_again();
    let mut world = World::of(&[run]);
    let before = world.live();
    world.tell(&gone);
    assert!(world.live().is_empty());
    assert_eq!(world.retracted()[0].reason, "deregistered");
    world.tell(&again);
    let after = world.live();
    assert_eq!(after[0].session_id, before[0].session_id);
    assert_eq!(after[0].change, "returned");
}

#[test]
fn a_split_holds_for_the_record_that_took_the_place_of_the_one_it_named() {
    let mut items = Vec::from(reports::split_then_replaced());
    let count = items.len();
    orders(&mut items, count, &mut |items| {
        let live = World::of(items).live();
        let members: Vec<usize> = live.iter().map(|fact| fact.members.len()).collect();
        let ids: Vec<&str> = items.iter().map(|item| item.id.as_str()).collect();
        assert_eq!(members, [1, 1], "{ids:?}");
    });
}

#[test]
fn the_last_edit_of_title_and_type_wins_whichever_source_it_was_made_at() {
    let mut items = Vec::from(reports::title_edited());
    orders(&mut items, 3, &mut |items| {
        let [session] = World::of(items).live().try_into().unwrap();
        assert_eq!(session.title.as_deref(), Some("With Kim"));
        let title = session.provenance.iter().find(|it| it.field == "title");
        assert_eq!(title.unwrap().rule, "user_edit");
    });
}

#[test]
fn an_edit_that_was_told_counts_once_a_fetch_can_show_it_in_any_order() {
    let all = reports::edits_told();
    let [run, fetched, before, copy, after] = all.clone();
    let title = |world: &World| {
        let [session] = world.live().try_into().unwrap();
        let choice = session.provenance.iter().find(|it| it.field == "title");
        (session.title.unwrap(), choice.unwrap().rule.clone())
    };
    let watched = ("Berlin Running".to_owned(), "path_rank".to_owned());
    let edited = ("With Kim".to_owned(), "user_edit".to_owned());
    for (told, expected) in [
        (vec![&run, &fetched], &watched),
        (vec![&run, &fetched, &after], &watched),
        (vec![&run, &fetched, &before], &edited),
        (vec![&run, &fetched, &before, &copy, &after], &edited),
    ] {
        let mut items: Vec<RawReceived> = told.into_iter().cloned().collect();
        let count = items.len();
        let counted = World::of(&items).counters();
        orders(&mut items, count, &mut |items| {
            let world = World::of(items);
            let ids: Vec<&str> = items.iter().map(|item| item.id.as_str()).collect();
            assert_eq!(&title(&world), expected, "{ids:?}");
            assert_eq!(world.counters(), counted, "{ids:?}");
        });
    }
    // Hints count as hints, whatever they tell: both wait for their fetches.
    let counted = World::of(&all).counters();
    let counts = ["received", "accepted", "duplicate", "pending"];
    let counts = counts.map(|what| counted[&format!("strava.{what}")]);
    assert_eq!(counts, [4, 1, 1, 2]);
}

#[test]
fn an_item_that_came_too_early_is_judged_by_its_own_arrival() {
    let mut items = Vec::from(reports::too_early_then_due());
    let expected = World::of(&items).counters();
    assert_eq!(expected["garmin.accepted"], 1);
    assert_eq!(expected["garmin.dead_lettered"], 1);
    assert_eq!(expected["garmin.duplicate"], 1);
    orders(&mut items, 3, &mut |items| {
        let world = World::of(items);
        assert_eq!(world.live().len(), 1);
        assert_eq!(world.counters(), expected);
    });
}

#[test]
fn nothing_of_a_restricted_source_shines_through_the_view() {
    let told = |others: &[RawReceived]| {
        let mut items = vec![reports::watched()];
        items.extend(others.iter().cloned());
        items.push(reports::open_copy());
        World::of(&items).view()
    };
    let alone = told(&[]);
    assert_eq!(alone.len(), 1);
    for world in reports::restricted() {
        let titles: Vec<&str> = world.iter().map(|item| item.kind.as_str()).collect();
        assert_eq!(told(&world), alone, "{titles:?}");
    }
    // It is a merge, and not a filter: both open sources are in it.
    let view: SessionRevised = schemas::codec::decode(&alone[0]).unwrap();
    assert_eq!(view.members.len(), 2);
    assert_eq!(
        view.licence.as_deref(),
        Some("attribution"),
        "all is the watch's"
    );
}

#[test]
fn a_fact_has_the_strictest_label_of_what_was_used_for_it() {
    let mut run = reports::watched();
    let both = [run.clone(), strava(2, start_s(1, 8), 10_000, "Titled")];
    let [session] = World::of(&both).live().try_into().unwrap();
    // Only the watch tells the timer, only Strava the title.
    assert_eq!(session.licence.as_deref(), Some("owner_only"));
    let label = |name: &str| {
        let field = session.provenance.iter().find(|it| it.field == name);
        field.unwrap().licence.as_deref()
    };
    assert_eq!(label("timer_s"), Some("attribution"));
    assert_eq!(label("title"), None, "the label of the whole");
    run.id = format!("{:032x}", 5);
    let [session] = World::of(&[run]).live().try_into().unwrap();
    assert_eq!(session.licence.as_deref(), Some("attribution"));
}

#[test]
fn what_other_rules_read_otherwise_is_merged_again_under_the_ids_of_before() {
    let start = start_s(0, 8);
    let items = [
        watch(71, 0, 8, 10_000),
        health(72, "w-1", "com.garmin.connect.mobile", start, 10_005),
    ];
    let key = Key::new("default/mia");
    let state_of =
        |world: &World| -> Vec<_> { world.memory.state()[&key].clone().into_iter().collect() };
    // Rules that could not read the second item had its session without it.
    let (kept, read) = (World::of(&items[..1]), World::of(&items));
    let pipeline = read.task.processor();
    let again = pipeline
        .rederive(&key, &state_of(&kept), &state_of(&read))
        .unwrap();
    let session = again
        .differences
        .iter()
        .find(|one| one.kind == "session")
        .unwrap();
    assert_eq!(session.id, kept.live()[0].session_id);
    assert_eq!((session.change, session.regrouped), ("revised", true));
    let said: Vec<SessionRevised> = again
        .emit
        .iter()
        .filter_map(|record| match schemas::decode_any(&record.value).unwrap() {
            AnyRecord::SessionRevised(fact) => Some(fact),
            _ => None,
        })
        .collect();
    let [said] = said.as_slice() else {
        panic!("{said:?}")
    };
    assert_eq!(said.session_id, kept.live()[0].session_id);
    assert_eq!(said.members.len(), 2);
    assert!(said.revision > kept.live()[0].revision);
    // Content as if it had always been read so.
    assert_eq!(said.content_hash, read.live()[0].content_hash);
    // What is derived again by the same rules is equal, to the byte.
    let same = pipeline
        .rederive(&key, &state_of(&read), &state_of(&read))
        .unwrap();
    assert!(
        same.emit.is_empty() && same.state.is_empty() && same.differences.is_empty(),
        "{same:?}"
    );
}

#[test]
fn of_one_delivery_what_the_user_edited_is_later_than_what_was_recorded() {
    let titled = |kind: &str, title: &str| {
        let mut item = watch(1, 0, 8, 10_000);
        let mut body: serde_json::Value = serde_json::from_slice(&item.body).unwrap();
        body["activityName"] = title.into();
        item.body = body.to_string().into_bytes();
        item.kind = kind.to_owned();
        // Items of one delivery have one arrival, and bytes of their own.
        item.body_sha256 = format!("{title:0>64}");
        item
    };
    for number in 0..8 {
        let title = format!("Edited {number}");
        let recorded = titled("activities", &format!("Recorded {number}"));
        let edited = titled("manuallyUpdatedActivities", &title);
        for items in [[&recorded, &edited], [&edited, &recorded]] {
            let live = World::of(&items.map(Clone::clone)).live();
            let titles: Vec<Option<&str>> = live.iter().map(|it| it.title.as_deref()).collect();
            assert_eq!(titles, [Some(title.as_str())], "{number}");
        }
    }
}
