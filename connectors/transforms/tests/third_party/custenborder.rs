//! Transforms of kafka-connect-transform-common.

use super::*;

#[test]
fn the_common_transforms_work() {
    let common = |name: &str| format!("com.github.jcustenborder.kafka.connect.transform.common.{name}");
    let mut cased = record(Data::NULL);
    cased.topic = "TOPIC_NAME".into();
    make(&common("ChangeTopicCase"), &[("from", "UPPER_UNDERSCORE"), ("to", "LOWER_HYPHEN")])
        .apply(&mut cased)
        .unwrap();
    assert_eq!(&*cased.topic, "topic-name");
    make(&common("ChangeTopicCase"), &[("from", "LOWER_HYPHEN"), ("to", "LOWER_CAMEL")]).apply(&mut cased).unwrap();
    assert_eq!(&*cased.topic, "topicName");
    make(&common("ChangeTopicCase"), &[("from", "LOWER_CAMEL"), ("to", "UPPER_UNDERSCORE")]).apply(&mut cased).unwrap();
    assert_eq!(&*cased.topic, "TOPIC_NAME");

    let mut timed = record(Data::schemaless(map(&[("at", Value::Int64(42))])));
    make(&common("ExtractTimestamp$Value"), &[("field.name", "at")]).apply(&mut timed).unwrap();
    assert_eq!(timed.timestamp, Some(42));

    let mut now = event(None, Some(1), "c");
    make(&common("TimestampNowField$Value"), &[("fields", "now"), ("add.amount", "1")]).apply(&mut now).unwrap();
    let Value::Struct(now) = now.value.value else { panic!("a struct") };
    assert!(matches!(now.get("now"), Some(Value::Date(millis)) if *millis > 1_700_000_000_000));
}

fn common(name: &str) -> String {
    format!("com.github.jcustenborder.kafka.connect.transform.common.{name}")
}

/// What a transform makes of a struct of a place within a place.
fn of_address(name: &str, config: &[(&str, &str)]) -> Result<(String, Schema)> {
    let (address_schema, address) = structure(
        "address",
        true,
        vec![
            ("zip_code", Schema::new(Type::String), Value::string("8001")),
            ("raw", Schema::optional(Type::Bytes), Value::Bytes(b"Z\xc3\xbcrich".to_vec().into())),
        ],
    );
    let list = Schema { optional: true, ..Schema::array(Arc::new(address_schema.clone())) };
    let (schema, value) = structure(
        "order",
        true,
        vec![
            ("order_id", Schema { default: Some(Value::Int32(7)), ..Schema::optional(Type::Int32) }, Value::Null),
            ("raw", Schema::optional(Type::Bytes), Value::Bytes(b"Z\xc3\xbcrich".to_vec().into())),
            ("address", address_schema, address.clone()),
            ("others", list, Value::Array(vec![address])),
        ],
    );
    let mut record = record(Data::new(Arc::new(schema), value));
    make(&common(name), config).apply(&mut record)?;
    let schema = record.value.schema.unwrap();
    assert!(longshore_formats::validate::value(&schema, &record.value.value).is_ok());
    Ok((shown(&record.value.value), Schema::clone(&schema)))
}

const ADDRESS: &str = "Struct{zip_code=8001,raw=(bytes)}";

