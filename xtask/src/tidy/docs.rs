//! That the pages tell of what is there: crates, decisions, topics, links.

use std::collections::BTreeSet;

use super::files::TextFile;

const ARCHITECTURE: &str = "docs/ARCHITECTURE.md";
const TOPICS: &str = "schemas/src/topic.rs";
const ADR_FOLDER: &str = "docs/adr/";
const ADR_INDEX: &str = "docs/adr/README.md";
/// Words that a library's header uses to say why it is not a module of another crate.
const REASON: &str = "crate of its own";

pub(super) fn check(files: &[TextFile]) -> Vec<String> {
    let mut violations = crates(files);
    violations.extend(decisions(files));
    violations.extend(topics(files));
    violations.extend(files.iter().flat_map(|file| links(file, files)));
    violations
}

fn text_of<'a>(files: &'a [TextFile], path: &str) -> Option<&'a str> {
    files
        .iter()
        .find(|file| file.path == path)
        .map(|file| file.text.as_str())
}

/// Each crate has a README, a reason, and a line on the architecture page.
fn crates(files: &[TextFile]) -> Vec<String> {
    let architecture = text_of(files, ARCHITECTURE).unwrap_or_default();
    let mut violations = Vec::new();
    for manifest in files
        .iter()
        .filter(|file| file.path.ends_with("Cargo.toml"))
    {
        let folder = manifest.path.trim_end_matches("Cargo.toml");
        if !manifest.text.contains("[package]") {
            continue;
        }
        if text_of(files, &format!("{folder}README.md")).is_none() {
            violations.push(format!("{folder}README.md is missing"));
        }
        let library = text_of(files, &format!("{folder}src/lib.rs"));
        let main = text_of(files, &format!("{folder}src/main.rs"));
        let is_root = folder.is_empty();
        if !is_root && !library.or(main).is_some_and(states_reason) {
            violations.push(format!(
                "{folder}src: its header does not say why it is a {REASON}"
            ));
        }
        let name = folder.trim_end_matches('/').replace('/', "-");
        if !is_root && !architecture.contains(&format!("`{name}`")) {
            violations.push(format!("{ARCHITECTURE}: does not tell of `{name}`"));
        }
    }
    violations
}

fn states_reason(source: &str) -> bool {
    let header = source.lines().take_while(|line| line.starts_with("//!"));
    let words: Vec<&str> = header
        .map(|line| line.trim_start_matches("//!").trim())
        .collect();
    words.join(" ").contains(REASON)
}

/// The index of decisions lists exactly the files that are there.
fn decisions(files: &[TextFile]) -> Vec<String> {
    let Some(index) = text_of(files, ADR_INDEX) else {
        return vec![format!("{ADR_INDEX} is missing")];
    };
    let present: BTreeSet<&str> = files
        .iter()
        .filter_map(|file| file.path.strip_prefix(ADR_FOLDER))
        .filter(|name| *name != "README.md")
        .collect();
    let listed: BTreeSet<&str> = link_targets(index)
        .into_iter()
        .filter(|name| !name.contains('/'))
        .collect();
    let missing = present
        .difference(&listed)
        .map(|name| format!("{ADR_INDEX}: does not list {name}"));
    let gone = listed
        .difference(&present)
        .map(|name| format!("{ADR_INDEX}: lists {name}, which is not there"));
    missing.chain(gone).collect()
}

/// Every topic of the catalogue is told of on the architecture page.
fn topics(files: &[TextFile]) -> Vec<String> {
    let (source, page) = (text_of(files, TOPICS), text_of(files, ARCHITECTURE));
    let (Some(source), Some(page)) = (source, page) else {
        return vec![format!("{TOPICS} or {ARCHITECTURE} is missing")];
    };
    let names = source
        .lines()
        .filter(|line| line.starts_with("pub const "))
        .filter_map(|line| {
            let name = line.split('"').nth(1)?;
            name.starts_with("sudor.").then_some(name)
        });
    names
        .filter(|name| !page.contains(&format!("`{name}`")))
        .map(|name| format!("{ARCHITECTURE}: does not tell of topic `{name}`"))
        .collect()
}

