//! ClickHouse's HTTP interface: questions, statements and inserts.

mod connection;
mod lz4;
pub(crate) mod sni;

use std::sync::Arc;
use std::time::Duration;

use longshore_api::config::Props;
use longshore_api::{ConnectError, Result};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio_util::sync::CancellationToken;
use ureq::Agent;
use ureq::http::{HeaderMap, HeaderValue, Request, header};

use crate::VERSION;
use crate::errors::{self, Failure};
use connection::Connection;
pub(crate) use connection::server_settings_of;

/// What must be escaped in a query string.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The most bytes of an answer: descriptions of tables are far smaller.
const MAX_ANSWER: u64 = 16 << 20;
/// The most bytes of an insert's statement in a URL: servers and what stands before them take 8 KiB of a request's
/// first line and more, the HTTP client 64. A longer one is the first line of the body.
const MOST_IN_URL: usize = 4 << 10;
/// The longest statement that a server takes unasked (`max_query_size`), with room for how it counts.
const LONG_STATEMENT: usize = 250_000;
/// How long an idle connection is kept.
const IDLE: Duration = Duration::from_secs(5);
/// Between two tries of a question.
const PAUSE: Duration = Duration::from_millis(200);
/// How long a call that has begun may go on after the task was asked to end.
const GRACE: Duration = Duration::from_secs(3);

/// A name and a value of a query string.
pub(crate) type Param = (String, String);

/// A server. Calls run on threads that may block, bounded by the time-outs.
#[derive(Clone)]
pub(crate) struct Client {
    shared: Arc<Shared>,
    cancelled: CancellationToken,
}

struct Shared {
    agent: Agent,
    /// `http://host:port/`
    url: String,
    /// `host:port`, for messages.
    address: String,
    headers: HeaderMap,
    params: Vec<Param>,
    retries: u32,
    question: Duration,
    insert: Duration,
    compresses: bool,
}

/// An insert: its statement, its settings, and the rows.
pub(crate) struct Insert {
    pub(crate) statement: String,
    pub(crate) params: Vec<Param>,
    pub(crate) rows: Vec<u8>,
}

impl Client {
    /// A client for what the keys say; nothing is sent yet.
    ///
    /// # Errors
    /// Kind Config.
    pub(crate) fn new(props: &Props, cancelled: CancellationToken) -> Result<Self> {
        let connection = Connection::new(props)?;
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            // The server lets go of an idle connection after ten seconds.
            .max_idle_age(IDLE)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(connection.proxy)
            .tls_config(connection.tls)
            .timeout_connect(Some(connection.connect_timeout))
            .user_agent(format!("clickhouse-kafka-connect/{VERSION} (Longshore)"))
            .build();
        let agent = match connection.sni {
            Some(name) => sni::agent(agent, &name)?,
            None => Agent::new_with_config(agent),
        };
        let shared = Shared {
            agent,
            url: format!("{}://{}/", connection.scheme, connection.address),
            headers: headers(&connection.user, &connection.password)?,
            address: connection.address,
            params: connection.params,
            retries: connection.retries,
            question: connection.question_timeout,
            insert: connection.insert_timeout,
            compresses: connection.compresses,
        };
        Ok(Self { shared: Arc::new(shared), cancelled })
    }

    /// `host:port`.
    pub(crate) fn address(&self) -> &str {
        &self.shared.address
    }

    /// Whether the task is to end: what has not begun does not begin any more.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.is_cancelled()
    }

    /// Asks, and gives the text of the answer; asks again where no answer came. Statements that change something must
    /// bear being carried out twice.
    pub(crate) async fn ask(&self, statement: &str, params: &[Param]) -> Result<String, Failure> {
        let mut tries = 0;
        loop {
            let failure = match self.ask_once(statement, params).await {
                Err(Failure::Passing(error) | Failure::TooMuch(error)) => error,
                other => return other,
            };
            tries += 1;
            if tries > self.shared.retries || self.cancelled.is_cancelled() {
                return Err(Failure::Passing(failure));
            }
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                () = self.cancelled.cancelled() => {}
            }
        }
    }

    /// Asks once.
    pub(crate) async fn ask_once(&self, statement: &str, params: &[Param]) -> Result<String, Failure> {
        let (url, timeout) = (self.shared.url_with(params, statement), self.shared.question);
        self.call(url, timeout, statement.as_bytes().to_vec(), false).await.0
    }

    /// Sends rows, and returns when the server has taken them all. Gives their memory back, unless nobody waited for the
    /// answer.
    pub(crate) async fn insert(&self, insert: Insert) -> (Result<(), Failure>, Vec<u8>) {
        let Insert { statement, mut params, mut rows } = insert;
        let url = if statement.len() > MOST_IN_URL {
            rows.splice(0..0, statement.bytes().chain([b'\n']));
            self.shared.url_with(&params, &statement)
        } else {
            params.push(("query".to_owned(), statement));
            self.shared.url_with(&params, "")
        };
        let (answer, rows) = self.call(url, self.shared.insert, rows, self.shared.compresses).await;
        let taken = answer.and_then(|text| match text.trim() {
            // The server says nothing to an insert that it has taken. Others on the way may say that all is well.
            "" => Ok(()),
            page => Err(Failure::Passing(self.away(&errors::strange(page)))),
        });
        (taken, rows)
    }

    async fn call(
        &self,
        url: String,
        timeout: Duration,
        body: Vec<u8>,
        compress: bool,
    ) -> (Result<String, Failure>, Vec<u8>) {
        let shared = Arc::clone(&self.shared);
        let mut call = tokio::task::spawn_blocking(move || {
            let answer = if compress {
                shared.post(&url, timeout, &lz4::frame(&body), true)
            } else {
                shared.post(&url, timeout, &body, false)
            };
            (answer, body)
        });
        let overdue = async {
            self.cancelled.cancelled().await;
            tokio::time::sleep(GRACE).await;
        };
        let given_up = |why: &str| (Err(Failure::Passing(self.away(why))), Vec::new());
        tokio::select! {
            ended = &mut call => ended.unwrap_or_else(|error| given_up(&error.to_string())),
            () = overdue => given_up("the task ends before the server has answered"),
        }
    }

    fn away(&self, why: &str) -> ConnectError {
        errors::away(&self.shared.address, why)
    }
}

