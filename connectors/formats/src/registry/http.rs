//! The registry's HTTP: one call, asked of one URL after the other.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use longshore_api::config::ParsedConfig;
use longshore_api::{ConnectError, Props, Result};
use percent_encoding::percent_decode_str;
use serde_json::Value as Json;
use ureq::http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use ureq::http::{Method, Request};
use ureq::{Agent, Proxy};

use super::auth::{Auth, basic_header};
use super::error::RegistryError;
use super::tls;

const MEDIA_TYPE: &str = "application/vnd.schemaregistry.v1+json";
/// The most that an answer may have: a schema with its references is far smaller.
const MAX_ANSWER: u64 = 16 << 20;

/// The registry's URLs and how they are asked. Calls block; see [`super::Schemas::supply`] for where they run.
pub(super) struct Http {
    agent: Agent,
    bases: Vec<Base>,
    /// Index of the URL that answered last.
    current: AtomicUsize,
    headers: HeaderMap,
    auth: Auth,
}

/// One of the registry's URLs.
struct Base {
    /// Without login and without a slash at the end.
    url: String,
    /// The login that stood in it.
    login: Option<String>,
}

impl Http {
    /// What the keys say; `props` are those of the converter, for `request.header.*` and for
    /// messages.
    ///
    /// # Errors
    /// Kind Config.
    pub(super) fn new(config: &ParsedConfig, props: &Props) -> Result<Self> {
        let millis = |key| Duration::from_millis(u64::try_from(config.integer(key)).unwrap_or(0).max(1));
        let (connect, read) = (millis("http.connect.timeout.ms"), millis("http.read.timeout.ms"));
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .proxy(proxy(config)?)
            .tls_config(tls::config(config, props)?)
            .timeout_connect(Some(connect))
            .timeout_global(Some(connect.saturating_add(read)))
            .build();
        let bases = config.list("schema.registry.url").iter().map(|url| Base::parse(url)).collect::<Result<_>>()?;
        Ok(Self {
            agent: Agent::new_with_config(agent),
            bases,
            current: AtomicUsize::new(0),
            headers: headers(config, props)?,
            auth: Auth::new(config)?,
        })
    }

    /// Asks, and gives the JSON of the answer. URLs that do not answer, or that say that they cannot now, are passed
    /// over for the next one.
    pub(super) fn call(&self, method: &Method, path: &str, body: Option<&Json>) -> Result<Json, RegistryError> {
        let first = self.current.load(Ordering::Relaxed);
        let mut failures = Vec::new();
        for turn in 0..self.bases.len() {
            let index = (first + turn) % self.bases.len();
            let base = &self.bases[index];
            match self.ask(base, method, path, body) {
                Err(RegistryError::Unavailable(why)) => failures.push(format!("{}: {why}", base.url)),
                outcome => {
                    self.current.store(index, Ordering::Relaxed);
                    return outcome;
                }
            }
        }
        Err(RegistryError::Unavailable(format!("the schema registry is away: {}", failures.join("; "))))
    }

    fn ask(&self, base: &Base, method: &Method, path: &str, body: Option<&Json>) -> Result<Json, RegistryError> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", base.url));
        if let Some(headers) = request.headers_mut() {
            *headers = self.headers.clone();
            let login = match &self.auth {
                Auth::Url => base.login.clone(),
                Auth::Fixed(value) => Some(value.clone()),
                Auth::Tokens(tokens) => Some(tokens.header(&self.agent)?),
            };
            if let Some(mut value) = login.and_then(|value| HeaderValue::try_from(value).ok()) {
                value.set_sensitive(true);
                headers.insert(AUTHORIZATION, value);
            }
        }
        let answer = match body {
            Some(body) => {
                let request = request.header("Content-Type", MEDIA_TYPE).body(body.to_string());
                request.map_err(ureq::Error::from).and_then(|request| self.agent.run(request))
            }
            None => request.body(()).map_err(ureq::Error::from).and_then(|request| self.agent.run(request)),
        };
        let mut answer = answer.map_err(|error| failure(&error))?;
        let status = answer.status().as_u16();
        let text = answer.body_mut().with_config().limit(MAX_ANSWER).read_to_vec();
        let json = serde_json::from_slice(&text.map_err(|error| failure(&error))?);
        match status {
            200..=299 => {
                json.map_err(|error| RegistryError::Malformed(format!("the registry's answer is no JSON: {error}")))
            }
            408 | 429 | 500..=599 => Err(RegistryError::Unavailable(said(status, json.ok().as_ref()).1)),
            _ => {
                let (code, message) = said(status, json.ok().as_ref());
                Err(RegistryError::Refused { status, code, message })
            }
        }
    }
}

/// Code and message of an answer that is an error.
fn said(status: u16, answer: Option<&Json>) -> (i32, String) {
    let code = answer.and_then(|answer| i32::try_from(answer["error_code"].as_i64()?).ok());
    let message = answer.and_then(|answer| answer["message"].as_str());
    (code.unwrap_or(i32::from(status)), message.map_or_else(|| format!("HTTP status {status}"), str::to_owned))
}

