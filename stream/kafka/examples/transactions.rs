//! What a transaction costs: partitions touched × commit interval × outputs per input, on a real
//! broker, with the client alone. The figures behind the choice of partitions, interval and layout.
//!
//! `SUDOR_TEST_KAFKA=… cargo run --profile fast -p stream-kafka --example transactions [BROKER_PID]`

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement at the keyboard"
)]

use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

const CALL: Duration = Duration::from_secs(10);
const VALUE_BYTES: usize = 400;
const FLOOD_RECORDS: usize = 60_000;
const PACED_PER_S: usize = 1_000;
const PACED_FOR: Duration = Duration::from_secs(5);
/// Ticks of a CPU in `/proc/PID/stat`.
const TICKS_PER_S: f64 = 100.0;

fn main() {
    let brokers = std::env::var("SUDOR_TEST_KAFKA").expect("SUDOR_TEST_KAFKA names a broker");
    let pid = std::env::args().nth(1);
    println!(
        "mode partitions interval_ms outputs records_per_s client_cpu_s broker_cpu_s commits commit_p50_ms commit_p99_ms latency_p50_ms latency_p99_ms"
    );
    let mut run = 0;
    for paced in [false, true] {
        for partitions in [4, 16, 64] {
            for interval in [20, 50, 100, 200] {
                for outputs in [1, 4] {
                    run += 1;
                    let row = Row {
                        brokers: brokers.clone(),
                        name: format!("x{}-{run}-", std::process::id()),
                        partitions,
                        interval: Duration::from_millis(interval),
                        outputs,
                        paced,
                    };
                    row.measure(pid.as_deref());
                }
            }
        }
    }
}

struct Row {
    brokers: String,
    name: String,
    partitions: i32,
    interval: Duration,
    outputs: usize,
    paced: bool,
}

