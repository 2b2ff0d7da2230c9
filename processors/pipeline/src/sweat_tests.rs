//! Sweat tests and the sessions that they are about: weigh-ins, and scans of patches.
//!
//! Matching is a matter of neighbouring days: a reference is followed 36 hours back and no further.

use std::collections::BTreeMap;

use processors_domain::observation::fingerprint;
use processors_domain::session::{Activity, heirs, likeness};
use processors_domain::sport::{Family, Sport};
use processors_domain::sweat::{Body, PatchModel, Scan, Site, WholeBody, read_patch};
use processors_domain::time::Span;
use processors_domain::units::{
    BodyHeight, BodyMass, CollectionArea, LocalConcentration, PatchVolume, Permille,
};
use schemas::record::Micros;
use schemas::record::observation::{ScanBody, WeighInBody};
use schemas::record::state::SessionState;

use crate::bucket::Kind;
use crate::dirty::Reach;
use crate::ids::id_number;
use crate::ids::id_text;
use crate::normalize::{HOUR_US, SECOND_US};
use crate::observation;
use crate::sessions::entity_id;
use crate::settings::{Settings, mass_at};
use crate::wire;
use crate::work::Work;

/// A weigh-in without a reference belongs to the session that ended at most this long before it.
const MATCH_BEFORE_US: i64 = 2 * HOUR_US;
/// People weigh themselves before they stop their watch.
const MATCH_AFTER_US: i64 = 10 * 60 * SECOND_US;
/// A test that names its session is followed this far back, and no further: a reference to last
/// week's run is a mistake, and matching stays a matter of neighbouring days.
const NAMED_BEFORE_US: i64 = 36 * HOUR_US;
const NAMED_AFTER_US: i64 = 3 * HOUR_US;
/// And it began this long before at most: what a match looks at stays a matter of two days.
const BEGAN_BEFORE_US: i64 = 48 * HOUR_US;
/// As far as a change can move a match.
pub(crate) const REACH_US: i64 = NAMED_BEFORE_US + NAMED_AFTER_US;
/// A plan and the session that fulfilled it start at most this far apart.
const PLAN_REACH_US: i64 = 3 * HOUR_US;
/// A patch is photographed at most this long after its session.
const SCAN_AFTER_US: i64 = 12 * HOUR_US;

/// When the session that a test is about may have begun, until the test.
pub(crate) fn looks_at(test: Reach) -> Reach {
    (test.1.saturating_sub(BEGAN_BEFORE_US), test.1)
}

/// A weigh-in.
#[derive(Clone, Debug)]
pub(crate) struct Weighed {
    pub(crate) observation_id: String,
    pub(crate) body: WeighInBody,
}

/// A scan of a patch.
#[derive(Clone, Debug)]
pub(crate) struct Worn {
    observation_id: String,
    body: ScanBody,
}

/// The tests of one session.
#[derive(Clone, Debug, Default)]
pub(crate) struct SessionTests {
    /// Of several the last.
    pub(crate) weigh_in: Option<Weighed>,
    scans: Vec<Worn>,
}

/// What the patch of a session says of the whole body.
#[derive(Clone, Debug)]
pub(crate) struct Patch {
    /// The scan that counts, or the first that failed.
    pub(crate) observation_id: String,
    pub(crate) whole: WholeBody,
}

/// A test as it is told, live or not.
pub(crate) struct Told<'w> {
    pub(crate) observation_id: &'w str,
    pub(crate) reach: Reach,
}

/// Every test at hand, live or not.
pub(crate) fn all<'w>(work: &'w Work<'_>) -> impl Iterator<Item = Told<'w>> {
    let tests = work.observations_of(&[Kind::WeighIn, Kind::Scan]);
    tests.filter_map(|state| {
        Some(Told {
            observation_id: &state.observation_id,
            reach: state.span()?,
        })
    })
}

/// Whether a scan is at hand.
pub(crate) fn any_scan(work: &Work<'_>) -> bool {
    work.observations_of(&[Kind::Scan]).next().is_some()
}

