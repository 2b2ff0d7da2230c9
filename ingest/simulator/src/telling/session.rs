//! A session told by a Garmin watch, its copy in Health, a second watch, plans and scales.

use crate::app::{self, WeighIn};
use crate::delivery::Source;
use crate::garmin::Activity;
use crate::healthkit::{Shelf, Workout, Writer};
use crate::life::{Session, round};
use crate::person::{AppleWatch, GarminWatch};
use crate::scene::Scene;
use crate::telling::strava::Recorded;
use crate::telling::uploads::Fate;
use crate::telling::{Says, Teller};
use crate::time::{HOUR, MICROS, MINUTE};

/// Mass that leaves by breath and burnt fuel, which is no sweat: grams per kilocalorie.
const UNSWEATED_G_PER_KCAL: f64 = 0.20;
/// Garmin's ids of this period have eleven digits; two athletes share each block of ids, because
/// they are not unique over users.
const ACTIVITY_ID_BASE: u64 = 20_000_000_000;
const ACTIVITY_ID_BLOCK: u64 = 100_000;

impl Teller<'_> {
    pub(super) fn tell_session(&mut self, session: &Session) {
        let person = self.person;
        let plan_id = self.tell_plan(session);
        let recorded = self.tell_recordings(session);
        if person.weighs && !session.hurried && self.dice.chance(self.mix.weigh_in) {
            let activity_id = recorded.garmin.map(|activity| activity.activity_id);
            self.weigh(session, activity_id, plan_id);
        }
        self.tell_patch(session);
        if self.dice.chance(self.mix.intake) {
            let at = session.end + self.dice.whole(30, 40) * MINUTE;
            let id = format!("{}-intake-{}", person.athlete_id, self.fresh_id());
            let event = app::intake(
                &id,
                at,
                self.dice.whole(4, 14) * 50,
                self.dice.whole(2, 12) * 5,
                self.dice.whole(0, 6) * 5,
            );
            let sent = self.arrival(at);
            self.app_event(sent, event, None);
        }
    }

    /// The watches that ran, and the copy at Strava; or nothing but an entry by hand.
    fn tell_recordings(&mut self, session: &Session) -> Recorded {
        let person = self.person;
        match session.scene {
            Scene::Restart | Scene::UserMerge => return self.tell_in_pieces(session),
            Scene::Multisport => return self.tell_leg(session),
            _ => {}
        }
        if session.scene == Scene::Plain && self.is_by_hand() {
            self.tell_by_hand(session);
            return Recorded {
                garmin: None,
                apple: None,
            };
        }
        let both = session.scene.needs_both_watches();
        let by_apple = person.garmin.is_none() || self.dice.chance(self.mix.second_watch) || both;
        let apple = person.apple.as_ref().filter(|_| by_apple);
        let hard = session.scene != Scene::Plain;
        // A lent watch tells of somebody else.
        let apple = apple.filter(|_| session.scene != Scene::UserSplit);
        let by_garmin = apple.is_none() || self.dice.chance(self.mix.garmin_records) || hard;
        let garmin = person.garmin.as_ref().filter(|_| by_garmin);
        let recorded = Recorded {
            garmin: garmin.map(|watch| self.tell_garmin(session, watch)),
            apple: apple.map(|watch| self.tell_second_watch(session, watch)),
        };
        self.tell_strava(session, &recorded);
        self.tell_scene(session, &recorded);
        recorded
    }

    pub(super) fn tell_garmin(&mut self, session: &Session, watch: &GarminWatch) -> Activity {
        let activity = self.garmin_activity(session, watch);
        self.tell_activity(session, watch, activity)
    }

    /// What a Garmin device recorded, with what its owner does to it and the copy in Health.
    pub(super) fn tell_activity(
        &mut self,
        session: &Session,
        watch: &GarminWatch,
        activity: Activity,
    ) -> Activity {
        let provider_id = activity.activity_id.to_string();
        self.record(
            &session.event_id,
            Source::Garmin,
            &provider_id,
            ("garmin", "original"),
        );
        // A push tells the timer, and of the end nothing but that.
        self.says(Says {
            start: activity.start,
            elapsed_s: activity.timer_s,
            duration_s: activity.timer_s,
            distance_m: activity.distance_m,
            family: session.sport.family(),
        });
        let ready = session.end + self.dice.whole(MINUTE, 6 * MINUTE);
        let at = self.arrival(ready);
        let causal = format!("garmin:{}:{provider_id}", watch.user_id);
        // A wrong guess of the sport is always put right, by an edit.
        let guessed = session.sport.garmin_guess != session.sport.garmin;
        let edited = self.dice.chance(self.mix.edited) && at / MICROS < self.span.end - 2;
        let mut first = activity.clone();
        if edited && guessed {
            first.activity_type = session.sport.garmin_guess;
        }
        self.push(
            "activities",
            first.summary_item(),
            at,
            edited.then(|| causal.clone()),
        );
        if edited {
            let mut corrected = activity.clone();
            corrected.name = format!("{} with friends", session.sport.title);
            let delay = 60 + self.dice.exponential(self.mix.edit_delay_h * HOUR as f64) as i64;
            let later = self.within(at / MICROS + 1, delay);
            let item = corrected.summary_item();
            self.push("manuallyUpdatedActivities", item, later, Some(causal));
        }
        if self.dice.chance(self.mix.details) {
            let at = self.arrival(ready);
            self.push("activityDetails", first.details_item(), at, None);
        }
        if watch.copies && self.dice.chance(self.mix.copied) {
            self.tell_copy(session, &activity, ready);
        }
        activity
    }

    pub(super) fn garmin_activity(&mut self, session: &Session, watch: &GarminWatch) -> Activity {
        let person = self.person;
        let number = self.fresh_id() % ACTIVITY_ID_BLOCK;
        let block = u64::from(person.index / 2) * ACTIVITY_ID_BLOCK;
        let (low, high) = self.mix.start_late_s;
        let start = session.start + self.dice.whole(low as i64, high as i64);
        let home = person.home_at(start);
        let place = (home.latitude, home.longitude);
        let (sd, limit) = self.mix.watch_distance;
        let measured = self.dice.near(1.0, sd, limit);
        Activity {
            user_id: watch.user_id.clone(),
            activity_id: ACTIVITY_ID_BASE + block + number,
            name: session.sport.title.to_owned(),
            activity_type: session.sport.garmin,
            device: watch.model,
            start,
            offset: person.offset_at(start),
            timer_s: session.timer_s - (start - session.start),
            elapsed_s: session.end - start,
            distance_m: session.distance_m.map(|distance| distance * measured),
            kcal: session.kcal.round() as i64,
            heart_rate_avg: session.heart_rate_avg,
            outdoors_at: (!session.sport.indoor).then_some(place),
            is_parent: false,
            parent: None,
        }
    }

    /// Garmin Connect writes the activity to Health: the same second or one beside it, distance
    /// in whole ten metres.
    fn tell_copy(&mut self, session: &Session, activity: &Activity, ready: i64) {
        let beside = self.dice.unit() / self.mix.copy_second.max(f64::MIN_POSITIVE);
        let start = match beside {
            part if part < 0.5 => activity.start - 1,
            part if part < 1.0 => activity.start + 1,
            _ => activity.start,
        };
        let workout = Workout {
            id: self.dice.uuid(),
            kind: session.sport.healthkit,
            start,
            end: start + activity.elapsed_s,
            timer_s: activity.timer_s,
            distance_m: activity.distance_m.map(|distance| round(distance, 0.1)),
            kcal: activity.kcal,
            heart_rate_avg: activity.heart_rate_avg,
            indoor: session.sport.indoor,
            writer: Writer::connect(),
        };
        let ready = ready + self.dice.whole(MINUTE, 10 * MINUTE);
        self.tell_workout(session, workout, ready, ("connect", "copy"));
    }

    pub(super) fn tell_second_watch(&mut self, session: &Session, watch: &AppleWatch) -> Workout {
        let mix = self.mix;
        let ((early, late), sd) = (mix.second_start_s, mix.second_start_sd_s);
        let start = session.start + (self.dice.normal() * sd + 5.0).clamp(early, late) as i64;
        let end = session.end + self.dice.near(0.0, sd, mix.second_end_s) as i64;
        let elapsed = (end - start) as f64;
        let paused = (session.end - session.start - session.timer_s) as f64;
        let (low, high) = if session.scene == Scene::CafeStop {
            mix.scene.cafe_pause
        } else {
            mix.second_pause
        };
        let paused = paused * self.dice.between(low, high) + elapsed * self.dice.between(0.0, 0.01);
        let (low, high) = if session.scene == Scene::IndoorDistance {
            mix.scene.indoor_distance_part
        } else {
            mix.second_distance
        };
        let aside = self.dice.between(low, high);
        let measured = if self.dice.chance(0.5) {
            1.0 + aside
        } else {
            1.0 - aside
        };
        let workout = Workout {
            id: self.dice.uuid(),
            kind: if session.scene == Scene::OtherType {
                self.other_kind(session.sport)
            } else {
                session.sport.healthkit
            },
            start,
            end,
            timer_s: (elapsed - paused) as i64,
            distance_m: session
                .distance_m
                .map(|distance| round(distance * measured, 10.0)),
            kcal: (session.kcal * self.dice.between(0.9, 1.1)) as i64,
            heart_rate_avg: session.heart_rate_avg + self.dice.whole(-3, 3),
            indoor: session.sport.indoor,
            writer: apple_writer(watch),
        };
        let role = if self.person.garmin.is_some() {
            "second_watch"
        } else {
            "original"
        };
        let ready = end.max(session.end) + self.dice.whole(10, 2 * MINUTE);
        self.tell_workout(session, workout.clone(), ready, ("apple_watch", role));
        workout
    }

    pub(super) fn tell_workout(
        &mut self,
        session: &Session,
        workout: Workout,
        ready: i64,
        by: (&str, &str),
    ) {
        let clock = self.clock(workout.start);
        let json = workout.item(clock);
        let draw = self.dice.unit();
        let fate = if self.in_pieces || session.scene.is_whole_told_once() {
            Fate::Stays
        } else if draw < self.mix.deleted {
            Fate::Deleted
        } else if draw < self.mix.deleted + self.mix.replaced {
            let mut edited = workout.clone();
            edited.id = self.dice.uuid();
            edited.kcal += 10;
            Fate::Replaced {
                id: edited.id.clone(),
                json: edited.item(clock),
            }
        } else {
            Fate::Stays
        };
        self.record(&session.event_id, Source::Healthkit, &workout.id, by);
        self.says(Says {
            start: workout.start,
            elapsed_s: workout.end - workout.start,
            duration_s: workout.timer_s,
            distance_m: workout.distance_m,
            family: match workout.kind {
                "HKWorkoutActivityTypeWalking" => "walk",
                "HKWorkoutActivityTypeOther" => "other",
                _ => session.sport.family(),
            },
        });
        self.health_record(Shelf::Workouts, ready, workout.id, json, fate);
    }

    /// The second weighing comes minutes after the session. What left the body without being
    /// sweat is in the scales' difference, as it is in life.
    fn weigh(&mut self, session: &Session, activity_id: Option<u64>, plan_id: Option<String>) {
        let at = session.end + self.dice.whole(3, 20) * MINUTE;
        let drunk_ml = (session.sweat_ml * self.dice.between(0.1, 0.8) / 50.0).round() * 50.0;
        let lost_g = session.sweat_ml + session.kcal * UNSWEATED_G_PER_KCAL - drunk_ml;
        let mass = self.person.mass_today(self.dice);
        let noise = self.mix.scale_noise_kg;
        let session_ref = match self.dice.whole(0, 3) {
            0 => activity_id.map(|id| format!("garmin:{id}")),
            1 => plan_id,
            _ => None,
        };
        let weighing = WeighIn {
            at,
            mass_pre_kg: mass + self.dice.normal() * noise,
            mass_post_kg: mass - lost_g / 1_000.0 + self.dice.normal() * noise,
            fluid_ml: drunk_ml as i64,
            session_ref,
        };
        let id = format!("{}-weigh-{}", self.person.athlete_id, self.fresh_id());
        let sent = self.arrival(at);
        self.app_event(sent, weighing.json(&id), None);
    }

    /// The plan, sent hours to days ahead; sometimes first for another time. Returns its id.
    fn tell_plan(&mut self, session: &Session) -> Option<String> {
        let ahead = self.dice.whole(2 * HOUR, 48 * HOUR);
        let first = (session.start - ahead).max(self.span.start + 1);
        let wanted = self.dice.chance(self.mix.planned) || session.planned;
        if !wanted || first > session.start - HOUR {
            return None;
        }
        let id = format!("{}-plan-{}", self.person.athlete_id, session.start);
        let planned = session.start / (5 * MINUTE) * (5 * MINUTE);
        let mut version = 1;
        let causal = format!("app:{}:{id}", self.person.athlete_id);
        if self.dice.chance(self.mix.plan_moved) {
            let other = planned + self.dice.whole(-12, 12) * 15 * MINUTE;
            let event = app::plan(self.person, &id, version, (first, other), session, false);
            self.app_event(first * MICROS, event, Some(causal.clone()));
            version = 2;
        }
        let sent = first + (version - 1) * self.dice.whole(10 * MINUTE, HOUR - MINUTE);
        let event = app::plan(self.person, &id, version, (sent, planned), session, false);
        self.app_event(sent * MICROS, event, (version > 1).then_some(causal));
        Some(id)
    }
}

pub(super) fn apple_writer(watch: &AppleWatch) -> Writer {
    Writer {
        bundle: watch.bundle.clone(),
        name: watch.name.clone(),
        product: watch.product,
    }
}
