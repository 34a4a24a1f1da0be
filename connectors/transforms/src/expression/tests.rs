//! Expressions over one record, as a table.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

use bigdecimal::BigDecimal;
use longshore_api::{ConnectRecord, Data, Header, Map, RecordOrigin, TimestampType, Value};
use longshore_formats::java_text;

use super::{Expression, Language};

fn map(entries: Vec<(Value, Value)>) -> Value {
    Value::Map(Map::from_distinct(entries))
}

fn record() -> ConnectRecord {
    let entry = |name: &str, value| (Value::string(name), value);
    let value = map(vec![
        entry("i", Value::Int32(7)),
        entry("f", Value::Float64(2.5)),
        entry("d", Value::Decimal(BigDecimal::new(1050.into(), 2))),
        entry("s", Value::string("Straße 12")),
        entry("n", Value::Null),
        entry("b", Value::Bytes(b"abc".to_vec().into())),
        // Wednesday.
        entry("t", Value::Date(1_700_000_000_123)),
        entry("l", Value::Array(vec![Value::Int64(3), Value::Int64(1), Value::Int64(2)])),
        entry("m", map(vec![(Value::Int32(1), Value::string("one")), (Value::Boolean(true), Value::string("yes"))])),
        entry("o", map(vec![entry("x", map(vec![entry("y", Value::Int64(5))]))])),
    ]);
    ConnectRecord {
        topic: "orders".into(),
        partition: Some(3),
        key: Data::schemaless(Value::string("k")),
        value: Data::schemaless(value),
        timestamp: Some(1_700_000_000_123),
        headers: vec![
            Header { name: "h".into(), value: Data::schemaless(Value::string("first")) },
            Header { name: "h".into(), value: Data::schemaless(Value::string("last")) },
        ],
        origin: RecordOrigin::Sink { offset: 42, timestamp_type: TimestampType::CreateTime },
    }
}

/// The value as text, or the error.
fn run(text: &str, language: Language) -> String {
    match Expression::compile(text, language) {
        Err(error) => format!("none: {error}"),
        Ok(expression) => match expression.value(&record(), "x") {
            Ok(value) => java_text::value(&value),
            Err(error) => format!("failed: {error}"),
        },
    }
}

fn check(language: Language, cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(run(text, language), *expected, "{text}");
    }
}

#[test]
fn cel_counts_and_compares() {
    check(
        Language::Cel,
        &[
            ("1 + 2 * 3 - 4 / 2 % 3", "5"),
            ("(1 + 2) * 3", "9"),
            ("-value.i + 10", "3"),
            ("- -1", "1"),
            ("value.i / 2", "3"),
            ("value.f * 2", "5.0"),
            ("value.d * 2", "21.00"),
            ("value.d + value.i", "17.50"),
            ("value.d / 2", "5.25"),
            ("value.i == 7.0 && value.d == 10.5 && value.d > value.i", "true"),
            ("9223372036854775807 + 1", "failed: x: a number out of range at character 21"),
            ("1 / 0", "failed: x: division by zero at character 3"),
            ("9007199254740993 == 9007199254740992.0", "false"),
            ("'a' < 'b' && b'a' < b'b' && false < true", "true"),
            ("'1' == 1", "false"),
            ("1 < 'a'", "failed: x: < does not work on an integer and a text at character 3"),
            ("[1, 2.0] == [1.0, 2] && {'a': 1} == {'a': 1.0}", "true"),
            ("0x1F + 1e2", "131.0"),
            ("1u", "none: unsigned numbers are not supported, at character 1"),
        ],
    );
}

#[test]
fn cel_finds_its_way() {
    check(
        Language::Cel,
        &[
            ("value.o.x.y", "5"),
            ("value['o']['x'].y", "5"),
            ("value.m[1] + value.m[true]", "oneyes"),
            ("value.m[1.0]", "one"),
            ("value.m[2]", "failed: x: the map has no such key at character 8"),
            ("value.l[1]", "1"),
            ("value.l[3]", "failed: x: the list has no such element at character 8"),
            ("value.missing", "failed: x: there is no missing at character 7"),
            ("value.n.x", "failed: x: x cannot be had of null at character 9"),
            (
                "[has(value.i), has(value.n), has(value.missing), has(value.missing.deeper)]",
                "[true, false, false, false]",
            ),
            ("value.n == null && value.i != null", "true"),
            ("value.missing == 1 || true", "true"),
            ("false && value.missing == 1", "false"),
            ("value.missing == 1 && false", "false"),
            ("value.missing == 1 && true", "failed: x: there is no missing at character 7"),
            ("value.i > 5 ? 'big' : 'small'", "big"),
            ("[topic, key, string(partition), string(offset), headers.h]", "[orders, k, 3, 42, last]"),
            ("'h' in headers && !('g' in headers) && 1 in value.l && 'i' in value", "true"),
            ("value.`s` + r'\\n' + \"\\x41\\u00e9\" + '''a'b'''", "Straße 12\\nAéa'b"),
        ],
    );
}

