//! The commands that need no worker, and what a worker says that cannot start.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use longshore_test_servers::{free_port, kafka, mongodb, unique};
use serde_json::{Value, json};

use super::simplelink::simplelink;
use super::worker::Worker;

/// How a command ended, and what it said.
struct Outcome {
    code: Option<i32>,
    out: String,
    err: String,
}

/// A command in an environment without anything that configures a worker.
fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_longshore"));
    command.args(arguments).env_clear().stdin(Stdio::null());
    command
}

fn outcome(output: Output) -> Outcome {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Outcome { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

fn run(arguments: &[&str]) -> Outcome {
    outcome(command(arguments).output().unwrap())
}

fn run_with_input(arguments: &[&str], input: &str) -> Outcome {
    let mut command = command(arguments);
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    outcome(child.wait_with_output().unwrap())
}

/// A file of a name's kind with some text; its path as text.
fn file(folder: &tempfile::TempDir, name: &str, text: &str) -> String {
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_record_is_tried_without_a_worker() {
    let folder = tempfile::tempdir().unwrap();
    let config = json!({
        "name": "c", "connector.class": "FileStreamSink", "transforms": "cast",
        "transforms.cast.type": "org.apache.kafka.connect.transforms.Cast$Value", "transforms.cast.spec": "n:string",
        "value.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter.schemas.enable": "false",
    });
    let connector = file(&folder, "c.json", &config.to_string());
    let tried = run_with_input(&["try", &connector, "--record", "-"], r#"{"value": {"n": 7}}"#);
    assert_eq!((tried.code, tried.err.as_str()), (Some(0), ""), "{}", tried.out);
    assert!(tried.out.contains(r#""n":"7""#) && tried.out.ends_with("c: the record passed\n"), "{}", tried.out);
    let failed = run_with_input(&["try", &connector, "--record", "-"], r#"{"value": "text"}"#);
    assert_eq!(failed.code, Some(1));
    assert!(failed.out.contains("VALUE_CONVERTER") && failed.out.ends_with("failed\n"), "{}", failed.out);
    let wrong = run_with_input(&["try", &connector, "--record", "-"], "[]");
    assert_eq!(wrong.code, Some(1));
    assert!(wrong.err.contains("the record is not what is expected"), "{}", wrong.err);
}

#[test]
fn help_and_version_say_what_there_is() {
    let version = run(&["--version"]);
    assert_eq!((version.code, version.out.trim()), (Some(0), concat!("longshore ", env!("CARGO_PKG_VERSION"))));
    let help = run(&["--help"]);
    assert_eq!(help.code, Some(0));
    for command in ["distributed", "standalone", "quickstart", "validate", "try", "plugins", "health"] {
        assert!(help.out.contains(&format!("\n  {command} ")), "{command} is not in:\n{}", help.out);
        let own = run(&["help", command]);
        assert!(own.code == Some(0) && own.out.contains("Usage: longshore"), "{}", own.out);
    }
    assert_eq!(run(&["no-such-command"]).code, Some(2));
    assert_eq!(run(&[]).code, Some(2));
}

#[test]
fn validate_takes_every_form_of_a_connector() {
    let folder = tempfile::tempdir().unwrap();
    let config = simplelink("t", "mydb", "mongodb://mongo:27017");
    let mut flat = config.clone();
    flat["name"] = json!("c");
    let members = flat.as_object().unwrap();
    let properties: String =
        members.iter().map(|(key, value)| format!("{key}={}\n", value.as_str().unwrap())).collect();
    let wrapped = json!({ "name": "c", "config": config }).to_string();
    let forms = [("wrapped.json", &*wrapped), ("flat.json", &flat.to_string()), ("c.properties", &properties)];
    for (name, text) in forms {
        let outcome = run(&["validate", &file(&folder, name, text)]);
        assert_eq!(outcome.code, Some(0), "{name}: {}{}", outcome.out, outcome.err);
        assert!(outcome.out.starts_with("c: valid"), "{name}: {}", outcome.out);
        let outcome = run_with_input(&["validate", "-"], text);
        assert_eq!(outcome.code, Some(0), "{name}: {}{}", outcome.out, outcome.err);
    }
}

#[test]
fn validate_says_every_error_with_its_key_and_no_secret() {
    let text = r#"{ "name": "c", "config": {
        "connector.class": "MongoSinkConnector", "topics": "t", "tasks.max": "none", "collection": "a",
        "connection.uri": "mongodb://me:s3cr3t@host:port-of-no-number", "max.batch.size": -1,
        "errors.tolerance": "some" } }"#;
    let outcome = run_with_input(&["validate", "-"], text);
    assert_eq!(outcome.code, Some(1), "{}", outcome.err);
    for key in ["tasks.max", "connection.uri", "database", "max.batch.size", "errors.tolerance"] {
        assert!(outcome.out.lines().any(|line| line.starts_with(&format!("{key}: "))), "{key}: {}", outcome.out);
    }
    assert!(!outcome.out.contains("s3cr3t"), "{}", outcome.out);
    assert!(outcome.out.ends_with(" errors\n"), "{}", outcome.out);
}

#[test]
fn validate_says_what_is_wrong_with_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let cases = [
        (folder.path().join("missing.json").to_str().unwrap().to_owned(), "missing.json cannot be read: No such file"),
        (file(&folder, "cut.json", r#"{"name": "c", "config": "#), "cut.json is not valid JSON: EOF"),
        (file(&folder, "nameless.json", "{}"), "missing the mandatory 'name'"),
        (
            file(&folder, "unknown.properties", "name=c\nconnector.class=com.example.None\ntopics=t\n"),
            "com.example.None",
        ),
    ];
    for (path, reason) in cases {
        let outcome = run(&["validate", &path]);
        assert_eq!(outcome.code, Some(1), "{path}: {}", outcome.out);
        let said = outcome.out + &outcome.err;
        assert!(said.contains(reason), "{path}: {said}");
    }
}

#[test]
fn plugins_lists_what_is_built_in_and_explains_the_keys_of_one() {
    let listed = run(&["plugins"]);
    assert_eq!(listed.code, Some(0));
    for class in [
        "com.mongodb.kafka.connect.MongoSinkConnector",
        "io.confluent.kafka.connect.datagen.DatagenConnector",
        "org.apache.kafka.connect.json.JsonConverter",
    ] {
        assert!(listed.out.contains(class), "{}", listed.out);
    }
    let by_class = run(&["plugins", "com.mongodb.kafka.connect.MongoSinkConnector"]);
    assert!(by_class.out.contains("\nconnection.uri ("), "{}", by_class.out);
    for alias in ["MongoSinkConnector", "MongoSink"] {
        assert_eq!(run(&["plugins", alias]).out, by_class.out);
    }
    let unknown = run(&["plugins", "NoSuchThing"]);
    assert_eq!(unknown.code, Some(1));
    assert!(unknown.err.contains("NoSuchThing"), "{}", unknown.err);
}

#[test]
fn health_is_told_by_exit_codes() {
    let mut worker = Worker::start(kafka());
    let healthy = run(&["health", &worker.url()]);
    assert_eq!(healthy.code, Some(0), "{}", healthy.err);
    let body: Value = serde_json::from_str(&healthy.out).unwrap();
    assert_eq!(body["status"], "healthy");
    let port = worker.url().rsplit_once(':').unwrap().1.to_owned();
    let variables = [
        ("LONGSHORE_URL", worker.url()),
        ("CONNECT_LISTENERS", format!("http://0.0.0.0:{port}")),
        ("CONNECT_REST_PORT", port.clone()),
    ];
    for (name, value) in &variables {
        let asked = outcome(command(&["health"]).env(name, value).output().unwrap());
        assert_eq!(asked.code, Some(0), "{name}: {}", asked.err);
    }
    assert_eq!(worker.terminate(), Some(0));
    let gone = run(&["health", &worker.url()]);
    assert_eq!(gone.code, Some(1));
    assert!(gone.err.contains(&format!("{}/health does not answer", worker.url())), "{}", gone.err);
}

#[test]
fn a_worker_that_waits_for_its_broker_is_not_healthy() {
    let port = free_port();
    let mut command = command(&["distributed"]);
    let topics =
        ["config", "offset", "status"].map(|topic| (format!("CONNECT_{}_STORAGE_TOPIC", topic.to_uppercase()), topic));
    command.envs(topics).env("CONNECT_BOOTSTRAP_SERVERS", "127.0.0.1:9").env("CONNECT_GROUP_ID", "g");
    command.env("CONNECT_KEY_CONVERTER", "JsonConverter").env("CONNECT_VALUE_CONVERTER", "JsonConverter");
    command.env("CONNECT_LISTENERS", format!("http://127.0.0.1:{port}")).stderr(Stdio::piped());
    let mut worker = command.spawn().unwrap();
    let url = format!("http://127.0.0.1:{port}");
    let mut last = run(&["health", &url]);
    let answered = super::worker::wait_for(|| {
        last = run(&["health", &url]);
        last.err.starts_with('{')
    });
    let log = Arc::new(Mutex::new(String::new()));
    let (lines, seen) = (BufReader::new(worker.stderr.take().unwrap()).lines(), Arc::clone(&log));
    let reading = std::thread::spawn(move || lines.for_each(|line| seen.lock().unwrap().push_str(&line.unwrap())));
    let warned =
        super::worker::wait_for(|| log.lock().unwrap().contains("still waiting for the Kafka brokers at 127.0.0.1:9"));
    // There is nothing to drain yet, so there is nothing to wait for.
    let pid = worker.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let start = std::time::Instant::now();
    let mut ended = None;
    super::worker::wait_for(|| {
        ended = worker.try_wait().unwrap();
        ended.is_some()
    });
    let took = start.elapsed();
    drop(worker.kill());
    drop(worker.wait());
    assert!(ended.is_some_and(|status| status.success()) && took.as_secs() < 10, "{ended:?} after {took:?}");
    assert!(answered, "{}", last.err);
    reading.join().unwrap();
    assert!(warned, "{}", log.lock().unwrap());
    assert_eq!(last.code, Some(1));
    let body: Value = serde_json::from_str(&last.err).unwrap();
    assert_ne!(body["status"], "healthy");
    assert!(body["message"].as_str().unwrap().contains("initializing"), "{body}");
}

#[test]
fn worker_properties_that_cannot_be_are_refused_with_every_reason() {
    let folder = tempfile::tempdir().unwrap();
    let bad = "group.id=g\nkey.converter=JsonConverter\nvalue.converter=JsonConverter\nlisteners=8083\n\
               offset.flush.interval.ms=often\nconfig.storage.topic=a\nstatus.storage.topic=b\n\
               sasl.jaas.config=password-s3cr3t\n";
    let refused = run(&["distributed", &file(&folder, "bad.properties", bad)]);
    assert_eq!(refused.code, Some(2), "{}", refused.err);
    for key in ["listeners", "offset.flush.interval.ms", "offset.storage.topic"] {
        assert!(refused.err.lines().any(|line| line.starts_with("  ") && line.contains(key)), "{key}: {}", refused.err);
    }
    assert!(refused.err.contains("bad.properties") && !refused.err.contains("s3cr3t"), "{}", refused.err);
    let missing = run(&["distributed"]);
    assert_eq!(missing.code, Some(2));
    for key in ["group.id", "key.converter", "value.converter", "config.storage.topic", "status.storage.topic"] {
        assert!(missing.err.contains(key), "{key}: {}", missing.err);
    }
    assert!(missing.err.contains("CONNECT_"), "{}", missing.err);
    let standalone = run(&["standalone", &file(&folder, "s.properties", "key.converter=StringConverter\n")]);
    assert_eq!(standalone.code, Some(2));
    for key in ["value.converter", "offset.storage.file.filename"] {
        assert!(standalone.err.contains(key), "{key}: {}", standalone.err);
    }
    let unknown = run(&["distributed", "no-such.properties"]);
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.err.contains("no-such.properties cannot be read: No such file"), "{}", unknown.err);
    assert_eq!(run(&["distributed", "--log-level", "LOUD"]).code, Some(2));
    let as_json = run(&["distributed", "--log-format", "json"]);
    let line: Value = serde_json::from_str(&as_json.err).unwrap();
    assert!(line["level"] == "ERROR" && line["message"].as_str().unwrap().contains("group.id"), "{line}");
}

#[test]
fn json_logs_are_an_object_a_line_and_name_connector_and_task() {
    let jaas = r#"org.apache.kafka.common.security.plain.PlainLoginModule required username="u" password="s3cr3t";"#;
    let variables = [("LONGSHORE_LOG_FORMAT", "json"), ("CONNECT_SASL_JAAS_CONFIG", jaas)];
    let mut worker = Worker::start_with(kafka(), &variables);
    let topic = unique("t");
    super::kafka::create_topic(&topic, 1);
    let mut config = simplelink(&topic, "mydb", mongodb());
    config["consumer.override.ssl.key.password"] = json!("s3cr3t");
    worker.create("simplelink", &config);
    worker.wait_for_state("simplelink", "RUNNING", "RUNNING");
    worker.wait_until("its partition", || worker.log().contains("partitions assigned"));
    assert_eq!(worker.terminate(), Some(0));
    let log = worker.log();
    let lines: Vec<Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect();
    for line in &lines {
        assert!(["timestamp", "level", "target", "message"].iter().all(|name| line[name].is_string()), "{line}");
        assert!(["INFO", "WARN", "ERROR"].contains(&line["level"].as_str().unwrap()), "{line}");
        assert_ne!(line["path"], "/health", "an answer to a health check is no news");
    }
    let of_task = lines.iter().filter(|line| line["connector"] == "simplelink" && line["task"] == 0);
    let messages: Vec<_> = of_task.map(|line| line["message"].as_str().unwrap()).collect();
    assert!(messages.contains(&"partitions assigned"), "{messages:?}");
    assert!(messages.contains(&"task simplelink-0 stopped"), "{messages:?}");
    assert!(!log.contains("s3cr3t"), "{log}");
}
