//! What a converter knows of the registry's schemas, ready for use.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use longshore_api::config::{ConfigKey, ParsedConfig};
use longshore_api::error::class;
use longshore_api::{Batch, ConnectError, Data, ErrorKind, Part, Result, Schema, Slot};

use super::client::{RegisteredSchema, Registry, SchemaKind, SchemaText};
use super::error::{RegistryError, serialization};
use super::keys::Settings;
use super::wire::{Framed, SchemaId};
use crate::converter::Column;

/// A format whose schemas are kept in the registry: what [`Schemas`] asks of a converter. Nothing here waits.
pub trait Format: Send + Sync + 'static {
    /// The language of its schemas.
    const KIND: SchemaKind;
    /// The format's name in messages: `Avro`, `Protobuf`, `JSON`.
    const NAME: &'static str;
    /// A schema made ready for reading records.
    type Reader: Send + Sync + 'static;
    /// A schema made ready for writing records.
    type Writer: Send + Sync + 'static;

    /// The keys of the converter beside those of the registry.
    fn keys() -> Vec<ConfigKey>;

    /// The format as the keys want it.
    fn new(config: &ParsedConfig) -> Self;

    /// Makes a schema ready for reading. Its version is set if the registry knows it in the subject.
    ///
    /// # Errors
    /// Kind BadRecord, where it has no form in Connect.
    fn reader(&self, schema: &RegisteredSchema) -> Result<Self::Reader>;

    /// The schema to register for Connect data of a schema; `None` is schemaless data.
    ///
    /// # Errors
    /// Kind BadRecord, where it has no form in the format.
    fn describe(&self, schema: Option<&Arc<Schema>>) -> Result<Description>;

    /// Makes ready the writing of Connect data of a schema in a registered schema, which is the one of
    /// [`describe`](Self::describe) unless the settings ask for another.
    ///
    /// # Errors
    /// Kind BadRecord, where the data does not fit.
    fn writer(&self, schema: Option<&Arc<Schema>>, registered: &RegisteredSchema) -> Result<Self::Writer>;

    /// Whether data written with `described` can be read with `registered`; asked where the settings name a schema
    /// and want it compatible.
    ///
    /// # Errors
    /// Kind BadRecord, for a schema that cannot be understood.
    fn can_read(&self, registered: &RegisteredSchema, described: &Description) -> Result<bool>;

    /// The full name of the record that a registered schema describes, after which strategies may name its subject;
    /// `None` if it is no record.
    fn record_name(&self, schema: &RegisteredSchema) -> Option<String>;

    /// Makes Connect data of a record, by the schema that it names.
    ///
    /// # Errors
    /// Kind BadRecord, where the bytes are not of the schema.
    fn decode(&self, reader: &Self::Reader, framed: &Framed<'_>) -> Result<Data>;

    /// Whether data becomes null bytes.
    ///
    /// # Errors
    /// Kind BadRecord, for a null that the schema does not allow.
    fn is_tombstone(&self, data: &Data) -> Result<bool> {
        Ok(data.value.is_null())
    }

    /// Appends what follows the schema's id in a record of data that is no tombstone.
    ///
    /// # Errors
    /// Kind BadRecord, where the data is not of its schema.
    fn encode(&self, topic: &str, writer: &Self::Writer, data: &Data, out: &mut Vec<u8>) -> Result<()>;

    /// Connect's text of "records of this topic cannot be read".
    fn read_failed(topic: &str) -> String;

    /// Connect's text of "records cannot be written to this topic".
    fn write_failed(topic: &str) -> String;

    /// The beginning of the text that tells that the registry does not let the converter in.
    fn access_failed(topic: &str) -> String;
}

/// The schema of Connect data in a format's language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The schema.
    pub schema: SchemaText,
    /// The full name of the record that it describes; `None` if it is no record.
    pub record: Option<String>,
}

/// A schema made ready for writing, and the id that its records carry.
#[derive(Debug)]
pub struct Writer<W> {
    /// The registry's number of the schema.
    pub id: i32,
    /// The format's part.
    pub plan: W,
}

