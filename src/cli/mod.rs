//! The command line: parse, build, run, drain.

mod connector_file;
mod health;
mod lake;
mod offline;
mod quickstart;
mod worker;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::logging::Format;

/// How the process ends, by Kafka Connect's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exit {
    /// All is well.
    Ok = 0,
    /// What was asked about is not well: an invalid configuration, an unhealthy worker.
    No = 1,
    /// The worker could not start.
    Start = 2,
    /// A connector file could not be used.
    Connector = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// A failure, and how the process ends for it.
#[derive(Debug)]
struct Failed {
    exit: Exit,
    error: anyhow::Error,
}

impl Failed {
    fn start(error: impl Into<anyhow::Error>) -> Self {
        Self { exit: Exit::Start, error: error.into() }
    }
}

/// The Kafka Connect worker's work, in one small, fast binary.
///
/// Longshore moves records between Kafka and other systems. It takes Kafka Connect's worker properties, CONNECT_*
/// variables, connector JSON and REST calls as they are.
#[derive(Debug, Parser)]
#[command(
    name = "longshore",
    version,
    propagate_version = true,
    after_help = "Begin with `longshore quickstart`: it needs nothing installed. Then, with a broker:\n\n  \
        longshore distributed worker.properties\n  \
        curl -d @simplelink.json -H \"Content-Type: application/json\" -X POST http://localhost:8083/connectors\n  \
        curl http://localhost:8083/connectors/simplelink/status"
)]
struct Cli {
    #[command(flatten)]
    log: Log,
    #[command(subcommand)]
    command: Command,
}

/// How the worker logs.
#[derive(Debug, Clone, Args)]
struct Log {
    /// How log lines on standard error look.
    #[arg(
        long,
        value_enum,
        default_value = "text",
        env = "LONGSHORE_LOG_FORMAT",
        global = true,
        value_name = "FORMAT"
    )]
    log_format: Format,
    /// Which lines are logged: OFF, ERROR, WARN, INFO, DEBUG or TRACE. /admin/loggers changes it later.
    #[arg(long, value_name = "LEVEL", env = "CONNECT_LOG4J_ROOT_LOGLEVEL", global = true)]
    log_level: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a worker that keeps its state on Kafka topics.
    ///
    /// Configs, offsets and statuses are on three topics in Kafka Connect's own formats, so a worker that is killed
    /// goes on where it was, and the topics of an existing Connect cluster are taken over. Connectors come by REST.
    ///
    /// Ctrl-C or SIGTERM drains: tasks write out what they hold and commit. Exits with 2 if the worker cannot run.
    Distributed {
        /// Worker properties, as connect-distributed.sh takes them. Without a file, the CONNECT_* variables count,
        /// as in the Connect images: CONNECT_BOOTSTRAP_SERVERS is bootstrap.servers.
        file: Option<PathBuf>,
    },
    /// Run a worker that keeps source offsets in a file, and nothing else.
    ///
    /// Connectors come from files, and by REST; those that came by REST are gone when the worker ends. Exits with 3 if
    /// a connector of a file cannot be created.
    Standalone {
        /// Worker properties, as connect-standalone.sh takes them. Without a file, the CONNECT_* variables count.
        file: Option<PathBuf>,
        /// Connectors to create at the start: JSON or properties files.
        #[arg(value_name = "CONNECTOR")]
        connectors: Vec<PathBuf>,
    },
    /// Try it: an in-process broker, a worker, and records that flow. Nothing needs to be installed.
    ///
    /// A generator makes stock quotes, they go through a topic, and a sink writes them to a file. The broker is made
    /// for trying things out: it is gone when the process ends, and so are connectors that you create.
    Quickstart(quickstart::Options),
    /// Check a connector's configuration offline: prints every error with its key, and exits with 1 if there is any.
    ///
    /// Neither Kafka nor the connector's target is asked. PUT /connector-plugins/CLASS/config/validate of a running
    /// worker does ask the target.
    Validate {
        /// A connector's JSON, `{"name":…,"config":{…}}` or the flat form, or a properties file; `-` for standard input.
        file: PathBuf,
    },
    /// Send one record through a connector's converters and transforms, and show it after each step.
    ///
    /// Neither Kafka nor the connector's target is asked. Prints each step as JSON; exits with 1 if a step cannot handle
    /// the record, or if the configuration has errors.
    Try {
        /// A connector's JSON or properties file, as `longshore validate` takes it.
        connector: PathBuf,
        /// The record, as JSON: topic, partition, offset, timestamp, headers, key and value. A key or value that is a
        /// JSON string stands for its text, other JSON for itself; key_base64 and value_base64 hold bytes. For a
        /// source, key_schema and value_schema may stand beside them. `-` for standard input.
        #[arg(long, value_name = "FILE")]
        record: PathBuf,
    },
    /// List what is built in, or show a plugin's configuration keys.
    Plugins {
        /// Class name of a plugin, or its alias: the simple name, with or without `Connector`.
        class: Option<String>,
    },
    /// Look after what S3 sinks have written.
    #[command(subcommand)]
    Lake(lake::Task),
    /// Ask a worker whether it is healthy: exits with 0 if it is, with 1 if not. For containers' health checks.
    Health {
        /// The worker's REST API. Without it, the worker that this environment configures (CONNECT_LISTENERS,
        /// CONNECT_REST_PORT, REST_PORT), or else http://localhost:8083.
        #[arg(env = "LONGSHORE_URL")]
        url: Option<String>,
        /// The worker's properties, if they are in a file and not in the environment. They say where it listens, and
        /// the keys and certificates for HTTPS: listeners.https.ssl.* or ssl.*.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
}

/// Runs the command that the arguments ask for.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let json = cli.log.log_format == Format::Json;
    let outcome = match cli.command {
        Command::Distributed { file } => worker::distributed(&cli.log, file),
        Command::Standalone { file, connectors } => worker::standalone(&cli.log, file, connectors),
        Command::Quickstart(options) => quickstart::run(&cli.log, options),
        Command::Validate { file } => offline::validate(&file),
        Command::Try { connector, record } => offline::try_record(&connector, &record),
        Command::Plugins { class } => offline::plugins(class.as_deref()),
        Command::Lake(task) => lake::run(task),
        Command::Health { url, config } => health::check(url.as_deref(), config.as_deref()),
    };
    match outcome {
        Ok(exit) => exit.into(),
        Err(failed) => {
            // Who reads the log as JSON gets the reason as JSON, once there is a log.
            if json && tracing::dispatcher::has_been_set() {
                tracing::error!("{:#}", failed.error);
            } else {
                say_error(&format!("longshore: {:#}", failed.error));
            }
            failed.exit.into()
        }
    }
}

#[allow(clippy::print_stdout, reason = "what a command was asked to show")]
fn say(text: &str) {
    println!("{text}");
}

#[allow(clippy::print_stderr, reason = "why a command failed, also where logging has not begun")]
fn say_error(text: &str) {
    eprintln!("{text}");
}
