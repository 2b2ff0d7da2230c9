//! The ids that callers choose: which are valid.

use edge::Problem;

/// The tenant where nothing else is said.
pub(crate) const TENANT: &str = "default";

const ATHLETE_ID_CHARS_MAX: usize = 64;
const ACCOUNT_ID_CHARS_MAX: usize = 128;
const PROVIDER_ID_CHARS_MAX: usize = 256;
const KIND_CHARS_MAX: usize = 64;

/// An athlete's or a tenant's id: it stands in keys and paths, so `/` is not part of it.
pub(crate) fn is_athlete_id(id: &str) -> bool {
    (1..=ATHLETE_ID_CHARS_MAX).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._~-".contains(&byte))
}

/// A vendor's account id, any text.
pub(crate) fn is_account_id(id: &str) -> bool {
    (1..=ACCOUNT_ID_CHARS_MAX).contains(&id.chars().count()) && !id.contains(char::is_control)
}

/// The id that a source gave an item, any text.
pub(crate) fn is_provider_id(id: &str) -> bool {
    (1..=PROVIDER_ID_CHARS_MAX).contains(&id.chars().count())
}

/// A vendor's name for a kind of item. It ends up in counters, so it is short and plain.
pub(crate) fn is_kind(kind: &str) -> bool {
    (1..=KIND_CHARS_MAX).contains(&kind.len())
        && kind
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

/// The providers whose accounts can be linked.
pub(crate) fn provider(name: &str) -> Result<&'static str, Problem> {
    ["garmin", "strava", "healthkit"]
        .into_iter()
        .find(|known| *known == name)
        .ok_or_else(|| Problem::not_found("there is no provider of this name"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn athlete_ids_are_short_and_plain() {
        for (id, valid) in [
            ("a", true),
            ("A-z.0_9~", true),
            (&"x".repeat(64), true),
            (&"x".repeat(65), false),
            ("", false),
            ("a/b", false),
            ("a b", false),
            ("ä", false),
        ] {
            assert_eq!(is_athlete_id(id), valid, "{id}");
        }
    }

    #[test]
    fn kinds_and_accounts_have_limits() {
        assert!(is_kind("manuallyUpdatedActivities") && !is_kind("") && !is_kind("a.b"));
        assert!(is_account_id("ünïcode") && !is_account_id("") && !is_account_id("a\n"));
        assert!(!is_account_id(&"x".repeat(129)) && !is_provider_id(&"x".repeat(257)));
    }
}
