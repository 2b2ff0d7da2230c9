//! App events → observations. Pure.

use std::sync::Arc;

use processors_domain::sport::Sport;
use processors_domain::time;
use schemas::record::Micros;
use schemas::record::ingest::RawReceived;
use schemas::record::observation::{
    BodyMassBody, IntakeBody, LinkOverrideBody, PlannedWorkoutBody, ProfileEditBody,
    SelfReportBody, SymptomBody, WeighInBody,
};

use super::payload::{Event, OneOrMany};
use crate::normalize::{Body, Draft, Rejected, Told, bounded, instant, parse, quantise};

const MASS_MIN_KG: f64 = 20.0;
const MASS_MAX_KG: f64 = 250.0;
/// Nobody drinks or passes more around one workout.
const FLUID_MAX_ML: f64 = 30_000.0;
const FOOD_MAX_G: f64 = 20_000.0;
const PLAN_MAX_MIN: f64 = 1_440.0;
const LIST_MAX: usize = 64;
/// The action of a `link_override` that its user took back.
pub(crate) const WITHDRAWN: &str = "none";
const PLAN_ID_MAX: usize = 256;

pub(crate) fn normalize(raw: &RawReceived) -> Told {
    let event: Event = parse(&raw.body)?;
    let id = event
        .id
        .clone()
        .filter(|id| !id.is_empty())
        .ok_or_else(|| Rejected::missing("id"))?;
    let is_gone = event.deleted == Some(true);
    let draft = match raw.kind.as_str() {
        "weigh_in" | "body_mass" | "intake" | "self_report" | "symptom" if is_gone => {
            Draft::summary(id, Body::Deletion)
        }
        "profile" if is_gone => {
            return Err(Rejected::new(
                "bad_value",
                "a profile is not deleted: another one changes it",
            ));
        }
        "profile" => Draft::summary(id, Body::Profile(Arc::new(profile(event)?))),
        "weigh_in" => Draft::summary(id, Body::WeighIn(Arc::new(weigh_in(&event)?))),
        "body_mass" => Draft::summary(id, Body::BodyMass(Arc::new(body_mass(&event)?))),
        "intake" => Draft::summary(id, Body::Intake(Arc::new(intake(&event)?))),
        "planned_workout" => plan(&event, &id)?,
        "self_report" => Draft::summary(id, Body::SelfReport(Arc::new(self_report(&event)?))),
        "symptom" => Draft::summary(id, Body::Symptom(Arc::new(symptom(&event)?))),
        "link_override" => Draft::summary(id, Body::LinkOverride(Arc::new(link_override(&event)?))),
        kind => {
            return Err(Rejected::new(
                "unsupported_kind",
                format!("app event {kind} is not known"),
            ));
        }
    };
    Ok(Some(vec![draft]))
}

fn at(event: &Event) -> Result<Micros, Rejected> {
    instant("at", event.at.as_deref()).map(|(at, _)| at)
}

fn words(list: Option<OneOrMany>) -> Result<Option<Vec<String>>, Rejected> {
    let list = list.map(OneOrMany::sorted);
    match &list {
        Some(words) if words.len() > LIST_MAX => {
            Err(Rejected::new("bad_value", "a list is too long"))
        }
        _ => Ok(list),
    }
}

fn profile(event: Event) -> Result<ProfileEditBody, Rejected> {
    let at = at(&event)?;
    if let Some(zone) = &event.time_zone
        && time::offset_at(zone, processors_domain::time::Instant(at.0)).is_none()
    {
        return Err(Rejected::new(
            "bad_value",
            format!("time_zone {zone} is no IANA zone"),
        ));
    }
    let birth_year = bounded("birth_year", event.birth_year, 1900.0, 2100.0)?;
    Ok(ProfileEditBody {
        at,
        mass_kg: quantise(
            bounded("mass_kg", event.mass_kg, MASS_MIN_KG, MASS_MAX_KG)?,
            1_000.0,
        ),
        height_m: quantise(bounded("height_m", event.height_m, 0.5, 2.6)?, 1_000.0),
        birth_year: birth_year.map(|year| year as i32),
        sex: event.sex,
        time_zone: event.time_zone,
        wake_time: clock_time("wake_time", event.wake_time)?,
        bed_time: clock_time("bed_time", event.bed_time)?,
        diet: words(event.diet)?,
        allergies: words(event.allergies)?,
        caffeine_opt_in: event.caffeine_opt_in,
        gut_trained: event.gut_trained,
        flags: words(event.flags)?,
    })
}

