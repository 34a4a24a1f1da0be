//! The real servers that tests run against: those of the environment, or ones that are started for the test.
//!
//! `LONGSHORE_TEST_KAFKA` (host:port), `LONGSHORE_TEST_MONGODB` (URI), `LONGSHORE_TEST_REGISTRY`,
//! `LONGSHORE_TEST_CLICKHOUSE` and `LONGSHORE_TEST_S3` (URLs; keys as of [`Kind::S3`]) name servers that are there.
//! Without them the scripts beside this crate start what `install.sh` has installed, on free ports of the loopback. A server ends with
//! the test process, even if that is killed, and takes its data with it.
#![allow(clippy::panic, clippy::expect_used, clippy::print_stderr, reason = "a library for tests alone")]

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Apache Kafka, one node.
    Kafka,
    /// MongoDB, a replica set of one.
    Mongo,
    /// A schema registry with Confluent's API; what it knows is gone when it ends.
    Registry,
    /// ClickHouse with a Keeper: user `default` needs no password, `lab` has the password `labpass`.
    ClickHouse,
    /// A server with S3's API; access keys `lab` and `reader` (which may only read), both with the secret `labpass`.
    S3,
    /// MongoDB that asks for a login: user `lab`, password `labpass`.
    MongoWithLogin,
    /// MongoDB, one of the members that [`mongo_set`] starts.
    MongoMember,
}

/// What ClickHouse can answer once its Keeper can be used.
const KEEPER_QUERY: &str = "/?query=SELECT+count()+FROM+system.zookeeper+WHERE+path%3D%27/%27";

/// A server of a test's own: it may be stopped, killed and started again.
#[derive(Debug)]
pub struct Server {
    kind: Kind,
    port: u16,
    data: PathBuf,
    variables: Vec<(String, String)>,
    child: Child,
}

/// `host:port` of a broker that tests share; they keep apart by the names of topics and groups.
pub fn kafka() -> &'static str {
    static SHARED: OnceLock<(String, Option<Server>)> = OnceLock::new();
    &SHARED.get_or_init(|| shared("LONGSHORE_TEST_KAFKA", Kind::Kafka)).0
}

/// URI of a MongoDB that tests share; they keep apart by the names of databases.
pub fn mongodb() -> &'static str {
    static SHARED: OnceLock<(String, Option<Server>)> = OnceLock::new();
    &SHARED.get_or_init(|| shared("LONGSHORE_TEST_MONGODB", Kind::Mongo)).0
}

/// URL of a schema registry that tests share; they keep apart by the names of topics.
pub fn registry() -> &'static str {
    static SHARED: OnceLock<(String, Option<Server>)> = OnceLock::new();
    &SHARED.get_or_init(|| shared("LONGSHORE_TEST_REGISTRY", Kind::Registry)).0
}

/// URL of a ClickHouse that tests share; they keep apart by the names of databases.
pub fn clickhouse() -> &'static str {
    static SHARED: OnceLock<(String, Option<Server>)> = OnceLock::new();
    &SHARED.get_or_init(|| shared("LONGSHORE_TEST_CLICKHOUSE", Kind::ClickHouse)).0
}

/// URL of a server with S3's API that tests share; they keep apart by the names of buckets.
pub fn s3() -> &'static str {
    static SHARED: OnceLock<(String, Option<Server>)> = OnceLock::new();
    &SHARED.get_or_init(|| shared("LONGSHORE_TEST_S3", Kind::S3)).0
}

/// Three MongoDB servers that are one replica set, with a primary.
pub fn mongo_set() -> [Server; 3] {
    let members = [(); 3].map(|()| Server::start(Kind::MongoMember));
    let ports = members.each_ref().map(|member| member.port.to_string());
    let command = ["rs-init", "rs0"].into_iter().chain(ports.iter().map(String::as_str));
    assert!(members[0].mongo_is(&command.collect::<Vec<_>>()), "the replica set has no primary");
    members
}

