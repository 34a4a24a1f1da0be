//! The transforms of a task: a batch's records, or a source's, go through the chain, and are tried again where that
//! may help.

use std::sync::Arc;

use longshore_api::batch::Row;
use longshore_api::{
    Batch, ConnectError, ConnectRecord, Data, ErrorKind, Header, Part, Parts, RecordOrigin, Result, Slot, Slots,
    TimestampType, Value, Verdict,
};

use super::convert::{ConversionError, Converters};
use super::errors::{Retries, Stage};
use crate::chain::{Chain, LinkName, Passed, Refusal};

/// A chain with the retries of its task.
pub(super) struct Transforms {
    chain: Chain,
    retry: Retries,
}

impl Transforms {
    /// The chain of a task.
    pub(super) fn new(chain: Chain, retry: Retries) -> Self {
        Self { chain, retry }
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.chain.is_empty()
    }

    /// What the chain reads or changes.
    pub(super) fn parts(&self) -> Parts {
        self.chain.parts()
    }

    /// The retries.
    pub(super) fn retry(&self) -> &Retries {
        &self.retry
    }

    /// What a transform is called.
    pub(super) fn name(&self, link: usize) -> &LinkName {
        self.chain.name(link)
    }

    /// Sends a record through the chain. A transform that fails with a retriable error is tried again, each for its own
    /// time.
    ///
    /// # Errors
    /// The transform that could not handle the record.
    pub(super) async fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict, Refusal> {
        let mut outcome = self.chain.apply(0, record);
        loop {
            match outcome {
                Err(refusal) if refusal.error.kind == ErrorKind::Retriable => {
                    let link = refusal.link;
                    if self.retried(refusal, record).await? == Passed::Dropped {
                        return Ok(Verdict::Drop);
                    }
                    outcome = self.chain.apply(link + 1, record);
                }
                outcome => return outcome,
            }
        }
    }

    async fn retried(&mut self, refusal: Refusal, record: &mut ConnectRecord) -> Result<Passed, Refusal> {
        let (link, mut first) = (refusal.link, Some(refusal.error));
        let again = self.retry.run(|| first.take().map_or_else(|| self.chain.pass(link, record), Err));
        again.await.map_err(|error| Refusal { link, error })
    }
}

/// The way of a sink's records through their header converter and the chain. Keeps its memory from record to record.
pub(super) struct SinkChain {
    transforms: Transforms,
    /// Whether the sink looks at headers.
    sink_reads_headers: bool,
    /// What the converters make of a missing key or value: some give it a schema.
    missing: [Data; 2],
    record: ConnectRecord,
    header_names: Vec<Arc<str>>,
}

/// Header names that are kept; a topic has a handful, unless somebody puts data into names.
const MOST_HEADER_NAMES: usize = 64;

