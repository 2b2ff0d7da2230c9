//! `sudor calc`: a formula each, with an example that can be pasted.

use clap::{Args, Subcommand};
use processors_pipeline::calc::Formula;

use crate::exit::NotSupported;

#[derive(Clone, Copy, Debug, Args)]
#[command(after_help = "\
An object gives an object, an array an array. A field that the formula does not
know is refused by its name, and so is a missing one (exit code 2). Unknown is
null, and null counts as absent.

Example:
  echo '{\"phase\": \"during\", \"mass_kg\": 70, \"duration_h\": 2}' |
    sudor calc needs

sudor calc FORMULA --help names the fields of each.")]
pub(crate) struct CalcArgs {
    #[command(subcommand)]
    pub(crate) formula: FormulaArg,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
pub(crate) enum FormulaArg {
    /// Predicted heat strain, ISO 7933 (not supported yet)
    Phs,
    /// Evaporation that the heat balance requires (not supported yet)
    HeatBalance,
    /// From a patch to the whole body
    #[command(after_help = LOCAL)]
    LocalToWholeBody,
    /// Sweat loss between two weighings
    #[command(after_help = WEIGH_IN)]
    WeighIn,
    /// A log-normal estimate after new observations
    #[command(after_help = POSTERIOR)]
    Posterior,
    /// What to take in a phase
    #[command(after_help = NEEDS)]
    Needs,
    /// The best basket of products for a need
    #[command(after_help = SELECT)]
    Select,
}

const LOCAL: &str = "\
In:
  site                          needed: forearm_left_ventral (inner side),
                                forearm_left_dorsal (outer side), the same of
                                the right, thigh, five_sites
  local_sweat_rate_mg_cm2_min   of a forearm; needs mass_kg, and height_m
                                makes it better
  local_chloride_mmol_l, or local_sodium_mmol_l
One of rate and concentration is needed. A bare forearm is the inner side with
chloride, the outer one with the sodium of an absorbent patch.

Out: sweat_rate_l_per_h and sodium_mmol_per_l, each {median, lo90, hi90} or
null; flags.

Example:
  echo '{\"site\": \"forearm_left_ventral\", \"local_sweat_rate_mg_cm2_min\": 1.25,
    \"local_chloride_mmol_l\": 30, \"mass_kg\": 75, \"height_m\": 1.8}' |
    sudor calc local-to-whole-body
gives 0.856 L/h and 34.8 mmol/L.";

const SELECT: &str = "\
In:
  need         needed: {fluid_ml, carbohydrate_dg, protein_dg, casein_dg,
               sodium_mg, caffeine_mg}, each {lo, hi, max} in whole mL, 0.1 g
               or mg; what is absent is free, but caffeine is refused
  candidates   ids of the catalogue [default: all of it]
  kinds_max    different items, at most 8 [default: 4]
  units_max    servings of each, at most 20
               [default: 4; salt 6, bars 2, with caffeine 2 or 1]
  penalty      {id: points} for what should not come again; decides among
               equals

Out: items [{id, servings}], totals, score {unmet, over, kinds, servings,
penalty}, unmet [{nutrient, short, reason}] with the reason filter, cap or
unknown, optimality (proven or bounded), nodes.

Example:
  echo '{\"candidates\": [\"water-500\", \"gatorade-endurance-355\", \"banana\"],
    \"need\": {\"fluid_ml\": {\"lo\": 1400, \"hi\": 1760},
    \"sodium_mg\": {\"lo\": 1010, \"hi\": 1230}}}' |
    sudor calc select
gives four servings of gatorade-endurance-355 and what they bring.";

const WEIGH_IN: &str = "\
In:
  mass_pre_kg, mass_post_kg, duration_min    needed
  fluid_ml, food_g   went in meanwhile [default: 0]
  urine_ml           went out; absent is unknown, and flagged
  energy_kcal        for breath and burnt mass; absent takes nothing off,
                     and is flagged
  clothed            weighed in clothes [default: false]

Out: sweat_loss_ml, sweat_rate_l_per_h, sodium_mg (null: scales tell nothing
of it), flags, bands.

Example:
  echo '{\"mass_pre_kg\": 72.4, \"mass_post_kg\": 71.2, \"fluid_ml\": 750,
    \"urine_ml\": 100, \"duration_min\": 90}' |
    sudor calc weigh-in
gives 1850 mL and 1.233 L/h.";

const POSTERIOR: &str = "\
In:
  prior {log_mean, log_sd}         needed: of the logarithm of the estimate
  observations [{value, log_sd}]   each a value, and its logarithm's spread
  day_log_sd                       how days differ [default: 0.12]

Out: median and log_sd of the belief; lo90, hi90 of what another day may show.

Example:
  echo '{\"prior\": {\"log_mean\": 0.1564, \"log_sd\": 0.4253},
    \"observations\": [{\"value\": 0.9, \"log_sd\": 0.35}]}' |
    sudor calc posterior
gives the median 1.0003 and the interval 0.615 to 1.627.";

const NEEDS: &str = "\
In: phase and what it uses; inputs of other phases are left alone. Those
before the semicolon are needed.
  pre         mass_kg, lead_h; duration_h, intensity, dark_urine
  during      mass_kg; duration_h, sweat_rate_l_per_h, sodium_mmol_per_l,
              intensity, deficit_l, cap_l_per_h, gut_trained
  bridge      mass_kg, deficit_l, gap_h; cap_l_per_h
  post        mass_kg, deficit_l; duration_h, intensity, sodium_loss_mg (or
              sweat_rate_l_per_h and sodium_mmol_per_l), next_start_h,
              to_bed_h, cap_l_per_h
  pre_sleep   ; without_milk
  caffeine    mass_kg, to_bed_h; caffeine_opt_in, age, caffeine_today_mg,
              short_sleep, duration_h, intensity
  gap_class   gap_h
Defaults: duration_h 1, intensity moderate, cap_l_per_h 0.8,
sodium_mmol_per_l 36, the usual sweat rate for mass and intensity, an age that
allows caffeine; everything else no or none.

Out: fluid_ml, fluid_ml_per_h, carbohydrate_g, protein_g, casein_g, sodium_mg,
caffeine_mg, gap_class, flags, carry_over_ml, window_h, bands; null is \"not
advised on\". Safety rules S1 and S5 are applied, no holds.

Example:
  echo '{\"phase\": \"post\", \"mass_kg\": 70, \"deficit_l\": 1.4,
    \"sodium_loss_mg\": 1660, \"next_start_h\": 6}' |
    sudor calc needs
gives 2100 mL over 5.5 h with 1660 mg of sodium, 280 g of carbohydrate and
21 g of protein.";

impl FormulaArg {
    /// The formula behind the word; `None` where there is none yet.
    pub(crate) fn formula(self) -> Option<Formula> {
        Some(match self {
            Self::LocalToWholeBody => Formula::LocalToWholeBody,
            Self::WeighIn => Formula::WeighIn,
            Self::Posterior => Formula::Posterior,
            Self::Needs => Formula::Needs,
            Self::Select => Formula::Select,
            Self::Phs | Self::HeatBalance => return None,
        })
    }

    pub(super) fn not_supported(self) -> Option<NotSupported> {
        let what = match self {
            Self::Phs => "sudor calc phs",
            Self::HeatBalance => "sudor calc heat-balance",
            _ => return None,
        };
        Some(NotSupported {
            what,
            instead: "sudor calc --help lists the formulas that are there",
        })
    }
}
