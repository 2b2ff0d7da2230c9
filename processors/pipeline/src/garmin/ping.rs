//! A ping: summaries of one user wait at Garmin, behind an address that only the vault knows.

use schemas::record::ingest::RawReceived;

use crate::fields::Fields;
use crate::normalize::Rejected;

/// Garmin answers 400 to a wider window.
const WINDOW_MAX_S: i64 = 24 * 3_600;

/// Whether it can be followed; if not, why.
pub(crate) fn ping(raw: &RawReceived) -> Result<(), Rejected> {
    let ping = Fields::parse(&raw.body)?;
    if let Some(why) = ping.word("refused")? {
        return Err(Rejected::new("bad_value", why));
    }
    for name in ["userId", "summaryType"] {
        ping.id(name)?.ok_or_else(|| Rejected::missing(name))?;
    }
    // Without the vault's reference nobody can fetch, and the hint would wait for ever.
    ping.word("callback")?
        .ok_or_else(|| Rejected::missing("callbackURL"))?;
    let window = [
        ping.integer("uploadStartTimeInSeconds")?,
        ping.integer("uploadEndTimeInSeconds")?,
    ];
    match window {
        [Some(start), Some(end)] if end < start => Err(Rejected::new(
            "bad_value",
            "uploadEndTimeInSeconds is before uploadStartTimeInSeconds",
        )),
        [Some(start), Some(end)] if end.saturating_sub(start) > WINDOW_MAX_S => Err(Rejected::new(
            "bad_value",
            "the upload window is longer than 24 h, and Garmin answers no longer one",
        )),
        _ => Ok(()),
    }
}
