//! Refusals as answers: Connect's error body and its statuses.

use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::herder::{HerderError, HerderErrorKind};

/// What a handler returns.
pub(super) type Answer = Result<Response, RestError>;

/// `application/json`, as Connect writes it.
pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A request that is refused or failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RestError {
    status: StatusCode,
    message: String,
    /// Refused before a handler was chosen. Such answers carry no Content-Type in Connect, though the body is JSON.
    unrouted: bool,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    error_code: u16,
    message: &'a str,
}

impl RestError {
    /// A refusal with a status and Connect's words for it.
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), unrouted: false }
    }

    /// 400.
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// 404.
    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// 500.
    pub(super) fn internal(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, message)
    }

    /// A refusal in HTTP's own words: `HTTP 404 Not Found`.
    pub(super) fn http(status: StatusCode) -> Self {
        let reason = status.canonical_reason().unwrap_or_default();
        Self::new(status, format!("HTTP {} {reason}", status.as_u16()))
    }

    /// The same, before a handler was chosen.
    pub(super) fn unrouted(status: StatusCode) -> Self {
        Self { unrouted: true, ..Self::http(status) }
    }
}

impl From<HerderError> for RestError {
    fn from(error: HerderError) -> Self {
        let status = match error.kind {
            HerderErrorKind::BadRequest => StatusCode::BAD_REQUEST,
            HerderErrorKind::NotFound => StatusCode::NOT_FOUND,
            HerderErrorKind::Conflict => StatusCode::CONFLICT,
            HerderErrorKind::Forbidden => StatusCode::FORBIDDEN,
            HerderErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            HerderErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, error.message)
    }
}

impl IntoResponse for RestError {
    fn into_response(self) -> Response {
        let body = ErrorBody { error_code: self.status.as_u16(), message: &self.message };
        let mut response = json(self.status, &body).unwrap_or_else(|_| self.status.into_response());
        if self.unrouted {
            response.headers_mut().remove(CONTENT_TYPE);
        }
        response
    }
}

/// An answer with a JSON body.
pub(super) fn json<T: Serialize>(status: StatusCode, body: &T) -> Answer {
    let bytes = serde_json::to_vec(body).map_err(|error| RestError::internal(error.to_string()))?;
    Ok((status, [(CONTENT_TYPE, JSON)], bytes).into_response())
}

/// 200 with a JSON body.
pub(super) fn ok<T: Serialize>(body: &T) -> Answer {
    json(StatusCode::OK, body)
}

/// An answer without a body.
pub(super) fn empty(status: StatusCode) -> Answer {
    Ok(status.into_response())
}
