//! Names that stand in schemas.

use longshore_api::Schema;
use longshore_api::schema::logical;

/// Begins the names of structs that stand for a `oneof`.
pub(super) const UNION_PREFIX: &str = "io.confluent.connect.protobuf.Union.";
/// The parameter of an enum; with a dot and a symbol that of the symbol.
pub(super) const ENUM: &str = "io.confluent.connect.protobuf.Enum";
/// The parameter that holds a field's number.
pub(super) const TAG: &str = "io.confluent.connect.protobuf.Tag";
/// The parameter that holds a number's Protobuf type, where it is not the usual one.
pub(super) const TYPE: &str = "io.confluent.connect.protobuf.Type";
/// The parameter of a member of a `oneof` that was a wrapper.
pub(super) const WRAPPER: &str = "io.confluent.connect.protobuf.Wrapper";
/// The parameter of an enum, with `generalized.sum.type.support`.
pub(super) const GENERALIZED_ENUM: &str = "org.apache.kafka.connect.data.Enum";
/// The parameter of a union, with `generalized.sum.type.support`.
pub(super) const GENERALIZED_UNION: &str = "org.apache.kafka.connect.data.Union";
/// The parameter with a decimal's precision, where it is known.
pub(super) const PRECISION: &str = "connect.decimal.precision";

/// Whether a struct stands for a `oneof`.
pub(super) fn is_union(schema: &Schema) -> bool {
    schema.name.as_deref().is_some_and(|name| name.starts_with("io.confluent.connect.protobuf.Union"))
        || schema.parameters.contains_key(GENERALIZED_UNION)
}

/// What makes a message more than a struct.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WellKnown {
    Decimal,
    Date,
    Time,
    Timestamp,
}

impl WellKnown {
    const ALL: [(WellKnown, &str, &str, &str); 4] = [
        (WellKnown::Decimal, logical::DECIMAL, "confluent.type.Decimal", "confluent/type/decimal.proto"),
        (WellKnown::Date, logical::DATE, "google.type.Date", "google/type/date.proto"),
        (WellKnown::Time, logical::TIME, "google.type.TimeOfDay", "google/type/timeofday.proto"),
        (WellKnown::Timestamp, logical::TIMESTAMP, "google.protobuf.Timestamp", "google/protobuf/timestamp.proto"),
    ];

    /// What a message's full name stands for.
    pub(super) fn of_message(full_name: &str) -> Option<Self> {
        Self::ALL.iter().find(|known| known.2 == full_name).map(|known| known.0)
    }

    /// The message of a schema's logical type.
    pub(super) fn of_schema(schema: &Schema) -> Option<Self> {
        let name = schema.name.as_deref()?;
        Self::ALL.iter().find(|known| known.1 == name).map(|known| known.0)
    }

    /// The message's full name and the file that has it.
    pub(super) fn message(self) -> (&'static str, &'static str) {
        Self::ALL.iter().find(|known| known.0 == self).map_or(("", ""), |known| (known.2, known.3))
    }
}

/// The file of the wrappers.
pub(super) const WRAPPERS_FILE: &str = "google/protobuf/wrappers.proto";

/// The wrappers, in the order of their file, and the scalars that they hold.
const WRAPPERS: [(&str, &str); 9] = [
    ("google.protobuf.DoubleValue", "double"),
    ("google.protobuf.FloatValue", "float"),
    ("google.protobuf.Int64Value", "int64"),
    ("google.protobuf.UInt64Value", "uint64"),
    ("google.protobuf.Int32Value", "int32"),
    ("google.protobuf.UInt32Value", "uint32"),
    ("google.protobuf.BoolValue", "bool"),
    ("google.protobuf.StringValue", "string"),
    ("google.protobuf.BytesValue", "bytes"),
];

/// The scalar in a wrapper of this full name.
pub(super) fn wrapped_scalar(full_name: &str) -> Option<&'static str> {
    WRAPPERS.iter().find(|(name, _)| *name == full_name).map(|(_, scalar)| *scalar)
}

/// The wrapper's full name and its place in its file, for a scalar.
pub(super) fn wrapper_of(scalar: &str) -> Option<(&'static str, i32)> {
    let index = WRAPPERS.iter().position(|(_, known)| *known == scalar)?;
    Some((WRAPPERS[index].0, index as i32))
}
