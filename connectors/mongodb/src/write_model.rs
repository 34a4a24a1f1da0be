//! What is done with a record: an operation, and the statement of a command that says so to the server.

use longshore_api::{ConnectError, Record};

use crate::cdc;
use crate::config::Settings;
use crate::convert::builder::{Builder, push_decimal};
use crate::convert::elements::{Element, RawValue, elements, field};
use crate::convert::kind;
use crate::id::{Id, IdStrategy};
use crate::process::Documents;
use crate::projection;

/// The package of the strategies.
pub(crate) const PACKAGE: &str = "com.mongodb.kafka.connect.sink.writemodel.strategy";

/// How a record with a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WriteStrategy {
    /// Replaces the document of this `_id`, or inserts it.
    ReplaceOneDefault,
    /// Replaces the document with this business key, or inserts it.
    ReplaceOneBusinessKey,
    /// Sets the fields of the document of this `_id`, or inserts it.
    UpdateOneDefault,
    /// The same, with the times of insertion and of the last change.
    UpdateOneTimestamps,
    /// The same, by business key.
    UpdateOneBusinessKeyTimestamp,
    /// Inserts.
    InsertOneDefault,
    /// Deletes the document that the key names.
    DeleteOneDefault,
    /// Deletes the document with this business key.
    DeleteOneBusinessKey,
}

/// How a record without a value deletes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DeleteStrategy {
    /// By the `_id` that the id strategy makes of the key.
    Default,
    /// By the fields of the projected key.
    TombstoneBusinessKey,
}

/// Every write strategy and its class, without the [package](PACKAGE).
pub(crate) const WRITES: &[(&str, WriteStrategy)] = &[
    ("DefaultWriteModelStrategy", WriteStrategy::ReplaceOneDefault),
    ("ReplaceOneDefaultStrategy", WriteStrategy::ReplaceOneDefault),
    ("ReplaceOneBusinessKeyStrategy", WriteStrategy::ReplaceOneBusinessKey),
    ("UpdateOneDefaultStrategy", WriteStrategy::UpdateOneDefault),
    ("UpdateOneTimestampsStrategy", WriteStrategy::UpdateOneTimestamps),
    ("UpdateOneBusinessKeyTimestampStrategy", WriteStrategy::UpdateOneBusinessKeyTimestamp),
    ("InsertOneDefaultStrategy", WriteStrategy::InsertOneDefault),
    ("DeleteOneDefaultStrategy", WriteStrategy::DeleteOneDefault),
    ("DeleteOneBusinessKeyStrategy", WriteStrategy::DeleteOneBusinessKey),
];

/// Every delete strategy and its class, without the [package](PACKAGE).
pub(crate) const DELETES: &[(&str, DeleteStrategy)] = &[
    ("DeleteOneDefaultStrategy", DeleteStrategy::Default),
    ("DeleteOneTombstoneBusinessKeyStrategy", DeleteStrategy::TombstoneBusinessKey),
];

impl WriteStrategy {
    /// Whether it reads the key document itself.
    pub(crate) fn reads_key(self) -> bool {
        self == WriteStrategy::DeleteOneDefault
    }
}

/// What an operation does. Its documents stand one after another in the arena.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Inserts the document. Under a fresh `_id`, which is nowhere yet, a replacement does the same.
    Insert { fresh: bool },
    /// Replaces the document of the same `_id`, or inserts it. A fresh `_id` is nowhere yet, so that an insert does
    /// the same and costs the server less.
    Replace { fresh: bool },
    /// Replaces what the first document finds by the second; with `upsert` inserts it if that is nothing.
    ReplaceBy { upsert: bool },
    /// Changes what the first document finds by the operators of the second; with `upsert` inserts if that is nothing.
    UpdateBy { upsert: bool },
    /// Sets the fields on the document of the same `_id`, or inserts it.
    Set,
    /// The same, with timestamps.
    SetTimestamps,
    /// Sets the second document's fields on what the first finds, with timestamps.
    SetTimestampsBy,
    /// Deletes what the document finds.
    Delete,
}

