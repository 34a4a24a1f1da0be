//! The consumer groups of sinks, as the herder asks for them and Kafka keeps them.

use std::sync::Arc;

use async_trait::async_trait;
use longshore_api::{Positions, Props, Result, TopicPartition};

use crate::config::{WorkerConfig, clients};
use crate::herder::GroupOffsets;
use crate::kafka::Admin;

/// Reads and changes the committed offsets of sinks. A client is made for each request: they are rare, and a connector
/// may have settings of its own.
pub struct SinkGroups {
    worker: Arc<WorkerConfig>,
}

impl SinkGroups {
    /// The groups of one worker's sinks.
    pub fn new(worker: Arc<WorkerConfig>) -> Self {
        Self { worker }
    }

    fn admin(&self, group: &str, overrides: &Props) -> Result<Admin> {
        let overrides = overrides.iter().map(|(key, value)| (format!("admin.override.{key}"), value.clone()));
        Admin::new(&clients::offsets_admin_props(&self.worker, &overrides.collect(), group)?)
    }
}

#[async_trait]
impl GroupOffsets for SinkGroups {
    async fn committed(&self, group: &str, overrides: &Props) -> Result<Positions> {
        self.admin(group, overrides)?.group_offsets(group).await
    }

    async fn commit(&self, group: &str, offsets: Positions, overrides: &Props) -> Result<()> {
        self.admin(group, overrides)?.alter_group_offsets(group, &offsets).await
    }

    async fn remove(&self, group: &str, partitions: Vec<TopicPartition>, overrides: &Props) -> Result<()> {
        self.admin(group, overrides)?.delete_group_offsets(group, &partitions).await
    }

    async fn delete(&self, group: &str, overrides: &Props) -> Result<()> {
        self.admin(group, overrides)?.delete_group(group).await
    }
}
