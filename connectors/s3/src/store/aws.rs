//! S3 by Amazon's client.

mod objects;

use std::time::Duration;

use async_trait::async_trait;
use aws_config::sts::AssumeRoleProvider;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{
    RequestChecksumCalculation, ResponseChecksumValidation, SharedCredentialsProvider, retry::RetryConfig,
    timeout::TimeoutConfig,
};
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart, ObjectCannedAcl, ServerSideEncryption, Tag, Tagging};
use aws_smithy_http_client::{Connector, proxy::ProxyConfig, tls};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use longshore_api::{ConnectError, Result};
use md5::{Digest, Md5};

pub(crate) use objects::Listed;

use super::{Store, StoreError, Unfinished};
use crate::config::{Access, Credentials};

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an attempt may take: a part of 5 GB, the largest, still goes at 20 MB/s.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(300);
/// How long an answer may be waited for while nothing moves.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// A bucket of S3 or of a server with its API.
pub(crate) struct Bucket {
    client: Client,
    access: Access,
    customer_key_md5: Option<String>,
}

impl Bucket {
    /// A client for the bucket. Does not reach out to it.
    ///
    /// # Errors
    /// Kind Config: a proxy or a key of encryption that is none.
    pub(crate) async fn new(access: Access) -> Result<Self> {
        let http = http_client(&access)?;
        let shared = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .http_client(http.clone())
            .region(Region::new(access.region.clone()));
        let shared =
            match &access.credentials {
                Credentials::Static { id, secret } => shared.credentials_provider(
                    aws_sdk_s3::config::Credentials::new(id, secret, None, None, "configuration"),
                ),
                _ => shared,
            };
        let shared = shared.load().await;
        let retry = RetryConfig::standard()
            .with_max_attempts(access.retries.0.saturating_add(1))
            .with_initial_backoff(access.retries.1);
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .build();
        let mut config = aws_sdk_s3::config::Builder::from(&shared)
            .http_client(http)
            .retry_config(retry)
            .timeout_config(timeouts)
            .force_path_style(access.path_style)
            .accelerate(access.accelerate)
            // Servers other than Amazon's do not all know the checksums that came later.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
        if let Some(endpoint) = &access.endpoint {
            config = config.endpoint_url(endpoint);
        }
        if let Credentials::AssumeRole { arn, external_id, session, region, endpoint, duration } = &access.credentials {
            let service = match endpoint {
                Some(endpoint) => shared.to_builder().endpoint_url(endpoint).build(),
                None => shared.clone(),
            };
            let mut role = AssumeRoleProvider::builder(arn).session_name(session).configure(&service);
            if let Some(duration) = duration {
                role = role.session_length(*duration);
            }
            if let Some(id) = external_id {
                role = role.external_id(id);
            }
            if let Some(region) = region {
                role = role.region(Region::new(region.clone()));
            }
            config = config.credentials_provider(SharedCredentialsProvider::new(role.build().await));
        }
        let customer_key_md5 = access.encryption.customer_key.as_deref().map(key_md5).transpose()?;
        Ok(Self { client: Client::from_conf(config.build()), access, customer_key_md5 })
    }

    fn bucket(&self) -> &str {
        &self.access.bucket
    }

    fn acl(&self) -> Option<ObjectCannedAcl> {
        self.access.acl.as_deref().map(ObjectCannedAcl::from)
    }

    /// The customer's algorithm, key and the key's digest, where objects are encrypted with such a key.
    fn customer_key(&self) -> (Option<String>, Option<String>, Option<String>) {
        let encryption = &self.access.encryption;
        match (&encryption.algorithm, &encryption.customer_key) {
            (Some(algorithm), Some(key)) if algorithm == "AES256" => {
                (Some(algorithm.clone()), Some(key.clone()), self.customer_key_md5.clone())
            }
            _ => (None, None, None),
        }
    }

    /// The server's own encryption and its key.
    fn encryption(&self) -> (Option<ServerSideEncryption>, Option<String>) {
        let encryption = &self.access.encryption;
        match &encryption.algorithm {
            Some(algorithm) if self.customer_key().0.is_none() => {
                let key = encryption.kms_key.clone().filter(|_| algorithm.starts_with("aws:kms"));
                (Some(ServerSideEncryption::from(algorithm.as_str())), key)
            }
            _ => (None, None),
        }
    }

