//! What one poll brought, on its way to a sink: one arena of bytes and compact rows.
//!
//! A batch is filled by the poll thread ([`BatchBuilder`]), gets its slots from the converters and transforms
//! ([`Batch::set_slots`]), and is then shared read-only with the sink ([`Batch::records`]). Nothing on that way
//! allocates per record unless a value has to be decoded.

use std::ops::Range;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;

use crate::schema::{Schema, Type};
use crate::source::Header;
use crate::value::{Data, Value};

/// A range of the batch's arena.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// Length in bytes.
    pub fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    /// Whether it is empty; an empty value is not a missing one.
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }

    fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// What a record's timestamp means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimestampType {
    /// The broker gave none.
    #[default]
    None,
    /// Set by the producer.
    CreateTime,
    /// Set by the broker.
    LogAppendTime,
}

impl TimestampType {
    /// The name that Kafka's clients print.
    pub fn name(self) -> &'static str {
        match self {
            TimestampType::None => "NoTimestampType",
            TimestampType::CreateTime => "CreateTime",
            TimestampType::LogAppendTime => "LogAppendTime",
        }
    }
}

/// A record as Kafka holds it: where it came from and its bytes.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Index into the batch's topics.
    pub topic: u16,
    /// What the timestamp means.
    pub timestamp_type: TimestampType,
    /// Kafka partition.
    pub partition: i32,
    /// Kafka offset.
    pub offset: i64,
    /// Milliseconds since the epoch; -1 for none.
    pub timestamp: i64,
    /// The key's bytes; `None` for a null key.
    pub key: Option<Span>,
    /// The value's bytes; `None` for a tombstone.
    pub value: Option<Span>,
    headers: (u32, u32),
}

#[derive(Debug, Clone, Copy)]
struct RawHeader {
    name: Span,
    value: Option<Span>,
}

/// What a converter made of a key or a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// Null.
    Null,
    /// A string, checked to be UTF-8 by the converter; Connect's optional STRING schema.
    Text(Span),
    /// Bytes; Connect's optional BYTES schema.
    Bytes(Span),
    /// Schemaless JSON, left as text. It is well formed if the task asked for checked JSON
    /// ([`SinkTask::checks_json`](crate::SinkTask::checks_json)); otherwise the task checks it as it reads.
    Json(Span),
    /// Decoded: index into the batch's data.
    Data(u32),
}

/// A record that goes to the sink: its row and what became of its parts.
#[derive(Debug, Clone, Copy)]
pub struct Slots {
    /// Index into the batch's rows.
    pub row: u32,
    /// Index into the batch's topics; differs from the row's where a transform routed the record.
    pub topic: u16,
    /// The key.
    pub key: Slot,
    /// The value.
    pub value: Slot,
}

/// A batch of records; see the [module](self).
///
/// Cloning copies the arena: for the rare batch that a sink still holds while its rows have to change.
#[derive(Debug, Default, Clone)]
pub struct Batch {
    arena: Vec<u8>,
    topics: Vec<Arc<str>>,
    rows: Vec<Row>,
    headers: Vec<RawHeader>,
    slots: Vec<Slots>,
    data: Vec<Data>,
    /// One a row, or none at all as long as every record is what its row says.
    carried: Vec<Carried>,
    decoded_headers: Vec<Header>,
}

/// What a record carries beside its slots, where transforms may have changed it or headers were converted.
#[derive(Debug, Clone, Copy)]
struct Carried {
    partition: i32,
    timestamp: i64,
    headers: (u32, u32),
}

