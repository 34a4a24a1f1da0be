//! TLS and logins at a real server that asks for both.

use std::path::Path;

use bson::doc;
use longshore_api::ErrorKind;
use longshore_test_servers::{Kind, Server};
use longshore_tls::{Store, to_pem};
use tempfile::TempDir;

use crate::support::{Lab, Sink, batch, target_errors};

/// The password of all stores.
const STORE_PASSWORD: &str = "storepass";
/// The subject of the client's certificate.
const SUBJECT: &str = "CN=sink,OU=clients,O=Longshore";

fn fixture(name: &str) -> String {
    format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// A server that takes connections by TLS alone and wants a login, with users of every kind.
struct Secure {
    lab: Lab,
    address: String,
    folder: TempDir,
    _server: Server,
}

impl Secure {
    async fn start(name: &str) -> Self {
        let folder = TempDir::new().unwrap();
        for (file, store) in [("server.pem", "server.p12"), ("client.pem", "client.p12")] {
            std::fs::write(folder.path().join(file), identity(store)).unwrap();
        }
        let authority = fixture("ca.p12");
        let authority =
            Store { path: Path::new(&authority), kind: None, password: Some(STORE_PASSWORD), key_password: None };
        std::fs::write(folder.path().join("ca.pem"), to_pem(&authority.trusted().unwrap())).unwrap();
        let file = |name: &str| folder.path().join(name).display().to_string();
        let (key, ca) = (file("server.pem"), file("ca.pem"));
        let server = tokio::task::spawn_blocking({
            let (key, ca) = (key.clone(), ca.clone());
            move || Server::start_with(Kind::MongoWithLogin, &[("MONGO_TLS_KEY", &key), ("MONGO_TLS_CA", &ca)])
        });
        let server = server.await.unwrap();
        let uri = format!("{}&tls=true&tlsCAFile={ca}", server.address());
        let lab = Lab::on(&uri, name).await;
        let (_, address) =
            server.address().split_once('@').map(|(user, rest)| (user.to_owned(), rest.to_owned())).unwrap();
        let address = address.split('/').next().unwrap().to_owned();
        let secure = Self { lab, address, folder, _server: server };
        secure.add_users().await;
        secure
    }

    async fn add_users(&self) {
        let role = doc! { "role": "readWrite", "db": self.lab.database().name() };
        for (user, mechanism) in [("one", "SCRAM-SHA-1"), ("two", "SCRAM-SHA-256")] {
            let user = doc! { "createUser": user, "pwd": "p%ss/w0rd", "roles": [&role], "mechanisms": [mechanism] };
            self.lab.admin().run_command(user).await.unwrap();
        }
        let user = doc! { "createUser": SUBJECT, "roles": [&role] };
        self.lab.external().run_command(user).await.unwrap();
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// A place on it, reached with a user (and `@`) and options.
    fn lab(&self, user: &str, options: &str) -> Lab {
        let uri = format!("mongodb://{user}{}/?directConnection=true", self.address);
        self.lab.at(&format!("{uri}&{options}"))
    }
}

/// Key and certificates of a store in PEM.
fn identity(store: &str) -> String {
    let path = fixture(store);
    let store = Store { path: Path::new(&path), kind: None, password: Some(STORE_PASSWORD), key_password: None };
    let identity = store.identity().unwrap();
    format!("{}{}", identity.chain_pem(), identity.key_pem())
}

/// Properties of stores of a kind.
fn stores(trust: &str, keys: &str) -> Vec<(&'static str, String)> {
    let mut props = Vec::new();
    for (store, path) in [("truststore", trust), ("keystore", keys)] {
        if !path.is_empty() {
            let (key, password) = match store {
                "truststore" => ("connection.ssl.truststore", "connection.ssl.truststorePassword"),
                _ => ("connection.ssl.keystore", "connection.ssl.keystorePassword"),
            };
            props.push((key, fixture(path)));
            props.push((password, STORE_PASSWORD.to_owned()));
        }
    }
    props
}

fn borrowed<'a>(props: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    props.iter().map(|(key, value)| (*key, value.as_str())).collect()
}

#[tokio::test]
async fn every_login_that_the_server_has_is_open_by_tls() {
    let secure = Secure::start("logins").await;
    let (ca, client) = (secure.file("ca.pem"), secure.file("client.pem"));
    let scram = "p%25ss%2Fw0rd";
    let x509 = "tls=true&authMechanism=MONGODB-X509&authSource=%24external";
    let ways = [
        // Which of the two SCRAMs a user has is found out, or said.
        (format!("one:{scram}@"), "tls=true".to_owned(), stores("ca.jks", "")),
        (format!("two:{scram}@"), "tls=true".to_owned(), stores("ca.p12", "")),
        (format!("one:{scram}@"), format!("tls=true&authMechanism=SCRAM-SHA-1&tlsCAFile={ca}"), Vec::new()),
        (format!("two:{scram}@"), format!("ssl=true&authMechanism=SCRAM-SHA-256&tlsCAFile={ca}"), Vec::new()),
        // The certificate is the login.
        (String::new(), x509.to_owned(), stores("ca.jks", "client.jks")),
        (String::new(), x509.to_owned(), stores("ca.p12", "client.p12")),
        (String::new(), format!("{x509}&tlsCAFile={ca}&tlsCertificateKeyFile={client}"), Vec::new()),
    ];
    for (number, (user, options, stores)) in ways.iter().enumerate() {
        let lab = secure.lab(user, options);
        let stores = borrowed(stores);
        assert_eq!(target_errors(&lab, &stores).await, [""; 0], "way {number}");
        let record = format!(r#"{{"way":{number}}}"#);
        let outcome = Sink::start(&lab, &stores).await.put(&batch(&[&record])).await;
        assert_eq!((outcome.taken, outcome.retry), (1, None), "way {number}");
        assert_eq!(secure.lab.count().await, number as u64 + 1);
    }
}

#[tokio::test]
async fn a_login_that_fails_is_told_without_its_secret() {
    let secure = Secure::start("refused").await;
    let ca = format!("tls=true&tlsCAFile={}", secure.file("ca.pem"));
    let client = secure.file("client.pem");
    secure.lab.external().run_command(doc! { "dropUser": SUBJECT }).await.unwrap();
    for (user, options, expected) in [
        ("one:wr0ng@", ca.clone(), "SCRAM"),
        ("two:wr0ng@", format!("{ca}&authMechanism=SCRAM-SHA-256"), "SCRAM"),
        // The user has credentials of the other kind only.
        ("two:p%25ss%2Fw0rd@", format!("{ca}&authMechanism=SCRAM-SHA-1"), "SCRAM"),
        ("nobody:wr0ng@", ca.clone(), "SCRAM"),
        (
            "",
            format!("{ca}&authMechanism=MONGODB-X509&authSource=%24external&tlsCertificateKeyFile={client}"),
            "MONGODB-X509",
        ),
        // Only MongoDB Enterprise has this.
        ("one:wr0ng@", format!("{ca}&authMechanism=PLAIN&authSource=%24external"), "PLAIN"),
    ] {
        let lab = secure.lab(user, &options);
        let errors = target_errors(&lab, &[]).await;
        let start =
            "Invalid value [hidden] for configuration connection.uri: Invalid user permissions authentication failed.";
        assert!(errors.len() == 1 && errors[0].starts_with(start), "{options}: {errors:?}");
        let error = Sink::start(&lab, &[]).await.try_put(&batch(&["{}"])).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Config, "{options}: {error}");
        let told = format!("{} {}", errors[0], error.trace());
        assert!(told.contains(expected), "{expected}: {told}");
        assert!(error.to_string().contains(&format!("authentication at {} failed", secure.address)), "{error}");
        for secret in ["wr0ng", "p%25ss", "p%ss", "nobody", "one:", "two:"] {
            assert!(!told.contains(secret), "{secret}: {told}");
        }
    }
    assert_eq!(secure.lab.count().await, 0);
}

#[tokio::test]
async fn a_connection_that_tls_refuses_says_why() {
    let secure = Secure::start("untrusted").await;
    let user = "one:p%25ss%2Fw0rd@";
    for (options, stores, expected) in [
        // Nobody vouches for the server; it is not the one that was meant; it does not speak in the clear. No time-out is
        // too short for what never succeeds.
        ("tls=true&serverSelectionTimeoutMS=1000", Vec::new(), "certificate"),
        ("tls=true&serverSelectionTimeoutMS=1000", stores("trust.jks", ""), "certificate"),
        ("serverSelectionTimeoutMS=1000", Vec::new(), ""),
    ] {
        let lab = secure.lab(user, options);
        let mut stores = stores;
        if let Some((_, password)) = stores.iter_mut().find(|(key, _)| *key == "connection.ssl.truststorePassword") {
            *password = "trustpass".to_owned();
        }
        let stores = borrowed(&stores);
        let unreachable = "Invalid value [hidden] for configuration connection.uri: Unable to connect to the server.";
        assert_eq!(target_errors(&lab, &stores).await, [unreachable], "{options}");
        let outcome = Sink::start(&lab, &stores).await.put(&batch(&["{}"])).await;
        let retry = outcome.retry.expect("nothing can be written").to_string();
        assert!(retry.contains(&secure.address) && retry.contains(expected), "{retry}");
        assert!(!retry.contains("w0rd"), "{retry}");
    }
    // A server whose certificate is not checked is reached all the same.
    let lab = secure.lab(user, "tls=true&tlsInsecure=true");
    assert_eq!(Sink::start(&lab, &[]).await.put(&batch(&["{}"])).await.taken, 1);
}
