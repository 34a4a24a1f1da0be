//! `json.fail.invalid.schema`: checks documents against their JSON Schema.

use jsonschema::{Draft, Retrieve, Uri};
use longshore_api::{ConnectError, Result};
use serde_json::Value as Json;

/// A schema made ready for checking.
#[derive(Debug)]
pub struct Validator(jsonschema::Validator);

impl Validator {
    /// A validator of a schema's text and the texts to which it refers by names. A schema that does not name its
    /// draft is of draft 7, as for Confluent's converter.
    pub(super) fn new(text: &str, references: &[(String, String)]) -> Result<Self> {
        let schema: Json = serde_json::from_str(text).map_err(|wrong| invalid(&wrong))?;
        let mut options = jsonschema::options().with_retriever(References(references.to_vec()));
        if schema.get("$schema").is_none() {
            options = options.with_draft(Draft::Draft7);
        }
        options.build(&schema).map(Self).map_err(|wrong| invalid(&wrong))
    }

    /// Checks a document.
    ///
    /// # Errors
    /// Kind BadRecord, with the place of the first thing that does not fit. The document's own values are not told:
    /// they may be secret.
    pub(super) fn check(&self, document: &[u8]) -> Result<()> {
        let document: Json = serde_json::from_slice(document).map_err(|wrong| invalid(&wrong))?;
        match self.0.validate(&document) {
            Ok(()) => Ok(()),
            Err(wrong) => {
                let place = wrong.instance_path().to_string();
                let place = if place.is_empty() { "the document".to_owned() } else { place };
                Err(ConnectError::data(format!(
                    "Validation error in JSON: {place} does not fit {} of the schema",
                    wrong.schema_path()
                )))
            }
        }
    }
}

fn invalid(wrong: &dyn std::fmt::Display) -> ConnectError {
    ConnectError::data(format!("invalid JSON schema or document: {wrong}"))
}

/// Answers references out of what the registry gave; nothing is fetched.
struct References(Vec<(String, String)>);

impl Retrieve for References {
    fn retrieve(&self, uri: &Uri<String>) -> std::result::Result<Json, Box<dyn std::error::Error + Send + Sync>> {
        let uri = uri.as_str();
        let is_named = |name: &str| uri == name || uri.ends_with(&format!("/{}", name.trim_start_matches('/')));
        match self.0.iter().find(|(name, _)| is_named(name)) {
            Some((_, text)) => Ok(serde_json::from_str(text)?),
            None => Err(format!("the schema has no reference {uri}").into()),
        }
    }
}
