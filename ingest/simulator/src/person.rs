//! An athlete: body, home zone, devices and habits, drawn once per world.

use jiff::tz::TimeZone;

use crate::dice::Dice;
use crate::habits::Habits;
use crate::options::Mix;
use crate::sport::{self, Sport};

/// Where athletes live: the zone, and a place in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Home {
    pub(crate) zone: &'static str,
    pub(crate) latitude: f64,
    pub(crate) longitude: f64,
}

const fn home(zone: &'static str, latitude: f64, longitude: f64) -> Home {
    Home {
        zone,
        latitude,
        longitude,
    }
}

const BERLIN: Home = home("Europe/Berlin", 52.5, 13.4);

/// Homes with their weight: zones with and without daylight saving on both hemispheres, and
/// offsets that are no whole hour.
#[rustfmt::skip]
const HOMES: &[(u32, Home)] = &[
    (20, BERLIN), (10, home("Europe/London", 51.5, -0.1)), (6, home("Europe/Helsinki", 60.2, 24.9)),
    (18, home("America/New_York", 40.7, -74.0)), (8, home("America/Chicago", 41.9, -87.6)),
    (6, home("America/Denver", 39.7, -105.0)), (12, home("America/Los_Angeles", 34.1, -118.2)),
    (4, home("America/Sao_Paulo", -23.6, -46.6)), (2, home("America/St_Johns", 47.6, -52.7)),
    (5, home("Australia/Sydney", -33.9, 151.2)), (2, home("Pacific/Auckland", -36.8, 174.8)),
    (6, home("Asia/Tokyo", 35.7, 139.7)), (5, home("Asia/Kolkata", 19.1, 72.9)),
    (1, home("Asia/Kathmandu", 27.7, 85.3)), (3, home("Africa/Johannesburg", -26.2, 28.0)),
    (2, home("America/Bogota", 4.7, -74.1)),
];

pub(crate) fn any_home(dice: &mut Dice) -> Home {
    dice.weighted(HOMES, BERLIN)
}

#[rustfmt::skip]
const GARMIN_MODELS: &[(u32, &str)] = &[
    (5, "Forerunner 965"), (4, "Forerunner 265"), (3, "fenix 7"), (2, "Forerunner 55"),
    (1, "epix"), (2, "Edge 840"), (1, "vivoactive 5"),
];

const APPLE_MODELS: &[(u32, &str)] = &[(4, "Watch7,2"), (2, "Watch6,18"), (1, "Watch7,5")];
const SDK_VERSIONS: &[(u32, &str)] = &[(3, "2.1.0"), (1, "1.8.3")];

/// Strava's numbers of this period: athletes have nine digits, activities eleven. The long ones are
/// larger than 2^53, which is where a double stops telling neighbours apart.
const STRAVA_ACCOUNT: u64 = 100_000_000;
const STRAVA_ID: u64 = 17_000_000_000;
const STRAVA_LONG_ID: u64 = 9_007_199_300_000_000_001;
pub(crate) const STRAVA_ID_BLOCK: u64 = 10_000;

const DIETS: &[(f64, &str)] = &[
    (0.05, "vegan"),
    (0.06, "vegetarian"),
    (0.03, "halal"),
    (0.01, "kosher"),
    (0.03, "gluten_free"),
    (0.05, "lactose_free"),
];
const ALLERGIES: &[(f64, &str)] = &[
    (0.02, "milk"),
    (0.01, "egg"),
    (0.01, "fish"),
    (0.03, "nuts"),
    (0.02, "peanut"),
    (0.01, "soy"),
    (0.01, "gluten"),
];
const FLAGS: &[(f64, &str)] = &[
    (0.005, "kidney"),
    (0.005, "heart"),
    (0.02, "hypertension"),
    (0.01, "low_salt"),
    (0.01, "diabetes"),
    (0.005, "eating_disorder"),
    (0.03, "weight_class"),
    (0.06, "tested_athlete"),
    (0.01, "practitioner"),
];

/// Half of the mixed population's sweat sodium is below this, mmol/L.
const SODIUM_MEDIAN: f64 = 34.5;

pub(crate) struct GarminWatch {
    pub(crate) user_id: String,
    pub(crate) model: &'static str,
    /// Garmin Connect writes to Health.
    pub(crate) copies: bool,
}

pub(crate) struct AppleWatch {
    pub(crate) bundle: String,
    pub(crate) name: String,
    pub(crate) product: &'static str,
}

/// How the phone's app writes its uploads: versions differ in ways that mean the same.
pub(crate) struct Phone {
    pub(crate) bundle: String,
    pub(crate) sdk: &'static str,
    pub(crate) flat_workouts: bool,
    pub(crate) named_stages: bool,
    pub(crate) local_times: bool,
    pub(crate) pounds: bool,
    pub(crate) tells_in_bed: bool,
    pub(crate) sync_hours: f64,
}

