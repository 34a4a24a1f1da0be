//! What Kafka's errors mean to a worker.

use longshore_api::error::class;
use longshore_api::{ConnectError, ErrorKind};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

/// Whether the same thing may work later without anybody doing anything.
pub(super) fn is_transient(code: Code) -> bool {
    matches!(
        code,
        Code::BrokerTransportFailure
            | Code::AllBrokersDown
            | Code::OperationTimedOut
            | Code::MessageTimedOut
            | Code::TimedOutQueue
            | Code::RequestTimedOut
            | Code::Resolve
            | Code::WaitingForCoordinator
            | Code::WaitCache
            | Code::Retry
            | Code::InProgress
            | Code::PreviousInProgress
            | Code::Outdated
            | Code::Conflict
            | Code::LeaderNotAvailable
            | Code::NotLeaderForPartition
            | Code::BrokerNotAvailable
            | Code::ReplicaNotAvailable
            | Code::NetworkException
            | Code::CoordinatorLoadInProgress
            | Code::CoordinatorNotAvailable
            | Code::NotCoordinator
            | Code::NotEnoughReplicas
            | Code::NotEnoughReplicasAfterAppend
            | Code::NotController
            | Code::KafkaStorageError
            | Code::OffsetNotAvailable
            | Code::RebalanceInProgress
            | Code::UnstableOffsetCommit
            | Code::UnknownTopic
            | Code::UnknownPartition
            | Code::UnknownTopicOrPartition
            | Code::UnknownTopicId
            | Code::ListenerNotFound
            | Code::QueueFull
            | Code::ThrottlingQuotaExceeded
            | Code::FencedLeaderEpoch
            | Code::UnknownLeaderEpoch
    )
}

/// The exception that Java's client would throw.
fn java_class(code: Code) -> &'static str {
    match code {
        Code::OperationTimedOut | Code::MessageTimedOut | Code::TimedOutQueue | Code::RequestTimedOut => {
            "org.apache.kafka.common.errors.TimeoutException"
        }
        Code::TopicAuthorizationFailed => "org.apache.kafka.common.errors.TopicAuthorizationException",
        Code::GroupAuthorizationFailed => "org.apache.kafka.common.errors.GroupAuthorizationException",
        Code::ClusterAuthorizationFailed => "org.apache.kafka.common.errors.ClusterAuthorizationException",
        Code::Authentication | Code::SaslAuthenticationFailed => {
            "org.apache.kafka.common.errors.SaslAuthenticationException"
        }
        Code::SSL => "org.apache.kafka.common.errors.SslAuthenticationException",
        Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition => {
            "org.apache.kafka.common.errors.UnknownTopicOrPartitionException"
        }
        Code::InvalidTopic => "org.apache.kafka.common.errors.InvalidTopicException",
        Code::InvalidReplicationFactor => "org.apache.kafka.common.errors.InvalidReplicationFactorException",
        Code::InvalidPartitions => "org.apache.kafka.common.errors.InvalidPartitionsException",
        Code::InvalidConfig => "org.apache.kafka.common.errors.InvalidConfigurationException",
        Code::PolicyViolation => "org.apache.kafka.common.errors.PolicyViolationException",
        Code::UnsupportedFeature | Code::UnsupportedVersion => {
            "org.apache.kafka.common.errors.UnsupportedVersionException"
        }
        Code::IllegalGeneration | Code::UnknownMemberId | Code::FencedInstanceId => {
            "org.apache.kafka.clients.consumer.CommitFailedException"
        }
        Code::RebalanceInProgress => "org.apache.kafka.common.errors.RebalanceInProgressException",
        Code::MessageSizeTooLarge => "org.apache.kafka.common.errors.RecordTooLargeException",
        Code::NonEmptyGroup => "org.apache.kafka.common.errors.GroupNotEmptyException",
        Code::GroupIdNotFound => "org.apache.kafka.common.errors.GroupIdNotFoundException",
        Code::GroupSubscribedToTopic => "org.apache.kafka.common.errors.GroupSubscribedToTopicException",
        Code::NoOffset | Code::AutoOffsetReset => "org.apache.kafka.clients.consumer.NoOffsetForPartitionException",
        Code::OffsetOutOfRange => "org.apache.kafka.clients.consumer.OffsetOutOfRangeException",
        _ if is_transient(code) => class::RETRIABLE,
        _ => "org.apache.kafka.common.KafkaException",
    }
}

/// An error from its code, with what was being done.
pub(super) fn from_code(doing: &str, code: Code) -> ConnectError {
    with_reason(doing, code, "")
}

/// An error from its code, with what was being done and what the client or broker said beyond the code.
pub(super) fn with_reason(doing: &str, code: Code, reason: &str) -> ConnectError {
    let kind = if is_transient(code) { ErrorKind::Retriable } else { ErrorKind::Fatal };
    let message = match reason {
        "" => format!("{doing}: {}", text(code)),
        reason => format!("{doing}: {} ({reason})", text(code)),
    };
    ConnectError::new(kind, java_class(code), message)
}

/// The text of a code without the name that the native bindings put before it.
fn text(code: Code) -> String {
    let text = code.to_string();
    match text.split_once(" (") {
        Some((_, rest)) => rest.trim_end_matches(')').to_owned(),
        None => text,
    }
}

/// The code of a native client's error; the bindings' own method leaves admin calls out.
pub(super) fn code(error: &KafkaError) -> Option<Code> {
    match error {
        KafkaError::AdminOp(code) => Some(*code),
        other => other.rdkafka_error_code(),
    }
}

/// An error from the native client's.
pub(super) fn from_kafka(doing: &str, error: &KafkaError) -> ConnectError {
    match code(error) {
        Some(code) => from_code(doing, code),
        None => ConnectError::fatal(format!("{doing}: {error}")).with_class("org.apache.kafka.common.KafkaException"),
    }
}

/// A client that cannot be made. The native text names native keys and holds no values.
pub(super) fn creation(what: &str, error: &KafkaError) -> ConnectError {
    match error {
        // Shows the value, which may be a secret; checked before a client is made.
        KafkaError::ClientConfig(_, _, key, _) => ConnectError::config(format!("{what}: {key}")),
        other => ConnectError::config(format!("{what}: {other}")),
    }
}

/// An error of a call that took too long.
pub(super) fn timed_out(doing: &str) -> ConnectError {
    from_code(doing, Code::OperationTimedOut)
}
