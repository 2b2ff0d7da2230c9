//! Licence labels of records and of what is made of them.

use std::collections::BTreeMap;

use processors_domain::observation::{Choice, Licence, ObservationId, Source, Writer};
use schemas::record::Text;
use schemas::record::session::FieldProvenance;
use schemas::record::state::ObservationState;

use crate::observation;
use crate::tellers::Teller;

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
    let label = |id: &ObservationId| told_by.get(id).map(|by| by.licence);
    let labels: Vec<Option<Licence>> = choices
        .iter()
        .map(|choice| {
            let parts = choice.parts.iter().filter_map(label);
            label(&choice.winner).into_iter().chain(parts).max()
        })
        .collect();
    let strictest = labels.iter().flatten().max().copied()?;
    for (field, label) in provenance.iter_mut().zip(labels) {
        field.licence = label
            .filter(|label| *label != strictest)
            .map(|label| label.as_str().into());
    }
    Some(strictest.as_str().into())
}
