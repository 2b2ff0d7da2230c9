//! Athletes one by one: a life, what is told of it, and the truth.

mod stamped;

use std::collections::{BTreeMap, BTreeSet};

use crate::account::StravaAccount;
use crate::app;
use crate::delivery::{Delivery, Method, Source};
use crate::dice::Dice;
use crate::habits;
use crate::life::{Day, Session, Sleep, Span, live};
use crate::options::{Mix, WorldOptions};
use crate::person::Person;
use crate::telling::{Tale, tell};
use crate::time::{DAY, HOUR, MICROS, MINUTE};
use crate::truth::{AthleteTruth, EventKind, TruthEvent, TruthLine, TruthRecord, TruthWorld};
use crate::weather::Cell;

pub use crate::world::stamped::StampedItem;

/// Seeds tried for a small world that is small enough, before it gets fewer days.
const SMALL_ATTEMPTS: u64 = 16;
const SMALL_DAYS_MAX: u32 = 3;

/// One athlete: who they are, everything sent about them, and what was true.
#[derive(Clone, Debug, PartialEq)]
pub struct AthleteWorld {
    pub athlete_id: String,
    /// The PUTs that make the athlete known and link the accounts; they go first.
    pub registrations: Vec<Delivery>,
    /// In the order the world sends them. Garmin's hold one item each; [`crate::blocks`] mixes
    /// them over athletes, as Garmin does.
    pub deliveries: Vec<Delivery>,
    pub truth: AthleteTruth,
    /// What Strava would answer, where the athlete linked an account.
    pub strava: Option<StravaAccount>,
    /// Hours and places whose weather the athlete's sessions need.
    pub weather: Vec<WeatherNeed>,
    /// The world's last instant, microseconds.
    pub(crate) end: i64,
}

/// An hour of an outdoor session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WeatherNeed {
    pub cell: Cell,
    /// When somebody may know of it at the earliest and ask; microseconds.
    pub known_at: i64,
}

impl AthleteWorld {
    /// Items in all deliveries, as receivers count them.
    pub fn items(&self) -> usize {
        self.registrations
            .iter()
            .chain(&self.deliveries)
            .map(|delivery| delivery.items)
            .sum()
    }

    /// All that a pipeline would read of this athlete: items, what fetches bring, the weather.
    pub fn facts(&self) -> usize {
        self.items() + self.fetched().len() + self.weather_answers().len()
    }
}

/// The world of `options`, athlete by athlete; nothing of it is kept.
pub fn world(options: WorldOptions) -> impl Iterator<Item = AthleteWorld> {
    world_of(options, Mix::default())
}

/// As [`world`], with other habits and mishaps.
pub fn world_of(options: WorldOptions, mix: Mix) -> impl Iterator<Item = AthleteWorld> {
    let options = options.clamped();
    (0..options.athletes).map(move |index| athlete(options, &mix, index))
}

/// The first line of the truth file.
pub fn world_line(options: WorldOptions) -> TruthLine {
    let WorldOptions {
        athletes,
        days,
        seed,
        end,
    } = options.clamped();
    TruthLine::World(TruthWorld {
        athletes,
        days,
        seed,
        start: options.clamped().start(),
        end,
    })
}

