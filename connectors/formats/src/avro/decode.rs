//! Avro's binary form: from a record's bytes to Connect's values, by a plan that was made once for the schema.
//!
//! The bytes are not trusted. A length says nothing before that much is there, values nest to a bounded depth, and
//! elements that take no bytes are counted.

use std::collections::HashMap;
use std::sync::Arc;

use bigdecimal::BigDecimal;
use bytes::Bytes;
use longshore_api::error::class;
use longshore_api::{ConnectError, Data, ErrorKind, Map, Result, Schema, Struct, Value};
use num_bigint::BigInt;

use crate::java_text::calendar::MILLIS_PER_DAY;

/// How records of a schema are read.
#[derive(Debug)]
pub struct Plan {
    /// The schema of the whole; `None` for schemaless data.
    pub(super) schema: Option<Arc<Schema>>,
    /// How the whole is read.
    pub(super) root: Node,
    /// The record types.
    pub(super) records: Vec<RecordPlan>,
}

/// How a record type is read.
#[derive(Debug)]
pub(super) struct RecordPlan {
    /// How its fields are read, in order.
    pub(super) fields: Vec<Node>,
    /// Its schema where it is used within itself.
    pub(super) required: Arc<Schema>,
    /// The same where it may be null.
    pub(super) optional: Arc<Schema>,
}

/// How a value is read. Indices are those of [`Plan::records`].
#[derive(Debug)]
#[allow(missing_docs)]
pub(super) enum Node {
    Boolean,
    Int8,
    Int16,
    Int32,
    Int64,
    Float32,
    Float64,
    String,
    Bytes,
    Fixed(usize),
    Decimal {
        scale: i32,
        fixed: Option<usize>,
    },
    Date,
    Time,
    Timestamp,
    Enum(Arc<[Arc<str>]>),
    Array(Box<Node>),
    Map(Box<Node>),
    /// A map with keys of any type: an array of records of key and value.
    Entries {
        parts: Box<[Node; 2]>,
        key_first: bool,
    },
    Record {
        plan: usize,
        schema: Arc<Schema>,
    },
    /// A record within itself.
    Again {
        plan: usize,
        optional: bool,
    },
    /// A union of a type and null.
    Optional {
        null_first: bool,
        inner: Box<Node>,
    },
    /// A union of one type that is read as that type.
    Only(Box<Node>),
    /// A union: a struct with a field for each branch but null.
    Union {
        schema: Arc<Schema>,
        branches: Vec<Option<(usize, Node)>>,
    },
    /// Schemaless data.
    Anything,
}

/// How deep values may stand in each other.
const MAX_DEPTH: usize = 100;
/// The most elements without bytes in one record: empty records, for instance.
const MAX_EMPTY: usize = 100_000;
/// The most elements for which memory is taken before they are read.
const MAX_RESERVED: usize = 256;

impl Plan {
    /// Reads a record. Bytes after it are passed over, as Avro's reader does.
    ///
    /// # Errors
    /// Kind BadRecord: what is wrong, and at which byte.
    pub(super) fn read(&self, bytes: &[u8]) -> Result<Data> {
        let mut input = Input { bytes, at: 0, empty: 0, depth: 0 };
        let value = match &self.root {
            // Bytes that stand by themselves have no length.
            Node::Bytes => Value::Bytes(Bytes::copy_from_slice(bytes)),
            Node::Decimal { scale, fixed: None } => unscaled(bytes, *scale)?,
            root => self.value(root, &mut input)?,
        };
        Ok(Data { schema: self.schema.clone(), value })
    }

    /// Reads a value from the front of bytes, which then begin after it: values in files follow each other.
    ///
    /// # Errors
    /// Kind BadRecord: what is wrong, and at which byte.
    pub(super) fn read_next(&self, bytes: &mut &[u8]) -> Result<Value> {
        let mut input = Input { bytes, at: 0, empty: 0, depth: 0 };
        let value = self.value(&self.root, &mut input)?;
        *bytes = bytes.get(input.at..).unwrap_or_default();
        Ok(value)
    }

    /// What nests stands here, the rest in [`scalar`]: this function's frames are what a deep value piles up.
    fn value(&self, node: &Node, input: &mut Input<'_>) -> Result<Value> {
        match node {
            Node::Optional { null_first, inner } => match input.is_second()? == *null_first {
                true => self.value(inner, input),
                false => Ok(Value::Null),
            },
            Node::Record { plan, schema } => self.record(*plan, schema, input),
            Node::Again { plan, optional } => {
                let record = &self.records[*plan];
                self.record(*plan, if *optional { &record.optional } else { &record.required }, input)
            }
            Node::Array(element) => self.array(element, input),
            Node::Map(value) => self.map(value, input),
            Node::Entries { parts, key_first } => self.entries(parts, *key_first, input),
            Node::Only(inner) => match input.long()? {
                0 => self.value(inner, input),
                other => Err(input.no_branch(other)),
            },
            Node::Union { schema, branches } => self.union(schema, branches, input),
            Node::Anything => self.anything(input),
            _ => scalar(node, input),
        }
    }

