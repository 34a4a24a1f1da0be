//! Change events to writes: the handlers of `change.data.capture.handler`.
//!
//! A handler takes the place of id strategy, post processors and write model strategy. The rules are those of the Java
//! connector 2.0.1; `tests/golden/writes.jsonl` holds what it makes of the events of each source.

mod change_stream;
mod debezium;
mod qlik;

use longshore_api::ConnectError;

use crate::convert::builder::{BuildError, Builder};
use crate::convert::elements::{elements, field};
use crate::convert::kind;
use crate::write_model::{Action, begin, element, end};
use crate::{process, projection};

/// The package of the handlers.
pub(crate) const PACKAGE: &str = "com.mongodb.kafka.connect.sink.cdc";

/// Whose change events the records are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Handler {
    /// Debezium's of relational databases.
    DebeziumRdbms,
    /// Debezium's of MongoDB, read from the oplog (up to 1.x) or from change streams.
    DebeziumMongoDb,
    /// Debezium's of MongoDB, read from change streams (1.8 and later).
    DebeziumChangeStream,
    /// Change stream events as MongoDB's own source connector writes them.
    ChangeStream,
    /// Qlik Replicate's of relational databases.
    QlikRdbms,
}

/// Every handler and its class, without the [package](PACKAGE).
pub(crate) const HANDLERS: &[(&str, Handler)] = &[
    ("debezium.rdbms.RdbmsHandler", Handler::DebeziumRdbms),
    ("debezium.rdbms.mysql.MysqlHandler", Handler::DebeziumRdbms),
    ("debezium.rdbms.postgres.PostgresHandler", Handler::DebeziumRdbms),
    ("debezium.mongodb.MongoDbHandler", Handler::DebeziumMongoDb),
    ("debezium.mongodb.ChangeStreamHandler", Handler::DebeziumChangeStream),
    ("mongodb.ChangeStreamHandler", Handler::ChangeStream),
    ("qlik.rdbms.RdbmsHandler", Handler::QlikRdbms),
];

impl Handler {
    /// Whether the handler reads the key of a record that has a value, or has none.
    pub(crate) fn reads_key(self, has_value: bool) -> bool {
        match self {
            Handler::DebeziumMongoDb | Handler::DebeziumChangeStream => true,
            Handler::DebeziumRdbms | Handler::QlikRdbms => has_value,
            Handler::ChangeStream => false,
        }
    }
}

/// A change event: the documents of a record, where a missing one is an empty one.
#[derive(Debug, Clone, Copy)]
struct Event<'a> {
    key: &'a [u8],
    value: &'a [u8],
}

/// Where an event's operation goes.
struct Output<'a> {
    /// For texts that hold documents.
    text: &'a mut Builder,
    /// The operation's documents.
    arena: &'a mut Vec<u8>,
    /// Whether fields that are null are left out of what is written.
    without_nulls: bool,
}

/// Makes the operation of a change event; its documents go to the end of `arena`. `None` for events that change no
/// document.
///
/// # Errors
/// If the event is none that the handler knows.
pub(crate) fn operation(
    (handler, without_nulls): (Handler, bool),
    (key, value): (Option<&[u8]>, Option<&[u8]>),
    text: &mut Builder,
    arena: &mut Vec<u8>,
) -> Result<Option<Action>, ConnectError> {
    let event = Event { key: key.unwrap_or(EMPTY), value: value.unwrap_or(EMPTY) };
    let mut out = Output { text, arena, without_nulls };
    match handler {
        Handler::DebeziumRdbms => debezium::rdbms(event, &mut out),
        Handler::DebeziumMongoDb => debezium::mongodb(event, true, &mut out),
        Handler::DebeziumChangeStream => debezium::mongodb(event, false, &mut out),
        Handler::ChangeStream => change_stream::operation(event, &mut out),
        Handler::QlikRdbms => qlik::operation(event, &mut out),
    }
}

/// The empty document.
const EMPTY: &[u8] = &[5, 0, 0, 0, 0];

fn is_empty(document: &[u8]) -> bool {
    document.len() <= EMPTY.len()
}

fn data(message: impl Into<String>) -> ConnectError {
    ConnectError::data(message)
}

fn built(error: BuildError) -> ConnectError {
    ConnectError::data(error.to_string())
}

impl Output<'_> {
    /// Begins a document in the arena.
    fn document(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let start = begin(self.arena);
        write(self.arena);
        end(self.arena, start);
    }

    /// Appends the filter `{_id: key document}`.
    fn key_filter(&mut self, key: &[u8]) {
        self.document(|arena| element(arena, kind::DOCUMENT, b"_id", key));
    }

    /// Appends the filter `{_id: …}` by a fresh ObjectId, which is nowhere yet.
    fn fresh_filter(&mut self) {
        let id = bson::oid::ObjectId::new().bytes();
        self.document(|arena| element(arena, kind::OBJECT_ID, b"_id", &id));
    }
}

/// Appends a document that came whole.
fn copy(document: &[u8], without_nulls: bool, arena: &mut Vec<u8>) -> Result<(), ConnectError> {
    if !without_nulls {
        arena.extend_from_slice(document);
        return Ok(());
    }
    let mut left = Builder::default();
    process::without_nulls(document, &mut left).map_err(built)?;
    arena.extend_from_slice(left.document());
    Ok(())
}

/// A replacement of what the filter at the start of `arena` finds: the filter's `_id`, then the fields of `after` that
/// the key does not hold. A field `_id` of `after` wins over the filter's, as in Java.
fn row(filter: &[u8], after: &[u8], key: &[u8], out: &mut Builder) -> Result<(), BuildError> {
    out.begin();
    if let Some(id) = field(filter, "_id") {
        out.key(b"_id")?;
        out.value(id.kind, id.bytes);
    }
    for column in elements(after) {
        if !elements(key).any(|part| part.key == column.key) {
            projection::copy(&column, out)?;
        }
    }
    out.end()
}
