//! What physically happens to an athlete: sleep, sessions and what they cost. Nobody has told of
//! any of it yet.
//!
//! The day's plan keeps things apart that are apart in life: sleep ends before the first session,
//! naps lie between noon and late afternoon, the last session ends before bed. Only events that
//! end inside the world, early enough to be told, exist.

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};

use crate::dice::Dice;
use crate::options::Mix;
use crate::person::Person;
use crate::scene::{self, Around, Scene};
use crate::sport::{self, Sport};
use crate::time::{DAY, HOUR, MINUTE};
use crate::weather::{Cell, weather_at};

/// No event ends later than this before the world does, so that all can be told.
const QUIET_END: i64 = 45 * MINUTE;
/// Minutes of the local day between which sessions lie.
const MORNING_LATEST: f64 = 9.5 * 60.0;
const EVENING: (f64, f64) = (16.8 * 60.0, 18.2 * 60.0);
const EVENING_MINUTES_MAX: f64 = 110.0;
/// From one session to the next, minutes: less than the shortest of these is `back_to_back`.
const GAPS: &[(u32, (i64, i64))] = &[
    (2, (20, 40)),
    (2, (40, 120)),
    (2, (120, 240)),
    (2, (240, 480)),
    (2, (480, 600)),
];
/// With less time from one session to the next, nobody stands on scales in between.
const HURRIED: i64 = 45 * MINUTE;
/// What starts so soon after another is told apart from it by its clock alone.
const BACK_TO_BACK_MAX: i64 = 15 * MINUTE;
/// Nobody sleeps through a second night so soon after the first.
const AWAKE_MIN: i64 = 5 * HOUR;
/// The shortest session worth the name, minutes.
const SESSION_MINUTES_MIN: f64 = 25.0;

/// The world's first and last second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) start: i64,
    pub(crate) end: i64,
}

#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) event_id: String,
    pub(crate) sport: &'static Sport,
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) timer_s: i64,
    pub(crate) distance_m: Option<f64>,
    pub(crate) kcal: f64,
    pub(crate) heart_rate_avg: i64,
    pub(crate) sweat_ml: f64,
    pub(crate) sodium_mg: f64,
    /// Too little time on one side for scales.
    pub(crate) hurried: bool,
    /// One of two that were planned together.
    pub(crate) planned: bool,
    pub(crate) scene: Scene,
    /// What is hard about it, in the truth's words.
    pub(crate) tags: Vec<&'static str>,
    /// The first leg of a race knows the whole.
    pub(crate) race: Option<Race>,
}

/// All legs of a race and the ways between them; it starts with its first leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Race {
    pub(crate) end: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Core,
    Deep,
    Rem,
    Awake,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Fragment {
    pub(crate) stage: Stage,
    pub(crate) start: i64,
    pub(crate) end: i64,
}

#[derive(Clone, Debug)]
pub(crate) struct Sleep {
    pub(crate) event_id: String,
    pub(crate) nap: bool,
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) fragments: Vec<Fragment>,
}

impl Sleep {
    pub(crate) fn asleep_s(&self) -> i64 {
        let asleep = self
            .fragments
            .iter()
            .filter(|fragment| fragment.stage != Stage::Awake);
        asleep.map(|fragment| fragment.end - fragment.start).sum()
    }
}

/// One local day of an athlete.
#[derive(Clone, Debug)]
pub(crate) struct Day {
    pub(crate) date: Date,
    /// Midnight on the wall, as an instant.
    pub(crate) midnight: i64,
    pub(crate) night: Option<Sleep>,
    pub(crate) nap: Option<Sleep>,
    pub(crate) sessions: Vec<Session>,
}

/// All days of an athlete that touch the world, in order.
///
/// `scenes` is the stream of what is unusual: who has nothing unusual draws from `dice` alone.
pub(crate) fn live(
    person: &Person,
    (dice, scenes): (&mut Dice, &mut Dice),
    mix: &Mix,
    span: Span,
) -> Vec<Day> {
    let mut days = Vec::new();
    let first = date_of(person, span.start);
    let last = date_of(person, span.end);
    let mut date = first;
    while date <= last {
        days.push(live_day(
            person,
            (&mut *dice, &mut *scenes),
            mix,
            span,
            date,
        ));
        match date.checked_add(1.day()) {
            Ok(next) => date = next,
            Err(_) => break,
        }
    }
    if !person.habits.stays.is_empty() {
        keep_apart(&mut days);
    }
    days
}

