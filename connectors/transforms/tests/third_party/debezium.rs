//! Debezium's transforms of change events.

use super::*;

#[test]
fn a_change_event_gives_its_row() {
    let mut unwrap = make(UNWRAP, &[]);
    let mut created = event(None, Some(1), "c");
    assert_eq!(unwrap.apply(&mut created), Ok(Verdict::Keep));
    assert_eq!(shown(&created.value.value), "Struct{id=1,name=other}");
    assert!(created.value.schema.unwrap().optional);

    let mut deleted = event(Some(1), None, "d");
    assert_eq!(unwrap.apply(&mut deleted), Ok(Verdict::Keep));
    assert!(deleted.value.value.is_null() && deleted.value.schema.is_some());
    assert_eq!(unwrap.apply(&mut record(Data::NULL)), Ok(Verdict::Drop), "a tombstone");
    assert_eq!(unwrap.apply(&mut event(None, None, "t")), Ok(Verdict::Drop), "a truncation");

    // What is no event passes, and without a schema nothing is one.
    let mut other = record(Data::schemaless(map(&[("after", Value::Int32(1))])));
    let unchanged = other.clone();
    assert_eq!(unwrap.apply(&mut other), Ok(Verdict::Keep));
    assert_eq!(other, unchanged);
}

#[test]
fn deletions_are_handled_as_the_mode_says() {
    for (config, deletion, tombstone) in [
        (&[("delete.tombstone.handling.mode", "drop")][..], None, None),
        (&[("delete.tombstone.handling.mode", "rewrite")], Some("Struct{id=1,name=other,__deleted=true}"), None),
        (
            &[("delete.tombstone.handling.mode", "rewrite-with-tombstone")],
            Some("Struct{id=1,name=other,__deleted=true}"),
            Some("null"),
        ),
        (&[("delete.tombstone.handling.mode", "delete-to-tombstone")], Some("null"), None),
        (&[("drop.tombstones", "false")], None, Some("null")),
        (&[("drop.tombstones", "false"), ("delete.handling.mode", "none")], Some("null"), Some("null")),
        (&[("delete.handling.mode", "rewrite")], Some("Struct{id=1,name=other,__deleted=true}"), None),
    ] {
        let mut unwrap = make(UNWRAP, config);
        let mut outcome = |mut record: ConnectRecord| match unwrap.apply(&mut record).unwrap() {
            Verdict::Keep => Some(shown(&record.value.value)),
            Verdict::Drop => None,
        };
        assert_eq!(outcome(event(Some(1), None, "d")).as_deref(), deletion, "{config:?}");
        assert_eq!(outcome(record(Data::NULL)).as_deref(), tombstone, "{config:?}");
    }
    for config in [&[("delete.handling.mode", "some")][..], &[("add.fields", "a:b:c")]] {
        assert_eq!(try_make(UNWRAP, config).err().unwrap().kind, ErrorKind::Config);
    }
}

#[test]
fn fields_of_the_event_are_added_to_row_and_headers() {
    let config = [
        ("delete.tombstone.handling.mode", "rewrite"),
        ("add.fields", "op,table,source.ts_ms,source.table:origin,missing"),
        ("add.headers", "op,source.table"),
        ("add.headers.prefix", "h_"),
    ];
    let mut created = event(None, Some(1), "c");
    make(UNWRAP, &config).apply(&mut created).unwrap();
    let row = "Struct{id=1,name=other,__deleted=false,__op=c,__table=orders,__source_ts_ms=5,__origin=orders}";
    assert_eq!(shown(&created.value.value), row);
    let headers: Vec<_> = created.headers.iter().map(|one| (&*one.name, shown(&one.value.value))).collect();
    assert_eq!(headers, [("h_op", "c".to_owned()), ("h_source_table", "orders".to_owned())]);
}

