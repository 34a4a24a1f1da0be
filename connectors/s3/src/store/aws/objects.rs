//! What looking after a bucket needs beside writing to it: lists, reading, deleting.

use std::fs::File;
use std::io::Write;
use std::time::SystemTime;

use aws_sdk_s3::primitives::ByteStream;

use super::{Bucket, StoreError, explain};

/// An object of a list.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    pub(crate) key: String,
    pub(crate) size: u64,
    /// The entity tag, without quotation marks: another one after the object was written anew.
    pub(crate) tag: String,
    pub(crate) modified: SystemTime,
}

fn bare(tag: Option<String>) -> String {
    tag.unwrap_or_default().trim_matches('"').to_owned()
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
                let modified = object.last_modified.and_then(|time| SystemTime::try_from(time).ok());
                let modified = modified.unwrap_or(SystemTime::UNIX_EPOCH);
                Some(Listed { key: object.key?, size, tag: bare(object.e_tag), modified })
            }));
            token = page.next_continuation_token;
            if token.is_none() {
                listed.sort_by(|a, b| a.key.cmp(&b.key));
                return Ok(listed);
            }
        }
    }

    /// The bytes of an object, and its entity tag.
    async fn open(&self, key: &str) -> Result<(ByteStream, String), StoreError> {
        let (algorithm, customer_key, key_md5) = self.customer_key();
        let request = self.client.get_object().bucket(self.bucket()).key(key);
        let request = request.set_sse_customer_algorithm(algorithm).set_sse_customer_key(customer_key);
        let object = request.set_sse_customer_key_md5(key_md5).send().await.map_err(explain)?;
        Ok((object.body, bare(object.e_tag)))
    }

    /// Copies an object to a file; its length and its entity tag.
    pub(crate) async fn download(&self, key: &str, file: &mut File) -> Result<(u64, String), StoreError> {
        let (mut body, tag) = self.open(key).await?;
        let mut length = 0;
        while let Some(bytes) = body.next().await {
            let bytes = bytes.map_err(|error| StoreError::Transient(format!("its answer was cut off: {error}")))?;
            file.write_all(&bytes).map_err(|error| StoreError::Refused(format!("a temporary file failed: {error}")))?;
            length += bytes.len() as u64;
        }
        Ok((length, tag))
    }

    /// The bytes of a small object.
    pub(crate) async fn read(&self, key: &str, most: usize) -> Result<Vec<u8>, StoreError> {
        let (mut body, _) = self.open(key).await?;
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

    /// Deletes an object, if it is there.
    pub(crate) async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.client.delete_object().bucket(self.bucket()).key(key).send().await.map_err(explain)?;
        Ok(())
    }

    /// Deletes an object if it is still that of this entity tag, or is gone; says whether it is gone now. The server
    /// compares, if it knows how to; it is asked for the tag just before in any case.
    pub(crate) async fn delete_same(&self, key: &str, tag: &str) -> Result<bool, StoreError> {
        match self.head(key).await? {
            None => return Ok(true),
            Some(head) if bare(head.e_tag.clone()) != tag => return Ok(false),
            Some(_) => {}
        }
        let request = self.client.delete_object().bucket(self.bucket()).key(key).if_match(format!("\"{tag}\""));
        let Err(error) = request.send().await else { return Ok(true) };
        match error.raw_response().map(|response| response.status().as_u16()) {
            Some(404) => Ok(true),
            Some(412) => Ok(false),
            Some(501) => self.delete(key).await.map(|()| true),
            _ => Err(explain(error)),
        }
    }
}
