//! One writer per data folder: an operating-system lock, with the holder's process id for people.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use stream_log::Failure;

use crate::failed::stop;

const LOCK_FILE: &str = "writer.lock";
/// A process id in decimal digits, with room to spare.
const PID_BYTES_MAX: u64 = 32;

/// Held as long as the value lives, and gone with the process however it ends.
#[derive(Debug)]
pub(crate) struct WriterLock {
    _file: File,
}

impl WriterLock {
    pub(crate) fn take(folder: &Path) -> Result<Self, Failure> {
        let path = folder.join(LOCK_FILE);
        let attempted = || format!("locking {}", path.display());
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|error| stop(attempted()).with_source(error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(stop(format!(
                    "another sudor process (pid {}) is using {}",
                    holder(file),
                    folder.display()
                )));
            }
            Err(TryLockError::Error(error)) => return Err(stop(attempted()).with_source(error)),
        }
        write_pid(&mut file).map_err(|error| stop(attempted()).with_source(error))?;
        Ok(Self { _file: file })
    }
}

fn write_pid(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    writeln!(file, "{}", std::process::id())
}

fn holder(file: File) -> String {
    let mut text = String::new();
    match file.take(PID_BYTES_MAX).read_to_string(&mut text) {
        Ok(_) if !text.trim().is_empty() => text.trim().to_owned(),
        _ => "unknown".to_owned(),
    }
}
