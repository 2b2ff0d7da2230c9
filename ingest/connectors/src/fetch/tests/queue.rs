//! The queue and the budget alone, as tables.

use std::sync::Arc;

use edge::UnixMicros;

use super::{NOW, SECOND};
use crate::fetch::budget::{Budget, Rate, Rates};
use crate::fetch::hint::{Hint, Object};
use crate::fetch::queue::{HINTS_OPEN_MAX, Queue};
use crate::port::AthleteRef;

const DAY: i64 = 86_400 * SECOND;

fn object(id: &str) -> Object {
    Object {
        account_id: "a".to_owned(),
        id: id.to_owned(),
    }
}

/// `event_s` is relative to now.
pub(super) fn hint(position: u64, id: &str, event_s: i64) -> Arc<Hint> {
    Arc::new(Hint {
        position,
        raw_id: format!("raw-{position}"),
        athlete: AthleteRef::new("default", "ada"),
        kind: "event".to_owned(),
        object: object(id),
        received_at: UnixMicros(NOW),
        replay_of: None,
        attempt: 1,
        body: format!("{id} at {event_s}"),
        event_at: Some(UnixMicros(NOW + event_s * SECOND)),
    })
}

const fn at(seconds: i64) -> UnixMicros {
    UnixMicros(NOW + seconds * SECOND)
}

/// Takes everything that is ready, in order, and closes it.
fn drain(queue: &mut Queue, now: UnixMicros) -> Vec<(String, usize)> {
    let mut taken = Vec::new();
    while let Some(task) = queue.take_next(now) {
        let hints = queue.answered(&task.object).len();
        queue.closed(&task.object);
        taken.push((task.object.id, hints));
    }
    taken
}

#[test]
fn what_is_live_comes_before_history_and_each_in_the_order_of_the_log() {
    let mut queue = Queue::default();
    let two_days = 2 * 86_400;
    for (position, id, event_s) in [
        (1, "old", -two_days - 1),
        (2, "older", -10 * two_days),
        (3, "edge", -two_days),
        (4, "new", 0),
        (5, "ahead", 3_600),
    ] {
        queue.hear(hint(position, id, event_s), at(0));
    }
    // Somebody touches what was history.
    queue.hear(hint(6, "older", 0), at(0));
    let order: Vec<_> = drain(&mut queue, at(0))
        .into_iter()
        .map(|(id, _)| id)
        .collect();
    assert_eq!(order, ["older", "edge", "new", "ahead", "old"]);
}

#[test]
fn the_mark_stays_below_what_is_open() {
    let mut queue = Queue::default();
    for position in [3, 5, 9] {
        queue.hear(hint(position, &position.to_string(), 0), at(0));
    }
    let mut close = |id: &str, before: u64, after: u64| {
        assert_eq!(queue.low_water(20), before);
        while let Some(task) = queue.take_next(at(0)) {
            assert!(!task.object.id.is_empty());
        }
        assert_eq!(queue.low_water(20), before, "what is under way is open");
        queue.closed(&object(id));
        assert_eq!(queue.low_water(20), after);
    };
    close("5", 2, 2);
    close("3", 2, 8);
    close("9", 8, 20);
}

#[test]
fn a_copy_asks_for_nothing_but_a_replay_and_another_athletes_hint_do() {
    let mut queue = Queue::default();
    let first = hint(1, "7", 0);
    let copy = |position: u64, change: &dyn Fn(&mut Hint)| {
        let mut copy = (*first).clone();
        copy.position = position;
        copy.raw_id = format!("raw-{position}");
        change(&mut copy);
        Arc::new(copy)
    };
    assert!(queue.hear(first.clone(), at(0)));
    assert!(!queue.hear(first.clone(), at(0)), "read twice");
    assert!(!queue.hear(copy(2, &|_| {}), at(0)), "open");
    assert_eq!(drain(&mut queue, at(0)), [("7".to_owned(), 1)]);
    assert!(!queue.hear(copy(3, &|_| {}), at(0)), "recently closed");
    let replay: &dyn Fn(&mut Hint) = &|hint| hint.replay_of = Some("letter".to_owned());
    assert!(queue.hear(copy(4, replay), at(0)));
    let bob: &dyn Fn(&mut Hint) = &|hint| hint.athlete = AthleteRef::new("default", "bob");
    assert!(queue.hear(copy(5, bob), at(0)));
    assert_eq!(drain(&mut queue, at(0)), [("7".to_owned(), 2)]);
    assert_eq!(queue.low_water(5), 5);
}

