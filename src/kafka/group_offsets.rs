//! Offsets of other groups: three native admin calls that the safe bindings do not have.

#![allow(unsafe_code)]

use std::ffi::{CStr, CString};
use std::ptr::{self, NonNull};
use std::time::Duration;

use longshore_api::{Positions, TopicPartition};
use rdkafka::TopicPartitionList;
use rdkafka::bindings as native;
use rdkafka::client::{Client, ClientContext};
use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::types::{RDKafka, RDKafkaAdminOp, RDKafkaEvent, RDKafkaQueue, RDKafkaRespErr};

/// What is to be done with a group's offsets.
pub(super) enum Request<'a> {
    /// List all that are committed.
    List,
    /// Set these.
    Alter(&'a TopicPartitionList),
    /// Delete those of these partitions.
    Delete(&'a TopicPartitionList),
}

/// Asks the group's coordinator and waits, on this thread, for at most `timeout`. The answer holds the partitions
/// that it speaks of, with their offsets. The first error of a partition is the error of the call.
pub(super) fn call<C: ClientContext>(
    client: &Client<C>,
    group: &str,
    request: &Request<'_>,
    timeout: Duration,
) -> Result<Positions, Code> {
    let group = CString::new(group).map_err(|_| Code::InvalidGroupId)?;
    let timeout = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: the client outlives the call, and with it the queue and options, which are destroyed before the end.
    // The event's parts are copied before it is destroyed.
    unsafe {
        let queue = Queue::new(client.native_ptr())?;
        match request {
            Request::List => list(client.native_ptr(), &group, &queue, timeout)?,
            Request::Alter(partitions) => alter(client.native_ptr(), &group, partitions, &queue, timeout)?,
            Request::Delete(partitions) => delete(client.native_ptr(), &group, partitions, &queue, timeout)?,
        }
        // The native call keeps the time; the second more is for its answer.
        let event = native::rd_kafka_queue_poll(queue.0.as_ptr(), timeout.saturating_add(1_000));
        let event = Event(NonNull::new(event).ok_or(Code::OperationTimedOut)?);
        event.positions(request)
    }
}

/// A queue of its own for one answer.
struct Queue(NonNull<RDKafkaQueue>);

impl Queue {
    /// # Safety
    /// The client must outlive the queue.
    unsafe fn new(client: *mut RDKafka) -> Result<Self, Code> {
        // SAFETY: by this function's contract.
        NonNull::new(unsafe { native::rd_kafka_queue_new(client) }).map(Self).ok_or(Code::CriticalSystemResource)
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: ours, destroyed once, before the client.
        unsafe { native::rd_kafka_queue_destroy(self.0.as_ptr()) }
    }
}

/// Options of one call.
struct Options(*mut native::rd_kafka_AdminOptions_t);

impl Options {
    /// # Safety
    /// The client must outlive the options.
    unsafe fn new(client: *mut RDKafka, operation: RDKafkaAdminOp, timeout: i32) -> Result<Self, Code> {
        // SAFETY: by this function's contract; no text of an error is asked for.
        unsafe {
            let options = Self(native::rd_kafka_AdminOptions_new(client, operation));
            if options.0.is_null() {
                return Err(Code::InvalidArgument);
            }
            match native::rd_kafka_AdminOptions_set_request_timeout(options.0, timeout, ptr::null_mut(), 0) {
                RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(options),
                code => Err(code.into()),
            }
        }
    }
}

impl Drop for Options {
    fn drop(&mut self) {
        if !self.0.is_null() {
            // SAFETY: ours, destroyed once.
            unsafe { native::rd_kafka_AdminOptions_destroy(self.0) }
        }
    }
}

/// # Safety
/// The client must live.
unsafe fn list(client: *mut RDKafka, group: &CStr, queue: &Queue, timeout: i32) -> Result<(), Code> {
    // SAFETY: a null list means all partitions; the request is copied by the call.
    unsafe {
        let options = Options::new(client, RDKafkaAdminOp::RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS, timeout)?;
        let mut request = native::rd_kafka_ListConsumerGroupOffsets_new(group.as_ptr(), ptr::null());
        native::rd_kafka_ListConsumerGroupOffsets(client, &mut request, 1, options.0, queue.0.as_ptr());
        native::rd_kafka_ListConsumerGroupOffsets_destroy(request);
    }
    Ok(())
}

/// # Safety
/// The client must live.
unsafe fn alter(
    client: *mut RDKafka,
    group: &CStr,
    partitions: &TopicPartitionList,
    queue: &Queue,
    timeout: i32,
) -> Result<(), Code> {
    // SAFETY: the list lives through the call, and the request is copied by it.
    unsafe {
        let options = Options::new(client, RDKafkaAdminOp::RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS, timeout)?;
        let mut request = native::rd_kafka_AlterConsumerGroupOffsets_new(group.as_ptr(), partitions.ptr());
        native::rd_kafka_AlterConsumerGroupOffsets(client, &mut request, 1, options.0, queue.0.as_ptr());
        native::rd_kafka_AlterConsumerGroupOffsets_destroy(request);
    }
    Ok(())
}

/// # Safety
/// The client must live.
unsafe fn delete(
    client: *mut RDKafka,
    group: &CStr,
    partitions: &TopicPartitionList,
    queue: &Queue,
    timeout: i32,
) -> Result<(), Code> {
    // SAFETY: the list lives through the call, and the request is copied by it.
    unsafe {
        let options = Options::new(client, RDKafkaAdminOp::RD_KAFKA_ADMIN_OP_DELETECONSUMERGROUPOFFSETS, timeout)?;
        let mut request = native::rd_kafka_DeleteConsumerGroupOffsets_new(group.as_ptr(), partitions.ptr());
        native::rd_kafka_DeleteConsumerGroupOffsets(client, &mut request, 1, options.0, queue.0.as_ptr());
        native::rd_kafka_DeleteConsumerGroupOffsets_destroy(request);
    }
    Ok(())
}

/// The answer to a call.
struct Event(NonNull<RDKafkaEvent>);

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: ours, destroyed once.
        unsafe { native::rd_kafka_event_destroy(self.0.as_ptr()) }
    }
}

