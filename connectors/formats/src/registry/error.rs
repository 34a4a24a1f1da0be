//! What can go wrong with the registry.

use longshore_api::error::class;
use longshore_api::{ConnectError, ErrorKind};

const REST_CLIENT: &str = "io.confluent.kafka.schemaregistry.client.rest.exceptions.RestClientException";

/// Why a call of the registry brought nothing. Holds no secret: URLs are shown without their logins.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// No URL answered, or those that did cannot at present: it may work later.
    #[error("{0}")]
    Unavailable(String),
    /// The registry says no.
    #[error("{message}; error code: {code}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The registry's own number, 40403 for instance; the status where it gives none.
        code: i32,
        /// What it says.
        message: String,
    },
    /// It cannot work with these settings: a login or a certificate is refused.
    #[error("{0}")]
    Settings(String),
    /// An answer that means nothing.
    #[error("{0}")]
    Malformed(String),
}

impl RegistryError {
    /// Whether the registry says that there is no such subject, version or schema.
    pub fn is_not_found(&self) -> bool {
        matches!(self, RegistryError::Refused { status: 404, .. })
    }

    /// The error of the record that needed the call: what could not be done with its topic (`failed`), and with the
    /// schema (`doing`); `access` is what Confluent's converters say instead where the registry shuts them out.
    pub(super) fn for_record(self, failed: &str, doing: &str, access: &str) -> ConnectError {
        match self {
            RegistryError::Unavailable(why) => {
                let cause = ConnectError::retriable(why).with_class("java.io.IOException");
                ConnectError::retriable(failed).caused_by(cause)
            }
            RegistryError::Settings(why) => ConnectError::config(format!("{access}{why}")),
            RegistryError::Refused { status: 401 | 403, .. } => ConnectError::config(format!("{access}{self}")),
            // As Confluent's serializers sort them: a code of three digits that begins with 4 is no data error.
            RegistryError::Refused { code: 400..=499, .. } => {
                ConnectError::data(format!("{access}{self}")).with_class(class::CONFIG)
            }
            RegistryError::Refused { .. } | RegistryError::Malformed(_) => {
                let cause = ConnectError::new(ErrorKind::BadRecord, REST_CLIENT, self.to_string());
                ConnectError::data(failed).caused_by(serialization(doing).caused_by(cause))
            }
        }
    }
}

/// Kafka's `SerializationException`: what Confluent's serializers throw within a converter.
pub fn serialization(message: impl Into<String>) -> ConnectError {
    ConnectError::data(message).with_class(class::SERIALIZATION)
}