/// Relative links of a page lead to a file or a folder.
fn links(page: &TextFile, files: &[TextFile]) -> Vec<String> {
    if !page.path.ends_with(".md") {
        return Vec::new();
    }
    let folder = page.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let is_there = |path: &str| {
        let inside = format!("{path}/");
        path.is_empty()
            || files
                .iter()
                .any(|file| file.path == path || file.path.starts_with(&inside))
    };
    link_targets(&page.text)
        .into_iter()
        .filter(|target| !is_there(&resolve(folder, target)))
        .map(|target| format!("{}: the link to {target} leads nowhere", page.path))
        .collect()
}

/// Targets of `[text](target)` below this repository, without their anchors.
fn link_targets(page: &str) -> Vec<&str> {
    let starts = page.split("](").skip(1);
    starts
        .filter_map(|rest| rest.split_once(')').map(|(target, _)| target))
        .filter(|target| !target.contains("://") && !target.starts_with(['#', '<']))
        .filter(|target| !target.contains(char::is_whitespace))
        .map(|target| target.split('#').next().unwrap_or(target))
        .collect()
}

fn resolve(folder: &str, target: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::{TextFile, check};

    const GOOD: &[(&str, &str)] = &[
        (
            "README.md",
            "see [the page](docs/ARCHITECTURE.md#laws) or [rust](https://x.org/a)",
        ),
        (
            "docs/ARCHITECTURE.md",
            "`edge`, `sudor.ticks`, [why](adr/0001-x.md), [up](../edge)",
        ),
        (
            "docs/adr/README.md",
            "[one](0001-x.md), see [the page](../ARCHITECTURE.md)",
        ),
        ("docs/adr/0001-x.md", "because"),
        (
            "schemas/src/topic.rs",
            "pub const TICKS: &str = \"sudor.ticks\";",
        ),
        ("edge/Cargo.toml", "[package]"),
        ("edge/README.md", "edge"),
        (
            "edge/src/lib.rs",
            "//! The edge.\n//!\n//! A crate\n//! of its own because.\n",
        ),
    ];

    /// The good tree with one file's text replaced (`None` takes it away).
    fn found(path: &str, text: Option<&str>) -> Vec<String> {
        let mut files: Vec<TextFile> = GOOD
            .iter()
            .filter(|(name, _)| *name != path)
            .map(|(name, text)| TextFile {
                path: (*name).to_owned(),
                text: (*text).to_owned(),
            })
            .collect();
        files.extend(text.map(|text| TextFile {
            path: path.to_owned(),
            text: text.to_owned(),
        }));
        check(&files)
    }

    #[test]
    fn a_good_tree_passes() {
        assert_eq!(found("none", None), Vec::<String>::new());
    }

    #[test]
    fn each_gap_is_named() {
        let cases = [
            ("edge/README.md", None, "edge/README.md is missing"),
            ("edge/src/lib.rs", Some("//! The edge."), "does not say why"),
            (
                "docs/ARCHITECTURE.md",
                Some("`sudor.ticks`"),
                "does not tell of `edge`",
            ),
            (
                "docs/ARCHITECTURE.md",
                Some("`edge`"),
                "topic `sudor.ticks`",
            ),
            (
                "docs/adr/0002-y.md",
                Some("because"),
                "does not list 0002-y.md",
            ),
            ("docs/adr/0001-x.md", None, "lists 0001-x.md"),
            ("docs/adr/README.md", None, "docs/adr/README.md is missing"),
            ("README.md", Some("[x](docs/nowhere.md)"), "leads nowhere"),
            ("docs/adr/0001-x.md", Some("[x](../edge)"), "leads nowhere"),
        ];
        for (path, text, expected) in cases {
            let violations = found(path, text);
            let named = violations
                .iter()
                .any(|violation| violation.contains(expected));
            assert!(named, "{expected}: {violations:?}");
        }
    }
}
