//! Listens, and serves within bounds: connections, heads, time.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::slow::WriteTimeout;
use super::{Limits, tls};
use crate::config::Listener;
use crate::config::rest::RestTls;

/// Bytes of a request's head. Jetty allows 8 KiB; connector names in paths may be long.
const MAX_HEAD_BYTES: usize = 32 * 1024;

/// Headers of a request.
const MAX_HEADERS: usize = 100;

/// Why a listener could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The TLS settings of an https listener cannot be used.
    #[error("listener {listener}: {error}")]
    Tls {
        /// The listener as configured.
        listener: String,
        /// What is wrong, with the name of the key.
        error: longshore_api::ConnectError,
    },
    /// The address cannot be used.
    #[error("listener {listener}: {error}")]
    Address {
        /// The listener as configured.
        listener: String,
        /// What the system says.
        error: io::Error,
    },
}

/// Listeners that are open and not served yet.
#[derive(Debug)]
pub struct Bound {
    listeners: Vec<Open>,
}

#[derive(Debug)]
struct Open {
    socket: TcpListener,
    address: SocketAddr,
    /// For https.
    tls: Option<Arc<ServerConfig>>,
}

impl Bound {
    /// Opens all listeners, those for https with these TLS settings. Port 0 lets the system choose;
    /// [`addresses`](Self::addresses) says what it chose.
    pub async fn open(listeners: &[Listener], tls: &RestTls) -> Result<Self, BindError> {
        let mut bound = Self { listeners: Vec::new() };
        for listener in listeners {
            let name = format!("{}://{}:{}", listener.scheme, listener.host, listener.port);
            let tls = match listener.scheme.as_str() {
                "https" => {
                    let config = tls::server_config(tls);
                    Some(config.map_err(|error| BindError::Tls { listener: name.clone(), error })?)
                }
                _ => None,
            };
            let opened = open(&listener.host, listener.port).await;
            let (socket, address) = opened.map_err(|error| BindError::Address { listener: name, error })?;
            bound.listeners.push(Open { socket, address, tls });
        }
        Ok(bound)
    }

    /// The addresses in the listeners' order.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().map(|listener| listener.address).collect()
    }

    /// Serves until `stop`, then waits for the requests under way as long as the limits say.
    pub async fn serve(self, router: Router, limits: Limits, stop: CancellationToken) {
        let connections = Arc::new(Semaphore::new(limits.connections));
        let mut servers = JoinSet::new();
        for Open { socket, tls, .. } in self.listeners {
            let scheme = Scheme(if tls.is_some() { "https" } else { "http" });
            let serving = Serving {
                router: router.clone().layer(Extension(scheme)),
                limits: limits.clone(),
                tls: tls.map(TlsAcceptor::from),
                graceful: GracefulShutdown::new(),
            };
            servers.spawn(accept(socket, serving, connections.clone(), stop.clone()));
        }
        while let Some(ended) = servers.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a REST listener failed");
            }
        }
    }
}

/// The scheme under which a request came, for URLs in its answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scheme(pub(super) &'static str);

/// How the connections of one listener are served.
struct Serving {
    router: Router,
    limits: Limits,
    tls: Option<TlsAcceptor>,
    graceful: GracefulShutdown,
}

async fn open(host: &str, port: u16) -> io::Result<(TcpListener, SocketAddr)> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let socket = match host {
        // All interfaces: both families where the system has both.
        "" => match TcpListener::bind(("::", port)).await {
            Ok(socket) => socket,
            Err(_) => TcpListener::bind(("0.0.0.0", port)).await?,
        },
        host => TcpListener::bind((host, port)).await?,
    };
    let address = socket.local_addr()?;
    Ok((socket, address))
}

async fn accept(listener: TcpListener, serving: Serving, connections: Arc<Semaphore>, stop: CancellationToken) {
    loop {
        // A permit first, so that what cannot be served stays in the system's queue.
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = next(&listener, &connections) => accepted,
        };
        if let Some((stream, permit)) = accepted {
            serving.connection(stream, permit);
        }
    }
    drop(listener);
    tokio::select! {
        () = serving.graceful.shutdown() => {}
        () = tokio::time::sleep(serving.limits.stop) => tracing::warn!("requests were still under way when the REST server stopped"),
    }
}

async fn next(listener: &TcpListener, connections: &Arc<Semaphore>) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let permit = connections.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, permit)),
        Err(error) => {
            // Such as too many open files: some must close before it is worth another try.
            tracing::warn!(%error, "cannot accept a REST connection");
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            None
        }
    }
}

impl Serving {
    fn connection(&self, stream: TcpStream, permit: OwnedSemaphorePermit) {
        // Answers are small; waiting to fill a packet only delays them. An error shows again at the first read.
        let _ = stream.set_nodelay(true);
        let stream = WriteTimeout::new(stream, self.limits.write);
        let Some(tls) = self.tls.clone() else { return self.http(stream, permit) };
        let (router, limits, watcher) = (self.router.clone(), self.limits.clone(), self.graceful.watcher());
        tokio::spawn(async move {
            // A client has as long for this as for a request's head.
            match tokio::time::timeout(limits.head, tls.accept(stream)).await {
                Ok(Ok(stream)) => end(watcher.watch(http(stream, router, &limits)).await, permit),
                Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake of a REST client failed"),
                Err(_) => tracing::debug!("a TLS handshake of a REST client took too long"),
            }
        });
    }

    fn http(&self, stream: WriteTimeout<TcpStream>, permit: OwnedSemaphorePermit) {
        let connection = self.graceful.watch(http(stream, self.router.clone(), &self.limits));
        tokio::spawn(async move { end(connection.await, permit) });
    }
}

/// A connection at work.
fn http<S>(stream: S, router: Router, limits: &Limits) -> http1::Connection<TokioIo<S>, TowerToHyperService<Router>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
}

fn end(outcome: hyper::Result<()>, permit: OwnedSemaphorePermit) {
    if let Err(error) = outcome {
        tracing::debug!(%error, "a REST connection ended early");
    }
    drop(permit);
}
