use super::*;

fn def() -> ConfigDef {
    ConfigDef::new([
        ConfigKey::new("tasks.max", ConfigType::Int, Importance::High).default("1").validator(Validator::AtLeast(1)),
        ConfigKey::new("topic", ConfigType::String, Importance::High).validator(Validator::NonEmptyString),
        ConfigKey::new("secret", ConfigType::Password, Importance::Low).default_null(),
        ConfigKey::new("names", ConfigType::List, Importance::Low).default(""),
        ConfigKey::new("tolerance", ConfigType::String, Importance::Low)
            .default("none")
            .validator(Validator::OneOf(&["none", "all"])),
    ])
}

fn props(pairs: &[(&str, &str)]) -> Props {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[track_caller]
fn errors_of(pairs: &[(&str, &str)], expected: &[&str]) {
    let errors: Vec<String> = def().validate(&props(pairs)).into_iter().flat_map(|value| value.errors).collect();
    assert_eq!(errors, expected);
}

#[test]
fn a_good_configuration_parses_with_its_defaults() {
    let config = def().parse(&props(&[("topic", " t "), ("tasks.max", "+3"), ("names", "a, b,,c")])).unwrap();
    assert_eq!(config.string("topic"), "t");
    assert_eq!(config.integer("tasks.max"), 3);
    assert_eq!(config.list("names"), ["a", "b", "", "c"]);
    assert_eq!(config.text("secret"), None);
    assert_eq!(config.string("tolerance"), "none");
}

#[test]
fn every_error_is_reported_in_kafkas_words() {
    errors_of(&[], &["Missing required configuration \"topic\" which has no default value."]);
    errors_of(
        &[("topic", ""), ("tasks.max", "0"), ("tolerance", "some")],
        &[
            "Invalid value 0 for configuration tasks.max: Value must be at least 1",
            "Invalid value  for configuration topic: String must be non-empty",
            "Invalid value some for configuration tolerance: String must be one of: none, all",
        ],
    );
}

#[test]
fn a_value_that_does_not_parse_is_also_refused_by_the_validator() {
    errors_of(
        &[("topic", "t"), ("tasks.max", "99999999999")],
        &[
            "Invalid value 99999999999 for configuration tasks.max: Not a number of type INT",
            "Invalid value null for configuration tasks.max: Value must be non-null",
        ],
    );
}

#[test]
fn a_password_is_never_shown() {
    let values = def().validate(&props(&[("topic", "t"), ("secret", "hunter2")]));
    assert!(values.iter().any(|value| value.value.as_deref() == Some(HIDDEN)));
    assert!(!format!("{values:?}").contains("hunter2"));
    let parsed = def().parse(&props(&[("topic", "t"), ("secret", "hunter2")])).unwrap();
    assert_eq!(parsed.string("secret"), "hunter2");
    assert!(!format!("{parsed:?}").contains("hunter2"));
}
