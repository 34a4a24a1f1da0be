//! Class names in configurations.

use longshore_api::config::{ConfigValue, Props, add_error, invalid_value};

use crate::namespace::{DEFAULT_MAPPER, FIELD_PATH_MAPPER};
use crate::{cdc, id, process, write_model};

/// Checks every key of a topic's configuration that holds class names.
pub(super) fn check(props: &Props, found: &mut dyn FnMut(&str, String)) {
    for (key, is_known) in KEYS {
        let Some(given) = props.get(*key).map(|value| value.trim()) else { continue };
        let is_list = *key == "post.processor.chain";
        let classes: Vec<&str> = if is_list {
            given.split(',').map(str::trim).filter(|class| !class.is_empty()).collect()
        } else {
            vec![given]
        };
        // Java shows the value of a list in brackets.
        let shown = if is_list { format!("[{}]", classes.join(", ")) } else { given.to_owned() };
        let may_be_empty = matches!(*key, "change.data.capture.handler" | "document.id.strategy");
        for class in classes {
            let is_none = class.is_empty() && may_be_empty;
            if !is_none && !is_class_name(class) {
                found(key, invalid_value(key, Some(&shown), "Does not match expected class pattern."));
            } else if !is_known(class) {
                found(key, invalid_value(key, Some(&shown), &format!("Class not found: {class}")));
            }
        }
    }
}

type IsKnown = fn(&str) -> bool;

const KEYS: &[(&str, IsKnown)] = &[
    ("namespace.mapper", |class| [DEFAULT_MAPPER, FIELD_PATH_MAPPER].contains(&class)),
    ("writemodel.strategy", |class| is_of(class, write_model::PACKAGE, write_model::WRITES)),
    ("delete.writemodel.strategy", |class| is_of(class, write_model::PACKAGE, write_model::DELETES)),
    ("post.processor.chain", |class| is_of(class, process::PACKAGE, process::CLASSES)),
    ("document.id.strategy", |class| is_of(class, id::PACKAGE, id::STRATEGIES)),
    ("change.data.capture.handler", |class| class.is_empty() || is_of(class, cdc::PACKAGE, cdc::HANDLERS)),
];

fn is_of<T>(class: &str, package: &str, known: &[(&str, T)]) -> bool {
    let name = class.strip_prefix(package).and_then(|rest| rest.strip_prefix('.'));
    name.is_some_and(|name| known.iter().any(|(known, _)| *known == name))
}

/// Whether a text could be the name of a Java class.
fn is_class_name(text: &str) -> bool {
    text.split('.').all(|part| {
        let starts = |first: char| first.is_alphabetic() || matches!(first, '_' | '$');
        part.starts_with(starts) && part.chars().all(|next| starts(next) || next.is_alphanumeric())
    })
}

/// The message for what the Java connector can do and this one cannot.
fn not_supported(key: &str, value: &str, why: &str) -> String {
    invalid_value(key, Some(value), &format!("{key} is not supported by Longshore: {why}"))
}

/// Refuses keys whose function cannot be had, so that nothing is ignored in silence.
pub(super) fn refuse(props: &Props, found: &mut dyn FnMut(&str, String)) {
    let set = |key: &str| props.get(key).map(|value| value.trim()).filter(|value| !value.is_empty());
    if let Some(value) = set("field.value.transformer") {
        let why = "Java classes cannot be loaded";
        found("field.value.transformer", not_supported("field.value.transformer", value, why));
    }
    let switches = [
        (
            "csfle.enabled",
            "client-side field level encryption needs MongoDB's libmongocrypt, which is not built in; what should be \
             encrypted would be written in the clear",
        ),
        ("mongo.custom.auth.mechanism.enable", "Java classes cannot be loaded; give the credentials in connection.uri"),
    ];
    for (key, why) in switches {
        if let Some(value) = set(key).filter(|value| value.eq_ignore_ascii_case("true")) {
            found(key, not_supported(key, value, why));
        }
    }
}

/// Says which keys a change data capture handler leaves without effect.
pub(super) fn warn_of_idle_keys(props: &Props) {
    if props.get("change.data.capture.handler").is_none_or(|handler| handler.trim().is_empty()) {
        return;
    }
    for (key, idle) in [
        ("post.processor.chain", None),
        ("field.renamer.mapping", Some("[]")),
        ("field.renamer.regexp", Some("[]")),
        ("key.projection.list", Some("")),
        ("key.projection.type", Some("none")),
        ("value.projection.list", Some("")),
        ("value.projection.type", Some("none")),
        ("writemodel.strategy", None),
        ("document.id.strategy", None),
        ("document.id.strategy.overwrite.existing", Some("false")),
        ("document.id.strategy.uuid.format", None),
        ("delete.on.null.values", Some("false")),
    ] {
        if props.get(key).is_some_and(|value| idle.is_none_or(|idle| !value.trim().eq_ignore_ascii_case(idle))) {
            tracing::warn!("change.data.capture.handler is set: {key} has no effect");
        }
    }
}

/// Adds an error under the name by which the user set the key: an override's, if it has one for the topic.
pub(super) fn report(props: &Props, topic: Option<&str>, key: &str, error: String, values: &mut Vec<ConfigValue>) {
    let overridden = topic.map(|topic| super::override_key(topic, key)).filter(|name| props.contains_key(name));
    let name = overridden.as_deref().unwrap_or(key);
    let known = values.iter().any(|value| value.name == name && value.errors.contains(&error));
    if !known {
        add_error(values, name, error);
    }
}
