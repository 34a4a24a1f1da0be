use proptest::prelude::*;

use super::*;

fn read(body: &[u8]) -> Result<Vec<Token<'_>>, String> {
    let mut reader = Reader::new(body).map_err(|error| error.to_string())?;
    let mut tokens = Vec::new();
    while let Some(token) = reader.next().map_err(|error| error.to_string())? {
        tokens.push(token);
    }
    Ok(tokens)
}

#[test]
fn tokens_come_as_they_stand() {
    let tokens = read(br#" {"a":[1,-2.50e3,true],"b":null, "c":"x\n\u00e9\ud83d\ude00\ud800"} "#).unwrap();
    assert_eq!(tokens[3], Token::Integer("1"));
    assert_eq!(tokens[4], Token::Float("-2.50e3"));
    assert_eq!(tokens[10], Token::Text("x\né😀\u{fffd}".to_owned()));
    assert_eq!(tokens.len(), 12);
}

#[test]
fn errors_say_what_was_expected_and_where() {
    let error = |body: &str| read(body.as_bytes()).unwrap_err();
    assert_eq!(
        error("{"),
        "Unexpected end-of-input: expected close marker for Object (start marker at [Source: request body; line: 1, \
         column: 1])\n at [Source: request body; line: 1, column: 2]"
    );
    assert!(error("{}\n trailing").starts_with("Unrecognized token 'trailing': was expecting (JSON String"));
    assert!(error("{}\n trailing").ends_with("line: 2, column: 2]"));
    assert!(error("{\"a\" 1}").contains("was expecting a colon"));
    assert!(error("{\"a\":1 2}").contains("was expecting comma to separate Object entries"));
    assert!(error("[1 2]").contains("was expecting comma to separate Array entries"));
    assert!(error("{\"a\":1,}").starts_with("Unexpected character ('}' (code 125)): was expecting double-quote"));
    assert!(error("[1,]").starts_with("Unexpected character (']' (code 93)): expected a valid value"));
    assert!(error("[1}").starts_with("Unexpected close marker '}': expected ']' (for Array"));
    assert!(error("\"a").starts_with("Unexpected end-of-input in VALUE_STRING"));
    assert!(error("\"a\n\"").starts_with("Illegal unquoted character ((CTRL-CHAR, code 10))"));
    assert!(error("\"\\x\"").starts_with("Unrecognized character escape 'x' (code 120)"));
    assert!(error("01").starts_with("Invalid numeric value: Leading zeroes"));
    assert!(error("[1.]").starts_with("Unexpected character (']' (code 93)) in numeric value: Decimal point not"));
    assert!(error("[-]").contains("expected digit (0-9) to follow minus sign"));
    assert!(error("[1e+]").contains("Exponent indicator not followed by a digit"));
    assert!(error("1.").starts_with("Unexpected end-of-input"));
    assert!(error("1a").starts_with("Unexpected character ('a' (code 97)): Expected space separating root-level"));
    assert!(error("NaN").starts_with("Non-standard token 'NaN'"));
    assert!(error("{\"a\":").starts_with("Unexpected end-of-input within/between Object entries"));
    assert!(error("{}}").starts_with("Unexpected close marker '}': no open Object to close"));
    assert!(error("\u{1}").starts_with("Illegal character ((CTRL-CHAR, code 1)): only regular white space (\\r,"));
    assert!(error("\"\\u12\"").starts_with("Unexpected character ('\"' (code 34)): expected a hex-digit"));
    assert!(error(&"[".repeat(1001)).starts_with("Document nesting depth (1001)"));
    assert!(read(b"\"\xff\"").unwrap_err().starts_with("Invalid UTF-8 start byte 0xff"));
}

proptest! {
    #[test]
    fn it_accepts_exactly_what_is_json(text in "[\\[\\]{}:,\" 0-9.eE+\\-tfnulrasb\\\\\n]{0,24}") {
        let one_value = read(text.as_bytes()).is_ok_and(|tokens| !tokens.is_empty());
        let json = serde_json::from_str::<&serde_json::value::RawValue>(&text).is_ok();
        // Behind the first value a reader goes on to the next; only bodies of one value are compared.
        if json {
            prop_assert!(one_value, "{text}");
        }
        let mut reader = Reader::new(text.as_bytes()).unwrap();
        let mut depth = 0_i32;
        let mut values = 0;
        let mut failed = false;
        loop {
            match reader.next() {
                Ok(Some(Token::StartObject | Token::StartArray)) => depth += 1,
                Ok(Some(Token::EndObject | Token::EndArray)) => { depth -= 1; values += i32::from(depth == 0) }
                Ok(Some(Token::Key(_))) => {}
                Ok(Some(_)) => values += i32::from(depth == 0),
                Ok(None) => break,
                Err(_) => { failed = true; break }
            }
        }
        if !failed && values == 1 {
            prop_assert!(json, "{text}");
        }
    }

    #[test]
    fn it_never_panics(body in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = read(&body);
    }
}
