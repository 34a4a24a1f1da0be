//! Records become rows of a real ClickHouse: what is there is asked for by SELECT.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, sleep};
use std::time::Duration;

use longshore_test_servers::{Kind, Server, clickhouse, kafka, unique};
use serde_json::{Value, json};

use super::kafka::{Writer, create_topic, header, read, text};
use super::worker::Worker;

/// How often the worker is killed in one test.
const KILLS: usize = 6;

/// A database of a test's own.
struct Rows {
    database: String,
}

impl Rows {
    /// A database without tables.
    fn empty() -> Self {
        let rows = Self { database: unique("mydb").replace('-', "_") };
        rows.ask_in("default", &format!("CREATE DATABASE {}", rows.database));
        rows
    }

    /// A database with a table of music events, which knows the names of its inserts.
    fn new(table: &str) -> Self {
        let rows = Self::empty();
        rows.ask(&format!(
            "CREATE TABLE `{table}` (n Int64, user LowCardinality(String), track Nullable(String), ms Int32, \
             tags Array(String), at DateTime64(3, 'UTC')) ENGINE=MergeTree ORDER BY n \
             SETTINGS non_replicated_deduplication_window=10000"
        ));
        rows
    }

    fn ask(&self, statement: &str) -> String {
        self.ask_in(&self.database, statement)
    }

    fn ask_in(&self, database: &str, statement: &str) -> String {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
        let mut answer = agent.post(clickhouse()).query("database", database).send(statement).unwrap();
        let text = answer.body_mut().read_to_string().unwrap();
        assert_eq!(answer.status().as_u16(), 200, "{statement}: {text}");
        text.trim_end().to_owned()
    }

    fn number(&self, expression: &str, table: &str) -> usize {
        self.ask(&format!("SELECT {expression} FROM `{table}`")).parse().unwrap()
    }
}

/// `configs/clickhouse.json` with names of the test's own.
fn sink(topic: &str, database: &str) -> Value {
    let file = include_str!("../../configs/clickhouse.json");
    let mut config = serde_json::from_str::<Value>(file).unwrap()["config"].take();
    let (host, port) = clickhouse().trim_start_matches("http://").split_once(':').unwrap();
    config["topics"] = json!(topic);
    config["database"] = json!(database);
    config["hostname"] = json!(host);
    config["port"] = json!(port);
    config
}

/// A song that somebody has listened to.
fn event(number: usize) -> Value {
    json!({
        "n": number,
        "user": (["ada", "bob", "eve"][number % 3]),
        "track": if number.is_multiple_of(5) { Value::Null } else { json!(format!("track \"{number}\" ♪")) },
        "ms": 1000 * (number % 300),
        "tags": ["live", "€"],
        "at": 1_700_000_000_000i64 + number as i64,
    })
}

/// The same with its schema.
fn event_with_schema(number: usize) -> Value {
    let timestamp = "org.apache.kafka.connect.data.Timestamp";
    let field = |name: &str, kind: &str| json!({"field": name, "type": kind, "optional": name == "track"});
    let fields = json!([
        field("n", "int64"),
        field("user", "string"),
        field("track", "string"),
        field("ms", "int32"),
        {"field": "tags", "type": "array", "items": {"type": "string"}},
        {"field": "at", "type": "int64", "name": timestamp, "version": 1},
    ]);
    json!({"schema": {"type": "struct", "fields": fields}, "payload": event(number)})
}

/// Sends events to a topic whose table is there, and waits for their rows.
fn pour(
    worker: &Worker,
    topic: &str,
    rows: &Rows,
    count: usize,
    config: impl FnOnce(&mut Value),
    event: fn(usize) -> Value,
) {
    let mut sink = sink(topic, &rows.database);
    config(&mut sink);
    worker.create("clickhouse", &sink);
    let writer = Writer::new();
    for number in 0..count {
        writer.send(topic, Some(&format!("user {}", number % 17)), Some(&event(number).to_string()));
    }
    writer.flush();
    worker.wait_until(&format!("{count} rows"), || rows.number("count()", topic) == count);
}

/// Listens to 600 songs over three partitions, and looks at what ClickHouse then knows of them.
fn songs_become_rows(config: impl FnOnce(&mut Value), event: fn(usize) -> Value) {
    let topic = unique("music");
    create_topic(&topic, 3);
    let rows = Rows::new(&topic);
    let worker = Worker::start(kafka());
    pour(&worker, &topic, &rows, 600, config, event);
    let sums =
        format!("SELECT sum(n), uniqExact(n), sum(ms), countIf(track IS NULL), sum(length(tags)) FROM `{topic}`");
    let ms: usize = (0..600).map(|number| 1000 * (number % 300)).sum();
    assert_eq!(rows.ask(&sums), format!("179700\t600\t{ms}\t120\t1200"));
    let one = rows.ask(&format!("SELECT * FROM `{topic}` WHERE n = 41"));
    assert_eq!(one, "41\teve\ttrack \"41\" ♪\t41000\t['live','€']\t2023-11-14 22:13:20.041");
    worker.wait_for_state("clickhouse", "RUNNING", "RUNNING");
}

