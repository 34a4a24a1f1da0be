//! What ClickHouse's answers mean for a record, for the task, and for its users.

use longshore_api::ConnectError;

/// Why a request did not do what it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It may work later; whether the server did something is not known.
    Passing(ConnectError),
    /// The server does not take so much at once: a part of it may work, or all of it later.
    TooMuch(ConnectError),
    /// The server says no.
    Refused(Refusal),
    /// It cannot work with this configuration.
    Settings(ConnectError),
}

/// An error of the server's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// ClickHouse's number.
    pub(crate) code: i32,
    /// What it says.
    pub(crate) message: String,
}

/// Codes after which the same insert is tried again: those of the Java connector (1.5.0) but [`MEMORY`], and others
/// that are no record's fault. What a server says that starts, shuts down, or cannot reach another:
/// CANNOT_READ_FROM_SOCKET, CANNOT_WRITE_TO_SOCKET, ABORTED, ALL_CONNECTION_TRIES_FAILED, DNS_ERROR, NO_ZOOKEEPER,
/// UNEXPECTED_ZOOKEEPER_ERROR, NO_ACTIVE_REPLICAS, NO_AVAILABLE_REPLICA, QUERY_WAS_CANCELLED, NOT_INITIALIZED,
/// ASYNC_LOAD_WAIT_FAILED, POCO_EXCEPTION. That it has no room, or that its disks fail:
/// CANNOT_WRITE_TO_FILE_DESCRIPTOR, CANNOT_OPEN_FILE, NOT_ENOUGH_SPACE, CANNOT_SCHEDULE_TASK, CANNOT_ALLOCATE_MEMORY,
/// RECEIVED_ERROR_TOO_MANY_REQUESTS, S3_ERROR, AZURE_BLOB_STORAGE_ERROR, DISTRIBUTED_TOO_MANY_PENDING_BYTES,
/// SERVER_OVERLOADED. That its user has had enough: QUOTA_EXCEEDED, USER_SESSION_LIMIT_EXCEEDED. That others are in
/// the way: UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE, REPLICA_IS_NOT_IN_QUORUM, REPLICA_STATUS_CHANGED,
/// PART_IS_TEMPORARILY_LOCKED, DEADLOCK_AVOIDED, CANNOT_ASSIGN_ALTER, TABLE_IS_BEING_RESTARTED, TABLE_IS_DROPPED,
/// which is a table that does not exist as soon as it is asked for again.
const PASSING_CODES: [i32; 47] = [
    3, 75, 76, 95, 96, 107, 159, 164, 173, 198, 201, 202, 203, 209, 210, 218, 225, 236, 242, 243, 244, 252, 254, 265,
    279, 285, 286, 289, 319, 364, 384, 394, 416, 425, 439, 473, 499, 500, 517, 574, 667, 700, 722, 733, 745, 999, 1000,
];

/// Codes of a login or a privilege: no record is at fault, whatever is tolerated. AUTHENTICATION_FAILED,
/// REQUIRED_PASSWORD, WRONG_PASSWORD, UNKNOWN_USER, IP_ADDRESS_NOT_ALLOWED, ACCESS_DENIED,
/// DATABASE_ACCESS_DENIED.
const ACCESS_CODES: [i32; 7] = [516, 194, 193, 192, 195, 497, 291];

/// UNKNOWN_SETTING, NO_ELEMENTS_IN_CONFIG, SETTING_CONSTRAINT_VIOLATION: what `clickhouseSettings` says cannot be.
const SETTING_CODES: [i32; 3] = [115, 139, 452];

/// MEMORY_LIMIT_EXCEEDED: of the query, its user or the server.
const MEMORY: i32 = 241;

/// TOO_MANY_PARTS: for now, or, in these words, of this insert, however often it is tried.
const PARTS: i32 = 252;
const OF_ONE_INSERT: &str = "partitions for single INSERT block";

/// The code of JSON that has a member twice, of binary rows for other types, and of more.
const INCORRECT_DATA: i32 = 117;

/// UNKNOWN_TABLE and UNKNOWN_DATABASE.
const MISSING_CODES: [i32; 2] = [60, 81];

/// Codes that say that the table is not what it was when it was described: CANNOT_READ_ALL_DATA,
/// TOO_LARGE_STRING_SIZE, NO_SUCH_COLUMN_IN_TABLE, UNKNOWN_IDENTIFIER, TYPE_MISMATCH.
const STALE_CODES: [i32; 5] = [33, 131, 16, 47, 53];

/// The most characters of the server's words that an error shows.
const MOST_CHARS: usize = 1000;

impl Failure {
    /// The error of a request.
    pub(crate) fn into_error(self) -> ConnectError {
        match self {
            Failure::Passing(error) | Failure::TooMuch(error) | Failure::Settings(error) => error,
            Failure::Refused(refusal) => ConnectError::fatal(refusal.message),
        }
    }
}

impl Refusal {
    /// Whether the table or its database does not exist.
    pub(crate) fn is_missing_table(&self) -> bool {
        MISSING_CODES.contains(&self.code)
    }

