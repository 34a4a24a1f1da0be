//! Bearer tokens by OAuth's client credentials (RFC 6749, section 4.4).

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use longshore_api::config::ParsedConfig;
use longshore_api::{ConnectError, Result};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value as Json;
use ureq::Agent;

use super::auth::basic_header;
use super::error::RegistryError;
use super::http::failure;

/// The most that a token's answer may have.
const MAX_ANSWER: u64 = 1 << 20;
/// How long a token is used whose answer does not say when it ends.
const UNSAID: Duration = Duration::from_secs(300);

/// Where tokens come from, and the one that holds.
pub(super) struct Tokens {
    endpoint: String,
    /// The value of `Authorization` for the endpoint.
    client: String,
    form: String,
    /// How long before its end a token is replaced.
    buffer: Duration,
    current: Mutex<Option<Token>>,
}

struct Token {
    header: String,
    until: Instant,
}

impl Tokens {
    /// What the keys say.
    ///
    /// # Errors
    /// Kind Config, for what is missing.
    pub(super) fn new(config: &ParsedConfig) -> Result<Self> {
        let needed = |key: &str| match config.string(key) {
            "" => Err(ConnectError::config(format!(
                "{key} must be provided when bearer.auth.credentials.source is set to OAUTHBEARER"
            ))),
            value => Ok(value),
        };
        let client = format!("{}:{}", needed("bearer.auth.client.id")?, needed("bearer.auth.client.secret")?);
        let mut form = "grant_type=client_credentials".to_owned();
        if let Some(scope) = config.text("bearer.auth.scope").filter(|scope| !scope.is_empty()) {
            form.push_str(&format!("&scope={}", utf8_percent_encode(scope, NON_ALPHANUMERIC)));
        }
        let seconds = u64::try_from(config.integer("bearer.auth.cache.expiry.buffer.seconds")).unwrap_or(0);
        Ok(Self {
            endpoint: needed("bearer.auth.issuer.endpoint.url")?.to_owned(),
            client: basic_header(&client),
            form,
            buffer: Duration::from_secs(seconds),
            current: Mutex::new(None),
        })
    }

    /// The value of `Authorization` for the registry; a new token is fetched if there is none that holds.
    pub(super) fn header(&self, agent: &Agent) -> Result<String, RegistryError> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(token) = current.as_ref().filter(|token| Instant::now() < token.until) {
            return Ok(token.header.clone());
        }
        let token = self.fetch(agent)?;
        Ok(current.insert(token).header.clone())
    }

    fn fetch(&self, agent: &Agent) -> Result<Token, RegistryError> {
        let request = agent
            .post(&self.endpoint)
            .header("Authorization", &self.client)
            .header("Accept", "application/json")
            .content_type("application/x-www-form-urlencoded");
        let mut answer = request.send(&self.form).map_err(|error| failure(&error))?;
        let status = answer.status().as_u16();
        let text = answer.body_mut().with_config().limit(MAX_ANSWER).read_to_vec().map_err(|error| failure(&error))?;
        match status {
            200..=299 => {}
            408 | 429 | 500..=599 => {
                return Err(RegistryError::Unavailable(format!("the token endpoint answers HTTP status {status}")));
            }
            _ => return Err(RegistryError::Settings(format!("the token endpoint answers HTTP status {status}"))),
        }
        let answer: Json = serde_json::from_slice(&text).unwrap_or_default();
        let Some(token) = answer["access_token"].as_str() else {
            return Err(RegistryError::Settings("the token endpoint's answer has no \"access_token\"".to_owned()));
        };
        let lasts = answer["expires_in"].as_u64().map_or(UNSAID, Duration::from_secs);
        // A token that lasts no longer than the buffer is used once.
        let until = Instant::now() + lasts.saturating_sub(self.buffer).min(Duration::from_secs(86_400));
        Ok(Token { header: format!("Bearer {token}"), until })
    }
}