/// A command of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub(crate) enum CommandKind {
    Insert,
    Update,
    Delete,
}

impl Action {
    /// The command that carries the operation.
    pub(crate) fn command(self) -> CommandKind {
        match self {
            Action::Insert { .. } => CommandKind::Insert,
            Action::Delete => CommandKind::Delete,
            _ => CommandKind::Update,
        }
    }
}

/// The documents of a record as its operation is made of them.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// The key's document.
    pub(crate) key: Builder,
    /// The value's document.
    pub(crate) value: Builder,
    id: Id,
    other: Builder,
}

const NO_BUSINESS_KEY: &str = "Could not build the WriteModel,the value document does not contain an _id field of type \
                               BsonDocument which holds the business key fields.\n\n If you are including an existing \
                               `_id` value in the business key then ensure \
                               `document.id.strategy.overwrite.existing=true`.";
const NO_BUSINESS_KEY_TO_DELETE: &str = "Could not build the WriteModel, the value document does not contain an _id \
                                         field of type BsonDocument which holds the business key fields.";

/// Makes the operation of a record; its documents go to the end of `arena`. `None` for change events that change no
/// document.
///
/// # Errors
/// If the record is none that the strategy can write.
pub(crate) fn operation(
    settings: &Settings,
    record: &Record<'_>,
    scratch: &mut Scratch,
    has: (bool, bool),
    arena: &mut Vec<u8>,
) -> Result<Option<Action>, ConnectError> {
    let start = arena.len();
    let action = make(settings, record, scratch, has, arena)?;
    if let Some(action) = action {
        check_names(action, arena.get(start..).unwrap_or_default())?;
    }
    Ok(action)
}

/// The server tells a replacement from update operators by the first name alone: the one must not pass for the other.
fn check_names(action: Action, documents: &[u8]) -> Result<(), ConnectError> {
    let (_, second) = first_document(documents);
    let name = |wanted: bool| elements(second).map(|part| part.key).find(|key| key.starts_with(b"$") == wanted);
    let why = match action {
        Action::ReplaceBy { .. } => name(true).map(|name| {
            let name = String::from_utf8_lossy(name);
            format!("Field names in a replacement document can not start with '$' but '{name}' does")
        }),
        Action::UpdateBy { .. } if elements(second).next().is_none() => {
            Some("Invalid BSON document for an update. The document may not be empty.".to_owned())
        }
        Action::UpdateBy { .. } => name(false).map(|name| {
            let name = String::from_utf8_lossy(name);
            format!("All update operators must start with '$', but '{name}' does not")
        }),
        _ => None,
    };
    why.map_or(Ok(()), |why| Err(ConnectError::data(why)))
}

fn make(
    settings: &Settings,
    record: &Record<'_>,
    scratch: &mut Scratch,
    (has_key, has_value): (bool, bool),
    arena: &mut Vec<u8>,
) -> Result<Option<Action>, ConnectError> {
    let Scratch { key, value, id, other } = scratch;
    if let Some(handler) = settings.handler {
        let documents = (has_key.then(|| key.document()), has_value.then(|| value.document()));
        return cdc::operation(handler, documents, other, arena);
    }
    let mut fresh = has_value && (value.id_element().is_none() || settings.overwrite_id);
    match &settings.chain {
        Some(chain) => {
            Documents::new((key, has_key), (value, has_value), other, id).run(chain, settings, record)?;
            // What comes after the `_id` may have put another in its place.
            fresh &= value.id_element().is_some_and(|found| found.value == id.value());
        }
        None if fresh => {
            id.generate(settings, record, has_key.then(|| key.document()), Some(value.document()))?;
        }
        None => {}
    }
    let key = has_key.then(|| key.document());
    if !has_value {
        return delete(settings, record, key, id, other, arena).map(Some);
    }
    let existing = value.id_element();
    let id = match existing {
        Some(existing) if !fresh || settings.chain.is_some() => existing.value,
        None if settings.chain.is_some() => return without_id(settings, value.document(), key, arena).map(Some),
        _ => id.value(),
    };
    let document = Parts { document: value.document(), existing, id };
    let fresh = fresh && settings.id_strategy.is_fresh();
    write(settings, &document, (key, fresh), other, arena).map(Some)
}

