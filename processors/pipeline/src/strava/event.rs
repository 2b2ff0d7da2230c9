//! Webhook events: what they ask for, and the three things that they tell themselves, which are that
//! an activity is gone, that its name or type was edited, and that an athlete left.

use schemas::record::Micros;
use schemas::record::ingest::RawReceived;

use crate::fields::Fields;
use crate::normalize::{AnsweredHint, Body, Draft, Rejected, SECOND_US, Told};
use crate::observation::Name;

enum Event {
    /// Something of an activity is new; only a fetch tells what. Names are what was edited by hand.
    Fetch {
        activity: String,
        edited: Vec<Name>,
    },
    Deleted {
        activity: String,
    },
    /// The athlete took back the consent.
    Left,
    /// Well-formed, and of no use to any rule.
    Other,
}

/// The edits that an event tells of, where it says that something may have changed which only a fetch
/// can tell.
pub(crate) fn hint(raw: &RawReceived) -> Option<Vec<Draft>> {
    let Ok(Event::Fetch { activity, edited }) = read(raw) else {
        return None;
    };
    let edit = |name| Draft {
        order: happened_at(raw).0,
        ..Draft::summary(activity.clone(), Body::Edit(name))
    };
    Some(edited.into_iter().map(edit).collect())
}

/// When the vendor says that it happened, which is not after it was told, whatever its clock says: a
/// fetch that follows the event has to count as later.
fn happened_at(raw: &RawReceived) -> Micros {
    let told = raw.first_received_at.unwrap_or(raw.received_at);
    raw.provider_event_at.unwrap_or(told).min(told)
}

/// When it happened what a hint tells of, as above; the end of its fetch repeats its bytes.
pub(crate) fn hinted_at(hint: &AnsweredHint) -> Micros {
    let told = Fields::parse(&hint.body).and_then(|event| event.id("event_time"));
    let seconds = told
        .ok()
        .flatten()
        .and_then(|text| text.parse::<i64>().ok());
    let happened = seconds.map(|seconds| Micros(seconds.saturating_mul(SECOND_US)));
    happened.unwrap_or(hint.received_at).min(hint.received_at)
}

pub(super) fn normalize(raw: &RawReceived) -> Told {
    let account = || raw.account_id.as_deref().unwrap_or_default();
    let draft = match read(raw)? {
        Event::Fetch { .. } | Event::Other => return Ok(None),
        Event::Deleted { activity } => Draft {
            order: happened_at(raw).0,
            ..Draft::summary(activity, Body::DatedDeletion)
        },
        Event::Left => Draft::summary(format!("account:{}", account()), Body::AccountClosed),
    };
    Ok(Some(vec![draft]))
}

fn read(raw: &RawReceived) -> Result<Event, Rejected> {
    let event = Fields::parse(&raw.body)?;
    let word = |name: &str| event.word(name)?.ok_or_else(|| Rejected::missing(name));
    let (object, aspect) = (word("object_type")?, word("aspect_type")?);
    match (object.as_str(), aspect.as_str()) {
        ("activity", "create" | "update") => Ok(Event::Fetch {
            activity: activity(raw, &event)?,
            edited: if aspect == "update" {
                edited(&event)
            } else {
                Vec::new()
            },
        }),
        ("activity", "delete") => {
            let activity = activity(raw, &event)?;
            Ok(Event::Deleted { activity })
        }
        ("athlete", "delete") => Ok(Event::Left),
        ("athlete", "create" | "update") => {
            let authorized = match event.object("updates")? {
                Some(updates) => updates.flag("authorized")?,
                None => None,
            };
            Ok(match authorized {
                Some(false) => Event::Left,
                Some(true) | None => Event::Other,
            })
        }
        ("activity" | "athlete", aspect) => Err(Rejected::new(
            "unsupported_kind",
            format!("aspect_type {aspect} is not known; create, update and delete are"),
        )),
        (object, _) => Err(Rejected::new(
            "unsupported_kind",
            format!("object_type {object} is not known; activity and athlete are"),
        )),
    }
}

/// What the user edited by hand. The updates of an activity refuse nothing: it is fetched in any case.
fn edited(event: &Fields<'_>) -> Vec<Name> {
    let Ok(Some(updates)) = event.object("updates") else {
        return Vec::new();
    };
    let mut names = Vec::new();
    if updates.has("title") {
        names.push(Name::Title);
    }
    if updates.has("type") || updates.has("sport_type") {
        names.push(Name::Sport);
    }
    names
}

/// The activity that the connector read off the event. Without one nothing can be fetched, and a hint
/// would wait for ever.
fn activity(raw: &RawReceived, event: &Fields<'_>) -> Result<String, Rejected> {
    match raw.provider_id.as_ref().filter(|id| !id.is_empty()) {
        Some(id) => Ok(id.clone()),
        None if event.id("object_id")?.is_some() => Err(Rejected::new(
            "bad_value",
            "object_id cannot be the id of an activity",
        )),
        None => Err(Rejected::missing("object_id")),
    }
}
