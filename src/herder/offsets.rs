//! Offsets of connectors: showing, altering and resetting them (KIP-875).

mod entries;

use longshore_api::{ConnectError, Plugin, Positions, Props, Result, SourceMap, TopicPartition};
use serde_json::{Value as Json, json};

use super::api::Reply;
use super::services::Environment;
use super::task_configs::call_failed;
use super::types::{HerderError, HerderErrorKind};
use crate::store::OffsetStore;
use entries::{sink_entries, source_entries, source_map_json};
use longshore_api::source::AlterableOffset;

/// What is done to offsets, as the texts name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Alter,
    Reset,
}

impl Change {
    fn verb(self) -> &'static str {
        match self {
            Change::Alter => "alter",
            Change::Reset => "reset",
        }
    }

    fn done(self) -> &'static str {
        match self {
            Change::Alter => "altered",
            Change::Reset => "reset",
        }
    }
}

/// A connector whose offsets are asked for.
pub(super) struct ConnectorOffsets<'a> {
    pub(super) environment: &'a Environment,
    pub(super) store: &'a OffsetStore,
    pub(super) connector: &'a str,
    /// Its configuration, variables resolved.
    pub(super) config: Props,
    pub(super) plugin: Plugin,
}

impl ConnectorOffsets<'_> {
    /// `{"offsets":[…]}`.
    pub(super) async fn list(&self) -> Reply<Json> {
        let offsets: Vec<Json> = match &self.plugin {
            Plugin::Sink(_) => {
                let failed = self.failed("retrieve consumer group offsets for sink connector");
                self.committed().await.map_err(failed)?.into_iter().map(sink_offset).collect()
            }
            Plugin::Source(_) => {
                let failed = |error: ConnectError| internal(text(&error));
                let stored = self.store.list(self.connector).await.map_err(failed)?;
                let json = |(partition, offset): &(SourceMap, SourceMap)| json!({"partition": source_map_json(partition), "offset": source_map_json(offset)});
                stored.iter().map(json).collect()
            }
        };
        Ok(json!({ "offsets": offsets }))
    }

    /// Alters offsets as a request's list says.
    pub(super) async fn alter(&self, offsets: &[(Json, Json)]) -> Reply<String> {
        if offsets.is_empty() {
            let text = "Partitions / offsets need to be provided for an alter offsets request";
            return Err(HerderError::new(HerderErrorKind::BadRequest, text));
        }
        let complete = match &self.plugin {
            Plugin::Sink(_) => self.alter_sink(sink_entries(offsets)?).await?,
            Plugin::Source(_) => self.alter_source(source_entries(offsets)?).await?,
        };
        Ok(message(Change::Alter, complete))
    }

    /// Forgets all offsets.
    pub(super) async fn reset(&self) -> Reply<String> {
        let complete = match &self.plugin {
            Plugin::Sink(_) => self.reset_sink().await?,
            Plugin::Source(_) => self.reset_source().await?,
        };
        Ok(message(Change::Reset, complete))
    }

    async fn alter_sink(&self, offsets: Vec<(TopicPartition, Option<i64>)>) -> Reply<bool> {
        let complete = self.ask_sink(offsets.clone()).await?;
        let mut commit = Positions::new();
        let mut remove = Vec::new();
        for (partition, offset) in offsets {
            match offset {
                Some(offset) => {
                    commit.insert(partition, offset);
                }
                None => remove.push(partition),
            }
        }
        let (group, overrides) = (self.group(), self.admin_overrides());
        if !commit.is_empty() {
            let outcome = self.environment.groups.commit(&group, commit, &overrides).await;
            outcome.map_err(|error| self.group_failed(Change::Alter, &error))?;
        }
        if !remove.is_empty() {
            let outcome = self.environment.groups.remove(&group, remove, &overrides).await;
            outcome.map_err(|error| self.group_failed(Change::Alter, &error))?;
        }
        Ok(complete)
    }

    async fn reset_sink(&self) -> Reply<bool> {
        let failed = self.failed("list offsets prior to resetting offsets for sink connector");
        let committed = self.committed().await.map_err(failed)?;
        let complete = self.ask_sink(committed.into_keys().map(|partition| (partition, None)).collect()).await?;
        let outcome = self.environment.groups.delete(&self.group(), &self.admin_overrides()).await;
        outcome.map_err(|error| self.group_failed(Change::Reset, &error))?;
        Ok(complete)
    }

    async fn alter_source(&self, offsets: Vec<AlterableOffset>) -> Reply<bool> {
        let complete = self.ask_source(offsets.clone()).await?;
        let mut stored = Vec::new();
        for (partition, offset) in offsets {
            match (partition, offset) {
                (Some(partition), offset) => stored.push((partition, offset)),
                (None, Some(_)) => return Err(internal("Partition objects cannot be null".to_owned())),
                // There is nothing to remove.
                (None, None) => {}
            }
        }
        self.store.alter(self.connector, &stored).await.map_err(|error| internal(text(&error)))?;
        Ok(complete)
    }

    async fn reset_source(&self) -> Reply<bool> {
        let failed = |error: ConnectError| internal(text(&error));
        let stored = self.store.list(self.connector).await.map_err(failed)?;
        let complete =
            self.ask_source(stored.into_iter().map(|(partition, _)| (Some(partition), None)).collect()).await?;
        self.store.reset(self.connector).await.map_err(failed)?;
        Ok(complete)
    }

    async fn ask_sink(&self, offsets: Vec<(TopicPartition, Option<i64>)>) -> Reply<bool> {
        let (plugin, config) = (self.plugin.clone(), self.config.clone());
        self.call(move || match &plugin {
            Plugin::Sink(sink) => sink.alter_offsets(&config, &offsets),
            Plugin::Source(_) => Ok(false),
        })
        .await
    }

    async fn ask_source(&self, offsets: Vec<AlterableOffset>) -> Reply<bool> {
        let (plugin, config) = (self.plugin.clone(), self.config.clone());
        self.call(move || match &plugin {
            Plugin::Source(source) => source.alter_offsets(&config, &offsets),
            Plugin::Sink(_) => Ok(false),
        })
        .await
    }

    async fn call(&self, ask: impl FnOnce() -> Result<bool> + Send + 'static) -> Reply<bool> {
        let outcome = tokio::task::spawn_blocking(ask).await;
        let outcome = outcome.unwrap_or_else(|failure| Err(call_failed(&self.plugin, failure)));
        outcome.map_err(|error| internal(text(&error)))
    }

    async fn committed(&self) -> Result<Positions> {
        self.environment.groups.committed(&self.group(), &self.admin_overrides()).await
    }

    fn group(&self) -> String {
        let own = self.config.get("consumer.override.group.id");
        own.cloned().unwrap_or_else(|| format!("connect-{}", self.connector))
    }

    fn admin_overrides(&self) -> Props {
        let own =
            |(key, value): (&String, &String)| Some((key.strip_prefix("admin.override.")?.to_owned(), value.clone()));
        self.config.iter().filter_map(own).collect()
    }

    fn failed(&self, what: &str) -> impl FnOnce(ConnectError) -> HerderError {
        let message = format!("Failed to {what} {}", self.connector);
        move |error| {
            tracing::error!(%error, message);
            internal(message)
        }
    }

    fn group_failed(&self, change: Change, error: &ConnectError) -> HerderError {
        let (verb, connector) = (change.verb(), self.connector);
        tracing::error!(%error, connector, "the offsets of a consumer group could not be modified");
        internal(match change {
            _ if has_members(error) => format!(
                "Failed to {verb} consumer group offsets for connector {connector} either because its tasks haven't \
                 stopped completely yet or the connector was resumed before the request to {verb} its offsets could be \
                 successfully completed. If the connector is in a stopped state, this operation can be safely \
                 retried. If it doesn't eventually succeed, the Connect cluster may need to be restarted to get rid \
                 of the zombie sink tasks."
            ),
            Change::Alter => format!("Failed to alter consumer group offsets for connector {connector}"),
            Change::Reset => format!("Failed to reset consumer group offsets for sink connector {connector}"),
        })
    }
}

