//! What only a real connection shows: a sender that is still writing, and one that is gone.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use super::*;

/// Runs a sender against the routes on a free port of the loopback interface.
async fn against(world: &World, sender: fn(SocketAddr) -> String) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = async { axum::serve(listener, world.routes.clone()).await };
    tokio::select! {
        ended = serving => panic!("the server ended: {ended:?}"),
        answer = tokio::task::spawn_blocking(move || sender(address)) => answer.unwrap(),
    }
}

fn connected(address: SocketAddr, length: usize) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "POST /webhooks/garmin/s3cret HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    )
    .unwrap();
    stream
}

#[tokio::test]
async fn a_sender_of_50_mb_gets_to_read_why_it_was_refused() {
    let answer = against(&World::new(), |address| {
        let mut stream = connected(address, 50_000_000);
        let piece = vec![b' '; 1_000_000];
        for _ in 0..50 {
            stream.write_all(&piece).unwrap();
        }
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    })
    .await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(answer.contains("urn:sudor:problem:too_large"), "{answer}");
}

#[tokio::test]
async fn a_body_that_is_cut_in_the_middle_is_not_published() {
    let world = World::with_ada_and_bob().await;
    let answer = against(&world, |address| {
        let mut stream = connected(address, 1_000);
        stream
            .write_all(br#"{"sleeps":[{"userId":"u1","summaryId":"s"}]}"#)
            .unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8(answer).unwrap()
    })
    .await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 400"),
        "{answer}"
    );
    assert!(world.published().is_empty());
}
