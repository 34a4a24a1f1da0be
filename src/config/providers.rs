//! Config providers: variables such as `${file:/etc/secrets.properties:password}` in configurations.
//!
//! Rules of `org.apache.kafka.common.config.ConfigTransformer`: a variable whose provider, path or key is unknown
//! stays as it is; what comes in place of a variable is not looked at again. Values are secrets: no message holds one.

use std::collections::HashMap;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};
use std::sync::LazyLock;

use longshore_api::config::invalid_value;
use longshore_api::{ConnectError, Props, Result};
use regex::Regex;

use super::properties;

/// `${provider:key}` or `${provider:path:key}`.
#[allow(clippy::unwrap_used)]
static VARIABLE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\$\{([^}]*?):(([^}]*?):)?([^}]*?)\}").unwrap());

/// The largest file that a directory provider gives as a value.
const MAX_VALUE_BYTES: u64 = 1 << 20;

/// The config providers of a worker.
#[derive(Debug, Clone, Default)]
pub struct Resolver {
    providers: HashMap<String, Provider>,
}

#[derive(Clone)]
enum Provider {
    File { allowed: Option<Vec<PathBuf>> },
    Directory { allowed: Option<Vec<PathBuf>> },
    Environment(HashMap<String, String>),
}

/// Without values: they may be secrets.
impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Provider::File { allowed } => f.debug_struct("File").field("allowed", allowed).finish(),
            Provider::Directory { allowed } => f.debug_struct("Directory").field("allowed", allowed).finish(),
            Provider::Environment(_) => f.write_str("Environment"),
        }
    }
}

impl Resolver {
    /// The providers that `config.providers` names. `environment` is what an environment provider may show.
    ///
    /// # Errors
    /// All that is wrong with `config.providers.*`, each message naming its key.
    pub fn new(props: &Props, environment: impl IntoIterator<Item = (String, String)>) -> Result<Self, Vec<String>> {
        let environment: Vec<_> = environment.into_iter().collect();
        let (mut resolver, mut errors) = (Self::default(), Vec::new());
        let names = props.get("config.providers").map(String::as_str).unwrap_or_default();
        for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            match Provider::new(name, props, &environment) {
                Ok(provider) => {
                    resolver.providers.insert(name.to_owned(), provider);
                }
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() { Ok(resolver) } else { Err(errors) }
    }

    /// The configuration with its variables resolved.
    ///
    /// # Errors
    /// A provider that cannot read what it was pointed to; the message names the key, never a value.
    pub fn resolve(&self, props: &Props) -> Result<Props> {
        let mut files = Files::default();
        let mut resolved = Props::with_capacity(props.len());
        for (key, value) in props {
            let value = self.resolve_value(value, &mut files).map_err(|error| {
                let inner = error.message.as_deref().unwrap_or_default();
                ConnectError::config(format!("{inner} (configuration {key})"))
            })?;
            resolved.insert(key.clone(), value);
        }
        Ok(resolved)
    }

    fn resolve_value(&self, value: &str, files: &mut Files) -> Result<String> {
        let mut text = String::with_capacity(value.len());
        let mut end = 0;
        for found in VARIABLE.captures_iter(value) {
            let part = |index| found.get(index).map_or("", |part: regex::Match<'_>| part.as_str());
            let Some(whole) = found.get(0) else { continue };
            let lookup = match self.providers.get(part(1)) {
                Some(provider) => provider.get(part(3), part(4), files)?,
                None => None,
            };
            text.push_str(value.get(end..whole.start()).unwrap_or_default());
            text.push_str(lookup.as_deref().unwrap_or(whole.as_str()));
            end = whole.end();
        }
        text.push_str(value.get(end..).unwrap_or_default());
        Ok(text)
    }
}

/// Whether a value holds a variable, of whatever provider.
pub fn has_variable(value: &str) -> bool {
    VARIABLE.is_match(value)
}

/// Puts variables back: each key of a task whose value in the connector's raw configuration holds a variable gets
/// that raw value, so that secrets do not reach the config topic.
pub fn restore_variables(raw_connector: &Props, task: &mut Props) {
    for (key, raw) in raw_connector.iter().filter(|(_, raw)| has_variable(raw)) {
        if let Some(value) = task.get_mut(key) {
            value.clone_from(raw);
        }
    }
}

impl Provider {
    fn new(name: &str, props: &Props, environment: &[(String, String)]) -> Result<Self, String> {
        let class_key = format!("config.providers.{name}.class");
        let class = props.get(&class_key).map(|class| class.trim()).unwrap_or_default();
        let param = |name_of_param: &str| {
            let key = format!("config.providers.{name}.param.{name_of_param}");
            let value = props.get(&key).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
            (key, value)
        };
        match class.strip_prefix("org.apache.kafka.common.config.provider.").unwrap_or(class) {
            "FileConfigProvider" | "File" | "FileConfig" => {
                Ok(Self::File { allowed: allowed_paths(param("allowed.paths"))? })
            }
            "DirectoryConfigProvider" | "Directory" | "DirectoryConfig" => {
                Ok(Self::Directory { allowed: allowed_paths(param("allowed.paths"))? })
            }
            "EnvVarConfigProvider" | "EnvVar" | "EnvVarConfig" => {
                allowed_variables(param("allowlist.pattern"), environment).map(Self::Environment)
            }
            "" => Err(format!("Missing required configuration \"{class_key}\" which has no default value.")),
            _ => Err(invalid_value(
                &class_key,
                Some(class),
                "this config provider is not available; FileConfigProvider, DirectoryConfigProvider and \
                 EnvVarConfigProvider are",
            )),
        }
    }

    /// What a variable stands for; `None` if nothing is known of it.
    fn get(&self, path: &str, key: &str, files: &mut Files) -> Result<Option<String>> {
        match self {
            Self::Environment(_) if !path.is_empty() => Err(ConnectError::config(format!(
                "Path is not supported for EnvVarConfigProvider, invalid value '{path}'"
            ))),
            Self::Environment(variables) => Ok(variables.get(key).cloned()),
            Self::File { .. } | Self::Directory { .. } if path.is_empty() => Ok(None),
            Self::File { allowed } => match permitted(path, allowed.as_deref()) {
                Some(path) => files.key(&path, key),
                None => Ok(None),
            },
            Self::Directory { allowed } => match permitted(path, allowed.as_deref()) {
                Some(path) => directory_value(&path, key),
                None => Ok(None),
            },
        }
    }
}

fn allowed_paths((key, value): (String, Option<String>)) -> Result<Option<Vec<PathBuf>>, String> {
    let Some(value) = value else { return Ok(None) };
    let mut paths = Vec::new();
    for text in value.split(',').map(str::trim) {
        let path = PathBuf::from(text);
        if !path.is_absolute() {
            return Err(format!("Path {text} is not absolute (configuration {key})"));
        }
        if !path.exists() {
            return Err(format!("Path {text} does not exist (configuration {key})"));
        }
        paths.push(normalised(&path));
    }
    Ok(Some(paths))
}

fn allowed_variables(
    (key, pattern): (String, Option<String>),
    environment: &[(String, String)],
) -> Result<HashMap<String, String>, String> {
    let pattern = pattern.unwrap_or_else(|| ".*".to_owned());
    let allowed = Regex::new(&format!("^(?:{pattern})$"))
        .map_err(|error| invalid_value(&key, Some(&pattern), &format!("Invalid regex: {error}")))?;
    Ok(environment.iter().filter(|(name, _)| allowed.is_match(name)).cloned().collect())
}

/// The path without `.` and `..`, if it lies in one of the allowed ones.
fn permitted(path: &str, allowed: Option<&[PathBuf]>) -> Option<PathBuf> {
    let Some(allowed) = allowed else { return Some(PathBuf::from(path)) };
    let path = normalised(Path::new(path));
    if allowed.iter().any(|allowed| path.starts_with(allowed)) {
        return Some(path);
    }
    tracing::warn!(path = %path.display(), "the path is not allowed by allowed.paths of the config provider");
    None
}

fn normalised(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            other => clean.push(other),
        }
    }
    clean
}