#[test]
fn fields_are_added_and_changed() {
    let plain = |text: &str| {
        let mut text = text.to_owned();
        while let Some(at) = text.find("java.nio.HeapByteBuffer[") {
            let end = at + text[at..].find(']').unwrap() + 1;
            text.replace_range(at..end, "(bytes)");
        }
        text
    };
    let (text, schema) = of_address("TopicNameToField$Value", &[("field", "topic")]).unwrap();
    let before = format!("Struct{{order_id=7,raw=(bytes),address={ADDRESS},others=[{ADDRESS}]");
    assert_eq!(plain(&text), format!("{before},topic=server1.public.orders}}"));
    assert_eq!((schema.name.as_deref(), schema.optional), (Some("order"), true));
    assert!(of_address("TopicNameToField$Value", &[("field", "raw")]).is_err(), "a field that is there");

    let nested = |outer, inner| {
        let config =
            [("input.outer.field.name", outer), ("input.inner.field.name", inner), ("output.field.name", "zip")];
        of_address("ExtractNestedField$Value", &config).map(|(text, _)| plain(&text))
    };
    assert_eq!(nested("address", "zip_code").unwrap(), format!("{before},zip=8001}}"));
    for (outer, inner, why) in [
        ("nothing", "a", "nothing is not a valid field name"),
        ("address", "street", "street is not a valid field name"),
        ("raw", "a", "Field 'raw' is not of type STRUCT"),
    ] {
        assert_eq!(nested(outer, inner).unwrap_err().to_string(), why);
    }

    let (text, schema) = of_address("BytesToString$Value", &[("fields", "raw")]).unwrap();
    assert!(text.starts_with("Struct{order_id=7,raw=Zürich,address="), "{text}");
    assert_eq!((schema.fields[1].schema.kind, schema.fields[1].schema.optional), (Type::String, true));
    let (text, _) = of_address("BytesToString$Value", &[("fields", "raw"), ("charset", "ISO-8859-1")]).unwrap();
    assert!(text.contains("raw=ZÃ¼rich"), "{text}");
    let error = of_address("BytesToString$Value", &[("fields", "order_id")]).unwrap_err();
    assert_eq!(error.to_string(), "Field 'order_id' is not of type BYTES");
    let mut whole = record(Data::new(Arc::new(Schema::new(Type::Bytes)), Value::Bytes(b"abc".to_vec().into())));
    make(&common("BytesToString$Value"), &[]).apply(&mut whole).unwrap();
    assert_eq!(whole.value, Data::new(Arc::new(Schema::new(Type::String)), Value::string("abc")));
    let error = try_make(&common("BytesToString$Value"), &[("charset", "EBCDIC")]).err().unwrap();
    assert!(error.kind == ErrorKind::Config && error.to_string().contains("EBCDIC"), "{error}");

    let cases = [("from", "LOWER_UNDERSCORE"), ("to", "LOWER_CAMEL")];
    let (text, schema) = of_address("ChangeCase$Value", &cases).unwrap();
    let address = "Struct{zipCode=8001,raw=(bytes)}";
    assert_eq!(plain(&text), format!("Struct{{orderId=7,raw=(bytes),address={address},others=[{address}]}}"));
    assert_eq!(schema.name.as_deref(), Some("order"));

    for name in ["TopicNameToField$Value", "BytesToString$Value"] {
        let config: &[(&str, &str)] = if name.starts_with('T') { &[("field", "t")] } else { &[] };
        assert_eq!(make(&common(name), config).apply(&mut record(Data::NULL)), Ok(Verdict::Keep));
        let error = make(&common(name), config).apply(&mut record(Data::schemaless(Value::Int64(1)))).unwrap_err();
        assert_eq!(error.to_string(), "INT64 is not a supported type.");
    }
}

#[test]
fn patterns_filter_records_and_rename_fields() {
    let filter = [("pattern", "a.*"), ("fields", "x,y")];
    let verdict =
        |value: Value| make(&common("PatternFilter$Value"), &filter).apply(&mut record(Data::schemaless(value)));
    assert_eq!(verdict(map(&[("y", Value::string("abc"))])), Ok(Verdict::Drop));
    for kept in
        [map(&[("y", Value::string("babc"))]), map(&[("z", Value::string("a"))]), Value::string("a"), Value::Null]
    {
        assert_eq!(verdict(kept.clone()), Ok(Verdict::Keep), "{kept:?}");
    }

    let rename = [("field.pattern", "_(.)"), ("field.replacement", "-$1")];
    let (text, schema) = of_address("PatternRename$Value", &rename).unwrap();
    assert!(text.starts_with("Struct{order-id=7,raw="), "{text}");
    assert_eq!((schema.name.as_deref(), schema.fields.len()), (Some("order"), 4));
    let renamed = |config: &[(&str, &str)]| {
        let mut fields = record(Data::schemaless(map(&[("Ab", Value::Int64(1)), ("a.b", Value::Int64(2))])));
        make(&common("PatternRename$Value"), config).apply(&mut fields).map(|_| shown(&fields.value.value))
    };
    assert_eq!(renamed(&[("field.pattern", "^A"), ("field.replacement", "x")]).unwrap(), "{xb=1, x.b=2}");
    let literal = [("field.pattern", "."), ("field.replacement", "_"), ("field.pattern.flags", "LITERAL")];
    assert_eq!(renamed(&literal).unwrap(), "{Ab=1, a_b=2}");
    for wrong in [
        &[("field.pattern", "("), ("field.replacement", "x")][..],
        &[("field.pattern", "a"), ("field.replacement", "$1")],
        &[("field.pattern", "a"), ("field.replacement", "x"), ("field.pattern.flags", "CANON_EQ")],
    ] {
        assert_eq!(try_make(&common("PatternRename$Value"), wrong).err().unwrap().kind, ErrorKind::Config, "{wrong:?}");
    }
}

