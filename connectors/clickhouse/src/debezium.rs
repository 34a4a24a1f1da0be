//! `debeziumCDCEnabled`: change events as rows of a `ReplacingMergeTree(_version, is_deleted)`.
//!
//! The row that a change leaves (or, of a deletion, the one that was) is flattened to columns, beside its version, the
//! position in the database's log, and whether it is gone. The rules are those of the Java connector (1.5.0).

use std::fmt::Write as _;
use std::sync::Arc;

use longshore_api::{ConnectError, Field, Map, Schema, Struct, Type, Value};
use longshore_formats::json::{self, Keys};

const VERSION: &str = "_version";
const IS_DELETED: &str = "is_deleted";

/// Whether a schema is that of a change event.
pub(crate) fn is_envelope(schema: &Schema) -> bool {
    schema.kind == Type::Struct && schema.name.as_deref().is_some_and(|name| name.ends_with(".Envelope"))
}

/// Whether JSON looks like a change event. Without its schema nothing says that it is one, and none of its members is a
/// column.
pub(crate) fn is_plain_envelope(bytes: &[u8]) -> bool {
    matches!(json::decode(bytes, &mut Keys::default()), Ok(Value::Map(map)) if has_states(&map))
}

/// Whether a schemaless record has what change events have.
pub(crate) fn has_states(map: &Map) -> bool {
    let has = |name: &str| map.iter().any(|(key, _)| key.as_str() == Some(name));
    has("op") && (has("before") || has("after"))
}

/// The error for such a record.
pub(crate) fn no_schema() -> ConnectError {
    ConnectError::data("debeziumCDCEnabled needs change events with their schemas: this one has none")
}

/// The schemas of rows that were made before, by those of the states of the events.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    known: Vec<(Arc<Schema>, bool, Arc<Schema>)>,
}

impl Rows {
    /// The row of an event; `None` if there is none, as of a truncated table.
    pub(crate) fn flatten(&mut self, event: &Struct) -> Option<Struct> {
        let operation = event.get("op").and_then(Value::as_str)?;
        let is_deletion = operation.eq_ignore_ascii_case("d");
        if operation.eq_ignore_ascii_case("t") {
            return None;
        }
        let Some(Value::Struct(state)) = event.get(if is_deletion { "before" } else { "after" }) else { return None };
        let version = version(event);
        let schema = self.schema(&state.schema, version.as_str().is_some());
        let mut values: Vec<Value> = state
            .values
            .iter()
            .map(|value| match value {
                Value::Bytes(bytes) => Value::string(hex(bytes)),
                other => other.clone(),
            })
            .collect();
        values.extend([version, Value::Int8(i8::from(is_deletion))]);
        Some(Struct { schema, values })
    }

    fn schema(&mut self, state: &Arc<Schema>, is_wide: bool) -> Arc<Schema> {
        if let Some((.., row)) =
            self.known.iter().find(|(known, wide, _)| Arc::ptr_eq(known, state) && *wide == is_wide)
        {
            return Arc::clone(row);
        }
        let row = Arc::new(flat_schema(state, is_wide));
        self.known.push((Arc::clone(state), is_wide, Arc::clone(&row)));
        row
    }
}

/// The schema of the rows that records of a schema become. Only an envelope's is another, and only if such are taken.
pub(crate) fn row_schema(schema: &Arc<Schema>, takes_envelopes: bool) -> Arc<Schema> {
    let field = |name| schema.field_index(name).and_then(|at| schema.fields.get(at));
    match field("after") {
        Some(after) if takes_envelopes && is_envelope(schema) => Arc::new(flat_schema(&after.schema, is_wide(schema))),
        _ => Arc::clone(schema),
    }
}

/// Whether the events of a schema have versions of more than 64 bits: those of SQL Server.
fn is_wide(event: &Schema) -> bool {
    let source = event.field_index("source").and_then(|at| event.fields.get(at));
    source.is_some_and(|source| source.schema.field_index("commit_lsn").is_some())
}

/// The two columns beside those of the row, with types as `ReplacingMergeTree` wants them.
pub(crate) fn columns(event: &Schema) -> [(&'static str, &'static str); 2] {
    [(VERSION, if is_wide(event) { "UInt128" } else { "UInt64" }), (IS_DELETED, "UInt8")]
}

/// Bytes are hexadecimal texts, and two columns are more. A version of more than 64 bits is its digits.
fn flat_schema(state: &Schema, is_wide: bool) -> Schema {
    let plain_bytes = |field: &Field| field.schema.kind == Type::Bytes && field.schema.logical_name().is_none();
    let mut fields: Vec<Field> = state
        .fields
        .iter()
        .map(|field| {
            if plain_bytes(field) {
                let text = Schema { optional: field.schema.optional, ..Schema::new(Type::String) };
                Field::new(Arc::clone(&field.name), text)
            } else {
                field.clone()
            }
        })
        .collect();
    fields.push(Field::new(VERSION, Schema::new(if is_wide { Type::String } else { Type::Int64 })));
    fields.push(Field::new(IS_DELETED, Schema::new(Type::Int8)));
    Schema { name: state.name.clone(), ..Schema::structure(fields) }
}

