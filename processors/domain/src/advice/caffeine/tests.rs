//! Reference doses, and who gets none.

use super::*;

fn hours(value: f64) -> Seconds {
    Seconds::from_hours(value).unwrap()
}

fn mass(kilograms: i64) -> BodyMass {
    BodyMass::clamped(kilograms * 1_000)
}

fn adult() -> CaffeineInput {
    CaffeineInput {
        mass: mass(70),
        age: Some(30),
        opted_in: true,
        refused: false,
        to_bed: hours(14.0),
        taken_today: Milligrams::ZERO,
        short_sleep: false,
        worth_it: true,
    }
}

#[test]
fn an_adult_gets_the_reference_doses() {
    let adult = adult();
    let bed = |value| CaffeineInput {
        to_bed: hours(value),
        ..adult
    };
    let cases = [
        ("N19 a", bed(14.0), 200),
        ("N19 b", bed(10.0), 200),
        ("N19 c", bed(8.0), 100),
        ("N19 d", bed(5.0), 0),
        (
            "N21",
            CaffeineInput {
                mass: mass(55),
                ..adult
            },
            160,
        ),
        (
            "N23",
            CaffeineInput {
                short_sleep: true,
                ..bed(7.0)
            },
            70,
        ),
    ];
    for (name, input, expected) in cases {
        assert_eq!(caffeine(&input).get(), expected, "{name}");
    }
}

#[test]
fn who_should_not_have_it_gets_less_or_none() {
    let adult = adult();
    let cases = [
        (
            "young",
            CaffeineInput {
                age: Some(17),
                ..adult
            },
            0,
        ),
        ("of no known age", CaffeineInput { age: None, ..adult }, 0),
        (
            "not asked for",
            CaffeineInput {
                opted_in: false,
                ..adult
            },
            0,
        ),
        (
            "refused",
            CaffeineInput {
                refused: true,
                ..adult
            },
            0,
        ),
        (
            "easy",
            CaffeineInput {
                worth_it: false,
                ..adult
            },
            0,
        ),
        (
            "had 350",
            CaffeineInput {
                taken_today: Milligrams::clamped(350),
                ..adult
            },
            50,
        ),
        (
            "had 500",
            CaffeineInput {
                taken_today: Milligrams::clamped(500),
                ..adult
            },
            0,
        ),
    ];
    for (name, input, expected) in cases {
        assert_eq!(caffeine(&input).get(), expected, "{name}");
    }
}
