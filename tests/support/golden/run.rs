//! Carries out the steps of a scenario.

use std::cell::RefCell;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use regex::Regex;
use serde_json::{Value as Json, json};

use super::Difference;
use super::normalise::Normaliser;
use super::steps::{FileToWrite, Scenario, Step, Wait};
use crate::support::http::{Request, Response};

/// Pause between two looks at a condition.
const LOOK: Duration = Duration::from_millis(150);

/// The worker under test, during one scenario.
pub struct Worker {
    authority: String,
    /// Part of every name of this run, so that runs do not meet.
    run: String,
    work: PathBuf,
    busy: Regex,
    complaints: RefCell<Vec<Difference>>,
}

impl Worker {
    /// The worker at `http://host:port`.
    pub fn new(url: &str) -> Self {
        let authority = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let run = format!("b{:05x}", rand::random::<u32>() & 0xf_ffff);
        let work = std::env::temp_dir().join(format!("longshore-golden-{run}"));
        std::fs::create_dir_all(&work).unwrap();
        let busy =
            "(?i)rebalance is expected|rebalance (is|was) (in progress|underway)|stale configuration|momentarily";
        Self { authority, run, work, busy: Regex::new(busy).unwrap(), complaints: RefCell::default() }
    }

    /// Runs the steps; gives id and normalised answer of each that is recorded.
    pub fn run(&self, scenario: &Scenario) -> Vec<(String, Json)> {
        let mut answers = Vec::new();
        for (number, step) in scenario.steps.iter().enumerate() {
            let id = step.id.clone().unwrap_or_else(|| format!("{number:02}"));
            let id = format!("{}/{id}", scenario.name);
            if let Some(file) = &step.mkfile {
                self.write(file);
                continue;
            }
            let held = step.wait.as_ref().is_none_or(|wait| self.wait(wait));
            if !held {
                self.complain(id.clone(), format!("waited in vain for {:?}", step.wait));
            }
            let Some(method) = &step.method else { continue };
            let response = self.send(method, step);
            if !step.silent {
                answers.push((id, self.normaliser().answer(method, step, &response)));
            } else if response.status >= 300 {
                self.complain(id, format!("silent step failed: {} {}", response.status, response.text()));
            }
        }
        self.clean_up();
        answers
    }

    /// What went wrong besides answers that differ.
    pub fn complaints(self) -> Vec<Difference> {
        self.complaints.take()
    }

    fn complain(&self, id: String, what: String) {
        self.complaints.borrow_mut().push(Difference { id, what });
    }

    fn normaliser(&self) -> Normaliser {
        Normaliser::new(&self.run, &self.work, &self.authority)
    }

    fn filled(&self, text: &str) -> String {
        text.replace("${RUN}", &self.run).replace("${WORK}", &self.work.to_string_lossy())
    }

    fn filled_json(&self, value: &Json) -> Json {
        match value {
            Json::String(text) => Json::String(self.filled(text)),
            Json::Array(list) => list.iter().map(|item| self.filled_json(item)).collect(),
            Json::Object(map) => map
                .iter()
                .map(|(key, value)| (self.filled(key), self.filled_json(value)))
                .collect::<serde_json::Map<_, _>>()
                .into(),
            other => other.clone(),
        }
    }

    fn write(&self, file: &FileToWrite) {
        let mut options = std::fs::OpenOptions::new();
        options.create(true).append(file.mode == "a").write(true).truncate(file.mode != "a");
        options.open(self.filled(&file.path)).unwrap().write_all(self.filled(&file.content).as_bytes()).unwrap();
    }