/// A record's key or value as the sink sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Payload<'a> {
    /// Null.
    Null,
    /// A string of Connect's optional STRING schema.
    Text(&'a str),
    /// Bytes of Connect's optional BYTES schema.
    Bytes(&'a [u8]),
    /// Schemaless JSON text; see [`Slot::Json`] for who checks it.
    Json(&'a [u8]),
    /// A value with its schema, or a decoded schemaless one.
    Data(&'a Data),
}

impl Payload<'_> {
    /// Whether there is no value: null, or decoded data whose value is null.
    pub fn is_null(&self) -> bool {
        match self {
            Payload::Null => true,
            Payload::Data(data) => data.value.is_null(),
            _ => false,
        }
    }
}

/// A record of a batch on its way to a sink.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    batch: &'a Batch,
    slots: &'a Slots,
}

impl<'a> Record<'a> {
    /// The topic, as the transforms left it.
    pub fn topic(&self) -> &'a Arc<str> {
        &self.batch.topics[usize::from(self.slots.topic)]
    }

    /// Index of [`topic`](Self::topic) in the batch: the same index means the same topic.
    pub fn topic_index(&self) -> u16 {
        self.slots.topic
    }

    /// The topic from which the record came (KIP-793).
    pub fn original_topic(&self) -> &'a Arc<str> {
        &self.batch.topics[usize::from(self.row().topic)]
    }

    /// The Kafka partition, as the transforms left it.
    pub fn partition(&self) -> i32 {
        self.carried().map_or(self.row().partition, |carried| carried.partition)
    }

    /// The Kafka partition from which the record came (KIP-793).
    pub fn original_partition(&self) -> i32 {
        self.row().partition
    }

    /// The record's Kafka offset.
    pub fn offset(&self) -> i64 {
        self.row().offset
    }

    /// Milliseconds since the epoch, if the record has a timestamp; as the transforms left it.
    pub fn timestamp(&self) -> Option<i64> {
        let timestamp = self.carried().map_or(self.row().timestamp, |carried| carried.timestamp);
        (timestamp >= 0).then_some(timestamp)
    }

    /// What the timestamp means.
    pub fn timestamp_type(&self) -> TimestampType {
        self.row().timestamp_type
    }

    /// The key.
    pub fn key(&self) -> Payload<'a> {
        self.batch.payload(self.slots.key)
    }

    /// The value.
    pub fn value(&self) -> Payload<'a> {
        self.batch.payload(self.slots.value)
    }

    /// Index of [`row`](Self::row) in the batch.
    pub fn row_index(&self) -> usize {
        self.slots.row as usize
    }

    /// The record as Kafka holds it.
    pub fn row(&self) -> &'a Row {
        &self.batch.rows[self.slots.row as usize]
    }

    /// The bytes of the key, as Kafka holds them.
    pub fn raw_key(&self) -> Option<&'a [u8]> {
        self.row().key.map(|span| self.batch.bytes(span))
    }

    /// The bytes of the value, as Kafka holds them.
    pub fn raw_value(&self) -> Option<&'a [u8]> {
        self.row().value.map(|span| self.batch.bytes(span))
    }

    /// The headers as the header converter read them and the transforms left them, in order. Empty for a sink that
    /// does not ask for them, see [`SinkTask::reads_headers`](crate::SinkTask::reads_headers).
    pub fn headers(&self) -> &'a [Header] {
        let (start, end) = self.carried().map_or((0, 0), |carried| carried.headers);
        &self.batch.decoded_headers[start as usize..end as usize]
    }

    fn carried(&self) -> Option<&'a Carried> {
        self.batch.carried.get(self.row_index())
    }

    /// The headers as Kafka holds them, in order. A name that is no UTF-8 is shown as an empty one.
    pub fn raw_headers(&self) -> impl ExactSizeIterator<Item = (&'a str, Option<&'a [u8]>)> + use<'a> {
        self.batch.raw_headers(self.row())
    }
}

impl Batch {
    /// How many records were read, dropped ones included.
    pub fn row_count(&self) -> usize {
        self.rows.len()
    }

    /// The records as Kafka holds them.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// How many records go to the sink.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether no record goes to the sink.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Bytes that the arena holds.
    pub fn byte_count(&self) -> usize {
        self.arena.len()
    }

    /// Bytes that the arena has room for.
    pub fn byte_capacity(&self) -> usize {
        self.arena.capacity()
    }

    /// The topics that the rows and slots speak of.
    pub fn topics(&self) -> &[Arc<str>] {
        &self.topics
    }

    /// The index of a topic, which is added if it is new; what a transform calls that routes records.
    pub fn topic_index(&mut self, topic: &Arc<str>) -> u16 {
        match self.topics.iter().position(|known| known == topic) {
            Some(index) => index as u16,
            None => {
                self.topics.push(Arc::clone(topic));
                (self.topics.len() - 1) as u16
            }
        }
    }

    /// The bytes of a span of this batch.
    pub fn bytes(&self, span: Span) -> &[u8] {
        &self.arena[span.range()]
    }

