//! `/connector-plugins`.

use axum::extract::{Path, Query, State};

use super::Api;
use super::body::{self, Body};
use super::error::{Answer, RestError, ok};
use super::router::Route;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/connector-plugins", list),
        Route::get("/connector-plugins/{plugin}/config", config),
        Route::put("/connector-plugins/{plugin}/config/validate", validate),
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