/// Where the change stands in the database's log: PostgreSQL's `lsn`, the number in MySQL's `gtid` or its `pos`, or of
/// SQL Server the commit's LSN before the change's; 0 if it is none of these.
fn version(event: &Struct) -> Value {
    let Some(Value::Struct(source)) = event.get("source") else { return Value::Int64(0) };
    let number = |name: &str| match source.get(name) {
        Some(Value::Int64(number)) => Some(*number),
        Some(Value::Int32(number)) => Some(i64::from(*number)),
        _ => None,
    };
    let text = |name: &str| source.get(name).and_then(Value::as_str);
    let transaction = || text("gtid")?.split_once(':')?.1.trim().parse().ok();
    if let Some(number) = number("lsn").or_else(transaction).or_else(|| number("pos")) {
        return Value::Int64(number);
    }
    let (commit, change) = (text("commit_lsn").and_then(packed), text("change_lsn").and_then(packed));
    match (commit, change) {
        // Of SQL Server every version is a text.
        (None, None) if source.schema.field_index("commit_lsn").is_some() => Value::string("0"),
        (None, None) => Value::Int64(0),
        (commit, change) => {
            let version = u128::from(commit.unwrap_or(0)) << 64 | u128::from(change.unwrap_or(0));
            Value::string(version.to_string())
        }
    }
}

/// SQL Server's `00000027:00000ac8:0003` in 64 bits: 24 of the log file, 32 of the block, 8 of the entry.
fn packed(lsn: &str) -> Option<u64> {
    let mut parts = lsn.split(':').map(|part| u64::from_str_radix(part.trim(), 16).ok());
    let (file, block, entry) = (parts.next()??, parts.next()??, parts.next()??);
    Some((file & 0xFF_FFFF) << 40 | (block & 0xFFFF_FFFF) << 8 | (entry & 0xFF))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _written = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An event of a table with a number and some bytes.
    fn event(operation: &str, source: &[(&str, Value)], before: Option<i64>, after: Option<i64>) -> Struct {
        let row = Schema::structure(vec![
            Field::new("id", Schema::new(Type::Int64)),
            Field::new("raw", Schema::optional(Type::Bytes)),
        ]);
        let row = Arc::new(Schema { optional: true, name: Some("db.t.Value".into()), ..row });
        let fields = source
            .iter()
            .map(|(name, value)| Field::new(*name, Schema::optional(value.kind().unwrap_or(Type::String))));
        let source_schema = Arc::new(Schema::structure(fields.collect()));
        let state = |id: Option<i64>| {
            id.map_or(Value::Null, |id| {
                let values = vec![Value::Int64(id), Value::Bytes(vec![0, 255].into())];
                Value::Struct(Struct { schema: Arc::clone(&row), values })
            })
        };
        let origin = Struct {
            schema: Arc::clone(&source_schema),
            values: source.iter().map(|(_, value)| value.clone()).collect(),
        };
        let values = vec![state(before), state(after), Value::Struct(origin), Value::string(operation)];
        let schema = Schema::structure(vec![
            Field::new("before", Arc::clone(&row)),
            Field::new("after", row),
            Field::new("source", source_schema),
            Field::new("op", Schema::new(Type::String)),
        ]);
        Struct { schema: Arc::new(schema.named("db.t.Envelope")), values }
    }

    fn flat(event: &Struct) -> Option<Vec<Value>> {
        Rows::default().flatten(event).map(|row| row.values)
    }

    #[test]
    fn a_change_is_the_row_that_it_leaves_and_a_deletion_the_one_that_was() {
        let source = [("lsn", Value::Int64(77))];
        let row = |id, gone| Some(vec![Value::Int64(id), Value::string("00ff"), Value::Int64(77), Value::Int8(gone)]);
        assert_eq!(flat(&event("c", &source, None, Some(1))), row(1, 0));
        assert_eq!(flat(&event("u", &source, Some(1), Some(2))), row(2, 0));
        assert_eq!(flat(&event("d", &source, Some(3), None)), row(3, 1));
        assert_eq!(flat(&event("t", &source, None, None)), None);
        assert_eq!(flat(&event("d", &source, None, Some(1))), None, "there is nothing to say what is gone");
    }

    #[test]
    fn versions_are_positions_in_the_databases_log() {
        let of = |source: &[(&str, Value)]| version(&event("c", source, None, Some(1)));
        let text = |text: &str| Value::string(text);
        assert_eq!(of(&[("gtid", text("a-b:42")), ("pos", Value::Int64(7))]), Value::Int64(42));
        assert_eq!(of(&[("gtid", Value::Null), ("pos", Value::Int64(7))]), Value::Int64(7));
        assert_eq!(of(&[]), Value::Int64(0));
        assert_eq!(of(&[("commit_lsn", Value::Null)]), text("0"));
        let (commit, change) = ("00000001:00000002:0003", "00000000:00000001:0000");
        let expected = ((1u128 << 40 | 2 << 8 | 3) << 64 | 1 << 8).to_string();
        assert_eq!(of(&[("commit_lsn", text(commit)), ("change_lsn", text(change))]), text(&expected));
    }

    #[test]
    fn a_change_without_its_schema_is_known_by_its_members() {
        assert!(is_plain_envelope(br#"{"before": null, "after": {"id": 1}, "op": "c"}"#));
        for other in [r#"{"op": "c"}"#, r#"{"after": 1}"#, "[]", "{", r#"{"in": {"op": "c", "after": 1}}"#] {
            assert!(!is_plain_envelope(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn the_columns_are_known_from_the_schema_alone() {
        let event = event("c", &[("lsn", Value::Int64(1))], None, Some(1));
        assert!(is_envelope(&event.schema));
        let row = Rows::default().flatten(&event).unwrap();
        assert_eq!(row_schema(&event.schema, true), row.schema);
        assert!(Arc::ptr_eq(&row_schema(&event.schema, false), &event.schema));
        let names: Vec<_> = row.schema.fields.iter().map(|field| (&*field.name, field.schema.kind)).collect();
        let expected =
            [("id", Type::Int64), ("raw", Type::String), ("_version", Type::Int64), ("is_deleted", Type::Int8)];
        assert_eq!(names, expected);
    }
}