    /// A row's headers as Kafka holds them, in order.
    pub fn raw_headers(&self, row: &Row) -> impl ExactSizeIterator<Item = (&str, Option<&[u8]>)> + use<'_> {
        let (start, end) = row.headers;
        self.headers[start as usize..end as usize].iter().map(|header| {
            let name = std::str::from_utf8(self.bytes(header.name)).unwrap_or_default();
            (name, header.value.map(|span| self.bytes(span)))
        })
    }

    /// Keeps a decoded value and gives the slot that stands for it.
    pub fn add_data(&mut self, data: Data) -> Slot {
        if data.schema.is_none() && data.value.is_null() {
            return Slot::Null;
        }
        self.data.push(data);
        Slot::Data((self.data.len() - 1) as u32)
    }

    /// Forgets what was decoded: before converters read a batch again that they have read in part, and after its use.
    pub fn forget_data(&mut self) {
        self.data.clear();
        self.carried.clear();
        self.decoded_headers.clear();
    }

    /// Takes the value of a slot out, to be changed and [given back](Self::put_data). `None` for [`Slot::Json`], whose
    /// text only its converter can read.
    pub fn take_data(&mut self, slot: Slot) -> Option<Data> {
        static TEXT: LazyLock<Arc<Schema>> = LazyLock::new(|| Arc::new(Schema::optional(Type::String)));
        static BYTES: LazyLock<Arc<Schema>> = LazyLock::new(|| Arc::new(Schema::optional(Type::Bytes)));
        Some(match slot {
            Slot::Null => Data::NULL,
            Slot::Text(span) => {
                let text = std::str::from_utf8(self.bytes(span)).unwrap_or_default();
                Data::new(Arc::clone(&TEXT), Value::string(text))
            }
            Slot::Bytes(span) => Data::new(Arc::clone(&BYTES), Value::Bytes(Bytes::copy_from_slice(self.bytes(span)))),
            Slot::Json(_) => return None,
            Slot::Data(index) => std::mem::replace(&mut self.data[index as usize], Data::NULL),
        })
    }

    /// Gives a value back, in the place of the slot from which it was taken; gives the slot that now stands for it.
    pub fn put_data(&mut self, slot: Slot, data: Data) -> Slot {
        match slot {
            Slot::Data(index) if data.schema.is_some() || !data.value.is_null() => {
                self.data[index as usize] = data;
                slot
            }
            _ => self.add_data(data),
        }
    }

    /// Sets what the record of a row carries instead of its row's partition and timestamp.
    pub fn set_place(&mut self, row: u32, partition: i32, timestamp: Option<i64>) {
        let carried = self.carried_by(row);
        carried.partition = partition;
        carried.timestamp = timestamp.unwrap_or(-1);
    }

    /// Sets the converted headers of a row's record.
    pub fn set_headers(&mut self, row: u32, headers: impl IntoIterator<Item = Header>) {
        let start = self.decoded_headers.len() as u32;
        self.decoded_headers.extend(headers);
        let end = self.decoded_headers.len() as u32;
        if end > start || !self.carried.is_empty() {
            self.carried_by(row).headers = (start, end);
        }
    }

    fn carried_by(&mut self, row: u32) -> &mut Carried {
        if self.carried.is_empty() {
            let unchanged = |row: &Row| Carried { partition: row.partition, timestamp: row.timestamp, headers: (0, 0) };
            self.carried.extend(self.rows.iter().map(unchanged));
        }
        &mut self.carried[row as usize]
    }

    /// Says which records go to the sink, in the order of their rows. Rows without slots were dropped.
    pub fn set_slots(&mut self, slots: Vec<Slots>) {
        debug_assert!(slots.is_sorted_by_key(|slots| slots.row));
        self.slots = slots;
    }

    /// Takes the slots' vector back, to be filled and [set](Self::set_slots) again.
    pub fn take_slots(&mut self) -> Vec<Slots> {
        std::mem::take(&mut self.slots)
    }

    /// Keeps only some rows; the records of the others go with them. The rest keeps its order and gets new indices.
    pub fn retain_rows(&mut self, mut keep: impl FnMut(&Self, &Row) -> bool) {
        let kept: Vec<bool> = self.rows.iter().map(|row| keep(self, row)).collect();
        let mut next = 0;
        let new_index: Vec<u32> = kept
            .iter()
            .map(|kept| {
                let index = next;
                next += u32::from(*kept);
                index
            })
            .collect();
        let mut flags = kept.iter();
        self.rows.retain(|_| flags.next().copied().unwrap_or(true));
        let mut flags = kept.iter();
        self.carried.retain(|_| flags.next().copied().unwrap_or(true));
        self.slots.retain_mut(|slots| {
            let row = slots.row as usize;
            slots.row = new_index[row];
            kept[row]
        });
    }

    /// The record at an index of those that go to the sink.
    pub fn record(&self, index: usize) -> Record<'_> {
        Record { batch: self, slots: &self.slots[index] }
    }

    /// The records that go to the sink, in order.
    pub fn records(&self) -> impl ExactSizeIterator<Item = Record<'_>> + Clone {
        self.slots.iter().map(|slots| Record { batch: self, slots })
    }

    /// Whether a slot holds null, which is told without decoding it.
    pub fn is_null(&self, slot: Slot) -> bool {
        match slot {
            Slot::Null => true,
            Slot::Text(_) | Slot::Bytes(_) => false,
            Slot::Json(span) => self.bytes(span).trim_ascii() == b"null",
            Slot::Data(index) => self.data[index as usize].value.is_null(),
        }
    }

    fn payload(&self, slot: Slot) -> Payload<'_> {
        match slot {
            Slot::Null => Payload::Null,
            // Decided once by the converter that made the slot; a second check would cost a pass over every value.
            Slot::Text(span) => Payload::Text(std::str::from_utf8(self.bytes(span)).unwrap_or_default()),
            Slot::Bytes(span) => Payload::Bytes(self.bytes(span)),
            Slot::Json(span) => Payload::Json(self.bytes(span)),
            Slot::Data(index) => Payload::Data(&self.data[index as usize]),
        }
    }
}

