//! Who owns what: a member of the group, which subscribes to the changelog only.
//!
//! Partition p of every input belongs to whom partition p of the changelog was assigned. So all inputs
//! of an athlete are with one owner whatever the assignor, which `cooperative-sticky` over the inputs
//! would not promise. The member's own partitions are paused; it reads nothing.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::consumer::{
    BaseConsumer, Consumer, ConsumerContext, ConsumerGroupMetadata, Rebalance,
};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::TopicPartitionList;
use stream_log::{Class, Failure, Partition};

use crate::classify::{Verdict, classify, failed};
use crate::clients::{self, Told};
use crate::codec;
use crate::settings::KafkaOptions;

/// When a partition was assigned, counted: one that left and came back between two looks has another
/// count, and nothing that was known of it holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Owned {
    pub(crate) since: BTreeMap<Partition, u64>,
    assigned: u64,
    /// Assignments and revocations that were told of.
    changes: u64,
}

/// Events of one look. The client makes one for every failed attempt at a connection, and attempts are
/// at most a second apart; thousands would be an hour that nobody looked.
const EVENTS_MAX: usize = 10_000;

#[derive(Default)]
pub(crate) struct Assignment {
    told: Told,
    owned: Mutex<Owned>,
}

impl ClientContext for Assignment {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.told.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.told.error(error, reason);
    }
}

fn partitions(list: &TopicPartitionList) -> Vec<Partition> {
    let elements = list.elements();
    elements
        .iter()
        .map(|element| codec::partition(element.partition()))
        .collect()
}

/// Runs inside `Member::serve`. It notes; the host acts when `serve` has returned.
impl ConsumerContext for Assignment {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        let mut owned = self.owned.lock().unwrap_or_else(PoisonError::into_inner);
        owned.changes = owned.changes.saturating_add(1);
        if let Rebalance::Revoke(gone) = rebalance {
            tracing::debug!(partitions = ?partitions(gone), "no longer ours");
            for partition in partitions(gone) {
                owned.since.remove(&partition);
            }
        }
    }

    fn post_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Assign(new) = rebalance {
            if let Err(error) = consumer.pause(new) {
                // What it reads then is thrown away.
                tracing::debug!(%error, "the member's partitions could not be paused");
            }
            tracing::debug!(partitions = ?partitions(new), "assigned");
            let mut owned = self.owned.lock().unwrap_or_else(PoisonError::into_inner);
            owned.assigned = owned.assigned.saturating_add(1);
            let assigned = owned.assigned;
            owned
                .since
                .extend(partitions(new).into_iter().map(|one| (one, assigned)));
        }
    }
}

pub(crate) struct Member {
    consumer: BaseConsumer<Assignment>,
}

impl Member {
    pub(crate) fn join(options: &KafkaOptions) -> Result<Self, Failure> {
        let consumer =
            BaseConsumer::from_config_and_context(&clients::member(options), Assignment::default())
                .map_err(|error| failed("opening the member of the group", error))?;
        consumer
            .subscribe(&[&options.topic(options.changelog)])
            .map_err(|error| failed("joining the group", error))?;
        Ok(Self { consumer })
    }

    /// Lets the client tell of all changes there are, waiting for the first so long at most.
    ///
    /// Errors of connections stand in the same queue, dozens of them after a broker was away, and a
    /// change may be behind them. So the queue is emptied: a look that ends early leaves a worker with
    /// what it owned before.
    pub(crate) fn serve(&self, wait: Duration) -> Result<(), Failure> {
        let mut wait = wait;
        for _ in 0..EVENTS_MAX {
            let changes = self.changes();
            let found = self.consumer.poll(wait);
            wait = Duration::ZERO;
            match found {
                Some(Err(error)) if classify(&error) != Verdict::Retry => {
                    return Err(failed("being a member of the group", error));
                }
                Some(Err(error)) => tracing::debug!(%error, "member of the group"),
                Some(Ok(_)) => {}
                // A change ends a poll as an empty queue does.
                None if self.changes() == changes => return Ok(()),
                None => {}
            }
        }
        Err(Failure::new(
            Class::Abort,
            "hearing of all changes of the group",
        ))
    }

    fn changes(&self) -> u64 {
        let owned = self.consumer.context().owned.lock();
        owned.unwrap_or_else(PoisonError::into_inner).changes
    }

    /// What the broker has given to others while we were not heard of is ours until the client has told
    /// of it. This is known at once, and until it is told nothing is owned.
    pub(crate) fn is_lost(&self) -> bool {
        self.consumer.assignment_lost()
    }

    pub(crate) fn owned(&self) -> BTreeMap<Partition, u64> {
        self.consumer
            .context()
            .owned
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .since
            .clone()
    }

    /// Holds the generation by which the broker knows a former owner. It has to be from before the
    /// ownership was looked at: a member that was taken for dead joins anew on a thread of the client,
    /// and what it has then would let through a commit of partitions that it lost. The positions that
    /// are committed are those of inputs, which the group knows nothing of: a broker compares the
    /// generation, and not who has which partition.
    pub(crate) fn metadata(&self) -> Result<ConsumerGroupMetadata, Failure> {
        self.consumer
            .group_metadata()
            .ok_or_else(|| Failure::new(Class::Abort, "being a member of the group"))
    }

    /// The group's positions. Waits for transactions under way that will move them.
    pub(crate) fn committed(
        &self,
        wanted: TopicPartitionList,
        limit: Duration,
    ) -> Result<TopicPartitionList, Failure> {
        self.consumer
            .committed_offsets(wanted, limit)
            .map_err(|error| failed("reading the committed positions", error))
    }
}