/// URI of the replica set that these servers are.
pub fn mongo_set_address(members: &[Server]) -> String {
    let hosts: Vec<String> = members.iter().map(Server::host).collect();
    format!("mongodb://{}/?replicaSet=rs0", hosts.join(","))
}

fn shared(variable: &str, kind: Kind) -> (String, Option<Server>) {
    match std::env::var(variable) {
        Ok(address) if !address.is_empty() => (address, None),
        _ => {
            let server = Server::start(kind);
            (server.address(), Some(server))
        }
    }
}

/// A name that no other test uses: for topics, groups, databases.
pub fn unique(prefix: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{prefix}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A port that nobody listens on, outside the range from which the kernel gives ports to clients: a server that is
/// started again must find it free.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let first = std::process::id().wrapping_mul(101);
    let ports =
        std::iter::repeat_with(|| 20_000 + (first.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % 12_000) as u16);
    ports
        .take(12_000)
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("a free port of the loopback")
}

impl Server {
    /// Starts a server and waits until it is ready.
    pub fn start(kind: Kind) -> Self {
        Self::start_with(kind, &[])
    }

    /// The same with variables for the server's script, such as `KAFKA_JVM`; each script describes its own.
    pub fn start_with(kind: Kind, variables: &[(&str, &str)]) -> Self {
        let data = data_folder().join(unique(kind.name()));
        let port = free_port();
        let variables: Vec<_> = variables.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let child = spawn(kind, port, &data, &variables);
        let mut server = Self { kind, port, data, variables, child };
        server.wait_until_ready();
        server
    }

    /// The server's process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where it listens, as `host:port`.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// `host:port` of a broker, a MongoDB URI, or the URL of another server.
    pub fn address(&self) -> String {
        let port = self.port;
        match self.kind {
            Kind::Kafka => format!("127.0.0.1:{port}"),
            Kind::Registry => format!("http://127.0.0.1:{port}/apis/ccompat/v7"),
            Kind::ClickHouse => format!("http://127.0.0.1:{port}"),
            Kind::S3 => format!("http://127.0.0.1:{port}"),
            Kind::Mongo => format!("mongodb://127.0.0.1:{port}/?replicaSet=rs0"),
            Kind::MongoWithLogin => format!("mongodb://lab:labpass@127.0.0.1:{port}/?replicaSet=rs0"),
            Kind::MongoMember => format!("mongodb://127.0.0.1:{port}/?directConnection=true"),
        }
    }

    /// Ends the server at once, as a crash would.
    pub fn kill(&mut self) {
        self.child.kill().expect("the server can be killed");
        self.child.wait().expect("a killed server ends");
    }

    /// Starts it again on the same port and data, and waits until it is ready.
    pub fn start_again(&mut self) {
        self.child = spawn(self.kind, self.port, &self.data, &self.variables);
        self.wait_until_ready();
    }

    /// Makes the server stand still, as a broken network would; [`go_on`](Self::go_on) ends that.
    pub fn freeze(&self) {
        signal(&self.child, "STOP");
    }

    /// Lets a frozen server go on.
    pub fn go_on(&self) {
        signal(&self.child, "CONT");
    }

    fn wait_until_ready(&mut self) {
        let log = self.data.join("log.txt");
        let end = Instant::now() + Duration::from_secs(120);
        while !self.is_ready(&log) {
            let ended = self.child.try_wait().expect("the server's state can be asked for").is_some();
            if ended || Instant::now() > end {
                let text = fs::read_to_string(&log).unwrap_or_default();
                let last: Vec<&str> = text.lines().rev().take(15).collect();
                let last: Vec<&str> = last.into_iter().rev().collect();
                panic!(
                    "{} did not start; `tests/servers/install.sh` installs it. It said:\n{}",
                    self.kind.name(),
                    last.join("\n")
                );
            }
            sleep(Duration::from_millis(100));
        }
    }

