//! `/connectors/{connector}/offsets` (KIP-875).

use axum::extract::{Path, State};
use indexmap::IndexMap;
use serde_json::{Value as Json, json};

use super::Api;
use super::body::{self, Body};
use super::error::{Answer, RestError, ok};
use super::router::Route;

const PATH: &str = "/connectors/{connector}/offsets";

pub(super) fn routes() -> Vec<Route> {
    vec![Route::get(PATH, list), Route::patch(PATH, alter), Route::delete(PATH, reset)]
}

async fn list(State(api): State<Api>, Path(name): Path<String>) -> Answer {
    ok(&api.ask(api.herder.offsets(&name)).await?)
}

async fn alter(State(api): State<Api>, Path(name): Path<String>, Body(body): Body) -> Answer {
    let offsets = body::offsets(&body)?;
    if offsets.is_empty() {
        let message = "Partitions / offsets need to be provided for an alter offsets request";
        return Err(RestError::bad_request(message));
    }
    // Of two offsets for one partition the later counts.
    let offsets: IndexMap<Json, Json> = offsets.into_iter().collect();
    let message = api.ask(api.herder.alter_offsets(&name, offsets.into_iter().collect())).await?;
    ok(&json!({ "message": message }))
}

async fn reset(State(api): State<Api>, Path(name): Path<String>) -> Answer {
    let message = api.ask(api.herder.reset_offsets(&name)).await?;
    ok(&json!({ "message": message }))
}
