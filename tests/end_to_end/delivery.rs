//! Nothing is lost, whenever the worker dies.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, sleep};
use std::time::Duration;

use longshore_test_servers::{kafka, mongodb, unique};
use serde_json::{Value, json};

use super::kafka::{Writer, create_topic};
use super::mongo::Documents;
use super::simplelink::{quote, simplelink};
use super::worker::Worker;

/// How often the worker is killed in one test.
const KILLS: usize = 8;

/// Produces quotes, numbered from 0, until it is told to end; gives how many.
fn produce(topic: String, end: Arc<AtomicBool>) -> thread::JoinHandle<usize> {
    thread::spawn(move || {
        let (writer, mut sent) = (Writer::new(), 0);
        while !end.load(Ordering::Relaxed) {
            writer.send(&topic, None, Some(&quote(sent)));
            sent += 1;
            if sent.is_multiple_of(20) {
                sleep(Duration::from_millis(5));
            }
        }
        writer.flush();
        sent
    })
}

/// Kills the worker again and again while records come in, then waits until all of them are documents.
fn survive_kills(config: impl FnOnce(&mut Value)) -> (usize, Documents, Worker) {
    let (topic, database) = (unique("api-data"), unique("mydb"));
    create_topic(&topic, 3);
    let mut worker = Worker::start(kafka());
    let mut simplelink = simplelink(&topic, &database, mongodb());
    simplelink["tasks.max"] = json!("2");
    config(&mut simplelink);
    worker.create("simplelink", &simplelink);
    let documents = Documents::of(mongodb(), &database, "api");
    let end = Arc::new(AtomicBool::new(false));
    let producing = produce(topic, Arc::clone(&end));
    let seen = AtomicUsize::new(0);
    for kill in 0..KILLS {
        // Killed at different points: right after the start, while records flow, in the middle of a commit.
        worker.wait_until("records to flow", || documents.count() as usize > seen.load(Ordering::Relaxed));
        seen.store(documents.count() as usize, Ordering::Relaxed);
        sleep(Duration::from_millis(90 * kill as u64));
        worker.kill();
        worker.start_again();
    }
    end.store(true, Ordering::Relaxed);
    let sent = producing.join().unwrap();
    worker.wait_until("every record", || documents.count_distinct("n") == sent);
    (sent, documents, worker)
}

#[test]
fn no_record_is_lost_when_the_worker_is_killed() {
    let (sent, documents, worker) = survive_kills(|_| {});
    assert!(sent > 1000 && documents.count() as usize >= sent, "{sent} were sent");
    worker.wait_for_state("simplelink", "RUNNING", "RUNNING");
}

#[test]
fn no_record_is_there_twice_when_its_id_is_its_place_in_kafka() {
    let (sent, documents, _worker) = survive_kills(|config| {
        config["document.id.strategy"] =
            json!("com.mongodb.kafka.connect.sink.processor.id.strategy.KafkaMetaDataStrategy");
    });
    assert_eq!(documents.count() as usize, sent);
}
