//! Logging in by OAUTHBEARER: a token, fetched before the last one ends, handed to every client that logs in with it.
//!
//! As in Java, clients of the same settings share one login. Each login has a thread, which ends with the last client.
//! The native client would ask for tokens itself, in the queue of its reports; but an admin client's is read by
//! nobody, and a consumer's by the thread that moves records, which must not wait for a token.

mod login;
mod native;
mod schedule;
mod settings;
#[cfg(test)]
mod tests;
mod token;

pub(super) use login::Session;
use longshore_api::{Props, Result};
use rdkafka::client::{Client, ClientContext};
pub(super) use settings::Settings;

/// The mechanism's name.
pub(super) const MECHANISM: &str = "OAUTHBEARER";

/// Keeps a client logged in, if its settings say OAUTHBEARER. The session must end before its client.
///
/// # Errors
/// Configuration errors that name the key and show no secret.
pub(super) fn session<C: ClientContext>(props: &Props, client: &Client<C>) -> Result<Option<Session>> {
    if !uses_oauth(props) {
        return Ok(None);
    }
    Ok(Some(login::of(props)?.attach(native::Handle::of(client))))
}

/// Whether a client with these settings logs in so.
pub(super) fn uses_oauth(props: &Props) -> bool {
    let is = |key: &str, wanted: fn(&str) -> bool| props.get(key).is_some_and(|value| wanted(value.trim()));
    is("sasl.mechanism", |name| name.eq_ignore_ascii_case(MECHANISM))
        && is("security.protocol", |protocol| protocol.to_ascii_uppercase().starts_with("SASL_"))
}
