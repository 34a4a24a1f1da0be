use longshore_api::Props;

use super::schedule::{pause, renewal};
use super::settings::{Refresh, Settings, Source};
use super::token::{Token, Trouble};

const UNSECURED: &str = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required \
    unsecuredLoginStringClaim_sub=\"alice\" unsecuredLoginNumberClaim_n=\"1.5\" unsecuredLoginListClaim_scope=\"|a|b\" \
    unsecuredLoginLifetimeSeconds=\"60\" unsecuredLoginExtension_traceId=\"123\";";
const CREDENTIALS: &str = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required \
    clientId=\"worker\" clientSecret=\"sesame/1\" scope=\"kafka x\" extension_logicalCluster=\"lkc-1\";";
const URL: (&str, &str) = ("sasl.oauthbearer.token.endpoint.url", "http://u:p@localhost:1/token?x=y");

fn parse(pairs: &[(&str, &str)]) -> Result<Settings, String> {
    let props: Props = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Settings::parse(&props).map_err(|error| error.to_string())
}

#[test]
fn unsecured_tokens_hold_the_claims_of_the_login_module() {
    let settings = parse(&[("sasl.jaas.config", UNSECURED)]).unwrap();
    let token = settings.source.fetch(1_700_000_000_000).unwrap();
    // {"alg":"none"} and the claims, without a signature.
    let (header, rest) = token.value.split_once('.').unwrap();
    assert_eq!(header, "eyJhbGciOiJub25lIn0");
    let claims = base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, rest.strip_suffix('.').unwrap());
    let claims: serde_json::Value = serde_json::from_slice(&claims.unwrap()).unwrap();
    let expected = serde_json::json!({
        "iat": 1_700_000_000.0, "exp": 1_700_000_060.0, "sub": "alice", "n": 1.5, "scope": ["a", "b"],
    });
    assert_eq!(claims, expected);
    assert_eq!((token.principal.as_str(), token.expires), ("alice", 1_700_000_060_000));
    assert_eq!(settings.extensions, [("traceId".to_owned(), "123".to_owned())]);
}

#[test]
fn client_credentials_come_from_the_keys_or_from_the_login_module() {
    let endpoint = |pairs: &[(&str, &str)]| match parse(&[&[URL], pairs].concat()).unwrap().source {
        Source::Endpoint(endpoint) => *endpoint,
        _ => panic!("a token endpoint was configured"),
    };
    let by_module = endpoint(&[("sasl.jaas.config", CREDENTIALS)]);
    assert_eq!(by_module.authorization, "Basic d29ya2VyOnNlc2FtZS8x");
    assert_eq!(by_module.form, "grant_type=client_credentials&scope=kafka%20x");
    assert_eq!(by_module.shown, "http://localhost:1/token");
    let by_keys = endpoint(&[
        ("sasl.jaas.config", CREDENTIALS),
        ("sasl.oauthbearer.client.credentials.client.id", "id"),
        ("sasl.oauthbearer.client.credentials.client.secret", "s/1"),
        ("sasl.oauthbearer.scope", "y"),
        ("sasl.oauthbearer.header.urlencode", "true"),
    ]);
    // id:s%2F1
    assert_eq!(by_keys.authorization, "Basic aWQ6cyUyRjE=");
    assert_eq!(by_keys.form, "grant_type=client_credentials&scope=y");
}

