//! What an error of the client means for the transaction: one total function.

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use stream_log::{Class, Failure};

/// What is done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The same call again: it resumes where it was.
    Retry,
    /// End the transaction, go back to the committed positions.
    Abort,
    /// Producer and membership are of no use, or the outcome is in doubt: everything anew.
    Rebuild,
    /// This record will never be taken.
    DeadLetter,
    /// Nothing that is done here helps; an operator has to.
    Stop,
}

/// The order of the questions matters: an error can be fatal and retriable in name.
pub fn classify(error: &KafkaError) -> Verdict {
    match error {
        KafkaError::Transaction(inner) => of_transaction(
            inner.code(),
            inner.is_fatal(),
            inner.txn_requires_abort(),
            inner.is_retriable(),
        ),
        // The flush before a commit ran out of time with records under way: the call resumes it.
        KafkaError::Flush(_) => Verdict::Retry,
        KafkaError::MessageProduction(code) => of_production(*code),
        KafkaError::MessageConsumptionFatal(_) => Verdict::Rebuild,
        KafkaError::MessageConsumption(code) | KafkaError::Global(code) => of_consumption(*code),
        KafkaError::OffsetFetch(code)
        | KafkaError::MetadataFetch(code)
        | KafkaError::ConsumerCommit(code) => of_call(*code),
        KafkaError::ClientConfig(..) | KafkaError::ClientCreation(_) => Verdict::Stop,
        _ => Verdict::Rebuild,
    }
}

/// What has none of the three marks is fatal, as the client's documentation says.
fn of_transaction(code: Code, fatal: bool, abort: bool, retriable: bool) -> Verdict {
    match code {
        Code::TransactionalIdAuthorizationFailed | Code::ClusterAuthorizationFailed => {
            return Verdict::Stop;
        }
        Code::MessageSizeTooLarge if abort => return Verdict::DeadLetter,
        _ => {}
    }
    match (fatal, abort, retriable) {
        (true, _, _) => Verdict::Rebuild,
        (_, true, _) => Verdict::Abort,
        (_, _, true) => Verdict::Retry,
        _ => Verdict::Rebuild,
    }
}

fn of_production(code: Code) -> Verdict {
    match code {
        Code::QueueFull => Verdict::Retry,
        Code::MessageSizeTooLarge | Code::InvalidMessageSize => Verdict::DeadLetter,
        Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition => {
            Verdict::Stop
        }
        Code::Fatal | Code::State => Verdict::Rebuild,
        _ => Verdict::Abort,
    }
}

fn of_consumption(code: Code) -> Verdict {
    match code {
        // What was not processed is no longer there: nobody may pretend that it was.
        Code::OffsetOutOfRange | Code::AutoOffsetReset => Verdict::Stop,
        Code::TopicAuthorizationFailed | Code::GroupAuthorizationFailed => Verdict::Stop,
        Code::Fatal | Code::Fenced | Code::FencedInstanceId | Code::UnreleasedInstanceId => {
            Verdict::Rebuild
        }
        _ => Verdict::Retry,
    }
}

fn of_call(code: Code) -> Verdict {
    match code {
        Code::TopicAuthorizationFailed | Code::GroupAuthorizationFailed => Verdict::Stop,
        Code::Fatal | Code::Fenced => Verdict::Rebuild,
        _ => Verdict::Retry,
    }
}

/// The failure that a port gives, with its class.
pub(crate) fn failed(attempted: impl Into<String>, error: KafkaError) -> Failure {
    let class = match classify(&error) {
        Verdict::Retry => Class::Retry,
        Verdict::Abort => Class::Abort,
        Verdict::Rebuild => Class::Rebuild,
        Verdict::DeadLetter => Class::DeadLetter,
        Verdict::Stop => Class::Stop,
    };
    Failure::new(class, attempted).with_source(error)
}

#[cfg(test)]
mod tests {
    use super::{Verdict, classify, of_transaction};
    use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

