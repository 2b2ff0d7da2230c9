//! The reference amounts before a workout, and the odd cases.

use super::*;
use crate::units::Millilitres;

fn hours(value: f64) -> Seconds {
    Seconds::from_hours(value).unwrap()
}

fn mass(kilograms: i64) -> BodyMass {
    BodyMass::clamped(kilograms * 1_000)
}

fn carbohydrate_g(draft: &Draft) -> i64 {
    draft
        .needs()
        .carbohydrate
        .map_or(0, |need| need.target.get() / 10)
}

fn plan() -> BeforeInput {
    BeforeInput {
        mass: mass(70),
        duration: hours(1.5),
        intensity: Intensity::Moderate,
        lead: hours(3.0),
        dark_urine: false,
        carbohydrate_scale: Permille::ONE,
    }
}

#[test]
fn before_gives_the_reference_amounts() {
    let plan = plan();
    let short = BeforeInput {
        duration: hours(0.75),
        intensity: Intensity::Low,
        ..plan
    };
    let cases = [
        ("N8", plan, [420, 350, 700], 210),
        (
            "N9",
            BeforeInput {
                lead: hours(0.25),
                ..plan
            },
            [200, 0, 300],
            30,
        ),
        (
            "N11",
            BeforeInput {
                mass: mass(80),
                lead: hours(4.0),
                ..short
            },
            [480, 400, 800],
            0,
        ),
    ];
    for (name, input, band, carbohydrate) in cases {
        let draft = before(&input);
        let fluid = draft.needs().fluid.unwrap();
        let found = [fluid.target, fluid.lo.unwrap(), fluid.max.unwrap()].map(Millilitres::get);
        assert_eq!(found, band, "{name}");
        assert_eq!(carbohydrate_g(&draft), carbohydrate, "{name}");
    }
}

#[test]
fn lead_urine_and_scale_change_the_amounts() {
    let plan = plan();
    let cases = [
        (
            "an hour",
            BeforeInput {
                lead: hours(1.0),
                ..plan
            },
            [280, 210, 350],
            70,
        ),
        (
            "dark",
            BeforeInput {
                dark_urine: true,
                ..plan
            },
            [700, 350, 700],
            210,
        ),
        (
            "training",
            BeforeInput {
                carbohydrate_scale: Permille::clamped(500),
                ..plan
            },
            [420, 350, 700],
            105,
        ),
        (
            "begun",
            BeforeInput {
                lead: hours(-0.1),
                ..plan
            },
            [0, 0, 0],
            0,
        ),
    ];
    for (name, input, band, carbohydrate) in cases {
        let draft = before(&input);
        let fluid = draft.needs().fluid.unwrap();
        let found = [fluid.target, fluid.lo.unwrap(), fluid.max.unwrap()].map(Millilitres::get);
        assert_eq!(found, band, "{name}");
        assert_eq!(carbohydrate_g(&draft), carbohydrate, "{name}");
    }
}