/// One athlete with at most `max_facts` [facts](AthleteWorld::facts), for property tests: the longest world of up to three
/// days that is small enough. Ends at `end`, microseconds.
pub fn small_world(seed: u64, max_facts: usize, end: i64) -> AthleteWorld {
    let mut days = SMALL_DAYS_MAX;
    loop {
        for attempt in 0..SMALL_ATTEMPTS {
            let seed = seed.wrapping_add(attempt.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let options = WorldOptions {
                athletes: 1,
                days,
                seed,
                end,
            }
            .clamped();
            let mut made = athlete(options, &Mix::small(), 0);
            if days == 0 {
                made.deliveries.clear();
                made.truth = AthleteTruth {
                    athlete_id: made.athlete_id.clone(),
                    ..Default::default()
                };
                made.weather.clear();
                if let Some(account) = &mut made.strava {
                    account.activities.clear();
                }
                return made;
            }
            if made.facts() <= max_facts {
                return made;
            }
        }
        days = days.saturating_sub(1);
    }
}

fn athlete(options: WorldOptions, mix: &Mix, index: u32) -> AthleteWorld {
    let span = Span {
        start: options.start().div_euclid(MICROS),
        end: options.end.div_euclid(MICROS),
    };
    let mut dice = Dice::new(options.seed, index);
    let mut person = Person::draw(index, &mut dice, mix);
    let mut scenes = habits::dice(options.seed, index);
    habits::settle(&mut person, &mut scenes, mix, options.seed, span);
    let days = live(&person, (&mut dice, &mut scenes), mix, span);
    let tale = tell(&person, &mut dice, mix, span, &days);
    let Tale {
        deliveries,
        mut records,
        strava,
        deauthorised_at,
        tags,
        mut guests,
    } = tale;
    weigh_fragments(&mut records);
    let account = person.strava.as_ref().map(|habits| StravaAccount {
        athlete_id: person.athlete_id.clone(),
        account_id: habits.account_id.clone(),
        access_token: habits.access_token.clone(),
        refresh_token: habits.refresh_token.clone(),
        expires_at: expiry(index, span),
        deauthorised_at,
        activities: strava,
    });
    AthleteWorld {
        athlete_id: person.athlete_id.clone(),
        registrations: register(&person, account.as_ref(), options.start()),
        deliveries,
        truth: AthleteTruth {
            athlete_id: person.athlete_id.clone(),
            events: {
                let mut events = events(&person, &days);
                events.append(&mut guests);
                finish(&person, &mut events, &records, &tags);
                events
            },
            records,
        },
        strava: account,
        weather: weather(&person, &days, span),
        end: options.end,
    }
}

/// Access tokens of registrations are dead for weeks, or die during the world or soon after.
fn expiry(index: u32, span: Span) -> i64 {
    match index % 3 {
        0 => span.start - DAY,
        1 => span.start + 20 * MINUTE,
        _ => span.end + HOUR,
    }
}

fn weather(person: &Person, days: &[Day], span: Span) -> Vec<WeatherNeed> {
    let mut needs = Vec::new();
    for session in days.iter().flat_map(|day| &day.sessions) {
        let last = session.end.div_euclid(HOUR);
        let hours = session.start.div_euclid(HOUR)..=last;
        for hour in hours.filter(|_| !session.sport.indoor) {
            let at = (session.end + 10 * MINUTE).min(span.end);
            let home = person.home_at(session.start);
            needs.push(WeatherNeed {
                cell: Cell::around(home.latitude, home.longitude, hour * HOUR),
                known_at: at * MICROS,
            });
        }
    }
    needs
}

fn register(person: &Person, strava: Option<&StravaAccount>, at: i64) -> Vec<Delivery> {
    let path = format!("/v1/athletes/{}", person.athlete_id);
    let put = |path: String, body: String| Delivery::json(at, Method::Put, path, Source::App, body);
    let mut registrations = vec![put(path.clone(), app::profile(person))];
    if let Some(watch) = &person.garmin {
        let body = serde_json::json!({"account_id": watch.user_id}).to_string();
        let mut link = put(format!("{path}/connections/garmin"), body);
        link.items = 0;
        registrations.push(link);
    }
    if let Some(account) = strava {
        let body = serde_json::json!({
            "account_id": account.account_id,
            "access_token": account.access_token,
            "refresh_token": account.refresh_token,
            "expires_at": account.expires_at,
            "scopes": ["read", "activity:read_all"],
        });
        let mut link = put(format!("{path}/connections/strava"), body.to_string());
        link.items = 0;
        registrations.push(link);
    }
    registrations
}

/// The live records of one event by one device weigh 1 together.
fn weigh_fragments(records: &mut [TruthRecord]) {
    let mut counts: BTreeMap<(String, String), u32> = BTreeMap::new();
    for record in records.iter().filter(|record| record.live) {
        let key = (record.event_id.clone(), record.device.clone());
        *counts.entry(key).or_default() += 1;
    }
    for record in records {
        let key = (record.event_id.clone(), record.device.clone());
        let count = counts.get(&key).copied().unwrap_or(1);
        record.weight = 1.0 / f64::from(count.max(1));
    }
}

fn events(person: &Person, days: &[Day]) -> Vec<TruthEvent> {
    let mut events = Vec::new();
    for day in days {
        let sleeps = day
            .night
            .iter()
            .chain(&day.nap)
            .map(|sleep| sleep_event(person, sleep));
        events.extend(sleeps);
        events.extend(
            day.sessions
                .iter()
                .map(|session| session_event(person, session)),
        );
    }
    events
}

/// What is known of the events once all was told: by whom, and what made that hard.
fn finish(
    person: &Person,
    events: &mut [TruthEvent],
    records: &[TruthRecord],
    tags: &BTreeSet<(String, &'static str)>,
) {
    let mut by_event: BTreeMap<&str, Vec<&TruthRecord>> = BTreeMap::new();
    for record in records {
        by_event.entry(&record.event_id).or_default().push(record);
    }
    for event in events {
        let mine = by_event.get(event.event_id.as_str());
        let mine = mine.map(Vec::as_slice).unwrap_or_default();
        event.told = mine.iter().any(|record| record.live);
        let told = tags.iter().filter(|(id, _)| *id == event.event_id);
        event.tags.extend(told.map(|(_, tag)| (*tag).to_owned()));
        let told_by = told_tags(person, event, mine);
        event.tags.extend(told_by.into_iter().map(str::to_owned));
        event.tags.sort_unstable();
        event.tags.dedup();
    }
}

/// What follows from who told of it, where, and when.
fn told_tags(person: &Person, event: &TruthEvent, told: &[&TruthRecord]) -> Vec<&'static str> {
    let devices: BTreeSet<&str> = told
        .iter()
        .filter(|record| record.live)
        .map(|record| record.device.as_str())
        .collect();
    let by = |source: &str| told.iter().any(|record| record.source == source);
    let gone = told.iter().any(|record| !record.live);
    let at = event.start / MICROS;
    let sleeps = event.kind.is_sleep();
    let two_trackers = devices.contains("garmin") && devices.contains("apple_watch");
    let clock_changed = person.offset_at(at) != person.offset_at(event.end / MICROS);
    let flew = person.home_at(at).zone != person.home_at(event.end / MICROS).zone;
    let late_linked = person.habits.linked_at.is_some_and(|linked| at < linked);
    let tags = [
        (gone && event.told && !sleeps, "deleted_on_one_side"),
        (two_trackers, "two_trackers"),
        (
            by("healthkit") && person.phone.sync_hours > 24.0,
            "late_burst",
        ),
        (by("garmin") && late_linked, "backfill"),
        (sleeps && flew, "flight_night"),
        (sleeps && clock_changed && !flew, "clock_change"),
        (sleeps && person.habits.shift != 0, "day_sleep"),
        (event.kind == EventKind::Nap, "nap"),
        (!sleeps && person.is_away(at), "away"),
    ];
    let holds = tags.into_iter().filter(|(holds, _)| *holds);
    holds.map(|(_, tag)| tag).collect()
}

fn sleep_event(person: &Person, sleep: &Sleep) -> TruthEvent {
    TruthEvent {
        event_id: sleep.event_id.clone(),
        athlete_id: person.athlete_id.clone(),
        kind: if sleep.nap {
            EventKind::Nap
        } else {
            EventKind::Night
        },
        sport: None,
        start: sleep.start * MICROS,
        end: sleep.end * MICROS,
        duration_s: sleep.asleep_s(),
        distance_m: None,
        fluid_lost_ml: None,
        sodium_lost_mg: None,
        told: false,
        tags: Vec::new(),
    }
}

fn session_event(person: &Person, session: &Session) -> TruthEvent {
    TruthEvent {
        event_id: session.event_id.clone(),
        athlete_id: person.athlete_id.clone(),
        kind: EventKind::Session,
        sport: Some(session.sport.name.to_owned()),
        start: session.start * MICROS,
        end: session.end * MICROS,
        duration_s: session.timer_s,
        distance_m: session.distance_m,
        fluid_lost_ml: Some(session.sweat_ml),
        sodium_lost_mg: Some(session.sodium_mg),
        told: false,
        tags: session.tags.iter().map(|tag| (*tag).to_owned()).collect(),
    }
}
