//! Kafka Connect's own worker, on the internal topics of a Longshore worker.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use longshore_test_servers::free_port;
use serde_json::Value as Json;

use super::worker::wait_for;

/// A running Kafka Connect; ends with the value.
pub(crate) struct KafkaConnect {
    child: Child,
    port: u16,
    folder: PathBuf,
}

impl KafkaConnect {
    /// Starts it in the group of a Longshore worker of that name.
    pub(crate) fn start(bootstrap: &str, worker: &str) -> Self {
        let port = free_port();
        let folder = std::env::temp_dir().join("longshore-tests").join(format!("connect-{worker}"));
        fs::create_dir_all(&folder).unwrap();
        let log = File::create(folder.join("log.txt")).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/connect-run.sh");
        let child = Command::new(script)
            .env("PORT", port.to_string())
            .env("BOOTSTRAP", bootstrap)
            .env("GROUP_ID", worker)
            .env("TOPIC_PREFIX", worker)
            .env("CONNECT_HEAP", "-Xmx512M")
            .env("DATA", folder.join("data"))
            .env("OWNER_PID", std::process::id().to_string())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let connect = Self { child, port, folder };
        assert!(wait_for(|| connect.ask().is_ok()), "Kafka Connect does not start:\n{}", connect.log());
        connect
    }

    /// What it shows of all connectors.
    pub(crate) fn connectors(&self) -> Json {
        self.ask().unwrap_or_else(|error| panic!("{error}\n{}", self.log()))
    }

    /// How many of the statuses are its own.
    pub(crate) fn own_words(&self) -> usize {
        self.connectors().to_string().matches(&format!("\"worker_id\":\"127.0.0.1:{}\"", self.port)).count()
    }

    fn ask(&self) -> Result<Json, ureq::Error> {
        let url = format!("http://127.0.0.1:{}/connectors?expand=status&expand=info", self.port);
        let text = ureq::get(url).call()?.body_mut().read_to_string()?;
        Ok(serde_json::from_str(&text).unwrap())
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log.txt")).unwrap_or_default()
    }
}

impl Drop for KafkaConnect {
    fn drop(&mut self) {
        // As a container is stopped: it leaves its group, so that nobody has to wait for its session to end. Kafka
        // Connect's herder may miss the call and wait for ever, so that it has to be killed.
        let pid = self.child.id().to_string();
        let _asked = Command::new("kill").args(["-TERM", &pid]).status();
        if !wait_for(|| matches!(self.child.try_wait(), Ok(Some(_)))) {
            let _ended = self.child.kill();
            let _ended = self.child.wait();
        }
        let _gone = fs::remove_dir_all(&self.folder);
    }
}
