//! `longshore health`.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, anyhow};
use longshore_api::Props;
use longshore_tls::Stores;

use super::{Exit, Failed, say, say_error, worker};
use crate::config::Resolver;
use crate::config::rest::RestTls;
use crate::http::{self, Trust};

/// A little longer than the worker itself waits for its herder before it says that it is not healthy.
const PATIENCE: Duration = Duration::from_secs(12);

/// Asks a worker for its health: the one that is named, or the one that these settings configure.
pub(super) fn check(url: Option<&str>, config: Option<&Path>) -> Result<Exit, Failed> {
    let settings = worker::settings(config)?.props;
    match answer(url, &settings) {
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

fn answer(url: Option<&str>, settings: &Props) -> anyhow::Result<(u16, String)> {
    let Some(url) = url.map(str::trim).filter(|url| !url.is_empty()) else {
        let props = resolved(settings)?;
        // It is asked where it runs; its certificate is made for the name by which others know it.
        return ask(&own_url(props.get("listeners").map_or("", String::as_str)), &props, Trust::Anybody);
    };
    let url = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
    // What a config provider has to give is asked for only where it counts.
    let props = if is_https(&url) { resolved(settings)? } else { Props::default() };
    ask(&url, &props, Trust::Certified)
}

/// The settings as the worker takes them, by its config providers.
fn resolved(settings: &Props) -> anyhow::Result<Props> {
    let resolver = Resolver::new(settings, worker::variables()).map_err(|errors| anyhow!(errors.join("\n")))?;
    Ok(resolver.resolve(settings)?)
}

fn is_https(url: &str) -> bool {
    url.split_once("://").is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("https"))
}

/// How a worker with these listeners is reached from where it runs: by HTTP if it can be.
fn own_url(listeners: &str) -> String {
    let reached = |wanted: &str| {
        listeners.split(',').map(str::trim).find_map(|listener| {
            let (scheme, address) = listener.split_once("://")?;
            let (host, port) = address.rsplit_once(':')?;
            let host = if matches!(host, "" | "0.0.0.0" | "[::]") { "localhost" } else { host };
            let fits = scheme.eq_ignore_ascii_case(wanted) && port.parse::<u16>().is_ok();
            fits.then(|| format!("{wanted}://{host}:{port}"))
        })
    };
    reached("http").or_else(|| reached("https")).unwrap_or_else(|| "http://localhost:8083".to_owned())
}

fn ask(url: &str, props: &Props, trust: Trust) -> anyhow::Result<(u16, String)> {
    let mut agent = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE));
    if is_https(url) {
        let settings = RestTls::new(props, "listeners.https.");
        agent = agent.tls_config(http::tls(&Stores::new(&settings.props, settings.prefix), trust)?);
    }
    let url = format!("{}/health", url.trim_end_matches('/'));
    let mut answer = ureq::Agent::new_with_config(agent.build())
        .get(&url)
        .call()
        .with_context(|| format!("{url} does not answer"))?;
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
            ("https://:8443, HTTPS://b:2", "https://localhost:8443"),
            ("http://[::1]:9090", "http://[::1]:9090"),
            ("no listener", "http://localhost:8083"),
        ];
        for (listeners, url) in urls {
            assert_eq!(own_url(listeners), url, "{listeners}");
        }
    }
}
