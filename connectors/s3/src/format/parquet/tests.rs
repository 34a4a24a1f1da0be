//! What is written is read again with Parquet's own reader of records.

use bigdecimal::BigDecimal;
use bytes::Bytes;
use longshore_api::schema::logical;
use longshore_api::{BatchBuilder, RowParts, Slot, Slots};
use parquet::basic::LogicalType;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field as Read;
use parquet::schema::types::Type;
use proptest::prelude::*;

use super::*;

fn options(schema: Option<&str>, row_group: usize) -> Arc<ParquetOptions> {
    Arc::new(ParquetOptions {
        avro: AvroOptions { enhanced: true, connect_meta_data: true, optional_map_keys: false },
        compression: Compression::SNAPPY,
        row_group,
        schema: schema.map(|schema| parse_schema(schema).unwrap()),
        decimal_format: "BASE64".to_owned(),
    })
}

/// A record whose value is what an encoder is to see.
fn with_item<T>(payload: Payload<'_>, with: impl FnOnce(Item<'_>) -> T) -> T {
    let mut builder = BatchBuilder::default();
    let topic = builder.topic_index(&Arc::from("orders"));
    builder.push(topic, RowParts { partition: 3, offset: 17, ..RowParts::default() });
    let mut batch = builder.finish();
    batch.set_slots(vec![Slots { row: 0, topic, key: Slot::Null, value: Slot::Null }]);
    with(Item { record: batch.record(0), value: payload })
}

fn encode(encoder: &mut ParquetEncoder, payload: Payload<'_>, out: &mut Vec<u8>) -> Result<Fit> {
    let mut scratch = Vec::new();
    let fit = with_item(payload, |item| encoder.encode(item, &mut scratch))?;
    if fit == Fit::Here {
        encoder.append(&scratch, out)?;
    }
    Ok(fit)
}

fn rows(file: Vec<u8>) -> (Arc<Type>, Vec<Read>, usize) {
    let reader = SerializedFileReader::new(Bytes::from(file)).unwrap();
    let schema = reader.metadata().file_metadata().schema_descr().root_schema_ptr();
    let groups = reader.num_row_groups();
    let rows = reader.get_row_iter(None).unwrap().map(|row| Read::Group(row.unwrap())).collect();
    (schema, rows, groups)
}

fn documents(texts: &[&str], options: &Arc<ParquetOptions>) -> (Arc<Type>, Vec<Read>, usize) {
    let mut encoder = ParquetEncoder::new(Column::Value, Arc::clone(options)).unwrap();
    let mut file = Vec::new();
    for text in texts {
        assert_eq!(encode(&mut encoder, Payload::Json(text.as_bytes()), &mut file), Ok(Fit::Here), "{text}");
    }
    encoder.finish(&mut file).unwrap();
    rows(file)
}

/// A row as JSON, with what columns of JSON hold as it is. Fields that are null are left out.
fn json_of(kind: &Type, field: &Read) -> serde_json::Value {
    use serde_json::{Value as Json, json};
    match field {
        Read::Null => Json::Null,
        Read::Bool(value) => json!(value),
        Read::Int(value) => json!(value),
        Read::Long(value) => json!(value),
        Read::Double(value) => json!(value),
        Read::Str(text) if kind.get_basic_info().logical_type_ref() == Some(&LogicalType::Json) => {
            serde_json::from_str(text).unwrap()
        }
        Read::Str(text) => json!(text),
        Read::Group(row) => {
            let fields = row.get_column_iter().zip(kind.get_fields());
            let fields = fields.filter(|((_, field), _)| **field != Read::Null);
            fields.map(|((name, field), kind)| (name.clone(), json_of(kind, field))).collect()
        }
        Read::ListInternal(list) => {
            let element = &kind.get_fields()[0].get_fields()[0];
            list.elements().iter().map(|field| json_of(element, field)).collect()
        }
        other => panic!("{other:?}"),
    }
}

/// What is the same as a row: members that are null are as good as missing, and 1 is as good as 1.0.
fn plain(json: serde_json::Value) -> serde_json::Value {
    use serde_json::Value as Json;
    match json {
        Json::Object(members) => members
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name, plain(value)))
            .collect(),
        Json::Array(elements) => elements.into_iter().map(plain).collect(),
        Json::Number(number) => number.as_f64().unwrap().into(),
        other => other,
    }
}