/// A flight east makes days short: what would begin before the last thing was over did not happen.
fn keep_apart(days: &mut [Day]) {
    let mut last = i64::MIN / 2;
    let mut woken = last;
    for day in days {
        let rested =
            |night: &Sleep| night.start > last + HOUR / 2 && night.start > woken + AWAKE_MIN;
        day.night = day.night.take().filter(rested);
        woken = day.night.as_ref().map_or(woken, |night| night.end);
        last = last.max(woken);
        day.sessions.retain(|session| session.start > last);
        day.nap = day
            .nap
            .take()
            .filter(|nap| nap.start > last.max(woken + 2 * HOUR));
        let ends = day.sessions.iter().map(|session| session.end);
        let ends = ends.chain(day.nap.iter().map(|nap| nap.end));
        last = ends.fold(last, i64::max);
    }
}

fn date_of(person: &Person, at: i64) -> Date {
    let at = Timestamp::from_second(at).unwrap_or_default();
    at.to_zoned(person.zone.clone()).date()
}

fn live_day(
    person: &Person,
    (dice, scenes): (&mut Dice, &mut Dice),
    mix: &Mix,
    span: Span,
    date: Date,
) -> Day {
    let zone = person.zone_on(date);
    let midnight = date
        .to_zoned(zone.clone())
        .map_or(span.start, |zoned| zoned.timestamp().as_second());
    // Noon on the wall, then back: minutes of the day mean what the clock shows, also on the day
    // the clock is changed (at night).
    let noon = date
        .at(12, 0, 0, 0)
        .to_zoned(zone.clone())
        .map_or(midnight + DAY / 2, |zoned| zoned.timestamp().as_second());
    let noon = noon + person.habits.shift;
    let clock = |minute: f64| noon + ((minute - 720.0) * 60.0) as i64;
    let inside = |end: i64| end > span.start && end <= span.end - QUIET_END;

    let wake_minute = person.wake_minute + dice.near(0.0, 20.0, 45.0);
    let wake = clock(wake_minute);
    // To bed at half past nine in the evening at the earliest, well after the last session.
    let hours_max = (wake_minute + 150.0) / 60.0;
    let hours = (person.sleep_hours + dice.near(0.0, 0.6, 1.2)).clamp(4.5, hours_max);
    let night = Sleep {
        event_id: format!("{}-night-{date}", person.athlete_id),
        nap: false,
        start: wake - (hours * 3_600.0) as i64,
        end: wake,
        fragments: Vec::new(),
    };
    let night = with_fragments(night, dice, mix);
    let nap = dice
        .chance(mix.nap)
        .then(|| take_nap(person, dice, mix, date, clock(13.0 * 60.0)));
    let sessions = train(person, dice, mix, wake_minute, &clock);
    let mut sessions = stage_all(person, scenes, mix, date, sessions, &clock);
    for (index, session) in sessions.iter_mut().enumerate() {
        session.event_id = format!("{}-session-{date}-{index}", person.athlete_id);
    }
    sessions.retain(|session| inside(session.end));
    // Nobody sleeps while training, or just before and after it.
    let awake = |nap: &Sleep| {
        let near = |session: &Session| {
            session.start - HOUR / 2 < nap.end && session.end + HOUR / 2 > nap.start
        };
        sessions.iter().any(near)
    };
    let nap = nap.filter(|nap| !awake(nap));
    Day {
        date,
        midnight,
        night: Some(night).filter(|night| inside(night.end)),
        nap: nap.filter(|nap| inside(nap.end)),
        sessions,
    }
}

