//! What the tests against a real server share: a place of their own on it, a running sink, batches, a proxy.

use std::sync::Arc;
use std::time::Duration;

use bson::{Document, doc};
use futures_util::TryStreamExt as _;
use longshore_api::config::Props;
use longshore_api::{
    BadRecord, Batch, BatchBuilder, Connector, PutOutcome, Result, RowParts, SinkConnector, SinkTask, Slot, Slots,
    TaskContext,
};
use longshore_mongodb::MongoSinkConnector;
use mongodb::Client;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Where the classes of the id strategies and of the write model strategies are.
pub(crate) const ID: &str = "com.mongodb.kafka.connect.sink.processor.id.strategy";
pub(crate) const WRITE: &str = "com.mongodb.kafka.connect.sink.writemodel.strategy";

/// A database of a test's own on the server.
#[derive(Clone)]
pub(crate) struct Lab {
    client: Client,
    name: String,
    uri: String,
    address: String,
}

impl Lab {
    /// A place on the server that tests share.
    pub(crate) async fn new(name: &str) -> Self {
        // Starting it takes a while, and more threads than this one.
        let uri = tokio::task::spawn_blocking(longshore_test_servers::mongodb).await.expect("a server");
        Self::on(uri, name).await
    }

    /// A place on a server.
    pub(crate) async fn on(uri: &str, name: &str) -> Self {
        let client = Client::with_uri_str(uri).await.expect("a connection string");
        let address = uri.split("://").nth(1).and_then(|rest| rest.split(['/', ',']).next()).expect("a host");
        // A name of its own lets fail points hit this test alone.
        let mark = format!("{}appName={name}", if uri.contains('?') { "&" } else { "?" });
        let lab = Self { client, name: name.to_owned(), address: address.to_owned(), uri: format!("{uri}{mark}") };
        lab.database().drop().await.expect("a server that can be written to");
        lab
    }

    pub(crate) fn uri(&self) -> &str {
        &self.uri
    }

    pub(crate) fn address(&self) -> String {
        self.address.clone()
    }

    /// The same place, reached by another connection string.
    pub(crate) fn at(&self, uri: &str) -> Self {
        Self { uri: uri.to_owned(), ..self.clone() }
    }

    pub(crate) fn with_option(&self, option: &str) -> Self {
        self.at(&format!("{}&{option}", self.uri))
    }

    pub(crate) fn database(&self) -> mongodb::Database {
        self.client.database(&format!("longshore_test_{}", self.name))
    }

    /// Another database, empty.
    pub(crate) async fn other(&self, name: &str) -> mongodb::Database {
        let database = self.client.database(&format!("longshore_test_{}_{name}", self.name));
        database.drop().await.unwrap();
        database
    }

    pub(crate) fn admin(&self) -> mongodb::Database {
        self.client.database("admin")
    }

    /// Where users stand whose passwords the server does not know.
    pub(crate) fn external(&self) -> mongodb::Database {
        self.client.database("$external")
    }

    /// The `_id`s of a collection, in their order.
    pub(crate) async fn ids(&self, collection: &str) -> Vec<i64> {
        let found = self.database().collection::<Document>(collection).find(doc! {}).sort(doc! { "_id": 1 }).await;
        let found: Vec<Document> = found.unwrap().try_collect().await.unwrap();
        found.iter().map(|one| one.get_i64("_id").unwrap()).collect()
    }