/// Fills a batch; reuses the memory of one that has been worked off.
#[derive(Debug, Default)]
pub struct BatchBuilder {
    batch: Batch,
}

/// A record's parts as the poll thread reads them.
#[derive(Debug, Clone, Copy, Default)]
pub struct RowParts<'a> {
    /// Kafka partition.
    pub partition: i32,
    /// Kafka offset.
    pub offset: i64,
    /// Milliseconds since the epoch; -1 for none.
    pub timestamp: i64,
    /// What the timestamp means.
    pub timestamp_type: TimestampType,
    /// The key's bytes.
    pub key: Option<&'a [u8]>,
    /// The value's bytes.
    pub value: Option<&'a [u8]>,
}

impl BatchBuilder {
    /// The most bytes that one batch can hold: spans are 32 bits wide.
    pub const MAX_BYTES: usize = u32::MAX as usize;

    /// A builder that writes into the memory of `used`, whose content is forgotten.
    pub fn reuse(mut used: Batch) -> Self {
        used.arena.clear();
        used.topics.clear();
        used.rows.clear();
        used.headers.clear();
        used.slots.clear();
        used.data.clear();
        used.carried.clear();
        used.decoded_headers.clear();
        Self { batch: used }
    }

    /// The index of a topic, which is added if it is new.
    pub fn topic_index(&mut self, topic: &Arc<str>) -> u16 {
        self.batch.topic_index(topic)
    }

    /// Adds a record, its bytes copied into the arena. Its headers follow by [`header`](Self::header).
    pub fn push(&mut self, topic: u16, parts: RowParts<'_>) {
        let key = parts.key.map(|bytes| self.copy(bytes));
        let value = parts.value.map(|bytes| self.copy(bytes));
        let headers = self.batch.headers.len() as u32;
        self.batch.rows.push(Row {
            topic,
            timestamp_type: parts.timestamp_type,
            partition: parts.partition,
            offset: parts.offset,
            timestamp: parts.timestamp,
            key,
            value,
            headers: (headers, headers),
        });
    }

    /// Adds a header to the record that was pushed last.
    pub fn header(&mut self, name: &[u8], value: Option<&[u8]>) {
        let header = RawHeader { name: self.copy(name), value: value.map(|bytes| self.copy(bytes)) };
        self.batch.headers.push(header);
        if let Some(row) = self.batch.rows.last_mut() {
            row.headers.1 = self.batch.headers.len() as u32;
        }
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.batch.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.batch.rows.is_empty()
    }

    /// Bytes so far.
    pub fn byte_count(&self) -> usize {
        self.batch.arena.len()
    }

    /// The batch.
    pub fn finish(self) -> Batch {
        self.batch
    }

