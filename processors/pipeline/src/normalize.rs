//! Normalize: one raw item → observations in our words and units, or a rejection.
//!
//! Pure, and per item, so that one bad item never rejects its batch. It is not a merge: it knows
//! nothing of other sources, and nothing of what was told before.
//!
//! Invariants: an item ends in exactly one [`Outcome`]; every number that leaves is inside of a
//! named bound; what the vendor did not say stays `None`.

use std::sync::Arc;

use schemas::record::Micros;
use schemas::record::ingest::RawReceived;
use schemas::record::observation::{
    ActivityBody, BodyMassBody, IntakeBody, LinkOverrideBody, PlannedWorkoutBody, ProfileEditBody,
    ScanBody, SelfReportBody, SleepBody, SymptomBody, WeatherBody, WeighInBody,
};

use crate::observation::Name;
use crate::{app, fetched, garmin, healthkit, scan, strava, weather};

/// Event time may be this much after arrival: clocks are wrong and zones are confused.
const FUTURE_MAX_US: i64 = 24 * HOUR_US;
/// Plans are about the future.
const PLAN_FUTURE_MAX_US: i64 = 2 * 366 * 24 * HOUR_US;
/// Nothing that a tracker tells is older.
const PAST_MAX_US: i64 = 30 * 366 * 24 * HOUR_US;
/// Enough for a sentence and a word of what was sent; the bytes themselves are in the dead letter.
const DETAIL_CHARS_MAX: usize = 400;
pub(crate) const HOUR_US: i64 = 3_600_000_000;
pub(crate) const SECOND_US: i64 = 1_000_000;

/// What became of one raw item.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Observations(Vec<Draft>),
    /// Kept raw and counted; no rule uses this kind.
    Unused,
    /// It asks for a fetch, and is accepted when that came to an end. The drafts are the edits that it
    /// tells of itself.
    Hint(Vec<Draft>),
    /// A fetch came to an end. Internal: it is not counted as received.
    Ended(FetchEnded),
    Rejected(Rejected),
}

impl Outcome {
    /// The observations that the item makes, whatever else it is.
    pub(crate) fn drafts(&self) -> &[Draft] {
        match self {
            Self::Observations(drafts) | Self::Hint(drafts) => drafts,
            Self::Ended(ended) => &ended.drafts,
            Self::Unused | Self::Rejected(_) => &[],
        }
    }
}

/// What a fetch came to, for the hints that asked for it.
#[derive(Clone, Debug, PartialEq)]
pub struct FetchEnded {
    pub hints: Vec<AnsweredHint>,
    /// Set when it was given up: every hint becomes a dead letter.
    pub failed: Option<Rejected>,
    /// What the end itself says, e.g. that the record is gone.
    pub drafts: Vec<Draft>,
}

/// A hint with what its dead letter would need.
#[derive(Clone, Debug, PartialEq)]
pub struct AnsweredHint {
    pub raw_id: String,
    pub kind: String,
    pub provider_id: Option<String>,
    pub received_at: Micros,
    pub replay_of: Option<String>,
    pub attempt: i32,
    pub body: Vec<u8>,
}

/// A reason of the contract's vocabulary, and what a person needs to mend the input.
#[derive(Clone, Debug, PartialEq)]
pub struct Rejected {
    pub reason: &'static str,
    pub detail: String,
}

impl Rejected {
    /// A detail may quote what was sent, and what was sent may be long.
    pub(crate) fn new(reason: &'static str, detail: impl Into<String>) -> Self {
        let mut detail = detail.into();
        if let Some((end, _)) = detail.char_indices().nth(DETAIL_CHARS_MAX) {
            detail.truncate(end);
            detail.push('…');
        }
        Self { reason, detail }
    }

    pub(crate) fn missing(field: &str) -> Self {
        Self::new("missing_field", format!("{field} is missing"))
    }
}

