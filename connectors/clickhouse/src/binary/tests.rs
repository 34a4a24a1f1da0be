use std::collections::BTreeMap;

use longshore_api::schema::logical;
use longshore_api::{Field, Type as Kind};
use proptest::prelude::*;

use super::*;

fn formats() -> &'static BTreeMap<String, DateTimeFormatter> {
    static FORMATS: std::sync::LazyLock<BTreeMap<String, DateTimeFormatter>> = std::sync::LazyLock::new(|| {
        let format = DateTimeFormatter::new("dd.MM.yyyy HH:mm:ss.SSSSSS", "en-US").unwrap();
        BTreeMap::from([("formatted".to_owned(), format)])
    });
    &FORMATS
}

fn rules(shows_values: bool) -> Rules<'static> {
    Rules { formats: formats(), json_as_string: true, shows_values }
}

fn table(columns: &[(&str, &str, bool)]) -> Arc<Table> {
    let column = |(name, text, has_default): &(&str, &str, bool)| Column {
        name: (*name).to_owned(),
        text: (*text).to_owned(),
        kind: Type::parse(text),
        has_default: *has_default,
    };
    Arc::new(Table {
        full_name: "`d`.`t`".to_owned(),
        columns: columns.iter().map(column).collect(),
        computed: Vec::new(),
    })
}

fn record(fields: &[(&str, Schema, Value)]) -> Struct {
    let schema = Schema::structure(fields.iter().map(|(name, schema, _)| Field::new(*name, schema.clone())).collect());
    Struct { schema: Arc::new(schema), values: fields.iter().map(|(_, _, value)| value.clone()).collect() }
}

/// The bytes of one value in one column.
fn written_as(name: &str, text: &str, schema: Schema, value: Value) -> Result<Vec<u8>, String> {
    let table = table(&[(name, text, false)]);
    let record = record(&[(name, schema, value)]);
    let mut out = Vec::new();
    let plan = Plan::new(&table, &record.schema).map_err(|error| error.to_string())?;
    plan.row(&record, &rules(false), &mut out).map_err(|error| error.to_string())?;
    Ok(out)
}

fn plain(value: &Value) -> Schema {
    Schema::new(value.kind().unwrap_or(Kind::String))
}

#[track_caller]
fn writes(text: &str, value: Value, expected: &[u8]) {
    assert_eq!(written_as("c", text, plain(&value), value), Ok(expected.to_vec()), "{text}");
}

#[track_caller]
fn refuses(text: &str, value: Value, expected: &str) {
    let error = written_as("c", text, plain(&value), value).unwrap_err();
    assert!(error.contains(expected), "{error}");
}

fn string(text: &str) -> Value {
    Value::string(text)
}

#[test]
fn integers_go_into_columns_of_their_own_width() {
    writes("Int8", Value::Int8(-1), &[255]);
    writes("Int64", Value::Int64(-2), &(-2i64).to_le_bytes());
    writes("UInt32", Value::Int64(4_000_000_000), &4_000_000_000u32.to_le_bytes());
    writes("UInt64", Value::Int64(-1), &[255; 8]);
    writes("Bool", Value::Int32(7), &[1]);
    writes("UInt16", Value::Boolean(true), &[1, 0]);
    writes("Int128", Value::Int64(-1), &[255; 16]);
    writes("UInt256", string("256"), &[&[0, 1][..], &[0; 30]].concat());
    refuses(
        "Int64",
        Value::Int32(1),
        "Failed to write column `c`: cannot convert Kafka value of type INT32 (value class: java.lang.Integer) to \
         ClickHouse type Int64",
    );
    refuses("Int32", Value::Int64(1), "cannot convert Kafka value of type INT64");
}

