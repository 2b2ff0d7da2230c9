//! An observation as a bucket keeps it: its outline at hand, its contents read when asked for.
//!
//! A batch looks at every observation of the days around what arrived, and works with few of them.
//! What it only looks at stays bytes, is never made, and goes back as the bytes it came from.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use schemas::codec;
use schemas::record::state::{AthleteHead, DayBucket, DayBucketView, ObservationState};

use crate::dirty::Reach;
use crate::ids::id_number;
use crate::observation;

/// About as many bytes as a content has that was not written yet.
const NEW_BYTES: usize = 400;

/// What an observation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Activity = 0,
    Sleep = 1,
    BodyMass = 2,
    WeighIn = 3,
    Intake = 4,
    Plan = 5,
    SelfReport = 6,
    Symptom = 7,
    Scan = 8,
    Weather = 9,
}

impl Kind {
    const ALL: [Self; 10] = [
        Self::Activity,
        Self::Sleep,
        Self::BodyMass,
        Self::WeighIn,
        Self::Intake,
        Self::Plan,
        Self::SelfReport,
        Self::Symptom,
        Self::Scan,
        Self::Weather,
    ];

    pub(super) fn of_byte(byte: u8) -> Option<Self> {
        Self::ALL.get(usize::from(byte)).copied()
    }

    /// As records on the wire call it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Activity => "activity",
            Self::Sleep => "sleep",
            Self::BodyMass => "body_mass",
            Self::WeighIn => "weigh_in",
            Self::Intake => "intake",
            Self::Plan => "planned_workout",
            Self::SelfReport => "self_report",
            Self::Symptom => "symptom",
            Self::Scan => "scan",
            Self::Weather => "weather",
        }
    }
}

/// What can be told of an observation without reading it: a function of its contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outline {
    pub(super) id: u128,
    pub(super) kind: Kind,
    /// Withdrawn, by a deletion or by a plan that says so itself.
    pub(super) gone: bool,
    pub(super) span: Option<Reach>,
    pub(super) reach: Option<Reach>,
    /// How many contents it has; more are counted as this many.
    pub(super) versions: u8,
}

impl Outline {
    fn of(state: &ObservationState) -> Self {
        Self {
            id: id_number(&state.observation_id),
            kind: observation::kind_of(state),
            gone: observation::is_gone(state),
            span: observation::span(state),
            reach: observation::reach(state),
            versions: u8::try_from(state.versions.len()).unwrap_or(u8::MAX),
        }
    }
}

/// An observation. It reads as an [`ObservationState`]; whoever only needs to know whether it
/// matters asks for the outline's part and leaves it unread.
#[derive(Clone)]
pub(crate) struct Kept {
    pub(super) outline: Outline,
    bytes: Bytes,
    read: OnceLock<Arc<ObservationState>>,
}

/// Where the observation stands in the bytes of the bucket that it was read from.
#[derive(Clone)]
struct Bytes {
    bucket: Arc<Vec<u8>>,
    start: usize,
    end: usize,
}

impl Kept {
    pub(crate) fn of(state: ObservationState) -> Self {
        Self::shared(Arc::new(state))
    }

    pub(super) fn shared(state: Arc<ObservationState>) -> Self {
        Self {
            outline: Outline::of(&state),
            bytes: Bytes {
                bucket: Arc::default(),
                start: 0,
                end: 0,
            },
            read: OnceLock::from(state),
        }
    }

    /// One that is read later, from these bytes of its bucket.
    pub(super) fn unread(
        outline: Outline,
        bucket: &Arc<Vec<u8>>,
        start: usize,
        end: usize,
    ) -> Self {
        Self {
            outline,
            bytes: Bytes {
                bucket: Arc::clone(bucket),
                start,
                end,
            },
            read: OnceLock::new(),
        }
    }

    /// The bytes of it that a bucket holds.
    pub(super) fn append_to(&self, packed: &mut Vec<u8>) {
        match self.stored() {
            [] => {
                let alone = DayBucketView {
                    observations: std::slice::from_ref(self.state()),
                    ..DayBucketView::default()
                };
                codec::with_view(&alone, |bytes| packed.extend_from_slice(bytes));
            }
            stored => packed.extend_from_slice(stored),
        }
    }

    /// How many bytes of a bucket it takes: as many as before, or about as many as most.
    pub(crate) fn stored_bytes(&self) -> usize {
        match self.stored().len() {
            0 => NEW_BYTES * usize::from(self.outline.versions.max(1)),
            length => length,
        }
    }

    /// How many contents it has, as far as outlines count them.
    pub(crate) fn versions(&self) -> u8 {
        self.outline.versions
    }

    /// Empty for one that was not read from a bucket.
    fn stored(&self) -> &[u8] {
        let Bytes { bucket, start, end } = &self.bytes;
        bucket.get(*start..*end).unwrap_or_default()
    }

    #[expect(
        clippy::expect_used,
        reason = "a bucket's checksum held, so these are the bytes that were written"
    )]
    fn state(&self) -> &Arc<ObservationState> {
        self.read.get_or_init(|| {
            let alone: DayBucket =
                codec::decode(self.stored()).expect("an observation of a bucket");
            alone.observations.into_iter().next().unwrap_or_default()
        })
    }

    /// The observation, to be held on to while the work goes on.
    pub(crate) fn share(&self) -> Arc<ObservationState> {
        Arc::clone(self.state())
    }

    pub(crate) fn into_state(mut self) -> ObservationState {
        self.state();
        let state = self.read.take();
        state.map(Arc::unwrap_or_clone).unwrap_or_default()
    }

    pub(crate) fn id(&self) -> u128 {
        self.outline.id
    }

    /// The first half of its id, by which the head and the index shards know it.
    pub(crate) fn print(&self) -> i64 {
        ((self.outline.id >> 64) as u64).cast_signed()
    }

    pub(crate) fn kind(&self) -> Kind {
        self.outline.kind
    }

    /// What `observation::span` tells.
    pub(crate) fn span(&self) -> Option<Reach> {
        self.outline.span
    }

    /// What `observation::reach` tells.
    pub(crate) fn reach(&self) -> Option<Reach> {
        self.outline.reach
    }

    /// What `observation::is_live` tells.
    pub(crate) fn is_live(&self, head: &AthleteHead) -> bool {
        !self.outline.gone
            && (head.closed_accounts.is_empty() || observation::is_live(head, self.state()))
    }

    #[cfg(test)]
    pub(super) fn is_read(&self) -> bool {
        self.read.get().is_some()
    }

    /// A bound on its size in memory, once it is read.
    pub(super) fn size(&self) -> usize {
        let Bytes { start, end, .. } = self.bytes;
        160 + usize::from(self.outline.versions) * 900 + end.saturating_sub(start)
    }
}

impl Deref for Kept {
    type Target = ObservationState;

    fn deref(&self) -> &ObservationState {
        self.state()
    }
}

impl PartialEq for Kept {
    fn eq(&self, other: &Self) -> bool {
        self.outline == other.outline && self.state() == other.state()
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.state(), f)
    }
}
