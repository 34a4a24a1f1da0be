//! Chains of transforms that others have written for Kafka Connect, from Kafka to a sink: what a record has become.

use std::fs;
use std::io::Write;

use bson::{Document, doc};
use flate2::Compression;
use flate2::write::GzEncoder;
use longshore_test_servers::{kafka, mongodb, unique};
use serde_json::{Value, json};

use super::kafka::{Writer, committed, create_topic};
use super::mongo::Documents;
use super::registry::file_sink;
use super::simplelink::simplelink;
use super::transforms::{Link, with_chain};
use super::worker::{STRINGS, Worker};

const BYTES: &str = "org.apache.kafka.connect.converters.ByteArrayConverter";
const JSON: &str = "org.apache.kafka.connect.json.JsonConverter";

/// A field's schema.
fn field(name: &str, kind: &str) -> Value {
    json!({ "field": name, "type": kind, "optional": true })
}

/// A field's schema that has a name.
fn named(name: &str, kind: &str, logical: &str) -> Value {
    json!({ "field": name, "type": kind, "optional": true, "name": logical })
}

/// The schema of a field that is a struct.
fn inner(name: &str, schema: &str, fields: &Value) -> Value {
    json!({ "field": name, "type": "struct", "optional": true, "name": schema, "fields": fields })
}

/// A record as JsonConverter writes it with its schema.
fn enveloped(schema: &str, fields: Value, payload: Value) -> Vec<u8> {
    let schema = json!({ "type": "struct", "name": schema, "optional": false, "fields": fields });
    json!({ "schema": schema, "payload": payload }).to_string().into_bytes()
}

/// A change event of a row of the table `orders`.
fn event(row: &Value, before: Value, after: Value, op: &str) -> Vec<u8> {
    let fields = json!([
        inner("before", "s.orders.Value", row),
        inner("after", "s.orders.Value", row),
        inner("source", "io.debezium.connector.mysql.Source", &json!([field("table", "string")])),
        field("op", "string"),
    ]);
    let payload = json!({ "before": before, "after": after, "source": { "table": "orders" }, "op": op });
    enveloped("s.orders.Envelope", fields, payload)
}

/// A change of a table's own schema.
fn schema_change(kind: &str) -> Vec<u8> {
    let change = json!({ "type": "struct", "optional": false, "fields": [field("type", "string")] });
    let fields = json!([
        field("ddl", "string"),
        { "field": "tableChanges", "type": "array", "optional": false, "items": change },
    ]);
    let payload = json!({ "ddl": format!("{kind} it"), "tableChanges": [{ "type": kind }] });
    enveloped("io.debezium.connector.mysql.SchemaChangeValue", fields, payload)
}

/// What goes through a chain, and the lines of text that a file sink makes of it.
struct Lines {
    name: &'static str,
    records: Vec<Vec<u8>>,
    chain: &'static [Link<'static>],
    lines: &'static str,
}

fn changed_row() -> Lines {
    let row = json!([
        field("id", "int32"),
        field("name", "string"),
        named("at", "string", "io.debezium.time.ZonedTimestamp"),
    ]);
    let values = |name: &str| json!({ "id": 1, "name": name, "at": "2020-01-01T11:55:30.5Z" });
    Lines {
        name: "changed-row",
        records: vec![event(&row, values("old"), values("new"), "u"), event(&row, Value::Null, values("first"), "c")],
        chain: &[
            ("changes", "io.debezium.transforms.ExtractChangedRecordState", &[("header.changed.name", "changed")]),
            (
                "headers",
                "io.debezium.transforms.HeaderToValue",
                &[("headers", "tenant,changed"), ("fields", "after.tenant,after.changed"), ("operation", "move")],
            ),
            ("zone", "io.debezium.transforms.TimezoneConverter", &[("converted.timezone", "Europe/Berlin")]),
            ("row", "io.debezium.transforms.ExtractNewRecordState", &[("add.fields", "op,source.table")]),
        ],
        lines: "Struct{id=1,name=new,at=2020-01-01T12:55:30.5+01:00,tenant=acme,changed=[name],__op=u,\
                __source_table=orders}\n\
                Struct{id=1,name=first,at=2020-01-01T12:55:30.5+01:00,tenant=acme,__op=c,__source_table=orders}\n",
    }
}

