//! A server in trouble: nothing is lost, each record is in one object, and errors say where and why.

use std::collections::BTreeMap;

use longshore_api::ErrorKind;

use crate::proxy::{Fate, Proxy, Request};
use crate::support::{Bucket, PARTITIONER, Sink, json};

/// Whether a request writes: an object, a part, or the beginning or end of a multipart upload.
fn writes(request: &Request<'_>) -> bool {
    matches!(request.method, "PUT" | "POST")
}

/// The numbers in the lines of all objects, in order.
async fn numbers(bucket: &Bucket) -> Vec<i64> {
    let texts = bucket.texts().await;
    let mut numbers: Vec<i64> = texts
        .iter()
        .flat_map(|(_, text)| text.lines())
        .map(|line| line.trim_matches('"').trim().parse().unwrap())
        .collect();
    numbers.sort_unstable();
    numbers
}

/// Values of half a megabyte, each a number in quotation marks after many spaces.
fn large(first: i64, count: i64) -> Vec<String> {
    (first..first + count).map(|number| format!("\"{}{number}\"", " ".repeat(1 << 19))).collect()
}

async fn put(sink: &mut Sink, first: i64, values: &[String]) {
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    sink.put(&json(first, &values)).await;
}

#[tokio::test]
async fn a_busy_server_is_asked_until_it_takes_everything() {
    let bucket = Bucket::new().await;
    let proxy = Proxy::start(&bucket.url).await;
    let more = [("store.url", proxy.url.as_str()), ("s3.part.retries", "0"), ("retry.backoff.ms", "10")];
    let mut sink = Sink::start(&bucket, &[&more[..], &[("flush.size", "1")]].concat()).await;
    proxy.plan(|_| Fate::Busy);
    // As many uploads may wait as there may be; then the task says what it waits for.
    let values: Vec<String> = (0..200).map(|number| number.to_string()).collect();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    let batch = json(0, &values);
    let outcome = sink.put_once(&batch).await.unwrap();
    let why = outcome.retry.unwrap().to_string();
    assert!(outcome.taken < 200 && why.contains("503 SlowDown"), "{} taken: {why}", outcome.taken);
    assert!(why.contains(&format!("s3://{}/topics/orders/partition=3/orders+3+", bucket.name)), "{why}");
    assert!(!why.contains("labpass") && bucket.objects().await.is_empty());
    // It takes one request in three from now on.
    proxy.plan(|request| if request.number % 3 == 0 { Fate::Pass } else { Fate::Busy });
    sink.put_from(&batch, outcome.taken).await.unwrap();
    sink.wait_for(200).await;
    assert_eq!((numbers(&bucket).await, bucket.objects().await.len()), ((0..200).collect(), 200));
    assert!(proxy.requests() >= 500, "{} requests", proxy.requests());
}