impl Shared {
    /// The URL of a request with a statement in its body; a long one asks the server to read that much. What a request
    /// says itself counts alone: of a setting that comes twice, the server may take either.
    fn url_with(&self, params: &[Param], statement: &str) -> String {
        let shared = || self.params.iter().filter(|(name, _)| params.iter().all(|(own, _)| own != name));
        let params = || shared().chain(params);
        let is_long = statement.len() > LONG_STATEMENT && params().all(|(name, _)| name != "max_query_size");
        let size = is_long.then(|| ("max_query_size".to_owned(), (statement.len() * 2).to_string()));
        let mut url = self.url.clone();
        for (index, (name, value)) in params().chain(&size).enumerate() {
            url.push(if index == 0 { '?' } else { '&' });
            url.extend(utf8_percent_encode(name, VALUE));
            url.push('=');
            url.extend(utf8_percent_encode(value, VALUE));
        }
        url
    }

    fn post(&self, url: &str, timeout: Duration, body: &[u8], is_lz4: bool) -> Result<String, Failure> {
        let mut request = Request::post(url).body(body).map_err(|error| self.failure(&error.into()))?;
        *request.headers_mut() = self.headers.clone();
        if is_lz4 {
            request.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("lz4"));
        }
        let request = self
            .agent
            .configure_request(request)
            .timeout_send_request(Some(timeout))
            .timeout_send_body(Some(timeout))
            .timeout_recv_response(Some(timeout))
            .timeout_recv_body(Some(timeout))
            .build();
        let mut answer = self.agent.run(request).map_err(|error| self.failure(&error))?;
        let status = answer.status().as_u16();
        let code = answer.headers().get("X-ClickHouse-Exception-Code");
        let code = code.and_then(|code| code.to_str().ok()?.parse().ok());
        let text = answer.body_mut().with_config().limit(MAX_ANSWER).lossy_utf8(true).read_to_string();
        let text = text.map_err(|error| self.failure(&error))?;
        if (200..300).contains(&status) && code.is_none() {
            Ok(text)
        } else {
            Err(errors::refused(&self.address, status, code, &text))
        }
    }

    /// What a request without an answer means.
    fn failure(&self, error: &ureq::Error) -> Failure {
        let address = &self.address;
        match error {
            ureq::Error::Rustls(_) | ureq::Error::Tls(_) | ureq::Error::Pem(_) => self.no_tls(error),
            // What TLS finds wrong comes as a reader's error. Certificates do not mend themselves; the rest may.
            ureq::Error::Io(io) if is_about_certificates(io) => self.no_tls(error),
            ureq::Error::BadUri(_) | ureq::Error::Http(_) => {
                Failure::Settings(ConnectError::config(format!("hostname: {address} is no address of a server")))
            }
            ureq::Error::Timeout(which) => Failure::Passing(errors::away(address, &format!("timeout: {which}"))),
            _ => Failure::Passing(errors::away(address, &error.to_string())),
        }
    }
}

/// Whether TLS failed for a certificate: the server's was not trusted, or it wants one or another.
fn is_about_certificates(error: &std::io::Error) -> bool {
    use rustls::{AlertDescription as Alert, Error};
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    matches!(
        inner,
        Some(
            Error::InvalidCertificate(_)
                | Error::NoCertificatesPresented
                | Error::AlertReceived(
                    Alert::BadCertificate
                        | Alert::UnsupportedCertificate
                        | Alert::CertificateRevoked
                        | Alert::CertificateExpired
                        | Alert::CertificateUnknown
                        | Alert::CertificateRequired
                        | Alert::UnknownCA
                        | Alert::AccessDenied
                )
        )
    )
}

impl Shared {
    fn no_tls(&self, error: &ureq::Error) -> Failure {
        let address = &self.address;
        Failure::Settings(ConnectError::config(format!("ssl: TLS to ClickHouse at {address} fails: {error}")))
    }
}

fn headers(user: &str, password: &str) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (key, name, text) in [("username", "X-ClickHouse-User", user), ("password", "X-ClickHouse-Key", password)] {
        let wrong = |_| ConnectError::config(format!("{key}: it holds characters that no HTTP header can"));
        let mut value = HeaderValue::from_bytes(text.as_bytes()).map_err(wrong)?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok(headers)
}

/// A name in backquotes.
pub(crate) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`"))
}

/// A text in single quotes.
pub(crate) fn text(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}
