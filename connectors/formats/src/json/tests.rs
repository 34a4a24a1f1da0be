use proptest::prelude::*;

use super::*;

#[track_caller]
fn is_malformed(text: &str, what: &str, at: usize) {
    let Err(malformed) = form(text.as_bytes()) else { panic!("{text} was taken") };
    assert_eq!((malformed.what, malformed.at), (what, at), "{text}");
}

#[test]
fn an_error_says_what_is_wrong_and_where() {
    is_malformed("{\"a\":1,}", "expected a name in double quotes", 7);
    is_malformed("{\"a\" 1}", "expected a colon after the name", 5);
    is_malformed("[1 2]", "expected a comma or a bracket", 3);
    is_malformed("[1,]", "expected a value", 3);
    is_malformed("{\"a\":1", "unexpected end", 6);
    is_malformed("\"abc", "unexpected end of a string", 4);
    is_malformed("\"a\tb\"", "a control character in a string has to be escaped", 2);
    is_malformed("\"\\x\"", "unknown escape", 1);
    is_malformed("\"\\u12\"", "expected four hex digits", 1);
    is_malformed("nope", "expected null, true or false", 0);
    is_malformed("1.", "unexpected end", 2);
    is_malformed("1.x", "expected a digit after the point", 2);
    is_malformed("1x", "expected a blank after the number", 1);
    is_malformed("1e9999999999", "an exponent out of range", 0);
}

#[test]
fn bytes_that_are_no_text_are_named() {
    let malformed = form(b"{\"a\":\"\xff\"}").unwrap_err();
    assert_eq!(malformed, Malformed { what: "invalid UTF-8", at: 6 });
}

#[test]
fn the_error_is_the_one_that_connect_gives() {
    let error = check(b"{bad").unwrap_err();
    assert_eq!(
        error.trace(),
        "org.apache.kafka.connect.errors.DataException: Converting byte[] to Kafka Connect data failed due to \
         serialization error: \nCaused by: org.apache.kafka.common.errors.SerializationException: malformed JSON at byte \
         1: expected a name in double quotes\n"
    );
    assert_eq!(error.kind, ErrorKind::BadRecord);
}

#[test]
fn only_what_every_parser_reads_alike_is_plain() {
    for plain in
        [" {\"a\":[1,-2.5e3,\"x\\u00e9\\ud83d\\ude00\",null,true]}\n", "0", "-0.5", "9223372036854775807", "\"\""]
    {
        assert_eq!(form(plain.as_bytes()), Ok(Form::Plain), "{plain}");
    }
    for lenient in
        ["01", "{} x", "[00.5]", "\"\\ud83d\"", "1e400", "9223372036854775808", "[-0]", "[-0.0]", "\u{feff}[1]"]
    {
        assert_eq!(form(lenient.as_bytes()), Ok(Form::Lenient), "{lenient}");
    }
    assert_eq!(form(b" null "), Ok(Form::Null));
    assert_eq!(form(b" \r\n\t"), Ok(Form::Blank));
    assert_eq!(form(b""), Ok(Form::Blank));
}

#[test]
fn of_a_name_that_comes_twice_the_last_value_stands_in_the_first_place() {
    let value = decode(b"{\"a\":1,\"b\":2,\"a\":3}", &mut Keys::default()).unwrap();
    let Value::Map(map) = value else { panic!("{value:?}") };
    let entries: Vec<_> = map.into_iter().collect();
    assert_eq!(entries, [(Value::string("a"), Value::Int64(3)), (Value::string("b"), Value::Int64(2))]);
}

#[test]
fn objects_of_many_members_keep_order_and_last_values() {
    let members: Vec<String> = (0..200).chain(50..70).map(|n| format!("\"k{n}\":{n}")).collect();
    let text = format!("{{{},\"k0\":-1}}", members.join(","));
    let Value::Map(map) = decode(text.as_bytes(), &mut Keys::default()).unwrap() else { panic!() };
    assert_eq!(map.len(), 200);
    assert_eq!(map.get("k0"), Some(&Value::Int64(-1)));
    assert_eq!(map.iter().nth(60), Some((&Value::string("k60"), &Value::Int64(60))));
}

#[test]
fn documents_that_are_alike_do_not_hide_a_name_that_comes_twice() {
    let mut keys = Keys::default();
    let mut read = |text: &str| format!("{:?}", decode(text.as_bytes(), &mut keys).unwrap());
    let nested = read("{\"o\":{\"a\":1},\"a\":2,\"b\":3}");
    assert!(nested.contains("Int64(2)"), "{nested}");
    let twice = read("{\"o\":{\"a\":1,\"a\":2},\"b\":3}");
    assert!(!twice.contains("Int64(1)"), "{twice}");
    let twice = read("{\"o\":{\"a\":1},\"a\":2,\"a\":3}");
    assert!(!twice.contains("Int64(2)"), "{twice}");
}