    fn send(&self, method: &str, step: &Step) -> Response {
        let mut request = Request::new(method, &self.filled(&step.path));
        let raw = step.raw.as_ref().map(|raw| self.filled(raw));
        let json = || step.json.as_ref().map(|json| self.filled_json(json).to_string());
        request.body = raw.or_else(json).map(String::into_bytes);
        let given = |name: &str| step.headers.keys().any(|key| key.eq_ignore_ascii_case(name));
        let has_body = request.body.is_some() || matches!(method, "POST" | "PUT" | "PATCH");
        if has_body && !given("content-type") && !step.nocontenttype {
            request = request.header("Content-Type", "application/json");
        }
        if !given("accept") {
            request = request.header("Accept", "application/json");
        }
        for (name, value) in &step.headers {
            if let Some(value) = value {
                request = request.header(name, &self.filled(value));
            }
        }
        for _ in 0..40 {
            let response =
                request.send(&self.authority).unwrap_or_else(|error| panic!("{method} {}: {error}", step.path));
            let busy = matches!(response.status, 409 | 500) && step.retry409 && self.busy.is_match(&response.text());
            if !busy {
                return response;
            }
            std::thread::sleep(Duration::from_millis(250));
        }
        panic!("{method} {}: the worker stays busy", step.path);
    }

    fn wait(&self, wait: &Wait) -> bool {
        if let Some(seconds) = wait.sleep {
            std::thread::sleep(Duration::from_secs_f64(seconds));
            return true;
        }
        let end = Instant::now() + Duration::from_secs_f64(wait.timeout);
        let mut in_a_row = 0;
        while Instant::now() < end {
            in_a_row = if self.holds(wait).unwrap_or(false) { in_a_row + 1 } else { 0 };
            if in_a_row >= wait.stable {
                return true;
            }
            std::thread::sleep(LOOK);
        }
        false
    }

    /// Whether the condition holds now; `None` where the answer cannot be read.
    fn holds(&self, wait: &Wait) -> Option<bool> {
        if let Some(name) = &wait.connector {
            let status = self.get(&format!("/connectors/{}/status", self.encoded(name)))?;
            let states = |list: &Json| -> Option<Vec<String>> {
                let mut states: Vec<String> =
                    list.as_array()?.iter().filter_map(|task| Some(task["state"].as_str()?.to_owned())).collect();
                states.sort();
                Some(states)
            };
            let mut wanted = wait.tasks.clone().unwrap_or_default();
            wanted.sort();
            let tasks = wait.tasks.is_none() || states(&status["tasks"])? == wanted;
            Some(status["connector"]["state"] == wait.state.as_str() && tasks)
        } else if let Some(name) = &wait.gone {
            let path = format!("/connectors/{}", self.encoded(name));
            Some(Request::new("GET", &path).send(&self.authority).ok()?.status == 404)
        } else if let Some(name) = &wait.topics {
            let topics = self.get(&format!("/connectors/{}/topics", self.encoded(name)))?;
            Some(topics.as_object()?.values().next()?["topics"].as_array()?.len() >= wait.n)
        } else if let Some(name) = &wait.offsets {
            let offsets = self.get(&format!("/connectors/{}/offsets", self.encoded(name)))?;
            let offsets: Vec<Json> = offsets["offsets"].as_array()?.iter().map(|item| item["offset"].clone()).collect();
            Some(offsets == wait.expect)
        } else if let Some(file) = &wait.file {
            Some(std::fs::read_to_string(self.filled(file)).ok()? == self.filled(&wait.content))
        } else {
            panic!("unknown condition: {wait:?}")
        }
    }

    fn get(&self, path: &str) -> Option<Json> {
        let response = Request::new("GET", path).header("Accept", "application/json").send(&self.authority).ok()?;
        (response.status == 200).then(|| response.json()).flatten()
    }

    fn encoded(&self, name: &str) -> String {
        percent_encoding::utf8_percent_encode(&self.filled(name), percent_encoding::NON_ALPHANUMERIC).to_string()
    }

    /// Deletes what the scenario left, as far as paths can name it.
    fn clean_up(&self) {
        let left = self.get("/connectors").unwrap_or(json!([]));
        for name in
            left.as_array().into_iter().flatten().filter_map(Json::as_str).filter(|name| name.contains(&self.run))
        {
            let deleted = Request::new("DELETE", &format!("/connectors/{}", self.encoded(name))).send(&self.authority);
            if deleted.is_ok_and(|response| response.status == 204) {
                let gone = json!({"gone": name, "stable": 1});
                self.wait(&serde_json::from_value(gone).unwrap());
            }
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.work);
    }
}
