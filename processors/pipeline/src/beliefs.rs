//! What is believed of how the athlete sweats: worked out once for all who ask in a batch.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use processors_domain::observation::Licence;
use processors_domain::profile::{self, Posterior, SodiumEvidence, SodiumPosterior, Test};
use processors_domain::sport::Family;
use processors_domain::sweat::Sex;
use processors_domain::units::{AirTemperature, LogMean, LogSd, Seconds};
use schemas::record::Micros;
use schemas::record::state::{AthleteHead, EvidenceState, SodiumState};

use crate::licence;
use crate::wire;

/// The evidence of a head as the rules see it, and what followed from it so far.
pub(crate) struct Beliefs {
    /// In order of time.
    pub(crate) tests: Vec<Test>,
    pub(crate) patches: Vec<SodiumEvidence>,
    /// When each piece of evidence was, and its label.
    labels: Vec<(Micros, Licence)>,
    /// By how many tests they rest on: tests come in order of time, so the number says which.
    rates: RefCell<BTreeMap<usize, Rc<Posterior>>>,
}

impl Beliefs {
    pub(crate) fn of(head: &AthleteHead) -> Self {
        let tests = head.evidence.iter().map(|row| (row.at, &row.licence));
        let patches = head.sodium.iter().map(|row| (row.at, &row.licence));
        let labels = tests.chain(patches);
        Self {
            labels: labels
                .map(|(at, word)| (at, licence::kept(word.as_deref())))
                .collect(),
            tests: head.evidence.iter().map(test).collect(),
            patches: head.sodium.iter().map(patch).collect(),
            rates: RefCell::default(),
        }
    }

    /// How much the athlete sweats, by the tests up to a time.
    pub(crate) fn rate(&self, at: Micros) -> Rc<Posterior> {
        let until = wire::instant(at);
        let known = self.tests.partition_point(|test| test.at <= until);
        let mut rates = self.rates.borrow_mut();
        let belief = rates
            .entry(known)
            .or_insert_with(|| Rc::new(profile::posterior(&self.tests, until)));
        Rc::clone(belief)
    }

    /// The label of the evidence up to a time.
    pub(crate) fn licence(&self, at: Micros) -> Licence {
        let known = self.labels.iter().filter(|(told, _)| *told <= at);
        licence::strictest(known.map(|(_, label)| *label))
    }

    /// How salty the athlete's sweat is, by the patches up to a time.
    pub(crate) fn sodium(&self, at: Micros, sex: Sex) -> SodiumPosterior {
        profile::sodium_posterior(&self.patches, wire::instant(at), Some(sex))
    }
}

fn test(state: &EvidenceState) -> Test {
    Test {
        at: wire::instant(state.at),
        observation: wire::observation_id(&state.observation_id),
        kind: profile::TestKind::WeighIn,
        log_ratio: LogMean::clamped(state.log_ratio_micro),
        log_sd: LogSd::clamped(state.log_sd_micro),
        family: Family::parse(&state.family).unwrap_or(Family::Any),
        duration: Seconds::clamped(state.duration_s),
        air_temp: state.air_temp_dc.and_then(AirTemperature::new),
    }
}

fn patch(state: &SodiumState) -> SodiumEvidence {
    SodiumEvidence {
        at: wire::instant(state.at),
        observation: wire::observation_id(&state.observation_id),
        log_mean: LogMean::clamped(state.log_mean_micro),
        log_sd: LogSd::clamped(state.log_sd_micro),
    }
}
