//! What a sink's thread does as a member of its group: take partitions, give them up, commit, pause and seek.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use longshore_api::{Positions, Result, TopicPartition};
use rdkafka::TopicPartitionList;
use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaResult, RDKafkaErrorCode};
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

use super::batch_queue;
use super::context::{self, Rebalance};
use super::sink_thread::Worker;
use super::{ConsumerEvent, errors};

/// How long one question for committed positions may take, and how often it is asked.
const COMMITTED_TIMEOUT: Duration = Duration::from_secs(5);
const COMMITTED_TRIES: usize = 3;
/// How long a seek may take, and how often it is tried.
const SEEK_TIMEOUT: Duration = Duration::from_secs(5);
const SEEK_TRIES: usize = 20;
const SEEK_AGAIN: Duration = Duration::from_millis(100);

const COMMIT_FAILED: &str = "Commit of offsets failed";

/// A conversation about partitions that have to go.
pub(super) struct Leaving {
    partitions: TopicPartitionList,
    /// Those of them that can still be committed.
    committable: BTreeSet<TopicPartition>,
    answered: oneshot::Receiver<()>,
    deadline: Instant,
}

impl Worker {
    /// One conversation at a time: what is told after a revocation waits until it is settled.
    pub(super) fn act_on_rebalances(&mut self) {
        let consumer = Arc::clone(&self.consumer);
        while self.leaving.is_none() {
            match consumer.context().next_rebalance() {
                Some(Rebalance::Assign(list)) => self.take(list),
                Some(Rebalance::Revoke { partitions, lost }) => self.start_leaving(partitions, lost),
                None => return,
            }
        }
    }

    fn take(&mut self, list: TopicPartitionList) {
        let list = self.with_committed(list);
        let positions = context::positions(&list);
        // Before the assignment, or the first messages come by the wrong queue.
        for partition in positions.keys() {
            self.queue.forward(&partition.topic, partition.partition);
        }
        if let Err(error) = context::take(&self.consumer, &list) {
            self.fail(errors::from_kafka("the assigned partitions cannot be taken", &error));
            return;
        }
        if self.paused {
            self.told("paused", self.consumer.pause(&list));
        }
        self.assigned.extend(positions.keys().map(|partition| (partition.clone(), false)));
        let log = &self.consumer.context().log;
        log.works();
        tracing::info!(client = log.client(), partitions = names(&positions), "partitions assigned");
        self.outbox.push(ConsumerEvent::Assigned(positions));
    }

    /// The partitions with the group's positions, so that the task knows them. If the brokers do not say them in time
    /// the native client goes on asking by itself, and the task is told that they are not known.
    fn with_committed(&self, list: TopicPartitionList) -> TopicPartitionList {
        for _ in 0..COMMITTED_TRIES {
            match self.consumer.committed_offsets(list.clone(), COMMITTED_TIMEOUT) {
                Ok(committed) => return committed,
                Err(error) => {
                    tracing::debug!(client = self.consumer.context().log.client(), %error, "committed positions not known yet");
                }
            }
        }
        list
    }

    fn start_leaving(&mut self, partitions: TopicPartitionList, lost: bool) {
        let positions = context::positions(&partitions);
        self.messages.discard(|topic, partition| {
            positions.keys().any(|known| known.partition == partition && &*known.topic == topic)
        });
        self.assigned.retain(|partition, _| !positions.contains_key(partition));
        tracing::info!(
            client = self.consumer.context().log.client(),
            lost,
            partitions = names(&positions),
            "partitions are given up"
        );
        let (done, answered) = oneshot::channel();
        let committable = if lost { BTreeSet::new() } else { positions.keys().cloned().collect() };
        let deadline = Instant::now() + self.patience;
        self.leaving = Some(Leaving { partitions, committable, answered, deadline });
        self.outbox.push(ConsumerEvent::Revoked { partitions: positions.into_keys().collect(), lost, done });
    }

    /// Gives partitions up when the task has answered, or has had its time.
    pub(super) fn settle_leaving(&mut self) {
        let Some(mut leaving) = self.leaving.take() else { return };
        // The task answers when its commit is done, or when it has given up on a broker that does not answer: then
        // a commit may still be under way, and waiting for it would only keep the member out of its group.
        let answered = !matches!(leaving.answered.try_recv(), Err(TryRecvError::Empty));
        if !answered && leaving.deadline > Instant::now() {
            self.leaving = Some(leaving);
            return;
        }
        if !answered {
            tracing::warn!(
                client = self.consumer.context().log.client(),
                "the task did not let its partitions go within max.poll.interval.ms; they go without its commit"
            );
        }
        self.told("given up", context::give_up(&self.consumer, &leaving.partitions));
    }