#[test]
fn cel_calls_functions() {
    check(
        Language::Cel,
        &[
            ("size(value.s) + value.l.size() + size(value.b) + size({'a': 1})", "16"),
            ("value.s.contains('raß') && value.s.startsWith('S') && value.s.endsWith('12')", "true"),
            ("value.s.matches('[0-9]+') && !value.s.matches('^[0-9]+$')", "true"),
            ("value.s.matches(topic)", "none: a pattern must be a text that stands in the expression, at character 9"),
            ("value.s.upperAscii() + value.s.lowerAscii()", "STRAßE 12straße 12"),
            ("value.s.substring(3, 6) + value.s.charAt(0) + string(value.s.indexOf('ß'))", "aßeS4"),
            ("value.s.substring(20)", "failed: x: a text of 9 characters has no such part at character 9"),
            ("'a,b'.split(',').join('-').replace('b', 'c') + ' x '.trim()", "a-cx"),
            ("[int('12'), int(2.9), int(value.d), int(value.t)]", "[12, 2, 10, 1700000000]"),
            ("[double('1.5'), double(1)]", "[1.5, 1.0]"),
            ("decimal('1.10') + decimal(1)", "2.10"),
            ("int('x')", "failed: x: \"x\" is no integer at character 1"),
            ("string(1.5) + string(value.d) + string(true) + string(value.b)", "1.510.50trueabc"),
            ("string(value.t)", "2023-11-14T22:13:20.123Z"),
            ("timestamp('2023-11-14T23:13:20.123+01:00') == value.t && timestamp == value.t", "true"),
            (
                "timestamp('2023-02-29T00:00:00Z')",
                "failed: x: \"2023-02-29T00:00:00Z\" is no timestamp of RFC 3339 at character 1",
            ),
            ("fromMillis(1500).toMillis()", "1500"),
            (
                "[value.t.getFullYear(), value.t.getMonth(), value.t.getDate(), value.t.getDayOfWeek(), value.t.getHours()]",
                "[2023, 10, 14, 2, 22]",
            ),
            ("value.t.getHours('Europe/Berlin')", "23"),
            ("(value.t + duration('1h30m')) - value.t == duration('5400s')", "true"),
            ("string(duration('-1500ms')) + string(duration('90m').getHours())", "-1.5s1"),
            ("duration('1h')", "failed: x: a duration is nothing that a record can hold"),
            ("bool('true') && !bool('0')", "true"),
        ],
    );
}

#[test]
fn cel_goes_through_lists_and_maps() {
    check(
        Language::Cel,
        &[
            ("value.l.map(x, x * 2)", "[6, 2, 4]"),
            ("value.l.map(x, x > 1, x * 2)", "[6, 4]"),
            ("value.l.filter(x, x > 1)", "[3, 2]"),
            ("value.l.all(x, x > 0) && value.l.exists(x, x == 2) && value.l.exists_one(x, x > 2)", "true"),
            ("value.l.map(x, value.l.filter(y, y < x))", "[[1, 2], [], [1]]"),
            ("value.o.map(name, name)", "[x]"),
            ("value.m.exists(k, k == true)", "true"),
            ("value.l.all(x, x.y)", "failed: x: y cannot be had of an integer at character 18"),
            (
                "value.l.map(x, y)",
                "none: y is unknown; there are key, value, headers, topic, partition, timestamp and offset, at character 16",
            ),
            ("[1] + [2]", "[1, 2]"),
        ],
    );
}

#[test]
fn groovy_is_read() {
    check(
        Language::Groovy,
        &[
            ("value.i == 7 && value.s.contains('12')", "true"),
            ("value.o.x?.y == 5 && value.n?.x == null && value.missing == null", "true"),
            ("value.n.x", "failed: x: x cannot be had of null at character 9"),
            ("!value.n && value.s && value.l", "true"),
            ("value.n ?: 'other'", "other"),
            ("topic ==~ /ord.*/ && topic =~ 'der' && !(topic ==~ 'der')", "true"),
            ("topic.matches('orders') && !topic.matches('der')", "true"),
            ("value.get('i') in [6, 7] && value['i'] == 7", "true"),
            (
                "value.s.toUpperCase() == 'STRASSE 12' && value.s.length() == 9 && value.s.equalsIgnoreCase('STRAßE 12')",
                "true",
            ),
            ("header.h.value == 'last' && header['h'].value == 'last' && header.none == null", "true"),
            ("valueSchema == null && keySchema == null", "true"),
            ("value.n < 5 && value.i > value.n", "true"),
            ("'a' + 1 + \"b\"", "a1b"),
            ("value.i > 5 ? 'big' : 'small'", "big"),
            ("value.n?.contains('x')", "null"),
            ("value.i == 7;", "true"),
        ],
    );
    for (text, what) in [
        ("\"${topic}\"", "a text with ${…} in it is not supported"),
        ("value.l.collect { it }", "expected the end"),
        ("if (value.i) true", "the keyword if is not supported; longshore.transforms.Expression"),
        ("value.i / 2", "division is not supported"),
        ("println(1)", "the function println is not supported"),
        ("value.s.reverse()", "the method reverse with 0 arguments is not supported; longshore.transforms.Expression"),
        ("value instanceof Map", "instanceof is not supported"),
        ("other.x", "other is unknown; there are key, value, keySchema, valueSchema, header and topic"),
    ] {
        let error = run(text, Language::Groovy);
        assert!(error.starts_with("none: ") && error.contains(what), "{text}: {error}");
    }
}

