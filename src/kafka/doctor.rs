//! What `sudor doctor` asks a cluster: who answers, and whether its topics are what `sudor topics
//! create` would make. Nothing is made, neither there nor in the data folder.

use std::time::Duration;

use anyhow::bail;
use stream_kafka::{KafkaOptions, TopicPlan, plan_topics};

use super::topics::{Plan, refusal, specs};
use crate::config::{Kafka, Settings};

/// Whoever asks sits in front of it. A broker answers within milliseconds, over oceans in half a second.
const LIMIT: Duration = Duration::from_secs(5);
/// What is named; the rest is counted.
const NAMED_MAX: usize = 3;

/// Not the name that the folder keeps: a doctor is nobody's next life.
const INSTANCE: &str = "doctor";

fn options(settings: &Settings, kafka: &Kafka) -> KafkaOptions {
    super::options_of(settings, kafka, INSTANCE.to_owned())
}

pub(crate) fn brokers(settings: &Settings, kafka: &Kafka) -> anyhow::Result<String> {
    let found = stream_kafka::brokers(&options(settings, kafka), LIMIT)?;
    Ok(format!(
        "{} of the cluster: {}",
        found.len(),
        found.join(", ")
    ))
}

pub(crate) fn topics(settings: &Settings, kafka: &Kafka) -> anyhow::Result<String> {
    let plan = plan_topics(&options(settings, kafka), &specs(), LIMIT)?;
    match flaws(&plan) {
        None => Ok(format!(
            "{} topics of {} partitions",
            plan.len(),
            settings.log.partitions
        )),
        Some(flaws) => bail!("{flaws}"),
    }
}

/// What of the plan is not as it should be, in words.
fn flaws(plan: &Plan) -> Option<String> {
    let missing = plan.iter().filter(|(_, step)| *step == TopicPlan::Create);
    let missing: Vec<String> = missing.map(|(name, _)| name.clone()).collect();
    let mut flaws = Vec::new();
    if !missing.is_empty() {
        let count = missing.len();
        let named = some_of(missing, ", ");
        flaws.push(format!(
            "{count} of {} topics are not there: {named}",
            plan.len()
        ));
    }
    flaws.extend(plan.iter().filter_map(refusal));
    flaws.extend(plan.iter().filter_map(difference));
    (!flaws.is_empty()).then(|| some_of(flaws, "; "))
}

fn difference((name, step): &(String, TopicPlan)) -> Option<String> {
    let TopicPlan::Differs(settings) = step else {
        return None;
    };
    let settings = settings
        .iter()
        .map(|(setting, there, wanted)| format!("{setting} is {there}, not {wanted}"));
    Some(format!(
        "{name}: {}",
        settings.collect::<Vec<_>>().join(", ")
    ))
}

fn some_of(mut all: Vec<String>, between: &str) -> String {
    let more = all.len().saturating_sub(NAMED_MAX);
    all.truncate(NAMED_MAX);
    if more > 0 {
        all.push(format!("and {more} more"));
    }
    all.join(between)
}

#[cfg(test)]
mod tests {
    use stream_kafka::TopicPlan;

    use super::flaws;

    #[test]
    fn topics_are_right_when_none_is_missing_cut_otherwise_or_set_otherwise() {
        let differs = TopicPlan::Differs(vec![(
            "retention.ms".to_owned(),
            "604800000".to_owned(),
            "-1".to_owned(),
        )]);
        let cut = TopicPlan::PartitionCount {
            there: 4,
            wanted: 16,
        };
        let cases = [
            (vec![TopicPlan::Same, TopicPlan::Same], ""),
            (
                vec![TopicPlan::Same, TopicPlan::Create],
                "1 of 2 topics are not there: t1",
            ),
            (
                vec![TopicPlan::Create; 5],
                "5 of 5 topics are not there: t0, t1, t2, and 2 more",
            ),
            (vec![differs], "t0: retention.ms is 604800000, not -1"),
            (vec![cut], "t0 has 4 partitions, log.partitions is 16"),
        ];
        for (steps, expected) in cases {
            let names = (0..).map(|number: usize| format!("t{number}"));
            let said = flaws(&names.zip(steps).collect()).unwrap_or_default();
            assert!(said.starts_with(expected), "{said}");
            assert_eq!(said.is_empty(), expected.is_empty(), "{said}");
        }
    }
}