/// What becomes of the day's sessions where some of them are hard.
fn stage_all(
    person: &Person,
    scenes: &mut Dice,
    mix: &Mix,
    date: Date,
    sessions: Vec<Session>,
    clock: &dyn Fn(f64) -> i64,
) -> Vec<Session> {
    let alone = sessions.len() == 1;
    let mut made = Vec::new();
    for mut session in sessions {
        if alone {
            session = scene::ride_together(person, scenes, mix, date, session, clock);
        }
        let early = session.start < clock(MORNING_LATEST) && session.tags.is_empty();
        let around = Around { alone, early };
        made.extend(scene::stage(person, scenes, mix, session, around));
    }
    made
}

fn take_nap(person: &Person, dice: &mut Dice, mix: &Mix, date: Date, one_o_clock: i64) -> Sleep {
    let start = one_o_clock + dice.whole(0, 2 * HOUR);
    let nap = Sleep {
        event_id: format!("{}-nap-{date}", person.athlete_id),
        nap: true,
        start,
        end: start + dice.whole(20, 85) * MINUTE,
        fragments: Vec::new(),
    };
    with_fragments(nap, dice, mix)
}

/// Fills the sleep with stages of 5 to 60 minutes; it starts and ends asleep.
fn with_fragments(mut sleep: Sleep, dice: &mut Dice, mix: &Mix) -> Sleep {
    let mut at = sleep.start;
    let mut stage = Stage::Core;
    while at < sleep.end {
        if sleep.end - at < HOUR && stage == Stage::Awake {
            stage = Stage::Core;
        }
        let minutes = match stage {
            Stage::Awake => dice.between(5.0, 12.0),
            _ => 5.0 + dice.exponential(mix.fragment_min.max(5.0) - 5.0).min(55.0),
        };
        let mut end = at + (minutes * 60.0) as i64;
        if sleep.end - end < 5 * MINUTE {
            end = sleep.end;
        }
        sleep.fragments.push(Fragment {
            stage,
            start: at,
            end,
        });
        at = end;
        stage = next_stage(stage, dice);
    }
    sleep
}

fn next_stage(stage: Stage, dice: &mut Dice) -> Stage {
    match stage {
        Stage::Core => {
            let choices = [(45, Stage::Deep), (45, Stage::Rem), (10, Stage::Awake)];
            dice.weighted(&choices, Stage::Rem)
        }
        Stage::Deep | Stage::Rem | Stage::Awake => Stage::Core,
    }
}

fn train(
    person: &Person,
    dice: &mut Dice,
    mix: &Mix,
    wake_minute: f64,
    clock: &dyn Fn(f64) -> i64,
) -> Vec<Session> {
    let draw = dice.unit();
    let rate_today = person.sweat_multiplier * dice.log_normal(1.0, mix.sweat_day_log_sd);
    let morning = wake_minute + 20.0;
    let sport = sport::choose(dice, person.favourite);
    if draw < mix.two_sessions {
        return train_twice(person, dice, sport, morning, rate_today, mix, clock);
    }
    if draw >= mix.two_sessions + mix.one_session {
        return Vec::new();
    }
    let (start, limit) = if dice.chance(0.45) {
        (dice.between(morning, MORNING_LATEST), 180.0)
    } else {
        (dice.between(EVENING.0, EVENING.1), EVENING_MINUTES_MAX)
    };
    vec![do_session(
        person,
        dice,
        sport,
        clock(start),
        limit,
        rate_today,
        mix,
    )]
}

