//! The queue in which a native client reports, and who is told when something comes into it.
//!
//! The safe bindings read a producer's reports on a thread that looks every 100 ms and spins through the last of them;
//! told by the native client, nobody has to look.

#![allow(unsafe_code)]

use std::ffi::c_void;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use rdkafka::bindings as native;
use rdkafka::client::{Client, ClientContext};
use rdkafka::types::{RDKafka, RDKafkaQueue};
use tokio::sync::Notify;

/// A client's main queue. It must be dropped before its client.
pub(super) struct EventQueue {
    queue: NonNull<RDKafkaQueue>,
    /// What the native client's pointer points to.
    _filled: Arc<Notify>,
}

// SAFETY: librdkafka's queues may be used from any thread at the same time; the reference is owned by this value alone.
unsafe impl Send for EventQueue {}
// SAFETY: as above.
unsafe impl Sync for EventQueue {}

impl EventQueue {
    /// The queue of a client; `filled` is told now and each time that the queue stops being empty. `None` if there is
    /// no memory.
    pub(super) fn of<C: ClientContext>(client: &Client<C>, filled: Arc<Notify>) -> Option<Self> {
        // SAFETY: the client is valid. The queue tells `filled`, which lives as long as this value, whose end takes the
        // callback back.
        unsafe {
            let queue = NonNull::new(native::rd_kafka_queue_get_main(client.native_ptr()))?;
            let told = Arc::as_ptr(&filled).cast_mut().cast();
            native::rd_kafka_queue_cb_event_enable(queue.as_ptr(), Some(tell), told);
            // What the client said before, a warning about its settings for instance, would never be told of, nor
            // anything behind it.
            filled.notify_one();
            Some(Self { queue, _filled: filled })
        }
    }

    /// Whether nothing is reported at the moment.
    pub(super) fn is_empty(&self) -> bool {
        // SAFETY: the queue is valid; the call reads its length under its lock.
        unsafe { native::rd_kafka_queue_length(self.queue.as_ptr()) == 0 }
    }
}

impl Drop for EventQueue {
    fn drop(&mut self) {
        // SAFETY: callbacks are made under the queue's lock, which taking the callback back needs too: there is none
        // afterwards. The reference is ours and is given back once; the client still lives.
        unsafe {
            native::rd_kafka_queue_cb_event_enable(self.queue.as_ptr(), None, ptr::null_mut());
            native::rd_kafka_queue_destroy(self.queue.as_ptr());
        }
    }
}

/// Called by the native client's threads under the queue's lock.
unsafe extern "C" fn tell(_: *mut RDKafka, filled: *mut c_void) {
    // SAFETY: the pointer is that of `EventQueue::of`, which is valid until the callback is taken back.
    let filled: &Notify = unsafe { &*filled.cast() };
    filled.notify_one();
}
