//! What the server's and the driver's errors mean for a record, for the task, and for its users.

use bson::{Bson, Document};
use longshore_api::ConnectError;
use mongodb::error::{Error, ErrorKind as DriverErrorKind};
use serde::Serialize as _;

/// Java class of a record's own failure, as it stands in dead letter headers.
pub(crate) const WRITE_EXCEPTION: &str = "com.mongodb.kafka.connect.sink.dlq.WriteException";
/// Java class for records that were written, but not as safely as was asked for.
pub(crate) const WRITE_CONCERN_EXCEPTION: &str = "com.mongodb.kafka.connect.sink.dlq.WriteConcernException";

/// The label by which a server says that a write may simply be sent again.
const RETRYABLE_WRITE: &str = "RetryableWriteError";

/// Labels of a server that is overloaded.
const OVERLOADED: [&str; 2] = ["SystemOverloadedError", "RetryableError"];

/// The server's code for a document that is too large.
pub(crate) const TOO_LARGE: i32 = 10334;

/// Codes of a state that passes and is no record's fault: networks, elections, shutdowns, lock and time limits,
/// replication that lags, routing tables that are stale, a full disk.
const PASSING_CODES: &[i32] = &[
    6, 7, 24, 50, 64, 89, 91, 112, 133, 134, 150, 189, 202, 262, 9001, 10058, 10107, 11600, 11601, 11602, 13388, 13435,
    13436, 14031,
];

/// Codes of a server that no longer knows what it did of a numbered command: it may have been away for longer than
/// sessions are remembered.
const FORGOTTEN_CODES: [i32; 2] = [217, 225];

/// Why a whole command did not do what it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// No server was there to send it to, for as long as the configuration waits.
    Unreachable(ConnectError),
    /// It may work at once or later; whether the server did something is not known.
    Passing(ConnectError),
    /// The server or the driver refuses; the same command will be refused again.
    Refused(ConnectError),
}

/// A statement that failed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct WriteError {
    /// Which one of the command's, from 0.
    pub(crate) index: usize,
    /// The server's code.
    pub(crate) code: i32,
    /// The server's message.
    pub(crate) message: String,
    /// What the server adds, for failed validations.
    pub(crate) details: Document,
}

/// The server was not able to give the safety that was asked for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct WriteConcernError {
    code: i32,
    code_name: String,
    message: String,
    details: Document,
}

/// What came back of a command that the server has carried out.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Reply {
    /// The statements that failed, in order.
    pub(crate) write_errors: Vec<WriteError>,
    /// Set if what was written may not last.
    pub(crate) write_concern_error: Option<WriteConcernError>,
}

impl WriteError {
    /// The error for the dead letter of the record.
    pub(crate) fn to_error(&self) -> ConnectError {
        let details = shown(&self.details);
        let text = format!("v=1, code={}, message={}, details={details}", self.code, self.message);
        ConnectError::data(text).with_class(WRITE_EXCEPTION)
    }
}

impl WriteConcernError {
    /// The error for the dead letter of a record.
    pub(crate) fn to_error(&self) -> ConnectError {
        let Self { code, code_name, message, details } = self;
        let details = shown(details);
        let text = format!("v=1, code={code}, codeName={code_name}, message={message}, details={details}");
        ConnectError::data(text).with_class(WRITE_CONCERN_EXCEPTION)
    }
}

/// The error of a document that the server would refuse for its size.
pub(crate) fn too_large(size: usize, most: usize) -> ConnectError {
    let message = format!("object to write is too large. size in bytes: {size}, max size: {most}");
    WriteError { index: 0, code: TOO_LARGE, message, details: Document::new() }.to_error()
}