/// The tests of each session that has any.
pub(crate) fn tests_by_session(work: &Work<'_>) -> BTreeMap<String, SessionTests> {
    let mut tests: BTreeMap<String, SessionTests> = BTreeMap::new();
    let mut scans: Vec<(Worn, &str)> = Vec::new();
    for state in work.observations_of(&[Kind::WeighIn, Kind::Scan]) {
        let Some(version) = observation::current(state) else {
            continue;
        };
        if !state.is_live(&work.head) {
            continue;
        }
        if let Some(body) = version.weigh_in.as_deref()
            && let Some(session) = weighed_in(work, body)
        {
            let test = Weighed {
                observation_id: state.observation_id.clone(),
                body: body.clone(),
            };
            let known = &mut tests.entry(session.to_owned()).or_default().weigh_in;
            let later = known.as_ref().is_none_or(|known| {
                (known.body.at, &known.observation_id) < (test.body.at, &test.observation_id)
            });
            if later {
                *known = Some(test);
            }
        }
        if let Some(body) = version.scan.as_deref() {
            let worn = Worn {
                observation_id: state.observation_id.clone(),
                body: body.clone(),
            };
            scans.push((worn, &state.provider_id));
        }
    }
    // A better photo of the same wear; one of another day replaces nothing.
    let replaces = |better: &ScanBody, worn: &ScanBody, provider_id: &str| {
        better.supersedes.as_deref() == Some(provider_id)
            && better.applied_at <= worn.scanned_at
            && worn.applied_at <= better.scanned_at
    };
    let replaced: Vec<bool> = scans
        .iter()
        .map(|(worn, id)| {
            scans
                .iter()
                .any(|(better, _)| replaces(&better.body, &worn.body, id))
        })
        .collect();
    for ((worn, _), replaced) in scans.into_iter().zip(replaced) {
        if replaced {
            continue;
        }
        if let Some(session) = worn_in(work, &worn.body) {
            tests
                .entry(session.to_owned())
                .or_default()
                .scans
                .push(worn);
        }
    }
    tests
}

/// Live sessions that are workouts of their own, and began long enough before a test at the latest.
fn workouts<'w>(work: &'w Work<'_>, at: Micros) -> impl Iterator<Item = &'w SessionState> {
    let since = at.0.saturating_sub(BEGAN_BEFORE_US);
    work.sessions()
        .filter(move |state| state.published.live && !state.container && state.start.0 >= since)
}

/// The session that a weigh-in is about: the one it names, else the last that had just ended.
fn weighed_in<'w>(work: &'w Work<'_>, body: &WeighInBody) -> Option<&'w str> {
    if let Some(reference) = &body.session_ref {
        return named(work, reference, body.at);
    }
    workouts(work, body.at)
        .filter(|state| {
            state.end.0 <= body.at.0.saturating_add(MATCH_AFTER_US)
                && state.end.0 >= body.at.0.saturating_sub(MATCH_BEFORE_US)
        })
        .max_by_key(|state| (state.end, state.start, &state.members))
        .map(|state| state.session_id.as_str())
}

/// The session that a patch was worn in: the one it names, else that which it was worn in longest.
fn worn_in<'w>(work: &'w Work<'_>, body: &ScanBody) -> Option<&'w str> {
    if let Some(reference) = &body.session_ref {
        return named(work, reference, body.scanned_at);
    }
    let overlap = |state: &SessionState| {
        let until = state.end.0.min(body.scanned_at.0);
        until.saturating_sub(state.start.0.max(body.applied_at.0))
    };
    workouts(work, body.scanned_at)
        .filter(|state| overlap(state) > 0)
        .filter(|state| body.scanned_at.0 <= state.end.0.saturating_add(SCAN_AFTER_US))
        .max_by_key(|state| (overlap(state), state.start, &state.members))
        .map(|state| state.session_id.as_str())
}

/// The session that a reference names, by facts alone: it is one of a live record in it, or the id
/// that a session has which began with one of its records.
fn named<'w>(work: &'w Work<'_>, reference: &str, at: Micros) -> Option<&'w str> {
    let told = told_as(work, reference);
    let is_it = |id: &str| told.contains(&id) || begins(work, reference, id);
    let by_record = workouts(work, at)
        .filter(|state| is_near(state, at))
        .filter(|state| {
            let mut members = state.members.iter();
            members.any(|id| is_it(id) && is_live(work, id))
        })
        .max_by_key(|state| (state.end, state.start, &state.members));
    by_record
        .or_else(|| taken_over(work, &is_it, at).filter(|state| is_near(state, at)))
        .or_else(|| planned(work, reference, at).filter(|state| is_near(state, at)))
        .map(|state| state.session_id.as_str())
}

/// The session that holds what a withdrawn record told: its copies, or what took its place.
fn taken_over<'w>(
    work: &'w Work<'_>,
    is_it: &dyn Fn(&str) -> bool,
    at: Micros,
) -> Option<&'w SessionState> {
    let gone: Vec<Activity> = work
        .observations_of(&[Kind::Activity])
        .filter(|seen| !seen.is_live(&work.head) && is_it(&seen.observation_id))
        .filter_map(|seen| wire::activity(seen))
        .collect();
    if gone.is_empty() {
        return None;
    }
    let live: Vec<Activity> = work
        .observations_of(&[Kind::Activity])
        .filter(|seen| seen.is_live(&work.head))
        .filter_map(|seen| wire::activity(seen))
        .collect();
    let heirs = heirs(&gone, &live);
    let alike = |old: &Activity| {
        let copies = live
            .iter()
            .filter_map(|new| Some((likeness(old, new)?, new.id)));
        copies.max().map(|(_, id)| id)
    };
    let holder = |old: &Activity| heirs.get(&old.id).copied().or_else(|| alike(old));
    let ids: Vec<String> = gone
        .iter()
        .filter_map(holder)
        .map(wire::observation_text)
        .collect();
    workouts(work, at)
        .filter(|state| ids.iter().any(|id| state.members.contains(id)))
        .max_by_key(|state| (state.end, state.start, &state.members))
}