#[test]
fn javascript_is_read() {
    check(
        Language::JavaScript,
        &[
            ("value.i === 7 && value.s.includes('12') && value.missing === undefined", "true"),
            ("value.missing || value.s", "Straße 12"),
            ("value.n ?? 'other'", "other"),
            ("value.s.length == 9 && value.s.indexOf('12') !== -1", "true"),
            ("/ORD/i.test(topic) && topic.match(/^o/) != null && topic.match(/^x/) == null", "true"),
            ("value.n < 5", "true"),
            ("header.h.value == 'last'", "true"),
            ("'a' + 1", "a1"),
            ("`plain`", "plain"),
        ],
    );
    for (text, what) in [
        ("`${topic}`", "a text with ${…} in it is not supported"),
        ("value.l.some(x => x > 1)", "x is unknown"),
        ("typeof value.i", "the keyword typeof is not supported"),
        ("function f() {}", "the keyword function is not supported"),
    ] {
        let error = run(text, Language::JavaScript);
        assert!(error.starts_with("none: ") && error.contains(what), "{text}: {error}");
    }
}

#[test]
fn what_cannot_be_read_is_an_error_and_nothing_worse() {
    let pieces = [
        "value", ".", "a", "(", ")", "[", "]", "{", "}", "'", "\"", "`", "\\", "?", ":", "!", "-", "/", "1", "é", ",",
        "in", "&&", "==", "=", "$", "map", "0x", "1.", "1e", "//", "\n", "b'", "r\"",
    ];
    // Every triple of pieces, in each language: none may panic.
    for one in pieces {
        for two in pieces {
            for three in pieces {
                let text = [one, two, three].concat();
                for language in [Language::Cel, Language::Groovy, Language::JavaScript] {
                    run(&text, language);
                }
            }
        }
    }
    let deep = format!("{}1{}", "[".repeat(60), "]".repeat(60));
    assert!(!run(&deep, Language::Cel).starts_with("none"));
    for text in
        ["(".repeat(3000), "!".repeat(3000), ["1"; 3000].join("+"), "true?1:".repeat(2000), ["a"; 3000].join(".")]
    {
        assert!(run(&text, Language::Cel).starts_with("none"), "{}", &text[..20]);
    }
    let many = vec!["value.i == 1"; 3000].join(" || ");
    assert_eq!(run(&many, Language::Cel), "false");
}

#[test]
fn offsets_of_moments_are_two_digits_and_two_digits() {
    check(
        Language::Cel,
        &[
            ("timestamp('2026-11-21T16:05:00.25+01:00').toMillis()", "1795273500250"),
            (
                "timestamp('2026-11-21T16:05:00-23:59') - timestamp('2026-11-21T16:05:00z') == duration('23h59m')",
                "true",
            ),
        ],
    );
    for bad in ["+1:99", "+-5:30", "+1:30", "+24:00", "+01:60", "+9999999999999999:00", "+0100", "+01:00Z", "", "+é1:0"]
    {
        let text = format!("timestamp('2026-11-21T16:05:00{bad}')");
        let error = run(&text, Language::Cel);
        assert!(error.contains("is no timestamp of RFC 3339"), "{bad}: {error}");
    }
    assert!(run("timestamp('2026-11-21T16:05:00.Z')", Language::Cel).contains("is no timestamp"));
}

#[test]
fn the_longest_length_of_time_cannot_be_negated() {
    let longest = "fromMillis(-9223372036854775807 - 1) - fromMillis(0)";
    check(
        Language::Cel,
        &[
            (&format!("-({longest}) > duration('1s')"), "failed: x: a number out of range at character 40"),
            ("string(-duration('90m'))", "-5400s"),
        ],
    );
}

