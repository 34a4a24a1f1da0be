//! Reading Avro without a registry: from files that carry their schema.

use std::sync::Arc;

use longshore_api::{Result, Schema, Value};

use super::decode::Plan;
use super::{Avro, Rules, no_avro, to_connect};

/// Reads values that were written by one Avro schema.
#[derive(Debug)]
pub struct AvroReader(Plan);

impl AvroReader {
    /// A reader for an Avro schema in JSON. What Connect has put into it, such as names and versions, counts.
    ///
    /// # Errors
    /// Kind BadRecord: it is no schema, or one without a form in Connect.
    pub fn new(schema: &str) -> Result<Self> {
        let rules = Rules { enhanced: true, connect_meta_data: true, ..Rules::default() };
        Ok(Self(to_connect::plan(&Avro::parse(schema).map_err(no_avro)?, None, rules)?))
    }

    /// The Connect schema of the values; `None` if they have none.
    pub fn schema(&self) -> Option<&Arc<Schema>> {
        self.0.schema.as_ref()
    }

    /// Reads a value from the front of `bytes`, which then begin after it.
    ///
    /// # Errors
    /// Kind BadRecord: what is wrong, and at which byte.
    pub fn read(&self, bytes: &mut &[u8]) -> Result<Value> {
        self.0.read_next(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{AvroOptions, AvroWriter};
    use super::*;
    use longshore_api::{Field, Struct, Type};

    #[test]
    fn values_of_a_file_are_read_one_after_the_other() {
        let fields = vec![
            Field::new("n", Schema::new(Type::Int64)),
            Field::new("s", Schema::optional(Type::String)),
            Field::new("b", Schema::new(Type::Bytes)),
        ];
        let schema = Arc::new(Schema::structure(fields).named("r"));
        let options = AvroOptions { enhanced: true, connect_meta_data: true, optional_map_keys: false };
        let writer = AvroWriter::new(Some(&schema), options).unwrap();
        let value = |n: i64, text: Option<&str>| {
            let text = text.map_or(Value::Null, Value::string);
            let values = vec![Value::Int64(n), text, Value::Bytes(vec![1, 2, n as u8].into())];
            Value::Struct(Struct { schema: Arc::clone(&schema), values })
        };
        let values = [value(1, Some("a")), value(-7, None)];
        let mut bytes = Vec::new();
        values.iter().for_each(|value| writer.write(value, &mut bytes).unwrap());
        let reader = AvroReader::new(writer.schema()).unwrap();
        let fields = |value: Value| match value {
            Value::Struct(one) => one.values,
            other => vec![other],
        };
        let mut rest = &bytes[..];
        for value in values {
            assert_eq!(fields(reader.read(&mut rest).unwrap()), fields(value));
        }
        assert!(reader.schema().unwrap().fields.iter().map(|field| &*field.name).eq(["n", "s", "b"]));
        assert!(rest.is_empty() && reader.read(&mut rest).is_err());
    }
}
