//! Debezium's transform of MongoDB's change events.

use super::*;

const DOCUMENTS: &str = "io.debezium.connector.mongodb.transforms.ExtractNewDocumentState";

/// An event of Debezium's connector for MongoDB.
fn document_event(
    op: &str,
    before: Option<&str>,
    after: Option<&str>,
    updated: Option<(&str, &[&str])>,
) -> ConnectRecord {
    let text = |text: Option<&str>| text.map_or(Value::Null, Value::string);
    let optional = || Schema::optional(Type::String);
    let names = Schema { optional: true, ..Schema::array(Arc::new(Schema::new(Type::String))) };
    let removed =
        updated.map_or(Value::Null, |(_, names)| Value::Array(names.iter().map(|name| Value::string(*name)).collect()));
    let (description_schema, description) = structure(
        "io.debezium.connector.mongodb.changestream.updatedescription",
        true,
        vec![("removedFields", names, removed), ("updatedFields", optional(), text(updated.map(|(fields, _)| fields)))],
    );
    let (source_schema, source) =
        structure("source", false, vec![("collection", Schema::new(Type::String), Value::string("c"))]);
    let (envelope, value) = structure(
        "server1.db.c.Envelope",
        false,
        vec![
            ("before", optional(), text(before)),
            ("after", optional(), text(after)),
            ("updateDescription", description_schema, if updated.is_some() { description } else { Value::Null }),
            ("source", source_schema, source),
            ("op", optional(), Value::string(op)),
        ],
    );
    let (key_schema, key) = structure(
        "server1.db.c.Key",
        false,
        vec![("id", Schema::new(Type::String), Value::string(r#"{"$oid":"5f"}"#))],
    );
    let mut event = record(Data::new(Arc::new(envelope), value));
    event.key = Data::new(Arc::new(key_schema), key);
    event
}

#[test]
fn a_change_event_of_mongodb_gives_its_document() {
    let after = r#"{"_id":{"$oid":"5f"},"n":1,"l":{"$numberLong":"2"},"d":2.5,"m":{"$numberDecimal":"1.10"},
        "t":{"$date":1500},"b":{"$binary":"AQI=","$type":"00"},"o":{"x":"y","e":{}},"a":[1,2],"docs":[{"p":1},{"q":"r"}],
        "none":null,"empty":[],"re":{"$regex":"^a","$options":"i"},"min":{"$minKey":1}}"#;
    let mut created = document_event("c", None, Some(after), None);
    make(DOCUMENTS, &[("add.fields", "op,source.collection")]).apply(&mut created).unwrap();
    assert_eq!(shown(&created.key.value), "Struct{id=5f}");
    let Value::Struct(document) = &created.value.value else { panic!("no struct") };
    assert_eq!(document.schema.name.as_deref(), Some("server1.db.c"));
    let kinds: Vec<_> = document.schema.fields.iter().map(|field| (&*field.name, field.schema.kind)).collect();
    let expected = [
        ("_id", Type::String),
        ("n", Type::Int32),
        ("l", Type::Int64),
        ("d", Type::Float64),
        ("m", Type::String),
        ("t", Type::Int64),
        ("b", Type::Bytes),
        ("o", Type::Struct),
        ("a", Type::Array),
        ("docs", Type::Array),
        ("none", Type::String),
        ("empty", Type::Array),
        ("re", Type::Struct),
        ("__op", Type::String),
        ("__source_collection", Type::String),
    ];
    assert_eq!(kinds, expected);
    assert!(document.schema.fields.iter().all(|field| field.schema.optional));
    assert_eq!(document.schema.fields[7].schema.name.as_deref(), Some("server1.db.c.o"));
    assert_eq!(document.get("t"), Some(&Value::Date(1500)));
    assert_eq!(document.get("b"), Some(&Value::Bytes(vec![1, 2].into())));
    assert_eq!(shown(document.get("docs").unwrap()), "[Struct{p=1}, Struct{q=r}]");
    assert_eq!(shown(document.get("__source_collection").unwrap()), "c");

    let mixed = r#"{"a":[1,"x"]}"#;
    let error = make(DOCUMENTS, &[]).apply(&mut document_event("c", None, Some(mixed), None)).unwrap_err();
    assert!(error.to_string().contains("different Bson types are not supported: server1.db.c.a"), "{error}");
    let with_regex = r#"{"a":[{"$regex":"x","$options":""},{"b":1}]}"#;
    let error = make(DOCUMENTS, &[]).apply(&mut document_event("c", None, Some(with_regex), None)).unwrap_err();
    assert!(error.to_string().contains("different Bson types"), "{error}");
    let mut as_document = document_event("c", None, Some(mixed), None);
    make(DOCUMENTS, &[("array.encoding", "document")]).apply(&mut as_document).unwrap();
    assert_eq!(shown(&as_document.value.value), "Struct{a=Struct{_0=1,_1=x}}");
    let mut flat = document_event("c", None, Some(r#"{"a":{"b":{"c":1}}}"#), None);
    make(DOCUMENTS, &[("flatten.struct", "true")]).apply(&mut flat).unwrap();
    assert_eq!(shown(&flat.value.value), "Struct{a_b_c=1}");
    let error = make(DOCUMENTS, &[]).apply(&mut document_event("c", None, Some("[1]"), None)).unwrap_err();
    assert!(error.to_string().starts_with("after is no document of MongoDB"), "{error}");
    // What has another key is none of its events.
    let mut other = event(None, Some(1), "c");
    let unchanged = other.clone();
    assert_eq!(make(DOCUMENTS, &[]).apply(&mut other), Ok(Verdict::Keep));
    assert_eq!(other, unchanged);
}

#[test]
fn updates_and_deletions_of_mongodb_are_handled() {
    let outcome = |config: &[(&str, &str)], mut event: ConnectRecord| match make(DOCUMENTS, config).apply(&mut event) {
        Ok(Verdict::Keep) => Some(shown(&event.value.value)),
        Ok(Verdict::Drop) => None,
        Err(error) => Some(error.to_string()),
    };
    let update = || document_event("u", None, None, Some((r#"{"a":1,"b.c":2}"#, &["a"])));
    assert_eq!(outcome(&[], update()).as_deref(), Some("Struct{b.c=2,_id=5f}"));
    assert_eq!(outcome(&[("flatten.struct", "true")], update()).as_deref(), Some("Struct{b_c=2,_id=5f}"));
    let deletion = || document_event("d", Some(r#"{"a":1}"#), None, None);
    let tombstone = || {
        let mut event = deletion();
        event.value = Data::NULL;
        event
    };
    for (config, deleted, kept) in [
        (&[][..], Some("null"), None),
        (&[("delete.tombstone.handling.mode", "drop")], None, None),
        (&[("delete.tombstone.handling.mode", "rewrite")], Some("Struct{a=1,__deleted=true}"), None),
        (
            &[
                ("delete.tombstone.handling.mode", "rewrite-with-tombstone"),
                ("delete.tombstone.handling.mode.rewrite-with-id", "true"),
            ],
            Some("Struct{a=1,__deleted=true,_id=5f}"),
            Some("null"),
        ),
        (&[("delete.handling.mode", "none"), ("drop.tombstones", "false")], Some("null"), Some("null")),
    ] {
        assert_eq!(outcome(config, deletion()).as_deref(), deleted, "{config:?}");
        assert_eq!(outcome(config, tombstone()).as_deref(), kept, "{config:?}");
    }
    let mut headed = tombstone();
    let config = [("operation.header", "true"), ("drop.tombstones", "false")];
    make(DOCUMENTS, &config).apply(&mut headed).unwrap();
    assert_eq!((&*headed.headers[0].name, &headed.headers[0].value.value), ("__op", &Value::string("d")));
    assert!(try_make(DOCUMENTS, &[("array.encoding", "list")]).is_err());
}