#[test]
fn whole_records_are_changed() {
    let mut emptied = event(None, Some(1), "c");
    emptied.key = Data::schemaless(Value::string("k"));
    make(&common("SetNull$Key"), &[]).apply(&mut emptied).unwrap();
    assert_eq!(emptied.key, Data::NULL);
    make(&common("SchemaNameToTopic$Value"), &[]).apply(&mut emptied).unwrap();
    assert_eq!(&*emptied.topic, "server1.public.orders.Envelope");
    make(&common("LowerCaseTopic"), &[]).apply(&mut emptied).unwrap();
    assert_eq!(&*emptied.topic, "server1.public.orders.envelope");
    make(&common("SetNull$Value"), &[]).apply(&mut emptied).unwrap();
    assert_eq!(emptied.value, Data::NULL);
    let error = make(&common("SchemaNameToTopic$Value"), &[]).apply(&mut emptied).unwrap_err();
    assert_eq!(error.to_string(), "the value has no schema with a name, which is to be the topic");
    make(&common("TimestampNow"), &[]).apply(&mut emptied).unwrap();
    assert!(emptied.timestamp.is_some_and(|millis| millis > 1_700_000_000_123));
}

#[test]
fn structs_become_json_and_numbers_integers() {
    let (schema, value) = structure(
        "order",
        false,
        vec![
            ("n", Schema::new(Type::Float64), Value::Float64(2.9)),
            ("small", Schema::optional(Type::Int8), Value::Null),
            ("name", Schema::new(Type::String), Value::string("Zoë")),
        ],
    );
    let order = || record(Data::new(Arc::new(schema.clone()), value.clone()));
    let json = |config: &[(&str, &str)], mut record: ConnectRecord| {
        make(&common("ToJSON$Value"), config).apply(&mut record).map(|_| record.value)
    };
    let text = |text: &str| Data::new(Arc::new(Schema::optional(Type::String)), Value::string(text));
    assert_eq!(json(&[], order()).unwrap(), text("{\"n\":2.9,\"small\":null,\"name\":\"Zoë\"}"));
    let with_schema = json(&[("schemas.enable", "true")], order()).unwrap();
    assert!(shown(&with_schema.value).starts_with("{\"schema\":{\"type\":\"struct\""), "{with_schema:?}");
    let plain = record(Data::schemaless(map(&[("a", Value::Int64(1))])));
    let bytes = json(&[("output.schema.type", "BYTES")], plain).unwrap();
    assert_eq!(bytes.value, Value::Bytes(b"{\"a\":1}".to_vec().into()));
    assert_eq!(json(&[], record(text("as it is"))).unwrap(), text("as it is"));
    assert_eq!(json(&[], record(Data::NULL)).unwrap(), Data::NULL);
    assert!(json(&[], record(Data::schemaless(Value::Int64(1)))).is_err());
    assert!(try_make(&common("ToJSON$Value"), &[("output.schema.type", "INT8")]).is_err());

    let mut counted = order();
    make(&common("ToLong$Value"), &[("fields", "n,small")]).apply(&mut counted).unwrap();
    assert_eq!(shown(&counted.value.value), "Struct{n=2,name=Zoë}");
    let schema = counted.value.schema.unwrap();
    assert_eq!(schema.fields[..2].iter().map(|field| field.schema.kind).collect::<Vec<_>>(), [Type::Int64; 2]);
    let error = make(&common("ToLong$Value"), &[("fields", "name")]).apply(&mut order()).unwrap_err();
    assert_eq!(error.to_string(), "Field 'name' is not a number. String");
}
