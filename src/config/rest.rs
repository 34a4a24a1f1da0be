//! How the REST API is reached, guarded and answered with.

use std::fmt;
use std::path::PathBuf;

use longshore_api::Props;
use longshore_api::config::{ParsedConfig, invalid_value};

use super::worker::with_prefix;
use super::{Listener, jaas, listener};

const EXTENSION: &str = "org.apache.kafka.connect.rest.basic.auth.extension.BasicAuthSecurityRestExtension";
const LOGIN_MODULE: &str = "org.apache.kafka.connect.rest.basic.auth.extension.PropertyFileLoginModule";
/// Entry of the JAAS file.
const ENTRY: &str = "KafkaConnect";
/// Extensions that only observe; without them the REST API is no more open than with them.
const OBSERVERS: &[&str] = &[
    "io.confluent.connect.replicator.monitoring.ReplicatorMonitoringExtension",
    "io.debezium.kcrestextension.DebeziumConnectRestExtension",
];

/// Settings of the REST API.
#[derive(Debug, Clone, Default)]
pub struct RestSettings {
    /// `access.control.allow.*`; `None` if browsers may not call across origins.
    pub cors: Option<Cors>,
    /// `response.http.headers.config`.
    pub response_headers: Vec<HeaderRule>,
    /// `admin.listeners`.
    pub admin: AdminEndpoints,
    /// The basic auth extension: where users and their passwords stand.
    pub basic_auth: Option<PathBuf>,
    /// TLS of the listeners.
    pub tls: RestTls,
    /// TLS of the admin listeners.
    pub admin_tls: RestTls,
}

/// Where `/admin/loggers` is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum AdminEndpoints {
    /// With the others.
    #[default]
    Together,
    /// Nowhere.
    Off,
    /// On listeners of its own, and only there.
    Apart(Vec<Listener>),
}

/// Which browsers may call across origins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cors {
    /// Origins, in which `*` stands for anything.
    pub origins: Vec<String>,
    /// Methods besides those that need no question.
    pub methods: Vec<String>,
}

/// A header that answers get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderRule {
    /// Whether the header is added to others of its name, or stands in their place.
    pub add: bool,
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: HeaderValue,
}

/// The value of a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderValue {
    /// This text.
    Text(String),
    /// The time so many milliseconds from now.
    Date(i64),
}

/// TLS settings of listeners, by Kafka's names.
#[derive(Clone, Default)]
pub struct RestTls {
    /// `ssl.*`, or `listeners.https.ssl.*` and so on with the prefix taken off.
    pub props: Props,
    /// What was taken off.
    pub prefix: &'static str,
}

/// Settings hold passwords: only their names are shown.
impl fmt::Debug for RestTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RestTls").field("keys", &self.props.keys().collect::<Vec<_>>()).finish_non_exhaustive()
    }
}

impl RestTls {
    /// If a key with the prefix is set, only those with the prefix count.
    pub fn new(props: &Props, prefix: &'static str) -> Self {
        let own = with_prefix(props, prefix);
        if !own.is_empty() {
            return Self { props: own, prefix };
        }
        let common = props.iter().filter(|(key, _)| key.starts_with("ssl."));
        Self { props: common.map(|(key, value)| (key.clone(), value.clone())).collect(), prefix: "" }
    }
}

/// The settings, and what is wrong with them.
pub(super) fn settings(
    props: &Props,
    parsed: &ParsedConfig,
    environment: &[(String, String)],
    errors: &mut Vec<String>,
) -> RestSettings {
    RestSettings {
        cors: cors(parsed.string("access.control.allow.origin"), parsed.string("access.control.allow.methods")),
        response_headers: header_rules(parsed.string("response.http.headers.config"), errors),
        admin: admin(props, parsed, errors),
        basic_auth: basic_auth(parsed.list("rest.extension.classes"), environment, errors),
        tls: RestTls::new(props, "listeners.https."),
        admin_tls: RestTls::new(props, "admin.listeners.https."),
    }
}

fn cors(origins: &str, methods: &str) -> Option<Cors> {
    let list = |text: &str| -> Vec<String> {
        text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
    };
    let methods = if methods.trim().is_empty() { "GET,POST,HEAD" } else { methods };
    (!origins.trim().is_empty()).then(|| Cors { origins: list(origins), methods: list(methods) })
}

fn admin(props: &Props, parsed: &ParsedConfig, errors: &mut Vec<String>) -> AdminEndpoints {
    const KEY: &str = "admin.listeners";
    if !props.contains_key(KEY) {
        return AdminEndpoints::Together;
    }
    match parsed.list(KEY) {
        [] => AdminEndpoints::Off,
        items => AdminEndpoints::Apart(listener::parse_all(KEY, items, errors)),
    }
}

/// Rules of `org.apache.kafka.connect.runtime.rest.RestServerConfig`: `[set|add|setDate|addDate] name:value`, separated
/// by commas; one that holds a comma stands in quotes.
fn header_rules(text: &str, errors: &mut Vec<String>) -> Vec<HeaderRule> {
    let mut rules = Vec::new();
    for item in quoted_list(text) {
        match header_rule(&item) {
            Ok(rule) => rules.push(rule),
            Err(why) => errors.push(invalid_value("response.http.headers.config", Some(text), &why)),
        }
    }
    rules
}

