//! TLS to the registry.

use longshore_api::config::ParsedConfig;
use longshore_api::{ConnectError, Result};
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};

/// What the keys `ssl.*` say. Without a truststore the public certificate authorities are trusted.
///
/// # Errors
/// Kind Config, for files that cannot be read and forms that are not known.
pub(super) fn config(config: &ParsedConfig) -> Result<TlsConfig> {
    if !config.string("ssl.endpoint.identification.algorithm").eq_ignore_ascii_case("https") {
        return Err(ConnectError::config(
            "ssl.endpoint.identification.algorithm: the name of the registry's host is always checked; only https is \
             supported",
        ));
    }
    let mut tls = TlsConfig::builder();
    if let Some(pem) = pem(config, "ssl.truststore", &["certificates"])? {
        let certificates: Vec<Certificate<'static>> = items(&pem, "ssl.truststore")?.0;
        if certificates.is_empty() {
            return Err(ConnectError::config("ssl.truststore: no certificate in it"));
        }
        tls = tls.root_certs(RootCerts::from(certificates));
    }
    if let Some(pem) = pem(config, "ssl.keystore", &["certificate.chain", "key"])? {
        let (chain, key) = items(&pem, "ssl.keystore")?;
        let (Some(key), false) = (key, chain.is_empty()) else {
            return Err(ConnectError::config(
                "ssl.keystore: a certificate chain and a key without a password are needed",
            ));
        };
        tls = tls.client_cert(Some(ClientCert::new_with_certs(&chain, key)));
    }
    Ok(tls.build())
}

/// The PEM text of a store: given inline under `texts`, or in a file.
fn pem(config: &ParsedConfig, store: &str, texts: &[&str]) -> Result<Option<String>> {
    let inline: Vec<&str> = texts.iter().filter_map(|text| config.text(&format!("{store}.{text}"))).collect();
    if !inline.is_empty() {
        return Ok(Some(inline.join("\n")));
    }
    let key = format!("{store}.location");
    let Some(path) = config.text(&key).filter(|path| !path.is_empty()) else { return Ok(None) };
    match config.text(&format!("{store}.type")) {
        Some(kind) if kind.eq_ignore_ascii_case("PEM") => {}
        kind => {
            let kind = kind.unwrap_or("JKS");
            return Err(ConnectError::config(format!("{store}.type: {kind} cannot be read for the registry, PEM can")));
        }
    }
    let text = std::fs::read_to_string(path);
    text.map(Some).map_err(|error| ConnectError::config(format!("{key}: {path} cannot be read: {error}")))
}

fn items(pem: &str, store: &str) -> Result<(Vec<Certificate<'static>>, Option<PrivateKey<'static>>)> {
    let (mut certificates, mut key) = (Vec::new(), None);
    for item in parse_pem(pem.as_bytes()) {
        match item.map_err(|error| ConnectError::config(format!("{store}: no PEM: {error}")))? {
            PemItem::Certificate(certificate) => certificates.push(certificate),
            PemItem::PrivateKey(found) => key = Some(found),
            _ => {}
        }
    }
    Ok((certificates, key))
}
