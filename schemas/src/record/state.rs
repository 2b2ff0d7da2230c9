//! What the processors remember of an athlete: internal, versioned like the facts.
//!
//! One head, one bucket per UTC day, and index shards that say where an id was put. Samples are
//! never in state.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Micros;
use super::observation::{
    ActivityBody, BodyMassBody, IntakeBody, LinkOverrideBody, PlannedWorkoutBody, ProfileEditBody,
    ScanBody, SelfReportBody, SleepBody, SymptomBody, WeatherBody, WeighInBody,
};
use crate::codec::RecordView;

/// What every batch of the athlete needs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AthleteHead {
    /// Hash of the rules by which all of the state was derived; `mixed` where more than one had a part.
    pub rules_id: String,
    pub logical_time: Micros,
    /// UTC days that have a bucket, ascending.
    pub days: Vec<i32>,
    /// Accounts that were closed, and when: what they told before is withdrawn.
    pub closed_accounts: Vec<ClosedAccount>,
    pub profile_edits: Vec<ProfileEditState>,
    pub overrides: Vec<OverrideState>,
    /// Every live body mass, ascending by (at, observation_id).
    pub masses: Vec<MassState>,
    /// Sweat tests, ascending by (at, observation_id).
    pub evidence: Vec<EvidenceState>,
    pub profile: Option<PublishedState>,
    /// What patches told of sodium, ascending by (at, observation_id).
    pub sodium: Vec<SodiumState>,
    /// `revised_at` of the last fact about an observation.
    pub told_at: Option<Micros>,
    pub hold: Option<HoldState>,
}

/// What was last said of the safety hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HoldState {
    pub published: PublishedState,
    /// When the first symptom was reported that nobody cleared since.
    pub since: Micros,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClosedAccount {
    pub source: String,
    pub account_id: String,
    pub at: Micros,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProfileEditState {
    pub observation_id: String,
    pub first_received_at: Micros,
    pub content_hash: i64,
    pub body: ProfileEditBody,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OverrideState {
    pub observation_id: String,
    pub first_received_at: Micros,
    pub body: LinkOverrideBody,
    /// UTC days that hold the observations it names, ascending.
    pub days: Vec<i32>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MassState {
    pub at: Micros,
    /// First 64 bits of the observation's id.
    pub observation_print: i64,
    pub mass_g: i64,
    /// Label of its source. Here and below `None` is of an older version and counts as the strictest.
    pub licence: Option<String>,
}

/// One sweat test: how the observed rate compares with the population's for that sport.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvidenceState {
    pub at: Micros,
    pub observation_id: String,
    pub log_ratio_micro: i64,
    pub log_sd_micro: i64,
    pub family: String,
    pub duration_s: i64,
    /// Air temperature of the test, tenths of a degree Celsius.
    pub air_temp_dc: Option<i64>,
    /// The strictest label of what it was worked out from.
    pub licence: Option<String>,
}

/// Whole-body sodium of one test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SodiumState {
    pub at: Micros,
    pub observation_id: String,
    /// Natural logarithm of mmol/L.
    pub log_mean_micro: i64,
    pub log_sd_micro: i64,
    /// The strictest label of what it was worked out from.
    pub licence: Option<String>,
}

/// What was last said of an entity: enough to say it again only when it changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PublishedState {
    pub revision: i64,
    pub revised_at: Micros,
    pub content_hash: String,
    pub live: bool,
}

/// What happened, or was told to happen, on one UTC day.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DayBucket {
    /// Shared, like the sessions: a batch that touches one leaves the others where they are.
    pub observations: Vec<Arc<ObservationState>>,
    pub sessions: Vec<Arc<SessionState>>,
    pub nights: Vec<Arc<NightState>>,
    pub slots: Vec<Arc<SlotState>>,
    /// When this bucket has to be looked at again although nothing arrives; 0 is never.
    pub timer_due: Micros,
    /// Weather that was asked for, ascending by (hour, lat_dd, lon_dd).
    pub weather_asks: Vec<WeatherAskState>,
    /// The observations, each behind its outline; see the schema.
    #[serde(with = "serde_bytes")]
    pub packed: Vec<u8>,
}

/// A [`DayBucket`] whose parts are somebody else's: it is written, never read.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct DayBucketView<'a> {
    pub observations: &'a [Arc<ObservationState>],
    pub sessions: &'a [Arc<SessionState>],
    pub nights: &'a [Arc<NightState>],
    pub slots: &'a [Arc<SlotState>],
    pub timer_due: Micros,
    pub weather_asks: &'a [WeatherAskState],
    #[serde(with = "serde_bytes")]
    pub packed: &'a [u8],
}

impl RecordView for DayBucketView<'_> {
    type Record = DayBucket;
}

/// Weather of one cell and hour, as far as it was asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WeatherAskState {
    pub hour: Micros,
    pub lat_dd: i32,
    pub lon_dd: i32,
    /// How often it was asked for.
    pub attempts: i32,
    /// Answers so far, of whatever kind.
    pub answers: i32,
    /// When it is asked for again; 0 is never.
    pub again_at: Micros,
}

