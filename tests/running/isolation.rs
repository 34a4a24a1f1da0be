//! A connector's call that does not come back holds up its own task and nothing else.

use std::sync::atomic::Ordering;

use tokio::time::timeout;

use super::harness::{PATIENCE, Running, Writer, topic, until};

/// Threads of the worker's runtime, and tasks whose puts hold their threads: more than there are.
const THREADS: usize = 2;
const HELD: usize = THREADS + 1;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn puts_that_hold_their_threads_keep_neither_requests_nor_other_tasks_waiting() {
    let (worker, writer) = (Running::start(), Writer::new());
    let url = worker.serve().await;
    for number in 0..HELD {
        let (name, topic) = (format!("held-{number}"), topic(1).await);
        worker.create(&name, &topic, 1).await;
        writer.send(&topic, 0, "hold");
    }
    writer.flush();
    until("every put to hold its thread", || worker.told.held.load(Ordering::SeqCst) == HELD).await;

    let ask = move |path: &'static str| {
        let url = format!("{url}{path}");
        async move {
            let asked = tokio::task::spawn_blocking(move || ureq::get(&url).call().unwrap().status().as_u16());
            timeout(PATIENCE, asked).await.unwrap().unwrap()
        }
    };
    assert_eq!(ask("/connectors?expand=status").await, 200);
    assert_eq!(ask("/connectors/held-0/status").await, 200);
    let free = topic(1).await;
    worker.create("free", &free, 1).await;
    for _ in 0..100 {
        writer.send(&free, 0, "a");
    }
    writer.flush();
    until("the records of the other task", || worker.told.taken() == 100).await;
    assert_eq!(ask("/health").await, 200);
    assert_eq!(worker.told.held.load(Ordering::SeqCst), HELD, "they still hold their threads");

    worker.told.let_go();
    until("the held puts to come back", || worker.told.held.load(Ordering::SeqCst) == 0).await;
    worker.herder.shut_down().await;
}