fn partitioned_row() -> Lines {
    let row = json!([field("id", "int32"), field("name", "string")]);
    let created = |id: i32| event(&row, Value::Null, json!({ "id": id, "name": "x" }), "c");
    Lines {
        name: "partitioned-row",
        records: vec![created(1), created(-2)],
        chain: &[
            (
                "spread",
                "io.debezium.transforms.partitions.PartitionRouting",
                &[("partition.payload.fields", "change.id,source.table"), ("partition.topic.num", "7")],
            ),
            ("row", "io.debezium.transforms.ExtractNewRecordState", &[]),
            ("where", "InsertField$Value", &[("partition.field", "partition")]),
        ],
        // Java: ("orders".hashCode() + id & 0x7FFFFFFF) % 7.
        lines: "Struct{id=1,name=x,partition=1}\nStruct{id=-2,name=x,partition=5}\n",
    }
}

fn schema_of_table() -> Lines {
    let mut id = field("id", "int32");
    id["parameters"] = json!({
        "__debezium.source.column.name": "ID", "__debezium.source.column.type": "INT",
        "__debezium.source.column.length": "11", "__debezium.source.column.comment": "the key",
    });
    Lines {
        name: "schema-of-table",
        records: vec![event(&json!([id]), Value::Null, json!({ "id": 1 }), "c")],
        chain: &[
            ("schema", "io.debezium.transforms.ExtractSchemaToNewRecord", &[]),
            ("only", "ExtractField$Value", &[("field", "sourceSchema")]),
        ],
        lines: "Struct{id=orders,table=Struct{columns=[Struct{name=ID,typeName=INT,length=11,comment=the key}]}}\n",
    }
}

fn changes_of_schema() -> Lines {
    Lines {
        name: "changes-of-schema",
        records: vec![schema_change("CREATE"), schema_change("DROP"), schema_change("ALTER")],
        chain: &[(
            "kinds",
            "io.debezium.transforms.SchemaChangeEventFilter",
            &[("schema.change.event.exclude.list", "DROP")],
        )],
        lines: "Struct{ddl=CREATE it,tableChanges=[Struct{type=CREATE}]}\n\
                Struct{ddl=ALTER it,tableChanges=[Struct{type=ALTER}]}\n",
    }
}

fn outbox_of_documents() -> Lines {
    let after = json!({
        "_id": { "$oid": "596e275826f08b2730779e1f" }, "aggregateid": "10711fa5", "aggregatetype": "Order",
        "type": "OrderCreated", "payload": { "id": { "$numberLong": "1" }, "lines": [{ "item": "a book" }] },
    });
    let fields =
        json!([named("after", "string", "io.debezium.data.Json"), field("op", "string"), field("ts_ms", "int64"),]);
    let payload = json!({ "after": after.to_string(), "op": "c", "ts_ms": 777 });
    Lines {
        name: "outbox-of-documents",
        records: vec![enveloped("m.inventory.outbox.Envelope", fields, payload)],
        chain: &[
            (
                "outbox",
                "io.debezium.connector.mongodb.transforms.outbox.MongoEventRouter",
                &[("collection.expand.json.payload", "true")],
            ),
            ("where", "InsertField$Value", &[("topic.field", "topic"), ("timestamp.field", "at")]),
            (
                "key",
                "io.aiven.kafka.connect.transforms.KeyToValue",
                &[("key.fields", "*"), ("value.fields", "aggregate")],
            ),
            ("unix", "TimestampConverter$Value", &[("field", "at"), ("target.type", "unix")]),
        ],
        lines: "Struct{id=1,lines=[Struct{item=a book}],topic=outbox.event.Order,at=777,aggregate=10711fa5}\n",
    }
}

