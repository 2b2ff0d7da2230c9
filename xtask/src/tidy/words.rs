//! Words that must not stand where they stand, and words that must.

use super::files::TextFile;
use super::ratchet::{Excesses, Rule};
use super::source::Source;

/// Where types may be (de)serialised: at the borders, by habit 9 of the style page.
const SERDE_FOLDERS: &[&str] = &[
    "edge/",
    "ingest/connectors/",
    "ingest/simulator/src/truth",
    "processors/pipeline/src/calc",
    "schemas/",
    "sinks/api/src/dto",
    "src/",
];
/// A vendor's own shapes, in any connector of the pipeline.
const SERDE_FILE: (&str, &str) = ("processors/pipeline/src/", "payload");
const SERDE_WORDS: &[&str] = &["Serialize", "Deserialize"];

const RULES_FOLDER: &str = "processors/domain/src/";

/// Absolute folders of somebody's machine. Split, so that this list does not find itself.
const PLACES: &[&str] = &[
    concat!("/ro", "ot/"),
    concat!("/wo", "rk/"),
    concat!("/Us", "ers/"),
];
/// Work that was put off belongs in an issue.
const PUT_OFF: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("to", "do!("),
];

/// The hard rules for a Rust file.
pub(super) fn check_source(path: &str, source: &Source) -> Vec<String> {
    let mut violations = Vec::new();
    if !source
        .lines
        .first()
        .is_some_and(|line| line.starts_with("//!"))
    {
        violations.push(format!("{path}: opens without its purpose (`//!`)"));
    }
    if path.ends_with("/mod.rs") {
        violations.push(format!(
            "{path}: name the file after its module, beside its folder"
        ));
    }
    let mut above = "";
    for (index, line) in source.code.iter().enumerate() {
        if let Some(complaint) = complaint(path, above, line) {
            violations.push(format!("{path}:{}: {complaint}", index + 1));
        }
        above = line;
    }
    for (index, line) in source.tests() {
        if line.contains("thread::sleep") || line.contains("time::sleep") {
            violations.push(format!("{path}:{}: a test does not sleep", index + 1));
        }
    }
    violations
}

fn complaint(path: &str, above: &str, line: &str) -> Option<&'static str> {
    // A helper may speak of a sweat test; only a test of ours must not.
    if line.contains("fn test_") && above.contains("test]") {
        return Some("a test's name is a sentence about behaviour, without `test_`");
    }
    if line.contains("#[ignore") {
        return Some("a test that is not run proves nothing");
    }
    if path.starts_with(RULES_FOLDER) {
        if has_public_float(line) {
            return Some("a public number of the rules has its unit in its type");
        }
        if declares_error(line) {
            return Some("the rules have outcomes, not errors");
        }
    }
    None
}

/// A public field of type `f64`, named or not.
fn has_public_float(line: &str) -> bool {
    let start = line.trim_start();
    if line.contains("(pub f64") || line.contains(", pub f64") {
        return true;
    }
    let Some(field) = start
        .strip_prefix("pub ")
        .and_then(|rest| rest.split_once(": "))
    else {
        return false;
    };
    let is_name = field.0.chars().all(|c| c.is_alphanumeric() || c == '_');
    is_name && (field.1.starts_with("f64") || field.1.starts_with("Option<f64>"))
}

fn declares_error(line: &str) -> bool {
    let start = line.trim_start();
    ["pub struct ", "pub enum ", "pub type "]
        .iter()
        .any(|keyword| {
            let name = start.strip_prefix(keyword).unwrap_or_default();
            name.split(|c: char| !c.is_alphanumeric())
                .next()
                .is_some_and(|name| name.ends_with("Error"))
        })
}

/// The hard rules for any text.
pub(super) fn check_text(file: &TextFile) -> Vec<String> {
    let mut violations = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        let place = PLACES.iter().find(|place| line.contains(**place));
        let put_off = PUT_OFF.iter().find(|word| line.contains(**word));
        if let Some(word) = place {
            violations.push(format!(
                "{}:{}: names a folder of one machine, {word}",
                file.path,
                index + 1
            ));
        }
        if let Some(word) = put_off {
            violations.push(format!(
                "{}:{}: {word} belongs in an issue",
                file.path,
                index + 1
            ));
        }
    }
    violations
}

