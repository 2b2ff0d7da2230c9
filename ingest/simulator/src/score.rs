//! How close an answer came to the truth. Pure: truth and answer in, numbers out.
//!
//! Grouping is scored by B-cubed over the live source records: for each record, which part of its
//! group tells of its event (precision), and which part of its event's records is in its group
//! (recall), averaged with the records' weights. The live fragments of one sleep by one device
//! weigh 1 together, wholes of a multisport and candidates are left out, and a record in no live
//! thing counts as a group of its own. The score of a tag averages over the records of the events
//! that carry it.
//!
//! It works athlete by athlete and keeps only sums and errors, so that a large world streams.

mod baseline;
mod bcubed;
mod result;
mod rival;

use std::collections::{BTreeMap, BTreeSet};

pub use crate::score::baseline::baselines;
pub use crate::score::result::{
    Bcubed, Counts, FieldErrors, Pairs, Score, Spread, Suspects, SweatMethodScore, SweatScore,
};
pub use crate::score::rival::{Fields, Rival};

use crate::score::bcubed::{Grouping, Sums};
use crate::score::rival::Rivals;
use crate::truth::{AthleteTruth, EventKind, TruthEvent};

/// A live session, night or nap of the answer.
#[derive(Clone, Debug, PartialEq)]
pub struct ThingTold {
    pub id: String,
    pub athlete_id: String,
    /// `Session` in `Told::sessions`; `Night` or `Nap` in `Told::nights`.
    pub kind: EventKind,
    /// (source, provider id) of each member; those with the role `deleted` may be left in.
    pub members: Vec<(String, String)>,
    /// Microseconds UTC.
    pub start: i64,
    pub end: i64,
    pub distance_m: Option<f64>,
    pub timer_s: Option<f64>,
    /// Sleep only.
    pub asleep_s: Option<f64>,
    pub sport: Option<String>,
    pub container: bool,
    /// Ids of other things that may be the same.
    pub candidates: Vec<String>,
}

/// A live loss of the answer, millilitres.
#[derive(Clone, Debug, PartialEq)]
pub struct LossTold {
    pub session_id: String,
    pub median_ml: f64,
    pub lo90_ml: f64,
    pub hi90_ml: f64,
    pub method: String,
}

/// The answer: of one athlete for [`Scorer::add`], of all for [`score`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Told {
    pub sessions: Vec<ThingTold>,
    pub nights: Vec<ThingTold>,
    pub losses: Vec<LossTold>,
}

/// Scores a whole answer at once. Things of athletes without truth are counted as live and fit
/// nothing.
pub fn score(truth: impl IntoIterator<Item = AthleteTruth>, told: Told) -> Score {
    let mut by_athlete: BTreeMap<String, Told> = BTreeMap::new();
    let mut owner: BTreeMap<String, String> = BTreeMap::new();
    for thing in told.sessions {
        owner.insert(thing.id.clone(), thing.athlete_id.clone());
        by_athlete
            .entry(thing.athlete_id.clone())
            .or_default()
            .sessions
            .push(thing);
    }
    for thing in told.nights {
        by_athlete
            .entry(thing.athlete_id.clone())
            .or_default()
            .nights
            .push(thing);
    }
    for loss in told.losses {
        if let Some(athlete) = owner.get(&loss.session_id) {
            by_athlete
                .entry(athlete.clone())
                .or_default()
                .losses
                .push(loss);
        }
    }
    let mut scorer = Scorer::new();
    for athlete in truth {
        let told = by_athlete.remove(&athlete.athlete_id).unwrap_or_default();
        scorer.add(&athlete, &told);
    }
    for (athlete_id, told) in by_athlete {
        scorer.add(
            &AthleteTruth {
                athlete_id,
                ..AthleteTruth::default()
            },
            &told,
        );
    }
    scorer.finish()
}

