//! Kafka keeps the contract of a host: the suite of `stream-log` on a real broker.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "helpers of tests that find their broker by the environment"
)]

#[path = "broker/world.rs"]
mod world;

use std::time::Duration;

use rdkafka::producer::{BaseRecord, Producer};
use stream_kafka::{
    GroupProtocol, KafkaAppender, KafkaFollower, KafkaHost, KafkaSubscriber, Places, Security,
};
use stream_log::contract::{HostFactory, INPUT, OUTPUT, TOPICS, Tally, check, drive, input};
use stream_log::{
    Append, Class, Failure, LogTime, Offset, Sequenced, Subscribe, Task, TaskLimits, Topic, Topics,
};

use world::{World, limits, server};

/// Opening takes a second or two, so a crash is tried at every so many calls.
const CRASH_STRIDE: u64 = 61;
/// Without waiting for the client a few dozen are enough to end the process.
const CHANGES: usize = 300;

struct Broker {
    protocol: GroupProtocol,
    world: World,
}

/// Reads to the end: an empty answer of a broker only says that nothing has come yet.
struct ToTheEnd(KafkaSubscriber);

impl Subscribe for ToTheEnd {
    fn read(
        &mut self,
        topics: &[Topic],
        after: Offset,
        max_records: usize,
        max_bytes: usize,
    ) -> Result<Vec<Sequenced>, Failure> {
        loop {
            let page = self.0.read(topics, after, max_records, max_bytes)?;
            if !page.is_empty() {
                return Ok(page);
            }
            match self.0.is_at_end() {
                Ok(true) => return Ok(page),
                // A topic that was made a moment ago may have no leader yet.
                Err(failure) if failure.class != Class::Retry => return Err(failure),
                Ok(false) | Err(_) => {}
            }
        }
    }
}

impl HostFactory for Broker {
    type Host = KafkaHost;
    type Appender = KafkaAppender;
    type Reader = ToTheEnd;

    fn create(&mut self, partitions: u32, topics: Topics) {
        self.world = World::new(&self.world.brokers, self.protocol, partitions, topics);
    }

    fn open(&mut self) -> KafkaHost {
        self.world.open()
    }

    fn open_to_be_replaced(&mut self) -> KafkaHost {
        self.world.open_with(limits().max_poll_interval)
    }

    fn appender(&mut self) -> KafkaAppender {
        self.world.appender()
    }

    fn reader(&mut self) -> ToTheEnd {
        ToTheEnd(KafkaSubscriber::open(&self.world.options(), None).unwrap())
    }

    fn crash_stride(&self) -> u64 {
        CRASH_STRIDE
    }
}

fn keeps_the_contract(protocol: GroupProtocol) {
    let Some(brokers) = server("SUDOR_TEST_KAFKA") else {
        return;
    };
    // Printed where the test fails.
    let told = tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG);
    told.with_test_writer().try_init().ok();
    let world = World::new(&brokers, protocol, 1, TOPICS);
    check(&mut Broker { protocol, world });
}

#[test]
fn kafka_keeps_the_contract_with_groups_of_the_broker() {
    keeps_the_contract(GroupProtocol::Consumer);
}

#[test]
fn kafka_keeps_the_contract_with_classic_groups() {
    keeps_the_contract(GroupProtocol::Classic);
}

/// The client aborts the process where a partition is assigned anew while it is being stopped.
#[test]
fn a_reader_may_change_what_it_reads_at_any_moment() {
    let Some(brokers) = server("SUDOR_TEST_KAFKA") else {
        return;
    };
    let mut world = World::new(&brokers, GroupProtocol::Classic, 16, TOPICS);
    let one = input("t/a", LogTime(0), "add 7");
    world.appender().append(vec![one.clone()]).unwrap();
    let mut options = world.options();
    options.limits.poll_wait = Duration::ZERO;
    let mut reader = KafkaSubscriber::open(&options, None).unwrap();
    for _ in 0..CHANGES {
        for topics in [&[INPUT][..], &[INPUT, OUTPUT]] {
            reader.read(topics, Offset(0), 10, usize::MAX).unwrap();
        }
    }
    let mut reader = ToTheEnd(KafkaSubscriber::open(&world.options(), None).unwrap());
    let found = reader.read(&[INPUT], Offset(0), 10, usize::MAX).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].record.value, one.value);
}

