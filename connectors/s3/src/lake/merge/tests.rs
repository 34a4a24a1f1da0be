use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::lake::name::Scheme;

fn source(name: &str, text: &[u8]) -> Source {
    let mut spool = Spool::new().unwrap();
    let copy = spool.add::<ConnectError>(|out| out.write_all(text).map_err(temporary)).unwrap();
    copied(name, copy)
}

fn copied(name: &str, copy: Slice) -> Source {
    let scheme = Scheme { directory: "/".to_owned(), file: "+".to_owned() };
    Source { key: name.to_owned(), copy, name: scheme.read(name).unwrap() }
}

fn json(first: usize, rows: &[Json]) -> Source {
    source(&format!("t+0+{first}.json"), rows.iter().map(|row| format!("{row}\n")).collect::<String>().as_bytes())
}

fn rows(source: &Source) -> Vec<Json> {
    let mut rows = Vec::new();
    let mut keep = |row: &[u8]| {
        rows.push(serde_json::from_slice(row).unwrap());
        Ok(())
    };
    source.each(&mut keep).unwrap();
    rows
}

/// Rows of one file of Parquet, read back.
fn parquet(sources: &[Source]) -> (Source, Vec<u64>) {
    let made = merge(sources, Target::Parquet).unwrap();
    (copied("t+0+0.parquet", made.file), made.rows)
}

/// What is left of a value without members that are null, which is how Parquet shows those that are missing.
fn present(value: &Json) -> Json {
    match value {
        Json::Object(members) => {
            let members = members.iter().filter(|(_, value)| !value.is_null());
            members.map(|(name, value)| (name.clone(), present(value))).collect::<serde_json::Map<_, _>>().into()
        }
        Json::Array(elements) => elements.iter().map(present).collect(),
        value => value.clone(),
    }
}

/// A row of some of these fields.
fn row(has: u8, n: i64, text: &str, list: &[Option<i64>]) -> Json {
    let all = [
        ("n", json!(n)),
        ("text", json!(text)),
        ("list", json!(list)),
        ("inner", json!({ "deep": [{ "n": n, "list": list }], "half": 0.5, "text": text })),
        ("flag", json!(n % 2 == 0)),
    ];
    let some = all.into_iter().enumerate().filter(|(index, _)| has >> index & 1 == 1);
    some.map(|(_, (name, value))| (name.to_owned(), value)).collect::<serde_json::Map<_, _>>().into()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn files_of_some_fields_are_joined_without_a_change(
        files in prop::collection::vec(
            (0..32_u8, prop::collection::vec((any::<i64>(), "[a-zé]{0,3}", prop::collection::vec(any::<Option<i64>>(), 0..3)), 1..5)),
            1..5,
        ),
    ) {
        let mut expected = Vec::new();
        let mut made = Vec::new();
        for (has, values) in &files {
            // Lists of no more than nulls have no type of their own: one in front settles it.
            let mut own = vec![row(*has, 1, "a", &[Some(1)])];
            own.extend(values.iter().map(|(n, text, list)| row(*has, *n, text, list)));
            made.push(parquet(&[json(0, &own)]).0);
            expected.extend(own);
        }
        // A file without fields has a column for them, which others have not.
        let (joined, counts) = parquet(&made);
        prop_assert_eq!(counts.len(), made.len());
        let found: Vec<Json> = rows(&joined).iter().map(present).collect();
        prop_assert_eq!(found, expected.iter().map(present).collect::<Vec<_>>());
    }
}

/// Three records of a document, written by a schema.
fn given(message: &str, row: &str) -> Source {
    let message = crate::format::parse_schema(message).unwrap();
    let mut spool = Spool::new().unwrap();
    let copy = spool.add::<ConnectError>(|out| {
        let mut sheet = Sheet::new(Some(message))?;
        (0..3).try_for_each(|_| sheet.add(Payload::Json(row.as_bytes()), out))?;
        sheet.finish(out)
    });
    copied("t+0+0.parquet", copy.unwrap())
}

#[test]
fn lists_of_the_older_form_are_read_as_what_they_are() {
    let message = "message m {
        optional group texts (LIST) { repeated binary array (STRING); }
        optional group one (LIST) { repeated group array { required int32 a; } }
        optional group two (LIST) { repeated group array { required int32 a; optional int32 b; } }
        optional group nested (LIST) { repeated group array (LIST) { repeated int32 array; } }
        optional group map (MAP) { repeated group key_value { required binary key (STRING);
            required group value (LIST) { repeated int32 array; } } }
    }";
    for row in [
        json!({ "texts": ["x", "y"], "one": [{ "a": 1 }, { "a": 2 }], "two": [{ "a": 1, "b": null }, { "a": 2, "b": 3 }],
                "nested": [[1, 2], [3]], "map": { "k": [1, 2], "l": [] } }),
        json!({ "texts": [], "one": [], "two": null, "nested": [[]], "map": {} }),
    ] {
        assert_eq!(rows(&given(message, &row.to_string())), [row.clone(), row.clone(), row]);
    }
}

