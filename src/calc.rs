//! `sudor calc`: reads JSON from stdin, asks one formula, prints JSON. The formulas are in
//! `processors_pipeline::calc`.

use std::io::{IsTerminal, Read};

use anyhow::{Context, anyhow};
use processors_pipeline::calc;
use serde_json::Value;

use crate::cli::CalcArgs;
use crate::exit::{self, CommandResult, Failure};

/// Of an input: enough for the largest array that is taken.
const INPUT_BYTES_MAX: u64 = 64 * 1_024 * 1_024;

pub(crate) fn run(args: &CalcArgs) -> CommandResult {
    // What has no formula was answered before dispatch.
    let Some(formula) = args.formula.formula() else {
        return Ok(());
    };
    let input = read()?;
    let answer = calc::calc(formula, &input)
        .map_err(|refused| Failure::bad_input(refused).hint("the formula's --help"))?;
    exit::print_json(&answer).map_err(Failure::failed)
}

fn read() -> Result<Value, Failure> {
    const EXAMPLE: &str = "echo '{\"phase\": \"gap_class\", \"gap_h\": 3}' | sudor calc needs";
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        return Err(Failure::bad_input(anyhow!("no input: JSON is read from stdin")).hint(EXAMPLE));
    }
    let mut text = Vec::new();
    let read = stdin
        .lock()
        .take(INPUT_BYTES_MAX + 1)
        .read_to_end(&mut text);
    read.context("cannot read stdin")?;
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > INPUT_BYTES_MAX {
        let why = anyhow!("the input is larger than {INPUT_BYTES_MAX} bytes");
        return Err(Failure::bad_input(why).hint("several calls with smaller arrays"));
    }
    if text.trim_ascii().is_empty() {
        return Err(Failure::bad_input(anyhow!("no input: stdin is empty")).hint(EXAMPLE));
    }
    serde_json::from_slice(&text)
        .context("stdin is not JSON")
        .map_err(|error| Failure::bad_input(error).hint(EXAMPLE))
}
