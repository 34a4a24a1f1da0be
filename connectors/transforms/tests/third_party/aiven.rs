//! Aiven's transforms.

use super::*;

#[test]
fn aivens_transforms_work() {
    let aiven = |name: &str| format!("io.aiven.kafka.connect.transforms.{name}");
    let value =
        map(&[("at", Value::Int64(42)), ("n", Value::Int32(7)), ("none", Value::Null), ("list", Value::Array(vec![]))]);
    let plain = || record(Data::schemaless(value.clone()));

    let mut timed = plain();
    let config = [("field.name", "at"), ("timestamp.resolution", "seconds")];
    make(&aiven("ExtractTimestamp$Value"), &config).apply(&mut timed).unwrap();
    assert_eq!(timed.timestamp, Some(42_000));
    let error = make(&aiven("ExtractTimestamp$Value"), &[("field.name", "n")]).apply(&mut plain()).unwrap_err();
    assert!(error.to_string().contains("n field must be INT64"), "{error}");
    assert!(try_make(&aiven("ExtractTimestamp$Value"), &[("field.name", "")]).is_err());

    let topic = |config: &[(&str, &str)]| {
        let mut routed = plain();
        make(&aiven("ExtractTopic$Value"), config).apply(&mut routed).map(|_| routed.topic.to_string())
    };
    assert_eq!(topic(&[("field.name", "n")]).unwrap(), "7");
    assert_eq!(topic(&[("field.name", "none"), ("skip.missing.or.null", "true")]).unwrap(), "server1.public.orders");
    assert_eq!(topic(&[("field.name", "none")]).unwrap_err().to_string(), "none can't be null");
    assert!(topic(&[("field.name", "list")]).unwrap_err().to_string().contains("java.util.ArrayList"));

    let mut emptied = event(None, Some(1), "c");
    make(&aiven("MakeTombstone"), &[]).apply(&mut emptied).unwrap();
    assert_eq!(emptied.value, Data::NULL);
    let drops = make(&aiven("TombstoneHandler"), &[("behavior", "drop_warn")]).apply(&mut record(Data::NULL));
    assert_eq!(drops, Ok(Verdict::Drop));
    assert!(make(&aiven("TombstoneHandler"), &[("behavior", "fail")]).apply(&mut record(Data::NULL)).is_err());
    assert!(try_make(&aiven("TombstoneHandler"), &[]).is_err());
}

fn aiven(name: &str) -> String {
    format!("io.aiven.kafka.connect.transforms.{name}")
}

#[test]
fn texts_are_hashed() {
    let class = aiven("Hash$Value");
    let text = |schema: Schema, value| record(Data::new(Arc::new(schema), value));
    for (function, digest) in [
        ("md5", "fc3ff98e8c6a0d3087d515c0473f8677"),
        ("sha1", "430ce34d020724ed75a196dfc2ad67c77772d169"),
        ("sha256", "7509e5bda0c762d2bac7f90d758b5b2263fa01ccbc542ab5e3df163be08e6ca9"),
    ] {
        let mut whole = text(Schema::new(Type::String), Value::string("hello world!"));
        make(&class, &[("function", function)]).apply(&mut whole).unwrap();
        assert_eq!(shown(&whole.value.value), digest);
    }
    let mut changed = event(None, Some(1), "c");
    make(&class, &[("function", "md5"), ("field.name", "after.name")]).apply(&mut changed).unwrap();
    // The md5 of "other".
    assert!(shown(&changed.value.value).contains("name=795f3202b17cb6bc3d4b771d8c6c9eaf"), "{changed:?}");

    let config = |field| [("function", "md5"), ("field.name", field), ("skip.missing.or.null", "true")];
    let unchanged = event(None, Some(1), "c");
    let mut skipped = unchanged.clone();
    make(&class, &config("nothing")).apply(&mut skipped).unwrap();
    assert_eq!(skipped, unchanged);
    for (field, what) in
        [("nothing", "nothing in value schema can't be missing"), ("op2", "op2"), ("after.id", "must be STRING")]
    {
        let error = make(&class, &[("function", "md5"), ("field.name", field)]).apply(&mut event(None, Some(1), "c"));
        assert!(error.unwrap_err().to_string().contains(what), "{field}");
    }
    let schemaless = make(&class, &[("function", "md5")]).apply(&mut record(Data::schemaless(Value::string("x"))));
    assert!(schemaless.unwrap_err().to_string().contains("schema can't be null"));
    assert!(try_make(&class, &[("function", "crc32")]).is_err());
}

