//! What is unusual about an athlete's life: shifts, journeys, company, an account linked late.
//!
//! Drawn from a stream of chance of its own, so that everybody else's bytes stay what they are
//! whatever is made unusual.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::dice::Dice;
use crate::life::Span;
use crate::options::Mix;
use crate::person::{Home, Person, any_home};
use crate::time::{MINUTE, offset_at};

/// Marks the streams of chance of this module and of the scenes.
const UNUSUAL: u64 = 0x756e_7573_7561_6c01;
const COMPANY: u64 = 0x636f_6d70_616e_7901;
/// Neighbours by number who may ride together.
const COMPANY_SIZE: u32 = 10;
/// Minute of the local day at which a traveller is where the new day begins: in the middle of the
/// night of the flight.
const ARRIVAL_MINUTE: i64 = 150;

/// Where an athlete is from a night on.
#[derive(Clone, Debug)]
pub(crate) struct Stay {
    pub(crate) first_day: Date,
    pub(crate) from: i64,
    pub(crate) home: Home,
    pub(crate) zone: TimeZone,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Habits {
    /// The day is moved by so many seconds.
    pub(crate) shift: i64,
    /// In order; before the first, the athlete is at home.
    pub(crate) stays: Vec<Stay>,
    /// The company to ride with.
    pub(crate) company: Option<u64>,
    pub(crate) sleep_app: bool,
    /// When the Garmin account was linked, where that was not before the world.
    pub(crate) linked_at: Option<i64>,
}

/// The stream of an athlete's unusual things.
pub(crate) fn dice(seed: u64, index: u32) -> Dice {
    Dice::new(seed ^ UNUSUAL, index)
}

/// Draws the habits of `person`, who moves near the company's home where there is company.
pub(crate) fn settle(person: &mut Person, dice: &mut Dice, mix: &Mix, seed: u64, span: Span) {
    let shift_minutes = dice.between(mix.shift_minutes.0, mix.shift_minutes.1) as i64;
    let shift = dice.chance(mix.shift_worker);
    let in_company = dice.chance(mix.group_rider) && !shift;
    let travels = dice.chance(mix.traveller) && !shift && !in_company;
    let company = u64::from(person.index / COMPANY_SIZE);
    person.habits = Habits {
        shift: if shift { shift_minutes * MINUTE } else { 0 },
        stays: Vec::new(),
        company: in_company.then_some(seed ^ COMPANY ^ (company << 40)),
        sleep_app: dice.chance(mix.sleep_app),
        linked_at: dice.chance(mix.backfill).then(|| {
            let part = dice.between(mix.backfill_at.0, mix.backfill_at.1);
            span.start + ((span.end - span.start) as f64 * part) as i64
        }),
    };
    if let Some(company) = person.habits.company {
        let home = any_home(&mut Dice::new(company, 0));
        person.move_to(home);
    }
    if travels {
        person.habits.stays = journey(person, dice, mix, span);
    }
}

/// Away once, and home again where the world lasts that long.
fn journey(person: &Person, dice: &mut Dice, mix: &Mix, span: Span) -> Vec<Stay> {
    let away = any_home(dice);
    let days = ((span.end - span.start) / crate::time::DAY).max(1);
    let leaves = dice.whole(1, days);
    let stays = dice.whole(mix.away_days.0 as i64, mix.away_days.1 as i64);
    let first = Timestamp::from_second(span.start).unwrap_or_default();
    let first = first.to_zoned(person.zone.clone()).date();
    let stay = |day: i64, home: Home| {
        let first_day = first.checked_add(day.days()).ok()?;
        let zone = TimeZone::get(home.zone).ok()?;
        let midnight = first_day.to_zoned(zone.clone()).ok()?;
        Some(Stay {
            first_day,
            from: midnight.timestamp().as_second() + ARRIVAL_MINUTE * MINUTE,
            home,
            zone,
        })
    };
    let both = [stay(leaves, away), stay(leaves + stays, person.home)];
    both.into_iter().flatten().collect()
}

impl Person {
    fn stay_at(&self, at: i64) -> Option<&Stay> {
        self.habits.stays.iter().rev().find(|stay| stay.from <= at)
    }

    /// Where the athlete is.
    pub(crate) fn home_at(&self, at: i64) -> Home {
        self.stay_at(at).map_or(self.home, |stay| stay.home)
    }

    pub(crate) fn zone_at(&self, at: i64) -> &TimeZone {
        self.stay_at(at).map_or(&self.zone, |stay| &stay.zone)
    }

    /// The zone in which the athlete wakes up on `date`.
    pub(crate) fn zone_on(&self, date: Date) -> &TimeZone {
        let stays = self.habits.stays.iter().rev();
        let mut begun = stays.filter(|stay| stay.first_day <= date);
        begun.next().map_or(&self.zone, |stay| &stay.zone)
    }

    pub(crate) fn offset_at(&self, at: i64) -> i64 {
        offset_at(self.zone_at(at), at)
    }

    pub(crate) fn is_away(&self, at: i64) -> bool {
        self.home_at(at).zone != self.home.zone
    }
}
