//! Where the server is and how it is reached.

use std::path::Path;
use std::time::Duration;

use longshore_api::config::{Props, invalid_value};
use longshore_api::{ConnectError, Result};
use longshore_tls::Stores;
use longshore_tls::http::{Trust, tls};
use percent_encoding::percent_decode_str;
use ureq::tls::TlsConfig;
use ureq::{Proxy, ProxyProtocol};

use super::{Param, sni};
use crate::config;

const PROPERTIES: &str = "jdbcConnectionProperties";
/// What a time-out of zero means.
const LONGEST: Duration = Duration::from_secs(600);

/// What the keys say of the connection.
pub(super) struct Connection {
    pub(super) scheme: &'static str,
    pub(super) address: String,
    pub(super) user: String,
    pub(super) password: String,
    pub(super) tls: TlsConfig,
    /// The server's name in the handshake of TLS, where that is not its host's.
    pub(super) sni: Option<String>,
    pub(super) proxy: Option<Proxy>,
    pub(super) connect_timeout: Duration,
    pub(super) question_timeout: Duration,
    pub(super) insert_timeout: Duration,
    pub(super) retries: u32,
    /// Whether inserts are compressed.
    pub(super) compresses: bool,
    /// What every request carries in its query string.
    pub(super) params: Vec<Param>,
}

impl Connection {
    /// Reads the keys.
    ///
    /// # Errors
    /// Kind Config.
    pub(super) fn new(props: &Props) -> Result<Self> {
        let parsed = config::def().parse(props).map_err(ConnectError::from)?;
        let added = config::additions().parse(props).map_err(ConnectError::from)?;
        let properties = Properties::parse(parsed.string(PROPERTIES));
        properties.warn_of_unknown();
        let is_true = |key: &str| props.get(key).is_some_and(|value| value.trim().eq_ignore_ascii_case("true"));
        let millis = |name: &str| properties.get(name).and_then(|text| text.parse().ok()).map(Duration::from_millis);
        let seconds = Duration::from_secs(u64::try_from(parsed.integer("timeoutSeconds")).unwrap_or(0));
        let bounded = |timeout: Duration| if timeout.is_zero() { LONGEST } else { timeout };
        let timeout = bounded(seconds);
        let insert =
            Duration::from_millis(u64::try_from(parsed.integer("clickhouseClientInsertTimeoutMs")).unwrap_or(0));
        let (ssl, host) = (is_true("ssl") || properties.get("ssl") == Some("true"), parsed.string("hostname").trim());
        let sni = Some(parsed.string(sni::KEY).trim()).filter(|name| !name.is_empty()).or(properties.get(sni::KEY));
        if !ssl && let Some(name) = sni {
            tracing::warn!("{}={name} has no effect: without ssl=true there is no handshake", sni::KEY);
        }
        let host = bracketed(host);
        Ok(Self {
            scheme: if ssl { "https" } else { "http" },
            address: format!("{host}:{}", parsed.integer("port")),
            user: props.get("username").map_or("default", |user| user.trim()).to_owned(),
            password: parsed.string("password").trim().to_owned(),
            tls: properties.tls()?,
            sni: sni.filter(|_| ssl).map(str::to_owned),
            proxy: proxy(&parsed, &properties)?,
            connect_timeout: millis("connect_timeout").map_or(timeout, bounded),
            question_timeout: timeout,
            // The time-out of the Java connector's first client is one between bytes, of which the server sends some all
            // the time: an insert may take longer.
            insert_timeout: millis("socket_timeout").map_or(insert, |between| between.max(insert)),
            retries: u32::try_from(parsed.integer("retryCount")).unwrap_or(3),
            compresses: added.string("insertCompression").eq_ignore_ascii_case("lz4"),
            params: properties.server_settings(),
        })
    }
}

/// Settings of the server among the properties of `jdbcConnectionProperties`.
pub(crate) fn server_settings_of(properties: &str) -> Vec<Param> {
    Properties::parse(properties).server_settings()
}

