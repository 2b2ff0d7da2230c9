//! Two weighings, and what was sweated between them.

use processors_domain::sweat::{LossFlag, WeighIn, WeighInOutcome, weigh_in};
use processors_domain::units::{BodyMass, Grams, Kilocalories, Millilitres, Seconds, SweatRate};
use serde_json::{Value, json};

use super::{Fields, Refused};

pub(super) const NAMES: &[&str] = &[
    "mass_pre_kg",
    "mass_post_kg",
    "duration_min",
    "fluid_ml",
    "food_g",
    "urine_ml",
    "energy_kcal",
    "clothed",
];

pub(super) fn calc(fields: &Fields<'_>) -> Result<Value, Refused> {
    let mass = |name: &str| {
        let mass = fields.quantity(name, BodyMass::from_kilograms, "from 20 to 250 kg")?;
        fields.needed(name, mass)
    };
    let volume = |name: &str| {
        let volume = |ml: f64| Millilitres::from_f64(ml).filter(|volume| volume.get() >= 0);
        fields.quantity(name, volume, "from 0 to 50000 mL")
    };
    let food = |grams: f64| Grams::from_f64(grams).filter(|food| food.get() >= 0);
    let length = |min: f64| Seconds::from_minutes(min).filter(|time| time.get() > 0);
    let duration = fields.quantity("duration_min", length, "above 0 and at most 400 days")?;
    let input = WeighIn {
        mass_pre: mass("mass_pre_kg")?,
        mass_post: mass("mass_post_kg")?,
        fluid: volume("fluid_ml")?.unwrap_or_default(),
        food: fields
            .quantity("food_g", food, "from 0 to 50000 g")?
            .unwrap_or_default(),
        urine: volume("urine_ml")?,
        clothed: fields.flag("clothed")?.unwrap_or(false),
        energy: fields.quantity(
            "energy_kcal",
            Kilocalories::from_f64,
            "from 0 to 40000 kcal",
        )?,
        duration: fields.needed("duration_min", duration)?,
    };
    let words = |flags: &std::collections::BTreeSet<LossFlag>| -> Vec<&'static str> {
        flags.iter().map(|flag| flag.as_str()).collect()
    };
    Ok(match weigh_in(&input) {
        WeighInOutcome::Loss(loss) => {
            let [fluid, fluid_lo, fluid_hi] = loss.fluid.numbers(|fluid| fluid.get() as f64);
            let [rate, rate_lo, rate_hi] = loss.rate.numbers(litres_per_hour);
            json!({
                "sweat_loss_ml": fluid,
                "sweat_rate_l_per_h": rate,
                "sodium_mg": null,
                "flags": words(&loss.flags),
                "bands": {
                    "sweat_loss_ml": {"lo90": fluid_lo, "hi90": fluid_hi},
                    "sweat_rate_l_per_h": {"lo90": rate_lo, "hi90": rate_hi},
                },
            })
        }
        WeighInOutcome::NotUsable(found) => json!({
            "sweat_loss_ml": found.fluid.get(),
            "sweat_rate_l_per_h": found.rate.map(litres_per_hour),
            "sodium_mg": null,
            "flags": words(&found.flags),
            "bands": null,
        }),
    })
}

/// To the digit that it has: a way round by SI units would print 1.2329999999999999.
fn litres_per_hour(rate: SweatRate) -> f64 {
    rate.get() as f64 / 1_000.0
}
