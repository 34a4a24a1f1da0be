//! An OAuth server that knows one client, and gives it tokens that end soon.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use ring::hmac;
use serde_json::{Value as Json, json};

const KEY: &[u8] = b"32 bytes that sign a test's tokens";
pub(crate) const CLIENT: &str = "longshore";
pub(crate) const SECRET: &str = "sesame";

/// The server. It ends with the test's process.
pub(crate) struct TokenServer {
    pub(crate) url: String,
    /// How many tokens it has given.
    pub(crate) given: Arc<AtomicUsize>,
    /// How often it has been asked.
    pub(crate) asked: Arc<AtomicUsize>,
    /// HTTP status of every answer; 200 gives tokens.
    pub(crate) status: Arc<AtomicU64>,
    folder: tempfile::TempDir,
}

impl TokenServer {
    /// A server whose tokens hold for so many seconds.
    pub(crate) fn start(seconds: u64) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}/token", listener.local_addr().unwrap());
        let (given, asked, status) =
            (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default(), Arc::new(200.into()));
        let (count, requests, answer) = (Arc::clone(&given), Arc::clone(&asked), Arc::clone(&status));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let status = AtomicU64::load(&answer, Ordering::SeqCst);
                if serve(&stream.unwrap(), status, seconds) {
                    count.fetch_add(1, Ordering::SeqCst);
                }
                requests.fetch_add(1, Ordering::SeqCst);
            }
        });
        let folder = tempfile::tempdir().unwrap();
        let key = json!({ "kty": "oct", "kid": "test", "alg": "HS256", "k": BASE64_URL_SAFE_NO_PAD.encode(KEY) });
        std::fs::write(folder.path().join("jwks.json"), json!({ "keys": [key] }).to_string()).unwrap();
        Self { url, given, asked, status, folder }
    }

    /// The file with the keys that sign its tokens.
    pub(crate) fn keys(&self) -> PathBuf {
        let path: &Path = self.folder.path();
        path.join("jwks.json")
    }
}

/// Answers one request; whether with a token.
fn serve(stream: &TcpStream, status: u64, seconds: u64) -> bool {
    let mut reader = BufReader::new(stream);
    let (mut authorization, mut length, mut line) = (String::new(), 0, String::new());
    while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
        let (name, value) = line.split_once(':').unwrap_or(("", ""));
        match name.to_ascii_lowercase().as_str() {
            "authorization" => value.trim().clone_into(&mut authorization),
            "content-length" => length = value.trim().parse().unwrap(),
            _ => {}
        }
        line.clear();
    }
    let mut form = vec![0; length];
    reader.read_exact(&mut form).unwrap();
    let known = authorization == format!("Basic {}", BASE64_STANDARD.encode(format!("{CLIENT}:{SECRET}")));
    let asked = form == b"grant_type=client_credentials&scope=kafka";
    let (status, body) = match status {
        200 if known && asked => (200, json!({ "access_token": token(seconds), "expires_in": seconds })),
        200 => (401, json!({ "error": "invalid_client" })),
        other => (other, Json::Null),
    };
    let mut answer = String::new();
    let body = body.to_string();
    write!(answer, "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len()).unwrap();
    // A client that is gone needs no answer.
    (&*stream).write_all(answer.as_bytes()).is_ok() && status == 200
}

fn token(seconds: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let part = |json: Json| BASE64_URL_SAFE_NO_PAD.encode(json.to_string());
    let head = part(json!({ "alg": "HS256", "kid": "test" }));
    let claims = part(json!({ "sub": CLIENT, "aud": "kafka", "iat": now, "exp": now + seconds, "scope": "kafka" }));
    let signed = format!("{head}.{claims}");
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, KEY), signed.as_bytes());
    format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}
