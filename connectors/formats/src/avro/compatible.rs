//! Whether data of one Avro schema can be read with another: Avro's rules of schema resolution.

use std::collections::HashSet;

use super::names::split;
use super::schema::{Avro, Kind, RecordType, TypeId};

/// Whether data written with `writer` can be read with `reader`.
pub(super) fn can_read(reader: &Avro, writer: &Avro) -> bool {
    Check { reader, writer, assumed: HashSet::new() }.types(reader.root, writer.root)
}

struct Check<'a> {
    reader: &'a Avro,
    writer: &'a Avro,
    /// Pairs of named types that are being compared: within themselves they are taken to fit.
    assumed: HashSet<(TypeId, TypeId)>,
}

impl Check<'_> {
    fn types(&mut self, reader_id: TypeId, writer_id: TypeId) -> bool {
        let (reader, writer) = (&self.reader.get(reader_id).kind, &self.writer.get(writer_id).kind);
        match (reader, writer) {
            (_, Kind::Union(branches)) => branches.iter().all(|branch| self.types(reader_id, *branch)),
            (Kind::Union(branches), _) => branches.iter().any(|branch| self.types(*branch, writer_id)),
            (Kind::Array(reader), Kind::Array(writer)) | (Kind::Map(reader), Kind::Map(writer)) => {
                self.types(*reader, *writer)
            }
            (Kind::Record(reader), Kind::Record(writer)) => {
                same_name(&reader.name, &writer.name)
                    && (!self.assumed.insert((reader_id, writer_id)) || self.records(reader, writer))
            }
            (Kind::Enum(reader), Kind::Enum(writer)) => {
                let knows = |symbol: &String| reader.symbols.contains(symbol) || reader.default.is_some();
                same_name(&reader.name, &writer.name) && writer.symbols.iter().all(knows)
            }
            (Kind::Fixed(reader), Kind::Fixed(writer)) => {
                same_name(&reader.name, &writer.name) && reader.size == writer.size
            }
            (Kind::Long, Kind::Int)
            | (Kind::Float, Kind::Int | Kind::Long)
            | (Kind::Double, Kind::Int | Kind::Long | Kind::Float)
            | (Kind::String, Kind::Bytes)
            | (Kind::Bytes, Kind::String) => true,
            _ => std::mem::discriminant(reader) == std::mem::discriminant(writer) && is_primitive(reader),
        }
    }

    fn records(&mut self, reader: &RecordType, writer: &RecordType) -> bool {
        reader.fields.iter().all(|field| match writer.fields.iter().find(|known| known.name == field.name) {
            Some(known) => self.types(field.kind, known.kind),
            None => field.default.is_some(),
        })
    }
}

fn same_name(reader: &str, writer: &str) -> bool {
    split(reader).1 == split(writer).1
}

fn is_primitive(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::Null | Kind::Boolean | Kind::Int | Kind::Long | Kind::Float | Kind::Double | Kind::Bytes | Kind::String
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_read_where_avros_rules_allow_it() {
        let record = |fields: &str| format!(r#"{{"type":"record","name":"a.R","fields":[{fields}]}}"#);
        let one = record(r#"{"name":"x","type":"int"}"#);
        let wider = record(r#"{"name":"x","type":"long"},{"name":"y","type":["null","a.R"],"default":null}"#);
        let needs_more = record(r#"{"name":"x","type":"int"},{"name":"z","type":"string"}"#);
        let symbols = |symbols: &str| format!(r#"{{"type":"enum","name":"E","symbols":[{symbols}]}}"#);
        let (few, many) = (symbols(r#""A""#), symbols(r#""A","B""#));
        for (reader, writer, fits) in [
            (wider.as_str(), one.as_str(), true),
            (&one, &wider, false),
            (&one, &needs_more, true),
            (&needs_more, &one, false),
            (&wider, &wider, true),
            (&many, &few, true),
            (&few, &many, false),
            (r#"["null","string"]"#, r#""string""#, true),
            (r#""string""#, r#"["null","string"]"#, false),
            (r#""double""#, r#""int""#, true),
            (r#""int""#, r#""double""#, false),
            (r#"{"type":"array","items":"long"}"#, r#"{"type":"array","items":"int"}"#, true),
            (r#"{"type":"map","values":"long"}"#, r#"{"type":"array","items":"long"}"#, false),
        ] {
            let parsed = (Avro::parse(reader).unwrap(), Avro::parse(writer).unwrap());
            assert_eq!(can_read(&parsed.0, &parsed.1), fits, "{reader} reads {writer}");
        }
    }
}
