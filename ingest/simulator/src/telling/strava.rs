//! Copies at Strava: uploads of what a watch recorded, recordings of Strava's own app, activities
//! entered by hand, and what their owners do with them afterwards.
//!
//! Events tell only that something happened; what a fetch finds is kept as versions. An event may
//! be late, twice or overtaken: whichever is heard last, a fetch after it finds the last version.

use crate::account::{StravaActivity, StravaVersion};
use crate::delivery::{Delivery, Source};
use crate::garmin::Activity;
use crate::healthkit::{Workout, Writer};
use crate::life::{Session, round};
use crate::person::{STRAVA_ID_BLOCK, StravaHabits};
use crate::scene::Scene;
use crate::strava::{self, Change, Upload};
use crate::telling::{Says, Teller};
use crate::time::{DAY, HOUR, MICROS, MINUTE, offset_at};

/// What was recorded of a session, by whom.
pub(super) struct Recorded {
    pub(super) garmin: Option<Activity>,
    pub(super) apple: Option<Workout>,
}

/// Where an upload comes from.
pub(super) enum Origin<'a> {
    Garmin(&'a Activity),
    /// The same recording by the way of another service.
    Loop(&'a Activity),
    Apple(&'a Workout),
    OwnApp,
    ByHand,
}

/// One thing that happens to an activity at Strava, at a second, and what a fetch finds then.
struct Turn {
    at: i64,
    change: Change,
    body: Option<String>,
}

impl<'a> Teller<'a> {
    /// The account, where something is uploaded to it at all.
    pub(super) fn uploader(&self) -> Option<&'a StravaHabits> {
        self.person
            .strava
            .as_ref()
            .filter(|strava| !strava.deauthorises)
    }

    /// The permission that was taken back before anything was uploaded.
    pub(super) fn tell_deauthorisation(&mut self) {
        let strava = self.person.strava.as_ref();
        let Some(strava) = strava.filter(|strava| strava.deauthorises) else {
            return;
        };
        let at = self.span.start + self.dice.whole(2 * MINUTE, HOUR);
        self.deauthorised_at = Some(at * MICROS);
        let event = strava::deauthorisation(&strava.account_id, at);
        let sent = self.within(at, 2);
        self.deliveries.push(Delivery::strava(sent, event));
    }

    /// Nobody's watch ran, and the athlete enters the session by hand.
    pub(super) fn is_by_hand(&mut self) -> bool {
        self.uploader().is_some() && self.dice.chance(self.mix.strava.by_hand)
    }

    pub(super) fn tell_by_hand(&mut self, session: &Session) {
        if let Some(strava) = self.uploader() {
            self.upload(session, strava, &Origin::ByHand);
        }
    }

    pub(super) fn tell_strava(&mut self, session: &Session, recorded: &Recorded) {
        let Some(strava) = self.uploader() else {
            return;
        };
        let origin = match (&recorded.garmin, &recorded.apple) {
            (Some(activity), _) => Origin::Garmin(activity),
            (None, Some(workout)) => Origin::Apple(workout),
            (None, None) => Origin::OwnApp,
        };
        if matches!(origin, Origin::OwnApp) || self.dice.chance(self.mix.strava.uploaded) {
            self.upload(session, strava, &origin);
        }
    }

    pub(super) fn upload(&mut self, session: &Session, strava: &StravaHabits, origin: &Origin<'_>) {
        let shown = self.uploaded(session, strava, origin);
        let role = match origin {
            Origin::Garmin(_) | Origin::Loop(_) | Origin::Apple(_) => "upload",
            Origin::OwnApp => "original",
            Origin::ByHand => "manual",
        };
        self.record(
            &session.event_id,
            Source::Strava,
            &shown.id,
            ("strava", role),
        );
        self.says(Says {
            start: shown.start,
            elapsed_s: shown.elapsed_s,
            duration_s: shown.moving_s,
            distance_m: shown.distance_m,
            family: family_of(shown.sport_type, session),
        });
        if shown.start != origin.start().unwrap_or(shown.start) {
            self.tag(&session.event_id, "hidden_start");
        } else if shown.manual && session.scene == Scene::Plain {
            self.tag(&session.event_id, "by_hand");
        } else if strava.privacy_zone
            && shown.place.is_none()
            && !shown.manual
            && !session.sport.indoor
        {
            self.tag(&session.event_id, "privacy_zone");
        }
        let record = self.records.len().checked_sub(1);
        let ready = session.end + self.dice.whole(MINUTE, 8 * MINUTE);
        let created = self.arrival(ready) / MICROS;
        let by_app = matches!(origin, Origin::Garmin(_) | Origin::OwnApp);
        if strava.writes_health && by_app {
            self.tell_health_copy(session, &shown, origin, ready);
        }
        let keeps = self.in_pieces || session.scene.is_whole_told_once();
        let turns = self.turns(shown.clone(), session.start, created, keeps);
        let live = turns.last().is_some_and(|turn| turn.body.is_some());
        if let Some(record) = record.and_then(|index| self.records.get_mut(index)) {
            record.live = live;
        }
        let mut activity = StravaActivity {
            id: shown.id,
            versions: Vec::new(),
        };
        for Turn { at, change, body } in turns {
            let event = strava::activity_event(&strava.account_id, &activity.id, &change, at);
            self.tell_event(at, event);
            let at = at * MICROS;
            activity.versions.push(StravaVersion { at, body });
        }
        self.strava.push(activity);
    }

    /// Seconds after it happened, minutes after where the first try failed, sometimes much later.
    fn tell_event(&mut self, at: i64, event: String) {
        let delay = if self.dice.chance(self.mix.strava.event_late) {
            self.dice.whole(2 * MINUTE, DAY)
        } else {
            self.dice.whole(1, 8)
        };
        let sent = self.within(at, delay);
        if self.dice.chance(self.mix.strava.event_twice) {
            let again = self.within(sent / MICROS, 2 * MINUTE);
            self.deliveries.push(Delivery::strava(again, event.clone()));
        }
        self.deliveries.push(Delivery::strava(sent, event));
    }

    /// The activity as Strava holds it after the upload.
    fn uploaded(
        &mut self,
        session: &Session,
        strava: &StravaHabits,
        origin: &Origin<'_>,
    ) -> Upload {
        let number = self.strava.len() as u64 % STRAVA_ID_BLOCK;
        let (sport_type, trainer) = strava::sport_type(session.sport);
        let timer = self.measured(session, origin);
        let home = self.person.home_at(session.start);
        // Under another type for ever, where nobody puts it right.
        let mistyped = session.scene == Scene::OtherType && self.person.apple.is_none();
        let sport_type = if mistyped { "Workout" } else { sport_type };
        let mut shown = Upload {
            id: (strava.first_id + number).to_string(),
            upload_id: Some((strava.first_id + 1_100_000_000 + number).to_string()),
            owner: strava.account_id.clone(),
            name: session.sport.title.to_owned(),
            sport_type,
            trainer,
            manual: false,
            private: false,
            start: timer.start,
            elapsed_s: timer.elapsed_s,
            moving_s: timer.moving_s,
            distance_m: timer.distance_m,
            kcal: session.kcal.round() as i64,
            heart_rate_avg: Some(session.heart_rate_avg),
            external_id: None,
            device_name: None,
            place: (!session.sport.indoor).then_some((home.latitude, home.longitude)),
            kudos: self.dice.whole(0, 30),
            embed_token: self.dice.bits(),
        };
        match origin {
            Origin::Garmin(activity) => {
                let ping = self.dice.whole(280_000_000_000, 560_000_000_000);
                shown.external_id = Some(format!("garmin_ping_{ping}.fit"));
                shown.device_name = Some(format!("Garmin {}", activity.device));
            }
            Origin::Loop(activity) => {
                let number = self.dice.whole(1_000_000, 9_999_999);
                shown.external_id = Some(format!("peloton_workout_{number}.fit"));
                shown.device_name = Some(format!("Garmin {}", activity.device));
            }
            Origin::Apple(_) => {
                shown.external_id = Some(format!("{}.fit", self.dice.uuid().to_lowercase()));
                shown.device_name = Some("Apple Watch Series 9".to_owned());
            }
            Origin::OwnApp => {
                let id = self.dice.uuid().to_lowercase();
                shown.external_id = Some(format!("{id}-activity.fit"));
                shown.device_name = Some("Strava App".to_owned());
            }
            Origin::ByHand => {
                shown.manual = true;
                shown.upload_id = None;
                shown.heart_rate_avg = None;
                shown.place = None;
            }
        }
        self.hide(&mut shown, strava);
        // The vendor's own example of an upload's id is larger than any integer type.
        if number == 7 && shown.upload_id.is_some() {
            shown.upload_id = Some(format!("987654321234567{:06}", self.dice.whole(0, 999_999)));
        }
        shown
    }

    /// Privacy zones cut the line, hidden starts move to the first second of the local day.
    fn hide(&mut self, shown: &mut Upload, strava: &StravaHabits) {
        if strava.hides_start && !shown.manual {
            let zone = self.person.zone_at(shown.start);
            let local = shown.start + offset_at(zone, shown.start);
            let midnight = local.div_euclid(DAY) * DAY;
            // The offset of midnight, which is another one on the day the clock is changed.
            let offset = offset_at(zone, midnight - offset_at(zone, shown.start));
            shown.start = midnight + 1 - offset;
        } else if strava.privacy_zone && shown.place.is_some() {
            shown.place = None;
            let (low, high) = self.mix.strava.zone_m;
            let cut = self.dice.between(low, high);
            let part_max = self.mix.strava.zone_part_max;
            shown.distance_m = shown
                .distance_m
                .map(|distance| distance - cut.min(distance * part_max));
        }
    }

    fn measured(&mut self, session: &Session, origin: &Origin<'_>) -> Measured {
        let (low, high) = self.mix.strava.still_part;
        let moving = 1.0 - self.dice.between(low, high);
        let nearly = self.dice.near(1.0, 0.0005, 0.001);
        let same = |start, elapsed_s, timer_s: i64, distance_m: Option<f64>| Measured {
            start,
            elapsed_s,
            moving_s: (timer_s as f64 * moving) as i64,
            distance_m: distance_m.map(|distance| round(distance * nearly, 10.0)),
        };
        match origin {
            Origin::Garmin(by) | Origin::Loop(by) => {
                same(by.start, by.elapsed_s, by.timer_s, by.distance_m)
            }
            Origin::Apple(by) => same(by.start, by.end - by.start, by.timer_s, by.distance_m),
            Origin::OwnApp => {
                let start = session.start + self.dice.whole(0, 6);
                let measured = self.dice.near(1.0, 0.006, 0.015);
                let distance = session.distance_m.map(|distance| distance * measured);
                same(start, session.end - start, session.timer_s, distance)
            }
            Origin::ByHand => {
                let step = 5 * MINUTE;
                let nearest = |seconds: i64| (seconds + step / 2) / step * step;
                let elapsed_s = nearest(session.end - session.start).max(step);
                Measured {
                    start: nearest(session.start),
                    elapsed_s,
                    moving_s: elapsed_s,
                    distance_m: session.distance_m.map(|distance| round(distance, 0.002)),
                }
            }
        }
    }

    /// What Strava's app writes into Health: the same second, its own moving time and distance.
    fn tell_health_copy(
        &mut self,
        session: &Session,
        shown: &Upload,
        origin: &Origin<'_>,
        ready: i64,
    ) {
        // The app on the phone knows the start that is hidden from others.
        let start = match origin {
            Origin::Garmin(activity) => activity.start,
            _ => shown.start,
        };
        let workout = Workout {
            id: self.dice.uuid(),
            kind: session.sport.healthkit,
            start,
            end: start + shown.elapsed_s,
            timer_s: shown.moving_s,
            distance_m: shown.distance_m,
            kcal: shown.kcal,
            heart_rate_avg: session.heart_rate_avg,
            indoor: session.sport.indoor,
            writer: Writer::strava(),
        };
        let ready = ready + self.dice.whole(MINUTE, 10 * MINUTE);
        self.tell_workout(session, workout, ready, ("strava_app", "copy"));
    }

    /// What happens to the activity, in order; each turn is told by one event. Where it `keeps`, it is
    /// not deleted nor hidden.
    fn turns(&mut self, mut shown: Upload, began: i64, created: i64, keeps: bool) -> Vec<Turn> {
        let mix = &self.mix.strava;
        let person = self.person;
        // Where the athlete was then; a hidden start would tell of the midnight before.
        let zone = person.zone_at(began);
        let zone_name = person.home_at(began).zone;
        let body = |shown: &Upload| Some(shown.body(zone, zone_name));
        let right_type = shown.sport_type;
        let retyped = self.dice.chance(mix.retyped);
        if retyped {
            shown.sport_type = "Workout";
        }
        let mut turns = vec![Turn {
            at: created,
            change: Change::Created,
            body: body(&shown),
        }];
        if retyped {
            shown.sport_type = right_type;
            // A wrong type is always put right, at the latest when the world ends.
            let at = self.later(created).unwrap_or(created);
            turns.push(Turn {
                at,
                change: Change::Type(right_type),
                body: body(&shown),
            });
        }
        if self.dice.chance(mix.titled) {
            let before = shown.name.clone();
            let titles = if self.dice.chance(mix.title_back) {
                2
            } else {
                1
            };
            let other = format!("{before} with \u{201c}friends\u{201d}");
            for title in [other, before].into_iter().take(titles) {
                shown.name.clone_from(&title);
                let body = body(&shown);
                self.turn(&mut turns, Change::Title(title), body);
            }
        }
        let draw = if keeps { 1.0 } else { self.dice.unit() };
        let text = self.dice.chance(0.5);
        if draw < mix.deleted {
            self.turn(&mut turns, Change::Deleted, None);
        } else if draw < mix.deleted + mix.made_private {
            self.turn(&mut turns, Change::Private(true, text), None);
        } else if draw < mix.deleted + mix.made_private + mix.private_for_a_while {
            let body = body(&shown);
            if self.turn(&mut turns, Change::Private(true, text), None)
                && !self.turn(&mut turns, Change::Private(false, text), body)
            {
                turns.pop();
            }
        }
        turns
    }

    /// Adds a turn after the last one, where the world still has time for it.
    fn turn(&mut self, turns: &mut Vec<Turn>, change: Change, body: Option<String>) -> bool {
        let last = turns.last().map_or(self.span.start, |turn| turn.at);
        let Some(at) = self.later(last) else {
            return false;
        };
        turns.push(Turn { at, change, body });
        true
    }

    /// Some time after `at`, minutes to days.
    fn later(&mut self, at: i64) -> Option<i64> {
        if at + 2 > self.span.end {
            return None;
        }
        let delay = MINUTE + self.dice.exponential(10.0 * HOUR as f64) as i64;
        Some(self.within(at + 1, delay) / MICROS).filter(|later| *later > at)
    }
}

impl Origin<'_> {
    /// Where the upload begins, where it is the same recording.
    fn start(&self) -> Option<i64> {
        match self {
            Self::Garmin(by) | Self::Loop(by) => Some(by.start),
            Self::Apple(by) => Some(by.start),
            Self::OwnApp | Self::ByHand => None,
        }
    }
}

fn family_of(sport_type: &str, session: &Session) -> &'static str {
    match sport_type {
        "Workout" => "other",
        _ => session.sport.family(),
    }
}

/// What a recording measured, as Strava shows it.
struct Measured {
    start: i64,
    elapsed_s: i64,
    moving_s: i64,
    distance_m: Option<f64>,
}
