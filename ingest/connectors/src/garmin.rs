//! Garmin's webhook: the Health and Activity APIs push whole summaries, many users in one body.
//!
//! ```text
//! {"activities":[{"userId":…},…],"sleeps":[…]}   every member is a kind, every value an array
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

pub(crate) mod receive;
