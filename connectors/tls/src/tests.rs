use std::path::PathBuf;

use longshore_api::Props;
use proptest::prelude::*;

use super::*;

fn path(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests/stores", name].iter().collect()
}

fn file(name: &str) -> Vec<u8> {
    std::fs::read(path(name)).unwrap()
}

fn store<'a>(path: &'a PathBuf, password: &'a str) -> Store<'a> {
    Store { path, kind: None, password: Some(password), key_password: None }
}

/// What the stores hold: a key on an elliptic curve, as Java writes it and with its public half, and a certificate.
fn expected() -> Identity {
    let chain = vec![Certificate(file("cert.der"))];
    Identity { key: der::with_public_key(file("key.p8"), &chain[0].0), chain }
}

#[test]
fn every_kind_of_key_store_gives_the_key_and_its_chain() {
    for (name, key_password) in
        [("key.jks", Some("keysecret")), ("key.p12", None), ("key-legacy.p12", None), ("key-openssl.p12", None)]
    {
        let path = path(name);
        let identity = Store { key_password, ..store(&path, "secret") }.identity().unwrap();
        assert_eq!(identity.chain, expected().chain, "{name}");
        let secret = &file("key.p8")[35..67];
        assert!(identity.key.windows(32).any(|window| window == secret), "{name}");
        if !name.contains("openssl") {
            assert_eq!(identity.key, expected().key, "{name}");
        }
    }
}

#[test]
fn every_kind_of_trust_store_gives_its_certificates() {
    for name in ["trust.jks", "trust.p12", "trust-legacy.p12"] {
        for kind in [None, Some("jks"), Some("PKCS12")] {
            let path = path(name);
            let trusted = Store { kind, ..store(&path, "secret") }.trusted().unwrap();
            assert_eq!(trusted, expected().chain, "{name} as {kind:?}");
        }
    }
    let (jks, keys) = (path("trust.jks"), path("key.p12"));
    let unchecked = Store { password: None, ..store(&jks, "") };
    assert_eq!(unchecked.trusted().unwrap(), expected().chain, "Java needs no password to read a JKS trust store");
    assert_eq!(store(&keys, "secret").trusted().unwrap(), expected().chain);
}

#[test]
fn what_is_wrong_is_said() {
    let message = |name: &str, password: &str| {
        let path = path(name);
        store(&path, password).identity().unwrap_err().to_string()
    };
    for name in ["key.jks", "key.p12", "key-legacy.p12", "key-openssl.p12"] {
        assert_eq!(message(name, "wrong"), "the password is wrong, or the store was changed", "{name}");
    }
    assert_eq!(message("key.jks", "secret"), "the password of the private key is wrong");
    assert_eq!(message("trust.jks", "secret"), "it holds no private key");
    assert_eq!(message("trust.p12", "secret"), "it holds no private key");
    assert!(message("none.jks", "secret").contains("none.jks cannot be read: No such file"));
    assert_eq!(message("key-encrypted.p8", "secret"), "the PKCS12 store is damaged");
    let path = path("key.p12");
    let store = |kind| Store { kind: Some(kind), ..store(&path, "secret") }.identity().unwrap_err().to_string();
    assert_eq!(store("BCFKS"), "the store type BCFKS is not supported; JKS, PKCS12 and PEM are");
    assert_eq!(store("PEM"), "it is not a PEM store");
}

fn props(pairs: &[(&str, &str)]) -> Props {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn settings_take_pem_as_text_and_in_files() {
    let identity = expected();
    let folder = tempfile::tempdir().unwrap();
    let both = folder.path().join("both.pem");
    std::fs::write(&both, format!("{}{}", identity.key_pem(), identity.chain_pem())).unwrap();
    // A file in Kubernetes' secrets has no line breaks where they are lost on the way.
    let one_line = identity.chain_pem().replace('\n', " ");
    let encrypted = pem::write("ENCRYPTED PRIVATE KEY", &file("key-encrypted.p8"));
    for pairs in [
        &[("ssl.keystore.type", "PEM"), ("ssl.keystore.location", both.to_str().unwrap())][..],
        &[("ssl.keystore.key", &identity.key_pem()), ("ssl.keystore.certificate.chain", &one_line)],
        &[
            ("ssl.keystore.key", &encrypted),
            ("ssl.keystore.certificate.chain", &one_line),
            ("ssl.key.password", "keysecret"),
        ],
    ] {
        let found = Stores::new(&props(pairs), "").identity().unwrap().unwrap();
        assert_eq!(found.chain, identity.chain);
        assert!(found.key.windows(32).any(|window| window == &file("key.p8")[35..67]));
    }
    let trusted = props(&[("ssl.truststore.certificates", &one_line)]);
    assert_eq!(Stores::new(&trusted, "").trusted().unwrap().unwrap(), identity.chain);
    assert!(Stores::new(&props(&[]), "").identity().unwrap().is_none());
    assert!(Stores::new(&props(&[]), "").trusted().unwrap().is_none());
}

#[test]
fn messages_name_the_key_and_show_no_secret() {
    let encrypted = pem::write("ENCRYPTED PRIVATE KEY", &file("key-encrypted.p8"));
    let refused =
        |pairs: &[(&str, &str)]| Stores::new(&props(pairs), "schema.registry.").identity().unwrap_err().to_string();
    let chain = expected().chain_pem();
    let chain = ("ssl.keystore.certificate.chain", chain.as_str());
    for (pairs, expected) in [
        (
            vec![("ssl.keystore.key", encrypted.as_str()), chain],
            "Invalid value [hidden] for configuration schema.registry.ssl.keystore.key: the private key is encrypted \
             and needs a password",
        ),
        (
            vec![("ssl.keystore.key", encrypted.as_str()), chain, ("ssl.key.password", "sesame")],
            "Invalid value [hidden] for configuration schema.registry.ssl.keystore.key: the password of the private \
             key is wrong",
        ),
    ] {
        let message = refused(&pairs);
        assert!(message.contains(expected), "{message}");
    }
    let location = path("key.jks");
    let location = location.to_str().unwrap();
    let message = refused(&[("ssl.keystore.location", location), ("ssl.keystore.password", "sesame")]);
    assert!(message.contains(&format!("Invalid value {location} for configuration schema.registry.ssl.keystore.loc")));
    assert!(message.contains("the password is wrong") && !message.contains("sesame"), "{message}");
}

proptest! {
    /// Whatever is changed in a store, reading it ends with a store or an error.
    #[test]
    fn damaged_stores_do_no_harm(
        name in prop::sample::select(vec!["key.jks", "trust.jks", "key.p12", "trust.p12", "key.p8"]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = file(name);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(cut.index(bytes.len() * 2).max(1));
        let _ = jks::contents(&bytes, None, Some("secret"));
        let _ = pem::contents(&bytes, Some("secret"));
        let _ = der::with_public_key(bytes.clone(), &bytes);
        if bytes.len() < 300 {
            let _ = pkcs12::contents(&bytes, Some("secret"));
        }
    }
}
