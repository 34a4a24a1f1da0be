//! The one table of what is built in: names (Java class, short name, alias) to factories.
//!
//! Names are looked up as Connect does: the full class name, the simple name, or the simple name without
//! `Connector` (for converters: without `Converter`).

mod builtin;
#[cfg(test)]
mod tests;

use longshore_api::transform::Make;
use longshore_api::{ConfigDef, Plugin, TransformPlugin};

use crate::herder::PluginInfo;

/// A converter's row of the table: what can be known without making one.
#[derive(Debug, Clone)]
pub struct ConverterPlugin {
    /// Java class name.
    pub class: &'static str,
    /// Version of the converter whose behaviour this one has.
    pub version: &'static str,
    /// Its keys.
    pub config: ConfigDef,
    /// Whether it serves keys and values.
    pub converts_records: bool,
    /// Whether it serves headers.
    pub converts_headers: bool,
}

/// Where a converter serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConverterKind {
    /// Keys and values.
    Record,
    /// Headers.
    Header,
}

impl ConverterPlugin {
    fn serves(&self, kind: ConverterKind) -> bool {
        match kind {
            ConverterKind::Record => self.converts_records,
            ConverterKind::Header => self.converts_headers,
        }
    }
}

/// What a plugin does in a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkKind {
    /// Changes or drops records.
    Transform,
    /// Says to which records a transform is applied.
    Predicate,
}

impl LinkKind {
    fn of(plugin: &TransformPlugin) -> Self {
        match plugin.make {
            Make::Transform(_) => Self::Transform,
            Make::Predicate(_) => Self::Predicate,
        }
    }
}

/// A plugin of any kind, found by name.
#[derive(Debug, Clone, Copy)]
pub enum Found<'a> {
    /// A sink or a source.
    Connector(&'a Plugin),
    /// A converter or header converter.
    Converter(&'a ConverterPlugin),
    /// A transform or predicate.
    Link(&'static TransformPlugin),
}

impl Found<'_> {
    /// Its Java class name.
    pub fn class(&self) -> &'static str {
        match self {
            Found::Connector(plugin) => plugin.connector().class(),
            Found::Converter(converter) => converter.class,
            Found::Link(link) => link.class,
        }
    }
}

/// All plugins of this worker.
#[derive(Debug, Clone, Default)]
pub struct Plugins {
    connectors: Vec<Plugin>,
    converters: Vec<ConverterPlugin>,
    links: Vec<&'static TransformPlugin>,
}

impl Plugins {
    /// The plugins that are compiled in.
    pub fn builtin() -> Self {
        Self::new(builtin::connectors(), builtin::converters()).with_links(longshore_transforms::plugins())
    }

    /// A table of these plugins.
    pub fn new(mut connectors: Vec<Plugin>, mut converters: Vec<ConverterPlugin>) -> Self {
        connectors.sort_by_key(|plugin| (kind_of(plugin) == "source", plugin.connector().class()));
        converters.sort_by_key(|converter| converter.class);
        Self { connectors, converters, links: Vec::new() }
    }

    /// The same with these transforms and predicates.
    #[must_use]
    pub fn with_links(mut self, links: &'static [TransformPlugin]) -> Self {
        self.links = links.iter().collect();
        self.links.sort_by_key(|link| link.class);
        self
    }

    /// The same table with a further connector, of somebody who builds a worker of their own.
    #[must_use]
    pub fn with(self, connector: Plugin) -> Self {
        let connectors = self.connectors.into_iter().chain([connector]).collect();
        Self::new(connectors, self.converters)
    }

    /// The connector of a name.
    ///
    /// # Errors
    /// Connect's text for a name that means none, or several.
    pub fn connector(&self, name: &str) -> Result<&Plugin, String> {
        if let Some(plugin) = self.connectors.iter().find(|plugin| has_class(plugin, name)) {
            return Ok(plugin);
        }
        let matching: Vec<&Plugin> =
            self.connectors.iter().filter(|plugin| is_alias(name, plugin.connector().class(), "Connector")).collect();
        match matching[..] {
            [plugin] => Ok(plugin),
            [] => Err(format!(
                "Failed to find any class that implements Connector and which name matches {name}, available \
                 connectors are: {}",
                classes(&self.connectors.iter().collect::<Vec<_>>())
            )),
            _ => Err(format!(
                "More than one connector matches alias {name}. Please use full package and class name instead. \
                 Classes found: {}",
                classes(&matching)
            )),
        }
    }

