//! Keys and certificates, out of Java's stores and out of PEM.
//!
//! Kafka's clients, Connect's REST API and connectors take TLS settings as Java does: a store of keys
//! (`ssl.keystore.*`) and a store of certificates that are trusted (`ssl.truststore.*`), in the formats JKS, PKCS12 and
//! PEM. TLS libraries here want DER or PEM. [`Stores`] reads the settings, [`Identity`] and [`Certificate`] are what
//! comes of them.
//!
//! No message shows a password or a part of a key.

mod der;
#[cfg(feature = "ureq")]
pub mod http;
mod jks;
mod pem;
mod pkcs12;
mod store;
#[cfg(test)]
mod tests;

use std::fmt;

pub use store::{Store, Stores};

/// An X.509 certificate in DER.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate(pub Vec<u8>);

impl Certificate {
    /// The certificate in PEM.
    pub fn to_pem(&self) -> String {
        pem::write("CERTIFICATE", &self.0)
    }
}

/// Certificates in PEM, one after the other.
pub fn to_pem(certificates: &[Certificate]) -> String {
    certificates.iter().map(Certificate::to_pem).collect()
}

/// A private key and the certificates that belong to it.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    /// The private key, PKCS#8 in DER, not encrypted.
    pub key: Vec<u8>,
    /// Its own certificate first.
    pub chain: Vec<Certificate>,
}

impl Identity {
    /// The private key in PEM, not encrypted.
    pub fn key_pem(&self) -> String {
        pem::write("PRIVATE KEY", &self.key)
    }

    /// The certificates in PEM.
    pub fn chain_pem(&self) -> String {
        to_pem(&self.chain)
    }
}

/// Without the key.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("certificates", &self.chain.len()).finish_non_exhaustive()
    }
}

/// What a store holds.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Contents {
    identities: Vec<Identity>,
    trusted: Vec<Certificate>,
}

/// Why a store cannot be used.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum StoreError {
    #[error("{path} cannot be read: {error}")]
    File { path: String, error: std::io::Error },
    #[error("it is larger than {0} bytes")]
    TooLarge(u64),
    #[error("the store type {0} is not supported; JKS, PKCS12 and PEM are")]
    Type(String),
    #[error("it is not a {0} store")]
    Format(&'static str),
    #[error("the {0} store is damaged")]
    Damaged(&'static str),
    #[error("the password is wrong, or the store was changed")]
    Password,
    #[error("the password of the private key is wrong")]
    KeyPassword,
    #[error("the private key is encrypted and needs a password")]
    NoKeyPassword,
    #[error("it holds no private key")]
    NoKey,
    #[error("it holds no certificate of the private key")]
    NoChain,
    #[error("it holds no certificate")]
    NoCertificate,
    #[error("{0} is not supported; write the key as PKCS#8 (openssl pkcs8 -topk8)")]
    KeyFormat(&'static str),
}
