//! Takes credentials out of an item before it is hashed and stored.
//!
//! The text is scanned, not parsed into a tree: only the credential's own bytes change, so that
//! everything else stays as the vendor sent it. In valid JSON a string that is followed by a colon
//! is a member's name and nothing else is, which is all that the scan has to know.
//!
//! * `userAccessToken` and its like: the value becomes `"redacted"`, whatever it was;
//! * `callbackURL`: the values of its query's token parameters become `redacted`.

use std::borrow::Cow;

use serde_json::value::RawValue;

const CREDENTIALS: [&str; 7] = [
    "userAccessToken",
    "userAccessTokenSecret",
    "accessToken",
    "access_token",
    "refreshToken",
    "refresh_token",
    "embed_token",
];
const CALLBACK: &str = "callbackURL";
const REDACTED: &str = "redacted";

/// The item's text without credentials; the same text where there are none.
pub(crate) fn redacted(item: &RawValue) -> Cow<'_, str> {
    let text = item.get();
    let mut output = String::new();
    let mut copied = 0;
    let mut position = 0;
    while let Some(name) = next_string(text, position) {
        position = name.end;
        let Some(value_start) = value_after(text, name.end) else {
            continue;
        };
        let Some(replacement) = replacement(text, name, value_start) else {
            continue;
        };
        let value_end = end_of_value(text, value_start);
        output.push_str(text.get(copied..value_start).unwrap_or_default());
        output.push_str(&replacement);
        copied = value_end;
        position = value_end;
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    output.push_str(text.get(copied..).unwrap_or_default());
    Cow::Owned(output)
}

type Span = std::ops::Range<usize>;

/// What to write instead of the value of the member `name`, if anything.
fn replacement(text: &str, name: Span, value_start: usize) -> Option<String> {
    let name: Cow<'_, str> = match text.get(name)? {
        escaped if escaped.contains('\\') => serde_json::from_str(escaped).ok()?,
        quoted => Cow::Borrowed(quoted.trim_matches('"')),
    };
    if CREDENTIALS
        .iter()
        .any(|credential| credential.eq_ignore_ascii_case(&name))
    {
        return Some(format!("\"{REDACTED}\""));
    }
    if !CALLBACK.eq_ignore_ascii_case(&name) {
        return None;
    }
    let url = text.get(value_start..end_of_value(text, value_start))?;
    match serde_json::from_str::<String>(url) {
        Ok(url) => serde_json::to_string(&without_token(&url)?).ok(),
        // Not a text, so not a URL either: nothing in it can be told from a token.
        Err(_) => Some(format!("\"{REDACTED}\"")),
    }
}

/// The URL with the value of every parameter that has `token` in its name replaced.
fn without_token(url: &str) -> Option<String> {
    let (base, query) = url.split_once('?')?;
    let parameters: Vec<Cow<'_, str>> = query
        .split('&')
        .map(|parameter| match parameter.split_once('=') {
            Some((name, _)) if name.to_ascii_lowercase().contains("token") => {
                format!("{name}={REDACTED}").into()
            }
            _ => parameter.into(),
        })
        .collect();
    Some(format!("{base}?{}", parameters.join("&")))
}

/// The next string at or after `from`, with its quotes.
fn next_string(text: &str, from: usize) -> Option<Span> {
    let start = text.get(from..)?.find('"')?.checked_add(from)?;
    Some(start..end_of_string(text, start))
}

/// One past the closing quote of the string that begins at `start`.
fn end_of_string(text: &str, start: usize) -> usize {
    let mut escaped = false;
    for (offset, byte) in text.bytes().enumerate().skip(start.saturating_add(1)) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return offset.saturating_add(1),
            _ => {}
        }
    }
    text.len()
}

/// Where the value begins, if the string that ended before `from` was a member's name.
fn value_after(text: &str, from: usize) -> Option<usize> {
    let rest = text
        .get(from..)?
        .trim_start()
        .strip_prefix(':')?
        .trim_start();
    text.len().checked_sub(rest.len())
}

/// One past the value that begins at `start`.
fn end_of_value(text: &str, start: usize) -> usize {
    let mut depth = 0_usize;
    let mut position = start;
    while let Some(byte) = text.as_bytes().get(position) {
        match byte {
            b'"' => {
                position = end_of_string(text, position);
                if depth == 0 {
                    return position;
                }
                continue;
            }
            b'{' | b'[' => depth = depth.saturating_add(1),
            b'}' | b']' if depth == 0 => return position,
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return position.saturating_add(1);
                }
            }
            b',' if depth == 0 => return position,
            _ => {}
        }
        position = position.saturating_add(1);
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &str, expect: &str) {
        let raw = RawValue::from_string(input.to_owned()).unwrap();
        let output = redacted(&raw);
        assert_eq!(output, expect);
        assert!(serde_json::from_str::<serde_json::Value>(&output).is_ok());
    }

    #[test]
    fn only_the_bytes_of_a_credential_change() {
        check(
            r#"{ "z":1.50,  "userAccessToken" : "s3cret", "a":[1 ,2] }"#,
            r#"{ "z":1.50,  "userAccessToken" : "redacted", "a":[1 ,2] }"#,
        );
        check(
            r#"{"userAccessToken":12345}"#,
            r#"{"userAccessToken":"redacted"}"#,
        );
        check(
            r#"{"access_token":{"a":["}"]},"b":1}"#,
            r#"{"access_token":"redacted","b":1}"#,
        );
        check(
            r#"[{"deep":{"refreshToken":null}}]"#,
            r#"[{"deep":{"refreshToken":"redacted"}}]"#,
        );
    }

    #[test]
    fn a_credential_cannot_hide_behind_escapes() {
        check(
            r#"{"user\u0041ccessToken":"x"}"#,
            r#"{"user\u0041ccessToken":"redacted"}"#,
        );
        check(
            r#"{"n":"\\\"","userAccessToken":"a\"b"}"#,
            r#"{"n":"\\\"","userAccessToken":"redacted"}"#,
        );
    }

    #[test]
    fn a_callback_keeps_its_url_and_loses_its_token() {
        check(
            r#"{"callbackURL":"https://h/p?from=1&token=abc&to=2","userId":"u"}"#,
            r#"{"callbackURL":"https://h/p?from=1&token=redacted&to=2","userId":"u"}"#,
        );
        check(
            r#"{"callbackURL":"https://h/p"}"#,
            r#"{"callbackURL":"https://h/p"}"#,
        );
        check(r#"{"callbackURL":["t"]}"#, r#"{"callbackURL":"redacted"}"#);
    }

    #[test]
    fn a_value_that_reads_like_a_name_is_left_alone() {
        for text in [
            r#"{"name":"userAccessToken"}"#,
            r#"["userAccessToken",":"]"#,
            r#""a""#,
            "1",
        ] {
            check(text, text);
        }
    }
}
