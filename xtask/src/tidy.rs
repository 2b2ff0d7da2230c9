//! What `docs/STYLE.md` leaves to a machine.
//!
//! Sizes are ratchets: an excess that is there is recorded in `xtask/ratchet.json` and may only
//! shrink. Everything else is refused outright. Nothing here compiles anything, so that it is the
//! first thing to run and the last to be skipped.

mod docs;
mod files;
mod ratchet;
mod size;
mod source;
mod words;

use std::path::Path;

use anyhow::Result;

use files::TextFile;
use ratchet::{Excesses, Ratchet};
use source::Source;

pub(crate) fn check(root: &Path) -> Result<Vec<String>> {
    let files = files::collect(root)?;
    let sources = sources(&files);
    let mut violations: Vec<String> = sources
        .iter()
        .flat_map(|(path, source)| words::check_source(path, source))
        .collect();
    violations.extend(files.iter().flat_map(words::check_text));
    violations.extend(docs::check(&files));
    violations.extend(crate::diagram::check(root));
    violations.extend(Ratchet::read(root)?.compare(&excesses(&sources)));
    Ok(violations)
}

/// Writes the present excesses down; without `grow`, only where they became smaller.
pub(crate) fn bless(root: &Path, grow: bool) -> Result<()> {
    let files = files::collect(root)?;
    let present = excesses(&sources(&files));
    let ratchet = Ratchet::read(root)?;
    let next = if grow {
        Ratchet::of(present)
    } else {
        ratchet.shrunk(&present)
    };
    next.write(root)?;
    crate::say(&format!(
        "xtask: {} holds {} excesses",
        ratchet::PATH,
        next.len()
    ))
}

fn sources(files: &[TextFile]) -> Vec<(&str, Source)> {
    files
        .iter()
        .filter(|file| file.path.ends_with(".rs"))
        .map(|file| (file.path.as_str(), Source::new(&file.path, &file.text)))
        .collect()
}

fn excesses(sources: &[(&str, Source)]) -> Excesses {
    let mut excesses = Excesses::new();
    for (path, source) in sources {
        size::measure(path, source, &mut excesses);
        words::measure(path, source, &mut excesses);
    }
    excesses
}
