//! Kafka keeps the contract of a host: the suite of `stream-log` on a real broker.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "helpers of tests that find their broker by the environment"
)]

#[path = "broker/world.rs"]
mod world;

use stream_kafka::{GroupProtocol, KafkaAppender, KafkaHost, KafkaSubscriber};
use stream_log::contract::{HostFactory, check};
use stream_log::{Failure, Offset, Sequenced, Subscribe, Topic, Topics};

use world::{World, server};

/// Opening takes a second or two, so a crash is tried at every so many calls.
const CRASH_STRIDE: u64 = 31;

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
            if !page.is_empty() || self.0.is_at_end()? {
                return Ok(page);
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
    let world = World::new(&brokers, protocol, 1, stream_log::contract::TOPICS);
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