    #[test]
    fn every_kind_of_error_has_one_verdict() {
        use Verdict::{Abort, DeadLetter, Rebuild, Retry, Stop};
        // Code, fatal, abortable, retriable, as the client reports them in each step of a
        // transaction.
        let in_transactions = [
            (
                Code::TransactionalIdAuthorizationFailed,
                true,
                false,
                false,
                Stop,
            ),
            (Code::Fenced, true, false, false, Rebuild),
            (Code::InvalidProducerEpoch, true, false, false, Rebuild),
            (Code::InvalidProducerIdMapping, false, true, false, Abort),
            (Code::TopicAuthorizationFailed, false, true, false, Abort),
            (Code::OutOfOrderSequenceNumber, true, false, false, Rebuild),
            (Code::MessageSizeTooLarge, false, true, false, DeadLetter),
            (Code::GroupAuthorizationFailed, false, true, false, Abort),
            (Code::IllegalGeneration, false, true, false, Abort),
            (Code::UnknownMemberId, false, true, false, Abort),
            (Code::FencedInstanceId, false, true, false, Abort),
            (Code::RebalanceInProgress, false, true, false, Abort),
            (Code::InvalidTransactionalState, true, false, false, Rebuild),
            (Code::OperationTimedOut, false, false, true, Retry),
            (Code::BrokerTransportFailure, false, false, true, Retry),
            (Code::NotCoordinator, false, false, true, Retry),
            (Code::State, false, false, false, Rebuild),
            // A mark that contradicts: the worst one counts.
            (Code::OperationTimedOut, true, true, true, Rebuild),
            (Code::OperationTimedOut, false, true, true, Abort),
        ];
        for (code, fatal, abort, retriable, verdict) in in_transactions {
            let found = of_transaction(code, fatal, abort, retriable);
            assert_eq!(found, verdict, "{code:?} {fatal} {abort} {retriable}");
        }
    }

    #[test]
    fn errors_outside_of_a_transactions_calls_have_one_too() {
        use Verdict::{Abort, DeadLetter, Rebuild, Retry, Stop};
        let elsewhere = [
            (KafkaError::Flush(Code::OperationTimedOut), Retry),
            (KafkaError::MessageProduction(Code::QueueFull), Retry),
            (
                KafkaError::MessageProduction(Code::MessageSizeTooLarge),
                DeadLetter,
            ),
            (
                KafkaError::MessageProduction(Code::UnknownTopicOrPartition),
                Stop,
            ),
            (KafkaError::MessageProduction(Code::MessageTimedOut), Abort),
            (KafkaError::MessageProduction(Code::Fatal), Rebuild),
            (KafkaError::MessageConsumption(Code::OffsetOutOfRange), Stop),
            (KafkaError::MessageConsumption(Code::AutoOffsetReset), Stop),
            (
                KafkaError::MessageConsumption(Code::BrokerTransportFailure),
                Retry,
            ),
            (KafkaError::MessageConsumption(Code::AllBrokersDown), Retry),
            (KafkaError::MessageConsumptionFatal(Code::Fatal), Rebuild),
            (KafkaError::Global(Code::UnreleasedInstanceId), Rebuild),
            (KafkaError::OffsetFetch(Code::OperationTimedOut), Retry),
            (
                KafkaError::OffsetFetch(Code::GroupAuthorizationFailed),
                Stop,
            ),
            (
                KafkaError::MetadataFetch(Code::BrokerTransportFailure),
                Retry,
            ),
            (KafkaError::ConsumerCommit(Code::IllegalGeneration), Retry),
            (KafkaError::ClientCreation("x".to_owned()), Stop),
            (KafkaError::Canceled, Rebuild),
            (KafkaError::Seek("x".to_owned()), Rebuild),
        ];
        for (error, verdict) in elsewhere {
            assert_eq!(classify(&error), verdict, "{error:?}");
        }
    }
}
