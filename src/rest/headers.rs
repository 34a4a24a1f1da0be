//! What answers get besides: headers for browsers of other origins (CORS), and `response.http.headers.config`.
//!
//! Rules of Jetty's `CrossOriginFilter` and `HeaderFilter`, which Kafka Connect uses.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD,
    HeaderName, HeaderValue, ORIGIN, VARY,
};
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::Response;

use crate::config::rest::{Cors, HeaderRule, HeaderValue as Configured};

/// Headers that browsers may send.
const ALLOWED_HEADERS: [&str; 4] = ["X-Requested-With", "Content-Type", "Accept", "Origin"];
/// How long browsers may keep the answer to their question, in seconds.
const MAX_AGE: &str = "1800";

/// Tells browsers what they may do. A question for that is also handed on: its answer gets the headers.
pub(super) async fn across_origins(State(cors): State<Arc<Cors>>, request: Request, next: Next) -> Response {
    let granted = granted(&cors, request.method(), request.headers());
    let mut response = next.run(request).await;
    response.headers_mut().extend(granted);
    response
}

fn granted(cors: &Cors, method: &Method, headers: &HeaderMap) -> HeaderMap {
    let mut granted = HeaderMap::new();
    let Some(origin) = headers.get(ORIGIN) else { return granted };
    let any = cors.origins.iter().any(|pattern| pattern == "*");
    let known = |origin: &str| origin.split(' ').any(|origin| cors.origins.iter().any(|its| matches(its, origin)));
    if !any && !origin.to_str().is_ok_and(known) {
        return granted;
    }
    let question = headers.get(ACCESS_CONTROL_REQUEST_METHOD).filter(|_| method == Method::OPTIONS);
    if let Some(wanted) = question {
        if !cors.methods.iter().any(|method| method.as_bytes() == wanted.as_bytes()) || !headers_allowed(headers) {
            return granted;
        }
        granted.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(MAX_AGE));
        if let Ok(methods) = HeaderValue::from_str(&cors.methods.join(",")) {
            granted.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
        }
        if let Ok(allowed) = HeaderValue::from_str(&ALLOWED_HEADERS.join(",")) {
            granted.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed);
        }
    }
    granted.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    if !any {
        granted.insert(VARY, HeaderValue::from_static("Origin"));
    }
    granted.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    granted
}

/// Whether all headers that a browser asks for are allowed.
fn headers_allowed(headers: &HeaderMap) -> bool {
    let wanted =
        headers.get(ACCESS_CONTROL_REQUEST_HEADERS).and_then(|wanted| wanted.to_str().ok()).unwrap_or_default();
    let mut wanted = wanted.split(',').map(str::trim).filter(|name| !name.is_empty());
    wanted.all(|name| ALLOWED_HEADERS.iter().any(|allowed| allowed.eq_ignore_ascii_case(name)))
}

/// Whether an origin is the configured one, in which `*` stands for any text.
fn matches(pattern: &str, origin: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| origin.strip_prefix(first)) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    true
}

/// Adds the configured headers; what the API itself says counts more than `set`.
pub(super) async fn configured(State(rules): State<Arc<[HeaderRule]>>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (add, name, value) in rules.iter().filter_map(header) {
        if add {
            response.headers_mut().append(name, value);
        } else if !response.headers().contains_key(&name) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn header(rule: &HeaderRule) -> Option<(bool, HeaderName, HeaderValue)> {
    let value = match &rule.value {
        Configured::Text(text) => text.clone(),
        Configured::Date(millis) => {
            let time = jiff::Timestamp::now().checked_add(jiff::SignedDuration::from_millis(*millis)).ok()?;
            time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
        }
    };
    Some((rule.add, rule.name.parse().ok()?, HeaderValue::from_str(&value).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_in_an_origin_stands_for_any_text() {
        for (pattern, origin, expected) in [
            ("https://a.example", "https://a.example", true),
            ("https://a.example", "https://a.example.org", false),
            ("https://*.example", "https://b.a.example", true),
            ("https://*.example", "https://example", false),
            ("https://*.example", "http://b.example", false),
            ("http*://*.b.*", "https://a.b.c", true),
            ("http*://*.b.*", "https://a.c", false),
        ] {
            assert_eq!(matches(pattern, origin), expected, "{pattern} {origin}");
        }
    }
}
