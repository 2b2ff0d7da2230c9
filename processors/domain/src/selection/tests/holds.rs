//! What holds for every answer, over the shipped catalogue and drawn needs.

use super::draws::{self, Draw, HEADER};
use crate::catalogue::Catalogue;
use crate::selection::search::solve_within;
use crate::selection::{
    Bands, Candidates, Limits, Nutrient, Optimality, Phase, Problem, Restrictions, Selection, Units,
};

fn shipped(phase: Phase) -> Candidates<'static> {
    let restrictions = Restrictions {
        caffeine_allowed: true,
        ..Restrictions::default()
    };
    Candidates::new(Catalogue::shipped(), &restrictions, Some(phase))
}

#[test]
fn totals_add_up_and_no_limit_is_passed() {
    let mut draw = Draw(7);
    for case in 0..200 {
        let phase = Phase::ALL[case % Phase::ALL.len()];
        let candidates = shipped(phase);
        let bands = draws::bands(&mut draw);
        let mut problem = Problem::new(&candidates, bands, phase.kinds_max());
        problem.limits.drink_strength = draw.chance(50);
        let answer = problem.solve();
        check(&problem, &answer);
        assert_eq!(answer.optimality, Optimality::Proven, "{bands:?}");
    }
}

fn check(problem: &Problem<'_>, answer: &Selection) {
    assert!(answer.items.len() <= usize::from(problem.kinds_max));
    assert!(answer.items.is_sorted_by(|a, b| a.id < b.id));
    let servings: i64 = answer.items.iter().map(|one| i64::from(one.servings)).sum();
    assert_eq!(answer.score.servings, servings);
    assert_eq!(answer.score.kinds, answer.items.len() as i64);
    for nutrient in Nutrient::ALL {
        let mut total = 0;
        for one in &answer.items {
            assert!((1..=6).contains(&one.servings));
            let mut offered = problem.candidates.items();
            let item = offered.find(|item| item.id == one.id).unwrap();
            total += item.amount(nutrient).unwrap_or(0) * i64::from(one.servings);
        }
        assert_eq!(answer.total(nutrient), total);
        let band = problem.bands.get(nutrient);
        assert!(band.max.is_none_or(|max| total <= max), "{nutrient:?}");
        let mut unmet = answer.unmet.iter();
        let short = unmet.find(|unmet| unmet.nutrient == nutrient);
        assert_eq!(
            short.map_or(0, |unmet| unmet.short),
            (band.lo - total).max(0)
        );
    }
    assert_eq!(answer.score.unmet > 0, !answer.unmet.is_empty());
}

#[test]
fn the_order_of_rows_and_names_does_not_matter() {
    let mut draw = Draw(11);
    for _ in 0..100 {
        let seed = draw.next();
        let bands = draws::bands(&mut draw);
        let catalogue = draws::catalogue(&mut Draw(seed), 12);
        let text: String = catalogue.items().iter().rev().map(row).collect();
        let reversed = Catalogue::parse(&(HEADER.to_owned() + &text)).unwrap();
        assert_eq!(catalogue.items(), reversed.items());
        let mut names: Vec<&str> = catalogue
            .items()
            .iter()
            .map(|item| item.id.as_str())
            .collect();
        let straight = Candidates::named(&catalogue, names.iter().copied()).unwrap();
        names.reverse();
        let backwards = Candidates::named(&reversed, names.iter().copied()).unwrap();
        let solve = |candidates: &Candidates<'_>| Problem::new(candidates, bands, 3).solve();
        assert_eq!(solve(&straight), solve(&backwards));
    }
}

fn row(item: &crate::catalogue::Item) -> String {
    let tenth = |nutrient| {
        let amount = item.amount(nutrient);
        amount.map_or(String::new(), |amount| {
            format!("{}.{}", amount / 10, amount % 10)
        })
    };
    let whole = |nutrient| {
        item.amount(nutrient)
            .map_or(String::new(), |amount| amount.to_string())
    };
    format!(
        "{},{},{},g,10,{},,{},{},{},,{},,{},made up\n",
        item.id,
        item.name,
        item.kind.as_str(),
        whole(Nutrient::Fluid),
        tenth(Nutrient::Carbohydrate),
        tenth(Nutrient::Protein),
        tenth(Nutrient::Casein),
        whole(Nutrient::Sodium),
        whole(Nutrient::Caffeine),
    )
}