/// What a call that got no answer means.
pub(super) fn failure(error: &ureq::Error) -> RegistryError {
    match error {
        ureq::Error::Rustls(_) | ureq::Error::Tls(_) | ureq::Error::Pem(_) => {
            RegistryError::Settings(format!("TLS to the schema registry fails: {error}"))
        }
        // What goes wrong within a connection comes as an error of its reading and writing.
        ureq::Error::Io(error) if is_distrust(error) => {
            RegistryError::Settings(format!("TLS to the schema registry fails: {error}"))
        }
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => RegistryError::Settings(error.to_string()),
        ureq::Error::BodyExceedsLimit(limit) => {
            RegistryError::Malformed(format!("the registry's answer has more than {limit} bytes"))
        }
        _ => RegistryError::Unavailable(error.to_string()),
    }
}

/// Whether one side does not take the other for whom it says it is: waiting does not help against that.
fn is_distrust(error: &std::io::Error) -> bool {
    use rustls::{AlertDescription as Alert, Error};
    match error.get_ref().and_then(|error| error.downcast_ref()) {
        Some(Error::AlertReceived(alert)) => matches!(
            alert,
            Alert::AccessDenied
                | Alert::BadCertificate
                | Alert::CertificateExpired
                | Alert::CertificateRequired
                | Alert::CertificateRevoked
                | Alert::CertificateUnknown
                | Alert::HandshakeFailure
                | Alert::ProtocolVersion
                | Alert::UnknownCA
                | Alert::UnsupportedCertificate
        ),
        Some(Error::InvalidCertificate(_) | Error::NoCertificatesPresented | Error::PeerIncompatible(_)) => true,
        _ => false,
    }
}

impl Base {
    fn parse(url: &str) -> Result<Self> {
        // The login is cut off before anything may name the URL in an error.
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
        let (authority, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
        let (login, host) = authority.rsplit_once('@').map_or((None, authority), |(login, host)| (Some(login), host));
        let wrong = || ConnectError::config(format!("schema.registry.url: {scheme}://{host}{path} is no URL"));
        if !matches!(scheme, "http" | "https") || host.is_empty() {
            return Err(wrong());
        }
        let clean = format!("{scheme}://{host}{}", path.trim_end_matches('/'));
        clean.parse::<ureq::http::Uri>().map_err(|_| wrong())?;
        let login = login.map(|login| basic_header(&percent_decode_str(login).decode_utf8_lossy()));
        Ok(Self { url: clean, login })
    }
}

fn proxy(config: &ParsedConfig) -> Result<Option<Proxy>> {
    let (host, port) = (config.string("proxy.host"), config.integer("proxy.port"));
    match (host, u16::try_from(port)) {
        ("", _) => Ok(None),
        (_, Ok(port)) if port > 0 => {
            let proxy = Proxy::new(&format!("http://{host}:{port}"));
            proxy.map(Some).map_err(|_| ConnectError::config(format!("proxy.host: {host} is no name of a host")))
        }
        _ => Err(ConnectError::config(format!("Invalid value {port} for configuration proxy.port: no port"))),
    }
}

/// What every call carries beside the login.
fn headers(config: &ParsedConfig, props: &Props) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    headers.insert("Accept", HeaderValue::from_static("application/vnd.schemaregistry.v1+json, application/json"));
    let mut add = |key: &str, name: &str, value: &str| -> Result<()> {
        let wrong = |_| ConnectError::config(format!("{key}: no HTTP header"));
        let name = HeaderName::try_from(name).map_err(|_| wrong(()))?;
        let mut value = HeaderValue::try_from(value).map_err(|_| wrong(()))?;
        value.set_sensitive(true);
        headers.insert(name, value);
        Ok(())
    };
    for (key, name) in [
        ("bearer.auth.logical.cluster", "target-sr-cluster"),
        ("bearer.auth.identity.pool.id", "Confluent-Identity-Pool-Id"),
    ] {
        if let Some(value) = config.text(key).filter(|value| !value.is_empty()) {
            add(key, name, value)?;
        }
    }
    for (key, value) in props {
        let short = key.strip_prefix("schema.registry.").unwrap_or(key);
        if let Some(name) = short.strip_prefix("request.header.") {
            add(key, name, value)?;
        }
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use rustls::{AlertDescription, Error};

    use super::*;

    #[test]
    fn a_certificate_that_is_refused_is_a_matter_of_settings_and_a_broken_connection_is_none() {
        let of = |error: Error| failure(&ureq::Error::Io(std::io::Error::other(error)));
        assert!(matches!(of(Error::AlertReceived(AlertDescription::CertificateRequired)), RegistryError::Settings(_)));
        assert!(matches!(of(Error::AlertReceived(AlertDescription::InternalError)), RegistryError::Unavailable(_)));
        let reset = ureq::Error::Io(std::io::ErrorKind::ConnectionReset.into());
        assert!(matches!(failure(&reset), RegistryError::Unavailable(_)));
    }
}