impl Event {
    /// # Safety
    /// The event must be the answer to this kind of request.
    unsafe fn positions(&self, request: &Request<'_>) -> Result<Positions, Code> {
        let event = self.0.as_ptr();
        let mut count = 0;
        // SAFETY: by this function's contract; everything read belongs to the event, which lives.
        unsafe {
            let error = native::rd_kafka_event_error(event);
            if error != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
                return Err(error.into());
            }
            let groups = match request {
                Request::List => native::rd_kafka_ListConsumerGroupOffsets_result_groups(
                    native::rd_kafka_event_ListConsumerGroupOffsets_result(event),
                    &mut count,
                ),
                Request::Alter(_) => native::rd_kafka_AlterConsumerGroupOffsets_result_groups(
                    native::rd_kafka_event_AlterConsumerGroupOffsets_result(event),
                    &mut count,
                ),
                Request::Delete(_) => native::rd_kafka_DeleteConsumerGroupOffsets_result_groups(
                    native::rd_kafka_event_DeleteConsumerGroupOffsets_result(event),
                    &mut count,
                ),
            };
            if groups.is_null() || count == 0 {
                return Ok(Positions::new());
            }
            let group = *groups;
            let error = native::rd_kafka_group_result_error(group);
            if !error.is_null() {
                return Err(native::rd_kafka_error_code(error).into());
            }
            read(native::rd_kafka_group_result_partitions(group))
        }
    }
}

/// # Safety
/// The list must be null or live.
unsafe fn read(list: *const native::rd_kafka_topic_partition_list_t) -> Result<Positions, Code> {
    let mut positions = Positions::new();
    if list.is_null() {
        return Ok(positions);
    }
    // SAFETY: by this function's contract; the list says how many elements it has, each with a name.
    unsafe {
        for index in 0..usize::try_from((*list).cnt).unwrap_or(0) {
            let element = &*(*list).elems.add(index);
            if element.err != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
                return Err(element.err.into());
            }
            let topic = CStr::from_ptr(element.topic).to_string_lossy();
            positions.insert(TopicPartition::new(&*topic, element.partition), element.offset);
        }
    }
    Ok(positions)
}
