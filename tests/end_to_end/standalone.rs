//! A standalone worker: connectors from files, source offsets in a file.

use std::fs::{self, File};
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;

use longshore_test_servers::{kafka, unique};
use serde_json::json;

use super::kafka::create_topic;
use super::worker::{STRINGS, Worker};

fn append(file: &Path, numbers: Range<usize>) {
    let mut file = File::options().create(true).append(true).open(file).unwrap();
    for number in numbers {
        writeln!(file, "line {number}").unwrap();
    }
}

fn lines(file: &Path) -> Vec<String> {
    fs::read_to_string(file).unwrap_or_default().lines().map(str::to_owned).collect()
}

fn expected(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("line {number}")).collect()
}

/// A sink that writes the topic to a file: its members.
fn sink(name: &str, topic: &str, file: &Path) -> Vec<(String, String)> {
    [("name", name), ("connector.class", "FileStreamSink"), ("topics", topic), ("file", file.to_str().unwrap())]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .to_vec()
}

#[test]
fn lines_go_through_a_topic_once_although_the_worker_is_stopped_on_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| -> PathBuf { folder.path().join(name) };
    let (input, first, second, third) = (path("in.txt"), path("first.txt"), path("second.txt"), path("third.txt"));
    let (topic, name) = (unique("lines"), unique("file"));
    create_topic(&topic, 1);
    append(&input, 0..500);
    let source = json!({ "name": format!("{name}-source"), "config": {
        "connector.class": "org.apache.kafka.connect.file.FileStreamSourceConnector", "file": input, "topic": topic } });
    let flat: serde_json::Map<String, serde_json::Value> =
        sink(&format!("{name}-first"), &topic, &first).into_iter().map(|(key, value)| (key, value.into())).collect();
    let properties: String = sink(&format!("{name}-second"), &topic, &second)
        .into_iter()
        .map(|(key, value)| format!("{key}={value}\n"))
        .collect();
    let connectors = [
        ("source.json", source.to_string()),
        ("first.json", serde_json::Value::Object(flat).to_string()),
        ("second.properties", properties),
    ];
    let worker_properties =
        format!("key.converter={STRINGS}\nvalue.converter={STRINGS}\noffset.flush.interval.ms=60000\n");
    let mut worker = Worker::standalone_with(kafka(), &worker_properties, &connectors);
    worker.wait_until("500 lines", || lines(&first).len() == 500 && lines(&second).len() == 500);

    // By REST as well; such a connector is gone with its worker.
    let by_rest = json!({ "connector.class": "FileStreamSink", "topics": topic, "file": third });
    worker.create("by-rest", &by_rest);
    worker.wait_until("500 lines once more", || lines(&third).len() == 500);
    assert_eq!(worker.request("GET", "/connectors").body.as_array().unwrap().len(), 4);

    append(&input, 500..900);
    assert_eq!(worker.terminate(), Some(0), "{}", worker.log());
    append(&input, 900..1000);
    worker.start_again();
    worker.wait_until("all lines", || lines(&first).len() >= 1000 && lines(&second).len() >= 1000);
    assert_eq!(worker.request("GET", "/connectors").body.as_array().unwrap().len(), 3);
    append(&input, 1000..1001);
    worker.wait_until("one more", || lines(&first).len() > 1000 && lines(&second).len() > 1000);
    assert_eq!(lines(&first), expected(1001));
    assert_eq!(lines(&second), expected(1001));
    let offsets = worker.request("GET", &format!("/connectors/{name}-source/offsets")).body;
    assert_eq!(offsets["offsets"][0]["partition"], json!({ "filename": input }));
    assert_eq!(worker.terminate(), Some(0));
}

#[test]
fn a_connector_file_that_cannot_be_used_ends_the_worker_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        fs::write(folder.path().join(name), text).unwrap();
        folder.path().join(name)
    };
    let offsets = folder.path().join("offsets");
    let properties = format!(
        "bootstrap.servers={}\nlisteners=http://127.0.0.1:0\noffset.storage.file.filename={}\n\
         key.converter={STRINGS}\nvalue.converter={STRINGS}\n",
        kafka(),
        offsets.display()
    );
    let worker = file("worker.properties", &properties);
    let cases = [
        (file("nameless.properties", "connector.class=FileStreamSink\n"), "missing the mandatory 'name'"),
        (file("bad.json", r#"{"name": "c", "connector.class": "FileStreamSource"}"#), "\"topic\""),
        (folder.path().join("missing.json"), "missing.json cannot be read"),
    ];
    for (connector, reason) in cases {
        let output = Command::new(env!("CARGO_BIN_EXE_longshore"))
            .args([Path::new("standalone"), &worker, &connector])
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{error}");
        assert!(error.contains(reason), "{error}");
    }
}
