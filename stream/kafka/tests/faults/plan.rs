//! Which faults, how many, in which order.

use std::fmt;
use std::time::Duration;

use super::scene::{Scene, all_brokers, broker, wait};

/// `SUDOR_FAULTS="seed=1 kills=1000 …"`, and where to write what came of it.
const PLAN_VARIABLE: &str = "SUDOR_FAULTS";
const REPORT_VARIABLE: &str = "SUDOR_FAULTS_REPORT";
/// Longer than a session; the heirs are at work when the stopped one comes back.
const STOPPED_MS: usize = 8_000;
/// Of the cluster. With a single one that is killed, a partition has no leader for a while, and Apache
/// Kafka 4.3.1 then drops the end of a transaction: `docs/reliability.md`.
const BROKERS: usize = 3;

pub(crate) struct Plan {
    pub(crate) seed: u64,
    wanted: Counts,
    pub(crate) pause_ms_max: usize,
    /// Faults between two looks at what came out: what went wrong should not be hours old.
    pub(crate) look_every: usize,
    until: Option<std::time::Instant>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    Kill,
    Zombie,
    Leave,
    BrokerKill,
    BrokerPause,
}

#[derive(Default)]
pub(crate) struct Counts {
    kills: usize,
    zombies: usize,
    leaves: usize,
    broker_kills: usize,
    broker_pauses: usize,
}

impl Plan {
    /// What a test run does, unless a longer one is asked for.
    pub(crate) fn from_environment() -> Self {
        let mut plan = Self {
            seed: 20_261_121,
            wanted: Counts {
                kills: 12,
                zombies: 1,
                leaves: 2,
                broker_kills: 1,
                broker_pauses: 1,
            },
            pause_ms_max: 4_000,
            look_every: 60,
            until: None,
        };
        for word in std::env::var(PLAN_VARIABLE)
            .unwrap_or_default()
            .split_whitespace()
        {
            let (name, number) = word.split_once('=').unwrap();
            let number: usize = number.parse().unwrap();
            match name {
                "seed" => plan.seed = u64::try_from(number).unwrap(),
                "kills" => plan.wanted.kills = number,
                "zombies" => plan.wanted.zombies = number,
                "leaves" => plan.wanted.leaves = number,
                "broker_kills" => plan.wanted.broker_kills = number,
                "broker_pauses" => plan.wanted.broker_pauses = number,
                "pause_ms_max" => plan.pause_ms_max = number,
                "look_every" => plan.look_every = number.max(1),
                // Ends it early, whatever is still to do.
                "seconds" => {
                    let seconds = Duration::from_secs(u64::try_from(number).unwrap());
                    plan.until = Some(std::time::Instant::now() + seconds);
                }
                other => panic!("no such word in a plan: {other}"),
            }
        }
        plan
    }

    /// One of those that are left, in proportion to how many are.
    pub(crate) fn next(&self, done: &Counts, chance: &mut Chance) -> Option<Fault> {
        if self
            .until
            .is_some_and(|until| std::time::Instant::now() > until)
        {
            return None;
        }
        let left = [
            (Fault::Kill, self.wanted.kills - done.kills),
            (Fault::Zombie, self.wanted.zombies - done.zombies),
            (Fault::Leave, self.wanted.leaves - done.leaves),
            (
                Fault::BrokerKill,
                self.wanted.broker_kills - done.broker_kills,
            ),
            (
                Fault::BrokerPause,
                self.wanted.broker_pauses - done.broker_pauses,
            ),
        ];
        let sum: usize = left.iter().map(|(_, count)| count).sum();
        if sum == 0 {
            return None;
        }
        let mut at = chance.below(sum);
        for (fault, count) in left {
            if at < count {
                return Some(fault);
            }
            at -= count;
        }
        None
    }

    pub(crate) fn report(&self, said: &str) {
        if let Ok(file) = std::env::var(REPORT_VARIABLE) {
            std::fs::write(file, format!("seed {}: {said}\n", self.seed)).unwrap();
        }
    }
}

impl Counts {
    pub(crate) fn strike(
        &mut self,
        fault: Fault,
        scene: &mut Scene,
        worker: usize,
        chance: &mut Chance,
        pause_ms_max: usize,
    ) {
        match fault {
            Fault::Kill => {
                scene.kill(worker);
                self.kills += 1;
            }
            Fault::Zombie => {
                scene.stop(worker);
                scene.feed(40);
                wait(Duration::from_millis(u64::try_from(STOPPED_MS).unwrap()));
                scene.resume_all();
                self.zombies += 1;
            }
            Fault::Leave => {
                scene.leave(worker);
                self.leaves += 1;
            }
            Fault::BrokerKill => {
                broker("kill", chance.below(BROKERS));
                scene.feed(40);
                all_brokers("up");
                self.broker_kills += 1;
            }
            Fault::BrokerPause => {
                let one = chance.below(BROKERS);
                broker("pause", one);
                let ms = 500 + chance.below(pause_ms_max.max(500));
                wait(Duration::from_millis(u64::try_from(ms).unwrap()));
                broker("resume", one);
                self.broker_pauses += 1;
            }
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} workers killed, {} stopped past their session and resumed, {} left and joined, broker killed {} times and paused {} times",
            self.kills, self.zombies, self.leaves, self.broker_kills, self.broker_pauses
        )
    }
}

/// xorshift64*: the same seed strikes in the same order.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.max(1))
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(high).unwrap() % limit
    }
}
