//! Rounding, bounds and conversions.

use proptest::prelude::*;
use statrs::distribution::{ContinuousCDF, Normal};

use super::*;

#[test]
fn the_half_width_of_90_percent_is_the_normal_quantile() {
    let quantile = Normal::new(0.0, 1.0).unwrap().inverse_cdf(0.95);
    assert!((quantile - Z90).abs() < 1e-9, "{quantile}");
}

#[test]
fn halves_round_up_and_binary_dust_does_not_matter() {
    let cases = [
        (1_575.0, 10, 1_580),
        (827.64, 10, 830),
        (0.7 * 1.05 * 1000.0, 10, 740),
        (734.999_999_999_9, 10, 740),
        (734.9, 10, 730),
        (52.5, 1, 53),
        (-25.0, 10, -20),
        (f64::NAN, 10, 0),
    ];
    for (value, step, expected) in cases {
        assert_eq!(half_up(value, step), expected, "{value}");
    }
    assert_eq!(floor_to(1_239.0, 10), 1_230);
    assert_eq!(floor_to(0.1 * 3.0 * 1000.0, 10), 300);
}

#[test]
fn numbers_out_of_bounds_are_no_quantity() {
    assert_eq!(
        BodyMass::from_kilograms(70.0).map(BodyMass::get),
        Some(70_000)
    );
    for kilograms in [f64::NAN, f64::INFINITY, -1.0, 0.0, 19.9, 250.1, 1e300] {
        assert_eq!(BodyMass::from_kilograms(kilograms), None, "{kilograms}");
    }
    assert_eq!(SweatRate::from_litres_per_hour(6.001), None);
    assert_eq!(SweatRate::from_litres_per_hour(0.049), None);
    assert_eq!(DrinkRate::from_litres_per_hour(9.0), DrinkRate::MAX);
    assert_eq!(
        Kilocalories::from_kilojoules(4.184).map(Kilocalories::get),
        Some(1)
    );
    assert_eq!(LogMean::ln(0.0), None);
    assert_eq!(LogMean::ln(-1.0), None);
    let kg_per_h = uom::si::f64::MassRate::new::<uom::si::mass_rate::kilogram_per_hour>(1.2);
    assert_eq!(
        SweatRate::from_mass_rate(kg_per_h).map(SweatRate::get),
        Some(1_200)
    );
}

#[test]
fn sodium_of_a_volume_is_by_its_molar_mass() {
    let sodium = SodiumConcentration::from_mmol_per_l(35.9).unwrap();
    let litres = Millilitres::from_litres(1.5).unwrap();
    assert_eq!(Milligrams::of_sodium(litres, sodium).get(), 1_238);
}

proptest! {
    #[test]
    fn an_interval_is_in_order_whatever_its_belief(mean in any::<i64>(), sd in any::<i64>()) {
        let belief = LogNormal::new(LogMean::clamped(mean), LogSd::clamped(sd));
        let interval: Interval<SweatRate> = belief.interval(1_000);
        prop_assert!(interval.lo90() <= interval.median());
        prop_assert!(interval.median() <= interval.hi90());
    }

    #[test]
    fn no_number_makes_a_quantity_panic(value in any::<f64>(), step in any::<i64>()) {
        half_up(value, step);
        floor_to(value, step);
        Millilitres::from_f64(value);
        Seconds::from_hours(value);
        prop_assert!(DrinkRate::from_litres_per_hour(value) <= DrinkRate::MAX);
    }
}
