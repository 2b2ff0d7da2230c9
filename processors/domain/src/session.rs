//! Which records tell of one workout, and what that workout was.
//!
//! [`group`] partitions an athlete's live activities into sessions, [`compose`] merges the members
//! of one session field by field with its provenance. Both are functions of the set they are given:
//! the order of a slice never changes who is grouped with whom, nor who wins.
//!
//! It is not about identity (which published session a group continues: [`crate::identity`]), and
//! nothing here deletes a record: a duplicate stays a member.

mod clusters;
mod evidence;
mod fields;
mod heirs;
mod hidden;
mod linkage;
mod matching;
mod recordings;
mod split;
mod suspects;
mod words;
mod zone;

use crate::observation::{Device, ObservationId, Source, Writer};
use crate::sport::{Family, Sport};
use crate::time::{Instant, Span};

pub use fields::{Composed, compose};
pub use heirs::heirs;
pub use hidden::reach;
pub use linkage::{Candidate, Group, Tie, blocks, group, legs};
pub use matching::{Likeness, Strength, THRESHOLDS, Thresholds, likeness};
pub use split::{pieces, together};
pub use words::{Override, OverrideKind};
pub use zone::{is_zone_apart, is_zone_error};

/// One source's live account of one workout.
///
/// Times that a source rounds or leaves out are as told: `elapsed_s` is the length of `span` where
/// nothing better is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activity {
    pub id: ObservationId,
    pub source: Source,
    /// Fingerprint of the account at the source.
    pub account: u64,
    /// Fingerprint of the record's own id at the source.
    pub provider: u64,
    /// Fingerprint of the name of the uploaded file, where the source tells it.
    pub external: Option<u64>,
    /// The record that this was uploaded from, where its file's name says so.
    pub uploaded_from: Option<(Source, u64)>,
    /// Fingerprint of the provider id of the multisport record that this is a leg of.
    pub parent: Option<u64>,
    pub writer: Option<Writer>,
    pub device: Option<Device>,
    pub sport: Sport,
    /// False where the vendor's name of the type was unknown.
    pub sport_known: bool,
    pub span: Span,
    /// The source hides the start: `span` starts with the local day and tells only a length.
    pub hidden_start: bool,
    pub utc_offset_s: Option<i32>,
    pub zone: Option<String>,
    pub timer_s: Option<i64>,
    pub moving_s: Option<i64>,
    pub elapsed_s: i64,
    pub distance_dm: Option<i64>,
    pub energy_j: Option<i64>,
    pub heart_rate_avg_bpm: Option<i32>,
    pub heart_rate_max_bpm: Option<i32>,
    pub power_avg_dw: Option<i64>,
    pub speed_avg_mm_s: Option<i64>,
    pub elevation_gain_dm: Option<i64>,
    /// Ten-millionths of a degree: latitude, longitude.
    pub start_position_e7: Option<(i64, i64)>,
    pub indoor: Option<bool>,
    pub manual: bool,
    pub title: Option<String>,
    /// When the sport was edited by hand; the latest edit wins.
    pub sport_edited_at: Option<Instant>,
    pub title_edited_at: Option<Instant>,
    /// The source says that this record only holds legs.
    pub container: bool,
    /// When any version of this record arrived first.
    pub first_received: Instant,
}

impl Activity {
    /// An activity that tells nothing but its time; for building others with `..`.
    pub fn bare(id: ObservationId, source: Source, sport: Sport, span: Span) -> Self {
        Self {
            id,
            source,
            account: 0,
            provider: 0,
            external: None,
            uploaded_from: None,
            parent: None,
            writer: None,
            device: None,
            sport,
            sport_known: true,
            span,
            hidden_start: false,
            utc_offset_s: None,
            zone: None,
            timer_s: None,
            moving_s: None,
            elapsed_s: span.length_s(),
            distance_dm: None,
            energy_j: None,
            heart_rate_avg_bpm: None,
            heart_rate_max_bpm: None,
            power_avg_dw: None,
            speed_avg_mm_s: None,
            elevation_gain_dm: None,
            start_position_e7: None,
            indoor: None,
            manual: false,
            title: None,
            sport_edited_at: None,
            title_edited_at: None,
            container: false,
            first_received: Instant(0),
        }
    }

    pub fn family(&self) -> Family {
        self.sport.family()
    }

    /// The whole of a multisport race: it goes only with others that tell of the whole.
    pub fn is_container(&self) -> bool {
        self.container || (self.family() == Family::Multi && self.parent.is_none())
    }

    /// The way between two legs.
    pub fn is_transition(&self) -> bool {
        self.family() == Family::Multi && self.parent.is_some()
    }

    /// The way that a device told, also where two devices would disagree on it.
    pub(crate) fn told_distance_dm(&self) -> Option<i64> {
        let covered = self.distance_dm.filter(|distance| *distance > 0);
        covered.filter(|_| !self.is_manual())
    }

    /// Typed in, not measured.
    pub fn is_manual(&self) -> bool {
        self.manual || self.writer == Some(Writer::AppleManual)
    }
}
