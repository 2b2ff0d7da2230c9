//! Who tells of what happened, when, and how it goes wrong: devices record, copies are made, edits
//! and deletions follow, deliveries come late and twice.
//!
//! Each told thing leaves a record in the truth, under the identity that the contract gives it.

mod everyday;
mod pieces;
mod scan;
mod scene;
mod session;
mod sleep;
mod strava;
mod uploads;

use std::collections::BTreeSet;

use crate::account::StravaActivity;
use crate::delivery::{Delivery, Method, Push, Source};
use crate::dice::Dice;
use crate::healthkit::Clock;
use crate::life::{Day, Span, round};
use crate::options::Mix;
use crate::person::Person;
use crate::telling::uploads::HealthItem;
use crate::time::{DAY, HOUR, MICROS, MINUTE};
use crate::truth::{TruthEvent, TruthRecord, TruthSays};

pub(crate) struct Teller<'a> {
    person: &'a Person,
    dice: &'a mut Dice,
    mix: &'a Mix,
    span: Span,
    deliveries: Vec<Delivery>,
    health: Vec<HealthItem>,
    records: Vec<TruthRecord>,
    strava: Vec<StravaActivity>,
    deauthorised_at: Option<i64>,
    tags: BTreeSet<(String, &'static str)>,
    guests: Vec<TruthEvent>,
    /// Each record is a piece of its event, and stays.
    in_pieces: bool,
    /// The multisport record whose legs are being told.
    race: Option<u64>,
    /// Numbers the ids that the athlete's devices and apps hand out.
    next_id: u64,
}

/// What a record says of a session.
struct Says {
    start: i64,
    elapsed_s: i64,
    duration_s: i64,
    distance_m: Option<f64>,
    family: &'static str,
}

/// What a life leaves behind at the vendors.
pub(crate) struct Tale {
    /// In the order they are sent.
    pub(crate) deliveries: Vec<Delivery>,
    pub(crate) records: Vec<TruthRecord>,
    pub(crate) strava: Vec<StravaActivity>,
    pub(crate) deauthorised_at: Option<i64>,
    /// What is hard about which event, beside what life made hard.
    pub(crate) tags: BTreeSet<(String, &'static str)>,
    /// What happened to somebody else's body and was told of this one.
    pub(crate) guests: Vec<TruthEvent>,
}

/// All that is sent about one life, and what it tells of.
pub(crate) fn tell(person: &Person, dice: &mut Dice, mix: &Mix, span: Span, days: &[Day]) -> Tale {
    let mut teller = Teller {
        person,
        dice,
        mix,
        span,
        deliveries: Vec::new(),
        health: Vec::new(),
        records: Vec::new(),
        strava: Vec::new(),
        deauthorised_at: None,
        tags: BTreeSet::new(),
        guests: Vec::new(),
        in_pieces: false,
        race: None,
        next_id: 1,
    };
    teller.tell_deauthorisation();
    for day in days {
        teller.tell_sleep(day);
        for session in &day.sessions {
            teller.tell_session(session);
        }
        teller.tell_everyday(day);
    }
    teller.plan_ahead(days);
    teller.upload_health();
    teller.repeat_some();
    teller.deliveries.sort_by_key(|delivery| delivery.at);
    Tale {
        deliveries: teller.deliveries,
        records: teller.records,
        strava: teller.strava,
        deauthorised_at: teller.deauthorised_at,
        tags: teller.tags,
        guests: teller.guests,
    }
}

impl<'a> Teller<'a> {
    fn fresh_id(&mut self) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        id
    }

    /// When something that is ready at `ready` (seconds) arrives: minutes later, sometimes days,
    /// never after the world's end. Microseconds.
    fn arrival(&mut self, ready: i64) -> i64 {
        let delay = if self.dice.chance(self.mix.late) {
            let (low, high) = self.mix.late_h;
            (self.dice.between(low, high) * HOUR as f64) as i64
        } else {
            30 + self.dice.exponential(4.0 * MINUTE as f64) as i64
        };
        self.within(ready, delay)
    }