/// One source's account of one thing, with every distinct content it ever had.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ObservationState {
    pub observation_id: String,
    pub source: String,
    pub account_id: Option<String>,
    pub provider_id: String,
    pub deleted: bool,
    /// Latest arrival of any content: a re-delivery after an account was closed counts again.
    pub last_received_at: Micros,
    /// Ascending by (channel, order, first_received_at, edited by the user, content_hash).
    pub versions: Vec<VersionState>,
    /// When the user last edited the title, of the edits that the source told of and a fetch showed.
    pub title_edited_at: Option<Micros>,
    /// Of the sport, likewise.
    pub sport_edited_at: Option<Micros>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct VersionState {
    pub channel: String,
    pub order: i64,
    pub first_received_at: Micros,
    pub content_hash: i64,
    pub activity: Option<Arc<ActivityBody>>,
    pub sleep: Option<Arc<SleepBody>>,
    pub body_mass: Option<Arc<BodyMassBody>>,
    pub weigh_in: Option<Arc<WeighInBody>>,
    pub intake: Option<Arc<IntakeBody>>,
    pub planned_workout: Option<Arc<PlannedWorkoutBody>>,
    pub self_report: Option<Arc<SelfReportBody>>,
    pub symptom: Option<Arc<SymptomBody>>,
    pub scan: Option<Arc<ScanBody>>,
    pub weather: Option<Arc<WeatherBody>>,
    /// Of what was fetched more than once: its names in every fetch, ascending by order.
    pub names: Vec<NameState>,
}

/// What a fetch called the thing: two that differ tell of an edit.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NameState {
    pub order: i64,
    /// 0 without a title.
    pub title_print: i64,
    pub sport: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SessionState {
    pub session_id: String,
    pub anchor_received_at: Micros,
    pub anchor_observation_id: String,
    pub published: PublishedState,
    pub start: Micros,
    pub end: Micros,
    pub members: Vec<String>,
    pub settled: bool,
    pub superseded_by: Option<String>,
    pub sport: String,
    pub container: bool,
    /// Time in motion where it is told, else all of it.
    pub duration_s: i64,
    pub energy_kj: Option<f64>,
    pub indoor: Option<bool>,
    pub loss: Option<LossState>,
    /// The start's cell in tenths of a degree; `None` where the place is unknown.
    pub lat_dd: Option<i32>,
    pub lon_dd: Option<i32>,
    /// Sessions that it names as candidates.
    pub candidates: Vec<String>,
    /// The strictest label of the fields that later steps read.
    pub licence: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LossState {
    pub published: PublishedState,
    pub session_revision: i64,
    /// The quantised prior that the estimate used.
    pub prior_mean_micro: i64,
    pub prior_sd_micro: i64,
    pub method: String,
    pub rate_ml_per_h: i64,
    pub fluid_ml: i64,
    /// `None` is unknown.
    pub sodium_mg: Option<i64>,
    /// What scales told, where they were believed: what is still missing, below zero after a gain.
    pub deficit_ml: Option<i64>,
    /// Mass before the session, where it was weighed.
    pub mass_pre_g: Option<i64>,
    /// Whole-body sodium, tenths of mmol/L.
    pub sodium_dmmol_l: Option<i64>,
    /// Mean air temperature, tenths of a degree Celsius.
    pub air_temp_dc: Option<i64>,
    pub humidity_known: bool,
    /// When the last test that the estimate rests on was done.
    pub test_at: Option<Micros>,
    /// The strictest label of what it was worked out from.
    pub licence: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NightState {
    pub night_id: String,
    pub anchor_received_at: Micros,
    pub anchor_observation_id: String,
    pub published: PublishedState,
    pub start: Micros,
    pub end: Micros,
    pub local_date: String,
    pub members: Vec<String>,
    pub superseded_by: Option<String>,
}

/// A recommendation slot: what was last said in it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SlotState {
    pub slot: String,
    pub published: PublishedState,
    /// Id of the fact that issued the live version.
    pub fact_id: String,
    pub valid_until: Micros,
    pub expired: bool,
    /// Fluid that the live version plans, millilitres: what later advice counts on.
    pub fluid_ml: Option<i64>,
}

/// Which raw items were seen, where an observation was put, which ids were withdrawn or edited.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct IndexShard {
    /// Ascending by fingerprint.
    pub seen: Vec<SeenState>,
    pub known: Vec<KnownState>,
    pub deleted: Vec<DeletedState>,
    /// All of it in fixed-width entries; see the schema.
    #[serde(with = "serde_bytes")]
    pub packed: Vec<u8>,
}

/// An [`IndexShard`] whose parts are somebody else's: it is written, never read.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct IndexShardView<'a> {
    pub seen: &'a [SeenState],
    pub known: &'a [KnownState],
    pub deleted: &'a [DeletedState],
    #[serde(with = "serde_bytes")]
    pub packed: &'a [u8],
}

impl RecordView for IndexShardView<'_> {
    type Record = IndexShard;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenState {
    pub fingerprint: i64,
    pub first_received_at: Micros,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownState {
    pub fingerprint: i64,
    pub day: i32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletedState {
    pub fingerprint: i64,
    pub received_at: Micros,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{encode, encode_view};
    use crate::sample;

    #[test]
    fn a_view_has_the_bytes_of_its_record() {
        for day in [sample::full::<DayBucket>(), sample::min()] {
            let view = DayBucketView {
                observations: &day.observations,
                sessions: &day.sessions,
                nights: &day.nights,
                slots: &day.slots,
                timer_due: day.timer_due,
                weather_asks: &day.weather_asks,
                packed: &day.packed,
            };
            assert_eq!(encode_view(&view), encode(&day));
        }
        for index in [sample::full::<IndexShard>(), sample::min()] {
            let view = IndexShardView {
                seen: &index.seen,
                known: &index.known,
                deleted: &index.deleted,
                packed: &index.packed,
            };
            assert_eq!(encode_view(&view), encode(&index));
        }
    }
}
