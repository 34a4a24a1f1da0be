//! Change events of each source, one after another, on a real server: what stands in the collection is what stood in
//! the source.

use bson::{Bson, Document, doc};
use futures_util::TryStreamExt as _;
use mongodb::Collection;
use mongodb::options::FullDocumentType;

use crate::support::{Lab, Sink, keyed, texts_keyed, within_a_minute};

const CDC: &str = "com.mongodb.kafka.connect.sink.cdc";

/// Puts the events of a handler and gives the documents, by their `_id`'s order of insertion.
async fn replay(
    name: &str,
    handler: &str,
    more: &[(&str, &str)],
    events: &[(Option<&str>, Option<&str>)],
) -> Vec<Document> {
    let lab = Lab::new(name).await;
    let class = format!("{CDC}.{handler}");
    let props = [&[("change.data.capture.handler", class.as_str())], more].concat();
    let mut sink = Sink::start(&lab, &props).await;
    let outcome = sink.put(&keyed(events)).await;
    assert_eq!((outcome.taken, outcome.bad.len(), outcome.retry), (events.len(), 0, None), "{handler}");
    lab.documents().await
}

/// A row's event as Debezium's connectors for MySQL and PostgreSQL write it.
fn row(connector: &str, op: &str, before: &str, after: &str) -> String {
    let place = match connector {
        "mysql" => {
            r#""server_id":223344,"gtid":null,"file":"mysql-bin.000003","pos":484,"row":0,"thread":7,"query":null"#
        }
        _ => r#""schema":"public","sequence":"[null,\"24023128\"]","txId":555,"lsn":24023128,"xmin":null"#,
    };
    let snapshot = op == "r";
    format!(
        r#"{{"before":{before},"after":{after},"source":{{"version":"3.0.0.Final","connector":"{connector}","name":"shop","ts_ms":1559033904863,"snapshot":"{snapshot}","db":"inventory","table":"customers",{place}}},"op":"{op}","ts_ms":1559033904961,"transaction":{{"id":"571","total_order":1,"data_collection_order":1}}}}"#
    )
}

