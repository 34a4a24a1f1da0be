//! The REST API as a server: limits, slow and broken clients, time-outs, log levels, shutdown.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests

mod support;

use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::body::{Body, to_bytes};
use axum::http::Request as HttpRequest;
use longshore::config::rest::RestTls;
use longshore::config::{Listener, Mode};
use longshore::rest::{Bound, Limits, router};
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use support::fake_herder::FakeHerder;
use support::http::{Request, read};
use support::server::{Server, api};
use tower::ServiceExt;

const SINK: &str = r#"{"connector.class":"org.apache.kafka.connect.file.FileStreamSinkConnector","topics":"t"}"#;

fn send(server: &Server, request: Request) -> support::http::Response {
    request.send(&server.authority()).unwrap()
}

/// Status and message of an error.
fn refusal(server: &Server, request: Request) -> (u16, String) {
    let response = send(server, request);
    let body = response.json().unwrap_or_default();
    assert_eq!(body["error_code"], response.status);
    (response.status, body["message"].as_str().unwrap_or_default().to_owned())
}

fn put(server: &Server, name: &str) {
    let response = send(server, Request::new("PUT", &format!("/connectors/{name}/config")).json(SINK));
    assert_eq!(response.status, 201, "{}", response.text());
}

#[test]
fn every_answer_names_the_server() {
    let server = Server::start(Mode::Distributed);
    for path in ["/", "/nope", "//"] {
        let response = send(&server, Request::new("GET", path));
        assert_eq!(response.header("server"), Some(longshore::rest::SERVER), "{path}");
        assert!(response.header("date").is_some());
    }
}

#[test]
fn options_names_the_methods_of_a_path() {
    let server = Server::start(Mode::Distributed);
    let any = send(&server, Request::new("OPTIONS", "/connectors/a/config"));
    assert_eq!((any.status, any.header("allow")), (200, Some("GET,PUT,PATCH,HEAD,OPTIONS")));
    assert_eq!((any.header("content-type"), any.text().as_str()), (Some("text/plain"), "GET,PUT,PATCH,HEAD,OPTIONS"));
    let json = send(&server, Request::new("OPTIONS", "/connectors").header("Accept", "application/json"));
    assert_eq!((json.header("content-type"), json.text().as_str()), (Some("application/json"), ""));
    assert_eq!(send(&server, Request::new("OPTIONS", "/nope")).status, 404);
}

#[test]
fn head_is_answered_like_get_without_a_body() {
    let server = Server::start(Mode::Distributed);
    let (get, head) = (Request::new("GET", "/connectors"), Request::new("HEAD", "/connectors"));
    let (get, head) = (send(&server, get), send(&server, head));
    assert_eq!((head.status, head.header("content-length")), (200, get.header("content-length")));
}

#[test]
fn a_foreign_content_type_is_refused_even_where_no_body_is_read() {
    let server = Server::start(Mode::Distributed);
    put(&server, "a");
    let form = "application/x-www-form-urlencoded";
    let refused = refusal(&server, Request::new("PUT", "/connectors/a/pause").header("Content-Type", form));
    assert_eq!(refused, (415, "HTTP 415 Unsupported Media Type".to_owned()));
    assert_eq!(send(&server, Request::new("PUT", "/connectors/a/pause")).status, 202);
    assert_eq!(send(&server, Request::new("GET", "/").header("Content-Type", form)).status, 200);
}

#[test]
fn numbers_and_truth_values_become_their_text() {
    let server = Server::start(Mode::Distributed);
    let body = SINK.replace('}', r#","i":007e0,"f":1.50,"e":1E+5,"b":true,"big":123456789012345678901234567890}"#);
    let (status, message) = refusal(&server, Request::new("PUT", "/connectors/a/config").json(&body));
    assert_eq!(status, 500, "{message}");
    assert!(message.starts_with("Invalid numeric value: Leading zeroes"), "{message}");
    let body = body.replace("007e0", "7");
    let config = send(&server, Request::new("PUT", "/connectors/a/config").json(&body)).json().unwrap();
    let expected = json!({"i": "7", "f": "1.50", "e": "1E+5", "b": "true", "big": "123456789012345678901234567890"});
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&config["config"][key], value, "{key}");
    }
}

