//! An account that is linked gets what had come for it, also where the log never comes to rest.

use tokio::sync::watch;

use crate::cluster::{World, server, workout};
use crate::support::{SECRET, until};

/// Their athletes are on all partitions, as likely as not.
const BUSY: [&str; 6] = ["ada", "ben", "cem", "dot", "eli", "fay"];

/// Sends without a pause until it is told to end; how often each was acknowledged.
async fn send(url: String, user: &'static str, mut ended: watch::Receiver<bool>) -> usize {
    let client = reqwest::Client::new();
    let body = workout(user).to_string();
    let mut sent = 0;
    while !*ended.borrow_and_update() {
        // A duplicate is news, too: the log has no end that stays.
        let post = client.post(format!("{url}/webhooks/garmin/{SECRET}"));
        let post = post.header("content-type", "application/json");
        let answer = post.body(body.clone()).send().await.unwrap();
        // Too many at once are refused with a word when to come again.
        sent += usize::from(answer.status().is_success());
    }
    sent
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_before_a_link_is_replayed_while_others_go_on_sending() {
    let Some(brokers) = server("SUDOR_TEST_KAFKA") else {
        return;
    };
    let world = World::new(&brokers, "linking");
    world.run(&["topics", "create"]);
    let service = world.start("data").await;
    for user in BUSY {
        service.register(user, user).await;
    }
    let (status, said) = service.push(&workout("early")).await;
    assert_eq!(status, 200, "{said}");
    until("it lies among the dead letters", async || {
        let letters = service.all("/v1/dead-letters").await;
        (letters.len() == 1).then_some(())
    })
    .await;

    let (end, ended) = watch::channel(false);
    let senders: Vec<_> = BUSY
        .map(|user| tokio::spawn(send(service.url.clone(), user, ended.clone())))
        .into();
    service.register("early", "early").await;
    until("the athlete has the session", async || {
        let sessions = service.all("/v1/athletes/early/sessions").await;
        (sessions.len() == 1).then_some(())
    })
    .await;
    end.send_replace(true);
    for sender in senders {
        assert!(sender.await.unwrap() > 0, "somebody did not send");
    }
    service.idle().await;
    assert!(service.terminate().await.success());
    world.verify("data");
}