fn order_as_json() -> Lines {
    let fields = json!([
        field("order_id", "int32"),
        field("price", "double"),
        inner("address", "address", &json!([field("zip_code", "string")])),
    ]);
    let payload = json!({ "order_id": 1, "price": 2.9, "address": { "zip_code": "8001" } });
    Lines {
        name: "order-as-json",
        records: vec![enveloped("order", fields, payload)],
        chain: &[
            (
                "zip",
                "com.github.jcustenborder.kafka.connect.transform.common.ExtractNestedField$Value",
                &[
                    ("input.outer.field.name", "address"),
                    ("input.inner.field.name", "zip_code"),
                    ("output.field.name", "zip"),
                ],
            ),
            ("whole", "com.github.jcustenborder.kafka.connect.transform.common.ToLong$Value", &[("fields", "price")]),
            (
                "names",
                "com.github.jcustenborder.kafka.connect.transform.common.ChangeCase$Value",
                &[("from", "LOWER_UNDERSCORE"), ("to", "LOWER_CAMEL")],
            ),
            ("text", "com.github.jcustenborder.kafka.connect.transform.common.ToJSON$Value", &[]),
        ],
        lines: "{\"orderId\":1,\"price\":2,\"address\":{\"zipCode\":\"8001\"},\"zip\":\"8001\"}\n",
    }
}

#[test]
fn structs_go_through_chains_of_debeziums_and_others_transforms() {
    let worker = Worker::start(kafka());
    let cases = [
        changed_row(),
        partitioned_row(),
        schema_of_table(),
        changes_of_schema(),
        outbox_of_documents(),
        order_as_json(),
    ];
    let mut running = Vec::new();
    for case in cases {
        let (topic, file) = (unique(case.name), worker.folder().join(case.name));
        create_topic(&topic, 1);
        let writer = Writer::new();
        case.records.iter().for_each(|record| writer.send_with(&topic, None, record, &[("tenant", "acme")]));
        writer.flush();
        let mut config = with_chain(file_sink(&topic, &file), case.chain);
        config["value.converter"] = json!(JSON);
        config["value.converter.schemas.enable"] = json!("true");
        worker.create(case.name, &config);
        running.push((case, topic, file));
    }
    for (case, topic, file) in running {
        let group = worker.group(case.name);
        let all = i64::try_from(case.records.len()).unwrap();
        worker.wait_until(&format!("{} to be read", case.name), || committed(kafka(), &group, &topic) == all);
        assert_eq!(fs::read_to_string(&file).unwrap(), case.lines, "{}", case.name);
        worker.wait_for_state(case.name, "RUNNING", "RUNNING");
    }
}

/// A sink that makes documents of a topic, in collections of the names of topics.
fn documents(topic: &str, database: &str, converter: &str) -> Value {
    let mut config = simplelink(topic, database, mongodb());
    config.as_object_mut().unwrap().remove("collection");
    // With a list, MongoDB's connector takes the topics of the list only, also behind a router.
    config.as_object_mut().unwrap().remove("topics");
    config["topics.regex"] = json!(topic);
    config["key.converter"] = json!(STRINGS);
    config["value.converter"] = json!(converter);
    config
}

/// A document without its id.
fn found(documents: &Documents, field: &str, value: impl Into<bson::Bson>) -> Document {
    let mut document = documents.find(field, value).unwrap();
    assert!(document.remove("_id").is_some());
    document
}

