//! The short life that was recorded, with this run's folder and database.

use std::fs;
use std::path::Path;

use serde_json::{Value as Json, json};

use super::topics::{Record, Topics};
use super::worker::Worker;

/// The recorded life.
pub(crate) struct Life {
    folder: String,
    database: String,
}

impl Life {
    /// The life with its files in `folder`, and a MongoDB at a URI.
    pub(crate) fn golden(folder: &Path, database: &str) -> Self {
        Self { folder: folder.to_string_lossy().into_owned(), database: database.to_owned() }
    }

    fn read(&self, file: &str) -> String {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/internal-topics").join(file);
        let text = fs::read_to_string(path).unwrap();
        text.replace("/tmp/longshore-golden", &self.folder)
            .replace("mongodb://127.0.0.1:27017/?replicaSet=rs0", &self.database)
    }

    /// The records of a topic.
    pub(crate) fn records(&self, topic: &str) -> Vec<Record> {
        let lines = self.read("topics.jsonl");
        let lines = lines.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
        let text = |value: &Json| value.as_str().map(str::to_owned);
        lines
            .filter(|line| line["topic"] == topic)
            .map(|line| Record {
                partition: line["partition"].as_i64().unwrap() as i32,
                key: text(&line["key"]).unwrap(),
                value: text(&line["value"]),
            })
            .collect()
    }

    /// What `GET /connectors?expand=status&expand=info` answered at the end.
    pub(crate) fn expanded(&self) -> Json {
        serde_json::from_str(&self.read("expand.json")).unwrap()
    }

    /// What `GET /connectors/{connector}/offsets` answered at the end.
    pub(crate) fn offsets(&self) -> Vec<(String, Json)> {
        let lines = self.read("offsets.txt");
        let lines = lines.lines().map(|line| line.split_once(' ').unwrap());
        lines.map(|(connector, answer)| (connector.to_owned(), serde_json::from_str(answer).unwrap())).collect()
    }

    /// What the connectors find when they start.
    pub(crate) fn prepare(&self, topics: &Topics) {
        fs::write(format!("{}/in.txt", self.folder), "").unwrap();
        fs::write(format!("{}/in2.txt", self.folder), "x\ny\n").unwrap();
        for topic in ["pub-lines", "pub-lines2", "api-data"] {
            topics.create(topic, 1, false);
        }
    }

    /// Sends the requests that were sent then.
    pub(crate) fn live(&self, worker: &Worker, topics: &Topics) {
        self.prepare(topics);
        fs::write(format!("{}/in.txt", self.folder), "1\n2\n3\n").unwrap();
        let state = |connector: &str, state: &str, task: &str| worker.wait_for_state(connector, state, task);
        for connector in ["file-source", "file-source-2", "file-sink", "simplelink"] {
            self.create(worker, connector, Json::Null);
            state(connector, "RUNNING", "RUNNING");
        }
        self.create(worker, "born-stopped", "STOPPED".into());
        self.create(worker, "born-paused", "PAUSED".into());
        self.create(worker, "failing", Json::Null);
        state("failing", "RUNNING", "FAILED");
        self.create(worker, "deleted", Json::Null);
        state("deleted", "RUNNING", "RUNNING");
        for (connector, topic) in
            [("file-source-2", "pub-lines2"), ("file-sink", "pub-lines"), ("deleted", "pub-lines")]
        {
            worker.wait_until(&format!("{connector} uses {topic}"), || {
                let used = worker.request("GET", &format!("/connectors/{connector}/topics")).body;
                used[connector]["topics"].to_string().contains(&format!("{topic}\""))
            });
        }

        self.ask(worker, "PUT", "/connectors/file-sink/pause", &Json::Null);
        self.ask(worker, "PUT", "/connectors/file-source-2/stop", &Json::Null);
        state("file-sink", "PAUSED", "PAUSED");
        worker.wait_until("file-source-2 is stopped", || {
            worker.status("file-source-2")["connector"]["state"] == "STOPPED"
        });
        let partition = json!({"filename": format!("{}/in2.txt", self.folder)});
        let altered = json!({"offsets": [{"partition": partition, "offset": {"position": 2}}]});
        self.ask(worker, "PATCH", "/connectors/file-source-2/offsets", &altered);
        self.ask(worker, "POST", "/connectors/simplelink/restart?includeTasks=true&onlyFailed=false", &Json::Null);
        self.ask(worker, "DELETE", "/connectors/deleted", &Json::Null);
        let logger = "/admin/loggers/org.apache.kafka.connect.runtime?scope=cluster";
        self.ask(worker, "PUT", logger, &json!({"level": "DEBUG"}));
    }

    fn create(&self, worker: &Worker, connector: &str, initial_state: Json) {
        let key = format!("connector-{connector}");
        let records = self.records("pub-configs");
        let value = records.iter().find(|record| record.key == key).and_then(|record| record.value.as_deref()).unwrap();
        let config = serde_json::from_str::<Json>(value).unwrap()["properties"].take();
        let mut body = json!({"name": connector, "config": config});
        if !initial_state.is_null() {
            body["initial_state"] = initial_state;
        }
        self.ask(worker, "POST", "/connectors", &body);
    }

    fn ask(&self, worker: &Worker, method: &str, path: &str, body: &Json) {
        let answer = match body {
            Json::Null => worker.request(method, path),
            body => worker.send(method, path, body),
        };
        assert!(answer.status < 300, "{method} {path}: {} {}\n{}", answer.status, answer.body, worker.log());
    }
}
