//! The order in which deliveries arrive does not change what comes of them.

use std::collections::{BTreeMap, VecDeque};

use ingest_simulator::{Delivery, Mix};
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::content::{assert_same, content};
use super::support::assert_verified;
use super::vendors::Vendors;
use super::world::{post_all, world_of};

/// A free shuffle, but what shares a causal key keeps its order.
fn shuffled(deliveries: &[Delivery], seed: u64) -> Vec<Delivery> {
    let mut order: Vec<usize> = (0..deliveries.len()).collect();
    order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    // A delivery waits until it is the first of all its keys; one pass after another takes what
    // may go, in the shuffled order.
    let mut waiting: BTreeMap<&str, VecDeque<usize>> = BTreeMap::new();
    for (index, delivery) in deliveries.iter().enumerate() {
        for key in &delivery.causal {
            let queue = waiting.entry(key).or_default();
            if queue.back() != Some(&index) {
                queue.push_back(index);
            }
        }
    }
    let mut made = Vec::new();
    while !order.is_empty() {
        let before = order.len();
        order.retain(|index| {
            let delivery = &deliveries[*index];
            let mut keys = delivery.causal.iter();
            if !keys.all(|key| waiting[key.as_str()].front() == Some(index)) {
                return true;
            }
            for key in &delivery.causal {
                let queue = waiting.get_mut(key.as_str()).unwrap();
                if queue.front() == Some(index) {
                    queue.pop_front();
                }
            }
            made.push(delivery.clone());
            false
        });
        assert!(order.len() < before, "causal keys form a circle");
    }
    made
}

#[tokio::test]
async fn shuffled_deliveries_give_equal_content() {
    let folder = tempfile::tempdir().unwrap();
    let world = world_of(8, 4, 21, Mix::default());
    // Tokens rotate, so that each service has a Strava of its own.
    let vendors = Vendors::of(&world.strava).await;
    let straight = vendors.service(&folder.path().join("straight")).await;
    post_all(&straight, &world.registrations).await;
    post_all(&straight, &world.deliveries).await;
    straight.idle().await;
    let expected = content(&straight, &world.athletes).await;
    assert!(expected.values().any(|items| items.len() > 2));
    for seed in 0..6 {
        let data = folder.path().join(format!("shuffled-{seed}"));
        let vendors = Vendors::of(&world.strava).await;
        let service = vendors.service(&data).await;
        post_all(&service, &world.registrations).await;
        post_all(&service, &shuffled(&world.deliveries, seed)).await;
        service.idle().await;
        assert_same(&expected, &content(&service, &world.athletes).await);
        assert!(service.terminate().await.success());
        assert_verified(&data);
    }
}
