//! Walls: how long a file and a function may be, and how much a file may offer.

use super::ratchet::{Excesses, Rule};
use super::source::Source;

/// Lines of a file, its tests not counted.
const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;
/// `main` tells the life of the process.
const MAIN_LINES_MAX: usize = 60;
/// Items that a file offers to other crates.
const PUBLIC_ITEMS_MAX: usize = 10;

/// The records are the contract: one file holds all that belongs together.
const PUBLIC_ITEMS_EXEMPT: &str = "schemas/src/record/";

pub(super) fn measure(path: &str, source: &Source, excesses: &mut Excesses) {
    let mut excess = |rule, name: String, amount: usize, max: usize| {
        if amount > max {
            excesses.insert((rule, name), amount);
        }
    };
    excess(
        Rule::FileLines,
        path.to_owned(),
        source.tests_begin,
        FILE_LINES_MAX,
    );
    for function in source.functions() {
        let is_main = path == "src/main.rs" && function.name == "main";
        let max = if is_main {
            MAIN_LINES_MAX
        } else {
            FUNCTION_LINES_MAX
        };
        let name = format!("{path}::{}", function.name);
        excess(Rule::FunctionLines, name, function.lines, max);
    }
    if !path.starts_with(PUBLIC_ITEMS_EXEMPT) {
        excess(
            Rule::PublicItems,
            path.to_owned(),
            public_items(source),
            PUBLIC_ITEMS_MAX,
        );
    }
}

/// Items at the left margin; fields and methods belong to theirs.
fn public_items(source: &Source) -> usize {
    source
        .product()
        .filter(|(_, line)| line.starts_with("pub "))
        .count()
}

#[cfg(test)]
mod tests {
    use super::{Excesses, Rule, Source, measure};

    fn measured(path: &str, text: &str) -> Vec<(Rule, String, usize)> {
        let mut excesses = Excesses::new();
        measure(path, &Source::new(path, text), &mut excesses);
        excesses
            .into_iter()
            .map(|((rule, name), amount)| (rule, name, amount))
            .collect()
    }

    fn function(name: &str, lines: usize) -> String {
        format!("fn {name}() {{\n{}}}\n", "    a();\n".repeat(lines - 2))
    }

    #[test]
    fn a_function_may_have_70_lines() {
        assert_eq!(measured("src/a.rs", &function("f", 70)), []);
        let found = measured("src/a.rs", &function("f", 71));
        assert_eq!(found, [(Rule::FunctionLines, "src/a.rs::f".to_owned(), 71)]);
    }

    #[test]
    fn main_may_have_60_lines() {
        assert_eq!(measured("src/main.rs", &function("main", 60)), []);
        assert_eq!(measured("src/main.rs", &function("main", 61)).len(), 1);
        assert_eq!(measured("xtask/src/main.rs", &function("main", 61)), []);
    }

    #[test]
    fn a_file_may_have_500_lines_without_its_tests() {
        let tests = "#[cfg(test)]\nmod tests {\n}\n";
        let good = "use a;\n".repeat(500) + tests;
        let bad = "use a;\n".repeat(501) + tests;
        assert_eq!(measured("src/a.rs", &good), []);
        assert_eq!(
            measured("src/a.rs", &bad),
            [(Rule::FileLines, "src/a.rs".to_owned(), 501)]
        );
        assert_eq!(measured("tests/a.rs", &bad), []);
    }

    #[test]
    fn a_file_may_offer_ten_items() {
        let good = "pub struct A {\n    pub a: u8,\n}\n".repeat(10) + "pub(crate) fn x() {}\n";
        let bad = good.clone() + "pub const B: u8 = 1;\n";
        assert_eq!(measured("edge/src/a.rs", &good), []);
        let found = measured("edge/src/a.rs", &bad);
        assert_eq!(found, [(Rule::PublicItems, "edge/src/a.rs".to_owned(), 11)]);
        assert_eq!(measured("schemas/src/record/a.rs", &bad), []);
    }
}
