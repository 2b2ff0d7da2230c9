//! Garmin: the Health and Activity APIs push whole summaries, or ping that there are some to pull.
//!
//! ```text
//! {"activities":[{"userId":…},…],"sleeps":[…]}     every member is a kind, every value an array
//! {"sleeps":[{"userId":…,"callbackURL":"https…"}]}  a ping has an address instead of a summary
//! ```
//!
//! It is at least once, unordered and unsigned: the sender is known by the secret in the path, and
//! by the header `garmin-client-id` where one is configured. There is no event id and no version;
//! order is that of arrival.
//!
//! It is not: a reader of summaries. Of an item it reads whose it is (`userId`) and what Garmin
//! calls it (`activityId`, `summaryId`).
//!
//! Invariants: 200 only when every item is durable, since Garmin does not send again what got one;
//! a deregistration is published before the link is ended, so that a crash in between only makes
//! Garmin send it again.

pub(crate) mod client;
pub(crate) mod ping;
pub(crate) mod receive;

pub(crate) const SOURCE: &str = "garmin";
