//! Faults of server and network: each record is written once, reported, or left to be tried again; none is lost.

use bson::{Document, doc};
use longshore_api::ErrorKind;
use longshore_test_servers::{Kind, Server};
use mongodb::Client;

use crate::support::{self, ID, Lab, Sink, WRITE, batch, keyed, within_a_minute};

const CDC: &str = "com.mongodb.kafka.connect.sink.cdc";

/// A failed command makes the driver look at the server again before it sends another. A server in trouble tells it at
/// once; one that only feigns it is asked every half second instead of every ten.
const QUICK_LOOK: &str = "heartbeatFrequencyMS=500";

fn numbered(range: std::ops::Range<i32>) -> Vec<String> {
    range.map(|n| format!(r#"{{"_id":{n},"v":{n}}}"#)).collect()
}

fn refs(records: &[String]) -> Vec<&str> {
    records.iter().map(String::as_str).collect()
}

#[tokio::test]
async fn a_step_down_is_waited_out_by_every_kind_of_write() {
    let server = tokio::task::spawn_blocking(|| Server::start(Kind::Mongo)).await.unwrap();
    let lab = Lab::on(&server.address(), "stepdown").await;
    let admin = Client::with_uri_str(server.address()).await.unwrap().database("admin");
    let provided = format!("{ID}.ProvidedInValueStrategy");
    let kinds = [
        vec![("writemodel.strategy".to_owned(), format!("{WRITE}.InsertOneDefaultStrategy"))],
        vec![("writemodel.strategy".to_owned(), format!("{WRITE}.ReplaceOneDefaultStrategy"))],
        vec![("writemodel.strategy".to_owned(), format!("{WRITE}.UpdateOneTimestampsStrategy"))],
    ];
    for kind in kinds {
        lab.clear().await;
        let mut props = vec![("document.id.strategy", provided.as_str()), ("max.batch.size", "100")];
        props.extend(kind.iter().map(|(key, value)| (key.as_str(), value.as_str())));
        let mut sink = Sink::start(&lab, &props).await;
        let records = numbered(0..2000);
        let batch = batch(&refs(&records));
        // While the batch is on its way the primary steps down, and is elected again a second later.
        let step_down = async {
            while lab.count_when_there_is_a_primary().await == 0 {
                tokio::task::yield_now().await;
            }
            let command = doc! { "replSetStepDown": 1, "secondaryCatchUpPeriodSecs": 0, "force": true };
            // An older server hangs up instead of answering.
            let _ = admin.run_command(command).await;
        };
        let (bad, ()) = tokio::join!(sink.put_until_taken(&batch), step_down);
        assert!(bad.is_empty(), "{kind:?}");
        assert_eq!(within_a_minute(lab.count_when_there_is_a_primary()).await, 2000, "{kind:?}");
    }
}

#[tokio::test]
async fn every_fault_of_a_command_leaves_each_record_written_once() {
    let lab = Lab::new("faults").await.with_option(QUICK_LOOK);
    let _alone = support::alone().await;
    let insert = format!("{WRITE}.InsertOneDefaultStrategy");
    let mut next = 0;
    let faults = [
        ("the connection ends", doc! { "closeConnection": true }),
        ("not primary", doc! { "errorCode": 10107, "errorLabels": ["RetryableWriteError"] }),
        ("interrupted", doc! { "errorCode": 11602, "errorLabels": ["RetryableWriteError"] }),
        ("shutting down", doc! { "errorCode": 91, "errorLabels": ["RetryableWriteError"] }),
        ("a time limit", doc! { "errorCode": 262 }),
        (
            "written, not acknowledged",
            doc! { "writeConcernError": { "code": 91, "errmsg": "x" }, "errorLabels": ["RetryableWriteError"] },
        ),
    ];
    for ordered in ["true", "false"] {
        for (name, fault) in &faults {
            for times in [1, 3] {
                let mut sink =
                    Sink::start(&lab, &[("writemodel.strategy", &insert), ("bulk.write.ordered", ordered)]).await;
                // More than one run: some commands fail, others of the same batch do not.
                let records = numbered(next..next + 2500);
                next += 2500;
                lab.fail(times, "insert", fault.clone()).await;
                let bad = sink.put_until_taken(&batch(&refs(&records))).await;
                lab.disarm().await;
                assert!(bad.is_empty(), "{name}, ordered {ordered}, {times} times");
                assert_eq!(lab.count().await, next as u64, "{name}, ordered {ordered}, {times} times");
            }
        }
    }
}

#[tokio::test]
async fn updates_and_deletes_survive_faults_too() {
    let lab = Lab::new("changes").await.with_option(QUICK_LOOK);
    let _alone = support::alone().await;
    let class = format!("{CDC}.debezium.rdbms.RdbmsHandler");
    let mut sink = Sink::start(&lab, &[("change.data.capture.handler", &class)]).await;
    let event = |n: i32, op: &str, v: i32| {
        let row = format!(r#"{{"id":{n},"v":{v}}}"#);
        let (before, after) = match op {
            "c" => ("null", row.as_str()),
            "d" => (row.as_str(), "null"),
            _ => (row.as_str(), row.as_str()),
        };
        (format!(r#"{{"id":{n}}}"#), format!(r#"{{"before":{before},"after":{after},"op":"{op}"}}"#))
    };
    let mut events: Vec<(String, String)> = (0..1000).map(|n| event(n, "c", 1)).collect();
    events.extend((0..1000).map(|n| event(n, "u", 2)));
    events.extend((0..500).map(|n| event(n, "d", 2)));
    let events: Vec<_> = events.iter().map(|(key, value)| (Some(key.as_str()), Some(value.as_str()))).collect();
    for (command, fault) in [
        ("update", doc! { "closeConnection": true }),
        ("delete", doc! { "errorCode": 189, "errorLabels": ["RetryableWriteError"] }),
    ] {
        lab.clear().await;
        lab.fail(3, command, fault).await;
        assert!(sink.put_until_taken(&keyed(&events)).await.is_empty());
        lab.disarm().await;
        let found = lab.documents().await;
        assert_eq!(found.len(), 500, "{command}");
        assert!(found.iter().all(|one| one.get_i64("v").unwrap() == 2), "{command}");
    }
}

#[tokio::test]
async fn of_a_large_batch_only_the_refused_records_are_reported() {
    let lab = Lab::new("partial").await;
    let insert = format!("{WRITE}.InsertOneDefaultStrategy");
    for ordered in ["true", "false"] {
        lab.clear().await;
        let validator = doc! { "v": { "$type": "long" } };
        lab.database().run_command(doc! { "create": "orders", "validator": validator }).await.unwrap();
        let props =
            [("writemodel.strategy", insert.as_str()), ("bulk.write.ordered", ordered), ("errors.tolerance", "all")];
        let mut sink = Sink::start(&lab, &props).await;
        let large = "y".repeat(16 << 20);
        let records: Vec<String> = (0..2500)
            .map(|n| match n {
                1000 => format!(r#"{{"_id":{n},"v":1,"x":"{large}"}}"#),
                _ if n % 100 == 50 => format!(r#"{{"_id":{n},"v":"no number"}}"#),
                _ if n % 100 == 70 => format!(r#"{{"_id":{},"v":1}}"#, n - 1),
                _ => format!(r#"{{"_id":{n},"v":{n}}}"#),
            })
            .collect();
        let outcome = sink.put(&batch(&refs(&records))).await;
        assert_eq!((outcome.taken, outcome.retry), (2500, None));
        let expected: Vec<usize> = (0..2500).filter(|n| *n == 1000 || n % 100 == 50 || n % 100 == 70).collect();
        assert_eq!(outcome.bad.iter().map(|bad| bad.index).collect::<Vec<_>>(), expected, "ordered {ordered}");
        for bad in &outcome.bad {
            let code = match bad.index {
                1000 => "code=10334,",
                n if n % 100 == 50 => "code=121,",
                _ => "code=11000,",
            };
            assert!(bad.error.to_string().contains(code), "{}: {}", bad.index, bad.error);
            assert_eq!(bad.error.kind, ErrorKind::BadRecord);
        }
        assert_eq!(lab.count().await, 2500 - expected.len() as u64);
    }
}

#[tokio::test]
async fn what_is_taken_is_never_more_than_what_is_accounted_for() {
    let lab = Lab::new("accounted").await.with_option(QUICK_LOOK);
    let _alone = support::alone().await;
    let provided = format!("{ID}.ProvidedInValueStrategy");
    let mut sink = Sink::start(&lab, &[("document.id.strategy", &provided), ("max.batch.size", "200")]).await;
    let records = numbered(0..4000);
    let batch = batch(&refs(&records));
    lab.fail_after(7, "update", doc! { "errorCode": 91, "errorLabels": ["RetryableWriteError"] }).await;
    let outcome = sink.put(&batch).await;
    assert!(outcome.retry.is_some());
    assert!(outcome.taken < 4000);
    lab.disarm().await;
    let written: std::collections::HashSet<i64> = lab.ids("orders").await.into_iter().collect();
    assert!((0..outcome.taken as i64).all(|id| written.contains(&id)), "taken {} of {}", outcome.taken, written.len());
    let rest = within_a_minute(sink.put_from(&batch, outcome.taken)).await;
    assert_eq!((rest.taken, rest.retry), (4000 - outcome.taken, None));
    assert_eq!(lab.count().await, 4000);
    assert!(
        lab.documents().await.iter().all(|one: &Document| one.get_i64("_id").unwrap() == one.get_i64("v").unwrap())
    );
}
