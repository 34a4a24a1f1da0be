//! Asking and changing what a cluster knows: topics, their settings, groups' offsets.

use std::sync::Arc;
use std::time::Duration;

use longshore_api::{ConnectError, ErrorKind, Positions, Props, Result, TopicPartition};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication, TopicResult};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::types::RDKafkaRespErr;

use super::client::{Role, client_config};
use super::group_offsets::{self, Request};
use super::oauth::{self, Session};
use super::{context, errors};
use crate::config::TopicSpec;

/// Java's default for the admin client's `default.api.timeout.ms`.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// How the ids of the native client's mock clusters start.
const EMBEDDED_CLUSTER_ID: &str = "mockCluster";

/// What became of a topic that was to be created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Creation {
    /// It is new.
    Created,
    /// There was one already, whatever its settings.
    Existed,
    /// This client may not create topics; Connect takes it that somebody else does.
    NotAuthorized,
}

/// A topic as the cluster describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicDescription {
    /// Name of the topic.
    pub name: String,
    /// Number of partitions.
    pub partitions: usize,
    /// Replicas of the first partition.
    pub replication_factor: usize,
}

/// An admin client. Cheap to clone. Each call ends within `default.api.timeout.ms` (60 s where it is not set).
#[derive(Clone)]
pub struct Admin {
    native: Arc<Native>,
    timeout: Duration,
    props: Arc<Props>,
}

/// A native client that ends on a thread of its own: it waits for its threads, which must not hold an async worker
/// up.
struct Native {
    /// `None` only while it is dropped. The session goes first.
    parts: Option<(Option<Session>, AdminClient<DefaultClientContext>)>,
}

impl Native {
    fn get(&self) -> Result<&AdminClient<DefaultClientContext>, Code> {
        // It is there until the last owner is gone.
        self.parts.as_ref().map(|(_, native)| native).ok_or(Code::BrokerDestroy)
    }

    /// Why it cannot log in, if that is known.
    fn trouble(&self) -> Option<String> {
        self.parts.as_ref()?.0.as_ref()?.trouble()
    }
}

impl Drop for Native {
    fn drop(&mut self) {
        if let Some(parts) = self.parts.take() {
            let _ = std::thread::Builder::new().name("admin-close".to_owned()).spawn(move || drop(parts));
        }
    }
}

impl Admin {
    /// A client with Java's settings, prefixes taken off. The brokers need not be there yet.
    ///
    /// # Errors
    /// Configuration errors that name the key.
    pub fn new(props: &Props) -> Result<Self> {
        let mut config = client_config(props, Role::Admin)?;
        // Nobody reads what this client says by itself, so it must say nothing: it would be kept for ever.
        config.set_log_level(RDKafkaLogLevel::Emerg);
        let native: AdminClient<_> =
            config.create().map_err(|error| errors::creation("Failed to create new KafkaAdminClient", &error))?;
        let session = oauth::session(props, native.inner())?;
        let timeout = props.get("default.api.timeout.ms").and_then(|value| value.trim().parse().ok());
        Ok(Self {
            native: Arc::new(Native { parts: Some((session, native)) }),
            timeout: timeout.map_or(DEFAULT_TIMEOUT, Duration::from_millis),
            props: Arc::new(props.clone()),
        })
    }

    /// The cluster's id.
    ///
    /// # Errors
    /// Retriable when no broker answers in time.
    pub async fn cluster_id(&self) -> Result<String> {
        let timeout = self.timeout;
        self.blocking("the cluster cannot be asked for its id", move |native| {
            native.inner().fetch_cluster_id(timeout).ok_or(Code::OperationTimedOut)
        })
        .await
    }

    /// Creates a topic. A number of partitions or replicas below 1 leaves it to the broker. The
    /// embedded broker creates it as it likes.
    ///
    /// # Errors
    /// Fatal when the broker refuses the specification, retriable when it does not answer in time or has too few
    /// brokers for the replicas at the moment.
    pub async fn create_topic(&self, topic: &TopicSpec) -> Result<Creation> {
        if self.is_embedded().await? {
            return self.create_by_asking(&topic.name).await;
        }
        let doing = format!("topic {} cannot be created", topic.name);
        let partitions = if topic.partitions < 1 { -1 } else { topic.partitions };
        let replicas = if topic.replication_factor < 1 { -1 } else { topic.replication_factor };
        let mut new = NewTopic::new(&topic.name, partitions, TopicReplication::Fixed(replicas));
        for (key, value) in &topic.settings {
            new = new.set(key, value);
        }
        let created = self.native(&doing)?.create_topics([&new], &self.options()).await;
        match outcome(created) {
            Ok(()) => Ok(Creation::Created),
            Err(Failure::Code(Code::TopicAlreadyExists)) => Ok(Creation::Existed),
            Err(Failure::Code(Code::TopicAuthorizationFailed | Code::ClusterAuthorizationFailed)) => {
                Ok(Creation::NotAuthorized)
            }
            Err(failure) => Err(self.explain(failure.error(&doing))),
        }
    }

