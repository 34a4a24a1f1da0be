//! What lets a consumer's thread go on at once, whatever it waits for.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::Thread;

use longshore_api::TopicPartition;
use rdkafka::consumer::ConsumerContext;

use super::batch_queue::DataQueue;

/// Wakes the thread that reads a consumer's queue.
pub(super) struct Waker<C: ConsumerContext + 'static> {
    queue: Mutex<Option<Arc<DataQueue<C>>>>,
    /// Held while somebody looks at the native client. Not the queue's own lock: the client calls [`wake`](Self::wake)
    /// with its locks held, and looking takes these.
    looking: Mutex<()>,
    thread: OnceLock<Thread>,
}

impl<C: ConsumerContext + 'static> Default for Waker<C> {
    fn default() -> Self {
        Self { queue: Mutex::default(), looking: Mutex::default(), thread: OnceLock::new() }
    }
}

impl<C: ConsumerContext + 'static> Waker<C> {
    /// To be called by the thread itself, once.
    pub(super) fn attach(&self, queue: Arc<DataQueue<C>>) {
        let _ = self.thread.set(std::thread::current());
        *self.queue() = Some(queue);
    }

    /// Lets go of the queue, so that the thread is the last who holds the native client.
    pub(super) fn detach(&self) {
        let queue = self.queue().take();
        // Whoever looks has a hold of its own.
        drop(self.looking());
        drop(queue);
    }

    pub(super) fn wake(&self) {
        if let Some(queue) = &*self.queue() {
            queue.wake();
        }
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    /// Where a partition ends, as far as the native client has heard. Whoever lets go of the queue waits for the answer:
    /// the client does not end in the hands of somebody who only looks.
    pub(super) fn end(&self, partition: &TopicPartition) -> Option<i64> {
        let _looking = self.looking();
        let queue = self.queue().clone()?;
        queue.end(&partition.topic, partition.partition)
    }

    fn looking(&self) -> MutexGuard<'_, ()> {
        self.looking.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn queue(&self) -> MutexGuard<'_, Option<Arc<DataQueue<C>>>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
