use std::sync::Arc;

use bson::{Bson, Document, doc};
use longshore_api::schema::logical;
use longshore_api::value::Struct;
use longshore_api::{Data, Field, Map, Origin, Part, Payload, Schema, Type, Value};
use proptest::prelude::*;

use super::builder::Builder;

fn converted(payload: Payload<'_>) -> Result<Option<Document>, super::BadPayload> {
    let mut out = Builder::default();
    let present = super::document(payload, Part::Value, &mut out)?;
    Ok(present.then(|| Document::from_reader(out.document()).expect("well-formed BSON")))
}

#[track_caller]
fn json(text: &str, expected: Document) {
    assert_eq!(converted(Payload::Json(text.as_bytes())).unwrap(), Some(expected), "{text}");
}

#[track_caller]
fn text(text: &str, expected: Document) {
    assert_eq!(converted(Payload::Text(text)).unwrap(), Some(expected), "{text}");
}

#[track_caller]
fn refused(payload: Payload<'_>, origin: Origin, why: &str) {
    let bad = converted(payload).unwrap_err();
    assert_eq!(bad.origin, origin, "{payload:?}");
    assert!(bad.error.to_string().contains(why), "{}", bad.error);
}

#[test]
fn json_becomes_bson_as_jsonconverter_and_the_map_codec_make_it() {
    json("{}", doc! {});
    json(" \n{ \"a\" : 1 , \"b\":[ ] } trailing", doc! { "a": 1_i64, "b": [] });
    json(
        r#"{"a":-0,"b":-0.0,"c":1e2,"d":1E-2,"e":007}"#,
        doc! { "a": 0_i64, "b": 0.0, "c": 100.0, "d": 0.01, "e": 7_i64 },
    );
    json(r#"{"a":null,"b":true,"c":false}"#, doc! { "a": Bson::Null, "b": true, "c": false });
    json(
        r#"{"max":9223372036854775807,"min":-9223372036854775808,"over":9223372036854775808,"far":123456789012345678901234567890}"#,
        doc! { "max": i64::MAX, "min": i64::MIN, "over": i64::MIN, "far": -4_362_896_299_872_285_998_i64 },
    );
    json(r#"{"inf":1e400}"#, doc! { "inf": f64::INFINITY });
    json(
        r#"{"s":"a\"\\\/\b\f\n\r\tü\u00e4\ud83d\ude80\ud83d\u0041\ude80"}"#,
        doc! { "s": "a\"\\/\u{8}\u{c}\n\r\tüä🚀?A?" },
    );
    json(r#"{"$oid":"x","a.b":1,"":2}"#, doc! { "$oid": "x", "a.b": 1_i64, "": 2_i64 });
    json("\u{feff}{\"a\":[[1],[{\"b\":[]}]]}", doc! { "a": [[1_i64], [{ "b": [] }]] });
    json(r#"{"twelve":[0,1,2,3,4,5,6,7,8,9,10,11]}"#, doc! { "twelve": (0..12_i64).collect::<Vec<_>>() });
}

#[test]
fn bytes_after_the_first_value_are_never_read() {
    let payload = b"{\"a\":1}\xff\xfe";
    assert_eq!(converted(Payload::Json(payload)).unwrap(), Some(doc! { "a": 1_i64 }));
}

#[test]
fn of_a_doubled_key_the_last_value_stays() {
    json(r#"{"a":1,"b":2,"a":{"c":1,"c":2,"c":3}}"#, doc! { "b": 2_i64, "a": { "c": 3_i64 } });
    json(r#"{"_id":1,"a":0,"_id":2}"#, doc! { "a": 0_i64, "_id": 2_i64 });
    let many: Vec<String> = (0..500).map(|n| format!(r#""k{}":{n}"#, n % 100)).collect();
    let expected: Document = (0..100).map(|n| (format!("k{n}"), Bson::Int64(400 + n))).collect();
    json(&format!("{{{}}}", many.join(",")), expected);
}

#[test]
fn a_string_at_the_top_is_read_as_the_document_in_it() {
    json(r#""{\"a\": 1, \"at\": {\"$numberLong\": \"2\"}}""#, doc! { "a": 1, "at": 2_i64 });
}

#[test]
fn null_white_space_and_nothing_are_no_document() {
    for nothing in ["null", "", " \n"] {
        assert_eq!(converted(Payload::Json(nothing.as_bytes())).unwrap(), None);
    }
    assert_eq!(converted(Payload::Null).unwrap(), None);
    assert_eq!(converted(Payload::Data(&Data::NULL)).unwrap(), None);
}

#[test]
fn what_jsonconverter_refuses_is_its_error() {
    for malformed in [
        "{bad",
        "NaN",
        "{\"a\":1,}",
        "// c\n1",
        ".5",
        "{\"a\":.5}",
        "{\"a\":1.}",
        "{\"a\":+1}",
        "{\"a\":1e}",
        "{\"a\" 1}",
        "{\"a\":1 \"b\":2}",
        "[1,]",
        "[1",
        "{\"a\":tru}",
        "{\"a\":nulll}",
        "{'a':1}",
        "{\"a\":\"\u{1}\"}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12\"}",
        "{\"a\":\"",
        "{\"a\"",
        "{",
        "-",
        "{,}",
    ] {
        refused(
            Payload::Json(malformed.as_bytes()),
            Origin::Converter(Part::Value),
            "serialization error: : malformed JSON at byte ",
        );
    }
    refused(Payload::Json(b"{\"a\":\"\xff\"}"), Origin::Converter(Part::Value), "invalid UTF-8");
    let deep = "[".repeat(1001);
    refused(Payload::Json(deep.as_bytes()), Origin::Converter(Part::Value), "more than 1000 levels");
}

#[test]
fn what_is_json_but_no_document_is_the_sinks_error() {
    for (json, class) in [
        ("1", "java.lang.Long"),
        ("-1.5", "java.lang.Double"),
        ("true", "java.lang.Boolean"),
        ("[1, {\"a\": 2}]", "java.util.ArrayList"),
    ] {
        let why = format!("No converter present due to unexpected object type: {class}");
        refused(Payload::Json(json.as_bytes()), Origin::Sink, &why);
        refused(
            Payload::Json(json.as_bytes()),
            Origin::Sink,
            &format!("Could not convert value '{json}' ({class}) into a BsonDocument."),
        );
    }
    refused(Payload::Json(br#"{"a\u0000b":1}"#), Origin::Sink, "contains a null character at index 1");
    refused(
        Payload::Json(br#""plain""#),
        Origin::Sink,
        "Could not convert value 'plain' (java.lang.String) into a BsonDocument.",
    );
}

#[test]
fn texts_are_extended_json() {
    let id = bson::oid::ObjectId::parse_str("5f8f8c44b54764421b7156aa").unwrap();
    let at = bson::DateTime::from_millis(1_577_836_800_123);
    let uuid = bson::Uuid::parse_str("00112233-4455-6677-8899-aabbccddeeff").unwrap();
    let bytes = |subtype: u8| bson::Binary { subtype: subtype.into(), bytes: vec![1, 2, 3] };
    let decimal: bson::Decimal128 = "1.50".parse().unwrap();
    let regex =
        Bson::RegularExpression(bson::Regex { pattern: "a/b".try_into().unwrap(), options: "im".try_into().unwrap() });
    text(
        r#"{"a":1,"b":2147483648,"c":-2147483648,"d":1.0}"#,
        doc! { "a": 1, "b": 2_147_483_648_i64, "c": i32::MIN, "d": 1.0 },
    );
    text(
        r#"{"a":{"$oid":"5f8f8c44b54764421b7156aa"},"b":ObjectId("5f8f8c44b54764421b7156aa")}"#,
        doc! { "a": id, "b": id },
    );
    text(
        r#"{"a":{"$date":"2020-01-01T00:00:00.123Z"},"b":{"$date":1577836800123},"c":{"$date":{"$numberLong":"1577836800123"}},
            "d":ISODate("2020-01-01T00:00:00.123Z"),"e":new Date(1577836800123)}"#,
        doc! { "a": at, "b": at, "c": at, "d": at, "e": at },
    );
    text(
        r#"{"a":{"$numberInt":"1"},"b":{"$numberLong":"1"},"c":{"$numberDouble":"1"},"d":{"$numberDecimal":"1.50"},
            "e":NumberInt(1),"f":NumberLong(1),"g":NumberLong("1"),"h":NumberDecimal("1.50"),"i":{"$numberDouble":"-Infinity"}}"#,
        doc! { "a": 1, "b": 1_i64, "c": 1.0, "d": decimal, "e": 1, "f": 1_i64, "g": 1_i64, "h": decimal, "i": f64::NEG_INFINITY },
    );
    text(
        r#"{"a":{"$binary":{"base64":"AQID","subType":"80"}},"b":{"$binary":"AQID","$type":"00"},
            "c":{"$type":"05","$binary":"AQID"},"d":BinData(0,"AQID"),"e":{"$uuid":"00112233-4455-6677-8899-aabbccddeeff"},
            "f":UUID("00112233-4455-6677-8899-aabbccddeeff"),"g":HexData(0,"010203")}"#,
        doc! { "a": bytes(0x80), "b": bytes(0), "c": bytes(5), "d": bytes(0), "e": uuid, "f": uuid, "g": bytes(0) },
    );
    text(
        r#"{"a":{"$timestamp":{"t":1,"i":2}},"b":Timestamp(1,2),"c":{"$regularExpression":{"pattern":"a/b","options":"mi"}},
            "d":{"$regex":"a/b","$options":"im"},"e":/a\/b/im}"#,
        doc! {
            "a": bson::Timestamp { time: 1, increment: 2 }, "b": bson::Timestamp { time: 1, increment: 2 },
            "c": regex.clone(), "d": regex,
            "e": bson::Regex { pattern: "a\\/b".try_into().unwrap(), options: "im".try_into().unwrap() },
        },
    );
    text(
        r#"{"a":{"$undefined":true},"b":undefined,"c":{"$minKey":1},"d":MaxKey,"e":{"$symbol":"s"},"f":{"$code":"x"},
            "g":{"$code":"x","$scope":{"y":1}},"h":Infinity,"i":-Infinity}"#,
        doc! {
            "a": Bson::Undefined, "b": Bson::Undefined, "c": Bson::MinKey, "d": Bson::MaxKey,
            "e": Bson::Symbol("s".to_owned()), "f": Bson::JavaScriptCode("x".to_owned()),
            "g": bson::JavaScriptCodeWithScope { code: "x".to_owned(), scope: doc! { "y": 1 } },
            "h": f64::INFINITY, "i": f64::NEG_INFINITY,
        },
    );
    text("{a: 'x', _b$1: \"y\\u0041\\'\", \"c\": [1, 'z',], } rest", doc! { "a": "x", "_b$1": "yA'", "c": [1, "z"] });
    text(r#"{"$set":{"a":1},"b":{"$gt":1}}"#, doc! { "$set": { "a": 1 }, "b": { "$gt": 1 } });
    text("{\"raw\":\"line\nbreak\"}", doc! { "raw": "line\nbreak" });
}

#[test]
fn texts_that_are_no_document_are_refused() {
    for wrong in [
        "",
        "[]",
        "1",
        "plain",
        "{",
        "{a}",
        "{a:}",
        "{a:1",
        "{\"a\":01}",
        "{\"a\":9223372036854775808}",
        "{\"a\":1.}",
        r#"{"a":{"$oid":"x"}}"#,
        r#"{"a":{"$date":"soon"}}"#,
        r#"{"a":{"$numberInt":"2147483648"}}"#,
        "{a:Foo(1)}",
        "{a:foo}",
        "{a:'x}",
        "{a:/x}",
        r#"{"a":{"$numberDecimal":"x"}}"#,
        "{a:BinData(0,'%')}",
    ] {
        refused(Payload::Text(wrong), Origin::Sink, "(java.lang.String) into a BsonDocument.");
    }
    refused(Payload::Text(&format!("{{a:{}", "[".repeat(100_000))), Origin::Sink, "levels nest");
}

#[test]
fn bytes_are_one_document() {
    let whole = doc! {
        "a": [1, { "b": "x" }], "c": bson::Regex { pattern: "p".try_into().unwrap(), options: "i".try_into().unwrap() },
        "d": bson::JavaScriptCodeWithScope { code: "x".to_owned(), scope: doc! { "y": 1 } }, "e": bson::oid::ObjectId::new(),
    };
    let bytes = bson::serialize_to_vec(&whole).unwrap();
    assert_eq!(converted(Payload::Bytes(&bytes)).unwrap(), Some(whole));
    for cut in 0..bytes.len() {
        refused(Payload::Bytes(&bytes[..cut]), Origin::Sink, "Could not convert value");
    }
    refused(Payload::Bytes(&[&bytes[..], &[0]].concat()), Origin::Sink, "Could not convert value");
    let doubled = [&19_i32.to_le_bytes()[..], b"\x10a\0\x01\0\0\0\x10a\0\x02\0\0\0\0"].concat();
    assert_eq!(converted(Payload::Bytes(&doubled)).unwrap(), Some(doc! { "a": 2 }));
}

fn order_schema() -> Arc<Schema> {
    let decimal = Schema::optional(Type::Bytes).named(logical::DECIMAL);
    let defaulted = Schema { default: Some(Value::string("new")), ..Schema::optional(Type::String) };
    Arc::new(Schema::structure(vec![
        Field::new("id", Schema::new(Type::Int64)),
        Field::new("small", Schema::new(Type::Int8)),
        Field::new("price", decimal),
        Field::new("at", Schema::new(Type::Int64).named(logical::TIMESTAMP)),
        Field::new("state", defaulted),
        Field::new("tags", Schema::array(Arc::new(Schema::new(Type::String)))),
        Field::new("none", Schema::optional(Type::Float32)),
    ]))
}

#[test]
fn structs_are_documents_in_the_schemas_order() {
    let schema = order_schema();
    let values = vec![
        Value::Int64(1),
        Value::Int8(2),
        Value::Decimal("12.50".parse().unwrap()),
        Value::Date(1000),
        Value::Null,
        Value::Array(vec![Value::string("x")]),
        Value::Null,
    ];
    let data = Data::new(Arc::clone(&schema), Value::Struct(Struct { schema, values }));
    let price: bson::Decimal128 = "12.50".parse().unwrap();
    let expected = doc! {
        "id": 1_i64, "small": 2, "price": price, "at": bson::DateTime::from_millis(1000), "state": "new", "tags": ["x"],
        "none": Bson::Null,
    };
    assert_eq!(converted(Payload::Data(&data)).unwrap(), Some(expected));
}

#[test]
fn a_decimal_that_needs_rounding_is_refused_by_its_field() {
    let schema =
        Arc::new(Schema::structure(vec![Field::new("price", Schema::new(Type::Bytes).named(logical::DECIMAL))]));
    let long = Value::Decimal("1234567890123456789012345678901234.5".parse().unwrap());
    let data = Data::new(Arc::clone(&schema), Value::Struct(Struct { schema, values: vec![long] }));
    refused(Payload::Data(&data), Origin::Sink, "error while processing field price");
}

#[test]
fn maps_strings_and_bytes_are_taken_with_and_without_a_schema() {
    let map: Map = [(Value::string("a"), Value::Int16(1)), (Value::string("b"), Value::Bytes(vec![1].into()))]
        .into_iter()
        .collect();
    let bytes = bson::Binary { subtype: bson::spec::BinarySubtype::Generic, bytes: vec![1] };
    let data = Data::schemaless(Value::Map(map));
    assert_eq!(converted(Payload::Data(&data)).unwrap(), Some(doc! { "a": 1, "b": bytes }));
    let data = Data::new(Arc::new(Schema::new(Type::String)), Value::string("{a: 1}"));
    assert_eq!(converted(Payload::Data(&data)).unwrap(), Some(doc! { "a": 1 }));
    let data = Data::schemaless(Value::Int64(5));
    refused(Payload::Data(&data), Origin::Sink, "No converter present due to unexpected object type: java.lang.Long");
    let data = Data::schemaless(Value::Map([(Value::Int64(1), Value::Null)].into_iter().collect()));
    refused(Payload::Data(&data), Origin::Sink, "a map's key must be a string, not java.lang.Long");
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        (-1.0e15..1.0e15_f64).prop_map(Into::into),
        any::<f64>().prop_filter("finite", |value| value.is_finite()).prop_map(Into::into),
        "\\PC{0,20}".prop_map(Into::into),
        "[\\x00-\\x7f\"\\\\]{0,20}".prop_map(Into::into),
    ];
    leaf.prop_recursive(5, 80, 40, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..12).prop_map(serde_json::Value::Array),
            prop::collection::vec(("[a-z$._é]{0,12}", inner), 0..45)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

fn as_bson(value: &serde_json::Value) -> Bson {
    match value {
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(integer) => Bson::Int64(integer),
            None => Bson::Double(number.as_f64().unwrap() + 0.0),
        },
        serde_json::Value::Array(items) => Bson::Array(items.iter().map(as_bson).collect()),
        serde_json::Value::Object(members) => {
            Bson::Document(members.iter().map(|(key, value)| (key.clone(), as_bson(value))).collect())
        }
        serde_json::Value::Null => Bson::Null,
        serde_json::Value::Bool(value) => Bson::Boolean(*value),
        serde_json::Value::String(text) => Bson::String(text.clone()),
    }
}

#[test]
fn a_number_too_small_for_a_double_keeps_its_sign() {
    for member in ["-1e-324", "-0.0", "-0e5", "-0.000", "1e-400"] {
        let text = format!(r#"{{"a":{member}}}"#);
        agrees(&text, true).unwrap();
    }
}

fn agrees(text: &str, taken: bool) -> Result<(), TestCaseError> {
    let (mut fast, mut slow) = (Builder::default(), Builder::default());
    match super::json::schemaless(text.as_bytes(), &mut fast) {
        Ok(()) => {
            let mut keys = longshore_formats::json::Keys::default();
            let value = longshore_formats::json::decode(text.as_bytes(), &mut keys);
            let value = value.map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
            super::decoded(&value, Part::Value, &mut slow, &String::new)
                .map_err(|bad| TestCaseError::fail(format!("{text}: {bad:?}")))?;
            let documents = [&fast, &slow].map(|builder| Document::from_reader(builder.document()).unwrap());
            prop_assert_eq!(format!("{:?}", documents[0]), format!("{:?}", documents[1]));
        }
        Err(_) => prop_assert!(!taken, "{} is left to the slow path", text),
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_json_becomes_the_bson_that_it_means(value in any_json(), pretty: bool) {
        let value = serde_json::json!({ "value": value });
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        let document = converted(Payload::Json(text.as_bytes())).unwrap().unwrap();
        prop_assert_eq!(Bson::Document(document), as_bson(&value));
    }

    #[test]
    fn the_fast_path_takes_all_common_json_and_agrees_with_jsonconverters_reader(value in any_json()) {
        let value = serde_json::json!({ "value": value });
        agrees(&serde_json::to_string(&value).unwrap(), true)?;
    }

    #[test]
    fn the_fast_path_agrees_with_jsonconverters_reader_on_anything(
        text in "[{}\\[\\]:,\"$a0-9.eE+\\-/\\\\ unrtlsf]{0,60}",
        member in "-?[0-9]{1,30}(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,4})?",
    ) {
        agrees(&text, false)?;
        agrees(&format!("{{\"a\":{text}}}"), false)?;
        agrees(&format!("{{\"a\":{member}}}{text}"), true)?;
        agrees(&format!("{{\"{text}\":1}}"), false)?;
    }

    #[test]
    fn both_parsers_of_texts_agree_on_plain_json(value in any_json()) {
        let value = serde_json::json!({ "value": value });
        let text = serde_json::to_string(&value).unwrap();
        let (mut plain, mut full) = (Builder::default(), Builder::default());
        if super::json::plain_text(&text, &mut plain).is_ok() {
            super::extended_json::document(&text, &mut full).unwrap();
            prop_assert_eq!(plain.document(), full.document());
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic_and_give_only_well_formed_bson(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = converted(Payload::Json(&bytes));
        let _ = converted(Payload::Bytes(&bytes));
        let _ = converted(Payload::Text(&String::from_utf8_lossy(&bytes)));
    }

    #[test]
    fn arbitrary_symbols_never_panic(text in "[{}\\[\\]:,\"'$a0-9.eE+\\-/\\\\ ()unrow]{0,60}") {
        let _ = converted(Payload::Json(text.as_bytes()));
        let _ = converted(Payload::Text(&format!("{{a:{text}")));
    }

    #[test]
    fn damaged_documents_never_panic(at in 0..200_usize, byte: u8) {
        let whole = doc! { "a": [1, { "b": "text" }], "c": Bson::JavaScriptCode("x".to_owned()), "d": bson::Uuid::new(), "e": 1.5 };
        let mut bytes = bson::serialize_to_vec(&whole).unwrap();
        if let Some(place) = bytes.get_mut(at) {
            *place = byte;
        }
        let _ = converted(Payload::Bytes(&bytes));
    }
}
