//! Needs and baskets of the reference.

use crate::catalogue::Catalogue;
use crate::selection::{
    Band, Bands, Candidates, Nutrient, Optimality, Problem, Selection, Units, UnmetReason,
};
use std::collections::BTreeMap;

use Nutrient::{Caffeine, Carbohydrate, Casein, Fluid, Protein, Sodium};

type Row = (Nutrient, i64, i64, i64);

fn bands(rows: &[Row]) -> Bands {
    rows.iter()
        .fold(Bands::default(), |bands, (nutrient, lo, hi, max)| {
            bands.with(*nutrient, Band::new(*lo, Some(*hi), Some(*max)))
        })
}

struct Case {
    name: &'static str,
    candidates: &'static [&'static str],
    kinds: u8,
    units: Units,
    need: &'static [Row],
    /// Unmet, over, kinds, servings.
    score: (i64, i64, i64, i64),
    basket: &'static [(&'static str, u8)],
    totals: &'static [(Nutrient, i64)],
}

const P1: Case = Case {
    name: "P1",
    candidates: &[
        "water-500",
        "gatorade-tq-355",
        "gatorade-endurance-355",
        "gatorlyte-591",
        "gu-gel",
        "sis-go-gel",
        "clif-bloks",
        "saltstick-cap",
        "banana",
    ],
    kinds: 3,
    units: Units::Usual,
    need: &[
        (Fluid, 1440, 1760, 1760),
        (Carbohydrate, 1080, 1320, 1600),
        (Sodium, 1010, 1230, 1400),
        (Protein, 0, 50, 100),
    ],
    score: (0, 0, 2, 5),
    basket: &[("banana", 1), ("gatorade-endurance-355", 4)],
    totals: &[
        (Fluid, 1508),
        (Carbohydrate, 1150),
        (Protein, 13),
        (Sodium, 1201),
    ],
};

const P3: Case = Case {
    name: "P3",
    candidates: &[
        "water-500",
        "gatorade-tq-591",
        "choc-milk",
        "gatorade-whey-bar",
        "bagel",
        "rice-white",
        "chicken-breast",
        "pretzels",
        "banana",
        "chicken-broth",
        "greek-yogurt",
    ],
    kinds: 4,
    units: Units::Usual,
    need: &[
        (Fluid, 1890, 2310, 2310),
        (Carbohydrate, 2520, 3080, 3500),
        (Protein, 190, 400, 600),
        (Sodium, 1490, 1830, 2500),
    ],
    score: (0, 0, 3, 6),
    basket: &[("bagel", 2), ("gatorade-tq-591", 3), ("rice-white", 1)],
    totals: &[
        (Fluid, 1957),
        (Carbohydrate, 2585),
        (Protein, 253),
        (Sodium, 1814),
    ],
};

const P5: Case = Case {
    name: "P5",
    candidates: &[
        "on-casein-33",
        "cottage-cheese",
        "greek-yogurt",
        "milk-skim",
        "whey-powder-32",
        "soy-isolate-28",
    ],
    kinds: 2,
    units: Units::Each(3),
    need: &[
        (Fluid, 0, 400, 400),
        (Carbohydrate, 0, 300, 600),
        (Casein, 320, 440, 600),
        (Protein, 360, 550, 700),
        (Sodium, 0, 800, 1200),
    ],
    score: (0, 0, 1, 2),
    basket: &[("on-casein-33", 2)],
    totals: &[(Protein, 480), (Casein, 480), (Sodium, 0)],
};

const P7: Case = Case {
    name: "P7",
    candidates: &[
        "coffee-237",
        "espresso-30",
        "black-tea-237",
        "gatorade-fast-twitch-355",
        "gu-gel-caf40",
        "red-bull-250",
    ],
    kinds: 2,
    units: Units::Usual,
    need: &[
        (Fluid, 0, 500, 600),
        (Carbohydrate, 0, 300, 600),
        (Caffeine, 160, 200, 200),
    ],
    score: (0, 0, 1, 1),
    basket: &[("gatorade-fast-twitch-355", 1)],
    totals: &[(Caffeine, 200), (Fluid, 355)],
};

const P10: Case = Case {
    name: "P10",
    candidates: &["gu-gel", "clif-shot-gel"],
    kinds: 1,
    units: Units::Each(2),
    need: &[
        (Fluid, 0, 0, 100),
        (Carbohydrate, 200, 240, 300),
        (Sodium, 0, 100, 200),
    ],
    score: (0, 0, 1, 1),
    basket: &[("clif-shot-gel", 1)],
    totals: &[(Carbohydrate, 220), (Sodium, 60)],
};

impl Case {
    fn solve(&self, units: Units, penalties: &[(&str, i64)]) -> Selection {
        let names = self.candidates.iter().copied();
        let candidates = Candidates::named(Catalogue::shipped(), names).unwrap();
        let mut problem = Problem::new(&candidates, bands(self.need), self.kinds);
        problem.units = units;
        problem.penalties = penalties
            .iter()
            .map(|(id, penalty)| ((*id).to_owned(), *penalty))
            .collect::<BTreeMap<_, _>>();
        problem.solve()
    }