#[test]
fn fields_are_joined() {
    let class = aiven("ConcatFields$Value");
    let config = [
        ("field.names", "op,after.id,none,before"),
        ("output.field.name", "all"),
        ("delimiter", "-"),
        ("field.replace.missing", "*"),
    ];
    let mut joined = event(None, Some(7), "c");
    make(&class, &config).apply(&mut joined).unwrap();
    let Value::Struct(value) = &joined.value.value else { panic!("a struct") };
    assert_eq!(value.get("all"), Some(&Value::string("c-7-*-*")));
    assert_eq!(joined.value.schema.as_deref().and_then(|schema| schema.name.as_deref()), None, "as in Java");

    let mut plain =
        record(Data::schemaless(map(&[("op", Value::Int64(5)), ("after", map(&[("id", Value::Boolean(true))]))])));
    make(&class, &config).apply(&mut plain).unwrap();
    assert!(shown(&plain.value.value).ends_with("all=5-true-*-*}"), "{plain:?}");
    for bad in [Data::NULL, Data::schemaless(Value::Int64(1))] {
        assert!(make(&class, &config).apply(&mut record(bad)).is_err());
    }
    assert!(try_make(&class, &[("field.names", "a"), ("output.field.name", "")]).is_err());
}

#[test]
fn a_field_that_is_null_has_its_default() {
    let currency = Schema { default: Some(Value::string("EUR")), ..Schema::optional(Type::String) };
    let schema = Arc::new(Schema::structure(vec![
        Field::new("amount", Schema::new(Type::Int32)),
        Field::new("currency", currency),
    ]));
    let price = || {
        let values = vec![Value::Int32(5), Value::Null];
        record(Data::new(Arc::clone(&schema), Value::Struct(Struct { schema: Arc::clone(&schema), values })))
    };
    let after = |class: &str, config: &[(&str, &str)]| {
        let mut price = price();
        let verdict = make(&aiven(class), config).apply(&mut price).unwrap();
        (verdict, shown(&price.value.value))
    };
    let join = [("field.names", "amount,currency"), ("output.field.name", "all"), ("delimiter", "-")];
    assert_eq!(after("ConcatFields$Value", &join).1, "Struct{amount=5,currency=EUR,all=5-EUR}");
    let hash = [("function", "md5"), ("field.name", "currency"), ("skip.missing.or.null", "true")];
    let (_, hashed) = after("Hash$Value", &hash);
    assert_eq!(hashed, "Struct{amount=5,currency=a055562bdb59ad8ba9cc680367308118}");
    let filter = [("field.name", "currency"), ("field.value", "EUR")];
    assert_eq!(after("FilterByFieldValue$Value", &filter).0, Verdict::Keep);
}

#[test]
fn a_fields_value_filters() {
    let class = aiven("FilterByFieldValue$Value");
    let kept = |config: &[(&str, &str)], value: Value| {
        make(&class, config).apply(&mut record(Data::schemaless(value))).map(|verdict| verdict == Verdict::Keep)
    };
    let of = |value: Value| map(&[("a", value.clone()), ("in", map(&[("a", value)]))]);
    let text = |text: &str| of(Value::string(text));
    assert_eq!(kept(&[("field.name", "a"), ("field.value", "yes")], text("yes")), Ok(true));
    assert_eq!(kept(&[("field.name", "in.a"), ("field.value", "yes")], text("no")), Ok(false));
    let inverse = [("field.name", "a"), ("field.value", "yes"), ("field.value.matches", "false")];
    assert_eq!(kept(&inverse, text("yes")), Ok(false));
    assert_eq!(kept(&inverse, map(&[])), Ok(true), "what is missing does not match");
    // The type must be that which the text tells: 5 is an INT8, as in Java.
    assert_eq!(kept(&[("field.name", "a"), ("field.value", "5")], of(Value::Int64(5))), Ok(false));
    assert_eq!(kept(&[("field.name", "a"), ("field.value", "5")], of(Value::Int8(5))), Ok(true));
    assert_eq!(kept(&[("field.name", "a"), ("field.value.pattern", "^[0-9]$")], of(Value::Int64(5))), Ok(true));
    assert_eq!(kept(&[("field.value.pattern", "es")], Value::string("yes")), Ok(true));
    assert_eq!(kept(&[("field.value", "yes")], Value::Null), Ok(true), "a tombstone");
    assert!(kept(&[("field.name", "a"), ("field.value", "yes")], Value::string("yes")).is_err());
    for config in [
        &[("field.name", "a")][..],
        &[("field.value", "a"), ("field.value.pattern", "a")],
        &[("field.value", "null")],
        &[("field.value.pattern", "(")],
    ] {
        assert!(try_make(&class, config).is_err(), "{config:?}");
    }
}

