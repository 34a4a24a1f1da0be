//! TLS of https listeners: rustls on ring, with keys and certificates of Java's stores.

use std::sync::Arc;

use longshore_api::{ConnectError, Result, config::invalid_value};
use longshore_tls::{Certificate, Stores};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoClientAuth, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};

use crate::config::rest::RestTls;

/// Versions by Java's names.
const VERSIONS: [(&str, &SupportedProtocolVersion); 2] =
    [("TLSv1.3", &rustls::version::TLS13), ("TLSv1.2", &rustls::version::TLS12)];

/// What a listener serves TLS with.
///
/// # Errors
/// A configuration error that names the key and shows no secret.
pub(super) fn server_config(tls: &RestTls) -> Result<Arc<ServerConfig>> {
    let stores = Stores::new(&tls.props, tls.prefix);
    let key = format!("{}ssl.keystore.location", tls.prefix);
    let identity = stores.identity()?.ok_or_else(|| {
        ConnectError::config(format!("an https listener needs a key; Missing required configuration \"{key}\""))
    })?;
    let provider = Arc::new(provider(tls)?);
    let trusted = stores.trusted()?;
    // Without a trust store, who has a certificate of the own store's issuers is trusted, as in Jetty.
    let verifier = client_auth(tls, trusted.as_deref().unwrap_or(&identity.chain), &provider)?;
    let chain = identity.chain.into_iter().map(|certificate| CertificateDer::from(certificate.0)).collect();
    let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(identity.key));
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions(tls)?)
        .map_err(|error| refused(tls, "ssl.enabled.protocols", &error.to_string()))?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, private)
        .map_err(|error| refused(tls, "ssl.keystore.location", &error.to_string()))?;
    Ok(Arc::new(config))
}

fn refused(tls: &RestTls, key: &str, why: &str) -> ConnectError {
    let value = tls.props.get(key).map_or("", |value| value.as_str());
    ConnectError::config(invalid_value(&format!("{}{key}", tls.prefix), Some(value), why))
}

/// The items of a list; none if it is not set or empty.
fn list<'a>(tls: &'a RestTls, key: &str) -> Vec<&'a str> {
    let text = tls.props.get(key).map_or("", |text| text.as_str());
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).collect()
}

/// `ssl.enabled.protocols`; what is older than TLS 1.2 is passed over, as it is in Java of today.
fn versions(tls: &RestTls) -> Result<Vec<&'static SupportedProtocolVersion>> {
    const KEY: &str = "ssl.enabled.protocols";
    let asked = list(tls, KEY);
    let versions: Vec<_> = VERSIONS
        .iter()
        .filter(|(name, _)| asked.is_empty() || asked.contains(name))
        .map(|(_, version)| *version)
        .collect();
    match versions.is_empty() {
        true => Err(refused(tls, KEY, "TLSv1.3 and TLSv1.2 are supported")),
        false => Ok(versions),
    }
}

/// The cipher suites that `ssl.cipher.suites` names, by their names of the standard; all without that key.
fn provider(tls: &RestTls) -> Result<CryptoProvider> {
    const KEY: &str = "ssl.cipher.suites";
    let mut provider = ring::default_provider();
    let asked = list(tls, KEY);
    if !asked.is_empty() {
        let name = |suite: &rustls::SupportedCipherSuite| format!("{:?}", suite.suite()).replace("TLS13_", "TLS_");
        provider.cipher_suites.retain(|suite| asked.contains(&name(suite).as_str()));
        if provider.cipher_suites.is_empty() {
            let known: Vec<_> = ring::default_provider().cipher_suites.iter().map(name).collect();
            return Err(refused(tls, KEY, &format!("these are supported: {}", known.join(", "))));
        }
    }
    Ok(provider)
}

/// `ssl.client.auth`: whether clients are asked for a certificate, and whether they must have one.
fn client_auth(
    tls: &RestTls,
    trusted: &[Certificate],
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>> {
    const KEY: &str = "ssl.client.auth";
    let required = match tls.props.get(KEY).map(|value| value.trim()) {
        None | Some("" | "none") => return Ok(Arc::new(NoClientAuth)),
        Some("required") => true,
        Some("requested") => false,
        Some(_) => return Err(refused(tls, KEY, "String must be one of: required, requested, none")),
    };
    let mut roots = RootCertStore::empty();
    for certificate in trusted {
        let added = roots.add(CertificateDer::from(certificate.0.as_slice()));
        added.map_err(|error| refused(tls, "ssl.truststore.location", &error.to_string()))?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    let verifier = if required { verifier } else { verifier.allow_unauthenticated() };
    verifier.build().map_err(|error| refused(tls, "ssl.truststore.location", &error.to_string()))
}
