//! The topology on the engine, with the settings and limits of `sudor run`.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stream_kafka::{KafkaAppender, KafkaHost};
use stream_log::{Step, Task, TaskLimits, Topic};

use crate::meter::{Meter, resident_mb};
use crate::processor::FirstOnly;
use crate::workload::{Workload, time_of_day};

const READY: Duration = Duration::from_mins(5);
/// Defaults of `limits.batch_records`, `limits.batch_mib` and `limits.decoded_cache_mib`.
const BATCH_RECORDS: usize = 2_048;
const BATCH_BYTES: usize = 8 * 1024 * 1024;
const CACHE_BYTES: usize = 64 * 1024 * 1024;

fn open(workload: &Workload) -> KafkaHost {
    let options = workload.options();
    let appender = KafkaAppender::open(&options).unwrap();
    let mut host = KafkaHost::open(&options, appender).unwrap();
    let all = usize::try_from(workload.partitions).unwrap();
    host.wait_for_partitions(all, READY).unwrap();
    host
}

pub(crate) fn run(workload: &Workload) -> Value {
    workload.make_topics();
    let host = open(workload);
    let processor = FirstOnly {
        output: Topic(workload.output().leak()),
        state_bytes: workload.state_bytes,
    };
    let limits = TaskLimits {
        records: BATCH_RECORDS,
        bytes: BATCH_BYTES,
        cache_bytes: CACHE_BYTES,
        ..TaskLimits::default()
    };
    let mut task = Task::new(processor, host, limits);
    let mut meter = Meter::new(workload.records);
    let mut batches = 0;
    meter.begin();
    while !meter.is_done() {
        if let Step::Worked {
            inputs, outputs, ..
        } = task.step(time_of_day()).unwrap()
        {
            batches += 1;
            meter.count(inputs, outputs);
        }
    }
    let mut report = meter.report("engine");
    report["transactions"] = json!(batches);
    report
}

/// How long until all partitions are ready, and what was read of the changelog for it.
pub(crate) fn restore(workload: &Workload) -> Value {
    let is_cold = !workload.folder.exists();
    let began = Instant::now();
    let mut meter = Meter::new(0);
    meter.begin();
    let host = open(workload);
    let ready_s = began.elapsed().as_secs_f64();
    let restored = host.restored();
    let megabytes = restored.bytes as f64 / 1e6;
    json!({
        "who": if is_cold { "restore-cold" } else { "restore-warm" },
        "ready_s": ready_s,
        "cpu_s": meter.report("restore")["cpu_s"],
        "restore_s": restored.took.as_secs_f64(),
        "records": restored.records,
        "megabytes": megabytes,
        "megabytes_per_s": megabytes / restored.took.as_secs_f64(),
        "rss_mb": resident_mb(),
    })
}
