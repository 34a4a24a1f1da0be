//! What Java's settings say of a login by OAUTHBEARER.

use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use longshore_api::config::invalid_value;
use longshore_api::{ConnectError, Props, Result};
use longshore_tls::Stores;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value as Json, json};
use ureq::Agent;

use crate::config::jaas::Login;
use crate::http;

const JAAS: &str = "sasl.jaas.config";
const URL: &str = "sasl.oauthbearer.token.endpoint.url";
const HANDLER: &str = "sasl.login.callback.handler.class";
const RETRIEVER: &str = "sasl.oauthbearer.jwt.retriever.class";
/// Java's clients set none of their own.
const DEFAULT_TIMEOUT_MS: u64 = 30_000;
/// What a value of a form may hold as it is.
const FORM: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'*');

/// A login.
pub(in crate::kafka) struct Settings {
    pub(super) source: Source,
    /// What the broker is told beside the token (KIP-342).
    pub(super) extensions: Vec<(String, String)>,
    pub(super) refresh: Refresh,
}

/// Where tokens come from.
pub(super) enum Source {
    Unsecured(Unsecured),
    Endpoint(Box<Endpoint>),
    File {
        path: PathBuf,
        /// The claim that names the principal.
        subject: String,
    },
}

/// Tokens that are made here and not signed.
pub(super) struct Unsecured {
    pub(super) claims: Map<String, Json>,
    pub(super) principal: String,
    pub(super) lifetime_ms: i64,
}

/// Tokens by OAuth's client credentials (RFC 6749, 4.4).
pub(super) struct Endpoint {
    pub(super) agent: Agent,
    pub(super) url: String,
    /// The URL without what may be secret in it.
    pub(super) shown: String,
    pub(super) authorization: String,
    pub(super) form: String,
    /// The claim that names the principal.
    pub(super) subject: String,
}

/// When tokens are replaced.
pub(super) struct Refresh {
    pub(super) factor: f64,
    pub(super) jitter: f64,
    pub(super) least_ms: i64,
    pub(super) buffer_ms: i64,
    pub(super) backoff_ms: i64,
    pub(super) backoff_max_ms: i64,
}

impl Settings {
    /// What a client's settings say.
    ///
    /// # Errors
    /// Configuration errors that name the key and show no secret.
    pub(in crate::kafka) fn parse(props: &Props) -> Result<Self> {
        let given = Given { props, login: login(props)? };
        let (source, extensions) = match given.is_unsecured() {
            true => (Source::Unsecured(given.unsecured()?), given.options("unsecuredLoginExtension_")),
            false => (given.source()?, given.options("extension_")),
        };
        Ok(Self { source, extensions, refresh: given.refresh()? })
    }
}

fn login(props: &Props) -> Result<Option<Login>> {
    let Some(text) = props.get(JAAS) else { return Ok(None) };
    let login = Login::parse(text).map_err(|why| hidden(JAAS, &why))?;
    match login.module.rsplit('.').next() {
        Some("OAuthBearerLoginModule") => Ok(Some(login)),
        _ => Err(hidden(JAAS, "sasl.mechanism OAUTHBEARER needs OAuthBearerLoginModule")),
    }
}

fn hidden(key: &str, why: &str) -> ConnectError {
    ConnectError::config(invalid_value(key, Some("[hidden]"), why))
}

struct Given<'a> {
    props: &'a Props,
    login: Option<Login>,
}

