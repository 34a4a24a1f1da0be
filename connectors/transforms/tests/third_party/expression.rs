//! Longshore's own: expressions.

use super::*;

const EXPRESSION: &str = "longshore.transforms.Expression";

#[test]
fn an_expression_filters() {
    let mut filter = make(EXPRESSION, &[("filter.condition", "value.qty > 5 && value.name.startsWith('a')")]);
    let order = |qty: i64, name: &str| {
        record(Data::schemaless(map(&[("qty", Value::Int64(qty)), ("name", Value::string(name))])))
    };
    assert_eq!(filter.apply(&mut order(6, "apple")), Ok(Verdict::Keep));
    assert_eq!(filter.apply(&mut order(5, "apple")), Ok(Verdict::Drop));
    assert_eq!(filter.apply(&mut order(6, "pear")), Ok(Verdict::Drop));
    assert_eq!(filter.apply(&mut record(Data::NULL)), Ok(Verdict::Keep), "a tombstone");
    let mut by_row = make(EXPRESSION, &[("filter.condition", "value.op == 'c' && value.after.id == 1")]);
    assert_eq!(by_row.apply(&mut event(None, Some(1), "c")), Ok(Verdict::Keep));
    assert_eq!(by_row.apply(&mut event(None, Some(2), "c")), Ok(Verdict::Drop));

    let error = filter.apply(&mut record(Data::schemaless(map(&[])))).unwrap_err();
    assert_eq!(error.to_string(), "filter.condition: there is no qty at character 7");
    let error = make(EXPRESSION, &[("filter.condition", "value.name")]).apply(&mut order(1, "x")).unwrap_err();
    assert_eq!(error.to_string(), "filter.condition: expected true or false, found a text");
    for (mode, verdict) in [("drop", Some(Verdict::Drop)), ("evaluate", None)] {
        let config = [("filter.condition", "value.a == 1"), ("null.handling.mode", mode)];
        assert_eq!(make(EXPRESSION, &config).apply(&mut record(Data::NULL)).ok(), verdict);
    }
}

#[test]
fn an_expression_derives_fields_of_schemaless_data() {
    let set = "total = value.price * value.qty; at: timestamp = timestamp(value.when); `odd name` = value.tags.map(t, t + '!')";
    let mut derive = make(EXPRESSION, &[("value.set", set), ("value.remove", "when,price")]);
    let mut order = record(Data::schemaless(map(&[
        ("price", Value::Float64(1.5)),
        ("qty", Value::Int64(4)),
        ("when", Value::string("1970-01-01T00:00:01.5Z")),
        ("tags", Value::Array(vec![Value::string("a")])),
    ])));
    derive.apply(&mut order).unwrap();
    assert_eq!(
        shown(&order.value.value),
        "{qty=4, tags=[a], total=6.0, at=1970-01-01T00:00:01.500Z, odd name=[a!]}"
            .replace("1970-01-01T00:00:01.500Z", &longshore_formats::java_text::value(&Value::Date(1500)))
    );
}

#[test]
fn an_expression_derives_fields_with_their_schemas() {
    let row = |name: Value| {
        let (schema, value) = structure(
            "orders.Value",
            true,
            vec![
                ("id", Schema::new(Type::Int32), Value::Int32(7)),
                ("name", Schema::optional(Type::String), name),
                ("gone", Schema::optional(Type::String), Value::Null),
            ],
        );
        record(Data::new(Arc::new(schema), value))
    };
    let set = "copy = value.id; id: int64 = value.id * 2; big = size(value.name) > 3; note = has(value.name) ? value.name : null";
    let mut derive = make(EXPRESSION, &[("value.set", set), ("value.remove", "gone")]);
    let mut first = row(Value::string("long name"));
    derive.apply(&mut first).unwrap();
    assert_eq!(shown(&first.value.value), "Struct{id=14,name=long name,copy=7,big=true,note=long name}");
    let schema = first.value.schema.unwrap();
    let kinds: Vec<_> = schema.fields.iter().map(|field| (field.schema.kind, field.schema.optional)).collect();
    let expected = [Type::Int64, Type::String, Type::Int32, Type::Boolean, Type::String];
    assert_eq!(kinds, expected.map(|kind| (kind, true)));
    assert_eq!((schema.name.as_deref(), schema.optional), (Some("orders.Value"), true));
    // The schema stays one and the same, also where a field is null.
    let mut second = row(Value::string("x"));
    derive.apply(&mut second).unwrap();
    assert!(Arc::ptr_eq(second.value.schema.as_ref().unwrap(), &schema));

    let error = make(EXPRESSION, &[("value.set", "a = null")]).apply(&mut row(Value::Null)).unwrap_err();
    assert!(error.to_string().contains("value.set: the type of field a is not known"), "{error}");
    let error = make(EXPRESSION, &[("value.set", "a: int8 = 300")]).apply(&mut row(Value::Null)).unwrap_err();
    assert!(error.to_string().contains("300 (java.lang.Long) does not fit field a of type INT8"), "{error}");
}