#[test]
fn the_name_of_the_schema_routes() {
    let topic = |class: &str, config: &[(&str, &str)]| {
        let mut routed = event(None, Some(1), "c");
        make(&aiven(class), config).apply(&mut routed).map(|_| routed.topic.to_string())
    };
    let class = "ExtractTopicFromSchemaName$Value";
    assert_eq!(topic(class, &[]).unwrap(), "server1.public.orders.Envelope");
    let mapped = [("schema.name.topic-map", "other:x,server1.public.orders.Envelope:orders")];
    assert_eq!(topic(class, &mapped).unwrap(), "orders");
    let last = [("schema.name.regex", "(?:[.]|^)([^.]*)$")];
    assert_eq!(topic("ExtractTopicFromValueSchema$Name", &last).unwrap(), "Envelope");
    assert_eq!(topic(class, &[("schema.name.regex", "^(x)")]).unwrap(), "server1.public.orders.Envelope");
    let schemaless = make(&aiven(class), &[]).apply(&mut record(Data::schemaless(Value::Int64(1))));
    assert!(schemaless.unwrap_err().to_string().contains("schema name can't be null"));
    for config in
        [&[("schema.name.topic-map", "x")][..], &[("schema.name.topic-map", "a:b"), ("schema.name.regex", "c")]]
    {
        assert!(try_make(&aiven(class), config).is_err(), "{config:?}");
    }
}

