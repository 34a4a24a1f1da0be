//! `/connectors` and what belongs to one connector as a whole.

use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::http::header::{HeaderValue, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use indexmap::IndexMap;
use serde_json::json;

use super::Api;
use super::body::{self, Body};
use super::error::{Answer, RestError, empty, json as answer, ok};
use super::negotiate::location;
use super::router::Route;
use super::server::Scheme;
use crate::herder::{CreateRequest, RequestConfig, RestartScope};
use crate::task::TargetState;

/// Parameters of a query, in order; a name may come more than once.
type Parameters = Query<Vec<(String, String)>>;

/// Where the client thinks it speaks to.
type Place = (Option<Extension<Scheme>>, HeaderMap);

const NAME: &str = "name";

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/connectors", list),
        Route::post("/connectors", create),
        Route::get("/connectors/{connector}", show),
        Route::delete("/connectors/{connector}", delete),
        Route::get("/connectors/{connector}/config", config),
        Route::put("/connectors/{connector}/config", put_config),
        Route::patch("/connectors/{connector}/config", patch_config),
        Route::get("/connectors/{connector}/status", status),
        Route::post("/connectors/{connector}/restart", restart),
        Route::put("/connectors/{connector}/pause", pause),
        Route::put("/connectors/{connector}/resume", resume),
        Route::put("/connectors/{connector}/stop", stop),
        Route::get("/connectors/{connector}/topics", topics),
        Route::put("/connectors/{connector}/topics/reset", reset_topics),
    ]
}

async fn list(State(api): State<Api>, Query(parameters): Parameters) -> Answer {
    let expand: Vec<String> =
        parameters.into_iter().filter(|(name, _)| name == "expand").map(|(_, value)| value).collect();
    match expand.is_empty() {
        true => ok(&api.ask(api.herder.connectors()).await?),
        false => ok(&api.ask(api.herder.expanded(&expand)).await?),
    }
}

async fn create(State(api): State<Api>, place: Place, Body(body): Body) -> Answer {
    let request = body::create(&body)?;
    let name = request.name.unwrap_or_default().trim_matches(|c| c <= ' ').to_owned();
    let config = named(&name, request.config.ok_or_else(|| body::null_map("connectorConfig"))?)?;
    let request = CreateRequest { name: name.clone(), config, initial_state: request.initial_state };
    let info = api.ask(api.herder.create(request)).await?;
    created(answer(StatusCode::CREATED, &info)?, &place, &name)
}

async fn show(State(api): State<Api>, Path(name): Path<String>) -> Answer {
    ok(&api.ask(api.herder.connector(&name)).await?)
}

async fn delete(State(api): State<Api>, Path(name): Path<String>) -> Answer {
    api.ask(api.herder.delete(&name)).await?;
    empty(StatusCode::NO_CONTENT)
}

async fn config(State(api): State<Api>, Path(name): Path<String>) -> Answer {
    ok(&api.ask(api.herder.config(&name)).await?)
}

async fn put_config(State(api): State<Api>, Path(name): Path<String>, place: Place, Body(body): Body) -> Answer {
    let config = body::config(&body)?.ok_or_else(|| body::null_map("connectorConfig"))?;
    let stored = api.ask(api.herder.put_config(&name, named(&name, config)?)).await?;
    match stored.created {
        true => created(answer(StatusCode::CREATED, &stored.info)?, &place, &name),
        false => ok(&stored.info),
    }
}

async fn patch_config(State(api): State<Api>, Path(name): Path<String>, Body(body): Body) -> Answer {
    let patch = body::config(&body)?.ok_or_else(body::null_patch)?;
    ok(&api.ask(api.herder.patch_config(&name, patch)).await?)
}

/// The configuration with the connector's name in it, which may not be another than the URL's.
fn named(name: &str, mut config: RequestConfig) -> Result<RequestConfig, RestError> {
    match config.get(NAME) {
        Some(Some(included)) if included != name => Err(RestError::bad_request(format!(
            "Connector name configuration ({included}) doesn't match connector name in the URL ({name})"
        ))),
        _ => {
            config.insert(NAME.to_owned(), Some(name.to_owned()));
            Ok(config)
        }
    }
}

fn created(mut answer: axum::response::Response, (scheme, headers): &Place, name: &str) -> Answer {
    let scheme = scheme.as_ref().map_or(Scheme("http"), |Extension(scheme)| *scheme);
    let location = HeaderValue::try_from(location(scheme, headers, name));
    answer.headers_mut().insert(LOCATION, location.map_err(|error| RestError::internal(error.to_string()))?);
    Ok(answer)
}

async fn status(State(api): State<Api>, Path(name): Path<String>) -> Answer {
    ok(&api.ask(api.herder.status(&name)).await?)
}

async fn restart(State(api): State<Api>, Path(name): Path<String>, Query(parameters): Parameters) -> Answer {
    let scope =
        RestartScope { include_tasks: flag(&parameters, "includeTasks"), only_failed: flag(&parameters, "onlyFailed") };
    if !scope.include_tasks && !scope.only_failed {
        api.ask(api.herder.restart_connector(&name)).await?;
        return empty(StatusCode::NO_CONTENT);
    }
    answer(StatusCode::ACCEPTED, &api.ask(api.herder.restart(&name, scope)).await?)
}

/// A parameter as Java reads a boolean: anything but `true` is false.
fn flag(parameters: &[(String, String)], name: &str) -> bool {
    parameters
        .iter()
        .find(|(its_name, _)| its_name == name)
        .is_some_and(|(_, value)| value.eq_ignore_ascii_case("true"))
}

async fn pause(State(api): State<Api>, Path(name): Path<String>) -> Answer {
    api.ask(api.herder.set_target(&name, TargetState::Paused)).await?;
    empty(StatusCode::ACCEPTED)
}

async fn resume(State(api): State<Api>, Path(name): Path<String>) -> Answer {
    api.ask(api.herder.set_target(&name, TargetState::Started)).await?;
    empty(StatusCode::ACCEPTED)
}

async fn stop(State(api): State<Api>, Path(name): Path<String>) -> Answer {
    api.ask(api.herder.set_target(&name, TargetState::Stopped)).await?;
    empty(StatusCode::NO_CONTENT)
}

async fn topics(State(api): State<Api>, Path(name): Path<String>) -> Answer {
    let topics = json!({ "topics": api.ask(api.herder.topics(&name)).await? });
    ok(&IndexMap::from([(name, topics)]))
}

async fn reset_topics(State(api): State<Api>, Path(name): Path<String>) -> Answer {
    api.ask(api.herder.reset_topics(&name)).await?;
    empty(StatusCode::ACCEPTED)
}