#[test]
fn an_item_that_brings_nothing_changes_nothing() {
    let mut draw = Draw(13);
    for _ in 0..100 {
        let bands = draws::bands(&mut draw);
        let catalogue = draws::catalogue(&mut draw, 8);
        let rows: String = catalogue.items().iter().map(row).collect();
        let more = format!("{HEADER}a,Air,food,g,1,0,0,0,0,0,0,0,0,0,made up\n{rows}");
        let more = Catalogue::parse(&more).unwrap();
        let solve = |catalogue: &Catalogue| {
            let candidates = Candidates::new(catalogue, &Restrictions::default(), None);
            Problem::new(&candidates, bands, 3).solve()
        };
        let (with, without) = (solve(&more), solve(&catalogue));
        assert_eq!(with.items, without.items);
        assert_eq!(with.score, without.score);
    }
}

#[test]
fn more_to_choose_from_is_never_worse() {
    let mut draw = Draw(17);
    for _ in 0..60 {
        let bands = draws::bands(&mut draw);
        let all = shipped(Phase::After);
        let mut fewer = all.clone();
        for item in all.items().filter(|_| draw.chance(50)) {
            fewer = fewer.without(&item.id);
        }
        let best = Problem::new(&all, bands, 3).solve();
        let worse = Problem::new(&fewer, bands, 3).solve();
        assert!(best.score <= worse.score);
    }
}

#[test]
fn drinks_are_thinned_where_the_gut_is_not_used_to_more() {
    let names = ["maurten-mix-320", "sis-beta-fuel-500", "water-500"];
    let candidates = Candidates::named(Catalogue::shipped(), names).unwrap();
    let bands = Bands::default().with(
        Nutrient::Carbohydrate,
        crate::selection::Band::new(800, Some(1_000), None),
    );
    let mut problem = Problem::new(&candidates, bands, 3);
    let strong = problem.solve();
    assert_eq!(strong.score.kinds, 1);
    problem.limits = Limits {
        drink_strength: true,
        ..Limits::default()
    };
    let thin = problem.solve();
    assert_eq!(thin.score.unmet, 0);
    assert!(thin.total(Nutrient::Fluid) >= 1_000);
}

#[test]
fn salt_is_not_taken_dry_where_the_phase_says_so() {
    let candidates = Candidates::named(Catalogue::shipped(), ["saltstick-cap"]).unwrap();
    let band = crate::selection::Band::new(400, Some(450), None);
    let bands = Bands::default().with(Nutrient::Sodium, band);
    let mut problem = Problem::new(&candidates, bands, 3);
    assert_eq!(problem.solve().items.len(), 1);
    problem.limits.salt_needs_fluid = true;
    assert_eq!(problem.solve().items, []);
}

#[test]
fn a_search_that_is_cut_says_so_and_still_keeps_the_limits() {
    let mut draw = Draw(19);
    let candidates = shipped(Phase::After);
    let mut cut = 0;
    for _ in 0..60 {
        let problem = Problem::new(&candidates, draws::bands(&mut draw), 4);
        let proven = problem.solve();
        for nodes in [0, 3, 40] {
            let found = solve_within(&problem, nodes);
            let over = problem
                .bands
                .measures()
                .iter()
                .zip(found.totals)
                .any(|(m, t)| t > m.max);
            assert!(!over);
            assert!(found.score >= proven.score);
            match found.optimality {
                Optimality::Proven => assert_eq!(found.items, proven.items),
                Optimality::Bounded => cut += 1,
            }
        }
    }
    assert!(cut > 60, "{cut}");
}

#[test]
fn absurd_questions_have_dull_answers() {
    let candidates = shipped(Phase::After);
    let ends = [i64::MIN, -1, 0, 1, 1_000, i64::MAX];
    for lo in ends {
        for max in ends {
            let band = crate::selection::Band::new(lo, Some(max), Some(max));
            let bands = Nutrient::ALL
                .into_iter()
                .fold(Bands::default(), |bands, nutrient| {
                    bands.with(nutrient, band)
                });
            for kinds in [0, 1] {
                let mut problem = Problem::new(&candidates, bands, kinds);
                problem.units = Units::Each(u8::MAX);
                let answer = problem.solve();
                assert!(answer.items.len() <= usize::from(kinds));
            }
        }
    }
}
