//! The table of routes, and the layers around it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::handler::Handler;
use axum::http::header::{self, HeaderValue};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::middleware::{Next, from_fn, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use futures_util::FutureExt;
use indexmap::IndexMap;

use super::error::RestError;
use super::{Api, SERVER, admin_loggers, auth, connectors, headers, metrics, negotiate, offsets, plugins, root, tasks};
use crate::config::rest::AdminEndpoints;

/// One method of one path.
pub(super) struct Route {
    method: Method,
    path: &'static str,
    handler: MethodRouter<Api>,
    rules: Rules,
}

/// What a resource requires of requests' headers.
#[derive(Debug, Clone, Copy)]
struct Rules {
    /// Content-Type must be JSON if there is one; a rule of the resource, not of the method.
    json_body: bool,
    /// Accept must take JSON if there is one.
    json_answer: bool,
}

impl Route {
    fn new<H, T>(method: Method, filter: MethodFilter, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, Api>,
        T: 'static,
    {
        Self { method, path, handler: on(filter, handler), rules: Rules { json_body: true, json_answer: true } }
    }

    pub(super) fn get<H: Handler<T, Api>, T: 'static>(path: &'static str, handler: H) -> Self {
        // GET answers HEAD too.
        Self::new(Method::GET, MethodFilter::GET, path, handler)
    }

    pub(super) fn post<H: Handler<T, Api>, T: 'static>(path: &'static str, handler: H) -> Self {
        Self::new(Method::POST, MethodFilter::POST, path, handler)
    }

    pub(super) fn put<H: Handler<T, Api>, T: 'static>(path: &'static str, handler: H) -> Self {
        Self::new(Method::PUT, MethodFilter::PUT, path, handler)
    }

    pub(super) fn patch<H: Handler<T, Api>, T: 'static>(path: &'static str, handler: H) -> Self {
        Self::new(Method::PATCH, MethodFilter::PATCH, path, handler)
    }

    pub(super) fn delete<H: Handler<T, Api>, T: 'static>(path: &'static str, handler: H) -> Self {
        Self::new(Method::DELETE, MethodFilter::DELETE, path, handler)
    }

    /// For resources that take any Content-Type because they read no body.
    pub(super) fn without_body(self) -> Self {
        Self { rules: Rules { json_body: false, ..self.rules }, ..self }
    }

    /// For a resource that reads no body and answers with text, whatever is asked for.
    pub(super) fn answering_text(self) -> Self {
        Self { rules: Rules { json_body: false, json_answer: false }, ..self }
    }
}

impl Rules {
    fn check(self, headers: &HeaderMap) -> Result<(), RestError> {
        if self.json_body {
            negotiate::content_type(headers)?;
        }
        if self.json_answer { negotiate::accept(headers) } else { Ok(()) }
    }
}

/// What the REST API consists of, without the admin endpoints.
fn resources() -> Vec<Route> {
    let parts = [
        root::routes(),
        connectors::routes(),
        tasks::routes(),
        offsets::routes(),
        plugins::routes(),
        metrics::routes(),
    ];
    parts.into_iter().flatten().collect()
}

/// Every method and path template that is answered, besides HEAD and OPTIONS, which each path answers.
pub fn endpoints() -> Vec<(Method, &'static str)> {
    let all = resources().into_iter().chain(admin_loggers::routes());
    all.map(|route| (route.method, route.path)).collect()
}

/// The REST API as a service; with the admin endpoints, unless these are elsewhere or switched off.
pub fn router(api: Api) -> Router {
    let mut routes = resources();
    if api.settings.admin == AdminEndpoints::Together {
        routes.extend(admin_loggers::routes());
    }
    let mut guarded = service(routes, &api);
    if let Some(credentials) = &api.credentials {
        guarded = guarded.layer(from_fn_with_state(Arc::clone(credentials), auth::guarded));
    }
    if let Some(cors) = &api.settings.cors {
        guarded = guarded.layer(from_fn_with_state(Arc::new(cors.clone()), headers::across_origins));
    }
    if !api.settings.response_headers.is_empty() {
        let rules: Arc<[_]> = api.settings.response_headers.clone().into();
        guarded = guarded.layer(from_fn_with_state(rules, headers::configured));
    }
    outermost(guarded)
}

