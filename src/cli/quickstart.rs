//! `longshore quickstart`: a broker inside the process, a worker, and records that flow.

mod progress;

use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use clap::Args;
use longshore_api::Props;
use serde_json::{Value, json};

use self::progress::LineCounter;
use super::worker::{Worker, interrupted, run_to_end, start_logging};
use super::{Exit, Failed, Log, say};
use crate::config::{Environment, TopicSpec, WorkerConfig};
use crate::herder::{CreateRequest, Herder};
use crate::kafka::MockBroker;
use crate::rest::LogLevels;
use crate::task::TargetState;

/// What the quickstart may be told.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Also write to this MongoDB, through the connector of configs/simplelink.json: documents in mydb.api.
    #[arg(long, value_name = "URI")]
    mongodb: Option<String>,
    /// Where the file sink writes.
    #[arg(long, value_name = "FOLDER", default_value = "quickstart")]
    dir: PathBuf,
    /// Port of the REST API; 0 lets the system choose.
    #[arg(long, value_name = "PORT", default_value_t = 8083)]
    rest_port: u16,
    /// The longest pause between two quotes in milliseconds. The broker in this process keeps 5 MiB, so the rate has a
    /// bound: full speed is for real brokers.
    #[arg(long, value_name = "MS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(2..=60_000))]
    interval: u64,
}

/// The topic that everything flows through.
const TOPIC: &str = "api-data";
/// The connector that makes the quotes.
const SOURCE: &str = "stock-quotes";

const STRINGS: &str = "org.apache.kafka.connect.storage.StringConverter";

/// A connector of the quickstart: name, what it does, configuration.
type Connector = (&'static str, &'static str, Value);

pub(super) fn run(log: &Log, options: Options) -> Result<Exit, Failed> {
    let mut log = log.clone();
    // A newcomer sees what runs and how fast, not how; --log-level INFO shows more.
    log.log_level.get_or_insert_with(|| "WARN".to_owned());
    let levels = start_logging(&log, &Environment::default())?;
    let file = options.dir.join(format!("{TOPIC}.jsonl"));
    make_file(&file).map_err(Failed::start)?;
    let broker = start_broker().map_err(Failed::start)?;
    let outcome = run_to_end(play(&options, &broker, &file, levels));
    // The process ends here. Clients that are winding up would only complain of a broker that went before them.
    std::mem::forget(broker);
    outcome
}

/// Makes sure that the file can be written, as it is the first that a user would miss.
fn make_file(file: &Path) -> anyhow::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let opened = std::fs::File::options().append(true).create(true).open(file);
    opened.map(drop).with_context(|| format!("{} cannot be written", file.display()))
}

async fn play(options: &Options, broker: &MockBroker, file: &Path, levels: Arc<LogLevels>) -> Result<Exit, Failed> {
    let mut interrupted = pin!(interrupted());
    let bootstrap = broker.bootstrap_servers();
    let config = WorkerConfig::distributed(worker_props(&bootstrap, options.rest_port)).map_err(Failed::start)?;
    let mut worker = Worker::start(config, levels).await.map_err(|failed| Failed {
        error: failed.error.context("the REST API cannot start (--rest-port PORT takes another port)"),
        ..failed
    })?;
    let connectors = connectors(options, file);
    let mut lines = LineCounter::new(file);
    let there_before = lines.count();
    let created = tokio::select! {
        created = create(&worker, &connectors) => created,
        () = &mut interrupted => Err(anyhow!("interrupted before everything ran")),
    };
    if let Err(error) = created {
        worker.stop().await;
        return Err(Failed::start(error));
    }
    introduce(&worker.url, &bootstrap, file, &connectors);
    tokio::select! {
        () = &mut interrupted => {}
        () = progress::show(&mut lines) => {}
        ended = worker.ended() => return Err(Failed::start(ended)),
    }
    say("\nDraining: no more quotes are made, and those under way are written down.");
    // Whoever deleted the connector has stopped it already.
    drop(worker.herder.set_target(SOURCE, TargetState::Stopped).await);
    progress::settle(&mut lines).await;
    let made = quotes_made(&worker).await;
    worker.stop().await;
    say(&format!("Ended. {} has {} quotes.", file.display(), lines.count()));
    let (written, made) = (lines.count() - there_before, made.unwrap_or(0));
    if made > written {
        let missing = made - written;
        say(&format!(
            "{missing} of the {made} quotes of this run are not in it: the broker, which keeps 5 MiB, forgot them \
             before they were read."
        ));
    }
    Ok(Exit::Ok)
}