    fn record(&self, plan: usize, schema: &Arc<Schema>, input: &mut Input<'_>) -> Result<Value> {
        input.descend()?;
        let fields = &self.records[plan].fields;
        let mut values = Vec::with_capacity(fields.len());
        for field in fields {
            self.push(field, input, &mut values)?;
        }
        input.depth -= 1;
        Ok(Value::Struct(Struct { schema: Arc::clone(schema), values }))
    }

    /// Reads a value to the end of others. The kinds that come most often are written where they stay: to make a value
    /// and move it takes longer than to read it.
    fn push(&self, node: &Node, input: &mut Input<'_>, values: &mut Vec<Value>) -> Result<()> {
        match node {
            Node::String => push_string(values, input.text()?),
            Node::Int64 => push_long(values, input.long()?),
            Node::Int32 => push_int(values, input.int()?),
            Node::Float64 => push_double(values, f64::from_le_bytes(*input.array()?)),
            Node::Timestamp => push_date(values, input.long()?),
            Node::Optional { null_first, inner } if input.is_second()? == *null_first => {
                return self.push(inner, input, values);
            }
            Node::Optional { .. } => values.push(Value::Null),
            node => values.push(self.value(node, input)?),
        }
        Ok(())
    }

    fn array(&self, element: &Node, input: &mut Input<'_>) -> Result<Value> {
        input.descend()?;
        let mut elements = Vec::new();
        while let Some(count) = input.block()? {
            elements.reserve(count.min(MAX_RESERVED).min(input.left()));
            for _ in 0..count {
                let began = input.at;
                self.push(element, input, &mut elements)?;
                input.count_empty(began)?;
            }
        }
        input.depth -= 1;
        Ok(Value::Array(elements))
    }

    fn map(&self, value: &Node, input: &mut Input<'_>) -> Result<Value> {
        input.descend()?;
        let mut entries = Distinct::default();
        while let Some(count) = input.block()? {
            entries.reserve(count.min(MAX_RESERVED).min(input.left()));
            for _ in 0..count {
                let began = input.at;
                let key = Value::String(input.text()?);
                let key_bytes = &input.bytes[began..input.at];
                entries.insert(key_bytes, key, self.value(value, input)?);
            }
        }
        input.depth -= 1;
        Ok(Value::Map(Map::from_distinct(entries.entries)))
    }

    fn entries(&self, [key, value]: &[Node; 2], key_first: bool, input: &mut Input<'_>) -> Result<Value> {
        input.descend()?;
        let mut entries = Distinct::default();
        while let Some(count) = input.block()? {
            entries.reserve(count.min(MAX_RESERVED).min(input.left()));
            for _ in 0..count {
                let began = input.at;
                let mut read_value = if key_first { None } else { Some(self.value(value, input)?) };
                let key_began = input.at;
                let read_key = self.value(key, input)?;
                let key_bytes = &input.bytes[key_began..input.at];
                let read_value = match read_value.take() {
                    Some(value) => value,
                    None => self.value(value, input)?,
                };
                entries.insert(key_bytes, read_key, read_value);
                input.count_empty(began)?;
            }
        }
        input.depth -= 1;
        Ok(Value::Map(Map::from_distinct(entries.entries)))
    }

    fn union(&self, schema: &Arc<Schema>, branches: &[Option<(usize, Node)>], input: &mut Input<'_>) -> Result<Value> {
        let index = input.long()?;
        let branch = usize::try_from(index).ok().and_then(|index| branches.get(index));
        match branch {
            None => Err(input.no_branch(index)),
            Some(None) => Ok(Value::Null),
            Some(Some((field, node))) => {
                input.descend()?;
                let mut values = vec![Value::Null; schema.fields.len()];
                values[*field] = self.value(node, input)?;
                input.depth -= 1;
                Ok(Value::Struct(Struct { schema: Arc::clone(schema), values }))
            }
        }
    }

    /// Schemaless data: a record of optional fields, of which the first that is there counts.
    fn anything(&self, input: &mut Input<'_>) -> Result<Value> {
        const SCALARS: [Node; 7] =
            [Node::Boolean, Node::Bytes, Node::Float64, Node::Float32, Node::Int32, Node::Int64, Node::String];
        input.descend()?;
        let mut found = Value::Null;
        for scalar in &SCALARS {
            if input.is_second()? {
                let value = self.value(scalar, input)?;
                keep_first(&mut found, value);
            }
        }
        if input.is_second()? {
            let value = self.array(&Node::Anything, input)?;
            keep_first(&mut found, value);
        }
        if input.is_second()? {
            let value = self.entries(&[Node::Anything, Node::Anything], true, input)?;
            keep_first(&mut found, value);
        }
        input.depth -= 1;
        Ok(found)
    }
}