/// An observation before it has an identity.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    pub provider_id: String,
    pub channel: &'static str,
    /// Where the source gives an order of revisions (a plan's `version`), it rules over arrival. Of
    /// fetched content, and of a fetch that found nothing, the time at which it was true, in
    /// microseconds; of an edit and of a dated deletion the time at which it was made.
    pub order: i64,
    /// It was fetched, and so it was true at `order`: the latest fetch rules, whatever came before.
    pub fetched: bool,
    /// What its writer calls it, where a record replaces those of lower `order` that are called so,
    /// whatever their provider ids.
    pub replaces: Option<String>,
    pub body: Body,
}

impl Draft {
    pub(crate) fn summary(provider_id: impl Into<String>, body: Body) -> Self {
        Self {
            provider_id: provider_id.into(),
            channel: "summary",
            order: 0,
            fetched: false,
            replaces: None,
            body,
        }
    }
}

/// All naps that a sleep's record tells of.
#[derive(Clone, Debug, PartialEq)]
pub struct Naps {
    /// What the record tells beside them: the same naps in another record are told anew.
    pub night: Arc<SleepBody>,
    /// From when to when each was.
    pub spans: Vec<(Micros, Micros)>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    Activity(Arc<ActivityBody>),
    Sleep(Arc<SleepBody>),
    /// A nap of the sleep of this provider id that is not among them is withdrawn.
    Naps(Naps),
    BodyMass(Arc<BodyMassBody>),
    WeighIn(Arc<WeighInBody>),
    Intake(Arc<IntakeBody>),
    Plan(Arc<PlannedWorkoutBody>),
    Profile(Arc<ProfileEditBody>),
    SelfReport(Arc<SelfReportBody>),
    Symptom(Arc<SymptomBody>),
    Scan(Arc<ScanBody>),
    Weather(Arc<WeatherBody>),
    LinkOverride(Arc<LinkOverrideBody>),
    /// The source withdrew the record of this provider id.
    Deletion,
    /// It was withdrawn at `order`, which is a time of the source: what it told of later is newer,
    /// whichever of the two arrives first.
    DatedDeletion,
    /// A fetch showed it, and what asked for that fetch happened at `order`.
    Shown,
    /// The account was closed: what it told before is withdrawn.
    AccountClosed,
    /// The user gave it another name or type at `order`; to which, a fetch tells.
    Edit(Name),
}

impl Body {
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Activity(_) => "activity",
            Self::Sleep(_) | Self::Naps(_) => "sleep",
            Self::BodyMass(_) => "body_mass",
            Self::WeighIn(_) => "weigh_in",
            Self::Intake(_) => "intake",
            Self::Plan(_) => "planned_workout",
            Self::Profile(_) => "profile_edit",
            Self::SelfReport(_) => "self_report",
            Self::Symptom(_) => "symptom",
            Self::Scan(_) => "scan",
            Self::Weather(_) => "weather",
            Self::LinkOverride(_) => "link_override",
            Self::Deletion | Self::DatedDeletion | Self::AccountClosed => "deletion",
            Self::Shown => "shown",
            Self::Edit(_) => "edit",
        }
    }

    /// From when to when the observation is about something.
    pub(crate) fn span(&self) -> Option<(Micros, Micros)> {
        Some(match self {
            Self::Activity(body) => (body.start, body.end),
            Self::Sleep(body) => (body.start, body.end),
            Self::BodyMass(body) => (body.at, body.at),
            Self::WeighIn(body) => (body.at, body.at),
            Self::Intake(body) => (body.at, body.at),
            Self::Plan(body) => (body.start, Micros(plan_end(body))),
            Self::Profile(body) => (body.at, body.at),
            Self::SelfReport(body) => (body.at, body.at),
            Self::Symptom(body) => (body.at, body.at),
            Self::Scan(body) => (body.applied_at, body.scanned_at),
            Self::Weather(body) => (body.hour, Micros(body.hour.0.saturating_add(HOUR_US))),
            Self::LinkOverride(body) => (body.at, body.at),
            Self::Deletion
            | Self::DatedDeletion
            | Self::Shown
            | Self::Naps(_)
            | Self::AccountClosed
            | Self::Edit(_) => return None,
        })
    }
}

