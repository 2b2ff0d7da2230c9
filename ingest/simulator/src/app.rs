//! Events of the athlete's own app: registration, scales, plans, what was drunk, how it felt.

use serde_json::{Map, Value, json};

use crate::life::{Session, round};
use crate::person::Person;
use crate::time::utc;

/// The body of `PUT /v1/athletes/{athlete_id}`.
pub(crate) fn profile(person: &Person) -> String {
    let clock = |minute: f64| {
        let minute = minute as i64;
        format!(
            "{:02}:{:02}",
            minute.div_euclid(60).rem_euclid(24),
            minute.rem_euclid(60)
        )
    };
    let mut fields = json!({
        "mass_kg": round(person.mass_kg, 10.0),
        "birth_year": person.birth_year,
        "sex": if person.female { "female" } else { "male" },
        "time_zone": person.home.zone,
        "wake_time": clock(person.wake_minute),
        "bed_time": clock(person.wake_minute - person.sleep_hours * 60.0 - 20.0 + 1_440.0),
        "caffeine_opt_in": person.needs.caffeine_opt_in,
    });
    let needs = &person.needs;
    if let Some(fields) = fields.as_object_mut() {
        if needs.tells_height {
            fields.insert("height_m".into(), json!(round(person.height_m, 100.0)));
        }
        if needs.gut_trained {
            fields.insert("gut_trained".into(), json!(true));
        }
        let lists = [
            ("diet", &needs.diet),
            ("allergies", &needs.allergies),
            ("flags", &needs.flags),
        ];
        for (name, words) in lists.into_iter().filter(|(_, words)| !words.is_empty()) {
            fields.insert(name.into(), json!(words));
        }
    }
    fields.to_string()
}

fn event(id: &str, kind: &str, at: i64) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("id".into(), json!(id));
    fields.insert("type".into(), json!(kind));
    fields.insert("at".into(), json!(utc(at)));
    fields
}

/// Two readings of the scale around a session.
pub(crate) struct WeighIn {
    pub(crate) at: i64,
    pub(crate) mass_pre_kg: f64,
    pub(crate) mass_post_kg: f64,
    pub(crate) fluid_ml: i64,
    pub(crate) session_ref: Option<String>,
}

impl WeighIn {
    pub(crate) fn json(&self, id: &str) -> String {
        let mut fields = event(id, "weigh_in", self.at);
        fields.insert("mass_pre_kg".into(), json!(round(self.mass_pre_kg, 100.0)));
        fields.insert(
            "mass_post_kg".into(),
            json!(round(self.mass_post_kg, 100.0)),
        );
        fields.insert("fluid_ml".into(), json!(self.fluid_ml));
        fields.insert("urine_ml".into(), json!(0));
        fields.insert("clothed".into(), json!(false));
        if let Some(reference) = &self.session_ref {
            fields.insert("session_ref".into(), json!(reference));
        }
        Value::Object(fields).to_string()
    }
}

/// A version of a plan for `session`; `start` may still be another. Half of the athletes tell
/// where, too.
pub(crate) fn plan(
    person: &Person,
    plan_id: &str,
    version: i64,
    (sent, start): (i64, i64),
    session: &Session,
    deleted: bool,
) -> String {
    let minutes = (session.end - session.start) / 300 * 5;
    let intensity = match session.heart_rate_avg {
        ..=124 => "low",
        125..=144 => "moderate",
        _ => "high",
    };
    let mut fields = event(plan_id, "planned_workout", sent);
    fields.insert("plan_id".into(), json!(plan_id));
    fields.insert("version".into(), json!(version));
    fields.insert("sport".into(), json!(session.sport.name));
    fields.insert("start".into(), json!(utc(start)));
    fields.insert("duration_min".into(), json!(minutes));
    fields.insert("intensity".into(), json!(intensity));
    fields.insert("indoor".into(), json!(session.sport.indoor));
    let home = person.home_at(start);
    if person.index.is_multiple_of(2) && !session.sport.indoor {
        fields.insert("lat".into(), json!(home.latitude));
        fields.insert("lon".into(), json!(home.longitude));
    }
    if person.wears_patches && session.end - session.start > 3_600 {
        fields.insert("with_patch".into(), json!(true));
    }
    if deleted {
        fields.insert("deleted".into(), json!(true));
    }
    Value::Object(fields).to_string()
}

/// The user's own word that records belong together, or that they do not.
pub(crate) fn link_override(id: &str, at: i64, action: &str, observations: &[&str]) -> String {
    let mut fields = event(id, "link_override", at);
    fields.insert("action".into(), json!(action));
    fields.insert("observation_ids".into(), json!(observations));
    Value::Object(fields).to_string()
}

pub(crate) fn intake(
    id: &str,
    at: i64,
    fluid_ml: i64,
    carbohydrate_g: i64,
    protein_g: i64,
) -> String {
    let mut fields = event(id, "intake", at);
    fields.insert("fluid_ml".into(), json!(fluid_ml));
    fields.insert("carbohydrate_g".into(), json!(carbohydrate_g));
    fields.insert("protein_g".into(), json!(protein_g));
    fields.insert("sodium_mg".into(), json!(fluid_ml / 2));
    Value::Object(fields).to_string()
}

pub(crate) fn self_report(id: &str, at: i64, scores: [i64; 3], urine_colour: i64) -> String {
    let [motivation, fatigue, gut] = scores;
    let mut fields = event(id, "self_report", at);
    fields.insert("motivation".into(), json!(motivation));
    fields.insert("fatigue".into(), json!(fatigue));
    fields.insert("gut".into(), json!(gut));
    fields.insert("urine_colour".into(), json!(urine_colour));
    Value::Object(fields).to_string()
}

pub(crate) fn body_mass(id: &str, at: i64, mass_kg: f64) -> String {
    let mut fields = event(id, "body_mass", at);
    fields.insert("mass_kg".into(), json!(round(mass_kg, 10.0)));
    Value::Object(fields).to_string()
}