/// A host as it stands in a URL: addresses of IPv6 have brackets.
fn bracketed(host: &str) -> String {
    if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() }
}

/// A proxy by `proxyType`, `proxyHost` and `proxyPort`, and the login that is among the properties. It finds the server's
/// address itself.
fn proxy(parsed: &longshore_api::config::ParsedConfig, properties: &Properties) -> Result<Option<Proxy>> {
    let protocol = match parsed.string("proxyType").to_ascii_lowercase().as_str() {
        "http" => ProxyProtocol::Http,
        "socks" => ProxyProtocol::Socks5h,
        _ => return Ok(None),
    };
    let (host, port) = (parsed.string("proxyHost"), parsed.integer("proxyPort"));
    let Some(port) = u16::try_from(port).ok().filter(|port| *port > 0) else {
        return Err(ConnectError::config(invalid_value("proxyPort", Some(&port.to_string()), "it is no port")));
    };
    let wrong = || ConnectError::config(invalid_value("proxyHost", Some(host), "it is no name of a host"));
    if host.is_empty() {
        return Err(wrong());
    }
    let mut proxy = Proxy::builder(protocol).host(&bracketed(host)).port(port);
    if let Some(user) = properties.get("proxy_username").or(properties.get("proxy_user")) {
        proxy = proxy.username(user).password(properties.get("proxy_password").unwrap_or_default());
    }
    proxy.build().map(Some).map_err(|_| wrong())
}

/// The properties of `jdbcConnectionProperties`.
struct Properties(Vec<Param>);

/// Properties of the Java client that have a meaning here.
const KNOWN: [&str; 16] = [
    "ssl",
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "trust_store",
    "key_store_type",
    "key_store_password",
    "connect_timeout",
    "socket_timeout",
    "custom_http_params",
    "custom_settings",
    "proxy_username",
    "proxy_user",
    "proxy_password",
    sni::KEY,
];

impl Properties {
    fn parse(text: &str) -> Self {
        let decoded = |text: &str| percent_decode_str(text.trim()).decode_utf8_lossy().into_owned();
        let items = text.trim().trim_start_matches('?').split('&').filter_map(|item| item.split_once('='));
        Self(items.map(|(name, value)| (decoded(name), decoded(value))).collect())
    }

    fn warn_of_unknown(&self) {
        for (name, _) in self.0.iter().filter(|(name, _)| !KNOWN.contains(&name.as_str())) {
            tracing::warn!("{PROPERTIES}: {name} has no effect");
        }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// `custom_http_params` and `custom_settings`: settings of the server, `name=value,…`.
    fn server_settings(&self) -> Vec<Param> {
        let lists = ["custom_http_params", "custom_settings"].into_iter().filter_map(|name| self.get(name));
        let pairs = lists.flat_map(|list| list.split(',')).filter_map(|item| item.split_once('='));
        let pairs = pairs.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()));
        pairs.filter(|(name, _)| name != "send_progress_in_http_headers").collect()
    }

    fn tls(&self) -> Result<TlsConfig> {
        let settings = self.stores()?;
        let stores = Stores::new(&settings, "jdbcConnectionProperties: ");
        let trust = if self.get("sslmode").is_some_and(|mode| mode.eq_ignore_ascii_case("none")) {
            tracing::warn!("{PROPERTIES}: with sslmode=none the server's certificate is not checked");
            Trust::Anybody
        } else {
            Trust::Certified
        };
        tls(&stores, trust)
    }

    /// The stores by Kafka's names, in which they are read.
    fn stores(&self) -> Result<Props> {
        let mut settings = Props::new();
        let mut set = |name: &str, value: Option<&str>| {
            if let Some(value) = value {
                settings.insert(name.to_owned(), value.to_owned());
            }
        };
        if let Some(path) = self.get("sslrootcert") {
            set("ssl.truststore.location", Some(path));
            set("ssl.truststore.type", Some("PEM"));
        } else if let Some(path) = self.get("trust_store") {
            set("ssl.truststore.location", Some(path));
            set("ssl.truststore.type", self.get("key_store_type"));
            set("ssl.truststore.password", self.get("key_store_password"));
        }
        if let (Some(chain), Some(key)) = (self.get("sslcert"), self.get("sslkey")) {
            set("ssl.keystore.certificate.chain", Some(&file("sslcert", chain)?));
            set("ssl.keystore.key", Some(&file("sslkey", key)?));
        }
        Ok(settings)
    }
}