#[test]
fn songs_in_json_become_rows() {
    // Milliseconds in a JSON number are ticks of the column only if that is said.
    let at = |number: usize| {
        let mut event = event(number);
        event["at"] = json!(format!("2023-11-14 22:13:20.{number:03}"));
        event
    };
    songs_become_rows(|_| {}, at);
}

#[test]
fn songs_with_a_schema_become_rows_exactly_once() {
    songs_become_rows(
        |config| {
            config["value.converter.schemas.enable"] = json!("true");
            config["exactlyOnce"] = json!("true");
            config["zkPath"] = json!(format!("/{}", unique("songs")));
            config["tasks.max"] = json!("2");
        },
        event_with_schema,
    );
}

/// What an app tells of its listeners: texts, whose parameters are JSON of any form. The table gives each event an id.
fn app_events_become_rows(config: impl FnOnce(&mut Value), event: fn(usize) -> Value) {
    let topic = unique("events");
    create_topic(&topic, 3);
    let rows = Rows::empty();
    rows.ask(&format!(
        "CREATE TABLE `{topic}` (id UUID DEFAULT generateUUIDv4(), event_name String, user_id String, event_params String, \
         event_timestamp_ms String, at DateTime64(3, 'UTC') MATERIALIZED fromUnixTimestamp64Milli(toInt64(event_timestamp_ms), 'UTC')) \
         ENGINE=MergeTree ORDER BY (event_name, at) SETTINGS non_replicated_deduplication_window=1000"
    ));
    let worker = Worker::start(kafka());
    pour(&worker, &topic, &rows, 900, config, event);
    let sums = "count(), uniqExact(id), sum(JSONExtractInt(event_params, 'n')), uniqExact(user_id), min(at), max(at), \
                countIf(event_name = 'song_played')";
    assert_eq!(
        rows.ask(&format!("SELECT {sums} FROM `{topic}`")),
        "900\t900\t404550\t17\t2023-11-14 22:13:20.000\t2023-11-14 22:13:20.899\t450"
    );
    let one = "event_name, user_id, event_timestamp_ms, JSONExtractString(event_params, 'song', 'title')";
    assert_eq!(
        rows.ask(&format!("SELECT {one} FROM `{topic}` WHERE JSONExtractInt(event_params, 'n') = 41")),
        "song_skipped\tuser 7\t1700000000041\tsong \"41\" ♪"
    );
    worker.wait_for_state("clickhouse", "RUNNING", "RUNNING");
}

fn app_event(number: usize) -> Value {
    json!({
        "event_name": if number.is_multiple_of(2) { "song_played" } else { "song_skipped" },
        "user_id": format!("user {}", number % 17),
        "event_params": {"n": number, "song": {"title": format!("song \"{number}\" ♪")}, "tags": ["live", 5, null]},
        "event_timestamp_ms": 1_700_000_000_000i64 + number as i64,
    })
}

/// The same with a schema, in which everything is a text.
fn app_event_with_schema(number: usize) -> Value {
    let mut event = app_event(number);
    for name in ["event_params", "event_timestamp_ms"] {
        event[name] = json!(event[name].to_string());
    }
    let names = ["event_name", "user_id", "event_params", "event_timestamp_ms"];
    let fields = names.map(|name| json!({"field": name, "type": "string", "optional": name == "user_id"}));
    json!({"schema": {"type": "struct", "fields": fields}, "payload": event})
}

#[test]
fn app_events_in_json_become_rows_in_large_inserts() {
    app_events_become_rows(
        |config| {
            config["bufferCount"] = json!("400");
            config["bufferFlushTime"] = json!("300");
            config["insertCompression"] = json!("lz4");
        },
        app_event,
    );
}

#[test]
fn app_events_with_a_schema_become_rows_exactly_once() {
    app_events_become_rows(
        |config| {
            config["value.converter.schemas.enable"] = json!("true");
            config["exactlyOnce"] = json!("true");
            config["zkPath"] = json!(format!("/{}", unique("app")));
        },
        app_event_with_schema,
    );
}

#[test]
fn a_table_is_made_for_songs_and_its_server_may_end_meanwhile() {
    let mut server = Server::start(Kind::ClickHouse);
    let address = server.address();
    let topic = unique("music");
    create_topic(&topic, 2);
    let count = |expression: &str| {
        let asked = ureq::get(&address).query("query", format!("SELECT {expression} FROM `{topic}`")).call();
        asked.ok().and_then(|mut answer| answer.body_mut().read_to_string().ok()?.trim().parse::<usize>().ok())
    };
    let worker = Worker::start(kafka());
    let mut config = sink(&topic, "default");
    config["port"] = json!(address.rsplit(':').next());
    config["longshore.table.create"] = json!("true");
    config["longshore.table.order.by"] = json!("n");
    worker.create("clickhouse", &config);
    let end = Arc::new(AtomicBool::new(false));
    let producing = produce(topic.clone(), Arc::clone(&end), event);
    for _ in 0..2 {
        let seen = count("count()");
        worker.wait_until("records to flow", || count("count()") > seen);
        server.kill();
        server.start_again();
    }
    end.store(true, Ordering::Relaxed);
    let sent = producing.join().unwrap();
    worker.wait_until("every record", || count("uniqExact(n)") == Some(sent));
    worker.wait_for_state("clickhouse", "RUNNING", "RUNNING");
}

