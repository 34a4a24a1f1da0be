//! `/connectors/{connector}/tasks`, and the endpoints that workers use among themselves.

use axum::extract::{Path, State};
use axum::http::StatusCode;

use super::Api;
use super::error::{Answer, RestError, empty, ok};
use super::router::Route;
use crate::config::Mode;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/connectors/{connector}/tasks", list),
        Route::post("/connectors/{connector}/tasks", put_configs),
        Route::get("/connectors/{connector}/tasks/{task}/status", status),
        Route::post("/connectors/{connector}/tasks/{task}/restart", restart),
        Route::put("/connectors/{connector}/fence", fence),
    ]
}

async fn list(State(api): State<Api>, Path(name): Path<String>) -> Answer {
    ok(&api.ask(api.herder.tasks(&name)).await?)
}

async fn status(State(api): State<Api>, Path((name, task)): Path<(String, String)>) -> Answer {
    ok(&api.ask(api.herder.task_status(&name, number(&task)?)).await?)
}

async fn restart(State(api): State<Api>, Path((name, task)): Path<(String, String)>) -> Answer {
    api.ask(api.herder.restart_task(&name, number(&task)?)).await?;
    empty(StatusCode::NO_CONTENT)
}

/// A task's number; what is not a number names nothing.
fn number(task: &str) -> Result<i32, RestError> {
    task.parse().map_err(|_| RestError::http(StatusCode::NOT_FOUND))
}

async fn put_configs(State(api): State<Api>) -> Answer {
    Err(internal(&api, "Kafka Connect in standalone mode does not support externally setting task configurations."))
}

async fn fence(State(api): State<Api>) -> Answer {
    Err(internal(&api, "Kafka Connect in standalone mode does not support exactly-once source connectors."))
}

/// Requests between workers must be signed with the group's session key. A worker that leads no others has none, so no
/// signature can be right.
fn internal(api: &Api, standalone: &str) -> RestError {
    match api.mode {
        Mode::Standalone => RestError::internal(standalone),
        Mode::Distributed => RestError::bad_request("Internal request missing required signature"),
    }
}
