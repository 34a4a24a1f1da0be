//! What looking after a bucket needs beside writing to it: lists and reading.

use std::fs::File;
use std::io::Write;

use aws_sdk_s3::primitives::ByteStream;

use super::{Bucket, StoreError, explain};

/// An object of a list.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    pub(crate) key: String,
    pub(crate) size: u64,
}

impl Bucket {
    /// All objects whose keys begin with a prefix, by key.
    pub(crate) async fn list(&self, prefix: &str) -> Result<Vec<Listed>, StoreError> {
        let mut listed = Vec::new();
        let mut token = None;
        loop {
            let request = self.client.list_objects_v2().bucket(self.bucket()).prefix(prefix);
            let page = request.set_continuation_token(token).send().await.map_err(explain)?;
            listed.extend(page.contents.unwrap_or_default().into_iter().filter_map(|object| {
                let size = object.size.and_then(|size| u64::try_from(size).ok())?;
                Some(Listed { key: object.key?, size })
            }));
            token = page.next_continuation_token;
            if token.is_none() {
                listed.sort_by(|a, b| a.key.cmp(&b.key));
                return Ok(listed);
            }
        }
    }

    async fn open(&self, key: &str) -> Result<ByteStream, StoreError> {
        let (algorithm, customer_key, key_md5) = self.customer_key();
        let request = self.client.get_object().bucket(self.bucket()).key(key);
        let request = request.set_sse_customer_algorithm(algorithm).set_sse_customer_key(customer_key);
        Ok(request.set_sse_customer_key_md5(key_md5).send().await.map_err(explain)?.body)
    }

    /// Copies an object to a file; its length.
    pub(crate) async fn download(&self, key: &str, file: &mut File) -> Result<u64, StoreError> {
        let mut body = self.open(key).await?;
        let mut length = 0;
        while let Some(bytes) = body.next().await {
            let bytes = bytes.map_err(|error| StoreError::Transient(format!("its answer was cut off: {error}")))?;
            file.write_all(&bytes).map_err(|error| StoreError::Refused(format!("a temporary file failed: {error}")))?;
            length += bytes.len() as u64;
        }
        Ok(length)
    }

    /// The bytes of a small object.
    pub(crate) async fn read(&self, key: &str, most: usize) -> Result<Vec<u8>, StoreError> {
        let mut body = self.open(key).await?;
        let mut all = Vec::new();
        while let Some(bytes) = body.next().await {
            let bytes = bytes.map_err(|error| StoreError::Transient(format!("its answer was cut off: {error}")))?;
            all.extend_from_slice(&bytes);
            if all.len() > most {
                return Err(StoreError::Refused(format!("it is larger than {most} bytes")));
            }
        }
        Ok(all)
    }
}
