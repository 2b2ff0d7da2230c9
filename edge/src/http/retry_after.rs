//! When a service wants to be asked again.

use std::time::{Duration, UNIX_EPOCH};

use reqwest::header::{HeaderMap, RETRY_AFTER};

use crate::UnixMicros;

/// The wait that `Retry-After` asks for: seconds, or an HTTP date against `now`. A date in the past
/// is no wait; a header that is neither is as good as none.
pub fn retry_after(headers: &HeaderMap, now: UnixMicros) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    let date = date.duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = Duration::from_micros(u64::try_from(now.0).unwrap_or_default());
    Some(date.saturating_sub(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_seconds_or_a_date() {
        // 2026-03-01T08:00:00Z.
        let now = UnixMicros(1_772_352_000_000_000);
        for (text, wait_s) in [
            ("0", Some(0)),
            ("120", Some(120)),
            (" 7 ", Some(7)),
            ("Sun, 01 Mar 2026 08:01:30 GMT", Some(90)),
            ("Sun, 01 Mar 2026 07:00:00 GMT", Some(0)),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            let wait = retry_after(&headers, now).map(|wait| wait.as_secs());
            assert_eq!(wait, wait_s, "{text}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
