//! What the pages and the metrics are told: words for codes, and what the fetchers do.

/// What one fetcher does now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FetchState {
    pub provider: &'static str,
    pub hints_open: usize,
    pub jobs_open: usize,
    pub in_flight: usize,
    /// Until when it does not ask (Unix microseconds), and why.
    pub waiting: Option<(i64, &'static str)>,
}

/// The fetchers of this process.
pub trait Fetches: Send + Sync {
    fn states(&self) -> Vec<FetchState>;
}

/// A list of words of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vocabulary {
    /// Why a record won a field.
    Rule,
    /// Why it lost.
    Lost,
    Role,
    Method,
    /// What qualifies a loss.
    Flag,
    NeedFlag,
    Safety,
    Phase,
    GapClass,
    ProfileAdvice,
    /// Why advice was withdrawn.
    Cancelled,
}

/// Codes of the contract in words for people.
pub trait Words: Send + Sync {
    /// A code that nobody knows is shown as it is.
    fn word(&self, vocabulary: Vocabulary, code: &str) -> String;
    fn reason(&self, code: &str, params: &serde_json::Value) -> String;
    /// The name of a product of the catalogue.
    fn product(&self, catalog_id: &str) -> String;
}
