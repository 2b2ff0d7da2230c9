//! Observations in state: every distinct content a source ever told of one thing, the current one,
//! and whether it counts.
//!
//! Invariants: the current content is a function of the set of contents and their first arrivals;
//! an observation stands in the bucket of the day its current content starts; a change marks both
//! the old and the new span stale.

mod content;
mod edits;
mod fetch;
mod gone;
mod lasting;
mod limits;
mod mass;
mod naps;
mod replaced;
mod same_start;

use processors_domain::time::{civil_day, local_date};

use schemas::record::Micros;
use schemas::record::ingest::RawReceived;
use schemas::record::observation::ActivityBody;
use schemas::record::state::{AthleteHead, ClosedAccount, ObservationState, VersionState};

use crate::apply::{known_day, set_known_day};
use crate::bucket::{Kept, Kind, day_of};
use crate::dirty::Reach;
use crate::identity::DraftNames;
use crate::ids::id_number;
use crate::normalize::{Body, Draft, HOUR_US, SECOND_US, plan_end};
use crate::wire;
use crate::work::Work;
pub(crate) use content::{fill, hash_of};
pub use edits::Name;
pub(crate) use edits::{edited, edited_at};
pub(crate) use fetch::is_latest_fetch;
use fetch::{add_fetch, latest_fetch};
pub(crate) use gone::{again, delete, note};
pub(crate) use lasting::{overrides, remember};
pub(crate) use limits::full;
use mass::mass_changed;
pub(crate) use mass::mass_reach;
pub(crate) use naps::{list_naps, naps_told};
pub(crate) use replaced::{called, replace};
pub(crate) use same_start::told_anew;

/// Put a content in its place. Answers whether it is true now, and was not before.
pub(crate) fn place(
    work: &mut Work<'_>,
    raw: &RawReceived,
    draft: &Draft,
    names: &DraftNames,
) -> bool {
    let (id, shard) = (names.id.as_str(), names.shard);
    let from = known_day(work, shard, id);
    let mut state = from
        .and_then(|day| take(work, day, id))
        .unwrap_or_else(|| ObservationState {
            observation_id: id.to_owned(),
            source: raw.source.clone(),
            account_id: raw.account_id.clone(),
            provider_id: draft.provider_id.clone(),
            ..ObservationState::default()
        });
    let before = reach(&state);
    let counted = counts(&work.head, &state);
    let changed = if draft.fetched {
        let changed = add_fetch(&mut state, draft, names, raw);
        let gone = gone::is_gone_since(work, names, latest_fetch(&state));
        state.deleted = gone || naps::is_off(work, names);
        edits::recall(work, shard, &mut state);
        changed
    } else {
        let changed = add_version(&mut state, draft, names, raw);
        // Only what goes by a name comes back, with a greater version, and a nap that is listed again.
        let before = state.deleted && names.replaces.is_none() && names.nap_of.is_none();
        let replaced = replaced::is_replaced(work, names, &state) || naps::is_off(work, names);
        state.deleted = before || replaced || gone::is_gone(work, names);
        changed
    };
    let is_news = counts(&work.head, &state) && (changed || !counted);
    let after = span(&state);
    stale(work, &state, before);
    stale(work, &state, reach(&state));
    mass_changed(work, &state);
    let day = after.map_or(0, |reach| day_of(reach.0));
    put(work, day, state);
    set_known_day(work, shard, id, day);
    lasting::moved(work, id, from, day);
    is_news
}

/// A copy arrived: only its arrival can matter. Answers what `place` does.
pub(crate) fn arrived(
    work: &mut Work<'_>,
    raw: &RawReceived,
    draft: &Draft,
    names: &DraftNames,
) -> bool {
    let (id, shard) = (names.id.as_str(), names.shard);
    let Some(day) = known_day(work, shard, id) else {
        // A copy of what was set aside stays set aside: only what is held can have come earlier.
        let held = work
            .head
            .profile_edits
            .iter()
            .any(|edit| edit.observation_id == id)
            || work
                .head
                .overrides
                .iter()
                .any(|known| known.observation_id == id);
        return held && remember(work, raw, draft, names);
    };
    if draft.fetched {
        return place(work, raw, draft, names);
    }
    let hash = names.content_print;
    let at = first_arrival(raw);
    let matters = work
        .day(day)
        .and_then(|bucket| find(&bucket.observations, id))
        .is_some_and(|state| {
            let closed = work
                .head
                .closed_accounts
                .iter()
                .any(|account| account_matches(account, state));
            let earlier = state.versions.iter().any(|version| {
                version.content_hash == hash
                    && version.channel == draft.channel
                    && at < version.first_received_at
            });
            earlier || (closed && raw.received_at > state.last_received_at)
        });
    if matters {
        return place(work, raw, draft, names);
    }
    keep_arrival(work, raw, day, id);
    false
}