#[test]
fn a_job_that_waits_is_ready_when_its_time_has_come() {
    let mut queue = Queue::default();
    queue.hear(hint(1, "7", 0), at(0));
    let task = queue.take_next(at(0)).unwrap();
    queue.hear(hint(2, "7", 1), at(0));
    queue.retry(&task.object, at(10));
    assert_eq!(queue.take_next(at(9)), None);
    assert_eq!(drain(&mut queue, at(10)), [("7".to_owned(), 2)]);
    assert_eq!((queue.hints_open(), queue.jobs_open()), (0, 0));
}

#[test]
fn a_deletion_overtakes_what_waits_and_not_what_is_under_way() {
    let mut queue = Queue::default();
    queue.hear(hint(1, "7", 0), at(0));
    let task = queue.take_next(at(0)).unwrap();
    for (position, event_s) in [(2, 1), (3, 5), (4, 9)] {
        queue.hear(hint(position, "7", event_s), at(0));
    }
    queue.deleted(object("7"), at(5), at(6));
    let stale: Vec<_> = queue.stale()[0]
        .hints
        .iter()
        .map(|hint| hint.position)
        .collect();
    assert_eq!(stale, [2]);
    assert_eq!(queue.answered(&task.object).len(), 1);
    queue.closed(&task.object);
    assert_eq!(queue.low_water(9), 1, "the overtaken one has not ended yet");
    queue.stale_closed(1);
    assert_eq!(drain(&mut queue, at(9)), [("7".to_owned(), 2)]);
    assert_eq!(queue.low_water(9), 9);
}

#[test]
fn ends_that_the_log_tells_close_what_was_open() {
    let mut queue = Queue::default();
    for (position, id) in [(1, "7"), (2, "7"), (3, "8")] {
        let event_s = i64::try_from(position).unwrap();
        queue.hear(hint(position, id, event_s), at(0));
    }
    queue.ended(&["raw-1".to_owned(), "raw-3".to_owned(), "raw-99".to_owned()]);
    assert_eq!(drain(&mut queue, at(0)), [("7".to_owned(), 1)]);
}

#[test]
fn beyond_its_limit_the_queue_is_full() {
    let mut queue = Queue::default();
    for position in 1..=u64::try_from(HINTS_OPEN_MAX).unwrap() {
        assert!(!queue.is_full());
        queue.hear(hint(position, "7", 0), at(0));
    }
    assert!(!queue.is_full(), "copies do not fill it");
    for position in 1..=u64::try_from(HINTS_OPEN_MAX).unwrap() {
        queue.hear(hint(position, &position.to_string(), 1), at(0));
    }
    assert!(queue.is_full());
}

fn strava() -> Budget {
    Budget::strava(&[])
}

fn rates(limit: [u32; 2], usage: [u32; 2]) -> Rates {
    Rates {
        overall: Some(Rate {
            limit: limit.map(|limit| limit * 2),
            usage,
        }),
        read: Some(Rate { limit, usage }),
    }
}

/// Sends until the budget says when to go on.
fn exhaust(budget: &mut Budget, now: UnixMicros) -> (u32, UnixMicros) {
    for sent in 0..10_000 {
        if let Err(until) = budget.permit(now) {
            return (sent, until);
        }
        budget.sent(now);
    }
    panic!("the budget has no end");
}

#[test]
fn until_it_is_told_a_budget_has_a_hundred_reads_a_quarter_and_a_thousand_a_day() {
    let mut budget = strava();
    let mut sent = Vec::new();
    for quarter in 0..12 {
        let (requests, until) = exhaust(&mut budget, at(quarter * 900 + 10));
        sent.push(requests);
        let end = if quarter < 9 {
            (quarter + 1) * 900
        } else {
            16 * 3_600
        };
        assert_eq!(until, at(end + 2), "quarter {quarter}");
    }
    assert_eq!(sent.iter().sum::<u32>(), 1_000);
    assert!(budget.permit(UnixMicros(NOW + DAY)).is_ok());
}