pub(crate) fn plan_end(plan: &PlannedWorkoutBody) -> i64 {
    plan.start
        .0
        .saturating_add((plan.duration_min * 60.0 * SECOND_US as f64) as i64)
}

/// The one entry: routes a raw item to its source, then checks what all sources share.
pub fn normalize(raw: &RawReceived) -> Outcome {
    if raw.athlete_id.is_none() {
        return Outcome::Rejected(without_athlete(raw));
    }
    let told = match (raw.source.as_str(), raw.kind.as_str()) {
        (_, fetched::KIND) => {
            return match fetched::normalize(raw) {
                Ok(ended) => Outcome::Ended(ended),
                Err(rejected) => Outcome::Rejected(rejected),
            };
        }
        ("strava", strava::EVENT) => match strava::hint(raw) {
            Some(edits) => return Outcome::Hint(edits),
            None => strava::normalize(raw),
        },
        ("garmin", garmin::PING) => {
            let hint = |()| Outcome::Hint(Vec::new());
            return garmin::ping(raw).map_or_else(Outcome::Rejected, hint);
        }
        ("garmin", _) => garmin::normalize(raw),
        ("strava", _) => strava::normalize(raw),
        ("healthkit", _) => healthkit::normalize(raw),
        ("scan", _) => scan::normalize(raw),
        ("weather", _) => weather::normalize(raw),
        ("app", _) => app::normalize(raw),
        (other, _) => Err(Rejected::new(
            "unsupported_kind",
            format!("source {other} is not supported yet"),
        )),
    };
    match told {
        Ok(None) => Outcome::Unused,
        Ok(Some(drafts)) => match drafts.iter().find_map(|draft| implausible(raw, draft)) {
            Some(rejected) => Outcome::Rejected(rejected),
            None => Outcome::Observations(drafts),
        },
        Err(rejected) => Outcome::Rejected(rejected),
    }
}

fn without_athlete(raw: &RawReceived) -> Rejected {
    match &raw.account_id {
        Some(account) => Rejected::new(
            "unknown_account",
            format!(
                "no athlete is linked to {} account {account}; link it and this is replayed",
                raw.source
            ),
        ),
        // An item that names no user cannot be routed to anybody.
        None => match serde_json::from_slice::<serde_json::Value>(&raw.body) {
            Ok(serde_json::Value::Object(_)) if raw.source == "strava" => {
                Rejected::missing("owner_id")
            }
            Ok(serde_json::Value::Object(_)) => Rejected::missing("userId"),
            _ => Rejected::new("malformed", "the item is not a JSON object"),
        },
    }
}

/// The one reason that depends on when an item arrived, and not only on what it says.
pub(crate) const IMPLAUSIBLE_TIME: &str = "implausible_time";

fn implausible(raw: &RawReceived, draft: &Draft) -> Option<Rejected> {
    let (start, end) = draft.body.span()?;
    if end < start {
        return Some(Rejected::new("bad_value", "it ends before it starts"));
    }
    let arrived = raw.first_received_at.unwrap_or(raw.received_at).0;
    // Weather is asked for on behalf of plans.
    let future_max = if matches!(draft.body, Body::Plan(_) | Body::Weather(_)) {
        PLAN_FUTURE_MAX_US
    } else {
        FUTURE_MAX_US
    };
    let reached = if matches!(draft.body, Body::Plan(_)) {
        start
    } else {
        end
    };
    if reached.0 > arrived.saturating_add(future_max) {
        return Some(Rejected::new(
            IMPLAUSIBLE_TIME,
            "it happens too long after it was received",
        ));
    }
    if start.0 < arrived.saturating_sub(PAST_MAX_US) {
        return Some(Rejected::new(
            IMPLAUSIBLE_TIME,
            "it is more than 30 years before its arrival",
        ));
    }
    None
}

