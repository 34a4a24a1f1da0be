//! Where a document's `_id` comes from (`com.mongodb.kafka.connect.sink.processor.id.strategy.*`).

use longshore_api::{ConnectError, Record};

use crate::config::Settings;
use crate::convert::builder::Builder;
use crate::convert::elements::{RawValue, field};
use crate::convert::kind;

/// The package of the strategies.
pub(crate) const PACKAGE: &str = "com.mongodb.kafka.connect.sink.processor.id.strategy";

/// A strategy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IdStrategy {
    /// A fresh ObjectId.
    BsonOid,
    /// A fresh random UUID.
    Uuid,
    /// The key document.
    FullKey,
    /// What a projection leaves of the key document.
    PartialKey,
    /// What a projection leaves of the value document.
    PartialValue,
    /// The key document's `_id`.
    ProvidedInKey,
    /// The value document's `_id`.
    ProvidedInValue,
    /// The key document's `_id`, made a UUID.
    UuidProvidedInKey,
    /// The value document's `_id`, made a UUID.
    UuidProvidedInValue,
    /// Topic, partition and offset.
    KafkaMetaData,
}

/// Every strategy and its class, without the [package](PACKAGE).
pub(crate) const STRATEGIES: &[(&str, IdStrategy)] = &[
    ("BsonOidStrategy", IdStrategy::BsonOid),
    ("UuidStrategy", IdStrategy::Uuid),
    ("FullKeyStrategy", IdStrategy::FullKey),
    ("PartialKeyStrategy", IdStrategy::PartialKey),
    ("PartialValueStrategy", IdStrategy::PartialValue),
    ("ProvidedInKeyStrategy", IdStrategy::ProvidedInKey),
    ("ProvidedInValueStrategy", IdStrategy::ProvidedInValue),
    ("UuidProvidedInKeyStrategy", IdStrategy::UuidProvidedInKey),
    ("UuidProvidedInValueStrategy", IdStrategy::UuidProvidedInValue),
    ("KafkaMetaDataStrategy", IdStrategy::KafkaMetaData),
];

impl IdStrategy {
    /// Whether every `_id` is one that the database has never seen.
    pub(crate) fn is_fresh(self) -> bool {
        matches!(self, Self::BsonOid | Self::Uuid)
    }

    /// Whether the strategy reads the key document.
    pub(crate) fn reads_key(self) -> bool {
        matches!(self, Self::FullKey | Self::PartialKey | Self::ProvidedInKey | Self::UuidProvidedInKey)
    }

    /// Whether the `_id` is the key document itself.
    pub(crate) fn is_key(self) -> bool {
        self == Self::FullKey
    }

    /// Whether a projection belongs to the strategy.
    pub(crate) fn is_partial(self) -> bool {
        matches!(self, Self::PartialKey | Self::PartialValue)
    }
}

/// An `_id`'s bytes, in a buffer that is used again and again.
#[derive(Debug, Default)]
pub(crate) struct Id {
    kind: u8,
    bytes: Vec<u8>,
    projected: Builder,
}

