//! Which fields of a document stay, or go into an `_id`: allow lists and block lists with their wildcards.

use crate::convert::builder::{BuildError, Builder};
use crate::convert::elements::{Element, elements};
use crate::convert::kind;

/// A list of fields that are kept, or that are removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Projection {
    /// Only what is listed stays, and what it stands in.
    Allow(Vec<String>),
    /// What is listed goes.
    Block(Vec<Vec<String>>),
}

impl Projection {
    /// A projection of a type (`allowlist`, `blocklist` or their old names, in any case) and a list of paths between
    /// commas; `None` for type none.
    pub(crate) fn parse(kind: &str, list: &str) -> Option<Self> {
        match kind.to_ascii_lowercase().as_str() {
            "allowlist" | "whitelist" => Some(Self::allow(list)),
            "blocklist" | "blacklist" => Some(Self::block(list)),
            _ => None,
        }
    }

    /// An allow list of paths between commas.
    pub(crate) fn allow(list: &str) -> Self {
        let mut entries = Vec::new();
        for path in paths(list) {
            // The documents around it stay, too.
            let around = path.match_indices('.').filter_map(|(at, _)| path.get(..at)).filter(|path| !path.is_empty());
            entries.extend(around.chain([path]).map(str::to_owned));
        }
        Self::Allow(entries)
    }

    /// A block list of paths between commas.
    pub(crate) fn block(list: &str) -> Self {
        Self::Block(paths(list).map(|path| path.split('.').map(str::to_owned).collect()).collect())
    }

    /// Writes what is left of a document into `out`.
    ///
    /// # Errors
    /// As the builder's.
    pub(crate) fn project(&self, document: &[u8], out: &mut Builder) -> Result<(), BuildError> {
        out.begin();
        match self {
            Self::Allow(entries) => allow(document, entries, &mut String::new(), out)?,
            Self::Block(paths) => block(document, &paths.iter().map(Vec::as_slice).collect::<Vec<_>>(), out)?,
        }
        out.end()
    }
}

fn paths(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|path| !path.is_empty())
}

/// Copies an element whose key and value stay as they are.
pub(crate) fn copy(element: &Element<'_>, out: &mut Builder) -> Result<(), BuildError> {
    out.key(element.key)?;
    out.value(element.value.kind, element.value.bytes);
    Ok(())
}

/// What writes the fields of a nested document.
pub(crate) type Inner<'a> = &'a mut dyn FnMut(&[u8], &mut Builder) -> Result<(), BuildError>;

/// Writes a value, its documents (the ones in arrays, too) through `inner`.
///
/// # Errors
/// As the builder's.
pub(crate) fn descend(element: &Element<'_>, out: &mut Builder, inner: Inner<'_>) -> Result<(), BuildError> {
    out.key(element.key)?;
    match element.value.kind {
        kind::DOCUMENT => {
            out.begin_document()?;
            inner(element.value.bytes, out)?;
            out.end()
        }
        kind::ARRAY => {
            out.begin_array()?;
            for item in elements(element.value.bytes) {
                out.next_index();
                if item.value.kind == kind::DOCUMENT {
                    out.begin_document()?;
                    inner(item.value.bytes, out)?;
                    out.end()?;
                } else {
                    out.value(item.value.kind, item.value.bytes);
                }
            }
            out.end()
        }
        kind => {
            out.value(kind, element.value.bytes);
            Ok(())
        }
    }
}

fn allow(document: &[u8], entries: &[String], path: &mut String, out: &mut Builder) -> Result<(), BuildError> {
    let has = |wanted: &str| entries.iter().any(|entry| entry == wanted);
    let whole = has("**");
    for element in elements(document) {
        if whole {
            copy(&element, out)?;
            continue;
        }
        let length = path.len();
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(&String::from_utf8_lossy(element.key));
        if entries.iter().any(|entry| keeps(entry, path)) {
            // `a.**` keeps all of a document `a`; what arrays hold is filtered all the same.
            if element.value.kind == kind::DOCUMENT && has(&format!("{path}.**")) {
                copy(&element, out)?;
            } else {
                descend(&element, out, &mut |inner, out| allow(inner, entries, path, out))?;
            }
        }
        path.truncate(length);
    }
    Ok(())
}

/// Whether an entry of an allow list keeps the field of a path.
fn keeps(entry: &str, path: &str) -> bool {
    if !entry.contains('.') && entry != "*" && entry.strip_suffix('*').is_some_and(|start| path.starts_with(start)) {
        return true;
    }
    let (mut wanted, mut names) = (entry.split('.'), path.split('.'));
    loop {
        match (wanted.next(), names.next()) {
            (None, None) => return true,
            (Some(wanted), Some(name)) if wanted == "*" || wanted == name => {}
            _ => return false,
        }
    }
}

