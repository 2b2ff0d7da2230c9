//! Letting a browser in: the key goes into a cookie that no script can read and no other site sends.

use askama::Template;
use axum::body::Bytes;
use axum::extract::Query;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Redirect, Response};
use edge::auth::COOKIE;

use super::failure::{Shown, shown};
use super::view::Frame;
use crate::dto::LoginParams;

/// Longer than any key.
const KEY_CHARS_MAX: usize = 128;

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    frame: Frame,
    again: bool,
}

pub(super) async fn page(Query(params): Query<LoginParams>) -> Shown {
    Ok(shown(&LoginPage {
        frame: Frame::of("Sign in", ""),
        again: params.again.is_some(),
    }))
}

/// The key is not looked at here: the page that follows asks the guard, and comes back if it is wrong.
pub(super) async fn enter(headers: HeaderMap, body: Bytes) -> Response {
    let text = String::from_utf8_lossy(&body);
    let key = text
        .split('&')
        .find_map(|pair| pair.strip_prefix("key="))
        .unwrap_or_default();
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if key.is_empty() || key.len() > KEY_CHARS_MAX || !key.chars().all(fits) {
        return Redirect::to("/login?again=1").into_response();
    }
    let forwarded = headers.get("x-forwarded-proto");
    let secure = if forwarded.is_some_and(|proto| proto == "https") {
        "; Secure"
    } else {
        ""
    };
    let cookie = format!("{COOKIE}={key}; Path=/; HttpOnly; SameSite=Strict{secure}");
    ([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response()
}
