//! `sudor topics create` on Kafka: what every topic is made with, and what of it is there.

use std::time::Duration;

use anyhow::{Context, anyhow};
use schemas::topic::{Cleanup, Direction};
use serde_json::json;
use stream_kafka::{KafkaOptions, TopicPlan, TopicSpec, create_topics, plan_topics};

use crate::cli::GlobalArgs;
use crate::config::{Kafka, Settings};
use crate::exit;

/// How long brokers may take to say what they have.
const LIMIT: Duration = Duration::from_secs(30);
/// A body as large as ingest takes, with its envelope, or a dead letter of it.
const LARGE_BYTES: u32 = 20 * 1_024 * 1_024;
/// Facts, hints and ticks are far below it; it is Kafka's own default.
const USUAL_BYTES: u32 = 1_048_588;

pub(crate) fn specs() -> Vec<TopicSpec> {
    let spec = |topic: &schemas::topic::TopicSpec| {
        let holds_bodies = topic.direction == Direction::Input
            || topic.name == schemas::topic::REJECTIONS
            || topic.name == schemas::topic::CHANGELOG;
        TopicSpec {
            name: topic.name,
            compacted: topic.cleanup == Cleanup::Compact,
            record_bytes_max: if holds_bodies {
                LARGE_BYTES
            } else {
                USUAL_BYTES
            },
        }
    };
    schemas::control::of_a_cluster().map(spec).collect()
}

pub(crate) fn create(settings: &Settings, kafka: &Kafka, global: GlobalArgs) -> anyhow::Result<()> {
    let (options, plan) = make(settings, kafka)?;
    if global.json {
        let items: Vec<_> = plan
            .iter()
            .map(|(name, step)| json!({"name": name, "done": word(step)}))
            .collect();
        return exit::print_json(&json!({"partitions": options.partitions, "items": items}));
    }
    exit::print_text(&said(&options, &plan))
}

pub(super) type Plan = Vec<(String, TopicPlan)>;

/// What was found, and done about it.
pub(super) fn make(settings: &Settings, kafka: &Kafka) -> anyhow::Result<(KafkaOptions, Plan)> {
    let options = super::options(settings, kafka)?;
    let specs = specs();
    let plan = plan_topics(&options, &specs, LIMIT).context("cannot look at the topics")?;
    let refused: Vec<String> = plan.iter().filter_map(refusal).collect();
    if !refused.is_empty() {
        return Err(anyhow!("{}", refused.join("\n")));
    }
    if plan.iter().any(|(_, step)| *step == TopicPlan::Create) {
        let replication = i32::try_from(kafka.replication).unwrap_or(i32::MAX);
        create_topics(&options, &specs, replication).context("cannot make the topics")?;
    }
    let new = plan.iter().all(|(_, step)| *step == TopicPlan::Create);
    super::ids::pin(&options, kafka.schema_ids, new)?;
    Ok((options, plan))
}

pub(super) fn refusal((name, step): &(String, TopicPlan)) -> Option<String> {
    match step {
        TopicPlan::PartitionCount { there, wanted } => Some(format!(
            "{name} has {there} partitions, log.partitions is {wanted}: the count is never changed, because the past of a key would be with another partition"
        )),
        _ => None,
    }
}

fn word(step: &TopicPlan) -> &'static str {
    match step {
        TopicPlan::Create => "created",
        TopicPlan::Same => "same",
        TopicPlan::Differs(_) => "differs",
        TopicPlan::PartitionCount { .. } => "refused",
    }
}

fn said(options: &KafkaOptions, plan: &[(String, TopicPlan)]) -> String {
    let mut lines = vec![format!(
        "{} partitions each, on {}",
        options.partitions, options.brokers
    )];
    for (name, step) in plan {
        lines.push(format!("{:<8} {name}", word(step)));
        if let TopicPlan::Differs(settings) = step {
            for (setting, there, wanted) in settings {
                lines.push(format!(
                    "           {setting} is {there}, and would be made {wanted}"
                ));
            }
        }
    }
    lines.join("\n")
}