/// Properties files that were read for one configuration.
#[derive(Default)]
struct Files {
    read: HashMap<PathBuf, Props>,
}

impl Files {
    fn key(&mut self, path: &Path, key: &str) -> Result<Option<String>> {
        if let Some(props) = self.read.get(path) {
            return Ok(props.get(key).cloned());
        }
        let unreadable = || format!("Could not read properties from file {}", path.display());
        let bytes = read_bounded(path, properties::MAX_BYTES as u64).map_err(|error| {
            tracing::error!(path = %path.display(), %error, "could not read a config provider's file");
            ConnectError::config(unreadable())
        })?;
        let props =
            properties::parse(&bytes).map_err(|error| ConnectError::config(format!("{}: {error}", unreadable())))?;
        let value = props.get(key).cloned();
        self.read.insert(path.to_owned(), props);
        Ok(value)
    }
}

/// The whole content of a regular file that lies directly in the folder.
fn directory_value(folder: &Path, key: &str) -> Result<Option<String>> {
    let mut components = Path::new(key).components();
    let (Some(Component::Normal(name)), None) = (components.next(), components.next()) else { return Ok(None) };
    let path = folder.join(name);
    if name != key || !path.is_file() {
        return Ok(None);
    }
    let unreadable = |why: String| ConnectError::config(format!("Could not read file {}: {why}", path.display()));
    let bytes = read_bounded(&path, MAX_VALUE_BYTES).map_err(|error| unreadable(error.to_string()))?;
    String::from_utf8(bytes).map(Some).map_err(|_| unreadable("it is not UTF-8".to_owned()))
}

fn read_bounded(path: &Path, limit: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(std::io::Error::other(format!("it is larger than {limit} bytes")));
    }
    Ok(bytes)
}