impl Given<'_> {
    fn key(&self, key: &str) -> Option<&str> {
        self.props.get(key).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    fn option(&self, name: &str) -> Option<&str> {
        self.login.as_ref()?.option(name).map(str::trim).filter(|value| !value.is_empty())
    }

    fn options(&self, prefix: &str) -> Vec<(String, String)> {
        let options = self.login.iter().flat_map(|login| login.options_with(prefix));
        options.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    fn invalid(&self, key: &str, why: &str) -> ConnectError {
        ConnectError::config(invalid_value(key, self.key(key), why))
    }

    /// What the handler's class says; without one Java makes unsecured tokens. A token endpoint says what is meant too.
    fn is_unsecured(&self) -> bool {
        match self.key(HANDLER).map(|class| class.rsplit('.').next().unwrap_or(class)) {
            Some("OAuthBearerLoginCallbackHandler") => false,
            Some("OAuthBearerUnsecuredLoginCallbackHandler") => true,
            _ => self.key(URL).is_none(),
        }
    }

    fn unsecured(&self) -> Result<Unsecured> {
        let mut claims = Map::new();
        for (name, value) in self.options("unsecuredLoginStringClaim_") {
            claims.insert(name, json!(value));
        }
        for (name, value) in self.options("unsecuredLoginNumberClaim_") {
            let number = value.trim().parse::<f64>().ok().filter(|number| number.is_finite());
            let number =
                number.ok_or_else(|| hidden(JAAS, &format!("unsecuredLoginNumberClaim_{name} is no number")))?;
            claims.insert(name, json!(number));
        }
        for (name, value) in self.options("unsecuredLoginListClaim_") {
            // The first character parts the others.
            let parts: Vec<&str> =
                value.chars().next().map_or_else(Vec::new, |first| value.split(first).skip(1).collect());
            claims.insert(name, json!(parts));
        }
        if let Some(reserved) = ["iat", "exp"].iter().find(|name| claims.contains_key(**name)) {
            return Err(hidden(
                JAAS,
                &format!("the claim {reserved} cannot be set; unsecuredLoginLifetimeSeconds can"),
            ));
        }
        let subject = self.option("unsecuredLoginPrincipalClaimName").unwrap_or("sub");
        let principal = claims.get(subject).and_then(Json::as_str).filter(|name| !name.is_empty());
        let principal = principal.map(str::to_owned).ok_or_else(|| {
            hidden(
                JAAS,
                &format!(
                    "unsecuredLoginStringClaim_{subject} is missing; for tokens of an OAuth server set {URL} and \
                     {HANDLER}"
                ),
            )
        })?;
        let lifetime = self.option("unsecuredLoginLifetimeSeconds").unwrap_or("3600");
        let lifetime = lifetime.parse::<i64>().ok().filter(|seconds| *seconds > 0);
        let lifetime = lifetime.ok_or_else(|| hidden(JAAS, "unsecuredLoginLifetimeSeconds is no number of seconds"))?;
        Ok(Unsecured { claims, principal, lifetime_ms: lifetime.saturating_mul(1000) })
    }

    fn source(&self) -> Result<Source> {
        let url = self.key(URL).ok_or_else(|| ConnectError::config(format!("{URL} is needed with {HANDLER}")))?;
        let subject = self.key("sasl.oauthbearer.sub.claim.name").unwrap_or("sub").to_owned();
        let retriever = self.key(RETRIEVER).map(|class| class.rsplit('.').next().unwrap_or(class));
        let file = url.strip_prefix("file:").map(|path| PathBuf::from(path.trim_start_matches("//")));
        match (retriever, file) {
            (None | Some("DefaultJwtRetriever" | "FileJwtRetriever"), Some(path)) => Ok(Source::File { path, subject }),
            (None | Some("DefaultJwtRetriever" | "ClientCredentialsJwtRetriever"), None) => {
                Ok(Source::Endpoint(Box::new(self.endpoint(url, subject)?)))
            }
            (Some("FileJwtRetriever"), None) => Err(self.invalid(URL, "FileJwtRetriever needs a file: URL")),
            (Some("ClientCredentialsJwtRetriever"), Some(_)) => {
                Err(self.invalid(URL, "ClientCredentialsJwtRetriever needs an http: or https: URL"))
            }
            (Some(_), _) => Err(self.invalid(
                RETRIEVER,
                "DefaultJwtRetriever, ClientCredentialsJwtRetriever and FileJwtRetriever are built in",
            )),
        }
    }

    fn endpoint(&self, url: &str, subject: String) -> Result<Endpoint> {
        let shown = shown(url).ok_or_else(|| hidden(URL, "it is no http:, https: or file: URL"))?;
        let needed = |key: &str, option: &str| {
            let value = self.key(key).or(self.option(option));
            value.ok_or_else(|| ConnectError::config(format!("{key} is needed with {URL}, or {option} in {JAAS}")))
        };
        let id = needed("sasl.oauthbearer.client.credentials.client.id", "clientId")?;
        let secret = needed("sasl.oauthbearer.client.credentials.client.secret", "clientSecret")?;
        let encoded = |text: &str| utf8_percent_encode(text, &FORM).to_string();
        let pair = match self.key("sasl.oauthbearer.header.urlencode") {
            Some(flag) if flag.eq_ignore_ascii_case("true") => format!("{}:{}", encoded(id), encoded(secret)),
            _ => format!("{id}:{secret}"),
        };
        let scope = self.key("sasl.oauthbearer.scope").or(self.option("scope"));
        let scope = scope.map_or_else(String::new, |scope| format!("&scope={}", encoded(scope)));
        Ok(Endpoint {
            agent: self.agent()?,
            url: url.to_owned(),
            shown,
            authorization: format!("Basic {}", BASE64_STANDARD.encode(pair)),
            form: format!("grant_type=client_credentials{scope}"),
            subject,
        })
    }

    /// TLS to the endpoint is set by the login module's options, as in Java: it is another server than the brokers.
    fn agent(&self) -> Result<Agent> {
        let ssl = self.options("ssl.").into_iter().map(|(name, value)| (format!("ssl.{name}"), value));
        let tls = http::tls(&Stores::new(&ssl.collect(), ""), http::Trust::Certified)
            .map_err(|error| hidden(JAAS, &error.to_string()))?;
        let millis = |key: &str| -> Result<Duration> {
            let millis = self.key(key).map(str::parse::<u64>).transpose();
            let millis = millis.map_err(|_| self.invalid(key, "Not a number of type INT"))?;
            Ok(Duration::from_millis(millis.unwrap_or(DEFAULT_TIMEOUT_MS).max(1)))
        };
        let connect = millis("sasl.login.connect.timeout.ms")?;
        let read = millis("sasl.login.read.timeout.ms")?;
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .tls_config(tls)
            .timeout_connect(Some(connect))
            .timeout_global(Some(connect.saturating_add(read)))
            .build();
        Ok(Agent::new_with_config(agent))
    }

    fn refresh(&self) -> Result<Refresh> {
        let number = |key: &str, default: f64, least: f64, most: f64| {
            let value = self.key(key).map(str::parse::<f64>).transpose();
            let value = value.ok().map(|value| value.unwrap_or(default));
            let value = value.filter(|value| (least..=most).contains(value));
            value.ok_or_else(|| self.invalid(key, &format!("Value must be a number from {least} to {most}")))
        };
        let longest = f64::from(i32::MAX);
        let backoff = number("sasl.login.retry.backoff.ms", 100.0, 0.0, longest)?;
        Ok(Refresh {
            factor: number("sasl.login.refresh.window.factor", 0.8, 0.5, 1.0)?,
            jitter: number("sasl.login.refresh.window.jitter", 0.05, 0.0, 0.25)?,
            least_ms: (number("sasl.login.refresh.min.period.seconds", 60.0, 0.0, 900.0)? * 1000.0) as i64,
            buffer_ms: (number("sasl.login.refresh.buffer.seconds", 300.0, 0.0, 3600.0)? * 1000.0) as i64,
            backoff_ms: backoff as i64,
            backoff_max_ms: number("sasl.login.retry.backoff.max.ms", 10_000.0, 0.0, longest)?.max(backoff) as i64,
        })
    }
}

/// Scheme, host and path of a URL: a login or a query may be secret.
fn shown(url: &str) -> Option<String> {
    let uri: ureq::http::Uri = url.parse().ok()?;
    let scheme = uri.scheme_str().filter(|scheme| matches!(*scheme, "http" | "https"))?;
    let authority = uri.authority()?.as_str();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    Some(format!("{scheme}://{host}{}", uri.path()))
}
