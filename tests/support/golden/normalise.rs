//! Replaces what differs from run to run, as it was done when the answers were recorded.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde_json::{Map, Value as Json, json};

use super::steps::Step;
use crate::support::http::Response;

/// Plugins that every Kafka Connect has.
static COMMON_PLUGIN: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"^org\.apache\.kafka\.(connect\.(file|json|storage|converters|transforms|tools)|common)\b")
});
static CLASS_NAME: LazyLock<Regex> = LazyLock::new(|| regex(r"^[a-z]+(\.\w+)+\$?\w*$"));
static SOURCE: LazyLock<Regex> = LazyLock::new(|| regex(r"\[Source: [^\]]*?; (line: \d+, column: \d+)?\]?"));
static LINE: LazyLock<Regex> = LazyLock::new(|| regex(r"line: \d+, column: \d+"));
static AT_SOURCE: LazyLock<Regex> = LazyLock::new(|| regex(r"(?s)\n\s*at \[Source\].*"));
static CONNECTORS: LazyLock<Regex> = LazyLock::new(|| regex(r"(?s)available connectors are: .*"));
static CONFIG: LazyLock<Regex> = LazyLock::new(|| regex(r"(Connector config )\{(.*)\}( contains no connector type)"));
static HASH: LazyLock<Regex> = LazyLock::new(|| regex(r"@[0-9a-f]{6,8}\b"));
static SEMICOLON: LazyLock<Regex> = LazyLock::new(|| regex(r";\s*"));

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).unwrap()
}

/// Knows what is particular to a run.
pub struct Normaliser {
    run: String,
    work: String,
    address: Regex,
}

impl Normaliser {
    pub fn new(run: &str, work: &Path, authority: &str) -> Self {
        let (host, port) = authority.rsplit_once(':').unwrap_or((authority, "80"));
        let address = regex(&format!(r"\b(127\.0\.0\.1|localhost|{}):{port}\b", regex::escape(host)));
        Self { run: run.to_owned(), work: work.to_string_lossy().into_owned(), address }
    }

    /// An answer in the form in which answers were recorded.
    pub fn answer(&self, method: &str, step: &Step, response: &Response) -> Json {
        let content_type = response.header("content-type").map(|text| SEMICOLON.replace_all(text, ";").to_lowercase());
        let mut answer = Map::new();
        answer.insert("status".into(), response.status.into());
        answer.insert("content_type".into(), content_type.clone().into());
        if let Some(location) = response.header("location") {
            let path =
                location.split_once("://").map_or(location, |(_, rest)| rest.split_at(rest.find('/').unwrap_or(0)).1);
            answer.insert("location".into(), self.text(path).into());
        }
        if let Some(allow) = response.header("allow") {
            let mut methods: Vec<&str> = allow.split(',').map(str::trim).collect();
            methods.sort_unstable();
            answer.insert("allow".into(), methods.into());
        }
        answer.insert("body".into(), self.body(method, step, content_type.as_deref().unwrap_or(""), response));
        Json::Object(answer)
    }

    fn body(&self, method: &str, step: &Step, content_type: &str, response: &Response) -> Json {
        if response.body.is_empty() {
            return json!({"kind": "empty"});
        }
        let Some(mut body) = response.json() else {
            return match content_type {
                html if html.contains("html") => json!({"kind": "html"}),
                xml if xml.contains("xml") => json!({"kind": "xml"}),
                _ => json!({"kind": "text", "text": self.text(&response.text())}),
            };
        };
        self.order(method, step, &mut body);
        let mut body = self.value(body);
        if step.norm.iter().any(|norm| norm == "sortlist") {
            sort(body.as_array_mut());
        }
        json!({"kind": "json", "json": body})
    }

    /// Drops what belongs to others, and sorts what has no order.
    fn order(&self, method: &str, step: &Step, body: &mut Json) {
        let path = step.path.split('?').next().unwrap_or_default().trim_end_matches('/');
        if path == "/connectors" && method == "GET" {
            self.own_connectors(body);
        }
        let kept =
            |name: &str| name == "root" || step.keep.iter().any(|keep| keep.replace("${RUN}", &self.run) == name);
        for norm in &step.norm {
            match norm.as_str() {
                "plugins" => plugins(body),
                "sortlist" => sort(body.as_array_mut()),
                "sortby-name" => {
                    if let Some(list) = body.as_array_mut() {
                        list.sort_by_key(|item| item["name"].as_str().unwrap_or_default().to_owned());
                    }
                }
                "sorttopics" => {
                    for connector in body.as_object_mut().into_iter().flat_map(Map::values_mut) {
                        sort(connector.get_mut("topics").and_then(Json::as_array_mut));
                    }
                }
                "sortoffsets" => sort(body.get_mut("offsets").and_then(Json::as_array_mut)),
                "loggers" => {
                    if let Some(map) = body.as_object_mut() {
                        map.retain(|name, _| kept(name));
                    }
                }
                "loggerlist" => {
                    if let Some(list) = body.as_array_mut() {
                        list.retain(|name| kept(name.as_str().unwrap_or_default()));
                    }
                }
                other => panic!("unknown norm {other}"),
            }
        }
    }

