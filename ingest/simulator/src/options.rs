//! What a caller may choose about a world: its size, its seed, its end, and the mix of habits and
//! mishaps in it.

use crate::time::{DAY, MICROS};

/// Athletes in one world: six decimal digits name them.
const ATHLETES_MAX: u32 = 1_000_000;
/// Two years of days.
const DAYS_MAX: u32 = 731;
/// 2000-01-01 and 2100-01-01, in microseconds: no vendor's device tells of anything outside.
const END_RANGE: std::ops::RangeInclusive<i64> = 946_684_800_000_000..=4_102_444_800_000_000;

/// The size and the name of a world. Equal options make equal bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorldOptions {
    pub athletes: u32,
    pub days: u32,
    pub seed: u64,
    /// The last instant of the world, microseconds UTC. Nothing is sent after it.
    pub end: i64,
}

impl WorldOptions {
    /// The first instant of the world, microseconds UTC.
    pub fn start(&self) -> i64 {
        self.end.saturating_sub(i64::from(self.days) * DAY * MICROS)
    }

    /// Checks the limits; generation itself accepts anything and stays inside them.
    pub fn check(&self) -> Result<(), OptionsError> {
        if self.athletes == 0 || self.athletes > ATHLETES_MAX {
            return Err(OptionsError::Athletes { max: ATHLETES_MAX });
        }
        if self.days == 0 || self.days > DAYS_MAX {
            return Err(OptionsError::Days { max: DAYS_MAX });
        }
        if !END_RANGE.contains(&self.end) {
            return Err(OptionsError::End);
        }
        Ok(())
    }

