//! Deliveries that go on, and the book of those that were acknowledged.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::task::JoinHandle;

use crate::support::{SECRET, Service};

pub(crate) const ATHLETE: &str = "anna";
const ACCOUNT: &str = "garmin-user-anna";
const EVERY: Duration = Duration::from_millis(200);
/// 2026-09-01T06:00:00Z, and a workout every six hours before it.
const LAST: i64 = 1_788_242_400;
const APART_S: i64 = 6 * 3_600;

/// One workout after the other, each acknowledged before the next.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicI64>,
    thread: JoinHandle<()>,
}

impl Load {
    pub(crate) async fn on(door: &Service) -> Self {
        door.register(ATHLETE, ACCOUNT).await;
        let stop = Arc::new(AtomicBool::new(false));
        let acknowledged = Arc::new(AtomicI64::new(0));
        let (url, client) = (
            format!("{}/webhooks/garmin/{SECRET}", door.url),
            door.client.clone(),
        );
        let (stop_in, acknowledged_in) = (Arc::clone(&stop), Arc::clone(&acknowledged));
        let thread = tokio::spawn(async move {
            let mut pace = tokio::time::interval(EVERY);
            let mut next = 0;
            while !stop_in.load(Ordering::Acquire) {
                pace.tick().await;
                let body = workout(next).to_string();
                let sent = client.post(&url).header("content-type", "application/json");
                let answer = sent.body(body).send().await.unwrap();
                assert_eq!(answer.status(), 200, "the door is open all the time");
                next += 1;
                acknowledged_in.store(next, Ordering::Release);
            }
        });
        Self {
            stop,
            acknowledged,
            thread,
        }
    }

    pub(crate) fn acknowledged(&self) -> i64 {
        self.acknowledged.load(Ordering::Acquire)
    }

    pub(crate) async fn end(self) -> i64 {
        self.stop.store(true, Ordering::Release);
        self.thread.await.unwrap();
        self.acknowledged.load(Ordering::Acquire)
    }
}

fn workout(number: i64) -> serde_json::Value {
    json!({"activities": [{"userId": ACCOUNT, "summaryId": format!("s{number}"), "activityId": 1_000_000 + number,
        "activityType": "RUNNING", "startTimeInSeconds": LAST - number * APART_S, "startTimeOffsetInSeconds": 0,
        "durationInSeconds": 2_400, "distanceInMeters": 7_000.0}]})
}
