//! Where a topic's partitions end, as any client can ask; the safe bindings let only consumers.

#![allow(unsafe_code)]

use std::time::Duration;

use rdkafka::bindings as native;
use rdkafka::client::{Client, ClientContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Offset, TopicPartitionList};

/// Asks each partition's leader for its end, in one request a broker.
pub(super) fn ends<C: ClientContext>(
    client: &Client<C>,
    topic: &str,
    partitions: usize,
    timeout: Duration,
) -> Result<Vec<i64>, Code> {
    let code = |error: KafkaError| error.rdkafka_error_code().unwrap_or(Code::Fail);
    let mut list = TopicPartitionList::with_capacity(partitions);
    for partition in 0..partitions {
        let partition = i32::try_from(partition).map_err(|_| Code::InvalidPartitions)?;
        // In the place of a time, the end means the end.
        list.add_partition_offset(topic, partition, Offset::End).map_err(code)?;
    }
    let timeout = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: client and list are valid through the call, which writes the answers into the list.
    let asked = unsafe { native::rd_kafka_offsets_for_times(client.native_ptr(), list.ptr(), timeout) };
    if asked != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
        return Err(asked.into());
    }
    let mut ends = vec![0; partitions];
    for element in list.elements() {
        element.error().map_err(code)?;
        let index = usize::try_from(element.partition()).map_err(|_| Code::InvalidPartitions)?;
        if let (Some(end), Offset::Offset(offset)) = (ends.get_mut(index), element.offset()) {
            *end = offset;
        }
    }
    Ok(ends)
}