/// An account may be closed by an item that is stamped before this copy and read after it: the
/// latest arrival is kept although it changes nothing now.
fn keep_arrival(work: &mut Work<'_>, raw: &RawReceived, day: i32, id: &str) {
    let later = work
        .day(day)
        .and_then(|bucket| find(&bucket.observations, id))
        .is_some_and(|state| {
            state.account_id.is_some() && raw.received_at > state.last_received_at
        });
    if later && let Some(mut state) = take(work, day, id) {
        state.last_received_at = raw.received_at;
        put(work, day, state);
    }
}

fn first_arrival(raw: &RawReceived) -> Micros {
    raw.first_received_at.unwrap_or(raw.received_at)
}

/// Answers whether the channel says this content now, and said another one before.
fn add_version(
    state: &mut ObservationState,
    draft: &Draft,
    names: &DraftNames,
    raw: &RawReceived,
) -> bool {
    let hash = names.content_print;
    let at = first_arrival(raw);
    let before = said_in(state, draft.channel);
    if state.account_id.is_some() {
        // Without an account there is none that could be closed, and nothing to compare with.
        state.last_received_at = state.last_received_at.max(raw.received_at);
    }
    let same = state
        .versions
        .iter_mut()
        .find(|version| version.content_hash == hash && version.channel == draft.channel);
    match same {
        Some(version) => version.first_received_at = version.first_received_at.min(at),
        None => state.versions.push(version_of(draft, hash, at)),
    }
    state
        .versions
        .sort_by(|a, b| edits::age(a).cmp(&edits::age(b)));
    before != Some(hash) && said_in(state, draft.channel) == Some(hash)
}

/// The content that a channel tells: the last of its versions.
fn said_in(state: &ObservationState, channel: &str) -> Option<i64> {
    let mut versions = state.versions.iter().rev();
    let last = versions.find(|version| version.channel == channel);
    last.map(|version| version.content_hash)
}

fn version_of(draft: &Draft, content_hash: i64, first_received_at: Micros) -> VersionState {
    let mut version = VersionState {
        channel: draft.channel.to_owned(),
        order: draft.order,
        first_received_at,
        content_hash,
        ..VersionState::default()
    };
    match draft.body.clone() {
        Body::Activity(body) => version.activity = Some(body),
        Body::Sleep(body) => version.sleep = Some(body),
        Body::BodyMass(body) => version.body_mass = Some(body),
        Body::WeighIn(body) => version.weigh_in = Some(body),
        Body::Intake(body) => version.intake = Some(body),
        Body::Plan(body) => version.planned_workout = Some(body),
        Body::SelfReport(body) => version.self_report = Some(body),
        Body::Symptom(body) => version.symptom = Some(body),
        Body::Scan(body) => version.scan = Some(body),
        Body::Weather(body) => version.weather = Some(body),
        Body::Naps(_)
        | Body::Profile(_)
        | Body::LinkOverride(_)
        | Body::Deletion
        | Body::DatedDeletion
        | Body::Shown
        | Body::AccountClosed
        | Body::Edit(_) => {}
    }
    version
}

/// The content that counts: the last of the summary channel, else the last of the details.
pub(crate) fn current(state: &ObservationState) -> Option<&VersionState> {
    // "summary" sorts after "details", and within a channel the last is the newest.
    state.versions.last()
}

/// The activity that counts, completed by what only the samples tell.
pub fn activity(state: &ObservationState) -> Option<ActivityBody> {
    let mut body = current(state)?.activity.as_deref()?.clone();
    if let Some(details) = details_of(state, &body) {
        body.moving_s = body.moving_s.or(details.moving_s);
        body.power_avg_w = body.power_avg_w.or(details.power_avg_w);
    }
    if let Some(details) = paused(state, &body) {
        body.elapsed_s = details.elapsed_s;
        body.end = end_of(&body, details);
    }
    Some(body)
}

