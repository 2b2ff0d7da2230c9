//! What statuses and failures have in common, whoever answered.

use edge::UnixMicros;
use edge::http::{Answer, HttpError, retry_after};

use super::plan::{Ending, Told};

/// An answer that is no body, as far as its status tells it.
pub(crate) fn of_status(answer: &Answer, now: UnixMicros) -> Told {
    match answer.status.as_u16() {
        404 | 410 => Told::Ended(Ending::new("gone", "")),
        401 => Told::Ended(Ending::new("unauthorised", "")),
        403 => Told::Ended(Ending::new("forbidden", "")),
        429 => Told::RateLimited {
            retry_after_us: wait_us(answer, now),
        },
        502..=504 => Told::Down {
            suspect: false,
            detail: "the source says that it is down",
        },
        status => Told::Failing(format!("the source answered {status}")),
    }
}

/// Why there was no answer.
pub(crate) fn of_failure(error: &HttpError) -> Told {
    match error {
        HttpError::Connect { .. } => Told::Down {
            suspect: false,
            detail: "the source cannot be reached",
        },
        HttpError::Timeout { .. } => Told::Down {
            suspect: true,
            detail: "the source took too long",
        },
        HttpError::Broken { .. } => Told::Down {
            suspect: true,
            detail: "the answer broke off",
        },
        HttpError::TooLarge { limit, .. } => {
            let detail = format!("the answer has more than {limit} bytes");
            Told::Ended(Ending::new("failed", detail))
        }
        HttpError::Refused(why) => Told::Ended(Ending::new("failed", *why)),
    }
}

fn wait_us(answer: &Answer, now: UnixMicros) -> Option<i64> {
    let wait = retry_after(&answer.headers, now)?;
    Some(i64::try_from(wait.as_micros()).unwrap_or(i64::MAX))
}