#[test]
fn records_with_schemas_go_through_a_chain_of_aivens_transforms() {
    let (topic, database) = (unique("people"), unique("mydb"));
    create_topic(&topic, 1);
    let worker = Worker::start(kafka());
    let chain: &[Link<'_>] = &[
        (
            "adults",
            "io.aiven.kafka.connect.transforms.FilterByFieldValue$Value",
            &[("field.name", "kind"), ("field.value", "adult")],
        ),
        (
            "topic",
            "io.aiven.kafka.connect.transforms.ExtractTopicFromSchemaName$Value",
            &[("schema.name.regex", "(?:[.]|^)([^.]*)$")],
        ),
        ("hide", "io.aiven.kafka.connect.transforms.Hash$Value", &[("field.name", "secret"), ("function", "sha256")]),
        (
            "full",
            "io.aiven.kafka.connect.transforms.ConcatFields$Value",
            &[
                ("field.names", "first,middle,last"),
                ("output.field.name", "full"),
                ("delimiter", "/"),
                ("field.replace.missing", "*"),
            ],
        ),
        (
            "loud",
            "io.aiven.kafka.connect.transforms.CaseTransform$Value",
            &[("field.names", "last"), ("case", "upper")],
        ),
        ("key", "io.aiven.kafka.connect.transforms.KeyToValue", &[("key.fields", "*"), ("value.fields", "id")]),
    ];
    let mut config = with_chain(documents(&topic, &database, JSON), chain);
    config["value.converter.schemas.enable"] = json!("true");
    worker.create("people", &config);
    let writer = Writer::new();
    for (id, kind) in [("p1", "adult"), ("p2", "child"), ("p3", "adult")] {
        let fields = ["first", "last", "secret", "kind"].map(|name| field(name, "string"));
        let payload = json!({ "first": "Zoë", "last": "Müller", "secret": "hello world!", "kind": kind });
        writer.send_with(&topic, Some(id), &enveloped("com.acme.Person", json!(fields), payload), &[]);
    }
    writer.flush();
    let group = worker.group("people");
    worker.wait_until("all to be read", || committed(kafka(), &group, &topic) == 3);
    let people = Documents::of(mongodb(), &database, "Person");
    assert_eq!(people.count(), 2);
    for id in ["p1", "p3"] {
        let expected = doc! {
            "first": "Zoë", "last": "MÜLLER",
            "secret": "7509e5bda0c762d2bac7f90d758b5b2263fa01ccbc542ab5e3df163be08e6ca9",
            "kind": "adult", "full": "Zoë/*/Müller", "id": id,
        };
        assert_eq!(found(&people, "id", id), expected);
    }
}

#[test]
fn packed_values_are_unpacked_and_routed_by_confluents_transforms() {
    let (topic, database) = (unique("packed"), unique("mydb"));
    create_topic(&topic, 1);
    let worker = Worker::start(kafka());
    let chain: &[Link<'_>] = &[
        ("unpack", "io.confluent.connect.transforms.GzipDecompress$Value", &[]),
        ("topic", "io.confluent.connect.transforms.ExtractTopic$Header", &[("field", "kind")]),
    ];
    worker.create("packed", &with_chain(documents(&topic, &database, BYTES), chain));
    let writer = Writer::new();
    for (n, kind) in [(1, "orders"), (2, "bills"), (3, "orders")] {
        let mut packer = GzEncoder::new(Vec::new(), Compression::default());
        packer.write_all(&doc! { "n": n, "text": "x".repeat(1000) }.to_vec().unwrap()).unwrap();
        writer.send_with(&topic, None, &packer.finish().unwrap(), &[("kind", kind)]);
    }
    writer.flush();
    let group = worker.group("packed");
    worker.wait_until("all to be read", || committed(kafka(), &group, &topic) == 3);
    for (collection, numbers) in [("orders", &[1, 3][..]), ("bills", &[2])] {
        let documents = Documents::of(mongodb(), &database, collection);
        assert_eq!(documents.count(), numbers.len() as u64);
        for n in numbers {
            assert_eq!(found(&documents, "n", *n), doc! { "n": n, "text": "x".repeat(1000) });
        }
    }
}