    /// `delay` after `ready`, or somewhere between `ready` and the end where that is too late.
    fn within(&mut self, ready: i64, delay: i64) -> i64 {
        let ready = ready.clamp(self.span.start + 1, self.span.end);
        let at = match ready.saturating_add(delay) {
            at if at <= self.span.end => at,
            _ => self.dice.whole(ready, self.span.end),
        };
        at * MICROS
    }

    /// How the phone writes an instant near `at`; one in ten samples does not tell its zone.
    fn clock(&mut self, at: i64) -> Clock<'a> {
        let person = self.person;
        Clock {
            phone: &person.phone,
            offset: person.offset_at(at),
            tells_zone: self.dice.chance(0.9),
        }
    }

    fn push(&mut self, key: &'static str, item: String, at: i64, causal: Option<String>) {
        let at = self.after_linking(at, causal.is_some());
        let causal = causal.into_iter().collect();
        self.deliveries
            .push(Delivery::garmin(at, vec![Push { key, item }], causal));
    }

    /// What an account held when it was linked follows at once, in no order but that of versions.
    fn after_linking(&mut self, at: i64, keeps_order: bool) -> i64 {
        let Some(linked) = self.person.habits.linked_at else {
            return at;
        };
        let sent = at / MICROS;
        if sent >= linked {
            return at;
        }
        let part = if keeps_order {
            (sent - self.span.start) as f64 / (linked - self.span.start).max(1) as f64
        } else {
            self.dice.unit()
        };
        let wait = (part * self.mix.backfill_s) as i64;
        self.within(linked, wait).max(linked * MICROS)
    }

    /// One app event, alone or as an array of one: both are allowed.
    fn app_event(&mut self, sent: i64, event: String, causal: Option<String>) {
        let path = format!("/v1/athletes/{}/events", self.person.athlete_id);
        let body = if self.dice.chance(0.3) {
            format!("[{event}]")
        } else {
            event
        };
        let mut delivery = Delivery::json(sent, Method::Post, path, Source::App, body);
        delivery.causal.extend(causal);
        self.deliveries.push(delivery);
    }

    fn record(&mut self, event_id: &str, source: Source, provider_id: &str, told: (&str, &str)) {
        let (device, role) = told;
        let role = if self.in_pieces { "part" } else { role };
        self.records.push(TruthRecord {
            athlete_id: self.person.athlete_id.clone(),
            source: source.as_str().to_owned(),
            provider_id: provider_id.to_owned(),
            event_id: event_id.to_owned(),
            device: device.to_owned(),
            weight: 1.0,
            live: true,
            container: false,
            candidate: false,
            role: role.to_owned(),
            says: None,
        });
    }

    fn tag(&mut self, event_id: &str, tag: &'static str) {
        self.tags.insert((event_id.to_owned(), tag));
    }

    /// What the record that was just noted says of a session, at the end of the world; seconds.
    fn says(&mut self, told: Says) {
        let Some(record) = self.records.last_mut() else {
            return;
        };
        record.says = Some(TruthSays {
            start: told.start * MICROS,
            end: (told.start + told.elapsed_s) * MICROS,
            duration_s: told.duration_s,
            distance_m: told.distance_m.map(|distance| round(distance, 10.0)),
            family: Some(told.family.to_owned()),
        });
    }

    /// Senders retry: some deliveries come once more, the same bytes, up to two days later. Not so
    /// the end of a link, because nobody is left whose the copy would be.
    fn repeat_some(&mut self) {
        let unlinked = self.deauthorised_at.is_some();
        let mut repeats = Vec::new();
        for index in 0..self.deliveries.len() {
            if !self.dice.chance(self.mix.duplicate) {
                continue;
            }
            let source = self.deliveries.get(index).map(|delivery| delivery.source);
            if unlinked && source == Some(Source::Strava) {
                continue;
            }
            let delay = self
                .dice
                .exponential(5.0 * HOUR as f64)
                .min(2.0 * DAY as f64) as i64;
            let Some(mut again) = self.deliveries.get(index).cloned() else {
                continue;
            };
            let sent = again.at / MICROS;
            again.at = self.within(sent + 1, delay);
            repeats.push(again);
        }
        self.deliveries.append(&mut repeats);
    }
}