/// A linked Strava account, and how its owner uses it.
pub(crate) struct StravaHabits {
    pub(crate) account_id: String,
    /// The first of the account's activity ids; the others follow it.
    pub(crate) first_id: u64,
    pub(crate) access_token: String,
    pub(crate) refresh_token: String,
    pub(crate) hides_start: bool,
    pub(crate) privacy_zone: bool,
    pub(crate) writes_health: bool,
    pub(crate) deauthorises: bool,
}

/// What the athlete tells the app about food and health.
pub(crate) struct Needs {
    pub(crate) diet: Vec<&'static str>,
    pub(crate) allergies: Vec<&'static str>,
    pub(crate) flags: Vec<&'static str>,
    pub(crate) caffeine_opt_in: bool,
    pub(crate) gut_trained: bool,
    /// Some do not give their height.
    pub(crate) tells_height: bool,
}

pub(crate) struct Person {
    pub(crate) index: u32,
    pub(crate) athlete_id: String,
    pub(crate) home: Home,
    pub(crate) zone: TimeZone,
    pub(crate) mass_kg: f64,
    pub(crate) height_m: f64,
    pub(crate) birth_year: i64,
    pub(crate) female: bool,
    pub(crate) sweat_multiplier: f64,
    pub(crate) sodium_mmol_per_l: f64,
    pub(crate) wake_minute: f64,
    pub(crate) sleep_hours: f64,
    pub(crate) favourite: &'static Sport,
    pub(crate) weighs: bool,
    pub(crate) garmin: Option<GarminWatch>,
    pub(crate) apple: Option<AppleWatch>,
    pub(crate) phone: Phone,
    pub(crate) strava: Option<StravaHabits>,
    pub(crate) wears_patches: bool,
    pub(crate) needs: Needs,
    pub(crate) habits: Habits,
}

impl Person {
    pub(crate) fn draw(index: u32, dice: &mut Dice, mix: &Mix) -> Self {
        let home = any_home(dice);
        let female = dice.chance(0.42);
        let height_m = dice.near(if female { 1.67 } else { 1.79 }, 0.065, 0.16);
        let body_mass_index = dice.near(22.8, 1.9, 4.0);
        let devices = draw_devices(dice, mix);
        Self {
            index,
            athlete_id: format!("athlete-{index:05}"),
            home,
            zone: TimeZone::get(home.zone).unwrap_or(TimeZone::UTC),
            mass_kg: body_mass_index * height_m * height_m,
            height_m,
            birth_year: dice.whole(1962, 2006),
            female,
            sweat_multiplier: dice.log_normal(1.0, mix.sweat_log_sd),
            sodium_mmol_per_l: dice
                .log_normal(SODIUM_MEDIAN, mix.sodium_log_sd)
                .clamp(8.0, 110.0),
            wake_minute: dice.near(385.0, 35.0, 65.0),
            sleep_hours: dice.near(7.3, 0.5, 1.0),
            favourite: sport::any(dice),
            weighs: dice.chance(mix.weighing_athletes),
            garmin: devices
                .garmin
                .then(|| draw_garmin(index, dice, devices.copies)),
            apple: devices.apple.then(|| draw_apple(dice)),
            phone: draw_phone(dice, mix),
            strava: draw_strava(index, dice, mix, devices),
            wears_patches: dice.chance(mix.patch.owners),
            needs: draw_needs(dice, female),
            habits: Habits::default(),
        }
    }

    pub(crate) fn move_to(&mut self, home: Home) {
        self.home = home;
        self.zone = TimeZone::get(home.zone).unwrap_or(TimeZone::UTC);
    }

    /// The phone uploads Health at all.
    pub(crate) fn uses_health(&self) -> bool {
        self.apple.is_some()
            || self.garmin.as_ref().is_some_and(|watch| watch.copies)
            || self
                .strava
                .as_ref()
                .is_some_and(|strava| strava.writes_health)
    }

    /// Du Bois and Du Bois, square metres.
    pub(crate) fn surface_m2(&self) -> f64 {
        0.202 * libm::pow(self.mass_kg, 0.425) * libm::pow(self.height_m, 0.725)
    }

    /// A body mass on some morning, kg.
    pub(crate) fn mass_today(&self, dice: &mut Dice) -> f64 {
        self.mass_kg + dice.near(0.0, 0.4, 1.0)
    }
}

#[derive(Clone, Copy)]
struct Devices {
    garmin: bool,
    copies: bool,
    apple: bool,
}

