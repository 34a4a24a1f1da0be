//! A broker inside this process.

#![allow(unsafe_code)]

use longshore_api::{ConnectError, Result};
use rdkafka::ClientConfig;
use rdkafka::bindings as native;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, DefaultProducerContext, Producer};

use super::errors;
use crate::config::TopicSpec;

/// The native client's mock cluster: one broker on a loopback port, which any Kafka client on this machine can use.
///
/// What it can do: produce, fetch, consumer groups with commits, transactions; topics come into being when they are
/// first asked for, with four partitions, unless they were created here. What it cannot: it keeps at most 5 MiB or
/// 100,000 records a partition and forgets the oldest, everything when it is dropped; it compacts nothing; it has no
/// TLS, no login and no admin requests (create, describe, delete, list group offsets). [`Admin`](super::Admin) and
/// [`TopicLog`](super::TopicLog) cope with that as far as it goes. The port is chosen by the system: the native
/// client offers no way to choose it.
pub struct MockBroker {
    /// The client that the cluster belongs to and ends with.
    owner: BaseProducer,
}

impl MockBroker {
    /// Starts a broker.
    ///
    /// # Errors
    /// When no port can be opened.
    pub fn start() -> Result<Self> {
        let refused =
            |error: &dyn std::fmt::Display| ConnectError::fatal(format!("the embedded broker cannot start: {error}"));
        let owner: BaseProducer =
            ClientConfig::new().set("test.mock.num.brokers", "1").create().map_err(|error| refused(&error))?;
        // SAFETY: the client lives, and so does the cluster that belongs to it.
        unsafe {
            let cluster = native::rd_kafka_handle_mock_cluster(owner.client().native_ptr());
            if cluster.is_null() {
                return Err(refused(&"the native client has none"));
            }
            // A group's first member need not wait three seconds for others.
            native::rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, 0);
        }
        Ok(Self { owner })
    }

    fn cluster(&self) -> Result<MockCluster<'_, DefaultProducerContext>> {
        self.owner.client().mock_cluster().ok_or_else(|| ConnectError::fatal("the embedded broker is gone"))
    }

    /// `host:port` for clients.
    pub fn bootstrap_servers(&self) -> String {
        self.cluster().map(|cluster| cluster.bootstrap_servers()).unwrap_or_default()
    }

    /// Creates a topic. Settings beyond the number of partitions mean nothing here.
    ///
    /// # Errors
    /// When there is such a topic, or the name cannot be.
    pub fn create_topic(&self, topic: &TopicSpec) -> Result<()> {
        let partitions = if topic.partitions < 1 { 1 } else { topic.partitions };
        self.cluster()?
            .create_topic(&topic.name, partitions, 1)
            .map_err(|error| errors::from_kafka(&format!("topic {} cannot be created", topic.name), &error))
    }

    /// Cuts all connections and refuses new ones, or ends that; for tests of outages.
    ///
    /// # Errors
    /// When the broker is gone.
    pub fn set_down(&self, down: bool) -> Result<()> {
        let cluster = self.cluster()?;
        let result = if down { cluster.broker_down(-1) } else { cluster.broker_up(-1) };
        result.map_err(|error| errors::from_kafka("the embedded broker cannot be cut off", &error))
    }
}
