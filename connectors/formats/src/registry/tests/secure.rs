//! A registry behind HTTPS, that may want to know its clients: stores as Java's tools and openssl write them.

use std::path::Path;
use std::sync::Arc;

use longshore_tls::{Identity, Store};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

use super::*;

/// The stores of the crate that reads them: one key, and its certificate for localhost.
fn store(name: &str) -> String {
    format!("{}/../tls/tests/stores/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn identity() -> Identity {
    let path = store("key.p12");
    Store { path: Path::new(&path), kind: None, password: Some("secret"), key_password: None }.identity().unwrap()
}

/// Serves with that key, and lets in who has it too.
fn mutual_tls() -> ServerConfig {
    let Identity { key, chain } = identity();
    let chain: Vec<_> = chain.into_iter().map(|certificate| CertificateDer::from(certificate.0)).collect();
    let provider = Arc::new(ring::default_provider());
    let mut trusted = RootCertStore::empty();
    trusted.add(chain[0].clone()).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(trusted), Arc::clone(&provider));
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_client_cert_verifier(verifier.build().unwrap());
    config.with_single_cert(chain, PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key))).unwrap()
}

async fn outcome(url: &str, settings: &[(&str, &str)]) -> Result<String> {
    let schemas = try_schemas(false, &[&[("schema.registry.url", url)], settings].concat())?;
    read(&schemas, &mut batch("t", &[framed(1, "a")])).await.remove(0)
}

#[tokio::test]
async fn stores_of_every_form_say_who_the_client_is_and_whom_it_trusts() {
    let registry = Fake::secure(mutual_tls(), two_schemas);
    let pem = tempfile::tempdir().unwrap();
    let (own, trusted) = (pem.path().join("own.pem"), pem.path().join("trusted.pem"));
    std::fs::write(&own, identity().key_pem() + &identity().chain_pem()).unwrap();
    std::fs::write(&trusted, identity().chain_pem()).unwrap();
    let (own, trusted) = (own.to_str().unwrap(), trusted.to_str().unwrap());
    for (keys, key_password, trusts, kind) in [
        (&*store("key.jks"), "keysecret", &*store("trust.jks"), "JKS"),
        (&*store("key.p12"), "secret", &*store("trust.p12"), "PKCS12"),
        (&*store("key-legacy.p12"), "secret", &*store("trust-legacy.p12"), "PKCS12"),
        (&*store("key-openssl.p12"), "secret", &*store("trust.jks"), "JKS"),
        (own, "", trusted, "PEM"),
    ] {
        for prefix in ["", "schema.registry."] {
            let settings = [
                ("ssl.keystore.location", keys),
                ("ssl.keystore.type", kind),
                ("ssl.keystore.password", "secret"),
                ("ssl.key.password", key_password),
                ("ssl.truststore.location", trusts),
                ("ssl.truststore.type", kind),
                ("ssl.truststore.password", "secret"),
            ];
            let settings = settings.map(|(key, value)| (format!("{prefix}{key}"), value));
            let settings: Vec<_> = settings.iter().map(|(key, value)| (key.as_str(), *value)).collect();
            assert_eq!(outcome(&registry.url, &settings).await.unwrap(), "one v7 a", "{keys} by {prefix}ssl.*");
        }
    }
    let (key, chain) = (identity().key_pem(), identity().chain_pem());
    let texts = [
        ("schema.registry.ssl.keystore.key", &*key),
        ("schema.registry.ssl.keystore.certificate.chain", &chain),
        ("schema.registry.ssl.truststore.certificates", &chain),
    ];
    assert_eq!(outcome(&registry.url, &texts).await.unwrap(), "one v7 a", "PEM that stands in the settings");
}

#[tokio::test]
async fn whoever_is_not_known_gets_nothing() {
    let registry = Fake::secure(mutual_tls(), two_schemas);
    let (trusts, location) = (store("trust.jks"), "schema.registry.ssl.truststore.location");
    let stranger = outcome(&registry.url, &[(location, &trusts)]).await.unwrap_err();
    assert!(registry.asked().is_empty(), "no request came through: {stranger:?}");
    let distrusted = outcome(&registry.url, &[]).await.unwrap_err();
    assert_eq!(distrusted.kind, ErrorKind::Config);
    assert!(distrusted.to_string().contains("TLS to the schema registry fails"), "{distrusted}");
}

#[tokio::test]
async fn a_store_that_cannot_be_read_is_named_by_its_key_and_its_password_is_not_told() {
    let store = store("key.jks");
    for prefix in ["", "schema.registry."] {
        let keys = ["ssl.keystore.location", "ssl.keystore.password"].map(|key| format!("{prefix}{key}"));
        let settings = [(keys[0].as_str(), store.as_str()), (&keys[1], "hunter2")];
        let refused = outcome("https://127.0.0.1:1", &settings).await.unwrap_err();
        let told = format!(
            "Invalid value {store} for configuration {prefix}ssl.keystore.location: the password is wrong, or the \
             store was changed"
        );
        assert_eq!((refused.kind, refused.to_string()), (ErrorKind::Config, told));
    }
}
