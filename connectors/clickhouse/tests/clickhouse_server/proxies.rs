//! Servers that are reached through proxies.

use longshore_api::ErrorKind;

use crate::support::{Lab, numbers};
use crate::way::Way;

/// A name that nobody but a proxy knows.
const NAME: &str = "clickhouse.inside";

#[tokio::test]
async fn a_socks_proxy_is_asked_for_the_server_by_its_name() {
    let lab = Lab::new("socks").await;
    lab.run("CREATE TABLE t (n Int64) ENGINE=MergeTree ORDER BY n");
    let proxy = Way::socks(&lab.url, None).await;
    let settings = [("hostname", NAME), ("port", "8123"), ("proxyType", "SOCKS"), ("proxyHost", "127.0.0.1")];
    let settings = [&settings[..], &[("proxyPort", proxy.port.as_str()), ("insertCompression", "lz4")]].concat();
    lab.start(&settings).await.put(&numbers(0..1000)).await;
    assert_eq!(lab.ask("SELECT count(), uniqExact(n) FROM t"), "1000\t1000");
    assert_eq!(proxy.heard()[0], format!("{NAME}:8123"));
}

#[tokio::test]
async fn a_socks_proxy_may_want_a_login() {
    let lab = Lab::new("socks_login").await;
    lab.run("CREATE TABLE t (n Int64) ENGINE=MergeTree ORDER BY n");
    let proxy = Way::socks(&lab.url, Some(("lo:ng", "sh@re 1"))).await;
    let settings = |properties| {
        [
            ("hostname", NAME),
            ("proxyType", "socks"),
            ("proxyHost", "127.0.0.1"),
            ("proxyPort", proxy.port.as_str()),
            ("jdbcConnectionProperties", properties),
        ]
    };
    let right = settings("?proxy_username=lo%3Ang&proxy_password=sh%40re%201");
    lab.start(&right).await.put(&numbers(0..10)).await;
    assert_eq!((lab.count("t"), proxy.heard().is_empty()), (10, false));
    // A proxy may get its users later: the task waits, and says nothing of passwords.
    for properties in ["", "proxy_username=lo%3Ang&proxy_password=another-1"] {
        let mut sink = lab.start(&settings(properties)).await;
        let outcome = sink.try_put(&numbers(10..20)).await.unwrap();
        let why = outcome.retry.unwrap();
        assert_eq!((outcome.taken, &why.kind), (0, &ErrorKind::Retriable));
        assert!(!why.to_string().contains("another-1"), "{why}");
    }
    assert_eq!((lab.count("t"), proxy.heard()), (10, vec![]), "nobody else came through");
}

#[tokio::test]
async fn an_http_proxy_makes_a_tunnel() {
    let lab = Lab::new("tunnel").await;
    lab.run("CREATE TABLE t (n Int64) ENGINE=MergeTree ORDER BY n");
    let proxy = Way::connect(&lab.url).await;
    let settings = [
        ("hostname", NAME),
        ("port", "8123"),
        ("proxyType", "HTTP"),
        ("proxyHost", "127.0.0.1"),
        ("proxyPort", proxy.port.as_str()),
        ("jdbcConnectionProperties", "proxy_user=long&proxy_password=shore"),
    ];
    lab.start(&settings).await.put(&numbers(0..10)).await;
    assert_eq!(lab.count("t"), 10);
    let head = proxy.heard().remove(0);
    assert!(head.starts_with(&format!("CONNECT {NAME}:8123 HTTP/1.1\r\n")), "{head}");
    assert!(head.contains("Proxy-Authorization: Basic bG9uZzpzaG9yZQ==\r\n"), "{head}");
}
