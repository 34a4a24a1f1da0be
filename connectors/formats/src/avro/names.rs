//! The names and properties with which Connect's schemas are told in Avro's, as in Confluent's `AvroData`.

use std::borrow::Cow;

pub(super) const NAMESPACE: &str = "io.confluent.connect.avro";
/// Full name of a struct that has no name; a number follows where one schema has several.
pub(super) const DEFAULT_RECORD: &str = "io.confluent.connect.avro.ConnectDefault";
pub(super) const MAP_ENTRY: &str = "MapEntry";
pub(super) const KEY: &str = "key";
pub(super) const VALUE: &str = "value";
pub(super) const ANYTHING: &str = "io.confluent.connect.avro.Anything";

pub(super) const CONNECT_NAME: &str = "connect.name";
pub(super) const CONNECT_DOC: &str = "connect.doc";
pub(super) const CONNECT_VERSION: &str = "connect.version";
pub(super) const CONNECT_DEFAULT: &str = "connect.default";
pub(super) const CONNECT_PARAMETERS: &str = "connect.parameters";
pub(super) const CONNECT_INTERNAL_TYPE: &str = "connect.internal.type";
pub(super) const CONNECT_TYPE: &str = "connect.type";
pub(super) const LOGICAL_TYPE: &str = "logicalType";

// Parameters of Connect schemas.
pub(super) const UNION: &str = "io.confluent.connect.avro.Union";
pub(super) const ENUM: &str = "io.confluent.connect.avro.Enum";
pub(super) const RECORD_DOC: &str = "io.confluent.connect.avro.record.doc";
pub(super) const FIELD_DOC: &str = "io.confluent.connect.avro.field.doc.";
pub(super) const ENUM_DOC: &str = "io.confluent.connect.avro.enum.doc.";
pub(super) const ENUM_DEFAULT: &str = "io.confluent.connect.avro.enum.default.";
/// Says that a default came from an Avro field, not from a property.
pub(super) const FIELD_DEFAULT: &str = "io.confluent.connect.avro.field.default";
/// Where `discard.type.doc.default` keeps documentation.
pub(super) const DISCARDED_RECORD_DOC: &str = "connect.record.doc";
pub(super) const DISCARDED_ENUM_DOC: &str = "connect.enum.doc";
pub(super) const FIXED_SIZE: &str = "connect.fixed.size";
pub(super) const DECIMAL_PRECISION: &str = "connect.decimal.precision";
pub(super) const DEFAULT_PRECISION: i32 = 64;

// The general forms of unions and enums, `generalized.sum.type.support`.
pub(super) const GENERAL_UNION: &str = "org.apache.kafka.connect.data.Union";
pub(super) const GENERAL_ENUM: &str = "org.apache.kafka.connect.data.Enum";
pub(super) const GENERAL_UNION_NAME: &str = "connect_union_";
pub(super) const GENERAL_UNION_FIELD: &str = "connect_union_field_";

/// Namespace and simple name of a full name.
pub(super) fn split(full: &str) -> (Option<&str>, &str) {
    full.rsplit_once('.').map_or((None, full), |(namespace, name)| (Some(namespace), name))
}

/// Whether a name may stand in an Avro schema.
pub(super) fn is_name(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && characters.all(|other| other.is_ascii_alphanumeric() || other == '_')
}

/// A name in which everything that Avro does not allow is replaced: escaped as in a URL's query, and what is still
/// not allowed by underscores.
pub(super) fn scrub(name: &str) -> Cow<'_, str> {
    if name.is_empty() || is_name(name) {
        return Cow::Borrowed(name);
    }
    let mut scrubbed = String::with_capacity(name.len() * 3);
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => scrubbed.push(char::from(byte)),
            // What Java's URLEncoder leaves, and its plus for a blank.
            b'.' | b'-' | b'*' | b' ' => scrubbed.push('_'),
            _ => {
                scrubbed.push('_');
                for digit in [byte >> 4, byte & 15] {
                    scrubbed.push(char::from(b"0123456789ABCDEF"[usize::from(digit)]));
                }
            }
        }
    }
    if scrubbed.starts_with(|first: char| first.is_ascii_digit()) {
        scrubbed.insert(0, 'x');
    }
    Cow::Owned(scrubbed)
}

/// A full name, each part scrubbed.
pub(super) fn scrub_full(name: &str) -> String {
    name.split('.').map(scrub).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_scrubbed_as_java_does() {
        for (name, scrubbed) in [
            ("a_B9", "a_B9"),
            ("a-b c", "a_b_c"),
            ("9a", "x9a"),
            ("a/b", "a_2Fb"),
            ("ü", "_C3_BC"),
            ("a+~", "a_2B_7E"),
            ("", ""),
        ] {
            assert_eq!(scrub(name), scrubbed);
        }
        assert_eq!(scrub_full("my-app.9.x"), "my_app.x9.x");
    }
}