/// The admin endpoints as a service of their own: nothing of what guards and decorates the others holds for them.
pub fn admin_router(api: Api) -> Router {
    outermost(service(admin_loggers::routes(), &api))
}

fn service(routes: Vec<Route>, api: &Api) -> Router {
    let mut paths: IndexMap<&'static str, Vec<Route>> = IndexMap::new();
    for route in routes {
        paths.entry(route.path).or_default().push(route);
    }
    let mut resources = Router::new();
    for (path, routes) in paths {
        resources = resources.route(path, resource(routes));
    }
    let resources = resources
        .fallback(async || RestError::unrouted(StatusCode::NOT_FOUND))
        .method_not_allowed_fallback(async || RestError::unrouted(StatusCode::METHOD_NOT_ALLOWED))
        .layer(DefaultBodyLimit::max(api.limits.body_bytes))
        .with_state(api.clone());
    // Layers of an outer router run before a route is chosen: the path is made plain there.
    Router::new().fallback_service(resources)
}

fn outermost(service: Router) -> Router {
    service.layer(map_response(without_allow)).layer(from_fn(plain_path)).layer(from_fn(logged))
}

/// All methods of a path, each behind its rules, and OPTIONS.
fn resource(routes: Vec<Route>) -> MethodRouter<Api> {
    let allow = allowed(&routes);
    let mut all = on(MethodFilter::OPTIONS, async move |headers: HeaderMap| options(&allow, &headers));
    for route in routes {
        let rules = from_fn_with_state(route.rules, negotiated);
        all = all.merge(route.handler.route_layer(rules));
    }
    all
}

fn allowed(routes: &[Route]) -> String {
    let mut methods: Vec<&str> = routes.iter().map(|route| route.method.as_str()).collect();
    if methods.contains(&"GET") {
        methods.push("HEAD");
    }
    methods.push("OPTIONS");
    methods.join(",")
}

/// Says which methods a path has: in `Allow`, and as text for those who take any answer.
fn options(allow: &str, headers: &HeaderMap) -> Response {
    let any = negotiate::accepts(headers, "text", "plain");
    let (content_type, body) = if any { ("text/plain", allow.to_owned()) } else { ("application/json", String::new()) };
    ([(header::ALLOW, allow.to_owned()), (header::CONTENT_TYPE, content_type.to_owned())], body).into_response()
}

/// Takes off what the framework adds to 405: Connect's answer has no `Allow`, only OPTIONS says it.
async fn without_allow(mut response: Response) -> Response {
    if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().remove(header::ALLOW);
    }
    response
}

/// What a route requires of Content-Type (415) and Accept (406), in this order.
async fn negotiated(State(rules): State<Rules>, request: Request, next: Next) -> Response {
    match rules.check(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

/// Refuses ambiguous paths and makes the others plain: no matrix parameters, no slash at the end.
async fn plain_path(mut request: Request, next: Next) -> Response {
    let Ok(path) = negotiate::plain_path(request.uri().path()) else {
        return negotiate::ambiguous(request.method());
    };
    let path_and_query = match request.uri().query() {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    match path_and_query.parse::<Uri>() {
        Ok(uri) => *request.uri_mut() = uri,
        Err(_) => return negotiate::ambiguous(request.method()),
    }
    next.run(request).await
}

/// Logs each request with its status and time, names the server, and turns a panic into 500.
async fn logged(request: Request, next: Next) -> Response {
    let (method, path, start) = (request.method().clone(), request.uri().path().to_owned(), Instant::now());
    let mut response = match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(_) => {
            tracing::error!(%method, path, "request handler panicked");
            RestError::http(StatusCode::INTERNAL_SERVER_ERROR).into_response()
        }
    };
    response.headers_mut().insert(header::SERVER, HeaderValue::from_static(SERVER));
    let millis = start.elapsed().as_millis() as u64;
    let status = response.status();
    if path == "/health" && status != StatusCode::INTERNAL_SERVER_ERROR {
        // Asked every few seconds by whatever keeps the worker running; only a worker in trouble is news.
        tracing::debug!(%method, path, status = status.as_u16(), millis, "request");
    } else {
        tracing::info!(%method, path, status = status.as_u16(), millis, "request");
    }
    response
}