    fn check(&self, units: Units) {
        let answer = self.solve(units, &[]);
        assert_eq!(basket(&answer), self.basket, "{}", self.name);
        let score = answer.score;
        let found = (score.unmet, score.over, score.kinds, score.servings);
        assert_eq!(found, self.score, "{}", self.name);
        for (nutrient, total) in self.totals {
            assert_eq!(
                answer.total(*nutrient),
                *total,
                "{} {nutrient:?}",
                self.name
            );
        }
        assert_eq!(answer.unmet, []);
        assert_eq!(answer.optimality, Optimality::Proven);
    }
}

fn basket(answer: &Selection) -> Vec<(&str, u8)> {
    let items = answer.items.iter();
    items.map(|one| (one.id.as_str(), one.servings)).collect()
}

#[test]
fn the_reference_cases_have_the_reference_baskets() {
    for case in [P1, P3, P5, P7, P10] {
        case.check(case.units);
    }
}

#[test]
fn four_servings_of_everything_give_the_same_baskets() {
    for case in [P1, P3, P7] {
        case.check(Units::Each(4));
    }
}

#[test]
fn what_was_taken_lately_gives_way_to_its_equal() {
    let answer = P10.solve(P10.units, &[("clif-shot-gel", 1)]);
    assert_eq!(basket(&answer), [("gu-gel", 1)]);
    assert_eq!(answer.score.penalty, 0);
}

#[test]
fn a_penalty_never_makes_a_basket_worse_in_what_counts_more() {
    let answer = P7.solve(P7.units, &[("gatorade-fast-twitch-355", 1_000)]);
    assert_eq!(basket(&answer), P7.basket);
    assert_eq!(answer.score.penalty, 1_000);
}

#[test]
fn without_candidates_nothing_is_taken_and_the_filter_is_why() {
    let nothing = Candidates::named(Catalogue::shipped(), []).unwrap();
    let answer = Problem::new(&nothing, bands(P1.need), 3).solve();
    assert_eq!(answer.items, []);
    assert_eq!(answer.score.unmet, 20 * (5 + 4 + 3));
    assert_eq!(answer.unmet.len(), 3);
    for unmet in &answer.unmet {
        assert_eq!(unmet.reason, UnmetReason::Filter);
    }
    assert_eq!(answer.optimality, Optimality::Proven);
}

#[test]
fn without_needs_nothing_is_taken() {
    let all = Candidates::new(Catalogue::shipped(), &Default::default(), None);
    let answer = Problem::new(&all, Bands::default(), 4).solve();
    assert_eq!(answer.items, []);
    assert_eq!(answer.score, Default::default());
}

/// Candidates, one need, and why it is not met.
const WHY: [(&[&str], Row, &[Row], UnmetReason); 5] = [
    // Three bottles do not fit under the maximum of carbohydrate.
    (
        &["gatorade-tq-591"],
        (Fluid, 1_700, 2_000, 2_000),
        &[(Carbohydrate, 0, 400, 400)],
        UnmetReason::Cap,
    ),
    // Six capsules are all there may be.
    (
        &["saltstick-cap"],
        (Sodium, 2_000, 2_200, 2_200),
        &[],
        UnmetReason::Cap,
    ),
    // Its sodium is not known.
    (
        &["maurten-mix-160"],
        (Sodium, 300, 400, 400),
        &[],
        UnmetReason::Unknown,
    ),
    // The only source has caffeine, which is not allowed.
    (
        &["choc-milk"],
        (Protein, 80, 100, 120),
        &[],
        UnmetReason::Cap,
    ),
    (
        &["water-500", "banana"],
        (Casein, 100, 200, 200),
        &[],
        UnmetReason::Filter,
    ),
];

#[test]
fn what_is_unmet_says_why() {
    for (names, need, others, reason) in WHY {
        let candidates = Candidates::named(Catalogue::shipped(), names.iter().copied()).unwrap();
        let rows: Vec<Row> = [need].into_iter().chain(others.iter().copied()).collect();
        let answer = Problem::new(&candidates, bands(&rows), 3).solve();
        let [unmet] = answer.unmet.as_slice() else {
            panic!("{names:?}: {:?}", answer.unmet);
        };
        assert_eq!(
            (unmet.nutrient, unmet.reason),
            (need.0, reason),
            "{names:?}"
        );
        assert_eq!(unmet.short, need.1 - answer.total(need.0));
    }
}

#[test]
fn alternatives_leave_out_the_main_items_before_them() {
    let names = P3.candidates.iter().copied();
    let candidates = Candidates::named(Catalogue::shipped(), names).unwrap();
    let problem = Problem::new(&candidates, bands(P3.need), P3.kinds);
    let offered = Selection::with_alternatives(&problem, 3);
    assert_eq!(offered.len(), 4);
    assert_eq!(basket(&offered[0]), P3.basket);
    for pair in offered.windows(2) {
        assert!(pair[0].score <= pair[1].score);
        assert_ne!(pair[0].items, pair[1].items);
    }
    // Three bottles bring most of the first basket.
    assert!(
        offered[1..]
            .iter()
            .flat_map(basket)
            .all(|(id, _)| id != "gatorade-tq-591")
    );
}