/// Whether a group could not be changed because somebody is in it.
fn has_members(error: &ConnectError) -> bool {
    const CLASSES: [&str; 4] = [
        "org.apache.kafka.clients.consumer.CommitFailedException",
        "org.apache.kafka.common.errors.GroupNotEmptyException",
        "org.apache.kafka.common.errors.GroupSubscribedToTopicException",
        "org.apache.kafka.common.errors.RebalanceInProgressException",
    ];
    CLASSES.contains(&error.class)
}

fn sink_offset((partition, offset): (TopicPartition, i64)) -> Json {
    let TopicPartition { topic, partition } = partition;
    json!({
        "partition": {"kafka_partition": partition, "kafka_topic": &*topic},
        "offset": {"kafka_offset": offset},
    })
}

fn message(change: Change, complete: bool) -> String {
    let done = change.done();
    if complete {
        return format!("The offsets for this connector have been {done} successfully");
    }
    format!(
        "The Connect framework-managed offsets for this connector have been {done} successfully. However, if this \
         connector manages offsets externally, they will need to be manually {done} in the system that the connector \
         uses."
    )
}

fn text(error: &ConnectError) -> String {
    error.message.clone().unwrap_or_else(|| error.class.to_owned())
}

fn internal(message: String) -> HerderError {
    HerderError::new(HerderErrorKind::Internal, message)
}
