//! `/connector-plugins`.

use axum::extract::{Path, Query, State};

use super::Api;
use super::body::{self, Body};
use super::error::{Answer, RestError, ok};
use super::router::Route;
use crate::trial::Sample;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/connector-plugins", list),
        Route::get("/connector-plugins/{plugin}/config", config),
        Route::put("/connector-plugins/{plugin}/config/validate", validate),
        Route::put("/connector-plugins/{plugin}/config/try", try_record),
    ]
}

async fn list(State(api): State<Api>, Query(parameters): Query<Vec<(String, String)>>) -> Answer {
    let only = parameters.iter().find(|(name, _)| name == "connectorsOnly");
    ok(&api.herder.plugins(only.is_none_or(|(_, value)| value.eq_ignore_ascii_case("true"))))
}

async fn config(State(api): State<Api>, Path(plugin): Path<String>) -> Answer {
    ok(&api.herder.plugin_config(&plugin)?)
}

async fn validate(State(api): State<Api>, Path(plugin): Path<String>, Body(body): Body) -> Answer {
    let config = body::config(&body)?.ok_or_else(|| body::null_map("connectorConfig"))?;
    let validated = tokio::time::timeout(api.limits.request, api.herder.validate(&plugin, config)).await;
    match validated {
        Ok(reply) => ok(&reply?),
        // As everywhere, but Connect writes no full stop at the end here.
        Err(_) => {
            let stage = api.herder.stage();
            Err(RestError::internal(format!("Request timed out. {}", stage.trim_end_matches('.'))))
        }
    }
}

/// A request to try a record; Longshore's own.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Try {
    config: Box<serde_json::value::RawValue>,
    record: Box<serde_json::value::RawValue>,
}

async fn try_record(State(api): State<Api>, Path(plugin): Path<String>, Body(body): Body) -> Answer {
    let request: Try = serde_json::from_slice(&body).map_err(|error| {
        RestError::bad_request(format!("the request must be {{\"config\": …, \"record\": …}}: {error}"))
    })?;
    let config = body::config(request.config.get().as_bytes())?.ok_or_else(|| body::null_map("config"))?;
    let record =
        Sample::read(request.record.get().as_bytes()).map_err(|error| RestError::bad_request(error.to_string()))?;
    ok(&api.ask(api.herder.try_record(&plugin, config, record)).await?)
}
