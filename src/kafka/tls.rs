//! Keys and certificates: Java's stores as the native client takes them.

use longshore_api::{ConnectError, Result};
use longshore_tls::{Stores, to_pem};

use super::settings::{Given, Native};

/// Whether a store is PEM; the native client reads those itself, in more forms than Java does.
fn is_pem(given: &Given<'_>, type_key: &str) -> bool {
    let by_name = || {
        let ending = given.value.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
        matches!(ending.as_str(), "pem" | "crt" | "cer")
    };
    match given.all.get(type_key).map(|name| name.trim()) {
        None | Some("") => by_name(),
        Some(name) => name.eq_ignore_ascii_case("PEM"),
    }
}

/// Where Java's trust store is, or PEM.
pub(super) fn truststore(given: &Given<'_>, native: &mut Native) -> Result<()> {
    if is_pem(given, "ssl.truststore.type") {
        native.set("ssl.ca.location", given.value, given.key);
        return Ok(());
    }
    trusted(given, native)
}

/// Where Java's key store is, or PEM, which holds the key and the chain in one file.
pub(super) fn keystore(given: &Given<'_>, native: &mut Native) -> Result<()> {
    if is_pem(given, "ssl.keystore.type") {
        native.set("ssl.key.location", given.value, given.key);
        native.set("ssl.certificate.location", given.value, given.key);
        if let Some(password) = given.all.get("ssl.key.password").or(given.all.get("ssl.keystore.password")) {
            native.set("ssl.key.password", password, "ssl.key.password");
        }
        return Ok(());
    }
    key(given, native)
}

/// Certificates in PEM as they stand.
pub(super) fn trusted(given: &Given<'_>, native: &mut Native) -> Result<()> {
    if let Some(trusted) = Stores::new(given.all, "").trusted()? {
        native.set("ssl.ca.pem", to_pem(&trusted), given.key);
    }
    Ok(())
}

/// A key in PEM as it stands, with its chain.
pub(super) fn key(given: &Given<'_>, native: &mut Native) -> Result<()> {
    if let Some(identity) = Stores::new(given.all, "").identity()? {
        native.set("ssl.key.pem", identity.key_pem(), given.key);
        native.set("ssl.certificate.pem", identity.chain_pem(), given.key);
    }
    Ok(())
}

/// Empty switches the check of host names off, as in Java.
pub(super) fn host_names(given: &Given<'_>, native: &mut Native) -> Result<()> {
    let algorithm = match given.value.trim().to_ascii_lowercase().as_str() {
        "" => "none",
        "https" => "https",
        _ => return Err(given.invalid("https, or empty for no check")),
    };
    native.set(given.key, algorithm, given.key);
    Ok(())
}

/// The cipher suites of TLS 1.2 by the native client's names; it has no choice among those of TLS 1.3.
pub(super) fn cipher_suites(given: &Given<'_>, native: &mut Native) -> Result<()> {
    let asked = given.value.split(',').map(str::trim).filter(|name| !name.is_empty());
    let mut suites = Vec::new();
    for name in asked.filter(|name| name.contains("_WITH_")) {
        suites.push(openssl_name(name).ok_or_else(|| unknown_suite(given, name))?);
    }
    if !suites.is_empty() {
        native.set("ssl.cipher.suites", suites.join(":"), given.key);
    }
    Ok(())
}

fn unknown_suite(given: &Given<'_>, name: &str) -> ConnectError {
    given.invalid(&format!("{name} is not supported; suites with ECDHE or DHE and AES-GCM or ChaCha20 are"))
}

/// `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256` is `ECDHE-RSA-AES128-GCM-SHA256` in OpenSSL.
fn openssl_name(name: &str) -> Option<String> {
    let (exchange, cipher) = name.strip_prefix("TLS_")?.split_once("_WITH_")?;
    let exchange = match exchange {
        "ECDHE_RSA" | "ECDHE_ECDSA" | "DHE_RSA" => exchange.replace('_', "-"),
        _ => return None,
    };
    let cipher = match cipher {
        "AES_128_GCM_SHA256" => "AES128-GCM-SHA256",
        "AES_256_GCM_SHA384" => "AES256-GCM-SHA384",
        "CHACHA20_POLY1305_SHA256" => "CHACHA20-POLY1305",
        _ => return None,
    };
    Some(format!("{exchange}-{cipher}"))
}
