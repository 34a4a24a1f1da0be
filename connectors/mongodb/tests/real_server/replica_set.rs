//! Three servers, of which the one that is written to steps down, and the next is killed, under load.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use bson::{Document, doc};
use futures_util::TryStreamExt as _;
use futures_util::future::join_all;
use longshore_api::ErrorKind;
use longshore_test_servers::Server;
use mongodb::Client;
use tokio::time::sleep;

use crate::support::{ID, Lab, PAUSE, Sink, WRITE, batch};

/// Far more than the elections of a slow machine take.
const PATIENCE: Duration = Duration::from_secs(300);

/// Records of a batch: enough for several commands at once.
const BATCH: i64 = 1500;

/// The document that every batch of replacements replaces.
const HOT: i64 = -1;

/// A sink that writes as fast as it can, and how far it is.
struct Load {
    lab: Lab,
    props: Vec<(&'static str, String)>,
    /// Whether equal `_id`s replace each other.
    replaces: bool,
    /// Batches that were acknowledged.
    batches: AtomicUsize,
    /// Puts that ended without a server to write to.
    refused: AtomicUsize,
}

impl Load {
    async fn new(uri: &str, name: &str, ordered: bool, numbered: bool, strategies: Option<(&str, &str)>) -> Self {
        let uri = format!("{uri}&w=majority&serverSelectionTimeoutMS=1000&retryWrites={numbered}");
        let mut props = vec![("bulk.write.ordered", ordered.to_string()), ("max.batch.size", "250".to_owned())];
        if let Some((write, id)) = strategies {
            props.push(("writemodel.strategy", format!("{WRITE}.{write}")));
            props.push(("document.id.strategy", format!("{ID}.{id}")));
        }
        Self {
            lab: Lab::on(&uri, name).await,
            props,
            replaces: strategies.is_some_and(|(write, _)| write.starts_with("Replace")),
            batches: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
        }
    }