/// The text of a file in PEM.
fn file(name: &str, path: &str) -> Result<String> {
    let text = std::fs::read_to_string(Path::new(path));
    text.map_err(|error| ConnectError::config(format!("{PROPERTIES}: {name}={path} cannot be read: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(pairs: &[(&str, &str)]) -> Result<Connection> {
        let base = [("hostname", "h"), ("port", "9"), ("password", " secret ")];
        let pairs = base.iter().chain(pairs);
        Connection::new(&pairs.map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn ssl_is_off_unless_it_is_set_and_the_user_is_default() {
        let plain = connection(&[]).unwrap();
        assert_eq!((plain.scheme, plain.address.as_str(), plain.user.as_str()), ("http", "h:9", "default"));
        assert_eq!(plain.password, "secret");
        assert_eq!(connection(&[("username", "")]).unwrap().user, "");
        assert_eq!(connection(&[("ssl", "true")]).unwrap().scheme, "https");
        assert_eq!(connection(&[(PROPERTIES, "?ssl=true&sslmode=strict")]).unwrap().scheme, "https");
        assert_eq!(connection(&[("hostname", "::1")]).unwrap().address, "[::1]:9");
    }

    #[test]
    fn inserts_and_questions_have_times_of_their_own() {
        let found = connection(&[("timeoutSeconds", "5"), ("clickhouseClientInsertTimeoutMs", "700")]).unwrap();
        assert_eq!(
            (found.question_timeout, found.insert_timeout),
            (Duration::from_secs(5), Duration::from_millis(700))
        );
        // What may pass between bytes does not shorten the whole.
        for (between, whole) in [("300000", 300), ("9000", 240)] {
            let between = format!("socket_timeout={between}");
            let found = connection(&[("timeoutSeconds", "5"), (PROPERTIES, between.as_str())]).unwrap();
            let times = (found.question_timeout, found.insert_timeout);
            assert_eq!(times, (Duration::from_secs(5), Duration::from_secs(whole)));
        }
        assert_eq!(connection(&[]).unwrap().insert_timeout, Duration::from_secs(240));
        assert_eq!(connection(&[("timeoutSeconds", "0")]).unwrap().question_timeout, LONGEST);
        for (text, connect) in [("connect_timeout=0", LONGEST), ("connect_timeout=50", Duration::from_millis(50))] {
            assert_eq!(connection(&[(PROPERTIES, text)]).unwrap().connect_timeout, connect, "{text}");
        }
    }

    #[test]
    fn properties_may_hold_settings_of_the_server() {
        let properties = "?custom_http_params=a=1,b=x%20y&failover=2";
        let found = connection(&[(PROPERTIES, properties)]).unwrap().params;
        assert_eq!(found, [("a".to_owned(), "1".to_owned()), ("b".to_owned(), "x y".to_owned())]);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let error = connection(&[(PROPERTIES, "sslrootcert=/no/such&key_store_password=secret")]).err().unwrap();
        let text = error.to_string();
        assert!(text.contains("/no/such") && text.contains(PROPERTIES) && !text.contains("secret"), "{text}");
        let error = connection(&[("proxyType", "http"), ("proxyHost", "p")]).err().unwrap().to_string();
        assert!(error.contains("proxyPort"), "{error}");
    }
}
