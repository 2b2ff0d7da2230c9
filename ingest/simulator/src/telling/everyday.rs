//! What comes beside sleep and sessions: body mass, self reports, deleted plans, and kinds of data
//! that no rule uses.

use crate::app;
use crate::garmin;
use crate::healthkit::{self, Shelf, Writer};
use crate::life::{Day, Session};
use crate::telling::Teller;
use crate::time::{DAY, HOUR, MICROS, MINUTE};

impl Teller<'_> {
    pub(super) fn tell_everyday(&mut self, day: &Day) {
        let morning = day.midnight + self.person.wake_minute as i64 * MINUTE + 10 * MINUTE;
        if self.dice.chance(self.mix.body_mass) {
            self.step_on_scale(morning);
        }
        if self.dice.chance(self.mix.self_report) && self.lies_inside(morning) {
            let id = format!("{}-report-{}", self.person.athlete_id, morning);
            let scores = [(); 3].map(|()| self.dice.whole(1, 5));
            let event = app::self_report(&id, morning, scores, self.dice.whole(1, 6));
            let sent = self.arrival(morning);
            self.app_event(sent, event, None);
        }
        if self.dice.chance(self.mix.plan_deleted)
            && let Some(session) = day.sessions.first()
        {
            self.plan_in_vain(session);
        }
        self.tell_totals(day);
    }

    /// What is known before the quiet end of the world can still be told.
    fn lies_inside(&self, at: i64) -> bool {
        at > self.span.start && at < self.span.end - MINUTE
    }

    /// One reading: a Garmin scale, whose copy reaches Health where copies are on, or the app.
    fn step_on_scale(&mut self, at: i64) {
        if !self.lies_inside(at) {
            return;
        }
        let person = self.person;
        let mass_kg = person.mass_today(self.dice);
        let mut in_health = person.apple.is_some() && self.dice.chance(0.7);
        if let Some(watch) = &person.garmin {
            let id = format!("b{:x}-{:x}", person.index / 2, at);
            let offset = person.offset_at(at);
            let item = garmin::body_composition(&watch.user_id, &id, at, offset, mass_kg);
            let arrival = self.arrival(at + MINUTE);
            self.push("bodyComps", item, arrival, None);
            in_health = watch.copies;
        }
        if in_health {
            let id = self.dice.uuid();
            let writer = match person.garmin {
                Some(_) => Writer::connect(),
                None => Writer::phone(&person.phone),
            };
            let json = healthkit::body_mass(&id, at, mass_kg, &writer, self.clock(at));
            self.health(Shelf::Records, at + MINUTE, id, json);
        } else if person.garmin.is_none() {
            let id = format!("{}-mass-{}", person.athlete_id, at);
            let sent = self.arrival(at);
            self.app_event(sent, app::body_mass(&id, at, mass_kg), None);
        }
    }

    /// A plan for the day after `like`, taken back before it comes true.
    fn plan_in_vain(&mut self, like: &Session) {
        let first = like.end + MINUTE;
        let second = first + self.dice.whole(10 * MINUTE, 6 * HOUR);
        if second > self.span.end {
            return;
        }
        let id = format!("{}-plan-vain-{}", self.person.athlete_id, like.start);
        let causal = format!("app:{}:{id}", self.person.athlete_id);
        let start = like.start + DAY;
        let made = app::plan(self.person, &id, 1, (first, start), like, false);
        self.app_event(first * MICROS, made, Some(causal.clone()));
        let taken_back = app::plan(self.person, &id, 2, (second, start), like, true);
        self.app_event(second * MICROS, taken_back, Some(causal));
    }

    /// A plan for the day after the world, like one of its sessions: whoever looks at the end of
    /// the world has something to prepare for.
    pub(super) fn plan_ahead(&mut self, days: &[Day]) {
        let like = days.iter().rev().find_map(|day| day.sessions.last());
        let Some(like) = like.filter(|_| self.dice.chance(self.mix.planned_ahead)) else {
            return;
        };
        let sent = self.span.end - self.dice.whole(MINUTE, 8 * HOUR);
        if sent <= self.span.start {
            return;
        }
        let id = format!("{}-plan-ahead", self.person.athlete_id);
        let start = self.span.end + self.dice.whole(1, 20) * HOUR / 2;
        let event = app::plan(self.person, &id, 1, (sent, start), like, false);
        self.app_event(sent * MICROS, event, None);
    }

    /// Daily totals and step counts: kept by the pipeline, used by no rule.
    fn tell_totals(&mut self, day: &Day) {
        let person = self.person;
        let steps = self.dice.whole(2_000, 16_000);
        let evening = day.midnight + DAY - 10 * MINUTE;
        if let Some(watch) = &person.garmin
            && self.lies_inside(evening)
            && self.dice.chance(self.mix.dailies)
        {
            let date = day.date.to_string();
            let offset = person.offset_at(day.midnight);
            let id = format!("d{:x}-{date}", person.index / 2);
            let item = garmin::daily(&watch.user_id, &id, &date, day.midnight, offset, steps);
            let at = self.arrival(evening);
            self.push("dailies", item, at, None);
        }
        let noon = day.midnight + 12 * HOUR;
        if person.uses_health() && self.lies_inside(noon) && self.dice.chance(self.mix.steps) {
            let id = self.dice.uuid();
            let writer = Writer::phone(&person.phone);
            let span = (noon - HOUR, noon);
            let json = healthkit::steps(&id, span, steps / 8, &writer, self.clock(noon));
            self.health(Shelf::Records, noon, id, json);
        }
    }
}
