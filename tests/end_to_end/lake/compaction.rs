//! `longshore lake compact`: small objects become large ones, whatever ends it and whenever.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use longshore_test_servers::{kafka, s3};
use serde_json::{Value, json};

use super::super::bucket::Bucket;
use super::super::worker::Worker;
use super::{fill, problems};

const AT_ONCE: [&str; 2] = ["--older-than", "0"];

impl Bucket {
    /// Compacts everything: whether all was well, and what was printed.
    fn compact(&self, to: &str, more: &[&str]) -> (bool, String) {
        self.run("compact", "lab", &[&["--to", to], &AT_ONCE[..], more].concat())
    }

    fn contents(&self) -> BTreeMap<String, Vec<u8>> {
        self.keys().into_iter().map(|key| (key.clone(), self.get(&key))).collect()
    }

    /// The rows of the largest object of a topic, as a verification reads them.
    fn rows(&self, topic: &str) -> Vec<Value> {
        let (_, text) = self.run("verify", "reader", &["--json", "--sample", "100000"]);
        let report: Value = serde_json::from_str(&text).unwrap();
        let samples = report["samples"].as_array().unwrap().iter();
        let samples = samples.filter(|one| one["object"].as_str().unwrap().contains(topic));
        let texts = samples.flat_map(|one| one["rows"].as_array().unwrap());
        texts.map(|row| serde_json::from_str(row.as_str().unwrap()).unwrap()).collect()
    }
}

/// The key of an object of JSON lines, or of what was made of it.
fn key(path: &str, end: &str) -> String {
    format!("topics/orders/{path}/orders+0+{end}")
}

/// Lines of numbers.
fn lines(numbers: std::ops::Range<usize>, line: impl Fn(usize) -> String) -> Vec<u8> {
    numbers.map(|n| line(n) + "\n").collect::<String>().into_bytes()
}