/// A commit's marks reach partitions one after the other, so what is hidden behind one may follow from
/// what is already seen elsewhere.
#[test]
fn no_reader_is_at_the_end_while_a_transaction_is_open() {
    let Some(brokers) = server("SUDOR_TEST_KAFKA") else {
        return;
    };
    let mut world = World::new(&brokers, GroupProtocol::Classic, 2, TOPICS);
    let appender = world.appender();
    appender
        .append(vec![input("t/a", LogTime(0), "add 7")])
        .unwrap();
    let options = world.options();
    let mut subscriber = KafkaSubscriber::open(&options, None).unwrap();
    let topics = [INPUT, OUTPUT];
    let mut last = Offset(0);
    let mut count = |wanted: usize, subscriber: &mut KafkaSubscriber| {
        let mut found = 0;
        while found < wanted {
            let page = subscriber.read(&topics, last, 10, usize::MAX).unwrap();
            last = page.last().map_or(last, |last| last.offset);
            found += page.len();
        }
    };
    let mut follower = KafkaFollower::open(&options, Places::new()).unwrap();
    let follow = |wanted: usize, follower: &mut KafkaFollower| {
        let mut found = 0;
        while found < wanted {
            found += follower.read(10, options.limits.poll_wait).unwrap().len();
        }
    };
    count(1, &mut subscriber);
    follow(1, &mut follower);
    assert!(subscriber.is_at_end().unwrap() && follower.is_at_end().unwrap());

    let writer = world.stranger();
    writer.begin_transaction().unwrap();
    let output = options.topic(OUTPUT.0);
    let fact = BaseRecord::to(&output).partition(1).key("t/b");
    writer.send(fact.payload("1 sum 7 day 7")).unwrap();
    writer.flush(options.limits.call).unwrap();
    assert!(!subscriber.is_at_end().unwrap() && !follower.is_at_end().unwrap());

    writer.commit_transaction(options.limits.call).unwrap();
    count(1, &mut subscriber);
    follow(1, &mut follower);
    assert!(subscriber.is_at_end().unwrap() && follower.is_at_end().unwrap());
}

#[test]
fn a_broker_behind_tls_lets_in_who_knows_the_password() {
    let (Some(plain), Some(brokers), Some(ca)) = (
        server("SUDOR_TEST_KAFKA"),
        server("SUDOR_TEST_KAFKA_TLS"),
        server("SUDOR_TEST_KAFKA_CA"),
    ) else {
        return;
    };
    let world = World::new(&plain, GroupProtocol::Classic, 1, TOPICS);
    let mut options = world.options();
    options.brokers = brokers;
    options.limits.delivery = Duration::from_secs(8);
    options.security = Security {
        tls: true,
        ca_file: Some(ca.into()),
        user: Some("sudor".to_owned()),
        password: Some("only-for-tests".to_owned()),
    };
    let one = || vec![input("t/a", LogTime(0), "add 7")];
    let appender = KafkaAppender::open(&options).unwrap();
    appender.append(one()).unwrap();
    let mut host = KafkaHost::open(&options, appender).unwrap();
    host.wait_for_partitions(1, Duration::from_secs(60))
        .unwrap();
    let mut task = Task::new(Tally, host, TaskLimits::default());
    drive(&mut task, LogTime(0)).unwrap();
    let mut reader = ToTheEnd(KafkaSubscriber::open(&options, None).unwrap());
    let found = reader.read(&[OUTPUT], Offset(0), 10, usize::MAX).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].record.value, b"1 sum 7 day 7");

    options.instance = "two".to_owned();
    for wrong in [
        Security {
            password: Some("guessed".to_owned()),
            ..options.security.clone()
        },
        // A certificate that nobody vouches for.
        Security {
            ca_file: None,
            ..options.security.clone()
        },
        Security::default(),
    ] {
        options.security = wrong;
        let stranger = KafkaAppender::open(&options).unwrap();
        stranger.append(one()).unwrap_err();
    }
}
