use longshore_api::Map;

use super::*;

fn map(entries: &[(&str, Value)]) -> Value {
    Value::Map(entries.iter().map(|(name, value)| (Value::string(*name), value.clone())).collect::<Map>())
}

fn order() -> Value {
    map(&[
        ("id", Value::Int64(7)),
        ("price", Value::Float64(12.5)),
        ("category", Value::string("keep")),
        ("nothing", Value::Null),
        ("tags", Value::Array(vec![Value::string("a"), Value::string("b"), Value::string("c")])),
        ("items", Value::Array(vec![map(&[("n", Value::Int32(1))]), map(&[("n", Value::Int32(5))])])),
        ("key", map(&[("nestedKey", Value::string("value1"))])),
    ])
}

#[test]
fn paths_lead_where_jayway_says() {
    for (path, count) in [
        ("$", 1),
        ("$.id", 1),
        ("id", 1),
        ("$['id']", 1),
        ("$[\"key\"][\"nestedKey\"]", 1),
        ("$.nothing", 1),
        ("$.tags[0]", 1),
        ("$.tags[-1]", 1),
        ("$.tags[0,2]", 2),
        ("$.tags[1:]", 2),
        ("$.tags[:-1]", 2),
        ("$.tags[*]", 3),
        ("$.key.*", 1),
        ("$..n", 2),
        ("$['id','price']", 2),
        ("$.items[?(@.n > 1)]", 1),
        ("$[?(@.category == 'keep')]", 1),
        ("$.[?(@.id)]", 1),
        ("$[?(@.missing)]", 0),
        ("$[?(!@.missing)]", 1),
        ("$[?(@.nothing)]", 1),
        ("$[?(@.missing != 1)]", 1),
        ("$[?(@.missing == null)]", 0),
        ("$[?(@.nothing == null)]", 1),
        ("$[?(@.id == 7.0 && @.price >= 12.5)]", 1),
        ("$[?(@.id < 7 || @.category =~ /KE.*/i)]", 1),
        ("$[?(@.category =~ /ke/)]", 0),
        ("$[?(@.category in ['keep', 'other'])]", 1),
        ("$[?(@.id nin [7, 8])]", 0),
        ("$[?(@.id == $.key.nestedKey)]", 0),
        ("$.key[?(@.nestedKey == \"value1\" || @.nestedKey == \"value2\")]", 1),
        ("$.key[?((@.nestedKey == 'it\\'s') || !(@.x))]", 1),
        ("$[?('7' == @.id)]", 0),
    ] {
        let compiled = JsonPath::new(path).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!(compiled.find(&order()).map(|found| found.len()), Ok(count), "{path}");
    }
    for path in ["$.missing", "$.id.x", "$.nothing.x", "$.tags[9]", "$.key.missing.x"] {
        assert_eq!(JsonPath::new(path).unwrap().find(&order()), Err(NotFound), "{path}");
    }
}

#[test]
fn what_is_no_path_is_refused() {
    for path in ["", "$.", "$[", "$['a", "$[?(@.a", "$[?(@.a ==)]", "$.a b", "$.tags.length()", "$[?(1)]", "$[(@.x)]"] {
        assert!(JsonPath::new(path).is_err(), "{path}");
    }
    assert!(JsonPath::new(&format!("$[?({}@.a)]", "!".repeat(100))).is_err());
}

proptest::proptest! {
    #[test]
    fn nothing_makes_it_panic(path in "\\$[\\[\\]().@?='a-c0-9:,!<>&|*~/ -]{0,20}") {
        if let Ok(path) = JsonPath::new(&path) {
            let _ = path.find(&order());
        }
    }
}
