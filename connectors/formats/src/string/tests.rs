use longshore_api::{BatchBuilder, RowParts};
use proptest::prelude::*;

use super::*;

fn converter(encoding: &str) -> StringConverter {
    StringConverter::new(&Props::from_iter([("converter.encoding".to_owned(), encoding.to_owned())])).unwrap()
}

fn decoded(encoding: &str, bytes: &[u8]) -> Value {
    converter(encoding).to_connect("t", Some(bytes)).unwrap().value
}

#[test]
fn text_stays_in_the_batch_and_what_is_no_text_is_replaced() {
    let mut builder = BatchBuilder::default();
    let topic = builder.topic_index(&Arc::from("t"));
    for key in [Some(&b"abc"[..]), None, Some(b""), Some(b"a\xffb")] {
        builder.push(topic, RowParts { key, ..RowParts::default() });
    }
    let mut batch = builder.finish();
    let mut column = Column::default();
    converter("UTF-8").read_column(&mut batch, Part::Key, ReadOptions::default(), &mut column);
    let keys: Vec<_> = batch.rows().iter().map(|row| row.key).collect();
    assert_eq!(column.slots[..3], [Slot::Text(keys[0].unwrap()), Slot::Null, Slot::Text(keys[2].unwrap())]);
    assert!(matches!(column.slots[3], Slot::Data(_)));
    assert!(column.errors.is_empty());
}

#[test]
fn broken_text_is_replaced_as_java_replaces_it() {
    for (bytes, text) in [
        (&b"\xff"[..], "\u{fffd}"),
        (b"a\xe2\x82", "a\u{fffd}"),
        (b"\xe2\x82a", "\u{fffd}a"),
        (b"\xc0\x80", "\u{fffd}\u{fffd}"),
        (b"\xed\xa0\xbd\xed\xb8\x80", "\u{fffd}\u{fffd}"),
        (b"\xed\xa0", "\u{fffd}"),
        (b"\xf5\x80", "\u{fffd}\u{fffd}"),
        (b"\xf0\x9f\x98", "\u{fffd}"),
    ] {
        assert_eq!(decoded("UTF-8", bytes), Value::string(text), "{bytes:x?}");
    }
}

#[test]
fn other_encodings_are_read() {
    assert_eq!(decoded("iso-8859-1", b"A\xe9"), Value::string("Aé"));
    assert_eq!(decoded("ASCII", b"A\xe9"), Value::string("A\u{fffd}"));
    assert_eq!(decoded("UTF-16", b"\xff\xfeA\0"), Value::string("A"));
    assert_eq!(decoded("UTF-16", b"\0A\xd8"), Value::string("A\u{fffd}"));
    assert_eq!(decoded("utf-16le", b"A\0"), Value::string("A"));
    assert_eq!(decoded("UTF-16BE", b"\xd8\x3d"), Value::string("\u{fffd}"));
}

#[test]
fn an_unknown_encoding_is_refused() {
    let error = StringConverter::new(&Props::from_iter([("converter.encoding".into(), "EBCDIC".into())])).unwrap_err();
    assert_eq!((error.kind, error.message.as_deref()), (ErrorKind::Config, Some("Unsupported encoding EBCDIC")));
}

proptest! {
    #[test]
    fn text_comes_back_in_every_encoding_of_all_characters(text in any::<String>(), encoding in 0..4_usize) {
        let converter = converter(["UTF-8", "UTF-16", "UTF-16BE", "UTF-16LE"][encoding]);
        let data = Data::new(Arc::clone(&SCHEMA), Value::string(text));
        let mut bytes = Vec::new();
        prop_assert!(converter.from_connect("t", &data, &mut bytes).unwrap());
        prop_assert_eq!(converter.to_connect("t", Some(&bytes)).unwrap(), data);
    }

    #[test]
    fn latin_text_comes_back(text in "[\u{0}-\u{ff}]*") {
        let mut bytes = Vec::new();
        charset::encode(Charset::Latin1, &text, &mut bytes);
        prop_assert_eq!(bytes.len(), text.chars().count());
        prop_assert_eq!(Charset::Latin1.decode(&bytes), text);
    }
}
