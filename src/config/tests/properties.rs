use proptest::prelude::*;

use crate::config::properties::{MAX_BYTES, parse};

#[track_caller]
fn reads(text: &str, expected: &[(&str, &str)]) {
    let props = parse(text.as_bytes()).unwrap();
    let found: Vec<_> = props.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert_eq!(found, expected, "{text:?}");
}

#[test]
fn keys_end_at_the_first_separator() {
    reads(
        "a=b\nc:d\ne f\ng = h\ni  :  j\nk\tl",
        &[("a", "b"), ("c", "d"), ("e", "f"), ("g", "h"), ("i", "j"), ("k", "l")],
    );
    reads("a==b\nc=:d\nalone\n= value", &[("a", "=b"), ("c", ":d"), ("alone", ""), ("", "value")]);
    reads(r"with\=sign\:and\ blank=x", &[("with=sign:and blank", "x")]);
}

#[test]
fn comments_and_blank_lines_say_nothing() {
    reads("# c\n! c\n   # c\n\n \t \na=1 # not a comment\n", &[("a", "1 # not a comment")]);
}

#[test]
fn lines_go_on_after_a_backslash() {
    reads("list=a,\\\n   b,\\\r\n\tc\nnext=1", &[("list", "a,b,c"), ("next", "1")]);
    reads("even=a\\\\\nnext=1", &[("even", "a\\"), ("next", "1")]);
    reads("a=1\\\n# no comment here", &[("a", "1# no comment here")]);
    reads("last=1\\", &[("last", "1")]);
}

#[test]
fn trailing_blanks_belong_to_the_value_and_later_keys_win() {
    reads("a=1 \na=2 ", &[("a", "2 ")]);
}

#[test]
fn escapes_are_those_of_java() {
    reads(r"a=\t\n\r\f\q\\\u00e9\uD83D\uDE00é", &[("a", "\t\n\r\u{c}q\\é😀é")]);
    let error = parse(b"fine=1\nbroken=\\u12G4").unwrap_err();
    assert_eq!(error.to_string(), "properties file, line 2: Malformed \\uxxxx encoding.");
    assert!(parse(br"half=\uD83D").unwrap_err().to_string().contains("line 1"));
}

#[test]
fn a_file_that_is_not_utf8_is_latin1() {
    assert_eq!(parse(b"name=caf\xe9").unwrap()["name"], "café");
    assert!(parse(&vec![b'a'; MAX_BYTES + 1]).is_err());
}

/// Writes a key or a value so that a reader must get back what it was.
fn escape(text: &str) -> String {
    text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect()
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn any_escaped_pair_is_read_back(key in ".*", value in ".*") {
        let props = parse(format!("{} = {}", escape(&key), escape(&value)).as_bytes()).unwrap();
        if !(key.is_empty() && value.is_empty()) {
            prop_assert_eq!(props.get(&key), Some(&value));
        }
    }
}
