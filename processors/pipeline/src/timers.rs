//! What time alone changes: a session settles, a slot expires, a profile grows old.
//!
//! One timer per day bucket, due at the earliest of these in it, and one for the profile. A timer
//! says "look again", never what is found: the answer is worked out from facts and time.

use schemas::record::Micros;
use stream_log::Timer;

use crate::bucket::Day;
use crate::conditions;
use crate::processor::TimerId;
use crate::sessions::SETTLED_AFTER_US;
use crate::work::Work;

/// Mark what the fired timers are about.
pub(crate) fn fired(work: &mut Work<'_>, due: &[Timer]) {
    for timer in due {
        match TimerId::decode(&timer.id) {
            Some(TimerId::Profile) => work.dirty.profile = true,
            Some(TimerId::Weather(day)) => {
                work.dirty.asks.insert(day);
            }
            Some(TimerId::Day(day)) => {
                let now = work.now.0;
                // The timer is gone from the store; remember that, so that `arm` sets the next one.
                let bucket = work.day_mut(day);
                bucket.timer_due = Micros(0);
                let settling: Vec<(i64, i64)> = bucket
                    .sessions
                    .iter()
                    .filter(|state| state.published.live && !state.settled)
                    .filter(|state| state.end.0.saturating_add(SETTLED_AFTER_US) <= now)
                    .map(|state| (state.start.0, state.end.0))
                    .collect();
                work.dirty.activity.extend(settling);
                work.dirty.days.insert(day);
            }
            None => {}
        }
    }
}

/// Set, move or clear the timer of every day that changed.
pub(crate) fn arm(work: &mut Work<'_>) {
    arm_weather(work);
    for day in work.changed_days() {
        let Some(bucket) = work.day(day) else {
            continue;
        };
        let due = next_due(bucket);
        if due == bucket.timer_due {
            continue;
        }
        work.day_mut(day).timer_due = due;
        let id = TimerId::Day(day).encode();
        if due == Micros(0) {
            work.clear_timer(id);
        } else {
            work.set_timer(id, due);
        }
    }
}

/// Set, move or clear the timers of the days whose questions to the weather service changed.
fn arm_weather(work: &mut Work<'_>) {
    for day in work.dirty.asks.clone() {
        let asks = work.day(day).map(|bucket| &bucket.weather_asks);
        let due = asks.and_then(|asks| conditions::next_due(asks));
        let id = TimerId::Weather(day).encode();
        match due {
            Some(due) => work.set_timer(id, due),
            None => work.clear_timer(id),
        }
    }
}

fn next_due(bucket: &Day) -> Micros {
    let settling = bucket
        .sessions
        .iter()
        .filter(|state| state.published.live && !state.settled)
        .map(|state| state.end.0.saturating_add(SETTLED_AFTER_US));
    let expiring = bucket
        .slots
        .iter()
        .filter(|slot| slot.published.live && !slot.expired)
        .map(|slot| slot.valid_until.0);
    Micros(settling.chain(expiring).min().unwrap_or(0))
}
