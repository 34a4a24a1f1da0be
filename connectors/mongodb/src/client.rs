//! The driver's client: how it is made of the configuration, and what the target must be able to do.

mod stores;

use std::time::Duration;

use bson::{Bson, Document, doc};
use longshore_api::config::{ConfigValue, HIDDEN, Props, add_error, invalid_value};
use longshore_api::{ConnectError, Result};
use mongodb::Client;
use mongodb::options::{
    ClientOptions, DriverInfo, ReadPreference, ReadPreferenceOptions, SelectionCriteria, ServerApi, ServerApiVersion,
};
use tempfile::TempPath;

use crate::config::uri;
use crate::{config, errors};

/// The privileges that a sink needs on what it writes to.
const ACTIONS: [&str; 3] = ["insert", "update", "remove"];

/// How long a connection may take where the connection string does not say.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What the driver makes a client of.
#[derive(Debug)]
pub(crate) struct Options {
    /// The driver's options.
    pub(crate) driver: ClientOptions,
    /// Files that they name, which the driver reads when it makes the client.
    files: Vec<TempPath>,
}

impl Options {
    /// Makes the client; does not connect.
    ///
    /// # Errors
    /// If the options contradict each other.
    pub(crate) fn client(self) -> mongodb::error::Result<Client> {
        let client = Client::with_options(self.driver);
        drop(self.files);
        client
    }
}

/// Why a configuration makes no client.
#[derive(Debug)]
pub(crate) struct Unusable {
    /// The key at fault.
    pub(crate) key: &'static str,
    /// What is wrong: a configuration error, which never shows the connection string, or a retriable one where a name
    /// cannot be looked up.
    pub(crate) error: ConnectError,
}

impl Unusable {
    fn uri(error: ConnectError) -> Self {
        Self { key: uri::KEY, error }
    }
}

/// The options that a configuration asks for.
///
/// # Errors
/// What is wrong with it, and the key.
pub(crate) async fn options(props: &Props) -> Result<Options, Unusable> {
    let parsed = config::def().parse(props).map_err(|errors| Unusable::uri(errors.into()))?;
    let text = parsed.string(uri::KEY).trim();
    let wrong = |why: &str| ConnectError::config(invalid_value(uri::KEY, Some(HIDDEN), &uri::hide_secrets(why, text)));
    uri::parse(text).map_err(|why| Unusable::uri(wrong(&why)))?;
    let mut options = ClientOptions::parse(uri::supported(text)).await.map_err(|error| {
        let hosts = uri::hosts(text);
        Unusable::uri(match errors::failure(&error, &hosts, &|why| uri::hide_secrets(why, text)) {
            errors::Failure::Unreachable(error) | errors::Failure::Passing(error) => error,
            errors::Failure::Refused(_) => wrong(&errors::reason(&error)),
        })
    })?;
    let provider = parsed.string("provider");
    let name = if provider.is_empty() { "mongo-kafka|sink".to_owned() } else { format!("mongo-kafka|sink|{provider}") };
    options.driver_info = Some(DriverInfo::builder().name(name).version(crate::VERSION.to_owned()).build());
    if !parsed.string("server.api.version").is_empty() {
        let api = ServerApi::builder().version(ServerApiVersion::V1);
        let api = api.strict(parsed.boolean("server.api.strict"));
        options.server_api = Some(api.deprecation_errors(parsed.boolean("server.api.deprecation.errors")).build());
    }
    let files = stores::apply(&parsed, &mut options)?;
    Ok(Options { driver: options, files })
}