/// The schemas of one converter; see the [module](super) for how it is used.
pub struct Schemas<F: Format> {
    shared: Arc<Shared<F>>,
}

struct Shared<F: Format> {
    format: F,
    registry: Registry,
    settings: Settings,
    state: Mutex<State<F>>,
}

struct State<F: Format> {
    /// What came of each schema that was asked for; a refusal stands until the next batch.
    readers: Cache<SchemaId, Result<Arc<F::Reader>>>,
    /// By the schemas' identity: sources share a schema among records.
    writers: Cache<usize, Known<F::Writer>>,
    /// Schemas that cannot be written; each is told once, to the conversion that asked.
    refused: Vec<(Wanted, ConnectError)>,
    wanted: Vec<Wanted>,
    /// Whether the next column is one that is read again.
    supplied: bool,
}

/// A writer, since when, and the schema, kept so that its address cannot become another schema's.
struct Known<W> {
    schema: Option<Arc<Schema>>,
    writer: Arc<Writer<W>>,
    since: Instant,
}

impl<W> Clone for Known<W> {
    fn clone(&self) -> Self {
        Self { schema: self.schema.clone(), writer: Arc::clone(&self.writer), since: self.since }
    }
}

#[derive(Clone, PartialEq)]
enum Wanted {
    Read { topic: Arc<str>, id: SchemaId },
    Write { topic: Arc<str>, schema: Option<Arc<Schema>> },
}

/// The most schemas that one call of [`Schemas::supply`] gets: it comes to an end within a bounded time.
const MAX_WANTED: usize = 32;

impl<F: Format> Schemas<F> {
    /// No schema yet; `settings` and `registry` are those of [`Registry::configure`].
    pub fn new(format: F, registry: Registry, settings: Settings) -> Self {
        let size = settings.cache_size;
        let state = State {
            readers: Cache::new(size),
            writers: Cache::new(size),
            refused: Vec::new(),
            wanted: Vec::new(),
            supplied: false,
        };
        Self { shared: Arc::new(Shared { format, registry, settings, state: Mutex::new(state) }) }
    }

    /// The format.
    pub fn format(&self) -> &F {
        &self.shared.format
    }

    /// The schema with which a record of a topic is read. Take it once for records in a row that name the same.
    ///
    /// # Errors
    /// Kind Retriable while it is not known: it is noted for [`supply`](Self::supply). Otherwise the record's error.
    pub fn reader(&self, topic: &str, id: SchemaId) -> Result<Arc<F::Reader>> {
        let mut state = self.lock();
        if let Some(known) = state.readers.get(topic, &id) {
            return known.clone();
        }
        state.want(Wanted::Read { topic: Arc::from(topic), id });
        Err(ConnectError::retriable(format!("schema {id} has not come from the registry yet")))
    }

    /// The schema with which data of a Connect schema is written to a topic; `None` is schemaless data.
    ///
    /// # Errors
    /// Kind Retriable while it is not known: it is noted for [`supply`](Self::supply). Otherwise the record's error.
    pub fn writer(&self, topic: &str, schema: Option<&Arc<Schema>>) -> Result<Arc<Writer<F::Writer>>> {
        let address = schema.map_or(0, |schema| Arc::as_ptr(schema).addr());
        let mut state = self.lock();
        let is_fresh = |known: &Known<F::Writer>| self.shared.settings.is_fresh(known.since);
        if let Some(known) = state.writers.get(topic, &address).filter(|known| is_fresh(known)) {
            return Ok(Arc::clone(&known.writer));
        }
        let equal = state.writers.of_topic(topic).find(|known| known.schema.as_ref() == schema && is_fresh(known));
        if let Some(equal) = equal.cloned() {
            let writer = Arc::clone(&equal.writer);
            state.writers.trim();
            state.writers.insert(&Arc::from(topic), address, Known { schema: schema.cloned(), ..equal });
            return Ok(writer);
        }
        let wanted = Wanted::Write { topic: Arc::from(topic), schema: schema.cloned() };
        if let Some(index) = state.refused.iter().position(|(refused, _)| *refused == wanted) {
            return Err(state.refused.swap_remove(index).1);
        }
        state.want(wanted);
        Err(ConnectError::retriable(format!("the schema of records to topic {topic} is not registered yet")))
    }

