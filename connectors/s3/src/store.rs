//! The object store, as far as a sink needs one.

pub(crate) mod aws;

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use longshore_api::ConnectError;

/// Why a request failed, in words that name no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StoreError {
    /// It may work later: no connection, a time-out, a server that is busy or broken.
    Transient(String),
    /// The multipart upload is not known (any more).
    NoSuchUpload(String),
    /// It will fail again: no permission, no bucket, a request that cannot be.
    Refused(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Transient(why) | StoreError::NoSuchUpload(why) | StoreError::Refused(why) => f.write_str(why),
        }
    }
}

impl StoreError {
    /// The error of a task that was about to do something.
    pub(crate) fn while_doing(&self, what: &str) -> ConnectError {
        let message = format!("{what} failed: {self}");
        match self {
            StoreError::Transient(_) => ConnectError::retriable(message),
            StoreError::NoSuchUpload(_) | StoreError::Refused(_) => ConnectError::fatal(message),
        }
    }
}

/// A multipart upload that was not completed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unfinished {
    pub(crate) key: String,
    pub(crate) upload: String,
}

/// A bucket.
#[async_trait]
pub(crate) trait Store: Send + Sync {
    /// How messages name an object: `s3://bucket/key`.
    fn url(&self, key: &str) -> String;

    /// Whether the bucket is there.
    async fn check(&self) -> Result<(), StoreError>;

    /// Writes an object in one request, over one of the same key.
    async fn put(&self, key: &str, body: Bytes) -> Result<(), StoreError>;

    /// Begins a multipart upload; its id.
    async fn begin(&self, key: &str) -> Result<String, StoreError>;

    /// Uploads a part; its entity tag. Parts are numbered from 1.
    async fn part(&self, key: &str, upload: &str, number: i32, body: Bytes) -> Result<String, StoreError>;

    /// Makes the object of its parts.
    async fn complete(&self, key: &str, upload: &str, parts: &[String]) -> Result<(), StoreError>;

    /// Gives a multipart upload up.
    async fn abort(&self, key: &str, upload: &str) -> Result<(), StoreError>;

    /// The size of an object in bytes; `None` if it is not there.
    async fn size(&self, key: &str) -> Result<Option<u64>, StoreError>;

    /// Sets the tags of an object.
    async fn tag(&self, key: &str, tags: &[(String, String)]) -> Result<(), StoreError>;

    /// The multipart uploads of keys with a prefix that were begun and not ended.
    async fn unfinished(&self, prefix: &str) -> Result<Vec<Unfinished>, StoreError>;
}