    /// Whether this is the [`MockBroker`](super::MockBroker). It names no controller, and the native client would wait
    /// for one until its time is over.
    async fn is_embedded(&self) -> Result<bool> {
        Ok(self.cluster_id().await?.starts_with(EMBEDDED_CLUSTER_ID))
    }

    /// Lets the embedded broker, which has no admin requests, create a topic by asking for it.
    async fn create_by_asking(&self, topic: &str) -> Result<Creation> {
        if self.describe_topic(topic).await?.is_some() {
            return Ok(Creation::Existed);
        }
        let props = Arc::clone(&self.props);
        let (name, timeout) = (topic.to_owned(), self.timeout);
        let doing = format!("topic {topic} cannot be created");
        let ask = move || {
            let mut config = client_config(&props, Role::Consumer)?;
            let asking: BaseConsumer = config
                .set_log_level(RDKafkaLogLevel::Emerg)
                .create()
                .map_err(|error| errors::creation("a client to create topics cannot be made", &error))?;
            asking.fetch_metadata(Some(&name), timeout).map(drop).map_err(|error| errors::from_kafka(&doing, &error))
        };
        tokio::task::spawn_blocking(ask).await.map_err(|_| stopping())??;
        tracing::info!(topic, "the broker has no admin requests; it creates the topic with its own settings");
        Ok(Creation::Created)
    }

    /// A topic's description; `None` if there is none. Asking does not create it.
    ///
    /// # Errors
    /// Retriable when no broker answers in time, fatal when this client may not see it.
    pub async fn describe_topic(&self, topic: &str) -> Result<Option<TopicDescription>> {
        let (name, timeout) = (topic.to_owned(), self.timeout);
        self.blocking(&format!("topic {topic} cannot be described"), move |native| {
            let metadata = native.inner().fetch_metadata(Some(&name), timeout).map_err(|error| code(&error))?;
            let Some(topic) = metadata.topics().iter().find(|topic| topic.name() == name) else { return Ok(None) };
            match topic.error() {
                None => {}
                Some(RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) => return Ok(None),
                Some(error) => return Err(error.into()),
            }
            Ok(Some(TopicDescription {
                name,
                partitions: topic.partitions().len(),
                replication_factor: topic.partitions().first().map_or(0, |first| first.replicas().len()),
            }))
        })
        .await
    }

    /// The descriptions of those of these topics that there are.
    ///
    /// # Errors
    /// As for [`describe_topic`](Self::describe_topic).
    pub async fn describe_topics(&self, topics: &[String]) -> Result<Vec<TopicDescription>> {
        let mut found = Vec::new();
        for topic in topics {
            found.extend(self.describe_topic(topic).await?);
        }
        Ok(found)
    }

    /// A topic's settings by Kafka's names, defaults included; `None` if the broker cannot say or this client may not
    /// know.
    ///
    /// # Errors
    /// Retriable when no broker answers in time, or there is no such topic.
    pub async fn topic_config(&self, topic: &str) -> Result<Option<Props>> {
        if self.is_embedded().await? {
            return Ok(None);
        }
        let doing = format!("the settings of topic {topic} cannot be read");
        let described =
            self.native(&doing)?.describe_configs([&ResourceSpecifier::Topic(topic)], &self.options()).await;
        let resource = match described {
            Ok(mut resources) if resources.len() == 1 => resources.remove(0),
            Ok(_) => return Err(errors::from_code(&doing, Code::Fail)),
            Err(error) => match code(&error) {
                Code::UnsupportedFeature | Code::UnsupportedVersion => return Ok(None),
                code => return Err(errors::from_code(&doing, code)),
            },
        };
        let entries = match resource {
            Ok(resource) => resource.entries,
            Err(Code::TopicAuthorizationFailed | Code::ClusterAuthorizationFailed) => return Ok(None),
            Err(code) => return Err(errors::from_code(&doing, code)),
        };
        // The bindings do not tell the error of a single topic. No topic is without settings.
        if entries.is_empty() {
            return match self.describe_topic(topic).await? {
                Some(_) => Ok(None),
                None => Err(errors::from_code(&doing, Code::UnknownTopicOrPartition)),
            };
        }
        Ok(Some(entries.into_iter().filter_map(|entry| Some((entry.name, entry.value?))).collect()))
    }

    /// All offsets that a group has committed.
    ///
    /// # Errors
    /// Retriable when its coordinator does not answer in time, fatal when this client may not see the group.
    pub async fn group_offsets(&self, group: &str) -> Result<Positions> {
        let (name, timeout) = (group.to_owned(), self.timeout);
        let mut positions = self
            .blocking(&format!("the offsets of group {group} cannot be listed"), move |native| {
                group_offsets::call(native.inner(), &name, &Request::List, timeout)
            })
            .await?;
        positions.retain(|_, offset| *offset >= 0);
        Ok(positions)
    }

