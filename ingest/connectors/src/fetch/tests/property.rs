//! Any order of hints, answers, pauses and crashes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use edge::UnixMicros;
use proptest::collection::vec;
use proptest::prelude::*;

use super::queue::hint;
use super::{NOW, SECOND};
use crate::fetch::budget::{Budget, Rate, Rates};
use crate::fetch::hint::{Hint, Object, Word};
use crate::fetch::plan::{Ending, Next, Plan, Told, Trace, Verdict};
use crate::port::Used;

/// What the vendor allows in a quarter.
const QUARTER_MAX: u32 = 7;

#[derive(Clone, Debug)]
enum Step {
    /// A hint of an object, from a moment; equal ones are copies.
    Hint {
        object: u8,
        moment: i64,
    },
    Delete {
        object: u8,
        moment: i64,
    },
    Send,
    Answer {
        which: usize,
        kind: u8,
    },
    Pass {
        seconds: i64,
    },
    /// The process dies; with `published`, just after the log took an end.
    Crash {
        published: bool,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..4_u8, 0..6_i64).prop_map(|(object, moment)| Step::Hint { object, moment }),
        1 => (0..4_u8, 0..6_i64).prop_map(|(object, moment)| Step::Delete { object, moment }),
        6 => Just(Step::Send),
        6 => (any::<prop::sample::Index>(), 0..9_u8)
            .prop_map(|(which, kind)| Step::Answer { which: which.index(64), kind }),
        2 => (1..400_i64).prop_map(|seconds| Step::Pass { seconds }),
        1 => any::<bool>().prop_map(|published| Step::Crash { published }),
    ]
}

/// The log, the vendor and the disk: all that a crash leaves.
struct World {
    log: Vec<Word>,
    /// Hints that are no copies, by raw id.
    originals: BTreeMap<String, u64>,
    prints: BTreeSet<[u8; 16]>,
    mark: u64,
    used: Vec<Used>,
    ends: BTreeMap<String, u32>,
    /// Requests by quarter, as the vendor counts them.
    counted: BTreeMap<i64, u32>,
    /// The most requests of a quarter, of those that knew its limit.
    most_told: u32,
    now: i64,
    /// One process.
    plan: Plan,
    read_to: u64,
    in_flight: Vec<(Next, UnixMicros)>,
}

impl World {
    fn new() -> Self {
        Self {
            log: Vec::new(),
            originals: BTreeMap::new(),
            prints: BTreeSet::new(),
            mark: 0,
            used: Vec::new(),
            ends: BTreeMap::new(),
            counted: BTreeMap::new(),
            most_told: 0,
            now: NOW + 10 * SECOND,
            plan: Plan::new(Budget::strava(&[]), false),
            read_to: 0,
            in_flight: Vec::new(),
        }
    }

    fn now(&self) -> UnixMicros {
        UnixMicros(self.now)
    }

    fn object(id: u8) -> Object {
        Object {
            account_id: "a".to_owned(),
            id: id.to_string(),
        }
    }

    fn append(&mut self, word: impl FnOnce(u64) -> Word) {
        let position = u64::try_from(self.log.len()).unwrap() + 1;
        let word = word(position);
        if let Word::Hint(hint) = &word
            && self.prints.insert(hint.fingerprint())
        {
            self.originals.insert(hint.raw_id.clone(), hint.position);
        }
        self.log.push(word);
    }

    fn read(&mut self) {
        let unread = usize::try_from(self.read_to).unwrap();
        let now = self.now();
        for word in &self.log[unread..] {
            drop(self.plan.hear(word.clone(), now));
        }
        self.read_to = u64::try_from(self.log.len()).unwrap();
        self.mark = self.mark.max(self.plan.queue.low_water(self.read_to));
    }

    fn restart(&mut self) {
        self.plan = Plan::new(Budget::strava(&self.used), false);
        self.in_flight.clear();
        self.read_to = self.mark;
        self.read();
    }

    fn usage(&self) -> Rates {
        let day = self.counted.values().sum();
        let quarter = self.counted.get(&(self.now / (900 * SECOND)));
        let rate = Rate {
            limit: [QUARTER_MAX, 1_000],
            usage: [quarter.copied().unwrap_or(0), day],
        };
        Rates {
            overall: Some(rate),
            read: Some(rate),
        }
    }

