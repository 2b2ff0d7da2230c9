//! The topic catalogue in the form that hosts are opened with.

use schemas::topic::{CATALOGUE as SPECS, Direction};
use stream_log::{Topic, Topics};

/// Name, and whether processors read it.
pub(crate) const CATALOGUE: Topics = &ROWS;

/// Header of a record in a copy: its place in its topic on Kafka.
pub(crate) const KAFKA_OFFSET: &str = "kafka_offset";

/// Whether processors read it.
pub(crate) fn is_input(topic: Topic) -> bool {
    CATALOGUE
        .iter()
        .any(|(name, input)| *input && *name == topic.0)
}

#[expect(
    clippy::indexing_slicing,
    reason = "evaluated while compiling; both have one length"
)]
const ROWS: [(&str, bool); SPECS.len()] = {
    let mut rows = [("", false); SPECS.len()];
    let mut at = 0;
    while at < SPECS.len() {
        rows[at] = (
            SPECS[at].name,
            matches!(SPECS[at].direction, Direction::Input),
        );
        at += 1;
    }
    rows
};
