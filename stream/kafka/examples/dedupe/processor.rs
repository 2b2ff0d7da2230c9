//! The topology as a processor: a record passes if nothing is kept under its athlete and id yet.

use std::collections::{BTreeMap, BTreeSet};

use stream_log::{
    BucketId, BucketNeed, Buckets, Call, Effects, Key, LogTime, Partition, Processor, Record,
    Rejection, Sequenced, Stamped, Timer, Topic, Undecodable,
};

pub(crate) const ID_BYTES: usize = 4;

pub(crate) struct FirstOnly {
    pub(crate) output: Topic,
    /// Bytes of what is kept for an id.
    pub(crate) state_bytes: usize,
}

#[derive(Clone)]
pub(crate) struct Input {
    id: BucketId,
    headers: Vec<stream_log::Header>,
    value: Vec<u8>,
}

impl FirstOnly {
    fn pass_on(&self, call: &Call<'_, Input, (), ()>) -> Effects<(), ()> {
        let mut new: BTreeSet<BucketId> = BTreeSet::new();
        let passes = call.inputs.iter().filter(|input| {
            let id = input.input.id;
            !call.buckets.contains_key(&id) && new.insert(id)
        });
        let emit = passes
            .map(|input| Record {
                topic: self.output,
                key: call.athlete.clone(),
                received_at: input.received_at,
                headers: input.input.headers.clone(),
                value: input.input.value.clone(),
            })
            .collect();
        Effects {
            emit,
            buckets: new
                .into_iter()
                .map(|id| (id, Some(())))
                .collect::<BTreeMap<_, _>>(),
            ..Effects::default()
        }
    }
}

impl Processor for FirstOnly {
    type Input = Input;
    type Head = ();
    /// What is kept says nothing more than that it is there.
    type Bucket = ();

    fn decode(&self, record: &Sequenced) -> Result<Input, Undecodable> {
        let id = record.record.value.first_chunk::<ID_BYTES>();
        let id = id.ok_or_else(|| Undecodable {
            detail: "no id".to_owned(),
        })?;
        Ok(Input {
            id: BucketId(i32::from_be_bytes(*id)),
            headers: record.record.headers.clone(),
            value: record.record.value.clone(),
        })
    }

    fn buckets(
        &self,
        (): &(),
        inputs: &[Stamped<Input>],
        _: &[Timer],
        _: &Buckets<()>,
    ) -> BucketNeed {
        BucketNeed::These(inputs.iter().map(|input| input.input.id).collect())
    }

    fn process(&self, calls: &[Call<'_, Input, (), ()>]) -> Vec<Effects<(), ()>> {
        calls.iter().map(|call| self.pass_on(call)).collect()
    }

    fn encode_head(&self, (): &()) -> Vec<u8> {
        Vec::new()
    }

    fn decode_head(&self, _: &[u8]) -> Result<(), Undecodable> {
        Ok(())
    }

    fn encode_bucket(&self, (): &()) -> Vec<u8> {
        vec![1; self.state_bytes]
    }

    fn decode_bucket(&self, _: &[u8]) -> Result<(), Undecodable> {
        Ok(())
    }

    fn head_size(&self, (): &()) -> usize {
        0
    }

    fn bucket_size(&self, (): &()) -> usize {
        1
    }

    fn logical_time(&self, (): &()) -> LogTime {
        LogTime(0)
    }

    /// Nothing sets a timer.
    fn tick(&self, _: Partition, at: LogTime) -> Record {
        Record {
            topic: self.output,
            key: Key::new(""),
            received_at: at,
            headers: Vec::new(),
            value: Vec::new(),
        }
    }

    fn as_tick(&self, _: &Record) -> Option<LogTime> {
        None
    }

    /// Every record of the workload has an id.
    fn rejection(&self, _: &Sequenced, reason: &str, detail: &str) -> Rejection {
        panic!("{reason}: {detail}");
    }

    fn is_replay(&self, _: &Input) -> bool {
        false
    }
}
