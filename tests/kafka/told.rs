//! All scenarios of the pipeline, each as an athlete of its own: the table of what went wrong elsewhere,
//! reports of hidden starts and merges, and small worlds in which users say their word.

#[path = "../../processors/pipeline/tests/it/scenarios/row.rs"]
mod row;
#[allow(dead_code, reason = "shared with the suite of the pipeline")]
#[path = "../../processors/pipeline/tests/it/scenarios/said.rs"]
mod said;
#[path = "../../processors/pipeline/tests/it/scenarios/table.rs"]
mod table;

use std::collections::{BTreeMap, BTreeSet};

use schemas::AnyRecord;
use schemas::record::ingest::RawReceived;

use crate::items::{self, Dice};
use crate::reports;
use row::{Ids, Row};

/// Whom the table is about, until each scenario gets an athlete of its own.
const ATHLETE: &str = "mia";
const WORLDS: u64 = 40;
const SMALL_WORLDS: u64 = 100;

/// A name, what happened, and what the table wants to be live.
type Told = (String, Vec<RawReceived>, Option<Vec<Row>>);

pub(crate) struct Scenario {
    pub(crate) name: String,
    /// `tenant/athlete`: mostly one, but some share an account.
    pub(crate) keys: BTreeSet<String>,
    pub(crate) items: Vec<RawReceived>,
    /// What the table wants to be live, where it is of the table.
    said: Option<Vec<Row>>,
}

impl Scenario {
    /// How what came of it differs from what the table says.
    pub(crate) fn differences(&self, facts: &[AnyRecord]) -> Vec<String> {
        let said = self.said.as_ref();
        said.map_or_else(Vec::new, |said| said::differences(said, facts))
    }
}

pub(crate) fn all() -> Vec<Scenario> {
    let mut told: Vec<Told> = Vec::new();
    for scenario in table::scenarios() {
        let items = of_the_table(&scenario.told);
        // By the clock of a process all advice of those days is over; the hosts are compared in that.
        let said = said::lasting(&scenario.said);
        told.push((scenario.name, items, Some(said)));
    }
    for (name, items) in of_reports() {
        told.push((name.to_owned(), items, None));
    }
    for seed in 0..WORLDS {
        let mut items = items::small(seed);
        let words = items::words(&items, &mut Dice(seed));
        items.extend(words);
        items.sort_by_key(|item| item.received_at);
        told.push((format!("world {seed}"), items, None));
    }
    told.retain(|(_, items, _)| !items.is_empty());
    as_athletes(told)
}

/// Small worlds, so many of each of a hundred.
pub(crate) fn small_worlds(count: u64) -> Vec<Scenario> {
    let seeds = (0..count).map(|number| number % SMALL_WORLDS);
    let told = seeds.map(|seed| (format!("world {seed}"), items::small(seed), None));
    as_athletes(told.collect())
}

fn as_athletes(told: Vec<Told>) -> Vec<Scenario> {
    let mut raw = 0_u64;
    let mut all = Vec::new();
    for (number, (name, items, said)) in told.into_iter().enumerate() {
        let mut items: Vec<RawReceived> = renamed(&items, &format!("scenario-{number:03}"));
        for item in &mut items {
            raw += 1;
            item.id = format!("{raw:032x}");
        }
        let keys = items.iter().map(crate::items::record);
        let keys = keys.map(|record| record.key.as_str().to_owned()).collect();
        all.push(Scenario {
            name,
            keys,
            items,
            said,
        });
    }
    all
}

/// Hidden starts and merges, by what each is of.
fn of_reports() -> Vec<(&'static str, Vec<RawReceived>)> {
    let mut all = vec![
        ("hidden start, one run fits", reports::one_run_fits().into()),
        (
            "hidden start, a second run fits",
            reports::a_second_run_fits().into(),
        ),
        ("hidden starts, told apart", reports::told_apart().into()),
        (
            "merged, and told again",
            reports::merged_and_told_again().into(),
        ),
        (
            "merged over days, and told again",
            reports::merged_over_days().into(),
        ),
        ("wrong zone", reports::wrong_zone().into()),
        ("wrong zone, cleared", reports::wrong_zone_cleared().into()),
        ("merged, then split", reports::merged_then_split().into()),
        ("account linked again", reports::linked_again().into()),
        (
            "split, then replaced",
            reports::split_then_replaced().into(),
        ),
        ("title edited", reports::title_edited().into()),
        ("edits told", reports::edits_told().into()),
        ("too early, then due", reports::too_early_then_due().into()),
    ];
    for others in reports::restricted() {
        let told = [vec![reports::watched()], others, vec![reports::open_copy()]].concat();
        all.push(("restricted beside open", told));
    }
    all
}

/// Users name records by the ids under which they are published.
fn of_the_table(told: &[Row]) -> Vec<RawReceived> {
    let raw = |ids: &Ids| -> Vec<RawReceived> {
        let rows = told.iter().enumerate();
        rows.filter(|(_, row)| !ids.is_empty() || row.word(2) != "link_override")
            .map(|(number, row)| row.raw(number, ids))
            .collect()
    };
    let mut ids = Ids::new();
    for fact in observations(&raw(&ids)) {
        ids.insert(format!("{}:{}", fact.0, fact.1), fact.2);
    }
    raw(&ids)
}

/// Source, provider id and published id of each observation, in order; words of users change nothing of
/// them, but name them.
fn observations(items: &[RawReceived]) -> Vec<(String, String, String)> {
    let named = items.iter().filter(|item| item.kind != "link_override");
    let named: Vec<RawReceived> = named.cloned().collect();
    let told = items::facts(&named).into_iter();
    told.filter_map(|fact| match fact {
        AnyRecord::ObservationRecorded(fact) => {
            Some((fact.source, fact.provider_id, fact.observation_id))
        }
        _ => None,
    })
    .collect()
}

/// The same of other athletes, in whose records other ids are named.
fn renamed(items: &[RawReceived], name: &str) -> Vec<RawReceived> {
    let mut renamed = items.to_vec();
    for item in &mut renamed {
        let athlete = item.athlete_id.take().unwrap();
        let own = format!("{name}.{athlete}");
        // A scan says whose sweat it is.
        if item.source == "scan" {
            let text = String::from_utf8(item.body.clone()).unwrap();
            item.body = text.replace(&athlete, &own).into_bytes();
        }
        item.athlete_id = Some(own);
    }
    let (before, after) = (observations(items), observations(&renamed));
    assert_eq!(before.len(), after.len());
    let mut names = BTreeMap::new();
    for (old, new) in before.into_iter().zip(after) {
        assert_eq!((&old.0, &old.1), (&new.0, &new.1));
        names.insert(old.2, new.2);
    }
    for item in renamed.iter_mut().filter(|it| it.kind == "link_override") {
        let mut text = String::from_utf8(item.body.clone()).unwrap();
        for (old, new) in &names {
            text = text.replace(old, new);
        }
        item.body = text.into_bytes();
    }
    renamed
}