impl Row {
    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers);
        config
    }

    fn names(&self) -> Vec<String> {
        let outputs = (0..self.outputs).map(|one| format!("{}out{one}", self.name));
        [format!("{}in", self.name), format!("{}log", self.name)]
            .into_iter()
            .chain(outputs)
            .collect()
    }

    fn topics(&self, make: bool) {
        let admin: AdminClient<DefaultClientContext> = self.config().create().unwrap();
        let names = self.names();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let options = AdminOptions::new().operation_timeout(Some(CALL));
            if make {
                let new: Vec<NewTopic<'_>> = names
                    .iter()
                    .map(|name| NewTopic::new(name, self.partitions, TopicReplication::Fixed(1)))
                    .collect();
                admin.create_topics(&new, &options).await.unwrap();
            } else {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                admin.delete_topics(&names, &options).await.unwrap();
            }
        });
    }

    fn producer(&self, transactional: bool) -> ThreadedProducer<DefaultProducerContext> {
        let mut config = self.config();
        config
            .set("enable.idempotence", "true")
            .set("compression.type", "lz4")
            .set("linger.ms", "2")
            .set("queue.buffering.max.messages", "1000000");
        if transactional {
            config.set("transactional.id", format!("{}id", self.name));
        }
        config.create().unwrap()
    }

    fn measure(&self, pid: Option<&str>) {
        self.topics(true);
        let input = self.names()[0].clone();
        let feeder = self.producer(false);
        let begun = Instant::now();
        let feed = move |count: usize, paced: bool, partitions: i32| {
            let value = vec![b'v'; VALUE_BYTES];
            for number in 0..count {
                if paced {
                    let due = Duration::from_secs_f64(number as f64 / PACED_PER_S as f64);
                    std::thread::sleep(due.saturating_sub(begun.elapsed()));
                }
                let micros = begun.elapsed().as_micros().to_string();
                let key = format!("t/{}", number % 997);
                let record = BaseRecord::to(&input)
                    .key(&key)
                    .payload(&value)
                    .partition(number as i32 % partitions)
                    .headers(rdkafka::message::OwnedHeaders::new().insert(
                        rdkafka::message::Header {
                            key: "at",
                            value: Some(&micros),
                        },
                    ));
                feeder.send(record).map_err(|(error, _)| error).unwrap();
            }
            feeder.flush(CALL).unwrap();
        };
        let count = if self.paced {
            PACED_PER_S * PACED_FOR.as_secs() as usize
        } else {
            FLOOD_RECORDS
        };
        let (paced, partitions) = (self.paced, self.partitions);
        let feeding = std::thread::spawn(move || feed(count, paced, partitions));
        let feeding = if self.paced {
            Some(feeding)
        } else {
            feeding.join().unwrap();
            None
        };
        self.copy(count, begun, pid);
        if let Some(feeding) = feeding {
            feeding.join().unwrap();
        }
        self.topics(false);
    }

    fn beginning(&self) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        for partition in 0..self.partitions {
            let input = &self.names()[0];
            list.add_partition_offset(input, partition, Offset::Beginning)
                .unwrap();
        }
        list
    }

    fn copy(&self, count: usize, begun: Instant, pid: Option<&str>) {
        let consumer: BaseConsumer = self
            .config()
            .set("group.id", format!("{}g", self.name))
            .set("isolation.level", "read_committed")
            .set("enable.auto.commit", "false")
            .set("fetch.wait.max.ms", "20")
            .create()
            .unwrap();
        let names = self.names();
        consumer.assign(&self.beginning()).unwrap();
        let producer = self.producer(true);
        producer.init_transactions(CALL).unwrap();
        let (own, theirs) = (cpu_s("self"), pid.map(cpu_s));
        let started = Instant::now();
        let (mut seen, mut open) = (0, false);
        let (mut commits, mut latencies): (Vec<f64>, Vec<f64>) = (Vec::new(), Vec::new());
        let mut sent_at: Vec<f64> = Vec::new();
        let mut positions: std::collections::BTreeMap<i32, i64> = Default::default();
        let mut opened = Instant::now();
        while seen < count || open {
            if open && (opened.elapsed() >= self.interval || seen == count) {
                let began = Instant::now();
                commit(&consumer, &producer, &names[0], &positions);
                commits.push(began.elapsed().as_secs_f64() * 1e3);
                let now = begun.elapsed().as_micros() as f64;
                latencies.extend(sent_at.drain(..).map(|at| (now - at) / 1e3));
                open = false;
            }
            let Some(Ok(message)) = consumer.poll(Duration::from_millis(5)) else {
                continue;
            };
            if !open {
                producer.begin_transaction().unwrap();
                (open, opened) = (true, Instant::now());
            }
            seen += 1;
            positions.insert(message.partition(), message.offset() + 1);
            let at = rdkafka::message::Headers::get(message.headers().unwrap(), 0);
            sent_at.push(
                std::str::from_utf8(at.value.unwrap())
                    .unwrap()
                    .parse()
                    .unwrap(),
            );
            for name in &names[1..] {
                let record = BaseRecord::to(name)
                    .key(message.key().unwrap())
                    .payload(message.payload().unwrap())
                    .partition(message.partition());
                producer.send(record).map_err(|(error, _)| error).unwrap();
            }
        }
        let seconds = started.elapsed().as_secs_f64();
        let theirs = theirs.map_or(f64::NAN, |before| cpu_s(pid.unwrap()) - before);
        println!(
            "{} {} {} {} {:.0} {:.2} {theirs:.2} {} {:.1} {:.1} {:.0} {:.0}",
            if self.paced { "paced" } else { "flood" },
            self.partitions,
            self.interval.as_millis(),
            self.outputs,
            count as f64 / seconds,
            cpu_s("self") - own,
            commits.len(),
            quantile(&mut commits, 0.5),
            quantile(&mut commits, 0.99),
            quantile(&mut latencies, 0.5),
            quantile(&mut latencies, 0.99),
        );
    }
}

fn commit(
    consumer: &BaseConsumer,
    producer: &ThreadedProducer<DefaultProducerContext>,
    input: &str,
    positions: &std::collections::BTreeMap<i32, i64>,
) {
    let mut list = TopicPartitionList::new();
    for (partition, next) in positions {
        list.add_partition_offset(input, *partition, Offset::Offset(*next))
            .unwrap();
    }
    let owner = consumer.group_metadata().unwrap();
    producer
        .send_offsets_to_transaction(&list, &owner, CALL)
        .unwrap();
    while producer.in_flight_count() > 0 {
        std::thread::sleep(Duration::from_micros(200));
    }
    producer.commit_transaction(CALL).unwrap();
}

fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = ((values.len() as f64 - 1.0) * share) as usize;
    values.get(at).copied().unwrap_or(f64::NAN)
}

/// User and system time of a process.
fn cpu_s(pid: &str) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = text.rsplit_once(") ").unwrap().1.split(' ').collect();
    let ticks = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    ticks / TICKS_PER_S
}
