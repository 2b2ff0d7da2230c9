//! Random numbers with a seed, and small made-up catalogues.

use crate::catalogue::Catalogue;
use crate::selection::{Band, Bands, Nutrient};

/// SplitMix64: enough for cases, and the same everywhere.
pub(super) struct Draw(pub(super) u64);

impl Draw {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, end: i64) -> i64 {
        i64::try_from(self.next() >> 33).unwrap() % end
    }

    pub(super) fn chance(&mut self, percent: i64) -> bool {
        self.below(100) < percent
    }
}

pub(super) const HEADER: &str = "id,name,kind,serving_unit,serving_amount,fluid_ml,kcal,\
    carbohydrate_g,protein_g,casein_g,fat_g,sodium_mg,potassium_mg,caffeine_mg,source\n";

/// Items `i0`, `i1`, … in a drawn order of rows.
pub(super) fn catalogue(draw: &mut Draw, items: i64) -> Catalogue {
    let mut rows: Vec<String> = (0..items).map(|number| row(draw, number)).collect();
    for last in (1..rows.len()).rev() {
        let other = usize::try_from(draw.below(last as i64 + 1)).unwrap();
        rows.swap(last, other);
    }
    Catalogue::parse(&(HEADER.to_owned() + &rows.concat())).unwrap()
}

fn row(draw: &mut Draw, number: i64) -> String {
    let mut cell = |zero: i64, unknown: i64, end: i64| {
        if draw.chance(zero) {
            "0".to_owned()
        } else if draw.chance(unknown) {
            String::new()
        } else {
            // Few different amounts, so that there are ties.
            (end / 6 * (1 + draw.below(6))).to_string()
        }
    };
    let fluid = cell(40, 3, 600);
    let (carbohydrate, protein, casein) = (cell(30, 5, 60), cell(50, 5, 30), cell(70, 5, 24));
    let (sodium, caffeine) = (cell(30, 10, 600), cell(85, 5, 120));
    let kind = ["drink", "gel", "bar", "food", "salt"][usize::try_from(draw.below(5)).unwrap()];
    format!(
        "i{number},Item {number},{kind},g,10,{fluid},,{carbohydrate},{protein},{casein},,{sodium},,{caffeine},made up\n"
    )
}

pub(super) fn bands(draw: &mut Draw) -> Bands {
    let scales = [2_000, 2_000, 600, 400, 1_500, 250];
    let mut bands = Bands::default();
    for (nutrient, scale) in Nutrient::ALL.into_iter().zip(scales) {
        let wanted = if nutrient == Nutrient::Caffeine {
            20
        } else {
            60
        };
        if !draw.chance(wanted) {
            continue;
        }
        let lo = if draw.chance(20) {
            0
        } else {
            draw.below(scale)
        };
        let hi = draw.chance(90).then(|| lo + draw.below(lo / 2 + 60));
        let max = draw
            .chance(60)
            .then(|| hi.unwrap_or(lo) + draw.below(lo / 2 + 60));
        bands = bands.with(nutrient, Band::new(lo, hi, max));
    }
    bands
}
