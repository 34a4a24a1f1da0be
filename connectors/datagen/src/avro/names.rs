//! How Avro names types.

use super::{Avro, Kind};

/// The primitive type of a name.
pub(super) fn primitive(name: &str) -> Option<Kind> {
    Some(match name {
        "null" => Kind::Null,
        "boolean" => Kind::Boolean,
        "int" => Kind::Int,
        "long" => Kind::Long,
        "float" => Kind::Float,
        "double" => Kind::Double,
        "bytes" => Kind::Bytes,
        "string" => Kind::String,
        _ => return None,
    })
}

/// A name with its namespace, unless it has one.
pub(super) fn full_name(name: &str, namespace: &str) -> String {
    if name.contains('.') || namespace.is_empty() { name.to_owned() } else { format!("{namespace}.{name}") }
}

/// Whether Avro takes a text for a name.
pub(super) fn is_name(name: &str) -> bool {
    let starts = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    name.bytes().next().is_some_and(starts) && name.bytes().all(|byte| starts(byte) || byte.is_ascii_digit())
}

/// The name by which a union tells its branches apart.
pub(crate) fn branch_name(avro: &Avro) -> &str {
    match (&avro.kind, avro.name.as_deref()) {
        (_, Some(name)) => name,
        (Kind::Null, _) => "null",
        (Kind::Boolean, _) => "boolean",
        (Kind::Int, _) => "int",
        (Kind::Long, _) => "long",
        (Kind::Float, _) => "float",
        (Kind::Double, _) => "double",
        (Kind::Bytes, _) => "bytes",
        (Kind::String, _) => "string",
        (Kind::Array(_), _) => "array",
        (Kind::Map(_), _) => "map",
        (Kind::Union(_), _) => "union",
        // The others have names.
        (Kind::Fixed(_) | Kind::Enum(_) | Kind::Record(_), None) => "",
    }
}
