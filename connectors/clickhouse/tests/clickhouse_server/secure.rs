//! HTTPS, with certificates out of Java's stores and out of PEM files.

use std::path::{Path, PathBuf};

use longshore_api::ErrorKind;
use longshore_test_servers::{Kind, Server, free_port};
use longshore_tls::Store;

use crate::support::{Lab, numbers};
use crate::way::Way;

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

    // By its address, and still under the name.
    let [host, sni] = [("hostname", "127.0.0.1"), ("ssl_socket_sni", "localhost")];
    let all = [&connection[..], &[host, sni, ("jdbcConnectionProperties", ways[2].as_str())]].concat();
    lab.start(&all).await.put(&numbers(next..next + 10)).await;
    next += 10;
    assert_eq!(lab.count("t"), next as u64);

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

#[tokio::test]
async fn the_name_in_the_handshake_may_be_another_than_the_hosts() {
    let lab = Lab::new("sni").await;
    lab.run("CREATE TABLE t (n Int64) ENGINE=MergeTree ORDER BY n");
    let own = store("key.p12");
    let identity = Store { path: &own, kind: None, password: Some("secret"), key_password: None }.identity().unwrap();
    let chain = identity.chain.into_iter().map(|certificate| certificate.0).collect();
    let front = Way::tls(&lab.url, chain, identity.key).await;
    let trust = format!("trust_store={}&key_store_type=JKS", store("trust.jks").display());
    let settings = |more: &[(&'static str, &'static str)], properties: &str| {
        let mut all: Vec<(&'static str, String)> = vec![
            ("ssl", "true".to_owned()),
            ("hostname", "127.0.0.1".to_owned()),
            ("port", front.port.clone()),
            ("jdbcConnectionProperties", properties.to_owned()),
        ];
        all.extend(more.iter().map(|(key, value)| (*key, (*value).to_owned())));
        all
    };
    let start = async |all: &[(&'static str, String)]| {
        let all: Vec<(&str, &str)> = all.iter().map(|(key, value)| (*key, value.as_str())).collect();
        lab.try_start(&all).await
    };
    let sni = ("ssl_socket_sni", "localhost");

    // Without it there is no name for an address; the rest of what is sent is the same.
    for (more, properties, name) in [
        (&[][..], trust.clone(), ""),
        (&[sni], trust.clone(), "localhost"),
        (&[], format!("{trust}&ssl_socket_sni=localhost"), "localhost"),
        (&[("ssl_socket_sni", "inside.example")], "sslmode=none".to_owned(), "inside.example"),
    ] {
        let before = lab.count("t");
        start(&settings(more, &properties)).await.unwrap().put(&numbers(0..10)).await;
        assert_eq!(lab.count("t"), before + 10);
        let heard = front.heard();
        assert_eq!(heard[0], name);
        let host = format!("host: 127.0.0.1:{}\r\n", front.port);
        assert!(heard[1].to_lowercase().contains(&host), "{}", heard[1]);
    }

    // The certificate is for another name.
    let error = start(&settings(&[("ssl_socket_sni", "inside.example")], &trust)).await.err().unwrap();
    assert_eq!(error.kind, ErrorKind::Config);
    assert!(error.to_string().contains("inside.example"), "{error}");

    // What the way is, is not for the name to say.
    let (socks, tunnel) = (Way::socks(&front.address(), None).await, Way::connect(&front.address()).await);
    for (kind, proxy) in [("SOCKS", &socks), ("HTTP", &tunnel)] {
        let before = lab.count("t");
        let mut all = settings(&[sni, ("proxyType", kind), ("proxyHost", "127.0.0.1")], &trust);
        all.extend([("proxyPort", proxy.port.clone()), ("hostname", "clickhouse.inside".to_owned())]);
        start(&all).await.unwrap().put(&numbers(0..10)).await;
        assert_eq!((lab.count("t"), front.heard()[0].as_str()), (before + 10, "localhost"));
        assert!(proxy.heard()[0].contains(&format!("clickhouse.inside:{}", front.port)));
    }
}