impl Id {
    /// The value.
    pub(crate) fn value(&self) -> RawValue<'_> {
        RawValue { kind: self.kind, bytes: &self.bytes }
    }

    fn set(&mut self, kind: u8, bytes: &[u8]) {
        self.kind = kind;
        self.bytes.clear();
        self.bytes.extend_from_slice(bytes);
    }

    /// Makes the `_id` of a record; `None` stands for a key or value that is null.
    ///
    /// # Errors
    /// If the strategy finds no `_id`, or none of the right form.
    pub(crate) fn generate(
        &mut self,
        settings: &Settings,
        record: &Record<'_>,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
    ) -> Result<(), ConnectError> {
        match settings.id_strategy {
            IdStrategy::BsonOid => self.set(kind::OBJECT_ID, &bson::oid::ObjectId::new().bytes()),
            IdStrategy::Uuid => self.fresh_uuid(settings.uuid_as_binary),
            IdStrategy::FullKey => self.set(kind::DOCUMENT, key.unwrap_or(EMPTY)),
            IdStrategy::PartialKey => self.project(settings, key)?,
            IdStrategy::PartialValue => self.project(settings, value)?,
            IdStrategy::ProvidedInKey => self.provided(key)?,
            IdStrategy::ProvidedInValue => self.provided(value)?,
            IdStrategy::UuidProvidedInKey => self.provided_uuid(key)?,
            IdStrategy::UuidProvidedInValue => self.provided_uuid(value)?,
            IdStrategy::KafkaMetaData => {
                let text = format!("{}#{}#{}", record.topic(), record.partition(), record.offset());
                self.set_text(&text);
            }
        }
        Ok(())
    }

    fn set_text(&mut self, text: &str) {
        self.kind = kind::STRING;
        self.bytes.clear();
        // Topic names and UUIDs are short.
        self.bytes.extend_from_slice(&(text.len() as u32 + 1).to_le_bytes());
        self.bytes.extend_from_slice(text.as_bytes());
        self.bytes.push(0);
    }

    fn fresh_uuid(&mut self, as_binary: bool) {
        let uuid = uuid::Uuid::new_v4();
        if as_binary {
            self.set_uuid(uuid);
        } else {
            self.set_text(uuid.as_hyphenated().encode_lower(&mut uuid::Uuid::encode_buffer()));
        }
    }

    fn set_uuid(&mut self, uuid: uuid::Uuid) {
        self.kind = kind::BINARY;
        self.bytes.clear();
        self.bytes.extend_from_slice(&16_i32.to_le_bytes());
        self.bytes.push(kind::SUBTYPE_UUID);
        self.bytes.extend_from_slice(uuid.as_bytes());
    }

    fn project(&mut self, settings: &Settings, document: Option<&[u8]>) -> Result<(), ConnectError> {
        self.kind = kind::DOCUMENT;
        self.bytes.clear();
        match (&settings.id_projection, document) {
            (Some(projection), Some(document)) => {
                let projected = projection.project(document, &mut self.projected);
                projected.map_err(|error| ConnectError::data(error.to_string()))?;
                self.bytes.extend_from_slice(self.projected.document());
            }
            _ => self.bytes.extend_from_slice(document.unwrap_or(EMPTY)),
        }
        Ok(())
    }

    fn provided(&mut self, document: Option<&[u8]>) -> Result<(), ConnectError> {
        let id = provided(document)?;
        self.set(id.kind, id.bytes);
        Ok(())
    }

    fn provided_uuid(&mut self, document: Option<&[u8]>) -> Result<(), ConnectError> {
        let id = provided(document)?;
        let uuid = match (id.as_str(), id.kind, id.bytes) {
            (Some(text), ..) if matches!(text.len(), 32 | 36) => uuid::Uuid::try_parse(text).ok(),
            (None, kind::BINARY, [_, _, _, _, kind::SUBTYPE_UUID, bytes @ ..]) => uuid::Uuid::from_slice(bytes).ok(),
            _ => None,
        };
        match uuid {
            Some(uuid) => self.set_uuid(uuid),
            None => {
                let shown = id.as_str().map_or_else(|| kind::java_name(id.kind).to_owned(), str::to_owned);
                return Err(ConnectError::data(format!("UUID cannot be constructed from provided value: `{shown}`")));
            }
        }
        Ok(())
    }
}

/// The empty document.
const EMPTY: &[u8] = &[5, 0, 0, 0, 0];

fn provided(document: Option<&[u8]>) -> Result<RawValue<'_>, ConnectError> {
    let wrong = |what: &str| {
        ConnectError::data(format!("Provided id strategy is used but the document structure either contained {what}"))
    };
    match document.and_then(|document| field(document, "_id")) {
        None => Err(wrong("no _id field or it was null")),
        Some(RawValue { kind: kind::NULL, .. }) => Err(wrong("an _id of type BsonNull")),
        Some(id) => Ok(id),
    }
}