    /// Puts batch after batch until it is told to stop; a batch that was not taken is put again, as the worker does.
    async fn run(&self, stop: &AtomicBool) {
        let props: Vec<(&str, &str)> = self.props.iter().map(|(key, value)| (*key, value.as_str())).collect();
        let mut sink = Sink::start(&self.lab, &props).await;
        let provided = self.props.iter().any(|(_, value)| value.ends_with("ProvidedInValueStrategy"));
        for first in (0..).step_by(BATCH as usize) {
            if stop.load(Relaxed) {
                break;
            }
            let record =
                |n: i64| if provided { format!(r#"{{"_id":{n},"n":{n}}}"#) } else { format!(r#"{{"n":{n}}}"#) };
            let mut records: Vec<String> = (first..first + BATCH).map(record).collect();
            if self.replaces {
                records.extend((first..first + BATCH).step_by(100).map(|n| format!(r#"{{"_id":{HOT},"n":{n}}}"#)));
            }
            let batch = batch(&records.iter().map(String::as_str).collect::<Vec<_>>());
            let mut taken = 0;
            while taken < batch.len() {
                let outcome = sink.put_from(&batch, taken).await;
                assert!(outcome.bad.is_empty(), "{}: {}", self.lab.uri(), outcome.bad[0].error);
                taken += outcome.taken;
                if let Some(error) = outcome.retry {
                    assert_eq!(error.kind, ErrorKind::Retriable, "{error}");
                    self.refused.fetch_add(1, Relaxed);
                    sleep(PAUSE).await;
                }
            }
            self.batches.fetch_add(1, Relaxed);
        }
        sink.task.stop().await;
    }

    /// Waits until a server has more than was acknowledged.
    async fn is_ahead(&self, server: &Server) {
        let client = Client::with_uri_str(server.address()).await.unwrap();
        let collection = client.database(self.lab.database().name()).collection::<Document>("orders");
        // Hot ones are not counted.
        while collection.count_documents(doc! { "_id": { "$ne": HOT } }).await.unwrap() as i64
            <= self.batches.load(Relaxed) as i64 * BATCH
        {
            sleep(PAUSE).await;
        }
    }

    /// Every record that was acknowledged is there, once, and nothing else.
    async fn check(&self) {
        let last = self.batches.load(Relaxed) as i64 * BATCH;
        let found = self.lab.database().collection::<Document>("orders").find(doc! {}).await.unwrap();
        let found: Vec<Document> = found.try_collect().await.unwrap();
        let number = |one: &Document| one.get_i64("n").unwrap();
        let (hot, others): (Vec<_>, Vec<_>) = found.iter().partition(|one| one.get_i64("_id").ok() == Some(HOT));
        let mut numbers: Vec<i64> = others.into_iter().map(number).collect();
        numbers.sort_unstable();
        assert!(numbers.iter().copied().eq(0..last), "{}: {} of {last}", self.lab.uri(), numbers.len());
        let newest = self.replaces.then_some(last - 100);
        assert_eq!(hot.into_iter().map(number).collect::<Vec<_>>(), newest.into_iter().collect::<Vec<_>>());
    }
}

/// Waits until every count has grown by some.
async fn grown(loads: &[Load], count: fn(&Load) -> &AtomicUsize, by: usize) {
    let before: Vec<usize> = loads.iter().map(|load| count(load).load(Relaxed)).collect();
    while loads.iter().zip(&before).any(|(load, before)| count(load).load(Relaxed) < before + by) {
        sleep(PAUSE).await;
    }
}

/// The host that is written to, once there is one other than `before`.
async fn primary(client: &Client, before: &str) -> String {
    loop {
        if let Ok(hello) = client.database("admin").run_command(doc! { "hello": 1 }).await
            && hello.get_bool("isWritablePrimary").unwrap_or(false)
            && let Ok(host) = hello.get_str("me")
            && host != before
        {
            return host.to_owned();
        }
        sleep(PAUSE).await;
    }
}

/// Lets a server fetch what the primary has, or keeps it from that.
async fn replicate(server: &Server, on: bool) {
    let admin = Client::with_uri_str(server.address()).await.unwrap().database("admin");
    let mode = if on { "off" } else { "alwaysOn" };
    let set = admin.run_command(doc! { "configureFailPoint": "stopReplProducer", "mode": mode }).await.unwrap();
    if !on {
        let entered = set.get_i32("count").unwrap() + 1;
        let wait = doc! { "waitForFailPoint": "stopReplProducer", "timesEntered": entered, "maxTimeMS": 60_000 };
        admin.run_command(wait).await.unwrap();
    }
}

/// Waits until a server that was away has caught up so far that it may be read from.
async fn caught_up(server: &Server) {
    let client = Client::with_uri_str(server.address()).await.unwrap();
    loop {
        let hello = client.database("admin").run_command(doc! { "hello": 1 }).await.unwrap();
        if ["secondary", "isWritablePrimary"].iter().any(|state| hello.get_bool(state).unwrap_or(false)) {
            return;
        }
        sleep(PAUSE).await;
    }
}

#[tokio::test]
async fn a_step_down_and_a_killed_primary_lose_and_double_nothing_that_a_majority_has_acknowledged() {
    let mut members = Vec::from(tokio::task::spawn_blocking(longshore_test_servers::mongo_set).await.unwrap());
    let uri = longshore_test_servers::mongo_set_address(&members);
    let client = Client::with_uri_str(&uri).await.unwrap();
    let insert = Some(("InsertOneDefaultStrategy", "ProvidedInValueStrategy"));
    let replace = Some(("ReplaceOneDefaultStrategy", "ProvidedInValueStrategy"));
    // With numbers, no insertion is carried out twice: it would be reported. Without them, the `_id` sees to it.
    let loads = [
        Load::new(&uri, "set_insert_ordered", true, true, insert).await,
        Load::new(&uri, "set_insert_unordered", false, true, insert).await,
        Load::new(&uri, "set_replace_ordered", true, false, replace).await,
        Load::new(&uri, "set_replace_unordered", false, false, replace).await,
        Load::new(&uri, "set_fresh_ordered", true, false, None).await,
        Load::new(&uri, "set_fresh_unordered", false, true, None).await,
    ];
    let stop = AtomicBool::new(false);
    let faults = async {
        grown(&loads, |load| &load.batches, 1).await;
        let first = primary(&client, "").await;
        // For a while it is not elected again; the others need not have all that it has.
        let command = doc! { "replSetStepDown": 15, "secondaryCatchUpPeriodSecs": 0, "force": true };
        client.database("admin").run_command(command).await.unwrap();
        let second = primary(&client, &first).await;
        grown(&loads, |load| &load.batches, 2).await;

        let position = members.iter().position(|member| member.host() == second).unwrap();
        let mut killed = members.remove(position);
        // What the primary carries out now reaches nobody else: no majority acknowledges it, and it dies with it.
        join_all(members.iter().map(|member| replicate(member, false))).await;
        join_all(loads.iter().map(|load| load.is_ahead(&killed))).await;
        killed.kill();
        // Nobody is elected before every sink has been refused.
        members.iter().for_each(Server::freeze);
        grown(&loads, |load| &load.refused, 1).await;
        members.iter().for_each(Server::go_on);
        join_all(members.iter().map(|member| replicate(member, true))).await;
        primary(&client, &second).await;
        grown(&loads, |load| &load.batches, 2).await;

        let killed = tokio::task::spawn_blocking(move || {
            killed.start_again();
            killed
        });
        let killed = killed.await.unwrap();
        caught_up(&killed).await;
        grown(&loads, |load| &load.batches, 1).await;
        stop.store(true, Relaxed);
        killed
    };
    let all = async { tokio::join!(join_all(loads.iter().map(|load| load.run(&stop))), faults) };
    let (_, _started_again) = tokio::time::timeout(PATIENCE, all).await.expect("elections end");
    for load in &loads {
        assert!(load.refused.load(Relaxed) > 0);
        load.check().await;
    }
}