/// The operation of a document whose `_id` a post processor has removed.
fn without_id(
    settings: &Settings,
    document: &[u8],
    key: Option<&[u8]>,
    arena: &mut Vec<u8>,
) -> Result<Action, ConnectError> {
    match settings.write {
        WriteStrategy::InsertOneDefault => {
            // Drivers give an `_id` to what has none: what is sent twice is then written once.
            let fresh = bson::oid::ObjectId::new().bytes();
            let id = RawValue { kind: kind::OBJECT_ID, bytes: &fresh };
            Parts { document, existing: None, id }.with_id(arena);
            Ok(Action::Insert { fresh: true })
        }
        WriteStrategy::DeleteOneDefault => delete_by_key(key, arena),
        WriteStrategy::ReplaceOneBusinessKey
        | WriteStrategy::UpdateOneBusinessKeyTimestamp
        | WriteStrategy::DeleteOneBusinessKey => Err(no_business_key(settings)),
        _ => Err(ConnectError::data("Could not build the WriteModel,the `_id` field was missing unexpectedly")),
    }
}

fn write(
    settings: &Settings,
    document: &Parts<'_>,
    (key, fresh): (Option<&[u8]>, bool),
    other: &mut Builder,
    arena: &mut Vec<u8>,
) -> Result<Action, ConnectError> {
    match settings.write {
        WriteStrategy::ReplaceOneDefault => {
            document.with_id(arena);
            Ok(Action::Replace { fresh })
        }
        WriteStrategy::InsertOneDefault => {
            document.with_id(arena);
            Ok(Action::Insert { fresh })
        }
        WriteStrategy::UpdateOneDefault => {
            document.with_id(arena);
            Ok(Action::Set)
        }
        WriteStrategy::UpdateOneTimestamps => {
            document.with_id(arena);
            Ok(Action::SetTimestamps)
        }
        WriteStrategy::ReplaceOneBusinessKey | WriteStrategy::UpdateOneBusinessKeyTimestamp => {
            business_key(settings, document.id, other, arena)?;
            document.without_id(arena);
            let replace = settings.write == WriteStrategy::ReplaceOneBusinessKey;
            Ok(if replace { Action::ReplaceBy { upsert: true } } else { Action::SetTimestampsBy })
        }
        WriteStrategy::DeleteOneBusinessKey => {
            business_key(settings, document.id, other, arena)?;
            Ok(Action::Delete)
        }
        WriteStrategy::DeleteOneDefault => delete_by_key(key, arena),
    }
}

fn delete(
    settings: &Settings,
    record: &Record<'_>,
    key: Option<&[u8]>,
    id: &mut Id,
    other: &mut Builder,
    arena: &mut Vec<u8>,
) -> Result<Action, ConnectError> {
    let nothing = || ConnectError::data("Invalid Sink Record neither key doc nor value doc were present");
    if record.key().is_null() {
        return Err(nothing());
    }
    let strategy = settings.delete.ok_or_else(|| {
        ConnectError::data("Could not create write model: the value is null and delete.on.null.values is false")
    })?;
    let key = key.ok_or_else(nothing)?;
    id.generate(settings, record, Some(key), None)?;
    match strategy {
        DeleteStrategy::Default => {
            let start = begin(arena);
            element(arena, id.value().kind, b"_id", id.value().bytes);
            end(arena, start);
        }
        DeleteStrategy::TombstoneBusinessKey => flatten(id.value().bytes, other, arena)?,
    }
    Ok(Action::Delete)
}

/// DeleteOneDefaultStrategy as `writemodel.strategy`: by the key document, which is or has the `_id`.
fn delete_by_key(key: Option<&[u8]>, arena: &mut Vec<u8>) -> Result<Action, ConnectError> {
    let key = key.ok_or_else(|| {
        ConnectError::data("Could not build the WriteModel,the key document was missing unexpectedly")
    })?;
    if field(key, "_id").is_some() {
        arena.extend_from_slice(key);
    } else {
        let start = begin(arena);
        element(arena, kind::DOCUMENT, b"_id", key);
        end(arena, start);
    }
    Ok(Action::Delete)
}