    pub(super) fn commit_next(&mut self) {
        while self.committing.is_none() {
            let Some((positions, answer)) = self.commits.pop_front() else { return };
            if answer.is_closed() {
                continue; // the task has stopped waiting, and asks again with newer positions
            }
            let started = self.may_commit(&positions).and_then(|()| {
                context::native_positions(&positions)
                    .map_err(|error| error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail))
                    .and_then(|list| batch_queue::commit(&self.consumer, &list))
                    .map_err(|code| errors::from_code(COMMIT_FAILED, code))
            });
            match started {
                Ok(()) => self.committing = Some(answer),
                // The task may have stopped waiting.
                Err(error) => drop(answer.send(Err(error))),
            }
        }
    }

    /// The broker asks only whether the member is one, not whether a partition is its own. A late commit for one that
    /// somebody else has by now would move that one's position.
    fn may_commit(&self, positions: &Positions) -> Result<()> {
        let leaving = self.leaving.as_ref().map(|leaving| &leaving.committable);
        let is_ours = |partition: &TopicPartition| {
            self.assigned.contains_key(partition) || leaving.is_some_and(|leaving| leaving.contains(partition))
        };
        match positions.keys().find(|partition| !is_ours(partition)) {
            None => Ok(()),
            Some(partition) => Err(errors::from_code(
                &format!("{COMMIT_FAILED}: {partition} is not assigned to this consumer any more"),
                RDKafkaErrorCode::IllegalGeneration,
            )),
        }
    }

    pub(super) fn committed(&mut self, result: Result<(), RDKafkaErrorCode>) {
        if result.is_ok() {
            self.consumer.context().log.works();
        }
        if let Some(answer) = self.committing.take() {
            // The task may have stopped waiting.
            let _ = answer.send(result.map_err(|code| errors::from_code(COMMIT_FAILED, code)));
        }
    }

    pub(super) fn pause(&mut self, pause: bool) {
        if self.paused == pause {
            return;
        }
        self.paused = pause;
        let mut list = TopicPartitionList::new();
        for partition in self.assigned.keys() {
            list.add_partition(&partition.topic, partition.partition);
        }
        let result = if pause { self.consumer.pause(&list) } else { self.consumer.resume(&list) };
        self.told(if pause { "paused" } else { "resumed" }, result);
    }

    pub(super) fn seek(&mut self, mut positions: Positions) {
        positions.retain(|partition, _| self.assigned.contains_key(partition));
        match self.try_seek(&positions) {
            Ok(()) => self.outbox.push(ConsumerEvent::Rewound(positions)),
            Err(error) => self.fail(error),
        }
    }

    /// Reads partitions from other positions. One that has only just been assigned may not be ready for it yet.
    pub(super) fn try_seek(&mut self, positions: &Positions) -> Result<()> {
        self.messages.discard(|topic, partition| {
            positions.keys().any(|known| known.partition == partition && &*known.topic == topic)
        });
        let mut remaining = positions.clone();
        let mut last = RDKafkaErrorCode::OperationTimedOut;
        for attempt in 0..SEEK_TRIES {
            if remaining.is_empty() {
                return Ok(());
            }
            if attempt > 0 {
                std::thread::sleep(SEEK_AGAIN);
            }
            let sought = context::native_positions(&remaining)
                .and_then(|list| self.consumer.seek_partitions(list, SEEK_TIMEOUT))
                .map_err(|error| errors::from_kafka("a partition cannot be read again", &error))?;
            for element in sought.elements() {
                match element.error() {
                    Ok(()) => {
                        remaining.remove(&TopicPartition::new(element.topic(), element.partition()));
                    }
                    Err(error) => last = error.rdkafka_error_code().unwrap_or(last),
                }
            }
        }
        if remaining.is_empty() {
            return Ok(());
        }
        Err(errors::from_code(&format!("{} cannot be read again", names(&remaining)), last))
    }

    /// Answers everything that still waits, so that the native client can leave its group at once.
    pub(super) fn let_go(&mut self) {
        self.messages.destroy_all();
        self.consumer.context().close();
        if let Some(leaving) = self.leaving.take() {
            self.told("given up", context::give_up(&self.consumer, &leaving.partitions));
        }
        let consumer = Arc::clone(&self.consumer);
        while let Some(Rebalance::Assign(list) | Rebalance::Revoke { partitions: list, .. }) =
            consumer.context().next_rebalance()
        {
            self.told("given up", context::give_up(&self.consumer, &list));
        }
    }

    /// These fail only for partitions that are not ours any more.
    fn told(&self, what: &str, result: KafkaResult<()>) {
        if let Err(error) = result {
            tracing::debug!(client = self.consumer.context().log.client(), %error, "partitions could not be {what}");
        }
    }
}

fn names(positions: &Positions) -> String {
    positions.keys().map(TopicPartition::to_string).collect::<Vec<_>>().join(",")
}
