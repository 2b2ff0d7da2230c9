//! What the athlete said about themself, folded: the last word per field counts.

use std::collections::BTreeMap;

use processors_domain::observation::Licence;
use processors_domain::safety::Withheld;
use processors_domain::sweat::Sex;
use processors_domain::time::{self, Instant};
use schemas::record::Micros;
use schemas::record::state::{AthleteHead, MassState, ProfileEditState};

use crate::app::minutes_of_day;
use crate::licence;

/// The athlete's settings, after all edits by (at, arrival, id).
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Settings {
    pub(crate) mass_g: Option<i64>,
    pub(crate) time_zone: Option<String>,
    pub(crate) bed_minutes: Option<i64>,
    pub(crate) wake_minutes: Option<i64>,
    pub(crate) height_m: Option<f64>,
    pub(crate) female: bool,
    pub(crate) gut_trained: bool,
    pub(crate) diet: Vec<String>,
    pub(crate) allergies: Vec<String>,
    pub(crate) flags: Vec<String>,
}

impl Settings {
    pub(crate) fn of(head: &AthleteHead) -> Self {
        let mut settings = Self::default();
        for edit in effective(head) {
            let body = &edit.body;
            if let Some(kg) = body.mass_kg {
                settings.mass_g = Some(libm::round(kg * 1_000.0) as i64);
            }
            if let Some(zone) = &body.time_zone {
                settings.time_zone = Some(zone.clone());
            }
            if let Some(text) = &body.bed_time {
                settings.bed_minutes = minutes_of_day(text);
            }
            if let Some(text) = &body.wake_time {
                settings.wake_minutes = minutes_of_day(text);
            }
            settings.height_m = body.height_m.or(settings.height_m);
            replace(&mut settings.diet, body.diet.as_ref());
            replace(&mut settings.allergies, body.allergies.as_ref());
            replace(&mut settings.flags, body.flags.as_ref());
            if let Some(sex) = &body.sex {
                settings.female = matches!(plain(sex).as_str(), "female" | "f" | "woman");
            }
            if let Some(trained) = body.gut_trained {
                settings.gut_trained = trained;
            }
        }
        settings
    }

    pub(crate) fn sex(&self) -> Sex {
        if self.female { Sex::Female } else { Sex::Male }
    }

    /// On a low-salt diet, by whatever cause.
    pub(crate) fn goes_without_salt(&self) -> bool {
        let causes = ["kidney", "heart", "hypertension", "low_salt"];
        causes.into_iter().any(|cause| self.has_flag(cause))
    }

    /// Targets that only a practitioner sets for this athlete.
    pub(crate) fn withheld(&self) -> Withheld {
        Withheld {
            sodium: self.goes_without_salt(),
            carbohydrate: self.has_flag("diabetes") && !self.has_flag("practitioner"),
            drinking: self.has_flag("pregnant"),
            deficit: self.has_flag("eating_disorder") || self.has_flag("weight_class"),
        }
    }

    pub(crate) fn has_flag(&self, word: &str) -> bool {
        self.flags.iter().any(|flag| flag == word)
    }

    /// Milk, and so casein, is out of the question.
    pub(crate) fn avoids_milk(&self) -> bool {
        let has = |list: &[String], word: &str| list.iter().any(|one| one == word);
        has(&self.diet, "vegan") || has(&self.diet, "lactose_free") || has(&self.allergies, "milk")
    }

    /// The usual waking before an instant, if it is of the same day.
    pub(crate) fn woke_before(&self, at: Micros) -> Option<Micros> {
        let zone = self.time_zone.as_deref()?;
        let minutes = i32::try_from(self.wake_minutes?).ok()?;
        let today = time::local_date(Instant(at.0), self.offset_at(at));
        time::local_to_instant(today, minutes, zone)
            .filter(|woke| woke.0 <= at.0)
            .map(|woke| Micros(woke.0))
    }

    /// The zone's offset at an instant. UTC where no zone is known: a date has to be some date.
    pub(crate) fn offset_at(&self, at: Micros) -> i32 {
        self.time_zone
            .as_deref()
            .and_then(|zone| time::offset_at(zone, Instant(at.0)))
            .unwrap_or(0)
    }

    /// The next bed time after an instant.
    pub(crate) fn bed_after(&self, at: Micros) -> Option<Micros> {
        let zone = self.time_zone.as_deref()?;
        let minutes = i32::try_from(self.bed_minutes?).ok()?;
        let today = time::local_date(Instant(at.0), self.offset_at(at));
        (0..=1)
            .filter_map(|days| time::local_to_instant(today.plus_days(days), minutes, zone))
            .find(|bed| bed.0 > at.0)
            .map(|bed| Micros(bed.0))
    }
}

fn replace(list: &mut Vec<String>, told: Option<&Vec<String>>) {
    if let Some(told) = told {
        *list = told.iter().map(|word| plain(word)).collect();
        list.sort();
        list.dedup();
    }
}

/// A word of a vocabulary, however an app spells it: `Gluten-free` is `gluten_free`.
pub(crate) fn plain(word: &str) -> String {
    let word = word.trim().to_lowercase();
    word.replace([' ', '-'], "_")
}

/// Of several contents of one edit the first-arrived last counts; edits are in (at, arrival) order.
fn effective(head: &AthleteHead) -> Vec<&ProfileEditState> {
    let mut last: BTreeMap<&str, &ProfileEditState> = BTreeMap::new();
    for edit in &head.profile_edits {
        let known = last.get(edit.observation_id.as_str());
        if known.is_none_or(|known| {
            (edit.first_received_at, edit.content_hash)
                > (known.first_received_at, known.content_hash)
        }) {
            last.insert(&edit.observation_id, edit);
        }
    }
    head.profile_edits
        .iter()
        .filter(|edit| {
            last.get(edit.observation_id.as_str())
                .is_some_and(|known| known.content_hash == edit.content_hash)
        })
        .collect()
}

/// The athlete's mass at an instant: the last reading before it, the first after it, or what the
/// profile says. `None` is unknown.
pub(crate) fn mass_at(head: &AthleteHead, settings: &Settings, at: Micros) -> Option<i64> {
    let reading = reading_at(head, at).map(|mass| mass.mass_g);
    reading.or(settings.mass_g)
}

/// The label of the mass at an instant.
pub(crate) fn mass_licence(head: &AthleteHead, at: Micros) -> Licence {
    // What the athlete said about themself is their own.
    reading_at(head, at).map_or(Licence::Own, |mass| licence::kept(mass.licence.as_deref()))
}

fn reading_at(head: &AthleteHead, at: Micros) -> Option<&MassState> {
    let before = head.masses.iter().rev().find(|mass| mass.at <= at);
    before.or_else(|| head.masses.first())
}