    /// What the server says of an object; `None` if it is not there.
    async fn head(&self, key: &str) -> Result<Option<HeadObjectOutput>, StoreError> {
        let (algorithm, customer_key, key_md5) = self.customer_key();
        let request = self.client.head_object().bucket(self.bucket()).key(key);
        let request = request.set_sse_customer_algorithm(algorithm).set_sse_customer_key(customer_key);
        match request.set_sse_customer_key_md5(key_md5).send().await {
            Ok(head) => Ok(Some(head)),
            Err(error) if error.raw_response().is_some_and(|response| response.status().as_u16() == 404) => Ok(None),
            Err(error) => Err(explain(error)),
        }
    }

    fn digest(&self, body: &[u8]) -> Option<String> {
        self.access.send_digest.then(|| BASE64.encode(Md5::digest(body)))
    }
}

fn key_md5(key: &str) -> Result<String> {
    let wrong =
        || ConnectError::config("Invalid value [hidden] for configuration s3.sse.customer.key: it is no base64");
    let key = BASE64.decode(key).map_err(|_| wrong())?;
    Ok(BASE64.encode(Md5::digest(key)))
}

fn http_client(access: &Access) -> Result<aws_smithy_runtime_api::client::http::SharedHttpClient> {
    let proxy = match &access.proxy {
        None => ProxyConfig::from_env(),
        Some((url, user, password)) => {
            let wrong = |error| ConnectError::config(format!("Invalid value for configuration s3.proxy.url: {error}"));
            let proxy = ProxyConfig::all(url).map_err(wrong)?;
            if user.is_empty() { proxy } else { proxy.with_basic_auth(user, password) }
        }
    };
    let provider = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
    Ok(aws_smithy_http_client::Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = Connector::builder().proxy_config(proxy.clone());
        connector.set_connector_settings(settings.cloned());
        if let Some(components) = components {
            connector.set_sleep_impl(components.sleep_impl());
        }
        connector.tls_provider(provider.clone()).build()
    }))
}

/// What a failed request means.
fn explain<E>(error: SdkError<E>) -> StoreError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let status = error.raw_response().map(|response| response.status().as_u16());
    let code = error.as_service_error().and_then(|error| error.code()).unwrap_or_default().to_owned();
    let message = error.as_service_error().and_then(|error| error.message()).unwrap_or_default().to_owned();
    let text = match (status, code.as_str()) {
        (Some(status), "") => format!("the server answered {status}"),
        (Some(status), code) => format!("the server answered {status} {code}: {message}"),
        // The chain of causes, of which the first alone says nothing.
        (None, _) => DisplayErrorContext(&error).to_string(),
    };
    if code == "NoSuchUpload" {
        return StoreError::NoSuchUpload(text);
    }
    let is_lasting = match (&error, status) {
        (SdkError::ConstructionFailure(_), _) => true,
        (_, Some(status)) => (400..500).contains(&status) && !matches!(status, 408 | 409 | 429) && !is_passing(&code),
        _ => false,
    };
    if is_lasting { StoreError::Refused(text) } else { StoreError::Transient(text) }
}

/// Codes of the 400s that say to try again.
fn is_passing(code: &str) -> bool {
    matches!(code, "RequestTimeout" | "SlowDown" | "RequestTimeTooSkewed" | "OperationAborted" | "InternalError")
}