#[test]
fn names_and_strings_have_limits() {
    let named = |length: usize| format!("{{\"{}\":1}}", "a".repeat(length));
    assert!(check(named(50_000).as_bytes()).is_ok());
    assert!(check(named(50_001).as_bytes()).is_err());
    let string = |length: usize| format!("\"{}\"", "é".repeat(length));
    assert!(check(string(20_000_000).as_bytes()).is_ok());
    assert!(check(string(20_000_001).as_bytes()).is_err());
}

/// Runs with little stack.
fn on_a_small_stack(run: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(64 << 10).spawn_scoped(scope, run).unwrap();
        thread.join().unwrap();
    });
}

#[test]
fn a_thousand_levels_are_read_without_recursion_and_no_more_are_taken() {
    let nested = |levels: usize| "[{\"a\":".repeat(levels / 2) + "1" + &"}]".repeat(levels / 2);
    let (deep, deeper) = (nested(1000), nested(1002));
    on_a_small_stack(|| {
        assert_eq!(form(deep.as_bytes()), Ok(Form::Plain));
        // Dropping a tree of this depth recurses, as its owner's type does; that is not the reader's.
        std::mem::forget(decode(deep.as_bytes(), &mut Keys::default()).unwrap());
        assert_eq!(form(deeper.as_bytes()).unwrap_err().what, "more than 1000 levels");
        assert!(decode(deeper.as_bytes(), &mut Keys::default()).is_err());
        assert!(check("[".repeat(1_000_000).as_bytes()).is_err());
    });
}

/// What is printed in one pass, and what is printed of the tree.
#[track_caller]
fn printed(text: &str) -> (Option<String>, Option<String>) {
    let mut printed = b"before ".to_vec();
    let one_pass = Printer::default().print(text.as_bytes(), &mut printed).ok();
    let one_pass = one_pass.map(|()| String::from_utf8(printed.split_off(7)).unwrap());
    let tree = decode(text.as_bytes(), &mut Keys::default()).ok();
    (one_pass, tree.map(|value| crate::java_text::value(&value)))
}

#[test]
fn values_are_printed_as_java_prints_them() {
    for (text, java) in [
        (r#"{"a":1,"b":[true,null,{}],"c":{"d":"x\u00e9\n"}}"#, "{a=1, b=[true, null, {}], c={d=xé\n}}"),
        (r#"{"a":1,"b":{"a":2},"\u0061":3}"#, "{a=3, b={a=2}}"),
        ("[[],[1.50, -0.0, 1e3, 007, -0]]", "[[], [1.5, 0.0, 1000.0, 7, 0]]"),
        ("18446744073709551617", "1"),
        ("[0.001,0.00099,9999999.9,10000000.5]", "[0.001, 9.9E-4, 9999999.9, 1.00000005E7]"),
        (" ", "null"),
        ("\"a\" rest", "a"),
    ] {
        let java = java.replace("\\n", "\n");
        assert_eq!(printed(text), (Some(java.clone()), Some(java)), "{text}");
    }
}

#[test]
fn objects_of_any_size_are_printed_with_the_last_value_of_each_name() {
    for members in [1, 63, 64, 65, 200] {
        let fresh = (0..members).map(|n| format!("\"k{n}\":{n}")).collect::<Vec<_>>().join(",");
        for text in [format!("[{{{fresh}}}]"), format!("{{{fresh},\"k0\":-1}}")] {
            let (one_pass, tree) = printed(&text);
            assert_eq!(one_pass, tree);
            assert!(one_pass.is_some());
        }
    }
}

#[test]
fn decimals_of_few_digits_are_printed_as_the_double_that_they_mean() {
    // All of up to five digits, wherever the point stands.
    for digits in 0..100_000_u32 {
        for places in 1..=6 {
            let padded = format!("{digits:07}");
            let (whole, fraction) = padded.split_at(7 - places);
            let text = format!("{}.{fraction}", whole.parse::<u32>().unwrap());
            let mut one_pass = Vec::new();
            Printer::default().print(text.as_bytes(), &mut one_pass).unwrap();
            assert_eq!(one_pass, crate::java_text::double(text.parse().unwrap()).as_bytes(), "{text}");
        }
    }
}

/// Numbers as people write them, and some that nobody does.
fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        (any::<bool>(), 0..20_000_000_u64, "[0-9]{1,14}").prop_map(|(negative, whole, fraction)| {
            format!("{}{whole}.{fraction}", if negative { "-" } else { "" })
        }),
        any::<f64>().prop_filter("finite", |value| value.is_finite()).prop_map(|value| format!("{value:?}")),
        "-?[0-9]{1,21}(\\.[0-9]{1,18})?([eE][-+]?[0-9]{1,3})?",
    ]
}

