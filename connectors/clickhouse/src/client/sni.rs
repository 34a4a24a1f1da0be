//! TLS with a server that goes by another name than its address has: `ssl_socket_sni`.
//!
//! The name stands in the handshake, and the certificate is checked for it. All else (the way there, proxies, the `Host`
//! of requests) is by the address.

use longshore_api::config::invalid_value;
use longshore_api::{ConnectError, Result};
use rustls::pki_types::ServerName;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{
    ConnectProxyConnector, ConnectionDetails, Connector, RustlsConnector, SocksConnector, TcpConnector, Transport,
};
use ureq::{Agent, Error};

/// The key, also as a property of `jdbcConnectionProperties`.
pub(crate) const KEY: &str = "ssl_socket_sni";

/// Whether a handshake can carry a name: addresses stand in none.
pub(crate) fn check(name: &str) -> std::result::Result<(), String> {
    match ServerName::try_from(name) {
        Ok(ServerName::DnsName(_)) => Ok(()),
        _ => Err(invalid_value(KEY, Some(name), "it is no name of a host")),
    }
}

/// An HTTP client that calls servers by a name in the handshake of TLS.
///
/// # Errors
/// Kind Config, if it is no name.
pub(super) fn agent(config: Config, name: &str) -> Result<Agent> {
    check(name).map_err(ConnectError::config)?;
    let server = Uri::builder().scheme("https").authority(name).path_and_query("/").build();
    let server = server.map_err(|error| ConnectError::config(invalid_value(KEY, Some(name), &error.to_string())))?;
    // The links of the client's own chain, in their order.
    let connector =
        ().chain(SocksConnector::default())
            .chain(ConnectProxyConnector::default())
            .chain(TcpConnector::default())
            .chain(Named { tls: RustlsConnector::default(), server });
    Ok(Agent::with_parts(config, connector, DefaultResolver::default()))
}

/// Adds TLS to a connection, by a name of its own.
#[derive(Debug)]
struct Named {
    tls: RustlsConnector,
    server: Uri,
}

impl<In: Transport> Connector<In> for Named {
    type Out = <RustlsConnector as Connector<In>>::Out;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> std::result::Result<Option<Self::Out>, Error> {
        // A proxy is spoken to without TLS, and has another name.
        if !details.needs_tls() {
            return self.tls.connect(details, chained);
        }
        let named = ConnectionDetails {
            uri: &self.server,
            addrs: details.addrs.clone(),
            config: details.config,
            request_level: details.request_level,
            resolver: details.resolver,
            now: details.now,
            timeout: details.timeout,
            current_time: details.current_time.clone(),
            run_connector: details.run_connector.clone(),
            register_shutdown: details.register_shutdown.clone(),
        };
        self.tls.connect(&named, chained)
    }
}
