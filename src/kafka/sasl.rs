//! Logging in: `sasl.mechanism` and `sasl.jaas.config`.

use longshore_api::{ConnectError, Result};

use super::settings::{Given, Native};

const OAUTH: &str = "OAUTHBEARER is not supported; use PLAIN or SCRAM over SASL_SSL, or TLS client certificates";
const KERBEROS: &str = "GSSAPI (Kerberos) is not in this build; use PLAIN, SCRAM or TLS client certificates";

pub(super) fn mechanism(given: &Given<'_>, native: &mut Native) -> Result<()> {
    let mechanism = given.value.trim().to_ascii_uppercase();
    match mechanism.as_str() {
        "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512" => native.set("sasl.mechanism", mechanism, given.key),
        "OAUTHBEARER" => return Err(given.invalid(OAUTH)),
        // Java's default, set by many who do not use SASL; only a connection that needs it is refused.
        "GSSAPI" if !uses_sasl(given) => {}
        "GSSAPI" => return Err(given.invalid(KERBEROS)),
        _ => return Err(given.invalid("PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512 are supported")),
    }
    Ok(())
}

fn uses_sasl(given: &Given<'_>) -> bool {
    given.all.get("security.protocol").is_some_and(|protocol| protocol.trim().to_ascii_uppercase().starts_with("SASL"))
}

pub(super) fn jaas_config(given: &Given<'_>, native: &mut Native) -> Result<()> {
    let login = Login::parse(given.value).map_err(|why| refuse(given.key, &why))?;
    match login.module.rsplit('.').next().unwrap_or_default() {
        "PlainLoginModule" | "ScramLoginModule" => {
            let username = login.option("username").ok_or_else(|| refuse(given.key, "username is missing"))?;
            let password = login.option("password").ok_or_else(|| refuse(given.key, "password is missing"))?;
            native.set("sasl.username", username, given.key);
            native.set("sasl.password", password, given.key);
            Ok(())
        }
        "OAuthBearerLoginModule" => Err(refuse(given.key, OAUTH)),
        "Krb5LoginModule" => Err(refuse(given.key, KERBEROS)),
        module => Err(refuse(given.key, &format!("the login module {module} is a Java class and cannot be loaded"))),
    }
}

/// The value is never shown: it holds a password.
fn refuse(key: &str, why: &str) -> ConnectError {
    ConnectError::config(format!("Invalid value [hidden] for configuration {key}: {why}"))
}

/// One entry of a JAAS configuration: `module flag key="value" …;`.
#[derive(PartialEq)]
pub(super) struct Login {
    module: String,
    options: Vec<(String, String)>,
}

impl Login {
    fn option(&self, name: &str) -> Option<&str> {
        self.options.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Reads an entry; errors say what is missing without showing a value.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut tokens = tokens(text)?.into_iter();
        let module = match tokens.next() {
            Some(Token::Word(module)) => module,
            _ => return Err("the login module is missing".to_owned()),
        };
        match tokens.next() {
            Some(Token::Word(flag)) if is_control_flag(&flag) => {}
            _ => return Err("the control flag (required, requisite, sufficient, optional) is missing".to_owned()),
        }
        let mut options = Vec::new();
        loop {
            let key = match tokens.next() {
                Some(Token::Word(key)) => key,
                Some(Token::End) => break,
                Some(Token::Equals) => return Err("an option has no name".to_owned()),
                None => return Err("the closing ; is missing".to_owned()),
            };
            match (tokens.next(), tokens.next()) {
                (Some(Token::Equals), Some(Token::Word(value))) => options.push((key, value)),
                _ => return Err("an option has no =value".to_owned()),
            }
        }
        match tokens.next() {
            None => Ok(Self { module, options }),
            Some(_) => Err("there is more than one login module".to_owned()),
        }
    }
}

fn is_control_flag(word: &str) -> bool {
    ["required", "requisite", "sufficient", "optional"].iter().any(|flag| word.eq_ignore_ascii_case(flag))
}

enum Token {
    Word(String),
    Equals,
    End,
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(&char) = chars.peek() {
        match char {
            _ if char.is_whitespace() => drop(chars.next()),
            '=' => {
                chars.next();
                tokens.push(Token::Equals);
            }
            ';' => {
                chars.next();
                tokens.push(Token::End);
            }
            '"' | '\'' => {
                chars.next();
                tokens.push(Token::Word(quoted(&mut chars, char)?));
            }
            _ => {
                let mut word = String::new();
                while let Some(char) = chars.next_if(|char| !char.is_whitespace() && !"=;\"".contains(*char)) {
                    word.push(char);
                }
                tokens.push(Token::Word(word));
            }
        }
    }
    Ok(tokens)
}

/// The rest of a quoted string; a backslash takes the next character as it is.
fn quoted(chars: &mut impl Iterator<Item = char>, quote: char) -> Result<String, String> {
    let mut text = String::new();
    while let Some(char) = chars.next() {
        match char {
            '\\' => text.extend(chars.next()),
            _ if char == quote => return Ok(text),
            _ => text.push(char),
        }
    }
    Err("a quoted value is not closed".to_owned())
}