#[test]
fn the_key_becomes_fields_of_the_value() {
    let class = aiven("KeyToValue");
    let key = |optional| {
        let id = Schema { default: Some(Value::Int64(9)), ..Schema::optional(Type::Int64) };
        structure("k", optional, vec![("id", id, Value::Null), ("dept", Schema::new(Type::String), Value::string("x"))])
    };
    let with = |schema: Option<Schema>, key: Value, value: Data| {
        let key = Data { schema: schema.map(Arc::new), value: key };
        ConnectRecord { key, ..record(value) }
    };
    let row = || {
        let (schema, value) = structure(
            "row",
            true,
            vec![
                ("n", Schema::new(Type::Int32), Value::Int32(1)),
                ("id", Schema::new(Type::String), Value::string("old")),
            ],
        );
        Data::new(Arc::new(schema), value)
    };
    let applied = |config: &[(&str, &str)], mut record: ConnectRecord| {
        make(&class, config).apply(&mut record).map(|_| (shown(&record.value.value), record.value.schema))
    };
    let fields = [("key.fields", "id, dept"), ("value.fields", ",department")];
    let (schema, struct_key) = key(false);
    let (text, new) = applied(&fields, with(Some(schema.clone()), struct_key.clone(), row())).unwrap();
    assert_eq!(text, "Struct{n=1,id=9,department=x}", "in the place of the field of that name");
    let new = new.unwrap();
    assert_eq!((new.name.as_deref(), new.optional, new.fields[1].schema.kind), (Some("row"), true, Type::Int64));
    let whole = [("key.fields", "*")];
    let (text, _) = applied(&whole, with(Some(schema.clone()), struct_key.clone(), row())).unwrap();
    assert_eq!(text, "Struct{n=1,id=old,_key=Struct{dept=x}}", "the whole stays as it is");
    let (text, new) = applied(&whole, with(None, Value::string("k"), row())).unwrap();
    assert_eq!((text.as_str(), new.unwrap().fields[2].schema.kind), ("Struct{n=1,id=old,_key=k}", Type::String));

    let plain = || Data::schemaless(map(&[("n", Value::Int64(1))]));
    let (text, _) = applied(&fields, with(Some(schema.clone()), struct_key.clone(), plain())).unwrap();
    assert_eq!(text, "{n=1, id=9, department=x}");
    let (text, _) = applied(&fields, with(None, map(&[("dept", Value::string("y"))]), plain())).unwrap();
    assert_eq!(text, "{n=1, id=null, department=y}");
    assert_eq!(applied(&whole, with(None, Value::Null, plain())).unwrap().0, "{n=1, _key=null}");

    // The same transform with keys of another schema.
    let mut transform = make(&class, &[("key.fields", "*"), ("value.fields", "k")]);
    for (key, expected) in [(Value::Int64(5), Type::Int64), (Value::string("s"), Type::String)] {
        let mut record = with(None, key, row());
        transform.apply(&mut record).unwrap();
        assert_eq!(record.value.schema.unwrap().fields[2].schema.kind, expected);
    }

    let text = || Some(Schema::new(Type::String));
    for (config, record, why) in [
        (
            &fields,
            with(text(), Value::string("k"), row()),
            "Named key fields [id, dept] cannot be copied from the key schema: STRING",
        ),
        (
            &fields,
            with(None, Value::Int64(1), row()),
            "Named key fields [id, dept] cannot be copied from the key class: java.lang.Long",
        ),
        (
            &fields,
            with(Some(key(true).0), Value::Null, row()),
            "Invalid value: null used for required field: \"department\", schema type: STRING",
        ),
    ] {
        assert_eq!(applied(config, record).unwrap_err().to_string(), why);
    }
    for (record, why) in [
        (with(None, map(&[]), row()), "The value requires a schema, but the key class is a schemaless Map"),
        (with(None, Value::Null, row()), "Cannot infer schema for unsupported key class: null"),
        (with(None, Value::string("k"), Data::NULL), "The value needs to be a Struct or Map in order to append fields"),
    ] {
        assert_eq!(applied(&whole, record).unwrap_err().to_string(), why);
    }
    let missing = applied(&[("key.fields", "x")], with(Some(schema), struct_key, row())).unwrap_err();
    assert_eq!(missing.to_string(), "Key field 'x' not found in key schema");
    let twice = try_make(&class, &[("key.fields", "a,b"), ("value.fields", "b")]).err().unwrap();
    assert_eq!(twice.to_string(), "More than one key value is copied to the value field name 'b'");
    assert!(try_make(&class, &[]).is_err());
}

#[test]
fn the_case_of_fields_is_changed() {
    let class = aiven("CaseTransform$Value");
    let upper = [("field.names", "name, id, none"), ("case", "upper")];
    let (schema, value) = row(1, "Zoë");
    let mut changed = record(Data::new(Arc::new(schema.clone()), value));
    make(&class, &upper).apply(&mut changed).unwrap();
    assert_eq!(shown(&changed.value.value), "Struct{id=1,name=ZOË}", "what is no text stays");
    assert_eq!(changed.value.schema.as_deref(), Some(&schema));
    let mut plain = record(Data::schemaless(map(&[("name", Value::string("Zoë")), ("id", Value::Boolean(true))])));
    make(&class, &upper).apply(&mut plain).unwrap();
    assert_eq!(shown(&plain.value.value), "{name=ZOË, id=TRUE, none=null}");
    make(&class, &[("field.names", "name"), ("case", "lower")]).apply(&mut plain).unwrap();
    assert_eq!(shown(&plain.value.value), "{name=zoë, id=TRUE, none=null}");
    for (value, why) in [
        (Data::NULL, "value Value can't be null"),
        (Data::schemaless(Value::Int64(1)), "value Value type must be STRUCT or MAP, found: java.lang.Long"),
    ] {
        assert_eq!(make(&class, &upper).apply(&mut record(value)).unwrap_err().to_string(), why);
    }
    let error = try_make(&class, &[("field.names", "a"), ("case", "title")]).err().unwrap();
    assert_eq!(error.to_string(), "case: Unknown enum value title");
}
