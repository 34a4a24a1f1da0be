//! HTTPS, with certificates out of Java's stores and out of PEM files.

use std::path::{Path, PathBuf};

use longshore_api::ErrorKind;
use longshore_test_servers::{Kind, Server, free_port};
use longshore_tls::Store;

use crate::support::{Lab, numbers};

/// A store of the crate that reads them: all hold the same key, and a certificate for localhost.
fn store(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tls/tests/stores").join(name)
}

#[tokio::test]
async fn certificates_are_checked_and_shown() {
    let folder = tempfile::tempdir().unwrap();
    let own = store("key.p12");
    let identity = Store { path: &own, kind: None, password: Some("secret"), key_password: None }.identity().unwrap();
    let file = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (chain, key) = (file("chain.pem", identity.chain_pem()), file("key.pem", identity.key_pem()));
    let port = free_port().to_string();
    // Who has no certificate is not let in.
    let arguments = format!(
        "--https_port={port} --openSSL.server.certificateFile={chain} --openSSL.server.privateKeyFile={key} \
         --openSSL.server.caConfig={chain} --openSSL.server.verificationMode=strict"
    );
    let server = tokio::task::spawn_blocking(move || Server::start_with(Kind::ClickHouse, &[("ARGS", &arguments)]));
    let server = server.await.unwrap();
    let lab = Lab::on(&server.address(), "tls");
    lab.run("CREATE TABLE t (n Int64) ENGINE=MergeTree ORDER BY n");

    let shown = format!("sslcert={chain}&sslkey={key}");
    let java = |name: &str, kind: &str| {
        format!("?trust_store={}&key_store_type={kind}&key_store_password=secret&{shown}", store(name).display())
    };
    let ways = [
        java("trust.jks", "JKS"),
        java("trust.p12", "PKCS12"),
        format!("?sslmode=strict&sslrootcert={chain}&{shown}"),
        format!("?sslmode=none&{shown}"),
    ];
    let connection = [("ssl", "true"), ("hostname", "localhost"), ("port", port.as_str())];
    let mut next = 0;
    for way in &ways {
        let all = [&connection[..], &[("jdbcConnectionProperties", way.as_str())]].concat();
        lab.start(&all).await.put(&numbers(next..next + 10)).await;
        next += 10;
        assert_eq!(lab.ask("SELECT count(), uniqExact(n) FROM t"), format!("{next}\t{next}"), "{way}");
    }

    let refused = [
        // A public authority has not signed it; nothing is said of the password of a store.
        (format!("?{shown}"), "TLS to ClickHouse"),
        (format!("?key_store_password=wrong-1&trust_store={}&{shown}", store("trust.p12").display()), "truststore"),
    ];
    for (way, why) in refused {
        let all = [&connection[..], &[("jdbcConnectionProperties", way.as_str())]].concat();
        let error = lab.try_start(&all).await.err().unwrap();
        assert_eq!(error.kind, ErrorKind::Config, "{error}");
        assert!(error.to_string().contains(why) && !error.to_string().contains("wrong-1"), "{error}");
    }
    // Without its own certificate a client does not come in. Whether it hears the server's reason or only finds the
    // connection closed is the network's choice.
    let nobody = format!("?sslrootcert={chain}");
    if let Ok(mut sink) = lab.try_start(&[&connection[..], &[("jdbcConnectionProperties", &nobody)]].concat()).await {
        let outcome = sink.try_put(&numbers(0..1)).await;
        assert!(outcome.as_ref().map_or(true, |outcome| outcome.taken == 0), "{outcome:?}");
    }
    assert_eq!(lab.count("t"), next as u64);
}