    pub(crate) fn collection(&self) -> &'static str {
        "orders"
    }

    pub(crate) async fn clear(&self) {
        self.database().drop().await.unwrap();
    }

    pub(crate) async fn documents(&self) -> Vec<Document> {
        let found = self.database().collection(self.collection()).find(doc! {}).sort(doc! { "$natural": 1 }).await;
        found.unwrap().try_collect().await.unwrap()
    }

    pub(crate) async fn count(&self) -> u64 {
        self.database().collection::<Document>(self.collection()).count_documents(doc! {}).await.unwrap()
    }

    /// The same, once an election is over.
    pub(crate) async fn count_when_there_is_a_primary(&self) -> u64 {
        loop {
            if let Ok(count) = self.database().collection::<Document>(self.collection()).count_documents(doc! {}).await
            {
                return count;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Lets the next `times` commands of a name fail.
    pub(crate) async fn fail(&self, times: i32, command: &str, fault: Document) {
        self.arm(doc! { "times": times }, command, fault).await;
    }

    /// Lets the first `skip` commands of a name pass and all after them fail, until [`disarm`](Self::disarm).
    pub(crate) async fn fail_after(&self, skip: i32, command: &str, fault: Document) {
        self.arm(doc! { "skip": skip }, command, fault).await;
    }

    pub(crate) async fn disarm(&self) {
        let command = doc! { "configureFailPoint": "failCommand", "mode": "off" };
        self.client.database("admin").run_command(command).await.unwrap();
    }

    async fn arm(&self, mode: Document, command: &str, fault: Document) {
        let mut data = doc! { "failCommands": [command], "appName": self.name.as_str() };
        data.extend(fault);
        let command = doc! { "configureFailPoint": "failCommand", "mode": mode, "data": data };
        self.client.database("admin").run_command(command).await.expect("a server with enableTestCommands=1");
    }

    pub(crate) fn props(&self, more: &[(&str, &str)]) -> Props {
        let database = self.database().name().to_owned();
        let base = [("topics", "orders"), ("connection.uri", &self.uri), ("database", &database)];
        base.iter().chain(more).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }
}

/// What is wrong with a configuration whose target is looked at.
pub(crate) async fn target_errors(lab: &Lab, more: &[(&str, &str)]) -> Vec<String> {
    let props = lab.props(more);
    let mut values = MongoSinkConnector.config_def().validate(&props);
    MongoSinkConnector.validate_target(&props, &mut values).await;
    values.into_iter().flat_map(|value| value.errors).collect()
}

/// Held while a fail point is set: a server has only one of a kind.
pub(crate) async fn alone() -> tokio::sync::MutexGuard<'static, ()> {
    static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    ALONE.lock().await
}

/// Between two looks at something that is awaited.
pub(crate) const PAUSE: Duration = Duration::from_millis(20);

/// Awaits what takes a moment; a minute is far more than the slowest machine needs.
pub(crate) async fn within_a_minute<T>(awaited: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), awaited).await.expect("it ends within a minute")
}

/// A running sink task.
pub(crate) struct Sink {
    pub(crate) task: Box<dyn SinkTask>,
    pub(crate) context: TaskContext,
}

impl Sink {
    pub(crate) async fn start(lab: &Lab, more: &[(&str, &str)]) -> Self {
        Self::try_start(lab, more).await.unwrap()
    }

    pub(crate) async fn try_start(lab: &Lab, more: &[(&str, &str)]) -> Result<Self> {
        let mut task = MongoSinkConnector.new_task();
        let context = TaskContext { connector: Arc::from("test"), task: 0, cancelled: CancellationToken::new() };
        task.start(context.clone(), &lab.props(more)).await?;
        Ok(Self { task, context })
    }

    pub(crate) async fn try_put(&mut self, batch: &Arc<Batch>) -> Result<PutOutcome> {
        self.task.put(batch, 0).await
    }

    pub(crate) async fn put(&mut self, batch: &Arc<Batch>) -> PutOutcome {
        self.try_put(batch).await.unwrap()
    }

    /// Puts as the worker does: again and again while the target is away, with what was not taken. Gives the bad
    /// records.
    pub(crate) async fn put_until_taken(&mut self, batch: &Arc<Batch>) -> Vec<BadRecord> {
        let (mut taken, mut bad) = (0, Vec::new());
        within_a_minute(async {
            while taken < batch.len() {
                let outcome = self.put_from(batch, taken).await;
                taken += outcome.taken;
                bad.extend(outcome.bad);
                if outcome.retry.is_some() {
                    tokio::time::sleep(PAUSE).await;
                }
            }
        })
        .await;
        bad
    }

