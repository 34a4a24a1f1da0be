//! PKCS#12 (RFC 7292), as keytool and openssl write it.

use p12_keystore::error::Error;
use p12_keystore::{KeyStore, KeyStoreEntry, Pkcs12ImportPolicy};

use super::{Certificate, Contents, Identity, StoreError};

/// The DER of a sequence begins so.
pub(super) fn is(bytes: &[u8]) -> bool {
    bytes.first() == Some(&0x30)
}

pub(super) fn contents(bytes: &[u8], password: Option<&str>) -> Result<Contents, StoreError> {
    if !is(bytes) {
        return Err(StoreError::Format("PKCS12"));
    }
    let store = KeyStore::from_pkcs12(bytes, password.unwrap_or_default(), Pkcs12ImportPolicy::Relaxed);
    let store = store.map_err(|error| match error {
        // A password that is wrong shows as a wrong sum, or as data that are none.
        Error::MacError(_) | Error::UnpadError => StoreError::Password,
        _ => StoreError::Damaged("PKCS12"),
    })?;
    let mut contents = Contents::default();
    for (_, entry) in store.entries() {
        match entry {
            KeyStoreEntry::PrivateKeyChain(chain) => contents.identities.push(Identity {
                key: chain.key().as_der().to_vec(),
                chain: chain.certs().iter().map(|certificate| Certificate(certificate.as_der().to_vec())).collect(),
            }),
            KeyStoreEntry::Certificate(certificate) => {
                contents.trusted.push(Certificate(certificate.as_der().to_vec()))
            }
            KeyStoreEntry::Secret(_) => {}
        }
    }
    Ok(contents)
}
