//! A sink's consumer: the handle that its task holds. The work is done on a thread of its own ([`super::sink_thread`]).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc as commands;

use longshore_api::{Batch, ConnectError, Positions, Props, Result, TopicPartition};
use tokio::sync::{mpsc, oneshot, watch};

use super::context::SinkContext;
use super::sink_thread;
use super::waker::Waker;
use super::{BatchLimits, ConsumerEvent, Subscription};

/// The position of a partition for which nothing is committed.
pub const NO_OFFSET: i64 = -1001;

/// Batches that wait for the task.
const WAITING_BATCHES: usize = 2;
/// Used batches that wait to be filled again: those that wait, the one in work and the one being filled.
const RECYCLED_BATCHES: usize = WAITING_BATCHES + 2;

/// What a consumer needs to start.
#[derive(Debug, Clone)]
pub struct ConsumerSettings {
    /// Java's consumer settings, prefixes taken off; `group.id` and `client.id` included.
    pub props: Props,
    /// What is read.
    pub subscription: Subscription,
    /// How large batches get.
    pub limits: BatchLimits,
    /// Whether records come with their headers.
    pub headers: bool,
}

/// What the handle asks of the thread.
pub(super) enum Command {
    Commit(Positions, oneshot::Sender<Result<()>>),
    Pause,
    Resume,
    Seek(Positions),
    Close,
}

/// A consumer that belongs to a group. Dropping it leaves the group, as [`close`](Self::close) does, but nobody waits.
pub struct SinkConsumer {
    commands: commands::Sender<Command>,
    recycled: commands::SyncSender<Batch>,
    waker: Arc<Waker<SinkContext>>,
    finished: watch::Receiver<bool>,
    keep_bytes: usize,
    closed: AtomicBool,
}

/// What the consumer tells, in order.
pub struct ConsumerEvents {
    events: mpsc::Receiver<ConsumerEvent>,
    waker: Arc<Waker<SinkContext>>,
}

impl ConsumerEvents {
    /// The next event; `None` when the consumer is closed. Cancel-safe.
    pub async fn recv(&mut self) -> Option<ConsumerEvent> {
        let event = self.events.recv().await;
        // There is room again.
        self.waker.wake();
        event
    }

    /// The next event if there is one already.
    pub fn try_recv(&mut self) -> Option<ConsumerEvent> {
        let event = self.events.try_recv().ok()?;
        self.waker.wake();
        Some(event)
    }
}

impl Drop for ConsumerEvents {
    fn drop(&mut self) {
        self.events.close();
        self.waker.wake();
    }
}

impl SinkConsumer {
    /// Starts a consumer. The brokers need not be there yet; trouble with them is waited out.
    ///
    /// # Errors
    /// Configuration errors that name the key.
    pub fn start(settings: ConsumerSettings) -> Result<(Self, ConsumerEvents)> {
        let (command_sender, command_receiver) = commands::channel();
        let (recycle_sender, recycle_receiver) = commands::sync_channel(RECYCLED_BATCHES);
        let (event_sender, events) = mpsc::channel(WAITING_BATCHES);
        let (finish, finished) = watch::channel(false);
        let waker = Arc::new(Waker::default());
        let keep_bytes = settings.limits.bytes.saturating_mul(2);
        sink_thread::spawn(
            settings,
            sink_thread::Ends {
                commands: command_receiver,
                recycled: recycle_receiver,
                events: event_sender,
                waker: Arc::clone(&waker),
                finish,
            },
        )?;
        let consumer = Self {
            commands: command_sender,
            recycled: recycle_sender,
            waker: Arc::clone(&waker),
            finished,
            keep_bytes,
            closed: AtomicBool::new(false),
        };
        Ok((consumer, ConsumerEvents { events, waker }))
    }

    /// Commits positions for the group; returns when the broker has acknowledged them. Commits are made in the order
    /// of the calls.
    ///
    /// # Errors
    /// Retriable when the broker could not be asked in time or the group is between two assignments; fatal when a
    /// partition is not this member's any more (`CommitFailedException`; nothing is committed then) or the broker
    /// refuses.
    pub async fn commit(&self, positions: Positions) -> Result<()> {
        if positions.is_empty() {
            return Ok(());
        }
        let (answer, answered) = oneshot::channel();
        self.send(Command::Commit(positions, answer));
        answered
            .await
            .unwrap_or_else(|_| Err(ConnectError::retriable("the consumer was closed before it could commit")))
    }

    /// Stops reading all partitions, those that come later included, until [`resume`](Self::resume). Batches that are
    /// on their way still come.
    pub fn pause(&self) {
        self.send(Command::Pause);
    }

    /// Reads on.
    pub fn resume(&self) {
        self.send(Command::Resume);
    }

    /// Reads partitions again from these positions; those that are not assigned are left out.
    /// [`ConsumerEvent::Rewound`] says from when on.
    pub fn seek(&self, positions: Positions) {
        self.send(Command::Seek(positions));
    }

    /// Gives back a batch that is worked off, so that its memory is used again.
    pub fn recycle(&self, batch: Batch) {
        // One that a single huge record blew up would stay that large for ever.
        if batch.byte_capacity() <= self.keep_bytes {
            let _ = self.recycled.try_send(batch);
        }
    }

    /// Leaves the group; commits that were asked for before are made first. The events end. Returns when the group
    /// is left; may be dropped, then the leaving goes on by itself.
    pub async fn close(&self) {
        self.request_close();
        let mut finished = self.finished.clone();
        // An error means that the thread is gone, which is what is waited for.
        let _ = finished.wait_for(|finished| *finished).await;
    }

    /// What leaves the group, from anywhere: also when the task that holds this consumer does not come back.
    pub fn leaver(&self) -> impl Fn() + Send + 'static {
        let (commands, waker) = (self.commands.clone(), Arc::clone(&self.waker));
        move || {
            // A thread that is gone has left already.
            let _ = commands.send(Command::Close);
            waker.wake();
        }
    }

    /// Says where a partition ends (its high watermark), as the broker said with the latest fetch of it; from anywhere,
    /// without asking the broker. `None` where that is not known, and after the end.
    pub fn ends(&self) -> impl Fn(&TopicPartition) -> Option<i64> + Send + Sync + 'static {
        let waker = Arc::clone(&self.waker);
        move |partition| waker.end(partition)
    }

    fn request_close(&self) {
        if !self.closed.swap(true, Ordering::Relaxed) {
            self.send(Command::Close);
        }
    }

    fn send(&self, command: Command) {
        // A thread that is gone drops the command, and with it whatever answer was waited for.
        let _ = self.commands.send(command);
        self.waker.wake();
    }
}

impl Drop for SinkConsumer {
    fn drop(&mut self) {
        self.request_close();
    }
}
