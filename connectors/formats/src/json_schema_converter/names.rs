//! Names that stand in schemas.

use longshore_api::Type;

/// What the parameters of Confluent's converter begin with; they are not written to `connect.parameters`.
pub(super) const NAMESPACE: &str = "io.confluent.connect.json";
/// The parameter of an enum; with a dot and a symbol that of the symbol.
pub(super) const ENUM: &str = "io.confluent.connect.json.Enum";
/// The parameter of an object that is used within itself, and of the schemas that stand for it there.
pub(super) const ID: &str = "io.confluent.connect.json.Id";
/// What its values begin with.
pub(super) const ID_PREFIX: &str = "#id";
/// The name of a struct that stands for `oneOf` or `anyOf`.
pub(super) const ONE_OF: &str = "io.confluent.connect.json.OneOf";
/// The same, with `generalized.sum.type.support`.
pub(super) const GENERALIZED_ENUM: &str = "org.apache.kafka.connect.data.Enum";
/// The same, with `generalized.sum.type.support`: a parameter.
pub(super) const GENERALIZED_UNION: &str = "org.apache.kafka.connect.data.Union";
/// The begin of the names of unions with `generalized.sum.type.support`.
pub(super) const UNION_PREFIX: &str = "connect_union_";
/// The symbol that stands for null.
pub(super) const NULL_MARKER: &str = "<NULL>";

/// The numbers' `connect.type`; `bytes` is a decimal.
pub(super) const NUMBER_TYPES: [(&str, Type); 7] = [
    ("int8", Type::Int8),
    ("int16", Type::Int16),
    ("int32", Type::Int32),
    ("int64", Type::Int64),
    ("float32", Type::Float32),
    ("float64", Type::Float64),
    ("bytes", Type::Bytes),
];

/// What a union's fields are called, up to their number.
pub(super) fn union_field_prefix(generalized: bool) -> &'static str {
    if generalized { "connect_union_field_" } else { "io.confluent.connect.json.OneOf.field." }
}

/// Whether a struct stands for a union.
pub(super) fn is_union(schema: &longshore_api::Schema) -> bool {
    schema.name.as_deref() == Some(ONE_OF) || schema.parameters.contains_key(GENERALIZED_UNION)
}
