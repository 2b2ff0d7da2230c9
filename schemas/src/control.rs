//! The topics of a cluster that are no part of its log: what its nodes share. On one machine that is in
//! files, and there are no such topics.

use crate::topic::{CATALOGUE, Cleanup, Direction, TopicSpec};

pub const ATHLETES: &str = "sudor.control.athletes";
pub const ACCOUNTS: &str = "sudor.control.accounts";
pub const SECRETS: &str = "sudor.control.secrets";
pub const CLUSTER: &str = "sudor.control.cluster";

const fn control(
    name: &'static str,
    records: &'static [&'static str],
    meaning: &'static str,
) -> TopicSpec {
    TopicSpec {
        name,
        records,
        written_by: "ingest",
        meaning,
        direction: Direction::Internal,
        cleanup: Cleanup::Compact,
    }
}

pub const ALL: &[TopicSpec] = &[
    control(ATHLETES, &["AthleteRegistered"], "who the athletes are"),
    control(ACCOUNTS, &["AccountLinked"], "whose account is whose"),
    control(
        SECRETS,
        &["SecretSealed"],
        "tokens and callback URLs, sealed",
    ),
    control(
        CLUSTER,
        &["ClusterPinned"],
        "what was decided when the topics were made",
    ),
];

/// Every topic that a cluster has.
pub fn of_a_cluster() -> impl Iterator<Item = &'static TopicSpec> {
    CATALOGUE.iter().chain(ALL)
}
