//! The documents of a schema, the one that is registered and those to which it refers, and references between them.

use longshore_api::{ConnectError, Result};
use percent_encoding::percent_decode_str;

use crate::json::{Node, Reader};

/// A node and the document in which it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'n> {
    pub(super) node: &'n Node<'n>,
    pub(super) document: usize,
}

/// The documents; the first is the schema itself.
#[derive(Debug)]
pub(super) struct Documents<'n> {
    documents: Vec<Document<'n>>,
}

#[derive(Debug)]
struct Document<'n> {
    /// What references call it, resolved against the identifier of the first document.
    name: String,
    /// The identifier that it gives itself, or else its name.
    base: String,
    node: Node<'n>,
}

impl<'n> Documents<'n> {
    /// Parses a schema's text and the texts to which it refers by names.
    pub(super) fn parse<'t: 'n>(text: &'t str, references: &'t [(String, String)]) -> Result<Self> {
        let root = parse(text)?;
        let base = identifier(&root).unwrap_or_default().to_owned();
        let mut documents = vec![Document { name: String::new(), base: base.clone(), node: root }];
        for (name, text) in references {
            let node = parse(text)?;
            let name = join(&base, name);
            let own = identifier(&node).map_or_else(|| name.clone(), |id| join(&name, id));
            documents.push(Document { name, base: own, node });
        }
        Ok(Self { documents })
    }

    /// The schema itself.
    pub(super) fn root(&'n self) -> Option<Place<'n>> {
        self.documents.first().map(|document| Place { node: &document.node, document: 0 })
    }

    /// What a `$ref` in one of the documents refers to.
    pub(super) fn resolve(&'n self, reference: &str, document: usize) -> Result<Place<'n>> {
        let (name, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let place = if name.is_empty() {
            self.documents.get(document).map(|found| Place { node: &found.node, document })
        } else {
            self.by_name(name, document)
        };
        let place = place.ok_or_else(|| unresolved(reference))?;
        let node = by_fragment(place.node, fragment).ok_or_else(|| unresolved(reference))?;
        Ok(Place { node, ..place })
    }

    /// A document, or a schema inside of one that has an identifier of its own.
    fn by_name(&'n self, name: &str, document: usize) -> Option<Place<'n>> {
        let base = self.documents.get(document).map_or("", |document| &document.base);
        let wanted = [name.to_owned(), join(base, name)];
        let is_wanted = |one: &str| !one.is_empty() && wanted.iter().any(|wanted| wanted == one);
        let whole = self.documents.iter().position(|one| is_wanted(&one.name) || is_wanted(&one.base));
        if let Some(document) = whole {
            return self.documents.get(document).map(|found| Place { node: &found.node, document });
        }
        self.documents.iter().enumerate().find_map(|(document, one)| {
            let node =
                find(&one.node, &|node| identifier(node).is_some_and(|id| wanted.contains(&join(&one.base, id))))?;
            Some(Place { node, document })
        })
    }
}

fn parse(text: &str) -> Result<Node<'_>> {
    let mut reader = Reader::new(text);
    Node::read(&mut reader).map_err(|malformed| ConnectError::data(format!("invalid JSON schema: {malformed}")))
}

fn unresolved(reference: &str) -> ConnectError {
    ConnectError::data(format!("the reference {reference} of the JSON schema leads nowhere"))
}

fn identifier<'a>(node: &'a Node<'_>) -> Option<&'a str> {
    let id = node.get("$id").or_else(|| node.get("id"))?.as_str()?;
    Some(id.trim_end_matches('#'))
}

/// The part of a document that a fragment names: a JSON pointer, an anchor or an identifier.
fn by_fragment<'n>(root: &'n Node<'n>, fragment: &str) -> Option<&'n Node<'n>> {
    let fragment = percent_decode_str(fragment).decode_utf8_lossy();
    if fragment.is_empty() {
        return Some(root);
    }
    let Some(pointer) = fragment.strip_prefix('/') else {
        let hash = format!("#{fragment}");
        return find(root, &|node| {
            let text = |name: &str| node.get(name).and_then(Node::as_str);
            text("$anchor") == Some(&*fragment) || text("$id").or_else(|| text("id")) == Some(&hash)
        });
    };
    by_pointer(root, pointer).or_else(|| {
        // As Confluent's, definitions are found under the newer name too.
        let rest = pointer.strip_prefix("$defs/")?;
        by_pointer(root.get("definitions")?, rest)
    })
}

fn by_pointer<'n>(root: &'n Node<'n>, pointer: &str) -> Option<&'n Node<'n>> {
    pointer.split('/').try_fold(root, |node, step| {
        let step = step.replace("~1", "/").replace("~0", "~");
        match node {
            Node::Array(elements) => elements.get(step.parse::<usize>().ok()?),
            _ => node.get(&step),
        }
    })
}

/// The first node, outermost first, that is wanted. Recurses no deeper than the reader's limit of levels.
fn find<'n>(node: &'n Node<'n>, wanted: &dyn Fn(&Node<'_>) -> bool) -> Option<&'n Node<'n>> {
    if wanted(node) {
        return Some(node);
    }
    match node {
        Node::Array(elements) => elements.iter().find_map(|node| find(node, wanted)),
        Node::Object(members) => members.iter().find_map(|(_, node)| find(node, wanted)),
        _ => None,
    }
}

/// Resolves a name against the address of the document in which it stands.
fn join(base: &str, name: &str) -> String {
    let scheme_end = base.find("://").map_or(0, |at| at + 3);
    let is_absolute = name.contains("://") || name.starts_with("urn:") || name.starts_with("classpath:");
    if base.is_empty() || is_absolute {
        return name.to_owned();
    }
    let path_start = base[scheme_end..].find('/').map_or(base.len(), |at| scheme_end + at);
    if name.starts_with('/') {
        return format!("{}{name}", &base[..path_start]);
    }
    let folder_end = base[path_start..].rfind('/').map_or(path_start, |at| path_start + at + 1);
    let slash = if folder_end == base.len() && !base.ends_with('/') && scheme_end > 0 { "/" } else { "" };
    let folder = if scheme_end == 0 && !base.contains('/') { "" } else { &base[..folder_end] };
    format!("{folder}{slash}{}", name.trim_start_matches("./"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_resolved_against_their_document() {
        let cases = [
            ("", "a.json", "a.json"),
            ("http://x/s/root.json", "a.json", "http://x/s/a.json"),
            ("http://x/s/root.json", "./a.json", "http://x/s/a.json"),
            ("http://x/s/root.json", "/a.json", "http://x/a.json"),
            ("http://x", "a.json", "http://x/a.json"),
            ("http://x/root.json", "https://y/a.json", "https://y/a.json"),
            ("root.json", "a.json", "a.json"),
            ("s/root.json", "a.json", "s/a.json"),
        ];
        for (base, name, expected) in cases {
            assert_eq!(join(base, name), expected, "{name} in {base}");
        }
    }
}
