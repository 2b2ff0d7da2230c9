//! Published lines, the default chain, bounds and warnings.

use proptest::prelude::*;

use super::*;
use crate::units::{BodyHeight, BodyMass};

fn exact(mmol_per_l: f64) -> Reading<LocalConcentration> {
    Reading {
        value: LocalConcentration::from_mmol_per_l(mmol_per_l).unwrap(),
        bound: Bound::Exact,
    }
}

fn runner() -> Option<Body> {
    Some(Body {
        mass: BodyMass::clamped(75_000),
        height: Some(BodyHeight::clamped(1_800)),
    })
}

fn with_sodium(site: Site, electrolyte: Electrolyte, model: &PatchModel) -> WholeBody {
    local_to_whole_body(Some(site), None, Some(electrolyte), None, model)
}

fn with_rate(local: i64, body: Option<Body>) -> WholeBody {
    let rate = Reading {
        value: LocalRate::clamped(local),
        bound: Bound::Exact,
    };
    let site = Some(Site::VentralForearm);
    local_to_whole_body(site, Some(rate), None, body, &PatchModel::default())
}

#[test]
fn published_sodium_lines_give_their_published_values() {
    let model = PatchModel::default();
    let cases = [
        (Site::DorsalForearm, 43.6, 35.902),
        (Site::DorsalForearm, 12.6, 18.232),
        (Site::DorsalForearm, 104.8, 70.786),
        (Site::FiveSites, 59.0, 40.56),
        (Site::Thigh, 40.0, 41.37),
        (Site::VentralForearm, 32.0, 32.24),
        (Site::VentralForearm, 60.0, 48.2),
        (Site::VentralForearm, 15.0, 22.55),
    ];
    for (site, local, expected) in cases {
        let whole = with_sodium(site, Electrolyte::Sodium(exact(local)), &model);
        let seen = whole.sodium.unwrap().belief;
        assert!(
            (seen.median() - expected).abs() < 1e-3,
            "{site:?} {local}: {seen:?}"
        );
        let sd = (7.5 / expected).max(0.10);
        assert!(
            (seen.log_sd.natural() - sd).abs() < 1e-5,
            "{site:?} {local}: {seen:?}"
        );
    }
}

#[test]
fn chloride_leads_to_sodium_by_the_default_chain_and_by_presets() {
    let default = PatchModel::default();
    let preset = |name: &str| PatchModel {
        chloride: PatchModel::chloride_preset(name).unwrap(),
        ..default
    };
    let cases = [
        (default, 30.0, 34.805),
        (default, 10.0, 22.835),
        (default, 90.0, 70.715),
        (
            preset("lara2016"),
            30.0,
            0.57 * (1.304 * 30.0 + 0.88) + 14.0,
        ),
        (preset("equimolar"), 30.0, 31.1),
    ];
    for (model, chloride, expected) in cases {
        let told = Electrolyte::Chloride(exact(chloride));
        let whole = with_sodium(Site::VentralForearm, told, &model);
        let seen = whole.sodium.unwrap().belief;
        assert!(
            (seen.median() - expected).abs() < 1e-3,
            "{chloride}: {seen:?}"
        );
        let sd = ((7.5 / expected).max(0.10).powi(2) + 0.01).sqrt();
        assert!(
            (seen.log_sd.natural() - sd).abs() < 1e-5,
            "{chloride}: {seen:?}"
        );
    }
    assert_eq!(PatchModel::chloride_preset("guess"), None);
}

#[test]
fn the_rate_grows_with_the_body_and_matches_a_published_squad() {
    let seen = with_rate(1_250, runner()).rate.unwrap().belief;
    assert!((seen.median() - 1.937_871 * (0.239 + 0.162 * 1.25)).abs() < 1e-5);
    assert_eq!(seen.log_sd.get(), 350_000);
    // 92 kg at 21 °C: 0.89 L/h of 1.14 mg/cm²/min, and 0.78 there make at most 0.40 here.
    let player = Some(Body {
        mass: BodyMass::clamped(92_200),
        height: None,
    });
    let litres = |local| with_rate(local, player).rate.unwrap().belief.median();
    assert!((litres(1_140) - 0.89).abs() < 0.15, "{}", litres(1_140));
    assert!(litres(1_140 + 780) - litres(1_140) < 0.40);
}

#[test]
fn what_is_missing_is_flagged_and_the_rest_is_told() {
    let model = PatchModel::default();
    let told = Some(Reading {
        value: LocalRate::clamped(1_000),
        bound: Bound::Exact,
    });
    let salt = Some(Electrolyte::Chloride(exact(30.0)));
    let cases = [
        (Some(Site::VentralForearm), runner(), true, true, None),
        (Some(Site::DorsalForearm), runner(), true, true, None),
        (
            Some(Site::VentralForearm),
            None,
            false,
            true,
            Some(LossFlag::MassUnknown),
        ),
        (
            Some(Site::Thigh),
            runner(),
            false,
            true,
            Some(LossFlag::SiteUnknown),
        ),
        (None, runner(), false, false, Some(LossFlag::SiteUnknown)),
    ];
    for (site, body, rate, sodium, flag) in cases {
        let whole = local_to_whole_body(site, told, salt, body, &model);
        assert_eq!(whole.rate.is_some(), rate, "{site:?} {body:?}");
        assert_eq!(whole.sodium.is_some(), sodium, "{site:?} {body:?}");
        assert_eq!(whole.flags, flag.into_iter().collect(), "{site:?} {body:?}");
        assert_eq!(whole.sodium_per_hour().is_some(), rate && sodium);
    }
}

