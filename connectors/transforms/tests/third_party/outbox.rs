//! Debezium's outbox router.

use super::*;

const OUTBOX: &str = "io.debezium.transforms.outbox.EventRouter";

/// An event of an outbox, whose row has these columns beside the usual ones.
fn outbox_event(op: &str, payload: Value, more: Vec<(&'static str, Schema, Value)>) -> ConnectRecord {
    let text = || Schema::new(Type::String);
    let mut columns = vec![
        ("id", text(), Value::string("e1")),
        ("aggregatetype", text(), Value::string("User")),
        ("aggregateid", text(), Value::string("10711fa5")),
        ("type", text(), Value::string("UserCreated")),
        ("payload", Schema::optional(Type::String), payload),
    ];
    columns.extend(more);
    let (schema, row) = structure("server1.inventory.outbox.Value", true, columns);
    let (envelope, value) = structure(
        "server1.inventory.outbox.Envelope",
        false,
        vec![
            ("after", schema, if op == "d" { Value::Null } else { row }),
            ("op", text(), Value::string(op)),
            ("ts_ms", Schema::optional(Type::Int64), Value::Int64(777)),
        ],
    );
    record(Data::new(Arc::new(envelope), value))
}

#[test]
fn an_outbox_event_goes_to_the_topic_of_its_kind() {
    let mut router = make(OUTBOX, &[]);
    let mut created = outbox_event("c", Value::string("{}"), vec![]);
    assert_eq!(router.apply(&mut created), Ok(Verdict::Keep));
    assert_eq!(&*created.topic, "outbox.event.User");
    assert_eq!(created.key.value, Value::string("10711fa5"));
    assert_eq!(created.value.value, Value::string("{}"));
    assert_eq!(created.timestamp, Some(777));
    assert_eq!((&*created.headers[0].name, &created.headers[0].value.value), ("id", &Value::string("e1")));
    for op in ["u", "d"] {
        assert_eq!(router.apply(&mut outbox_event(op, Value::Null, vec![])), Ok(Verdict::Drop), "{op}");
    }
    assert_eq!(router.apply(&mut record(Data::NULL)), Ok(Verdict::Drop), "a tombstone");
    let mut other = record(Data::schemaless(map(&[("a", Value::Int32(1))])));
    assert_eq!(router.apply(&mut other), Ok(Verdict::Keep));

    let mut empty = outbox_event("c", Value::string(" "), vec![]);
    make(OUTBOX, &[("route.tombstone.on.empty.payload", "true")]).apply(&mut empty).unwrap();
    assert_eq!(empty.value, Data::NULL);
    let fatal =
        make(OUTBOX, &[("table.op.invalid.behavior", "fatal")]).apply(&mut outbox_event("u", Value::Null, vec![]));
    assert!(fatal.unwrap_err().to_string().starts_with("Unexpected update message received"));
}

#[test]
fn columns_of_an_outbox_go_beside_the_payload() {
    let columns = || {
        let micro = Schema::new(Type::Int64).named("io.debezium.time.MicroTimestamp");
        vec![
            ("version", Schema::new(Type::Int32), Value::Int32(3)),
            ("part", Schema::new(Type::Int32), Value::Int32(5)),
            ("at", micro, Value::Int64(1_500_000)),
        ]
    };
    let config = [
        ("table.fields.additional.placement", "type:header:eventType,part:partition,type:envelope,version:envelope:v"),
        ("table.field.event.schema.version", "version"),
        ("table.field.event.timestamp", "at"),
        ("route.topic.replacement", "events.${routedByValue}"),
    ];
    let mut created = outbox_event("c", Value::string("x"), columns());
    make(OUTBOX, &config).apply(&mut created).unwrap();
    assert_eq!(shown(&created.value.value), "Struct{payload=x,type=UserCreated,v=3}");
    let schema = created.value.schema.unwrap();
    assert_eq!((schema.name.as_deref(), schema.version), (Some("server1.inventory.outbox.User.Value"), Some(3)));
    assert_eq!((created.timestamp, &*created.topic), (Some(1500), "events.User"));
    assert_eq!(created.partition, Some(5));
    let names: Vec<_> = created.headers.iter().map(|header| &*header.name).collect();
    assert_eq!(names, ["id", "eventType"]);

    let missing = [("table.fields.additional.placement", "none:envelope,none:header")];
    let error = make(OUTBOX, &missing).apply(&mut outbox_event("c", Value::Null, vec![])).unwrap_err();
    assert_eq!(error.to_string(), "none is not a valid field name");
    let ignored = [missing[0], ("table.fields.additional.error.on.missing", "false")];
    let mut created = outbox_event("c", Value::string("x"), vec![]);
    make(OUTBOX, &ignored).apply(&mut created).unwrap();
    assert_eq!(shown(&created.value.value), "Struct{payload=x}");
    for wrong in ["a", "a:b:c:d", "a:body"] {
        let error = try_make(OUTBOX, &[("table.fields.additional.placement", wrong)]).err().unwrap();
        assert!(error.to_string().contains("table.fields.additional.placement"), "{error}");
    }
    let error = make(OUTBOX, &[("table.field.event.payload", "p")]).apply(&mut outbox_event("c", Value::Null, vec![]));
    assert_eq!(error.unwrap_err().to_string(), "Unable to find payload field p in event");
}

#[test]
fn the_json_payload_of_an_outbox_is_expanded() {
    let expand = |config: &[(&str, &str)], payload: &str| {
        let mut created = outbox_event("c", Value::string(payload), vec![]);
        make(OUTBOX, &[&[("table.expand.json.payload", "true")], config].concat()).apply(&mut created).unwrap();
        created.value
    };
    let payload = r#"{"a":1,"b":3000000000,"c":1.5,"d":null,"e":[],"f":{"g":["x"]},"h":[{"i":1},{"j":null,"k":true}]}"#;
    let expanded = expand(&[], payload);
    assert_eq!(
        shown(&expanded.value),
        "Struct{a=1,b=3000000000,c=1.5,f=Struct{g=[x]},h=[Struct{i=1}, Struct{k=true}]}"
    );
    let schema = expanded.schema.unwrap();
    assert_eq!(schema.name.as_deref(), Some("payload"));
    assert_eq!(schema.fields[3].schema.name.as_deref(), Some("payload.f"));
    let kinds: Vec<_> = schema.fields.iter().map(|field| field.schema.kind).collect();
    assert_eq!(kinds, [Type::Int32, Type::Int64, Type::Float64, Type::Struct, Type::Array]);
    let nulls = [("table.json.payload.null.behavior", "optional_bytes")];
    let schema = expand(&nulls, r#"{"d":null,"e":[]}"#).schema.unwrap();
    assert_eq!(schema.fields.iter().map(|field| field.schema.kind).collect::<Vec<_>>(), [Type::Bytes]);
    for unchanged in
        ["{", "text", "[1,\"a\"]", "{\"a\":[1,2.5]}", "{\"a\":123456789012345678901234567890}", "{\"a\":[null]}"]
    {
        assert_eq!(expand(&[], unchanged).value, Value::string(unchanged));
    }
}

const COLLECTION: &str = "io.debezium.connector.mongodb.transforms.outbox.MongoEventRouter";

/// An event of an outbox collection.
fn document(op: &str, after: Option<&str>) -> ConnectRecord {
    let json = Schema::optional(Type::String).named("io.debezium.data.Json");
    let fields = vec![
        ("after", json, after.map_or(Value::Null, Value::string)),
        ("op", Schema::optional(Type::String), Value::string(op)),
        ("ts_ms", Schema::optional(Type::Int64), Value::Int64(777)),
    ];
    let (schema, value) = structure("mongo.inventory.outbox.Envelope", false, fields);
    record(Data::new(Arc::new(schema), value))
}

#[test]
fn an_event_of_an_outbox_collection_goes_to_the_topic_of_its_kind() {
    const AFTER: &str = "{\"_id\": {\"$oid\": \"596e275826f08b2730779e1f\"},\"aggregateid\": {\"$oid\": \
                         \"10711fa5\"},\"aggregatetype\": \"Order\",\"type\": \"OrderCreated\",\"at\": \
                         {\"$numberLong\": \"1556890294344\"},\"payload\": {\"id\": {\"$numberLong\": \"1\"},\"lines\": \
                         [{\"item\": \"Debezium in Action\"}]}}";
    let routed = |config: &[(&str, &str)]| {
        let mut event = document("c", Some(AFTER));
        make(COLLECTION, config).apply(&mut event).map(|verdict| {
            assert_eq!(verdict, Verdict::Keep);
            event
        })
    };
    let plain = routed(&[]).unwrap();
    assert_eq!((&*plain.topic, plain.timestamp), ("outbox.event.Order", Some(777)));
    assert_eq!(plain.key.value, Value::string("10711fa5"));
    // The document's own text, as MongoDB's driver writes it.
    let payload = "{\"id\": {\"$numberLong\": \"1\"},\"lines\": [{\"item\": \"Debezium in Action\"}]}";
    assert_eq!(plain.value.value, Value::string(payload));
    let header = &plain.headers[0];
    assert_eq!((&*header.name, &header.value.value), ("id", &Value::string("596e275826f08b2730779e1f")));

    let expanded = routed(&[("collection.expand.json.payload", "true"), ("collection.field.event.timestamp", "at")]);
    let expanded = expanded.unwrap();
    assert_eq!(shown(&expanded.value.value), "Struct{id=1,lines=[Struct{item=Debezium in Action}]}");
    assert_eq!(expanded.timestamp, Some(1_556_890_294_344));
    let config = [
        ("collection.field.event.key", "type"),
        ("collection.fields.additional.placement", "type:header:kind"),
        ("route.by.field", "type"),
        ("route.topic.replacement", "events.${routedByValue}"),
    ];
    let other = routed(&config).unwrap();
    assert_eq!((&*other.topic, &other.key.value), ("events.OrderCreated", &Value::string("OrderCreated")));
    assert_eq!(&*other.headers[1].name, "kind");

    let wrong = routed(&[("collection.field.event.timestamp", "type")]).unwrap_err();
    assert!(wrong.to_string().contains("field type is no 64-bit integer"), "{wrong}");
    let missing = routed(&[("collection.field.event.payload", "nothing")]).unwrap_err();
    assert!(missing.to_string().contains("Unable to find payload field nothing"), "{missing}");

    let mut router = make(COLLECTION, &[]);
    for (op, after) in [("d", None), ("u", None), ("u", Some(AFTER))] {
        assert_eq!(router.apply(&mut document(op, after)), Ok(Verdict::Drop), "{op}");
    }
    assert!(router.apply(&mut document("c", Some("{"))).is_err());
    let fatal = make(COLLECTION, &[("collection.op.invalid.behavior", "fatal")]).apply(&mut document("u", Some(AFTER)));
    assert!(fatal.unwrap_err().to_string().starts_with("Unexpected update message received"));
    let mut schemaless = record(Data::schemaless(map(&[("after", Value::string(AFTER))])));
    assert_eq!(router.apply(&mut schemaless), Ok(Verdict::Keep));
    assert!(try_make(COLLECTION, &[("collection.fields.additional.placement", "a")]).is_err());
}