fn block(document: &[u8], paths: &[&[String]], out: &mut Builder) -> Result<(), BuildError> {
    for element in elements(document) {
        if paths.iter().any(|path| removes(path, &element)) {
            continue;
        }
        let below: Vec<&[String]> = paths.iter().filter_map(|path| rest_below(path, &element)).collect();
        if below.is_empty() {
            copy(&element, out)?;
        } else {
            descend(&element, out, &mut |inner, out| block(inner, &below, out))?;
        }
    }
    Ok(())
}

/// Whether an entry of a block list removes this very field.
fn removes(entry: &[String], element: &Element<'_>) -> bool {
    let no_document = element.value.kind != kind::DOCUMENT;
    match entry {
        [first, ..] if first == "**" => true,
        [first, ..] if first == "*" => no_document,
        [last] => match last.strip_suffix('*') {
            Some(prefix) => element.key.starts_with(prefix.as_bytes()),
            None => element.key == last.as_bytes(),
        },
        _ => false,
    }
}

/// What an entry of a block list says about the fields inside this one.
fn rest_below<'a>(entry: &'a [String], element: &Element<'_>) -> Option<&'a [String]> {
    match entry {
        [first, rest @ ..] if !rest.is_empty() && (first == "*" || first.as_bytes() == element.key) => Some(rest),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn projects(kind: &str, list: &str, expected: &str) {
        let input = r#"{"a":{"b":1,"c":{"d":2},"e":[{"b":1,"f":2},3]},"g":4,"ab":5,"h":[{"b":6,"c":7}]}"#;
        let (mut document, mut out) = (Builder::default(), Builder::default());
        crate::convert::json::schemaless(input.as_bytes(), &mut document).unwrap();
        Projection::parse(kind, list).unwrap().project(document.document(), &mut out).unwrap();
        let bson = bson::Document::from_reader(out.document()).unwrap();
        assert_eq!(bson::Bson::Document(bson).into_relaxed_extjson().to_string(), expected, "{kind} {list}");
    }

    #[test]
    fn a_block_list_removes_what_it_names() {
        projects("blocklist", "a", r#"{"g":4,"ab":5,"h":[{"b":6,"c":7}]}"#);
        projects("BlackList", "a.b, a.e.f,h.c", r#"{"a":{"c":{"d":2},"e":[{"b":1},3]},"g":4,"ab":5,"h":[{"b":6}]}"#);
        projects("blocklist", "*", r#"{"a":{"b":1,"c":{"d":2},"e":[{"b":1,"f":2},3]}}"#);
        projects("blocklist", "*.b", r#"{"a":{"c":{"d":2},"e":[{"b":1,"f":2},3]}}"#);
        projects("blocklist", "**", "{}");
        projects("blocklist", "a.*,g,ab,h", r#"{"a":{"c":{"d":2}}}"#);
        projects("blocklist", "a.**,g,ab,h", r#"{"a":{}}"#);
        projects("blocklist", "a*,h", r#"{"g":4}"#);
        projects(
            "blocklist",
            "",
            r#"{"a":{"b":1,"c":{"d":2},"e":[{"b":1,"f":2},3]},"g":4,"ab":5,"h":[{"b":6,"c":7}]}"#,
        );
    }

    #[test]
    fn an_allow_list_keeps_what_it_names_and_its_parents() {
        projects("allowlist", "g", r#"{"g":4}"#);
        projects("allowlist", "a", r#"{"a":{}}"#);
        projects("WHITELIST", "a.b, h.c", r#"{"a":{"b":1},"h":[{"c":7}]}"#);
        projects("allowlist", "*", r#"{"a":{},"g":4,"ab":5,"h":[{}]}"#);
        projects("allowlist", "a.*", r#"{"a":{"b":1,"c":{},"e":[{},3]}}"#);
        projects("allowlist", "a.**", r#"{"a":{"b":1,"c":{"d":2},"e":[{"b":1,"f":2},3]}}"#);
        projects("allowlist", "a*", r#"{"a":{"b":1,"c":{"d":2},"e":[{"b":1,"f":2},3]},"ab":5}"#);
        projects(
            "allowlist",
            "**",
            r#"{"a":{"b":1,"c":{"d":2},"e":[{"b":1,"f":2},3]},"g":4,"ab":5,"h":[{"b":6,"c":7}]}"#,
        );
        projects("allowlist", "", "{}");
    }
}
