//! What to take in one phase, from numbers instead of a timeline.
//!
//! The phase's rule with the limits of safety rules S1 and S5 and nothing else: no hold, no
//! plausibility stop, no other workout but the one that is named.

use processors_domain::advice::{
    self, AfterInput, BeforeInput, BridgeInput, CaffeineInput, DuringInput, GapBounds, Intensity,
    NextWorkout, NightInput, usual_sweat_rate,
};
use processors_domain::safety::SafetyContext;
use processors_domain::units::{
    BodyMass, DrinkRate, Milligrams, Millilitres, Permille, Seconds, SodiumConcentration, SweatRate,
};
use serde_json::{Map, Value};

use super::{Fields, Refused};

mod answer;

use answer::Answer;

/// One list for all phases: an input that its phase does not use is left alone.
pub(super) const NAMES: &[&str] = &[
    "phase",
    "mass_kg",
    "duration_h",
    "sweat_rate_l_per_h",
    "sodium_mmol_per_l",
    "intensity",
    "deficit_l",
    "sodium_loss_mg",
    "lead_h",
    "next_start_h",
    "to_bed_h",
    "cap_l_per_h",
    "gut_trained",
    "dark_urine",
    "gap_h",
    "age",
    "caffeine_today_mg",
    "caffeine_opt_in",
    "short_sleep",
    "without_milk",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Pre,
    During,
    Bridge,
    Post,
    PreSleep,
    Caffeine,
    GapClass,
}

const PHASES: [(&str, Phase); 7] = [
    ("pre", Phase::Pre),
    ("during", Phase::During),
    ("bridge", Phase::Bridge),
    ("post", Phase::Post),
    ("pre_sleep", Phase::PreSleep),
    ("caffeine", Phase::Caffeine),
    ("gap_class", Phase::GapClass),
];

pub(super) fn calc(fields: &Fields<'_>) -> Result<Value, Refused> {
    let parse = |word: &str| PHASES.iter().find(|phase| phase.0 == word).copied();
    let words = PHASES.map(|phase| phase.0).join(", ");
    let phase = fields.word("phase", parse, &words)?;
    let (word, phase) = fields.needed("phase", phase)?;
    let input = Input { fields };
    let answer = match phase {
        Phase::Pre => before(&input),
        Phase::During => during(&input),
        Phase::Bridge => bridge(&input),
        Phase::Post => after(&input),
        Phase::PreSleep => pre_sleep(&input),
        Phase::Caffeine => caffeine(&input),
        Phase::GapClass => gap_class(&input),
    }?;
    let mut said = Map::new();
    said.insert("phase".to_owned(), Value::from(word));
    said.append(&mut answer.into_map());
    Ok(Value::Object(said))
}

/// The fields as quantities, with the defaults of the rules.
struct Input<'f, 'v> {
    fields: &'f Fields<'v>,
}

/// Where nothing is known of the sodium.
const USUAL_SODIUM_MMOL_PER_L: f64 = 36.0;
const USUAL_CAP_L_PER_H: f64 = 0.8;

impl Input<'_, '_> {
    fn mass(&self) -> Result<BodyMass, Refused> {
        let mass =
            self.fields
                .quantity("mass_kg", BodyMass::from_kilograms, "from 20 to 250 kg")?;
        self.fields.needed("mass_kg", mass)
    }

    fn hours(&self, name: &str) -> Result<Option<Seconds>, Refused> {
        self.fields
            .quantity(name, Seconds::from_hours, "at most 9600 hours")
    }

    /// A workout of an hour where nothing is said.
    fn duration(&self) -> Result<Seconds, Refused> {
        let length = |hours: f64| Seconds::from_hours(hours).filter(|time| time.get() > 0);
        let told = self
            .fields
            .quantity("duration_h", length, "above 0 and at most 9600 hours")?;
        Ok(told.unwrap_or(Seconds::clamped(3_600)))
    }

    fn intensity(&self) -> Result<Intensity, Refused> {
        let told = self
            .fields
            .word("intensity", Intensity::parse, "low, moderate, high")?;
        Ok(told.unwrap_or_default())
    }

    fn rate(&self) -> Result<Option<SweatRate>, Refused> {
        let limits = "from 0.05 to 6 L/h";
        self.fields.quantity(
            "sweat_rate_l_per_h",
            SweatRate::from_litres_per_hour,
            limits,
        )
    }

    fn sodium(&self) -> Result<SodiumConcentration, Refused> {
        let of = SodiumConcentration::from_mmol_per_l;
        let told = self
            .fields
            .quantity("sodium_mmol_per_l", of, "from 5 to 120 mmol/L")?;
        Ok(told.or(of(USUAL_SODIUM_MMOL_PER_L)).unwrap_or_default())
    }

    fn deficit(&self) -> Result<Option<Millilitres>, Refused> {
        self.fields
            .quantity("deficit_l", Millilitres::from_litres, "from -50 to 50 L")
    }

    /// Above the absolute limit the limit counts, as safety rule S5 wants.
    fn cap(&self) -> Result<DrinkRate, Refused> {
        let cap = |rate: f64| (rate >= 0.0).then(|| DrinkRate::from_litres_per_hour(rate));
        let told = self.fields.quantity("cap_l_per_h", cap, "0 or more")?;
        Ok(told.unwrap_or(DrinkRate::from_litres_per_hour(USUAL_CAP_L_PER_H)))
    }

    fn milligrams(&self, name: &str) -> Result<Option<Milligrams>, Refused> {
        self.fields
            .quantity(name, Milligrams::from_f64, "from 0 to 200000 mg")
    }

    fn flag(&self, name: &str) -> Result<bool, Refused> {
        Ok(self.fields.flag(name)?.unwrap_or(false))
    }