    /// Gets from the registry what conversions lacked; `false` if they lacked nothing. When it is done, what lacked
    /// is there, or is known to be wrong. It waits on a thread of its own, bounded by the settings' time-outs.
    ///
    /// # Errors
    /// Kind Retriable if the registry is away, Config if it does not let us in. Nothing is lost: conversions ask again.
    pub async fn supply(&self) -> Result<bool> {
        let wanted = std::mem::take(&mut self.lock().wanted);
        if wanted.is_empty() {
            return Ok(false);
        }
        let shared = Arc::clone(&self.shared);
        let work = tokio::task::spawn_blocking(move || wanted.into_iter().try_for_each(|wanted| shared.get(wanted)));
        match work.await {
            Ok(Ok(())) => {
                self.lock().supplied = true;
                Ok(true)
            }
            Ok(Err(error)) => Err(error),
            Err(gone) => Err(ConnectError::fatal(format!("asking the schema registry broke off: {gone}"))),
        }
    }

    /// Reads the keys or values of a batch: what [`Converter::read_column`](crate::Converter::read_column) does in
    /// such a format.
    pub fn read_column(&self, batch: &mut Batch, part: Part, column: &mut Column) {
        self.lock().begin_column();
        column.slots.clear();
        column.errors.clear();
        column.slots.reserve(batch.row_count());
        // Records in a row are most often of one topic and one schema.
        let mut latest = None;
        for row in 0..batch.row_count() {
            let slot = self.slot(batch, part, row, &mut latest).unwrap_or_else(|error| {
                column.errors.push((row as u32, error));
                Slot::Null
            });
            column.slots.push(slot);
        }
    }

    /// Reads bytes that come without headers: what [`Converter::to_connect`](crate::Converter::to_connect) does.
    ///
    /// # Errors
    /// As [`reader`](Self::reader), and those of [`Format::decode`].
    pub fn read(&self, topic: &str, bytes: Option<&[u8]>) -> Result<Data> {
        let Some(bytes) = bytes else { return Ok(Data::NULL) };
        let framed = Framed::read(bytes, None).map_err(|error| unreadable::<F>(topic, error))?;
        self.lock().begin_column();
        let reader = self.reader(topic, framed.id)?;
        self.format().decode(&reader, &framed).map_err(|error| unreadable::<F>(topic, error))
    }

    fn slot(&self, batch: &mut Batch, part: Part, row: usize, latest: &mut Option<Latest<F::Reader>>) -> Result<Slot> {
        let row = batch.rows()[row];
        let span = match part {
            Part::Key => row.key,
            Part::Value => row.value,
        };
        let Some(span) = span else { return Ok(Slot::Null) };
        let topic = &batch.topics()[usize::from(row.topic)];
        let header = Framed::header(batch, &row, part);
        let framed = Framed::read(batch.bytes(span), header).map_err(|error| unreadable::<F>(topic, error))?;
        let known = latest.as_ref().filter(|known| known.topic == row.topic && known.id == framed.id);
        let reader = match known {
            Some(known) => &known.reader,
            None => {
                let reader = self.reader(topic, framed.id)?;
                &latest.insert(Latest { topic: row.topic, id: framed.id, reader }).reader
            }
        };
        let data = self.format().decode(reader, &framed).map_err(|error| unreadable::<F>(topic, error))?;
        Ok(batch.add_data(data))
    }

    fn lock(&self) -> MutexGuard<'_, State<F>> {
        self.shared.lock()
    }
}

/// The schema of the record before.
struct Latest<R> {
    topic: u16,
    id: SchemaId,
    reader: Arc<R>,
}

/// An error of a record's bytes as the converter throws it; errors of Connect's own (`DataException`) stay.
fn unreadable<F: Format>(topic: &str, error: ConnectError) -> ConnectError {
    if error.class == class::SERIALIZATION { ConnectError::data(F::read_failed(topic)).caused_by(error) } else { error }
}

