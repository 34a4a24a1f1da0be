//! `/` and `/health`.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;

use super::Api;
use super::error::{Answer, json, ok};
use super::router::Route;

/// The Kafka version that `GET /` names. Clients read it to learn which requests a worker understands, so it is the
/// version of Connect whose behaviour this worker has, not Longshore's own.
pub const KAFKA_VERSION: &str = "4.3.1";

/// The commit this build is made from, if the build names one in `LONGSHORE_COMMIT`; otherwise the tag of the release.
pub const COMMIT: &str = match option_env!("LONGSHORE_COMMIT") {
    Some(commit) => commit,
    None => concat!("v", env!("CARGO_PKG_VERSION")),
};

/// The `Server` header: here Longshore's own version stands.
pub const SERVER: &str = concat!("Longshore/", env!("CARGO_PKG_VERSION"));

#[derive(Serialize)]
struct ServerInfo {
    version: &'static str,
    commit: &'static str,
    kafka_cluster_id: Option<String>,
}

#[derive(Serialize)]
struct WorkerStatus {
    status: &'static str,
    message: String,
}

pub(super) fn routes() -> Vec<Route> {
    vec![Route::get("/", info).without_body(), Route::get("/health", health).without_body()]
}

/// Kafka Connect knows the cluster's id before it listens. A worker that has just started is given a moment to learn it;
/// one whose brokers are away answers without it.
async fn info(State(api): State<Api>) -> Answer {
    let kafka_cluster_id = tokio::time::timeout(api.limits.cluster_id, api.herder.kafka_cluster_id()).await.ok();
    ok(&ServerInfo { version: KAFKA_VERSION, commit: COMMIT, kafka_cluster_id })
}

/// Whether the worker is ready and its herder answers (KIP-1017).
async fn health(State(api): State<Api>) -> Answer {
    let (code, status, message) = match tokio::time::timeout(api.limits.health, api.herder.health()).await {
        Ok(health) if health.ready => {
            let message = "Worker has completed startup and is ready to handle requests.".to_owned();
            (StatusCode::OK, "healthy", message)
        }
        Ok(health) => {
            let message = format!("Worker is still starting up. {}", health.stage);
            (StatusCode::SERVICE_UNAVAILABLE, "starting", message)
        }
        Err(_) => {
            let message = format!(
                "Worker was unable to handle this request and may be unable to handle other requests. {}",
                api.herder.stage()
            );
            (StatusCode::INTERNAL_SERVER_ERROR, "unhealthy", message)
        }
    };
    json(code, &WorkerStatus { status, message })
}
