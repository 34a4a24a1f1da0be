//! Requests to the REST API over a herder in memory: `METHOD PATH`, header lines, an empty line, the body.
#![no_main]
#![allow(dead_code, missing_docs, reason = "the herder of the tests, of which this uses a part")]

#[path = "../../tests/support/fake_herder.rs"]
mod fake_herder;

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{Request, header::CONTENT_TYPE};
use fake_herder::FakeHerder;
use libfuzzer_sys::fuzz_target;
use longshore::config::Mode;
use longshore::rest::{Api, Level, Limits, LogLevels, router};
use serde_json::Value as Json;
use tower::ServiceExt as _;

fn api() -> Api {
    Api {
        herder: Arc::new(FakeHerder::new(Mode::Distributed)),
        loggers: Arc::new(LogLevels::new(Level::Info, |_| {})),
        metrics: Arc::default(),
        worker_id: "127.0.0.1:8083".into(),
        mode: Mode::Distributed,
        settings: Arc::default(),
        credentials: None,
        limits: Limits::default(),
    }
}

/// A request as it comes from the network; `None` for what the HTTP library would not let through.
fn request(bytes: &[u8]) -> Option<Request<Body>> {
    let end = bytes.windows(2).position(|two| two == b"\n\n")?;
    let mut lines = bytes[..end].split(|byte| *byte == b'\n');
    let mut words = lines.next()?.splitn(2, |byte| *byte == b' ');
    let mut request = Request::builder().method(words.next()?).uri(words.next()?);
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':')?;
        request = request.header(&line[..colon], line[colon + 1..].trim_ascii());
    }
    request.body(Body::from(bytes[end + 2..].to_vec())).ok()
}

// Requests follow each other on one herder, parted by a zero byte.
fuzz_target!(|bytes: &[u8]| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let router = router(api());
    for request in bytes.split(|byte| *byte == 0).filter_map(request) {
        runtime.block_on(async {
            let answer = router.clone().oneshot(request).await.unwrap();
            let (head, body) = answer.into_parts();
            let body = to_bytes(body, usize::MAX).await.unwrap();
            let of_json = head.headers.get(CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
            if of_json && !body.is_empty() {
                let body: Json = serde_json::from_slice(&body).unwrap();
                let error = head.status.as_u16() >= 400 && body.get("status").is_none();
                assert!(!error || body["error_code"] == head.status.as_u16() && body["message"].is_string(), "{body}");
            }
        });
    }
});
