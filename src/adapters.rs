//! The ports of one stage, implemented over another: the only code that knows both sides.

mod feed;
mod publisher;

pub(crate) use feed::LogFeed;
pub(crate) use publisher::{LogPublisher, raw_record};
