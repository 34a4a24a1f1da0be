//! `/admin/loggers`: levels of the log, changed while the worker runs (KIP-495, KIP-976).

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;

use super::body::{self, Body};
use super::error::{Answer, RestError, empty, ok};
use super::router::Route;
use super::{Api, Level};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/admin/loggers", list),
        Route::get("/admin/loggers/{logger}", show),
        Route::put("/admin/loggers/{logger}", set),
    ]
}

async fn list(State(api): State<Api>) -> Answer {
    ok(&api.loggers.list())
}

async fn show(State(api): State<Api>, Path(logger): Path<String>) -> Answer {
    let level = api.loggers.level(&logger);
    ok(&level.ok_or_else(|| RestError::not_found(format!("Logger {logger} not found.")))?)
}

async fn set(
    State(api): State<Api>,
    Path(logger): Path<String>,
    Query(parameters): Query<Vec<(String, String)>>,
    Body(body): Body,
) -> Answer {
    let levels = body::config(&body)?.ok_or_else(|| body::null_map("levelMap"))?;
    let Some(level) = levels.get("level").cloned().flatten() else {
        return Err(RestError::bad_request("Desired 'level' parameter was not specified in request."));
    };
    if level.is_empty() {
        return Err(RestError::internal("Illegal null or empty Level name."));
    }
    let Some(parsed) = Level::parse(&level) else {
        return Err(RestError::not_found(format!("invalid log level '{level}'.")));
    };
    let scope = parameters.iter().find(|(name, _)| name == "scope").map_or("worker", |(_, scope)| scope.as_str());
    let cluster = scope.eq_ignore_ascii_case("cluster");
    if !cluster && !scope.eq_ignore_ascii_case("worker") {
        tracing::warn!(scope, "unknown scope of a log level change; changing this worker's");
    }
    if cluster {
        api.ask(api.herder.set_cluster_level(&logger, &level)).await?;
        return empty(StatusCode::NO_CONTENT);
    }
    ok(&api.loggers.set(&logger, parsed))
}
