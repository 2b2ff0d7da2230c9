//! From a webhook to the recommendation, as a subscriber of the topic sees it: one workout of each of
//! many athletes is posted at times that are fixed beforehand, and the first recommendation with the
//! athlete's key is waited for in the committed topic. A service that is late does not slow the posts
//! down, and what it owes is counted from when the post was due.
//!
//! ```text
//! SUDOR_TEST_KAFKA=… cargo run --profile fast -p stream-kafka --example latency \
//!   url=http://127.0.0.1:8080 secret=SECRET prefix=TOPIC_PREFIX partitions=16 rate=200 seconds=15
//! ```
//!
//! Athletes are registered first, with names of this run; the measurement begins when the service has
//! nothing left of that to do.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement at the keyboard"
)]

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use serde_json::json;

const TOPIC: &str = "sudor.recommendations";
/// Requests under way at once: a post that finds all of them busy is late, and counted so.
const SENDERS: usize = 32;
const WARM_UP: Duration = Duration::from_secs(3);
const GIVE_UP: Duration = Duration::from_secs(60);
const SETTLE_LIMIT: Duration = Duration::from_secs(300);

struct Plan {
    url: String,
    secret: String,
    brokers: String,
    prefix: String,
    partitions: i32,
    rate: usize,
    count: usize,
    run: u64,
}

fn main() {
    let words: BTreeMap<String, String> = std::env::args()
        .skip(1)
        .map(|word| {
            let (name, value) = word.split_once('=').expect("settings are NAME=VALUE");
            (name.to_owned(), value.to_owned())
        })
        .collect();
    let word = |name: &str, default: &str| {
        words
            .get(name)
            .cloned()
            .unwrap_or_else(|| default.to_owned())
    };
    let rate: usize = word("rate", "200").parse().unwrap();
    let seconds: usize = word("seconds", "15").parse().unwrap();
    let plan = Plan {
        url: word("url", "http://127.0.0.1:8080"),
        secret: word("secret", ""),
        brokers: std::env::var("SUDOR_TEST_KAFKA").expect("SUDOR_TEST_KAFKA names a broker"),
        prefix: word("prefix", ""),
        partitions: word("partitions", "16").parse().unwrap(),
        rate,
        count: rate * (seconds + usize::try_from(WARM_UP.as_secs()).unwrap()),
        run: unix_s(),
    };
    plan.in_parallel(|client, number| plan.register(client, number));
    plan.settle();
    println!("{}", plan.measure());
}

fn unix_s() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap().as_secs()
}

impl Plan {
    fn athlete(&self, number: usize) -> String {
        format!("l{}-{number}", self.run)
    }

