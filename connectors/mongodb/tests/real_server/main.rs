//! Runs the sink against a real MongoDB replica set with fail points (`--setParameter enableTestCommands=1`).
//!
//! `LONGSHORE_TEST_MONGODB` may name it, say `mongodb://127.0.0.1:27017/?replicaSet=rs0`; else one is started.

#[cfg(test)]
mod change_events;
mod documents;
mod faults;
#[cfg(test)]
mod matrix;
mod parallel;
mod repeated;
#[cfg(test)]
mod replica_set;
#[cfg(test)]
mod secure;
#[cfg(test)]
mod support;

use std::time::{Duration, Instant};

use bson::{Bson, doc};
use longshore_api::{ErrorKind, SinkConnector};
use longshore_mongodb::MongoSinkConnector;
use support::{ID, Lab, Proxy, Sink, WRITE, batch, keyed, target_errors, texts, within_a_minute};

#[tokio::test]
async fn with_defaults_every_record_is_inserted_once_under_a_fresh_id() {
    let lab = Lab::new("defaults").await;
    let mut sink = Sink::start(&lab, &[]).await;
    let outcome = sink.put(&batch(&[r#"{"n":1,"f":1.5}"#, r#"{"n":2,"nested":{"list":[1,null,"x"]}}"#])).await;
    assert_eq!((outcome.taken, outcome.bad.len(), outcome.retry), (2, 0, None));
    let documents = lab.documents().await;
    assert_eq!(documents.len(), 2);
    assert!(matches!(documents[0].get("_id"), Some(Bson::ObjectId(_))));
    assert_eq!(documents[0].get("n"), Some(&Bson::Int64(1)));
    assert_eq!(documents[0].get("f"), Some(&Bson::Double(1.5)));
    assert_eq!(documents[1].get("nested"), Some(&Bson::Document(doc! { "list": [1_i64, Bson::Null, "x"] })));
}

#[tokio::test]
async fn texts_are_extended_json_with_small_integers() {
    let lab = Lab::new("texts").await;
    let mut sink = Sink::start(&lab, &[]).await;
    let one =
        r#"{"_id":{"$oid":"5f8f8c44b54764421b7156aa"},"at":{"$date":"2020-01-01T00:00:00Z"},"n":1,"big":5000000000}"#;
    sink.put(&texts(&[one, "{_id: 'x', at: ISODate(\"2020-01-01\"), d: NumberDecimal('1.50')}"])).await;
    let documents = lab.documents().await;
    let at = bson::DateTime::from_millis(1_577_836_800_000);
    assert!(documents.contains(&doc! { "_id": "x", "at": at, "d": "1.50".parse::<bson::Decimal128>().unwrap() }));
    let id = bson::oid::ObjectId::parse_str("5f8f8c44b54764421b7156aa").unwrap();
    assert!(documents.contains(&doc! { "_id": id, "at": at, "n": 1, "big": 5_000_000_000_i64 }));
}

#[tokio::test]
async fn every_id_strategy_gives_its_id() {
    let lab = Lab::new("ids").await;
    let uuid = "00112233-4455-6677-8899-aabbccddeeff";
    let binary = Bson::Binary(bson::Binary {
        subtype: bson::spec::BinarySubtype::Uuid,
        bytes: uuid::Uuid::parse_str(uuid).unwrap().as_bytes().to_vec(),
    });
    let key = format!(r#"{{"_id":"{uuid}","k":7,"l":8}}"#);
    let partial = |part: &str| {
        vec![
            (format!("document.id.strategy.partial.{part}.projection.type"), "AllowList".to_owned()),
            (format!("document.id.strategy.partial.{part}.projection.list"), "k".to_owned()),
        ]
    };
    let cases = [
        ("FullKeyStrategy", vec![], Bson::Document(doc! { "_id": uuid, "k": 7_i64, "l": 8_i64 })),
        ("PartialKeyStrategy", partial("key"), Bson::Document(doc! { "k": 7_i64 })),
        ("PartialValueStrategy", partial("value"), Bson::Document(doc! { "k": 70_i64 })),
        ("ProvidedInKeyStrategy", vec![], Bson::String(uuid.to_owned())),
        ("ProvidedInValueStrategy", vec![], Bson::String(uuid.to_owned())),
        ("UuidProvidedInKeyStrategy", vec![], binary.clone()),
        ("UuidProvidedInValueStrategy", vec![], binary),
        ("KafkaMetaDataStrategy", vec![], Bson::String("orders#3#0".to_owned())),
    ];
    for (strategy, more, expected) in cases {
        lab.clear().await;
        let class = format!("{ID}.{strategy}");
        let mut props =
            vec![("document.id.strategy", class.as_str()), ("document.id.strategy.overwrite.existing", "true")];
        props.extend(more.iter().map(|(key, value)| (key.as_str(), value.as_str())));
        let mut sink = Sink::start(&lab, &props).await;
        let value = format!(r#"{{"v":1,"k":70,"_id":"{uuid}"}}"#);
        // Twice: what comes again is written over itself.
        for _ in 0..2 {
            let outcome = sink.put(&keyed(&[(Some(&key), Some(&value))])).await;
            assert_eq!((outcome.taken, outcome.bad.len()), (1, 0), "{strategy}");
        }
        let documents = lab.documents().await;
        assert_eq!(documents, [doc! { "_id": expected, "v": 1_i64, "k": 70_i64 }], "{strategy}");
    }
}

#[tokio::test]
async fn fresh_uuids_are_strings_or_binaries() {
    let lab = Lab::new("uuids").await;
    for (format, length) in [("string", 36), ("BINARY", 16)] {
        lab.clear().await;
        let class = format!("{ID}.UuidStrategy");
        let props = [("document.id.strategy", class.as_str()), ("document.id.strategy.uuid.format", format)];
        Sink::start(&lab, &props).await.put(&batch(&["{}"])).await;
        match lab.documents().await[0].get("_id") {
            Some(Bson::String(text)) => assert_eq!((text.len(), format), (length, "string")),
            Some(Bson::Binary(binary)) => assert_eq!((binary.bytes.len(), format), (length, "BINARY")),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn after_a_duplicate_the_rest_is_written_in_order_or_not() {
    let lab = Lab::new("duplicates").await;
    let write = format!("{WRITE}.InsertOneDefaultStrategy");
    for ordered in ["true", "false"] {
        lab.clear().await;
        let props =
            [("writemodel.strategy", write.as_str()), ("bulk.write.ordered", ordered), ("errors.tolerance", "all")];
        let mut sink = Sink::start(&lab, &props).await;
        let outcome = sink.put(&batch(&[r#"{"_id":1}"#, r#"{"_id":1}"#, r#"{"_id":2}"#])).await;
        assert_eq!(outcome.taken, 3);
        assert_eq!(lab.documents().await.len(), 2);
        assert_eq!(outcome.bad.iter().map(|one| one.index).collect::<Vec<_>>(), [1]);
        let error = &outcome.bad[0].error;
        assert_eq!(error.class, "com.mongodb.kafka.connect.sink.dlq.WriteException");
        let message = error.message.as_deref().unwrap();
        assert!(message.starts_with("v=1, code=11000, message=E11000 duplicate key error"), "{message}");
        assert!(message.ends_with(", details={}"), "{message}");
    }
}

#[tokio::test]
async fn without_tolerance_a_refused_record_fails_the_task_and_is_named() {
    let lab = Lab::new("intolerant").await;
    lab.database()
        .run_command(doc! { "create": lab.collection(), "validator": { "n": { "$type": "long" } } })
        .await
        .unwrap();
    let mut sink = Sink::start(&lab, &[]).await;
    let error = sink.try_put(&batch(&[r#"{"n":1}"#, r#"{"n":"x"}"#])).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::BadRecord);
    let text = error.to_string();
    assert!(
        text.starts_with("Unable to process record orders-3@1: v=1, code=121, message=Document failed validation"),
        "{text}"
    );
    assert!(text.contains(r#"details={"failingDocumentId": "#), "{text}");
}

#[tokio::test]
async fn a_document_that_is_too_large_or_too_deep_is_the_only_bad_one() {
    let lab = Lab::new("large").await;
    let mut sink = Sink::start(&lab, &[("errors.tolerance", "all")]).await;
    let large = format!(r#"{{"x":"{}"}}"#, "y".repeat(16 << 20));
    let nested = |depth: usize| format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
    let outcome = sink.put(&batch(&[r#"{"n":1}"#, &large, &nested(179), &nested(181), r#"{"n":2}"#])).await;
    assert_eq!(outcome.bad.iter().map(|one| one.index).collect::<Vec<_>>(), [1, 3]);
    assert!(outcome.bad[0].error.to_string().contains("code=10334"), "{}", outcome.bad[0].error);
    assert_eq!(lab.count().await, 3);
}

#[tokio::test]
async fn the_largest_and_the_deepest_document_that_the_server_stores_is_written() {
    let lab = Lab::new("limits").await;
    let mut sink = Sink::start(&lab, &[]).await;
    let overhead = "\u{7}_id\0".len() + 12 + "\u{2}x\0".len() + 4 + 1 + 5;
    let largest = format!(r#"{{"x":"{}"}}"#, "y".repeat((16 << 20) - overhead));
    let deepest = format!("{}1{}", r#"{"a":"#.repeat(180), "}".repeat(180));
    assert_eq!(sink.put(&batch(&[&largest, &deepest])).await.taken, 2);
    assert_eq!(lab.count().await, 2);
}

#[tokio::test]
async fn a_batch_of_many_megabytes_goes_in_several_commands() {
    let lab = Lab::new("megabytes").await;
    let mut sink = Sink::start(&lab, &[]).await;
    let records: Vec<String> = (0..40).map(|n| format!(r#"{{"n":{n},"x":"{}"}}"#, "y".repeat(1 << 20))).collect();
    let records: Vec<&str> = records.iter().map(String::as_str).collect();
    assert_eq!(sink.put(&batch(&records)).await.taken, 40);
    assert_eq!(lab.count().await, 40);
}

#[tokio::test]
async fn a_command_whose_answer_is_lost_is_carried_out_once() {
    let lab = Lab::new("lost").await;
    let _alone = support::alone().await;
    let write = format!("{WRITE}.InsertOneDefaultStrategy");
    let faults = [
        doc! { "closeConnection": true },
        doc! { "errorCode": 10107, "errorLabels": ["RetryableWriteError"] },
        // Carried out, and then not acknowledged.
        doc! { "writeConcernError": { "code": 91, "errmsg": "shutting down" }, "errorLabels": ["RetryableWriteError"] },
    ];
    for (round, fault) in faults.into_iter().enumerate() {
        let mut sink = Sink::start(&lab, &[("writemodel.strategy", &write)]).await;
        lab.fail(1, "insert", fault).await;
        let records: Vec<String> = (0..100).map(|n| format!(r#"{{"_id":{}}}"#, round * 100 + n)).collect();
        let records: Vec<&str> = records.iter().map(String::as_str).collect();
        let outcome = sink.put(&batch(&records)).await;
        assert_eq!((outcome.taken, outcome.bad.len(), outcome.retry), (100, 0, None), "fault {round}");
        assert_eq!(lab.count().await, (round as u64 + 1) * 100);
    }
}

#[tokio::test]
async fn a_put_that_is_cut_short_goes_on_where_it_was() {
    let lab = Lab::new("cut").await;
    let _alone = support::alone().await;
    let mut sink = Sink::start(&lab, &[("max.batch.size", "10")]).await;
    let records: Vec<String> = (0..35).map(|n| format!(r#"{{"n":{n}}}"#)).collect();
    let records: Vec<&str> = records.iter().map(String::as_str).collect();
    let batch = batch(&records);
    // The second of the four commands is applied, but never acknowledged.
    let fault = doc! { "writeConcernError": { "code": 91, "errmsg": "shutting down" } };
    lab.fail_after(1, "insert", fault).await;
    let outcome = sink.put(&batch).await;
    let retry = outcome.retry.expect("the fault outlasts the second attempt");
    assert_eq!((outcome.taken, retry.kind), (10, ErrorKind::Retriable));
    lab.disarm().await;
    let outcome = sink.put_from(&batch, 10).await;
    assert_eq!((outcome.taken, outcome.retry), (25, None));
    let mut written: Vec<i64> = lab.documents().await.iter().map(|one| one.get_i64("n").unwrap()).collect();
    written.sort_unstable();
    assert_eq!(written, (0..35).collect::<Vec<_>>());
}

#[tokio::test]
async fn without_retryable_writes_fresh_documents_are_still_written_once() {
    let lab = Lab::new("unnumbered").await;
    let _alone = support::alone().await;
    let mut sink = Sink::start(&lab.with_option("retryWrites=false"), &[]).await;
    lab.fail(1, "insert", doc! { "writeConcernError": { "code": 91, "errmsg": "shutting down" } }).await;
    let outcome = sink.put(&batch(&[r#"{"n":1}"#, r#"{"n":2}"#])).await;
    assert_eq!((outcome.taken, outcome.retry), (2, None));
    assert_eq!(lab.count().await, 2);
}

#[tokio::test]
async fn an_outage_is_waited_out() {
    let lab = Lab::new("outage").await;
    let mut proxy = Proxy::start(lab.address()).await;
    let uri = format!("mongodb://{}/?directConnection=true&serverSelectionTimeoutMS=500", proxy.address());
    let mut sink = Sink::start(&lab.at(&uri), &[("errors.tolerance", "all")]).await;
    assert!(sink.put_until_taken(&batch(&[r#"{"n":0}"#])).await.is_empty());
    proxy.stop().await;
    let batch = batch(&[r#"{"n":1}"#, r#"{"n":2}"#]);
    let outcome = within_a_minute(sink.put(&batch)).await;
    let retry = outcome.retry.expect("nobody is there");
    assert_eq!((outcome.taken, outcome.bad.len(), retry.kind), (0, 0, ErrorKind::Retriable));
    assert!(retry.to_string().contains(&proxy.address()), "{retry}");
    proxy.resume().await;
    assert!(sink.put_until_taken(&batch).await.is_empty());
    assert_eq!(lab.count().await, 3);
}

#[tokio::test]
async fn a_task_that_is_asked_to_stop_does_not_wait_for_the_server() {
    let lab = Lab::new("cancelled").await;
    let mut sink = Sink::start(&lab.at("mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=3600000"), &[]).await;
    let cancelled = sink.context.cancelled.clone();
    let batch = batch(&["{}"]);
    // The put is polled first, and waits for a server when it is cancelled.
    let (outcome, ()) = within_a_minute(async { tokio::join!(sink.put(&batch), async { cancelled.cancel() }) }).await;
    assert!(outcome.retry.is_some());
}

#[tokio::test]
async fn wrong_credentials_are_named_without_the_secret() {
    let lab = Lab::new("credentials").await;
    let uri = format!("mongodb://alice:s3cr%21t@{}/?directConnection=true", lab.address());
    let error = Sink::start(&lab.at(&uri), &[]).await.try_put(&batch(&["{}"])).await.unwrap_err();
    let text = error.trace();
    assert_eq!(error.kind, ErrorKind::Config, "{text}");
    assert!(text.contains(&format!("authentication at {} failed", lab.address())), "{text}");
    assert!(!text.contains("s3cr") && !text.contains("alice"), "{text}");
}

#[tokio::test]
async fn the_target_is_validated() {
    let lab = Lab::new("validate").await;
    let reachable = lab.uri().to_owned();
    let nobody = "mongodb://127.0.0.1:1/?connectTimeoutMS=200".to_owned();
    let wrong = format!("mongodb://alice:s3cr%21t@{}/?directConnection=true", lab.address());
    for (uri, expected) in [
        (reachable, ""),
        (nobody, "Invalid value [hidden] for configuration connection.uri: Unable to connect to the server."),
        (
            wrong,
            "Invalid value [hidden] for configuration connection.uri: Invalid user permissions authentication failed.",
        ),
    ] {
        let errors = target_errors(&lab.at(&uri), &[]).await;
        assert!(errors.len() <= 1 && errors.concat().starts_with(expected), "{uri}: {errors:?}");
        assert_eq!(errors.is_empty(), expected.is_empty(), "{uri}: {errors:?}");
        assert!(!errors.concat().contains("s3cr"), "{errors:?}");
    }
}

#[tokio::test]
async fn a_user_who_may_only_read_is_refused_when_the_target_is_validated() {
    let lab = Lab::new("reader").await;
    let database = lab.database();
    for (name, role) in [("reader", "read"), ("writer", "readWrite")] {
        let _ = database.run_command(doc! { "dropUser": name }).await;
        database.run_command(doc! { "createUser": name, "pwd": "s3cret", "roles": [role] }).await.unwrap();
        let database = database.name();
        let uri = format!("mongodb://{name}:s3cret@{}/{database}?directConnection=true", lab.address());
        let errors = target_errors(&lab.at(&uri), &[]).await;
        let missing = "Invalid user permissions. Missing the following action permissions: insert, update, remove";
        let refused = format!("Invalid value [hidden] for configuration connection.uri: {missing}");
        assert_eq!(errors, if name == "reader" { vec![refused] } else { Vec::new() });
    }
}

#[tokio::test]
async fn with_a_strict_server_api_every_kind_of_write_works() {
    let lab = Lab::new("server_api").await;
    let api = [
        ("server.api.version", "1"),
        ("server.api.strict", "true"),
        ("server.api.deprecation.errors", "true"),
        ("delete.on.null.values", "true"),
    ];
    for strategy in ["ReplaceOneDefaultStrategy", "UpdateOneDefaultStrategy", "InsertOneDefaultStrategy"] {
        lab.clear().await;
        let (write, id) = (format!("{WRITE}.{strategy}"), format!("{ID}.FullKeyStrategy"));
        let strategies = [("writemodel.strategy", &*write), ("document.id.strategy", &*id)];
        let props = [&api[..], &strategies].concat();
        assert_eq!(target_errors(&lab, &props).await, [""; 0], "{strategy}");
        let mut sink = Sink::start(&lab, &props).await;
        let (kept, deleted) = (Some(r#"{"key":1}"#), Some(r#"{"key":2}"#));
        let records = [(kept, Some(r#"{"a":1}"#)), (deleted, Some(r#"{"a":2}"#)), (deleted, None)];
        let outcome = sink.put(&keyed(&records)).await;
        assert_eq!((outcome.taken, outcome.bad.len()), (3, 0), "{strategy}");
        assert_eq!(lab.count().await, 1, "{strategy}");
    }
    // The server is told: it knows no other version.
    let error = target_errors(&lab, &[("server.api.version", "2")]).await;
    assert!(error.iter().any(|error| error.contains("server.api.version")), "{error:?}");
}

#[tokio::test]
async fn documents_are_updated_replaced_and_deleted_by_every_strategy() {
    let lab = Lab::new("strategies").await;
    let provided = format!("{ID}.ProvidedInKeyStrategy");
    let by_id: [(&str, &[&str], &[&str]); 3] = [
        ("ReplaceOneDefaultStrategy", &["_id", "b"], &[]),
        ("UpdateOneDefaultStrategy", &["_id", "a", "b"], &[]),
        ("UpdateOneTimestampsStrategy", &["_id", "a", "b"], &["_insertedTS", "_modifiedTS"]),
    ];
    for (strategy, fields, times) in by_id {
        lab.clear().await;
        let write = format!("{WRITE}.{strategy}");
        let props = [
            ("document.id.strategy", provided.as_str()),
            ("writemodel.strategy", write.as_str()),
            ("delete.on.null.values", "true"),
        ];
        let mut sink = Sink::start(&lab, &props).await;
        let key = r#"{"_id":5}"#;
        let other = r#"{"_id":6}"#;
        let records = [
            (Some(key), Some(r#"{"a":1}"#)),
            (Some(other), Some("{}")),
            (Some(key), Some(r#"{"b":2}"#)),
            (Some(other), None),
        ];
        let outcome = sink.put(&keyed(&records)).await;
        assert_eq!((outcome.taken, outcome.bad.len()), (4, 0));
        let documents = lab.documents().await;
        assert_eq!(documents.len(), 1, "{strategy}: {documents:?}");
        let mut names: Vec<&str> = documents[0].keys().map(String::as_str).collect();
        names.sort_unstable();
        let mut expected: Vec<&str> = fields.iter().chain(times).copied().collect();
        expected.sort_unstable();
        assert_eq!(names, expected, "{strategy}");
    }
}

#[tokio::test]
async fn business_keys_find_the_documents_to_replace_and_to_delete() {
    let lab = Lab::new("business").await;
    let partial = format!("{ID}.PartialValueStrategy");
    let base = [
        ("document.id.strategy", partial.as_str()),
        ("document.id.strategy.partial.value.projection.type", "allowlist"),
        ("document.id.strategy.partial.value.projection.list", "shop,k.n"),
    ];
    for strategy in ["ReplaceOneBusinessKeyStrategy", "UpdateOneBusinessKeyTimestampStrategy"] {
        lab.clear().await;
        let write = format!("{WRITE}.{strategy}");
        let mut sink = Sink::start(&lab, &[&base[..], &[("writemodel.strategy", &write)]].concat()).await;
        let one = r#"{"shop":"a","k":{"n":1},"v":1}"#;
        sink.put(&batch(&[one, r#"{"shop":"a","k":{"n":1},"v":2}"#, r#"{"shop":"b","k":{"n":1},"v":3}"#])).await;
        let mut values: Vec<i64> = lab.documents().await.iter().map(|one| one.get_i64("v").unwrap()).collect();
        values.sort_unstable();
        assert_eq!(values, [2, 3], "{strategy}");
        let delete = format!("{WRITE}.DeleteOneBusinessKeyStrategy");
        let mut sink = Sink::start(&lab, &[&base[..], &[("writemodel.strategy", &delete)]].concat()).await;
        sink.put(&batch(&[one])).await;
        assert_eq!(lab.count().await, 1, "{strategy}");
    }
}

#[tokio::test]
async fn a_tombstone_that_must_not_delete_is_a_bad_record_whatever_its_key() {
    let lab = Lab::new("tombstones").await;
    let mut sink = Sink::start(&lab, &[("errors.tolerance", "all")]).await;
    let outcome = sink.put(&keyed(&[(Some("1"), None), (None, None), (Some("2"), Some("{}"))])).await;
    let errors: Vec<String> = outcome.bad.iter().map(|one| one.error.to_string()).collect();
    assert_eq!(
        errors,
        [
            "Could not create write model: the value is null and delete.on.null.values is false",
            "Invalid Sink Record neither key doc nor value doc were present",
        ]
    );
    assert_eq!((outcome.taken, lab.count().await), (3, 1));
}

#[tokio::test]
async fn records_of_several_topics_keep_their_order_and_go_to_their_collections() {
    let lab = Lab::new("topics").await;
    let provided = format!("{ID}.ProvidedInValueStrategy");
    let props = [
        ("topics", "orders,other"),
        ("document.id.strategy", provided.as_str()),
        ("topic.override.other.collection", "elsewhere"),
    ];
    let mut sink = Sink::start(&lab, &props).await;
    let records = [("orders", r#"{"_id":1,"v":1}"#), ("other", r#"{"_id":1,"v":2}"#), ("orders", r#"{"_id":1,"v":3}"#)];
    assert_eq!(sink.put(&support::of_topics(&records)).await.taken, 3);
    assert_eq!(lab.documents().await, [doc! { "_id": 1_i64, "v": 3_i64 }]);
    let elsewhere = lab.database().collection::<bson::Document>("elsewhere");
    assert_eq!(elsewhere.find_one(doc! {}).await.unwrap(), Some(doc! { "_id": 1_i64, "v": 2_i64 }));
    let error = sink.try_put(&support::of_topics(&[("third", "{}")])).await.unwrap_err();
    assert_eq!(error.to_string(), "Unknown topic: third, must be one of: [orders, other]");
}

#[tokio::test]
async fn the_rate_limit_pauses_after_every_nth_bulk_write() {
    let lab = Lab::new("rate").await;
    let props = [("max.batch.size", "1"), ("rate.limiting.every.n", "2"), ("rate.limiting.timeout", "150")];
    let mut sink = Sink::start(&lab, &props).await;
    let began = Instant::now();
    assert_eq!(sink.put(&batch(&["{}", "{}", "{}", "{}"])).await.taken, 4);
    assert!(began.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn malformed_json_is_the_converters_error_and_the_rest_is_written() {
    let lab = Lab::new("malformed").await;
    let mut sink = Sink::start(&lab, &[("errors.tolerance", "all")]).await;
    let outcome = sink.put(&batch(&[r#"{"n":1}"#, "{bad", r#"{"n":2}"#, "[1]"])).await;
    assert_eq!(outcome.taken, 4);
    let origins: Vec<_> = outcome.bad.iter().map(|one| (one.index, one.origin)).collect();
    use longshore_api::{Origin, Part};
    assert_eq!(origins, [(1, Origin::Converter(Part::Value)), (3, Origin::Sink)]);
    assert_eq!(lab.count().await, 2);
    let mut sink = Sink::start(&lab, &[]).await;
    let outcome = sink.put(&batch(&[r#"{"n":3}"#, "{bad", r#"{"n":4}"#])).await;
    assert_eq!((outcome.taken, outcome.bad.len()), (2, 1), "what follows the error is left for after the restart");
    assert_eq!(lab.count().await, 3);
}

#[tokio::test]
async fn stopping_a_task_that_never_started_is_harmless() {
    MongoSinkConnector.new_task().stop().await;
}