    /// Sets offsets of a group that has no members.
    ///
    /// # Errors
    /// Fatal when the group has members (`UnknownMemberIdException`), retriable when nobody answers in time.
    pub async fn alter_group_offsets(&self, group: &str, positions: &Positions) -> Result<()> {
        let doing = format!("the offsets of group {group} cannot be changed");
        let list = context::native_positions(positions).map_err(|error| errors::from_kafka(&doing, &error))?;
        let (name, timeout) = (group.to_owned(), self.timeout);
        self.blocking(&doing, move |native| {
            group_offsets::call(native.inner(), &name, &Request::Alter(&list), timeout).map(drop)
        })
        .await
    }

    /// Deletes offsets of a group that does not read these topics. What is not there needs no deleting.
    ///
    /// # Errors
    /// Fatal when the group reads a topic (`GroupSubscribedToTopicException`), retriable when nobody answers in time.
    pub async fn delete_group_offsets(&self, group: &str, partitions: &[TopicPartition]) -> Result<()> {
        let doing = format!("offsets of group {group} cannot be deleted");
        let mut list = rdkafka::TopicPartitionList::with_capacity(partitions.len());
        for partition in partitions {
            list.add_partition(&partition.topic, partition.partition);
        }
        let (name, timeout) = (group.to_owned(), self.timeout);
        self.blocking(&doing, move |native| {
            match group_offsets::call(native.inner(), &name, &Request::Delete(&list), timeout) {
                Ok(_) | Err(Code::GroupIdNotFound) => Ok(()),
                Err(code) => Err(code),
            }
        })
        .await
    }

    /// Deletes a group that has no members, with its offsets. One that is not there needs no deleting.
    ///
    /// # Errors
    /// Fatal when the group has members (`GroupNotEmptyException`), retriable when nobody answers in time.
    pub async fn delete_group(&self, group: &str) -> Result<()> {
        let doing = format!("group {group} cannot be deleted");
        let deleted = self.native(&doing)?.delete_groups(&[group], &self.options()).await;
        match outcome(deleted) {
            Ok(()) | Err(Failure::Code(Code::GroupIdNotFound)) => Ok(()),
            Err(failure) => Err(self.explain(failure.error(&doing))),
        }
    }

    fn native(&self, doing: &str) -> Result<&AdminClient<DefaultClientContext>> {
        self.native.get().map_err(|code| errors::from_code(doing, code))
    }

    fn options(&self) -> AdminOptions {
        AdminOptions::new().request_timeout(Some(self.timeout)).operation_timeout(Some(self.timeout))
    }

    /// Runs a call that holds its thread up on a thread for such calls.
    async fn blocking<T: Send + 'static>(
        &self,
        doing: &str,
        call: impl FnOnce(&AdminClient<DefaultClientContext>) -> Result<T, Code> + Send + 'static,
    ) -> Result<T> {
        let native = Arc::clone(&self.native);
        tokio::task::spawn_blocking(move || call(native.get()?))
            .await
            .map_err(|_| stopping())?
            .map_err(|code| self.explain(errors::from_code(doing, code)))
    }

    /// Adds why this client cannot log in, where that keeps an answer from coming.
    fn explain(&self, mut error: ConnectError) -> ConnectError {
        if error.kind == ErrorKind::Retriable
            && let Some(trouble) = self.native.trouble()
        {
            error.message = Some(format!("{}: {trouble}", error.message.unwrap_or_default()));
        }
        error
    }
}

fn stopping() -> ConnectError {
    ConnectError::retriable("the worker is stopping")
}

fn code(error: &KafkaError) -> Code {
    errors::code(error).unwrap_or(Code::Fail)
}

/// Why an admin call failed.
enum Failure {
    Code(Code),
    Other(KafkaError),
}

impl Failure {
    fn error(self, doing: &str) -> ConnectError {
        match self {
            Failure::Code(code) => errors::from_code(doing, code),
            Failure::Other(error) => errors::from_kafka(doing, &error),
        }
    }
}

/// The outcome of a call about one thing; groups' results are of the same type as topics'.
fn outcome(answer: Result<Vec<TopicResult>, KafkaError>) -> Result<(), Failure> {
    match answer {
        Ok(results) => match results.into_iter().next() {
            Some(Ok(_)) => Ok(()),
            Some(Err((_, code))) => Err(Failure::Code(code)),
            None => Err(Failure::Code(Code::Fail)),
        },
        Err(error) => match errors::code(&error) {
            Some(code) => Err(Failure::Code(code)),
            None => Err(Failure::Other(error)),
        },
    }
}
