//! Sends commands: builds them of operations, keeps them within the server's limits, and says what became of them.
//!
//! # Exactly once on a server that answers badly
//!
//! A command whose answer was lost may have been carried out. On replica sets and sharded clusters (and unless the
//! connection string says `retryWrites=false`) every command carries the session's id and a number of its own, and
//! is sent again under the same number: the server carries out each of its statements once. Elsewhere it is sent
//! again as it is, which changes nothing for replacements, updates and deletions, whose filters find what the first
//! one left; and insertions of documents with a fresh `_id` are sent again as replacements by that `_id`. Only
//! insertions whose `_id` comes from the data can then meet themselves and be reported as duplicates, and only those
//! into time series, which take no replacements, be carried out twice. It is the same with what stays of a command
//! when a part of its records goes, because their partition does.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bson::{Document, RawDocumentBuf, doc};
use longshore_api::config::Props;
use longshore_api::{ConnectError, Result, TaskContext};
use mongodb::options::Acknowledgment;
use mongodb::{Client, ClientSession};

use crate::client;
use crate::config::uri;
use crate::convert::kind;
use crate::errors::{self, Failure, Reply};
use crate::namespace::Namespace;
use crate::time_series::{NotReady, TimeSeries};
use crate::write_model::{Action, CommandKind, begin, element, end, statement};

/// How long a server may take to carry out a command; then the connection counts as dead. A stalled server must not
/// hold the task forever, and no command of at most 16 MiB needs longer.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(60);

/// How many commands are under way at once, of runs that need not wait for each other. More hardly help one server.
const IN_FLIGHT: usize = 4;

/// How long the end of a task waits for the server to hear of it.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// An operation, its documents in an arena.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operation {
    /// The record's index in the batch.
    pub(crate) record: u32,
    /// What it does.
    pub(crate) action: Action,
    /// Where its documents start.
    pub(crate) start: usize,
    /// Where they end.
    pub(crate) end: usize,
}

/// Operations that are left of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Work<'a> {
    /// Where they go.
    pub(crate) namespace: &'a Namespace,
    /// Whether the server stops at the first that fails.
    pub(crate) ordered: bool,
    /// Indexes into `operations`, in the order in which they go.
    pub(crate) order: &'a [u32],
    pub(crate) operations: &'a [Operation],
    /// What the operations' documents stand in.
    pub(crate) arena: &'a [u8],
    /// Whether replacements by a fresh `_id` go as insertions.
    pub(crate) fresh_as_inserts: bool,
    /// Whether insertions under a fresh `_id` can go as replacements: not those into a time series.
    pub(crate) inserts_as_replacements: bool,
    /// The time for timestamps, in milliseconds since the epoch.
    pub(crate) now: i64,
}

impl Work<'_> {
    fn size_hint(&self) -> usize {
        let operations = self.order.iter().filter_map(|index| self.operations.get(*index as usize));
        operations.map(|operation| operation.end - operation.start + 64).sum()
    }
}

/// What a server can take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Bytes of a document. Also the most that one command holds: the server bounds its body alike.
    pub(crate) document: usize,
    /// Statements of a command.
    statements: usize,
    /// Whether it can carry out a command once, however often it comes.
    retryable: bool,
}

/// A command to send, and what is known of earlier attempts.
#[derive(Debug, Default)]
pub(crate) struct Attempt {
    /// The session under whose last number it was sent.
    session: Option<Numbered>,
    /// Whether it was sent without a known outcome.
    sent: bool,
}

impl Attempt {
    /// The next command is another one, or the server does not know the last one's number.
    pub(crate) fn give_up_number(&mut self) {
        self.session = None;
    }
}

/// A session, and the number of its last command. One command at a time can go under it.
#[derive(Debug)]
struct Numbered {
    session: ClientSession,
    last: i64,
}

/// Writes to one deployment; commands of several runs can be under way at once.
pub(crate) struct Writer {
    client: Client,
    hosts: String,
    uri: String,
    write_concern: Option<Vec<u8>>,
    /// Whether commands may carry numbers: wanted, and acknowledged.
    numbered: bool,
    /// Sessions that no command is under way in.
    idle: Mutex<Vec<Numbered>>,
    /// The last number that was given. Numbers rise within a session, and the driver may make a new one of what the
    /// server knows as an old one.
    last: AtomicI64,
    limits: Mutex<Option<Limits>>,
    /// How many commands may be under way at once.
    most_in_flight: usize,
    context: TaskContext,
}

