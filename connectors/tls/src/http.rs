//! TLS for the HTTP client that the worker and its connectors share.

use longshore_api::{ConnectError, Result};
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

use super::Stores;

/// Which servers are spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Those that show a certificate of the trust store, or, without one, of a public authority.
    Certified,
    /// Any: who listens there is known already and nothing secret is said, or the user wants it so.
    Anybody,
}

/// TLS by Java's settings.
///
/// # Errors
/// A configuration error that names the key and shows no secret.
pub fn tls(stores: &Stores<'_>, trust: Trust) -> Result<TlsConfig> {
    let mut tls = TlsConfig::builder().disable_verification(trust == Trust::Anybody);
    if let Some(trusted) = stores.trusted()? {
        tls = tls.root_certs(RootCerts::from(owned(&trusted)));
    }
    if let Some(identity) = stores.identity()? {
        let key = PrivateKey::from_pem(identity.key_pem().as_bytes());
        let key = key.map_err(|_| ConnectError::config("the private key cannot be used for TLS"))?;
        tls = tls.client_cert(Some(ClientCert::new_with_certs(&owned(&identity.chain), key)));
    }
    Ok(tls.build())
}

fn owned(certificates: &[super::Certificate]) -> Vec<Certificate<'static>> {
    certificates.iter().map(|certificate| Certificate::from_der(&certificate.0).to_owned()).collect()
}