/// Whether a session that begins with this observation has that id.
fn begins(work: &Work<'_>, session_id: &str, observation_id: &str) -> bool {
    let observation = wire::observation_id(observation_id);
    let id = entity_id("session", work.tenant, work.athlete, observation, 0);
    id_text(id.0) == session_id
}

/// Deleted records stay with their session by history; what they are called names nothing.
fn is_live(work: &Work<'_>, observation_id: &str) -> bool {
    let id = id_number(observation_id);
    work.observations()
        .find(|kept| kept.id() == id)
        .is_some_and(|kept| kept.is_live(&work.head))
}

fn is_near(state: &SessionState, at: Micros) -> bool {
    state.end.0 >= at.0.saturating_sub(NAMED_BEFORE_US)
        && state.end.0 <= at.0.saturating_add(NAMED_AFTER_US)
}

/// The observations that are `source:provider_id`: one for each account that tells it.
fn told_as<'w>(work: &'w Work<'_>, reference: &str) -> Vec<&'w str> {
    let Some((source, provider_id)) = reference.split_once(':') else {
        return Vec::new();
    };
    work.observations_of(&[Kind::Activity])
        .filter(|seen| seen.source == source && seen.provider_id == provider_id)
        .map(|seen| seen.observation_id.as_str())
        .collect()
}

/// The session nearest to a plan's start, of its family, that fulfilled it.
fn planned<'w>(work: &'w Work<'_>, plan_id: &str, at: Micros) -> Option<&'w SessionState> {
    let plan = work
        .observations_of(&[Kind::Plan])
        .filter_map(|state| observation::current(state)?.planned_workout.as_deref())
        .find(|plan| plan.plan_id == plan_id)?;
    let distance = |state: &SessionState| state.start.0.abs_diff(plan.start.0);
    workouts(work, at)
        .filter(|state| family(&state.sport).as_str() == plan.family)
        .filter(|state| distance(state) <= PLAN_REACH_US.unsigned_abs())
        .min_by_key(|state| (distance(state), state.start, &state.members))
}

fn family(sport: &str) -> Family {
    Sport::parse(sport).unwrap_or(Sport::Other).family()
}

impl SessionTests {
    /// The observations that these tests are.
    pub(crate) fn observations(&self) -> impl Iterator<Item = &str> {
        let scans = self.scans.iter().map(|worn| worn.observation_id.as_str());
        let weighed = self
            .weigh_in
            .iter()
            .map(|test| test.observation_id.as_str());
        weighed.chain(scans)
    }

    /// What the patch says; `None` where none was worn.
    pub(crate) fn patch(
        &self,
        work: &Work<'_>,
        settings: &Settings,
        state: &SessionState,
    ) -> Option<Patch> {
        let first = self.scans.first()?;
        let scans: Vec<Scan> = self.scans.iter().map(scan).collect();
        let session = Span::new(wire::instant(state.start), wire::instant(state.end));
        let area = work.rules.patch_area_cm2.and_then(CollectionArea::from_cm2);
        let reading = read_patch(&scans, session, area);
        let counts = reading.observation.map(wire::observation_text);
        let counts = self
            .scans
            .iter()
            .find(|worn| Some(&worn.observation_id) == counts.as_ref())
            .unwrap_or(first);
        let weighed = self.weigh_in.as_ref();
        let mass = weighed
            .and_then(|test| BodyMass::from_kilograms(test.body.mass_pre_kg))
            .or_else(|| mass_at(&work.head, settings, state.end).map(BodyMass::clamped));
        let body = mass.map(|mass| Body {
            mass,
            height: settings.height_m.and_then(BodyHeight::from_metres),
        });
        // A scan that does not say where was made where patches are made for.
        let site = match &counts.body.body_site {
            Some(word) => Site::parse(word),
            None => Some(Site::VentralForearm),
        };
        Some(Patch {
            observation_id: counts.observation_id.clone(),
            whole: WholeBody::of_patch(&reading, site, body, &PatchModel::default()),
        })
    }
}

fn scan(worn: &Worn) -> Scan {
    let body = &worn.body;
    let share = |quality: Option<f64>| {
        quality.map(|quality| Permille::clamped(libm::round(quality * 1_000.0) as i64))
    };
    Scan {
        observation: wire::observation_id(&worn.observation_id),
        patch: fingerprint(&body.patch_id),
        applied_at: wire::instant(body.applied_at),
        scanned_at: wire::instant(body.scanned_at),
        area: body.collection_area_cm2.and_then(CollectionArea::from_cm2),
        volume: body.volume_ul.and_then(PatchVolume::from_microlitres),
        volume_saturated: body.volume_saturated,
        volume_quality: share(body.volume_quality),
        chloride: body
            .chloride_mmol_l
            .and_then(LocalConcentration::from_mmol_per_l),
        chloride_below_range: body.chloride_below_range,
        chloride_above_range: body.chloride_above_range,
        chloride_quality: share(body.chloride_quality),
        failed: body.failed,
    }
}
