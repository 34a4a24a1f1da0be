//! Stores of keys and certificates: JKS, PKCS12, PEM.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use longshore_tls::Store;

static FILE: LazyLock<PathBuf> =
    LazyLock::new(|| std::env::temp_dir().join(format!("longshore-key-store-{}", std::process::id())));

fuzz_target!(|bytes: &[u8]| {
    std::fs::write(&*FILE, bytes).unwrap();
    for password in [None, Some("secret")] {
        let store = Store { path: &FILE, kind: None, password, key_password: Some("keysecret") };
        let _ = (store.identity(), store.trusted());
    }
});