/// How many quotes the broker has taken, as the source's stored offset says.
async fn quotes_made(worker: &Worker) -> Option<u64> {
    let offsets = worker.herder.offsets(SOURCE).await.ok()?;
    offsets.pointer("/offsets/0/offset/current.iteration")?.as_u64()
}

fn start_broker() -> anyhow::Result<MockBroker> {
    let broker = MockBroker::start()?;
    for name in [TOPIC, "connect-configs", "connect-offsets", "connect-status"] {
        let topic = TopicSpec { name: name.to_owned(), partitions: 1, replication_factor: 1, settings: Props::new() };
        broker.create_topic(&topic)?;
    }
    Ok(broker)
}

fn worker_props(bootstrap: &str, rest_port: u16) -> Props {
    let rest = format!("http://127.0.0.1:{rest_port}");
    [
        ("bootstrap.servers", bootstrap),
        ("group.id", "quickstart"),
        ("config.storage.topic", "connect-configs"),
        ("offset.storage.topic", "connect-offsets"),
        ("status.storage.topic", "connect-status"),
        ("offset.storage.partitions", "1"),
        ("status.storage.partitions", "1"),
        ("key.converter", STRINGS),
        ("value.converter", "org.apache.kafka.connect.json.JsonConverter"),
        ("value.converter.schemas.enable", "false"),
        ("offset.flush.interval.ms", "1000"),
        ("listeners", &rest),
        ("rest.advertised.host.name", "localhost"),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .collect()
}

/// The connectors that are created.
fn connectors(options: &Options, file: &Path) -> Vec<Connector> {
    let mut connectors = vec![
        (
            SOURCE,
            "makes stock quotes",
            json!({
                "connector.class": "io.confluent.kafka.connect.datagen.DatagenConnector",
                "kafka.topic": TOPIC,
                "quickstart": "stock_quotes",
                "max.interval": options.interval.to_string(),
            }),
        ),
        (
            "quotes-to-file",
            "writes them down, a line each",
            json!({
                "connector.class": "org.apache.kafka.connect.file.FileStreamSinkConnector",
                "topics": TOPIC,
                "file": file,
                "value.converter": STRINGS,
            }),
        ),
    ];
    if let Some(uri) = &options.mongodb {
        let config = json!({
            "connector.class": "com.mongodb.kafka.connect.MongoSinkConnector",
            "topics": TOPIC,
            "connection.uri": uri,
            "database": "mydb",
            "collection": "api",
        });
        connectors.push(("simplelink", "makes documents of them in mydb.api", config));
    }
    connectors
}

async fn create(worker: &Worker, connectors: &[Connector]) -> anyhow::Result<()> {
    for (name, _, config) in connectors {
        let members = config.as_object().into_iter().flatten();
        let mut config: crate::herder::RequestConfig =
            members.map(|(key, value)| (key.clone(), value.as_str().map(str::to_owned))).collect();
        config.insert("name".to_owned(), Some((*name).to_owned()));
        let request = CreateRequest { name: (*name).to_owned(), config, initial_state: None };
        worker.herder.create(request).await.map_err(|error| anyhow!("connector {name} cannot be created: {error}"))?;
    }
    Ok(())
}

fn introduce(url: &str, bootstrap: &str, file: &Path, connectors: &[Connector]) {
    say(&format!("Longshore {} is running.\n", env!("CARGO_PKG_VERSION")));
    say(&format!("  REST API   {url}"));
    say(&format!("  broker     {bootstrap}, inside this process: any Kafka client on this machine can use it."));
    say("             It keeps 5 MiB or 100,000 records a partition, and nothing when it ends; it has");
    say("             no admin requests, so topics cannot be listed by tools, nor sinks' offsets by REST");
    say(&format!("  topic      {TOPIC}"));
    for (name, does, _) in connectors {
        say(&format!("  connector  {name:<15} {does}"));
    }
    say(&format!("  file       {}\n", file.display()));
    say("Try, in another terminal:");
    say(&format!("  curl \"{url}/connectors?expand=status\""));
    say(&format!("  curl -X PUT {url}/connectors/quotes-to-file/pause"));
    say(&format!("  curl -X PUT {url}/connectors/quotes-to-file/resume"));
    say(&format!("  curl {url}/connectors/{SOURCE}/offsets"));
    let copy = json!({ "name": "copy", "config": {
        "connector.class": "FileStreamSink",
        "topics": TOPIC,
        "file": file.with_file_name("copy.txt"),
        "value.converter": STRINGS,
    } });
    say(&format!("  curl -d {} -H \"Content-Type: application/json\" {url}/connectors", quoted(&copy.to_string())));
    say(&format!("  tail -f {}\n\nCtrl-C ends it.\n", quoted(&file.display().to_string())));
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}
