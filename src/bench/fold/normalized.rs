//! The pipeline behind a table of inputs that were normalized already.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use processors_pipeline::Pipeline;
use stream_log::{
    BucketNeed, Buckets, Call, Effects, LogTime, Offset, Partition, Processor, Record, Rejection,
    Sequenced, Stamped, Timer, Undecodable,
};

type Input = <Pipeline as Processor>::Input;
type Head = <Pipeline as Processor>::Head;
type Bucket = <Pipeline as Processor>::Bucket;

/// Decoding is to take what was prepared; everything else is the pipeline's.
pub(super) struct Normalized {
    pipeline: Pipeline,
    prepared: Mutex<BTreeMap<Offset, Input>>,
}

impl Normalized {
    pub(super) fn new(pipeline: Pipeline) -> Self {
        Self {
            pipeline,
            prepared: Mutex::default(),
        }
    }

    pub(super) fn prepare(&self, record: &Sequenced) -> anyhow::Result<()> {
        let input = self
            .pipeline
            .decode(record)
            .map_err(|error| anyhow::anyhow!("an item of the workload: {}", error.detail))?;
        let mut prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        prepared.insert(record.offset, input);
        Ok(())
    }
}

impl Processor for Normalized {
    type Input = Input;
    type Head = Head;
    type Bucket = Bucket;

    fn decode(&self, record: &Sequenced) -> Result<Input, Undecodable> {
        let mut prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        prepared.remove(&record.offset).ok_or_else(|| Undecodable {
            detail: "it was not prepared".to_owned(),
        })
    }

    fn buckets(
        &self,
        head: &Head,
        inputs: &[Stamped<Input>],
        due: &[Timer],
        loaded: &Buckets<Bucket>,
    ) -> BucketNeed {
        self.pipeline.buckets(head, inputs, due, loaded)
    }

    fn process(&self, calls: &[Call<'_, Input, Head, Bucket>]) -> Vec<Effects<Head, Bucket>> {
        self.pipeline.process(calls)
    }

    fn encode_head(&self, head: &Head) -> Vec<u8> {
        self.pipeline.encode_head(head)
    }

    fn decode_head(&self, bytes: &[u8]) -> Result<Head, Undecodable> {
        self.pipeline.decode_head(bytes)
    }

    fn encode_bucket(&self, bucket: &Bucket) -> Vec<u8> {
        self.pipeline.encode_bucket(bucket)
    }

    fn decode_bucket(&self, bytes: &[u8]) -> Result<Bucket, Undecodable> {
        self.pipeline.decode_bucket(bytes)
    }

    fn head_size(&self, head: &Head) -> usize {
        self.pipeline.head_size(head)
    }

    fn bucket_size(&self, bucket: &Bucket) -> usize {
        self.pipeline.bucket_size(bucket)
    }

    fn logical_time(&self, head: &Head) -> LogTime {
        self.pipeline.logical_time(head)
    }

    fn tick(&self, partition: Partition, at: LogTime) -> Record {
        self.pipeline.tick(partition, at)
    }

    fn as_tick(&self, record: &Record) -> Option<LogTime> {
        self.pipeline.as_tick(record)
    }

    fn rejection(&self, input: &Sequenced, reason: &str, detail: &str) -> Rejection {
        self.pipeline.rejection(input, reason, detail)
    }

    fn is_replay(&self, input: &Input) -> bool {
        self.pipeline.is_replay(input)
    }
}