#[tokio::test]
async fn uploads_whose_connections_are_cut_are_finished_all_the_same() {
    // By the client's own retries, and by the task's.
    for retries in ["0", "3"] {
        let bucket = Bucket::new().await;
        let proxy = Proxy::start(&bucket.url).await;
        let more = [
            ("store.url", proxy.url.as_str()),
            ("s3.part.retries", retries),
            ("s3.retry.backoff.ms", "10"),
            ("retry.backoff.ms", "10"),
            ("s3.part.size", "5242880"),
            ("flush.size", "12"),
        ];
        let mut sink = Sink::start(&bucket, &more).await;
        // Each kind of request fails in all ways before it passes.
        let mut seen = BTreeMap::new();
        proxy.plan(move |request| {
            let what = request.target.split(['?', '&']).skip(1).filter(|part| !part.starts_with("x-id"));
            let what = format!("{} {}", request.method, what.collect::<Vec<_>>().join("&"));
            let count = seen.entry(what).or_insert(0);
            *count += 1;
            match *count {
                1 if writes(request) => Fate::Cut(0),
                2 if writes(request) => Fate::Cut(1_000_000),
                3 if writes(request) => Fate::LoseAnswer,
                _ => Fate::Pass,
            }
        });
        put(&mut sink, 0, &large(0, 27)).await;
        sink.wait_for(24).await;
        sink.stop().await;
        assert_eq!(
            (numbers(&bucket).await, bucket.objects().await.len()),
            ((0..24).collect(), 2),
            "retries: {retries}"
        );
        // The uploads whose begin was not heard of are found by the next task.
        proxy.plan(|_| Fate::Pass);
        let mut sink = Sink::start(&bucket, &more).await;
        put(&mut sink, 24, &large(24, 12)).await;
        sink.wait_for(36).await;
        bucket.wait_for_no_unfinished().await;
        assert_eq!(numbers(&bucket).await, (0..36).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_slow_server_holds_records_up_within_the_budget() {
    let bucket = Bucket::new().await;
    let proxy = Proxy::start(&bucket.url).await;
    let more = [
        ("store.url", proxy.url.as_str()),
        ("longshore.buffer.memory", "16777216"),
        ("s3.part.size", "5242880"),
        ("flush.size", "15"),
    ];
    let mut sink = Sink::start(&bucket, &more).await;
    proxy.plan(|_| Fate::Slow);
    for first in (0..60).step_by(5) {
        put(&mut sink, first, &large(first, 5)).await;
    }
    sink.wait_for(60).await;
    assert_eq!((numbers(&bucket).await, bucket.objects().await.len()), ((0..60).collect(), 4));
}

#[tokio::test]
async fn a_bucket_that_goes_away_fails_the_task_and_delivers_nothing() {
    let bucket = Bucket::new().await;
    let mut sink = Sink::start(&bucket, &[]).await;
    bucket.client.delete_bucket().bucket(&bucket.name).send().await.unwrap();
    sink.put(&json(0, &["0", "1", "2"])).await;
    let error = sink.wait_for_failure().await;
    let text = error.to_string();
    let key = format!("s3://{}/topics/orders/partition=3/orders+3+0000000000.json", bucket.name);
    assert_eq!(error.kind, ErrorKind::Fatal);
    assert!(text.contains(&key) && text.contains("404 NoSuchBucket") && !text.contains("labpass"), "{text}");
    assert_eq!(sink.delivered().await, None);
}

#[tokio::test]
async fn partitions_that_move_in_mid_file_make_the_same_objects() {
    const RECORDS: i64 = 120;
    let field = format!("{PARTITIONER}FieldPartitioner");
    let more = [
        ("partitioner.class", field.as_str()),
        ("partition.field.name", "country"),
        ("flush.size", "9"),
        ("s3.compression.type", "gzip"),
    ];
    let values: Vec<String> = (0..RECORDS).map(|n| format!(r#"{{"country":"C{}","n":{n}}}"#, n * n % 5)).collect();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    let expected = {
        let bucket = Bucket::new().await;
        let mut sink = Sink::start(&bucket, &more).await;
        sink.put(&json(0, &values)).await;
        sink.wait_for(RECORDS / 9 * 9).await;
        bucket.objects().await
    };
    let bucket = Bucket::new().await;
    let (mut committed, mut round) = (0_i64, 0_i64);
    while committed < RECORDS / 9 * 9 {
        let mut sink = Sink::start(&bucket, &more).await;
        // Some records more than a file, some less; in pieces.
        let end = (committed + 5 + round * 7 % 23).min(RECORDS);
        for first in (committed..end).step_by(4) {
            let last = (first + 4).min(end);
            sink.put(&json(first, &values[first as usize..last as usize])).await;
        }
        // What is flushed in time is committed; the rest is read again by who has the partition next.
        if round % 3 > 0 {
            committed = sink.delivered().await.unwrap_or(committed).min(end);
        }
        match round % 4 {
            0 => sink.close().await,
            1 => sink.stop().await,
            _ => sink.crash(),
        }
        round += 1;
        assert!(round < 1000, "no progress after {committed}");
    }
    assert_eq!(bucket.objects().await, expected);
}
