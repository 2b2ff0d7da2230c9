//! `sudor calc` from outside: JSON through the pipe, exit codes, help that can be pasted.

use std::io::Write;
use std::process::{Output, Stdio};

use serde_json::{Value, json};

use super::support::sudor;

fn calc(arguments: &[&str], input: &str) -> Output {
    let mut child = sudor(&[&["calc"], arguments].concat())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that reads nothing closes the pipe: that is no failure of the test.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    child.wait_with_output().unwrap()
}

fn answer(arguments: &[&str], input: &str) -> Value {
    let output = calc(arguments, input);
    let (text, said) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{arguments:?} {input}: {said}");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {text}"))
}

#[test]
fn a_formula_reads_stdin_and_prints_json() {
    let weighing = json!({"mass_pre_kg": 72.4, "mass_post_kg": 71.2, "fluid_ml": 750,
        "urine_ml": 100, "duration_min": 90});
    let found = answer(&["weigh-in"], &weighing.to_string());
    assert_eq!(found["sweat_rate_l_per_h"], 1.233);
    assert_eq!(found["sodium_mg"], Value::Null);

    let gaps = json!([{"phase": "gap_class", "gap_h": 1}, {"phase": "gap_class", "gap_h": 30}]);
    let found = answer(&["needs", "--json"], &gaps.to_string());
    assert_eq!(
        [&found[0]["gap_class"], &found[1]["gap_class"]],
        ["bridge", "independent"]
    );

    let prior = json!({"prior": {"log_mean": 0.1564, "log_sd": 0.4253}});
    let found = answer(&["posterior"], &prior.to_string());
    assert_eq!(found["log_sd"], 0.4253);
}

#[test]
fn bad_input_ends_with_two_and_names_what_is_wrong() {
    let cases = [
        ("needs", "", "stdin is empty"),
        ("needs", "{", "stdin is not JSON"),
        ("needs", "{\"phase\": \"during\"}", "`mass_kg` is missing"),
        (
            "needs",
            "{\"phase\": \"during\", \"mass\": 70}",
            "`mass` is no input of this formula",
        ),
        ("weigh-in", "[{}]", "item 0: `"),
    ];
    for (formula, input, expected) in cases {
        let output = calc(&[formula], input);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{formula} {input}: {said}");
        assert!(said.contains(expected), "{formula} {input}: {said}");
        let output = calc(&[formula, "--json"], input);
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(document["error"]["kind"], "bad_input");
    }
}

#[test]
fn a_formula_that_is_not_built_says_so() {
    for formula in ["phs", "heat-balance"] {
        let output = calc(&[formula], "{}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("not supported yet"), "{said}");
    }
}

#[test]
fn the_examples_of_the_help_run_as_they_are_printed() {
    for formula in FORMULAS {
        let help = calc(&[formula, "--help"], "");
        let help = String::from_utf8(help.stdout).unwrap();
        let (_, example) = help.split_once("echo '").expect("an example");
        let (input, rest) = example.split_once('\'').unwrap();
        assert!(rest.contains(&format!("sudor calc {formula}")), "{help}");
        assert!(answer(&[formula], input).is_object(), "{formula}");
    }
}

const FORMULAS: [&str; 5] = [
    "local-to-whole-body",
    "weigh-in",
    "posterior",
    "needs",
    "select",
];
