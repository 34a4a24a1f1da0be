//! What the S3 sink writes, and what `longshore lake` says of it and makes of it.

mod compaction;
mod readers;

use std::process::Command;

use longshore_test_servers::{kafka, s3, unique};
use serde_json::{Value, json};

use super::bucket::Bucket;
use super::kafka::{Writer, create_topic};
use super::worker::Worker;

impl Bucket {
    /// `longshore lake` here.
    fn command(&self, task: &str, key: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_longshore"));
        command.args(["lake", task, &format!("s3://{}/topics", self.name)]).args(arguments);
        let keys = [("AWS_ACCESS_KEY_ID", key), ("AWS_SECRET_ACCESS_KEY", "labpass"), ("AWS_ENDPOINT_URL", s3())];
        command.envs(keys);
        command
    }

    /// Runs it: whether all is well, and what it printed.
    fn run(&self, task: &str, key: &str, arguments: &[&str]) -> (bool, String) {
        let output = self.command(task, key, arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let code = output.status.code().unwrap();
        assert!(code == 0 || code == 1, "{code}");
        (code == 0, text(output.stdout) + &text(output.stderr))
    }

    /// The report of a verification, which must find everything in order, or not.
    fn verify(&self, is_well: bool, arguments: &[&str]) -> Value {
        let (well, text) = self.run("verify", "reader", &[&["--json"], arguments].concat());
        assert_eq!(well, is_well, "{text}");
        serde_json::from_str(&text).unwrap()
    }
}

#[test]
fn five_hundred_open_files_take_less_than_128_megabytes() {
    const PATHS: usize = 500;
    const RECORDS: usize = 60;
    /// How much the worker may grow: twice what the task may hold, which is 32 MiB of records on their way to it and 32 of
    /// its files. The other half is for clients, threads and what the memory's manager keeps. The program itself, which
    /// is much larger here than what is delivered, is mapped before.
    const LIMIT: u64 = 128 << 20;
    let lake = Bucket::new();
    let topic = unique("orders");
    create_topic(&topic, 1);
    let writer = Writer::new();
    // Half as much again as the limit altogether, and all of it open until the last record comes.
    let filler = "x".repeat(7000);
    let record = |path: usize, n: usize| format!(r#"{{"p":{path},"n":{n},"f":"{filler}"}}"#);
    (0..RECORDS).for_each(|n| (0..PATHS).for_each(|path| writer.send(&topic, None, Some(&record(path, n)))));
    writer.flush();
    let worker = Worker::start(kafka());
    let more = [
        ("partitioner.class", "io.confluent.connect.storage.partitioner.FieldPartitioner"),
        ("partition.field.name", "p"),
        ("task.memory.limit.bytes", "33554432"),
    ];
    let before = worker.peak_memory();
    worker.create("wide", &lake.sink(&topic, PATHS * RECORDS, &more));
    worker.wait_until("all objects", || lake.keys().len() == PATHS);
    worker.wait_for_state("wide", "RUNNING", "RUNNING");
    let grown = worker.peak_memory() - before;
    for path in 0..PATHS {
        let object = lake.get(&format!("topics/{topic}/p={path}/{topic}+0+{path:010}.json"));
        let text = String::from_utf8(object).unwrap();
        assert!(text.lines().eq((0..RECORDS).map(|n| record(path, n))), "path {path}");
    }
    assert!(grown < LIMIT, "the worker has grown by {} MB", grown >> 20);
}

/// Writes records with a schema of their own, and waits until a sink has made objects of them.
fn fill(
    lake: &Bucket,
    worker: &Worker,
    records: usize,
    flush_size: usize,
    objects: usize,
    more: &[(&str, &str)],
) -> String {
    let topic = unique("orders");
    create_topic(&topic, 1);
    let writer = Writer::new();
    let schema =
        r#"{"type":"struct","name":"Order","fields":[{"field":"n","type":"int64"},{"field":"s","type":"string"}]}"#;
    for n in 0..records {
        writer.send(&topic, None, Some(&format!(r#"{{"schema":{schema},"payload":{{"n":{n},"s":"order {n}"}}}}"#)));
    }
    writer.flush();
    let before = lake.keys().len();
    let more = [&[("value.converter.schemas.enable", "true")], more].concat();
    worker.create(&topic, &lake.sink(&topic, flush_size, &more));
    worker.wait_until("the objects", || lake.keys().len() == before + objects);
    topic
}

/// The kinds of problems of a report, with what they are about as far as the last part of its name.
fn problems(report: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let last = |value: &Value| text(value).rsplit('/').next().unwrap().to_owned();
    report["problems"].as_array().unwrap().iter().map(|one| (text(&one["kind"]), last(&one["subject"]))).collect()
}

#[test]
fn what_the_sink_wrote_is_verified_and_what_is_broken_is_told() {
    let (lake, worker) = (Bucket::new(), Worker::start(kafka()));
    let more = [("s3.compression.type", "gzip"), ("longshore.manifest.enable", "true")];
    let json = fill(&lake, &worker, 200, 50, 8, &more);
    let avro = fill(
        &lake,
        &worker,
        200,
        50,
        4,
        &[("format.class", "io.confluent.connect.s3.format.avro.AvroFormat"), ("avro.codec", "deflate")],
    );
    let report = lake.verify(true, &["--sample", "2"]);
    assert_eq!((&report["rows"], &report["objects"], &report["manifests"]), (&json!(400), &json!(8), &json!(4)));
    let expected = |topic: &str| {
        json!({ "topic": topic, "partition": 0, "objects": 4, "rows": 200, "first_offset": 0, "last_offset": 199,
                "missing": [], "overlaps": [] })
    };
    let partitions = report["partitions"].as_array().unwrap();
    assert!(partitions.contains(&expected(&json)) && partitions.contains(&expected(&avro)), "{report}");
    assert_eq!((&report["schemas"][0]["format"], &report["schemas"][0]["objects"]), (&json!("avro"), &json!(4)));
    for samples in report["samples"].as_array().unwrap() {
        let rows = samples["rows"].as_array().unwrap();
        let row: Value = serde_json::from_str(rows[1].as_str().unwrap()).unwrap();
        let n = row["n"].as_i64().unwrap();
        assert!(rows.len() == 2 && row == json!({ "n": n, "s": format!("order {n}") }), "{samples}");
    }
    let (well, text) = lake.run("verify", "reader", &[]);
    assert!(well && text.ends_with("all is well\n"), "{text}");

    // One is gone, one is cut off, one is of another content, one is there under two names.
    let name =
        |topic: &str, offset: usize, end: &str| format!("topics/{topic}/partition=0/{topic}+0+{offset:010}.{end}");
    let whole = lake.get(&name(&json, 100, "json.gz"));
    lake.put(&name(&json, 100, "json.gz"), whole[..whole.len() / 2].to_vec());
    lake.put(&name(&json, 150, "json.gz"), lake.get(&name(&json, 50, "json.gz")));
    lake.delete(&name(&avro, 50, "avro"));
    lake.put(&name(&avro, 125, "avro"), lake.get(&name(&avro, 100, "avro")));
    let report = lake.verify(false, &[]);
    let found = problems(&report);
    for (kind, subject) in [
        ("corrupt", format!("{json}+0+0000000100.json.gz")),
        ("manifest", format!("{json}+0+0000000100.json.gz")),
        ("manifest", format!("{json}+0+0000000150.json.gz")),
        ("missing", format!("{avro}-0")),
        ("overlap", format!("{avro}+0+0000000125.avro")),
    ] {
        assert!(found.contains(&(kind.to_owned(), subject.clone())), "{kind} {subject}: {report:#}");
    }
    let gap = json!([{ "records": 50, "from": 50, "to": 100 }]);
    let of_avro = report["partitions"].as_array().unwrap().iter().find(|one| one["topic"] == avro.as_str()).unwrap();
    assert_eq!(of_avro["missing"], gap);
}

#[test]
fn a_lake_that_cannot_be_reached_is_told_without_secrets() {
    let lake = Bucket::new();
    let (well, text) = lake.run("verify", "reader", &[]);
    assert!(!well && text.contains("no object of a sink is there"), "{text}");
    let (well, text) = lake.run("verify", "nobody", &[]);
    assert!(!well && text.contains("403") && text.contains(&lake.name) && !text.contains("labpass"), "{text}");
    let (well, text) = lake.run("verify", "reader", &["--endpoint", "http://127.0.0.1:1"]);
    assert!(!well && text.contains("looking for the bucket failed"), "{text}");
}
