//! New names for fields: `field.renamer.mapping` and `field.renamer.regexp`.

use std::collections::HashMap;

use longshore_formats::java_regex::{JavaRegex, RegexError, Replacement};

use crate::convert::builder::{BuildError, Builder};
use crate::convert::elements::{RawValue, elements, field};
use crate::convert::{extended_json, kind};

/// A rule for names. A field's path is `key.` or `value.`, then its documents' new names and its own between dots.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Rename {
    /// Paths and the last name that each gets.
    Mapping(HashMap<String, String>),
    /// What each rule replaces in the last names of paths, one after another.
    Patterns(Vec<Pattern>),
}

/// A rule of `field.renamer.regexp`.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    /// Matches the whole path of the fields that the rule is for.
    path: JavaRegex,
    /// Finds what is replaced in the name.
    pattern: JavaRegex,
    replacement: Replacement,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        let texts = |rule: &Self| (rule.path.pattern().to_owned(), rule.pattern.pattern().to_owned());
        texts(self) == texts(other) && self.replacement == other.replacement
    }
}

/// Why a document cannot get its new names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RenameError {
    /// A pattern that tries too many ways.
    #[error("field.renamer.regexp: {0}")]
    Pattern(#[from] RegexError),
    /// As the builder's.
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// Reads a JSON array of documents, in the lenient form that the Java driver takes. If it cannot be read it is tried
/// again with every backslash doubled, as people write patterns.
///
/// # Errors
/// Why it is none.
pub(crate) fn array(text: &str) -> Result<Vec<bson::Document>, String> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    read_array(text)
        .or_else(|why| read_array(&text.replace('\\', "\\\\")).map_err(|_| format!("Not a valid JSON array: {why}")))
}

fn read_array(text: &str) -> Result<Vec<bson::Document>, String> {
    let mut out = Builder::default();
    extended_json::document(&format!("{{s: {text}}}"), &mut out).map_err(|error| error.to_string())?;
    let found = field(out.document(), "s").filter(|found| found.kind == kind::ARRAY).ok_or("expected an array")?;
    let items = elements(found.bytes).map(|item| {
        let document = item.value.as_document().ok_or("expected an array of documents")?;
        bson::Document::from_reader(document).map_err(|error| error.to_string())
    });
    items.collect()
}

impl Rename {
    /// The rules of `field.renamer.mapping`; `None` if there are none.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(crate) fn mapping(text: &str) -> Result<Option<Self>, String> {
        let mut mapping = HashMap::new();
        for rule in array(text)? {
            match (rule.get_str("oldName"), rule.get_str("newName")) {
                (Ok(old), Ok(new)) => mapping.insert(old.to_owned(), new.to_owned()),
                _ => return Err("Both oldName and newName must be mapped".to_owned()),
            };
        }
        Ok((!mapping.is_empty()).then_some(Self::Mapping(mapping)))
    }

    /// The rules of `field.renamer.regexp`; `None` if there are none.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(crate) fn patterns(text: &str) -> Result<Option<Self>, String> {
        let patterns: Vec<Pattern> = array(text)?.iter().map(pattern).collect::<Result<_, _>>()?;
        Ok((!patterns.is_empty()).then_some(Self::Patterns(patterns)))
    }

    /// Writes a document with its new names. Renamed fields come last; one whose new name is taken is dropped.
    ///
    /// # Errors
    /// If a pattern gives up, and as the builder's.
    pub(crate) fn apply(&self, root: &str, document: &[u8], out: &mut Builder) -> Result<(), RenameError> {
        out.begin();
        self.fields(root, document, out)?;
        Ok(out.end()?)
    }

    fn fields(&self, path: &str, document: &[u8], out: &mut Builder) -> Result<(), RenameError> {
        let mut left: Vec<&[u8]> = elements(document).map(|element| element.key).collect();
        let mut renamed: Vec<(String, RawValue<'_>)> = Vec::new();
        for element in elements(document) {
            let name = String::from_utf8_lossy(element.key);
            let new = self.name(path, &name)?;
            if *new == *name {
                self.value(&format!("{path}.{name}"), element.key, element.value, out)?;
                continue;
            }
            let taken = left.contains(&new.as_bytes()) || renamed.iter().any(|(earlier, _)| *earlier == new);
            left.retain(|key| *key != element.key);
            if taken {
                tracing::warn!("field {path}.{name} is dropped: its new name {new} is taken");
            } else {
                renamed.push((new, element.value));
            }
        }
        for (name, value) in renamed {
            self.value(&format!("{path}.{name}"), name.as_bytes(), value, out)?;
        }
        Ok(())
    }

    fn value(&self, path: &str, name: &[u8], value: RawValue<'_>, out: &mut Builder) -> Result<(), RenameError> {
        out.key(name)?;
        match value.as_document() {
            Some(inner) => {
                out.begin_document()?;
                self.fields(path, inner, out)?;
                Ok(out.end()?)
            }
            None => {
                out.value(value.kind, value.bytes);
                Ok(())
            }
        }
    }

    fn name(&self, path: &str, name: &str) -> Result<String, RegexError> {
        let whole = format!("{path}.{name}");
        Ok(match self {
            Rename::Mapping(mapping) => mapping.get(&whole).map_or_else(|| name.to_owned(), Clone::clone),
            Rename::Patterns(patterns) => {
                patterns.iter().try_fold(name.to_owned(), |name, rule| rule.name(&whole, name))?
            }
        })
    }
}

impl Pattern {
    /// The name that the rule gives a field.
    ///
    /// # Errors
    /// If a pattern tries too many ways.
    fn name(&self, path: &str, name: String) -> Result<String, RegexError> {
        if self.path.matches(path)? { self.pattern.replace_all(&name, &self.replacement) } else { Ok(name) }
    }
}

fn pattern(rule: &bson::Document) -> Result<Pattern, String> {
    let text = |key: &str| rule.get_str(key).map_err(|_| format!("every rule needs a text `{key}`"));
    let compile = |key: &str| JavaRegex::new(text(key)?).map_err(|error| format!("`{key}`: {error}"));
    let (path, pattern) = (compile("regexp")?, compile("pattern")?);
    let replacement = Replacement::new(text("replace")?, &pattern).map_err(|error| format!("`replace`: {error}"))?;
    Ok(Pattern { path, pattern, replacement })
}