#[test]
fn impossible_numbers_are_not_used_and_rare_ones_flagged() {
    let model = PatchModel::default();
    let flags = |mmol: f64| {
        let told = Electrolyte::Sodium(exact(mmol));
        let whole = with_sodium(Site::VentralForearm, told, &model);
        (whole.sodium.is_some(), whole.flags)
    };
    let unusual = BTreeSet::from([LossFlag::Unusual]);
    let implausible = BTreeSet::from([LossFlag::Implausible]);
    let cases = [
        (2.9, false, &implausible),
        (3.0, true, &unusual),
        (9.9, true, &unusual),
        (10.0, true, &BTreeSet::new()),
        (100.0, true, &BTreeSet::new()),
        (107.5, true, &unusual),
        (160.0, true, &unusual),
        (160.1, false, &implausible),
    ];
    for (mmol, used, expected) in cases {
        assert_eq!(flags(mmol), (used, expected.clone()), "{mmol}");
    }
    let light = |kilograms: i64| Body {
        mass: BodyMass::clamped(kilograms * 1_000),
        height: None,
    };
    // 20 kg, 6 mg/cm²/min: 0.98 L/h are 49 mL/kg/h; 250 kg: 5.05 L/h.
    for kilograms in [20, 250] {
        let whole = with_rate(6_000, Some(light(kilograms)));
        assert_eq!(whole.flags, unusual, "{kilograms}");
        assert!(whole.rate.is_some());
    }
    let tall = Some(Body {
        mass: BodyMass::clamped(20_000),
        height: Some(BodyHeight::clamped(2_600)),
    });
    assert_eq!(with_rate(6_000, tall).flags, implausible, "76 mL/kg/h");
}

#[test]
fn a_partial_patch_is_trusted_less_and_a_bound_teaches_nothing() {
    let rate = |bound| Reading {
        value: LocalRate::clamped(1_000),
        bound,
    };
    let of = |partial, bound| {
        let reading = PatchReading {
            rate: Some(rate(bound)),
            partial,
            ..PatchReading::default()
        };
        let site = Some(Site::VentralForearm);
        WholeBody::of_patch(&reading, site, runner(), &PatchModel::default())
    };
    assert_eq!(
        of(false, Bound::Exact).rate_evidence().unwrap().1.get(),
        350_000
    );
    assert_eq!(
        of(true, Bound::Exact).rate_evidence().unwrap().1.get(),
        600_000
    );
    let full = of(false, Bound::AtLeast);
    assert_eq!(full.rate_evidence(), None);
    assert_eq!(full.flags, BTreeSet::from([LossFlag::Censored]));
    assert_eq!(full.rate.unwrap().bound, Bound::AtLeast);
}

#[test]
fn words_for_places_are_read() {
    let cases = [
        ("forearm_left_ventral", Some(Site::VentralForearm)),
        ("forearm_right_dorsal", Some(Site::DorsalForearm)),
        ("forearm", Some(Site::VentralForearm)),
        ("thigh_left", Some(Site::Thigh)),
        ("five_sites", Some(Site::FiveSites)),
        ("chest", None),
        ("", None),
    ];
    for (word, site) in cases {
        assert_eq!(Site::parse(word), site, "{word}");
    }
}

#[test]
fn a_configured_line_has_to_rise_and_to_be_a_number() {
    assert_eq!(Line::new(5.0, 1.05), Some(PatchModel::default().chloride));
    for (intercept, slope) in [
        (f64::NAN, 1.0),
        (1.0, f64::INFINITY),
        (1.0, 0.0),
        (1.0, -1.0),
        (1e7, 1.0),
    ] {
        assert_eq!(Line::new(intercept, slope), None, "{intercept} {slope}");
    }
    let other = PatchModel {
        rate: Line::new(0.25, 0.16).unwrap(),
        ..PatchModel::default()
    };
    assert_ne!(other.describe(), PatchModel::default().describe());
}

#[test]
fn losses_of_an_hour_are_the_products() {
    // 1.28 L/h × 40.4 mmol/L = 51.7 mmol/h.
    let belief = |value: f64| Observed {
        belief: LogNormal::new(LogMean::ln(value).unwrap(), LogSd::clamped(300_000)),
        bound: Bound::Exact,
    };
    let whole = WholeBody {
        rate: Some(belief(1.28)),
        sodium: Some(belief(40.4)),
        flags: BTreeSet::new(),
    };
    let mmol = whole.sodium_per_hour().unwrap().median().get() as f64 / 22.99;
    assert!((mmol - 51.7).abs() < 0.05, "{mmol}");
}

proptest! {
    #[test]
    fn more_under_the_patch_is_never_less_in_the_body(
        local in 20_i64..6_000, more in 0_i64..500, chloride in 30_i64..1_500, mass in 30_000_i64..150_000,
    ) {
        let body = Some(Body { mass: BodyMass::clamped(mass), height: None });
        let rate = |local| with_rate(local, body).rate_interval().map(|rate| rate.median());
        if let (Some(less), Some(greater)) = (rate(local), rate(local + more)) {
            prop_assert!(less <= greater);
        }
        let sodium = |tenths: i64| {
            let told = exact(tenths as f64 / 10.0);
            let whole = with_sodium(
                Site::VentralForearm, Electrolyte::Chloride(told), &PatchModel::default(),
            );
            whole.sodium_interval()
        };
        let (less, greater) = (sodium(chloride).unwrap(), sodium(chloride + more / 10).unwrap());
        prop_assert!(less.median() <= greater.median());
        prop_assert!(less.lo90() <= less.median() && less.median() <= less.hi90());
    }
}