/// The score of a world that arrives athlete by athlete.
#[derive(Default)]
pub struct Scorer {
    sessions: Tagged,
    nights: Tagged,
    counts: Counts,
    start_s: Vec<f64>,
    end_s: Vec<f64>,
    distance_pct: Vec<f64>,
    duration_pct: Vec<f64>,
    sleep_start_s: Vec<f64>,
    sleep_end_s: Vec<f64>,
    asleep_s: Vec<f64>,
    rivals: Rivals,
    pairs: Pairs,
    suspects: Suspects,
    sport_right: Vec<bool>,
    sweat: BTreeMap<String, Vec<(f64, bool)>>,
}

impl Scorer {
    pub fn new() -> Self {
        Self::default()
    }

    /// One athlete: its truth, and the answer about it.
    pub fn add(&mut self, truth: &AthleteTruth, told: &Told) {
        let sessions = Grouping::new(truth, &told.sessions, |kind| !kind.is_sleep());
        let nights = Grouping::new(truth, &told.nights, EventKind::is_sleep);
        self.sessions.add(&sessions, truth);
        self.nights.add(&nights, truth);
        self.pairs.add(sessions.pairs());
        self.suspects.add(suspects(truth, told));
        self.counts.records += sessions.records() + nights.records();
        self.counts.records_alone += sessions.alone() + nights.alone();
        self.count(truth, told);
        let events: BTreeMap<&str, &TruthEvent> = truth
            .events
            .iter()
            .map(|event| (event.event_id.as_str(), event))
            .collect();
        for (thing, event_id) in sessions.matches() {
            if let Some(event) = events.get(event_id) {
                self.compare_session(thing, event, told);
                self.rivals.add(thing, event, &truth.records);
            }
        }
        for (thing, event_id) in nights.matches() {
            if let Some(event) = events.get(event_id) {
                self.sleep_start_s
                    .push(seconds_apart(thing.start, event.start));
                self.sleep_end_s.push(seconds_apart(thing.end, event.end));
                let asleep_s = event.duration_s as f64;
                self.asleep_s
                    .extend(thing.asleep_s.map(|told| (told - asleep_s).abs()));
            }
        }
    }

    pub fn finish(self) -> Score {
        let mut all = Vec::new();
        let mut by_method = BTreeMap::new();
        for (method, errors) in self.sweat {
            all.extend_from_slice(&errors);
            by_method.insert(method, sweat_score(errors));
        }
        let right = self.sport_right.iter().filter(|right| **right).count();
        Score {
            sessions: self.sessions.all.score(),
            nights: self.nights.all.score(),
            session_tags: self.sessions.by_tag(),
            night_tags: self.nights.by_tag(),
            pairs: self.pairs,
            suspects: self.suspects,
            rivals: self.rivals.finish(),
            counts: self.counts,
            field_errors: FieldErrors {
                start_s: spread(self.start_s),
                end_s: spread(self.end_s),
                distance_pct: spread(self.distance_pct),
                duration_pct: spread(self.duration_pct),
                sleep_start_s: spread(self.sleep_start_s),
                sleep_end_s: spread(self.sleep_end_s),
                asleep_s: spread(self.asleep_s),
                sport_right: part(right, self.sport_right.len()),
            },
            sweat: SweatScore {
                overall: sweat_score(all),
                by_method,
            },
        }
    }

    fn count(&mut self, truth: &AthleteTruth, told: &Told) {
        let counts = &mut self.counts;
        for thing in told.sessions.iter().filter(|thing| !thing.container) {
            match thing.kind {
                EventKind::Session => counts.sessions_live += 1,
                EventKind::Night => counts.nights_live += 1,
                EventKind::Nap => counts.naps_live += 1,
            }
        }
        for thing in &told.nights {
            match thing.kind {
                EventKind::Nap => counts.naps_live += 1,
                EventKind::Session | EventKind::Night => counts.nights_live += 1,
            }
        }
        for event in truth.events.iter().filter(|event| event.told) {
            match event.kind {
                EventKind::Session => counts.sessions_truth += 1,
                EventKind::Night => counts.nights_truth += 1,
                EventKind::Nap => counts.naps_truth += 1,
            }
        }
    }

