//! Whether data of one Connect schema can be read as another: what `latest.compatibility.strict` and
//! `id.compatibility.strict` ask of schemas in Protobuf and JSON Schema.
//!
//! Differs from Confluent's serializers, which compare the schemas' own languages: what counts here is what Connect
//! sees of them.

use longshore_api::{Schema, Type};

/// Whether a reader that expects `reader` understands data of `writer`. Fields that only one side has are no trouble;
/// with a `tag`, fields of one name must agree in that
/// parameter.
pub(crate) fn can_read(reader: &Schema, writer: &Schema, tag: Option<&str>) -> bool {
    let same_tag =
        |one: &Schema, other: &Schema| tag.is_none_or(|tag| one.parameters.get(tag) == other.parameters.get(tag));
    let parts = |one: &Option<std::sync::Arc<Schema>>, other: &Option<std::sync::Arc<Schema>>| match (one, other) {
        (Some(one), Some(other)) => can_read(one, other, tag),
        (None, None) => true,
        _ => false,
    };
    let names_agree = reader.logical_name() == writer.logical_name();
    let kinds_agree = reader.kind == writer.kind || widens(writer.kind, reader.kind);
    names_agree
        && kinds_agree
        && parts(&reader.key_schema, &writer.key_schema)
        && parts(&reader.value_schema, &writer.value_schema)
        && reader.fields.iter().all(|field| match writer.field_index(&field.name) {
            Some(index) => {
                let other = &writer.fields[index];
                same_tag(&field.schema, &other.schema) && can_read(&field.schema, &other.schema, tag)
            }
            None => true,
        })
}

/// Whether every value of a type is one of another.
fn widens(from: Type, to: Type) -> bool {
    const ORDER: [Type; 4] = [Type::Int8, Type::Int16, Type::Int32, Type::Int64];
    let place = |kind| ORDER.iter().position(|known| *known == kind);
    match (place(from), place(to)) {
        (Some(from), Some(to)) => from < to,
        (Some(_), None) => to == Type::Float64,
        _ => from == Type::Float32 && to == Type::Float64,
    }
}
