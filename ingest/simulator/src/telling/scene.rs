//! What else is told of a hard session: further copies by other ways, a wrong clock, somebody else's
//! watch, an edit weeks later.

use crate::app;
use crate::delivery::Source;
use crate::garmin::Activity;
use crate::healthkit::{Workout, Writer};
use crate::life::{Session, round};
use crate::person::GarminWatch;
use crate::scene::Scene;
use crate::sport::Sport;
use crate::telling::Teller;
use crate::telling::strava::{Origin, Recorded};
use crate::time::{DAY, HOUR, MICROS, MINUTE};
use crate::truth::{EventKind, TruthEvent};

/// A bike computer beside the watch.
const HEAD_UNIT: &str = "Edge 1040";

impl Teller<'_> {
    pub(super) fn tell_scene(&mut self, session: &Session, recorded: &Recorded) {
        let Some(activity) = &recorded.garmin else {
            if session.scene == Scene::FirstFix {
                self.tell_first_fix(session);
            }
            return;
        };
        match session.scene {
            Scene::FirstFix => self.tell_first_fix(session),
            Scene::Reencoded => self.tell_reencoded(session, activity),
            Scene::WrongZone => self.tell_wrong_zone(session, activity),
            Scene::UploadLoop | Scene::ManualCopy => {
                let origin = if session.scene == Scene::UploadLoop {
                    Origin::Loop(activity)
                } else {
                    Origin::ByHand
                };
                if let Some(strava) = self.uploader() {
                    self.upload(session, strava, &origin);
                }
            }
            Scene::TwoUnits => {
                if let Some(watch) = self.person.garmin.as_ref() {
                    self.tell_head_unit(session, watch);
                }
            }
            Scene::LateEdit => self.tell_late_edit(session, activity),
            Scene::UserSplit => self.tell_lent_watch(session),
            _ => {}
        }
    }

    /// An app on the phone that starts with the first fix and knows no pauses.
    fn tell_first_fix(&mut self, session: &Session) {
        let (low, high) = self.mix.scene.first_fix_s;
        let waited = self.dice.between(low, high) as i64;
        let start = session.start + waited;
        // It is stopped by hand like any second device.
        let (sd, limit) = (self.mix.second_start_sd_s, self.mix.second_end_s);
        let end = session.end + self.dice.near(0.0, sd, limit) as i64;
        let part = (session.timer_s - waited) as f64 / session.timer_s.max(1) as f64;
        let measured = self.dice.near(1.0, 0.006, 0.015);
        let distance = |distance: f64| round(distance * part * measured, 10.0);
        let workout = Workout {
            distance_m: session.distance_m.map(distance),
            ..self.workout(
                session,
                start,
                end,
                Writer::named("com.example.tracker", "Tracker"),
            )
        };
        let ready = end.max(session.end) + self.dice.whole(MINUTE, 10 * MINUTE);
        self.tell_workout(session, workout, ready, ("tracker_app", "second_app"));
    }

    /// A service wrote the recording anew: seconds are rounded, pauses are lost, the distance is
    /// summed up from other samples.
    fn tell_reencoded(&mut self, session: &Session, activity: &Activity) {
        let start = activity.start + self.dice.whole(-1, 1);
        let off = self.mix.scene.reencoded_distance;
        let measured = self.dice.between(1.0 - off, 1.0 + off);
        let distance = |distance: f64| round(distance * measured, 10.0);
        let end = start + activity.elapsed_s;
        let workout = Workout {
            distance_m: activity.distance_m.map(distance),
            ..self.workout(
                session,
                start,
                end,
                Writer::named("com.example.filesync", "FileSync"),
            )
        };
        let ready = session.end + self.dice.whole(MINUTE, HOUR);
        self.tell_workout(session, workout, ready, ("sync_app", "copy"));
    }

    /// The same by a service that reads local times as another zone's.
    fn tell_wrong_zone(&mut self, session: &Session, activity: &Activity) {
        let (low, high) = self.mix.scene.wrong_zone_h;
        let hours = self.dice.whole(low as i64, high as i64);
        let shift = hours * HOUR * if self.dice.chance(0.5) { -1 } else { 1 };
        let shifted_end = activity.start + activity.elapsed_s + shift;
        // Nothing is told before it happened, as far as the teller's clock goes.
        let shift = if shifted_end > self.span.end {
            -shift.abs()
        } else {
            shift
        };
        let start = activity.start + shift;
        let end = start + activity.elapsed_s;
        let workout = Workout {
            timer_s: activity.timer_s,
            distance_m: activity.distance_m.map(|distance| round(distance, 10.0)),
            ..self.workout(
                session,
                start,
                end,
                Writer::named("com.example.zonesync", "ZoneSync"),
            )
        };
        let ready = (session.end + self.dice.whole(MINUTE, HOUR)).max(end);
        let before = self.records.len();
        self.tell_workout(session, workout, ready, ("zone_app", "shifted"));
        for record in self.records.iter_mut().skip(before) {
            record.candidate = true;
        }
    }

    /// The owner's bike computer, on the same account.
    fn tell_head_unit(&mut self, session: &Session, watch: &GarminWatch) {
        let (low, high) = self.mix.scene.two_units_start_s;
        let later = self.dice.whole(low as i64, high as i64);
        let own = Session {
            start: session.start + later,
            timer_s: session.timer_s - later,
            ..session.clone()
        };
        let mut activity = self.garmin_activity(&own, watch);
        activity.device = HEAD_UNIT;
        self.tell_activity(&own, watch, activity);
    }

    /// The owner gives it another title weeks later.
    fn tell_late_edit(&mut self, session: &Session, activity: &Activity) {
        let (low, high) = self.mix.scene.late_edit_d;
        let at = session.end + (self.dice.between(low, high) * DAY as f64) as i64;
        if at >= self.span.end {
            return;
        }
        let mut corrected = activity.clone();
        corrected.name = format!("{}, as I remember it", session.sport.title);
        let causal = format!("garmin:{}:{}", activity.user_id, activity.activity_id);
        let item = corrected.summary_item();
        // Versions of one activity keep their order, so all of them have to name it.
        let first = format!("\"activityId\":{}", activity.activity_id);
        for delivery in &mut self.deliveries {
            let mine = delivery
                .pushes
                .iter()
                .any(|push| push.item.contains(&first));
            if mine && !delivery.causal.contains(&causal) {
                delivery.causal.push(causal.clone());
            }
        }
        self.push("manuallyUpdatedActivities", item, at * MICROS, Some(causal));
        self.tag(&session.event_id, "edited_weeks_later");
    }

    /// The athlete lent the second watch to somebody who came along, and says so later: two people's
    /// workouts, alike as two can be, on one account.
    fn tell_lent_watch(&mut self, session: &Session) {
        let Some(apple) = self.person.apple.as_ref() else {
            return;
        };
        let guest = format!("{}-guest", session.event_id);
        let own = Session {
            event_id: guest.clone(),
            ..session.clone()
        };
        let workout = self.tell_second_watch(&own, apple);
        self.guests.push(TruthEvent {
            event_id: guest,
            athlete_id: self.person.athlete_id.clone(),
            kind: EventKind::Session,
            sport: Some(session.sport.name.to_owned()),
            start: workout.start * MICROS,
            end: workout.end * MICROS,
            duration_s: workout.timer_s,
            distance_m: workout.distance_m,
            fluid_lost_ml: None,
            sodium_lost_mg: None,
            told: false,
            tags: vec!["user_split".to_owned()],
        });
        let ids = self.observations(&session.event_id);
        let lent = self.observation(Source::Healthkit, &workout.id);
        // One word for each pair: a split says of all its records that no two belong together.
        for id in ids {
            let number = self.fresh_id();
            let word = format!("{}-split-{number}", self.person.athlete_id);
            let at = session.end + self.dice.whole(HOUR, 20 * HOUR);
            let at = at.min(self.span.end - 1);
            let event = app::link_override(&word, at, "split", &[id.as_str(), lent.as_str()]);
            let sent = self.within(at, 5);
            self.app_event(sent, event, None);
        }
    }

    /// Another type than the first recorder's, as apps guess it.
    pub(super) fn other_kind(&mut self, sport: &Sport) -> &'static str {
        match sport.family() {
            "run" => "HKWorkoutActivityTypeWalking",
            _ => "HKWorkoutActivityTypeOther",
        }
    }

    /// A workout of the session between two instants, all of it in motion.
    fn workout(&mut self, session: &Session, start: i64, end: i64, writer: Writer) -> Workout {
        Workout {
            id: self.dice.uuid(),
            kind: session.sport.healthkit,
            start,
            end,
            timer_s: end - start,
            distance_m: session.distance_m,
            kcal: session.kcal as i64,
            heart_rate_avg: session.heart_rate_avg,
            indoor: session.sport.indoor,
            writer,
        }
    }
}
