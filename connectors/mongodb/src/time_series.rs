//! Time series collections: `timeseries.*`.

use bson::{Document, doc};
use longshore_api::ConnectError;
use mongodb::Client;
use mongodb::error::{Error, ErrorKind};

use crate::namespace::Namespace;

/// How a time series collection is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TimeSeries {
    /// The field that holds a document's time.
    pub(crate) time_field: String,
    /// The field that tells one series from another; may be empty.
    pub(crate) meta_field: String,
    /// `seconds`, `minutes`, `hours`, or empty for the server's default.
    pub(crate) granularity: String,
    /// After how many seconds documents expire; 0 for never.
    pub(crate) expire_after_seconds: i64,
}

/// Why a collection is not ready.
#[derive(Debug)]
pub(crate) enum NotReady {
    /// The configuration and the database do not fit.
    Config(ConnectError),
    /// The server or the way to it.
    Server(Error),
}

/// Codes of the server.
const UNAUTHORIZED: i32 = 13;
const NAMESPACE_EXISTS: i32 = 48;
const NAMESPACE_NOT_FOUND: i32 = 26;

impl TimeSeries {
    /// Makes the collection, if there is none yet.
    ///
    /// # Errors
    /// If there is one that is no time series, and if it cannot be made.
    pub(crate) async fn ensure(&self, client: &Client, namespace: &Namespace) -> Result<(), NotReady> {
        if is_ready(client, namespace).await? {
            return Ok(());
        }
        match client.database(&namespace.database).run_command(self.command(&namespace.collection)).await {
            Ok(_) => Ok(()),
            // Another task was faster.
            Err(error) if code(&error) == Some(NAMESPACE_EXISTS) => is_ready(client, namespace).await.map(drop),
            Err(error) => Err(not_created(namespace, error)),
        }
    }

    fn command(&self, collection: &str) -> Document {
        let mut options = doc! { "timeField": &self.time_field };
        if !self.meta_field.is_empty() {
            options.insert("metaField", &self.meta_field);
        }
        if !self.granularity.is_empty() {
            options.insert("granularity", &self.granularity);
        }
        let mut command = doc! { "create": collection, "timeseries": options };
        if self.expire_after_seconds > 0 {
            command.insert("expireAfterSeconds", self.expire_after_seconds);
        }
        command
    }
}

/// Whether the collection is a time series; false if there is none.
///
/// # Errors
/// If there is one that is no time series.
pub(crate) async fn is_ready(client: &Client, namespace: &Namespace) -> Result<bool, NotReady> {
    let command = doc! { "collStats": &namespace.collection };
    let stats = match client.database(&namespace.database).run_command(command).await {
        Ok(stats) => stats,
        Err(error) if code(&error) == Some(NAMESPACE_NOT_FOUND) => return Ok(false),
        Err(error) => return Err(not_created(namespace, error)),
    };
    if stats.contains_key("timeseries") {
        return Ok(true);
    }
    if stats.get_i32("nindexes").unwrap_or(0) > 0 {
        let why = format!("A collection already exists for: `{namespace}` that is not a timeseries collection.");
        return Err(NotReady::Config(ConnectError::config(why)));
    }
    Ok(false)
}

fn code(error: &Error) -> Option<i32> {
    match error.kind.as_ref() {
        ErrorKind::Command(refused) => Some(refused.code),
        _ => None,
    }
}

fn not_created(namespace: &Namespace, error: Error) -> NotReady {
    let ErrorKind::Command(refused) = error.kind.as_ref() else { return NotReady::Server(error) };
    if crate::errors::is_passing(&error) {
        return NotReady::Server(error);
    }
    let why = match refused.code {
        UNAUTHORIZED => {
            "Unauthorized, user does not have the correct permissions to check for and create the collection. "
        }
        _ => "",
    };
    NotReady::Config(ConnectError::config(format!(
        "Failed to create collection for: `{namespace}`. {why}{}",
        crate::errors::reason(&error)
    )))
}
