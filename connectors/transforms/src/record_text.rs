//! A record as Java prints it.

use std::fmt::Write;

use longshore_api::{ConnectRecord, Data, RecordOrigin};
use longshore_formats::java_text;

use crate::schemas;

/// `ConnectRecord.toString`. What the chain does not decode reads null, and the topic is the one that the chain made.
pub(crate) fn record(record: &ConnectRecord) -> String {
    let ConnectRecord { topic, partition, timestamp, .. } = record;
    let partition = partition.map_or("null".to_owned(), |partition| partition.to_string());
    let mut text = match record.origin {
        RecordOrigin::Source => "SourceRecord{}".to_owned(),
        RecordOrigin::Sink { offset, timestamp_type } => format!(
            "SinkRecord{{kafkaOffset={offset}, timestampType={}, originalTopic={topic}, \
             originalKafkaPartition={partition}, originalKafkaOffset={offset}}}",
            timestamp_type.name(),
        ),
    };
    let timestamp = timestamp.map_or("null".to_owned(), |timestamp| timestamp.to_string());
    let (key, key_schema) = data(&record.key);
    let (value, value_schema) = data(&record.value);
    let headers: Vec<String> = record
        .headers
        .iter()
        .map(|header| {
            let (value, schema) = data(&header.value);
            format!("ConnectHeader(key={}, value={value}, schema={schema})", header.name)
        })
        .collect();
    let headers = headers.join(", ");
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        " ConnectRecord{{topic='{topic}', kafkaPartition={partition}, key={key}, keySchema={key_schema}, \
         value={value}, valueSchema={value_schema}, timestamp={timestamp}, \
         headers=ConnectHeaders(headers=[{headers}])}}"
    );
    text
}

fn data(data: &Data) -> (String, String) {
    let schema = data.schema.as_ref().map_or("null".to_owned(), |schema| schemas::text(schema));
    (java_text::value(&data.value), schema)
}
