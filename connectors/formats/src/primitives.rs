//! Converters of bytes that hold one value: raw bytes, big-endian numbers, a truth value.

use std::sync::Arc;

use bytes::Bytes;
use longshore_api::{Batch, ConnectError, Data, ErrorKind, Part, Result, Schema, Slot, Type, Value, error};

use crate::converter::{Column, Converter, ReadOptions};

fn serialization_error(message: String) -> ConnectError {
    ConnectError::new(ErrorKind::BadRecord, error::class::SERIALIZATION, message)
}

/// Passes bytes on as they are.
#[derive(Debug)]
#[doc(alias = "org.apache.kafka.connect.converters.ByteArrayConverter")]
pub struct ByteArrayConverter {
    schema: Arc<Schema>,
}

impl ByteArrayConverter {
    /// Java class name.
    pub const CLASS: &'static str = "org.apache.kafka.connect.converters.ByteArrayConverter";
}

impl Default for ByteArrayConverter {
    fn default() -> Self {
        Self { schema: Arc::new(Schema::optional(Type::Bytes)) }
    }
}

impl Converter for ByteArrayConverter {
    fn class(&self) -> &'static str {
        Self::CLASS
    }

    fn reads_headers(&self) -> bool {
        false
    }

    fn read_column(&self, batch: &mut Batch, part: Part, _options: ReadOptions, column: &mut Column) {
        column.fill(batch, part, |_, span| Ok(Slot::Bytes(span)));
    }

    fn to_connect(&self, _topic: &str, bytes: Option<&[u8]>) -> Result<Data> {
        let value = bytes.map_or(Value::Null, |bytes| Value::Bytes(Bytes::copy_from_slice(bytes)));
        Ok(Data::new(Arc::clone(&self.schema), value))
    }

    fn from_connect(&self, _topic: &str, data: &Data, out: &mut Vec<u8>) -> Result<bool> {
        check_schema(data, Type::Bytes, "ByteArrayConverter")?;
        match &data.value {
            Value::Null => return Ok(false),
            Value::Bytes(bytes) => out.extend_from_slice(bytes),
            value => return Err(incompatible(value, "ByteArrayConverter")),
        }
        Ok(true)
    }
}

fn check_schema(data: &Data, kind: Type, converter: &str) -> Result<()> {
    match &data.schema {
        Some(schema) if schema.kind != kind => {
            Err(ConnectError::data(format!("Invalid schema type for {converter}: {}", schema.kind.name())))
        }
        _ => Ok(()),
    }
}

fn incompatible(value: &Value, converter: &str) -> ConnectError {
    let class = value.java_class();
    ConnectError::data(format!("{converter} is not compatible with objects of type class {class}"))
}

/// Reads and writes one byte: 1 for true, 0 for false.
#[derive(Debug)]
#[doc(alias = "org.apache.kafka.connect.converters.BooleanConverter")]
pub struct BooleanConverter {
    schema: Arc<Schema>,
}

impl BooleanConverter {
    /// Java class name.
    pub const CLASS: &'static str = "org.apache.kafka.connect.converters.BooleanConverter";
}

impl Default for BooleanConverter {
    fn default() -> Self {
        Self { schema: Arc::new(Schema::optional(Type::Boolean)) }
    }
}

impl Converter for BooleanConverter {
    fn class(&self) -> &'static str {
        Self::CLASS
    }

    fn reads_headers(&self) -> bool {
        false
    }

    fn to_connect(&self, _topic: &str, bytes: Option<&[u8]>) -> Result<Data> {
        let wrong = |message: String| {
            ConnectError::data("Failed to deserialize boolean: ").caused_by(serialization_error(message))
        };
        let value = match bytes {
            None => Value::Null,
            Some([0]) => Value::Boolean(false),
            Some([1]) => Value::Boolean(true),
            Some([byte]) => {
                let byte = *byte as i8;
                return Err(wrong(format!("Unexpected byte received by BooleanDeserializer: {byte}")));
            }
            Some(_) => return Err(wrong("Size of data received by BooleanDeserializer is not 1".to_owned())),
        };
        Ok(Data::new(Arc::clone(&self.schema), value))
    }

    fn from_connect(&self, _topic: &str, data: &Data, out: &mut Vec<u8>) -> Result<bool> {
        check_schema(data, Type::Boolean, "BooleanConverter")?;
        match &data.value {
            Value::Null => return Ok(false),
            Value::Boolean(value) => out.push(u8::from(*value)),
            value => return Err(incompatible(value, "BooleanConverter")),
        }
        Ok(true)
    }
}

/// A kind of number: what makes one [`NumberConverter`] differ from the others.
#[derive(Debug)]
struct Number {
    class: &'static str,
    kind: Type,
    /// As messages call it.
    name: &'static str,
    deserializer: &'static str,
    size: usize,
    read: fn(&[u8]) -> Option<Value>,
}

/// Reads and writes numbers as big-endian bytes of a fixed size.
#[derive(Debug)]
#[doc(alias = "org.apache.kafka.connect.converters.NumberConverter")]
pub struct NumberConverter {
    number: &'static Number,
    schema: Arc<Schema>,
}