fn no_business_key(settings: &Settings) -> ConnectError {
    let deletes = settings.write == WriteStrategy::DeleteOneBusinessKey;
    ConnectError::data(if deletes { NO_BUSINESS_KEY_TO_DELETE } else { NO_BUSINESS_KEY })
}

fn business_key(
    settings: &Settings,
    id: RawValue<'_>,
    other: &mut Builder,
    arena: &mut Vec<u8>,
) -> Result<(), ConnectError> {
    let fields = id.as_document().ok_or_else(|| no_business_key(settings))?;
    if matches!(settings.id_strategy, IdStrategy::PartialKey | IdStrategy::PartialValue) {
        return flatten(fields, other, arena);
    }
    arena.extend_from_slice(fields);
    Ok(())
}

/// Writes a document whose nested documents have become dotted paths.
fn flatten(document: &[u8], other: &mut Builder, arena: &mut Vec<u8>) -> Result<(), ConnectError> {
    fn walk(document: &[u8], path: &[u8], out: &mut Builder) -> Result<(), crate::convert::builder::BuildError> {
        for element in elements(document) {
            let path = if path.is_empty() { element.key.to_vec() } else { [path, b".", element.key].concat() };
            match element.value.as_document() {
                Some(inner) => walk(inner, &path, out)?,
                None => projection::copy(&Element { key: &path, ..element }, out)?,
            }
        }
        Ok(())
    }
    other.begin();
    walk(document, b"", other).and_then(|()| other.end()).map_err(|error| ConnectError::data(error.to_string()))?;
    arena.extend_from_slice(other.document());
    Ok(())
}

/// A value's document and the `_id` that it shall have.
struct Parts<'a> {
    document: &'a [u8],
    existing: Option<Element<'a>>,
    id: RawValue<'a>,
}

impl Parts<'_> {
    /// Writes the document, `_id` first, where the server would put it, too.
    fn with_id(&self, arena: &mut Vec<u8>) {
        let start = begin(arena);
        element(arena, self.id.kind, b"_id", self.id.bytes);
        self.fields(arena);
        end(arena, start);
    }

    fn without_id(&self, arena: &mut Vec<u8>) {
        let start = begin(arena);
        self.fields(arena);
        end(arena, start);
    }

    fn fields(&self, arena: &mut Vec<u8>) {
        let end = self.document.len().saturating_sub(1);
        let (id_start, id_end) = self.existing.map_or((4, 4), |id| (id.at, id.at + id.bytes.len()));
        arena.extend_from_slice(self.document.get(4..id_start).unwrap_or_default());
        arena.extend_from_slice(self.document.get(id_end..end).unwrap_or_default());
    }
}

/// Begins a document at the end of a buffer.
pub(crate) fn begin(buffer: &mut Vec<u8>) -> usize {
    buffer.extend_from_slice(&[0; 4]);
    buffer.len() - 4
}

/// Ends the document that was begun at `start`.
pub(crate) fn end(buffer: &mut Vec<u8>, start: usize) {
    buffer.push(0);
    // Commands are kept far below 2 GiB.
    let length = (buffer.len() - start) as u32;
    if let Some(prefix) = buffer.get_mut(start..start + 4) {
        prefix.copy_from_slice(&length.to_le_bytes());
    }
}

/// Appends an element.
pub(crate) fn element(buffer: &mut Vec<u8>, kind: u8, key: &[u8], value: &[u8]) {
    open_element(buffer, kind, key);
    buffer.extend_from_slice(value);
}

fn open_element(buffer: &mut Vec<u8>, kind: u8, key: &[u8]) {
    buffer.push(kind);
    buffer.extend_from_slice(key);
    buffer.push(0);
}

/// The document with which a run of documents begins, and the rest.
fn first_document(documents: &[u8]) -> (&[u8], &[u8]) {
    let length = documents.first_chunk::<4>().map_or(0, |prefix| u32::from_le_bytes(*prefix) as usize);
    documents.split_at_checked(length).unwrap_or((documents, &[]))
}