    pub(crate) async fn put_from(&mut self, batch: &Arc<Batch>, from: usize) -> PutOutcome {
        self.task.put(batch, from).await.unwrap()
    }
}

/// Values of the schemaless JsonConverter.
pub(crate) fn batch(values: &[&str]) -> Arc<Batch> {
    keyed(&values.iter().map(|value| (None, Some(*value))).collect::<Vec<_>>())
}

/// Keys and values of the schemaless JsonConverter.
pub(crate) fn keyed(records: &[(Option<&str>, Option<&str>)]) -> Arc<Batch> {
    build(records, Slot::Json)
}

/// Values of the StringConverter.
pub(crate) fn texts(values: &[&str]) -> Arc<Batch> {
    build(&values.iter().map(|value| (None, Some(*value))).collect::<Vec<_>>(), Slot::Text)
}

/// Keys and values of the StringConverter.
pub(crate) fn texts_keyed(records: &[(Option<&str>, Option<&str>)]) -> Arc<Batch> {
    build(records, Slot::Text)
}

/// Topics and values of the schemaless JsonConverter.
pub(crate) fn of_topics(records: &[(&str, &str)]) -> Arc<Batch> {
    collect(records.iter().map(|(topic, value)| (*topic, None, Some(*value))), Slot::Json)
}

fn build(records: &[(Option<&str>, Option<&str>)], slot: fn(longshore_api::Span) -> Slot) -> Arc<Batch> {
    collect(records.iter().map(|(key, value)| ("orders", *key, *value)), slot)
}

fn collect<'a>(
    records: impl Iterator<Item = (&'a str, Option<&'a str>, Option<&'a str>)>,
    slot: fn(longshore_api::Span) -> Slot,
) -> Arc<Batch> {
    let mut builder = BatchBuilder::default();
    for (offset, (topic, key, value)) in records.enumerate() {
        let topic = builder.topic_index(&Arc::from(topic));
        let (key, value) = (key.map(str::as_bytes), value.map(str::as_bytes));
        let parts = RowParts { partition: 3, offset: offset as i64, timestamp: 1, key, value, ..RowParts::default() };
        builder.push(topic, parts);
    }
    let mut batch = builder.finish();
    let slots = batch.rows().iter().enumerate().map(|(row, parts)| Slots {
        row: row as u32,
        topic: parts.topic,
        key: parts.key.map_or(Slot::Null, slot),
        value: parts.value.map_or(Slot::Null, slot),
    });
    let slots = slots.collect();
    batch.set_slots(slots);
    Arc::new(batch)
}

/// Passes connections on, until it is stopped: a server that goes away and comes back.
pub(crate) struct Proxy {
    target: String,
    address: String,
    running: Option<JoinHandle<()>>,
}

impl Proxy {
    pub(crate) async fn start(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut proxy = Self { target, address, running: None };
        proxy.serve(listener);
        proxy
    }

    pub(crate) fn address(&self) -> String {
        self.address.clone()
    }

    fn serve(&mut self, listener: TcpListener) {
        let target = self.target.clone();
        self.running = Some(tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((mut inner, _)) = listener.accept().await {
                let target = target.clone();
                connections.spawn(async move {
                    if let Ok(mut outer) = TcpStream::connect(target).await {
                        let _ = tokio::io::copy_bidirectional(&mut inner, &mut outer).await;
                    }
                });
            }
        }));
    }

    pub(crate) async fn stop(&mut self) {
        let Some(running) = self.running.take() else { return };
        running.abort();
        let _ = running.await;
    }

    pub(crate) async fn resume(&mut self) {
        let listener = within_a_minute(async {
            loop {
                match TcpListener::bind(&self.address).await {
                    Ok(listener) => return listener,
                    Err(_) => tokio::time::sleep(PAUSE).await,
                }
            }
        });
        let listener = listener.await;
        self.serve(listener);
    }
}
