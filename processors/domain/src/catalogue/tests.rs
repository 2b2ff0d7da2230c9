//! The shipped table is read in full, and a wrong one is refused with its line.

use super::{Catalogue, ITEMS_MAX, Kind, Refused, Trait, Truth};
use crate::selection::Nutrient;

const HEADER: &str = "id,name,kind,serving_unit,serving_amount,fluid_ml,kcal,carbohydrate_g,\
    protein_g,casein_g,fat_g,sodium_mg,potassium_mg,caffeine_mg,source\n";

#[test]
fn the_shipped_table_is_whole() {
    let table = Catalogue::parse(include_str!("../../catalog.csv"));
    let shipped = Catalogue::shipped();
    assert_eq!(table.as_ref(), Ok(shipped));
    assert_eq!(shipped.items().len(), 104);
    const { assert!(104 <= ITEMS_MAX) };
    assert_eq!(shipped.version().len(), 16);
    assert!(shipped.items().is_sorted_by(|a, b| a.id < b.id));
    for item in shipped.items() {
        assert_eq!(shipped.get(&item.id), Some(item));
        assert!(item.serving.hundredths > 0, "{}", item.id);
        assert!(!item.source.is_empty(), "{}", item.id);
    }
    assert_eq!(shipped.get("nectar"), None);
}

#[test]
fn the_shipped_numbers_are_possible() {
    for item in Catalogue::shipped().items() {
        let amount = |nutrient| item.amount(nutrient);
        let id = item.id.as_str();
        if let (Some(casein), Some(protein)) = (amount(Nutrient::Casein), amount(Nutrient::Protein))
        {
            assert!(casein <= protein, "{id}: more casein than protein");
        }
        if let (Some(carbohydrate), Some(protein), Some(fat), Some(kcal)) = (
            amount(Nutrient::Carbohydrate),
            amount(Nutrient::Protein),
            item.fat_dg,
            item.energy_kcal,
        ) {
            // 4, 4 and 9 kcal/g, with room for rounding on labels, fibre and sugar alcohols.
            let counted = (4 * (carbohydrate + protein) + 9 * fat) / 10;
            assert!(
                (counted - kcal).abs() <= 35,
                "{id}: {counted} for {kcal} kcal"
            );
        }
        if item.kind == Kind::Drink {
            let fluid = amount(Nutrient::Fluid).map(|fluid| fluid * 100);
            assert!(
                fluid.is_some_and(|fluid| fluid <= item.serving.hundredths + 200),
                "{id}"
            );
        }
        assert!(
            amount(Nutrient::Caffeine).is_some(),
            "{id}: caffeine must be known"
        );
    }
}

/// A cell here and there, by hand.
#[test]
fn facts_are_in_small_units_and_unknown_stays_unknown() {
    let cases = [
        ("red-bull-250", Nutrient::Carbohydrate, Some(282)),
        ("sis-go-hydro-500", Nutrient::Carbohydrate, Some(5)),
        ("on-casein-33", Nutrient::Casein, Some(240)),
        ("on-casein-33", Nutrient::Sodium, None),
        ("ph1500-500", Nutrient::Sodium, Some(750)),
        ("ph1500-500", Nutrient::Carbohydrate, None),
        ("water-500", Nutrient::Carbohydrate, Some(0)),
        ("gatorade-whey-bar", Nutrient::Casein, None),
        ("tailwind-caf-350", Nutrient::Caffeine, Some(35)),
    ];
    for (id, nutrient, expected) in cases {
        let item = Catalogue::shipped().get(id).unwrap();
        assert_eq!(item.amount(nutrient), expected, "{id} {nutrient:?}");
    }
    let oats = Catalogue::shipped().get("oats-dry").unwrap();
    assert_eq!(oats.serving.hundredths, 4_050);
}