    fn compare_session(&mut self, thing: &ThingTold, event: &TruthEvent, told: &Told) {
        self.start_s.push(seconds_apart(thing.start, event.start));
        self.end_s.push(seconds_apart(thing.end, event.end));
        self.distance_pct
            .extend(percent_apart(thing.distance_m, event.distance_m));
        let duration = Some(event.duration_s as f64);
        self.duration_pct
            .extend(percent_apart(thing.timer_s, duration));
        if let Some(sport) = &thing.sport {
            self.sport_right.push(event.sport.as_ref() == Some(sport));
        }
        let Some(true_ml) = event.fluid_lost_ml.filter(|ml| *ml > 0.0) else {
            return;
        };
        for loss in told
            .losses
            .iter()
            .filter(|loss| loss.session_id == thing.id)
        {
            let inside = (loss.lo90_ml..=loss.hi90_ml).contains(&true_ml);
            let error = percent_apart(Some(loss.median_ml), Some(true_ml)).unwrap_or(100.0);
            self.sweat
                .entry(loss.method.clone())
                .or_default()
                .push((error, inside));
        }
    }
}

/// The sums over all records, and over those of the events that carry a tag.
#[derive(Default)]
struct Tagged {
    all: Sums,
    tags: BTreeMap<String, Sums>,
}

impl Tagged {
    fn add(&mut self, grouping: &Grouping<'_>, truth: &AthleteTruth) {
        self.all.add(grouping, |_| true);
        let mut tags: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for event in &truth.events {
            for tag in &event.tags {
                tags.entry(tag).or_default().insert(&event.event_id);
            }
        }
        for (tag, events) in tags {
            let sums = self.tags.entry(tag.to_owned()).or_default();
            sums.add(grouping, |event| events.contains(event));
        }
    }

    /// Without those that no record of this kind carries.
    fn by_tag(&self) -> BTreeMap<String, Bcubed> {
        let scores = self
            .tags
            .iter()
            .map(|(tag, sums)| (tag.clone(), sums.score()));
        scores.filter(|(_, score)| score.records > 0).collect()
    }
}

/// What became of the records that no rule may group by itself.
fn suspects(truth: &AthleteTruth, told: &Told) -> Suspects {
    let mut found = Suspects::default();
    for record in &truth.records {
        if !record.live || !record.candidate {
            continue;
        }
        let key = (record.source.clone(), record.provider_id.clone());
        let home = told
            .sessions
            .iter()
            .find(|thing| thing.members.contains(&key));
        found.records += 1;
        found.joined += u64::from(home.is_some_and(|thing| thing.members.len() > 1));
        found.listed += u64::from(home.is_some_and(|thing| !thing.candidates.is_empty()));
    }
    found
}

fn seconds_apart(told: i64, truth: i64) -> f64 {
    told.abs_diff(truth) as f64 / 1e6
}

fn percent_apart(told: Option<f64>, truth: Option<f64>) -> Option<f64> {
    let truth = truth.filter(|truth| *truth > 0.0)?;
    Some(100.0 * (told? - truth).abs() / truth)
}

fn part(some: usize, all: usize) -> Option<f64> {
    (all > 0).then(|| some as f64 / all as f64)
}

fn sweat_score(errors: Vec<(f64, bool)>) -> SweatMethodScore {
    let inside = errors.iter().filter(|(_, inside)| *inside).count();
    let coverage_90 = part(inside, errors.len());
    let spread = spread(errors.into_iter().map(|(error, _)| error).collect());
    SweatMethodScore {
        count: spread.count,
        median_abs_error_pct: spread.median,
        coverage_90,
    }
}

/// Nearest-rank percentiles.
fn spread(mut errors: Vec<f64>) -> Spread {
    errors.sort_by(f64::total_cmp);
    let rank = |part: f64| {
        let rank = (part * errors.len() as f64).ceil() as usize;
        errors.get(rank.saturating_sub(1)).copied()
    };
    Spread {
        count: errors.len() as u64,
        median: rank(0.5),
        p95: rank(0.95),
    }
}

#[cfg(test)]
mod tests;
