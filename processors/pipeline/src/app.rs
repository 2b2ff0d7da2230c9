//! App events: our own form, sent by our own app or by anybody's.

mod normalize;
mod payload;

pub(crate) use normalize::{WITHDRAWN, minutes_of_day, normalize};