#[test]
fn a_struct_of_the_event_is_added_as_one_that_may_be_missing() {
    let mut created = event(None, Some(1), "c");
    make(UNWRAP, &[("add.fields", "source")]).apply(&mut created).unwrap();
    let Value::Struct(row) = created.value.value else { panic!("no row") };
    let added = row.schema.field_index("__source").unwrap();
    let Value::Struct(source) = &row.values[added] else { panic!("no source in {row:?}") };
    assert!(source.schema.optional);
    assert_eq!(source.schema, row.schema.fields[added].schema);
}

#[test]
fn a_column_routes_and_a_header_names_what_is_left_out() {
    let mut routed = event(None, Some(1), "c");
    let names = Value::Array(vec![Value::string("name"), Value::string("id")]);
    routed.headers.push(Header { name: "drop".into(), value: Data::schemaless(names) });
    make(UNWRAP, &[("route.by.field", "name"), ("drop.fields.header.name", "drop")]).apply(&mut routed).unwrap();
    assert_eq!(&*routed.topic, "other");
    // `id` is required, so leaving it out would break who reads by the schema.
    assert_eq!(shown(&routed.value.value), "Struct{id=1}");
    let error = make(UNWRAP, &[("route.by.field", "id")]).apply(&mut event(None, Some(1), "c")).unwrap_err();
    assert!(error.to_string().contains("field id"), "{error}");
}

#[test]
fn events_of_many_tables_go_to_one_topic_and_are_told_apart_by_their_keys() {
    let mut router = make(
        "io.debezium.transforms.ByLogicalTableRouter",
        &[
            ("topic.regex", "(.*)\\.public\\.(.*)"),
            ("topic.replacement", "all.$2"),
            ("key.field.name", "shard"),
            ("key.field.regex", "(.*?)\\..*"),
            ("key.field.replacement", "$1"),
        ],
    );
    let mut record = event(None, Some(1), "c");
    let (schema, key) = structure("k", false, vec![("id", Schema::new(Type::Int32), Value::Int32(1))]);
    record.key = Data::new(Arc::new(schema), key);
    router.apply(&mut record).unwrap();
    assert_eq!(&*record.topic, "all.orders");
    assert_eq!(shown(&record.key.value), "Struct{id=1,shard=server1}");
    assert_eq!(record.key.schema.unwrap().name.as_deref(), Some("all.orders.Key"));
    let schema = record.value.schema.unwrap();
    assert_eq!(schema.name.as_deref(), Some("all.orders.Envelope"));
    assert_eq!(schema.fields[1].schema.name.as_deref(), Some("all.orders.Value"));
    let config = [("topic.regex", "a"), ("topic.replacement", "b"), ("key.field.regex", "c")];
    assert!(try_make("io.debezium.transforms.ByLogicalTableRouter", &config).is_err());
}

