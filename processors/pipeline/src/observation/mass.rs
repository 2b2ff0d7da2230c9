//! Body masses: each holds until the next reading, so they stand together in the head.

use schemas::record::Micros;
use schemas::record::state::{MassState, ObservationState};

use super::{current, is_live, kind_of};
use crate::apply::id_print;
use crate::bucket::Kind;
use crate::dirty::Reach;
use crate::licence;
use crate::work::Work;

/// A body mass holds from its time until the next reading: advice in between changes.
pub(super) fn mass_changed(work: &mut Work<'_>, state: &ObservationState) {
    if kind_of(state) != Kind::BodyMass {
        return;
    }
    let print = id_print(&state.observation_id);
    let before = work.head.masses.clone();
    work.head
        .masses
        .retain(|mass| mass.observation_print != print);
    let body = current(state).and_then(|version| version.body_mass.as_deref());
    if let Some(body) = body.filter(|_| is_live(&work.head, state)) {
        work.head.masses.push(MassState {
            at: body.at,
            observation_print: print,
            mass_g: libm::round(body.mass_kg * 1_000.0) as i64,
            licence: licence::word(licence::of(state)),
        });
        work.head
            .masses
            .sort_unstable_by_key(|mass| (mass.at, mass.observation_print));
    }
    let reaches = changed_masses(&before, &work.head.masses);
    work.dirty.mass.extend(reaches.iter().copied());
    work.dirty.advice.extend(reaches);
}

/// Until when a reading at `at` is the one that counts.
pub(crate) fn mass_reach(masses: &[MassState], at: Micros) -> Reach {
    // Before the first reading there is none better, so the first one reaches back as well.
    let first = masses.first().is_none_or(|mass| mass.at >= at);
    let later = masses.partition_point(|mass| mass.at <= at);
    let until = masses.get(later).map_or(i64::MAX, |mass| mass.at.0);
    (if first { i64::MIN } else { at.0 }, until)
}

/// Where another reading counts now. One reading came, went or moved, so that the lists, both
/// ascending, differ in two places at most.
fn changed_masses(before: &[MassState], after: &[MassState]) -> Vec<Reach> {
    let place = |mass: &MassState| (mass.at, mass.observation_print);
    let (mut left, mut right) = (before.iter().peekable(), after.iter().peekable());
    let mut reaches = Vec::new();
    loop {
        match (left.peek(), right.peek()) {
            (None, None) => return reaches,
            (Some(gone), Some(come)) if gone == come => {
                left.next();
                right.next();
            }
            (Some(gone), come) if come.is_none_or(|come| place(gone) <= place(come)) => {
                reaches.push(mass_reach(before, gone.at));
                left.next();
            }
            (_, Some(come)) => {
                reaches.push(mass_reach(after, come.at));
                right.next();
            }
            (Some(_), None) => {
                left.next();
            }
        }
    }
}
