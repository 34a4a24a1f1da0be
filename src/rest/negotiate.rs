//! The rules of HTTP that stand before a handler: paths, Content-Type, Accept.

use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::error::RestError;
use super::server::Scheme;

/// A path that two readers could understand differently; Jetty refuses it, and so its clients never rely on one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ambiguous;

/// The path as routes see it: matrix parameters (`;a=b`) taken off its segments, and one slash off its end.
///
/// Refuses empty segments, encoded dots, separators and percent signs, control characters and what is not UTF-8.
pub(super) fn plain_path(path: &str) -> Result<String, Ambiguous> {
    if path.contains("//") || !path.starts_with('/') {
        return Err(Ambiguous);
    }
    let mut plain = String::with_capacity(path.len());
    for segment in path.split('/').skip(1) {
        let (name, parameters) = segment.split_once(';').unwrap_or((segment, ""));
        check_segment(name, !parameters.is_empty() || segment.contains(';'))?;
        plain.push('/');
        plain.push_str(name);
    }
    if plain.len() > 1 && plain.ends_with('/') {
        plain.pop();
    }
    Ok(plain)
}

fn check_segment(segment: &str, parameters: bool) -> Result<(), Ambiguous> {
    let mut rest = segment;
    while let Some(at) = rest.find('%') {
        let digits = rest.get(at + 1..at + 3).ok_or(Ambiguous)?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(Ambiguous);
        }
        rest = rest.get(at + 3..).unwrap_or_default();
    }
    let decoded = percent_decode_str(segment).decode_utf8().map_err(|_| Ambiguous)?;
    let was_encoded = decoded.len() != segment.len();
    let suspicious = |c: char| c == '\\' || c.is_ascii_control() || was_encoded && (c == '/' || c == '%');
    let dots = decoded == "." || decoded == "..";
    match decoded.chars().any(suspicious) || dots && (was_encoded || parameters) {
        true => Err(Ambiguous),
        false => Ok(()),
    }
}

/// The answer to an ambiguous path: Jetty's, HTML for the methods for which it writes a page.
pub(super) fn ambiguous(method: &Method) -> Response {
    if !matches!(*method, Method::GET | Method::POST | Method::HEAD) {
        return StatusCode::BAD_REQUEST.into_response();
    }
    let page = "<html><head><title>Error 400 Bad Request</title></head>\
                <body><h1>400 Bad Request</h1><p>ambiguous path</p></body></html>\n";
    (StatusCode::BAD_REQUEST, [(CONTENT_TYPE, "text/html;charset=iso-8859-1")], page).into_response()
}

/// Content-Type, if there is one, must be JSON: 415.
pub(super) fn content_type(headers: &HeaderMap) -> Result<(), RestError> {
    let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(()) };
    let (kind, subkind) = value.to_str().ok().and_then(media_type).ok_or_else(malformed)?;
    match matches(&kind, &subkind, "application", "json") {
        true => Ok(()),
        false => Err(RestError::unrouted(StatusCode::UNSUPPORTED_MEDIA_TYPE)),
    }
}

/// Accept, if there is one, must take JSON: 406.
pub(super) fn accept(headers: &HeaderMap) -> Result<(), RestError> {
    match accepts(headers, "application", "json") {
        true => Ok(()),
        false => Err(RestError::unrouted(StatusCode::NOT_ACCEPTABLE)),
    }
}

fn malformed() -> RestError {
    RestError::unrouted(StatusCode::BAD_REQUEST)
}

/// Whether a media type is in Accept, or there is none. Qualities do not matter, not even zero, as in Connect: JSON is
/// all there is.
pub(super) fn accepts(headers: &HeaderMap, kind: &str, subkind: &str) -> bool {
    let mut listed = false;
    for value in headers.get_all(ACCEPT) {
        for range in value.to_str().unwrap_or_default().split(',').filter(|range| !range.trim().is_empty()) {
            listed = true;
            if media_type(range).is_some_and(|(its_kind, its_subkind)| matches(&its_kind, &its_subkind, kind, subkind))
            {
                return true;
            }
        }
    }
    !listed
}

fn matches(its_kind: &str, its_subkind: &str, kind: &str, subkind: &str) -> bool {
    (its_kind == "*" || its_kind.eq_ignore_ascii_case(kind))
        && (its_subkind == "*" || its_subkind.eq_ignore_ascii_case(subkind))
}

/// Type and subtype of `type/subtype;parameters`. A lone `*` means any, as old Java clients send it.
fn media_type(text: &str) -> Option<(String, String)> {
    let essence = text.split(';').next().unwrap_or_default().trim();
    if essence == "*" {
        return Some(("*".to_owned(), "*".to_owned()));
    }
    let (kind, subkind) = essence.split_once('/')?;
    let token = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/');
    (token(kind) && token(subkind)).then(|| (kind.to_owned(), subkind.to_owned()))
}

/// What stands as it is in a path; everything else is percent-encoded.
const PATH: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b':')
    .remove(b'@')
    .remove(b'/');

/// Where a connector can be found. Absolute when the client said which host it speaks to.
pub(super) fn location(scheme: Scheme, headers: &HeaderMap, connector: &str) -> String {
    let path = format!("/connectors/{}", utf8_percent_encode(connector, &PATH));
    match headers.get(axum::http::header::HOST).and_then(|host| host.to_str().ok()) {
        Some(host) => format!("{}://{host}{path}", scheme.0),
        None => path,
    }
}

#[cfg(test)]
mod tests;