type Failed = (Stage, &'static str, Option<Arc<str>>, ConnectError);

impl SinkChain {
    pub(super) fn new(transforms: Transforms, converters: &Converters, sink_reads_headers: bool) -> Self {
        let missing = |part| converters.of(part).to_connect("", None).unwrap_or(Data::NULL);
        let record = ConnectRecord {
            topic: Arc::from(""),
            partition: None,
            key: Data::NULL,
            value: Data::NULL,
            timestamp: None,
            headers: Vec::new(),
            origin: RecordOrigin::Sink { offset: 0, timestamp_type: TimestampType::None },
        };
        let missing = [missing(Part::Key), missing(Part::Value)];
        Self { transforms, sink_reads_headers, missing, record, header_names: Vec::new() }
    }

    /// What the chain reads or changes.
    pub(super) fn parts(&self) -> Parts {
        self.transforms.parts()
    }

    /// Sends the batch's records through; the rows that failed are named in order, they and dropped ones lose their
    /// slots.
    pub(super) async fn run(&mut self, batch: &mut Batch, converters: &Converters) -> Vec<ConversionError> {
        if self.transforms.is_empty() && !self.sink_reads_headers {
            return Vec::new();
        }
        let (mut slots, mut failed, mut kept) = (batch.take_slots(), Vec::new(), 0);
        for index in 0..slots.len() {
            let mut one = slots[index];
            match self.one(batch, &mut one, converters).await {
                Ok(Verdict::Keep) => {
                    slots[kept] = one;
                    kept += 1;
                }
                Ok(Verdict::Drop) => {}
                Err((stage, class, transform, error)) => {
                    failed.push(ConversionError { row: one.row, stage, class, transform, error });
                }
            }
        }
        slots.truncate(kept);
        batch.set_slots(slots);
        failed
    }

    async fn one(&mut self, batch: &mut Batch, slots: &mut Slots, converters: &Converters) -> Result<Verdict, Failed> {
        self.load(batch, slots, converters)?;
        let verdict = self.transforms.apply(&mut self.record).await.map_err(|refusal| {
            let LinkName { alias, class } = self.transforms.name(refusal.link);
            (Stage::Transformation, *class, Some(Arc::clone(alias)), refusal.error)
        })?;
        if verdict == Verdict::Keep {
            self.store(batch, slots);
        }
        Ok(verdict)
    }

    /// Fills the record with the parts that somebody looks at.
    fn load(&mut self, batch: &mut Batch, slots: &Slots, converters: &Converters) -> Result<(), Failed> {
        let (row, parts) = (batch.rows()[slots.row as usize], self.parts());
        self.record.topic = Arc::clone(&batch.topics()[usize::from(slots.topic)]);
        self.record.partition = Some(row.partition);
        self.record.timestamp = (row.timestamp >= 0).then_some(row.timestamp);
        self.record.origin = RecordOrigin::Sink { offset: row.offset, timestamp_type: row.timestamp_type };
        self.record.headers.clear();
        if parts.headers || self.sink_reads_headers {
            self.load_headers(batch, &row, converters)?;
        }
        if parts.key {
            self.record.key = self.data(batch, slots.key, Part::Key, &row, converters)?;
        }
        if parts.value {
            self.record.value = self.data(batch, slots.value, Part::Value, &row, converters)?;
        } else if parts.presence {
            // Not the value, but not null either.
            let is_null = batch.is_null(slots.value);
            self.record.value = if is_null { Data::NULL } else { Data::schemaless(Value::Boolean(true)) };
        }
        Ok(())
    }

    fn data(
        &self,
        batch: &mut Batch,
        slot: Slot,
        part: Part,
        row: &Row,
        converters: &Converters,
    ) -> Result<Data, Failed> {
        let bytes = match part {
            Part::Key => row.key,
            Part::Value => row.value,
        };
        match batch.take_data(slot) {
            Some(_) if bytes.is_none() => Ok(self.missing[part as usize].clone()),
            Some(data) => Ok(data),
            // A converter that leaves text though values were asked for.
            None => {
                let converter = converters.of(part);
                converter
                    .to_connect(&self.record.topic, bytes.map(|span| batch.bytes(span)))
                    .map_err(|error| (Stage::converter_of(part), converter.class(), None, error))
            }
        }
    }

    fn load_headers(&mut self, batch: &Batch, row: &Row, converters: &Converters) -> Result<(), Failed> {
        for (name, bytes) in batch.raw_headers(row) {
            let value = converters
                .header
                .to_connect_header(&self.record.topic, name, bytes)
                .map_err(|error| (Stage::HeaderConverter, converters.header.class(), None, error))?;
            let name = match self.header_names.iter().find(|known| ***known == *name) {
                Some(known) => Arc::clone(known),
                None => {
                    let new = Arc::from(name);
                    if self.header_names.len() < MOST_HEADER_NAMES {
                        self.header_names.push(Arc::clone(&new));
                    }
                    new
                }
            };
            self.record.headers.push(Header { name, value });
        }
        Ok(())
    }

    /// Puts back what the chain left.
    fn store(&mut self, batch: &mut Batch, slots: &mut Slots) {
        let (row, parts) = (batch.rows()[slots.row as usize], self.parts());
        if parts.key {
            slots.key = self.slot(batch, slots.key, Part::Key);
        }
        if parts.value {
            slots.value = self.slot(batch, slots.value, Part::Value);
        }
        if !Arc::ptr_eq(&self.record.topic, &batch.topics()[usize::from(slots.topic)]) {
            slots.topic = batch.topic_index(&self.record.topic);
        }
        let (partition, timestamp) = (self.record.partition.unwrap_or(row.partition), self.record.timestamp);
        if partition != row.partition || timestamp != (row.timestamp >= 0).then_some(row.timestamp) {
            batch.set_place(slots.row, partition, timestamp);
        }
        if self.sink_reads_headers {
            batch.set_headers(slots.row, self.record.headers.drain(..));
        }
    }

    fn slot(&mut self, batch: &mut Batch, slot: Slot, part: Part) -> Slot {
        let data = match part {
            Part::Key => &mut self.record.key,
            Part::Value => &mut self.record.value,
        };
        let data = std::mem::replace(data, Data::NULL);
        // A missing value that nobody changed is the null that it was.
        if slot == Slot::Null && data == self.missing[part as usize] {
            return slot;
        }
        batch.put_data(slot, data)
    }
}

#[cfg(test)]
mod tests {
    use longshore_api::{BatchBuilder, Props, RowParts};
    use longshore_formats::{Converter, JsonConverter, JsonNeed, SimpleHeaderConverter, StringConverter};

    use super::super::convert::RecordPath;
    use super::super::errors::RetryPolicy;
    use super::*;
    use crate::chain::fakes::{chain, text};
    use std::time::Duration;

    fn path(chain: Chain, timeout: u64, reads_headers: bool) -> RecordPath {
        path_of(Arc::new(StringConverter::new(&Props::new()).unwrap()), chain, timeout, reads_headers)
    }

    fn json() -> Arc<JsonConverter> {
        let props: Props = [("schemas.enable".to_owned(), "false".to_owned())].into_iter().collect();
        Arc::new(JsonConverter::new(&props).unwrap())
    }

    fn path_of(value: Arc<dyn Converter>, chain: Chain, timeout: u64, reads_headers: bool) -> RecordPath {
        let converters = Converters { key: json(), value, header: Arc::new(SimpleHeaderConverter) };
        let policy = RetryPolicy { timeout: Some(Duration::from_secs(timeout)), max_delay: Duration::from_secs(60) };
        let retry = Retries { policy, stop: Default::default() };
        RecordPath::new(converters, JsonNeed::Unchecked, reads_headers, Transforms::new(chain, retry))
    }

    fn batch(values: &[Option<&str>]) -> Batch {
        let mut builder = BatchBuilder::default();
        let topic = builder.topic_index(&Arc::from("t"));
        for (offset, value) in values.iter().enumerate() {
            let (key, value) = (Some(&b"{\"k\": 1}"[..]), value.map(str::as_bytes));
            let parts = RowParts { partition: 3, offset: offset as i64, key, value, ..RowParts::default() };
            builder.push(topic, parts);
            builder.header(b"h", Some(b"5"));
        }
        builder.finish()
    }

    async fn converted(path: &mut RecordPath, values: &[Option<&str>]) -> (Batch, Vec<ConversionError>) {
        let mut batch = batch(values);
        assert!(path.read(&mut batch));
        let failed = path.convert(&mut batch).await;
        (batch, failed)
    }

    #[tokio::test]
    async fn untouched_parts_keep_the_form_that_costs_least() {
        let upper = chain(&[("a", &[("type", "Upper")])]);
        let (batch, failed) = converted(&mut path(upper, 0, false), &[Some("x")]).await;
        assert!(failed.is_empty(), "{failed:?}");
        let record = batch.record(0);
        assert!(matches!(record.key(), longshore_api::Payload::Json(b"{\"k\": 1}")), "{:?}", record.key());
        let longshore_api::Payload::Data(value) = record.value() else { panic!("{:?}", record.value()) };
        assert_eq!((text(value).as_str(), value.schema.is_some()), ("X", true));
        assert!(record.headers().is_empty(), "nobody asked for headers");
    }

    #[tokio::test]
    async fn whether_there_is_a_value_is_told_without_decoding_it() {
        let mut path = path_of(json(), chain(&[("a", &[("type", "DropMissing")])]), 0, false);
        let (batch, failed) = converted(&mut path, &[Some("{\"a\": 1}"), None, Some(" null "), Some("[]")]).await;
        assert!(failed.is_empty(), "{failed:?}");
        let kept: Vec<_> = (0..batch.len()).map(|index| batch.record(index).offset()).collect();
        assert_eq!(kept, [0, 3]);
        let record = batch.record(0);
        assert!(matches!(record.value(), longshore_api::Payload::Json(b"{\"a\": 1}")), "{:?}", record.value());
    }

    #[tokio::test]
    async fn routed_records_keep_their_origin() {
        let route = chain(&[("a", &[("type", "Route"), ("to", "r"), ("partition", "9")])]);
        let (batch, _) = converted(&mut path(route, 0, false), &[Some("x"), None]).await;
        let record = batch.record(0);
        assert_eq!((&**record.topic(), &**record.original_topic()), ("r", "t"));
        assert_eq!((record.partition(), record.original_partition()), (9, 3));
        assert_eq!((record.timestamp(), record.row().timestamp), (Some(1), 0));
        assert!(matches!(record.value(), longshore_api::Payload::Text("x")));
        assert!(batch.record(1).value().is_null());
    }

    #[tokio::test]
    async fn headers_are_converted_for_a_sink_that_reads_them_with_what_transforms_add() {
        let (batch, _) = converted(&mut path(Chain::default(), 0, true), &[Some("x")]).await;
        let names = |batch: &Batch| {
            let headers = batch.record(0).headers().iter();
            headers.map(|header| format!("{}={:?}", header.name, header.value.value)).collect::<Vec<_>>()
        };
        assert_eq!(names(&batch), ["h=Int8(5)"]);
        let stamp = || chain(&[("a", &[("type", "Stamp")])]);
        let (batch, _) = converted(&mut path(stamp(), 0, true), &[Some("x"), Some("y")]).await;
        assert_eq!(names(&batch), ["h=Int8(5)", "stamp=Int8(1)"]);
        assert_eq!(batch.record(1).headers().len(), 2);
        let (batch, _) = converted(&mut path(stamp(), 0, false), &[Some("x")]).await;
        assert_eq!(names(&batch), Vec::<String>::new());
    }

    #[tokio::test]
    async fn a_missing_value_that_nobody_changes_stays_one() {
        let guarded = chain(&[("a", &[("type", "Drop"), ("predicate", "p")])]);
        let (batch, failed) = converted(&mut path(guarded, 0, false), &[None, Some("dropped"), Some("b")]).await;
        assert!(failed.is_empty(), "{failed:?}");
        assert_eq!(batch.len(), 2);
        assert!(matches!(batch.record(0).value(), longshore_api::Payload::Null));
        assert_eq!(batch.record(1).offset(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_transform_is_tried_again_while_errors_retry_timeout_lasts() {
        let upper = || chain(&[("a", &[("type", "Upper")])]);
        let (batch, failed) = converted(&mut path(upper(), 60, false), &[Some("flaky"), Some("7")]).await;
        assert_eq!((batch.len(), failed.len()), (1, 1));
        assert_eq!((failed[0].row, failed[0].class, failed[0].transform.as_deref()), (1, "t.Upper", Some("a")));
        let (batch, failed) = converted(&mut path(upper(), 0, false), &[Some("flaky"), Some("b")]).await;
        assert_eq!((batch.len(), failed[0].error.kind), (1, ErrorKind::Retriable));
        assert_eq!(
            batch.record(0).value(),
            longshore_api::Payload::Data(&Data {
                schema: Some(Arc::new(longshore_api::Schema::optional(longshore_api::Type::String))),
                value: Value::string("B"),
            })
        );
    }
}
