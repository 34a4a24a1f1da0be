//! A registry of the process's own, that answers what a test wants.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// `GET /subjects`.
    pub(crate) line: String,
    /// Header lines, names in lower case.
    pub(crate) headers: Vec<String>,
    /// The body.
    pub(crate) body: String,
}

/// What the fake says: status and body.
pub(crate) type Answer = (u16, String);

/// A listener that answers by a function until the test ends.
pub(crate) struct Fake {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Fake {
    pub(crate) fn start(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        Self::serving("http", |connection| connection, answer)
    }

    /// Over TLS.
    pub(crate) fn secure(tls: ServerConfig, answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        let tls = Arc::new(tls);
        let wrap = move |connection| StreamOwned::new(ServerConnection::new(Arc::clone(&tls)).unwrap(), connection);
        Self::serving("https", wrap, answer)
    }

    fn serving<S: Read + Write>(
        scheme: &str,
        wrap: impl Fn(TcpStream) -> S + Send + 'static,
        answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("{scheme}://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let _closed = serve(&mut wrap(connection.unwrap()), &answer, &seen);
            }
        });
        Self { url, asked }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// The first lines of what was asked since the last call.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.asked.lock().unwrap().drain(..).map(|asked| asked.line).collect()
    }
}

/// One request a connection.
fn serve(
    connection: &mut (impl Read + Write),
    answer: &impl Fn(&Asked) -> Answer,
    seen: &Mutex<Vec<Asked>>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(&mut *connection);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut headers = Vec::new();
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        let name = name.to_lowercase();
        if name == "content-length" {
            length = value.parse().unwrap();
        }
        headers.push(format!("{name}: {value}"));
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let line = line.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
    let asked = Asked { line, headers, body: String::from_utf8(body).unwrap() };
    seen.lock().unwrap().push(asked.clone());
    let (status, body) = answer(&asked);
    write!(connection, "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())?;
    connection.flush()
}
