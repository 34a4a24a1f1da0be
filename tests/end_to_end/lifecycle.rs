//! What people do with connectors, and what a restart of the worker brings back.

use std::fs;

use longshore_test_servers::{kafka, mongodb, unique};
use serde_json::json;

use super::kafka::{Writer, create_topic};
use super::mongo::Documents;
use super::simplelink::{quote, simplelink};
use super::worker::{STRINGS, Worker};

#[test]
fn a_paused_connector_rests_and_goes_on_where_it_was() {
    let (topic, database) = (unique("api-data"), unique("mydb"));
    create_topic(&topic, 1);
    let worker = Worker::start(kafka());
    worker.create("simplelink", &simplelink(&topic, &database, mongodb()));
    worker.wait_for_state("simplelink", "RUNNING", "RUNNING");
    assert_eq!(worker.request("PUT", "/connectors/simplelink/pause").status, 202);
    worker.wait_for_state("simplelink", "PAUSED", "PAUSED");
    let writer = Writer::new();
    writer.send(&topic, None, Some(&quote(0)));
    writer.flush();
    std::thread::sleep(std::time::Duration::from_secs(1));
    let documents = Documents::of(mongodb(), &database, "api");
    assert_eq!(documents.count(), 0);
    assert_eq!(worker.request("PUT", "/connectors/simplelink/resume").status, 202);
    worker.wait_for_state("simplelink", "RUNNING", "RUNNING");
    worker.wait_until("the document", || documents.count() == 1);
}

#[test]
fn a_worker_that_starts_again_brings_every_connector_back_in_its_state() {
    let mut worker = Worker::start(kafka());
    for (name, call) in [("running", None), ("paused", Some("pause")), ("stopped", Some("stop"))] {
        worker.create(name, &simplelink(&unique("api-data"), &unique("mydb"), mongodb()));
        worker.wait_for_state(name, "RUNNING", "RUNNING");
        if let Some(call) = call {
            assert!(worker.request("PUT", &format!("/connectors/{name}/{call}")).status < 300);
        }
    }
    worker.create("deleted", &simplelink(&unique("api-data"), &unique("mydb"), mongodb()));
    assert_eq!(worker.request("DELETE", "/connectors/deleted").status, 204);
    worker.wait_for_state("paused", "PAUSED", "PAUSED");
    worker.wait_until("stopped to be stopped", || worker.status("stopped")["connector"]["state"] == "STOPPED");
    let before = worker.request("GET", "/connectors/running").body;
    for ended in ["killed", "terminated"] {
        if ended == "killed" {
            worker.kill();
        } else {
            assert_eq!(worker.terminate(), Some(0), "{}", worker.log());
        }
        worker.start_again();
        worker.wait_for_state("running", "RUNNING", "RUNNING");
        worker.wait_for_state("paused", "PAUSED", "PAUSED");
        worker.wait_until("stopped to be stopped", || worker.status("stopped")["connector"]["state"] == "STOPPED");
        assert_eq!(worker.status("stopped")["tasks"], json!([]));
        assert_eq!(worker.request("GET", "/connectors/running").body, before, "{ended}");
        let mut names: Vec<String> = serde_json::from_value(worker.request("GET", "/connectors").body).unwrap();
        names.sort();
        assert_eq!(names, ["paused", "running", "stopped"]);
    }
}

#[test]
fn a_new_configuration_takes_effect() {
    let (topic, database) = (unique("api-data"), unique("mydb"));
    let worker = Worker::start(kafka());
    let mut config = simplelink(&topic, &database, mongodb());
    worker.create("simplelink", &config);
    worker.wait_for_state("simplelink", "RUNNING", "RUNNING");
    config["collection"] = json!("elsewhere");
    assert_eq!(worker.send("PUT", "/connectors/simplelink/config", &config).status, 200);
    let writer = Writer::new();
    let documents = Documents::of(mongodb(), &database, "elsewhere");
    let mut sent = 0;
    worker.wait_until("documents in the new collection", || {
        writer.send(&topic, None, Some(&quote(sent)));
        writer.flush();
        sent += 1;
        documents.count() > 0
    });
}

#[test]
fn a_generator_fills_a_topic_that_a_file_sink_writes_down() {
    let topic = unique("quotes");
    let worker = Worker::start(kafka());
    let file = worker.folder().join("quotes.jsonl");
    let datagen = json!({
        "connector.class": "io.confluent.kafka.connect.datagen.DatagenConnector",
        "kafka.topic": topic,
        "quickstart": "stock_quotes",
        "max.interval": 1,
    });
    worker.create("quotes", &datagen);
    let sink = json!({
        "connector.class": "FileStreamSink",
        "topics": topic,
        "file": file,
        "value.converter": STRINGS,
    });
    worker.create("quotes-to-file", &sink);
    let lines = || fs::read_to_string(&file).unwrap_or_default().lines().count();
    worker.wait_until("200 lines", || lines() > 200);
    let text = fs::read_to_string(&file).unwrap();
    let quote: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert!(quote["symbol"].is_string() && quote["price"].is_number(), "{quote}");
    worker.wait_for_topics("quotes-to-file", &[&topic]);
    worker.wait_until("the generator's offsets", || {
        worker.request("GET", "/connectors/quotes/offsets").body["offsets"]
            .as_array()
            .is_some_and(|list| !list.is_empty())
    });
}
