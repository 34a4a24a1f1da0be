//! Bytes that are not what they should be.

use longshore_api::{ErrorKind, Value};

use super::*;

fn refused(avro: &str, bytes: &[u8]) -> String {
    let error = read(avro, bytes, DEFAULT).unwrap_err();
    assert_eq!(error.kind, ErrorKind::BadRecord);
    error.root_cause().to_string()
}

/// A number as Avro writes it.
fn number(mut rest: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    rest <<= 1;
    while rest >= 0x80 {
        bytes.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
    bytes
}

const HUGE: u64 = i64::MAX as u64 / 2;

#[test]
fn a_length_beyond_the_data_is_an_error_and_takes_no_memory() {
    let huge = number(HUGE);
    for avro in [r#""string""#, r#"{"type":"array","items":"long"}"#, r#"{"type":"map","values":"long"}"#] {
        assert!(refused(avro, &huge).starts_with("the data ends: "), "{avro}");
    }
    let nested: Vec<u8> = (0..50).flat_map(|_| number(HUGE)).collect();
    let arrays = (0..50).fold("\"int\"".to_owned(), |inner, _| format!(r#"{{"type":"array","items":{inner}}}"#));
    assert!(refused(&arrays, &nested).starts_with("the data ends: "));
}

#[test]
fn elements_without_bytes_come_to_an_end() {
    let empty = r#"{"type":"array","items":{"type":"record","name":"E","fields":[]}}"#;
    assert!(refused(empty, &number(HUGE)).contains("more than 100000 elements without data"));
    let pairs = r#"{"type":"array","items":{"type":"record","name":"io.confluent.connect.avro.MapEntry","fields":[
        {"name":"key","type":{"type":"record","name":"E","fields":[]}},{"name":"value","type":"E"}]}}"#;
    assert!(refused(pairs, &number(HUGE)).contains("more than 100000 elements without data"));
}

#[test]
fn values_nest_to_a_bounded_depth() {
    let list = r#"{"type":"record","name":"L","fields":[{"name":"next","type":["null","L"]}]}"#;
    assert!(refused(list, &[2; 1000]).contains("nested deeper than 100"));
    let mut bytes = vec![2; 90];
    bytes.push(0);
    assert!(read(list, &bytes, DEFAULT).is_ok());
    let anything = from_connect::schema(None, DEFAULT).unwrap().to_string();
    let arrays: Vec<u8> = (0..1000).flat_map(|_| [0, 0, 0, 0, 0, 0, 0, 2, 2]).collect();
    assert!(refused(&anything, &arrays).contains("nested deeper than 100"));
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    for (avro, bytes, told) in [
        (r#""long""#, &[0x80; 11][..], "Malformed data before byte 10: a number of more than 10 bytes"),
        (r#""int""#, &[0xff, 0xff, 0xff, 0xff, 0x7f], "Malformed data before byte 5: -17179869184 is no int"),
        (r#""string""#, &[1], "Malformed data before byte 1: Length is negative: -1"),
        (r#""double""#, &[1, 2], "the data ends: 8 bytes are wanted at byte 0 of 2"),
        (r#""boolean""#, &[7], "Malformed data before byte 1: 7 is no boolean"),
        (r#"["null","int"]"#, &[4], "Malformed data before byte 1: no branch 2 in the union"),
        (r#"["int","string"]"#, &[5], "Malformed data before byte 1: no branch -3 in the union"),
        (r#"{"type":"enum","name":"E","symbols":["A"]}"#, &[2], "Malformed data before byte 1: no symbol 1"),
        (r#"{"type":"bytes","logicalType":"decimal","scale":2}"#, &[], "Zero length BigInteger"),
    ] {
        assert_eq!(refused(avro, bytes), told);
    }
}

#[test]
fn blocks_may_say_their_size_and_come_one_after_the_other() {
    // Two blocks: -2 elements in 2 bytes, 1 element, the end.
    let bytes = [3, 4, 2, 4, 2, 6, 0];
    let read = read(r#"{"type":"array","items":"int"}"#, &bytes, DEFAULT).unwrap();
    assert_eq!(read.value, Value::Array(vec![Value::Int32(1), Value::Int32(2), Value::Int32(3)]));
}

#[test]
fn a_key_that_comes_again_takes_the_place_of_the_first() {
    let mut bytes = number(40);
    for round in [1, 2] {
        for key in 0..20 {
            bytes.extend([2, b'a' + key, round * 2]);
        }
    }
    bytes.push(0);
    let read = read(r#"{"type":"map","values":"int"}"#, &bytes, DEFAULT).unwrap();
    let Value::Map(map) = read.value else { panic!("{:?}", read.value) };
    assert_eq!(map.len(), 20);
    assert!(map.iter().all(|(_, value)| *value == Value::Int32(2)));
}

#[test]
fn a_text_that_is_no_utf8_is_mended_as_java_does() {
    let read = read(r#""string""#, &[4, b'a', 0xff], DEFAULT).unwrap();
    assert_eq!(read.value, Value::string("a\u{fffd}"));
}

#[test]
fn schemas_that_grow_when_they_are_written_out_are_refused_or_shared() {
    // Each record uses the next one twice: shared, they are few.
    let mut avro = r#"{"type":"record","name":"R40","fields":[{"name":"x","type":"int"}]}"#.to_owned();
    for level in (0..40).rev() {
        avro = format!(
            r#"{{"type":"record","name":"R{level}","fields":[{{"name":"a","type":{avro}}},{{"name":"b","type":"R{}"}}]}}"#,
            level + 1
        );
    }
    // The JSON alone is nested too deeply for its reader, or the schema is read quickly.
    if let Ok(parsed) = Avro::parse(&avro) {
        assert!(to_connect::plan(&parsed, None, DEFAULT).is_ok());
    }
    let wide = |count: usize| {
        let fields: Vec<String> = (0..count).map(|index| format!(r#"{{"name":"f{index}","type":"int"}}"#)).collect();
        let uses: Vec<String> =
            (0..count).map(|index| format!(r#"{{"name":"u{index}","type":"W","default":{{"f0":{index}}}}}"#)).collect();
        format!(
            r#"{{"type":"record","name":"T","fields":[
                {{"name":"w","type":{{"type":"record","name":"W","fields":[{}]}}}},{}]}}"#,
            fields.join(","),
            uses.join(",")
        )
    };
    assert!(plan(&wide(100), DEFAULT).is_ok());
    assert!(plan(&wide(1500), DEFAULT).unwrap_err().to_string().contains("more than 1000000 parts"));
}
