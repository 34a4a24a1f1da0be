//! Which fields of which tables and topics are meant.

use std::collections::{BTreeMap, BTreeSet};

use longshore_api::config::invalid_value;
use longshore_formats::java_regex::JavaRegex;

use crate::plugin::list_text;

/// How a whole list is written, between brackets.
const LIST: &str = "\\[(source|topic|[\".\\w\\s_]+):([\".\\w\\s_]+(?::[\".\\w\\s_]+)?(?:,|]$))+";

/// Names with the fields that are meant of each; none where all are.
type Named = BTreeMap<String, BTreeSet<String>>;

/// The rules of a list.
#[derive(Debug, Default)]
pub(super) struct Rules {
    topics: Named,
    tables: Named,
    /// Of either.
    names: Named,
    includes: bool,
}

/// What is meant of one event.
#[derive(Debug)]
pub(super) enum Chosen<'r> {
    All,
    Only(&'r BTreeSet<String>),
    AllBut(&'r BTreeSet<String>),
}

impl Rules {
    /// Reads `source:table:field`, `topic:name`, `name:field` and so on; a prefix holds for the names behind it too.
    ///
    /// # Errors
    /// The whole message.
    pub(super) fn read(key: &str, items: &[String]) -> Result<Self, String> {
        let mut rules = Self::default();
        if items.is_empty() {
            return Ok(rules);
        }
        let shown = list_text(items);
        let kind = key.strip_suffix(".list").unwrap_or(key);
        let invalid = || {
            let why = format!(
                "Invalid {kind} list format. Please specify a list of rules in the format of \
                 \"source:<tablename>:<fieldnames>\", \"topic:<topicname>:<fieldnames>\", \"<matchname>:<fieldnames>\""
            );
            invalid_value(key, Some(&shown), &why)
        };
        let pattern = JavaRegex::new(LIST).map_err(|error| error.0)?;
        if !pattern.matches(&shown).map_err(|error| error.0)? {
            return Err(invalid());
        }
        let mut prefix = None;
        for item in items {
            let parts: Vec<&str> = item.split(':').collect();
            let is_prefix = |part: &str| part.eq_ignore_ascii_case("source") || part.eq_ignore_ascii_case("topic");
            let (name, field) = match parts[..] {
                [name] => (name, None),
                [first, name] if is_prefix(first) => {
                    prefix = Some(first);
                    (name, None)
                }
                [first, name, field] if is_prefix(first) => {
                    prefix = Some(first);
                    (name, Some(field))
                }
                [name, field] => (name, Some(field)),
                _ => return Err(invalid()),
            };
            let named = match prefix {
                None => &mut rules.names,
                Some(prefix) if prefix.eq_ignore_ascii_case("topic") => &mut rules.topics,
                Some(_) => &mut rules.tables,
            };
            named.entry(name.to_owned()).or_default().extend(field.map(str::to_owned));
        }
        Ok(rules)
    }

    /// The same as rules of what is converted; otherwise they are of what is not.
    pub(super) fn including(self) -> Self {
        Self { includes: true, ..self }
    }

    /// What is converted of an event; `None` if nothing is.
    pub(super) fn choose(&self, topic: &str, table: Option<&str>) -> Option<Chosen<'_>> {
        let of_table = |named: &'_ Named| table.is_some_and(|table| named.contains_key(table));
        let found = match () {
            () if self.topics.contains_key(topic) => self.topics.get(topic),
            () if of_table(&self.tables) => table.and_then(|table| self.tables.get(table)),
            () if self.names.contains_key(topic) => self.names.get(topic),
            () => table.and_then(|table| self.names.get(table)),
        };
        match (found, self.includes) {
            (None, true) => None,
            (None, false) => Some(Chosen::All),
            (Some(fields), true) if fields.is_empty() => Some(Chosen::All),
            (Some(fields), true) => Some(Chosen::Only(fields)),
            (Some(fields), false) if fields.is_empty() => None,
            (Some(fields), false) => Some(Chosen::AllBut(fields)),
        }
    }
}

impl Chosen<'_> {
    /// Whether there is anything to do in `before`, `after` or `source`; the last is left alone unless it is named.
    pub(super) fn touches(&self, part: &str) -> bool {
        match self {
            Chosen::All => part != "source",
            Chosen::Only(fields) | Chosen::AllBut(fields) => {
                part != "source" || fields.iter().any(|field| field.starts_with("source."))
            }
        }
    }

    /// Whether a field of that part is converted.
    pub(super) fn has(&self, part: &str, name: &str) -> bool {
        match self {
            Chosen::All => true,
            Chosen::Only(fields) => is_named(fields, part, name),
            Chosen::AllBut(fields) => !is_named(fields, part, name),
        }
    }
}

/// A field is named by its name, in both rows then, or behind the name of its part.
fn is_named(fields: &BTreeSet<String>, part: &str, name: &str) -> bool {
    let plain = part != "source" && fields.contains(name);
    plain || fields.iter().any(|field| field.strip_prefix(part).and_then(|rest| rest.strip_prefix('.')) == Some(name))
}