    pub(crate) fn clamped(self) -> Self {
        Self {
            athletes: self.athletes.min(ATHLETES_MAX),
            days: self.days.clamp(1, DAYS_MAX),
            seed: self.seed,
            end: self.end.clamp(*END_RANGE.start(), *END_RANGE.end()),
        }
    }
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum OptionsError {
    #[error("a world has 1 to {max} athletes")]
    Athletes { max: u32 },
    #[error("a world lasts 1 to {max} days")]
    Days { max: u32 },
    #[error("a world ends between the years 2000 and 2100")]
    End,
}

/// Rates of habits and mishaps. Probabilities are per thing named, in `[0, 1]`.
#[derive(Clone, Debug)]
pub struct Mix {
    /// Days with one session, and with two (the rest is rest).
    pub one_session: f64,
    pub two_sessions: f64,
    /// Of the days with two: the second starts minutes after the first.
    pub back_to_back: f64,
    /// Of the other days with two: the second starts 20 minutes to 10 hours after the first, in
    /// place of one in the morning and one in the evening.
    pub gap_of_hours: f64,
    /// Of the days with two: both are of one sport.
    pub same_sport_twice: f64,
    /// A session with pauses.
    pub pauses: f64,
    /// A day with a nap.
    pub nap: f64,
    /// Athletes by devices: Garmin alone; Garmin copied to Health; Garmin copied to Health and an
    /// Apple Watch; Garmin not copied and an Apple Watch; Apple Watch alone; Strava's app alone.
    pub devices: [u32; 6],
    /// A session for which the second watch of its owner runs too.
    pub second_watch: f64,
    /// A session that a Garmin watch of its owner records.
    pub garmin_records: f64,
    /// A Garmin session that Garmin Connect copies to Health, where the copy is on.
    pub copied: f64,
    /// A Garmin session with `activityDetails`.
    pub details: f64,
    /// A Garmin session that its owner renames or gives another type later.
    pub edited: f64,
    /// A HealthKit workout that is deleted later.
    pub deleted: f64,
    /// A HealthKit workout that is replaced by an edited one with a new id.
    pub replaced: f64,
    /// A Garmin night that is first sent as tentative, with an earlier end.
    pub tentative: f64,
    /// A night, told by a watch through HealthKit, with an in-bed wrapper of the watch.
    pub watch_in_bed: f64,
    /// Owners of an Apple Watch whose phone tells of the time in bed, too.
    pub phone_in_bed: f64,
    /// Mean length of a sleep fragment, minutes (each is 5 to 60).
    pub fragment_min: f64,
    /// Sessions with scales before and after, among athletes who weigh (`weighing_athletes`).
    pub weigh_in: f64,
    pub weighing_athletes: f64,
    /// Standard deviation of one reading of the scale, kg.
    pub scale_noise_kg: f64,
    /// Sessions that were planned; plans that moved; days with a plan that was deleted.
    pub planned: f64,
    pub plan_moved: f64,
    pub plan_deleted: f64,
    /// Sessions after which the athlete notes what was drunk and eaten.
    pub intake: f64,
    /// Days with a self report.
    pub self_report: f64,
    /// Days with a body mass on the scale in the morning.
    pub body_mass: f64,
    /// Days with Garmin's daily totals, and with the phone's step counts: kinds no rule uses.
    pub dailies: f64,
    pub steps: f64,
    /// Days with two sessions of which both were planned, beside `planned`.
    pub both_planned: f64,
    /// Worlds that end with a plan for the day after.
    pub planned_ahead: f64,
    pub strava: StravaMix,
    pub patch: PatchMix,
    /// Deliveries that are sent once more, the same bytes.
    pub duplicate: f64,
    /// Items that arrive hours to days late.
    pub late: f64,
    /// Phones that upload every few days instead of every few hours.
    pub burst_phone: f64,
    /// HealthKit uploads that repeat the previous one's items (a lost anchor).
    pub anchor_lost: f64,
    /// Between athletes: log-sd of the sweat rate multiplier. Between days: of the same athlete.
    pub sweat_log_sd: f64,
    pub sweat_day_log_sd: f64,
    /// Between athletes: log-sd of sweat sodium.
    pub sodium_log_sd: f64,
}

/// What athletes do with Strava. Those whom Strava's app alone records are linked always.
#[derive(Clone, Debug)]
pub struct StravaMix {
    /// Athletes with a linked account.
    pub linked: f64,
    /// Linked athletes who took the permission back before anything was uploaded.
    pub deauthorised: f64,
    /// Linked athletes who hide start times, who have a privacy zone, whose ids have many digits,
    /// and whose Strava app writes to Health.
    pub hidden_start: f64,
    pub privacy_zone: f64,
    pub long_ids: f64,
    pub writes_health: f64,
    /// A recorded session of a linked athlete that is uploaded.
    pub uploaded: f64,
    /// A session that no watch recorded, and that its owner enters by hand.
    pub by_hand: f64,
    /// An activity that gets another title later; of these, the title is put back once more.
    pub titled: f64,
    pub title_back: f64,
    /// An activity whose type is put right later.
    pub retyped: f64,
    pub deleted: f64,
    /// An activity that becomes private for ever, or for a while: the application sees a 404.
    pub made_private: f64,
    pub private_for_a_while: f64,
    /// An event whose answer Strava did not hear, so that it comes again minutes later.
    pub event_twice: f64,
    /// An event that is minutes to a day late, so that later ones overtake it.
    pub event_late: f64,
}

/// What athletes do with sweat patches.
#[derive(Clone, Debug)]
pub struct PatchMix {
    pub owners: f64,
    /// Sessions of an owner with a patch on.
    pub worn: f64,
    /// Scans that give no value.
    pub failed: f64,
    /// Patches that are scanned during the session, too.
    pub scanned_twice: f64,
    /// Scans that are replaced by a better photo.
    pub better_photo: f64,
    /// Scans that tell the collection area.
    pub area_told: f64,
    /// Log-sd of what a patch says of the whole body's rate.
    pub rate_log_sd: f64,
    /// Deviation of what it says of whole-body sodium, mmol/L.
    pub sodium_sd: f64,
}

impl Default for Mix {
    fn default() -> Self {
        Self {
            one_session: 0.5,
            two_sessions: 0.15,
            back_to_back: 0.3,
            gap_of_hours: 0.5,
            same_sport_twice: 0.3,
            pauses: 0.35,
            nap: 0.08,
            devices: [20, 40, 15, 5, 20, 5],
            second_watch: 0.85,
            garmin_records: 0.97,
            copied: 0.96,
            details: 0.25,
            edited: 0.08,
            deleted: 0.03,
            replaced: 0.02,
            tentative: 0.5,
            watch_in_bed: 0.5,
            phone_in_bed: 0.3,
            fragment_min: 20.0,
            weigh_in: 0.6,
            weighing_athletes: 0.5,
            scale_noise_kg: 0.075,
            planned: 0.4,
            plan_moved: 0.15,
            plan_deleted: 0.03,
            both_planned: 0.4,
            planned_ahead: 0.25,
            strava: StravaMix::default(),
            patch: PatchMix::default(),
            intake: 0.35,
            self_report: 0.2,
            body_mass: 0.25,
            dailies: 0.9,
            steps: 0.7,
            duplicate: 0.04,
            late: 0.05,
            burst_phone: 0.15,
            anchor_lost: 0.01,
            sweat_log_sd: 0.42,
            sweat_day_log_sd: 0.12,
            sodium_log_sd: 0.28,
        }
    }
}

impl Default for StravaMix {
    fn default() -> Self {
        Self {
            linked: 0.58,
            deauthorised: 0.02,
            hidden_start: 0.02,
            privacy_zone: 0.15,
            long_ids: 0.05,
            writes_health: 0.15,
            uploaded: 0.93,
            by_hand: 0.02,
            titled: 0.12,
            title_back: 0.3,
            retyped: 0.04,
            deleted: 0.03,
            made_private: 0.01,
            private_for_a_while: 0.02,
            event_twice: 0.05,
            event_late: 0.04,
        }
    }
}

impl Default for PatchMix {
    fn default() -> Self {
        Self {
            owners: 0.12,
            worn: 0.4,
            failed: 0.16,
            scanned_twice: 0.15,
            better_photo: 0.12,
            area_told: 0.8,
            rate_log_sd: 0.30,
            sodium_sd: 7.0,
        }
    }
}

impl Mix {
    /// The default, with few and long sleep fragments and without kinds that no rule uses: a day
    /// of it is some fifteen facts, for property tests.
    pub fn small() -> Self {
        Self {
            fragment_min: 60.0,
            dailies: 0.1,
            steps: 0.1,
            watch_in_bed: 0.3,
            edited: 0.2,
            deleted: 0.1,
            replaced: 0.05,
            two_sessions: 0.3,
            duplicate: 0.05,
            strava: StravaMix {
                titled: 0.35,
                title_back: 0.6,
                deleted: 0.12,
                private_for_a_while: 0.12,
                event_late: 0.15,
                ..StravaMix::default()
            },
            patch: PatchMix {
                owners: 0.4,
                ..PatchMix::default()
            },
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_outside_the_limits_are_refused() {
        let good = WorldOptions {
            athletes: 1,
            days: 1,
            seed: 0,
            end: 1_760_000_000_000_000,
        };
        assert_eq!(good.check(), Ok(()));
        assert_eq!(good.start(), good.end - 86_400_000_000);
        let cases = [
            (
                WorldOptions {
                    athletes: 0,
                    ..good
                },
                OptionsError::Athletes { max: ATHLETES_MAX },
            ),
            (
                WorldOptions { days: 0, ..good },
                OptionsError::Days { max: DAYS_MAX },
            ),
            (
                WorldOptions {
                    days: 9_999,
                    ..good
                },
                OptionsError::Days { max: DAYS_MAX },
            ),
            (WorldOptions { end: 0, ..good }, OptionsError::End),
        ];
        for (options, error) in cases {
            assert_eq!(options.check(), Err(error));
        }
    }
}
