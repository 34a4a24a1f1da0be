//! Servers go away and come back; the connector goes on by itself.

use std::thread::sleep;
use std::time::Duration;

use longshore_test_servers::{Kind, Server, kafka, mongodb, unique};
use serde_json::json;

use super::kafka::{Writer, committed, create_topic_on};
use super::mongo::Documents;
use super::simplelink::{quote, simplelink};
use super::worker::Worker;

#[test]
fn records_flow_again_when_mongodb_is_back() {
    let mut server = Server::start(Kind::Mongo);
    let (topic, database) = (unique("api-data"), unique("mydb"));
    let worker = Worker::start(kafka());
    let writer = Writer::new();
    writer.send(&topic, None, Some(&quote(0)));
    writer.flush();
    // Clients of a server that is away give up after 30 s by default; the test need not wait that long.
    let uri = format!("{}&serverSelectionTimeoutMS=1000", server.address());
    worker.create("simplelink", &simplelink(&topic, &database, &uri));
    let documents = Documents::of(&server.address(), &database, "api");
    worker.wait_until("the first document", || documents.count() == 1);
    server.kill();
    for number in 1..200 {
        writer.send(&topic, None, Some(&quote(number)));
    }
    writer.flush();
    sleep(Duration::from_secs(4));
    worker.wait_for_state("simplelink", "RUNNING", "RUNNING");
    let group = worker.group("simplelink");
    worker.wait_until("what is written to be committed", || committed(kafka(), &group, &topic) > 0);
    assert_eq!(committed(kafka(), &group, &topic), 1, "nothing is committed that is not written");
    server.start_again();
    worker.wait_until("all documents", || documents.count_distinct("n") == 200);
    assert_eq!(worker.request("GET", "/connectors/simplelink").status, 200);
}

#[test]
fn a_connector_can_be_deleted_while_mongodb_is_away() {
    let mut server = Server::start(Kind::Mongo);
    let (topic, database) = (unique("api-data"), unique("mydb"));
    let worker = Worker::start(kafka());
    let uri = format!("{}&serverSelectionTimeoutMS=1000", server.address());
    worker.create("simplelink", &simplelink(&topic, &database, &uri));
    worker.wait_for_state("simplelink", "RUNNING", "RUNNING");
    server.kill();
    let writer = Writer::new();
    writer.send(&topic, None, Some(&quote(0)));
    writer.flush();
    sleep(Duration::from_secs(2));
    assert_eq!(worker.request("DELETE", "/connectors/simplelink").status, 204);
    worker.wait_until("the connector to be gone", || worker.request("GET", "/connectors/simplelink").status == 404);
    worker.wait_until("its status to be gone", || worker.request("GET", "/connectors/simplelink/status").status == 404);
}

#[test]
fn records_flow_again_when_the_broker_is_back() {
    let mut broker = Server::start(Kind::Kafka);
    let (topic, database) = (unique("api-data"), unique("mydb"));
    create_topic_on(&broker.address(), &topic, 2);
    let worker = Worker::start(&broker.address());
    let mut config = simplelink(&topic, &database, mongodb());
    config["document.id.strategy"] =
        json!("com.mongodb.kafka.connect.sink.processor.id.strategy.KafkaMetaDataStrategy");
    worker.create("simplelink", &config);
    let documents = Documents::of(mongodb(), &database, "api");
    let writer = Writer::to(&broker.address());
    for number in 0..100 {
        writer.send(&topic, None, Some(&quote(number)));
    }
    writer.flush();
    worker.wait_until("100 documents", || documents.count() == 100);
    broker.kill();
    sleep(Duration::from_secs(3));
    assert_eq!(worker.status("simplelink")["tasks"][0]["state"], "RUNNING", "an outage of the broker is no failure");
    broker.start_again();
    for number in 100..200 {
        writer.send(&topic, None, Some(&quote(number)));
    }
    writer.flush();
    worker.wait_until("200 documents", || documents.count() == 200);
    assert_eq!(documents.count_distinct("n"), 200);
    // What the API writes reaches the config topic again, too.
    assert_eq!(worker.request("PUT", "/connectors/simplelink/pause").status, 202);
    worker.wait_for_state("simplelink", "PAUSED", "PAUSED");
}

#[test]
fn a_worker_that_starts_before_its_broker_waits_for_it() {
    let mut broker = Server::start(Kind::Kafka);
    let mut worker = Worker::start(&broker.address());
    worker.kill();
    broker.kill();
    worker.spawn_again();
    sleep(Duration::from_secs(2));
    broker.start_again();
    worker.wait_until("the worker to be healthy", || worker.request("GET", "/health").status == 200);
}