fn draw_devices(dice: &mut Dice, mix: &Mix) -> Devices {
    let [plain, copied, both, apart, apple, strava] = mix.devices;
    let some = |garmin, copies, apple| Devices {
        garmin,
        copies,
        apple,
    };
    let choices = [
        (plain, some(true, false, false)),
        (copied, some(true, true, false)),
        (both, some(true, true, true)),
        (apart, some(true, false, true)),
        (apple, some(false, false, true)),
        (strava, some(false, false, false)),
    ];
    dice.weighted(&choices, some(true, true, false))
}

fn draw_garmin(index: u32, dice: &mut Dice, copies: bool) -> GarminWatch {
    let bits = dice.bits();
    GarminWatch {
        user_id: format!("{:08x}-{:04x}-{:08x}", bits >> 32, bits & 0xffff, index),
        model: dice.weighted(GARMIN_MODELS, "fenix 7"),
        copies,
    }
}

fn draw_apple(dice: &mut Dice) -> AppleWatch {
    AppleWatch {
        bundle: format!("com.apple.health.{}", dice.uuid()),
        name: "Apple\u{a0}Watch".to_owned(),
        product: dice.weighted(APPLE_MODELS, "Watch7,2"),
    }
}

fn draw_strava(index: u32, dice: &mut Dice, mix: &Mix, devices: Devices) -> Option<StravaHabits> {
    let mix = &mix.strava;
    let records = !devices.garmin && !devices.apple;
    let linked = dice.chance(mix.linked) || records;
    let base = if dice.chance(mix.long_ids) {
        STRAVA_LONG_ID
    } else {
        STRAVA_ID
    };
    let made = StravaHabits {
        account_id: (STRAVA_ACCOUNT + u64::from(index)).to_string(),
        first_id: base + u64::from(index) * STRAVA_ID_BLOCK,
        access_token: format!("{:016x}{:016x}", dice.bits(), dice.bits()),
        refresh_token: format!("{:016x}{:016x}", dice.bits(), dice.bits()),
        hides_start: dice.chance(mix.hidden_start) && devices.garmin,
        privacy_zone: dice.chance(mix.privacy_zone),
        writes_health: dice.chance(mix.writes_health),
        deauthorises: dice.chance(mix.deauthorised) && !records,
    };
    linked.then_some(made)
}

fn draw_needs(dice: &mut Dice, female: bool) -> Needs {
    let some = |dice: &mut Dice, words: &[(f64, &'static str)]| -> Vec<&'static str> {
        let drawn = words.iter().filter(|(rate, _)| dice.chance(*rate));
        drawn.map(|(_, word)| *word).collect()
    };
    let mut flags = some(dice, FLAGS);
    if female && dice.chance(0.02) {
        flags.push(if dice.chance(0.5) {
            "pregnant"
        } else {
            "lactating"
        });
    }
    Needs {
        diet: some(dice, DIETS),
        allergies: some(dice, ALLERGIES),
        flags,
        caffeine_opt_in: dice.chance(0.5),
        gut_trained: dice.chance(0.25),
        tells_height: dice.chance(0.92),
    }
}

fn draw_phone(dice: &mut Dice, mix: &Mix) -> Phone {
    let burst = dice.chance(mix.burst_phone);
    Phone {
        bundle: format!("com.apple.health.{}", dice.uuid()),
        sdk: dice.weighted(SDK_VERSIONS, "2.1.0"),
        flat_workouts: dice.chance(0.5),
        named_stages: dice.chance(0.3),
        local_times: dice.chance(0.6),
        pounds: dice.chance(0.35),
        tells_in_bed: dice.chance(mix.phone_in_bed),
        sync_hours: if burst {
            dice.between(mix.burst_h.0, mix.burst_h.1)
        } else {
            dice.between(5.0, 11.0)
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_zone_of_the_table_is_in_the_bundled_database() {
        for (_, home) in HOMES {
            assert!(TimeZone::get(home.zone).is_ok(), "{home:?}");
        }
    }

    #[test]
    fn a_crowd_has_zones_with_and_without_daylight_saving_and_every_pair_of_devices() {
        let mix = Mix::default();
        let mut shifts = std::collections::BTreeSet::new();
        let mut devices = std::collections::BTreeSet::new();
        for index in 0..200 {
            let person = Person::draw(index, &mut Dice::new(1, index), &mix);
            let offset = |at| crate::time::offset_at(&person.zone, at);
            shifts.insert(offset(1_767_225_600) - offset(1_782_864_000));
            let copies = person.garmin.as_ref().map(|watch| watch.copies);
            devices.insert((copies, person.apple.is_some()));
            assert!((40.0..130.0).contains(&person.mass_kg));
        }
        assert!(shifts.contains(&0) && shifts.contains(&3_600) && shifts.contains(&-3_600));
        assert_eq!(devices.len(), 6);
    }
}