/// Reads the reply of a write command.
///
/// # Errors
/// [`Failure::Passing`] if the server asks to send the command again.
pub(crate) fn reply(document: &Document, hosts: &str) -> Result<Reply, Failure> {
    let text = |document: &Document, key: &str| document.get_str(key).unwrap_or_default().to_owned();
    let details = |document: &Document| document.get_document("errInfo").cloned().unwrap_or_default();
    let write_errors = document.get_array("writeErrors").map_or(&[][..], Vec::as_slice);
    let write_errors = write_errors.iter().filter_map(Bson::as_document).map(|error| WriteError {
        index: number(error, "index").and_then(|index| usize::try_from(index).ok()).unwrap_or(0),
        code: number(error, "code").unwrap_or(0),
        message: text(error, "errmsg"),
        details: details(error),
    });
    let mut reply = Reply { write_errors: write_errors.collect(), write_concern_error: None };
    reply.write_errors.sort_by_key(|error| error.index);
    if let Some(passing) = reply.write_errors.iter().find(|error| PASSING_CODES.contains(&error.code)) {
        return Err(Failure::Passing(retriable(hosts, &passing.message)));
    }
    if let Ok(error) = document.get_document("writeConcernError") {
        let (code, message) = (number(error, "code").unwrap_or(0), text(error, "errmsg"));
        let labelled = document
            .get_array("errorLabels")
            .is_ok_and(|labels| labels.iter().any(|label| label.as_str() == Some(RETRYABLE_WRITE)));
        // What is refused for itself is refused again, and the rest is then acknowledged.
        if labelled || PASSING_CODES.contains(&code) {
            return Err(Failure::Passing(retriable(hosts, &message)));
        }
        reply.write_concern_error =
            Some(WriteConcernError { code, code_name: text(error, "codeName"), message, details: details(error) });
    }
    Ok(reply)
}

fn number(document: &Document, key: &str) -> Option<i32> {
    match document.get(key)? {
        Bson::Int32(value) => Some(*value),
        Bson::Int64(value) => i32::try_from(*value).ok(),
        Bson::Double(value) => Some(*value as i32),
        _ => None,
    }
}

/// The error for a target that does not answer now.
pub(crate) fn retriable(hosts: &str, why: &str) -> ConnectError {
    ConnectError::retriable(format!("MongoDB at {hosts} cannot be written to now: {why}"))
}

/// Sorts an error of the driver; `hide` takes secrets out of its text.
pub(crate) fn failure(error: &Error, hosts: &str, hide: &dyn Fn(&str) -> String) -> Failure {
    let why = hide(&reason(error));
    if matches!(error.kind.as_ref(), DriverErrorKind::ServerSelection { .. } | DriverErrorKind::DnsResolve { .. }) {
        return Failure::Unreachable(retriable(hosts, &why));
    }
    if is_passing(error) {
        return Failure::Passing(retriable(hosts, &why));
    }
    if is_authentication(error) {
        return Failure::Refused(ConnectError::config(format!(
            "connection.uri: authentication at {hosts} failed: {why}"
        )));
    }
    match error.kind.as_ref() {
        DriverErrorKind::Command(refused) if refused.code == 13 => Failure::Refused(ConnectError::config(format!(
            "connection.uri: the user at {hosts} lacks a privilege: {why}"
        ))),
        _ => Failure::Refused(ConnectError::fatal(format!("MongoDB at {hosts} refuses a write: {why}"))),
    }
}

/// Whether the credentials were refused.
pub(crate) fn is_authentication(error: &Error) -> bool {
    match error.kind.as_ref() {
        DriverErrorKind::Authentication { .. } => true,
        DriverErrorKind::Command(refused) => refused.code == 18,
        _ => false,
    }
}

/// Whether a state of the server or of the way to it is at fault that passes.
pub(crate) fn is_passing(error: &Error) -> bool {
    if error.contains_label(RETRYABLE_WRITE) || OVERLOADED.iter().any(|label| error.contains_label(label)) {
        return true;
    }
    match error.kind.as_ref() {
        DriverErrorKind::Io(_) | DriverErrorKind::ConnectionPoolCleared { .. } => true,
        DriverErrorKind::Command(refused) => PASSING_CODES.contains(&refused.code) || is_forgotten(error),
        _ => false,
    }
}

/// Whether the command has to be sent without the number that it had.
pub(crate) fn is_forgotten(error: &Error) -> bool {
    matches!(error.kind.as_ref(), DriverErrorKind::Command(refused) if FORGOTTEN_CODES.contains(&refused.code))
}

