//! Tokens: where they come from, and what they say of themselves.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Map, Value as Json, json};
use ureq::Agent;

use super::settings::{Endpoint, Source, Unsecured};

/// The most that an answer or a file with a token may have.
const MAX_BYTES: u64 = 1 << 20;
/// How long a token is used that does not say when it ends.
const UNSAID_MS: i64 = 300_000;
/// Answers that will not change by asking again, as Java has them.
const REFUSALS: [u16; 18] = [400, 401, 402, 403, 404, 405, 406, 407, 409, 410, 411, 412, 413, 414, 415, 301, 302, 505];

/// A token that holds. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) value: String,
    /// Who it stands for.
    pub(super) principal: String,
    /// In milliseconds since the epoch, as the next.
    pub(super) issued: i64,
    pub(super) expires: i64,
}

/// Why there is no token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Asking again may help.
    Away(String),
    /// It will not.
    Refused(String),
}

impl Trouble {
    pub(super) fn text(&self) -> &str {
        match self {
            Trouble::Away(text) | Trouble::Refused(text) => text,
        }
    }
}

impl Source {
    /// A new token; may take as long as the endpoint's time-outs allow.
    pub(super) fn fetch(&self, now: i64) -> Result<Token, Trouble> {
        match self {
            Source::Unsecured(unsecured) => Ok(unsecured.token(now)),
            Source::File { path, subject } => {
                let value = read(path).map_err(|error| {
                    Trouble::Away(format!("the file {} with the token cannot be read: {error}", path.display()))
                })?;
                token(value.trim(), subject, now, None)
            }
            Source::Endpoint(endpoint) => endpoint.fetch(now),
        }
    }
}

fn read(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MAX_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

impl Unsecured {
    /// A token without a signature, as development and tests use it.
    fn token(&self, now: i64) -> Token {
        let expires = now.saturating_add(self.lifetime_ms);
        let mut claims = Map::new();
        claims.insert("iat".to_owned(), json!(now as f64 / 1000.0));
        claims.insert("exp".to_owned(), json!(expires as f64 / 1000.0));
        claims.extend(self.claims.clone());
        let part = |json: String| BASE64_URL_SAFE_NO_PAD.encode(json);
        let value = format!("{}.{}.", part(r#"{"alg":"none"}"#.to_owned()), part(Json::Object(claims).to_string()));
        Token { value, principal: self.principal.clone(), issued: now, expires }
    }
}

impl Endpoint {
    fn fetch(&self, now: i64) -> Result<Token, Trouble> {
        let shown = &self.shown;
        let away = |error: ureq::Error| Trouble::Away(format!("the token endpoint {shown} does not answer: {error}"));
        let (status, body) = self.ask(&self.agent).map_err(away)?;
        let answer: Json = serde_json::from_slice(&body).unwrap_or_default();
        match status {
            200..=299 => {}
            _ => {
                let why = format!("the token endpoint {shown} answers HTTP status {status}{}", code(&answer));
                let refused = REFUSALS.contains(&status);
                return Err(if refused { Trouble::Refused(why) } else { Trouble::Away(why) });
            }
        }
        let value = ["access_token", "id_token"].iter().find_map(|name| answer[*name].as_str());
        let lasts = answer["expires_in"].as_f64().map(|seconds| (seconds * 1000.0) as i64);
        match value.map(str::trim) {
            Some(value) if !value.is_empty() => token(value, &self.subject, now, lasts),
            _ => Err(Trouble::Refused(format!("the answer of the token endpoint {shown} has no access_token"))),
        }
    }

    fn ask(&self, agent: &Agent) -> Result<(u16, Vec<u8>), ureq::Error> {
        let request = agent
            .post(&self.url)
            .header("Authorization", &self.authorization)
            .header("Accept", "application/json")
            .content_type("application/x-www-form-urlencoded");
        let mut answer = request.send(&self.form)?;
        let body = answer.body_mut().with_config().limit(MAX_BYTES).read_to_vec()?;
        Ok((answer.status().as_u16(), body))
    }
}

/// OAuth's own word for a refusal (RFC 6749, 5.2), if there is one.
fn code(answer: &Json) -> String {
    let word = |text: &&str| text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    answer["error"].as_str().filter(word).map_or_else(String::new, |code| format!(" ({code})"))
}

/// A token that came from elsewhere. A JWT says when it ends and whom it stands for; of another one the answer may.
fn token(value: &str, subject: &str, now: i64, lasts: Option<i64>) -> Result<Token, Trouble> {
    let claims = claims(value).unwrap_or_default();
    let time = |name: &str| claims[name].as_f64().map(|seconds| (seconds * 1000.0) as i64);
    let expires = time("exp").unwrap_or_else(|| now.saturating_add(lasts.unwrap_or(UNSAID_MS)));
    if expires <= now {
        return Err(Trouble::Refused("the token has ended already".to_owned()));
    }
    // Java sends the token as it stands, but not one that could break out of its place in the request.
    if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Trouble::Refused("the token holds characters that no token has".to_owned()));
    }
    let principal = claims[subject].as_str().unwrap_or_default().to_owned();
    let issued = time("iat").unwrap_or(now).min(now);
    Ok(Token { value: value.to_owned(), principal, issued, expires })
}

/// The claims of a JWT, which nobody but the broker checks.
fn claims(value: &str) -> Option<Json> {
    let mut parts = value.split('.');
    let (_, claims, _) = (parts.next()?, parts.next()?, parts.next()?);
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?).ok()
}
