//! Where the REST API listens, and by what name others know the worker.

use longshore_api::config::invalid_value;

use super::Listener;

/// A listener: `protocol://host:port`.
///
/// # Errors
/// Connect's words for a text that is no listener.
pub(super) fn parse(text: &str) -> Result<Listener, String> {
    let malformed = || "Listener doesn't have the right format (protocol://hostname:port).".to_owned();
    let (scheme, rest) = text.trim().split_once("://").ok_or_else(malformed)?;
    let scheme = scheme.to_ascii_lowercase();
    if !matches!(scheme.as_str(), "http" | "https") {
        return Err("Listener protocol must be either \"http\" or \"https\".".to_owned());
    }
    let (host, port) = rest.rsplit_once(':').ok_or_else(malformed)?;
    let host = match host.strip_prefix('[') {
        Some(inner) => inner.strip_suffix(']').ok_or_else(malformed)?,
        None if host.contains([':', '/']) => return Err(malformed()),
        None => host,
    };
    let port = port.parse().map_err(|_| malformed())?;
    Ok(Listener { scheme, host: host.to_owned(), port })
}

/// All listeners of a key, and what is wrong with it.
pub(super) fn parse_all(key: &str, items: &[String], errors: &mut Vec<String>) -> Vec<Listener> {
    let mut listeners = Vec::new();
    for item in items {
        match parse(item) {
            Ok(listener) => listeners.push(listener),
            Err(why) => errors.push(invalid_value(key, Some(item), &why)),
        }
    }
    listeners
}

impl Listener {
    /// `host:port` as it stands in a URL; the host of an IPv6 address is in brackets.
    pub(super) fn authority(host: &str, port: u16) -> String {
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }
}

/// The address to which this machine's name resolves, as Java's `InetAddress.getLocalHost()` finds it.
pub(super) fn local_address() -> String {
    use std::net::ToSocketAddrs as _;
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let resolved = (name.trim(), 0).to_socket_addrs().ok().and_then(|addresses| {
        let addresses: Vec<_> = addresses.collect();
        // Java prefers IPv4.
        addresses.iter().find(|address| address.is_ipv4()).or(addresses.first()).map(|address| address.ip())
    });
    resolved.map_or_else(|| "127.0.0.1".to_owned(), |address| address.to_string())
}
