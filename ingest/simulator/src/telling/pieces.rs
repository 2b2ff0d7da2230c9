//! A session that is told in pieces: a recording that was stopped and started again, and the legs of
//! a multisport race.

use sha2::{Digest, Sha256};

use crate::app;
use crate::delivery::Source;
use crate::garmin::Activity;
use crate::healthkit::Workout;
use crate::life::{Race, Session, round};
use crate::person::GarminWatch;
use crate::scene::Scene;
use crate::telling::session::apple_writer;
use crate::telling::strava::Recorded;
use crate::telling::{Says, Teller};
use crate::time::{HOUR, MINUTE};

const TENANT: &str = "default";

impl Teller<'_> {
    /// The watch recorded two pieces. A second watch has the whole; without one, only the user knows
    /// that they belong together, and says so.
    pub(super) fn tell_in_pieces(&mut self, session: &Session) -> Recorded {
        let person = self.person;
        let Some(watch) = person.garmin.as_ref() else {
            return Recorded {
                garmin: None,
                apple: None,
            };
        };
        self.in_pieces = true;
        for piece in self.pieces(session) {
            let activity = self.tell_garmin(&piece, watch);
            let recorded = Recorded {
                garmin: Some(activity),
                apple: None,
            };
            self.tell_strava(&piece, &recorded);
        }
        self.in_pieces = false;
        let whole = person
            .apple
            .as_ref()
            .filter(|_| session.scene == Scene::Restart);
        let apple = whole.map(|watch| self.tell_second_watch(session, watch));
        if session.scene == Scene::UserMerge {
            self.say_that_it_is_one(session);
        }
        Recorded {
            garmin: None,
            apple,
        }
    }

    fn pieces(&mut self, session: &Session) -> [Session; 2] {
        let mix = &self.mix.scene;
        let elapsed = session.end - session.start;
        let cut = self.dice.between(mix.restart_cut.0, mix.restart_cut.1);
        let cut = session.start + (elapsed as f64 * cut) as i64;
        let gap = self.dice.between(mix.restart_gap_s.0, mix.restart_gap_s.1) as i64;
        let paused = (elapsed - session.timer_s).max(gap) as f64;
        let piece = |start: i64, end: i64| {
            let part = (end - start) as f64 / elapsed.max(1) as f64;
            let timer_s = end - start - ((paused - gap as f64) * part) as i64;
            let moved = timer_s as f64 / session.timer_s.max(1) as f64;
            Session {
                start,
                end,
                timer_s,
                distance_m: session
                    .distance_m
                    .map(|distance| round(distance * moved, 10.0)),
                kcal: session.kcal * moved,
                ..session.clone()
            }
        };
        [piece(session.start, cut), piece(cut + gap, session.end)]
    }

    fn say_that_it_is_one(&mut self, session: &Session) {
        let ids = self.observations(&session.event_id);
        if ids.len() < 2 {
            return;
        }
        let at = session.end + self.dice.whole(HOUR, 20 * HOUR);
        let at = at.min(self.span.end - 1);
        let number = self.fresh_id();
        let word = format!("{}-merge-{number}", self.person.athlete_id);
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let event = app::link_override(&word, at, "merge", &ids);
        let sent = self.within(at, 5);
        self.app_event(sent, event, None);
    }

    /// A leg of a race. The watch tells of the race as a whole, too, and of the way to the next leg;
    /// another watch tells of the whole alone.
    pub(super) fn tell_leg(&mut self, session: &Session) -> Recorded {
        let person = self.person;
        let Some(watch) = person.garmin.as_ref() else {
            return Recorded {
                garmin: None,
                apple: None,
            };
        };
        match session.race {
            Some(race) => self.tell_race(session, race, watch),
            None => self.tell_transition(session, watch),
        }
        let mut leg = self.garmin_activity(session, watch);
        leg.parent = self.race;
        let recorded = Recorded {
            garmin: Some(self.tell_activity(session, watch, leg)),
            apple: None,
        };
        self.tell_strava(session, &recorded);
        recorded
    }

    fn tell_race(&mut self, session: &Session, race: Race, watch: &GarminWatch) {
        let whole = Session {
            end: race.end,
            timer_s: race.end - session.start,
            distance_m: None,
            ..session.clone()
        };
        let mut activity = self.garmin_activity(&whole, watch);
        activity.activity_type = "MULTI_SPORT";
        "Race".clone_into(&mut activity.name);
        activity.is_parent = true;
        self.race = Some(activity.activity_id);
        self.tell_part_of_race(&whole, &activity, "parent");
        if let Some(apple) = self.person.apple.as_ref() {
            let workout = Workout {
                id: self.dice.uuid(),
                kind: "HKWorkoutActivityTypeSwimBikeRun",
                start: whole.start + self.dice.whole(-20, 20),
                end: whole.end + self.dice.whole(-20, 20),
                timer_s: whole.timer_s,
                distance_m: None,
                kcal: whole.kcal as i64,
                heart_rate_avg: whole.heart_rate_avg,
                indoor: false,
                writer: apple_writer(apple),
            };
            self.tell_whole(&whole, workout);
        }
    }

    fn tell_whole(&mut self, whole: &Session, workout: Workout) {
        let ready = whole.end + self.dice.whole(MINUTE, 5 * MINUTE);
        let before = self.records.len();
        self.tell_workout(whole, workout, ready, ("apple_watch", "whole"));
        for record in self.records.iter_mut().skip(before) {
            record.container = true;
        }
    }

    /// The way to this leg, from the end of the one before.
    fn tell_transition(&mut self, session: &Session, watch: &GarminWatch) {
        let (shortest, _) = self.mix.scene.transition_s;
        let way = Session {
            start: session.start - shortest as i64,
            end: session.start - 1,
            timer_s: shortest as i64 - 1,
            distance_m: None,
            kcal: 5.0,
            ..session.clone()
        };
        let mut activity = self.garmin_activity(&way, watch);
        activity.start = way.start;
        activity.elapsed_s = way.end - way.start;
        activity.timer_s = activity.elapsed_s;
        activity.activity_type = if session.sport.family() == "ride" {
            "SWIM_TO_BIKE_TRANSITION_V2"
        } else {
            "BIKE_TO_RUN_TRANSITION_V2"
        };
        "Transition".clone_into(&mut activity.name);
        activity.parent = self.race;
        self.tell_part_of_race(&way, &activity, "transition");
    }

    /// No session of its own: left out of the score.
    fn tell_part_of_race(&mut self, session: &Session, activity: &Activity, role: &str) {
        let id = activity.activity_id.to_string();
        self.record(&session.event_id, Source::Garmin, &id, ("garmin", role));
        self.says(Says {
            start: activity.start,
            elapsed_s: activity.elapsed_s,
            duration_s: activity.timer_s,
            distance_m: None,
            family: "multisport",
        });
        if let Some(record) = self.records.last_mut() {
            record.container = true;
        }
        let ready = session.end + self.dice.whole(MINUTE, 6 * MINUTE);
        let at = self.arrival(ready);
        self.push("activities", activity.summary_item(), at, None);
    }

    /// The published ids of what is told of an event so far.
    pub(super) fn observations(&self, event_id: &str) -> Vec<String> {
        let mine = self.records.iter().filter(|it| it.event_id == event_id);
        let told: Vec<(Source, String)> = mine
            .map(|record| (source_of(&record.source), record.provider_id.clone()))
            .collect();
        told.iter()
            .map(|(source, id)| self.observation(*source, id))
            .collect()
    }

    /// The id under which a receiver publishes a source's account of an activity: a user names it to
    /// say what belongs together, having read it in the app.
    pub(super) fn observation(&self, source: Source, provider_id: &str) -> String {
        let person = self.person;
        let garmin = person.garmin.as_ref().map(|watch| watch.user_id.as_str());
        let strava = person.strava.as_ref().map(|it| it.account_id.as_str());
        let (account, kind) = match source {
            Source::Garmin => (garmin, "activity"),
            Source::Strava => (strava, ""),
            _ => (None, ""),
        };
        let parts = [
            "observation",
            TENANT,
            person.athlete_id.as_str(),
            source.as_str(),
            account.unwrap_or(""),
            kind,
            provider_id,
        ];
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let digest = hash.finalize();
        let bytes = digest.iter().take(16);
        bytes.map(|byte| format!("{byte:02x}")).collect()
    }
}

fn source_of(name: &str) -> Source {
    match name {
        "garmin" => Source::Garmin,
        "strava" => Source::Strava,
        _ => Source::Healthkit,
    }
}