/// Whole JSON documents.
fn document() -> impl Strategy<Value = String> {
    let text = prop_oneof!["[a-c]{1,2}", any::<String>()].prop_map(|text| {
        let mut written = Vec::new();
        writer::string(&mut written, &text);
        String::from_utf8(written).unwrap()
    });
    let leaf = prop_oneof![number(), text.clone(), prop::sample::select(vec!["null", "true", "false"]).prop_map_into()];
    leaf.prop_recursive(5, 60, 8, move |inner| {
        let array = prop::collection::vec(inner.clone(), 0..8).prop_map(|elements| format!("[{}]", elements.join(",")));
        let member = (text.clone(), inner).prop_map(|(name, value)| format!("{name}: {value}"));
        let object = prop::collection::vec(member, 0..8).prop_map(|members| format!("{{{}}}", members.join(" ,")));
        prop_oneof![array, object]
    })
}

/// Text that is JSON, or nearly.
fn nearly_json() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        "\\u",
        "d83d",
        "1",
        "0",
        "-",
        ".",
        "e",
        "+",
        "null",
        "true",
        "false",
        " ",
        "\n",
        "a",
        "\"a\":",
        "é",
        "🚀",
        "\u{0}",
        "\u{feff}",
        "{\"a\":1}",
        "[1,2]",
    ]);
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// Documents of few names, which come twice, nest and stand in another order easily; with blanks and escapes.
fn alike() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![Just("1".to_owned()), Just("\"x\"".to_owned()), Just("null".to_owned())];
    leaf.prop_recursive(4, 16, 4, |inner| {
        let name = prop::sample::select(vec!["a", "b", "c", "", "\\n", "\\u0061", "z\u{fc}"]);
        let (comma, colon) =
            (prop::sample::select(vec![",", ", ", " ,\n"]), prop::sample::select(vec![":", ": ", " :"]));
        let member = (name, inner.clone()).prop_map(|(name, value)| (format!("\"{name}\""), value));
        let object = (prop::collection::vec(member, 0..5), comma, colon).prop_map(|(members, comma, colon)| {
            let members: Vec<String> = members.iter().map(|(name, value)| format!("{name}{colon}{value}")).collect();
            format!("{{{}}}", members.join(comma))
        });
        let array = prop::collection::vec(inner, 0..3).prop_map(|elements| format!("[{}]", elements.join(",")));
        prop_oneof![4 => object, 1 => array]
    })
}

proptest! {
    #[test]
    fn what_came_before_changes_nothing(documents in prop::collection::vec(alike(), 1..4), order in any::<[u8; 8]>()) {
        let mut keys = Keys::default();
        for choice in order {
            let text = &documents[usize::from(choice) % documents.len()];
            prop_assert_eq!(decode(text.as_bytes(), &mut keys), decode(text.as_bytes(), &mut Keys::default()), "{}", text);
            // What ends in the middle of a document leaves nothing behind either.
            let head: String = text.chars().take(usize::from(choice) / 4).collect();
            prop_assert_eq!(decode(head.as_bytes(), &mut keys), decode(head.as_bytes(), &mut Keys::default()), "{}", head);
        }
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let checked = check(&bytes).is_ok();
        prop_assert_eq!(checked, decode(&bytes, &mut Keys::default()).is_ok());
    }

    #[test]
    fn the_check_takes_what_decoding_takes(text in nearly_json()) {
        let checked = check(text.as_bytes()).is_ok();
        prop_assert_eq!(checked, decode(text.as_bytes(), &mut Keys::default()).is_ok());
    }

    #[test]
    fn one_pass_prints_what_the_tree_prints(text in prop_oneof![nearly_json(), document(), number()]) {
        let (one_pass, tree) = printed(&text);
        prop_assert_eq!(one_pass, tree, "{}", text);
    }

    #[test]
    fn decimals_are_printed_as_the_double_that_they_mean(number in number()) {
        let (one_pass, tree) = printed(&number);
        prop_assert_eq!(one_pass, tree, "{}", number);
    }

    #[test]
    fn what_another_parser_takes_is_taken_and_what_is_plain_it_takes(text in nearly_json()) {
        let other = serde_json::from_str::<serde_json::Value>(&text);
        let form = form(text.as_bytes());
        if other.is_ok() {
            prop_assert!(form.is_ok(), "{text} was refused: {form:?}");
        }
        if form == Ok(Form::Plain) {
            prop_assert!(other.is_ok(), "{text} is not plain: {other:?}");
        }
    }

    #[test]
    fn strings_come_back_as_they_were_written(text in any::<String>()) {
        let mut written = Vec::new();
        writer::string(&mut written, &text);
        prop_assert_eq!(serde_json::from_slice::<String>(&written).unwrap(), text.clone());
        prop_assert_eq!(decode(&written, &mut Keys::default()).unwrap(), Value::string(text));
    }

    #[test]
    fn integers_and_doubles_come_back_as_they_were_written(integer in any::<i64>(), double in any::<f64>()) {
        let mut written = Vec::new();
        writer::integer(&mut written, integer);
        prop_assert_eq!(decode(&written, &mut Keys::default()).unwrap(), Value::Int64(integer));
        written.clear();
        writer::double(&mut written, double);
        if double.is_finite() {
            prop_assert_eq!(decode(&written, &mut Keys::default()).unwrap(), Value::Float64(double));
        }
    }
}