/// Kills the worker again and again while records come in; gives the rows, their table and how many records were sent.
fn survive_kills(config: impl FnOnce(&mut Value)) -> (Rows, String, usize) {
    let topic = unique("music");
    create_topic(&topic, 3);
    let rows = Rows::new(&topic);
    let mut worker = Worker::start(kafka());
    let mut sink = sink(&topic, &rows.database);
    sink["tasks.max"] = json!("2");
    sink["value.converter.schemas.enable"] = json!("true");
    config(&mut sink);
    worker.create("clickhouse", &sink);
    let end = Arc::new(AtomicBool::new(false));
    let producing = produce(topic.clone(), Arc::clone(&end), event_with_schema);
    let groups = worker.group("clickhouse");
    worker.wait_until("a first commit", || {
        (0..3).all(|partition| super::kafka::committed_of(kafka(), &groups, &topic, partition) > 0)
    });
    for kill in 0..KILLS {
        let seen = rows.number("count()", &topic);
        worker.wait_until("records to flow", || rows.number("count()", &topic) > seen);
        sleep(Duration::from_millis(70 * kill as u64));
        worker.kill();
        worker.start_again();
    }
    end.store(true, Ordering::Relaxed);
    let sent = producing.join().unwrap();
    worker.wait_until("every record", || rows.number("uniqExact(n)", &topic) == sent);
    worker.wait_for_state("clickhouse", "RUNNING", "RUNNING");
    (rows, topic, sent)
}

fn produce(topic: String, end: Arc<AtomicBool>, event: fn(usize) -> Value) -> thread::JoinHandle<usize> {
    thread::spawn(move || {
        let (writer, mut sent) = (Writer::new(), 0);
        while !end.load(Ordering::Relaxed) {
            writer.send(&topic, None, Some(&event(sent).to_string()));
            sent += 1;
            if sent.is_multiple_of(20) {
                sleep(Duration::from_millis(5));
            }
        }
        writer.flush();
        sent
    })
}

#[test]
fn no_song_is_lost_when_the_worker_is_killed() {
    let (rows, topic, sent) = survive_kills(|_| {});
    assert!(sent > 500 && rows.number("count()", &topic) >= sent, "{sent} were sent");
}

#[test]
fn no_song_is_lost_or_there_twice_with_exactly_once() {
    let (rows, topic, sent) = survive_kills(|config| {
        config["exactlyOnce"] = json!("true");
        config["zkPath"] = json!(format!("/{}", unique("killed")));
    });
    assert_eq!(rows.number("count()", &topic), sent);
}

#[test]
fn what_cannot_be_a_row_is_a_dead_letter_and_the_rest_are_rows() {
    let (topic, letters) = (unique("music"), unique("letters"));
    let rows = Rows::new(&topic);
    let worker = Worker::start(kafka());
    let writer = Writer::new();
    let good = |number: usize| json!({"n": number, "user": "ada", "ms": 1, "tags": []}).to_string();
    writer.send(&topic, None, Some(&good(0)));
    writer.send(&topic, None, Some("{no json"));
    writer.send(&topic, None, Some(r#"{"n": 2, "user": "bob", "ms": "long"}"#));
    writer.send(&topic, None, Some(&good(3)));
    writer.flush();
    let mut config = sink(&topic, &rows.database);
    config["errors.tolerance"] = json!("all");
    config["errors.deadletterqueue.topic.name"] = json!(letters);
    config["errors.deadletterqueue.topic.replication.factor"] = json!("1");
    config["errors.deadletterqueue.context.headers.enable"] = json!("true");
    config["bisectFailedBatches"] = json!("true");
    worker.create("clickhouse", &config);
    worker.wait_until("the good ones", || rows.number("count()", &topic) == 2);
    let mut letters = read(&letters, 2);
    letters.sort_by_key(|letter| header(letter, "__connect.errors.offset"));
    assert_eq!(text(&letters[0]), "{no json");
    assert!(text(&letters[1]).contains("long"));
    let message = header(&letters[1], "__connect.errors.exception.message").unwrap();
    assert!(message.contains(&format!("row of {topic}-0@2")), "{message}");
    worker.wait_for_state("clickhouse", "RUNNING", "RUNNING");
}

#[test]
fn a_wrong_password_fails_the_task_and_is_shown_nowhere() {
    let topic = unique("music");
    let rows = Rows::new(&topic);
    let worker = Worker::start(kafka());
    let mut config = sink(&topic, &rows.database);
    config["username"] = json!("lab");
    config["password"] = json!("opensesame-1");
    worker.create("clickhouse", &config);
    worker.wait_for_state("clickhouse", "RUNNING", "FAILED");
    let status = worker.status("clickhouse").to_string();
    assert!(status.contains("refuses the user") && !status.contains("opensesame-1"), "{status}");
    assert!(!worker.log().contains("opensesame-1"));
}
