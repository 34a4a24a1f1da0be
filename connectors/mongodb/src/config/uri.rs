//! `connection.uri`: its check, and how it is shown without its secrets.

use longshore_api::config::{HIDDEN, ParsedValue, invalid_value};
use mongodb::options::{ConnectionString, HostInfo};

/// The key.
pub(crate) const KEY: &str = "connection.uri";

/// The validator of the key: the text must be a connection string. Its error never shows the text.
///
/// # Errors
/// In Connect's words.
pub(crate) fn check(name: &str, value: &ParsedValue) -> Result<(), String> {
    let ParsedValue::Password(uri) = value else { return Ok(()) };
    parse(uri).map(drop).map_err(|why| invalid_value(name, Some(HIDDEN), &why))
}

/// Parses a connection string without any look-up.
///
/// # Errors
/// What is wrong, without the string's secrets.
pub(crate) fn parse(uri: &str) -> Result<ConnectionString, String> {
    let uri = uri.trim();
    if let Some(user_info) = user_info(uri)
        && (user_info.matches(':').count() > 1 || user_info.contains('@'))
    {
        return Err("The connection string contains invalid user information. If the username or password contains a \
                    colon (:) or an at-sign (@) then it must be urlencoded"
            .to_owned());
    }
    if let Some(why) = unsupported_login(uri) {
        return Err(why.to_owned());
    }
    ConnectionString::parse(supported(uri)).map_err(|error| hide_secrets(&error.kind.to_string(), uri))
}

/// Why the login that a connection string asks for cannot be had.
fn unsupported_login(uri: &str) -> Option<&'static str> {
    let mut options = options(uri).filter_map(|option| option.split_once('='));
    let (_, mechanism) = options.find(|(name, _)| name.eq_ignore_ascii_case("authMechanism"))?;
    match mechanism {
        "MONGODB-AWS" => Some("authMechanism=MONGODB-AWS is not supported by Longshore: AWS's client is not built in"),
        "GSSAPI" => Some("authMechanism=GSSAPI is not supported by Longshore: Kerberos is not built in"),
        _ => None,
    }
}

/// The options of a connection string. Java's driver takes semicolons between them, too, and none for nothing.
fn options(uri: &str) -> impl Iterator<Item = &str> {
    let options = uri.split_once('?').map_or("", |(_, options)| options);
    options.split(['&', ';']).filter(|option| !option.is_empty())
}

/// The connection string without options that this driver does not know. Java's driver, too, only warns of them; what
/// they would have done is lost (a compression, a relaxed check of names), nothing else.
pub(crate) fn supported(uri: &str) -> String {
    let uri = uri.trim();
    let Some((before, _)) = uri.split_once('?') else { return uri.to_owned() };
    let kept = options(uri).filter(|option| {
        let name = option.split_once('=').map_or(*option, |(name, _)| name);
        let alone = ConnectionString::parse(format!("mongodb://localhost/?{option}"));
        let unknown = alone.is_err_and(|error| {
            // The driver says it in words alone; a test fails when they change.
            error.kind.to_string().contains(" is an invalid option") || name.eq_ignore_ascii_case("compressors")
        });
        if unknown {
            tracing::warn!("connection.uri: the option {name} is not supported and has no effect");
        }
        !unknown
    });
    let kept: Vec<&str> = kept.collect();
    if kept.is_empty() { before.to_owned() } else { format!("{before}?{}", kept.join("&")) }
}

/// The hosts of a connection string, between commas; what messages name instead of the string.
pub(crate) fn hosts(uri: &str) -> String {
    match parse(uri).map(|parsed| parsed.host_info) {
        Ok(HostInfo::HostIdentifiers(hosts)) => hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
        Ok(HostInfo::DnsRecord(record)) => record,
        _ => "unknown host".to_owned(),
    }
}

/// Takes everything that may be a secret of a connection string out of a text that might quote it.
pub(crate) fn hide_secrets(text: &str, uri: &str) -> String {
    let uri = uri.trim();
    let mut hidden = text.replace(uri, HIDDEN);
    let Some(user_info) = user_info(uri) else { return hidden };
    hidden = hidden.replace(user_info, HIDDEN);
    let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
    for secret in [password, user] {
        for form in [secret.to_owned(), percent_decoded(secret)] {
            if !form.is_empty() {
                hidden = hidden.replace(&form, HIDDEN);
            }
        }
    }
    // Options hold secrets, too: the password of a key file, a session token.
    for secret in options(uri).filter_map(secret_option) {
        hidden = hidden.replace(secret, HIDDEN);
    }
    hidden
}

fn secret_option(option: &str) -> Option<&str> {
    let (name, value) = option.split_once('=')?;
    let name = name.to_ascii_lowercase();
    let secret = ["password", "authmechanismproperties", "token"].iter().any(|part| name.contains(part));
    (secret && !value.is_empty()).then_some(value)
}

/// What stands between the scheme and the last `@` before the hosts.
fn user_info(uri: &str) -> Option<&str> {
    let (_, rest) = uri.split_once("://")?;
    // A slash in a password should be encoded; one that is not must not make the password visible.
    let before_options = rest.split_once('?').map_or(rest, |(before, _)| before);
    before_options.rsplit_once('@').map(|(user_info, _)| user_info)
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let code = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match code.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(decoded) if byte == b'%' => {
                bytes.push(decoded);
                rest = tail.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(byte);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