fn header_rule(item: &str) -> Result<HeaderRule, String> {
    let (action, header) = item.trim().split_once(char::is_whitespace).ok_or_else(|| {
        format!("Invalid format of header config '{item}'. Expected: '[action] [header name]:[header value]'")
    })?;
    let (add, date) = match action.to_ascii_lowercase().as_str() {
        "set" => (false, false),
        "add" => (true, false),
        "setdate" => (false, true),
        "adddate" => (true, true),
        _ => {
            return Err(format!(
                "Invalid header config action: '{action}'. Expected one of [set, add, setDate, addDate]"
            ));
        }
    };
    let header = header.trim();
    let (name, value) = match header.split(':').collect::<Vec<_>>()[..] {
        [name, value] if !value.is_empty() => (name.trim(), value.trim()),
        _ => {
            return Err(format!(
                "Invalid format of header name and header value pair '{header}'. Expected: '[header name]:[header value]'"
            ));
        }
    };
    if name.is_empty() || name.contains(char::is_whitespace) {
        return Err(format!("Invalid header name '{name}'. The '[header name]' cannot contain whitespace"));
    }
    let sendable =
        axum::http::HeaderName::from_bytes(name.as_bytes()).is_ok() && axum::http::HeaderValue::from_str(value).is_ok();
    if !sendable {
        return Err(format!("'{header}' holds characters that a header cannot have"));
    }
    let value = match date {
        true => HeaderValue::Date(value.parse().map_err(|_| format!("'{value}' is no number of milliseconds"))?),
        false => HeaderValue::Text(value.to_owned()),
    };
    Ok(HeaderRule { add, name: name.to_owned(), value })
}

/// Items between commas that are not in double quotes; the quotes are taken off.
fn quoted_list(text: &str) -> Vec<String> {
    let (mut items, mut item, mut quoted) = (Vec::new(), String::new(), false);
    for char in text.chars() {
        match char {
            '"' => quoted = !quoted,
            ',' if !quoted => items.push(std::mem::take(&mut item)),
            _ => item.push(char),
        }
    }
    items.push(item);
    items.retain(|item| !item.trim().is_empty());
    items
}

/// The file of users and passwords, if the extension is asked for.
fn basic_auth(classes: &[String], environment: &[(String, String)], errors: &mut Vec<String>) -> Option<PathBuf> {
    const KEY: &str = "rest.extension.classes";
    let class = classes.iter().find(|class| is_basic_auth(class))?;
    match credentials_file(environment) {
        Ok(file) => Some(file),
        Err(why) => {
            errors.push(invalid_value(KEY, Some(class), &why));
            None
        }
    }
}

/// Whether a list of extensions names one that guards the API, for all we know, and is not here.
pub(super) fn holds_unknown_extension(classes: &str) -> bool {
    let mut classes = classes.split(',').map(str::trim).filter(|class| !class.is_empty());
    classes.any(|class| !is_basic_auth(class) && !OBSERVERS.contains(&class))
}

fn is_basic_auth(class: &str) -> bool {
    class == EXTENSION || EXTENSION.rsplit('.').next() == Some(class)
}

fn credentials_file(environment: &[(String, String)]) -> Result<PathBuf, String> {
    let file = login_file(environment).ok_or(
        "it needs a JAAS file; name it in the environment, as for Java: \
         KAFKA_OPTS=-Djava.security.auth.login.config=FILE",
    )?;
    let shown = file.display();
    let text = std::fs::read_to_string(&file).map_err(|error| format!("the JAAS file {shown}: {error}"))?;
    let logins = jaas::entry(&text, ENTRY).map_err(|why| format!("the JAAS file {shown}: {why}"))?;
    let login = logins.first().ok_or_else(|| format!("the JAAS file {shown}: the entry {ENTRY} is empty"))?;
    if login.module != LOGIN_MODULE || logins.len() > 1 {
        return Err(format!(
            "the JAAS file {shown}: only one login module is possible in the entry {ENTRY}, {LOGIN_MODULE}"
        ));
    }
    login
        .option("file")
        .map(PathBuf::from)
        .ok_or_else(|| format!("the JAAS file {shown}: Property Credentials file must be specified"))
}

/// `java.security.auth.login.config` of the options that Kafka's scripts hand to Java.
fn login_file(environment: &[(String, String)]) -> Option<PathBuf> {
    const OPTION: &str = "-Djava.security.auth.login.config=";
    let options = ["KAFKA_OPTS", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS"];
    let values = options.iter().filter_map(|name| environment.iter().find(|(its, _)| its == name));
    let path = values
        .flat_map(|(_, value)| value.split_whitespace())
        .filter_map(|word| word.strip_prefix(OPTION))
        .next_back()?;
    // A second = makes it the only file in Java, which it is here anyway.
    let path = path.strip_prefix('=').unwrap_or(path).trim_matches(['"', '\'']);
    Some(PathBuf::from(path.strip_prefix("file:").unwrap_or(path)))
}