impl<F: Format> State<F> {
    /// What could not be read before is asked for again, unless it was asked for just now.
    fn begin_column(&mut self) {
        if !std::mem::take(&mut self.supplied) {
            self.readers.retain(Result::is_ok);
            self.readers.trim();
        }
    }

    fn want(&mut self, wanted: Wanted) {
        if self.wanted.len() < MAX_WANTED && !self.wanted.contains(&wanted) {
            self.wanted.push(wanted);
        }
    }
}

impl<F: Format> Shared<F> {
    /// A state that a panicking task left behind is still whole: every change to it is a single step.
    fn lock(&self) -> MutexGuard<'_, State<F>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gets one schema, and keeps it or the reason why it cannot be used.
    fn get(&self, wanted: Wanted) -> Result<()> {
        match &wanted {
            Wanted::Read { topic, id } => {
                let reader = match self.get_reader(topic, *id) {
                    Err(error) if error.kind != ErrorKind::BadRecord => return Err(error),
                    outcome => outcome.map(Arc::new),
                };
                self.lock().readers.insert(topic, *id, reader);
            }
            Wanted::Write { topic, schema } => match self.get_writer(topic, schema.as_ref()) {
                Ok(writer) => {
                    let address = schema.as_ref().map_or(0, |schema| Arc::as_ptr(schema).addr());
                    let known = Known { schema: schema.clone(), writer: Arc::new(writer), since: Instant::now() };
                    let mut state = self.lock();
                    state.writers.trim();
                    state.writers.insert(topic, address, known);
                }
                Err(error) if error.kind == ErrorKind::BadRecord => self.lock().refused.push((wanted, error)),
                Err(error) => return Err(error),
            },
        }
        Ok(())
    }

    fn get_reader(&self, topic: &str, id: SchemaId) -> Result<F::Reader> {
        let settings = &self.settings;
        let failed = || F::read_failed(topic);
        let part = if settings.is_key { "key" } else { "value" };
        let doing = format!("Error retrieving {} {part} schema for id {id}", F::NAME);
        let trouble = |error: RegistryError| error.for_record(&failed(), &doing, &F::access_failed(topic));
        let subject = |record: Option<&str>| settings.strategy.subject(topic, settings.is_key, record).ok();
        let mut found = self.registry.schema(id, subject(None).as_deref()).map_err(trouble)?;
        if found.schema.kind != F::KIND {
            let message = format!("schema {id} is of the type {}, not {}", found.schema.kind.name(), F::KIND.name());
            return Err(ConnectError::data(failed()).caused_by(serialization(message)));
        }
        if let Some(subject) = subject(None).or_else(|| subject(self.format.record_name(&found).as_deref())) {
            found.version = self.version(&subject, &found.schema).map_err(trouble)?;
        }
        self.format.reader(&found)
    }

