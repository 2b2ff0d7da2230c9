//! Workers that are killed, stopped past their session and resumed, joined and left; a broker that is
//! killed and paused: nothing is missing, nothing is doubled, the order of each athlete is kept.
//!
//! A worker is this test's own program in a process of its own. What should come out is computed by
//! the driver of `stream-log` from what the log holds, so that an append whose answer got lost counts
//! as it lies there. `cargo xtask servers soak` runs the same for as long as one likes.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "helpers of tests that drive processes by the environment"
)]

#[path = "faults/plan.rs"]
mod plan;
#[path = "faults/scene.rs"]
mod scene;
#[path = "broker/world.rs"]
mod world;

use std::io::Read;
use std::time::Duration;

use plan::{Chance, Counts, Plan};
use scene::{Scene, Worker, all_brokers, run_worker, wait};
use stream_kafka::GroupProtocol;
use world::server;

/// How long after the last fault everything has to be done.
const REST_LIMIT: Duration = Duration::from_secs(180);

/// Not a test: what a worker's process runs.
#[test]
fn a_worker_works_until_its_input_ends() {
    if let Ok(settings) = std::env::var(scene::WORKER_VARIABLE) {
        std::thread::spawn(|| {
            let mut rest = Vec::new();
            std::io::stdin().read_to_end(&mut rest).unwrap();
            scene::STOP.store(true, std::sync::atomic::Ordering::Release);
        });
        run_worker(&settings);
    }
}

#[test]
fn nothing_is_missing_or_doubled_whatever_is_killed() {
    let Some(brokers) = server("SUDOR_TEST_KAFKA") else {
        return;
    };
    let plan = Plan::from_environment();
    let mut scenes = [GroupProtocol::Consumer, GroupProtocol::Classic]
        .map(|protocol| Scene::new(&brokers, protocol));
    for scene in &mut scenes {
        scene.start_workers(2);
    }
    let counts = strike(&plan, &mut scenes);
    let mut said = counts.to_string();
    let mut is_good = true;
    for scene in &mut scenes {
        let checked = scene.check(REST_LIMIT);
        is_good &= checked.is_good() && scene.ended_otherwise == 0;
        said.push_str(&format!(
            "; {:?}: {} workers ended by the watchdog, {} otherwise, {checked}",
            scene.protocol, scene.ended_by_watchdog, scene.ended_otherwise
        ));
    }
    let told = format!("{said}\n");
    std::io::Write::write_all(&mut std::io::stderr(), told.as_bytes()).unwrap();
    plan.report(&said);
    assert!(is_good, "{said}");
}

/// Faults until the plan is fulfilled, among inputs that keep coming.
fn strike(plan: &Plan, scenes: &mut [Scene]) -> Counts {
    let mut chance = Chance::new(plan.seed);
    let mut counts = Counts::default();
    let mut struck = 0;
    while let Some(fault) = plan.next(&counts, &mut chance) {
        struck += 1;
        if struck % plan.look_every == 0 && !scenes.iter_mut().all(|scene| scene.look().is_good()) {
            let said = format!("not as it should be after {struck} faults, the last {fault:?}\n");
            std::io::Write::write_all(&mut std::io::stderr(), said.as_bytes()).unwrap();
            break;
        }
        for scene in scenes.iter_mut() {
            scene.feed(40);
            scene.revive();
        }
        let scene = chance.below(scenes.len());
        let worker = chance.below(2);
        counts.strike(
            fault,
            &mut scenes[scene],
            worker,
            &mut chance,
            plan.pause_ms_max,
        );
        wait(Duration::from_millis(
            200 + u64::try_from(chance.below(1_500)).unwrap(),
        ));
    }
    for scene in scenes.iter_mut() {
        scene.feed(40);
        scene.resume_all();
        scene.revive();
    }
    counts
}

/// A call that never returns cannot be made on purpose; one that takes longer than it may can.
#[test]
fn the_watchdog_ends_a_worker_and_the_next_one_goes_on() {
    let Some(brokers) = server("SUDOR_TEST_KAFKA") else {
        return;
    };
    let mut scene = Scene::new(&brokers, GroupProtocol::Consumer);
    // Enough that it is in the middle of them when the broker stops.
    scene.feed(20_000);
    let mut worker = Worker::start_with(&scene.world, "one", "watchdog=2000");
    scene.wait_for_outputs(50);
    all_brokers("pause");
    let code = worker.wait();
    all_brokers("resume");
    assert_eq!(code, Some(70), "the exit code of a watchdog");
    scene.start_workers(1);
    let checked = scene.check(REST_LIMIT);
    assert!(checked.is_good(), "{checked}");
}