    fn own_connectors(&self, body: &mut Json) {
        match body {
            Json::Array(list) => {
                list.retain(|name| name.to_string().contains(&self.run));
                list.sort_by_key(Json::to_string);
            }
            Json::Object(map) if !map.contains_key("error_code") => map.retain(|name, _| name.contains(&self.run)),
            _ => {}
        }
    }

    fn value(&self, value: Json) -> Json {
        match value {
            Json::Object(map) => {
                let members =
                    map.into_iter().filter_map(|(key, value)| Some((self.text(&key), self.member(&key, value)?)));
                Json::Object(members.collect())
            }
            Json::Array(list) => list.into_iter().map(|item| self.value(item)).collect(),
            Json::String(text) => Json::String(self.text(&text)),
            other => other,
        }
    }

    /// A member of an object; `None` where it is left out.
    fn member(&self, key: &str, value: Json) -> Option<Json> {
        let text = value.as_str().map(str::to_owned);
        Some(match (key, text, value) {
            ("documentation", Some(_), _) | ("documentation", _, Json::Null) => return None,
            ("trace", Some(trace), _) => self.text(trace.split('\n').next().unwrap_or_default()).into(),
            ("worker_id", Some(id), _) => if id.is_empty() { id } else { "${WORKER}".to_owned() }.into(),
            ("version" | "commit" | "kafka_cluster_id", Some(text), _) if !text.is_empty() => match text.as_str() {
                "undefined" | "unknown" => text.into(),
                _ => format!("${{{}}}", key.to_uppercase()).into(),
            },
            ("last_modified", _, Json::Null) => Json::Null,
            ("last_modified", ..) => "${TIMESTAMP}".into(),
            ("recommended_values", _, Json::Array(list)) => recommended(&list),
            ("groups" | "dependents", _, Json::Array(mut list)) => {
                sort(Some(&mut list));
                list.into()
            }
            (_, _, value) => {
                let mut value = self.value(value);
                match (key, value.as_array_mut()) {
                    ("configs", Some(list)) => {
                        list.sort_by_key(|item| item["definition"]["name"].as_str().unwrap_or_default().to_owned());
                    }
                    ("tasks", Some(list)) => {
                        list.sort_by_key(|task| {
                            task.get("task").or(task.get("id")).and_then(Json::as_i64).unwrap_or_default()
                        });
                    }
                    _ => {}
                }
                value
            }
        })
    }

    fn text(&self, text: &str) -> String {
        let text = text.replace(&self.work, "${WORK}").replace(&self.run, "${RUN}");
        let text = SOURCE.replace_all(&text, "[Source]");
        let text = LINE.replace_all(&text, "line: L, column: C");
        let text = AT_SOURCE.replace_all(&text, "");
        let text = CONNECTORS.replace_all(&text, "available connectors are: ...");
        let text = CONFIG.replace_all(&text, |found: &Captures<'_>| {
            let mut entries: Vec<&str> = found[2].split(", ").collect();
            entries.sort_unstable();
            format!("{}{{{}}}{}", &found[1], entries.join(", "), &found[3])
        });
        let text = HASH.replace_all(&text, "@HASH");
        self.address.replace_all(&text, "$${WORKER}").into_owned()
    }
}

/// The plugins that every Kafka Connect has, each once.
fn plugins(body: &mut Json) {
    let Some(list) = body.as_array_mut() else { return };
    let mut seen = BTreeMap::new();
    for plugin in list.drain(..) {
        if COMMON_PLUGIN.is_match(plugin["class"].as_str().unwrap_or_default()) {
            seen.insert((plugin["type"].to_string(), plugin["class"].to_string()), plugin);
        }
    }
    list.extend(seen.into_values());
}

/// Recommended values without classes that only some workers have.
fn recommended(list: &[Json]) -> Json {
    let kept = |text: &&str| !CLASS_NAME.is_match(text) || COMMON_PLUGIN.is_match(text);
    let texts: BTreeSet<&str> = list.iter().filter_map(Json::as_str).filter(kept).collect();
    texts.into_iter().collect()
}

/// Sorts by the text of the items, the members of objects in order of their names.
fn sort(list: Option<&mut Vec<Json>>) {
    if let Some(list) = list {
        list.sort_by_cached_key(sortable);
    }
}

fn sortable(value: &Json) -> String {
    match value {
        Json::Object(map) => {
            let members: BTreeMap<&String, String> = map.iter().map(|(key, value)| (key, sortable(value))).collect();
            let members: Vec<String> =
                members.into_iter().map(|(key, value)| format!("{}: {value}", json!(key))).collect();
            format!("{{{}}}", members.join(", "))
        }
        Json::Array(list) => format!("[{}]", list.iter().map(sortable).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}