fn details_of<'s>(state: &'s ObservationState, body: &ActivityBody) -> Option<&'s ActivityBody> {
    let told = |version: &&VersionState| version.channel == "details";
    let details = state.versions.iter().rev().find(told)?;
    details
        .activity
        .as_deref()
        .filter(|details| details.start == body.start)
}

/// The details, where their clock ran on through pauses that the summary leaves out.
fn paused<'s>(state: &'s ObservationState, body: &ActivityBody) -> Option<&'s ActivityBody> {
    details_of(state, body).filter(|details| details.elapsed_s > body.elapsed_s)
}

fn end_of(body: &ActivityBody, details: &ActivityBody) -> Micros {
    let elapsed = details.elapsed_s.saturating_mul(SECOND_US);
    Micros(body.start.0.saturating_add(elapsed))
}

/// When the content that counts first arrived.
pub(crate) fn first_received(state: &ObservationState) -> Micros {
    state
        .versions
        .iter()
        .map(|version| version.first_received_at)
        .min()
        .unwrap_or_default()
}

pub(crate) fn is_live(head: &AthleteHead, state: &ObservationState) -> bool {
    !is_gone(state) && counts(head, state)
}

/// Neither withdrawn by its source nor with its account; what it says may still be that it is off.
fn counts(head: &AthleteHead, state: &ObservationState) -> bool {
    let closed = |account: &ClosedAccount| {
        account_matches(account, state) && state.last_received_at <= account.at
    };
    !state.deleted && !head.closed_accounts.iter().any(closed)
}

/// Withdrawn, or taken back by its own words, whatever became of its account.
pub(crate) fn is_gone(state: &ObservationState) -> bool {
    let taken_back = current(state)
        .and_then(|version| version.planned_workout.as_deref())
        .is_some_and(|plan| plan.deleted);
    state.deleted || taken_back
}

fn account_matches(account: &ClosedAccount, state: &ObservationState) -> bool {
    account.source == state.source && Some(&account.account_id) == state.account_id.as_ref()
}

pub(crate) fn kind_of(state: &ObservationState) -> Kind {
    let Some(version) = current(state) else {
        return Kind::Symptom;
    };
    match () {
        () if version.activity.is_some() => Kind::Activity,
        () if version.sleep.is_some() => Kind::Sleep,
        () if version.body_mass.is_some() => Kind::BodyMass,
        () if version.weigh_in.is_some() => Kind::WeighIn,
        () if version.intake.is_some() => Kind::Intake,
        () if version.planned_workout.is_some() => Kind::Plan,
        () if version.self_report.is_some() => Kind::SelfReport,
        () if version.scan.is_some() => Kind::Scan,
        () if version.weather.is_some() => Kind::Weather,
        () => Kind::Symptom,
    }
}

pub(crate) fn span(state: &ObservationState) -> Option<Reach> {
    let version = current(state)?;
    if let Some(body) = version.activity.as_deref() {
        let end = paused(state, body).map_or(body.end, |details| end_of(body, details));
        return Some((body.start.0, end.0));
    }
    let sleep = version
        .sleep
        .as_deref()
        .map(|body| (body.start.0, body.end.0));
    let plan = version
        .planned_workout
        .as_deref()
        .map(|plan| (plan.start.0, plan_end(plan)));
    let at = [
        version.body_mass.as_deref().map(|body| body.at.0),
        version.weigh_in.as_deref().map(|body| body.at.0),
        version.intake.as_deref().map(|body| body.at.0),
        version.self_report.as_deref().map(|body| body.at.0),
        version.symptom.as_deref().map(|body| body.at.0),
        version.weather.as_deref().map(|body| body.hour.0),
    ];
    let scan = version
        .scan
        .as_deref()
        .map(|body| (body.applied_at.0, body.scanned_at.0));
    sleep
        .or(plan)
        .or(scan)
        .or_else(|| at.into_iter().flatten().next().map(|at| (at, at)))
}

/// The time in which the rules may have to look again because of it: its span, or more.
pub(crate) fn reach(state: &ObservationState) -> Option<Reach> {
    let hidden = || current(state)?.activity.as_deref().and_then(hidden_day);
    let told = span(state)?;
    Some(hidden().map_or(told, |day| (told.0.min(day.0), told.1.max(day.1))))
}

/// A hidden start may belong to any session of its local day.
pub(crate) fn hidden_day(body: &ActivityBody) -> Option<Reach> {
    body.hidden_start.then(|| {
        let offset_s = body.utc_offset_s.unwrap_or(0);
        let day = civil_day(local_date(wire::instant(body.start), offset_s), offset_s);
        (day.start().0, day.end().0)
    })
}

