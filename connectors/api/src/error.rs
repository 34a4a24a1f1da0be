//! The one error type that crosses the border between a plugin and the worker.

use std::fmt;

/// What the worker does about an error. The worker branches on this and on nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The configuration cannot work; a person has to change it.
    Config,
    /// It may work when tried again: a time-out, a broken connection, a server in election.
    Retriable,
    /// This record cannot be handled, others can.
    BadRecord,
    /// The task cannot go on.
    Fatal,
}

/// An error with its kind, the Java class name that Connect's users would see, and its causes, outermost first.
///
/// Messages are lower case where Connect's are not quoted, name the thing (key, field, topic-partition@offset) and
/// never hold a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectError {
    /// What the worker does about it.
    pub kind: ErrorKind,
    /// Fully qualified Java class name, as it stands in traces and in dead letter headers.
    pub class: &'static str,
    /// What happened, in one sentence. `None` where Java's exception has no message.
    pub message: Option<String>,
    /// What caused it.
    pub cause: Option<Box<ConnectError>>,
}

/// Java class names of the exceptions that Connect's users meet.
pub mod class {
    #![allow(missing_docs)]
    pub const CONNECT: &str = "org.apache.kafka.connect.errors.ConnectException";
    pub const CLASS_CAST: &str = "java.lang.ClassCastException";
    pub const CONFIG: &str = "org.apache.kafka.common.config.ConfigException";
    pub const DATA: &str = "org.apache.kafka.connect.errors.DataException";
    pub const ILLEGAL_ARGUMENT: &str = "java.lang.IllegalArgumentException";
    pub const INDEX_OUT_OF_BOUNDS: &str = "java.lang.IndexOutOfBoundsException";
    pub const NULL_POINTER: &str = "java.lang.NullPointerException";
    pub const RETRIABLE: &str = "org.apache.kafka.connect.errors.RetriableException";
    pub const SCHEMA_BUILDER: &str = "org.apache.kafka.connect.errors.SchemaBuilderException";
    pub const SERIALIZATION: &str = "org.apache.kafka.common.errors.SerializationException";
}

impl ConnectError {
    /// An error of any kind and class.
    pub fn new(kind: ErrorKind, class: &'static str, message: impl Into<String>) -> Self {
        Self { kind, class, message: Some(message.into()), cause: None }
    }

    /// A configuration error; the message names the key.
    pub fn config(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Config, class::CONFIG, message)
    }

    /// A failure that may go away by itself.
    pub fn retriable(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Retriable, class::RETRIABLE, message)
    }

    /// A record that cannot be handled.
    pub fn data(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::BadRecord, class::DATA, message)
    }

    /// A failure that ends the task.
    pub fn fatal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Fatal, class::CONNECT, message)
    }

    /// The same error with another Java class name.
    #[must_use]
    pub fn with_class(mut self, class: &'static str) -> Self {
        self.class = class;
        self
    }

    /// The same error with its cause. The kind stays that of the outer error.
    #[must_use]
    pub fn caused_by(mut self, cause: ConnectError) -> Self {
        self.cause = Some(Box::new(cause));
        self
    }

    /// The innermost cause: what really happened.
    pub fn root_cause(&self) -> &ConnectError {
        let mut error = self;
        while let Some(cause) = &error.cause {
            error = cause;
        }
        error
    }

    /// The text of the `trace` member of a status: `class: message`, then a `Caused by:` line for each cause.
    pub fn trace(&self) -> String {
        let mut text = self.first_line();
        let mut cause = self.cause.as_deref();
        while let Some(error) = cause {
            text.push_str("\nCaused by: ");
            text.push_str(&error.first_line());
            cause = error.cause.as_deref();
        }
        text.push('\n');
        text
    }

    fn first_line(&self) -> String {
        match &self.message {
            Some(message) => format!("{}: {message}", self.class),
            None => self.class.to_owned(),
        }
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message.as_deref().unwrap_or(self.class))?;
        let mut cause = self.cause.as_deref();
        while let Some(error) = cause {
            write!(f, ": {}", error.message.as_deref().unwrap_or(error.class))?;
            cause = error.cause.as_deref();
        }
        Ok(())
    }
}

impl std::error::Error for ConnectError {}

/// What a plugin's calls return.
pub type Result<T, E = ConnectError> = std::result::Result<T, E>;
