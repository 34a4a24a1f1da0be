//! Java's key stores for the driver, which takes PEM files: `connection.ssl.truststore` and `.keystore`.
//!
//! The driver reads its files when a client is made, so theirs live only that long, readable by this user alone.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use longshore_api::ConnectError;
use longshore_api::config::{ParsedConfig, invalid_value};
use longshore_tls::{Store, to_pem};
use mongodb::options::{ClientOptions, Tls};
use tempfile::{NamedTempFile, TempPath};

use super::Unusable;

const TRUST_STORE: &str = "connection.ssl.truststore";
const KEY_STORE: &str = "connection.ssl.keystore";

/// Puts the stores of a configuration into the driver's options; gives the files that these name now.
///
/// # Errors
/// A store that cannot be read, named by its key; its password is never shown.
pub(super) fn apply(parsed: &ParsedConfig, options: &mut ClientOptions) -> Result<Vec<TempPath>, Unusable> {
    let store = |key: &str| Some(parsed.string(key)).filter(|path| !path.is_empty());
    let (trust, keys) = (store(TRUST_STORE), store(KEY_STORE));
    if trust.is_none() && keys.is_none() {
        return Ok(Vec::new());
    }
    let Some(Tls::Enabled(tls)) = &mut options.tls else {
        tracing::warn!("connection.ssl.* has no effect without tls=true in connection.uri");
        return Ok(Vec::new());
    };
    let mut files = Vec::new();
    let mut keep = |key, path: &str, pem: &str| -> Result<PathBuf, Unusable> {
        let file = write(pem).map_err(|error| refused(key, path, &error))?;
        let path = file.to_path_buf();
        files.push(file);
        Ok(path)
    };
    if let Some(path) = trust {
        let trusted = open(parsed, TRUST_STORE, path, "connection.ssl.truststorePassword", |store| store.trusted())?;
        tls.ca_file_path = Some(keep(TRUST_STORE, path, &to_pem(&trusted))?);
    }
    if let Some(path) = keys {
        let identity = open(parsed, KEY_STORE, path, "connection.ssl.keystorePassword", |store| store.identity())?;
        let pem = format!("{}{}", identity.chain_pem(), identity.key_pem());
        tls.cert_key_file_path = Some(keep(KEY_STORE, path, &pem)?);
    }
    Ok(files)
}

fn open<T, E: std::fmt::Display>(
    parsed: &ParsedConfig,
    key: &'static str,
    path: &str,
    password_key: &str,
    read: impl FnOnce(&Store<'_>) -> Result<T, E>,
) -> Result<T, Unusable> {
    let password = Some(parsed.string(password_key)).filter(|password| !password.is_empty());
    let store = Store { path: Path::new(path), kind: None, password, key_password: None };
    read(&store).map_err(|error| refused(key, path, &error))
}

fn write(pem: &str) -> std::io::Result<TempPath> {
    let mut file = NamedTempFile::new()?;
    file.write_all(pem.as_bytes())?;
    Ok(file.into_temp_path())
}

fn refused(key: &'static str, path: &str, why: &dyn std::fmt::Display) -> Unusable {
    Unusable { key, error: ConnectError::config(invalid_value(key, Some(path), &why.to_string())) }
}

#[cfg(test)]
mod tests {
    use longshore_api::config::Props;

    use super::super::options;

    fn props(more: &[(&str, &str)]) -> Props {
        let base = [("topics", "t"), ("database", "db"), ("connection.uri", "mongodb://localhost/?tls=true")];
        base.iter().chain(more).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn fixture(name: &str) -> String {
        format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"))
    }

    #[tokio::test]
    async fn a_client_is_made_of_javas_stores_and_leaves_no_file_behind() {
        let (trust, keys) = (fixture("trust.jks"), fixture("identity.p12"));
        let options = options(&props(&[
            ("connection.ssl.truststore", &trust),
            ("connection.ssl.truststorePassword", "trustpass"),
            ("connection.ssl.keystore", &keys),
            ("connection.ssl.keystorePassword", " srvpass "),
        ]))
        .await
        .unwrap();
        let Some(mongodb::options::Tls::Enabled(tls)) = options.driver.tls.clone() else { panic!("TLS is on") };
        let (ca, own) = (tls.ca_file_path.unwrap(), tls.cert_key_file_path.unwrap());
        let text = std::fs::read_to_string(&own).unwrap();
        assert!(text.contains("BEGIN CERTIFICATE") && text.contains("END PRIVATE KEY"));
        assert!(std::fs::read_to_string(&ca).unwrap().contains("BEGIN CERTIFICATE"));
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&own).unwrap().permissions().mode() & 0o777, 0o600);
        // The driver parses what the files hold, and checks that key and certificate belong together.
        options.client().unwrap();
        assert!(!ca.exists() && !own.exists());
    }

    #[tokio::test]
    async fn a_store_that_cannot_be_read_is_named_without_its_password() {
        let trust = fixture("trust.jks");
        for (path, password, why) in [(trust.as_str(), "wr0ng-s3cret", "assword"), ("/nowhere.jks", "", "/nowhere.jks")]
        {
            let props = props(&[("connection.ssl.truststore", path), ("connection.ssl.truststorePassword", password)]);
            let unusable = options(&props).await.err().unwrap();
            assert_eq!(unusable.key, "connection.ssl.truststore");
            let text = unusable.error.to_string();
            assert!(
                text.starts_with(&format!("Invalid value {path} for configuration connection.ssl.truststore")),
                "{text}"
            );
            assert!(text.contains(why) && !text.contains("s3cret"), "{text}");
        }
    }
}
