//! How fast records are made up. Run with `cargo bench -p longshore-datagen`.
#![allow(clippy::expect_used, reason = "a bench that cannot start has nothing to measure")]

use std::sync::Arc;

use async_trait::async_trait;
use divan::Bencher;
use divan::counter::ItemsCount;
use longshore_api::{OffsetReader, Props, Result, SourceConnector, SourceMap, TaskContext};
use longshore_datagen::Datagen;

struct Nothing;

#[async_trait]
impl OffsetReader for Nothing {
    async fn offset(&self, _partition: &SourceMap) -> Result<Option<SourceMap>> {
        Ok(None)
    }
}

/// One poll: a batch of records with keys, headers and offsets, as the worker gets them.
#[divan::bench(args = ["stock_quotes", "users", "orders", "clickstream", "pizza_orders"])]
fn poll(bencher: Bencher<'_, '_>, quickstart: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let props = [("kafka.topic", "t"), ("max.interval", "0"), ("random.seed", "1"), ("quickstart", quickstart)];
    let props: Props = props.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let mut task = Datagen.new_task();
    let context = TaskContext { connector: "bench".into(), task: 0, cancelled: Default::default() };
    runtime.block_on(task.start(context, Arc::new(Nothing), &props)).expect("a start");
    let size = runtime.block_on(task.poll()).expect("records").len();
    bencher.counter(ItemsCount::new(size)).bench_local(|| runtime.block_on(task.poll()));
}

fn main() {
    divan::main();
}
