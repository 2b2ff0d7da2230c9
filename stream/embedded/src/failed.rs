//! What a failure of SQLite means for us.

use rusqlite::ErrorCode;
use stream_log::{Class, Failure};

/// Everything that is not plainly a matter of waiting ends the process: a disk that is full or
/// that failed to sync may have kept any part of what it was given.
pub(crate) fn failed(attempted: impl Into<String>, error: rusqlite::Error) -> Failure {
    let class = if is_busy(&error) {
        Class::Retry
    } else {
        Class::Stop
    };
    Failure::new(class, attempted).with_source(error)
}

pub(crate) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}

pub(crate) fn stop(attempted: impl Into<String>) -> Failure {
    Failure::new(Class::Stop, attempted)
}
