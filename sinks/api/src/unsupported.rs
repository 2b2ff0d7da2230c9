//! Routes of the contract that are not built yet. They say so.

use edge::Problem;

/// Every revision as it happens, as server-sent events. Not built yet.
#[utoipa::path(get, path = "/v1/stream", tag = "athletes",
    responses((status = 501, body = Problem)))]
pub(crate) async fn stream() -> Problem {
    Problem::not_supported("the stream is not built yet; the lists can be polled")
}
