//! Records become objects of a bucket, each once.

use std::collections::BTreeMap;
use std::time::Duration;

use longshore_test_servers::{kafka, unique};
use parquet::file::reader::{FileReader, SerializedFileReader};
use serde_json::json;

use super::bucket::Bucket;
use super::kafka::{Writer, create_topic};
use super::worker::Worker;

/// What these sinks have beside a bucket's own keys.
const TWO_TASKS: [(&str, &str); 3] =
    [("tasks.max", "2"), ("s3.part.size", "5242880"), ("schema.compatibility", "NONE")];

/// The objects of a bucket, by key, as what `text` makes of them.
fn objects(bucket: &Bucket, text: fn(Vec<u8>) -> String) -> BTreeMap<String, String> {
    bucket.keys().into_iter().map(|key| (key.clone(), text(bucket.get(&key)))).collect()
}

#[test]
fn each_record_is_in_one_object_though_the_worker_is_killed() {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    check_kills("json.JsonFormat", "json", text, |n| format!("{{\"n\":{n}}}\n"));
}

#[test]
fn each_record_is_in_one_parquet_file_though_the_worker_is_killed() {
    let text = |bytes| {
        let file = SerializedFileReader::new(bytes::Bytes::from(bytes)).unwrap();
        file.get_row_iter(None).unwrap().map(|row| format!("{}\n", row.unwrap())).collect()
    };
    check_kills("parquet.ParquetFormat", "snappy.parquet", text, |n| format!("{{n: {n}}}\n"));
}

/// Kills a worker again and again while it writes, and looks for each record: `text` reads an object, in which `line`
/// stands for a record.
fn check_kills(format: &str, extension: &str, text: fn(Vec<u8>) -> String, line: fn(usize) -> String) {
    const RECORDS: usize = 6000;
    const FLUSH_SIZE: usize = 100;
    let bucket = Bucket::new();
    let topics: Vec<String> = (0..3).map(|_| unique("orders")).collect();
    let writer = Writer::new();
    for topic in &topics {
        create_topic(topic, 1);
        (0..RECORDS).for_each(|n| writer.send(topic, None, Some(&format!(r#"{{"n":{n}}}"#))));
    }
    writer.flush();
    let mut worker = Worker::start(kafka());
    let mut config = bucket.sink(&topics.join(","), FLUSH_SIZE, &TWO_TASKS);
    config["format.class"] = json!(format!("io.confluent.connect.s3.format.{format}"));
    worker.create("lake", &config);
    for kill in 0..4 {
        let before = bucket.keys().len();
        let all = topics.len() * RECORDS / FLUSH_SIZE;
        worker.wait_until("further objects", || bucket.keys().len() > before || bucket.keys().len() == all);
        std::thread::sleep(Duration::from_millis(40 * kill));
        worker.kill();
        worker.start_again();
    }
    let mut expected = BTreeMap::new();
    for topic in &topics {
        for first in (0..RECORDS).step_by(FLUSH_SIZE) {
            let lines: String = (first..first + FLUSH_SIZE).map(line).collect();
            expected.insert(format!("topics/{topic}/partition=0/{topic}+0+{first:010}.{extension}"), lines);
        }
    }
    worker.wait_until("all objects", || bucket.keys().len() >= expected.len());
    worker.wait_for_state("lake", "RUNNING", "RUNNING");
    assert!(objects(&bucket, text) == expected, "other objects than expected: {:?}", bucket.keys());
}

#[test]
fn a_wrong_configuration_is_told_at_once_and_a_wrong_bucket_fails_the_task() {
    let bucket = Bucket::new();
    let worker = Worker::start(kafka());
    let topic = unique("orders");
    create_topic(&topic, 1);
    let mut config = bucket.sink(&topic, 3, &TWO_TASKS);
    config["s3.part.size"] = json!(1000);
    config["format.class"] = json!("parquet");
    let answer = worker.send("PUT", "/connectors/lake/config", &config);
    let message = answer.body["message"].as_str().unwrap();
    assert_eq!(answer.status, 400);
    assert!(message.contains("contains the following 2 error(s)"), "{message}");
    assert!(message.contains("Part size must be at least: 5242880 bytes (5MB)"), "{message}");
    assert!(message.contains("Class parquet could not be found."), "{message}");

    let mut config = bucket.sink(&topic, 3, &TWO_TASKS);
    config["s3.bucket.name"] = json!("no-such-bucket");
    worker.create("lost", &config);
    worker.wait_for_state("lost", "RUNNING", "FAILED");
    let status = worker.status("lost");
    let trace = status["tasks"][0]["trace"].as_str().unwrap();
    assert!(trace.contains("Non-existent S3 bucket: no-such-bucket") && !trace.contains("labpass"), "{trace}");
}
