//! The answer of a phase: plain numbers by the names of the contract, bands beside them.

use processors_domain::advice::{Draft, GapBounds, GapClass, Need, Needs};
use processors_domain::safety::{self, SafetyContext};
use processors_domain::units::{
    BodyMass, Decigrams, DrinkRate, Milligrams, Millilitres, Quantity, Seconds,
};
use serde_json::{Map, Value, json};

pub(super) struct Answer {
    said: Map<String, Value>,
    flags: Vec<&'static str>,
}

impl Answer {
    /// All names of the contract, each unknown.
    pub(super) fn nothing() -> Self {
        Self::told(&Needs::default(), Vec::new())
    }

    /// What the rule asks for, lowered by the safety rules that `context` has facts for.
    pub(super) fn of(draft: Draft, context: &SafetyContext) -> Self {
        let window = draft.window();
        let advised = safety::apply(draft, context);
        let flags = advised.flags.iter().map(|flag| flag.as_str());
        let rules = advised.safety.iter().map(|rule| rule.as_str());
        let mut answer = Self::told(&advised.needs, flags.chain(rules).collect());
        answer.add("window_h", window.hours());
        answer
    }

    fn told(needs: &Needs, flags: Vec<&'static str>) -> Self {
        let mut said = Map::new();
        let mut bands = Map::new();
        tell(&mut said, &mut bands, "fluid_ml", needs.fluid, millilitres);
        let per_hour = needs.fluid_per_hour.map(DrinkRate::get);
        said.insert("fluid_ml_per_h".to_owned(), json!(per_hour));
        let food = [
            ("carbohydrate_g", needs.carbohydrate),
            ("protein_g", needs.protein),
            ("casein_g", needs.casein),
        ];
        for (name, need) in food {
            tell(&mut said, &mut bands, name, need, grams);
        }
        for (name, need) in [("sodium_mg", needs.sodium), ("caffeine_mg", needs.caffeine)] {
            tell(&mut said, &mut bands, name, need, milligrams);
        }
        let carried = needs.carry_over.map(Millilitres::get);
        said.insert("carry_over_ml".to_owned(), json!(carried));
        said.insert("bands".to_owned(), Value::Object(bands));
        Self { said, flags }
    }

    pub(super) fn add(&mut self, name: &str, value: impl Into<Value>) {
        self.said.insert(name.to_owned(), value.into());
    }

    pub(super) fn flag(&mut self, word: &'static str) {
        self.flags.push(word);
    }

    pub(super) fn gap_class(&mut self, gap: Seconds) {
        let class = GapClass::of(gap, &GapBounds::default());
        self.add("gap_class", class.as_str());
    }

    /// What is missing at the end, in hundredths of a percent of the body mass.
    pub(super) fn end_deficit(&mut self, missing_ml: i64, mass: BodyMass) {
        let drunk = self
            .said
            .get("fluid_ml")
            .and_then(Value::as_i64)
            .unwrap_or(0);
        let left = missing_ml.saturating_sub(drunk) as f64 / 1_000.0;
        let percent = libm::round(left / mass.kilograms() * 10_000.0) / 100.0;
        self.add("end_deficit_pct", percent);
    }

    /// Nobody told what was lost: then nothing is known of what to take, unless nothing is drunk
    /// that it could go with.
    pub(super) fn sodium_unknown(&mut self) {
        if self.said.get("fluid_ml").and_then(Value::as_i64) != Some(0) {
            self.add("sodium_mg", Value::Null);
            if let Some(Value::Object(bands)) = self.said.get_mut("bands") {
                bands.remove("sodium_mg");
            }
        }
    }

    pub(super) fn into_map(mut self) -> Map<String, Value> {
        let flags = json!(self.flags);
        self.add("flags", flags);
        self.said
    }
}

fn tell<Q: Quantity>(
    said: &mut Map<String, Value>,
    bands: &mut Map<String, Value>,
    name: &str,
    need: Option<Need<Q>>,
    number: fn(Q) -> Value,
) {
    said.insert(
        name.to_owned(),
        need.map_or(Value::Null, |need| number(need.target)),
    );
    if let Some(need) = need {
        let band = json!({
            "lo": need.lo.map(number),
            "hi": need.hi.map(number),
            "max": need.max.map(number),
        });
        bands.insert(name.to_owned(), band);
    }
}

fn millilitres(volume: Millilitres) -> Value {
    json!(volume.get())
}

fn milligrams(mass: Milligrams) -> Value {
    json!(mass.get())
}

fn grams(mass: Decigrams) -> Value {
    json!(mass.grams())
}