    /// The version of a schema in a subject.
    ///
    /// Differs from Confluent's deserializers: a subject without the schema is no error, the schema has no version
    /// then. Records are often copied to topics whose subjects nobody made.
    fn version(&self, subject: &str, schema: &SchemaText) -> Result<Option<i32>, RegistryError> {
        match self.registry.look_up(subject, schema, false) {
            Ok((_, version)) => Ok(version),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn get_writer(&self, topic: &str, schema: Option<&Arc<Schema>>) -> Result<Writer<F::Writer>> {
        let failed = |error: ConnectError| match error.kind {
            ErrorKind::BadRecord if error.class == class::SERIALIZATION => {
                ConnectError::data(F::write_failed(topic)).caused_by(error)
            }
            _ => error,
        };
        let description = self.format.describe(schema)?;
        let settings = &self.settings;
        let subject = settings.strategy.subject(topic, settings.is_key, description.record.as_deref());
        let registered = self.find(topic, &subject.map_err(failed)?, &description).map_err(failed)?;
        let plan = self.format.writer(schema, &registered)?;
        let id = registered.id.ok_or_else(|| failed(serialization("the registry did not say the schema's id")))?;
        Ok(Writer { id, plan })
    }

    /// The schema to write with: the data's own, registered or found, or the one that the settings ask for.
    fn find(&self, topic: &str, subject: &str, description: &Description) -> Result<RegisteredSchema> {
        let settings = &self.settings;
        let trouble = |doing: String| {
            let (failed, access) = (F::write_failed(topic), F::access_failed(topic));
            move |error: RegistryError| error.for_record(&failed, &doing, &access)
        };
        let own = &description.schema;
        let with_text = |doing: &str| trouble(format!("Error {doing} {} schema{}", F::NAME, own.text));
        if settings.auto_register {
            let id = self.registry.register(subject, own, settings.normalize);
            return self.own(id.map_err(with_text("registering"))?, own, topic);
        }
        if let Some(id) = settings.use_id {
            let found = self.registry.schema(SchemaId::Number(id), Some(subject));
            let found = found.map_err(trouble(format!("Error retrieving schema ID {id} of {} schema", F::NAME)))?;
            return self.fitting(found, description, settings.id_strict, "id.compatibility.strict");
        }
        if settings.use_latest {
            let found = self.registry.latest(subject);
            let found = found.map_err(trouble(format!("Error retrieving latest version of {} schema", F::NAME)))?;
            return self.fitting(found, description, settings.latest_strict, "latest.compatibility.strict");
        }
        let (id, _) = self.registry.look_up(subject, own, settings.normalize).map_err(with_text("retrieving"))?;
        self.own(id, own, topic)
    }

    /// The data's own schema under its id.
    fn own(&self, id: i32, schema: &SchemaText, topic: &str) -> Result<RegisteredSchema> {
        let plain = RegisteredSchema { id: Some(id), version: None, schema: schema.clone(), references: Vec::new() };
        if schema.references.is_empty() {
            return Ok(plain);
        }
        let (failed, access) = (F::write_failed(topic), F::access_failed(topic));
        let doing = format!("Error retrieving {} schema{}", F::NAME, schema.text);
        let found = self.registry.schema(SchemaId::Number(id), None);
        found.map_err(|error| error.for_record(&failed, &doing, &access))
    }

    fn fitting(
        &self,
        found: RegisteredSchema,
        description: &Description,
        strict: bool,
        key: &str,
    ) -> Result<RegisteredSchema> {
        if strict && !self.format.can_read(&found, description)? {
            return Err(serialization(format!(
                "Incompatible schema {} for schema {}. Set {key}=false to disable this check",
                found.schema.text, description.schema.text
            )));
        }
        Ok(found)
    }
}

/// Values by topic and a second key. When there are too many it starts again from nothing, since a converter that has
/// as many schemas as this profits from no order of eviction; but only where it is [trimmed](Self::trim), so that
/// all schemas of one batch can be there at the same time.
struct Cache<K, V> {
    topics: HashMap<Arc<str>, HashMap<K, V>>,
    len: usize,
    most: usize,
}

impl<K: std::hash::Hash + Eq, V> Cache<K, V> {
    fn new(most: usize) -> Self {
        Self { topics: HashMap::new(), len: 0, most }
    }

    fn get(&self, topic: &str, key: &K) -> Option<&V> {
        self.topics.get(topic)?.get(key)
    }

    fn of_topic(&self, topic: &str) -> impl Iterator<Item = &V> {
        self.topics.get(topic).into_iter().flat_map(HashMap::values)
    }

    fn trim(&mut self) {
        if self.len > self.most {
            self.topics.clear();
            self.len = 0;
        }
    }

    fn insert(&mut self, topic: &Arc<str>, key: K, value: V) {
        if self.topics.entry(Arc::clone(topic)).or_default().insert(key, value).is_none() {
            self.len += 1;
        }
    }

    fn retain(&mut self, keep: impl Fn(&V) -> bool) {
        for values in self.topics.values_mut() {
            values.retain(|_, value| keep(value));
        }
        self.len = self.topics.values().map(HashMap::len).sum();
    }
}
