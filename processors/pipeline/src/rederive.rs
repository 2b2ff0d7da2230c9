//! An athlete again, by the rules of today: what the log tells them, with the names and numbers that
//! were given out before.
//!
//! What was observed comes from a fresh reading of the log, because rules also say how a payload is
//! read; what was published comes from the state that was kept, so that ids stick and revisions
//! rise. Then everything is looked at, and said again where its content differs.

use std::collections::{BTreeMap, BTreeSet};

use schemas::record::Micros;
use schemas::record::state::{
    AthleteHead, LossState, NightState, PublishedState, SessionState, SlotState,
};
use stream_log::{
    BucketId, Buckets, CounterChange, Key, LogTime, Processor, Record, TimerChange, Undecodable,
};

use crate::bucket::{Bucket, Day};
use crate::processor::Pipeline;
use crate::topology;

/// State of one athlete as it is stored.
pub type StoredState = [(BucketId, Vec<u8>)];

/// What has to be committed, in one step, for one athlete.
#[derive(Debug)]
pub struct Rederived {
    pub emit: Vec<Record>,
    /// Only what differs from what is stored.
    pub state: Vec<(BucketId, Option<Vec<u8>>)>,
    pub timers: Vec<TimerChange>,
    pub counters: Vec<CounterChange>,
    pub differences: Vec<Difference>,
}

/// One thing that other rules see otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// `session`, `night`, `loss`, `recommendation` or `profile`.
    pub kind: &'static str,
    pub id: String,
    /// `revised`, `retracted` or `new`.
    pub change: &'static str,
    /// A session of other records than before.
    pub regrouped: bool,
    /// The values that differ: name, before, after.
    pub values: Vec<(&'static str, Option<String>, Option<String>)>,
}

impl Pipeline {
    /// The rules by which everything in a stored head was derived.
    pub fn derived_under(&self, head: &[u8]) -> Result<String, Undecodable> {
        self.decode_head(head).map(|head| head.rules_id)
    }

    /// An athlete's state by the rules of today. `kept` is what is stored, `read` what a fresh
    /// reading of the log gave by the same rules.
    pub fn rederive(
        &self,
        athlete: &Key,
        kept: &StoredState,
        read: &StoredState,
    ) -> Result<Rederived, Undecodable> {
        let (kept_head, kept_buckets) = self.decoded(kept)?;
        let (read_head, read_buckets) = self.decoded(read)?;
        let buckets = grafted(&kept_buckets, read_buckets);
        let head = AthleteHead {
            rules_id: self.rules_id().to_owned(),
            logical_time: kept_head.logical_time.max(read_head.logical_time),
            days: days_of(&buckets).map(|(day, _)| day).collect(),
            profile: kept_head.profile.clone(),
            hold: kept_head.hold.clone(),
            told_at: kept_head.told_at.max(read_head.told_at),
            ..read_head
        };
        let now = LogTime(head.logical_time.0);
        let effects = topology::all_again(self.rules(), athlete, now, &head, &buckets);
        let mut after = buckets;
        let mut rederived = Rederived {
            differences: Vec::new(),
            state: Vec::new(),
            emit: effects.emit,
            timers: effects.timers,
            counters: effects.counters,
        };
        for (id, bucket) in effects.buckets {
            match bucket {
                Some(bucket) => after.insert(id, bucket),
                None => after.remove(&id),
            };
        }
        let head = effects.head.unwrap_or(head);
        rederived.differences = differences(athlete, (&kept_head, &kept_buckets), (&head, &after));
        rederived.state = self.changed(kept, &head, &after);
        Ok(rederived)
    }

    fn decoded(&self, stored: &StoredState) -> Result<(AthleteHead, Buckets<Bucket>), Undecodable> {
        let mut head = AthleteHead::default();
        let mut buckets = Buckets::new();
        for (id, bytes) in stored {
            match *id {
                BucketId::QUARANTINE => {}
                BucketId::HEAD => head = self.decode_head(bytes)?,
                id => drop(buckets.insert(id, Bucket::decode(bytes)?)),
            }
        }
        Ok((head, buckets))
    }

    fn changed(
        &self,
        kept: &StoredState,
        head: &AthleteHead,
        after: &Buckets<Bucket>,
    ) -> Vec<(BucketId, Option<Vec<u8>>)> {
        let empty = Bucket::default();
        let mut due: BTreeMap<BucketId, Vec<u8>> = after
            .iter()
            .filter(|(_, bucket)| **bucket != empty)
            .map(|(id, bucket)| (*id, bucket.encode()))
            .collect();
        due.insert(BucketId::HEAD, self.encode_head(head));
        let mut changes = Vec::new();
        for (id, before) in kept {
            if *id == BucketId::QUARANTINE {
                continue;
            }
            match due.remove(id) {
                Some(bytes) if bytes == *before => {}
                other => changes.push((*id, other)),
            }
        }
        changes.extend(due.into_iter().map(|(id, bytes)| (id, Some(bytes))));
        changes
    }
}