#[tokio::test]
async fn rows_of_relational_databases_are_kept_by_their_primary_keys() {
    let (anne, marie) = (r#"{"id":1,"name":"Anne","mail":null}"#, r#"{"id":1,"name":"Marie","mail":"m@x"}"#);
    let bob = r#"{"id":2,"name":"Bob","mail":null}"#;
    for (handler, connector) in [
        ("debezium.rdbms.mysql.MysqlHandler", "mysql"),
        ("debezium.rdbms.postgres.PostgresHandler", "postgresql"),
        ("debezium.rdbms.RdbmsHandler", "mysql"),
    ] {
        let event = |op: &str, before: &str, after: &str| row(connector, op, before, after);
        let events =
            [event("r", "null", anne), event("c", "null", bob), event("u", anne, marie), event("d", bob, "null")];
        let ddl = r#"{"source":{"server":"shop"},"databaseName":"inventory","ddl":"ALTER TABLE customers ADD x INT"}"#;
        let (one, two) = (Some(r#"{"id":1}"#), Some(r#"{"id":2}"#));
        let found = replay(
            "rows",
            handler,
            &[],
            &[
                (one, Some(&events[0])),
                (two, Some(&events[1])),
                (None, Some(ddl)),
                (one, Some(&events[2])),
                (two, Some(&events[3])),
                (two, None),
            ],
        )
        .await;
        assert_eq!(found, [doc! { "_id": { "id": 1_i64 }, "name": "Marie", "mail": "m@x" }], "{handler}");
    }
}

#[tokio::test]
async fn rows_without_a_primary_key_are_found_as_they_were() {
    let (one, two) = (r#"{"a":1,"b":"x"}"#, r#"{"a":2,"b":"x"}"#);
    let other = r#"{"a":9,"b":"y"}"#;
    let event = |op: &str, before: &str, after: &str| row("mysql", op, before, after);
    let events = [event("c", "null", one), event("c", "null", other), event("u", one, two), event("d", other, "null")];
    let events: Vec<_> = events.iter().map(|event| (None, Some(event.as_str()))).collect();
    let mut found = replay("keyless", "debezium.rdbms.RdbmsHandler", &[], &events).await;
    assert!(found[0].remove("_id").is_some());
    assert_eq!(found, [doc! { "a": 2_i64, "b": "x" }]);
}

#[tokio::test]
async fn what_is_no_event_of_a_row_is_reported_and_the_rest_is_written() {
    let lab = Lab::new("transactions").await;
    let class = format!("{CDC}.debezium.rdbms.RdbmsHandler");
    let props =
        [("change.data.capture.handler", class.as_str()), ("errors.tolerance", "data"), ("errors.tolerance", "all")];
    let mut sink = Sink::start(&lab, &props).await;
    let begin =
        r#"{"status":"BEGIN","id":"571:53195829","ts_ms":1486500577125,"event_count":null,"data_collections":null}"#;
    let (truncate, good) = (row("mysql", "t", "null", "null"), row("mysql", "c", "null", r#"{"id":1,"a":1}"#));
    let key = Some(r#"{"id":1}"#);
    let outcome = sink
        .put(&keyed(&[(Some(r#"{"id":"571:53195829"}"#), Some(begin)), (key, Some(&truncate)), (key, Some(&good))]))
        .await;
    let errors: Vec<String> = outcome.bad.iter().map(|bad| bad.error.to_string()).collect();
    assert_eq!(errors, ["Value document is missing or CDC operation is not a string", "Unknown operation type t"]);
    assert_eq!(lab.documents().await, [doc! { "_id": { "id": 1_i64 }, "a": 1_i64 }]);
}

#[tokio::test]
async fn documents_of_mongodb_come_over_by_debezium() {
    let id = r#"{"id":"{\"$oid\": \"596e275826f08b2730779e1f\"}"}"#;
    let other = r#"{"id":"2"}"#;
    let event = |op: &str, more: &str| {
        format!(
            r#"{{"source":{{"version":"3.0.0.Final","connector":"mongodb","snapshot":"false","db":"inventory","collection":"customers","ord":31}},"op":"{op}","ts_ms":1558965515240{more}}}"#
        )
    };
    let whole = |name: &str| {
        format!(
            r#","after":"{{\"_id\": {{\"$oid\": \"596e275826f08b2730779e1f\"}}, \"name\": \"{name}\", \"n\": {{\"$numberLong\": \"5\"}}}}""#
        )
    };
    let (insert, snapshot, delete) =
        (event("c", &whole("Anne")), event("r", r#","after":"{\"_id\": 2}""#), event("d", ""));
    let patch = event("u", r#","patch":"{\"$v\": 1, \"$set\": {\"name\": \"Marie\"}, \"$unset\": {\"n\": true}}""#);
    let update = event("u", &whole("Marie"));
    let object_id = bson::oid::ObjectId::parse_str("596e275826f08b2730779e1f").unwrap();
    for (handler, change, expected) in [
        ("debezium.mongodb.MongoDbHandler", &patch, doc! { "_id": object_id, "name": "Marie" }),
        ("debezium.mongodb.MongoDbHandler", &update, doc! { "_id": object_id, "name": "Marie", "n": 5_i64 }),
        ("debezium.mongodb.ChangeStreamHandler", &update, doc! { "_id": object_id, "name": "Marie", "n": 5_i64 }),
    ] {
        let events = [
            (Some(id), Some(insert.as_str())),
            (Some(other), Some(&snapshot)),
            (Some(id), Some(change)),
            (Some(other), Some(&delete)),
            (Some(other), None),
        ];
        assert_eq!(replay("debezium", handler, &[], &events).await, [expected], "{handler}");
    }
}

#[tokio::test]
async fn change_streams_of_the_source_connector_are_replayed() {
    let lab = Lab::new("streams").await;
    let class = format!("{CDC}.mongodb.ChangeStreamHandler");
    let mut sink = Sink::start(&lab, &[("change.data.capture.handler", &class)]).await;
    let event = |operation: &str, more: &str| {
        format!(
            r#"{{"_id":{{"_data":"8263"}},"operationType":"{operation}","clusterTime":{{"$timestamp":{{"t":1,"i":2}}}},"ns":{{"db":"a","coll":"b"}},{more}}}"#
        )
    };
    let key = r#""documentKey":{"_id":{"$oid":"596e275826f08b2730779e1f"}}"#;
    let full =
        |document: &str| format!(r#"{key},"fullDocument":{{"_id":{{"$oid":"596e275826f08b2730779e1f"}},{document}}}"#);
    let described = |description: &str| format!(r#"{key},"updateDescription":{{{description}}}"#);
    let events = [
        event("insert", &full(r#""a":{"b":1},"x":1,"y":2"#)),
        event("insert", r#""documentKey":{"_id":2},"fullDocument":{"_id":2}"#),
        event("update", &described(r#""updatedFields":{"a.b":2,"c":[1]},"removedFields":["x"],"truncatedArrays":[]"#)),
        event("drop", r#""more":1"#),
        event("delete", r#""documentKey":{"_id":2}"#),
        // A document that is not there is not made by an update.
        event("update", r#""documentKey":{"_id":3},"fullDocument":{"_id":3}"#),
    ];
    let events: Vec<_> = events.iter().map(|event| (None, Some(event.as_str()))).collect();
    assert_eq!(sink.put(&texts_keyed(&events)).await.taken, 6);
    let id = bson::oid::ObjectId::parse_str("596e275826f08b2730779e1f").unwrap();
    assert_eq!(lab.documents().await, [doc! { "_id": id, "a": { "b": 2 }, "y": 2, "c": [1] }]);
    let replaced = event("replace", &full(r#""z":1"#));
    sink.put(&texts_keyed(&[(None, Some(&replaced))])).await;
    assert_eq!(lab.documents().await, [doc! { "_id": id, "z": 1 }]);
}

#[tokio::test]
async fn rows_of_qlik_replicate_are_replayed() {
    let event = |operation: &str, data: &str, before: &str| {
        format!(
            r#"{{"magic":"atMSG","type":"DT","message":{{"data":{data},"beforeData":{before},"headers":{{"operation":"{operation}","changeSequence":"20210101","timestamp":"2021-01-01T00:00:00.000"}}}}}}"#
        )
    };
    let events = [
        event("REFRESH", r#"{"id":1,"a":1,"b":null}"#, "null"),
        event("INSERT", r#"{"id":2,"a":5}"#, "null"),
        event("UPDATE", r#"{"id":1,"a":2,"b":null}"#, r#"{"id":1,"a":1,"b":null}"#),
        event("UPDATE", r#"{"id":1,"a":2}"#, r#"{"id":1,"a":2}"#),
        event("DELETE", r#"{"id":2,"a":5}"#, "null"),
    ];
    let (one, two) = (Some(r#"{"id":1}"#), Some(r#"{"id":2}"#));
    let found = replay(
        "qlik",
        "qlik.rdbms.RdbmsHandler",
        &[],
        &[
            (one, Some(&events[0])),
            (two, Some(&events[1])),
            (one, Some(&events[2])),
            (one, Some(&events[3])),
            (two, Some(&events[4])),
            (two, None),
        ],
    )
    .await;
    assert_eq!(found, [doc! { "_id": { "id": 1_i64 }, "id": 1_i64, "a": 2_i64, "b": bson::Bson::Null }]);
}

#[tokio::test]
async fn nulls_are_left_out_where_that_is_wanted() {
    let event = row("mysql", "c", "null", r#"{"id":1,"a":null,"b":{"c":null,"d":1},"e":[null,{"f":null}]}"#);
    let wanted = [("change.data.capture.handler.remove.null.values", "true")];
    let found = replay("nulls", "debezium.rdbms.RdbmsHandler", &wanted, &[(Some(r#"{"id":1}"#), Some(&event))]).await;
    let expected = doc! { "_id": { "id": 1_i64 }, "b": { "d": 1_i64 }, "e": [bson::Bson::Null, {}] };
    assert_eq!(found, [expected]);
}

#[tokio::test]
async fn replayed_events_leave_the_same_documents() {
    let lab = Lab::new("replayed").await;
    let class = format!("{CDC}.debezium.rdbms.RdbmsHandler");
    let mut sink = Sink::start(&lab, &[("change.data.capture.handler", &class)]).await;
    let events: Vec<(String, String)> = (0..3000)
        .map(|n| {
            let key = format!(r#"{{"id":{}}}"#, n % 100);
            let row_of = |n: i32| format!(r#"{{"id":{},"n":{n}}}"#, n % 100);
            let event = match n / 1000 {
                0 => row("mysql", "c", "null", &row_of(n)),
                1 => row("mysql", "u", &row_of(n - 100), &row_of(n)),
                _ if n % 2 == 0 => row("mysql", "d", &row_of(n), "null"),
                _ => row("mysql", "u", &row_of(n - 100), &row_of(n)),
            };
            (key, event)
        })
        .collect();
    let events: Vec<_> = events.iter().map(|(key, event)| (Some(key.as_str()), Some(event.as_str()))).collect();
    // What is redelivered after a crash is written again.
    for _ in 0..2 {
        assert_eq!(sink.put(&keyed(&events)).await.taken, events.len());
        let mut found: Vec<(i64, i64)> = lab
            .documents()
            .await
            .iter()
            .map(|one| (one.get_document("_id").unwrap().get_i64("id").unwrap(), one.get_i64("n").unwrap()))
            .collect();
        found.sort_unstable();
        let expected: Vec<(i64, i64)> = (0..100).filter(|id| id % 2 == 1).map(|id| (id, 2900 + id)).collect();
        assert_eq!(found, expected);
    }
}

/// What a change stream tells of changes to a collection, up to the deletion of `_id: "end"`.
async fn events_of(lab: &Lab, whole: bool, changes: impl AsyncFnOnce(&Collection<Document>)) -> Vec<Document> {
    let source = lab.database().collection::<Document>("source");
    lab.database().create_collection("source").await.unwrap();
    let watch = source.watch();
    let watch = if whole { watch.full_document(FullDocumentType::UpdateLookup) } else { watch };
    let mut stream = watch.await.unwrap().with_type::<Document>();
    changes(&source).await;
    source.insert_one(doc! { "_id": "end" }).await.unwrap();
    source.delete_one(doc! { "_id": "end" }).await.unwrap();
    let mut events = Vec::new();
    within_a_minute(async {
        loop {
            let event = stream.try_next().await.unwrap().expect("a stream does not end");
            let is =
                |document: &Document, key: &str, text: &str| document.get_str(key).is_ok_and(|found| found == text);
            let ends = is(&event, "operationType", "delete")
                && event.get_document("documentKey").is_ok_and(|key| is(key, "_id", "end"));
            events.push(event);
            if ends {
                return;
            }
        }
    })
    .await;
    events
}

/// Changes of every kind that a handler carries over.
async fn change(source: &Collection<Document>) {
    let documents = (0..20).map(|n| {
        let id = bson::oid::ObjectId::from_bytes([n; 12]);
        let price: bson::Decimal128 = "12.50".parse().unwrap();
        doc! { "_id": id, "n": i32::from(n), "big": 5_000_000_000_i64, "price": price, "at": bson::DateTime::from_millis(1_600_000_000_123),
        "bytes": bson::Binary { subtype: bson::spec::BinarySubtype::Generic, bytes: vec![1, 2, n] },
        "nested": { "list": [1, { "x": 1 }], "gone": true }, "text": "a\"b\u{e9}\n" }
    });
    source.insert_many(documents).await.unwrap();
    let by = |n: i32| doc! { "n": n };
    source.update_one(by(1), doc! { "$set": { "nested.list.1.x": 2, "new": bson::Bson::Null } }).await.unwrap();
    source
        .update_one(by(2), doc! { "$unset": { "nested.gone": "", "text": "" }, "$inc": { "big": 1_i64 } })
        .await
        .unwrap();
    source.update_one(by(3), doc! { "$push": { "nested.list": "last" } }).await.unwrap();
    source.replace_one(by(4), doc! { "n": 4, "replaced": true }).await.unwrap();
    source.delete_one(by(5)).await.unwrap();
    source.update_many(doc! { "n": { "$gte": 10 } }, doc! { "$set": { "many": 1.5 } }).await.unwrap();
    source.delete_many(doc! { "n": { "$gte": 18 } }).await.unwrap();
    source.insert_one(doc! { "_id": { "a": 1, "b": "x" }, "n": 100 }).await.unwrap();
    source.update_one(by(100), doc! { "$set": { "m": 1 } }).await.unwrap();
}

#[tokio::test]
async fn what_a_real_change_stream_tells_makes_the_same_collection() {
    let lab = Lab::new("replica").await;
    for whole in [true, false] {
        lab.clear().await;
        let events = events_of(&lab, whole, change).await;
        assert!(events.len() > 40, "{}", events.len());
        // The source connector writes events by either of these formatters.
        for canonical in [true, false] {
            let texts: Vec<String> = events
                .iter()
                .map(|event| {
                    let event = Bson::Document(event.clone());
                    if canonical { event.into_canonical_extjson() } else { event.into_relaxed_extjson() }.to_string()
                })
                .collect();
            let records: Vec<_> = texts.iter().map(|text| (None, Some(text.as_str()))).collect();
            let class = format!("{CDC}.mongodb.ChangeStreamHandler");
            let props = [("change.data.capture.handler", class.as_str()), ("errors.tolerance", "all")];
            let mut sink = Sink::start(&lab, &props).await;
            // A document that was gone when the server looked for it makes an event that cannot be carried out.
            let without_document: Vec<usize> =
                (0..events.len()).filter(|at| events[*at].get("fullDocument") == Some(&Bson::Null)).collect();
            // Events that come again after a crash change nothing.
            for _ in 0..2 {
                let outcome = sink.put(&texts_keyed(&records)).await;
                assert_eq!((outcome.taken, outcome.retry), (records.len(), None));
                assert_eq!(outcome.bad.iter().map(|bad| bad.index).collect::<Vec<_>>(), without_document);
                let sorted = |mut found: Vec<Document>| {
                    found.sort_by_key(|one| one.get_i32("n").unwrap());
                    found
                };
                let source = lab.database().collection::<Document>("source").find(doc! {}).await.unwrap();
                let source: Vec<Document> = source.try_collect().await.unwrap();
                assert_eq!(sorted(lab.documents().await), sorted(source), "whole {whole}, canonical {canonical}");
            }
            lab.database().collection::<Document>(lab.collection()).drop().await.unwrap();
        }
    }
}
