//! Sleep told by Garmin as one record that is revised, and by HealthKit as fragments.

use crate::delivery::Source;
use crate::garmin::{Nap, Night};
use crate::healthkit::{self, Shelf, Writer};
use crate::life::{Day, Fragment, Sleep, Stage};
use crate::person::{AppleWatch, GarminWatch};
use crate::telling::Teller;
use crate::telling::session::apple_writer;
use crate::telling::uploads::Fate;
use crate::time::{HOUR, MICROS, MINUTE};

const FINAL_WORDS: &[(u32, &str)] = &[
    (5, "AUTO_FINAL"),
    (3, "ENHANCED_FINAL"),
    (1, "DEVICE"),
    (1, "AUTO_MANUAL"),
];

impl Teller<'_> {
    pub(super) fn tell_sleep(&mut self, day: &Day) {
        let person = self.person;
        // With two watches on, one of them lies on the charger in some nights.
        let both = person.garmin.is_some() && person.apple.is_some();
        let garmin_on = !both || self.dice.chance(0.85);
        let apple_on = !both || !garmin_on || self.dice.chance(0.8);
        let empty = both && garmin_on && apple_on && self.dice.chance(self.mix.partial_night);
        let garmin_empty = empty && self.dice.chance(0.5);
        if let Some(watch) = person.garmin.as_ref().filter(|_| garmin_on) {
            let watched = self.until_empty(day, garmin_empty);
            self.tell_garmin_night(&watched, watch);
        }
        if let Some(watch) = person.apple.as_ref().filter(|_| apple_on) {
            let watched = self.until_empty(day, empty && !garmin_empty);
            for sleep in watched.night.iter().chain(&watched.nap) {
                self.tell_fragments(sleep, watch);
            }
        }
        if let (true, Some(night)) = (person.habits.sleep_app && person.uses_health(), &day.night) {
            self.tell_nested(night);
        }
        let told = garmin_on || apple_on;
        if let (true, Some(night)) = (told && person.phone.tells_in_bed, &day.night)
            && person.apple.is_some()
        {
            self.tell_in_bed(night, &Writer::phone(&person.phone), "phone");
        }
    }

    /// What a watch saw of the day whose battery was empty in the middle of the night.
    fn until_empty(&mut self, day: &Day, empty: bool) -> Day {
        let mut watched = day.clone();
        let Some(night) = watched.night.as_mut().filter(|_| empty) else {
            return watched;
        };
        let (low, high) = self.mix.partial_part;
        let part = self.dice.between(low, high);
        let dead = night.start + ((night.end - night.start) as f64 * part) as i64;
        night.fragments.retain(|fragment| fragment.end <= dead);
        while night
            .fragments
            .last()
            .is_some_and(|last| last.stage == Stage::Awake)
        {
            night.fragments.pop();
        }
        night.end = night.fragments.last().map_or(night.start, |last| last.end);
        let event_id = night.event_id.clone();
        if night.fragments.is_empty() {
            watched.night = None;
        }
        self.tag(&event_id, "partial_night");
        watched
    }

    /// An app that looks again and again, and writes a new record from the start each time.
    fn tell_nested(&mut self, night: &Sleep) {
        let writer = Writer::named("com.example.sleeper", "Sleeper");
        let (low, high) = self.mix.nested_records;
        let count = self.dice.whole(low as i64, high as i64);
        let start = night.start + self.dice.whole(0, 4) * MINUTE;
        for number in 1..=count {
            let part = number as f64 / count as f64;
            let end = start + ((night.end - start) as f64 * part * part) as i64;
            let end = if number == count { night.end } else { end };
            if end - start < 10 * MINUTE {
                continue;
            }
            let id = self.dice.uuid();
            let json = healthkit::asleep(&id, start, end, &writer, self.clock(start));
            let by = ("sleep_app", "nested");
            self.record(&night.event_id, Source::Healthkit, &id, by);
            let ready = end + self.dice.whole(MINUTE, 5 * MINUTE);
            self.health_record(Shelf::Sleep, ready, id, json, Fate::Stays);
        }
        self.tag(&night.event_id, "nested_sleep");
    }

    /// Tentative in the morning, final an hour later, and once more when a nap follows.
    fn tell_garmin_night(&mut self, day: &Day, watch: &GarminWatch) {
        let Some(sleep) = &day.night else { return };
        let levels = self.as_garmin_sees(&sleep.fragments);
        let summary_id = format!("x{:x}-{:x}", self.person.index / 2, sleep.end / MINUTE);
        let full = Night {
            user_id: watch.user_id.clone(),
            summary_id: summary_id.clone(),
            calendar_date: day.date.to_string(),
            offset: self.person.offset_at(sleep.start),
            validation: self.dice.weighted(FINAL_WORDS, "AUTO_FINAL"),
            levels,
            naps: Vec::new(),
        };
        self.record(
            &sleep.event_id,
            Source::Garmin,
            &summary_id,
            ("garmin", "original"),
        );
        let mut versions = Vec::new();
        if self.dice.chance(self.mix.tentative) {
            versions.extend(tentative(&full, self.dice.whole(20, 70) * MINUTE));
            self.tag(&sleep.event_id, "tentative");
        }
        let end = full.levels.last().map_or(sleep.end, |level| level.end);
        versions.push((end + self.dice.whole(2 * MINUTE, 15 * MINUTE), full.clone()));
        if let Some(nap) = &day.nap {
            let duration_s = nap.end - nap.start;
            let nap_id = format!("{summary_id}#nap{}", nap.start);
            self.record(&nap.event_id, Source::Garmin, &nap_id, ("garmin", "nap"));
            let naps = vec![Nap {
                start: nap.start,
                duration_s,
            }];
            versions.push((nap.end + 5 * MINUTE, Night { naps, ..full }));
        }
        let causal = (versions.len() > 1).then(|| format!("garmin:{}:{summary_id}", watch.user_id));
        let mut not_before = 0;
        for (ready, night) in versions {
            let at = self.arrival(ready.max(not_before));
            not_before = at / MICROS + 1;
            self.push("sleeps", night.item(), at, causal.clone());
        }
    }

    /// The same night with other edges; awake stages at the edges are no sleep.
    fn as_garmin_sees(&mut self, fragments: &[Fragment]) -> Vec<Fragment> {
        let mut levels = fragments.to_vec();
        if let Some(first) = levels.first_mut() {
            let (sd, limit) = (self.mix.edge_sd_s, self.mix.edge_max_s);
            first.start += self.dice.near(0.0, sd, limit) as i64;
            first.start = first.start.min(first.end - MINUTE);
        }
        if let Some(last) = levels.last_mut() {
            let (sd, limit) = (self.mix.edge_sd_s, self.mix.edge_max_s);
            last.end += self.dice.near(0.0, sd, limit) as i64;
            last.end = last.end.max(last.start + MINUTE);
        }
        levels
    }

    fn tell_fragments(&mut self, sleep: &Sleep, watch: &AppleWatch) {
        let writer = apple_writer(watch);
        let ready = sleep.end + self.dice.whole(MINUTE, 20 * MINUTE);
        for fragment in &sleep.fragments {
            let id = self.dice.uuid();
            let json = healthkit::stage(&id, fragment, &writer, self.clock(fragment.start));
            let by = ("apple_watch", "stage");
            self.record(&sleep.event_id, Source::Healthkit, &id, by);
            self.health_record(Shelf::Sleep, ready, id, json, Fate::Stays);
        }
        if !sleep.nap && self.dice.chance(self.mix.watch_in_bed) {
            self.tell_in_bed(sleep, &writer, "apple_watch");
        }
    }

    fn tell_in_bed(&mut self, night: &Sleep, writer: &Writer, device: &str) {
        let start = night.start - self.dice.whole(3 * MINUTE, 25 * MINUTE);
        let end = night.end + self.dice.whole(0, 15 * MINUTE);
        let id = self.dice.uuid();
        let json = healthkit::in_bed(&id, start, end, writer, self.clock(start));
        self.record(&night.event_id, Source::Healthkit, &id, (device, "in_bed"));
        let ready = end + MINUTE;
        self.health_record(Shelf::Sleep, ready, id, json, Fate::Stays);
    }
}

/// What the watch made of the night `before_end` seconds before it was over: the same start, an
/// earlier end. None when that early there was no night yet.
fn tentative(full: &Night, before_end: i64) -> Option<(i64, Night)> {
    let end = full.levels.last()?.end - before_end;
    let mut levels: Vec<Fragment> = full
        .levels
        .iter()
        .copied()
        .filter(|level| level.end <= end)
        .collect();
    while levels
        .last()
        .is_some_and(|level| level.stage == Stage::Awake)
    {
        levels.pop();
    }
    let last = levels.last()?;
    if last.end - levels.first()?.start < 3 * HOUR {
        return None;
    }
    let ready = last.end + 10 * MINUTE;
    let validation = "AUTO_TENTATIVE";
    Some((
        ready,
        Night {
            levels,
            validation,
            ..full.clone()
        },
    ))
}
