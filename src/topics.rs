//! The topic catalogue in the form that hosts are opened with.

use stream_log::{Topic, Topics};

/// Name, and whether processors read it.
pub(crate) const CATALOGUE: Topics = &schemas::topic::READ_BY_PROCESSORS;

/// Header of a record in a copy: its place in its topic on Kafka.
pub(crate) const KAFKA_OFFSET: &str = "kafka_offset";

/// Whether processors read it.
pub(crate) fn is_input(topic: Topic) -> bool {
    CATALOGUE
        .iter()
        .any(|(name, input)| *input && *name == topic.0)
}