#[test]
fn a_number_that_does_not_fit_is_an_error_and_not_cut() {
    refuses("UInt16", Value::Int32(65_536), "Failed to write column `c` of type UInt16: the value does not fit");
    refuses("UInt8", Value::Int8(-1), "does not fit");
    refuses("UInt64", Value::Int32(-1), "does not fit");
    refuses("UInt128", Value::Int64(-1), "does not fit");
    refuses("Int128", string("9".repeat(40).as_str()), "does not fit");
    refuses("Decimal(4, 2)", Value::Decimal("100".parse().unwrap()), "does not fit");
    refuses("Decimal(4, 2)", string("1e999999999"), "does not fit");
    refuses("Decimal(4, 2)", string("x"), "it is no number");
    refuses("Int32", Value::Date(i64::from(i32::MAX) + 1), "does not fit");
}

#[test]
fn a_day_that_the_column_does_not_know_is_an_error() {
    writes("Date32", Value::Int32(120_529), &120_529i32.to_le_bytes());
    writes("Date32", Value::Int32(-25_567), &(-25_567i32).to_le_bytes());
    for days in [120_530, -25_568] {
        refuses("Date32", Value::Int32(days), "does not fit");
    }
    refuses("Date", Value::Int32(-1), "does not fit");
    refuses("Date", Value::Int32(65_536), "does not fit");
    let last = 120_530 * 86_400_000i64 - 1;
    writes("DateTime64(3)", Value::Date(last), &last.to_le_bytes());
    refuses("DateTime64(3)", Value::Date(last + 1), "does not fit");
    refuses("DateTime64(3)", Value::Int64(-25_567 * 86_400_000 - 1), "does not fit");
    refuses("DateTime64(9)", Value::Date(last), "does not fit");
    refuses("DateTime", Value::Int64(1 << 32), "does not fit");
}

#[test]
fn decimals_have_the_columns_scale() {
    writes("Decimal(9, 2)", Value::Decimal("1.5".parse().unwrap()), &150i32.to_le_bytes());
    writes("Decimal(9, 2)", Value::Decimal("-1.239".parse().unwrap()), &(-123i32).to_le_bytes());
    writes("Decimal(18, 1)", string("2e3"), &20_000i64.to_le_bytes());
    writes("Decimal(38, 0)", Value::Float64(7.0), &7i128.to_le_bytes());
    writes("Decimal(9, 2)", string("1e-999999999"), &[0; 4]);
    let nines = "9".repeat(38);
    writes("Decimal(38, 0)", string(&nines), &(10i128.pow(38) - 1).to_le_bytes());
    writes(
        "Decimal(38, 10)",
        string(&format!("-{}.{}", &nines[10..], &nines[..12])),
        &(1 - 10i128.pow(38)).to_le_bytes(),
    );
    refuses("Decimal(38, 10)", string(&nines), "does not fit");
    refuses("Decimal(9, 2)", string("-10000000"), "does not fit");
}