#[test]
fn required_columns_become_optional_where_a_file_lacks_them() {
    let list = "required group list (LIST) { repeated group list { required int32 element; } }";
    let all = given(&format!("message m {{ required int64 a; {list} }}"), r#"{"a":1,"list":[1,2]}"#);
    let one = given("message m { required int64 a; }", r#"{"a":2}"#);
    let other = given("message m { required double a; }", r#"{"a":2}"#);
    let (joined, counts) = parquet(&[all.clone(), one.clone(), all.clone(), other.clone(), one.clone()]);
    // Of another type: an object of its own.
    assert_eq!(counts, [3, 3, 3]);
    let schema = joined.rows().unwrap().schema().unwrap().to_owned();
    assert!(schema.contains("REQUIRED INT64 a") && schema.contains("OPTIONAL group list"), "{schema}");
    let whole = json!({ "a": 1, "list": [1, 2] });
    let found = rows(&joined);
    assert_eq!([&found[0], &found[3], &found[6]], [&whole, &json!({ "a": 2, "list": null }), &whole]);
    assert_eq!(parquet(&[other, one]).1, [3]);
}

#[test]
fn small_row_groups_become_large_ones() {
    let small: Vec<Source> = (0..50).map(|n| parquet(&[json(n, &[json!({ "n": n })])]).0).collect();
    let (joined, _) = parquet(&small);
    let file = parquet::file::reader::SerializedFileReader::new(joined.copy.clone()).unwrap();
    let metadata = parquet::file::reader::FileReader::metadata(&file);
    assert_eq!((metadata.num_row_groups(), metadata.row_group(0).num_rows()), (1, 50));
}

#[test]
fn csv_has_a_column_for_each_member_of_any_row() {
    let sources =
        [json(0, &[json!({ "a": 1, "b": "x,\"y" })]), json(1, &[json!({ "b": "", "c": [1, null] }), json!(7)])];
    let made = merge(&sources, Target::Csv).unwrap();
    let text = std::io::read_to_string(made.file.reader()).unwrap();
    assert_eq!(text, "a,b,c,value\n1,\"x,\"\"y\",,\n,\"\",\"[1,null]\",\n,,,7\n");
    assert_eq!(made.rows, [1, 2]);
}

#[test]
fn an_object_that_cannot_be_read_is_named_with_its_row() {
    let broken = source("t+0+7.json", b"{\"a\":1}\n{\"a\":\n");
    for to in [Target::Parquet, Target::Csv] {
        let failed = merge(&[json(0, &[json!({})]), broken.clone()], to).err().unwrap();
        assert_eq!(failed.object, "t+0+7.json");
        assert!(failed.error.to_string().starts_with("row 2: "), "{}", failed.error);
    }
}

#[test]
fn what_is_missing_in_csv_is_missing_in_what_is_made_of_it() {
    let text = "a,b\n1,\n2,\"\"\n";
    let csv = source("t+0+0.1.compacted.csv", text.as_bytes());
    let made = merge(std::slice::from_ref(&csv), Target::Csv).unwrap();
    assert_eq!(std::io::read_to_string(made.file.reader()).unwrap(), text);
    let expected = [json!({ "a": "1", "b": null }), json!({ "a": "2", "b": "" })];
    assert_eq!(rows(&csv), expected);
    assert_eq!(rows(&parquet(&[csv]).0), expected);
}

#[test]
fn a_member_that_comes_twice_loses_no_value() {
    for (row, name) in [("{\"a\":1,\"b\":0,\"a\":null}", "a"), ("{\"b\":[{\"a\":1,\"a\":2}]}", "b.a")] {
        let twice = source("t+0+7.json", format!("{{}}\n{row}\n").as_bytes());
        let failed = merge(std::slice::from_ref(&twice), Target::Parquet).err().unwrap();
        assert_eq!(failed.error.to_string(), format!("row 2: field {name}: it comes twice"));
        match merge(&[twice], Target::Csv) {
            Err(failed) => assert_eq!(failed.error.to_string(), "row 2: field a: it comes twice"),
            Ok(made) => {
                let text = std::io::read_to_string(made.file.reader()).unwrap();
                assert!(text.contains(r#"[{""a"":1,""a"":2}]"#), "{text}");
            }
        }
    }
}
