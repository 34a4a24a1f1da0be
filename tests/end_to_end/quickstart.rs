//! `longshore quickstart`, as someone runs it who has just built it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use longshore_test_servers::{free_port, mongodb, unique};
use serde_json::Value;

use super::mongo::Documents;
use super::worker::wait_for;

/// A quickstart and what it has printed.
struct Quickstart {
    child: Child,
    printed: Arc<Mutex<Vec<String>>>,
    folder: PathBuf,
}

impl Quickstart {
    /// Starts it in a folder, and waits until it says that it runs.
    fn start(folder: &Path, options: &[&str]) -> Self {
        fs::create_dir_all(folder).unwrap();
        let mut child = command(folder, options).stdout(Stdio::piped()).spawn().unwrap();
        let printed = Arc::new(Mutex::new(Vec::new()));
        let (lines, into) = (BufReader::new(child.stdout.take().unwrap()).lines(), Arc::clone(&printed));
        thread::spawn(move || lines.map_while(Result::ok).for_each(|line| into.lock().unwrap().push(line)));
        let quickstart = Self { child, printed, folder: folder.to_owned() };
        quickstart.wait_until("it runs", || quickstart.printed().iter().any(|line| line == "Ctrl-C ends it."));
        quickstart
    }

    fn printed(&self) -> Vec<String> {
        self.printed.lock().unwrap().clone()
    }

    fn wait_until(&self, what: &str, holds: impl FnMut() -> bool) {
        assert!(wait_for(holds), "{what}: waited in vain. It said:\n{}", self.printed().join("\n"));
    }

    /// The word after a label of the introduction.
    fn told(&self, label: &str) -> String {
        let printed = self.printed();
        let line = printed.iter().find_map(|line| line.strip_prefix(&format!("  {label}"))).unwrap();
        line.split_whitespace().next().unwrap().trim_end_matches(',').to_owned()
    }

    /// Runs a line that the introduction proposes, as a shell would that it is pasted into; gives the answer.
    fn paste(&self, part: &str) -> Value {
        let printed = self.printed();
        let line = printed.iter().find(|line| line.starts_with("  curl ") && line.contains(part)).unwrap();
        let output = Command::new("sh")
            .args(["-c", &format!("{} --silent --show-error --fail", line.trim())])
            .current_dir(&self.folder)
            .output()
            .unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
    }

    /// Ends it as Ctrl-C does; gives the number of quotes that it says there are.
    fn interrupt(&mut self) -> usize {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        let mut code = None;
        let ended = wait_for(|| {
            code = self.child.try_wait().unwrap();
            code.is_some()
        });
        assert!(ended && code.unwrap().success(), "{code:?}: {}", self.printed().join("\n"));
        self.wait_until("the count", || self.printed().iter().any(|line| line.starts_with("Ended. ")));
        let printed = self.printed();
        assert!(!printed.iter().any(|line| line.contains("are not in it")), "{}", printed.join("\n"));
        let count = printed.iter().find_map(|line| line.strip_prefix("Ended. quickstart/api-data.jsonl has "));
        count.unwrap().split(' ').next().unwrap().parse().unwrap()
    }
}

impl Drop for Quickstart {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

fn command(folder: &Path, options: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_longshore"));
    command.arg("quickstart").args(options).current_dir(folder).stdin(Stdio::null());
    command
}

/// A folder that goes when the test is over.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn lines(file: &Path) -> Vec<String> {
    fs::read_to_string(file).unwrap_or_default().lines().map(str::to_owned).collect()
}

#[test]
fn everything_that_it_proposes_works_and_every_quote_is_written_down() {
    let folder = folder();
    let mut quickstart = Quickstart::start(folder.path(), &["--rest-port", "0"]);
    let file = folder.path().join("quickstart/api-data.jsonl");
    assert_eq!(quickstart.told("file"), "quickstart/api-data.jsonl");
    quickstart.wait_until("quotes", || lines(&file).len() > 20);
    let quote: Value = serde_json::from_str(&lines(&file)[0]).unwrap();
    assert!(quote["symbol"].is_string() && quote["price"].is_number(), "{quote}");

    let state = |connector: &str| {
        let status = &quickstart.paste("expand=status")[connector]["status"];
        (status["connector"]["state"].clone(), status["tasks"][0]["state"].clone())
    };
    assert_eq!(state("stock-quotes"), ("RUNNING".into(), "RUNNING".into()));
    quickstart.paste("quotes-to-file/pause");
    quickstart.wait_until("the pause", || state("quotes-to-file") == ("PAUSED".into(), "PAUSED".into()));
    let paused = lines(&file).len();
    quickstart.paste("quotes-to-file/resume");
    quickstart.wait_until("quotes again", || lines(&file).len() > paused + 20);
    let made = || quickstart.paste("stock-quotes/offsets")["offsets"][0]["offset"]["current.iteration"].as_u64();
    quickstart.wait_until("offsets", || made().is_some_and(|made| made > 20));
    assert_eq!(quickstart.paste("FileStreamSink")["name"], "copy");
    let copy = folder.path().join("quickstart/copy.txt");
    quickstart.wait_until("the copy", || lines(&copy).len() > paused);
    assert_eq!(lines(&copy)[0], lines(&file)[0], "a new sink begins at the beginning");

    let counted = || quickstart.printed().iter().any(|line| line.ends_with(" in the file"));
    quickstart.wait_until("the live line", counted);
    let first = quickstart.interrupt();
    assert_eq!(first, lines(&file).len());
    let again = || Quickstart::start(folder.path(), &["--rest-port", "0"]);
    let mut second = again();
    second.wait_until("more quotes", || lines(&file).len() > first);
    assert_eq!(second.interrupt(), lines(&file).len());
}

#[test]
fn documents_come_to_mongodb_through_the_connector_of_the_sample() {
    let folder = folder();
    let before = Documents::of(mongodb(), "mydb", "api").count();
    let mut quickstart = Quickstart::start(folder.path(), &["--rest-port", "0", "--mongodb", mongodb()]);
    let documents = Documents::of(mongodb(), "mydb", "api");
    quickstart.wait_until("documents", || documents.count() > before + 20);
    quickstart.interrupt();
}

#[test]
fn a_mongodb_that_is_not_there_is_named_without_its_password() {
    let uri = "mongodb://me:s3cr3t@127.0.0.1:9/?connectTimeoutMS=300&serverSelectionTimeoutMS=300";
    let output = command(folder().path(), &["--rest-port", "0", "--mongodb", uri]).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains("connector simplelink cannot be created"), "{error}");
    assert!(error.contains("Unable to connect to the server"), "{error}");
    assert!(!error.contains("s3cr3t"), "{error}");
}

#[test]
fn what_keeps_it_from_starting_is_said_in_one_line() {
    let port = free_port();
    let taken = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let file = unique("file");
    let folder = folder();
    fs::write(folder.path().join(&file), "").unwrap();
    let cases = [
        (["--rest-port", &port.to_string()], "--rest-port PORT takes another port", "in use"),
        (["--dir", &file], &*format!("{file} cannot be made"), "exists"),
    ];
    for (options, what, why) in cases {
        let output = command(folder.path(), &options).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(what) && error.contains(why), "{error}");
        assert_eq!(error.trim().lines().count(), 1, "{error}");
    }
    drop(taken);
}
