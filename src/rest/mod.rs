//! HTTP to herder call and back, one file a resource.
//!
//! This room knows HTTP, JSON and [`Herder`], and nothing of how anything is done. A request
//! passes [`router`]'s layers (log, path rules), the route's own rules (`negotiate`), its body is read (`body`), the
//! herder is asked, and what it says becomes an answer (`error` for refusals). The wire contract is Kafka Connect's:
//! status codes, member order, error texts and content types.

mod admin_loggers;
mod auth;
mod body;
mod connectors;
mod error;
mod headers;
mod json;
mod loggers;
mod metrics;
mod negotiate;
mod offsets;
mod plugins;
mod root;
mod router;
mod server;
mod slow;
mod tasks;
mod tls;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

pub use auth::Credentials;
pub use loggers::{Level, LogLevels, LoggerLevel, Loggers};
pub use root::{COMMIT, KAFKA_VERSION, SERVER};
pub use router::{admin_router, endpoints, router};
pub use server::{BindError, Bound};

use crate::config::{Mode, RestSettings};
use crate::herder::{Herder, Reply};
use crate::metrics::Metrics;
use error::RestError;

/// What the REST API speaks to, and how patient it is.
#[derive(Clone)]
pub struct Api {
    /// Answers the requests.
    pub herder: Arc<dyn Herder>,
    /// Levels of the log.
    pub loggers: Arc<dyn Loggers>,
    /// What the worker counts.
    pub metrics: Arc<Metrics>,
    /// `host:port` by which statuses name this worker.
    pub worker_id: Arc<str>,
    /// Decides what the endpoints for other workers answer.
    pub mode: Mode,
    /// How the API is guarded and answered with.
    pub settings: Arc<RestSettings>,
    /// Who may come in; `None` for everybody.
    pub credentials: Option<Arc<Credentials>>,
    /// Bounds on time and size.
    pub limits: Limits,
}

/// Bounds of the REST API. The defaults are Connect's where Connect has them.
#[derive(Debug, Clone)]
pub struct Limits {
    /// How long a request may wait for the herder: 90 s, as in Connect.
    pub request: Duration,
    /// How long `/health` may wait for the herder: 10 s, as in Connect.
    pub health: Duration,
    /// How long `/` may wait for the Kafka cluster's id: 3 s, after which it is null.
    pub cluster_id: Duration,
    /// How long a client may take to send a request's head, and how long an idle connection is kept: 30 s, Jetty's
    /// idle time.
    pub head: Duration,
    /// How long a client may take to send a request's body: as long as the request may then take.
    pub body: Duration,
    /// How long a client may leave an answer untaken.
    pub write: Duration,
    /// How long requests under way may take when the server stops: 60 s, as in Connect.
    pub stop: Duration,
    /// Bytes of a request's body. Connector configurations are kilobytes; lists of offsets of wide connectors are the
    /// largest bodies in practice, and a few megabytes hold some ten thousand partitions.
    pub body_bytes: usize,
    /// Connections at once; more wait to be accepted. Jetty's pool has 200 threads; an idle connection costs us little.
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request: Duration::from_secs(90),
            health: Duration::from_secs(10),
            cluster_id: Duration::from_secs(3),
            head: Duration::from_secs(30),
            body: Duration::from_secs(90),
            write: Duration::from_secs(30),
            stop: Duration::from_secs(60),
            body_bytes: 8 * 1024 * 1024,
            connections: 512,
        }
    }
}

impl Api {
    /// What the herder says, if it says it in time.
    async fn ask<T>(&self, call: impl Future<Output = Reply<T>>) -> Result<T, RestError> {
        match tokio::time::timeout(self.limits.request, call).await {
            Ok(reply) => reply.map_err(RestError::from),
            Err(_) => Err(RestError::internal(format!("Request timed out. {}", self.herder.stage()))),
        }
    }
}
