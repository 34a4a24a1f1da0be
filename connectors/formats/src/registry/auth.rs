//! How the registry is told who asks.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use longshore_api::config::ParsedConfig;
use longshore_api::{ConnectError, Result};

use super::oauth::Tokens;

/// The login of every call.
pub(super) enum Auth {
    /// The one that stands in each URL, if any.
    Url,
    /// The value of the header `Authorization`.
    Fixed(String),
    /// A token that is fetched when it is needed.
    Tokens(Tokens),
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Auth::Url => "Url",
            Auth::Fixed(_) => "Fixed([hidden])",
            Auth::Tokens(_) => "Tokens([hidden])",
        })
    }
}

impl Auth {
    /// What the settings say.
    ///
    /// # Errors
    /// Kind Config, for sources that are unknown, exclude each other, or lack what they need.
    pub(super) fn new(config: &ParsedConfig) -> Result<Self> {
        let basic = config.string("basic.auth.credentials.source");
        let bearer = config.string("bearer.auth.credentials.source");
        match (basic, bearer) {
            ("", "") if !config.string("bearer.auth.token").is_empty() => Self::token(config),
            ("", "") | ("URL", "") => Ok(Auth::Url),
            ("USER_INFO", "") => match config.string("basic.auth.user.info") {
                "" => Err(ConnectError::config(
                    "basic.auth.user.info must be provided when basic.auth.credentials.source is set to USER_INFO",
                )),
                user_info => Ok(Auth::Fixed(basic_header(user_info))),
            },
            ("SASL_INHERIT", "") => sasl_user_info(config).map(|user_info| Auth::Fixed(basic_header(&user_info))),
            ("", "STATIC_TOKEN") => Self::token(config),
            ("", "OAUTHBEARER") => Tokens::new(config).map(Auth::Tokens),
            (_, "") => Err(unknown("basic.auth.credentials.source", basic, "URL, USER_INFO, SASL_INHERIT")),
            ("", _) => Err(unknown("bearer.auth.credentials.source", bearer, "STATIC_TOKEN, OAUTHBEARER")),
            (_, _) => Err(ConnectError::config(
                "Only one of 'basic.auth.credentials.source' and 'bearer.auth.credentials.source' may be specified",
            )),
        }
    }

    fn token(config: &ParsedConfig) -> Result<Self> {
        match config.string("bearer.auth.token") {
            "" => Err(ConnectError::config(
                "bearer.auth.token must be provided when bearer.auth.credentials.source is set to STATIC_TOKEN",
            )),
            token => Ok(Auth::Fixed(format!("Bearer {token}"))),
        }
    }
}

/// The value of the header `Authorization` for `user:password`.
pub(super) fn basic_header(user_info: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(user_info))
}

/// The login of Kafka's clients, from the text of their JAAS configuration.
fn sasl_user_info(config: &ParsedConfig) -> Result<String> {
    let jaas = config.string("sasl.jaas.config");
    match (jaas_option(jaas, "username"), jaas_option(jaas, "password")) {
        (Some(user), Some(password)) => Ok(format!("{user}:{password}")),
        _ => Err(ConnectError::config(
            "sasl.jaas.config must be provided, with a username and a password, when basic.auth.credentials.source \
             is set to SASL_INHERIT",
        )),
    }
}

/// The value of `name="value"`, where a backslash takes the meaning of the character after it.
fn jaas_option(jaas: &str, name: &str) -> Option<String> {
    let mut rest = jaas;
    loop {
        let at = rest.find(name)?;
        let before = rest[..at].chars().next_back();
        rest = &rest[at + name.len()..];
        let value = rest.trim_start().strip_prefix('=').map(str::trim_start);
        let (Some(value), true) = (value, before.is_none_or(char::is_whitespace)) else { continue };
        let Some(quoted) = value.strip_prefix('"') else {
            let end = value.find(|c: char| c.is_whitespace() || c == ';').unwrap_or(value.len());
            return Some(value[..end].to_owned());
        };
        let mut text = String::new();
        let mut characters = quoted.chars();
        loop {
            match characters.next()? {
                '"' => return Some(text),
                '\\' => text.push(characters.next()?),
                other => text.push(other),
            }
        }
    }
}

fn unknown(key: &str, value: &str, known: &str) -> ConnectError {
    ConnectError::config(format!("Invalid value {value} for configuration {key}: must be one of {known}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_read_from_a_jaas_text() {
        let jaas = r#"x.PlainLoginModule required xusername="no" username = "us\"er" password=p;"#;
        assert_eq!(jaas_option(jaas, "username").unwrap(), "us\"er");
        assert_eq!(jaas_option(jaas, "password").unwrap(), "p");
        assert_eq!(jaas_option(jaas, "user"), None);
        assert_eq!(jaas_option("username=\"open", "username"), None);
    }
}
