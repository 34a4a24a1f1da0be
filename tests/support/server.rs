//! The REST API over the herder in memory, on a port of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use longshore::config::{Listener, Mode};
use longshore::rest::{Api, Bound, Level, Limits, LogLevels, router};
use tokio_util::sync::CancellationToken;

use super::fake_herder::FakeHerder;

/// A server that ends with the test.
pub struct Server {
    pub address: SocketAddr,
    pub herder: Arc<FakeHerder>,
    stop: CancellationToken,
    /// Ends when the server has.
    pub done: Option<std::thread::JoinHandle<()>>,
}

/// The API over a herder.
pub fn api(herder: Arc<FakeHerder>, mode: Mode, limits: Limits) -> Api {
    Api { herder, loggers: Arc::new(LogLevels::new(Level::Info, |_| {})), mode, limits }
}

impl Server {
    /// Starts a server with the default limits.
    pub fn start(mode: Mode) -> Self {
        Self::with(FakeHerder::new(mode), mode, Limits::default())
    }

    /// Starts a server.
    pub fn with(herder: FakeHerder, mode: Mode, limits: Limits) -> Self {
        let herder = Arc::new(herder);
        let stop = CancellationToken::new();
        let (sender, receiver) = std::sync::mpsc::channel();
        let (api, stopped) = (api(herder.clone(), mode, limits.clone()), stop.clone());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = Listener { scheme: "http".into(), host: "127.0.0.1".into(), port: 0 };
                let bound = Bound::open(&[listener]).await.unwrap();
                sender.send(bound.addresses()[0]).unwrap();
                bound.serve(router(api), limits, stopped).await;
            });
        });
        let address = receiver.recv_timeout(Duration::from_secs(10)).unwrap();
        Self { address, herder, stop, done: Some(thread) }
    }

    /// `host:port`.
    pub fn authority(&self) -> String {
        self.address.to_string()
    }

    /// Tells the server to stop; does not wait for it.
    pub fn stop(&self) {
        self.stop.cancel();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}