    /// Whether JSON has a member twice, of which Connect takes the last.
    pub(crate) fn is_duplicate_member(&self) -> bool {
        self.code == INCORRECT_DATA && self.message.contains("Duplicate field found")
    }

    /// The row, from 1, at which the server says that it stopped to read.
    pub(crate) fn row(&self) -> Option<usize> {
        let (_, rest) = self.message.split_once("(at row ")?;
        rest.split_once(')')?.0.parse().ok()
    }

    /// Whether the table may have another form than it had when it was described.
    pub(crate) fn is_stale_table(&self) -> bool {
        let has_other_types = self.code == INCORRECT_DATA && self.message.contains("Type of '");
        STALE_CODES.contains(&self.code) || has_other_types || self.is_missing_table()
    }
}

/// Sorts an answer that is no success. `code` is the number from the header, where there is one.
pub(crate) fn refused(address: &str, status: u16, code: Option<i32>, body: &str) -> Failure {
    let code = code.or_else(|| code_of(body)).unwrap_or(0);
    let message = if body.trim().is_empty() { format!("HTTP status {status}") } else { shown(body) };
    let passing = PASSING_CODES.contains(&code) || (code == 0 && matches!(status, 408 | 429 | 502 | 503 | 504));
    if code == MEMORY || (code == PARTS && message.contains(OF_ONE_INSERT)) {
        Failure::TooMuch(away(address, &message))
    } else if passing {
        Failure::Passing(away(address, &message))
    } else if ACCESS_CODES.contains(&code) || (code == 0 && matches!(status, 401 | 403)) {
        Failure::Settings(ConnectError::config(format!("ClickHouse at {address} refuses the user: {message}")))
    } else if SETTING_CODES.contains(&code) {
        settings_refused(address, &message)
    } else if code == 0 {
        Failure::Settings(ConnectError::fatal(format!("{address} {}", strange(&message))))
    } else {
        Failure::Refused(Refusal { code, message })
    }
}

/// What it means that the server does not take the settings of inserts.
pub(crate) fn settings_refused(address: &str, message: &str) -> Failure {
    Failure::Settings(ConnectError::config(format!("ClickHouse at {address} refuses the settings: {message}")))
}

/// The error for a server that cannot be written to now.
pub(crate) fn away(address: &str, why: &str) -> ConnectError {
    ConnectError::retriable(format!("ClickHouse at {address} cannot be used now: {why}"))
}

/// The words for an answer that a ClickHouse would not give.
pub(crate) fn strange(text: &str) -> String {
    format!("does not answer as ClickHouse does: {}", shown(text))
}

/// The number in `Code: 27. DB::Exception: …`.
fn code_of(body: &str) -> Option<i32> {
    let rest = body.trim_start().strip_prefix("Code: ")?;
    rest[..rest.find(|c: char| !c.is_ascii_digit())?].parse().ok()
}

/// The server's words without its version, on one line and bounded.
fn shown(body: &str) -> String {
    let line = body.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = line.rfind(" (version ").map_or(line.as_str(), |end| &line[..end]);
    bounded(text, MOST_CHARS)
}

/// The beginning of a long text.
pub(crate) fn bounded(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_sorted_by_the_servers_number() {
        let body = "Code: 252. DB::Exception: Too many parts (300). (TOO_MANY_PARTS) (version 24.10.2.80 (official))\n";
        let Failure::Passing(error) = refused("h:1", 500, None, body) else { panic!() };
        assert_eq!(
            error.message.as_deref(),
            Some(
                "ClickHouse at h:1 cannot be used now: Code: 252. DB::Exception: Too many parts (300). (TOO_MANY_PARTS)"
            )
        );
        let parse = refused("h:1", 400, Some(27), "Code: 27. DB::Exception: Cannot parse input");
        assert!(matches!(parse, Failure::Refused(Refusal { code: 27, .. })), "{parse:?}");
        for code in [516, 497] {
            assert!(matches!(refused("h:1", 403, Some(code), "no"), Failure::Settings(_)));
        }
    }

    #[test]
    fn an_answer_without_a_number_is_sorted_by_its_status() {
        assert!(matches!(refused("h:1", 503, None, ""), Failure::Passing(_)));
        assert!(matches!(refused("h:1", 401, None, ""), Failure::Settings(_)));
        let Failure::Settings(error) = refused("h:1", 404, None, "") else { panic!() };
        assert_eq!(error.to_string(), "h:1 does not answer as ClickHouse does: HTTP status 404");
    }

    #[test]
    fn the_servers_row_is_read() {
        let refusal = |message: &str| Refusal { code: 27, message: message.to_owned() };
        assert_eq!(refusal("expected '\"' before: 'x' (at row 12) : While executing").row(), Some(12));
        assert_eq!(refusal("(at row x)").row(), None);
    }

    #[test]
    fn long_words_are_cut() {
        let Failure::Refused(refusal) = refused("h:1", 400, Some(27), &"ä".repeat(5000)) else { panic!() };
        assert_eq!(refusal.message.chars().count(), MOST_CHARS + 1);
    }
}
