//! A Strava account as the world knows it: its tokens, and what each activity looked like when.
//!
//! Strava's events carry nothing but a hint, so what a fetch would find has to travel beside them:
//! the fake service of [`crate::fakes`] serves it, and [`crate::AthleteWorld::fetched`] turns it
//! into records without a network.

/// One linked account and all its activities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StravaAccount {
    pub athlete_id: String,
    /// Strava's id of the athlete, digits.
    pub account_id: String,
    pub access_token: String,
    pub refresh_token: String,
    /// When the access token of the registration dies, Unix seconds.
    pub expires_at: i64,
    /// The athlete took the permission back at this instant, microseconds.
    pub deauthorised_at: Option<i64>,
    pub activities: Vec<StravaActivity>,
}

/// One activity under all its versions, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StravaActivity {
    /// Digits, of any length.
    pub id: String,
    pub versions: Vec<StravaVersion>,
}

/// What a fetch finds from an instant on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StravaVersion {
    /// Microseconds UTC, whole seconds: the `event_time` of the event that tells of it.
    pub at: i64,
    /// The detailed activity as JSON; `None` is a 404: deleted, or hidden from the application.
    pub body: Option<String>,
}

impl StravaActivity {
    /// The version that stands at the end of the world.
    pub fn last(&self) -> Option<&str> {
        self.versions.last()?.body.as_deref()
    }

    /// The version that stands once everything up to `at` (microseconds) happened.
    pub fn version_at(&self, at: i64) -> Option<&StravaVersion> {
        self.versions.iter().rev().find(|version| version.at <= at)
    }
}