fn printed(kind: &Type) -> String {
    let mut text = Vec::new();
    parquet::schema::printer::print_schema(&mut text, kind);
    String::from_utf8(text).unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_schema_is_that_of_parquet_avro() {
    let optional = |schema: Schema| Schema { optional: true, ..schema };
    let string = || Arc::new(Schema::new(Connect::String));
    let point = Schema::structure(vec![Field::new("x", Schema::new(Connect::Float32))]);
    let decimal = Schema {
        parameters: [("scale", "2"), ("connect.decimal.precision", "12")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        ..Schema::optional(Connect::Bytes).named(logical::DECIMAL)
    };
    let mut fields = vec![
        Field::new("b", Schema::new(Connect::Boolean)),
        Field::new("i8", Schema::optional(Connect::Int8)),
        Field::new("d", Schema::new(Connect::Int32).named(logical::DATE)),
        Field::new("t", Schema::new(Connect::Int32).named(logical::TIME)),
        Field::new("ts", Schema::optional(Connect::Int64).named(logical::TIMESTAMP)),
        Field::new("dec", decimal),
        Field::new("bin", Schema::new(Connect::Bytes)),
        Field::new("list", optional(Schema::array(string()))),
        Field::new("points", Schema::array(Arc::new(point.clone()))),
        Field::new("map", Schema::map(string(), Arc::new(Schema::optional(Connect::Int64)))),
        Field::new("pairs", Schema::map(Arc::new(Schema::new(Connect::Int32)), string())),
        Field::new("point", optional(point)),
    ];
    let avro = options(None, 1).avro;
    let message = schema::message(&Schema::structure(fields.clone()).named("com.acme.Order"), avro).unwrap();
    assert_eq!(
        printed(&message),
        "message com.acme.Order { REQUIRED BOOLEAN b; OPTIONAL INT32 i8; REQUIRED INT32 d (DATE); \
         REQUIRED INT32 t (TIME(MILLIS,true)); OPTIONAL INT64 ts (TIMESTAMP(MILLIS,true)); \
         OPTIONAL BYTE_ARRAY dec (DECIMAL(12,2)); REQUIRED BYTE_ARRAY bin; \
         OPTIONAL group list (LIST) { REPEATED BYTE_ARRAY array (STRING); } \
         REQUIRED group points (LIST) { REPEATED group array { REQUIRED FLOAT x; } } \
         REQUIRED group map (MAP) { REPEATED group key_value { REQUIRED BYTE_ARRAY key (STRING); \
         OPTIONAL INT64 value; } } \
         REQUIRED group pairs (LIST) { REPEATED group array { REQUIRED INT32 key; REQUIRED BYTE_ARRAY value (STRING); } } \
         OPTIONAL group point { REQUIRED FLOAT x; } }"
    );
    // One array of elements that may be null changes the form of all lists.
    fields.truncate(9);
    fields.drain(..7);
    fields.push(Field::new("gaps", Schema::array(Arc::new(Schema::optional(Connect::Int32)))));
    let message = schema::message(&Schema::structure(fields), avro).unwrap();
    assert_eq!(
        printed(&message),
        "message io.confluent.connect.avro.ConnectDefault { \
         OPTIONAL group list (LIST) { REPEATED group list { REQUIRED BYTE_ARRAY element (STRING); } } \
         REQUIRED group points (LIST) { REPEATED group list { REQUIRED group element { REQUIRED FLOAT x; } } } \
         REQUIRED group gaps (LIST) { REPEATED group list { OPTIONAL INT32 element; } } }"
    );
}

/// The levels and values of a column of 32 bit integers.
fn column(file: Vec<u8>, index: usize) -> (Vec<i16>, Vec<i16>, Vec<i32>) {
    use parquet::column::reader::ColumnReader;
    let reader = SerializedFileReader::new(Bytes::from(file)).unwrap();
    let group = reader.get_row_group(0).unwrap();
    let ColumnReader::Int32ColumnReader(mut column) = group.get_column_reader(index).unwrap() else { panic!() };
    let (mut definitions, mut repetitions, mut values) = (Vec::new(), Vec::new(), Vec::new());
    column.read_records(100, Some(&mut definitions), Some(&mut repetitions), &mut values).unwrap();
    (definitions, repetitions, values)
}

#[test]
fn lists_of_two_levels_have_the_levels_of_dremel() {
    let numbers = Arc::new(Schema::array(Arc::new(Schema::new(Connect::Int32))));
    let lists = Schema { optional: true, ..Schema::array(Arc::clone(&numbers)) };
    let schema = Arc::new(Schema::structure(vec![Field::new("lists", lists)]));
    let list = |values: &[i32]| Value::Array(values.iter().map(|value| Value::Int32(*value)).collect());
    let rows = [
        Value::Array(vec![list(&[1, 2]), list(&[]), list(&[3])]),
        Value::Null,
        Value::Array(vec![]),
        Value::Array(vec![list(&[4])]),
    ];
    let mut encoder = ParquetEncoder::new(Column::Value, options(None, usize::MAX)).unwrap();
    let mut file = Vec::new();
    for value in rows {
        let record = Value::Struct(Struct { schema: Arc::clone(&schema), values: vec![value] });
        let data = Data::new(Arc::clone(&schema), record);
        assert_eq!(encode(&mut encoder, Payload::Data(&data), &mut file), Ok(Fit::Here));
    }
    encoder.finish(&mut file).unwrap();
    let (definitions, repetitions, values) = column(file, 0);
    assert_eq!(definitions, [3, 3, 2, 3, 0, 1, 3]);
    assert_eq!(repetitions, [0, 2, 1, 1, 0, 0, 0]);
    assert_eq!(values, [1, 2, 3, 4]);
}

#[test]
fn the_schema_of_documents_is_what_is_in_them() {
    let (schema, rows, _) = documents(
        &[
            r#"{"id":1,"n":1,"who":{"name":"a"},"tags":["x",null],"odd":1,"none":null,"e":{}}"#,
            r#"{"id":2,"n":2.5,"who":{"age":7},"tags":[],"odd":"two","big":18446744073709551615}"#,
            r#"{"id":3,"who":null,"odd":{"a":[1]},"ok":true,"id":4}"#,
        ],
        &options(None, usize::MAX),
    );
    assert_eq!(
        printed(&schema),
        "message document { OPTIONAL INT64 id; OPTIONAL DOUBLE n; \
         OPTIONAL group who { OPTIONAL BYTE_ARRAY name (STRING); OPTIONAL INT64 age; } \
         OPTIONAL group tags (LIST) { REPEATED group list { OPTIONAL BYTE_ARRAY element (STRING); } } \
         OPTIONAL BYTE_ARRAY odd (JSON); OPTIONAL BYTE_ARRAY none (JSON); OPTIONAL BYTE_ARRAY e (JSON); \
         OPTIONAL DOUBLE big; OPTIONAL BOOLEAN ok; }"
    );
    let last: Vec<_> = rows.iter().map(|row| json_of(&schema, row)).collect();
    assert_eq!(last[2], serde_json::json!({"id": 4, "odd": {"a": [1]}, "ok": true}), "the last of two members counts");
}

#[test]
fn a_document_that_the_settled_schema_cannot_hold_goes_to_the_next_file() {
    let options = options(None, 20);
    let mut encoder = ParquetEncoder::new(Column::Value, Arc::clone(&options)).unwrap();
    let mut file = Vec::new();
    let mut put = |text: &str| encode(&mut encoder, Payload::Json(text.as_bytes()), &mut file);
    let error = put("[1]").unwrap_err().to_string();
    assert!(error.contains("orders-3@17") && error.contains("JSON object"), "{error}");
    assert_eq!(put(r#"{"a":1,"b":"x","c":[1]}"#), Ok(Fit::Here));
    for other in [r#"{"a":"1"}"#, r#"{"a":1.5}"#, r#"{"new":1}"#, r#"{"c":[[1]]}"#, r#"{"c":1}"#] {
        assert_eq!(put(other), Ok(Fit::NextFile), "{other}");
    }
    assert_eq!(put(r#"{"b":null}"#), Ok(Fit::Here));
    encoder.finish(&mut file).unwrap();
    let (schema, rows, _) = rows(file);
    let rows: Vec<_> = rows.iter().map(|row| json_of(&schema, row)).collect();
    assert_eq!(rows, [serde_json::json!({"a": 1, "b": "x", "c": [1]}), serde_json::json!({})]);
}

const GIVEN: &str = "message order { required int64 id; optional binary name (STRING); optional int32 day (DATE); \
     optional int64 at (TIMESTAMP(MICROS,true)); optional int32 price (DECIMAL(9,2)); optional group addr { \
     optional binary city (STRING); required int32 zip (INTEGER(16,false)); } repeated double xs; \
     optional group tags (MAP) { repeated group key_value { required binary key (STRING); optional int32 value; } } \
     optional binary raw (JSON); optional int32 clock (TIME(MILLIS,true)); \
     optional fixed_len_byte_array(16) uuid (UUID); }";

#[test]
fn a_given_schema_takes_what_fits_it() {
    let text = r#"{"id":7,"name":"n","day":"2026-08-07","at":"2026-08-07T15:30:00.000001Z","price":"12.50","extra":1,
        "addr":{"zip":1234},"xs":[1,2.5],"tags":{"a":1,"b":null},"raw":{"x":[ 1 ]},"clock":"00:00:01.5",
        "uuid":"00112233-4455-6677-8899-aabbccddeeff"}"#;
    let minimal = r#"{"id":8,"price":-3,"day":-1,"tags":{},"at":5}"#;
    let (_, rows, _) = documents(&[text, minimal], &options(Some(GIVEN), 1));
    let shown: Vec<String> = rows.iter().map(|row| row.to_string().split_whitespace().collect()).collect();
    assert_eq!(
        shown[0],
        "{id:7,name:\"n\",day:2026-08-07,at:2026-08-0715:30:00.000001+00:00,price:12.50,addr:{city:null,zip:1234},\
         xs:[1.0,2.5],tags:{\"a\"->1,\"b\"->null},raw:\"{\"x\":[1]}\",clock:00:00:01.500,\
         uuid:[0,17,34,51,68,85,102,119,136,153,170,187,204,221,238,255]}"
    );
    assert_eq!(
        shown[1],
        "{id:8,name:null,day:1969-12-31,at:1970-01-0100:00:00.000005+00:00,price:-3.00,addr:null,xs:[],tags:{},raw:null,\
         clock:null,uuid:null}"
    );
}

#[test]
fn what_does_not_fit_a_given_schema_is_told() {
    let options = options(Some(GIVEN), 1);
    for (text, why) in [
        ("{}", "field id: expected INT64, found null"),
        (r#"{"id":"7"}"#, "field id: expected INT64, found a text"),
        (r#"{"id":1.5}"#, "field id: expected INT64, found the number 1.5"),
        (r#"{"id":1,"addr":{"zip":70000}}"#, "field addr.zip: expected INT32 from 0 to 65535, found the number 70000"),
        (r#"{"id":1,"addr":{}}"#, "field addr.zip: expected INT32 from 0 to 65535, found null"),
        (r#"{"id":1,"addr":[]}"#, "field addr: expected a group, found an array"),
        (r#"{"id":1,"xs":["a"]}"#, "field xs: expected DOUBLE, found a text"),
        (r#"{"id":1,"tags":{"a":true}}"#, "field tags.a: expected INT32, found a boolean"),
        (r#"{"id":1,"day":"yesterday"}"#, "field day: expected DATE, found another text"),
        (r#"{"id":1,"price":1.005}"#, "field price: expected DECIMAL(9,2), found a decimal of the scale 3"),
        (r#"{"id":1,"price":"1e999999999"}"#, "field price: expected DECIMAL(9,2), found a decimal of more digits"),
        (
            r#"{"id":1,"price":1e-2000000000}"#,
            "field price: expected DECIMAL(9,2), found a decimal of the scale 2000000000",
        ),
        (
            r#"{"id":1,"price":"-5e-9000000000000000000"}"#,
            "field price: expected DECIMAL(9,2), found a decimal of the scale 9000000000000000000",
        ),
        (r#"{"id":1,"uuid":"x"}"#, "field uuid: expected UUID, found another text"),
        (r#"{"id":1,"uuid":"+1234567890abcdef1234567890abcde"}"#, "field uuid: expected UUID, found another text"),
        (r#"{"id":1,"uuid":"001122334-455-6677-8899-aabbccddeeff"}"#, "field uuid: expected UUID, found another text"),
        (r#"{"id":1,"uuid":"+0112233-4455-6677-8899-aabbccddeeff"}"#, "field uuid: expected UUID, found another text"),
    ] {
        let mut encoder = ParquetEncoder::new(Column::Value, Arc::clone(&options)).unwrap();
        let error = encode(&mut encoder, Payload::Json(text.as_bytes()), &mut Vec::new()).unwrap_err();
        assert_eq!(error.kind, longshore_api::ErrorKind::BadRecord);
        let place = "the value of orders-3@17 cannot be written to a Parquet file: ";
        assert_eq!(error.to_string(), format!("{place}{why}"), "{text}");
    }
}

#[test]
fn a_schema_that_cannot_be_written_is_refused() {
    for (text, why) in [
        ("order { }", "message"),
        ("message o { required int96 a; }", "field a: the type INT96 cannot be written"),
        ("message o { }", "group without fields"),
        ("message o { required group a (LIST) { required int32 b; } }", "field a: a list needs a repeated field"),
        ("message o { required int32 a; optional int32 a; }", "two fields of a group have one name"),
    ] {
        let error = parse_schema(text).unwrap_err();
        assert!(error.contains(why), "{text}: {error}");
    }
    let deep = "message o { ".to_owned() + &"required group a { ".repeat(100_000);
    assert!(parse_schema(&deep).unwrap_err().contains("nested deeper"));
}

fn leaf_schema() -> impl Strategy<Value = Schema> {
    let kinds = [
        (Connect::Int8, None),
        (Connect::Int16, None),
        (Connect::Int32, None),
        (Connect::Int64, None),
        (Connect::Float32, None),
        (Connect::Float64, None),
        (Connect::Boolean, None),
        (Connect::String, None),
        (Connect::Bytes, None),
        (Connect::Bytes, Some(logical::DECIMAL)),
        (Connect::Int32, Some(logical::DATE)),
        (Connect::Int32, Some(logical::TIME)),
        (Connect::Int64, Some(logical::TIMESTAMP)),
    ];
    proptest::sample::select(kinds.to_vec()).prop_map(|(kind, name)| {
        let parameters = match name {
            Some(logical::DECIMAL) => [("scale".to_owned(), "2".to_owned())].into(),
            _ => Default::default(),
        };
        Schema { name: name.map(Into::into), parameters, ..Schema::new(kind) }
    })
}

fn struct_schema(field: impl Strategy<Value = Schema>) -> impl Strategy<Value = Schema> {
    proptest::collection::vec(field, 1..5).prop_map(|fields| {
        let fields = fields.into_iter().enumerate();
        Schema::structure(fields.map(|(index, schema)| Field::new(format!("f{index}"), schema)).collect())
    })
}

fn any_schema() -> impl Strategy<Value = Schema> {
    let tree = leaf_schema().prop_recursive(4, 24, 4, |inner| {
        let key = prop_oneof![Just(Schema::new(Connect::String)), Just(Schema::new(Connect::Int32))];
        prop_oneof![
            inner.clone().prop_map(|schema| Schema { optional: true, ..schema }),
            inner.clone().prop_map(|schema| Schema::array(Arc::new(schema))),
            (key, inner.clone()).prop_map(|(key, value)| Schema::map(Arc::new(key), Arc::new(value))),
            struct_schema(inner),
        ]
    });
    // Lists of two levels are not what Parquet's reader of records gives back; see the test of their levels.
    let gaps = Field::new("gaps", Schema::array(Arc::new(Schema::optional(Connect::Int8))));
    struct_schema(tree).prop_map(move |mut schema| {
        schema.fields.push(gaps.clone());
        schema
    })
}

/// A value of a schema, by chance.
fn value(schema: &Schema, rng: &mut impl Rng) -> Value {
    if schema.optional && rng.random_range(0..4) == 0 {
        return Value::Null;
    }
    let part = |schema: &Option<Arc<Schema>>| Arc::clone(schema.as_ref().unwrap());
    let count = rng.random_range(0..4);
    match (schema.kind, schema.logical_name()) {
        (_, Some(logical::DECIMAL)) => Value::Decimal(BigDecimal::new(rng.random::<i64>().into(), 2)),
        (_, Some(logical::DATE)) => Value::Date(i64::from(rng.random_range(-40_000..40_000)) * 86_400_000),
        (_, Some(logical::TIME)) => Value::Date(rng.random_range(0..86_400_000)),
        (_, Some(_)) => Value::Date(rng.random_range(-1_000_000_000_000..4_000_000_000_000)),
        (Connect::Int8, _) => Value::Int8(rng.random()),
        (Connect::Int16, _) => Value::Int16(rng.random()),
        (Connect::Int32, _) => Value::Int32(rng.random()),
        (Connect::Int64, _) => Value::Int64(rng.random()),
        (Connect::Float32, _) => Value::Float32(rng.random()),
        (Connect::Float64, _) => Value::Float64(rng.random()),
        (Connect::Boolean, _) => Value::Boolean(rng.random()),
        (Connect::String, _) => Value::string("é".repeat(rng.random_range(0..20)) + &rng.random::<u8>().to_string()),
        (Connect::Bytes, _) => Value::Bytes((0..rng.random_range(0..20)).map(|_| rng.random::<u8>()).collect()),
        (Connect::Array, _) => {
            let element = part(&schema.value_schema);
            Value::Array((0..count).map(|_| value(&element, rng)).collect())
        }
        (Connect::Map, _) => {
            let (key, of) = (part(&schema.key_schema), part(&schema.value_schema));
            Value::Map((0..count).map(|_| (value(&key, rng), value(&of, rng))).collect())
        }
        (Connect::Struct, _) => {
            let values = schema.fields.iter().map(|field| value(&field.schema, rng)).collect();
            Value::Struct(Struct { schema: Arc::new(schema.clone()), values })
        }
    }
}

/// A value and what was read as the same text.
fn show(value: &Value, schema: &Schema) -> String {
    let list = |parts: Vec<String>| format!("[{}]", parts.join(","));
    match (value, schema.logical_name()) {
        (Value::Null, _) => "null".to_owned(),
        (Value::Date(millis), Some(logical::DATE)) => format!("date {}", millis / 86_400_000),
        (Value::Date(millis), _) => format!("date {millis}"),
        (Value::Decimal(value), _) => format!("decimal {}", value.as_bigint_and_exponent().0),
        (Value::Boolean(value), _) => value.to_string(),
        (Value::Int8(value), _) => value.to_string(),
        (Value::Int16(value), _) => value.to_string(),
        (Value::Int32(value), _) => value.to_string(),
        (Value::Int64(value), _) => value.to_string(),
        (Value::Float32(value), _) => value.to_string(),
        (Value::Float64(value), _) => value.to_string(),
        (Value::String(text), _) => format!("{text:?}"),
        (Value::Bytes(bytes), _) => format!("{:?}", bytes.to_vec()),
        (Value::Array(elements), _) => {
            let element = schema.value_schema.as_ref().unwrap();
            list(elements.iter().map(|value| show(value, element)).collect())
        }
        (Value::Map(map), _) => {
            let (keys, values) = (schema.key_schema.as_ref().unwrap(), schema.value_schema.as_ref().unwrap());
            list(map.iter().map(|(key, value)| list(vec![show(key, keys), show(value, values)])).collect())
        }
        (Value::Struct(one), _) => {
            list(one.values.iter().zip(&schema.fields).map(|(value, field)| show(value, &field.schema)).collect())
        }
    }
}

fn show_read(field: &Read) -> String {
    let list = |parts: Vec<String>| format!("[{}]", parts.join(","));
    match field {
        Read::Null => "null".to_owned(),
        Read::Bool(value) => value.to_string(),
        Read::Int(value) => value.to_string(),
        Read::Long(value) => value.to_string(),
        Read::Float(value) => value.to_string(),
        Read::Double(value) => value.to_string(),
        Read::Str(text) => format!("{text:?}"),
        Read::Bytes(bytes) => format!("{:?}", bytes.data()),
        Read::Date(value) => format!("date {value}"),
        Read::TimeMillis(value) => format!("date {value}"),
        Read::TimestampMillis(value) => format!("date {value}"),
        Read::Decimal(decimal) => {
            format!("decimal {}", bigdecimal::num_bigint::BigInt::from_signed_bytes_be(decimal.data()))
        }
        Read::Group(row) => list(row.get_column_iter().map(|(_, field)| show_read(field)).collect()),
        Read::ListInternal(elements) => list(elements.elements().iter().map(show_read).collect()),
        Read::MapInternal(map) => {
            list(map.entries().iter().map(|(key, value)| list(vec![show_read(key), show_read(value)])).collect())
        }
        other => panic!("{other:?}"),
    }
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value as Json;
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        (-1e9..1e9).prop_map(Json::from),
        "[a-zé\"\\\\]{0,6}".prop_map(Json::from),
    ];
    let tree = leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            proptest::collection::vec(("[a-d]", inner), 0..4).prop_map(|members| members.into_iter().collect()),
        ]
    });
    proptest::collection::vec(("[a-e]", tree), 0..5).prop_map(|members| members.into_iter().collect())
}

proptest! {
    #[test]
    fn structs_come_back_as_they_were(
        (schema, records, turns) in (any_schema(), 1..40_usize).prop_perturb(|(schema, count), mut rng| {
            let records: Vec<Value> = (0..count).map(|_| value(&schema, &mut rng)).collect();
            let turns: Vec<u8> = (0..count).map(|_| rng.random_range(0..8)).collect();
            (Arc::new(schema), records, turns)
        }),
        row_group in prop_oneof![Just(usize::MAX), 1..600_usize],
    ) {
        let mut encoder = ParquetEncoder::new(Column::Value, options(None, row_group)).unwrap();
        let mut file = Vec::new();
        for (record, turn) in records.iter().zip(&turns) {
            let data = Data::new(Arc::clone(&schema), record.clone());
            if *turn == 0 {
                // Encoded and not kept, as when another object of the file refuses the record.
                with_item(Payload::Data(&data), |item| encoder.encode(item, &mut Vec::new())).unwrap();
            }
            prop_assert_eq!(encode(&mut encoder, Payload::Data(&data), &mut file), Ok(Fit::Here));
            if *turn == 1 {
                encoder.release(&mut file).unwrap();
            }
        }
        encoder.finish(&mut file).unwrap();
        let (_, rows, groups) = rows(file);
        let expected: Vec<String> = records.iter().map(|record| show(record, &schema)).collect();
        prop_assert_eq!(rows.iter().map(show_read).collect::<Vec<_>>(), expected);
        prop_assert!(row_group < usize::MAX || groups == 1, "{} row groups", groups);
    }

    #[test]
    fn documents_come_back_as_they_were(
        values in proptest::collection::vec(any_json(), 1..30),
        row_group in prop_oneof![Just(usize::MAX), 1..600_usize],
        releases in proptest::collection::vec(any::<bool>(), 30),
    ) {
        let options = options(None, row_group);
        let mut files = Vec::new();
        let mut encoder = ParquetEncoder::new(Column::Value, Arc::clone(&options)).unwrap();
        let mut file = Vec::new();
        for (json, release) in values.iter().zip(releases) {
            let text = json.to_string();
            if encode(&mut encoder, Payload::Json(text.as_bytes()), &mut file) == Ok(Fit::NextFile) {
                encoder.finish(&mut file).unwrap();
                files.push(std::mem::take(&mut file));
                encoder = ParquetEncoder::new(Column::Value, Arc::clone(&options)).unwrap();
                prop_assert_eq!(encode(&mut encoder, Payload::Json(text.as_bytes()), &mut file), Ok(Fit::Here));
            }
            if release {
                encoder.release(&mut file).unwrap();
            }
        }
        encoder.finish(&mut file).unwrap();
        files.push(file);
        let mut read = Vec::new();
        for file in files {
            let (schema, rows, _) = rows(file);
            read.extend(rows.iter().map(|row| plain(json_of(&schema, row))));
        }
        let expected: Vec<_> = values.into_iter().map(plain).collect();
        prop_assert_eq!(read, expected);
    }

    #[test]
    fn no_text_makes_the_parser_of_schemas_panic(text in "(message m|[{}();=,]|required|optional|repeated|group|int32|binary|fixed_len_byte_array|a|b|LIST|MAP|DECIMAL|TIMESTAMP|INTEGER|MILLIS|true|9|16| ){0,40}") {
        let _ = parse_schema(&text);
    }
}