#[test]
fn javascript_has_patterns() {
    check(
        Language::JavaScript,
        &[
            ("'a-b-c'.replace(/[a-z]/g, '')", "--"),
            ("'a-b-c'.replace(/[a-z]/, 'x')", "x-b-c"),
            ("'a-b-c'.replaceAll(/(?<l>[a-z])-/g, '$1$$$<l>[$&]')", "a$a[a-]b$b[b-]c"),
            ("'a.b.c'.replace('.', '')", "ab.c"),
            ("'a1b22'.match(/[0-9]+/g)", "[1, 22]"),
            ("'a1b22'.match(/([a-z])([0-9]+)(x)?/)", "[a1, a, 1, null]"),
            ("/b(.)/.exec('abc')[1]", "c"),
            ("'abc'.match('b')[0]", "b"),
            ("value.n?.replace(/a/, '')", "null"),
            // The flags of modes are heeded.
            ("/^b$/m.test('a\\nb') && !/^b$/.test('a\\nb')", "true"),
            ("/a.b/s.test('a\\nb') && !/a.b/.test('a\\nb') && /A.B/is.test('a\\nb') && /é/u.test('é')", "true"),
            // What means something else in Java.
            (
                "/b$/.test('b\\n') || /[[]/.test('x') || !/[a&&b]/.test('a') || /[]/.test('a') || !/[^]/.test('\\n')",
                "false",
            ),
            ("'a b'.replace(/\\s/, '\\\\$0')", "a\\$0b"),
        ],
    );
    for (text, what) in [
        ("/a/y.test(topic)", "the flag y of a pattern is not supported, at character 1"),
        ("/a/gg.test(topic)", "the flag g of a pattern is there twice"),
        ("/a/", "a pattern is no value"),
        ("topic == /a/", "a pattern is no value"),
        ("topic.includes(/a/)", "the method includes with a pattern is not supported"),
        ("topic.replace('a', /b/)", "a pattern is no value"),
        ("topic.replace(/a/, value.s)", "what replaces a pattern must be a text"),
        ("topic.replaceAll(/a/, 'b')", "replaceAll takes a pattern with the flag g"),
        ("topic.replace(/a/, '$`')", "$` and $' in what replaces a pattern are not supported"),
        ("/\\Aa/.test(topic)", "\\A in a pattern is not supported"),
        ("/(/.test(topic)", "invalid pattern"),
        ("/a/.source", "a pattern is no value"),
    ] {
        let error = run(text, Language::JavaScript);
        assert!(error.starts_with("none: ") && error.contains(what), "{text}: {error}");
    }
    // In Groovy the same is a text.
    check(Language::Groovy, &[("'a/b'.replace(/a/, 'x') + /c/", "x/bc")]);
}

#[test]
fn entries_of_maps_that_were_made_are_had_as_those_of_the_record() {
    check(Language::Cel, &[("{1: 'a'}[1]", "a"), ("{1: 'a'}[2]", "failed: x: the map has no such key at character 9")]);
    check(Language::JavaScript, &[("value.m[2]", "null"), ("value.m[1]", "one")]);
}

#[test]
fn comparing_takes_steps_too() {
    let text = "z".repeat(100_000);
    let mut record = record();
    let entries = (0..3000).map(|index| (Value::Int64(index), Value::string(text.as_str()))).collect();
    record.key = Data::schemaless(map(entries));
    record.value = Data::schemaless(Value::string(text));
    for text in [
        "key == key",
        "[1, 2, 3].all(x, key == key)",
        "key.all(k, value < value + 'a')",
        "key.all(k, value.contains('y') == false)",
    ] {
        let error = Expression::compile(text, Language::Cel).unwrap().value(&record, "x").unwrap_err();
        assert!(error.to_string().contains("more work than an expression may make"), "{text}: {error}");
    }
    record.value = Data::schemaless(Value::Array(vec![Value::Null; 20_000]));
    let error = Expression::compile("value.all(x, value == value)", Language::Cel).unwrap().value(&record, "x");
    assert!(error.unwrap_err().to_string().contains("more work"), "nulls are compared, too");
}

#[test]
fn what_would_be_too_long_is_not_made() {
    let long = "z".repeat(1_000_000);
    let mut record = record();
    record.key = Data::schemaless(Value::Array(vec![Value::string(""); 1_000_000]));
    record.value = Data::schemaless(Value::string(long.as_str()));
    let pattern = format!("value.replaceAll(/(?:)/g, '{}')", "y".repeat(64_000));
    for (text, language) in [
        ("value.replace('', value)", Language::Cel),
        ("key.join(value)", Language::Cel),
        (pattern.as_str(), Language::JavaScript),
    ] {
        let error = Expression::compile(text, language).unwrap().value(&record, "x").unwrap_err();
        assert!(error.to_string().contains("more work than an expression may make"), "{text}: {error}");
    }
}
