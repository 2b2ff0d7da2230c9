//! The ports of one stage, implemented over another: the only code that knows both sides.

mod directory;
mod explain;
mod facts;
mod feed;
mod hints;
mod links;
mod publisher;
mod quality;
mod replay;
mod views;
mod words;

pub(crate) use directory::{Ready, VaultDirectory};
pub(crate) use explain::LogExplain;
pub(crate) use facts::LogFacts;
pub(crate) use feed::{Arrivals, LogFeed};
pub(crate) use hints::{LogHints, Ours};
pub(crate) use links::AccountLinks;
pub(crate) use publisher::{FETCH_RESULT, Intake, LogPublisher, raw_record};
pub(crate) use quality::LogQuality;
pub(crate) use replay::LogReplay;
pub(crate) use views::LogViews;
pub(crate) use words::LogWords;
