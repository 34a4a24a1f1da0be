//! `longshore health`.

use std::time::Duration;

use anyhow::Context;

use super::worker::variables;
use super::{Exit, Failed, say, say_error};
use crate::config::environment;

/// A little longer than the worker itself waits for its herder before it says that it is not healthy.
const PATIENCE: Duration = Duration::from_secs(12);

/// Asks a worker for its health: the one that is named, or the one that this environment configures.
pub(super) fn check(url: Option<&str>) -> Result<Exit, Failed> {
    let url = match url.filter(|url| !url.trim().is_empty()) {
        Some(url) => url.trim().to_owned(),
        None => own_url(environment::read(variables()).props.get("listeners").map_or("", String::as_str)),
    };
    let url = if url.contains("://") { url } else { format!("http://{url}") };
    let answer = ask(&format!("{}/health", url.trim_end_matches('/')));
    match answer {
        Ok((200, body)) => {
            say(&body);
            Ok(Exit::Ok)
        }
        Ok((_, body)) => {
            say_error(&body);
            Ok(Exit::No)
        }
        Err(error) => Err(Failed { exit: Exit::No, error }),
    }
}

/// How a worker with these listeners is reached from where it runs.
fn own_url(listeners: &str) -> String {
    let mut listeners = listeners.split(',').map(str::trim);
    let http = listeners.find_map(|listener| {
        let (scheme, address) = listener.split_once("://")?;
        let (host, port) = address.rsplit_once(':')?;
        (scheme.eq_ignore_ascii_case("http") && port.parse::<u16>().is_ok()).then_some((host, port))
    });
    match http {
        Some(("" | "0.0.0.0" | "[::]", port)) => format!("http://localhost:{port}"),
        Some((host, port)) => format!("http://{host}:{port}"),
        None => "http://localhost:8083".to_owned(),
    }
}

fn ask(url: &str) -> anyhow::Result<(u16, String)> {
    let agent = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).build();
    let mut answer =
        ureq::Agent::new_with_config(agent).get(url).call().with_context(|| format!("{url} does not answer"))?;
    let body = answer.body_mut().read_to_string().with_context(|| format!("{url} did not finish its answer"))?;
    Ok((answer.status().as_u16(), body))
}

#[cfg(test)]
mod tests {
    use super::own_url;

    #[test]
    fn a_worker_is_asked_where_it_listens() {
        let urls = [
            ("", "http://localhost:8083"),
            ("http://:9090", "http://localhost:9090"),
            ("http://0.0.0.0:9090", "http://localhost:9090"),
            ("http://[::]:9090", "http://localhost:9090"),
            ("https://a:1, HTTP://worker-1:28083", "http://worker-1:28083"),
            ("http://[::1]:9090", "http://[::1]:9090"),
            ("no listener", "http://localhost:8083"),
        ];
        for (listeners, url) in urls {
            assert_eq!(own_url(listeners), url, "{listeners}");
        }
    }
}
