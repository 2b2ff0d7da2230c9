//! Queries, as they are sent.

use serde::Deserialize;
use utoipa::IntoParams;

/// The query of every list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListParams {
    /// Only what overlaps `[from, to)`; RFC 3339.
    pub from: Option<String>,
    pub to: Option<String>,
    /// 1 to 1,000 items, 100 where nothing is said.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    pub limit: Option<String>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// `retracted` adds what was withdrawn.
    pub include: Option<String>,
    /// As it was published at that time; RFC 3339. Not for what keeps no history.
    pub as_of: Option<String>,
}

/// The query of a list that has neither times nor a history.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(
    dead_code,
    reason = "it is read as `ListParams`, and described as what counts of them"
)]
pub struct PageParams {
    /// 1 to 1,000 items, 100 where nothing is said.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    pub limit: Option<String>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// Whose eyes a list of sessions is for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ViewParams {
    /// `unrestricted`: merged again without the sources that only the athlete may see, with ids of its
    /// own and without a history. Where nothing is said, the athlete's own.
    #[param(example = "unrestricted")]
    pub view: Option<String>,
}

/// The query of the stream.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct StreamParams {
    /// Of `recommendations`, `sessions`, `nights`, `sweat-losses`, `profiles`, separated by commas; all of
    /// them where nothing is said.
    pub types: Option<String>,
    /// Only this athlete.
    pub athlete: Option<String>,
    /// Where to begin without a position: `earliest` (where nothing is said) or `latest`.
    pub from: Option<String>,
    /// A position, for who cannot send the header `Last-Event-ID`.
    pub cursor: Option<String>,
}

/// The query of a single thing that is revised.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AsOfParams {
    /// As it was published at that time; RFC 3339.
    pub as_of: Option<String>,
}

/// The page of all athletes.
#[derive(Debug, Default, Deserialize)]
pub struct AthletesPageParams {
    /// Beginning of an id.
    pub q: Option<String>,
    pub after: Option<String>,
}

/// The page of an athlete's days.
#[derive(Debug, Default, Deserialize)]
pub struct BeforeParams {
    pub before: Option<String>,
}

/// The page of dead letters.
#[derive(Debug, Default, Deserialize)]
pub struct LettersPageParams {
    /// Also those that were replayed.
    pub all: Option<String>,
    /// What was replayed just now.
    pub replayed: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
pub struct LoginParams {
    /// The last key was none.
    pub again: Option<String>,
}
