//! The registry's calls that converters need.

use std::collections::HashSet;

use longshore_api::config::{ConfigKey, ParsedConfig};
use longshore_api::{Props, Result};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value as Json, json};
use ureq::http::Method;

use super::error::RegistryError;
use super::http::Http;
use super::keys::{self, Settings};
use super::wire::SchemaId;

/// A language in which schemas are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum SchemaKind {
    Avro,
    Protobuf,
    Json,
}

impl SchemaKind {
    /// The name in the registry's API.
    pub fn name(self) -> &'static str {
        match self {
            SchemaKind::Avro => "AVRO",
            SchemaKind::Protobuf => "PROTOBUF",
            SchemaKind::Json => "JSON",
        }
    }
}

/// How a schema names another one that it uses.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reference {
    /// The name in the schema's text: a type, an import, a URL.
    pub name: String,
    /// Under which subject it stands.
    pub subject: String,
    /// In which version.
    pub version: i32,
}

/// A schema that is to be found or registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaText {
    /// The language.
    pub kind: SchemaKind,
    /// The schema.
    pub text: String,
    /// What it uses.
    pub references: Vec<Reference>,
}

/// A schema that another one uses, with its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedReference {
    /// How it is named.
    pub reference: Reference,
    /// The schema.
    pub text: String,
}

/// A schema as the registry holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredSchema {
    /// Its number, where the registry said it.
    pub id: Option<i32>,
    /// Its version in the subject that was asked about, where that is known.
    pub version: Option<i32>,
    /// The schema.
    pub schema: SchemaText,
    /// All that it uses, directly and indirectly; each stands behind those that it uses itself.
    pub references: Vec<ResolvedReference>,
}

/// The most schemas that one may use, and how deep.
const MAX_REFERENCES: usize = 1000;
const MAX_REFERENCE_DEPTH: usize = 64;

/// What must be escaped in a path's segment.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The registry. Its calls block the thread, bounded by `http.connect.timeout.ms` and `http.read.timeout.ms`.
pub struct Registry {
    http: Http,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry").finish_non_exhaustive()
    }
}

impl Registry {
    /// The registry that a converter's keys name, what else they say of schemas, and the parsed keys, those of the
    /// converter's own table (`own`) among them.
    ///
    /// # Errors
    /// Kind Config, with everything that is wrong.
    pub fn configure(own: Vec<ConfigKey>, props: &Props, is_key: bool) -> Result<(Self, Settings, ParsedConfig)> {
        let config = keys::parse(own, props)?;
        let settings = Settings::new(&config, is_key)?;
        Ok((Self { http: Http::new(&config, props)? }, settings, config))
    }

    /// The schema of an id, with all that it uses. `subject` says in which subject it is expected.
    ///
    /// # Errors
    /// See [`RegistryError`].
    pub fn schema(&self, id: SchemaId, subject: Option<&str>) -> Result<RegisteredSchema, RegistryError> {
        let query = subject.map(|subject| format!("&subject={}", segment(subject))).unwrap_or_default();
        let path = match id {
            SchemaId::Number(id) => format!("/schemas/ids/{id}?fetchMaxId=false{query}"),
            SchemaId::Guid(_) => format!("/schemas/guids/{id}"),
        };
        let mut found = self.registered(&self.get(&path)?)?;
        if let SchemaId::Number(id) = id {
            found.id = Some(id);
        }
        Ok(found)
    }

    /// The latest version of a subject.
    ///
    /// # Errors
    /// See [`RegistryError`].
    pub fn latest(&self, subject: &str) -> Result<RegisteredSchema, RegistryError> {
        self.registered(&self.get(&format!("/subjects/{}/versions/latest", segment(subject)))?)
    }

    /// The id and, where the registry says it, the version of a schema in a subject.
    ///
    /// # Errors
    /// See [`RegistryError`]; the subject may lack the schema.
    pub fn look_up(
        &self,
        subject: &str,
        schema: &SchemaText,
        normalize: bool,
    ) -> Result<(i32, Option<i32>), RegistryError> {
        let path = format!("/subjects/{}?normalize={normalize}&deleted=false", segment(subject));
        let answer = self.http.call(&Method::POST, &path, Some(&body(schema)))?;
        Ok((number(&answer, "id")?, number(&answer, "version").ok()))
    }

