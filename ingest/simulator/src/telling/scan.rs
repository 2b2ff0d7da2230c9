//! Sweat patches: what one on the forearm collects of a session, and the photographs of it.
//!
//! The patch's rate is the one whose published line gives the whole body's rate, off by an error
//! of the size that field studies found; chloride likewise. Sources: Baker 2022 (rate, moments of
//! 53 players), the ventral forearm's line of sodium with chloride between 1.0 and 1.35 below it.

use crate::delivery::{Delivery, Method, Source};
use crate::life::Session;
use crate::scan::{AREA_CM2, Reading, Scan};
use crate::telling::Teller;
use crate::time::{HOUR, MINUTE, with_offset};

/// Whole-body rate per square metre = `LINE.0` + `LINE.1` × local rate (L/h/m², mg/cm²/min).
const LINE: (f64, f64) = (0.239, 0.162);
/// Whole-body sodium = `SODIUM.0` × local chloride + `SODIUM.1`, mmol/L.
const SODIUM: (f64, f64) = (0.598_5, 16.85);
/// A body that sweats less than this per square metre (L/h) leaves nothing to read in a patch.
const RATE_MIN: f64 = 0.35;
const LOCAL_RATE_MIN: f64 = 0.05;
/// Sweat needs so long to start.
const ONSET: i64 = 10 * MINUTE;
const SESSION_MIN: i64 = 35 * MINUTE;
const SODIUM_MG_PER_MMOL: f64 = 22.99;

impl Teller<'_> {
    pub(super) fn tell_patch(&mut self, session: &Session) {
        let person = self.person;
        let swims = session.sport.family() == "swim";
        let short = session.end - session.start < SESSION_MIN;
        // Who comes out of one session and goes into the next has no time for a patch.
        if !person.wears_patches || swims || short || session.hurried {
            return;
        }
        let mix = &self.mix.patch;
        let litres = session.sweat_ml / 1_000.0;
        let rate = litres / (session.timer_s as f64 / 3_600.0) / person.surface_m2();
        if rate < RATE_MIN || !self.dice.chance(mix.worn) {
            return;
        }
        let told = self.dice.log_normal(rate, mix.rate_log_sd);
        let local_rate = ((told - LINE.0) / LINE.1).max(LOCAL_RATE_MIN);
        let sodium = session.sodium_mg / SODIUM_MG_PER_MMOL / litres;
        let sodium = sodium + self.dice.normal() * mix.sodium_sd;
        let chloride_mmol_l = ((sodium - SODIUM.1) / SODIUM.0).max(3.0);
        let late = session.end - session.start > HOUR && self.dice.chance(0.25);
        let applied = if late {
            session.start + self.dice.whole(20 * MINUTE, 30 * MINUTE)
        } else {
            session.start - self.dice.whole(5 * MINUTE, 15 * MINUTE)
        };
        let collecting = applied.max(session.start + ONSET);
        let reading = |until: i64, quality: f64| {
            let minutes = (until.min(session.end) - collecting) as f64 / 60.0;
            Reading::Read {
                volume_ul: local_rate * AREA_CM2 * minutes,
                chloride_mmol_l,
                quality,
            }
        };
        let patch = Scan {
            id: String::new(),
            athlete_id: person.athlete_id.clone(),
            patch_id: format!("P{:012x}", self.dice.bits() >> 16),
            applied_at: self.wall(applied),
            scanned_at: String::new(),
            area_told: self.dice.chance(mix.area_told),
            reading: Reading::Failed,
            revision: 1,
            supersedes: None,
        };
        if self.dice.chance(mix.scanned_twice) {
            let at = collecting + (session.end - collecting) * 3 / 5;
            let early = reading(at, self.dice.between(0.7, 0.98));
            self.photograph(&patch, at, early);
        }
        let at = session.end + self.dice.whole(MINUTE, 20 * MINUTE);
        let good = self.dice.between(0.7, 0.98);
        let last = match self.dice.unit() {
            draw if draw >= mix.failed => reading(at, good),
            draw if draw < mix.failed / 2.0 => Reading::Failed,
            _ => reading(at, self.dice.between(0.15, 0.45)),
        };
        if self.dice.chance(mix.better_photo) {
            self.photograph_twice(&patch, at, last);
        } else {
            self.photograph(&patch, at, last);
        }
    }

    fn wall(&self, at: i64) -> String {
        with_offset(at, self.person.offset_at(at))
    }

    /// A photograph of `patch`, sent before the workout is known or days after it.
    fn photograph(&mut self, patch: &Scan, at: i64, reading: Reading) -> Scan {
        let scan = Scan {
            id: self.dice.uuid().to_lowercase(),
            scanned_at: self.wall(at),
            reading,
            ..patch.clone()
        };
        self.send_scan(&scan, at);
        scan
    }

    /// A blurred photograph, and a better one minutes later: under the same id with the next
    /// revision, or under a new one that names the old.
    fn photograph_twice(&mut self, patch: &Scan, at: i64, reading: Reading) {
        let blurred = match reading {
            Reading::Read {
                volume_ul,
                chloride_mmol_l,
                ..
            } => Reading::Read {
                volume_ul: volume_ul * self.dice.between(0.85, 1.15),
                chloride_mmol_l,
                quality: self.dice.between(0.56, 0.65),
            },
            Reading::Failed => Reading::Failed,
        };
        let first = self.photograph(patch, at, blurred);
        let at = at + self.dice.whole(20, 3 * MINUTE);
        let mut better = Scan {
            scanned_at: self.wall(at),
            reading,
            revision: 2,
            ..first
        };
        if self.dice.chance(0.5) {
            let id = self.dice.uuid().to_lowercase();
            better.supersedes = Some(std::mem::replace(&mut better.id, id));
        }
        self.send_scan(&better, at);
    }

    fn send_scan(&mut self, scan: &Scan, ready: i64) {
        if ready > self.span.end {
            return;
        }
        let at = self.arrival(ready);
        let path = format!("/v1/athletes/{}/scans", self.person.athlete_id);
        let delivery = Delivery::json(at, Method::Post, path, Source::Scan, scan.json());
        self.deliveries.push(delivery);
    }
}