fn stale(work: &mut Work<'_>, state: &ObservationState, reach: Option<Reach>) {
    let Some(reach) = reach else { return };
    let dirty = &mut work.dirty;
    match kind_of(state) {
        Kind::Activity => dirty.activity.push(reach),
        Kind::Sleep => dirty.sleep.push(reach),
        Kind::WeighIn => dirty.weigh_in.push(reach),
        Kind::Intake => dirty.advice.push(reach),
        // How urine looks counts for the drink before the next workout.
        Kind::SelfReport => dirty.advice.push(reach),
        // A scan is about what its patch was worn in.
        Kind::Scan => dirty.weigh_in.push(reach),
        Kind::Weather => dirty.weather.push(reach),
        Kind::Plan => {
            dirty.advice.push(reach);
            // A weigh-in may name the plan, and find its session by it.
            dirty.weigh_in.push(plan_reach(reach));
        }
        Kind::Symptom => dirty.hold = true,
        Kind::BodyMass => {}
    }
}

/// Sessions start up to three hours from the plan that they fulfil.
pub(crate) fn plan_reach(plan: Reach) -> Reach {
    const NEAR_US: i64 = 3 * HOUR_US;
    (
        plan.0.saturating_sub(NEAR_US),
        plan.1.saturating_add(NEAR_US),
    )
}

/// Mark a record as withdrawn or there again, if it is here; the tombstone waits for it otherwise.
fn set_deleted(work: &mut Work<'_>, id: &str, day: Option<i32>, deleted: bool) {
    let Some(mut state) = day.and_then(|day| take(work, day, id)) else {
        return;
    };
    state.deleted = deleted;
    let reach = reach(&state);
    stale(work, &state, reach);
    mass_changed(work, &state);
    put(work, day.unwrap_or(0), state);
}

/// All that this account told so far is withdrawn; what it tells from now on counts again. Answers
/// whether it was not closed, or told something since.
pub(crate) fn close_account(work: &mut Work<'_>, raw: &RawReceived) -> bool {
    let Some(account_id) = raw.account_id.clone() else {
        return false;
    };
    let account = ClosedAccount {
        source: raw.source.clone(),
        account_id: account_id.clone(),
        at: raw.received_at,
    };
    let withdraws = work.observations().any(|kept| {
        account_matches(&account, kept)
            && kept.last_received_at <= account.at
            && kept.is_live(&work.head)
    });
    let known = work
        .head
        .closed_accounts
        .iter_mut()
        .find(|account| account.source == raw.source && account.account_id == account_id);
    let is_news = known.is_none() || withdraws;
    match known {
        Some(account) => account.at = account.at.max(raw.received_at),
        None => work.head.closed_accounts.push(account),
    }
    work.head
        .closed_accounts
        .sort_by(|a, b| (&a.source, &a.account_id).cmp(&(&b.source, &b.account_id)));
    work.dirty.everything = true;
    for mass in work.head.masses.clone() {
        let told = work.day(day_of(mass.at.0)).and_then(|bucket| {
            let is_it = |kept: &&Kept| kept.print() == mass.observation_print;
            bucket.observations.iter().find(is_it)
        });
        if let Some(state) = told.cloned() {
            mass_changed(work, &state);
        }
    }
    is_news
}

pub(crate) fn find<'s>(observations: &'s [Kept], id: &str) -> Option<&'s Kept> {
    let id = id_number(id);
    let at = observations.binary_search_by_key(&id, Kept::id).ok()?;
    observations.get(at)
}

fn take(work: &mut Work<'_>, day: i32, id: &str) -> Option<ObservationState> {
    let bucket = work.day_mut(day);
    let at = bucket
        .observations
        .binary_search_by_key(&id_number(id), Kept::id)
        .ok()?;
    Some(bucket.observations.remove(at).into_state())
}

fn put(work: &mut Work<'_>, day: i32, state: ObservationState) {
    let kept = Kept::of(state);
    let observations = &mut work.day_mut(day).observations;
    match observations.binary_search_by_key(&kept.id(), Kept::id) {
        Ok(at) => {
            if let Some(seen) = observations.get_mut(at) {
                *seen = kept;
            }
        }
        Err(at) => observations.insert(at, kept),
    }
}
