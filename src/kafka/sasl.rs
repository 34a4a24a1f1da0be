//! Logging in: `sasl.mechanism` and `sasl.jaas.config`.

use longshore_api::{ConnectError, Result};

use super::oauth;
use super::settings::{Given, Native};
use crate::config::jaas::Login;

const KERBEROS: &str =
    "GSSAPI (Kerberos) is not in this build; use PLAIN, SCRAM, OAUTHBEARER or TLS client certificates";

pub(super) fn mechanism(given: &Given<'_>, native: &mut Native) -> Result<()> {
    let mechanism = given.value.trim().to_ascii_uppercase();
    match mechanism.as_str() {
        "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512" | oauth::MECHANISM => {
            native.set("sasl.mechanism", mechanism, given.key)
        }
        // Java's default, set by many who do not use SASL; only a connection that needs it is refused.
        "GSSAPI" if !uses_sasl(given) => {}
        "GSSAPI" => return Err(given.invalid(KERBEROS)),
        _ => return Err(given.invalid("PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 and OAUTHBEARER are supported")),
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
        // `oauth` reads it, with the keys beside it.
        "OAuthBearerLoginModule" if mechanism_is_oauth(given) => Ok(()),
        "OAuthBearerLoginModule" => Err(refuse(given.key, "OAuthBearerLoginModule needs sasl.mechanism OAUTHBEARER")),
        "Krb5LoginModule" => Err(refuse(given.key, KERBEROS)),
        module => Err(refuse(given.key, &format!("the login module {module} is a Java class and cannot be loaded"))),
    }
}

fn mechanism_is_oauth(given: &Given<'_>) -> bool {
    given.all.get("sasl.mechanism").is_some_and(|mechanism| mechanism.trim().eq_ignore_ascii_case(oauth::MECHANISM))
}

/// The value is never shown: it holds a password.
fn refuse(key: &str, why: &str) -> ConnectError {
    ConnectError::config(format!("Invalid value [hidden] for configuration {key}: {why}"))
}

/// Of Java's classes those two are built in that get tokens for OAUTHBEARER.
pub(super) fn login_handler(given: &Given<'_>, _: &mut Native) -> Result<()> {
    match given.value.trim().rsplit('.').next().unwrap_or_default() {
        "" | "OAuthBearerLoginCallbackHandler" | "OAuthBearerUnsecuredLoginCallbackHandler" => Ok(()),
        _ => Err(given.invalid(
            "logging in through a Java class is not supported; OAuthBearerLoginCallbackHandler and \
             OAuthBearerUnsecuredLoginCallbackHandler are built in",
        )),
    }
}
