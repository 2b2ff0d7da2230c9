//! Keeps a panic of a rule from ending the process.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Longest part of a panic's text that is kept.
const MESSAGE_BYTES_MAX: usize = 500;

/// What a panicking rule said.
#[derive(Clone, Debug)]
pub(super) struct Panicked(pub(super) String);

/// A processor is `&self`, so that an unwound call can leave nothing half done that a later call
/// would see: what it worked on is dropped.
pub(super) fn guard<T>(call: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|payload| Panicked(message(payload.as_ref())))
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    let end = text.floor_char_boundary(MESSAGE_BYTES_MAX);
    text.get(..end).unwrap_or_default().to_owned()
}
