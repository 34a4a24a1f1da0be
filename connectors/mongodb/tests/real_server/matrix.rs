//! Every write strategy with every id strategy and every way to delete: each record is written once or reported, and what
//! is delivered again changes nothing where the record says its `_id`.

use bson::doc;
use longshore_api::ErrorKind;

use crate::support::{ID, Lab, Sink, WRITE, keyed};

const IDS: [&str; 10] = [
    "BsonOidStrategy",
    "UuidStrategy",
    "FullKeyStrategy",
    "PartialKeyStrategy",
    "PartialValueStrategy",
    "ProvidedInKeyStrategy",
    "ProvidedInValueStrategy",
    "UuidProvidedInKeyStrategy",
    "UuidProvidedInValueStrategy",
    "KafkaMetaDataStrategy",
];
const WRITES: [&str; 9] = [
    "DefaultWriteModelStrategy",
    "ReplaceOneDefaultStrategy",
    "ReplaceOneBusinessKeyStrategy",
    "UpdateOneDefaultStrategy",
    "UpdateOneTimestampsStrategy",
    "UpdateOneBusinessKeyTimestampStrategy",
    "InsertOneDefaultStrategy",
    "DeleteOneDefaultStrategy",
    "DeleteOneBusinessKeyStrategy",
];
/// Empty where tombstones must not delete.
const DELETES: [&str; 3] = ["", "DeleteOneDefaultStrategy", "DeleteOneTombstoneBusinessKeyStrategy"];

/// The records with a value.
const VALUES: i64 = 4;

/// One place of the matrix, and what Connect's rules say of it.
#[derive(Debug, Clone, Copy)]
struct Case {
    write: &'static str,
    id: &'static str,
    delete: &'static str,
}

impl Case {
    fn all() -> impl Iterator<Item = Self> {
        WRITES.into_iter().flat_map(|write| {
            IDS.into_iter().flat_map(move |id| DELETES.into_iter().map(move |delete| Self { write, id, delete }))
        })
    }

    fn props(self) -> Vec<(&'static str, String)> {
        let mut props = vec![
            ("writemodel.strategy", format!("{WRITE}.{}", self.write)),
            ("document.id.strategy", format!("{ID}.{}", self.id)),
            ("document.id.strategy.overwrite.existing", "true".to_owned()),
            ("errors.tolerance", "all".to_owned()),
        ];
        for part in ["key", "value"] {
            let (kind, list) = match part {
                "key" => ("key.projection.type", "key.projection.list"),
                _ => ("value.projection.type", "value.projection.list"),
            };
            props.extend([(kind, "allowlist".to_owned()), (list, "k".to_owned())]);
        }
        if !self.delete.is_empty() {
            props.push(("delete.on.null.values", "true".to_owned()));
            props.push(("delete.writemodel.strategy", format!("{WRITE}.{}", self.delete)));
        }
        props
    }

    fn id_is_fresh(self) -> bool {
        ["BsonOidStrategy", "UuidStrategy"].contains(&self.id)
    }

    /// A configuration whose tombstones could find no document.
    fn is_refused(self) -> bool {
        match self.delete {
            "" => false,
            "DeleteOneDefaultStrategy" => {
                !["FullKeyStrategy", "PartialKeyStrategy", "ProvidedInKeyStrategy"].contains(&self.id)
            }
            _ => self.id != "PartialKeyStrategy",
        }
    }

    fn is_by_business_key(self) -> bool {
        self.write.contains("BusinessKey")
    }

    fn writes_deletions(self) -> bool {
        self.write.starts_with("DeleteOne")
    }

    fn inserts(self) -> bool {
        self.write.starts_with("InsertOne")
    }

    /// Whether a document with the first record's `_id` stands there before.
    fn has_a_document_before(self) -> bool {
        self.writes_deletions() || (self.inserts() && self.id.starts_with("ProvidedIn"))
    }

    /// A business key is an `_id` that is a document.
    fn reports(self, number: i64) -> bool {
        let no_business_key =
            self.is_by_business_key() && !self.id.starts_with("Partial") && self.id != "FullKeyStrategy";
        no_business_key || (number == 0 && self.inserts() && self.has_a_document_before())
    }

