//! The converter itself: keys, the registry, records.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use longshore_api::config::{ConfigKey, ParsedConfig};
use longshore_api::{ConnectError, Data, Props, Result, Schema};

use super::linked::Linked;
use super::plan::Plan;
use super::wire::{Reader as WireReader, put_varint, unzigzag, zigzag};
use super::{Rules, decode, encode, from_connect, names, to_connect};
use crate::compatible;
use crate::registry::{
    Description, Format, Framed, RegisteredSchema, RegistryConverter, SchemaKind, SchemaText, serialization, switch,
};

/// Reads and writes Protobuf whose schema is in the registry.
#[doc(alias = "io.confluent.connect.protobuf.ProtobufConverter")]
pub type ProtobufConverter = RegistryConverter<Protobufs>;

impl ProtobufConverter {
    /// Java class name.
    pub const CLASS: &'static str = "io.confluent.connect.protobuf.ProtobufConverter";

    /// A converter of keys or values with these settings.
    ///
    /// # Errors
    /// Kind Config, for settings that do not parse or cannot work.
    pub fn new(props: &Props, is_key: bool) -> Result<Self> {
        Self::of_class(Self::CLASS, props, is_key)
    }
}

/// Protobuf as a format of the registry.
#[derive(Debug)]
pub struct Protobufs {
    rules: Arc<Rules>,
}

/// A schema made ready for reading.
#[derive(Debug)]
pub struct Reader {
    linked: Linked,
    version: Option<i32>,
    rules: Arc<Rules>,
    /// The plan of the schema's first message, which nearly all records are.
    first: Result<Arc<Plan>>,
    /// Those of other messages; there are no more than the schema has messages.
    others: Mutex<HashMap<Vec<i32>, Arc<Plan>>>,
}

impl Reader {
    fn new(linked: Linked, version: Option<i32>, rules: Arc<Rules>) -> Self {
        let first = plan(&linked, &[0], version, &rules);
        Self { linked, version, rules, first, others: Mutex::default() }
    }

    fn plan(&self, indexes: &[i32]) -> Result<Arc<Plan>> {
        if matches!(indexes, [] | [0]) {
            return self.first.clone();
        }
        // A map that a panicking task left behind is still whole: every change to it is a single step.
        let others = || self.others.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = others().get(indexes) {
            return Ok(Arc::clone(known));
        }
        let plan = plan(&self.linked, indexes, self.version, &self.rules)?;
        others().insert(indexes.to_vec(), Arc::clone(&plan));
        Ok(plan)
    }

    fn decode(&self, framed: &Framed<'_>) -> Result<Data> {
        let decode = || {
            let (indexes, rest) = message_indexes(framed.after_id)?;
            decode::decode(framed.body.unwrap_or(rest), &*self.plan(&indexes)?)
        };
        decode().map_err(|error| {
            if error.class == longshore_api::error::class::DATA {
                return error;
            }
            serialization(format!("Error deserializing Protobuf message for id {}", framed.id)).caused_by(error)
        })
    }
}

fn plan(linked: &Linked, indexes: &[i32], version: Option<i32>, rules: &Rules) -> Result<Arc<Plan>> {
    let message = linked.message(indexes)?;
    to_connect::plan(linked, message, version, rules).map(Arc::new)
}

/// The message indexes that stand before the data, and what follows them. The empty list means the first message.
fn message_indexes(bytes: &[u8]) -> Result<(Vec<i32>, &[u8])> {
    let mut reader = WireReader::new(bytes);
    let count = unzigzag(reader.varint()?);
    // An index takes a byte at least.
    let fits = usize::try_from(count).is_ok_and(|count| count <= reader.left());
    if !fits {
        return Err(serialization(format!("{count} message indexes in {} bytes", bytes.len())));
    }
    let indexes = (0..count).map(|_| {
        let index = unzigzag(reader.varint()?);
        i32::try_from(index).map_err(|_| serialization(format!("the message index {index} is out of range")))
    });
    let indexes = indexes.collect::<Result<Vec<_>>>()?;
    Ok((indexes, &bytes[bytes.len() - reader.left()..]))
}

/// The bytes of message indexes; those of the first message are one byte.
fn index_bytes(indexes: &[i32]) -> Vec<u8> {
    if indexes == [0] {
        return vec![0];
    }
    let mut out = Vec::new();
    put_varint(&mut out, zigzag(indexes.len() as i64));
    for index in indexes {
        put_varint(&mut out, zigzag(i64::from(*index)));
    }
    out
}

/// A schema made ready for writing.
#[derive(Debug)]
pub struct Writer {
    plan: encode::Plan,
    index_bytes: Vec<u8>,
}

fn references(schema: &RegisteredSchema) -> Vec<(String, String)> {
    schema.references.iter().map(|one| (one.reference.name.clone(), one.text.clone())).collect()
}

