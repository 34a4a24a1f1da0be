//! Looking after what a sink has written: `longshore lake`.
//!
//! [`verify`] reads every object below a prefix and says what is not as it should be; [`compact()`] makes large objects of
//! small ones. `name` tells what the name of an
//! object says, `rows` reads objects of all formats, `ranges` finds offsets that are missing or there twice.

mod avro_file;
mod compact;
mod csv;
mod fields;
mod inspect;
mod merge;
mod name;
mod parquet_json;
mod ranges;
mod report;
mod rows;
mod spool;
mod summary;
mod verify;

use std::time::Duration;

use longshore_api::{ConnectError, Result};

pub use compact::{Compacted, Compaction, Large, Target, compact};
pub(crate) use name::COMPACTED;
pub use ranges::{Missing, Overlap};
pub use report::{Partition, Path, Problem, Report, Samples, Schemas};
pub use verify::{Verification, verify};

use crate::config::{Access, Credentials, Encryption};
use crate::store::aws::Bucket;
use crate::store::{Store, StoreError};
use name::Scheme;

/// Objects that are looked at at the same time.
const AT_ONCE: usize = 8;

/// How a lake is reached. Credentials are those of Amazon's default chain: environment, profile, web identity, container,
/// instance.
#[derive(Debug, Clone)]
pub struct Place {
    /// `s3://bucket/prefix`.
    pub url: String,
    /// The region of the bucket.
    pub region: String,
    /// URL of a server that is not Amazon's.
    pub endpoint: Option<String>,
    /// Whether the bucket stands in the path of requests' URLs.
    pub path_style: bool,
    /// The connector's `directory.delim`.
    pub directory_delimiter: String,
    /// The connector's `file.delim`.
    pub file_delimiter: String,
}

/// A part of a bucket in which sinks have written.
pub struct Lake {
    bucket: Bucket,
    prefix: String,
    scheme: Scheme,
}

impl Lake {
    /// Makes sure that the bucket can be reached.
    ///
    /// # Errors
    /// Kind Config: the URL is none. Any other: why the bucket cannot be reached.
    pub async fn open(place: &Place) -> Result<Self> {
        let wrong = || ConnectError::config(format!("{}: a lake is named s3://BUCKET/PREFIX", place.url));
        let rest = place.url.strip_prefix("s3://").ok_or_else(wrong)?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() || place.directory_delimiter.is_empty() || place.file_delimiter.is_empty() {
            return Err(wrong());
        }
        let access = Access {
            bucket: bucket.to_owned(),
            region: place.region.clone(),
            endpoint: place.endpoint.clone(),
            path_style: place.path_style,
            accelerate: false,
            credentials: Credentials::Chain,
            encryption: Encryption::default(),
            acl: None,
            send_digest: false,
            proxy: None,
            retries: (5, Duration::from_millis(200)),
        };
        let bucket = Bucket::new(access).await?;
        bucket.check().await.map_err(|error| error.while_doing("looking for the bucket"))?;
        let scheme = Scheme { directory: place.directory_delimiter.clone(), file: place.file_delimiter.clone() };
        Ok(Self { bucket, prefix: prefix.to_owned(), scheme })
    }

    /// How messages name an object, or the lake's beginning.
    fn url(&self, key: &str) -> String {
        self.bucket.url(key)
    }

    /// What failed, and with which object.
    fn failed(&self, what: &str, key: &str, error: &StoreError) -> ConnectError {
        error.while_doing(&format!("{what} {}", self.url(key)))
    }
}
