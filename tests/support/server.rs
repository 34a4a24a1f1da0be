//! The REST API over the herder in memory, on a port of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use longshore::config::rest::AdminEndpoints;
use longshore::config::{Listener, Mode, RestSettings, WorkerConfig};
use longshore::rest::{Api, Bound, Credentials, Level, Limits, LogLevels, admin_router, router};
use tokio_util::sync::CancellationToken;

use super::fake_herder::FakeHerder;

/// A server that ends with the test.
pub struct Server {
    pub address: SocketAddr,
    /// All addresses, in the order of the listeners.
    pub addresses: Vec<SocketAddr>,
    /// The addresses of the admin listeners.
    pub admin: Vec<SocketAddr>,
    pub herder: Arc<FakeHerder>,
    stop: CancellationToken,
    /// Ends when the server has.
    pub done: Option<std::thread::JoinHandle<()>>,
}

/// How a server listens and is guarded.
#[derive(Default)]
struct Setup {
    listeners: Vec<Listener>,
    settings: RestSettings,
}

/// The API over a herder.
pub fn api(herder: Arc<FakeHerder>, mode: Mode, limits: Limits) -> Api {
    Api {
        herder,
        loggers: Arc::new(LogLevels::new(Level::Info, |_| {})),
        metrics: Arc::default(),
        worker_id: "127.0.0.1:8083".into(),
        mode,
        settings: Arc::default(),
        credentials: None,
        limits,
    }
}

impl Server {
    /// Starts a server with the default limits.
    pub fn start(mode: Mode) -> Self {
        Self::with(FakeHerder::new(mode), mode, Limits::default())
    }

    /// Starts a server.
    pub fn with(herder: FakeHerder, mode: Mode, limits: Limits) -> Self {
        let listeners = vec![Listener { scheme: "http".into(), host: "127.0.0.1".into(), port: 0 }];
        Self::run(herder, mode, limits, Setup { listeners, ..Setup::default() })
    }

    /// Starts the server of a worker with these properties and this environment.
    pub fn configured(properties: &[(&str, &str)], environment: &[(&str, &str)]) -> Self {
        const REQUIRED: [(&str, &str); 3] =
            [("key.converter", "x"), ("value.converter", "x"), ("offset.storage.file.filename", "x")];
        let owned = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        let properties = owned(&[&REQUIRED, properties].concat()).into_iter().collect();
        let worker = WorkerConfig::load(Mode::Standalone, properties, owned(environment)).unwrap();
        let setup = Setup { listeners: worker.listeners, settings: worker.rest };
        Self::run(FakeHerder::new(Mode::Standalone), Mode::Standalone, Limits::default(), setup)
    }

    fn run(herder: FakeHerder, mode: Mode, limits: Limits, Setup { listeners, settings }: Setup) -> Self {
        let herder = Arc::new(herder);
        let stop = CancellationToken::new();
        let (sender, receiver) = std::sync::mpsc::channel();
        let credentials = settings.basic_auth.as_deref().map(|file| Arc::new(Credentials::read(file).unwrap()));
        let settings = Arc::new(settings);
        let api = Api { settings: settings.clone(), credentials, ..api(herder.clone(), mode, limits.clone()) };
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(async {
                let main = Bound::open(&listeners, &settings.tls).await.unwrap();
                let admin = match &settings.admin {
                    AdminEndpoints::Apart(listeners) => listeners.as_slice(),
                    _ => &[],
                };
                let admin = Bound::open(admin, &settings.admin_tls).await.unwrap();
                sender.send((main.addresses(), admin.addresses())).unwrap();
                let admin = admin.serve(admin_router(api.clone()), limits.clone(), stopped.clone());
                tokio::join!(main.serve(router(api), limits, stopped), admin);
            });
        });
        let (addresses, admin) = receiver.recv_timeout(Duration::from_secs(60)).unwrap();
        Self { address: addresses[0], addresses, admin, herder, stop, done: Some(thread) }
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
