//! From what a patch measured on the skin to the whole body.

use processors_domain::sweat::{
    Body, Bound, Electrolyte, Observed, PatchModel, Reading, Site, local_to_whole_body,
};
use processors_domain::units::{BodyHeight, BodyMass, LocalConcentration, LocalRate};
use serde_json::{Value, json};

use super::{Fields, Refused};

pub(super) const NAMES: &[&str] = &[
    "site",
    "local_sweat_rate_mg_cm2_min",
    "local_chloride_mmol_l",
    "local_sodium_mmol_l",
    "mass_kg",
    "height_m",
];

const SITES: &str =
    "forearm, forearm_left_ventral, forearm_left_dorsal (or right), thigh, five_sites";

pub(super) fn calc(fields: &Fields<'_>) -> Result<Value, Refused> {
    let rate = fields.quantity(
        "local_sweat_rate_mg_cm2_min",
        LocalRate::from_mg_per_cm2_min,
        "from 0.02 to 6 mg/cm²/min",
    )?;
    let ion = |name: &str| {
        let of = LocalConcentration::from_mmol_per_l;
        fields.quantity(name, of, "from 0 to 1000 mmol/L")
    };
    let (chloride, sodium) = (ion("local_chloride_mmol_l")?, ion("local_sodium_mmol_l")?);
    if chloride.is_some() && sodium.is_some() {
        let why = "cannot stand beside `local_chloride_mmol_l`: which of them counts?";
        return Err(fields.refuse("local_sodium_mmol_l", why));
    }
    let ion = chloride.or(sodium);
    if rate.is_none() && ion.is_none() {
        let why = "is missing, and so is a concentration: there is nothing to take to the body";
        return Err(fields.refuse("local_sweat_rate_mg_cm2_min", why));
    }
    let mass = fields.quantity("mass_kg", BodyMass::from_kilograms, "from 20 to 250 kg")?;
    if rate.is_some() {
        fields.needed("mass_kg", mass)?;
    }
    let height = fields.quantity("height_m", BodyHeight::from_metres, "from 0.5 to 2.6 m")?;
    let site = |word: &str| site(word, sodium.is_some());
    let site = fields.word("site", site, SITES)?;
    let electrolyte = match (chloride, sodium) {
        (Some(told), _) => Some(Electrolyte::Chloride(exact(told))),
        (None, Some(told)) => Some(Electrolyte::Sodium(exact(told))),
        (None, None) => None,
    };
    let whole = local_to_whole_body(
        Some(fields.needed("site", site)?),
        rate.map(exact),
        electrolyte,
        mass.map(|mass| Body { mass, height }),
        &PatchModel::default(),
    );
    let flags: Vec<&str> = whole.flags.iter().map(|flag| flag.as_str()).collect();
    Ok(json!({
        "sweat_rate_l_per_h": whole.rate.map(interval),
        "sodium_mmol_per_l": whole.sodium.map(interval),
        "flags": flags,
    }))
}

/// Sodium is read out of absorbent patches, and the one published line of a forearm is of the outer
/// one; microfluidic patches read chloride, on the inner one.
fn site(word: &str, sodium: bool) -> Option<Site> {
    if word == "forearm" && sodium {
        return Some(Site::DorsalForearm);
    }
    Site::parse(word)
}

fn exact<Q>(value: Q) -> Reading<Q> {
    Reading {
        value,
        bound: Bound::Exact,
    }
}

fn interval(seen: Observed) -> Value {
    let [lo90, hi90] = seen.belief.bounds90().map(shown);
    json!({"median": shown(seen.belief.median()), "lo90": lo90, "hi90": hi90})
}

fn shown(value: f64) -> f64 {
    libm::round(value * 1e3) / 1e3
}
