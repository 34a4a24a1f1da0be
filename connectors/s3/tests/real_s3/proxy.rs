//! A proxy before the server that makes trouble: it is busy, cuts connections, loses answers, is slow.
//!
//! A connection carries one request, so that each request meets the trouble that the test has planned for it.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What happens to a request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fate {
    /// It is answered by the server.
    Pass,
    /// The proxy answers 503 in the server's place.
    Busy,
    /// The connection ends after so many bytes of the body.
    Cut(u64),
    /// The server does it, and its answer never arrives.
    LoseAnswer,
    /// All bytes go at a hundredth of the usual speed.
    Slow,
}

/// A request, as far as plans look at it.
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    /// Path and query.
    pub(crate) target: &'a str,
    /// How many came before it since the plan was made.
    pub(crate) number: usize,
}

type Plan = Box<dyn FnMut(&Request<'_>) -> Fate + Send>;

/// The proxy; it ends with the test's runtime.
pub(crate) struct Proxy {
    pub(crate) url: String,
    state: Arc<Mutex<(Plan, usize)>>,
}

impl Proxy {
    /// A proxy before a server, to which nothing happens yet.
    pub(crate) async fn start(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let target = server.trim_start_matches("http://").to_owned();
        let plan: Plan = Box::new(|_| Fate::Pass);
        let state = Arc::new(Mutex::new((plan, 0)));
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (target, state) = (target.clone(), Arc::clone(&shared));
                // Either side may hang up, which is what it is for.
                tokio::spawn(async move { drop(serve(client, &target, &state).await) });
            }
        });
        Self { url, state }
    }

    /// From now on a request's fate is what this says.
    pub(crate) fn plan(&self, plan: impl FnMut(&Request<'_>) -> Fate + Send + 'static) {
        *self.state.lock().unwrap() = (Box::new(plan), 0);
    }

    /// How many requests came since the plan was made.
    pub(crate) fn requests(&self) -> usize {
        self.state.lock().unwrap().1
    }
}

async fn serve(client: TcpStream, target: &str, state: &Mutex<(Plan, usize)>) -> io::Result<()> {
    let mut client = BufReader::new(client);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await?);
    }
    let text = String::from_utf8_lossy(&head);
    let mut words = text.split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<u64>().unwrap())
    });
    let length = length.unwrap_or(0);
    let fate = {
        let (plan, number) = &mut *state.lock().unwrap();
        let fate = plan(&Request { method, target: path, number: *number });
        *number += 1;
        fate
    };
    if matches!(fate, Fate::Busy) {
        return be_busy(client, method, length).await;
    }
    let server = TcpStream::connect(target).await?;
    let (mut from_server, mut to_server) = server.into_split();
    to_server.write_all(&head[..head.len() - 2]).await?;
    to_server.write_all(b"Connection: close\r\n\r\n").await?;
    let (mut from_client, mut to_client) = tokio::io::split(client);
    let length = if let Fate::Cut(after) = fate { after.min(length) } else { length };
    let mut body = (&mut from_client).take(length);
    let is_slow = matches!(fate, Fate::Slow);
    match fate {
        Fate::Cut(_) => pump(&mut body, &mut to_server, false).await,
        Fate::LoseAnswer => {
            let mut lost = tokio::io::sink();
            tokio::try_join!(pump(&mut body, &mut to_server, false), pump(&mut from_server, &mut lost, false))
                .map(|_| ())
        }
        _ => {
            let done = tokio::try_join!(
                pump(&mut body, &mut to_server, is_slow),
                pump(&mut from_server, &mut to_client, is_slow)
            );
            done?;
            to_client.shutdown().await
        }
    }
}

async fn be_busy(mut client: BufReader<TcpStream>, method: &str, length: u64) -> io::Result<()> {
    let body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
                <Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>";
    let body = if method == "HEAD" { "" } else { body };
    let answer = format!(
        "HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    client.write_all(answer.as_bytes()).await?;
    client.shutdown().await?;
    // What is still being sent is read, or the client would not get to the answer.
    tokio::io::copy(&mut client.take(length), &mut tokio::io::sink()).await.map(|_| ())
}

async fn pump(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    is_slow: bool,
) -> io::Result<()> {
    let mut buffer = vec![0; 32 * 1024];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        to.write_all(&buffer[..read]).await?;
        if is_slow {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}
