//! The client against a server on this machine.

use std::net::SocketAddr;

use axum::Router;
use axum::http::HeaderMap as Headers;
use axum::routing::{get, post};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

use super::*;

const LIMITS: Limits = Limits {
    connect_timeout: Duration::from_secs(5),
    total_timeout: Duration::from_secs(20),
    body_bytes_max: 10,
};

/// Serves until it is dropped.
struct Server {
    address: SocketAddr,
    _tasks: JoinSet<()>,
}

async fn serve(routes: Router) -> Server {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { axum::serve(listener, routes).await.unwrap() });
    Server {
        address,
        _tasks: tasks,
    }
}

impl Server {
    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

/// What was sent, in one line.
async fn echo(uri: axum::http::Uri, headers: Headers, body: String) -> String {
    let header = |name: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or("-").to_owned()
    };
    format!(
        "{uri} {} {} {} {body}",
        header("user-agent"),
        header("authorization"),
        header("content-type")
    )
}

fn text(answer: Answer) -> String {
    String::from_utf8(answer.body).unwrap()
}

fn roomy() -> Client {
    Client::new(Limits {
        body_bytes_max: 1_000,
        ..LIMITS
    })
    .unwrap()
}

#[tokio::test]
async fn query_bearer_and_form_arrive_as_meant() {
    let server = serve(Router::new().route("/e", get(echo).post(echo))).await;
    let token = SecretString::from("t0ken");
    let agent = USER_AGENT;

    let query = [("lat", "52.5,1"), ("key", "a&b")];
    let answer = roomy()
        .get(&server.url("/e?v=1"), &query, Some(&token))
        .await;
    assert_eq!(
        text(answer.unwrap()),
        format!("/e?v=1&lat=52.5%2C1&key=a%26b {agent} Bearer t0ken - ")
    );
    let answer = roomy()
        .post_form(&server.url("/e"), &[("code", "x y&z"), ("id", "7")], None)
        .await;
    assert_eq!(
        text(answer.unwrap()),
        format!("/e {agent} - application/x-www-form-urlencoded code=x+y%26z&id=7")
    );
}

#[tokio::test]
async fn any_status_is_an_answer_and_a_redirect_is_not_followed() {
    let moved = (
        StatusCode::FOUND,
        [(header::LOCATION, "/secret"), (header::RETRY_AFTER, "3")],
        "moved",
    );
    let routes = Router::new()
        .route("/moved", get(async move || moved))
        .route("/secret", get(async || "secret"));
    let server = serve(routes).await;
    let client = roomy();

    let answer = client.get(&server.url("/moved"), &[], None).await.unwrap();
    assert_eq!(answer.status, StatusCode::FOUND);
    assert_eq!(answer.headers[header::RETRY_AFTER], "3");
    assert_eq!(answer.body, b"moved");
    let answer = client.get(&server.url("/absent"), &[], None).await.unwrap();
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_body_over_the_cap_is_refused_with_or_without_an_announced_length() {
    let routes = Router::new()
        .route("/fits", get(async || "0123456789"))
        .route("/over", get(async || "0123456789a"));
    let server = serve(routes).await;
    let mut tasks = JoinSet::new();
    let client = Client::new(LIMITS).unwrap();
    for (url, fits) in [
        (server.url("/fits"), true),
        (server.url("/over"), false),
        (say(&mut tasks, "0123456789").await, true),
        (say(&mut tasks, "0123456789a").await, false),
    ] {
        match client.get(&url, &[], None).await {
            Ok(answer) => assert_eq!((answer.body.len(), fits), (10, true), "{url}"),
            Err(error) => assert!(
                !fits && matches!(error, HttpError::TooLarge { limit: 10, .. }),
                "{url} {error:?}"
            ),
        }
    }
}

/// The address of a server that answers once, with a body that ends where the connection ends.
async fn say(tasks: &mut JoinSet<()>, body: &'static str) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tasks.spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = Vec::new();
        while !asked.ends_with(b"\r\n\r\n") {
            asked.push(stream.read_u8().await.unwrap());
        }
        let answer = format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{body}");
        stream.write_all(answer.as_bytes()).await.unwrap();
    });
    url
}

#[tokio::test]
async fn an_address_out_of_a_payload_is_asked_only_where_the_list_says_so() {
    let server = serve(Router::new().route("/x", get(async || "found"))).await;
    let client = roomy();
    let port = server.address.port();
    let listed = AllowList::new([format!("127.0.0.1:{port}"), format!("localhost:{port}")]);
    let listed = listed.unwrap();
    for host in ["127.0.0.1", "localhost"] {
        let url = format!("http://{host}:{port}/x");
        let answer = client.get_foreign(&url, &listed, None).await.unwrap();
        assert_eq!(answer.body, b"found", "{host}");
        let error = client
            .get_foreign(&url, &AllowList::default(), None)
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), "refused: the host is not allowed");
    }
}

#[tokio::test]
async fn a_listed_name_with_an_inner_address_is_refused_when_it_is_resolved() {
    for inner in ["127.0.0.1:0", "10.1.2.3:0", "[::1]:0", "169.254.169.254:0"] {
        let lookup: Lookup = Arc::new(move |_| {
            Box::pin(async move { Ok(vec!["1.1.1.1:0".parse().unwrap(), inner.parse().unwrap()]) })
        });
        let client = Client::with_lookup(LIMITS, lookup).unwrap();
        let allowed = AllowList::new(["rebound.example"]).unwrap();
        let error = client
            .get_foreign("https://rebound.example/?token=s3cret", &allowed, None)
            .await
            .unwrap_err();
        assert!(
            matches!(
                error,
                HttpError::Refused("the host has an address that is not public")
            ),
            "{inner} {error:?}"
        );
    }
}

#[tokio::test]
async fn slow_services_time_out() {
    let routes = Router::new().route("/slow", get(std::future::pending::<&'static str>));
    let server = serve(routes).await;
    let client = Client::new(Limits {
        total_timeout: Duration::from_millis(30),
        ..LIMITS
    });
    let error = client.unwrap().get(&server.url("/slow"), &[], None).await;
    assert!(matches!(error, Err(HttpError::Timeout { .. })), "{error:?}");
}

#[tokio::test]
async fn no_error_shows_what_is_secret() {
    // Nobody listens on a port that was just given back.
    let gone = serve(Router::new()).await.address;
    let server = serve(Router::new().route("/p", post(async || "x".repeat(99)))).await;
    let client = Client::new(LIMITS).unwrap();
    let token = SecretString::from("s3cret");

    let url = format!("http://s3cret:s3cret@{gone}/s3cret?a=s3cret");
    let connect = client.get(&url, &[("key", "s3cret")], Some(&token)).await;
    let fields = [("code", "s3cret")];
    let large = client
        .post_form(&server.url("/p?s3cret"), &fields, Some(&token))
        .await;
    let refused = client.get("gopher://s3cret", &[], None).await;
    for error in [connect, large, refused].map(Result::unwrap_err) {
        let mut shown = format!("{error} {error:?}");
        let mut cause = error.source();
        while let Some(error) = cause {
            shown.push_str(&format!(" {error} {error:?}"));
            cause = error.source();
        }
        assert!(!shown.contains("s3cret"), "{shown}");
        assert!(
            !matches!(error, HttpError::Connect { .. }) || shown.contains(&gone.to_string()),
            "{shown}"
        );
    }
}