    fn copy(&mut self, bytes: &[u8]) -> Span {
        let start = self.batch.arena.len() as u32;
        self.batch.arena.extend_from_slice(bytes);
        Span { start, end: self.batch.arena.len() as u32 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(rows: &[(i32, &str)]) -> Batch {
        let mut builder = BatchBuilder::default();
        let topic = builder.topic_index(&Arc::from("t"));
        for (offset, (partition, value)) in rows.iter().enumerate() {
            let value = Some(value.as_bytes());
            builder
                .push(topic, RowParts { partition: *partition, offset: offset as i64, value, ..RowParts::default() });
            builder.header(b"n", None);
        }
        let mut batch = builder.finish();
        let slot = |row: &Row| row.value.map_or(Slot::Null, Slot::Text);
        let slots = batch.rows().iter().enumerate();
        let slots = slots.map(|(index, row)| Slots { row: index as u32, topic, key: Slot::Null, value: slot(row) });
        let slots = slots.collect();
        batch.set_slots(slots);
        batch
    }

    fn values(batch: &Batch) -> Vec<&str> {
        let text = |payload| if let Payload::Text(text) = payload { text } else { "?" };
        batch.records().map(|record| text(record.value())).collect()
    }

    #[test]
    fn rows_that_go_take_their_records_with_them() {
        let mut batch = batch(&[(0, "a"), (1, "b"), (0, "c"), (1, "d"), (2, "e")]);
        let mut slots = batch.take_slots();
        slots.remove(2); // "c" was dropped by a converter
        batch.set_slots(slots);
        batch.retain_rows(|_, row| row.partition != 1);
        assert_eq!(values(&batch), ["a", "e"]);
        assert_eq!(batch.row_count(), 3);
        assert_eq!(batch.record(1).row_index(), 2);
        assert_eq!(batch.record(1).offset(), 4);
        assert_eq!(batch.record(1).raw_headers().len(), 1);
    }

    fn header(name: &str) -> Header {
        Header { name: name.into(), value: Data::NULL }
    }

    #[test]
    fn what_transforms_change_is_seen_by_the_sink_and_the_origin_stays() {
        let mut batch = batch(&[(0, "a"), (1, "b"), (2, "c")]);
        batch.set_headers(0, []);
        batch.set_headers(1, [header("x"), header("y")]);
        batch.set_place(1, 7, Some(5));
        batch.set_headers(2, [header("z")]);
        let seen = |batch: &Batch, index| {
            let record = batch.record(index);
            let names: Vec<_> = record.headers().iter().map(|header| header.name.to_string()).collect();
            (record.partition(), record.original_partition(), record.timestamp(), names.concat())
        };
        assert_eq!(seen(&batch, 0), (0, 0, Some(0), String::new()));
        assert_eq!(seen(&batch, 1), (7, 1, Some(5), "xy".to_owned()));
        batch.retain_rows(|_, row| row.partition != 0);
        assert_eq!(seen(&batch, 0), (7, 1, Some(5), "xy".to_owned()));
        assert_eq!(seen(&batch, 1), (2, 2, Some(0), "z".to_owned()));
    }

    #[test]
    fn a_value_is_taken_out_changed_and_given_back_in_its_place() {
        let mut batch = batch(&[(0, "a")]);
        let data = batch.take_data(Slot::Null).unwrap();
        assert_eq!(data, Data::NULL);
        let text = batch.record(0).slots.value;
        let mut data = batch.take_data(text).unwrap();
        assert_eq!(data.value, Value::string("a"));
        data.value = Value::Int8(1);
        let first = batch.put_data(text, data);
        assert_eq!(batch.payload(text), Payload::Text("a"), "the bytes stay as Kafka holds them");
        let mut data = batch.take_data(first).unwrap();
        data.value = Value::Int8(2);
        assert_eq!(batch.put_data(first, data.clone()), first, "no second place is used");
        assert_eq!(batch.payload(first), Payload::Data(&data));
        assert_eq!(batch.put_data(first, Data::NULL), Slot::Null);
    }

    #[test]
    fn a_used_batch_leaves_nothing_behind() {
        let mut used = batch(&[(0, "a"), (1, "b")]);
        used.set_headers(0, [header("x")]);
        used.set_place(0, 3, None);
        let mut builder = BatchBuilder::reuse(used);
        assert_eq!((builder.len(), builder.byte_count()), (0, 0));
        let topic = builder.topic_index(&Arc::from("t"));
        builder.push(topic, RowParts { partition: 1, ..RowParts::default() });
        let mut batch = builder.finish();
        batch.set_slots(vec![Slots { row: 0, topic, key: Slot::Null, value: Slot::Null }]);
        assert_eq!((batch.record(0).partition(), batch.record(0).headers()), (1, &[][..]));
    }
}