/// What was observed as it is read today, and what was published as it stands.
fn grafted(kept: &Buckets<Bucket>, read: Buckets<Bucket>) -> Buckets<Bucket> {
    let mut buckets: Buckets<Bucket> = BTreeMap::new();
    for (day, published) in days_of(kept) {
        let published = Day {
            observations: Vec::new(),
            ..published.clone()
        };
        buckets.insert(BucketId(day), Bucket::Day(published));
    }
    for (id, bucket) in read {
        match (bucket, buckets.get_mut(&id)) {
            (Bucket::Day(read), Some(Bucket::Day(day))) => day.observations = read.observations,
            (Bucket::Day(read), _) => {
                let observed = Day {
                    observations: read.observations,
                    ..Day::default()
                };
                buckets.insert(id, Bucket::Day(observed));
            }
            (index @ Bucket::Index(_), _) => drop(buckets.insert(id, index)),
        }
    }
    buckets.retain(|_, bucket| *bucket != Bucket::default());
    buckets
}

fn days_of(buckets: &Buckets<Bucket>) -> impl Iterator<Item = (i32, &Day)> {
    buckets.iter().filter_map(|(id, bucket)| match bucket {
        Bucket::Day(day) => Some((id.0, day)),
        Bucket::Index(_) => None,
    })
}

/// One published thing, for comparing.
struct Said {
    content: String,
    members: BTreeSet<String>,
    values: Vec<(&'static str, String)>,
}

type AllSaid = BTreeMap<(&'static str, String), Said>;

fn differences(
    athlete: &Key,
    before: (&AthleteHead, &Buckets<Bucket>),
    after: (&AthleteHead, &Buckets<Bucket>),
) -> Vec<Difference> {
    let (mut before, after) = (all(athlete, before), all(athlete, after));
    let mut found = Vec::new();
    for ((kind, id), now) in after {
        let was = before.remove(&(kind, id.clone()));
        if was.as_ref().is_some_and(|was| was.content == now.content) {
            continue;
        }
        found.push(difference(kind, id, was, Some(now)));
    }
    for ((kind, id), was) in before {
        found.push(difference(kind, id, Some(was), None));
    }
    found.sort_by(|a, b| (a.kind, &a.id).cmp(&(b.kind, &b.id)));
    found
}

fn difference(kind: &'static str, id: String, was: Option<Said>, now: Option<Said>) -> Difference {
    let change = match (&was, &now) {
        (_, None) => "retracted",
        (None, _) => "new",
        _ => "revised",
    };
    let regrouped = match (&was, &now) {
        (Some(was), Some(now)) => was.members != now.members,
        _ => kind == "session",
    };
    let side = |said: Option<Said>| -> BTreeMap<&'static str, String> {
        said.map_or_else(BTreeMap::new, |said| said.values.into_iter().collect())
    };
    let (mut was, mut now) = (side(was), side(now));
    let names: BTreeSet<&'static str> = was.keys().chain(now.keys()).copied().collect();
    let values = names
        .into_iter()
        .map(|name| (name, was.remove(name), now.remove(name)))
        .filter(|(_, was, now)| was != now)
        .collect();
    Difference {
        kind,
        id,
        change,
        regrouped,
        values,
    }
}

/// Everything that is live.
fn all(athlete: &Key, (head, buckets): (&AthleteHead, &Buckets<Bucket>)) -> AllSaid {
    let mut said = AllSaid::new();
    let mut add = |kind, id: &str, published: &PublishedState, members: &[String], values| {
        if published.live {
            let one = Said {
                content: published.content_hash.clone(),
                members: members.iter().cloned().collect(),
                values,
            };
            said.insert((kind, id.to_owned()), one);
        }
    };
    for (_, day) in days_of(buckets) {
        for state in &day.sessions {
            let id = state.session_id.as_str();
            add(
                "session",
                id,
                &state.published,
                &state.members,
                of_session(state),
            );
            if let Some(loss) = &state.loss {
                add("loss", id, &loss.published, &[], of_loss(loss));
            }
        }
        for state in &day.nights {
            let id = state.night_id.as_str();
            add(
                "night",
                id,
                &state.published,
                &state.members,
                of_night(state),
            );
        }
        for slot in &day.slots {
            add(
                "recommendation",
                &slot.slot,
                &slot.published,
                &[],
                of_slot(slot),
            );
        }
    }
    if let Some(profile) = &head.profile {
        add("profile", athlete.as_str(), profile, &[], Vec::new());
    }
    said
}

fn of_session(state: &SessionState) -> Vec<(&'static str, String)> {
    let mut values = vec![
        ("start", instant(state.start)),
        ("end", instant(state.end)),
        ("sport", state.sport.clone()),
        ("duration_s", state.duration_s.to_string()),
        ("members", state.members.join(" ")),
    ];
    values.extend(
        state
            .energy_kj
            .map(|energy| ("energy_kj", energy.to_string())),
    );
    values
}

fn of_night(state: &NightState) -> Vec<(&'static str, String)> {
    vec![
        ("start", instant(state.start)),
        ("end", instant(state.end)),
        ("local_date", state.local_date.clone()),
        ("members", state.members.join(" ")),
    ]
}

fn of_loss(loss: &LossState) -> Vec<(&'static str, String)> {
    let mut values = vec![
        ("method", loss.method.clone()),
        ("fluid_ml", loss.fluid_ml.to_string()),
    ];
    values.extend(
        loss.sodium_mg
            .map(|sodium| ("sodium_mg", sodium.to_string())),
    );
    values
}

fn of_slot(slot: &SlotState) -> Vec<(&'static str, String)> {
    let mut values = vec![("valid_until", instant(slot.valid_until))];
    values.extend(slot.fluid_ml.map(|fluid| ("fluid_ml", fluid.to_string())));
    values
}

fn instant(at: Micros) -> String {
    chrono::DateTime::from_timestamp_micros(at.0).map_or_else(
        || at.0.to_string(),
        |at| at.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
    )
}