    /// From the end of one workout to the start of the next, by either of its names.
    fn gap(&self) -> Result<Option<Seconds>, Refused> {
        Ok(self.hours("gap_h")?.or(self.hours("next_start_h")?))
    }
}

fn before(input: &Input<'_, '_>) -> Result<Answer, Refused> {
    let lead = input.hours("lead_h")?;
    let draft = advice::before(&BeforeInput {
        mass: input.mass()?,
        duration: input.duration()?,
        intensity: input.intensity()?,
        lead: input.fields.needed("lead_h", lead)?,
        dark_urine: input.flag("dark_urine")?,
        carbohydrate_scale: Permille::ONE,
    });
    Ok(Answer::of(draft, &SafetyContext::default()))
}

fn during(input: &Input<'_, '_>) -> Result<Answer, Refused> {
    let (mass, intensity) = (input.mass()?, input.intensity()?);
    let (duration, sodium) = (input.duration()?, input.sodium()?);
    let rate = input.rate()?.unwrap_or(usual_sweat_rate(mass, intensity));
    let (cap, start_deficit) = (input.cap()?, input.deficit()?.unwrap_or_default());
    let draft = advice::during(&DuringInput {
        mass,
        duration,
        rate,
        sodium,
        intensity,
        start_deficit,
        cap,
        gut_trained: input.flag("gut_trained")?,
        merged_before: Seconds::ZERO,
    });
    let loss = rate.over(duration);
    let context = SafetyContext {
        predicted_loss: Some(loss),
        cap: Some(cap),
        ..SafetyContext::default()
    };
    let mut answer = Answer::of(draft, &context);
    answer.add("fluid_loss_ml", loss.get());
    let missing = start_deficit.get().max(0).saturating_add(loss.get());
    answer.end_deficit(missing, mass);
    let sodium_loss = Milligrams::of_sodium(loss, sodium);
    answer.add("sodium_loss_mg", sodium_loss.get());
    Ok(answer)
}

fn bridge(input: &Input<'_, '_>) -> Result<Answer, Refused> {
    let (gap, deficit, cap) = (input.gap()?, input.deficit()?, input.cap()?);
    let gap = input.fields.needed("gap_h", gap)?;
    let draft = advice::bridge(&BridgeInput {
        mass: input.mass()?,
        deficit: input.fields.needed("deficit_l", deficit)?,
        gap,
        cap,
    });
    let context = SafetyContext {
        cap: Some(cap),
        ..SafetyContext::default()
    };
    let mut answer = Answer::of(draft, &context);
    answer.gap_class(gap);
    Ok(answer)
}

fn after(input: &Input<'_, '_>) -> Result<Answer, Refused> {
    let (gap, deficit, cap) = (input.gap()?, input.deficit()?, input.cap()?);
    let duration = input.duration()?;
    // Without a loss that was told, a sweat rate tells one.
    let sweated = match input.rate()? {
        Some(rate) => Some(Milligrams::of_sodium(rate.over(duration), input.sodium()?)),
        None => None,
    };
    let sodium_lost = input.milligrams("sodium_loss_mg")?.or(sweated);
    let draft = advice::after(&AfterInput {
        mass: input.mass()?,
        duration,
        intensity: input.intensity()?,
        deficit: input.fields.needed("deficit_l", deficit)?,
        sodium_lost: sodium_lost.unwrap_or_default(),
        sodium_taken: Milligrams::ZERO,
        next: gap.map(|gap| NextWorkout {
            gap,
            fluid_before: None,
        }),
        to_bed: input.hours("to_bed_h")?,
        cap,
        bounds: GapBounds::default(),
    });
    let context = SafetyContext {
        cap: Some(cap),
        ..SafetyContext::default()
    };
    let mut answer = Answer::of(draft, &context);
    if sodium_lost.is_none() {
        answer.sodium_unknown();
    }
    if let Some(gap) = gap {
        answer.gap_class(gap);
    }
    Ok(answer)
}

fn pre_sleep(input: &Input<'_, '_>) -> Result<Answer, Refused> {
    let draft = advice::pre_sleep(&NightInput {
        hard_day: true,
        without_milk: input.flag("without_milk")?,
    });
    Ok(Answer::of(draft, &SafetyContext::default()))
}

fn caffeine(input: &Input<'_, '_>) -> Result<Answer, Refused> {
    let to_bed = input.hours("to_bed_h")?;
    let years = |age: f64| (0.0..150.0).contains(&age).then_some(age as u32);
    let duration = input.duration()?;
    let dose = CaffeineInput {
        mass: input.mass()?,
        // The formula alone: an age that is not told is not checked.
        age: input
            .fields
            .quantity("age", years, "from 0 to 150 years")?
            .or(Some(ADULT_YEARS)),
        opted_in: input.flag("caffeine_opt_in")?,
        refused: false,
        to_bed: input.fields.needed("to_bed_h", to_bed)?,
        taken_today: input.milligrams("caffeine_today_mg")?.unwrap_or_default(),
        short_sleep: input.flag("short_sleep")?,
        worth_it: duration.get() >= 3_600 || input.intensity()? == Intensity::High,
    };
    let mut answer = Answer::nothing();
    answer.add("caffeine_mg", advice::caffeine(&dose).get());
    if !dose.opted_in || dose.age.is_some_and(|age| age < ADULT_YEARS) {
        answer.flag("S8");
    }
    Ok(answer)
}

const ADULT_YEARS: u32 = 18;

fn gap_class(input: &Input<'_, '_>) -> Result<Answer, Refused> {
    let gap = input.gap()?;
    let mut answer = Answer::nothing();
    answer.gap_class(input.fields.needed("gap_h", gap)?);
    Ok(answer)
}
