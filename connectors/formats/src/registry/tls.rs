//! TLS to the registry.

use longshore_api::config::ParsedConfig;
use longshore_api::{ConnectError, Props, Result};
use longshore_tls::Stores;
use longshore_tls::http::{Trust, tls};
use ureq::tls::TlsConfig;

use super::keys::{PREFIX, tls_keys};

/// What the keys `ssl.*` say. Without a truststore the public certificate authorities are trusted. `props` are those
/// of the converter: messages name the keys as they stand there.
///
/// # Errors
/// Kind Config, for stores that cannot be read and forms that are not known.
pub(super) fn config(config: &ParsedConfig, props: &Props) -> Result<TlsConfig> {
    if !config.string("ssl.endpoint.identification.algorithm").eq_ignore_ascii_case("https") {
        return Err(ConnectError::config(
            "ssl.endpoint.identification.algorithm: the name of the registry's host is always checked; only https is \
             supported",
        ));
    }
    let set = tls_keys().into_iter().filter_map(|key| {
        let value = config.text(&key.name)?.to_owned();
        Some((key.name.into_owned(), value))
    });
    let set: Props = set.collect();
    let is_prefixed = props.keys().any(|key| key.strip_prefix(PREFIX).is_some_and(|key| key.starts_with("ssl.")));
    let stores = Stores::new(&set, if is_prefixed { PREFIX } else { "" });
    tls(&stores, Trust::Certified)
}
