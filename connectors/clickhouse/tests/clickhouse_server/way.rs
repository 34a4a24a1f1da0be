//! What stands on the way to a server: proxies, a front that ends TLS, a balancer.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// Whoever passes bytes on to a server, and what it has heard. It ends with the test's runtime.
pub(crate) struct Way {
    pub(crate) port: String,
    heard: Arc<Mutex<Vec<String>>>,
    is_away: Arc<AtomicBool>,
}

/// What one of them does with a connection before the bytes flow.
#[derive(Clone)]
enum Greeting {
    /// SOCKS version 5; with a login where there is one.
    Socks(Option<(&'static str, &'static str)>),
    /// HTTP's CONNECT.
    Connect,
    /// TLS, for which it hears the name.
    Tls(TlsAcceptor),
    /// None: one request a connection is passed on, or answered in the server's place where it is away.
    Balance(Arc<AtomicBool>),
}

impl Way {
    /// A proxy of SOCKS that knows the server by any name; who has no such login does not come through. It hears names.
    pub(crate) async fn socks(server: &str, login: Option<(&'static str, &'static str)>) -> Self {
        Self::start(server, Greeting::Socks(login)).await
    }

    /// A proxy of HTTP that knows the server by any name. It hears the heads of requests.
    pub(crate) async fn connect(server: &str) -> Self {
        Self::start(server, Greeting::Connect).await
    }

    /// A front that ends TLS for the server. It hears the names in handshakes and the heads of requests.
    pub(crate) async fn tls(server: &str, chain: Vec<Vec<u8>>, key: Vec<u8>) -> Self {
        let chain = chain.into_iter().map(CertificateDer::from).collect();
        let key = PrivateKeyDer::Pkcs8(key.into());
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|config| config.with_no_client_auth().with_single_cert(chain, key))
            .expect("a key and its certificate");
        Self::start(server, Greeting::Tls(TlsAcceptor::from(Arc::new(config)))).await
    }

    /// A balancer, which answers for a server that is away.
    pub(crate) async fn balancer(server: &str) -> Self {
        let is_away = Arc::<AtomicBool>::default();
        Self { is_away: Arc::clone(&is_away), ..Self::start(server, Greeting::Balance(is_away)).await }
    }

    /// Whether the balancer has the server for one that is away.
    pub(crate) fn is_away(&self, is_away: bool) {
        self.is_away.store(is_away, Ordering::SeqCst);
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// What was heard since the last time.
    pub(crate) fn heard(&self) -> Vec<String> {
        std::mem::take(&mut self.heard.lock().expect("nobody panicked"))
    }

    async fn start(server: &str, greeting: Greeting) -> Self {
        let server: SocketAddr = server.trim_start_matches("http://").parse().expect("an address");
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let port = listener.local_addr().expect("an address").port().to_string();
        let heard = Arc::<Mutex<Vec<String>>>::default();
        let ear = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (greeting, ear) = (greeting.clone(), Arc::clone(&ear));
                // A client that ends in the middle is no concern of the others.
                tokio::spawn(async move { greeting.serve(stream, server, &ear).await });
            }
        });
        Self { port, heard, is_away: Arc::default() }
    }
}

impl Greeting {
    async fn serve(self, mut stream: TcpStream, server: SocketAddr, ear: &Mutex<Vec<String>>) -> std::io::Result<()> {
        let hear = |what: String| ear.lock().expect("nobody panicked").push(what);
        match self {
            Greeting::Socks(login) => match socks(&mut stream, login).await? {
                Some(target) => hear(target),
                None => return Ok(()),
            },
            Greeting::Connect => {
                hear(head(&mut stream).await?);
                stream.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").await?;
            }
            Greeting::Balance(is_away) => {
                let head = head(&mut stream).await?;
                let length = head.to_lowercase().split_once("content-length: ").expect("a length").1.to_owned();
                let length = length.split_once("\r\n").expect("its end").0.parse().expect("a number");
                let mut body = vec![0; length];
                stream.read_exact(&mut body).await?;
                if is_away.load(Ordering::SeqCst) {
                    let page = "<html>We are back soon</html>";
                    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{page}", page.len());
                    return stream.write_all(answer.as_bytes()).await;
                }
                let mut server = TcpStream::connect(server).await?;
                server
                    .write_all(&[head.replacen("\r\n", "\r\nConnection: close\r\n", 1).as_bytes(), &body].concat())
                    .await?;
                return tokio::io::copy(&mut server, &mut stream).await.map(drop);
            }
            Greeting::Tls(acceptor) => {
                let mut stream = acceptor.accept(stream).await?;
                hear(stream.get_ref().1.server_name().unwrap_or("").to_owned());
                let mut server = TcpStream::connect(server).await?;
                let head = head(&mut stream).await?;
                server.write_all(head.as_bytes()).await?;
                hear(head);
                return pass_on(stream, server).await;
            }
        }
        pass_on(stream, TcpStream::connect(server).await?).await
    }
}

async fn pass_on(mut one: impl AsyncRead + AsyncWrite + Unpin, mut other: TcpStream) -> std::io::Result<()> {
    copy_bidirectional(&mut one, &mut other).await.map(drop)
}

/// A request up to its empty line.
async fn head(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// The proxy's part of RFC 1928, and of RFC 1929 for a login: gives `host:port`, or nothing where it lets nobody through.
async fn socks(stream: &mut TcpStream, login: Option<(&str, &str)>) -> std::io::Result<Option<String>> {
    assert_eq!(stream.read_u8().await?, 5, "the version");
    let methods = text(stream).await?.into_bytes();
    let method = if login.is_some() { 2 } else { 0 };
    if !methods.contains(&method) {
        stream.write_all(&[5, 0xFF]).await?;
        return Ok(None);
    }
    stream.write_all(&[5, method]).await?;
    if let Some((user, password)) = login {
        assert_eq!(stream.read_u8().await?, 1, "the version of a login");
        let is_it = (text(stream).await?, text(stream).await?) == (user.to_owned(), password.to_owned());
        stream.write_all(&[1, u8::from(!is_it)]).await?;
        if !is_it {
            return Ok(None);
        }
    }
    let mut request = [0; 4];
    stream.read_exact(&mut request).await?;
    assert_eq!(request[..3], [5, 1, 0], "CONNECT");
    let host = match request[3] {
        1 => std::net::Ipv4Addr::from(stream.read_u32().await?).to_string(),
        3 => text(stream).await?,
        other => panic!("addresses of type {other}"),
    };
    let port = stream.read_u16().await?;
    stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
    Ok(Some(format!("{host}:{port}")))
}

/// A text after a byte with its length.
async fn text(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut text = vec![0; usize::from(stream.read_u8().await?)];
    stream.read_exact(&mut text).await?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