#[test]
fn texts_are_read_as_what_the_column_holds() {
    writes("String", string("äb"), "\u{3}äb".as_bytes());
    writes("String", Value::Bytes(vec![0, 255].into()), &[2, 0, 255]);
    writes("FixedString(3)", string("a"), b"a\0\0");
    writes("LowCardinality(Nullable(String))", string("a"), &[0, 1, b'a']);
    writes("Enum16('a' = -2, 'b' = 300)", string("b"), &300i16.to_le_bytes());
    writes("IPv4", string("1.2.3.4"), &[4, 3, 2, 1]);
    writes("IPv6", string("::1"), &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    writes(
        "UUID",
        string("00112233-4455-6677-8899-aabbccddeeff"),
        &[0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0, 0xff, 0xee, 0xdd, 0xcc, 0xbb, 0xaa, 0x99, 0x88],
    );
    refuses("FixedString(3)", string("abcd"), "it has 4 bytes");
    refuses("Enum8('a' = 1)", string("b"), "no such name");
    refuses("UUID", string("b"), "it is no UUID");
    refuses("String", Value::Int32(1), "cannot convert Kafka value of type INT32");
}

fn logical_schema(kind: Kind, name: &str) -> Schema {
    Schema::new(kind).named(name)
}

#[test]
fn moments_have_the_columns_unit() {
    let timestamp = || logical_schema(Kind::Int64, logical::TIMESTAMP);
    let at = Value::Date(1_700_000_000_123);
    for (text, expected) in [
        ("DateTime64(0)", 1_700_000_000i64),
        ("DateTime64(3)", 1_700_000_000_123),
        ("DateTime64(6)", 1_700_000_000_123_000),
        ("DateTime64(9)", 1_700_000_000_123_000_000),
        ("Int64", 1_700_000_000_123),
    ] {
        assert_eq!(written_as("c", text, timestamp(), at.clone()), Ok(expected.to_le_bytes().to_vec()), "{text}");
    }
    assert_eq!(written_as("c", "DateTime", timestamp(), at.clone()), Ok(1_700_000_000u32.to_le_bytes().to_vec()));
    let error = written_as("c", "Date", timestamp(), at).unwrap_err();
    assert!(error.contains("(Potentially) Not implemented conversion from INT64 to Date"), "{error}");
    let day = logical_schema(Kind::Int32, logical::DATE);
    assert_eq!(written_as("c", "Date", day.clone(), Value::Date(86_400_000 * 3)), Ok(vec![3, 0]));
    assert_eq!(written_as("c", "Date32", day, Value::Date(-86_400_000)), Ok((-1i32).to_le_bytes().to_vec()));
    writes("Date", Value::Int32(9), &[9, 0]);
    writes("DateTime64(3)", Value::Int64(5), &5i64.to_le_bytes());
    writes("DateTime", Value::Int32(5), &5u32.to_le_bytes());
    refuses("Date", Value::Int32(-1), "does not fit");
    refuses("DateTime", Value::Int64(-1), "does not fit");
}

#[test]
fn moments_may_be_texts() {
    writes("DateTime64(9)", string("1970-01-01T01:00:00.000000007+01:00"), &7i64.to_le_bytes());
    writes("DateTime64(4)", string("1970-01-01T00:00:01.23456Z"), &12_345i64.to_le_bytes());
    writes("DateTime", string("1970-01-01T00:00:10Z"), &10u32.to_le_bytes());
    let by_format = written_as("formatted", "DateTime64(6)", plain(&string("")), string("02.01.1970 00:00:00.000001"));
    assert_eq!(by_format, Ok(86_400_000_001i64.to_le_bytes().to_vec()));
    refuses("DateTime64(3)", string("yesterday"), "Not implemented conversion from STRING to DateTime64");
}

#[test]
fn containers_hold_what_they_hold() {
    let ints = Value::Array(vec![Value::Int32(1), Value::Null]);
    writes("Array(Nullable(Int32))", ints, &[2, 0, 1, 0, 0, 0, 1]);
    let map = Value::Map([(string("k"), Value::Array(vec![Value::Int8(5)]))].into_iter().collect());
    writes("Map(String, Array(Int8))", map, &[1, 1, b'k', 1, 5]);
    let inner =
        record(&[("b", Schema::new(Kind::String), string("x")), ("a", Schema::new(Kind::Int8), Value::Int8(1))]);
    writes("Tuple(a Int8, b String, c Nullable(Int8))", Value::Struct(inner.clone()), &[1, 1, b'x', 1]);
    writes("Tuple(a Nullable(Int8), b Map(String, Int8), c Tuple(d Nullable(Int8)))", Value::Null, &[1, 0, 1]);
    refuses("Tuple(a Int8, b Nullable(Int8))", Value::Null, "An attempt to write null");
    refuses("Tuple(a Int8, d String)", Value::Struct(inner.clone()), "there is no field for its element d");
    refuses("Tuple(a Int8, b Int8)", Value::Struct(inner.clone()), "b: the value is of another type");
    let json = "{\"b\":\"x\",\"a\":1}";
    writes("JSON", Value::Struct(inner), &[&[json.len() as u8], json.as_bytes()].concat());
    writes("JSON", string("{}"), b"\x02{}");
    refuses("Array(Int8)", Value::Array(vec![Value::Null]), "An attempt to write null into not nullable column 'c'");
}

#[test]
fn a_union_is_its_branch_that_is_there() {
    let union = |text: Value, number: Value| {
        Value::Struct(record(&[
            ("s", Schema::optional(Kind::String), text),
            ("i", Schema::optional(Kind::Int64), number),
        ]))
    };
    writes("Variant(String, Int64)", union(string("x"), Value::Null), &[1, 1, b'x']);
    writes("Variant(String, Int64)", union(Value::Null, Value::Int64(1)), &[0, 1, 0, 0, 0, 0, 0, 0, 0]);
    writes("Variant(String, Int64)", union(Value::Null, Value::Null), &[255]);
    writes("Variant(Array(Int8), UInt8)", Value::Array(vec![Value::Int8(3)]), &[0, 1, 3]);
    // Of two fields neither is dropped; a moment is none of the plain numbers.
    refuses("Variant(String, Int64)", union(string("x"), Value::Int64(1)), "cannot convert");
    writes("Variant(Int64, DateTime64(3))", Value::Date(1500), &[0, 0xDC, 5, 0, 0, 0, 0, 0, 0]);
    let names = |last: Value| {
        Value::Struct(record(&[
            ("first", Schema::optional(Kind::String), string("Ada")),
            ("last", Schema::optional(Kind::String), last),
        ]))
    };
    writes("String", names(Value::Null), &[3, b'A', b'd', b'a']);
    refuses("String", names(string("L")), "cannot convert Kafka value of type STRUCT");
    refuses(
        "Variant(Array(Int8), UInt8)",
        union(string("x"), Value::Null),
        "cannot convert Kafka value of type STRUCT",
    );
}

#[test]
fn absent_and_null_values_are_what_the_column_makes_of_them() {
    let table = table(&[
        ("a", "Int8", false),
        ("d", "Int8", true),
        ("n", "Nullable(Int8)", false),
        ("v", "Variant(Int8, String)", false),
        ("l", "Array(Int8)", false),
    ]);
    let optional = || Schema::optional(Kind::Int8);
    let array = || Schema { optional: true, ..Schema::array(Arc::new(optional())) };
    let few = record(&[("a", optional(), Value::Int8(1)), ("l", array(), Value::Null), ("x", optional(), Value::Null)]);
    let plan = Plan::new(&table, &few.schema).unwrap();
    assert_eq!(plan.statement(), "INSERT INTO `d`.`t` (`a`, `l`) FORMAT RowBinaryWithNamesAndTypes");
    let mut out = Vec::new();
    plan.row(&few, &rules(false), &mut out).unwrap();
    assert_eq!(out, [1, 0], "a missing array is an empty one");

    let all = record(&[
        ("a", optional(), Value::Int8(1)),
        ("d", optional(), Value::Null),
        ("n", optional(), Value::Null),
        ("v", optional(), Value::Null),
        ("l", array(), Value::Array(vec![])),
    ]);
    let plan = Plan::new(&table, &all.schema).unwrap();
    assert_eq!(plan.statement(), "INSERT INTO `d`.`t` (`a`, `d`, `n`, `v`, `l`) FORMAT RowBinaryWithDefaults");
    let mut out = Vec::new();
    plan.row(&all, &rules(false), &mut out).unwrap();
    assert_eq!(out, [0, 1, 1, 0, 1, 0, 255, 0, 0]);

    let none = record(&[("a", optional(), Value::Null), ("l", array(), Value::Null)]);
    let error = Plan::new(&table, &none.schema).unwrap().row(&none, &rules(false), &mut out).unwrap_err();
    assert_eq!(error.message.as_deref(), Some("An attempt to write null into not nullable column 'a' of type Int8"));
    assert_eq!(out, [0, 1, 1, 0, 1, 0, 255, 0, 0], "nothing of a bad row stays");
    let error = Plan::new(&table, &record(&[("a", optional(), Value::Null)]).schema).unwrap_err();
    assert!(error.to_string().ends_with("Table column name [l] was not found."), "{error}");
}

#[test]
fn nested_columns_take_the_members_of_structs_in_an_array() {
    let table = table(&[("n.x", "Array(Int8)", false), ("n.y", "Array(Nullable(String))", false)]);
    let one = |x: i8, y: Value| {
        record(&[("x", Schema::new(Kind::Int8), Value::Int8(x)), ("y", Schema::optional(Kind::String), y)])
    };
    let structs = [one(1, string("a")), one(2, Value::Null)];
    let array = Schema::array(Arc::clone(&structs[0].schema));
    let value = Value::Array(structs.into_iter().map(Value::Struct).collect());
    let record = record(&[("n", array, value)]);
    let mut out = Vec::new();
    Plan::new(&table, &record.schema).unwrap().row(&record, &rules(false), &mut out).unwrap();
    assert_eq!(out, [2, 1, 2, 2, 0, 1, b'a', 1]);
}

#[test]
fn values_are_shown_only_where_that_is_asked_for() {
    let table = table(&[("c", "UInt8", false)]);
    let record = record(&[("c", Schema::new(Kind::Int8), Value::Int8(-77))]);
    let plan = Plan::new(&table, &record.schema).unwrap();
    let hidden = plan.row(&record, &rules(false), &mut Vec::new()).unwrap_err().to_string();
    assert!(!hidden.contains("77"), "{hidden}");
    let shown = plan.row(&record, &rules(true), &mut Vec::new()).unwrap_err().to_string();
    assert!(shown.ends_with("the value is -77"), "{shown}");
}

#[test]
fn types_that_cannot_be_written_are_left_to_the_server_or_named() {
    let table = table(&[("a", "Int8", false), ("p", "AggregateFunction(sum, Int8)", false)]);
    let without = record(&[("a", Schema::new(Kind::Int8), Value::Int8(1))]);
    assert_eq!(
        Plan::new(&table, &without.schema).unwrap().statement(),
        "INSERT INTO `d`.`t` (`a`) FORMAT RowBinaryWithNamesAndTypes"
    );
    refuses("Point", Value::Int8(1), "Cannot serialize unsupported type Point");
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Boolean),
        any::<i8>().prop_map(Value::Int8),
        any::<i16>().prop_map(Value::Int16),
        any::<i32>().prop_map(Value::Int32),
        any::<i64>().prop_map(Value::Int64),
        any::<f32>().prop_map(Value::Float32),
        any::<f64>().prop_map(Value::Float64),
        any::<i64>().prop_map(Value::Date),
        "\\PC{0,12}".prop_map(Value::string),
        (any::<i64>(), -40i64..40).prop_map(|(digits, scale)| Value::Decimal(BigDecimal::new(digits.into(), scale))),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
            prop::collection::vec((inner.clone(), inner), 0..3)
                .prop_map(|entries| Value::Map(entries.into_iter().collect())),
        ]
    })
}

use bigdecimal::BigDecimal;

proptest! {
    #[test]
    fn a_row_is_written_whole_or_not_at_all(value in any_value(), text in prop::sample::select(vec![
        "Int8", "UInt64", "Int256", "UInt128", "Float32", "Bool", "String", "FixedString(4)", "UUID", "IPv6", "Date",
        "Date32", "DateTime", "DateTime64(9)", "Decimal(76, 38)", "Decimal(3, 3)", "Nullable(Int32)", "Array(Nullable(Int64))",
        "Map(String, Int8)", "Variant(String, Int64, Array(Int8))", "Tuple(a Int8)", "JSON", "Enum8('a' = 1)", "Point",
    ]), default in any::<bool>()) {
        let table = table(&[("first", "Int8", default), ("c", text, false)]);
        let record = record(&[("first", Schema::new(Kind::Int8), Value::Int8(1)), ("c", plain(&value), value)]);
        let plan = Plan::new(&table, &record.schema).unwrap();
        let mut out = vec![7];
        match plan.row(&record, &rules(true), &mut out) {
            Ok(()) => prop_assert!(out.len() > 2),
            Err(_) => prop_assert_eq!(out, vec![7]),
        }
    }
}