    /// Each number once, by several threads, in order of taking.
    fn in_parallel(&self, act: impl Fn(&reqwest::blocking::Client, usize) + Sync) {
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..SENDERS {
                scope.spawn(|| {
                    let client = reqwest::blocking::Client::builder().no_proxy();
                    let client = client.timeout(GIVE_UP).build().unwrap();
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= self.count {
                            return;
                        }
                        act(&client, number);
                    }
                });
            }
        });
    }

    fn register(&self, client: &reqwest::blocking::Client, number: usize) {
        let athlete = self.athlete(number);
        let url = format!("{}/v1/athletes/{athlete}", self.url);
        let link = json!({ "account_id": athlete });
        let requests = [
            client.put(&url).json(&json!({})),
            client.put(format!("{url}/connections/garmin")).json(&link),
        ];
        for request in requests {
            let answer = request.send().unwrap();
            assert!(answer.status().is_success(), "{answer:?}");
        }
    }

    /// Waits for the service to have done all that it was told.
    fn settle(&self) {
        let client = reqwest::blocking::Client::builder().no_proxy();
        let client = client.timeout(GIVE_UP).build().unwrap();
        let began = Instant::now();
        while began.elapsed() < SETTLE_LIMIT {
            let answer = client.get(format!("{}/v1/quality", self.url)).send();
            let quality: serde_json::Value = answer.unwrap().json().unwrap();
            if quality["idle"] == true {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("the service is not idle after {SETTLE_LIMIT:?}");
    }

    fn post(&self, client: &reqwest::blocking::Client, number: usize) -> bool {
        let ended_ago = 300;
        let (start, seconds) = (unix_s() - ended_ago - 3_600, 3_600);
        let workout = json!({"activities": [{"userId": self.athlete(number), "summaryId": "1",
            "activityId": 1, "activityType": "RUNNING", "startTimeInSeconds": start,
            "startTimeOffsetInSeconds": 0, "durationInSeconds": seconds, "distanceInMeters": 10_000.0}]});
        let url = format!("{}/webhooks/garmin/{}", self.url, self.secret);
        let answer = client.post(url).json(&workout).send();
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    fn measure(&self) -> serde_json::Value {
        let consumer = self.at_the_end();
        let began = Instant::now() + Duration::from_secs(1);
        let due = |number: usize| Duration::from_secs_f64(number as f64 / self.rate as f64);
        let refused = AtomicUsize::new(0);
        let answered: Mutex<Vec<f64>> = Mutex::new(Vec::new());
        let told = std::thread::scope(|scope| {
            let reading = scope.spawn(|| self.read(&consumer, began));
            self.in_parallel(|client, number| {
                let at = began + due(number);
                std::thread::sleep(at.saturating_duration_since(Instant::now()));
                if !self.post(client, number) {
                    refused.fetch_add(1, Ordering::Relaxed);
                }
                if due(number) >= WARM_UP {
                    let waited = at.elapsed().as_secs_f64() * 1e3;
                    answered.lock().unwrap().push(waited);
                }
            });
            reading.join().unwrap()
        });
        let mut latencies: Vec<f64> = told
            .iter()
            .filter(|(number, _)| due(**number) >= WARM_UP)
            .map(|(number, at)| (at.saturating_sub(due(*number))).as_secs_f64() * 1e3)
            .collect();
        let mut answered = answered.into_inner().unwrap();
        json!({
            "rate": self.rate,
            "posted": self.count,
            "refused": refused.into_inner(),
            "recommended": told.len(),
            "measured": latencies.len(),
            "p50_ms": quantile(&mut latencies, 0.5),
            "p90_ms": quantile(&mut latencies, 0.9),
            "p99_ms": quantile(&mut latencies, 0.99),
            "max_ms": quantile(&mut latencies, 1.0),
            "answer_p50_ms": quantile(&mut answered, 0.5),
            "answer_p99_ms": quantile(&mut answered, 0.99),
        })
    }

    /// Reads what comes from now on: the ends are known before anything is posted.
    fn at_the_end(&self) -> BaseConsumer {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &self.brokers)
            .set("group.id", "latency")
            .set("isolation.level", "read_committed")
            .set("enable.auto.commit", "false")
            .set("fetch.wait.max.ms", "10")
            .create()
            .unwrap();
        let topic = format!("{}{TOPIC}", self.prefix);
        let mut list = TopicPartitionList::new();
        for partition in 0..self.partitions {
            let (_, end) = consumer
                .fetch_watermarks(&topic, partition, GIVE_UP)
                .unwrap();
            let added = list.add_partition_offset(&topic, partition, Offset::Offset(end));
            added.unwrap();
        }
        consumer.assign(&list).unwrap();
        consumer
    }

    /// When the first recommendation of each athlete could be read, from the beginning.
    fn read(&self, consumer: &BaseConsumer, began: Instant) -> BTreeMap<usize, Duration> {
        let mine = format!("/l{}-", self.run);
        let mut seen = BTreeMap::new();
        let mut heard = began;
        while seen.len() < self.count && heard.elapsed() < GIVE_UP {
            let Some(Ok(message)) = consumer.poll(Duration::from_millis(10)) else {
                continue;
            };
            let at = Instant::now();
            let key = std::str::from_utf8(message.key().unwrap_or_default());
            let number = key
                .ok()
                .and_then(|key| key.split_once(&mine)?.1.parse().ok());
            if let Some(number) = number {
                heard = at;
                seen.entry(number)
                    .or_insert_with(|| at.saturating_duration_since(began));
            }
        }
        seen
    }
}

fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = ((values.len() as f64 - 1.0) * share) as usize;
    values.get(at).copied().unwrap_or(f64::NAN)
}
