//! An account that is linked gets what had come for it, also where the log never comes to rest.

use crate::cluster::{World, server, workout};
use crate::support::until;

#[tokio::test(flavor = "multi_thread")]
async fn what_came_before_a_link_is_replayed_while_others_go_on_sending() {
    let Some(brokers) = server("SUDOR_TEST_KAFKA") else {
        return;
    };
    let world = World::new(&brokers, "linking");
    world.run(&["topics", "create"]);
    let service = world.start("data").await;
    service.register("busy", "garmin-user-busy").await;
    let (status, said) = service.push(&workout("garmin-user-early")).await;
    assert_eq!(status, 200, "{said}");
    until("it lies among the dead letters", async || {
        let letters = service.all("/v1/dead-letters").await;
        (letters.len() == 1).then_some(())
    })
    .await;

    service.register("early", "garmin-user-early").await;
    let mut sent = 0;
    until("the athlete has the session", async || {
        // A duplicate is news, too: the log has no end that stays.
        let (status, said) = service.push(&workout("garmin-user-busy")).await;
        assert_eq!(status, 200, "{said}");
        sent += 1;
        let sessions = service.all("/v1/athletes/early/sessions").await;
        (sessions.len() == 1).then_some(())
    })
    .await;
    assert!(sent > 1, "nothing was sent meanwhile");
    service.idle().await;
    assert!(service.terminate().await.success());
    world.verify("data");
}
