//! The topic catalogue: every topic, what is in it, who writes it, and what the others may rely on.
//!
//! First of the six files that tell the whole story; the next is `ingest/connectors/src/receive.rs`.
//!
//! Invariants: names are never changed; a record stands in one topic only; every topic of an athlete
//! is keyed by `tenant/athlete`, so that all of an athlete's records are in one partition.

/// How long a topic's records are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cleanup {
    /// For ever: facts, and the raw items they came from.
    Keep,
    /// The last record per key.
    Compact,
}

/// Which side of the processors a topic is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Read by the processors.
    Input,
    /// Written by the processors, read by sinks.
    Fact,
    /// Hosts only.
    Internal,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicSpec {
    pub name: &'static str,
    /// Record names, as in `avsc/`.
    pub records: &'static [&'static str],
    pub written_by: &'static str,
    pub meaning: &'static str,
    pub direction: Direction,
    pub cleanup: Cleanup,
}

pub const RAW_GARMIN: &str = "sudor.raw.garmin";
pub const RAW_STRAVA: &str = "sudor.raw.strava";
pub const RAW_HEALTHKIT: &str = "sudor.raw.healthkit";
pub const RAW_SCAN: &str = "sudor.raw.scan";
pub const RAW_APP: &str = "sudor.raw.app";
const RAW_FILE: &str = "sudor.raw.file";
pub const RAW_WEATHER: &str = "sudor.raw.weather";
pub const OBSERVATIONS: &str = "sudor.observations";
pub const SESSIONS: &str = "sudor.sessions";
pub const NIGHTS: &str = "sudor.nights";
pub const WEATHER_REQUESTS: &str = "sudor.weather-requests";
pub const SWEAT_LOSSES: &str = "sudor.sweat-losses";
pub const PROFILES: &str = "sudor.profiles";
pub const RECOMMENDATIONS: &str = "sudor.recommendations";
pub const NOTIFICATIONS: &str = "sudor.notifications";
pub const CONNECTIONS: &str = "sudor.connections";
pub const REJECTIONS: &str = "sudor.rejections";
pub const TICKS: &str = "sudor.ticks";
pub const CHANGELOG: &str = "sudor.changelog";

/// The raw topic of a source. The words of `source` are those of `RawReceived`.
pub fn raw_topic(source: &str) -> Option<&'static str> {
    Some(match source {
        "garmin" => RAW_GARMIN,
        "strava" => RAW_STRAVA,
        "healthkit" => RAW_HEALTHKIT,
        "scan" => RAW_SCAN,
        "app" => RAW_APP,
        "file" => RAW_FILE,
        "weather" => RAW_WEATHER,
        _ => return None,
    })
}

const fn raw(name: &'static str, meaning: &'static str) -> TopicSpec {
    TopicSpec {
        name,
        records: &["RawReceived"],
        written_by: "ingest",
        meaning,
        direction: Direction::Input,
        cleanup: Cleanup::Keep,
    }
}

const fn fact(
    name: &'static str,
    records: &'static [&'static str],
    written_by: &'static str,
    meaning: &'static str,
) -> TopicSpec {
    TopicSpec {
        name,
        records,
        written_by,
        meaning,
        direction: Direction::Fact,
        cleanup: Cleanup::Keep,
    }
}

/// Every topic. A host stores a topic by its name, so the order here may change.
pub const CATALOGUE: &[TopicSpec] = &[
    raw(RAW_GARMIN, "one Garmin item as it was pushed"),
    raw(RAW_STRAVA, "a Strava hint, or a body that was fetched"),
    raw(RAW_HEALTHKIT, "one HealthKit sample, workout, or deletion"),
    raw(RAW_SCAN, "one scan of a sweat patch"),
    raw(RAW_APP, "one app event"),
    raw(RAW_FILE, "one activity file"),
    raw(RAW_WEATHER, "the weather of one cell and hour"),
    fact(
        OBSERVATIONS,
        &["ObservationRecorded"],
        "normalize",
        "one source's account of one thing, in our words and units",
    ),
    fact(
        SESSIONS,
        &["SessionRevised", "SessionRetracted"],
        "reconcile",
        "the canonical workout",
    ),
    fact(
        NIGHTS,
        &["NightRevised", "NightRetracted"],
        "reconcile",
        "one logical night, and naps",
    ),
    fact(
        WEATHER_REQUESTS,
        &["WeatherRequested"],
        "estimate",
        "where and when weather is needed",
    ),
    fact(
        SWEAT_LOSSES,
        &["SweatLossEstimated", "SweatLossRetracted"],
        "estimate",
        "fluid and sodium lost in a session, with intervals",
    ),
    fact(
        PROFILES,
        &["SweatProfileRevised"],
        "profile",
        "what is known of how this athlete sweats",
    ),
    fact(
        RECOMMENDATIONS,
        &[
            "RecommendationIssued",
            "RecommendationSuperseded",
            "RecommendationCancelled",
            "RecommendationExpired",
            "SafetyHoldRaised",
            "SafetyHoldReleased",
        ],
        "recommend",
        "what to take, when and why",
    ),
    fact(
        NOTIFICATIONS,
        &["PushScheduled", "PushCancelled", "PushSent"],
        "notify",
        "scheduled pushes",
    ),
    fact(
        CONNECTIONS,
        &["ConnectionChanged"],
        "ingest",
        "state of each athlete's link to a provider",
    ),
    fact(
        REJECTIONS,
        &["RecordRejected", "RejectionResolved"],
        "any stage",
        "dead letters: original bytes, stage, reason, detail",
    ),
    TopicSpec {
        name: TICKS,
        records: &["Tick"],
        written_by: "hosts",
        meaning: "logical time",
        direction: Direction::Input,
        cleanup: Cleanup::Keep,
    },
    TopicSpec {
        name: CHANGELOG,
        records: &["AthleteHead", "DayBucket", "IndexShard"],
        written_by: "Kafka host",
        meaning: "state, the last value per athlete and bucket",
        direction: Direction::Internal,
        cleanup: Cleanup::Compact,
    },
];

/// Each topic's name, and whether processors read it: the catalogue as hosts are opened with it.
#[expect(
    clippy::indexing_slicing,
    reason = "evaluated while compiling; both have one length"
)]
pub const READ_BY_PROCESSORS: [(&str, bool); CATALOGUE.len()] = {
    let mut rows = [("", false); CATALOGUE.len()];
    let mut at = 0;
    while at < CATALOGUE.len() {
        rows[at] = (
            CATALOGUE[at].name,
            matches!(CATALOGUE[at].direction, Direction::Input),
        );
        at += 1;
    }
    rows
};