#[test]
fn conditions_of_groovy_and_javascript_filter_and_route() {
    let filter = "io.debezium.transforms.Filter";
    for (language, condition) in [
        ("jsr223.groovy", "value.op == 'c' && value.after.name.startsWith('oth') && topic ==~ /.*orders/"),
        ("jsr223.graal.js", "value.op === 'c' && value.after.name.length > 3"),
        (
            "jsr223.groovy",
            "valueSchema.name().endsWith('.Envelope') && valueSchema.field('before') != null && value.before == null",
        ),
        ("jsr223.graal.js", "value.source.table == 'orders' && !value.before"),
    ] {
        let mut made = make(filter, &[("language", language), ("condition", condition)]);
        assert_eq!(made.apply(&mut event(None, Some(1), "c")), Ok(Verdict::Keep), "{condition}");
        assert_eq!(made.apply(&mut event(Some(1), Some(2), "u")), Ok(Verdict::Drop), "{condition}");
        assert_eq!(made.apply(&mut record(Data::NULL)), Ok(Verdict::Keep), "a tombstone");
    }
    let config = [("language", "jsr223.groovy"), ("condition", "value.op == 'c'")];
    let mut drops = make(filter, &[&config[..], &[("null.handling.mode", "drop")]].concat());
    assert_eq!(drops.apply(&mut record(Data::NULL)), Ok(Verdict::Drop));
    let mut elsewhere = make(filter, &[&config[..], &[("topic.regex", "other.*")]].concat());
    assert_eq!(elsewhere.apply(&mut event(None, None, "d")), Ok(Verdict::Keep));
    let error =
        make(filter, &[config[0], ("condition", "value.nothing")]).apply(&mut event(None, None, "d")).unwrap_err();
    assert_eq!(error.to_string(), "condition: there is no nothing at character 7");

    let router = "io.debezium.transforms.ContentBasedRouter";
    let config = [("language", "jsr223.groovy"), ("topic.expression", "value.op == 'u' ? 'updates' : null")];
    let mut routed = event(Some(1), Some(1), "u");
    make(router, &config).apply(&mut routed).unwrap();
    assert_eq!(&*routed.topic, "updates");
    let mut other = event(None, Some(1), "c");
    make(router, &config).apply(&mut other).unwrap();
    assert_eq!(&*other.topic, "server1.public.orders");

    for (config, wrong) in [
        ([("language", "jsr223.groovy"), ("condition", "value.a.each { it }")], "condition"),
        ([("language", "jsr223.groovy"), ("condition", "new Date()")], "longshore.transforms.Expression"),
        ([("language", "wasm.chicory"), ("condition", "x.wasm")], "language"),
        ([("language", "groovy"), ("condition", "true")], "language"),
        ([("language", "jsr223.python"), ("condition", "True")], "language"),
    ] {
        let error = try_make(filter, &config).err().unwrap();
        assert!(error.kind == ErrorKind::Config && error.to_string().contains(wrong), "{error}");
    }
}

#[test]
fn fields_of_an_event_choose_the_partition() {
    let class = "io.debezium.transforms.partitions.PartitionRouting";
    let partition = |fields: &str, mut event: ConnectRecord| {
        let config = [("partition.payload.fields", fields), ("partition.topic.num", "10")];
        make(class, &config).apply(&mut event).map(|_| event.partition)
    };
    // "orders".hashCode() is -1008770331 in Java.
    let expected = (-1_008_770_331_i32 & i32::MAX) % 10;
    assert_eq!(partition("source.table", event(None, Some(1), "c")), Ok(Some(expected)));
    assert_eq!(partition("change.id", event(None, Some(13), "c")), Ok(Some(3)));
    assert_eq!(partition("change.id,after.id", event(Some(14), None, "d")), Ok(Some(4)));
    assert_eq!(partition("after.id,source.ts_ms", event(None, Some(13), "c")), Ok(Some(8)));
    assert_eq!(partition("nothing,after.nothing", event(None, Some(13), "c")), Ok(Some(0)), "left as it is");
    assert!(partition("after", event(None, Some(13), "c")).is_err());
    assert!(try_make(class, &[("partition.payload.fields", "a"), ("partition.topic.num", "0")]).is_err());
}

#[test]
fn the_hash_of_a_partition_is_javas_or_murmurs() {
    let class = "io.debezium.transforms.partitions.PartitionRouting";
    let bought = || {
        let (schema, row) = structure(
            "s.products.Value",
            true,
            vec![
                ("id", Schema::new(Type::Int64), Value::Int64(1)),
                ("product", Schema::new(Type::String), Value::string("orange")),
            ],
        );
        let fields = vec![("after", schema, row), ("op", Schema::new(Type::String), Value::string("c"))];
        let (schema, value) = structure("s.products.Envelope", false, fields);
        record(Data::new(Arc::new(schema), value))
    };
    // Debezium's own tests have these numbers; what is neither word means java there.
    for (function, partition) in [("java", 39), ("Murmur ", 65), ("other", 39)] {
        let config = [
            ("partition.payload.fields", "change.id, change.product"),
            ("partition.topic.num", "100"),
            ("partition.hash.function", function),
        ];
        let mut event = bought();
        make(class, &config).apply(&mut event).unwrap();
        assert_eq!(event.partition, Some(partition), "{function}");
    }
}

