//! The file stream connectors: a topic's values as lines of a file, and a file's lines as records.
//!
//! Behaviour, keys and messages are those of `org.apache.kafka.connect.file` (Kafka 4.3.1); `README.md` says where
//! they differ.

mod config;
mod sink;
mod source;

pub use sink::{FileSink, FileSinkTask};
pub use source::{FileSource, FileSourceTask};

/// Version of Apache Kafka whose file connectors these follow.
pub const VERSION: &str = "4.3.1";

use longshore_api::ConnectError;

/// A failed call on a file, as Java's exceptions name it; the cause of what the task reports.
fn file_error(file: &str, error: &std::io::Error) -> ConnectError {
    use std::io::ErrorKind;
    let (class, message) = match error.kind() {
        ErrorKind::NotFound => ("java.nio.file.NoSuchFileException", file.to_owned()),
        ErrorKind::PermissionDenied => ("java.nio.file.AccessDeniedException", file.to_owned()),
        _ => ("java.nio.file.FileSystemException", format!("{file}: {error}")),
    };
    ConnectError::fatal(message).with_class(class)
}
