//! Reading the feed again: any prefix, any number of times, several athletes in any interleaving,
//! crashed between the rows and the position. All of it ends in the same rows.
//!
//! Every round has a tenant of its own in one store, because making a store is dear for a database
//! with a server.

use super::{APPLY_ROWS_MAX, EVERYTHING, TENANT, changes, facts};
use crate::{FeedPosition, ListQuery, RowChange, SeriesQuery, SeriesStore, StoreError, Table};

const ATHLETES: [&str; 3] = ["ada", "bea", "cid"];
const INTERLEAVINGS: u64 = 12;

pub(super) fn check<S: SeriesStore, Q: SeriesQuery>(mut make: impl FnMut() -> (S, Q)) {
    every_prefix_again_ends_in_the_same_rows(make());
    every_interleaving_with_crashes_ends_in_the_same_rows(make());
    a_batch_beyond_the_limit_is_refused_whole(make());
}

/// The whole store as one tenant sees it, as text: current rows, histories, what `verify` reads.
fn dump(query: &impl SeriesQuery, tenant: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for table in Table::ALL {
        let all = ListQuery {
            include_retracted: true,
            ..ListQuery::all(table, tenant, EVERYTHING)
        };
        for item in query.list(&all).expect("a list is read").items {
            let history = query.history(table, tenant, &item.id, EVERYTHING);
            for old in history.expect("a history is read") {
                lines.push(format!("{} was {} {}", table.name(), old.id, old.body));
            }
            lines.push(format!("{} is {} {}", table.name(), item.id, item.body));
        }
        let live = query.live_rows(table, Some((tenant, "")), EVERYTHING);
        for row in live.expect("live rows are read") {
            if row.tenant_id == tenant {
                let (id, revision, hash) = (row.id, row.revision, row.content_hash);
                lines.push(format!("{} live {id} {revision} {hash}", table.name()));
            }
        }
    }
    lines
}

/// The same change for somebody else. Bodies stay, they are compared as they are.
fn moved(mut change: RowChange, tenant: &str, athlete: &str) -> RowChange {
    let own = |id: &str| format!("{athlete}.{id}");
    match &mut change {
        RowChange::Put(row) => {
            row.tenant_id = tenant.to_owned();
            row.id = own(&row.id);
            row.athlete_id = row.athlete_id.as_ref().map(|_| athlete.to_owned());
        }
        RowChange::Retract(change) => {
            change.tenant_id = tenant.to_owned();
            change.id = own(&change.id);
            change.athlete_id = athlete.to_owned();
        }
        RowChange::TakeBack(told) => {
            told.tenant_id = tenant.to_owned();
            told.athlete_id = athlete.to_owned();
        }
        RowChange::Replayed(change) => {
            change.tenant_id = tenant.to_owned();
            change.id = own(&change.id);
        }
    }
    change
}

fn story(tenant: &str, athlete: &str) -> Vec<RowChange> {
    let told = changes(facts::story()).into_iter();
    told.map(|change| moved(change, tenant, athlete)).collect()
}

fn apply(store: &mut impl SeriesStore, rows: &[RowChange]) {
    store
        .apply(rows.to_vec(), FeedPosition(1))
        .expect("a batch is stored");
}

fn every_prefix_again_ends_in_the_same_rows<S: SeriesStore, Q: SeriesQuery>(
    (mut store, query): (S, Q),
) {
    let whole = story(TENANT, "ada");
    apply(&mut store, &whole);
    let straight = dump(&query, TENANT);
    assert!(straight.len() > whole.len(), "the story says something");
    let once = query.counts().expect("rows are counted");
    for end in 0..=whole.len() {
        let tenant = format!("prefix{end}");
        let story = story(&tenant, "ada");
        let batch = 2 + end % 5;
        for part in [end, end / 2, end, story.len()] {
            for rows in story
                .iter()
                .take(part)
                .cloned()
                .collect::<Vec<_>>()
                .chunks(batch)
            {
                apply(&mut store, rows);
            }
        }
        assert_eq!(
            dump(&query, &tenant),
            straight,
            "prefix {end}, batches of {batch}"
        );
    }
    let tenants = u64::try_from(whole.len()).expect("a small number") + 2;
    let all = query.counts().expect("rows are counted");
    assert_eq!(all.sessions, once.sessions * tenants);
    assert_eq!(all.athletes, once.athletes * tenants);
    assert_eq!(all.dead_letters, once.dead_letters * tenants);
}

/// A stream of numbers that a seed fixes: xorshift, as good as needed here.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(end.max(1)).unwrap_or(1)).unwrap_or(0)
    }
}

fn every_interleaving_with_crashes_ends_in_the_same_rows<S: SeriesStore, Q: SeriesQuery>(
    (mut store, query): (S, Q),
) {
    for athlete in ATHLETES {
        apply(&mut store, &story(TENANT, athlete));
    }
    let straight = dump(&query, TENANT);
    for seed in 1..=INTERLEAVINGS {
        let tenant = format!("seed{seed}");
        let stories = ATHLETES.map(|athlete| story(&tenant, athlete));
        interleave(&mut store, &stories, &mut Dice(seed * 0x9e37_79b9));
        assert_eq!(dump(&query, &tenant), straight, "seed {seed}");
    }
}

/// Batches take what comes next of one athlete after the other; now and then all go back to where
/// some earlier position stood, as after a crash.
fn interleave(store: &mut impl SeriesStore, stories: &[Vec<RowChange>; 3], dice: &mut Dice) {
    let mut next = [0_usize; 3];
    let mut crashes = 3;
    loop {
        let mut batch = Vec::new();
        for _ in 0..=dice.below(9) {
            let athlete = dice.below(3);
            if let Some(change) = stories[athlete].get(next[athlete]) {
                batch.push(change.clone());
                next[athlete] += 1;
            }
        }
        apply(store, &batch);
        let ended = stories
            .iter()
            .zip(next)
            .all(|(story, at)| at >= story.len());
        if crashes > 0 && (ended || dice.below(12) == 0) {
            crashes -= 1;
            next = next.map(|at| dice.below(at + 1));
        } else if ended {
            return;
        }
    }
}

fn a_batch_beyond_the_limit_is_refused_whole<S: SeriesStore, Q: SeriesQuery>(
    (mut store, query): (S, Q),
) {
    let row = changes([facts::session("s1", 1, 10)]);
    let rows = row.into_iter().cycle().take(APPLY_ROWS_MAX + 1).collect();
    let refused = store.apply(rows, FeedPosition(9));
    assert!(matches!(refused, Err(StoreError::BatchTooLarge { .. })));
    assert_eq!(store.position().expect("a position"), FeedPosition(0));
    assert_eq!(query.counts().expect("rows are counted").sessions, 0);
}
