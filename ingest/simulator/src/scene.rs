//! What makes a session hard to merge, chosen before anybody tells of it. What is told then is in
//! `telling`; here is only what physically happens.

use jiff::civil::Date;

use crate::dice::Dice;
use crate::life::{INDOOR_C, Race, Session, heat_factor, round, temperature_c};
use crate::options::{Mix, SceneMix};
use crate::person::Person;
use crate::sport::{self, Sport};
use crate::time::{HOUR, MINUTE};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Scene {
    #[default]
    Plain,
    CafeStop,
    FirstFix,
    Reencoded,
    UploadLoop,
    Restart,
    Multisport,
    ShortPair,
    WrongZone,
    TwoUnits,
    OtherType,
    IndoorDistance,
    ManualCopy,
    UserMerge,
    UserSplit,
    LateEdit,
}

impl Scene {
    /// Its name in the truth.
    pub(crate) fn tag(self) -> Option<&'static str> {
        Some(match self {
            Self::Plain => return None,
            Self::CafeStop => "cafe_stop",
            Self::FirstFix => "first_fix",
            Self::Reencoded => "reencoded",
            Self::UploadLoop => "upload_loop",
            Self::Restart => "restart",
            Self::Multisport => "multisport",
            Self::ShortPair => "short_pair",
            Self::WrongZone => "wrong_zone",
            Self::TwoUnits => "two_units",
            Self::OtherType => "other_type",
            Self::IndoorDistance => "indoor_distance",
            Self::ManualCopy => "manual_copy",
            Self::UserMerge => "user_merge",
            Self::UserSplit => "user_split",
            Self::LateEdit => "late_edit",
        })
    }

    /// Nothing of it is deleted, so that what belongs together can always be known.
    pub(crate) fn is_whole_told_once(self) -> bool {
        matches!(self, Self::Restart | Self::UserMerge | Self::UserSplit)
    }

    /// Both watches of the athlete run, whatever they do on other days.
    pub(crate) fn needs_both_watches(self) -> bool {
        matches!(self, Self::OtherType | Self::IndoorDistance)
    }
}

/// What a scene depends on beside the athlete.
#[derive(Clone, Copy)]
pub(crate) struct Around {
    /// The only session of its day.
    pub(crate) alone: bool,
    /// It starts in the first half of the morning.
    pub(crate) early: bool,
}

/// The sessions that `session` becomes. `scenes` is a stream of its own: who has no scene draws the
/// same as ever from the other one.
pub(crate) fn stage(
    person: &Person,
    scenes: &mut Dice,
    mix: &Mix,
    session: Session,
    around: Around,
) -> Vec<Session> {
    let mix = &mix.scene;
    let chosen = scenes.chance(mix.part);
    let scene = choose(person, scenes, mix, &session, around);
    if !chosen || scene == Scene::Plain {
        return vec![session];
    }
    let mut made = match scene {
        Scene::CafeStop => vec![with_long_pause(session, scenes, mix)],
        Scene::IndoorDistance => {
            let minutes = ((session.end - session.start) / MINUTE).min(70);
            let treadmill = sport::named("treadmill");
            vec![recast(
                person,
                &session,
                treadmill,
                session.start,
                minutes * MINUTE,
            )]
        }
        Scene::ShortPair => pair(person, &session, scenes, mix),
        Scene::Multisport => race(person, &session, scenes, mix),
        _ => vec![session],
    };
    for session in &mut made {
        session.scene = scene;
        session.tags.extend(scene.tag());
    }
    made
}

fn choose(
    person: &Person,
    scenes: &mut Dice,
    mix: &SceneMix,
    session: &Session,
    Around { alone, early }: Around,
) -> Scene {
    let garmin = person.garmin.is_some();
    let apple = person.apple.is_some();
    let health = person.uses_health();
    let strava = person.strava.as_ref().filter(|strava| !strava.deauthorises);
    let shows_start = strava.is_some_and(|strava| !strava.hides_start);
    let rides = session.sport.family() == "ride";
    let history = person.habits.linked_at.is_some();
    let possible = [
        (mix.cafe_stop, true, Scene::CafeStop),
        (mix.first_fix, health, Scene::FirstFix),
        (mix.reencoded, garmin && health, Scene::Reencoded),
        (mix.upload_loop, garmin && shows_start, Scene::UploadLoop),
        (mix.restart, garmin && apple, Scene::Restart),
        (mix.multisport, garmin && alone && early, Scene::Multisport),
        (mix.short_pair, alone, Scene::ShortPair),
        (mix.wrong_zone, garmin && health && alone, Scene::WrongZone),
        (mix.two_units, garmin && rides, Scene::TwoUnits),
        (
            mix.other_type,
            garmin && (apple || shows_start),
            Scene::OtherType,
        ),
        (mix.indoor_distance, garmin && apple, Scene::IndoorDistance),
        (mix.manual_copy, garmin && shows_start, Scene::ManualCopy),
        (mix.user_merge, garmin && !apple && alone, Scene::UserMerge),
        (mix.user_split, garmin && apple, Scene::UserSplit),
        (mix.late_edit, garmin && !history, Scene::LateEdit),
    ];
    let choices: Vec<(u32, Scene)> = possible
        .into_iter()
        .filter(|(_, fits, _)| *fits)
        .map(|(weight, _, scene)| (weight as u32, scene))
        .collect();
    scenes.weighted(&choices, Scene::Plain)
}