fn clock_time(field: &str, text: Option<String>) -> Result<Option<String>, Rejected> {
    match text {
        Some(text) if minutes_of_day(&text).is_none() => {
            Err(Rejected::new("bad_value", format!("{field} is not hh:mm")))
        }
        text => Ok(text),
    }
}

/// `hh:mm` (seconds are accepted and ignored) as minutes after midnight.
pub(crate) fn minutes_of_day(text: &str) -> Option<i64> {
    let mut parts = text.split(':');
    let hours: i64 = parts.next()?.parse().ok()?;
    let minutes: i64 = parts.next()?.parse().ok()?;
    ((0..24).contains(&hours) && (0..60).contains(&minutes)).then_some(hours * 60 + minutes)
}

fn mass(field: &str, value: Option<f64>) -> Result<f64, Rejected> {
    quantise(bounded(field, value, MASS_MIN_KG, MASS_MAX_KG)?, 1_000.0)
        .ok_or_else(|| Rejected::missing(field))
}

fn weigh_in(event: &Event) -> Result<WeighInBody, Rejected> {
    Ok(WeighInBody {
        at: at(event)?,
        session_ref: event.session_ref.clone(),
        mass_pre_kg: mass("mass_pre_kg", event.mass_pre_kg)?,
        mass_post_kg: mass("mass_post_kg", event.mass_post_kg)?,
        fluid_ml: bounded("fluid_ml", event.fluid_ml, 0.0, FLUID_MAX_ML)?,
        food_g: bounded("food_g", event.food_g, 0.0, FOOD_MAX_G)?,
        urine_ml: bounded("urine_ml", event.urine_ml, 0.0, FLUID_MAX_ML)?,
        clothed: event.clothed.unwrap_or(false),
    })
}

fn body_mass(event: &Event) -> Result<BodyMassBody, Rejected> {
    Ok(BodyMassBody {
        at: at(event)?,
        mass_kg: mass("mass_kg", event.mass_kg)?,
        manual: true,
    })
}

fn intake(event: &Event) -> Result<IntakeBody, Rejected> {
    let items = event
        .items
        .iter()
        .flatten()
        .map(item_id)
        .collect::<Result<Vec<_>, _>>()?;
    if items.len() > LIST_MAX {
        return Err(Rejected::new("bad_value", "items has too many entries"));
    }
    Ok(IntakeBody {
        at: at(event)?,
        fluid_ml: bounded("fluid_ml", event.fluid_ml, 0.0, FLUID_MAX_ML)?,
        carbohydrate_g: bounded("carbohydrate_g", event.carbohydrate_g, 0.0, 5_000.0)?,
        protein_g: bounded("protein_g", event.protein_g, 0.0, 2_000.0)?,
        sodium_mg: bounded("sodium_mg", event.sodium_mg, 0.0, 100_000.0)?,
        caffeine_mg: bounded("caffeine_mg", event.caffeine_mg, 0.0, 5_000.0)?,
        items,
    })
}

/// An item is its catalogue id, or an object that holds it.
fn item_id(item: &serde_json::Value) -> Result<String, Rejected> {
    item.as_str()
        .or_else(|| {
            ["id", "catalog_id", "name"]
                .iter()
                .find_map(|name| item.get(name)?.as_str())
        })
        .map(str::to_owned)
        .ok_or_else(|| Rejected::new("bad_value", "items holds something that names no product"))
}