fn values(numbers: std::ops::Range<usize>) -> Vec<u8> {
    lines(numbers, |n| format!(r#"{{"n":{n},"s":"order {n}"}}"#))
}

fn order(n: usize) -> Value {
    json!({ "n": n, "s": format!("order {n}") })
}

/// Objects of so many records each, with their keys beside them.
fn small(lake: &Bucket, objects: usize, records: usize) {
    for first in (0..objects * records).step_by(records) {
        let numbers = first..first + records;
        lake.put(&key("partition=0", &format!("{first:010}.json")), values(numbers.clone()));
        lake.put(&key("partition=0", &format!("{first:010}.keys.json")), lines(numbers, |n| format!(r#""key {n}""#)));
    }
}

#[test]
fn objects_of_all_formats_become_large_ones_and_a_run_after_a_run_changes_nothing() {
    const PACKAGE: &str = "io.confluent.connect.s3.format";
    let worker = Worker::start(kafka());
    let (avro, parquet) = (format!("{PACKAGE}.avro.AvroFormat"), format!("{PACKAGE}.parquet.ParquetFormat"));
    let formats: [(&[(&str, &str)], usize); 3] = [
        (&[("s3.compression.type", "gzip"), ("longshore.manifest.enable", "true")], 20),
        (&[("format.class", &avro), ("avro.codec", "snappy")], 10),
        (&[("format.class", &parquet)], 10),
    ];
    for to in ["parquet", "csv"] {
        for (more, objects) in formats {
            let lake = Bucket::new();
            let topic = fill(&lake, &worker, 200, 20, objects, more);
            let before = lake.contents();
            let (well, text) = lake.compact(to, &["--dry-run"]);
            assert!(well && text.contains("10 objects of ") && lake.contents() == before, "{text}");
            let (well, text) = lake.compact(to, &[]);
            assert!(well && text.ends_with("1 objects written with 200 rows, 10 objects deleted\n"), "{text}");
            let end = if to == "csv" { "csv" } else { "snappy.parquet" };
            let name = format!("{topic}+0+0000000000.0000000199.compacted.{end}");
            let folder = format!("topics/{topic}/partition=0");
            assert_eq!(lake.keys(), [format!("{folder}/_{name}.manifest"), format!("{folder}/{name}")]);
            let number = |n: usize| if to == "csv" { json!(n.to_string()) } else { json!(n) };
            let expected: Vec<Value> = (0..200).map(|n| json!({ "n": number(n), "s": format!("order {n}") })).collect();
            assert_eq!(lake.rows(&topic), expected, "{more:?} to {to}");
            let report = lake.verify(true, &[]);
            let partition = &report["partitions"][0];
            assert_eq!([&partition["first_offset"], &partition["last_offset"]], [0, 199]);
            let after = lake.contents();
            let (well, text) = lake.compact(to, &[]);
            assert!(well && text.ends_with("0 objects written with 0 rows, 0 objects deleted\n"), "{text}");
            assert!(lake.contents() == after);
        }
    }
}

/// What a run that is ended leaves behind: what is there, and how it is ended.
#[test]
fn a_run_that_ended_between_two_steps_is_ended_by_the_next_one() {
    let lake = Bucket::new();
    small(&lake, 6, 10);
    let before = lake.contents();
    let (well, text) = lake.compact("parquet", &[]);
    assert!(well, "{text}");
    let after = lake.contents();
    let end = "0000000000.0000000059.compacted";
    let [keys, values] =
        ["keys.snappy.parquet", "snappy.parquet"].map(|side| key("partition=0", &format!("{end}.{side}")));
    let of = |key: &str| key.replace("/orders+", "/_orders+") + ".manifest";
    assert!(after.keys().eq([&of(&keys), &of(&values), &keys, &values]));
    let all: Vec<&String> = before.keys().collect();
    // What was written until then, and which of the small objects were gone.
    let states: [(&[&String], &[&String]); 7] = [
        (&[&of(&keys)], &[]),
        (&[&of(&keys), &of(&values)], &[]),
        (&[&of(&keys), &of(&values), &keys], &[]),
        (&[&of(&keys), &of(&values), &keys, &values], &[]),
        (&[&of(&keys), &of(&values), &keys, &values], &all[..1]),
        (&[&of(&keys), &of(&values), &keys, &values], &all[..7]),
        (&[&of(&keys), &of(&values), &keys, &values], &all[1..]),
    ];
    for (written, gone) in states {
        let lake = Bucket::new();
        before.iter().filter(|(key, _)| !gone.contains(key)).for_each(|(key, bytes)| lake.put(key, bytes.clone()));
        written.iter().for_each(|key| lake.put(key, after[*key].clone()));
        assert!(!problems(&lake.verify(false, &[])).is_empty(), "{written:?} {gone:?}");
        let state = lake.contents();
        let (_, text) = lake.compact("parquet", &["--dry-run"]);
        assert!(lake.contents() == state, "{text}");
        let (well, text) = lake.compact("parquet", &[]);
        assert!(well && lake.contents() == after, "{written:?} {gone:?}: {text}");
    }
}

#[test]
fn a_run_that_is_killed_loses_nothing_and_doubles_nothing() {
    const OBJECTS: usize = 60;
    const RECORDS: usize = 20;
    // The moments at which it is killed, by what is there.
    let moments: [fn(usize, usize) -> bool; 4] =
        [|_, manifests| manifests == 1, |large, _| large == 1, |large, _| large == 2, |_, _| false];
    for (index, moment) in moments.into_iter().enumerate() {
        let lake = Bucket::new();
        small(&lake, OBJECTS, RECORDS);
        let mut run = lake.command("compact", "lab", &[&["--to", "parquet"], &AT_ONCE[..]].concat()).spawn().unwrap();
        let end = Instant::now() + Duration::from_secs(120);
        loop {
            let keys = lake.keys();
            let manifests = keys.iter().filter(|key| key.ends_with(".manifest")).count();
            let large = keys.iter().filter(|key| key.ends_with(".parquet")).count();
            let is_deleting = keys.len() - manifests - large < 2 * OBJECTS;
            if moment(large, manifests) || is_deleting || run.try_wait().unwrap().is_some() {
                break;
            }
            assert!(Instant::now() < end, "nothing happens");
        }
        run.kill().unwrap();
        run.wait().unwrap();
        let (well, text) = lake.compact("parquet", &[]);
        assert!(well, "moment {index}: {text}");
        let expected: Vec<Value> = (0..OBJECTS * RECORDS).map(order).collect();
        assert!(lake.rows("orders") == expected && lake.keys().len() == 4, "moment {index}: {:?}", lake.keys());
        let report = lake.verify(true, &[]);
        assert_eq!(report["rows"], OBJECTS * RECORDS);
    }
}

#[test]
fn offsets_that_are_missing_or_there_twice_are_found_after_a_compaction_too() {
    let lake = Bucket::new();
    for first in [0, 10, 30, 40] {
        lake.put(&key("partition=0", &format!("{first:010}.json")), values(first..first + 10));
    }
    let gap = json!([{ "records": 10, "from": 20, "to": 30 }]);
    let is_told = |report: &Value| report["partitions"][0]["missing"] == gap;
    assert!(is_told(&lake.verify(false, &[])));
    assert!(lake.compact("parquet", &[]).0);
    assert_eq!(lake.keys()[1], key("partition=0", "0000000000.0000000049.compacted.snappy.parquet"));
    let report = lake.verify(false, &[]);
    assert!(is_told(&report), "{report:#}");
    // The sink has written an object again.
    let again = key("partition=0", "0000000040.json");
    lake.put(&again, values(40..50));
    let told = problems(&lake.verify(false, &[]));
    assert!(told.contains(&("compaction".to_owned(), "orders+0+0000000040.json".to_owned())), "{told:?}");
    lake.delete(&again);
    // The name alone tells what is missing, too.
    lake.delete(&lake.keys()[0]);
    let report = lake.verify(false, &[]);
    assert_eq!(problems(&report), [("missing".to_owned(), "orders-0".to_owned())]);
    assert_eq!(report["partitions"][0]["last_offset"], 49);
}

#[test]
fn what_is_written_again_is_deleted_if_it_is_the_same_and_told_if_it_is_not() {
    let lake = Bucket::new();
    small(&lake, 4, 10);
    let before = lake.contents();
    assert!(lake.compact("parquet", &[]).0);
    let after = lake.contents();
    let again = |end: &str| key("partition=0", end);
    // The same bytes: a sink that was killed before it had committed its offsets.
    for end in ["0000000010.json", "0000000010.keys.json"] {
        lake.put(&again(end), before[&again(end)].clone());
    }
    let (well, text) = lake.compact("parquet", &[]);
    assert!(well && lake.contents() == after, "{text}");
    lake.put(&again("0000000010.json"), values(10..21));
    let (well, text) = lake.compact("parquet", &[]);
    assert!(!well && text.contains("0000000010.json: it is another one than that which was read into"), "{text}");
    assert_eq!(lake.keys().len(), 5);
}

#[test]
fn young_objects_other_paths_and_what_cannot_be_read_are_left_alone() {
    let lake = Bucket::new();
    small(&lake, 3, 10);
    let before = lake.contents();
    let (well, text) = lake.run("compact", "lab", &["--to", "parquet", "--older-than", "1h"]);
    assert!(well && text.ends_with("0 objects written with 0 rows, 0 objects deleted\n"), "{text}");
    let (well, text) = lake.run("compact", "lab", &["--to", "parquet"]);
    assert!(well && lake.contents() == before, "{text}");
    // A row that is none: with its file and its row.
    lake.put(&key("partition=0", "0000000010.json"), b"{\"n\":1}\n{\"n\":\n".to_vec());
    lake.put("topics/orders/partition=1/orders+1+0000000000.json", values(0..2));
    lake.put("topics/orders/partition=1/orders+1+0000000002.json", values(2..4));
    let (well, text) = lake.compact("parquet", &[]);
    assert!(
        !well
            && text.contains("0000000010.json: it is left as it is, with those that would become one with it: row 2: "),
        "{text}"
    );
    let keys = lake.keys();
    assert!(keys.iter().filter(|key| key.contains("partition=0")).eq(before.keys()), "{keys:?}");
    assert_eq!(keys.iter().filter(|key| key.contains("partition=1")).count(), 2);
    // Keys that are not those of their values.
    lake.put(&key("partition=0", "0000000010.json"), values(10..19));
    let (well, text) = lake.compact("parquet", &[]);
    assert!(!well && text.contains("it has 10 records, and s3://"), "{text}");
    assert!(lake.keys().len() == 8);
    // The size bounds what becomes one.
    lake.put(&key("partition=0", "0000000010.json"), values(10..20));
    let (well, text) = lake.compact("parquet", &["--size", "400"]);
    assert!(well && text.contains(" objects deleted"), "{text}");
    let large =
        lake.keys().into_iter().filter(|key| key.contains("partition=0") && key.ends_with("compacted.snappy.parquet"));
    assert_eq!(large.count(), 3);
}

#[test]
fn a_number_that_parquet_would_change_keeps_its_object_and_is_told() {
    let lake = Bucket::new();
    let number = "12345678901234567890.5";
    lake.put(&key("partition=0", "0000000000.json"), format!("{{\"price\":{{\"gross\":{number}}}}}\n").into_bytes());
    let (well, text) = lake.compact("parquet", &[]);
    let told = format!("0000000000.json: it is left as it is: field price.gross: the number {number} has more digits");
    assert!(!well && text.contains(&told), "{text}");
    assert!(lake.compact("csv", &[]).0);
    assert_eq!(lake.rows("orders"), [json!({ "price": format!("{{\"gross\":{number}}}") })]);
}

#[test]
fn fields_that_came_and_went_become_optional_and_other_types_other_objects() {
    const PARQUET: &str = "io.confluent.connect.s3.format.parquet.ParquetFormat";
    let worker = Worker::start(kafka());
    let lake = Bucket::new();
    let topic = fill(&lake, &worker, 20, 10, 2, &[("format.class", PARQUET)]);
    // Without a schema: fields are optional, and there is one more.
    let name = |first: usize, end: &str| format!("topics/{topic}/partition=0/{topic}+0+{first:010}.{end}");
    let other = Bucket::new();
    let put = |first: usize, row: &str| {
        other.put(&name(first, "json"), lines(first..first + 10, |n| row.replace('#', &n.to_string())));
    };
    put(20, r##"{"n":#,"s":"order #","more":[1,null,{"x":#}]}"##);
    put(30, r##"{"n":"#"}"##);
    assert!(other.compact("parquet", &["--size", "1"]).0);
    for end in ["0000000029.compacted.snappy.parquet", "0000000039.compacted.snappy.parquet"] {
        let first = if end.starts_with("0000000029") { 20 } else { 30 };
        lake.put(&name(first, end), other.get(&name(first, end)));
    }
    let (well, text) = lake.compact("parquet", &[]);
    assert!(well, "{text}");
    let keys: Vec<String> = lake.keys().into_iter().filter(|key| key.ends_with(".parquet")).collect();
    let one = name(0, "0000000029.compacted.snappy.parquet");
    assert_eq!(keys, [one, name(30, "0000000039.compacted.snappy.parquet")]);
    let rows = lake.rows(&topic);
    assert_eq!(rows.len(), 30);
    assert_eq!(rows[3], json!({ "n": 3, "s": "order 3", "more": null }));
    let more = rows[23]["more"].as_array().unwrap();
    assert_eq!((rows[23]["n"].clone(), more.len()), (json!(23), 3));
    assert_eq!(lake.verify(false, &[])["rows"], 40);
}

#[test]
fn an_object_of_several_parts_is_whole() {
    const ROWS: usize = 300;
    let lake = Bucket::new();
    let filler = "x".repeat(32 << 10);
    for first in (0..2 * ROWS).step_by(ROWS) {
        let text = lines(first..first + ROWS, |n| format!(r#"{{"n":{n},"filler":"{filler}"}}"#));
        lake.put(&key("partition=0", &format!("{first:010}.json")), text);
    }
    let (well, text) = lake.compact("csv", &[]);
    assert!(well && text.ends_with("1 objects written with 600 rows, 2 objects deleted\n"), "{text}");
    let large = lake.get(&key("partition=0", "0000000000.0000000599.compacted.csv"));
    let expected: String = (0..2 * ROWS).map(|n| format!("{n},{filler}\n")).collect();
    assert!(large.len() > 16 << 20 && large == format!("n,filler\n{expected}").into_bytes());
    lake.verify(true, &[]);
    let (well, text) = lake.compact("csv", &[]);
    assert!(well && text.ends_with("0 objects written with 0 rows, 0 objects deleted\n"), "{text}");
}

#[test]
fn a_schedule_compacts_what_comes_until_it_is_told_to_end() {
    let lake = Bucket::new();
    let arguments = [&["--to", "parquet", "--schedule", "1s"], &AT_ONCE[..]].concat();
    let mut run = lake.command("compact", "lab", &arguments).stdout(std::process::Stdio::null()).spawn().unwrap();
    let end = Instant::now() + Duration::from_secs(120);
    for partition in ["partition=0", "partition=1"] {
        let small = [0, 10].map(|first| key(partition, &format!("{first:010}.json")));
        lake.put(&small[0], values(0..10));
        lake.put(&small[1], values(10..20));
        while lake.keys().iter().any(|key| small.contains(key)) {
            assert!(Instant::now() < end && run.try_wait().unwrap().is_none(), "nothing happens");
        }
    }
    let signal = std::process::Command::new("kill").args(["-INT", &run.id().to_string()]).status().unwrap();
    assert!(signal.success());
    run.wait().unwrap();
    // It may have been at work.
    assert!(lake.compact("parquet", &[]).0);
    assert_eq!(lake.verify(true, &[])["rows"], 40);
}

/// A proxy before the server that does something, once, before it passes a request on that begins so. Its URL.
fn before_request(
    is_it: impl Fn(&str) -> bool + Send + 'static,
    act: impl FnOnce() + Send + 'static,
) -> (String, std::thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = s3().trim_start_matches("http://").to_owned();
    let (mut act, is_done) = (Some(act), std::sync::mpsc::channel());
    let waiting = std::thread::spawn(move || is_done.1.recv().unwrap());
    std::thread::spawn(move || {
        while let Ok((mut client, _)) = listener.accept() {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                if client.read_exact(&mut byte).is_err() {
                    break;
                }
                head.extend_from_slice(&byte);
            }
            if let Some(act) = act.take_if(|_| is_it(&String::from_utf8_lossy(&head))) {
                act();
                is_done.0.send(()).unwrap();
            }
            let mut upstream = TcpStream::connect(&server).unwrap();
            head.truncate(head.len().saturating_sub(2));
            upstream.write_all(&[&head[..], b"Connection: close\r\n\r\n"].concat()).unwrap();
            let (mut from_client, mut to_server) = (client.try_clone().unwrap(), upstream.try_clone().unwrap());
            // Either side may hang up, which is what it is for.
            std::thread::spawn(move || drop(io::copy(&mut from_client, &mut to_server)));
            std::thread::spawn(move || {
                drop(io::copy(&mut upstream, &mut client));
                drop(client.shutdown(Shutdown::Both));
            });
        }
    });
    (url, waiting)
}

#[test]
fn an_object_that_is_written_again_while_the_large_one_is_read_back_stays() {
    let lake = Arc::new(Bucket::new());
    for first in [0, 10, 20] {
        lake.put(&key("partition=0", &format!("{first:010}.json")), values(first..first + 10));
    }
    let again = key("partition=0", "0000000010.json");
    // The sink comes back, and has more records for the object than it had.
    let (writing, written) = (Arc::clone(&lake), again.clone());
    let is_read_back = |head: &str| {
        let line = head.lines().next().unwrap_or_default();
        line.starts_with("GET ")
            && line.contains(".compacted.")
            && !line.contains(".manifest")
            && !line.contains("list-type")
    };
    let (url, done) = before_request(is_read_back, move || writing.put(&written, values(10..25)));
    let (well, text) = lake.compact("parquet", &["--endpoint", &url]);
    done.join().unwrap();
    assert!(!well && text.contains("0000000010.json: it is another one than that which was read into"), "{text}");
    assert!(lake.get(&again) == values(10..25));
    assert!(text.ends_with("1 objects written with 30 rows, 2 objects deleted\n"), "{text}");
}

#[test]
fn what_is_written_again_long_after_is_not_made_a_part_of_the_same_object() {
    let lake = Bucket::new();
    small(&lake, 4, 10);
    let again = key("partition=0", "0000000010.json");
    let same = lake.get(&again);
    assert!(lake.compact("parquet", &[]).0);
    for first in [40, 50, 60, 70, 80] {
        lake.put(&key("partition=0", &format!("{first:010}.json")), values(first..first + 10));
        let keys = lines(first..first + 10, |n| format!(r#""key {n}""#));
        lake.put(&key("partition=0", &format!("{first:010}.keys.json")), keys);
    }
    assert!(lake.compact("parquet", &[]).0);
    assert_eq!(lake.verify(true, &[])["rows"], 90);
    assert!(lake.keys().iter().any(|key| key.ends_with("0000000000.0000000089.compacted.snappy.parquet")));
    // Whose manifest does not name it any more.
    lake.put(&again, same);
    for _ in 0..2 {
        let (well, text) = lake.compact("parquet", &[]);
        assert!(!well && text.contains("0000000010.json: it is left as it is: its first record is in s3://"), "{text}");
        assert!(text.ends_with("0 objects written with 0 rows, 0 objects deleted\n"), "{text}");
    }
    assert_eq!(lake.keys().len(), 5);
}
