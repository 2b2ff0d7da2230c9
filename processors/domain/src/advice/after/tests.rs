//! The reference amounts after a workout, what cuts them, and why they are what they are.

use super::*;

fn hours(value: f64) -> Seconds {
    Seconds::from_hours(value).unwrap()
}

fn mass(kilograms: i64) -> BodyMass {
    BodyMass::clamped(kilograms * 1_000)
}

fn ended(kilograms: i64, deficit_ml: i64, sodium_lost: i64) -> AfterInput {
    AfterInput {
        mass: mass(kilograms),
        duration: hours(1.0),
        intensity: Intensity::Moderate,
        deficit: Millilitres::clamped(deficit_ml),
        sodium_lost: Milligrams::clamped(sodium_lost),
        sodium_taken: Milligrams::ZERO,
        next: None,
        to_bed: None,
        cap: DrinkRate::clamped(800),
        bounds: GapBounds::default(),
    }
}

fn before_next(gap_h: f64) -> Option<NextWorkout> {
    Some(NextWorkout {
        gap: hours(gap_h),
        fluid_before: None,
    })
}

fn amounts(draft: &Draft) -> [i64; 4] {
    let needs = draft.needs();
    [
        needs.fluid.map_or(0, |need| need.target.get()),
        needs.carbohydrate.map_or(0, |need| need.target.get() / 10),
        needs.protein.map_or(0, |need| need.target.get() / 10),
        needs.sodium.map_or(0, |need| need.target.get()),
    ]
}

fn codes(draft: &Draft) -> Vec<&'static str> {
    draft.reasons().iter().map(|reason| reason.code).collect()
}

#[test]
fn after_gives_the_reference_amounts() {
    let n12 = ended(70, 1_400, 1_660);
    let day = AfterInput {
        duration: hours(1.5),
        intensity: Intensity::High,
        sodium_taken: Milligrams::clamped(560),
        ..ended(70, 800, 1_490)
    };
    let folded = NextWorkout {
        gap: hours(3.0),
        fluid_before: Some(Millilitres::clamped(420)),
    };
    let cases = [
        ("N12", n12, 6.0, [1_750, 70, 21, 1_660]),
        (
            "N13",
            AfterInput {
                next: before_next(6.0),
                ..n12
            },
            5.5,
            [2_100, 280, 21, 1_660],
        ),
        (
            "N15",
            AfterInput {
                intensity: Intensity::Low,
                ..ended(50, -400, 0)
            },
            6.0,
            [0, 50, 20, 0],
        ),
        (
            "day 3",
            AfterInput {
                next: Some(folded),
                ..day
            },
            2.5,
            [1_200, 210, 21, 930],
        ),
        ("day 6", day, 6.0, [1_000, 70, 21, 930]),
    ];
    for (name, input, window_h, expected) in cases {
        let draft = after(&input);
        assert_eq!(amounts(&draft), expected, "{name}");
        assert_eq!(draft.window(), hours(window_h), "{name}");
    }
}

#[test]
fn the_cap_and_the_bed_time_cut_the_drink() {
    let n12 = ended(70, 1_400, 1_660);
    let bedtime = AfterInput {
        to_bed: Some(hours(2.0)),
        ..n12
    };
    let cases = [
        ("cut", bedtime, 1.0, [800, 70, 21, 960]),
        (
            "too late",
            AfterInput {
                to_bed: Some(hours(0.5)),
                ..n12
            },
            0.0,
            [0, 70, 21, 0],
        ),
        (
            "drunk more than lost",
            AfterInput {
                sodium_taken: Milligrams::MAX,
                ..n12
            },
            6.0,
            [1_750, 70, 21, 0],
        ),
    ];
    for (name, input, window_h, expected) in cases {
        let draft = after(&input);
        assert_eq!(amounts(&draft), expected, "{name}");
        assert_eq!(draft.window(), hours(window_h), "{name}");
    }
    let cut = after(&bedtime);
    assert_eq!(cut.flags(), &BTreeSet::from([NeedFlag::CappedByRate]));
    assert_eq!(cut.needs().carry_over.map(Millilitres::get), Some(950));
    let gained = after(&ended(50, -400, 0));
    assert_eq!(
        gained.flags(),
        &BTreeSet::from([NeedFlag::NoDeficit, NeedFlag::MassGain])
    );
    let even = after(&ended(50, 0, 0));
    assert_eq!(even.flags(), &BTreeSet::from([NeedFlag::NoDeficit]));
}

#[test]
fn after_says_why() {
    let n12 = ended(70, 1_400, 1_660);
    let meals = [
        "POST_125PCT",
        "POST_CARBOHYDRATE",
        "POST_PROTEIN",
        "WITH_NORMAL_MEALS",
    ];
    assert_eq!(codes(&after(&n12)), meals);
    let soon = after(&AfterInput {
        next: before_next(3.0),
        ..n12
    });
    assert_eq!(
        soon.reasons()[..2],
        [
            Reason::new(
                "POST_150PCT",
                [("deficit_g", 1_400)],
                &["acsm2007", "dge2020"]
            ),
            Reason::new("GAP_RAPID", [("gap_s", 10_800)], &[]),
        ]
    );
}