/// The rule that is a ratchet: serialisation outside of its folders.
pub(super) fn measure(path: &str, source: &Source, excesses: &mut Excesses) {
    let (folder, file) = SERDE_FILE;
    let is_payload = path.starts_with(folder) && path.contains(file);
    if is_payload || SERDE_FOLDERS.iter().any(|folder| path.starts_with(folder)) {
        return;
    }
    let count = source
        .product()
        .filter(|(_, line)| {
            line.split(|c: char| !c.is_alphanumeric())
                .any(|word| SERDE_WORDS.contains(&word))
        })
        .count();
    if count > 0 {
        excesses.insert((Rule::SerdeWords, path.to_owned()), count);
    }
}

#[cfg(test)]
mod tests {
    use super::{Excesses, PLACES, PUT_OFF, Source, TextFile, check_source, check_text, measure};

    /// Violations of a file with a purpose line and this text.
    fn found(path: &str, text: &str) -> Vec<String> {
        check_source(path, &Source::new(path, &format!("//! Purpose.\n{text}")))
    }

    #[test]
    fn every_word_rule_lets_the_good_pass_and_finds_the_bad() {
        let domain = "processors/domain/src/a.rs";
        let cases = [
            ("src/a.rs", "fn a() {}", 0),
            ("src/a/mod.rs", "", 1),
            ("src/a.rs", "#[test]\nfn test_a() {}", 1),
            ("src/a.rs", "#[tokio::test]\nasync fn test_a() {}", 1),
            ("src/a.rs", "#[test]\n// fn test_a() {}", 0),
            ("src/a.rs", "fn test_at(day: u8) {}", 0),
            ("src/a.rs", "fn tested() {}", 0),
            ("src/a.rs", "#[ignore = \"slow\"]", 1),
            ("src/a.rs", "let s = \"#[ignore]\";", 0),
            ("tests/a.rs", "std::thread::sleep(d);", 1),
            ("tests/a.rs", "tokio::time::sleep(d).await;", 1),
            ("src/a.rs", "tokio::time::sleep(d).await;", 0),
            (
                "src/a.rs",
                "#[cfg(test)]\nmod tests {\n thread::sleep(d);\n}",
                1,
            ),
            (domain, "    pub mass_kg: f64,", 1),
            (domain, "    pub mass_kg: Option<f64>,", 1),
            (domain, "pub struct Mass(pub f64);", 1),
            (domain, "pub struct Mass(f64);", 0),
            (domain, "    pub fn from_kg(mass_kg: f64) -> Self {", 0),
            ("edge/src/a.rs", "    pub mass_kg: f64,", 0),
            (domain, "pub enum MassError {", 1),
            (domain, "pub enum MassOutcome {", 0),
        ];
        for (path, text, expected) in cases {
            assert_eq!(found(path, text).len(), expected, "{path}: {text}");
        }
    }

    #[test]
    fn a_file_opens_with_its_purpose() {
        let source = Source::new("src/a.rs", "use a;\n//! Late.");
        assert_eq!(check_source("src/a.rs", &source).len(), 1);
    }

    #[test]
    fn places_and_put_off_work_are_found_in_any_text() {
        let check = |text: String| {
            check_text(&TextFile {
                path: "a.md".to_owned(),
                text,
            })
            .len()
        };
        assert_eq!(check("cargo xtask test, in the root".to_owned()), 0);
        for word in PLACES.iter().chain(PUT_OFF) {
            assert_eq!(check(format!("see {word}x")), 1, "{word}");
        }
    }

    #[test]
    fn serialisation_is_counted_outside_of_its_folders() {
        let text = "#[derive(Serialize, Deserialize)]\nuse serde::Deserialize;\n// Serialize\n";
        let cases = [
            ("stream/log/src/a.rs", Some(2)),
            ("processors/pipeline/src/wire.rs", Some(2)),
            ("processors/pipeline/src/garmin/payload.rs", None),
            ("schemas/src/a.rs", None),
            ("sinks/api/src/dto.rs", None),
            ("sinks/api/src/routes.rs", Some(2)),
            ("tests/a.rs", None),
        ];
        for (path, expected) in cases {
            let mut excesses = Excesses::new();
            measure(path, &Source::new(path, text), &mut excesses);
            assert_eq!(excesses.values().next().copied(), expected, "{path}");
        }
    }
}
