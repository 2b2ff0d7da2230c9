//! The unit of a number, from the end of its name: the names are the contract, and this reads them.

/// Longest endings first, so that `_mmol_per_l` is not read as `_l`.
const UNITS: &[(&str, &str)] = &[
    ("_mg_cm2_min", "milligrams per square centimetre and minute"),
    ("_mmol_per_l", "millimoles per litre"),
    ("_mmol_l", "millimoles per litre"),
    ("_l_per_h", "litres per hour"),
    ("_ml_per_h", "millilitres per hour"),
    ("_m_s", "metres per second"),
    ("_w_m2", "watts per square metre"),
    ("_cm2", "square centimetres"),
    ("_bytes", "bytes"),
    ("_min", "minutes"),
    ("_bpm", "beats per minute"),
    ("_pct", "per cent"),
    ("_ml", "millilitres"),
    ("_ul", "microlitres"),
    ("_dg", "tenths of a gram"),
    ("_mg", "milligrams"),
    ("_kg", "kilograms"),
    ("_kj", "kilojoules"),
    ("_lat", "degrees north"),
    ("_lon", "degrees east"),
    ("_g", "grams"),
    ("_h", "hours"),
    ("_s", "seconds"),
    ("_m", "metres"),
    ("_w", "watts"),
    ("_c", "degrees Celsius"),
];

pub(super) fn unit_of(field: &str) -> Option<&'static str> {
    let ending = UNITS.iter().find(|(ending, _)| field.ends_with(ending));
    ending.map(|(_, unit)| *unit)
}

#[cfg(test)]
mod tests {
    use super::unit_of;

    #[test]
    fn the_longest_ending_tells_the_unit() {
        for (field, unit) in [
            ("sodium_mmol_per_l", Some("millimoles per litre")),
            ("sweat_rate_l_per_h", Some("litres per hour")),
            ("fluid_ml", Some("millilitres")),
            ("speed_avg_m_s", Some("metres per second")),
            ("timer_s", Some("seconds")),
            ("revision", None),
        ] {
            assert_eq!(unit_of(field), unit, "{field}");
        }
    }
}
