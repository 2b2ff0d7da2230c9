//! `strava.jsonl`: one linked account a line, so that a world on disk can be played again with a
//! fake Strava beside it.
//!
//! Bodies are kept as texts, byte for byte: they hold numbers that a JSON library may not keep.

use std::io::{self, BufRead, Read, Write};

use serde_json::{Value, json};

use crate::account::{StravaAccount, StravaActivity, StravaVersion};

/// Two years of an eager athlete are some megabytes.
const LINE_BYTES_MAX: usize = 64 * 1024 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum ReadStravaError {
    #[error("line {line} of the accounts cannot be read")]
    Io { line: u64, source: io::Error },
    #[error("line {line} of the accounts is no JSON")]
    Parse {
        line: u64,
        source: serde_json::Error,
    },
    #[error("line {line} of the accounts is no account; was it written by another version?")]
    Shape { line: u64 },
    #[error("line {line} of the accounts is longer than {LINE_BYTES_MAX} bytes")]
    TooLong { line: u64 },
}

/// Appends one account as a line.
pub fn write_strava(out: &mut impl Write, account: &StravaAccount) -> io::Result<()> {
    let version = |version: &StravaVersion| json!({"at": version.at, "body": version.body});
    let activities = account.activities.iter().map(|activity| {
        let versions: Vec<Value> = activity.versions.iter().map(version).collect();
        json!({"id": activity.id, "versions": versions})
    });
    let line = json!({
        "athlete_id": account.athlete_id,
        "account_id": account.account_id,
        "access_token": account.access_token,
        "refresh_token": account.refresh_token,
        "expires_at": account.expires_at,
        "deauthorised_at": account.deauthorised_at,
        "activities": activities.collect::<Vec<Value>>(),
    });
    serde_json::to_writer(&mut *out, &line).map_err(io::Error::from)?;
    out.write_all(b"\n")
}

/// The accounts of a file, one after the other; it ends after the first line that is none.
pub fn read_strava<R: BufRead>(
    mut reader: R,
) -> impl Iterator<Item = Result<StravaAccount, ReadStravaError>> {
    let mut line = 0;
    let mut broken = false;
    std::iter::from_fn(move || {
        if broken {
            return None;
        }
        line += 1;
        let next = next_account(&mut reader, line).transpose();
        broken = matches!(next, Some(Err(_)));
        next
    })
}

fn next_account(
    reader: &mut impl BufRead,
    line: u64,
) -> Result<Option<StravaAccount>, ReadStravaError> {
    let mut text = Vec::new();
    let mut limited = reader.take(LINE_BYTES_MAX as u64 + 1);
    let read = limited
        .read_until(b'\n', &mut text)
        .map_err(|source| ReadStravaError::Io { line, source })?;
    if read == 0 {
        return Ok(None);
    }
    if read > LINE_BYTES_MAX {
        return Err(ReadStravaError::TooLong { line });
    }
    let value: Value =
        serde_json::from_slice(&text).map_err(|source| ReadStravaError::Parse { line, source })?;
    account(&value)
        .map(Some)
        .ok_or(ReadStravaError::Shape { line })
}

fn account(value: &Value) -> Option<StravaAccount> {
    let text = |name: &str| Some(value.get(name)?.as_str()?.to_owned());
    let activities = value.get("activities")?.as_array()?;
    Some(StravaAccount {
        athlete_id: text("athlete_id")?,
        account_id: text("account_id")?,
        access_token: text("access_token")?,
        refresh_token: text("refresh_token")?,
        expires_at: value.get("expires_at")?.as_i64()?,
        deauthorised_at: value.get("deauthorised_at")?.as_i64(),
        activities: activities.iter().map(activity).collect::<Option<_>>()?,
    })
}

fn activity(value: &Value) -> Option<StravaActivity> {
    let version = |value: &Value| {
        let body = value.get("body")?;
        Some(StravaVersion {
            at: value.get("at")?.as_i64()?,
            body: body.as_str().map(str::to_owned),
        })
    };
    let versions = value.get("versions")?.as_array()?;
    Some(StravaActivity {
        id: value.get("id")?.as_str()?.to_owned(),
        versions: versions.iter().map(version).collect::<Option<_>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_read_back_as_they_were() {
        let version = |at, body: Option<&str>| StravaVersion {
            at,
            body: body.map(str::to_owned),
        };
        let account = StravaAccount {
            athlete_id: "athlete-00001".to_owned(),
            account_id: "100000001".to_owned(),
            access_token: "a".to_owned(),
            refresh_token: "r".to_owned(),
            expires_at: -5,
            deauthorised_at: Some(7),
            activities: vec![StravaActivity {
                id: "9007199300000000001".to_owned(),
                versions: vec![
                    version(1, Some("{\"upload_id\":987654321234567891234}")),
                    version(2, None),
                ],
            }],
        };
        let empty = StravaAccount {
            deauthorised_at: None,
            activities: Vec::new(),
            ..account.clone()
        };
        let mut file = Vec::new();
        for one in [&account, &empty] {
            write_strava(&mut file, one).unwrap();
        }
        let read: Vec<_> = read_strava(file.as_slice()).map(Result::unwrap).collect();
        assert_eq!(read, [account, empty]);
    }

    #[test]
    fn the_bad_line_is_named() {
        let cases = [
            (
                "{}\n",
                "line 1 of the accounts is no account; was it written by another version?",
            ),
            ("nothing\n{}\n", "line 1 of the accounts is no JSON"),
        ];
        for (text, words) in cases {
            let read: Vec<_> = read_strava(text.as_bytes()).collect();
            assert_eq!(read.len(), 1);
            assert_eq!(read[0].as_ref().unwrap_err().to_string(), words);
        }
    }
}
