//! Reading a request's body under a limit.
//!
//! Every body is read here. Refusals are problems, also for what the HTTP library would have
//! answered in plain text.
//!
//! Invariant: at most `limit` bytes of a body are ever in memory, whether or not the sender
//! announced a length.

use std::future::poll_fn;
use std::pin::Pin;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderMap, header};

use crate::Problem;

/// How much of a refused body is read and thrown away before the answer.
///
/// A sender that is still writing when the connection closes sees a reset instead of the 413, and
/// then retries for ever. So the rest is drained, up to a size at which closing is kinder to us.
const DRAIN_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The most that is set aside on the sender's word alone, before its bytes come.
const FIRST_BYTES_MAX: usize = 64 * 1024;

/// A JSON body, as bytes that are not parsed yet.
///
/// A missing content type is taken for JSON: it is the only thing read here, and a body that is
/// something else does not parse.
pub async fn read_json(headers: &HeaderMap, body: Body, limit: usize) -> Result<Vec<u8>, Problem> {
    if !is_json_or_absent(headers) {
        discard(headers, body).await;
        return Err(Problem::unsupported_media_type("send application/json"));
    }
    if is_coded(headers) {
        discard(headers, body).await;
        return Err(Problem::unsupported_media_type(
            "send the body as it is: no Content-Encoding is supported",
        ));
    }
    read(headers, body, limit).await
}

/// A body of any type, at most `limit` bytes long.
pub async fn read(headers: &HeaderMap, body: Body, limit: usize) -> Result<Vec<u8>, Problem> {
    let announced = announced_length(headers);
    if announced.is_some_and(|length| length > limit) {
        discard(headers, body).await;
        return Err(over(limit));
    }
    let mut body = body;
    let mut bytes = Vec::with_capacity(announced.unwrap_or_default().min(FIRST_BYTES_MAX));
    while let Some(data) = next_data(&mut body).await {
        let Ok(data) = data else {
            return Err(Problem::bad_request(
                "the body ended before its announced end",
            ));
        };
        if bytes.len().saturating_add(data.len()) > limit {
            drop(bytes);
            drain(body).await;
            return Err(over(limit));
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

/// Throws a refused body away, so that the sender gets to read the answer.
///
/// A sender that waits for `100 Continue` has not sent anything, and reading would ask it to.
pub async fn discard(headers: &HeaderMap, body: Body) {
    if !headers.contains_key(header::EXPECT) {
        drain(body).await;
    }
}

async fn drain(mut body: Body) {
    let mut drained = 0_usize;
    while let Some(Ok(data)) = next_data(&mut body).await {
        drained = drained.saturating_add(data.len());
        if drained > DRAIN_BYTES_MAX {
            break;
        }
    }
}

/// The next piece of the body; trailers, which nobody here reads, count as an empty piece.
async fn next_data(body: &mut Body) -> Option<Result<Bytes, axum::Error>> {
    let frame = poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await?;
    Some(frame.map(|frame| frame.into_data().unwrap_or_default()))
}

fn over(limit: usize) -> Problem {
    Problem::too_large(format!("at most {limit} bytes are read here"))
}

fn announced_length(headers: &HeaderMap) -> Option<usize> {
    headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

/// `application/json`, or a type built on it (`application/…+json`); parameters do not matter.
fn is_json_or_absent(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return true;
    };
    let Ok(value) = value.to_str() else {
        return false;
    };
    let essence = value
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    essence == "application/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"))
}

fn is_coded(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderValue, StatusCode};

    use super::*;

    fn headers(pairs: &[(header::HeaderName, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_static(value)))
            .collect()
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_its_limit_with_or_without_an_announced_length() {
        let exact = Body::from("12345");
        assert_eq!(read(&HeaderMap::new(), exact, 5).await.unwrap(), b"12345");

        let over = Body::from("123456");
        let problem = read(&HeaderMap::new(), over, 5).await.unwrap_err();
        assert_eq!(problem.status(), StatusCode::PAYLOAD_TOO_LARGE);

        let announced = headers(&[(header::CONTENT_LENGTH, "6")]);
        let problem = read(&announced, Body::empty(), 5).await.unwrap_err();
        assert_eq!(problem.status(), StatusCode::PAYLOAD_TOO_LARGE);
    }

    #[tokio::test]
    async fn a_compressed_body_is_refused_by_name() {
        for (coding, status) in [
            ("identity", None),
            ("Identity", None),
            ("gzip", Some(StatusCode::UNSUPPORTED_MEDIA_TYPE)),
            ("zstd, gzip", Some(StatusCode::UNSUPPORTED_MEDIA_TYPE)),
        ] {
            let headers = headers(&[(header::CONTENT_ENCODING, coding)]);
            let answer = read_json(&headers, Body::from("{}"), 10).await;
            assert_eq!(
                answer.err().map(|problem| problem.status()),
                status,
                "{coding}"
            );
        }
    }

    #[tokio::test]
    async fn only_json_types_or_none_are_read_as_json() {
        for (content_type, status) in [
            ("application/json", None),
            ("Application/JSON; charset=utf-8", None),
            ("application/vnd.sudor+json", None),
            ("text/plain", Some(StatusCode::UNSUPPORTED_MEDIA_TYPE)),
            (
                "application/x-www-form-urlencoded",
                Some(StatusCode::UNSUPPORTED_MEDIA_TYPE),
            ),
            ("", Some(StatusCode::UNSUPPORTED_MEDIA_TYPE)),
        ] {
            let headers = headers(&[(header::CONTENT_TYPE, content_type)]);
            let answer = read_json(&headers, Body::from("{}"), 10).await;
            assert_eq!(
                answer.err().map(|problem| problem.status()),
                status,
                "{content_type}"
            );
        }
        assert!(
            read_json(&HeaderMap::new(), Body::from("{}"), 10)
                .await
                .is_ok()
        );
    }
}
