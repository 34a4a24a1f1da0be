//! Listens, and serves within bounds: connections, heads, time.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Limits;
use super::slow::WriteTimeout;
use crate::config::Listener;

/// Bytes of a request's head. Jetty allows 8 KiB; connector names in paths may be long.
const MAX_HEAD_BYTES: usize = 32 * 1024;

/// Headers of a request.
const MAX_HEADERS: usize = 100;

/// Why a listener could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// TLS is not built in.
    #[error("listener {0}: only http listeners are supported")]
    Scheme(String),
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
    listeners: Vec<TcpListener>,
    addresses: Vec<SocketAddr>,
}

impl Bound {
    /// Opens all listeners. Port 0 lets the system choose; [`addresses`](Self::addresses) says what it chose.
    pub async fn open(listeners: &[Listener]) -> Result<Self, BindError> {
        let mut bound = Self { listeners: Vec::new(), addresses: Vec::new() };
        for listener in listeners {
            let name = format!("{}://{}:{}", listener.scheme, listener.host, listener.port);
            if !listener.scheme.eq_ignore_ascii_case("http") {
                return Err(BindError::Scheme(name));
            }
            let opened = open(&listener.host, listener.port).await;
            let (socket, address) = opened.map_err(|error| BindError::Address { listener: name, error })?;
            bound.listeners.push(socket);
            bound.addresses.push(address);
        }
        Ok(bound)
    }

    /// The addresses in the listeners' order.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Serves until `stop`, then waits for the requests under way as long as the limits say.
    pub async fn serve(self, router: Router, limits: Limits, stop: CancellationToken) {
        let connections = Arc::new(Semaphore::new(limits.connections));
        let mut servers = JoinSet::new();
        for listener in self.listeners {
            servers.spawn(accept(listener, router.clone(), limits.clone(), connections.clone(), stop.clone()));
        }
        while let Some(ended) = servers.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a REST listener failed");
            }
        }
    }
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

async fn accept(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    connections: Arc<Semaphore>,
    stop: CancellationToken,
) {
    let graceful = GracefulShutdown::new();
    loop {
        // A permit first, so that what cannot be served stays in the system's queue.
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = next(&listener, &connections) => accepted,
        };
        if let Some((stream, permit)) = accepted {
            serve_connection(stream, permit, &router, &limits, &graceful);
        }
    }
    drop(listener);
    tokio::select! {
        () = graceful.shutdown() => {}
        () = tokio::time::sleep(limits.stop) => tracing::warn!("requests were still under way when the REST server stopped"),
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

fn serve_connection(
    stream: TcpStream,
    permit: OwnedSemaphorePermit,
    router: &Router,
    limits: &Limits,
    graceful: &GracefulShutdown,
) {
    // Answers are small; waiting to fill a packet only delays them. An error shows again at the first read.
    let _ = stream.set_nodelay(true);
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(
            TokioIo::new(WriteTimeout::new(stream, limits.write)),
            TowerToHyperService::new(router.clone()),
        );
    let connection = graceful.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a REST connection ended early");
        }
        drop(permit);
    });
}
