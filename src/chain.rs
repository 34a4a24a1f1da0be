//! A connector's transforms, as its configuration names them: made once when a task starts, applied a record.

#[cfg(test)]
pub(crate) mod fakes;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use longshore_api::transform::Make;
use longshore_api::{ConnectError, ConnectRecord, Parts, Predicate, Props, Result, Transform, Verdict};

use crate::config::ConnectorConfig;
use crate::config::connector::TransformSettings;
use crate::plugins::{LinkKind, Plugins};

/// The transforms of one task, in the order in which they are applied.
#[derive(Default)]
#[doc(alias = "org.apache.kafka.connect.runtime.TransformationChain")]
pub struct Chain {
    links: Vec<Link>,
    parts: Parts,
}

/// A transform and what guards it.
struct Link {
    name: LinkName,
    transform: Box<dyn Transform>,
    guard: Option<Guard>,
}

/// What a transform is called.
#[derive(Debug, Clone)]
pub struct LinkName {
    /// Its name in `transforms`.
    pub alias: Arc<str>,
    /// Java class name.
    pub class: &'static str,
}

struct Guard {
    predicate: Box<dyn Predicate>,
    negate: bool,
}

/// What a transform did to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passed {
    /// Its predicate kept it away from the record.
    Skipped,
    /// It was applied.
    Applied,
    /// It dropped the record.
    Dropped,
}

/// A record that a transform, or its predicate, could not handle.
#[derive(Debug)]
pub struct Refusal {
    /// Index of the transform in the chain.
    pub link: usize,
    /// Why.
    pub error: ConnectError,
}

impl Chain {
    /// The chain that a connector configures.
    ///
    /// # Errors
    /// Kind Config: a transform or predicate that is not built in, or that cannot be configured so; the message names
    /// the key or the alias.
    pub fn new(plugins: &Plugins, config: &ConnectorConfig) -> Result<Self> {
        let links = config.transforms.iter().map(|transform| link(plugins, config, transform));
        let links = links.collect::<Result<Vec<Link>>>()?;
        let parts = links.iter().fold(Parts::NONE, |parts, link| parts.and(link.parts()));
        Ok(Self { links, parts })
    }

    /// What any transform or predicate reads or changes. The other parts of a record need not be there.
    pub fn parts(&self) -> Parts {
        self.parts
    }

    /// How many transforms there are.
    pub fn len(&self) -> usize {
        self.links.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.links.is_empty()
    }

    /// What a transform is called.
    pub fn name(&self, link: usize) -> &LinkName {
        &self.links[link].name
    }

    /// Sends a record through the transforms from number `from` on.
    ///
    /// # Errors
    /// The transform that could not handle the record. After an error of kind Retriable the record is as it was before
    /// that transform, and may be sent through again from there.
    pub fn apply(&mut self, from: usize, record: &mut ConnectRecord) -> Result<Verdict, Refusal> {
        for link in from..self.links.len() {
            if self.pass(link, record).map_err(|error| Refusal { link, error })? == Passed::Dropped {
                return Ok(Verdict::Drop);
            }
        }
        Ok(Verdict::Keep)
    }

    /// Sends a record through one transform.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn pass(&mut self, link: usize, record: &mut ConnectRecord) -> Result<Passed> {
        let Link { transform, guard, .. } = &mut self.links[link];
        if let Some(guard) = guard
            && guard.predicate.test(record)? == guard.negate
        {
            return Ok(Passed::Skipped);
        }
        Ok(match transform.apply(record)? {
            Verdict::Keep => Passed::Applied,
            Verdict::Drop => Passed::Dropped,
        })
    }
}

impl Link {
    fn parts(&self) -> Parts {
        let guarded = self.guard.as_ref().map_or(Parts::NONE, |guard| guard.predicate.parts());
        self.transform.parts().and(guarded)
    }
}

fn link(plugins: &Plugins, config: &ConnectorConfig, settings: &TransformSettings) -> Result<Link> {
    let TransformSettings { alias, plugin, .. } = settings;
    let unknown = || not_built_in(&format!("transforms.{alias}.type"), &plugin.class);
    let found = plugins.link(&plugin.class, LinkKind::Transform).ok_or_else(unknown)?;
    let Make::Transform(make) = found.make else { return Err(unknown()) };
    let transform = made(make, &plugin.props, "transform", alias)?;
    let guard =
        settings.predicate.as_deref().map(|predicate| guard(plugins, config, settings, predicate)).transpose()?;
    Ok(Link { name: LinkName { alias: Arc::from(alias.as_str()), class: found.class }, transform, guard })
}

fn guard(plugins: &Plugins, config: &ConnectorConfig, settings: &TransformSettings, predicate: &str) -> Result<Guard> {
    let Some((_, plugin)) = config.predicates.iter().find(|(alias, _)| alias == predicate) else {
        let message = format!("transforms.{}.predicate: predicates does not list an alias {predicate}", settings.alias);
        return Err(ConnectError::config(message));
    };
    let unknown = || not_built_in(&format!("predicates.{predicate}.type"), &plugin.class);
    let found = plugins.link(&plugin.class, LinkKind::Predicate).ok_or_else(unknown)?;
    let Make::Predicate(make) = found.make else { return Err(unknown()) };
    Ok(Guard { predicate: made(make, &plugin.props, "predicate", predicate)?, negate: settings.negate })
}

fn made<T: ?Sized>(make: fn(&Props) -> Result<Box<T>>, props: &Props, what: &str, alias: &str) -> Result<Box<T>> {
    make(props).map_err(|error| {
        let message = format!("{what} {alias} cannot be configured so: {}", error.root_cause());
        ConnectError::config(message).caused_by(error)
    })
}

fn not_built_in(key: &str, class: &str) -> ConnectError {
    let why = format!("Class {class} could not be found.");
    ConnectError::config(longshore_api::config::invalid_value(key, Some(class), &why))
}