/// Reads the bytes of a number.
macro_rules! read {
    ($variant:ident, $kind:ty) => {
        |bytes| Some(Value::$variant(<$kind>::from_be_bytes(bytes.try_into().ok()?)))
    };
}

const NUMBERS: [Number; 5] = [
    Number {
        class: "org.apache.kafka.connect.converters.ShortConverter",
        kind: Type::Int16,
        name: "short",
        deserializer: "ShortDeserializer",
        size: 2,
        read: read!(Int16, i16),
    },
    Number {
        class: "org.apache.kafka.connect.converters.IntegerConverter",
        kind: Type::Int32,
        name: "integer",
        deserializer: "IntegerDeserializer",
        size: 4,
        read: read!(Int32, i32),
    },
    Number {
        class: "org.apache.kafka.connect.converters.LongConverter",
        kind: Type::Int64,
        name: "long",
        deserializer: "LongDeserializer",
        size: 8,
        read: read!(Int64, i64),
    },
    Number {
        class: "org.apache.kafka.connect.converters.FloatConverter",
        kind: Type::Float32,
        name: "float",
        deserializer: "Deserializer",
        size: 4,
        read: read!(Float32, f32),
    },
    Number {
        class: "org.apache.kafka.connect.converters.DoubleConverter",
        kind: Type::Float64,
        name: "double",
        deserializer: "Deserializer",
        size: 8,
        read: read!(Float64, f64),
    },
];

impl NumberConverter {
    /// The converter of a Java class name; `None` if it is none of the five.
    pub fn of_class(class: &str) -> Option<Self> {
        let number = NUMBERS.iter().find(|number| number.class == class)?;
        Some(Self { number, schema: Arc::new(Schema::optional(number.kind)) })
    }

    /// The Java class names of the five.
    pub fn classes() -> impl Iterator<Item = &'static str> {
        NUMBERS.iter().map(|number| number.class)
    }
}

impl Converter for NumberConverter {
    fn class(&self) -> &'static str {
        self.number.class
    }

    fn reads_headers(&self) -> bool {
        false
    }

    fn to_connect(&self, _topic: &str, bytes: Option<&[u8]>) -> Result<Data> {
        let Number { name, deserializer, size, read, .. } = self.number;
        let value = match bytes {
            None => Value::Null,
            Some(bytes) => read(bytes).ok_or_else(|| {
                let cause = format!("Size of data received by {deserializer} is not {size}");
                ConnectError::data(format!("Failed to deserialize {name}: ")).caused_by(serialization_error(cause))
            })?,
        };
        Ok(Data::new(Arc::clone(&self.schema), value))
    }

    fn from_connect(&self, _topic: &str, data: &Data, out: &mut Vec<u8>) -> Result<bool> {
        if data.value.is_null() {
            return Ok(false);
        }
        match (&data.value, self.number.kind) {
            (Value::Int16(value), Type::Int16) => out.extend_from_slice(&value.to_be_bytes()),
            (Value::Int32(value), Type::Int32) => out.extend_from_slice(&value.to_be_bytes()),
            (Value::Int64(value), Type::Int64) => out.extend_from_slice(&value.to_be_bytes()),
            (Value::Float32(value), Type::Float32) => out.extend_from_slice(&value.to_be_bytes()),
            (Value::Float64(value), Type::Float64) => out.extend_from_slice(&value.to_be_bytes()),
            (value, _) => {
                let (name, class) = (self.number.name, value.java_class());
                return Err(ConnectError::data(format!("Failed to serialize to {name} (was class {class}): ")));
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails loudly")]

    use longshore_api::Props;
    use proptest::prelude::*;

    use super::*;

    /// What a converter reads of what it wrote.
    fn back(name: &str, data: &Data) -> Data {
        let class = format!("org.apache.kafka.connect.converters.{name}Converter");
        let converter = crate::plugin(&class).unwrap().new_converter(&Props::new(), false).unwrap().unwrap();
        let mut bytes = Vec::new();
        let is_there = converter.from_connect("topic", data, &mut bytes).unwrap();
        converter.to_connect("topic", is_there.then_some(&bytes[..])).unwrap()
    }

    proptest! {
        #[test]
        fn what_is_written_comes_back(
            short: i16, integer: i32, long: i64, float: f32, double: f64, boolean: bool, bytes: Vec<u8>,
        ) {
            for (name, value) in [
                ("Short", Value::Int16(short)),
                ("Integer", Value::Int32(integer)),
                ("Long", Value::Int64(long)),
                ("Float", Value::Float32(float)),
                ("Double", Value::Float64(double)),
                ("Boolean", Value::Boolean(boolean)),
                ("ByteArray", Value::Bytes(bytes.into())),
            ] {
                let schema = Arc::new(Schema::optional(value.kind().unwrap()));
                let data = Data::new(Arc::clone(&schema), value);
                prop_assert_eq!(back(name, &data), data);
                let null = Data::new(schema, Value::Null);
                prop_assert!(back(name, &null).value.is_null());
            }
        }
    }
}