#[async_trait]
impl Store for Bucket {
    fn url(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.bucket())
    }

    async fn check(&self) -> Result<(), StoreError> {
        match self.client.head_bucket().bucket(self.bucket()).send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.raw_response().map(|response| response.status().as_u16()) {
                Some(404) => Err(StoreError::Refused(format!("Non-existent S3 bucket: {}", self.bucket()))),
                // It is there, though not for this request: what may be done shows when objects are written.
                Some(301 | 403) => Ok(()),
                _ => Err(explain(error)),
            },
        }
    }

    async fn put(&self, key: &str, body: Bytes) -> Result<(), StoreError> {
        let (algorithm, customer_key, key_md5) = self.customer_key();
        let (encryption, kms_key) = self.encryption();
        let request = self.client.put_object().bucket(self.bucket()).key(key).set_acl(self.acl());
        let request = request.set_server_side_encryption(encryption).set_ssekms_key_id(kms_key);
        let request = request.set_sse_customer_algorithm(algorithm).set_sse_customer_key(customer_key);
        let request = request.set_sse_customer_key_md5(key_md5).set_content_md5(self.digest(&body));
        request.body(ByteStream::from(body)).send().await.map_err(explain)?;
        Ok(())
    }

    async fn begin(&self, key: &str) -> Result<String, StoreError> {
        let (algorithm, customer_key, key_md5) = self.customer_key();
        let (encryption, kms_key) = self.encryption();
        let request = self.client.create_multipart_upload().bucket(self.bucket()).key(key).set_acl(self.acl());
        let request = request.set_server_side_encryption(encryption).set_ssekms_key_id(kms_key);
        let request = request.set_sse_customer_algorithm(algorithm).set_sse_customer_key(customer_key);
        let begun = request.set_sse_customer_key_md5(key_md5).send().await.map_err(explain)?;
        let none = || StoreError::Transient("the server named no multipart upload".to_owned());
        begun.upload_id.ok_or_else(none)
    }

    async fn part(&self, key: &str, upload: &str, number: i32, body: Bytes) -> Result<String, StoreError> {
        let (algorithm, customer_key, key_md5) = self.customer_key();
        let request = self.client.upload_part().bucket(self.bucket()).key(key).upload_id(upload).part_number(number);
        let request = request.set_sse_customer_algorithm(algorithm).set_sse_customer_key(customer_key);
        let request = request.set_sse_customer_key_md5(key_md5).set_content_md5(self.digest(&body));
        let done = request.body(ByteStream::from(body)).send().await.map_err(explain)?;
        done.e_tag.ok_or_else(|| StoreError::Transient("the server gave a part no entity tag".to_owned()))
    }

    async fn complete(&self, key: &str, upload: &str, parts: &[String]) -> Result<(), StoreError> {
        let parts = parts.iter().zip(1..);
        let parts = parts.map(|(tag, number)| CompletedPart::builder().part_number(number).e_tag(tag).build());
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts.collect())).build();
        let request = self.client.complete_multipart_upload().bucket(self.bucket()).key(key).upload_id(upload);
        request.multipart_upload(parts).send().await.map_err(explain)?;
        Ok(())
    }

    async fn abort(&self, key: &str, upload: &str) -> Result<(), StoreError> {
        let request = self.client.abort_multipart_upload().bucket(self.bucket()).key(key).upload_id(upload);
        request.send().await.map_err(explain)?;
        Ok(())
    }

    async fn size(&self, key: &str) -> Result<Option<u64>, StoreError> {
        let head = self.head(key).await?;
        Ok(head.and_then(|head| head.content_length).and_then(|length| u64::try_from(length).ok()))
    }

    async fn tag(&self, key: &str, tags: &[(String, String)]) -> Result<(), StoreError> {
        let mut tagging = Tagging::builder();
        for (key, value) in tags {
            let tag = Tag::builder().key(key).value(value).build();
            tagging = tagging.tag_set(tag.map_err(|error| StoreError::Refused(error.to_string()))?);
        }
        let tagging = tagging.build().map_err(|error| StoreError::Refused(error.to_string()))?;
        self.client
            .put_object_tagging()
            .bucket(self.bucket())
            .key(key)
            .tagging(tagging)
            .send()
            .await
            .map_err(explain)?;
        Ok(())
    }

    async fn unfinished(&self, prefix: &str) -> Result<Vec<Unfinished>, StoreError> {
        // A page holds a thousand; more than that is left to the next start.
        let request = self.client.list_multipart_uploads().bucket(self.bucket()).prefix(prefix);
        let page = request.send().await.map_err(explain)?;
        let uploads = page.uploads.unwrap_or_default().into_iter();
        Ok(uploads.filter_map(|one| Some(Unfinished { key: one.key?, upload: one.upload_id? })).collect())
    }
}