#[test]
fn the_stricter_of_what_the_vendor_and_we_counted_rules() {
    let mut budget = strava();
    for _ in 0..3 {
        budget.sent(at(10));
    }
    // Others used the application too.
    budget.told(rates([50, 500], [40, 400]), at(10), at(11), 2);
    assert_eq!(exhaust(&mut budget, at(12)).0, 50 - 42);
    // Nothing is under way: what the vendor says is all there is.
    budget.told(rates([50, 500], [45, 405]), at(12), at(13), 0);
    assert_eq!(exhaust(&mut budget, at(13)).0, 5);
    // An answer of the window before says nothing of this one.
    budget.told(rates([50, 500], [50, 410]), at(899), at(905), 0);
    assert_eq!(exhaust(&mut budget, at(905)).0, 50);
}

#[test]
fn an_older_figure_that_comes_last_gives_nothing_back() {
    let mut budget = strava();
    budget.told(rates([12, 500], [10, 10]), at(9), at(9), 0);
    budget.sent(at(10));
    budget.sent(at(10));
    budget.told(rates([12, 500], [12, 12]), at(10), at(11), 1);
    budget.told(rates([12, 500], [11, 11]), at(10), at(12), 0);
    assert_eq!(exhaust(&mut budget, at(12)).0, 0);
}

#[test]
fn at_the_border_of_windows_a_request_counts_in_both() {
    let mut budget = strava();
    budget.told(rates([20, 200], [0, 0]), at(10), at(10), 0);
    for second in [897, 898, 899] {
        budget.sent(at(second));
    }
    // The vendor's window is over, or just began: what it tells may be of either.
    budget.told(rates([20, 200], [1, 1]), at(899), at(899), 0);
    budget.told(rates([20, 200], [20, 20]), at(901), at(901), 0);
    assert_eq!(exhaust(&mut budget, at(901)), (18, at(1_802)));
    assert_eq!(
        budget.permit(at(1_801)),
        Err(at(1_802)),
        "a full one ends later"
    );
    assert!(budget.permit(at(1_802)).is_ok());
}

#[test]
fn a_vendor_that_allows_nothing_is_asked_once_a_window() {
    let mut budget = strava();
    budget.sent(at(10));
    budget.told(rates([0, 0], [0, 0]), at(10), at(11), 0);
    assert_eq!(exhaust(&mut budget, at(12)).0, 1);
    assert_eq!(exhaust(&mut budget, UnixMicros(NOW + DAY)).0, 1);
}

#[test]
fn a_refusal_that_asks_for_no_wait_waits_for_the_next_window() {
    for told in [Some(0), Some(-SECOND), None] {
        let mut budget = strava();
        budget.refused(at(10), told, 0);
        assert_eq!(budget.permit(at(11)), Err(at(902)), "{told:?}");
    }
}

#[test]
fn a_limit_that_is_told_alone_is_the_only_one() {
    let mut budget = strava();
    let overall = Rate {
        limit: [600, 30_000],
        usage: [0, 0],
    };
    let told = Rates {
        overall: Some(overall),
        read: None,
    };
    budget.told(told, at(10), at(10), 0);
    assert_eq!(exhaust(&mut budget, at(10)).0, 600);
}

#[test]
fn what_was_used_is_known_after_a_restart_and_forgotten_with_its_window() {
    let mut budget = strava();
    budget.told(rates([20, 200], [5, 50]), at(10), at(10), 0);
    budget.sent(at(10));
    let mut restarted = Budget::strava(&budget.stored());
    assert!(!restarted.is_told());
    assert_eq!(exhaust(&mut restarted, at(20)).0, 14);
    assert_eq!(exhaust(&mut restarted, at(902)).0, 20);
}

#[test]
fn a_budget_is_ample_while_less_than_half_is_used() {
    let mut budget = strava();
    for (used, ample) in [(0, true), (9, true), (10, false), (20, false)] {
        budget.told(rates([20, 200], [used, used]), at(10), at(10), 0);
        assert_eq!(budget.is_ample(at(10)), ample, "{used}");
    }
}
