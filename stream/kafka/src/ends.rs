//! Where topics end: for who may read what is committed, and with all that was written.
//!
//! A commit reaches each partition with a mark of its own, and whoever made it goes on before the last
//! mark is there. So no partition says of another how far it is: what follows from an input may still be
//! hidden where the input is known to be processed.

use std::time::Duration;

use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::topic_partition_list::{Offset as At, TopicPartitionList};
use stream_log::Failure;

use crate::classify::failed;
use crate::clients::{self, Told};
use crate::codec;
use crate::follow::Places;
use crate::settings::KafkaOptions;

/// The ends of a list made of ends, marks of transactions included. For a reader of what is committed
/// they stand before the first transaction that is open.
pub(crate) fn ends(
    consumer: &BaseConsumer<Told>,
    options: &KafkaOptions,
    list: TopicPartitionList,
) -> Result<Places, Failure> {
    let found = consumer
        .offsets_for_times(list, options.limits.call)
        .map_err(|error| failed("asking for the ends of topics", error))?;
    let found = found.elements();
    Ok(found
        .iter()
        .filter_map(|one| {
            let At::Offset(end) = one.offset() else {
                return None;
            };
            let topic = options.known(one.topic())?;
            Some(((topic, codec::partition(one.partition())), end))
        })
        .collect())
}

/// Sees what is written and not decided. It reads nothing of it.
pub(crate) struct Onlooker {
    consumer: BaseConsumer<Told>,
}

impl Onlooker {
    pub(crate) fn open(options: &KafkaOptions, group: &str) -> Result<Self, Failure> {
        let config = clients::onlooker(options, group);
        let consumer = BaseConsumer::from_config_and_context(&config, Told::default())
            .map_err(|error| failed("opening a client that asks for ends", error))?;
        Ok(Self { consumer })
    }

    pub(crate) fn written_ends(
        &self,
        options: &KafkaOptions,
        list: TopicPartitionList,
    ) -> Result<Places, Failure> {
        // Nothing comes but words about lost connections, for which nobody else has room.
        while self.consumer.poll(Duration::ZERO).is_some() {}
        ends(&self.consumer, options, list)
    }

    /// Where a reader of what is committed stands at the end of all that is written; nothing while a
    /// transaction is open.
    pub(crate) fn decided_ends(
        &self,
        reader: &BaseConsumer<Told>,
        options: &KafkaOptions,
        list: TopicPartitionList,
    ) -> Result<Option<Places>, Failure> {
        // In this order: what is written between the two is decided, or comes after both.
        let written = self.written_ends(options, list.clone())?;
        let decided = ends(reader, options, list)?;
        let is_open = |(place, end)| decided.get(place).is_none_or(|decided| decided < end);
        Ok((!written.iter().any(is_open)).then_some(decided))
    }
}
