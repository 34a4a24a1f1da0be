//! Commands of one batch that go side by side.

use bson::doc;
use futures_util::TryStreamExt as _;

use crate::support::{ID, Lab, Sink, batch, keyed, of_topics};

#[tokio::test]
async fn the_records_of_a_key_keep_their_order() {
    let lab = Lab::new("order").await;
    let provided = format!("{ID}.ProvidedInKeyStrategy");
    for ordered in ["true", "false"] {
        lab.clear().await;
        let props = [
            ("document.id.strategy", provided.as_str()),
            ("document.id.strategy.overwrite.existing", "true"),
            ("delete.on.null.values", "true"),
            ("bulk.write.ordered", ordered),
        ];
        let mut sink = Sink::start(&lab, &props).await;
        // Every key is written fifty times; every third one is deleted at the end. The same number as a text, an
        // integer or a fraction is another key to Connect, and for numbers the same one to MongoDB.
        let keys: Vec<String> = (0..100)
            .map(|n| match n % 3 {
                0 => format!(r#"{{"_id":{n}.0}}"#),
                1 => format!(r#"{{"_id":{n}}}"#),
                _ => format!(r#"{{"_id":"{n}"}}"#),
            })
            .collect();
        let values: Vec<String> = (0..5000).map(|n| format!(r#"{{"v":{}}}"#, n / 100)).collect();
        let mut records: Vec<_> = (0..5000).map(|n| (Some(keys[n % 100].as_str()), Some(values[n].as_str()))).collect();
        records.extend((0..100).step_by(3).map(|n| (Some(keys[n].as_str()), None)));
        assert_eq!(sink.put(&keyed(&records)).await.taken, records.len());
        let found = lab.documents().await;
        assert_eq!(found.len(), 66, "ordered {ordered}");
        assert!(found.iter().all(|one| one.get_i64("v").unwrap() == 49), "ordered {ordered}");
    }
}

#[tokio::test]
async fn several_commands_are_under_way_at_once() {
    let lab = Lab::new("flight").await;
    let mut sink = Sink::start(&lab, &[]).await;
    let records: Vec<String> = (0..2000).map(|n| format!(r#"{{"n":{n}}}"#)).collect();
    let records: Vec<&str> = records.iter().map(String::as_str).collect();
    // Insertions wait at the server until all of them are there: one after another they would wait for ever.
    let admin = lab.admin();
    let on = doc! { "configureFailPoint": "hangDuringBatchInsert", "mode": "alwaysOn",
    "data": { "nss": format!("{}.orders", lab.database().name()) } };
    admin.run_command(on).await.unwrap();
    let batch = batch(&records);
    let waiting = async {
        loop {
            let operations = admin
                .aggregate([doc! { "$currentOp": {} }, doc! { "$match": { "appName": "flight", "op": "insert" } }])
                .await;
            let operations: Vec<bson::Document> = operations.unwrap().try_collect().await.unwrap();
            if operations.len() >= 4 {
                break;
            }
            tokio::task::yield_now().await;
        }
        admin.run_command(doc! { "configureFailPoint": "hangDuringBatchInsert", "mode": "off" }).await.unwrap();
    };
    let (outcome, ()) = crate::support::within_a_minute(async { tokio::join!(sink.put(&batch), waiting) }).await;
    assert_eq!((outcome.taken, outcome.retry), (2000, None));
    assert_eq!(lab.count().await, 2000);
}

#[tokio::test]
async fn mixed_topics_are_written_collection_by_collection() {
    let lab = Lab::new("mixed").await;
    let provided = format!("{ID}.ProvidedInValueStrategy");
    let props = [("topics", "orders,second"), ("document.id.strategy", provided.as_str())];
    let mut sink = Sink::start(&lab, &props).await;
    let records: Vec<(&str, String)> = (0..1000)
        .map(|n| (if n % 2 == 0 { "orders" } else { "second" }, format!(r#"{{"_id":{},"v":{n}}}"#, n % 10)))
        .collect();
    let records: Vec<_> = records.iter().map(|(topic, value)| (*topic, value.as_str())).collect();
    assert_eq!(sink.put(&of_topics(&records)).await.taken, 1000);
    assert!(lab.documents().await.iter().all(|one| one.get_i64("v").is_ok_and(|v| v >= 990)));
    assert_eq!(lab.ids("second").await, [1, 3, 5, 7, 9]);
}

#[tokio::test]
async fn topics_that_share_a_collection_do_not_make_a_document_twice() {
    let lab = Lab::new("shared").await;
    let props = [
        ("topics", "orders,second"),
        ("collection", "orders"),
        ("document.id.strategy", &format!("{ID}.PartialValueStrategy")),
        ("document.id.strategy.partial.value.projection.type", "allowlist"),
        ("document.id.strategy.partial.value.projection.list", "shop"),
        ("writemodel.strategy", "com.mongodb.kafka.connect.sink.writemodel.strategy.ReplaceOneBusinessKeyStrategy"),
    ];
    let mut sink = Sink::start(&lab, &props).await;
    // No index makes the key unique: two insertions at once would both succeed.
    let records: Vec<(&str, String)> = (0..400)
        .map(|n| (if n % 2 == 0 { "orders" } else { "second" }, format!(r#"{{"shop":{},"v":{n}}}"#, n / 2 % 100)))
        .collect();
    let records: Vec<_> = records.iter().map(|(topic, value)| (*topic, value.as_str())).collect();
    assert_eq!(sink.put(&of_topics(&records)).await.taken, 400);
    assert_eq!(lab.count().await, 100);
}
