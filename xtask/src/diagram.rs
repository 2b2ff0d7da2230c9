//! The picture of the pipeline: told once, in `topology.rs`, and copied into the architecture page.
//!
//! In the source it stands between `diagram:begin` and `diagram:end`, as comment lines or as code;
//! on the page, as a fenced block between two comments.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::say;

const SOURCE: &str = "processors/pipeline/src/topology.rs";
const PAGE: &str = "docs/ARCHITECTURE.md";
const SOURCE_BEGIN: &str = "// diagram:begin";
const SOURCE_END: &str = "// diagram:end";
const PAGE_BEGIN: &str = "<!-- topology:begin -->";
const PAGE_END: &str = "<!-- topology:end -->";

/// What is wrong with the picture on the page, if anything.
pub(crate) fn check(root: &Path) -> Option<String> {
    match wanted_and_present(root) {
        Ok((wanted, page)) if wanted == page => None,
        Ok(_) => Some(format!(
            "{PAGE}: the picture differs from {SOURCE}; cargo xtask diagram"
        )),
        Err(error) => Some(format!("{error:#}")),
    }
}

pub(crate) fn redraw(root: &Path) -> Result<()> {
    let (wanted, page) = wanted_and_present(root)?;
    if wanted != page {
        fs::write(root.join(PAGE), wanted).with_context(|| format!("cannot write {PAGE}"))?;
    }
    say(&format!("xtask: {PAGE} shows the topology"))
}

fn wanted_and_present(root: &Path) -> Result<(String, String)> {
    let read = |path: &str| {
        fs::read_to_string(root.join(path)).with_context(|| format!("cannot read {path}"))
    };
    let (source, page) = (read(SOURCE)?, read(PAGE)?);
    Ok((with_picture(&page, &picture(&source)?)?, page))
}

/// The lines between the source's markers, without comment signs and common indentation.
fn picture(source: &str) -> Result<String> {
    let lines: Vec<&str> = source
        .lines()
        .skip_while(|line| line.trim() != SOURCE_BEGIN)
        .skip(1)
        .take_while(|line| line.trim() != SOURCE_END)
        .collect();
    if lines.is_empty() || !source.lines().any(|line| line.trim() == SOURCE_END) {
        bail!("{SOURCE}: no picture between `{SOURCE_BEGIN}` and `{SOURCE_END}`");
    }
    let bare: Vec<&str> = lines
        .iter()
        .map(|line| without_comment_sign(line))
        .collect();
    let indent = bare
        .iter()
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.len() - line.trim_start().len())
        .min()
        .unwrap_or(0);
    let text: Vec<&str> = bare
        .iter()
        .map(|line| line.get(indent..).unwrap_or("").trim_end())
        .collect();
    Ok(text.join("\n"))
}

fn without_comment_sign(line: &str) -> &str {
    let start = line.trim_start();
    ["//! ", "/// ", "// ", "//!", "///", "//"]
        .iter()
        .find_map(|sign| start.strip_prefix(sign))
        .unwrap_or(line)
}

fn with_picture(page: &str, picture: &str) -> Result<String> {
    let parts = page.split_once(PAGE_BEGIN).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(PAGE_END)?;
        Some((before, after))
    });
    let Some((before, after)) = parts else {
        bail!("{PAGE}: no place between `{PAGE_BEGIN}` and `{PAGE_END}`")
    };
    Ok(format!(
        "{before}{PAGE_BEGIN}\n\n```text\n{picture}\n```\n\n{PAGE_END}{after}"
    ))
}

#[cfg(test)]
mod tests {
    use super::{picture, with_picture};

    #[test]
    fn the_picture_is_the_same_as_comment_and_as_code() {
        let comment = "x\n// diagram:begin\n//   a -> b\n//     c\n// diagram:end\ny";
        let code = "x\n    // diagram:begin\n    a -> b\n      c\n    // diagram:end\ny";
        assert_eq!(picture(comment).unwrap(), "a -> b\n  c");
        assert_eq!(picture(code).unwrap(), "a -> b\n  c");
    }

    #[test]
    fn a_source_without_markers_is_refused() {
        assert!(picture("a -> b").is_err());
        assert!(picture("// diagram:begin\na -> b").is_err());
    }

    #[test]
    fn drawing_twice_changes_nothing() {
        let page = "before\n<!-- topology:begin -->\nold\n<!-- topology:end -->\nafter\n";
        let once = with_picture(page, "a -> b").unwrap();
        assert!(once.contains("```text\na -> b\n```") && !once.contains("old"));
        assert_eq!(with_picture(&once, "a -> b").unwrap(), once);
        assert!(with_picture("no place", "a").is_err());
    }
}