/// An error's text without the parts of the driver's that only its authors read.
pub(crate) fn reason(error: &Error) -> String {
    const MOST_CHARS: usize = 400;
    let text = match error.kind.as_ref() {
        DriverErrorKind::Command(refused) => {
            format!("{} ({}, code {})", refused.message, refused.code_name, refused.code)
        }
        kind => kind.to_string(),
    };
    text.chars().take(MOST_CHARS).collect()
}

/// The most characters of a document that an error shows.
const SHOWN_CHARS: usize = 1000;

/// A document's bytes as JSON the way Java's driver prints it; only the beginning of a long one.
pub(crate) fn shown_bytes(document: &[u8]) -> String {
    let text = Document::from_reader(document).map_or_else(|_| "{}".to_owned(), |document| shown(&document));
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// A document as JSON the way Java's driver prints it.
fn shown(document: &Document) -> String {
    let json = Bson::Document(document.clone()).into_relaxed_extjson();
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, Spaced);
    match json.serialize(&mut serializer) {
        Ok(()) => String::from_utf8(bytes).unwrap_or_default(),
        Err(_) => "{}".to_owned(),
    }
}

/// One space after each colon and comma.
struct Spaced;

impl serde_json::ser::Formatter for Spaced {
    fn begin_object_key<W: ?Sized + std::io::Write>(&mut self, writer: &mut W, first: bool) -> std::io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + std::io::Write>(&mut self, writer: &mut W) -> std::io::Result<()> {
        writer.write_all(b": ")
    }

    fn begin_array_value<W: ?Sized + std::io::Write>(&mut self, writer: &mut W, first: bool) -> std::io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }
}

#[cfg(test)]
mod tests {
    use bson::doc;

    use super::*;

    #[test]
    fn a_reply_names_the_statements_that_failed_in_their_order() {
        let document = doc! {
            "ok": 1, "n": 1,
            "writeErrors": [
                { "index": 2, "code": 121, "errmsg": "Document failed validation", "errInfo": { "a": [1, { "b": "c" }] } },
                { "index": 1, "code": 11000, "errmsg": "E11000 duplicate key" },
            ],
        };
        let reply = reply(&document, "h:1").unwrap();
        assert_eq!(reply.write_errors.iter().map(|error| error.index).collect::<Vec<_>>(), [1, 2]);
        let error = reply.write_errors[1].to_error();
        assert_eq!(error.class, WRITE_EXCEPTION);
        assert_eq!(
            error.message.as_deref(),
            Some(r#"v=1, code=121, message=Document failed validation, details={"a": [1, {"b": "c"}]}"#)
        );
    }

    #[test]
    fn a_write_concern_that_was_not_met_is_an_error_of_its_own_or_passes() {
        let failed = |code: i32, labels: &[&str]| {
            let error = doc! { "code": code, "codeName": "Name", "errmsg": "no" };
            reply(&doc! { "ok": 1, "writeConcernError": error, "errorLabels": labels }, "h:1")
        };
        let lasting = failed(100, &[]).unwrap().write_concern_error.unwrap().to_error();
        assert_eq!(lasting.class, WRITE_CONCERN_EXCEPTION);
        assert_eq!(lasting.message.as_deref(), Some("v=1, code=100, codeName=Name, message=no, details={}"));
        for passing in [failed(64, &[]), failed(91, &[]), failed(100, &["RetryableWriteError"])] {
            let Err(Failure::Passing(error)) = passing else { panic!("{passing:?}") };
            assert_eq!(error.kind, longshore_api::ErrorKind::Retriable);
            assert!(error.to_string().contains("h:1"), "{error}");
        }
    }

    #[test]
    fn a_full_disk_is_no_records_fault() {
        let document = doc! { "writeErrors": [{ "index": 0, "code": 14031, "errmsg": "out of disk space" }] };
        assert!(matches!(reply(&document, "h:1"), Err(Failure::Passing(_))));
    }

    #[test]
    fn replies_that_make_no_sense_are_no_errors() {
        for document in [doc! {}, doc! { "writeErrors": 5, "writeConcernError": "x" }, doc! { "writeErrors": ["x"] }] {
            assert_eq!(reply(&document, "h:1"), Ok(Reply::default()));
        }
    }
}
