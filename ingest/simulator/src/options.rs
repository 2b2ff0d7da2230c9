//! What a caller may choose about a world: its size, its seed, its end, and the mix of habits and
//! mishaps in it.

mod table;

use crate::options::table::Table;
use crate::time::{DAY, MICROS};

/// Every parameter with its source.
const PARAMETERS: &str = include_str!("../mix.csv");

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

/// Makes a struct whose fields are rows of the parameter file, by name.
macro_rules! parameters {
    ($(#[$about:meta])* $name:ident $prefix:literal {
        $($(#[$doc:meta])* $field:ident: $kind:ty,)*
    } $({ $($nested:ident: $group:ident,)* })?) => {
        $(#[$about])*
        #[derive(Clone, Debug)]
        pub struct $name {
            $($(#[$doc])* pub $field: $kind,)*
            $($(pub $nested: $group,)*)?
        }

        impl $name {
            fn read(table: &Table) -> Self {
                Self {
                    $($field: table.read(concat!($prefix, stringify!($field))),)*
                    $($($nested: $group::read(table),)*)?
                }
            }

            #[cfg(test)]
            fn names() -> Vec<&'static str> {
                let own = [$(concat!($prefix, stringify!($field))),*];
                #[allow(unused_mut, reason = "a group without groups in it")]
                let mut names = own.to_vec();
                $($(names.extend($group::names());)*)?
                names
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::read(&Table::parse(PARAMETERS))
            }
        }
    };
}

parameters! {
    /// Rates of habits and mishaps. Probabilities are per thing named, in `[0, 1]`; where each figure
    /// is from stands beside it in `mix.csv`.
    Mix "" {
        /// Days with one session, and with two (the rest is rest).
        one_session: f64,
        two_sessions: f64,
        /// Of the days with two: the second starts minutes after the first.
        back_to_back: f64,
        /// Of the other days with two: the second starts 20 minutes to 10 hours after the first, in
        /// place of one in the morning and one in the evening.
        gap_of_hours: f64,
        /// Of the days with two: both are of one sport.
        same_sport_twice: f64,
        /// A session with pauses, and the part of it that they take.
        pauses: f64,
        pause_part: (f64, f64),
        /// A day with a nap.
        nap: f64,
        /// Athletes whose day is moved by so many minutes.
        shift_worker: f64,
        shift_minutes: (f64, f64),
        /// Athletes who fly to another zone once, and for how many days.
        traveller: f64,
        away_days: (f64, f64),
        /// Athletes who live near each other and ride together, and how often.
        group_rider: f64,
        group_ride: f64,
        /// Athletes by devices: Garmin alone; Garmin copied to Health; Garmin copied to Health and an
        /// Apple Watch; Garmin not copied and an Apple Watch; Apple Watch alone; Strava's app alone.
        devices: [u32; 6],
        /// A session for which the second watch of its owner runs too.
        second_watch: f64,
        /// A session that a Garmin watch of its owner records.
        garmin_records: f64,
        /// A Garmin session that Garmin Connect copies to Health, where the copy is on.
        copied: f64,
        /// A Garmin session with `activityDetails`.
        details: f64,
        /// Seconds from the start of a session to that of its recording.
        start_late_s: (f64, f64),
        /// Deviation and limit of a GPS watch's distance.
        watch_distance: (f64, f64),
        /// A second watch on the same body: the bounds of its start, its deviation, the bound of its
        /// end, how far its distance is off, and what it makes of a pause.
        second_start_s: (f64, f64),
        second_start_sd_s: f64,
        second_end_s: f64,
        second_distance: (f64, f64),
        second_pause: (f64, f64),
        /// A copy in Health that starts in the second beside its original's.
        copy_second: f64,
        /// A Garmin session that its owner renames or gives another type later, and when.
        edited: f64,
        edit_delay_h: f64,
        /// A HealthKit workout that is deleted later.
        deleted: f64,
        /// A HealthKit workout that is replaced by an edited one with a new id.
        replaced: f64,
        /// A Garmin night that is first sent as tentative, with an earlier end.
        tentative: f64,
        /// A night, told by a watch through HealthKit, with an in-bed wrapper of the watch.
        watch_in_bed: f64,
        /// Owners of an Apple Watch whose phone tells of the time in bed, too.
        phone_in_bed: f64,
        /// Mean length of a sleep fragment, minutes (each is 5 to 60).
        fragment_min: f64,
        /// How far another watch sees the edges of a night, seconds.
        edge_sd_s: f64,
        edge_max_s: f64,
        /// Owners of an app that tells of a night by ever longer records, and how many.
        sleep_app: f64,
        nested_records: (f64, f64),
        /// A night of which a watch tells only the first part.
        partial_night: f64,
        partial_part: (f64, f64),
        /// Sessions with scales before and after, among athletes who weigh (`weighing_athletes`).
        weigh_in: f64,
        weighing_athletes: f64,
        /// Standard deviation of one reading of the scale, kg.
        scale_noise_kg: f64,
        /// Sessions that were planned; plans that moved; days with a plan that was deleted.
        planned: f64,
        plan_moved: f64,
        plan_deleted: f64,
        /// Sessions after which the athlete notes what was drunk and eaten.
        intake: f64,
        /// Days with a self report.
        self_report: f64,
        /// Days with a body mass on the scale in the morning.
        body_mass: f64,
        /// Days with Garmin's daily totals, and with the phone's step counts: kinds no rule uses.
        dailies: f64,
        steps: f64,
        /// Days with two sessions of which both were planned, beside `planned`.
        both_planned: f64,
        /// Worlds that end with a plan for the day after.
        planned_ahead: f64,
        /// Deliveries that are sent once more, the same bytes.
        duplicate: f64,
        /// Items that arrive late, and by how many hours.
        late: f64,
        late_h: (f64, f64),
        /// Phones that upload every few days instead of every few hours.
        burst_phone: f64,
        burst_h: (f64, f64),
        /// HealthKit uploads that repeat the previous one's items (a lost anchor).
        anchor_lost: f64,
        /// Garmin accounts that are linked when part of the world is over, and how long the history
        /// takes to arrive then.
        backfill: f64,
        backfill_at: (f64, f64),
        backfill_s: f64,
        /// Between athletes: log-sd of the sweat rate multiplier. Between days: of the same athlete.
        sweat_log_sd: f64,
        sweat_day_log_sd: f64,
        /// Between athletes: log-sd of sweat sodium.
        sodium_log_sd: f64,
    } {
        strava: StravaMix,
        patch: PatchMix,
        scene: SceneMix,
    }
}

parameters! {
    /// What athletes do with Strava. Those whom Strava's app alone records are linked always.
    StravaMix "strava." {
        /// Athletes with a linked account.
        linked: f64,
        /// Linked athletes who took the permission back before anything was uploaded.
        deauthorised: f64,
        /// Linked athletes who hide start times, who have a privacy zone, whose ids have many digits,
        /// and whose Strava app writes to Health.
        hidden_start: f64,
        privacy_zone: f64,
        long_ids: f64,
        writes_health: f64,
        /// A recorded session of a linked athlete that is uploaded.
        uploaded: f64,
        /// A session that no watch recorded, and that its owner enters by hand.
        by_hand: f64,
        /// An activity that gets another title later; of these, the title is put back once more.
        titled: f64,
        title_back: f64,
        /// An activity whose type is put right later.
        retyped: f64,
        deleted: f64,
        /// An activity that becomes private for ever, or for a while: the application sees a 404.
        made_private: f64,
        private_for_a_while: f64,
        /// An event whose answer Strava did not hear, so that it comes again minutes later.
        event_twice: f64,
        /// An event that is minutes to a day late, so that later ones overtake it.
        event_late: f64,
        /// What a privacy zone takes off a distance: metres, and at most this part of it.
        zone_m: (f64, f64),
        zone_part_max: f64,
        /// Of the device's timer, what Strava's own algorithm takes for standing still.
        still_part: (f64, f64),
    }
}

parameters! {
    /// What athletes do with sweat patches.
    PatchMix "patch." {
        owners: f64,
        /// Sessions of an owner with a patch on.
        worn: f64,
        /// Scans that give no value.
        failed: f64,
        /// Patches that are scanned during the session, too.
        scanned_twice: f64,
        /// Scans that are replaced by a better photo.
        better_photo: f64,
        /// Scans that tell the collection area.
        area_told: f64,
        /// Log-sd of what a patch says of the whole body's rate.
        rate_log_sd: f64,
        /// Deviation of what it says of whole-body sodium, mmol/L.
        sodium_sd: f64,
    }
}

parameters! {
    /// Sessions that are hard to merge: `part` of all, shared by weight among what the athlete's
    /// devices can do.
    SceneMix "scene." {
        part: f64,
        cafe_stop: f64,
        cafe_part: (f64, f64),
        cafe_pause: (f64, f64),
        first_fix: f64,
        first_fix_s: (f64, f64),
        reencoded: f64,
        reencoded_distance: f64,
        upload_loop: f64,
        restart: f64,
        restart_cut: (f64, f64),
        restart_gap_s: (f64, f64),
        multisport: f64,
        transition_s: (f64, f64),
        short_pair: f64,
        short_pair_gap_s: (f64, f64),
        short_pair_min: (f64, f64),
        wrong_zone: f64,
        wrong_zone_h: (f64, f64),
        two_units: f64,
        two_units_start_s: (f64, f64),
        other_type: f64,
        indoor_distance: f64,
        indoor_distance_part: (f64, f64),
        manual_copy: f64,
        user_merge: f64,
        user_split: f64,
        late_edit: f64,
        late_edit_d: (f64, f64),
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
            scene: SceneMix {
                part: 0.4,
                ..SceneMix::default()
            },
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_a_parameter_and_every_parameter_a_row_with_a_source() {
        let table = Table::parse(PARAMETERS);
        let rows: Vec<&str> = table.names().collect();
        let mut names = Mix::names();
        names.sort_unstable();
        assert_eq!(rows, names);
    }

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