    /// Registers a schema in a subject, unless it is there, and gives its id.
    ///
    /// # Errors
    /// See [`RegistryError`]; the subject may refuse a schema that is not compatible.
    pub fn register(&self, subject: &str, schema: &SchemaText, normalize: bool) -> Result<i32, RegistryError> {
        let path = format!("/subjects/{}/versions?normalize={normalize}", segment(subject));
        number(&self.http.call(&Method::POST, &path, Some(&body(schema)))?, "id")
    }

    fn get(&self, path: &str) -> Result<Json, RegistryError> {
        self.http.call(&Method::GET, path, None)
    }

    fn registered(&self, answer: &Json) -> Result<RegisteredSchema, RegistryError> {
        let schema = schema_text(answer)?;
        let mut references = Vec::new();
        self.resolve(&schema.references, 0, &mut HashSet::new(), &mut references)?;
        let (id, version) = (number(answer, "id").ok(), number(answer, "version").ok());
        Ok(RegisteredSchema { id, version, schema, references })
    }

    /// Adds the schemas that are used, what they use first; each once.
    fn resolve(
        &self,
        used: &[Reference],
        depth: usize,
        known: &mut HashSet<(String, i32)>,
        out: &mut Vec<ResolvedReference>,
    ) -> Result<(), RegistryError> {
        if depth > MAX_REFERENCE_DEPTH || known.len() > MAX_REFERENCES {
            return Err(RegistryError::Malformed("the schema uses too many others".to_owned()));
        }
        for reference in used {
            if !known.insert((reference.subject.clone(), reference.version)) {
                continue;
            }
            let path = format!("/subjects/{}/versions/{}", segment(&reference.subject), reference.version);
            let schema = schema_text(&self.get(&path)?)?;
            self.resolve(&schema.references, depth + 1, known, out)?;
            out.push(ResolvedReference { reference: reference.clone(), text: schema.text });
        }
        Ok(())
    }
}

fn segment(text: &str) -> impl std::fmt::Display {
    utf8_percent_encode(text, SEGMENT)
}

fn body(schema: &SchemaText) -> Json {
    let mut body = json!({ "schema": schema.text });
    if schema.kind != SchemaKind::Avro {
        body["schemaType"] = schema.kind.name().into();
    }
    if !schema.references.is_empty() {
        let reference = |one: &Reference| json!({ "name": one.name, "subject": one.subject, "version": one.version });
        body["references"] = schema.references.iter().map(reference).collect();
    }
    body
}

fn schema_text(answer: &Json) -> Result<SchemaText, RegistryError> {
    let kind = match answer["schemaType"].as_str() {
        None | Some("AVRO") => SchemaKind::Avro,
        Some("PROTOBUF") => SchemaKind::Protobuf,
        Some("JSON") => SchemaKind::Json,
        Some(other) => return Err(RegistryError::Malformed(format!("the schema is of the unknown type {other}"))),
    };
    let references = answer["references"].as_array().map(Vec::as_slice).unwrap_or_default();
    let references = references.iter().map(|one| {
        let (name, subject) = (string(one, "name")?, string(one, "subject")?);
        Ok(Reference { name, subject, version: number(one, "version")? })
    });
    Ok(SchemaText {
        kind,
        text: string(answer, "schema")?,
        references: references.collect::<Result<_, RegistryError>>()?,
    })
}

fn number(answer: &Json, member: &str) -> Result<i32, RegistryError> {
    let number = answer[member].as_i64().and_then(|number| i32::try_from(number).ok());
    number.ok_or_else(|| missing(member))
}

fn string(answer: &Json, member: &str) -> Result<String, RegistryError> {
    answer[member].as_str().map(str::to_owned).ok_or_else(|| missing(member))
}

fn missing(member: &str) -> RegistryError {
    RegistryError::Malformed(format!("the registry's answer lacks \"{member}\""))
}
