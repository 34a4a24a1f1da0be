//! Keys and certificates: Java's stores as the native client takes them.

use longshore_api::{ConnectError, Result};

use super::settings::{Given, Native};

/// How a store of keys or certificates is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StoreType {
    Pem,
    Pkcs12,
    Jks,
}

/// The type that is set, or what the file's name says where none is; Java's default is JKS.
fn store_type(given: &Given<'_>, type_key: &'static str) -> Result<StoreType> {
    let by_name = match given.value.rsplit('.').next().map(str::to_ascii_lowercase).as_deref() {
        Some("p12" | "pfx" | "pkcs12") => StoreType::Pkcs12,
        Some("pem" | "crt" | "cer") => StoreType::Pem,
        _ => StoreType::Jks,
    };
    match given.all.get(type_key).map(|name| name.trim().to_ascii_uppercase()).as_deref() {
        None | Some("") => Ok(by_name),
        Some("PEM") => Ok(StoreType::Pem),
        Some("PKCS12") => Ok(StoreType::Pkcs12),
        // Java reads a PKCS12 file under the name of JKS too.
        Some("JKS") if by_name == StoreType::Pkcs12 => Ok(StoreType::Pkcs12),
        Some("JKS") => Ok(StoreType::Jks),
        Some(other) => Err(ConnectError::config(longshore_api::config::invalid_value(
            type_key,
            Some(other),
            "PEM and PKCS12 are supported",
        ))),
    }
}

pub(super) fn truststore(given: &Given<'_>, native: &mut Native) -> Result<()> {
    match store_type(given, "ssl.truststore.type")? {
        StoreType::Pem => native.set("ssl.ca.location", given.value, given.key),
        StoreType::Pkcs12 => {
            return Err(given.invalid(
                "a PKCS12 trust store cannot be read; write its certificates to PEM (openssl pkcs12 -in FILE -nokeys \
                 -out ca.pem) and set ssl.truststore.type=PEM",
            ));
        }
        StoreType::Jks => {
            return Err(given.invalid(
                "a JKS trust store cannot be read; write its certificates to PEM (keytool -exportcert -rfc -keystore \
                 FILE -alias ALIAS -file ca.pem) and set ssl.truststore.type=PEM",
            ));
        }
    }
    Ok(())
}

pub(super) fn keystore(given: &Given<'_>, native: &mut Native) -> Result<()> {
    match store_type(given, "ssl.keystore.type")? {
        // Java's PEM key store holds the key and the chain in one file.
        StoreType::Pem => {
            native.set("ssl.key.location", given.value, given.key);
            native.set("ssl.certificate.location", given.value, given.key);
        }
        StoreType::Pkcs12 => {
            native.set("ssl.keystore.location", given.value, given.key);
            if let Some(password) = given.all.get("ssl.keystore.password") {
                native.set("ssl.keystore.password", password, "ssl.keystore.password");
            }
        }
        StoreType::Jks => {
            return Err(given.invalid(
                "a JKS key store cannot be read; convert it (keytool -importkeystore -srckeystore FILE -destkeystore \
                 client.p12 -deststoretype PKCS12) and set ssl.keystore.type=PKCS12",
            ));
        }
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