#[test]
fn what_is_not_written_about_an_ingredient_is_unknown() {
    use Truth::{No, Unknown, Yes};
    let cases = [
        ("water-500", Trait::Vegan, Yes),
        ("water-500", Trait::Gluten, No),
        ("oats-dry", Trait::Gluten, Unknown),
        ("bagel", Trait::Gluten, Yes),
        ("bagel", Trait::Milk, Unknown),
        ("pasta", Trait::Vegan, Unknown),
        ("honey", Trait::Vegan, No),
        ("honey", Trait::Vegetarian, Yes),
        ("milk-skim", Trait::Lactose, Yes),
        ("on-casein-33", Trait::Milk, Yes),
        ("on-casein-33", Trait::Lactose, Unknown),
        ("gatorade-whey-bar", Trait::Milk, Yes),
        ("gu-gel", Trait::Vegan, Unknown),
        ("gu-gel", Trait::Peanut, Unknown),
        ("tofu-firm", Trait::Soy, Yes),
        ("salmon", Trait::Fish, Yes),
        ("egg-boiled", Trait::Egg, Yes),
        ("almonds-salted", Trait::Nuts, Yes),
        ("peanut-butter", Trait::Peanut, Yes),
        ("peanut-butter", Trait::Nuts, Unknown),
        ("chicken-breast", Trait::Halal, Unknown),
    ];
    for (id, what, expected) in cases {
        let item = Catalogue::shipped().get(id).unwrap();
        assert_eq!(item.traits.of(what), expected, "{id} {what:?}");
    }
}

#[test]
fn any_other_byte_is_another_version() {
    let one = format!("{HEADER}a,A,food,g,1,0,0,0,0,0,0,0,0,0,x\n");
    let other = one.replace(",x\n", ",y\n");
    let version = |text: &str| Catalogue::parse(text).unwrap().version().to_owned();
    assert_ne!(version(&one), version(&other));
    assert_eq!(version(&one), version(&one.clone()));
}

#[test]
fn a_wrong_table_is_refused_with_its_line() {
    let row = "a,A,food,g,1,0,0,0,0,0,0,0,0,0,x\n";
    let many: String = (0..=ITEMS_MAX)
        .map(|number| row.replacen('a', &format!("a{number}"), 1))
        .collect();
    let cases = [
        (String::from("id,name\n"), 1, "columns"),
        (format!("{HEADER}{row}a,A\n"), 3, "cells"),
        (format!("{HEADER}{}", row.replace(",x", ",x,y")), 2, "cells"),
        (
            format!("{HEADER}{}", row.replace("food", "soup")),
            2,
            "kind",
        ),
        (format!("{HEADER}{}", row.replace(",g,", ",oz,")), 2, "unit"),
        (
            format!("{HEADER}{}", row.replace(",g,1,", ",g,,")),
            2,
            "serving amount",
        ),
        (
            format!("{HEADER}{}", row.replace(",g,1,0", ",g,1,-5")),
            2,
            "not a number",
        ),
        (
            format!("{HEADER}{}", row.replace(",g,1,0", ",g,1,1e3")),
            2,
            "not a number",
        ),
        (
            format!("{HEADER}{}", row.replace(",g,1,0", ",g,1,0.5")),
            2,
            "finer",
        ),
        (
            format!("{HEADER}{}", row.replace(",g,1,0", ",g,1,2001")),
            2,
            "more than",
        ),
        (format!("{HEADER}{row}{row}"), 0, "twice"),
        (format!("{HEADER}{many}"), ITEMS_MAX + 2, "at most"),
        (format!("{HEADER}{}", "x".repeat(5_000)), 2, "bytes"),
    ];
    for (text, line, says) in cases {
        let Err(Refused { line: found, what }) = Catalogue::parse(&text) else {
            panic!("taken: {says}");
        };
        assert_eq!(found, line, "{what}");
        assert!(what.contains(says), "{what:?} does not say {says:?}");
    }
}

#[test]
fn an_empty_table_and_one_without_a_last_line_break_are_no_trouble() {
    assert_eq!(Catalogue::parse(HEADER).unwrap().items(), []);
    let text = format!("{HEADER}a,\"A, quoted\",food,g,1,0,0,0,0,0,0,0,0,0,x");
    let table = Catalogue::parse(&text).unwrap();
    assert_eq!(table.get("a").unwrap().name, "A, quoted");
}
