//! From Java's settings to what the stores hold.

use std::io::Read as _;
use std::path::Path;

use longshore_api::{ConnectError, Props, Result};

use super::{Certificate, Contents, Identity, StoreError, der, jks, pem, pkcs12};

/// The largest store that is read. The trust store of a system has some 150 certificates in 200 kB.
const MAX_BYTES: u64 = 16 << 20;

/// A store in a file.
#[derive(Clone, Copy)]
pub struct Store<'a> {
    /// Where it is.
    pub path: &'a Path,
    /// `JKS`, `PKCS12` or `PEM`, whatever the case. Without it, or if it is JKS or PKCS12, the content decides between
    /// these two, as in Java.
    pub kind: Option<&'a str>,
    /// The store's password.
    pub password: Option<&'a str>,
    /// The private key's password, where it is another one.
    pub key_password: Option<&'a str>,
}

impl Store<'_> {
    /// The private key and its certificates; the first, if there are several.
    ///
    /// # Errors
    /// The store cannot be read, or holds no private key.
    pub fn identity(&self) -> std::result::Result<Identity, StoreError> {
        first_identity(self.read()?)
    }

    /// The certificates that are trusted.
    ///
    /// # Errors
    /// The store cannot be read, or holds no certificate.
    pub fn trusted(&self) -> std::result::Result<Vec<Certificate>, StoreError> {
        some_trusted(self.read()?)
    }

    fn read(&self) -> std::result::Result<Contents, StoreError> {
        let failed = |error| StoreError::File { path: self.path.display().to_string(), error };
        let mut bytes = Vec::new();
        let file = std::fs::File::open(self.path).map_err(failed)?;
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(StoreError::TooLarge(MAX_BYTES));
        }
        self.parse(&bytes)
    }

    fn parse(&self, bytes: &[u8]) -> std::result::Result<Contents, StoreError> {
        let kind = self.kind.map(|kind| kind.trim().to_ascii_uppercase()).filter(|kind| !kind.is_empty());
        match kind.as_deref() {
            Some("PEM") => pem::contents(bytes, self.key_password.or(self.password)),
            Some("JKS" | "PKCS12") | None if jks::is(bytes) => jks::contents(bytes, self.password, self.key_password),
            None if pem::is(bytes) => pem::contents(bytes, self.key_password.or(self.password)),
            Some("JKS") if !pkcs12::is(bytes) => Err(StoreError::Format("JKS")),
            Some("JKS" | "PKCS12") | None => pkcs12::contents(bytes, self.password),
            Some(other) => Err(StoreError::Type(other.to_owned())),
        }
    }
}

fn first_identity(contents: Contents) -> std::result::Result<Identity, StoreError> {
    let mut identity = contents.identities.into_iter().next().ok_or(StoreError::NoKey)?;
    let own = identity.chain.first().ok_or(StoreError::NoChain)?;
    identity.key = der::with_public_key(identity.key, &own.0);
    Ok(identity)
}

/// A trust store's certificates; Java takes the first certificate of a key entry for trusted, too.
fn some_trusted(contents: Contents) -> std::result::Result<Vec<Certificate>, StoreError> {
    let own = contents.identities.into_iter().filter_map(|identity| identity.chain.into_iter().next());
    let trusted: Vec<_> = contents.trusted.into_iter().chain(own).collect();
    if trusted.is_empty() { Err(StoreError::NoCertificate) } else { Ok(trusted) }
}

/// TLS settings by Kafka's names: `ssl.keystore.*`, `ssl.key.password`, `ssl.truststore.*`.
///
/// For settings with a prefix (`schema.registry.`, `listeners.https.`) hand over those with the prefix taken off, and
/// the prefix for the messages.
pub struct Stores<'a> {
    props: &'a Props,
    prefix: &'a str,
}

impl<'a> Stores<'a> {
    /// Settings whose prefix, if any, is taken off; messages put it on again.
    pub fn new(props: &'a Props, prefix: &'a str) -> Self {
        Self { props, prefix }
    }

    /// The own key and certificates: `ssl.keystore.location`, or `ssl.keystore.key` with
    /// `ssl.keystore.certificate.chain`. `None` if neither is set.
    ///
    /// # Errors
    /// A configuration error that names the key and shows no secret.
    pub fn identity(&self) -> Result<Option<Identity>> {
        if let Some(key) = self.get("ssl.keystore.key") {
            let chain = self.get("ssl.keystore.certificate.chain").unwrap_or_default();
            let both = format!("{chain}\n{key}");
            let contents = pem::contents(both.as_bytes(), self.get("ssl.key.password"));
            return contents.and_then(first_identity).map(Some).map_err(|why| self.refuse("ssl.keystore.key", &why));
        }
        let store = self.store("ssl.keystore.");
        store.map(|store| store.identity()).transpose().map_err(|why| self.refuse("ssl.keystore.location", &why))
    }

    /// The certificates that are trusted: `ssl.truststore.location` or `ssl.truststore.certificates`. `None` if
    /// neither is set: then those of the system are meant.
    ///
    /// # Errors
    /// A configuration error that names the key and shows no secret.
    pub fn trusted(&self) -> Result<Option<Vec<Certificate>>> {
        if let Some(certificates) = self.get("ssl.truststore.certificates") {
            let contents = pem::contents(certificates.as_bytes(), None);
            let trusted = contents.and_then(some_trusted).map(Some);
            return trusted.map_err(|why| self.refuse("ssl.truststore.certificates", &why));
        }
        let store = self.store("ssl.truststore.");
        store.map(|store| store.trusted()).transpose().map_err(|why| self.refuse("ssl.truststore.location", &why))
    }

    fn store(&self, kind: &str) -> Option<Store<'a>> {
        Some(Store {
            path: Path::new(self.get(&format!("{kind}location"))?),
            kind: self.get(&format!("{kind}type")),
            password: self.get(&format!("{kind}password")),
            key_password: self.get("ssl.key.password"),
        })
    }

    fn get(&self, key: &str) -> Option<&'a str> {
        self.props.get(key).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// The value is shown only where it is a path.
    fn refuse(&self, key: &str, why: &StoreError) -> ConnectError {
        let shown = if key.ends_with("location") { self.get(key).unwrap_or_default() } else { "[hidden]" };
        let name = format!("{}{key}", self.prefix);
        ConnectError::config(longshore_api::config::invalid_value(&name, Some(shown), &why.to_string()))
    }
}
