//! Licence labels of records and of what is made of them.

use std::collections::BTreeMap;

use processors_domain::observation::{Choice, Licence, ObservationId, Source, Writer};
use schemas::record::Text;
use schemas::record::session::FieldProvenance;
use schemas::record::state::{ObservationState, SessionState};

use crate::conditions;
use crate::normalize::{Body, Draft};
use crate::observation;
use crate::settings::mass_licence;
use crate::sweat_tests::Patch;
use crate::tellers::Teller;
use crate::work::Work;

/// What estimates and advice read of a session, besides its length.
const READ: [&str; 6] = ["sport", "start", "end", "energy_kj", "indoor", "start_lat"];
/// Its length is the first of these that is told.
const LENGTHS: [&str; 3] = ["timer_s", "moving_s", "elapsed_s"];

/// The strictest of all; what rests on nobody's word is as free as the athlete's own.
pub(crate) fn strictest(labels: impl IntoIterator<Item = Licence>) -> Licence {
    labels.into_iter().max().unwrap_or(Licence::Own)
}

/// A label as state and facts have it.
pub(crate) fn word(label: Licence) -> Option<String> {
    Some(label.as_str().to_owned())
}

/// A label out of state, which older versions wrote without.
pub(crate) fn kept(word: Option<&str>) -> Licence {
    word.map_or(Licence::OwnerOnly, Licence::parse)
}

/// The label of what a record tells.
pub(crate) fn of(state: &ObservationState) -> Licence {
    let version = observation::current(state);
    let writer = version.and_then(|version| {
        let activity = version.activity.as_deref();
        let sleep = version.sleep.as_deref();
        activity
            .and_then(|body| body.writer.as_deref())
            .or_else(|| sleep.and_then(|body| body.writer.as_deref()))
    });
    of_source(&state.source, writer)
}

/// The label of what a record is about to tell.
pub(crate) fn of_draft(source: &str, draft: &Draft) -> Licence {
    let writer = match &draft.body {
        Body::Activity(body) => body.writer.as_deref(),
        Body::Sleep(body) => body.writer.as_deref(),
        _ => None,
    };
    of_source(source, writer)
}

pub(crate) fn of_source(source: &str, writer: Option<&str>) -> Licence {
    match source {
        "scan" => Licence::Own,
        "weather" => Licence::Attribution,
        source => Licence::of(Source::parse(source), writer.and_then(Writer::of)),
    }
}

/// Labels a fact by what was used for it: the strictest label stands for the whole, and a field has
/// one of its own where that is another.
pub(crate) fn seal(
    provenance: &mut [FieldProvenance<Text<'_>>],
    choices: &[Choice],
    told_by: &BTreeMap<ObservationId, Teller>,
) -> Option<Text<'static>> {
    let labels = choices.iter().map(|choice| of_choice(choice, told_by));
    let labels: Vec<Option<Licence>> = labels.collect();
    let strictest = labels.iter().flatten().max().copied()?;
    for (field, label) in provenance.iter_mut().zip(labels) {
        field.licence = label
            .filter(|label| *label != strictest)
            .map(|label| label.as_str().into());
    }
    Some(strictest.as_str().into())
}

/// The label of what later steps read of a session.
pub(crate) fn of_read(choices: &[Choice], told_by: &BTreeMap<ObservationId, Teller>) -> Licence {
    let told = |field: &&str| choices.iter().any(|choice| choice.field == *field);
    let length = LENGTHS.iter().find(|field| told(field));
    let is_read = |choice: &&Choice| {
        READ.iter()
            .chain(length)
            .any(|field| choice.field == *field)
    };
    let read = choices.iter().filter(is_read);
    strictest(read.filter_map(|choice| of_choice(choice, told_by)))
}

/// The label of a session with the air around it, and of the athlete's mass where a patch was read by it.
pub(crate) fn of_session(
    work: &Work<'_>,
    state: &SessionState,
    air: &conditions::Told,
    patch: Option<&Patch>,
) -> Licence {
    let session = kept(state.licence.as_deref());
    let weather = air.evidence.first().map(|_| of_source("weather", None));
    let mass = patch.map(|_| mass_licence(&work.head, state.end));
    strictest([Some(session), weather, mass].into_iter().flatten())
}

fn of_choice(choice: &Choice, told_by: &BTreeMap<ObservationId, Teller>) -> Option<Licence> {
    let tellers = choice.parts.iter().chain(&choice.confirmed_by);
    let tellers = tellers.chain([&choice.winner]);
    tellers
        .filter_map(|id| Some(told_by.get(id)?.licence))
        .max()
}
