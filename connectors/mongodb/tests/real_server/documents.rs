//! What becomes of documents before they are written: post processors, namespaces, time series.

use bson::{Bson, Document, doc};

use crate::support::{Lab, Sink, batch, keyed, texts};

const PROCESSORS: &str = "com.mongodb.kafka.connect.sink.processor";
const MAPPER: &str = "com.mongodb.kafka.connect.sink.namespace.mapping.FieldPathNamespaceMapper";

fn chain(names: &[&str]) -> String {
    names.iter().map(|name| format!("{PROCESSORS}.{name}")).collect::<Vec<_>>().join(",")
}

#[tokio::test]
async fn post_processors_change_documents_in_their_order() {
    let lab = Lab::new("processors").await;
    let chain = chain(&[
        "BlockListValueProjector",
        "field.renaming.RenameByMapping",
        "field.renaming.RenameByRegExp",
        "NullFieldValueRemover",
        "KafkaMetaAdder",
    ]);
    let props = [
        ("post.processor.chain", chain.as_str()),
        ("document.id.strategy", &format!("{PROCESSORS}.id.strategy.ProvidedInKeyStrategy")),
        ("value.projection.list", "secret, card.number"),
        ("field.renamer.mapping", r#"[{"oldName":"value.user","newName":"customer"}]"#),
        ("field.renamer.regexp", r#"[{"regexp":"^value\\.customer\\..*","pattern":"_","replace":"-"}]"#),
    ];
    let mut sink = Sink::start(&lab, &props).await;
    let value = r#"{"secret":1,"card":{"number":2,"kind":"x"},"user":{"first_name":"Anne","last_name":null},"n":null}"#;
    sink.put(&keyed(&[(Some(r#"{"_id":7}"#), Some(value))])).await;
    let expected = doc! {
        "_id": 7_i64, "card": { "kind": "x" }, "customer": { "first-name": "Anne" },
        "topic-partition-offset": "orders-3-0", "CREATE_TIME": 1_i64,
    };
    let mut found = lab.documents().await;
    // Batches of tests have timestamps without a type.
    let timestamp = found[0].remove("NO_TIMESTAMP_TYPE").unwrap();
    found[0].insert("CREATE_TIME", timestamp);
    assert_eq!(found, [expected]);
}

#[tokio::test]
async fn an_id_that_a_processor_removes_is_a_bad_record() {
    let lab = Lab::new("removed").await;
    let chain = chain(&["DocumentIdAdder", "AllowListValueProjector"]);
    let props = [("post.processor.chain", chain.as_str()), ("value.projection.list", "a"), ("errors.tolerance", "all")];
    let outcome = Sink::start(&lab, &props).await.put(&batch(&[r#"{"a":1,"b":2}"#])).await;
    assert_eq!(outcome.bad.len(), 1);
    let message = outcome.bad[0].error.to_string();
    assert_eq!(message, "Could not build the WriteModel,the `_id` field was missing unexpectedly");
}

#[tokio::test]
async fn fields_name_database_and_collection() {
    let lab = Lab::new("namespaces").await;
    let other = lab.other("elsewhere").await;
    let props = [
        ("namespace.mapper", MAPPER),
        ("namespace.mapper.key.database.field", "db"),
        ("namespace.mapper.value.collection.field", "to.collection"),
        ("document.id.strategy", &format!("{PROCESSORS}.id.strategy.ProvidedInValueStrategy")),
    ];
    let mut sink = Sink::start(&lab, &props).await;
    let database = format!(r#"{{"db":"{}"}}"#, other.name());
    let records: Vec<(Option<String>, String)> = (0..6)
        .map(|n| match n % 3 {
            0 => (None, format!(r#"{{"_id":{n}}}"#)),
            1 => (None, format!(r#"{{"_id":{n},"to":{{"collection":"second"}}}}"#)),
            _ => (Some(database.clone()), format!(r#"{{"_id":{n},"to":{{"collection":"second"}}}}"#)),
        })
        .collect();
    let records: Vec<_> = records.iter().map(|(key, value)| (key.as_deref(), Some(value.as_str()))).collect();
    assert_eq!(sink.put(&keyed(&records)).await.taken, 6);
    assert_eq!(lab.ids("orders").await, [0, 3]);
    assert_eq!(lab.ids("second").await, [1, 4]);
    let found = other.collection::<Document>("second").count_documents(doc! {}).await.unwrap();
    assert_eq!(found, 2);
    let strict = [&props[..], &[("namespace.mapper.error.if.invalid", "true"), ("errors.tolerance", "all")]].concat();
    let outcome = Sink::start(&lab, &strict).await.put(&keyed(&[(Some(r#"{"db":5}"#), Some("{}"))])).await;
    let message = outcome.bad[0].error.to_string();
    assert_eq!(message, r#"Invalid type for INT64 field path 'db', expected a String: {"db": 5}"#);
}

#[tokio::test]
async fn a_time_series_is_made_and_filled() {
    let lab = Lab::new("series").await;
    let props = [
        ("timeseries.timefield", "at"),
        ("timeseries.metafield", "sensor"),
        ("timeseries.granularity", "Minutes"),
        ("timeseries.expire.after.seconds", "86400000"),
        ("timeseries.timefield.auto.convert", "true"),
        ("errors.tolerance", "all"),
    ];
    let mut sink = Sink::start(&lab, &props).await;
    let records = [
        r#"{"_id":1,"at":"2021-01-02T03:04:05Z","sensor":"a"}"#,
        r#"{"_id":2,"at":1609556645000,"sensor":"b"}"#,
        r#"{"_id":3,"at":"not a date"}"#,
        r#"{"_id":4,"at":"2021-01-02"}"#,
    ];
    let outcome = sink.put(&texts(&records)).await;
    assert_eq!((outcome.taken, outcome.bad.len()), (4, 1));
    assert!(outcome.bad[0].error.to_string().contains("'at' must be present and contain a valid BSON UTC datetime"));
    let at = bson::DateTime::from_millis(1_609_556_645_000);
    let mut found: Vec<(i32, Option<Bson>)> =
        lab.documents().await.iter().map(|one| (one.get_i32("_id").unwrap(), one.get("at").cloned())).collect();
    found.sort_by_key(|one| one.0);
    let midnight = bson::DateTime::from_millis(1_609_545_600_000);
    assert_eq!(found, [(1, Some(at.into())), (2, Some(at.into())), (4, Some(midnight.into()))]);
    let made = lab.database().run_command(doc! { "listCollections": 1, "filter": { "name": "orders" } }).await.unwrap();
    let made = made.get_document("cursor").unwrap().get_array("firstBatch").unwrap()[0].as_document().unwrap().clone();
    let options = made.get_document("options").unwrap();
    let series = options.get_document("timeseries").unwrap();
    assert_eq!((made.get_str("type").unwrap(), series.get_str("timeField").unwrap()), ("timeseries", "at"));
    assert_eq!((series.get_str("metaField").unwrap(), series.get_str("granularity").unwrap()), ("sensor", "minutes"));
    assert_eq!(options.get("expireAfterSeconds").and_then(Bson::as_i64), Some(86_400_000));
    // One that is there already is taken as it is.
    assert_eq!(Sink::start(&lab, &props).await.put(&texts(&records[..1])).await.taken, 1);
}

#[tokio::test]
async fn a_collection_that_is_no_time_series_is_not_filled() {
    let lab = Lab::new("noseries").await;
    lab.database().collection("orders").insert_one(doc! { "_id": 1 }).await.unwrap();
    let mut sink = Sink::start(&lab, &[("timeseries.timefield", "at"), ("errors.tolerance", "all")]).await;
    let error = sink.try_put(&batch(&[r#"{"at":1}"#])).await.unwrap_err();
    let database = lab.database().name().to_owned();
    let expected = format!("A collection already exists for: `{database}.orders` that is not a timeseries collection.");
    assert_eq!(error.to_string(), expected);
}