fn plan(event: &Event, id: &str) -> Result<Draft, Rejected> {
    let plan_id = event.plan_id.clone().unwrap_or_else(|| id.to_owned());
    if plan_id.is_empty() || plan_id.chars().count() > PLAN_ID_MAX {
        return Err(Rejected::new(
            "bad_value",
            format!("plan_id needs 1 to {PLAN_ID_MAX} characters"),
        ));
    }
    let deleted = event.deleted.unwrap_or(false);
    // A plan that is taken back need not say again when it would have been.
    let told = event
        .start
        .as_deref()
        .or(if deleted { event.at.as_deref() } else { None });
    let (start, _) = instant("start", told)?;
    let duration = bounded("duration_min", event.duration_min, 1.0, PLAN_MAX_MIN)?;
    let sport = match event.sport.as_deref() {
        Some(word) => Sport::parse(word)
            .ok_or_else(|| Rejected::new("bad_value", format!("sport {word} is not known")))?,
        None if deleted => Sport::Other,
        None => return Err(Rejected::missing("sport")),
    };
    let intensity = event
        .intensity
        .clone()
        .unwrap_or_else(|| "moderate".to_owned());
    if !matches!(intensity.as_str(), "low" | "moderate" | "high") {
        return Err(Rejected::new(
            "bad_value",
            format!("intensity {intensity} is not low, moderate or high"),
        ));
    }
    let body = PlannedWorkoutBody {
        plan_id: plan_id.clone(),
        version: event.version,
        sport: sport.as_str().to_owned(),
        family: sport.family().as_str().to_owned(),
        start,
        duration_min: match duration {
            Some(minutes) => minutes,
            None if deleted => 1.0,
            None => return Err(Rejected::missing("duration_min")),
        },
        intensity,
        indoor: event.indoor,
        with_patch: event.with_patch,
        lat: bounded("lat", event.lat, -90.0, 90.0)?,
        lon: bounded("lon", event.lon, -180.0, 180.0)?,
        deleted,
    };
    Ok(Draft {
        order: event.version.unwrap_or(0),
        ..Draft::summary(plan_id, Body::Plan(Arc::new(body)))
    })
}

fn self_report(event: &Event) -> Result<SelfReportBody, Rejected> {
    let scale = |field, value, high| {
        bounded(field, value, 1.0, high).map(|value| value.map(|number| number as i32))
    };
    Ok(SelfReportBody {
        at: at(event)?,
        motivation: scale("motivation", event.motivation, 5.0)?,
        fatigue: scale("fatigue", event.fatigue, 5.0)?,
        urine_colour: scale("urine_colour", event.urine_colour, 8.0)?,
        gut: scale("gut", event.gut, 5.0)?,
    })
}

fn symptom(event: &Event) -> Result<SymptomBody, Rejected> {
    let codes = event
        .codes
        .clone()
        .ok_or_else(|| Rejected::missing("codes"))?;
    if codes.len() > LIST_MAX {
        return Err(Rejected::new("bad_value", "codes has too many entries"));
    }
    Ok(SymptomBody {
        at: at(event)?,
        codes,
        cleared: event.cleared.unwrap_or(false),
    })
}

fn link_override(event: &Event) -> Result<LinkOverrideBody, Rejected> {
    let mut action = event
        .action
        .clone()
        .ok_or_else(|| Rejected::missing("action"))?;
    if !matches!(action.as_str(), "merge" | "split") {
        return Err(Rejected::new(
            "bad_value",
            format!("action {action} is not merge or split"),
        ));
    }
    let mut observation_ids = event
        .observation_ids
        .clone()
        .ok_or_else(|| Rejected::missing("observation_ids"))?;
    // Ids are compared as numbers here and as text there: one way of writing them.
    for id in &mut observation_ids {
        id.make_ascii_lowercase();
    }
    observation_ids.sort();
    observation_ids.dedup();
    let is_id = |id: &String| id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !observation_ids.iter().all(is_id) {
        return Err(Rejected::new(
            "bad_value",
            "observation_ids holds something that is no observation id",
        ));
    }
    if observation_ids.len() < 2 || observation_ids.len() > LIST_MAX {
        return Err(Rejected::new(
            "bad_value",
            "observation_ids needs 2 to 64 different ids",
        ));
    }
    // A decision that is taken back decides nothing, and stays the last word of its id.
    if event.deleted == Some(true) {
        WITHDRAWN.clone_into(&mut action);
    }
    Ok(LinkOverrideBody {
        at: at(event)?,
        action,
        observation_ids,
    })
}
