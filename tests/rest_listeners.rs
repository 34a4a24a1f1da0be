//! How the REST API is reached and guarded: several listeners, TLS, admin listeners, basic auth, headers. TLS is spoken
//! with curl, and certificates are openssl's.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use support::http::{Request, Response};
use support::server::Server;

/// The stores of the crate that reads them: one key, and a certificate for localhost.
fn store(name: &str) -> String {
    format!("{}/connectors/tls/tests/stores/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// A folder with what clients need: `ca.pem`, which the stores trust and hold, and `client.pem` with a key.
struct Pems(tempfile::TempDir);

impl Pems {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let this = Self(folder);
        this.openssl(&["x509", "-inform", "der", "-in", &store("cert.der"), "-out", &this.path("ca.pem")]);
        let p12 = store("key.p12");
        this.openssl(&["pkcs12", "-in", &p12, "-passin", "pass:secret", "-nodes", "-out", &this.path("own.pem")]);
        let stranger = this.path("stranger.pem");
        let subject = ["-newkey", "rsa:2048", "-nodes", "-subj", "/CN=stranger", "-days", "2"];
        this.openssl(&[&["req", "-x509"][..], &subject, &["-keyout", &stranger, "-out", &this.path("x.pem")]].concat());
        let certificate = std::fs::read(this.path("x.pem")).unwrap();
        let key = std::fs::read(&stranger).unwrap();
        std::fs::write(&stranger, [key, certificate].concat()).unwrap();
        this
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn openssl(&self, arguments: &[&str]) {
        let output = Command::new("openssl").args(arguments).output().unwrap();
        assert!(output.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Asks for `/`: status and headers, or nothing where there is no connection.
    fn curl(&self, server: &Server, arguments: &[&str]) -> Option<String> {
        let url = format!("https://localhost:{}/", server.address.port());
        let output = Command::new("curl")
            .args(["-sS", "-D-", "-o/dev/null", "--max-time", "60", "--cacert", &self.path("ca.pem")])
            .args(arguments)
            .arg(url)
            .output()
            .unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
    }

    fn reaches(&self, server: &Server, arguments: &[&str]) -> bool {
        self.curl(server, arguments).is_some_and(|head| head.starts_with("HTTP/1.1 200"))
    }
}

const HTTPS: (&str, &str) = ("listeners", "https://localhost:0");

#[test]
fn https_is_served_out_of_every_kind_of_store() {
    let pems = Pems::new();
    let own = pems.path("own.pem");
    for (location, kind, key_password) in [
        (store("key.jks"), "JKS", "keysecret"),
        (store("key.p12"), "PKCS12", "secret"),
        (store("key-legacy.p12"), "JKS", "secret"),
        (store("key-openssl.p12"), "PKCS12", "secret"),
        (own, "PEM", ""),
    ] {
        let server = Server::configured(
            &[
                HTTPS,
                ("listeners.https.ssl.keystore.location", &location),
                ("listeners.https.ssl.keystore.type", kind),
                ("listeners.https.ssl.keystore.password", "secret"),
                ("listeners.https.ssl.key.password", key_password),
                // Only what has the prefix counts.
                ("ssl.keystore.location", "/nowhere"),
            ],
            &[],
        );
        assert!(pems.reaches(&server, &[]), "{location}");
        assert!(Request::new("GET", "/").send(&server.authority()).is_err(), "this port speaks TLS only");
    }
}

#[test]
fn versions_and_cipher_suites_are_those_that_are_configured() {
    let pems = Pems::new();
    let serve = |more: &[(&str, &str)]| {
        let key = [("ssl.keystore.location", &*store("key.p12")), ("ssl.keystore.password", "secret")];
        Server::configured(&[&[HTTPS][..], &key, more].concat(), &[])
    };
    let (old, new) = (["--tls-max", "1.2"], ["--tlsv1.3"]);
    let both = serve(&[]);
    assert!(pems.reaches(&both, &old) && pems.reaches(&both, &new));
    let old_only = serve(&[("ssl.enabled.protocols", "TLSv1.2,TLSv1.1")]);
    assert!(pems.reaches(&old_only, &old) && !pems.reaches(&old_only, &new));
    let new_only = serve(&[("ssl.enabled.protocols", "TLSv1.3")]);
    assert!(!pems.reaches(&new_only, &old) && pems.reaches(&new_only, &new));
    let one_suite = serve(&[("ssl.cipher.suites", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,TLS_AES_128_GCM_SHA256")]);
    assert!(pems.reaches(&one_suite, &["--tls13-ciphers", "TLS_AES_128_GCM_SHA256"]));
    assert!(!pems.reaches(&one_suite, &["--tlsv1.3", "--tls13-ciphers", "TLS_CHACHA20_POLY1305_SHA256"]));
}

#[test]
fn clients_show_certificates_as_far_as_they_are_asked_to() {
    let pems = Pems::new();
    let serve = |auth| {
        Server::configured(
            &[
                HTTPS,
                ("ssl.keystore.location", &store("key.jks")),
                ("ssl.keystore.password", "secret"),
                ("ssl.key.password", "keysecret"),
                ("ssl.truststore.location", &store("trust.jks")),
                ("ssl.truststore.password", "secret"),
                ("ssl.client.auth", auth),
            ],
            &[],
        )
    };
    let (own, stranger) = (pems.path("own.pem"), pems.path("stranger.pem"));
    let (own, stranger) = (["--cert", own.as_str()], ["--cert", stranger.as_str()]);
    for (auth, none, known, unknown) in
        [("none", true, true, true), ("requested", true, true, false), ("required", false, true, false)]
    {
        let server = serve(auth);
        assert_eq!(pems.reaches(&server, &[]), none, "{auth}");
        assert_eq!(pems.reaches(&server, &own), known, "{auth}");
        assert_eq!(pems.reaches(&server, &stranger), unknown, "{auth}");
    }
}

#[test]
fn http_and_https_stand_side_by_side() {
    let pems = Pems::new();
    let properties =
        [("listeners", "https://localhost:0,http://127.0.0.1:0"), ("ssl.keystore.location", &pems.path("own.pem"))];
    let server = Server::configured(&properties, &[]);
    assert!(pems.reaches(&server, &[]));
    let plain = server.addresses[1].to_string();
    assert_eq!(Request::new("GET", "/").send(&plain).unwrap().status, 200);
    // Where a new connector is said to be follows the request.
    let body = r#"{"name":"a","config":{"connector.class":"org.apache.kafka.connect.file.FileStreamSinkConnector","topics":"t"}}"#;
    let url = format!("https://localhost:{}/connectors", server.address.port());
    let output = Command::new("curl")
        .args(["-sS", "-D-", "-o/dev/null", "--max-time", "60", "--cacert", &pems.path("ca.pem")])
        .args(["-H", "Content-Type: application/json", "-d", body, &url])
        .output()
        .unwrap();
    let head = String::from_utf8(output.stdout).unwrap().to_lowercase();
    assert!(head.contains(&format!("location: {url}/a")), "{head}");
    let created = Request::new("POST", "/connectors").json(&body.replace("\"a\"", "\"b\"")).send(&plain).unwrap();
    assert_eq!(created.header("location"), Some(format!("http://{plain}/connectors/b").as_str()));
}

#[test]
fn a_client_that_does_not_finish_its_handshake_holds_up_nobody() {
    let pems = Pems::new();
    let server = Server::configured(&[HTTPS, ("ssl.keystore.location", &pems.path("own.pem"))], &[]);
    let silent: Vec<_> = (0..8).map(|_| std::net::TcpStream::connect(server.address).unwrap()).collect();
    assert!(pems.reaches(&server, &[]));
    drop(silent);
}

#[test]
fn admin_endpoints_are_together_with_the_others_or_apart_or_off() {
    let status = |address: &std::net::SocketAddr, path: &str| {
        Request::new("GET", path).send(&address.to_string()).unwrap().status
    };
    let local = ("listeners", "http://127.0.0.1:0");
    let together = Server::configured(&[local], &[]);
    assert_eq!(status(&together.address, "/admin/loggers"), 200);
    let off = Server::configured(&[local, ("admin.listeners", "")], &[]);
    assert_eq!((status(&off.address, "/admin/loggers"), status(&off.address, "/")), (404, 200));
    let headers = ("response.http.headers.config", "set X-A:b");
    let apart = Server::configured(&[local, ("admin.listeners", "http://127.0.0.1:0"), headers], &[]);
    assert_eq!((status(&apart.address, "/admin/loggers"), status(&apart.address, "/")), (404, 200));
    assert_eq!((status(&apart.admin[0], "/admin/loggers"), status(&apart.admin[0], "/")), (200, 404));
    let answer = |address: &std::net::SocketAddr| Request::new("GET", "/").send(&address.to_string()).unwrap();
    assert_eq!(answer(&apart.address).header("x-a"), Some("b"));
    assert_eq!(answer(&apart.admin[0]).header("x-a"), None);
}

fn written(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn basic_auth_lets_in_who_is_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let users = written(folder.path(), "users", "ada=lovelace\n");
    let module = "org.apache.kafka.connect.rest.basic.auth.extension.PropertyFileLoginModule";
    let jaas = format!("KafkaConnect {{ {module} required file=\"{}\"; }};", users.display());
    let jaas = written(folder.path(), "jaas.conf", &jaas);
    let server = Server::configured(
        &[
            ("listeners", "http://127.0.0.1:0"),
            (
                "rest.extension.classes",
                "org.apache.kafka.connect.rest.basic.auth.extension.BasicAuthSecurityRestExtension",
            ),
            ("access.control.allow.origin", "*"),
        ],
        &[("KAFKA_OPTS", &format!("-Djava.security.auth.login.config={}", jaas.display()))],
    );
    let ask = |method: &str, path: &str, authorization: Option<&str>| {
        let request = Request::new(method, path).header("Origin", "http://a");
        let request = match authorization {
            Some(value) => request.header("Authorization", value),
            None => request,
        };
        request.send(&server.authority()).unwrap()
    };
    let good = Some("Basic YWRhOmxvdmVsYWNl");
    assert_eq!(ask("GET", "/connectors", good).status, 200);
    for (method, path) in
        [("GET", "/"), ("GET", "/health"), ("GET", "/metrics"), ("PUT", "/nowhere"), ("GET", "/admin/loggers")]
    {
        let refused = ask(method, path, None);
        assert_eq!((refused.status, refused.text().as_str()), (401, "User cannot access the resource."), "{path}");
        assert_eq!(refused.header("www-authenticate"), None, "no browser is asked to ask for a password");
        assert_eq!(refused.header("access-control-allow-origin"), Some("http://a"));
    }
    assert_eq!(ask("GET", "/connectors", Some("Basic YWRhOmJ5cm9u")).status, 401);
    // Workers sign what they send each other.
    assert_eq!(ask("PUT", "/connectors/a/fence", None).status, 500);
    assert_eq!(ask("POST", "/connectors/a/tasks/", None).status, 500);
    // A changed file counts at once.
    std::fs::write(&users, "ada=byron-lovelace\n").unwrap();
    assert_eq!(ask("GET", "/connectors", good).status, 401);
}

fn allowed(response: &Response) -> Option<&str> {
    response.header("access-control-allow-origin")
}

#[test]
fn browsers_of_other_origins_are_told_what_they_may_do() {
    let server = Server::configured(
        &[
            ("listeners", "http://127.0.0.1:0"),
            ("access.control.allow.origin", "http://a.example,https://*.b.example"),
            ("access.control.allow.methods", "GET,PUT"),
        ],
        &[],
    );
    let ask = |method: &str, path: &str, headers: &[(&str, &str)]| {
        let request =
            headers.iter().fold(Request::new(method, path), |request, (name, value)| request.header(name, value));
        request.send(&server.authority()).unwrap()
    };
    let a = ("Origin", "http://a.example");
    let simple = ask("GET", "/connectors", &[a]);
    assert_eq!((simple.status, allowed(&simple)), (200, Some(a.1)));
    assert_eq!(simple.header("access-control-allow-credentials"), Some("true"));
    assert_eq!(allowed(&ask("GET", "/connectors", &[("Origin", "https://x.b.example")])), Some("https://x.b.example"));
    assert_eq!(allowed(&ask("GET", "/connectors", &[("Origin", "http://c.example")])), None);
    assert_eq!(allowed(&ask("GET", "/connectors", &[])), None);
    assert_eq!(allowed(&ask("DELETE", "/connectors/none", &[a])), Some(a.1), "a browser asks before it sends that");

    let question = |method: &'static str| [a, ("Access-Control-Request-Method", method)];
    let granted = ask("OPTIONS", "/connectors", &question("PUT"));
    assert_eq!((granted.status, allowed(&granted)), (200, Some(a.1)));
    assert_eq!(granted.header("access-control-allow-methods"), Some("GET,PUT"));
    assert_eq!(granted.header("access-control-allow-headers"), Some("X-Requested-With,Content-Type,Accept,Origin"));
    assert_eq!(granted.header("access-control-max-age"), Some("1800"));
    let missing = ask("OPTIONS", "/nowhere", &question("PUT"));
    assert_eq!((missing.status, allowed(&missing)), (404, Some(a.1)));
    assert_eq!(allowed(&ask("OPTIONS", "/connectors", &question("DELETE"))), None);
    let custom = [&question("PUT")[..], &[("Access-Control-Request-Headers", "content-type, X-Mine")]].concat();
    assert_eq!(allowed(&ask("OPTIONS", "/connectors", &custom)), None);
    let known = [&question("PUT")[..], &[("Access-Control-Request-Headers", "content-type")]].concat();
    assert_eq!(allowed(&ask("OPTIONS", "/connectors", &known)), Some(a.1));
}

#[test]
fn configured_headers_are_on_every_answer() {
    let rules =
        "set X-Frame-Options:DENY, \"add Cache-Control: no-cache, no-store\", setDate Expires:0, set Server: me";
    let properties = [("listeners", "http://127.0.0.1:0"), ("response.http.headers.config", rules)];
    let server = Server::configured(&properties, &[]);
    for path in ["/", "/nowhere", "/admin/loggers"] {
        let answer = Request::new("GET", path).send(&server.authority()).unwrap();
        assert_eq!(answer.header("x-frame-options"), Some("DENY"), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-cache, no-store"));
        assert!(answer.header("expires").unwrap().ends_with(" GMT"));
    }
}

#[test]
fn health_is_asked_over_https() {
    let (key, trust) = (store("key.p12"), store("trust.p12"));
    let keystore = [("ssl.keystore.location", &*key), ("ssl.keystore.password", "secret")];
    let truststore = [("ssl.truststore.location", &*trust), ("ssl.truststore.password", "secret")];
    let strict = [("ssl.client.auth", "required")];
    let server = Server::configured(&[&[HTTPS][..], &keystore, &truststore, &strict].concat(), &[]);
    let port = server.address.port();
    let folder = tempfile::tempdir().unwrap();
    let health = |arguments: &[&str], settings: &[(&str, &str)]| {
        let file = folder.path().join("worker.properties");
        let lines: Vec<_> = settings.iter().map(|(key, value)| format!("{key}={value}\n")).collect();
        std::fs::write(&file, lines.concat()).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_longshore"));
        let output = command.env_clear().arg("health").args(arguments).arg("--config").arg(file).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let listener = format!("https://0.0.0.0:{port}");
    let own = [&[("listeners", listener.as_str())][..], &keystore].concat();
    assert_eq!(health(&[], &own), (Some(0), String::new()), "the worker's own settings reach it");
    let url = format!("https://localhost:{port}");
    assert_eq!(health(&[&url], &[&keystore[..], &truststore].concat()).0, Some(0));

    let (code, said) = health(&[&url], &keystore);
    assert!(code == Some(1) && said.contains(&url) && said.contains("UnknownIssuer"), "{said}");
    let (code, said) = health(&[&url], &truststore);
    assert!(code == Some(1) && said.contains(&url), "without a certificate there is no connection: {said}");
    let (code, said) = health(&[], &[("listeners", &listener), ("ssl.keystore.location", "/nowhere/key.jks")]);
    assert!(code == Some(1) && said.contains("ssl.keystore.location"), "{said}");
    let provider = "org.apache.kafka.common.config.provider.EnvVarConfigProvider";
    for (name, password) in [("PLAIN", "secret"), ("PROVIDED", "${env:KEY_PASSWORD}")] {
        let variables = [
            ("CONNECT_LISTENERS", listener.as_str()),
            ("CONNECT_SSL_KEYSTORE_LOCATION", &key),
            ("CONNECT_SSL_KEYSTORE_PASSWORD", password),
            ("CONNECT_CONFIG_PROVIDERS", "env"),
            ("CONNECT_CONFIG_PROVIDERS_ENV_CLASS", provider),
            ("KEY_PASSWORD", "secret"),
        ];
        let mut command = Command::new(env!("CARGO_BIN_EXE_longshore"));
        let output = command.env_clear().envs(variables).arg("health").output().unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