/// A ride with company: the same start, length and distance for all who join, on their own wall
/// clock, which is the company's.
pub(crate) fn ride_together(
    person: &Person,
    scenes: &mut Dice,
    mix: &Mix,
    date: Date,
    session: Session,
    clock: &dyn Fn(f64) -> i64,
) -> Session {
    let Some(company) = person.habits.company else {
        return session;
    };
    if !scenes.chance(mix.group_ride) {
        return session;
    }
    let mut shared = Dice::new(
        company,
        (i32::from(date.day()) + 31 * i32::from(date.month())).unsigned_abs(),
    );
    let start = clock(shared.between(9.2 * 60.0, 9.6 * 60.0));
    let elapsed = shared.whole(70, 150) * MINUTE + shared.whole(0, 59);
    let speed = shared.between(6.5, 9.5);
    let mut made = recast(person, &session, sport::named("road_ride"), start, elapsed);
    made.distance_m = Some(round(speed * made.timer_s as f64, 10.0));
    made.tags.push("group_ride");
    made
}

/// `session` at another time and in another sport, with the effort and the sweat that go with it.
fn recast(
    person: &Person,
    session: &Session,
    sport: &'static Sport,
    start: i64,
    elapsed: i64,
) -> Session {
    let hours = elapsed as f64 / HOUR as f64;
    let heat =
        |sport: &Sport, at| heat_factor(temperature_c(person, sport, at)) * sport.sweat_l_per_h;
    let middle = (session.start + session.end) / 2;
    let a_litre_now = heat(sport, start + elapsed / 2);
    let a_litre_then = heat(session.sport, middle).max(heat_factor(INDOOR_C) * 0.01);
    let parts = hours * HOUR as f64 / session.timer_s.max(1) as f64;
    let sweat = a_litre_now / a_litre_then * parts;
    let (low, high) = sport.kcal_per_kg_h;
    let speed = sport.speed.map(|(low, high)| (low + high) / 2.0);
    Session {
        sport,
        start,
        end: start + elapsed,
        timer_s: elapsed,
        distance_m: speed.map(|speed| round(speed * elapsed as f64, 10.0)),
        kcal: (low + high) / 2.0 * person.mass_kg * hours,
        sweat_ml: round(session.sweat_ml * sweat, 1.0),
        sodium_mg: round(session.sodium_mg * sweat, 1.0),
        ..session.clone()
    }
}

fn with_long_pause(session: Session, scenes: &mut Dice, mix: &SceneMix) -> Session {
    let elapsed = session.end - session.start;
    let paused = elapsed as f64 * scenes.between(mix.cafe_part.0, mix.cafe_part.1);
    let timer_s = elapsed - paused as i64;
    let part = timer_s as f64 / session.timer_s.max(1) as f64;
    Session {
        timer_s,
        distance_m: session
            .distance_m
            .map(|distance| round(distance * part, 10.0)),
        kcal: session.kcal * part,
        sweat_ml: round(session.sweat_ml * part, 1.0),
        sodium_mg: round(session.sodium_mg * part, 1.0),
        ..session
    }
}

/// Two short ones of one sport, a minute or two apart.
fn pair(person: &Person, session: &Session, scenes: &mut Dice, mix: &SceneMix) -> Vec<Session> {
    let (low, high) = mix.short_pair_min;
    let mut start = session.start;
    let mut made = Vec::new();
    for _ in 0..2 {
        let elapsed = (scenes.between(low, high) * 60.0) as i64;
        let mut one = recast(person, session, session.sport, start, elapsed);
        one.hurried = true;
        start = one.end + scenes.between(mix.short_pair_gap_s.0, mix.short_pair_gap_s.1) as i64;
        made.push(one);
    }
    made
}

/// Swim, ride and run, or run, ride and run, with ways between them.
fn race(person: &Person, session: &Session, scenes: &mut Dice, mix: &SceneMix) -> Vec<Session> {
    let first = if scenes.chance(0.7) {
        "open_water"
    } else {
        "run"
    };
    let legs = [
        (first, (15, 35)),
        ("road_ride", (40, 75)),
        ("run", (20, 45)),
    ];
    let mut start = session.start;
    let mut made = Vec::new();
    for (name, (low, high)) in legs {
        let elapsed = scenes.whole(low, high) * MINUTE + scenes.whole(0, 59);
        let mut leg = recast(person, session, sport::named(name), start, elapsed);
        leg.hurried = true;
        start = leg.end + scenes.between(mix.transition_s.0, mix.transition_s.1) as i64;
        made.push(leg);
    }
    let end = made.last().map_or(session.end, |leg| leg.end);
    if let Some(first) = made.first_mut() {
        first.race = Some(Race { end });
    }
    made
}
