//! The end of a fetch that a hint asked for: ingest's own record, `fetch_result`.
//!
//! It carries the hints that asked, with what their dead letters would need, and what the end itself
//! says. A body that was fetched is another record.

use schemas::record::Micros;
use schemas::record::ingest::RawReceived;

use crate::fields::Fields;
use crate::normalize::{AnsweredHint, Body, Draft, FetchEnded, Rejected};
use crate::strava;

/// The kind of the record, whatever its source.
pub(crate) const KIND: &str = "fetch_result";

pub(crate) fn normalize(raw: &RawReceived) -> Result<FetchEnded, Rejected> {
    let end = Fields::parse(&raw.body)?;
    let outcome = end.word("outcome")?;
    let outcome = outcome.ok_or_else(|| Rejected::missing("outcome"))?;
    let hints = end.objects("hints")?;
    let hints = hints.ok_or_else(|| Rejected::missing("hints"))?;
    let hints: Vec<AnsweredHint> = hints.iter().map(hint).collect::<Result<_, _>>()?;
    let (mut failed, mut drafts) = (None, Vec::new());
    match outcome.as_str() {
        "body" => drafts.extend(shown(raw, &hints)),
        // Withdrawn consent says nothing about what was told before it.
        "unauthorised" | "forbidden" => {}
        "gone" => drafts.extend(gone(raw, &end)?),
        "failed" => failed = Some(Rejected::new("fetch_failed", why(&end)?)),
        other => {
            return Err(Rejected::new(
                "bad_value",
                format!("outcome {other} is not known"),
            ));
        }
    }
    Ok(FetchEnded {
        hints,
        failed,
        drafts,
    })
}

fn hint(hint: &Fields<'_>) -> Result<AnsweredHint, Rejected> {
    let missing = |name: &str| Rejected::missing(&hint.name(name));
    Ok(AnsweredHint {
        raw_id: hint.word("id")?.ok_or_else(|| missing("id"))?,
        kind: hint.word("kind")?.ok_or_else(|| missing("kind"))?,
        provider_id: hint.text("provider_id")?,
        received_at: hint
            .integer("received_at")?
            .map(Micros)
            .ok_or_else(|| missing("received_at"))?,
        replay_of: hint.text("replay_of")?,
        attempt: hint
            .integer("attempt")?
            .and_then(|attempt| i32::try_from(attempt).ok())
            .unwrap_or(1),
        body: hint.text("body")?.unwrap_or_default().into_bytes(),
    })
}

/// Strava showed the activity after all that its hints tell of.
fn shown(raw: &RawReceived, hints: &[AnsweredHint]) -> Option<Draft> {
    let id = raw
        .provider_id
        .as_ref()
        .filter(|_| raw.source == "strava")?;
    let events = hints.iter().filter(|hint| hint.kind == strava::EVENT);
    let last = events.map(strava::hinted_at).max()?;
    Some(Draft {
        order: last.0,
        ..Draft::summary(id.clone(), Body::Shown)
    })
}

/// An activity that Strava no longer shows was deleted, or hidden from us, which is the same to us.
/// What Garmin no longer has was fetched before or has expired; it says nothing about the records.
/// A hint that an event of a deletion overtook was not asked for: without a status there was no fetch,
/// and the event itself is in the log.
fn gone(raw: &RawReceived, end: &Fields<'_>) -> Result<Option<Draft>, Rejected> {
    let id = raw.provider_id.as_ref().filter(|_| raw.source == "strava");
    let (Some(id), true) = (id, end.has("status")) else {
        return Ok(None);
    };
    let sent = raw.provider_event_at.unwrap_or(raw.received_at);
    Ok(Some(Draft {
        order: end.integer("fetched_at")?.unwrap_or(sent.0),
        fetched: true,
        ..Draft::summary(id.clone(), Body::Deletion)
    }))
}

fn why(end: &Fields<'_>) -> Result<String, Rejected> {
    let detail = end.word("detail")?;
    let status = end.integer("status")?;
    Ok(match (detail, status) {
        (Some(detail), _) => detail,
        (None, Some(status)) => format!("the vendor answered {status}; replay it to try again"),
        (None, None) => "the vendor did not answer; replay it to try again".to_owned(),
    })
}
