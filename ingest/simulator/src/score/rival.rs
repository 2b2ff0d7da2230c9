//! The answer beside each of its sources alone, on the sessions that the source tells of: a merge
//! that is worse than what one device said was not worth making.

use std::collections::BTreeMap;

use crate::score::{Spread, ThingTold, percent_apart, seconds_apart, spread};
use crate::truth::{TruthEvent, TruthRecord, TruthSays};

/// Errors of the fields that every source tells.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Fields {
    pub start_s: Spread,
    pub end_s: Spread,
    pub distance_pct: Spread,
    pub duration_pct: Spread,
}

/// The sessions that one device or app tells of in one piece: its errors, and those of the answer
/// about the same sessions. Fields that it does not tell are compared on neither side.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rival {
    pub ours: Fields,
    pub theirs: Fields,
}

/// Errors of one side, field by field.
#[derive(Default)]
struct Errors {
    start_s: Vec<f64>,
    end_s: Vec<f64>,
    distance_pct: Vec<f64>,
    duration_pct: Vec<f64>,
}

impl Errors {
    fn finish(self) -> Fields {
        Fields {
            start_s: spread(self.start_s),
            end_s: spread(self.end_s),
            distance_pct: spread(self.distance_pct),
            duration_pct: spread(self.duration_pct),
        }
    }
}

/// By device: errors of the answer, and of the device.
#[derive(Default)]
pub(super) struct Rivals(BTreeMap<String, (Errors, Errors)>);

impl Rivals {
    /// A piece of a recording is no account of the whole, and a wrong clock none of its time.
    pub(super) fn add(&mut self, thing: &ThingTold, event: &TruthEvent, records: &[TruthRecord]) {
        for record in records {
            let whole = record.live && !record.container && !record.candidate;
            if !whole || record.event_id != event.event_id || record.role == "part" {
                continue;
            }
            let Some(says) = &record.says else { continue };
            let (ours, theirs) = self.0.entry(record.device.clone()).or_default();
            compare(ours, theirs, thing, says, event);
        }
    }

    pub(super) fn finish(self) -> BTreeMap<String, Rival> {
        let rival = |(ours, theirs): (Errors, Errors)| Rival {
            ours: ours.finish(),
            theirs: theirs.finish(),
        };
        self.0
            .into_iter()
            .map(|(device, errors)| (device, rival(errors)))
            .collect()
    }
}

fn compare(
    ours: &mut Errors,
    theirs: &mut Errors,
    thing: &ThingTold,
    says: &TruthSays,
    event: &TruthEvent,
) {
    ours.start_s.push(seconds_apart(thing.start, event.start));
    theirs.start_s.push(seconds_apart(says.start, event.start));
    ours.end_s.push(seconds_apart(thing.end, event.end));
    theirs.end_s.push(seconds_apart(says.end, event.end));
    let distance = |told| percent_apart(told, event.distance_m);
    if let (Some(our), Some(their)) = (distance(thing.distance_m), distance(says.distance_m)) {
        ours.distance_pct.push(our);
        theirs.distance_pct.push(their);
    }
    let duration = |told| percent_apart(told, Some(event.duration_s as f64));
    let told = Some(says.duration_s as f64);
    if let (Some(our), Some(their)) = (duration(thing.timer_s), duration(told)) {
        ours.duration_pct.push(our);
        theirs.duration_pct.push(their);
    }
}