// Functions of their own, or else they become one that makes a value and moves it.

#[inline(never)]
fn push_string(values: &mut Vec<Value>, text: Arc<str>) {
    values.push(Value::String(text));
}

#[inline(never)]
fn push_long(values: &mut Vec<Value>, value: i64) {
    values.push(Value::Int64(value));
}

#[inline(never)]
fn push_int(values: &mut Vec<Value>, value: i32) {
    values.push(Value::Int32(value));
}

#[inline(never)]
fn push_double(values: &mut Vec<Value>, value: f64) {
    values.push(Value::Float64(value));
}

#[inline(never)]
fn push_date(values: &mut Vec<Value>, millis: i64) {
    values.push(Value::Date(millis));
}

fn scalar(node: &Node, input: &mut Input<'_>) -> Result<Value> {
    Ok(match node {
        Node::Boolean => match input.byte()? {
            0 => Value::Boolean(false),
            1 => Value::Boolean(true),
            other => return Err(input.malformed(format_args!("{other} is no boolean"))),
        },
        // As Java's cast: the low bits.
        Node::Int8 => Value::Int8(input.int()? as i8),
        Node::Int16 => Value::Int16(input.int()? as i16),
        Node::Int32 => Value::Int32(input.int()?),
        Node::Int64 => Value::Int64(input.long()?),
        Node::Float32 => Value::Float32(f32::from_le_bytes(*input.array()?)),
        Node::Float64 => Value::Float64(f64::from_le_bytes(*input.array()?)),
        Node::String => Value::String(input.text()?),
        Node::Bytes => Value::Bytes(Bytes::copy_from_slice(input.counted()?)),
        Node::Fixed(size) => Value::Bytes(Bytes::copy_from_slice(input.take(*size)?)),
        Node::Decimal { scale, fixed } => decimal(input, *scale, *fixed)?,
        Node::Date => Value::Date(i64::from(input.int()?) * MILLIS_PER_DAY),
        Node::Time => match i64::from(input.int()?) {
            millis @ 0..=MILLIS_PER_DAY => Value::Date(millis),
            _ => {
                return Err(ConnectError::data(
                    "Time values must use number of milliseconds greater than 0 and less than 86400000",
                ));
            }
        },
        Node::Timestamp => Value::Date(input.long()?),
        Node::Enum(symbols) => {
            let index = input.int()?;
            let symbol = usize::try_from(index).ok().and_then(|index| symbols.get(index));
            Value::String(Arc::clone(symbol.ok_or_else(|| input.malformed(format_args!("no symbol {index}")))?))
        }
        Node::Optional { .. }
        | Node::Record { .. }
        | Node::Again { .. }
        | Node::Array(_)
        | Node::Map(_)
        | Node::Entries { .. }
        | Node::Only(_)
        | Node::Union { .. }
        | Node::Anything => Value::Null,
    })
}

fn keep_first(found: &mut Value, value: Value) {
    if found.is_null() {
        *found = value;
    }
}

fn decimal(input: &mut Input<'_>, scale: i32, fixed: Option<usize>) -> Result<Value> {
    let bytes = match fixed {
        Some(size) => input.take(size)?,
        None => input.counted()?,
    };
    unscaled(bytes, scale)
}

fn unscaled(bytes: &[u8], scale: i32) -> Result<Value> {
    if bytes.is_empty() {
        let cause =
            ConnectError::new(ErrorKind::BadRecord, "java.lang.NumberFormatException", "Zero length BigInteger");
        return Err(ConnectError::data("Invalid bytes for Decimal field").caused_by(cause));
    }
    Ok(Value::Decimal(BigDecimal::new(BigInt::from_signed_bytes_be(bytes), i64::from(scale))))
}

/// A map's entries; a key that comes again takes the place of the first, as in Java's maps. Keys are compared by
/// their bytes: that costs nothing for few entries and stays fast for many.
#[derive(Default)]
struct Distinct<'a> {
    entries: Vec<(Value, Value)>,
    keys: Vec<&'a [u8]>,
    places: HashMap<&'a [u8], usize>,
}

impl<'a> Distinct<'a> {
    /// From so many entries on a table of their keys is worth its while.
    const MANY: usize = 16;

    fn reserve(&mut self, count: usize) {
        self.entries.reserve(count);
        self.keys.reserve(count);
    }

