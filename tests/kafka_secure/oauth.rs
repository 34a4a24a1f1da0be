//! Logins by OAUTHBEARER: unsigned tokens, and those of an OAuth server, which are replaced before they end.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use longshore::kafka::{Admin, Producer};
use longshore_api::{ErrorKind, Props};
use longshore_test_servers::{Kind, Server, free_port, unique};
use tokio::time::timeout;

use super::token_server::{CLIENT, SECRET, TokenServer};
use super::{PATIENCE, Reader, round_trip, send, topic};

const MODULE: &str = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule";

/// A broker, and the address where it wants tokens.
fn broker(variables: &[(&str, &str)]) -> (Server, String) {
    let port = free_port().to_string();
    let variables = [&[("OAUTH_PORT", port.as_str())], variables].concat();
    (Server::start_with(Kind::Kafka, &variables), format!("127.0.0.1:{port}"))
}

fn settings(address: &str, pairs: &[(&str, &str)]) -> Props {
    let base = [
        ("bootstrap.servers", address),
        ("security.protocol", "SASL_PLAINTEXT"),
        ("sasl.mechanism", "OAUTHBEARER"),
        ("default.api.timeout.ms", "60000"),
    ];
    base.iter().chain(pairs).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn unsigned_tokens_open_a_broker_that_takes_them() {
    let (_broker, address) = broker(&[]);
    let options = r#"unsecuredLoginStringClaim_sub="worker" unsecuredLoginListClaim_scope="|kafka""#;
    let with = |options: &str| settings(&address, &[("sasl.jaas.config", &format!("{MODULE} required {options};"))]);
    round_trip(&with(options)).await;

    // The broker wants a scope that this token does not have.
    let mut reader = Reader::start(&with("unsecuredLoginStringClaim_sub=worker"), "never");
    let error = reader.failure().await;
    assert_eq!(error.class, "org.apache.kafka.common.errors.SaslAuthenticationException", "{error}");
    reader.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_an_oauth_server_are_replaced_before_they_end() {
    let tokens = TokenServer::start(20);
    let keys = tokens.keys();
    // A connection ends with its token, unless the client logs in again with another one.
    let (_broker, address) = broker(&[("OAUTH_JWKS", keys.to_str().unwrap()), ("OAUTH_REAUTH_MS", "3600000")]);
    let jaas = format!("{MODULE} required clientId=\"{CLIENT}\" clientSecret=\"{SECRET}\" scope=\"kafka\";");
    let handler = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler";
    let props = settings(
        &address,
        &[
            ("sasl.jaas.config", &jaas),
            ("sasl.oauthbearer.token.endpoint.url", &tokens.url),
            ("sasl.login.callback.handler.class", handler),
            ("sasl.login.refresh.window.factor", "0.5"),
            ("sasl.login.refresh.window.jitter", "0"),
        ],
    );
    round_trip(&props).await;
    let name = unique("renewed");
    let (admin, producer) = (Admin::new(&props).unwrap(), Producer::new(&props).unwrap());
    admin.create_topic(&topic(&name)).await.unwrap();
    let mut reader = Reader::start(&props, &name);
    let first = tokens.given.load(Ordering::SeqCst);
    // The first token has ended when the third one came half a life after the second.
    for renewed in 0..=3 {
        reach(&tokens.given, first + renewed).await;
        send(&producer, &name).await;
        reader.read_one().await;
        assert!(admin.describe_topic(&name).await.unwrap().is_some());
    }
    // A renewal that fails harms nobody while the token holds.
    tokens.status.store(503, Ordering::SeqCst);
    reach(&tokens.asked, tokens.asked.load(Ordering::SeqCst) + 2).await;
    send(&producer, &name).await;
    tokens.status.store(200, Ordering::SeqCst);
    reach(&tokens.given, tokens.given.load(Ordering::SeqCst) + 1).await;
    send(&producer, &name).await;
    reader.read_one().await;
    reader.read_one().await;
    reader.close().await;
}

/// Waits until a count has come so far.
async fn reach(count: &AtomicUsize, wanted: usize) {
    let counted = async {
        while count.load(Ordering::SeqCst) < wanted {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, counted).await.expect("the token server to be asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_the_oauth_server_refuses_is_told_so_without_its_secret() {
    let tokens = TokenServer::start(60);
    let address = format!("127.0.0.1:{}", free_port());
    let props = settings(
        &address,
        &[
            ("sasl.jaas.config", &format!("{MODULE} required;")),
            ("sasl.oauthbearer.token.endpoint.url", &tokens.url),
            ("sasl.oauthbearer.client.credentials.client.id", CLIENT),
            ("sasl.oauthbearer.client.credentials.client.secret", "not-sesame"),
            ("sasl.oauthbearer.scope", "kafka"),
            ("default.api.timeout.ms", "3000"),
        ],
    );
    let mut reader = Reader::start(&props, "never");
    let error = reader.failure().await;
    let text = error.to_string();
    assert_eq!(error.class, "org.apache.kafka.common.errors.SaslAuthenticationException", "{text}");
    assert!(text.contains("HTTP status 401 (invalid_client)") && !text.contains("sesame"), "{text}");
    let error = Admin::new(&props).unwrap().cluster_id().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Retriable);
    assert!(error.to_string().contains("HTTP status 401 (invalid_client)"), "{error}");
    reader.close().await;
}