#[test]
fn an_expression_routes_and_sets_key_and_headers() {
    let mut route = make(
        EXPRESSION,
        &[
            ("topic.expression", "topic + '-' + string(timestamp.getFullYear()) + '-' + headers.region"),
            ("key.expression", "value.after.id"),
            ("partition.expression", "value.after.id % 4"),
            ("timestamp.expression", "fromMillis(value.source.ts_ms)"),
            ("headers.set", "op = value.op; region = 'all'"),
            ("headers.remove", "secret"),
        ],
    );
    let mut record = event(None, Some(6), "c");
    for (name, value) in [("region", "eu"), ("secret", "x")] {
        record.headers.push(Header { name: name.into(), value: Data::schemaless(Value::string(value)) });
    }
    route.apply(&mut record).unwrap();
    assert_eq!(&*record.topic, "server1.public.orders-2023-eu");
    assert_eq!((record.partition, record.timestamp), (Some(2), Some(5)));
    assert_eq!(record.key.value, Value::Int32(6));
    assert_eq!(record.key.schema.unwrap().kind, Type::Int32);
    let headers: Vec<_> = record.headers.iter().map(|one| (&*one.name, shown(&one.value.value))).collect();
    assert_eq!(headers, [("op", "c".to_owned()), ("region", "all".to_owned())]);
    let error = make(EXPRESSION, &[("topic.expression", "1")]).apply(&mut event(None, None, "c")).unwrap_err();
    assert!(error.to_string().starts_with("topic.expression: expected a text that is not empty"), "{error}");
}

#[test]
fn an_expression_that_is_none_is_refused_with_key_and_place() {
    for (key, text, wrong) in [
        ("filter.condition", "value.a >", "expected a value, found the end, at character 10"),
        ("topic.expression", "tropic", "tropic is unknown; there are key, value"),
        ("topic.expression", "topic.upper()", "upper is not a method here, at character 7"),
        ("value.set", "a = 1; a = 2", "a is set twice"),
        ("value.set", "a: number = 1", "number is not a type of a field"),
        ("value.set", "a == 1", "expected =, found =="),
        ("key.expression", "value.a.matches('(')", "invalid pattern"),
        ("key.expression", "timestamp.getHours('Mars/Olympus')", "unknown time zone"),
    ] {
        let error = try_make(EXPRESSION, &[(key, text)]).err().unwrap();
        assert_eq!(error.kind, ErrorKind::Config);
        let message = error.to_string();
        assert!(message.contains(key) && message.contains(wrong), "{message}");
    }
    assert!(try_make(EXPRESSION, &[("filter.condition", &"(".repeat(5000))]).is_err());
    assert!(try_make(EXPRESSION, &[("filter.condition", &["1"; 5000].join("+"))]).is_err());
    let endless = format!("{}1{}", "[0,1,2,3,4,5,6,7,8,9].map(x, ".repeat(9), ")".repeat(9));
    let error = make(EXPRESSION, &[("key.expression", &endless)]).apply(&mut record(Data::NULL)).unwrap_err();
    assert!(error.to_string().contains("more work than an expression may make of one record"), "{error}");
}
