//! The text files of the workspace, with paths below the root, sorted.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// Larger files are data, not text that somebody wrote.
const FILE_BYTES_MAX: u64 = 1_024 * 1_024;
const FOLDERS_DEPTH_MAX: usize = 16;
const SKIPPED_FOLDERS: &[&str] = &[".git", "sudor-data"];
const EXTENSIONS: &[&str] = &[
    "avsc", "css", "html", "js", "json", "md", "rs", "sh", "sql", "toml", "txt", "yaml", "yml",
];
const IMAGE: &str = ".png";
const SKIPPED_FILES: &[&str] = &["Cargo.lock"];

#[derive(Clone, Debug)]
pub(super) struct TextFile {
    pub(super) path: String,
    pub(super) text: String,
}

pub(super) fn collect(root: &Path) -> Result<Vec<TextFile>> {
    let mut files = Vec::new();
    walk(root, root, 0, &mut files)?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn walk(root: &Path, folder: &Path, depth: usize, files: &mut Vec<TextFile>) -> Result<()> {
    anyhow::ensure!(
        depth <= FOLDERS_DEPTH_MAX,
        "{} is nested too deeply",
        folder.display()
    );
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        let kind = entry.file_type()?;
        if kind.is_dir() {
            if !SKIPPED_FOLDERS.contains(&name.as_ref()) && !name.starts_with("target") {
                walk(root, &path, depth + 1, files)?;
            }
        } else if kind.is_file() && name.ends_with(IMAGE) {
            // Nothing to read, but something to link to.
            let relative = path.strip_prefix(root).unwrap_or(&path);
            files.push(TextFile {
                path: relative.display().to_string(),
                text: String::new(),
            });
        } else if kind.is_file() && is_text(&name) && entry.metadata()?.len() <= FILE_BYTES_MAX {
            let relative = path
                .strip_prefix(root)
                .unwrap_or(&path)
                .display()
                .to_string();
            let text =
                fs::read_to_string(&path).with_context(|| format!("cannot read {relative}"))?;
            files.push(TextFile {
                path: relative,
                text,
            });
        }
    }
    Ok(())
}

fn is_text(name: &str) -> bool {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    !SKIPPED_FILES.contains(&name)
        && (EXTENSIONS.contains(&extension) || name == "run" || name == "Dockerfile")
}