    fn is_ready(&self, log: &Path) -> bool {
        match self.kind {
            Kind::Kafka => fs::read_to_string(log).is_ok_and(|text| text.contains("Kafka Server started")),
            Kind::Registry => self.answers("/apis/ccompat/v7/subjects", b" 200").unwrap_or(false),
            Kind::ClickHouse => self.answers(KEEPER_QUERY, b" 200").unwrap_or(false),
            // Nobody may list the buckets without a key.
            Kind::S3 => self.answers("/", b" 403").unwrap_or(false),
            Kind::Mongo => self.mongo_is(&["is-primary"]),
            Kind::MongoMember => self.mongo_is(&["wait-ready", "1"]),
            // The user is created last, as soon as there is a primary.
            Kind::MongoWithLogin => self.mongo_is(&["create-user", "lab", "labpass"]),
        }
    }

    /// Whether it answers a GET by HTTP with this status.
    fn answers(&self, path: &str, status: &[u8]) -> std::io::Result<bool> {
        let mut connection = TcpStream::connect(("127.0.0.1", self.port))?;
        connection.set_read_timeout(Some(Duration::from_secs(10)))?;
        connection.write_all(format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").as_bytes())?;
        let mut answer = [0; 12];
        connection.read_exact(&mut answer)?;
        Ok(answer.ends_with(status))
    }

    fn mongo_is(&self, command: &[&str]) -> bool {
        let port = self.port.to_string();
        let script = scripts().join("mongo/command.py");
        let mut asked = Command::new("python3");
        asked.arg(script).args(["127.0.0.1", &port]).args(command);
        let asked = asked.envs(self.variables.iter().map(|(key, value)| (key, value))).output();
        asked.is_ok_and(|answer| answer.status.success())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A server that has ended already cannot be killed, which is as good.
        let _ended = self.child.kill();
        let _ended = self.child.wait();
        let _gone = fs::remove_dir_all(&self.data);
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Kafka => "kafka",
            Kind::Registry => "registry",
            Kind::ClickHouse => "clickhouse",
            Kind::S3 => "s3",
            Kind::Mongo | Kind::MongoWithLogin | Kind::MongoMember => "mongo",
        }
    }
}

fn spawn(kind: Kind, port: u16, data: &Path, variables: &[(String, String)]) -> Child {
    fs::create_dir_all(data).expect("the folder for a test server's data can be made");
    let log = File::create(data.join("log.txt")).expect("the log of a test server can be made");
    let script = scripts().join(format!("{}-run.sh", kind.name()));
    Command::new(script)
        .envs(variables.iter().map(|(key, value)| (key, value)))
        .env("PORT", port.to_string())
        .env("DATA", data)
        .env("OWNER_PID", std::process::id().to_string())
        .env("EPHEMERAL", "1")
        .env("MONGO_AUTH", if kind == Kind::MongoWithLogin { "1" } else { "" })
        .env("MONGO_MEMBER", if kind == Kind::MongoMember { "1" } else { "" })
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a log can be shared"))
        .stderr(log)
        .spawn()
        .expect("the scripts of tests/servers can be run")
}

fn scripts() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Where the servers of one test process keep their data; reachable for the unprivileged users they run as.
fn data_folder() -> PathBuf {
    std::env::temp_dir().join("longshore-tests")
}

fn signal(child: &Child, name: &str) {
    let pid = child.id().to_string();
    let done = Command::new("kill").args([&format!("-{name}"), &pid]).status();
    assert!(done.is_ok_and(|status| status.success()), "signal {name} did not reach process {pid}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_was_killed_starts_again_with_its_data() {
        let mut server = Server::start(Kind::Mongo);
        let address = server.address();
        server.kill();
        server.start_again();
        assert_eq!(server.address(), address);
        assert!(server.data.join("WiredTiger").exists());
        let data = server.data.clone();
        drop(server);
        assert!(!data.exists());
    }
}