    /// Whether the tombstone of the first record's key finds what that record has written.
    fn tombstone_deletes(self) -> bool {
        match self.delete {
            "" => false,
            "DeleteOneDefaultStrategy" => !self.is_by_business_key(),
            _ => true,
        }
    }

    /// How many documents the record with this number leaves behind.
    fn leaves(self, number: i64) -> usize {
        let gone = self.writes_deletions() || self.reports(number) || (number == 0 && self.tombstone_deletes());
        usize::from(!gone)
    }
}

fn uuid(number: i64) -> String {
    format!("00112233-4455-6677-8899-aabbccddee{number:02x}")
}

#[tokio::test]
async fn each_record_is_written_once_or_reported_by_every_strategy() {
    let lab = Lab::new("matrix").await;
    let keys: Vec<String> = (0..VALUES).map(|number| format!(r#"{{"_id":"{}","k":{number}}}"#, uuid(number))).collect();
    let values: Vec<String> =
        (0..VALUES).map(|number| format!(r#"{{"_id":"{}","k":{number},"v":{number}}}"#, uuid(number))).collect();
    let mut records: Vec<_> =
        keys.iter().zip(&values).map(|(key, value)| (Some(key.as_str()), Some(value.as_str()))).collect();
    // Of a document that was just written, and of none.
    let nobody = format!(r#"{{"_id":"{}","k":99}}"#, uuid(99));
    records.extend([(Some(keys[0].as_str()), None), (Some(nobody.as_str()), None)]);
    let batch = keyed(&records);
    for case in Case::all() {
        let collection = lab.database().collection::<bson::Document>(lab.collection());
        collection.delete_many(doc! {}).await.unwrap();
        if case.has_a_document_before() {
            collection.insert_one(doc! { "_id": uuid(0), "k": 0, "v": -1 }).await.unwrap();
        }
        let props = case.props();
        let props: Vec<_> = props.iter().map(|(key, value)| (*key, value.as_str())).collect();
        let mut sink = match Sink::try_start(&lab, &props).await {
            Ok(sink) => sink,
            Err(error) => {
                assert!(case.is_refused() && error.kind == ErrorKind::Config, "{case:?}: {error}");
                continue;
            }
        };
        assert!(!case.is_refused(), "{case:?}");
        let outcome = sink.put(&batch).await;
        assert_eq!((outcome.taken, outcome.retry), (records.len(), None), "{case:?}");
        let mut reported: Vec<usize> = (0..VALUES).filter(|n| case.reports(*n)).map(|n| n as usize).collect();
        if case.delete.is_empty() {
            reported.extend([VALUES as usize, VALUES as usize + 1]);
        }
        assert_eq!(outcome.bad.iter().map(|bad| bad.index).collect::<Vec<_>>(), reported, "{case:?}");
        assert!(outcome.bad.iter().all(|bad| bad.error.kind == ErrorKind::BadRecord), "{case:?}");
        let left = left(&lab).await;
        for number in 0..VALUES {
            let documents = left.iter().filter(|v| **v == number).count();
            assert_eq!(documents, case.leaves(number), "{case:?}, record {number} of {left:?}");
        }
        // The one that stood there before is replaced, deleted or left alone.
        let kept = case.has_a_document_before() && case.reports(0) && case.delete.is_empty();
        assert_eq!(left.contains(&-1), kept, "{case:?}: {left:?}");
        if !case.id_is_fresh() && !case.inserts() {
            assert_eq!(sink.put(&batch).await.taken, records.len(), "{case:?}");
            assert_eq!(self::left(&lab).await, left, "{case:?}: delivered again");
        }
    }
}

/// Which records' documents there are.
async fn left(lab: &Lab) -> Vec<i64> {
    let documents = lab.documents().await;
    let number = |document: &bson::Document| {
        document.get_i64("v").unwrap_or_else(|_| document.get_i32("v").expect("a number").into())
    };
    let mut numbers: Vec<i64> = documents.iter().map(number).collect();
    numbers.sort_unstable();
    numbers
}
