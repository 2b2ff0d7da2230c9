//! Where a generation of what is derived lies: two never share a folder, a file of rows or a keyspace.
//!
//! The first has the names that are configured, so that nothing moves for who never has a second.

use std::path::{Path, PathBuf};

pub(super) fn folder(data: &Path, generation: u64) -> PathBuf {
    match generation {
        1 => data.to_owned(),
        later => data.join(format!("g{later}")),
    }
}

/// `rows.db` of the second is `rows.g2.db`.
pub(super) fn file(path: &str, generation: u64) -> PathBuf {
    let path = PathBuf::from(path);
    if generation == 1 {
        return path;
    }
    let extension = path
        .extension()
        .map(|text| text.to_string_lossy().into_owned());
    path.with_extension(match extension {
        Some(extension) => format!("g{generation}.{extension}"),
        None => format!("g{generation}"),
    })
}

#[cfg(feature = "scylla")]
pub(super) fn keyspace(name: &str, generation: u64) -> String {
    match generation {
        1 => name.to_owned(),
        later => format!("{name}_g{later}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_generation_has_places_of_its_own() {
        assert_eq!(folder(Path::new("d"), 1), Path::new("d"));
        assert_eq!(folder(Path::new("d"), 2), Path::new("d/g2"));
        assert_eq!(file("rows.db", 1), Path::new("rows.db"));
        assert_eq!(file("a.b/rows.db", 3), Path::new("a.b/rows.g3.db"));
        assert_eq!(file("rows", 3), Path::new("rows.g3"));
    }
}