impl Writer {
    /// A writer for a valid configuration; does not connect.
    ///
    /// # Errors
    /// As [`client::options`], and if the options contradict each other.
    pub(crate) async fn new(props: &Props, context: TaskContext) -> Result<Self> {
        let uri = props.get(uri::KEY).map_or("mongodb://localhost:27017", |uri| uri.trim()).to_owned();
        let options = client::options(props).await.map_err(|unusable| unusable.error)?;
        let retry_writes = options.driver.retry_writes != Some(false);
        let pool = options.driver.max_pool_size.filter(|size| *size > 0).map_or(IN_FLIGHT, |size| size as usize);
        let most_in_flight = IN_FLIGHT.min(pool);
        let client = options.client().map_err(|error| {
            ConnectError::config(format!("connection.uri: {}", uri::hide_secrets(&errors::reason(&error), &uri)))
        })?;
        let concern = client.write_concern();
        let acknowledged = concern.is_none_or(|concern| concern.w != Some(Acknowledgment::Nodes(0)));
        let write_concern = concern.and_then(|concern| bson::serialize_to_vec(concern).ok());
        let hosts = uri::hosts(&uri);
        let numbered = retry_writes && acknowledged;
        Ok(Self {
            client,
            hosts,
            uri,
            write_concern,
            numbered,
            idle: Mutex::default(),
            last: AtomicI64::new(0),
            limits: Mutex::default(),
            most_in_flight,
            context,
        })
    }

    /// What the server can take; asks it if that is not known.
    ///
    /// # Errors
    /// If it does not answer.
    pub(crate) async fn limits(&self) -> Result<Limits, Failure> {
        if let Some(limits) = *lock(&self.limits) {
            return Ok(limits);
        }
        let database = self.client.database("admin");
        let hello =
            bounded(&self.context, &self.hosts, database.run_command(doc! { "hello": 1 }).into_future()).await?;
        let hello = hello.map_err(|error| self.failure(&error))?;
        let size = |key: &str, default: usize| {
            hello
                .get_i32(key)
                .ok()
                .and_then(|size| usize::try_from(size).ok())
                .filter(|size| *size > 0)
                .unwrap_or(default)
        };
        let replicated =
            hello.contains_key("setName") || hello.get_str("msg").is_ok_and(|message| message == "isdbgrid");
        let limits = Limits {
            document: size("maxBsonObjectSize", 16 << 20),
            statements: size("maxWriteBatchSize", 100_000),
            retryable: replicated && hello.contains_key("logicalSessionTimeoutMinutes"),
        };
        *lock(&self.limits) = Some(limits);
        Ok(limits)
    }

    /// How many commands may be under way at once.
    pub(crate) fn most_in_flight(&self) -> usize {
        self.most_in_flight
    }

    fn failure(&self, error: &mongodb::error::Error) -> Failure {
        errors::failure(error, &self.hosts, &|text| uri::hide_secrets(text, &self.uri))
    }

    /// Sends the first operations of some work: as many as are of one kind and fit one command. Sends them again once
    /// if the answer is lost. Gives their number and the server's reply.
    ///
    /// # Errors
    /// If there is no reply; `attempt` then carries over to the next call for the same work.
    pub(crate) async fn send(&self, work: Work<'_>, attempt: &mut Attempt) -> Result<(usize, Reply), Failure> {
        let mut lost = None;
        loop {
            let limits = self.limits().await?;
            if !attempt.sent && self.numbered && limits.retryable {
                let mut numbered = self.session().await?;
                numbered.last = self.last.fetch_add(1, Ordering::Relaxed) + 1;
                attempt.session = Some(numbered);
            }
            let (command, count) = self.command(&work, limits, attempt);
            attempt.sent = true;
            let failure = match self.run(&work.namespace.database, command, attempt).await {
                Ok(document) => match errors::reply(&document, &self.hosts) {
                    Ok(reply) => {
                        lock(&self.idle).extend(std::mem::take(attempt).session);
                        return Ok((count, reply));
                    }
                    Err(failure) => failure,
                },
                Err(failure) => failure,
            };
            let Failure::Passing(error) = failure else { return Err(failure) };
            // Another server may be the one to write to now.
            *lock(&self.limits) = None;
            if lost.is_some() || self.context.cancelled.is_cancelled() {
                return Err(Failure::Passing(error));
            }
            tracing::info!(task = self.context.task, connector = %self.context.connector, "sending again: {error}");
            lost = Some(error);
        }
    }

    /// A session that no other command goes under.
    async fn session(&self) -> Result<Numbered, Failure> {
        if let Some(idle) = lock(&self.idle).pop() {
            return Ok(idle);
        }
        let session = bounded(&self.context, &self.hosts, self.client.start_session().into_future()).await?;
        Ok(Numbered { session: session.map_err(|error| self.failure(&error))?, last: 0 })
    }

