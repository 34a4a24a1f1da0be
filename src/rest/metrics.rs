//! `/metrics`: what the worker counts, for Prometheus.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

use super::Api;
use super::error::Answer;
use super::root::{COMMIT, KAFKA_VERSION};
use super::router::Route;
use crate::metrics::{ConnectorState, Snapshot};

pub(super) fn routes() -> Vec<Route> {
    vec![Route::get("/metrics", show).answering_text()]
}

async fn show(State(api): State<Api>) -> Answer {
    // A worker that is still reading its topics has its own numbers to show, and those who scrape do not wait long.
    let connectors = tokio::time::timeout(api.limits.health, connectors(&api)).await.unwrap_or_default();
    let worker_id = api.worker_id.to_string();
    let page = api.metrics.page(&Snapshot { version: KAFKA_VERSION, commit: COMMIT, worker_id, connectors });
    Ok((StatusCode::OK, [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], page).into_response())
}

/// The connectors and tasks that run on this worker, with the states that its status answers show.
async fn connectors(api: &Api) -> BTreeMap<String, ConnectorState> {
    let mut connectors = BTreeMap::new();
    for (name, about) in api.herder.expanded(&["info".to_owned()]).await.unwrap_or_default() {
        let Ok(status) = api.herder.status(&name).await else { continue };
        let here = |worker_id: &str| *worker_id == *api.worker_id;
        let class = about.get("info").and_then(|info| info.get("config")?.get("connector.class")?.as_str());
        let connector = ConnectorState {
            state: here(&status.connector.worker_id).then_some(status.connector.state),
            class: class.unwrap_or_default().to_owned(),
            kind: status.kind,
            version: status.connector.version,
            tasks: status.tasks.iter().filter(|task| here(&task.worker_id)).map(|task| (task.id, task.state)).collect(),
        };
        if connector.state.is_some() || !connector.tasks.is_empty() {
            connectors.insert(name, connector);
        }
    }
    connectors
}