/// The length of the longest of an operation's documents.
pub(crate) fn largest_document(documents: &[u8]) -> usize {
    let (first, second) = first_document(documents);
    first.len().max(second.len())
}

/// Appends an operation's statement as the `index`th element of a command's array.
pub(crate) fn statement(
    buffer: &mut Vec<u8>,
    index: u32,
    action: Action,
    kind: CommandKind,
    documents: &[u8],
    now: i64,
) {
    buffer.push(kind::DOCUMENT);
    push_decimal(buffer, index);
    buffer.push(0);
    if kind == CommandKind::Insert {
        buffer.extend_from_slice(documents);
        return;
    }
    let start = begin(buffer);
    let (first, second) = first_document(documents);
    let by_id = |buffer: &mut Vec<u8>| {
        open_element(buffer, kind::DOCUMENT, b"q");
        let filter = begin(buffer);
        buffer.extend_from_slice(elements(first).next().map_or(&[][..], |id| id.bytes));
        end(buffer, filter);
    };
    match action {
        Action::Delete => {
            element(buffer, kind::DOCUMENT, b"q", first);
            element(buffer, kind::INT32, b"limit", &1_i32.to_le_bytes());
        }
        Action::Insert { .. } | Action::Replace { .. } => {
            by_id(buffer);
            element(buffer, kind::DOCUMENT, b"u", first);
        }
        Action::ReplaceBy { .. } | Action::UpdateBy { .. } => {
            element(buffer, kind::DOCUMENT, b"q", first);
            element(buffer, kind::DOCUMENT, b"u", second);
        }
        Action::Set => {
            by_id(buffer);
            let id_end = elements(first).next().map_or(4, |id| id.at + id.bytes.len());
            set(buffer, first.get(id_end..first.len() - 1).unwrap_or_default(), None);
        }
        Action::SetTimestamps => {
            by_id(buffer);
            set(buffer, first.get(4..first.len() - 1).unwrap_or_default(), Some(now));
        }
        Action::SetTimestampsBy => {
            element(buffer, kind::DOCUMENT, b"q", first);
            set(buffer, second.get(4..second.len().saturating_sub(1)).unwrap_or_default(), Some(now));
        }
    }
    let upsert = !matches!(action, Action::ReplaceBy { upsert: false } | Action::UpdateBy { upsert: false });
    if kind == CommandKind::Update && upsert {
        element(buffer, kind::BOOLEAN, b"upsert", &[1]);
    }
    end(buffer, start);
}

/// The `_id` of the one document that an operation can touch; `None` if it finds it by other fields.
pub(crate) fn target_id(action: Action, documents: &[u8]) -> Option<RawValue<'_>> {
    let (first, _) = first_document(documents);
    match action {
        Action::Insert { .. } | Action::Replace { .. } | Action::Set | Action::SetTimestamps => {
            elements(first).next().map(|id| id.value)
        }
        Action::Delete | Action::ReplaceBy { .. } | Action::UpdateBy { .. } | Action::SetTimestampsBy => {
            field(first, "_id")
        }
    }
}

/// Appends the update `{$set: fields}`, with the times of the change and of the insertion where they are wanted.
fn set(buffer: &mut Vec<u8>, fields: &[u8], now: Option<i64>) {
    open_element(buffer, kind::DOCUMENT, b"u");
    let update = begin(buffer);
    open_element(buffer, kind::DOCUMENT, b"$set");
    let set = begin(buffer);
    buffer.extend_from_slice(fields);
    if let Some(now) = now {
        element(buffer, kind::DATE, b"_modifiedTS", &now.to_le_bytes());
    }
    end(buffer, set);
    if let Some(now) = now {
        open_element(buffer, kind::DOCUMENT, b"$setOnInsert");
        let on_insert = begin(buffer);
        element(buffer, kind::DATE, b"_insertedTS", &now.to_le_bytes());
        end(buffer, on_insert);
    }
    end(buffer, update);
}