    async fn run(&self, database: &str, command: Vec<u8>, attempt: &mut Attempt) -> Result<Document, Failure> {
        let command = RawDocumentBuf::from_bytes(command)
            .map_err(|error| Failure::Refused(ConnectError::fatal(format!("a command is no BSON: {error}"))))?;
        let database = self.client.database(database);
        let action = database.run_raw_command(command);
        let answer = match &mut attempt.session {
            Some(numbered) => {
                bounded(&self.context, &self.hosts, action.session(&mut numbered.session).into_future()).await?
            }
            None => bounded(&self.context, &self.hosts, action.into_future()).await?,
        };
        answer.map_err(|error| {
            if errors::is_forgotten(&error) {
                attempt.give_up_number();
            }
            self.failure(&error)
        })
    }

    /// Makes a time series of a collection that is not there yet.
    ///
    /// # Errors
    /// If it is there and is none, and if it cannot be made.
    pub(crate) async fn ensure(&self, series: &TimeSeries, namespace: &Namespace) -> Result<(), Failure> {
        match bounded(&self.context, &self.hosts, series.ensure(&self.client, namespace)).await? {
            Ok(()) => Ok(()),
            Err(NotReady::Config(error)) => Err(Failure::Refused(error)),
            Err(NotReady::Server(error)) => Err(self.failure(&error)),
        }
    }

    /// Builds the command of the work's first operations, and says how many they are.
    fn command(&self, work: &Work<'_>, limits: Limits, attempt: &Attempt) -> (Vec<u8>, usize) {
        let replace = attempt.sent && attempt.session.is_none() && work.inserts_as_replacements;
        let kind_of = |operation: &Operation| match operation.action {
            Action::Replace { fresh: true } if work.fresh_as_inserts && !replace => CommandKind::Insert,
            Action::Insert { fresh: true } if replace => CommandKind::Update,
            action => action.command(),
        };
        let mut operations = work.order.iter().filter_map(|index| work.operations.get(*index as usize));
        let kind = operations.clone().next().map_or(CommandKind::Insert, kind_of);
        let (name, array): (&[u8], &[u8]) = match kind {
            CommandKind::Insert => (b"insert", b"documents"),
            CommandKind::Update => (b"update", b"updates"),
            CommandKind::Delete => (b"delete", b"deletes"),
        };
        let mut buffer = Vec::with_capacity(work.size_hint().min(limits.document) + 512);
        let start = begin(&mut buffer);
        string_element(&mut buffer, name, &work.namespace.collection);
        element(&mut buffer, kind::BOOLEAN, b"ordered", &[u8::from(work.ordered)]);
        if let Some(concern) = &self.write_concern {
            element(&mut buffer, kind::DOCUMENT, b"writeConcern", concern);
        }
        if let Some(numbered) = &attempt.session {
            element(&mut buffer, kind::INT64, b"txnNumber", &numbered.last.to_le_bytes());
        }
        element(&mut buffer, kind::ARRAY, array, &[]);
        let statements = begin(&mut buffer);
        let mut count = 0;
        while let Some(operation) = operations.next().filter(|operation| kind_of(operation) == kind) {
            let before = buffer.len();
            let documents = work.arena.get(operation.start..operation.end).unwrap_or_default();
            statement(&mut buffer, count as u32, operation.action, kind, documents, work.now);
            if count > 0 && buffer.len() - start > limits.document {
                buffer.truncate(before);
                break;
            }
            count += 1;
            if count >= limits.statements {
                break;
            }
        }
        end(&mut buffer, statements);
        end(&mut buffer, start);
        (buffer, count)
    }

    /// Ends the connections.
    pub(crate) async fn close(self) {
        // The sessions are told to end, too; a server that is gone must not hold that up.
        drop(self.idle);
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, self.client.shutdown()).await;
    }
}

/// What a panic left behind is whole: nothing waits while it holds the lock.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn string_element(buffer: &mut Vec<u8>, key: &[u8], text: &str) {
    // Names of collections are short.
    element(buffer, kind::STRING, key, &(text.len() as u32 + 1).to_le_bytes());
    buffer.extend_from_slice(text.as_bytes());
    buffer.push(0);
}

/// Waits for an answer, at most for a time, and only while the task is to run.
async fn bounded<T>(context: &TaskContext, hosts: &str, answer: impl Future<Output = T>) -> Result<T, Failure> {
    tokio::select! {
        answer = tokio::time::timeout(COMMAND_TIMEOUT, answer) => {
            answer.map_err(|_| Failure::Passing(errors::retriable(hosts, "no answer for 60 seconds")))
        }
        () = context.cancelled.cancelled() => {
            Err(Failure::Passing(ConnectError::retriable("the task is asked to stop")))
        }
    }
}