impl Protobufs {
    fn described(&self, schema: Option<&Arc<Schema>>) -> Result<from_connect::Described> {
        let schema = schema.ok_or_else(|| ConnectError::data("data without a schema has no form in Protobuf"))?;
        from_connect::describe(schema, &self.rules)
    }
}

impl Format for Protobufs {
    const KIND: SchemaKind = SchemaKind::Protobuf;
    const NAME: &'static str = "Protobuf";
    type Reader = Reader;
    type Writer = Writer;

    fn keys() -> Vec<ConfigKey> {
        vec![
            switch("enhanced.protobuf.schema.support", false, "Whether names of schemas keep their packages."),
            switch("scrub.invalid.names", false, "Whether what a name must not have is replaced."),
            switch("int.for.enums", false, "Whether enums become numbers."),
            switch(
                "optional.for.nullables",
                false,
                "Whether only fields with the word `optional` are optional, and are written with it.",
            ),
            switch("optional.for.proto2", true, "Whether the word `optional` counts in proto2."),
            switch(
                "wrapper.for.nullables",
                false,
                "Whether optional scalars are wrappers, such as google.protobuf.StringValue.",
            ),
            switch("wrapper.for.raw.primitives", true, "Whether a record that is a wrapper becomes what it holds."),
            switch("generate.struct.for.nulls", false, "Whether a message that is missing becomes an empty struct."),
            switch("generate.index.for.unions", true, "Whether the names of unions end with an index."),
            switch("flatten.unions", false, "Whether the members of a `oneof` become fields of the message."),
            switch(
                "generalized.sum.type.support",
                false,
                "Whether enums and unions have the form that all formats share.",
            ),
            switch("ignore.default.for.nullables", false, "Whether null stays null in a field that has a default."),
        ]
    }

    fn new(config: &ParsedConfig) -> Self {
        Self { rules: Arc::new(Rules::new(config)) }
    }

    fn reader(&self, schema: &RegisteredSchema) -> Result<Reader> {
        let linked = Linked::new(&schema.schema.text, &references(schema))?;
        Ok(Reader::new(linked, schema.version, Arc::clone(&self.rules)))
    }

    fn describe(&self, schema: Option<&Arc<Schema>>) -> Result<Description> {
        let described = self.described(schema)?;
        let schema = SchemaText { kind: SchemaKind::Protobuf, text: described.text, references: Vec::new() };
        Ok(Description { schema, record: Some(described.message) })
    }

    fn writer(&self, schema: Option<&Arc<Schema>>, registered: &RegisteredSchema) -> Result<Writer> {
        let described = self.described(schema)?;
        let mut indexes = described.indexes;
        if registered.schema.text != described.text {
            let linked = Linked::new(&registered.schema.text, &references(registered))?;
            indexes = linked.indexes(&described.message).ok_or_else(|| {
                ConnectError::data(format!("the registered schema has no message {}", described.message))
            })?;
        }
        Ok(Writer { plan: described.plan, index_bytes: index_bytes(&indexes) })
    }

    fn can_read(&self, registered: &RegisteredSchema, described: &Description) -> Result<bool> {
        let reader = Linked::new(&registered.schema.text, &references(registered))?;
        let writer = Linked::new(&described.schema.text, &[])?;
        let message = described.record.as_deref().unwrap_or_default();
        let schema = |linked: &Linked| match linked.indexes(message) {
            Some(indexes) => plan(linked, &indexes, None, &self.rules).map(|plan| Some(Arc::clone(&plan.schema))),
            None => Ok(None),
        };
        Ok(match (schema(&reader)?, schema(&writer)?) {
            (Some(reader), Some(writer)) => compatible::can_read(&reader, &writer, Some(names::TAG)),
            _ => false,
        })
    }

    fn record_name(&self, schema: &RegisteredSchema) -> Option<String> {
        let linked = Linked::new(&schema.schema.text, &references(schema)).ok()?;
        let message = linked.message(&[0]).ok()?;
        linked.messages.get(message).map(|message| message.full_name.clone())
    }

    fn decode(&self, reader: &Reader, framed: &Framed<'_>) -> Result<Data> {
        reader.decode(framed)
    }

    fn encode(&self, _topic: &str, writer: &Writer, data: &Data, out: &mut Vec<u8>) -> Result<()> {
        out.extend_from_slice(&writer.index_bytes);
        encode::encode(out, &writer.plan, &data.value)
    }

    fn read_failed(topic: &str) -> String {
        format!("Failed to deserialize data for topic {topic} to Protobuf: ")
    }

    fn write_failed(topic: &str) -> String {
        format!("Failed to serialize Protobuf data from topic {topic}:")
    }

    fn access_failed(topic: &str) -> String {
        format!("Failed to access Protobuf data from topic {topic} : ")
    }
}