#[test]
fn an_initial_state_is_read_without_regard_to_case() {
    let server = Server::start(Mode::Distributed);
    let create = |state: &str| {
        Request::new("POST", "/connectors")
            .json(&format!(r#"{{"name":" c ","config":{SINK},"initial_state":{state}}}"#))
    };
    let (status, message) = refusal(&server, create("\"asleep\""));
    assert_eq!(status, 500);
    assert!(message.contains("problem: No enum constant") && message.contains("InitialState.ASLEEP"), "{message}");
    let created = send(&server, create("\"paused\""));
    assert_eq!(created.status, 201, "{}", created.text());
    assert_eq!(created.header("location"), Some(format!("http://{}/connectors/c", server.authority()).as_str()));
    let status = send(&server, Request::new("GET", "/connectors/c/status")).json().unwrap();
    assert_eq!(status["connector"]["state"], "PAUSED");
    assert_eq!(refusal(&server, create("null")), (409, "Connector c already exists".to_owned()));
}

#[test]
fn the_list_shows_what_was_asked_for_in_the_order_asked() {
    let server = Server::start(Mode::Distributed);
    put(&server, "a");
    let text = send(&server, Request::new("GET", "/connectors?expand=status&expand=info")).text();
    assert!(text.starts_with(r#"{"a":{"status":{"name":"a","#), "{text}");
    let text = send(&server, Request::new("GET", "/connectors?expand=info&expand=nonsense")).text();
    assert!(text.starts_with(r#"{"a":{"info":{"name":"a","config":{"#), "{text}");
    assert!(text.ends_with(r#""tasks":[{"connector":"a","task":0}],"type":"sink"}}}"#), "{text}");
}

#[test]
fn log_levels_are_listed_set_and_refused() {
    let server = Server::start(Mode::Distributed);
    let set = |path: &str, level: &str| send(&server, Request::new("PUT", path).json(level));
    assert_eq!(set("/admin/loggers/a.b", r#"{"level":"debug"}"#).json(), Some(json!(["a.b"])));
    // That is the herder's to do, on all workers.
    assert_eq!(set("/admin/loggers/a?scope=CLUSTER", r#"{"level":"TRACE"}"#).status, 204);
    assert_eq!(set("/admin/loggers/a", r#"{"level":"TRACE"}"#).json(), Some(json!(["a", "a.b"])));
    let all = send(&server, Request::new("GET", "/admin/loggers")).json().unwrap();
    assert_eq!(all["a.b"]["level"], "TRACE");
    assert_eq!(all["root"], json!({"level": "INFO", "last_modified": null}));
    assert!(all["a"]["last_modified"].is_i64());
    let path = "/admin/loggers/none";
    assert_eq!(refusal(&server, Request::new("GET", path)), (404, "Logger none not found.".to_owned()));
    let missing = "Desired 'level' parameter was not specified in request.".to_owned();
    assert_eq!(refusal(&server, Request::new("PUT", path).json("{}")), (400, missing));
    let wrong = "invalid log level 'Loud'.".to_owned();
    assert_eq!(refusal(&server, Request::new("PUT", path).json(r#"{"level":"Loud"}"#)), (404, wrong));
}

#[test]
fn a_request_that_the_herder_does_not_answer_in_time_says_what_the_worker_does() {
    let mut herder = FakeHerder::new(Mode::Distributed);
    herder.delay = Duration::from_secs(30);
    let short = Duration::from_millis(50);
    let limits = Limits { request: short, health: short, cluster_id: short, ..Limits::default() };
    let server = Server::with(herder, Mode::Distributed, limits);
    let stage = "The worker is currently pretending, which began at 1970-01-01T00:00:00Z.";
    let late = (500, format!("Request timed out. {stage}"));
    for read in ["", "?expand=status", "/a", "/a/status", "/a/topics", "/a/tasks/0/status"] {
        assert_eq!(refusal(&server, Request::new("GET", &format!("/connectors{read}"))), late, "{read}");
    }
    let validate = Request::new("PUT", "/connector-plugins/FileStreamSink/config/validate").json("{}");
    assert_eq!(refusal(&server, validate).1, late.1.trim_end_matches('.'));
    let health = send(&server, Request::new("GET", "/health"));
    let message =
        format!("Worker was unable to handle this request and may be unable to handle other requests. {stage}");
    assert_eq!((health.status, health.json()), (500, Some(json!({"status": "unhealthy", "message": message}))));
    let root = send(&server, Request::new("GET", "/"));
    assert_eq!((root.status, root.json().unwrap()["kafka_cluster_id"].clone()), (200, Json::Null));
}

#[test]
fn a_worker_that_is_not_ready_says_so() {
    let mut herder = FakeHerder::new(Mode::Distributed);
    herder.ready = false;
    let server = Server::with(herder, Mode::Distributed, Limits::default());
    let health = send(&server, Request::new("GET", "/health"));
    assert_eq!((health.status, health.json().unwrap()["status"].clone()), (503, json!("starting")));
}

#[test]
fn a_body_beyond_the_limit_is_refused() {
    let limits = Limits { body_bytes: 1000, ..Limits::default() };
    let server = Server::with(FakeHerder::new(Mode::Distributed), Mode::Distributed, limits);
    let body = format!(r#"{{"x":"{}"}}"#, "y".repeat(1000));
    let (status, message) = refusal(&server, Request::new("PUT", "/connectors/a/config").json(&body));
    assert_eq!((status, message.as_str()), (413, "HTTP 413 Payload Too Large"));
}

#[test]
fn a_panic_is_one_requests_failure() {
    let mut herder = FakeHerder::new(Mode::Distributed);
    herder.poison = Some("a".to_owned());
    let server = Server::with(herder, Mode::Distributed, Limits::default());
    assert_eq!(refusal(&server, Request::new("GET", "/connectors/a/status")).0, 500);
    assert_eq!(send(&server, Request::new("GET", "/connectors")).status, 200);
}

/// Less than any of the default limits: who waits no longer than this sees whether the short ones hold.
const PATIENCE: Duration = Duration::from_secs(25);

/// Limits under which a slow client is soon let go.
fn impatient() -> Limits {
    let short = Duration::from_millis(300);
    Limits { head: short, body: short, write: short, stop: Duration::from_secs(2), ..Limits::default() }
}

#[test]
fn a_client_that_trickles_its_request_is_let_go() {
    let server = Server::with(FakeHerder::new(Mode::Distributed), Mode::Distributed, impatient());
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // A head that never ends.
    for byte in b"GET / HTTP/1.1\r\nHost: a\r\nX: " {
        if stream.write_all(&[*byte]).is_err() {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let waited_in_vain = |error: std::io::Error| error.kind() == std::io::ErrorKind::WouldBlock;
    assert!(!stream.read_to_end(&mut Vec::new()).is_err_and(waited_in_vain));
    // A body that never ends.
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = "PUT /connectors/a/config HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
    stream.write_all(head.as_bytes()).unwrap();
    assert_eq!(read(BufReader::new(stream), false).unwrap().status, 408);
    assert_eq!(send(&server, Request::new("GET", "/")).status, 200);
}

#[test]
fn a_client_that_does_not_take_its_answers_is_let_go() {
    let limits = Limits { connections: 1, ..impatient() };
    let server = Server::with(FakeHerder::new(Mode::Distributed), Mode::Distributed, limits);
    for number in 0..500 {
        put_in_memory(&server, &format!("{number}-{}", "n".repeat(200)));
    }
    // Asks for more than the system's buffers hold, and reads nothing. The only connection must be free again soon.
    let mut stuck = TcpStream::connect(server.address).unwrap();
    stuck.set_write_timeout(Some(Duration::from_secs(5))).unwrap();
    let request = "GET /connectors?expand=info&expand=status HTTP/1.1\r\nHost: a\r\n\r\n".repeat(100);
    let _ = stuck.write_all(request.as_bytes());
    let start = Instant::now();
    assert_eq!(send(&server, Request::new("GET", "/")).status, 200);
    assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
}

fn put_in_memory(server: &Server, name: &str) {
    use longshore::herder::Herder;
    let config = serde_json::from_str(SINK).unwrap();
    let stored = server.herder.put_config(name, config);
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(stored).unwrap();
}

#[test]
fn connections_beyond_the_limit_wait() {
    let limits = Limits { connections: 2, ..impatient() };
    let server = Server::with(FakeHerder::new(Mode::Distributed), Mode::Distributed, limits);
    let idle: Vec<TcpStream> = (0..20).map(|_| TcpStream::connect(server.address).unwrap()).collect();
    assert_eq!(send(&server, Request::new("GET", "/")).status, 200);
    drop(idle);
}

#[test]
fn requests_under_way_are_answered_when_the_server_stops() {
    let mut herder = FakeHerder::new(Mode::Distributed);
    herder.delay = Duration::from_millis(400);
    let mut server = Server::with(herder, Mode::Distributed, Limits::default());
    let authority = server.authority();
    let asked = std::thread::spawn(move || Request::new("GET", "/connectors/a").send(&authority).unwrap().status);
    while server.herder.asked.load(Ordering::Relaxed) == 0 {
        std::thread::yield_now();
    }
    server.stop();
    assert_eq!(asked.join().unwrap(), 404);
    server.done.take().unwrap().join().unwrap();
    assert!(Request::new("GET", "/").send(&server.authority()).is_err());
}

#[tokio::test]
async fn a_listener_that_cannot_be_opened_is_named() {
    let listener = |scheme: &str, host: &str, port| Listener { scheme: scheme.into(), host: host.into(), port };
    let open = async |listeners: &[Listener]| Bound::open(listeners, &RestTls::default()).await;
    let bound = open(&[listener("http", "", 0), listener("http", "[::1]", 0)]).await.unwrap();
    assert!(bound.addresses().iter().all(|address| address.port() > 0));
    let taken = bound.addresses()[1].port();
    let error = open(&[listener("http", "[::1]", taken)]).await.unwrap_err().to_string();
    assert!(error.starts_with(&format!("listener http://[::1]:{taken}: ")), "{error}");
    let error = open(&[listener("https", "a", 1)]).await.unwrap_err().to_string();
    assert!(error.starts_with("listener https://a:1: ") && error.contains("ssl.keystore.location"), "{error}");
}

/// Pieces of paths that are near to real ones.
fn path() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("connectors".to_owned()),
        Just("tasks".to_owned()),
        Just("0".to_owned()),
        Just("config".to_owned()),
        Just("connector-plugins".to_owned()),
        Just("admin".to_owned()),
        Just("loggers".to_owned()),
        Just("offsets".to_owned()),
        Just("%2F".to_owned()),
        Just("..".to_owned()),
        Just(";a=b".to_owned()),
        "[!-~]{0,6}",
        "%[0-9a-fA-F]{2}",
        Just(String::new()),
    ];
    proptest::collection::vec(piece, 0..6).prop_map(|pieces| format!("/{}", pieces.join("/")))
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..200),
        "[\\[\\]{}:,\" a-z0-9.\\\\]{0,60}".prop_map(String::into_bytes),
        Just(br#"{"name":"a","config":{"connector.class":"x","n":null},"initial_state":"RUNNING"}"#.to_vec()),
        Just(br#"{"offsets":[{"partition":{"a":[1,{}]},"offset":null}]}"#.to_vec()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn no_request_makes_it_panic_or_hang(
        method in prop_oneof![
            Just("GET"), Just("POST"), Just("PUT"), Just("PATCH"), Just("DELETE"), Just("HEAD"), Just("OPTIONS"), Just("X"),
        ],
        path in path(),
        query in "[a-zA-Z=&%+]{0,20}",
        accept in prop_oneof![Just("*/*".to_owned()), "[ -~]{0,20}"],
        content_type in prop_oneof![Just("application/json".to_owned()), "[ -~]{0,20}"],
        body in body(),
    ) {
        let uri = format!("{path}?{query}");
        let request = HttpRequest::builder().method(method).uri(&uri).header("accept", accept)
            .header("content-type", content_type).body(Body::from(body));
        let Ok(request) = request else { return Ok(()) };
        let api = api(Arc::new(FakeHerder::new(Mode::Distributed)), Mode::Distributed, Limits::default());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (status, body) = runtime.block_on(async {
            let answered = tokio::time::timeout(Duration::from_secs(5), router(api).oneshot(request)).await;
            let response = answered.expect("an answer in time").unwrap();
            (response.status().as_u16(), to_bytes(response.into_body(), usize::MAX).await.unwrap())
        });
        let text = String::from_utf8(body.to_vec()).unwrap();
        // What a handler's panic would be answered with.
        prop_assert!(!text.contains("HTTP 500 Internal Server Error"), "{method} {uri}: {text}");
        let json: Option<Json> = serde_json::from_str(&text).ok();
        if status >= 400 && method != "HEAD" && !text.is_empty() && !text.starts_with("<html>") {
            prop_assert_eq!(json.map(|json| json["error_code"].clone()), Some(json!(status)), "{} {}: {}", method, uri, text);
        }
    }
}