#[test]
fn rows_of_a_snapshot_become_inserted_ones() {
    let mut transform = make("io.debezium.connector.mysql.transforms.ReadToInsertEvent", &[]);
    for (op, expected) in [("r", "op=c"), ("u", "op=u"), ("d", "op=d")] {
        let mut event = event(None, Some(1), op);
        transform.apply(&mut event).unwrap();
        assert!(shown(&event.value.value).ends_with(&format!("{expected}}}")), "{event:?}");
    }
    for mut other in [record(Data::NULL), record(Data::schemaless(map(&[("op", Value::string("r"))])))] {
        let unchanged = other.clone();
        transform.apply(&mut other).unwrap();
        assert_eq!(other, unchanged);
    }
}

#[test]
fn vectors_become_json() {
    let class = "io.debezium.transforms.VectorToJsonConverter";
    let named = |schema: Schema, name: &str| Schema { version: Some(1), optional: true, ..schema.named(name) };
    let doubles = || named(Schema::array(Arc::new(Schema::new(Type::Float64))), "io.debezium.data.DoubleVector");
    let floats = || named(Schema::array(Arc::new(Schema::new(Type::Float32))), "io.debezium.data.FloatVector");
    let numbers = Schema::map(Arc::new(Schema::new(Type::Int16)), Arc::new(Schema::new(Type::Float64)));
    let places = [(12, 2.5), (3, 1e10)].map(|(place, number)| (Value::Int16(place), Value::Float64(number)));
    let sparse = |places: Vec<(Value, Value)>| {
        let fields = vec![
            ("dimensions", Schema::new(Type::Int16), Value::Int16(25)),
            ("vector", numbers.clone(), Value::Map(Map::from_distinct(places))),
        ];
        let (schema, value) = structure("io.debezium.data.SparseDoubleVector", true, fields);
        (schema, value)
    };
    let (sparse_schema, sparse_value) = sparse(places.to_vec());
    let row = structure(
        "s.docs.Value",
        true,
        vec![
            ("id", Schema::new(Type::Int32), Value::Int32(1)),
            ("d", doubles(), Value::Array(vec![Value::Float64(1.0), Value::Float64(-0.25)])),
            ("f", floats(), Value::Array(vec![Value::Float32(0.1)])),
            ("none", doubles(), Value::Null),
            ("s", sparse_schema, sparse_value),
        ],
    );
    let fields = vec![("before", row.0.clone(), Value::Null), ("after", row.0, row.1)];
    let (schema, value) = structure("s.docs.Envelope", false, fields);
    let mut event = record(Data::new(Arc::new(schema), value));
    make(class, &[]).apply(&mut event).unwrap();
    assert_eq!(
        shown(&event.value.value),
        "Struct{after=Struct{id=1,d={ \"values\": [1.0, -0.25] },f={ \"values\": [0.1] },s={ \"dimensions\": 25, \
         \"vector\": { \"3\": 1.0E10, \"12\": 2.5 } }}}"
    );
    let schema = event.value.schema.unwrap();
    assert!(longshore_formats::validate::value(&schema, &event.value.value).is_ok());
    let vector = &schema.fields[0].schema.fields[1].schema;
    assert_eq!(
        (vector.name.as_deref(), vector.version, vector.optional),
        (Some("io.debezium.data.Json"), Some(1), true)
    );

    assert_eq!(make(class, &[]).apply(&mut record(Data::NULL)), Ok(Verdict::Keep), "a tombstone");
    let error = make(class, &[]).apply(&mut record(Data::schemaless(map(&[])))).unwrap_err();
    assert!(error.to_string().contains("Value should be a struct"), "{error}");
    let (schema, value) = sparse(vec![(Value::string("x"), Value::Float64(1.0))]);
    let (schema, value) = structure("row", false, vec![("s", schema, value)]);
    let error = make(class, &[]).apply(&mut record(Data::new(Arc::new(schema), value))).unwrap_err();
    assert!(
        error.to_string().starts_with("field s of type io.debezium.data.SparseDoubleVector has no places"),
        "{error}"
    );
}