/// What a source module answers: `None` is a kind that no rule uses.
pub(crate) type Told = Result<Option<Vec<Draft>>, Rejected>;

/// Parse an item's bytes, telling broken JSON from a field of the wrong type.
pub(crate) fn parse<'a, T: serde::Deserialize<'a>>(body: &'a [u8]) -> Result<T, Rejected> {
    serde_json::from_slice(body).map_err(|error| match error.classify() {
        serde_json::error::Category::Data if is_object(body) => {
            Rejected::new("bad_value", error.to_string())
        }
        _ => Rejected::new("malformed", error.to_string()),
    })
}

fn is_object(body: &[u8]) -> bool {
    body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{')
}

/// A number within its bounds, or a rejection that names field, value and bounds.
pub(crate) fn bounded(
    field: &str,
    value: Option<f64>,
    low: f64,
    high: f64,
) -> Result<Option<f64>, Rejected> {
    match value {
        None => Ok(None),
        Some(number) if number.is_finite() && number >= low && number <= high => Ok(Some(number)),
        Some(number) => Err(Rejected::new(
            "bad_value",
            format!("{field} is {number}, outside {low} to {high}"),
        )),
    }
}

/// Round to a field's declared resolution, so that hashes never see noise; nor a negative zero.
pub(crate) fn quantise(value: Option<f64>, steps_per_unit: f64) -> Option<f64> {
    value.map(|number| libm::round(number * steps_per_unit) / steps_per_unit + 0.0)
}

/// What a fetch brought was true when the fetch was sent, as far as anybody knows.
pub(crate) fn fetched_draft(raw: &RawReceived, draft: Draft) -> Draft {
    Draft {
        order: raw.provider_event_at.unwrap_or(raw.received_at).0,
        fetched: true,
        ..draft
    }
}

/// Seconds as a whole number.
pub(crate) fn whole(value: Option<f64>) -> Option<i64> {
    value.map(|number| libm::round(number) as i64)
}

/// Epoch seconds, as vendors send them, with a bound that keeps arithmetic far from overflow.
pub(crate) fn epoch_seconds(field: &str, value: Option<f64>) -> Result<Micros, Rejected> {
    const YEAR_9999_S: f64 = 253_402_300_799.0;
    let seconds = bounded(field, value, -YEAR_9999_S, YEAR_9999_S)?
        .ok_or_else(|| Rejected::missing(field))?;
    Ok(Micros(libm::round(seconds * SECOND_US as f64) as i64))
}

/// RFC 3339, as our own routes and HealthKit exporters send it. Also yields the offset it was
/// written with, when it was written with one that says something (`Z` does not).
pub(crate) fn instant(field: &str, text: Option<&str>) -> Result<(Micros, Option<i32>), Rejected> {
    let text = text.ok_or_else(|| Rejected::missing(field))?;
    let parsed = chrono::DateTime::parse_from_rfc3339(text).map_err(|error| {
        Rejected::new(
            "bad_value",
            format!("{field} is not an RFC 3339 instant: {error}"),
        )
    })?;
    let offset = parsed.offset().local_minus_utc();
    let says_something = !text.ends_with(['Z', 'z']);
    Ok((
        Micros(parsed.timestamp_micros()),
        says_something.then_some(offset),
    ))
}

/// Offsets of real zones are within 18 hours; anything else is unknown, not an error.
pub(crate) fn offset(seconds: Option<f64>) -> Option<i32> {
    const OFFSET_MAX_S: f64 = 18.0 * 3_600.0;
    seconds
        .filter(|s| s.is_finite() && s.abs() <= OFFSET_MAX_S)
        .map(|s| libm::round(s) as i32)
}