/// Connects, and adds what is wrong with the target to the entry of `connection.uri`.
pub(crate) async fn validate(props: &Props, values: &mut Vec<ConfigValue>) {
    let text = props.get(uri::KEY).map_or("", |uri| uri.trim());
    let mut options = match options(props).await {
        Ok(options) => options,
        Err(unusable) => return report_options(unusable, values),
    };
    let mut report = |why: &str| {
        add_error(values, uri::KEY, invalid_value(uri::KEY, Some(HIDDEN), &uri::hide_secrets(why, text)));
    };
    // Java waits for half a second more than a connection may take.
    let driver = &mut options.driver;
    let patience = driver.connect_timeout.unwrap_or(CONNECT_TIMEOUT) + Duration::from_millis(500);
    driver.server_selection_timeout = Some(patience);
    let has_api = driver.server_api.is_some();
    let has_user = driver.credential.is_some();
    let readable = driver.selection_criteria.clone().unwrap_or_else(|| {
        SelectionCriteria::ReadPreference(ReadPreference::PrimaryPreferred {
            options: ReadPreferenceOptions::default().into(),
        })
    });
    let Ok(client) = options.client() else { return report("Unable to connect to the server.") };
    match tokio::time::timeout(patience * 2, hello(&client, readable)).await {
        Ok(Ok(hello)) => {
            // Wire version 13 is MongoDB 5.0.
            if has_api && hello.get_i32("maxWireVersion").is_ok_and(|version| version < 13) {
                report("Server Version API requires MongoDB 5.0 or greater");
            }
        }
        Ok(Err(error)) if errors::is_authentication(&error) => {
            let why = errors::reason(&error);
            report(&format!("Invalid user permissions authentication failed. {why}"));
            return client.shutdown().immediate(true).await;
        }
        _ => {
            report("Unable to connect to the server.");
            return client.shutdown().immediate(true).await;
        }
    }
    if has_user {
        let database = props.get("database").map_or("", |database| database.trim());
        let collection = props.get("collection").map_or("", |collection| collection.trim());
        match tokio::time::timeout(patience, missing_actions(&client, database, collection)).await {
            Ok(Ok(missing)) if !missing.is_empty() => {
                let missing = missing.join(", ");
                report(&format!("Invalid user permissions. Missing the following action permissions: {missing}"));
            }
            Ok(Err(error)) if errors::is_authentication(&error) => {
                report(&format!("Invalid user permissions authentication failed. {}", errors::reason(&error)));
            }
            Ok(Ok(_)) => {}
            _ => tracing::warn!("the privileges of the MongoDB user could not be checked"),
        }
    }
    client.shutdown().immediate(true).await;
}

/// Says why no client can be made: a store under its key, anything else as a server that cannot be reached.
fn report_options(Unusable { key, error }: Unusable, values: &mut Vec<ConfigValue>) {
    let why = match key {
        uri::KEY => invalid_value(uri::KEY, Some(HIDDEN), "Unable to connect to the server."),
        _ => error.message.unwrap_or_default(),
    };
    add_error(values, key, why);
}

async fn hello(client: &Client, criteria: SelectionCriteria) -> mongodb::error::Result<Document> {
    client.database("admin").run_command(doc! { "hello": 1 }).selection_criteria(criteria).await
}

/// The actions that the connected user may not do on a database (and its collections, or one of them).
async fn missing_actions(
    client: &Client,
    database: &str,
    collection: &str,
) -> mongodb::error::Result<Vec<&'static str>> {
    let status = doc! { "connectionStatus": 1, "showPrivileges": true };
    let status = client.database("admin").run_command(status).await?;
    let privileges = status.get_document("authInfo").and_then(|info| info.get_array("authenticatedUserPrivileges"));
    let privileges: Vec<&Document> =
        privileges.map_or(&[][..], Vec::as_slice).iter().filter_map(Bson::as_document).collect();
    let granted = |action: &str| privileges.iter().any(|privilege| grants(privilege, action, database, collection));
    Ok(ACTIONS.into_iter().filter(|action| !granted(action)).collect())
}

fn grants(privilege: &Document, action: &str, database: &str, collection: &str) -> bool {
    let actions = privilege.get_array("actions").map_or(&[][..], Vec::as_slice);
    if !actions.iter().filter_map(Bson::as_str).any(|granted| granted == action || granted == "anyAction") {
        return false;
    }
    let Ok(resource) = privilege.get_document("resource") else { return false };
    if resource.get_bool("anyResource").unwrap_or(false) {
        return true;
    }
    // An empty name stands for all databases or all collections. Without `collection` the topics name them, and one
    // that is granted may be the right one.
    let matches = |key: &str, wanted: &str| {
        resource.get_str(key).is_ok_and(|name| name.is_empty() || wanted.is_empty() || name == wanted)
    };
    matches("db", database) && matches("collection", collection)
}
