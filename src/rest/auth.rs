//! Basic authentication, as `BasicAuthSecurityRestExtension` of Kafka Connect does it with its
//! `PropertyFileLoginModule`.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use longshore_api::{ConnectError, Props, Result};

use crate::config::properties;

/// Users and their passwords, in a properties file.
pub struct Credentials {
    file: PathBuf,
    known: Mutex<Known>,
}

struct Known {
    /// When the file was changed last, as far as that is known, and its size.
    version: (Option<SystemTime>, u64),
    users: Props,
}

impl Credentials {
    /// Reads the file.
    ///
    /// # Errors
    /// The file cannot be read; the message names it.
    pub fn read(file: &Path) -> Result<Self> {
        let known = read(file)?;
        if known.users.is_empty() {
            tracing::warn!("{} names no user: everybody may use the REST API, as in Kafka Connect", file.display());
        }
        Ok(Self { file: file.to_owned(), known: Mutex::new(known) })
    }

    /// Whether a request may pass. A file that has changed is read again; while it cannot be read, what was known
    /// before counts. Kafka Connect reads it once only.
    fn admit(&self, headers: &HeaderMap) -> bool {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if version(&self.file).is_ok_and(|version| version != known.version) {
            match read(&self.file) {
                Ok(changed) => *known = changed,
                Err(error) => tracing::error!("the users of the REST API stay as they were: {error}"),
            }
        }
        if known.users.is_empty() {
            return true;
        }
        let Some((user, password)) = given(headers) else { return false };
        known.users.get(&user).is_some_and(|its| same(its.as_bytes(), password.as_bytes()))
    }
}

fn version(file: &Path) -> std::io::Result<(Option<SystemTime>, u64)> {
    let metadata = std::fs::metadata(file)?;
    Ok((metadata.modified().ok(), metadata.len()))
}

fn read(file: &Path) -> Result<Known> {
    let failed =
        |why: String| ConnectError::config(format!("{} with the users of the REST API: {why}", file.display()));
    let version = version(file).map_err(|error| failed(error.to_string()))?;
    if version.1 > properties::MAX_BYTES as u64 {
        return Err(failed(format!("it is larger than {} bytes", properties::MAX_BYTES)));
    }
    let bytes = std::fs::read(file).map_err(|error| failed(error.to_string()))?;
    let users = properties::parse(&bytes).map_err(|error| failed(error.to_string()))?;
    Ok(Known { version, users })
}

/// User and password of the request.
fn given(headers: &HeaderMap) -> Option<(String, String)> {
    let (scheme, credentials) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(credentials).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    (!user.is_empty()).then(|| (user.to_owned(), password.to_owned()))
}

/// Whether two texts are equal, in a time that does not tell how far they are.
fn same(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len() && left.iter().zip(right).fold(0, |differences, (a, b)| differences | (a ^ b)) == 0
}

/// Requests that workers send each other are signed instead.
fn is_internal(method: &Method, path: &str) -> bool {
    match path.trim_matches('/').split('/').collect::<Vec<_>>()[..] {
        ["connectors", name, "tasks"] => method == Method::POST && !name.is_empty(),
        ["connectors", name, "fence"] => method == Method::PUT && !name.is_empty(),
        _ => false,
    }
}

/// Answers those who may not come in, in Connect's words: no JSON and no challenge.
pub(super) async fn guarded(
    State(credentials): State<std::sync::Arc<Credentials>>,
    request: Request,
    next: Next,
) -> Response {
    if is_internal(request.method(), request.uri().path()) || credentials.admit(request.headers()) {
        return next.run(request).await;
    }
    (StatusCode::UNAUTHORIZED, [(CONTENT_TYPE, "text/plain")], "User cannot access the resource.").into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())])
    }

    fn basic(pair: &str) -> HeaderMap {
        headers(&format!("Basic {}", STANDARD.encode(pair)))
    }

    #[test]
    fn only_who_is_in_the_file_comes_in() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "ada = love:lace\nbob=\n").unwrap();
        let credentials = Credentials::read(file.path()).unwrap();
        assert!(credentials.admit(&basic("ada:love:lace")));
        assert!(credentials.admit(&basic("bob:")));
        let lower = headers(&format!("bAsIc {}", STANDARD.encode("ada:love:lace")));
        assert!(credentials.admit(&lower));
        for refused in [
            HeaderMap::new(),
            basic("ada:love"),
            basic("ada:"),
            basic("carl:x"),
            basic(":"),
            basic("ada"),
            headers("Basic ***"),
            headers("Basic"),
            headers("Bearer YWRhOmxvdmU6bGFjZQ=="),
        ] {
            assert!(!credentials.admit(&refused), "{refused:?}");
        }
    }

    #[test]
    fn a_changed_file_counts_at_once_and_one_that_cannot_be_read_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("users.properties");
        std::fs::write(&file, "ada=1").unwrap();
        let credentials = Credentials::read(&file).unwrap();
        std::fs::write(&file, "ada=second").unwrap();
        assert!(!credentials.admit(&basic("ada:1")) && credentials.admit(&basic("ada:second")));
        std::fs::write(&file, "ada=\\u00").unwrap();
        assert!(credentials.admit(&basic("ada:second")));
        std::fs::remove_file(&file).unwrap();
        assert!(credentials.admit(&basic("ada:second")));
        std::fs::write(&file, "").unwrap();
        assert!(credentials.admit(&HeaderMap::new()), "an empty file lets everybody in");
        assert!(Credentials::read(&folder.path().join("none")).is_err());
    }

    #[test]
    fn only_requests_between_workers_are_exempt() {
        assert!(is_internal(&Method::POST, "/connectors/a/tasks"));
        assert!(is_internal(&Method::PUT, "/connectors/a/fence"));
        for (method, path) in [
            (Method::GET, "/connectors/a/tasks"),
            (Method::POST, "/connectors/a/fence"),
            (Method::POST, "/connectors//tasks"),
            (Method::POST, "/connectors/a/tasks/0/restart"),
            (Method::GET, "/"),
            (Method::GET, "/health"),
        ] {
            assert!(!is_internal(&method, path), "{method} {path}");
        }
    }
}