    /// The converter of a name that serves there.
    pub fn converter(&self, name: &str, kind: ConverterKind) -> Option<&ConverterPlugin> {
        let candidates = || self.converters.iter().filter(|converter| converter.serves(kind));
        candidates()
            .find(|converter| converter.class == name)
            .or_else(|| only(candidates().filter(|converter| is_alias(name, converter.class, "Converter"))))
    }

    /// Java class names of the converters that serve there, in order.
    pub fn converter_classes(&self, kind: ConverterKind) -> Vec<String> {
        self.converters.iter().filter(|one| one.serves(kind)).map(|one| one.class.to_owned()).collect()
    }

    /// The transform or predicate of a name.
    pub fn link(&self, name: &str, kind: LinkKind) -> Option<&'static TransformPlugin> {
        self.link_named(name).filter(|link| LinkKind::of(link) == kind)
    }

    /// Java class names of the transforms or predicates, in order.
    pub fn link_classes(&self, kind: LinkKind) -> Vec<String> {
        self.links(kind).map(|link| link.class.to_owned()).collect()
    }

    fn links(&self, kind: LinkKind) -> impl Iterator<Item = &'static TransformPlugin> {
        self.links.iter().copied().filter(move |link| LinkKind::of(link) == kind)
    }

    fn link_named(&self, name: &str) -> Option<&'static TransformPlugin> {
        let all = || self.links.iter().copied();
        // The simple name of a nested class such as `Cast$Value` is what stands behind the dollar sign.
        let simple = |link: &&TransformPlugin| link.class.rsplit(['.', '$']).next() == Some(name);
        // Of several it means Apache Kafka's, which alone would be there in a plain Connect worker.
        let apache = |link: &&TransformPlugin| link.class.starts_with("org.apache.kafka.");
        all()
            .find(|link| link.class == name)
            .or_else(|| only(all().filter(simple)))
            .or_else(|| only(all().filter(simple).filter(apache)))
    }

    /// The plugin of a name, whatever it is; `None` if the name means none or several.
    pub fn any(&self, name: &str) -> Option<Found<'_>> {
        if let Ok(plugin) = self.connector(name) {
            return Some(Found::Connector(plugin));
        }
        let exact = self.converters.iter().find(|converter| converter.class == name);
        let converter =
            exact.or_else(|| only(self.converters.iter().filter(|one| is_alias(name, one.class, "Converter"))));
        converter.map(Found::Converter).or_else(|| self.link_named(name).map(Found::Link))
    }

    /// The list that `GET /connector-plugins` gives: by kind in Connect's order, then by class name.
    pub fn list(&self, connectors_only: bool) -> Vec<PluginInfo> {
        let connectors = self.connectors.iter().map(|plugin| PluginInfo {
            class: plugin.connector().class(),
            kind: kind_of(plugin),
            version: plugin.connector().version(),
        });
        let converters = |kind: ConverterKind, name: &'static str| {
            self.converters.iter().filter(move |one| !connectors_only && one.serves(kind)).map(move |one| PluginInfo {
                class: one.class,
                kind: name,
                version: one.version,
            })
        };
        let links = |kind: LinkKind, name: &'static str| {
            self.links(kind).filter(move |_| !connectors_only).map(move |link| PluginInfo {
                class: link.class,
                kind: name,
                version: link.version,
            })
        };
        connectors
            .chain(links(LinkKind::Transform, "transformation"))
            .chain(links(LinkKind::Predicate, "predicate"))
            .chain(converters(ConverterKind::Record, "converter"))
            .chain(converters(ConverterKind::Header, "header_converter"))
            .collect()
    }
}

/// `sink` or `source`.
pub fn kind_of(plugin: &Plugin) -> &'static str {
    match plugin {
        Plugin::Sink(_) => "sink",
        Plugin::Source(_) => "source",
    }
}

fn has_class(plugin: &Plugin, name: &str) -> bool {
    plugin.connector().class() == name || plugin.connector().other_classes().contains(&name)
}

fn is_alias(name: &str, class: &str, suffix: &str) -> bool {
    let simple = class.rsplit('.').next().unwrap_or(class);
    !name.is_empty() && (name == simple || Some(name) == simple.strip_suffix(suffix))
}

fn only<T>(mut items: impl Iterator<Item = T>) -> Option<T> {
    let first = items.next()?;
    items.next().is_none().then_some(first)
}

fn classes(plugins: &[&Plugin]) -> String {
    let classes: Vec<&str> = plugins.iter().map(|plugin| plugin.connector().class()).collect();
    classes.join(", ")
}