    fn insert(&mut self, key_bytes: &'a [u8], key: Value, value: Value) {
        if self.keys.len() == Self::MANY {
            self.places = self.keys.iter().enumerate().map(|(place, key)| (*key, place)).collect();
        }
        let known = if self.keys.len() < Self::MANY {
            self.keys.iter().position(|known| *known == key_bytes)
        } else {
            self.places.get(key_bytes).copied()
        };
        match known {
            Some(place) => self.entries[place].1 = value,
            None => {
                if self.keys.len() >= Self::MANY {
                    self.places.insert(key_bytes, self.keys.len());
                }
                self.keys.push(key_bytes);
                self.entries.push((key, value));
            }
        }
    }
}

/// A record's bytes and how far they are read.
struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
    empty: usize,
    depth: usize,
}

impl<'a> Input<'a> {
    fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    #[inline]
    fn byte(&mut self) -> Result<u8> {
        let byte = *self.bytes.get(self.at).ok_or_else(|| self.ends(1))?;
        self.at += 1;
        Ok(byte)
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let rest = &self.bytes[self.at..];
        let taken = rest.get(..count).ok_or_else(|| self.ends(count))?;
        self.at += count;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<&'a [u8; N]> {
        let rest = &self.bytes[self.at..];
        let taken = rest.first_chunk().ok_or_else(|| self.ends(N))?;
        self.at += N;
        Ok(taken)
    }

    /// A number: seven bits a byte, the low ones first, then zigzag.
    #[inline]
    fn long(&mut self) -> Result<i64> {
        let mut number = 0_u64;
        for shift in (0..70).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            if byte & 0x80 == 0 {
                return Ok((number >> 1) as i64 ^ -((number & 1) as i64));
            }
        }
        Err(self.malformed(format_args!("a number of more than 10 bytes")))
    }

    fn int(&mut self) -> Result<i32> {
        let number = self.long()?;
        i32::try_from(number).map_err(|_| self.malformed(format_args!("{number} is no int")))
    }

    /// Whether the branch of a union of two is the second.
    fn is_second(&mut self) -> Result<bool> {
        match self.long()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(self.no_branch(other)),
        }
    }

    fn counted(&mut self) -> Result<&'a [u8]> {
        let length = self.long()?;
        match usize::try_from(length) {
            Ok(length) => self.take(length),
            Err(_) => Err(self.malformed(format_args!("Length is negative: {length}"))),
        }
    }

    /// A text. What is no UTF-8 is replaced, as Java does.
    fn text(&mut self) -> Result<Arc<str>> {
        let bytes = self.counted()?;
        Ok(match std::str::from_utf8(bytes) {
            Ok(text) => Arc::from(text),
            Err(_) => Arc::from(String::from_utf8_lossy(bytes)),
        })
    }

    /// The number of elements of the next block; `None` after the last. A negative number says that the block's size
    /// in bytes comes next, for readers that want to pass over it.
    fn block(&mut self) -> Result<Option<usize>> {
        let count = self.long()?;
        if count < 0 {
            self.long()?;
        }
        match usize::try_from(count.unsigned_abs()) {
            Ok(0) => Ok(None),
            Ok(count) => Ok(Some(count)),
            Err(_) => Err(self.malformed(format_args!("{count} elements"))),
        }
    }

    fn descend(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.malformed(format_args!("values are nested deeper than {MAX_DEPTH}")));
        }
        Ok(())
    }

    /// Counts an element if it took no bytes since `began`: there could be any number of such.
    fn count_empty(&mut self, began: usize) -> Result<()> {
        self.empty += usize::from(self.at == began);
        if self.empty > MAX_EMPTY {
            return Err(self.malformed(format_args!("more than {MAX_EMPTY} elements without data")));
        }
        Ok(())
    }

    #[cold]
    fn ends(&self, wanted: usize) -> ConnectError {
        let message = format!("the data ends: {wanted} bytes are wanted at byte {} of {}", self.at, self.bytes.len());
        ConnectError::new(ErrorKind::BadRecord, "java.io.EOFException", message)
    }

    #[cold]
    fn no_branch(&self, index: i64) -> ConnectError {
        self.malformed(format_args!("no branch {index} in the union"))
    }

    #[cold]
    fn malformed(&self, what: std::fmt::Arguments<'_>) -> ConnectError {
        let message = format!("Malformed data before byte {}: {what}", self.at);
        ConnectError::new(ErrorKind::BadRecord, "org.apache.avro.AvroRuntimeException", message)
    }
}

/// Whether an error is one of the bytes, which the deserializer throws, and not one of Connect's data model.
pub(super) fn is_of_bytes(error: &ConnectError) -> bool {
    error.class != class::DATA
}
