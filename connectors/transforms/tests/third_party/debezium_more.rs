//! Debezium's transforms that do not take events apart: headers, zones, schemas.

use super::*;

fn with_headers(headers: &[(&str, Value)]) -> ConnectRecord {
    let mut record = event(None, Some(1), "c");
    for (name, value) in headers {
        let schema = Schema::optional(value.kind().unwrap_or(Type::String));
        record.headers.push(Header { name: (*name).into(), value: Data::new(Arc::new(schema), value.clone()) });
    }
    record
}

#[test]
fn headers_become_fields() {
    let class = "io.debezium.transforms.HeaderToValue";
    let config =
        |operation| [("headers", "tenant,trace,none"), ("fields", "tenant,after.trace,x"), ("operation", operation)];
    let mut transform = make(class, &config("move"));
    let mut moved = with_headers(&[("tenant", Value::string("t")), ("trace", Value::Int64(7)), ("other", Value::Null)]);
    transform.apply(&mut moved).unwrap();
    let text = shown(&moved.value.value);
    assert!(text.contains("after=Struct{id=1,name=other,trace=7}") && text.ends_with("tenant=t}"), "{text}");
    let names: Vec<_> = moved.headers.iter().map(|header| &*header.name).collect();
    assert_eq!(names, ["other"]);
    let schema = moved.value.schema.as_ref().unwrap();
    assert_eq!(schema.name.as_deref(), Some("server1.public.orders.Envelope"));
    assert!(schema.fields[1].schema.optional, "the row may still be missing");
    let Value::Struct(value) = &moved.value.value else { panic!("a struct") };
    let Some(Value::Struct(after)) = value.get("after") else { panic!("a row") };
    assert_eq!(after.schema, schema.fields[1].schema);

    // Of the same schema with other headers.
    let mut fewer = with_headers(&[("tenant", Value::Int64(1))]);
    transform.apply(&mut fewer).unwrap();
    assert!(shown(&fewer.value.value).ends_with("op=c,tenant=1}"), "{fewer:?}");
    let mut without = with_headers(&[("other", Value::Null)]);
    let unchanged = without.clone();
    transform.apply(&mut without).unwrap();
    assert_eq!(without, unchanged);

    let mut copied = with_headers(&[("tenant", Value::string("t"))]);
    make(class, &config("copy")).apply(&mut copied).unwrap();
    assert_eq!(copied.headers.len(), 1);
    assert_eq!(make(class, &config("copy")).apply(&mut record(Data::NULL)), Ok(Verdict::Keep), "a tombstone");

    let mut closed = with_headers(&[("tenant", Value::string("t"))]);
    let way = [("headers", "tenant"), ("fields", "op.tenant"), ("operation", "move")];
    let error = make(class, &way).apply(&mut closed).unwrap_err();
    assert!(error.to_string().contains("Nested field"), "{error}");
    assert_eq!(closed.headers.len(), 1, "what has no place stays");

    let mut twice = with_headers(&[("tenant", Value::string("a")), ("tenant", Value::string("b"))]);
    assert!(make(class, &config("move")).apply(&mut twice).unwrap_err().to_string().contains("Duplicate key tenant"));
    let mut plain = record(Data::schemaless(map(&[])));
    plain.headers = with_headers(&[("tenant", Value::Null)]).headers;
    let error = make(class, &config("move")).apply(&mut plain).unwrap_err();
    assert!(error.to_string().contains("Only Struct objects supported for [Header field insertion]"), "{error}");
    for wrong in [
        &[("headers", "a,b"), ("fields", "a"), ("operation", "move")][..],
        &[("headers", "a"), ("fields", "a"), ("operation", "take")],
        &[("headers", "a b"), ("fields", "a"), ("operation", "move")],
        &[("fields", "a"), ("operation", "move")],
    ] {
        assert!(try_make(class, wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn headers_tell_what_an_update_changed() {
    let class = "io.debezium.transforms.ExtractChangedRecordState";
    let config = [("header.changed.name", "Changed"), ("header.unchanged.name", "Unchanged")];
    let mut updated = event(Some(1), Some(2), "u");
    make(class, &config).apply(&mut updated).unwrap();
    let headers: Vec<_> = updated.headers.iter().map(|one| (&*one.name, shown(&one.value.value))).collect();
    assert_eq!(headers, [("Changed", "[id]".to_owned()), ("Unchanged", "[name]".to_owned())]);
    let schema = updated.headers[0].value.schema.as_ref().unwrap();
    assert_eq!((schema.name.as_deref(), schema.optional, schema.kind), (Some("Changed"), true, Type::Array));
    for mut other in [event(None, Some(1), "c"), event(Some(1), None, "d"), record(Data::NULL)] {
        make(class, &config).apply(&mut other).unwrap();
        assert!(other.headers.is_empty());
    }
    let mut silent = event(Some(1), Some(2), "u");
    make(class, &[("header.changed.name", " ")]).apply(&mut silent).unwrap();
    assert!(silent.headers.is_empty());
}

#[test]
fn events_of_schema_changes_are_filtered_by_kind() {
    let class = "io.debezium.transforms.SchemaChangeEventFilter";
    let key = "schema.change.event.exclude.list";
    let change = |kinds: &[&str]| {
        let made =
            |kind: &str| structure("Change", false, vec![("type", Schema::new(Type::String), Value::string(kind))]);
        let element = Arc::new(made("").0);
        let list = Value::Array(kinds.iter().map(|kind| made(kind).1).collect());
        let name = "io.debezium.connector.mysql.SchemaChangeValue";
        let (schema, value) = structure(name, false, vec![("tableChanges", Schema::array(element), list)]);
        record(Data::new(Arc::new(schema), value))
    };
    let mut filter = make(class, &[(key, "DROP,DATABASE")]);
    assert_eq!(filter.apply(&mut change(&["CREATE", "DROP"])), Ok(Verdict::Keep));
    assert_eq!(filter.apply(&mut change(&["DROP"])), Ok(Verdict::Drop));
    assert_eq!(filter.apply(&mut change(&[])), Ok(Verdict::Drop), "a change of the database itself");
    assert!(filter.apply(&mut change(&["x"])).is_err());
    assert_eq!(filter.apply(&mut event(None, Some(1), "c")), Ok(Verdict::Keep));
    assert_eq!(filter.apply(&mut record(Data::NULL)), Ok(Verdict::Keep));
    assert!(try_make(class, &[(key, "DROP,RENAME")]).err().unwrap().to_string().contains("RENAME is none of"));
    assert!(try_make(class, &[]).is_err());
}

const ZONES: &str = "io.debezium.transforms.TimezoneConverter";

/// An event with a time of each kind, all 2020-01-01T11:55:30 UTC.
fn timed() -> ConnectRecord {
    const SECONDS: i64 = 1_577_879_730;
    let named = |kind, name: &str| Schema { optional: true, ..Schema::new(kind).named(name) };
    let text = "2020-01-01T11:55:30.5Z";
    let (row_schema, row) = structure(
        "row",
        true,
        vec![
            ("zoned", named(Type::String, "io.debezium.time.ZonedTimestamp"), Value::string(text)),
            ("millis", named(Type::Int64, "io.debezium.time.Timestamp"), Value::Int64(SECONDS * 1000)),
            ("micros", named(Type::Int64, "io.debezium.time.MicroTimestamp"), Value::Int64(SECONDS * 1_000_000 + 7)),
            ("nanos", named(Type::Int64, "io.debezium.time.NanoTimestamp"), Value::Int64(SECONDS * 1_000_000_000 + 7)),
            ("connect", named(Type::Int64, longshore_api::schema::logical::TIMESTAMP), Value::Date(SECONDS * 1000)),
            ("date", named(Type::Int32, "io.debezium.time.Date"), Value::Int32(18_262)),
            ("null", named(Type::Int64, "io.debezium.time.Timestamp"), Value::Null),
        ],
    );
    let (source_schema, source) = structure(
        "source",
        false,
        vec![
            ("table", Schema::new(Type::String), Value::string("orders")),
            ("at", named(Type::Int64, "io.debezium.time.Timestamp"), Value::Int64(0)),
        ],
    );
    let fields = vec![
        ("before", row_schema.clone(), Value::Null),
        ("after", row_schema, row),
        ("source", source_schema, source),
    ];
    let (schema, value) = structure("x.Envelope", false, fields);
    record(Data::new(Arc::new(schema), value))
}

/// What became of the fields.
fn converted(config: &[(&str, &str)]) -> String {
    let mut event = timed();
    make(ZONES, config).apply(&mut event).unwrap();
    let Value::Struct(value) = &event.value.value else { panic!("a struct") };
    let before = timed();
    let Value::Struct(old) = &before.value.value else { panic!("a struct") };
    let mut changed = Vec::new();
    for part in ["after", "source"] {
        let (Some(Value::Struct(now)), Some(Value::Struct(then))) = (value.get(part), old.get(part)) else { continue };
        for (field, (now, then)) in now.schema.fields.iter().zip(now.values.iter().zip(&then.values)) {
            if now != then {
                changed.push(format!("{}={}", field.name, shown(now)));
            }
        }
    }
    changed.join(" ")
}

#[test]
fn times_are_converted_to_a_zone() {
    let zone = ("converted.timezone", "America/New_York");
    // As Debezium does it: numbers are taken for local times of the zone, texts keep their moment.
    let all = "zoned=2020-01-01T06:55:30.5-05:00 millis=1577897730000 micros=1577897730000007 \
               nanos=1577897730000000007 connect=";
    let of_all = converted(&[zone]);
    assert!(of_all.starts_with(all) && !of_all.contains("date=") && !of_all.contains("at="), "{of_all}");
    assert_eq!(converted(&[zone, ("include.list", "source:orders:millis")]), "millis=1577897730000");
    assert_eq!(
        converted(&[("converted.timezone", "-05:00"), ("include.list", "orders:millis")]),
        "millis=1577897730000"
    );
    assert_eq!(converted(&[zone, ("include.list", "topic:server1.public.orders:millis")]), "millis=1577897730000");
    assert_eq!(converted(&[zone, ("include.list", "source:orders:after.millis")]), "millis=1577897730000");
    assert_eq!(converted(&[zone, ("include.list", "source:orders:before.millis")]), "");
    assert_eq!(converted(&[zone, ("include.list", "source:orders:source.at")]), "at=18000000");
    assert_eq!(converted(&[zone, ("include.list", "source:other")]), "");
    assert_eq!(converted(&[zone, ("include.list", "source:other:a,orders:millis")]), "millis=1577897730000");
    assert_eq!(converted(&[zone, ("exclude.list", "source:orders")]), "");
    assert_eq!(converted(&[zone, ("exclude.list", "source:other")]), of_all);
    let but = converted(&[zone, ("exclude.list", "source:orders:millis")]);
    assert!(but.starts_with("zoned=") && !but.contains("millis="), "{but}");

    let mut plain = record(Data::schemaless(map(&[])));
    assert_eq!(make(ZONES, &[zone]).apply(&mut plain), Ok(Verdict::Keep));
    let mut bad = timed();
    if let Value::Struct(event) = &mut bad.value.value
        && let Value::Struct(row) = &mut event.values[1]
    {
        row.values[0] = Value::string("yesterday");
    }
    let error = make(ZONES, &[zone]).apply(&mut bad).unwrap_err();
    assert!(error.to_string().contains("after.zoned of type io.debezium.time.ZonedTimestamp"), "{error}");
    for wrong in [
        &[][..],
        &[("converted.timezone", "Mars/Olympus")],
        &[zone, ("include.list", "a:b"), ("exclude.list", "a:b")],
        &[zone, ("include.list", "orders")],
        &[zone, ("exclude.list", "a:b:c:d")],
    ] {
        assert!(try_make(ZONES, wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn the_schema_of_the_table_is_added() {
    let class = "io.debezium.transforms.ExtractSchemaToNewRecord";
    let noted = |length: &str| {
        let mut id = Schema::new(Type::Int32);
        for (name, value) in [("name", "ID"), ("type", "INT"), ("length", length), ("comment", "the key")] {
            id.parameters.insert(format!("__debezium.source.column.{name}"), value.to_owned());
        }
        let (row_schema, row) = structure("row", true, vec![("id", id, Value::Int32(1))]);
        let (source_schema, source) =
            structure("source", false, vec![("table", Schema::new(Type::String), Value::string("orders"))]);
        let fields = vec![
            ("before", row_schema.clone(), Value::Null),
            ("after", row_schema, row),
            ("source", source_schema, source),
        ];
        let (schema, value) = structure("x.Envelope", false, fields);
        record(Data::new(Arc::new(schema), value))
    };
    let mut added = noted("11");
    make(class, &[]).apply(&mut added).unwrap();
    let block = "sourceSchema=Struct{id=orders,table=Struct{columns=[Struct{name=ID,typeName=INT,length=11,comment=the key}]}}}";
    assert!(shown(&added.value.value).ends_with(block), "{}", shown(&added.value.value));
    let schema = &added.value.schema.as_ref().unwrap();
    assert_eq!(schema.fields[3].schema.name.as_deref(), Some("io.debezium.connector.source.Schema"));
    assert!(longshore_formats::validate::value(schema, &added.value.value).is_ok());

    assert!(make(class, &[]).apply(&mut noted("x")).unwrap_err().to_string().contains("length of column id"));
    let error = make(class, &[]).apply(&mut event(None, Some(1), "c")).unwrap_err();
    assert!(error.to_string().contains("column.propagate.source.type"), "{error}");
    for mut other in [event(None, None, "t"), record(Data::NULL), record(Data::schemaless(map(&[])))] {
        let unchanged = other.clone();
        assert_eq!(make(class, &[]).apply(&mut other), Ok(Verdict::Keep));
        assert_eq!(other, unchanged);
    }
}

#[test]
fn topics_and_fields_are_named_as_tables_and_columns() {
    let topic = |config: &[(&str, &str)], name: &str| {
        let mut named = record(Data::NULL);
        named.topic = name.into();
        let class = "io.debezium.connector.jdbc.transforms.CollectionNameTransformation";
        make(class, config).apply(&mut named).unwrap();
        named.topic.to_string()
    };
    let style = "collection.naming.style";
    // The words of Debezium's own tests.
    for (config, name, expected) in [
        ([(style, "snake_case")], "camelCaseName", "camel_case_name"),
        ([(style, "snake_case")], "NameWithNumbers123", "name_with_numbers_123"),
        ([(style, "SNAKE_CASE")], "123NumbersExample", "123_numbers_example"),
        ([(style, "snake_case")], "s.t", "s_t"),
        ([(style, "camel_case")], "name_with_numbers_123", "nameWithNumbers123"),
        ([(style, "camel_case")], "s.MY__table", "sMyTable"),
        ([(style, "UPPER_CASE")], "camelCaseName", "CAMELCASENAME"),
        ([(style, "lower_case")], "NAME", "name"),
        ([(style, "default")], "asItIs", "asItIs"),
    ] {
        assert_eq!(topic(&config, name), expected);
    }
    let around = [("collection.naming.prefix", "a_"), ("collection.naming.suffix", "_z")];
    assert_eq!(topic(&around, "t"), "a_t_z");

    let class = "io.debezium.connector.jdbc.transforms.FieldNameTransformation";
    assert!(try_make(class, &[("column.naming.style", "kebab")]).is_err());
    let mut fields = make(class, &[("column.naming.style", "UPPER_CASE"), ("column.naming.suffix", "_")]);
    let (schema, key) = structure("k", false, vec![("id", Schema::new(Type::Int32), Value::Int32(1))]);
    let mut updated = ConnectRecord { key: Data::new(Arc::new(schema), key), ..event(Some(1), Some(2), "u") };
    fields.apply(&mut updated).unwrap();
    assert_eq!(shown(&updated.key.value), "Struct{ID_=1}");
    let text = shown(&updated.value.value);
    assert!(
        text.starts_with("Struct{before=Struct{ID_=1,NAME_=other},after=Struct{ID_=2,NAME_=other},source="),
        "{text}"
    );
    let schema = updated.value.schema.unwrap();
    assert!(longshore_formats::validate::value(&schema, &updated.value.value).is_ok());
    assert_eq!(schema.fields[0].schema.name.as_deref(), Some("server1.public.orders.Value"));
    let (schema, value) = row(1, "x");
    let mut plain = record(Data::new(Arc::new(schema), value));
    fields.apply(&mut plain).unwrap();
    assert_eq!(shown(&plain.value.value), "Struct{ID_=1,NAME_=x}");
    for mut other in [record(Data::NULL), record(Data::schemaless(map(&[("id", Value::Int64(1))])))] {
        let unchanged = other.clone();
        fields.apply(&mut other).unwrap();
        assert_eq!(other, unchanged);
    }
    let (schema, value) = structure(
        "row",
        false,
        vec![("a", Schema::new(Type::Int32), Value::Int32(1)), ("A", Schema::new(Type::Int32), Value::Int32(2))],
    );
    let error = fields.apply(&mut record(Data::new(Arc::new(schema), value))).unwrap_err();
    assert!(error.to_string().contains("field name duplication A_"), "{error}");
}
