//! Folders and files that only their owner reads: the log and the rows hold what people's bodies
//! tell, and the vault who they are.
//!
//! A folder that is there already keeps its mode: whoever made it had a reason.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// The folder and what lacks above it.
pub fn folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// An empty file where there is none. SQLite takes it for a new database, and gives its mode to the
/// files that it puts beside it.
pub fn file(path: &Path) -> io::Result<()> {
    match new(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// The bytes of a file without its mode, which may be wider.
pub fn copy(from: &Path, to: &Path) -> io::Result<()> {
    io::copy(&mut File::open(from)?, &mut new(to)?)?;
    Ok(())
}

/// A file that was not there.
pub fn new(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn what_is_made_is_its_owners_and_what_is_there_stays_as_it_is() {
        let base = tempfile::tempdir().unwrap();
        let at = base.path().join("above/data");
        folder(&at).unwrap();
        folder(&at).unwrap();
        assert_eq!((mode(&at.join("..")), mode(&at)), (0o700, 0o700));

        let wide = at.join("wide");
        fs::write(&wide, "kept").unwrap();
        fs::set_permissions(&wide, fs::Permissions::from_mode(0o644)).unwrap();
        file(&wide).unwrap();
        assert_eq!(
            (mode(&wide), fs::read(&wide).unwrap()),
            (0o644, b"kept".to_vec())
        );

        let narrow = at.join("narrow");
        copy(&wide, &narrow).unwrap();
        assert_eq!(
            (mode(&narrow), fs::read(&narrow).unwrap()),
            (0o600, b"kept".to_vec())
        );
        assert!(copy(&wide, &narrow).is_err(), "nothing is overwritten");
        file(&at.join("new")).unwrap();
        assert_eq!(mode(&at.join("new")), 0o600);
    }
}