/// Two sessions: minutes apart, hours apart, or one in the morning and one in the evening.
fn train_twice(
    person: &Person,
    dice: &mut Dice,
    sport: &'static Sport,
    morning: f64,
    rate_today: f64,
    mix: &Mix,
    clock: &dyn Fn(f64) -> i64,
) -> Vec<Session> {
    let go = |dice: &mut Dice, sport, start, minutes_max| {
        do_session(person, dice, sport, start, minutes_max, rate_today, mix)
    };
    let planned = dice.chance(mix.both_planned);
    let same = dice.chance(mix.same_sport_twice);
    let other = if same { sport } else { sport::any(dice) };
    let (one, two) = if dice.chance(mix.back_to_back) {
        let mut first = EVENING.0 + dice.between(0.0, 20.0);
        if dice.chance(0.5) {
            first = dice.between(morning, MORNING_LATEST);
        }
        let one = go(dice, sport, clock(first), 75.0);
        let start = one.end + dice.whole(3, 15) * MINUTE;
        let two = go(dice, other, start, 75.0);
        (one, two)
    } else if dice.chance(mix.gap_of_hours) {
        let first = clock(morning + dice.between(0.0, 60.0));
        let one = go(dice, sport, first, 75.0);
        let (low, high) = dice.weighted(GAPS, (20, 40));
        let gap = dice.whole(low * MINUTE, high * MINUTE);
        let start = (one.end + gap).min(clock(EVENING.1));
        let two = go(dice, other, start, EVENING_MINUTES_MAX);
        (one, two)
    } else {
        let early = clock(dice.between(morning, MORNING_LATEST));
        let late = clock(dice.between(EVENING.0, EVENING.1));
        let one = go(dice, sport, early, 180.0);
        (one, go(dice, other, late, EVENING_MINUTES_MAX))
    };
    let gap = two.start - one.end;
    let mut both = vec![one, two];
    for session in &mut both {
        session.hurried = gap < HURRIED;
        session.planned = planned;
        if gap <= BACK_TO_BACK_MAX {
            session.tags.push("back_to_back");
        } else if same {
            session.tags.push("same_sport_twice");
        }
    }
    both
}

fn do_session(
    person: &Person,
    dice: &mut Dice,
    sport: &'static Sport,
    start: i64,
    minutes_max: f64,
    rate_today: f64,
    mix: &Mix,
) -> Session {
    let (low, high) = sport.minutes;
    let minutes = dice
        .between(low, high)
        .min(minutes_max)
        .max(SESSION_MINUTES_MIN);
    let elapsed = (minutes * 60.0) as i64;
    let paused = if dice.chance(mix.pauses) {
        (elapsed as f64 * dice.between(mix.pause_part.0, mix.pause_part.1)) as i64
    } else {
        0
    };
    let timer_s = elapsed - paused;
    let hours = timer_s as f64 / 3_600.0;
    let effort = dice.unit();
    let speed = sport.speed.map(|(low, high)| low + effort * (high - low));
    let (kcal_low, kcal_high) = sport.kcal_per_kg_h;
    let heat = heat_factor(temperature_c(person, sport, start + elapsed / 2));
    let sweat_ml = rate_today * sport.sweat_l_per_h * heat * hours * 1_000.0;
    let sodium = person.sodium_mmol_per_l * dice.log_normal(1.0, 0.08);
    Session {
        event_id: String::new(),
        sport,
        start,
        end: start + elapsed,
        timer_s,
        distance_m: speed.map(|speed| round(speed * timer_s as f64, 10.0)),
        kcal: (kcal_low + effort * (kcal_high - kcal_low)) * person.mass_kg * hours,
        heart_rate_avg: (110.0 + 50.0 * effort + dice.near(0.0, 6.0, 12.0)) as i64,
        sweat_ml: round(sweat_ml, 1.0),
        sodium_mg: round(sweat_ml / 1_000.0 * sodium * SODIUM_MG_PER_MMOL, 1.0),
        hurried: false,
        planned: false,
        scene: Scene::Plain,
        tags: Vec::new(),
        race: None,
    }
}

/// Of the air around the session.
pub(crate) fn temperature_c(person: &Person, sport: &Sport, at: i64) -> f64 {
    if sport.indoor {
        return INDOOR_C;
    }
    let home = person.home_at(at);
    weather_at(Cell::around(home.latitude, home.longitude, at)).temperature_c
}

/// What the air's temperature makes of the sweat rate at 20 °C: 2.4 % more for each degree around
/// there (the slope of heat production over the skin's temperature), less and less far away.
pub(crate) fn heat_factor(temperature_c: f64) -> f64 {
    const PER_DEGREE: f64 = 0.024;
    const REACH: f64 = 20.0;
    let away = (temperature_c - INDOOR_C) / REACH;
    libm::exp(PER_DEGREE * REACH * libm::tanh(away))
}