#[test]
fn what_cannot_be_names_its_key_and_shows_no_secret() {
    let module = |options: &str| format!("x.OAuthBearerLoginModule required {options};");
    let jaas = |text: &str| vec![("sasl.jaas.config".to_owned(), text.to_owned())];
    let with_url = |text: &str, key: &str, value: &str| {
        let url = (URL.0.to_owned(), URL.1.to_owned());
        [jaas(text), vec![url, (key.to_owned(), value.to_owned())]].concat()
    };
    for (pairs, why) in [
        (jaas("x.PlainLoginModule required password=sesame;"), "needs OAuthBearerLoginModule"),
        (jaas(&module("clientSecret=sesame")), "unsecuredLoginStringClaim_sub is missing"),
        (jaas(&module("unsecuredLoginStringClaim_exp=1")), "exp cannot be set"),
        (jaas(&module("unsecuredLoginNumberClaim_x=sesame")), "unsecuredLoginNumberClaim_x is no number"),
        (jaas(&module("unsecuredLoginStringClaim_sub=a unsecuredLoginLifetimeSeconds=0")), "LifetimeSeconds"),
        (with_url(&module("clientId=a"), "x", "y"), "client.secret is needed"),
        (with_url(&module("clientSecret=sesame"), "x", "y"), "client.id is needed"),
        (with_url(CREDENTIALS, URL.0, "ldap://sesame/"), "it is no http:"),
        (with_url(CREDENTIALS, "sasl.login.read.timeout.ms", "soon"), "configuration sasl.login.read.timeout.ms"),
        (with_url(CREDENTIALS, "sasl.login.refresh.window.factor", "2"), "from 0.5 to 1"),
        (with_url(CREDENTIALS, "sasl.oauthbearer.jwt.retriever.class", "x.JwtBearerJwtRetriever"), "are built in"),
        (with_url(&module("clientId=a clientSecret=b ssl.truststore.location=\"/no/such\""), "x", "y"), "truststore"),
    ] {
        let error = Settings::parse(&pairs.into_iter().collect()).err().unwrap().to_string();
        assert!(error.contains(why) && !error.contains("sesame"), "{why}: {error}");
    }
}

#[test]
fn a_file_holds_a_token_that_says_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let url = format!("file://{}", path.display());
    let settings = parse(&[("sasl.oauthbearer.token.endpoint.url", &url)]).unwrap();
    assert!(matches!(settings.source.fetch(0), Err(Trouble::Away(why)) if why.contains("cannot be read")));
    // {"exp":100,"iat":40,"sub":"bob"}
    let jwt = "eyJhbGciOiJub25lIn0.eyJleHAiOjEwMCwiaWF0Ijo0MCwic3ViIjoiYm9iIn0.";
    std::fs::write(&path, format!("{jwt}\n")).unwrap();
    let token = settings.source.fetch(50_000).unwrap();
    assert_eq!((&*token.value, &*token.principal, token.issued, token.expires), (jwt, "bob", 40_000, 100_000));
    assert!(matches!(settings.source.fetch(100_000), Err(Trouble::Refused(why)) if why.contains("ended")));
    std::fs::write(&path, "opaque").unwrap();
    assert_eq!(settings.source.fetch(7).unwrap().expires, 300_007);
    for bad in ["", "two words", "bell\u{7}"] {
        std::fs::write(&path, bad).unwrap();
        assert!(matches!(settings.source.fetch(7), Err(Trouble::Refused(_))), "{bad}");
    }
}

#[test]
fn tokens_are_replaced_when_java_would() {
    let refresh = |least: i64, buffer: i64| Refresh {
        factor: 0.8,
        jitter: 0.05,
        least_ms: least * 1000,
        buffer_ms: buffer * 1000,
        backoff_ms: 100,
        backoff_max_ms: 1000,
    };
    let token =
        |lifetime: i64| Token { value: String::new(), principal: String::new(), issued: 0, expires: lifetime * 1000 };
    for (lifetime, bounds, chance, seconds) in [
        (3600, (60, 300), 0.0, 2880),
        (3600, (60, 300), 1.0, 3060),
        // The buffer comes first, then the shortest period; too short for both, its share alone.
        (1000, (60, 300), 0.0, 700),
        (370, (60, 300), 0.0, 70),
        (3600, (3000, 300), 0.0, 3000),
        (100, (60, 300), 0.0, 80),
    ] {
        let at = renewal(0, &token(lifetime), &refresh(bounds.0, bounds.1), chance);
        assert_eq!(at, seconds * 1000, "{lifetime} {bounds:?}");
    }
    assert_eq!(renewal(90_000, &token(100), &refresh(60, 300), 0.0), 90_000, "never in the past");
    let pauses: Vec<_> = [1, 2, 3, 4, 5, 99].iter().map(|failures| pause(*failures, &refresh(0, 0))).collect();
    assert_eq!(pauses, [100, 200, 400, 800, 1000, 1000]);
}
