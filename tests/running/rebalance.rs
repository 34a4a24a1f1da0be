//! A group that changes in the middle of a put.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use longshore_test_servers::kafka;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use tokio::time::timeout;

use super::harness::{PATIENCE, Running, Writer, topic, until};
use super::{committed, visit};

/// What the broker says of a group: its state, and how many members it has.
fn state(group: &str) -> (String, usize) {
    let asking: BaseConsumer = ClientConfig::new().set("bootstrap.servers", kafka()).create().unwrap();
    let groups = asking.fetch_group_list(Some(group), Duration::from_secs(30)).unwrap();
    let said = groups.groups().first().map(|group| (group.state().to_owned(), group.members().len()));
    said.unwrap_or_default()
}

/// Ends the visit however the test ends, which waits for it.
struct Visit(Arc<AtomicBool>);

impl Drop for Visit {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_lost_when_a_member_joins_while_a_put_is_under_way() {
    const PARTITIONS: i32 = 4;
    let (topic, writer) = (topic(PARTITIONS).await, Writer::new());
    let send = |count: i32| {
        (0..PARTITIONS * count).for_each(|number| writer.send(&topic, number % PARTITIONS, "a"));
        writer.flush();
    };
    let worker = Running::start();
    let group = worker.create("interrupted", &topic, 1).await;
    worker.wait_for_tasks("interrupted", &["RUNNING"]).await;
    worker.told.hold.store(true, Ordering::SeqCst);
    send(10);
    until("a put that does not come back", || worker.told.held.load(Ordering::SeqCst) == 1).await;

    let visit_ends = Visit(Arc::default());
    let visitor = {
        let (group, topic, end) = (group.clone(), topic.clone(), Arc::clone(&visit_ends.0));
        tokio::task::spawn_blocking(move || visit(&group, &topic, &end))
    };
    until("the group to wait for the task", || state(&group).0 == "PreparingRebalance").await;
    assert_eq!(worker.told.taken(), 0, "the put is still under way");
    worker.told.let_go();
    until("both to be members", || state(&group) == ("Stable".to_owned(), 2)).await;
    send(100);
    assert_eq!(timeout(PATIENCE, visitor).await.unwrap().unwrap(), 50, "the visitor got its share");
    let all = (PARTITIONS * 110) as usize;
    until("every record", || worker.told.taken() == all).await;
    assert_eq!(worker.told.repeated(), [], "the partitions went with what the put had taken committed");
    until("every offset", || (0..PARTITIONS).all(|partition| committed(&group, &topic, partition) == 110)).await;
    worker.wait_for_tasks("interrupted", &["RUNNING"]).await;
    worker.herder.shut_down().await;
}