pub(crate) const INDOOR_C: f64 = 20.0;
const SODIUM_MG_PER_MMOL: f64 = 22.99;

/// `value` with `parts` of a unit: 10 is one decimal.
pub(crate) fn round(value: f64, parts: f64) -> f64 {
    (value * parts).round() / parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lives(athletes: u32, days: i64, part: f64) -> Vec<(Person, Vec<Day>)> {
        let end = 1_774_828_800; // 2026-03-30, around the clock change of Europe
        let span = Span {
            start: end - days * DAY,
            end,
        };
        let mut mix = Mix::default();
        mix.scene.part = part;
        let live_one = |index| {
            let mut dice = Dice::new(3, index);
            let mut person = Person::draw(index, &mut dice, &mix);
            let mut scenes = crate::habits::dice(3, index);
            crate::habits::settle(&mut person, &mut scenes, &mix, 3, span);
            let days = live(&person, (&mut dice, &mut scenes), &mix, span);
            (person, days)
        };
        (0..athletes).map(live_one).collect()
    }

    #[test]
    fn nothing_in_one_life_overlaps() {
        for (person, days) in lives(60, 20, 0.5) {
            let mut spans: Vec<(i64, i64)> = Vec::new();
            for day in &days {
                spans.extend(day.night.iter().chain(&day.nap).map(|s| (s.start, s.end)));
                spans.extend(day.sessions.iter().map(|s| (s.start, s.end)));
            }
            spans.sort_unstable();
            for pair in spans.windows(2) {
                assert!(pair[0].1 < pair[1].0, "{}: {pair:?}", person.home.zone);
            }
        }
    }

    #[test]
    fn the_air_adds_two_and_a_half_percent_a_degree_around_twenty_and_less_far_away() {
        let cases = [
            (20.0, 1.0),
            (21.0, 1.024),
            (19.0, 0.977),
            (35.0, 1.356),
            (0.0, 0.694),
            (-20.0, 0.63),
        ];
        for (temperature, factor) in cases {
            let found = heat_factor(temperature);
            assert!((found - factor).abs() < 0.002, "{temperature}: {found}");
        }
    }

    #[test]
    fn two_sessions_of_one_day_lie_minutes_to_ten_hours_apart() {
        let mut gaps = Vec::new();
        for (_, days) in lives(300, 20, 0.0) {
            for day in days.iter().filter(|day| day.sessions.len() == 2) {
                gaps.push((day.sessions[1].start - day.sessions[0].end) / MINUTE);
            }
        }
        let bounds = [3, 20, 40, 120, 240, 480, 601];
        for pair in bounds.windows(2) {
            let between = gaps.iter().filter(|gap| (pair[0]..pair[1]).contains(*gap));
            assert!(between.count() > 20, "{pair:?} of {}", gaps.len());
        }
    }

    #[test]
    fn a_night_is_longer_than_three_hours_and_far_from_the_naps() {
        for (_, days) in lives(60, 20, 0.5) {
            for day in &days {
                if let Some(night) = &day.night {
                    assert!(night.asleep_s() >= 3 * HOUR);
                    assert!(day.nap.iter().all(|nap| nap.start - night.end > 2 * HOUR));
                    assert!(
                        night
                            .fragments
                            .iter()
                            .all(|f| f.end - f.start <= 65 * MINUTE)
                    );
                }
                assert!(day.nap.iter().all(|nap| nap.asleep_s() < 3 * HOUR));
            }
        }
    }

    #[test]
    fn fragments_cover_the_sleep_without_a_gap_and_end_asleep() {
        for (_, days) in lives(20, 10, 0.5) {
            for sleep in days.iter().flat_map(|day| day.night.iter().chain(&day.nap)) {
                let mut at = sleep.start;
                for fragment in &sleep.fragments {
                    assert_eq!(fragment.start, at);
                    at = fragment.end;
                }
                assert_eq!(at, sleep.end);
                assert_ne!(sleep.fragments.last().unwrap().stage, Stage::Awake);
            }
        }
    }
}
