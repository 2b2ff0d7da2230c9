//! The client alone: what the same records and bytes cost without an engine, and reading what came out.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use serde_json::{Value, json};

use crate::meter::Meter;
use crate::processor::ID_BYTES;
use crate::workload::Workload;

const CALL: Duration = Duration::from_secs(10);
const COMMIT_EVERY: Duration = Duration::from_millis(100);
const NAP: Duration = Duration::from_micros(200);
/// State is kept under one byte of kind and the id.
const STATE_KIND: u8 = b'S';

type Transactional = ThreadedProducer<DefaultProducerContext>;

fn consumer(workload: &Workload, topic: &str) -> BaseConsumer {
    let consumer: BaseConsumer = workload
        .client()
        .set("group.id", &workload.run)
        .set("isolation.level", "read_committed")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("enable.partition.eof", "true")
        .set("fetch.wait.max.ms", "50")
        .set("fetch.message.max.bytes", (4 * 1024 * 1024).to_string())
        .set("queued.min.messages", "5000")
        .set("queued.max.messages.kbytes", (16 * 1024).to_string())
        .set("check.crcs", "true")
        .create()
        .unwrap();
    let mut list = TopicPartitionList::new();
    for partition in 0..i32::try_from(workload.partitions).unwrap() {
        let added = list.add_partition_offset(topic, partition, Offset::Beginning);
        added.unwrap();
    }
    consumer.assign(&list).unwrap();
    consumer
}

fn producer(workload: &Workload) -> Transactional {
    let producer: Transactional = workload
        .client()
        .set("transactional.id", format!("{}-raw", workload.run))
        .set("enable.idempotence", "true")
        .set("compression.type", "lz4")
        .set("linger.ms", "2")
        .set("queue.buffering.max.messages", "200000")
        .create()
        .unwrap();
    producer.init_transactions(CALL).unwrap();
    producer
}

struct Loop<'w> {
    workload: &'w Workload,
    consumer: &'w BaseConsumer,
    producer: Transactional,
    output: String,
    changelog: String,
    positions: BTreeMap<i32, i64>,
}

pub(crate) fn run(workload: &Workload) -> Value {
    workload.make_topics();
    let consumer = consumer(workload, workload.input());
    let mut all = Loop {
        workload,
        consumer: &consumer,
        producer: producer(workload),
        output: workload.output(),
        changelog: workload.changelog(),
        positions: BTreeMap::new(),
    };
    let mut seen: HashSet<[u8; ID_BYTES]> = HashSet::new();
    let mut meter = Meter::new(workload.records);
    meter.begin();
    let mut opened: Option<Instant> = None;
    let mut transactions = 0;
    while !meter.is_done() || opened.is_some() {
        if let Some(since) = opened
            && (meter.is_done() || since.elapsed() >= COMMIT_EVERY)
        {
            all.commit();
            transactions += 1;
            opened = None;
            continue;
        }
        let Some(Ok(message)) = consumer.poll(Duration::from_millis(5)) else {
            continue;
        };
        if opened.is_none() {
            all.producer.begin_transaction().unwrap();
            opened = Some(Instant::now());
        }
        let id = *message.payload().unwrap().first_chunk().unwrap();
        let is_new = seen.insert(id);
        if is_new {
            all.write(&message, id);
        }
        all.positions
            .insert(message.partition(), message.offset() + 1);
        meter.count(1, usize::from(is_new));
    }
    let mut report = meter.report("raw");
    report["transactions"] = json!(transactions);
    report
}

impl Loop<'_> {
    /// A copy, and the change of state that the engine would write.
    fn write(&self, message: &BorrowedMessage<'_>, id: [u8; ID_BYTES]) {
        let key = message.key().unwrap();
        let headers = message.headers().map(|found| found.detach());
        let headers = headers.unwrap_or_default();
        let copy = BaseRecord::<[u8], [u8]>::to(&self.output)
            .partition(message.partition())
            .key(key)
            .payload(message.payload().unwrap())
            .timestamp(message.timestamp().to_millis().unwrap())
            .headers(headers);
        self.send(copy);
        let name = [&[STATE_KIND], &id[..], key].concat();
        let source = format!(
            "{}/{}/{} ",
            self.workload.input(),
            message.partition(),
            message.offset()
        );
        let source = OwnedHeaders::new().insert(Header {
            key: "source",
            value: Some(&source),
        });
        let value = vec![1; self.workload.state_bytes];
        let change = BaseRecord::<[u8], [u8]>::to(&self.changelog)
            .partition(message.partition())
            .key(&name)
            .payload(&value)
            .headers(source);
        self.send(change);
    }

    fn send<'r>(&self, mut record: BaseRecord<'r, [u8], [u8]>) {
        while let Err((error, back)) = self.producer.send(record) {
            let full = matches!(&error, KafkaError::MessageProduction(code)
                if *code == rdkafka::error::RDKafkaErrorCode::QueueFull);
            assert!(full, "{error}");
            std::thread::sleep(NAP);
            record = back;
        }
    }

    fn commit(&mut self) {
        let mut list = TopicPartitionList::new();
        for (partition, next) in std::mem::take(&mut self.positions) {
            let input = self.workload.input();
            let added = list.add_partition_offset(input, partition, Offset::Offset(next));
            added.unwrap();
        }
        let owner = self.consumer.group_metadata().unwrap();
        while self.producer.in_flight_count() > 0 {
            std::thread::sleep(NAP);
        }
        self.producer
            .send_offsets_to_transaction(&list, &owner, CALL)
            .unwrap();
        self.producer.commit_transaction(CALL).unwrap();
    }
}

/// How many records came out, and how many different ones.
pub(crate) fn check(workload: &Workload) -> Value {
    let consumer = consumer(workload, &workload.output());
    let (mut records, mut bytes, mut ended) = (0, 0, 0);
    let mut ids: HashSet<Vec<u8>> = HashSet::new();
    while ended < workload.partitions {
        match consumer.poll(CALL) {
            Some(Ok(message)) => {
                records += 1;
                bytes += message.key_len() + message.payload_len();
                let id = message.payload().unwrap()[..ID_BYTES].to_vec();
                ids.insert([message.key().unwrap(), &id].concat());
            }
            Some(Err(KafkaError::PartitionEOF(_))) => ended += 1,
            Some(Err(error)) => panic!("{error}"),
            None => panic!("no record and no end within {CALL:?}"),
        }
    }
    json!({ "records": records, "unique": ids.len(), "bytes": bytes })
}