    fn send(&mut self) {
        while let Some(next) = self.plan.next(self.now()) {
            self.used = self.plan.budget.stored();
            let quarter = self.now / (900 * SECOND);
            *self.counted.entry(quarter).or_default() += 1;
            // Beyond what the vendor allows nothing is sent by who was told of it.
            let mut used = self.used.iter();
            let read = used.find(|used| used.window == "strava/read/quarter");
            if read.unwrap().limit == QUARTER_MAX {
                self.most_told = self.most_told.max(self.counted[&quarter]);
            }
            self.in_flight.push((next, self.now()));
        }
    }

    /// The log takes the end of these hints.
    fn publish(&mut self, hints: &[Arc<Hint>]) {
        for hint in hints {
            *self.ends.entry(hint.raw_id.clone()).or_default() += 1;
        }
        let raw_ids = hints.iter().map(|hint| hint.raw_id.clone()).collect();
        self.append(|_| Word::Ended { id: None, raw_ids });
    }

    fn answer(&mut self, which: usize, kind: u8) {
        if self.in_flight.is_empty() {
            return;
        }
        let (next, sent_at) = self.in_flight.remove(which % self.in_flight.len());
        let Next::Fetch(task) = next else {
            return;
        };
        let told = match kind {
            0 => Told::Ended(Ending::new("gone", "")),
            1 => Told::Refused([1; 32]),
            2 => Told::Inactive,
            3 => Told::RateLimited {
                retry_after_us: None,
            },
            4 => Told::Down {
                suspect: true,
                detail: "down",
            },
            5 => Told::Failing("500".to_owned()),
            _ => Told::Body,
        };
        let trace = Trace {
            sent_at: Some(sent_at),
            rates: self.usage(),
        };
        let now = self.now();
        let verdict = self
            .plan
            .answered(&task.object, &told, trace, now, u32::MAX / 3);
        if let Verdict::End(_) = verdict {
            let hints = self.plan.hints_of(&task.object);
            assert!(!hints.is_empty());
            self.publish(&hints);
            self.plan.queue.closed(&task.object);
        }
    }

    fn end_stale(&mut self) {
        let stale = self.plan.queue.stale().to_vec();
        for stale in &stale {
            self.publish(&stale.hints);
        }
        self.plan.queue.stale_closed(stale.len());
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Hint { object, moment } => {
                self.append(|position| Word::Hint(hint(position, &object.to_string(), moment)));
            }
            Step::Delete { object, moment } => {
                let at = UnixMicros(NOW + moment * SECOND);
                self.append(|_| Word::Deleted {
                    object: Self::object(object),
                    event_at: at,
                    received_at: at,
                });
            }
            Step::Send => self.send(),
            Step::Answer { which, kind } => self.answer(which, kind),
            Step::Pass { seconds } => self.now += seconds * SECOND,
            Step::Crash { published } => {
                if published && let Some((Next::Fetch(task), _)) = self.in_flight.first().cloned() {
                    let hints = self.plan.hints_of(&task.object);
                    self.publish(&hints);
                }
                self.restart();
            }
        }
        self.read();
        self.end_stale();
        self.check();
    }

    fn check(&self) {
        assert!(self.most_told <= QUARTER_MAX, "{}", self.most_told);
        assert!(self.ends.values().all(|ends| *ends == 1), "{:?}", self.ends);
        for (raw_id, position) in &self.originals {
            let ended = self.ends.contains_key(raw_id);
            assert!(*position > self.mark || ended, "{raw_id}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_hint_ends_exactly_once_and_no_request_is_beyond_the_budget(steps in vec(step(), 1..120)) {
        let mut world = World::new();
        for step in &steps {
            world.step(step);
        }
        // Whatever happened, a vendor that answers again gets everything done.
        for _ in 0..200 {
            if world.plan.queue.hints_open() == 0 {
                break;
            }
            world.step(&Step::Pass { seconds: 900 });
            world.step(&Step::Send);
            while !world.in_flight.is_empty() {
                world.step(&Step::Answer { which: 0, kind: 9 });
            }
        }
        prop_assert_eq!(world.plan.queue.hints_open(), 0);
        prop_assert_eq!(world.plan.in_flight(), 0);
        world.read();
        prop_assert_eq!(world.mark, world.read_to);
        for raw_id in world.originals.keys() {
            prop_assert_eq!(world.ends.get(raw_id), Some(&1), "{}", raw_id);
        }
    }
}
