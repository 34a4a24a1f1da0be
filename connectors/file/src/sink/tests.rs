use std::io;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use longshore_api::{
    Batch, BatchBuilder, Connector, Data, Field, Map, Positions, Props, RowParts, Schema, SinkConnector, SinkTask,
    Slot, Slots, Struct, TaskContext, TopicPartition, Type, Value,
};
use proptest::prelude::*;

use super::output::Output;
use super::writer::Writer;
use super::*;

fn context() -> TaskContext {
    TaskContext { connector: "test".into(), task: 0, cancelled: Default::default() }
}

fn batch_of(values: &[Option<&[u8]>], slot: impl Fn(longshore_api::Span) -> Slot) -> Arc<Batch> {
    let mut builder = BatchBuilder::default();
    let topic = builder.topic_index(&"t".into());
    for (offset, value) in values.iter().enumerate() {
        builder.push(topic, RowParts { offset: offset as i64, value: *value, ..RowParts::default() });
    }
    let mut batch = builder.finish();
    let slots = batch.rows().iter().enumerate().map(|(index, row)| Slots {
        row: index as u32,
        topic,
        key: Slot::Null,
        value: row.value.map_or(Slot::Null, &slot),
    });
    let slots = slots.collect();
    batch.set_slots(slots);
    Arc::new(batch)
}

fn batch_of_data(values: Vec<Data>) -> Arc<Batch> {
    let mut builder = BatchBuilder::default();
    let topic = builder.topic_index(&"t".into());
    for _ in &values {
        builder.push(topic, RowParts::default());
    }
    let mut batch = builder.finish();
    let mut slots = Vec::new();
    for (index, data) in values.into_iter().enumerate() {
        slots.push(Slots { row: index as u32, topic, key: Slot::Null, value: batch.add_data(data) });
    }
    batch.set_slots(slots);
    Arc::new(batch)
}

fn props(file: &std::path::Path) -> Props {
    Props::from_iter([("file".to_owned(), file.to_str().unwrap().to_owned())])
}

async fn started(file: &std::path::Path) -> Box<dyn SinkTask> {
    let mut task = FileSink.new_task();
    task.start(context(), &props(file)).await.unwrap();
    task
}

async fn text_of(batch: Arc<Batch>) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out");
    let mut task = started(&file).await;
    let outcome = task.put(&batch, 0).await.unwrap();
    assert_eq!(outcome.taken, batch.len());
    assert!(outcome.bad.is_empty() && outcome.retry.is_none());
    task.flush(&Positions::new()).await.unwrap();
    std::fs::read_to_string(&file).unwrap()
}

#[tokio::test]
async fn strings_nulls_and_json_are_printed_as_java_prints_them() {
    let text = batch_of(&[Some(b"plain"), None, Some("h\u{e9}".as_bytes()), Some(b"")], Slot::Text);
    assert_eq!(text_of(text).await, "plain\nnull\nh\u{e9}\n\n");
    let json: [Option<&[u8]>; 4] = [
        Some(br#"{"a":1,"b":[true,null,"x"],"c":{"d":1.0},"e":"q\"u"}"#),
        Some(br#""text""#),
        Some(br#"{"a":1,"b":2,"a":3}"#),
        Some(b"[]"),
    ];
    assert_eq!(
        text_of(batch_of(&json, Slot::Json)).await,
        "{a=1, b=[true, null, x], c={d=1.0}, e=q\"u}\ntext\n{a=3, b=2}\n[]\n"
    );
}

#[tokio::test]
async fn floating_point_numbers_have_the_digits_of_java() {
    let json: Vec<&[u8]> = vec![b"0.1", b"1e7", b"9999999.5", b"0.001", b"0.00012", b"-1.5e300", b"100.0", b"1e22"];
    let values: Vec<_> = json.into_iter().map(Some).collect();
    assert_eq!(
        text_of(batch_of(&values, Slot::Json)).await,
        "0.1\n1.0E7\n9999999.5\n0.001\n1.2E-4\n-1.5E300\n100.0\n1.0E22\n"
    );
}

#[tokio::test]
async fn structs_are_printed_without_their_missing_fields() {
    let optional = || Arc::new(Schema::optional(Type::String));
    let schema = Arc::new(Schema::structure(vec![
        Field::new("a", Schema::new(Type::Int32)),
        Field::new("b", optional()),
        Field::new("c", optional()),
        Field::new("f", Schema::new(Type::Float32)),
    ]));
    let values = vec![Value::Int32(1), Value::Null, Value::string("x"), Value::Float32(0.1)];
    let data = Data::new(Arc::clone(&schema), Value::Struct(Struct { schema, values }));
    let map: Map = [(Value::string("k"), Value::Array(vec![Value::Int64(1), Value::Null]))].into_iter().collect();
    let batch = batch_of_data(vec![data, Data::schemaless(Value::Map(map)), Data::schemaless(Value::Boolean(true))]);
    assert_eq!(text_of(batch).await, "Struct{a=1,c=x,f=0.1}\n{k=[1, null]}\ntrue\n");
}

#[tokio::test]
async fn bytes_are_printed_as_java_prints_arrays_and_buffers_of_them() {
    assert_eq!(text_of(batch_of(&[Some(b"raw")], Slot::Bytes)).await, "[B@3\n");
    let buffer = batch_of_data(vec![Data::schemaless(Value::Bytes(Bytes::from_static(b"abc")))]);
    assert_eq!(text_of(buffer).await, "java.nio.HeapByteBuffer[pos=0 lim=3 cap=3]\n");
}

#[tokio::test]
async fn json_that_cannot_be_read_is_a_bad_record_and_leaves_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out");
    let mut task = started(&file).await;
    let batch = batch_of(&[Some(b"1"), Some(b"{\"a\":"), Some(b"2")], Slot::Json);
    let outcome = task.put(&batch, 0).await.unwrap();
    assert_eq!((outcome.taken, outcome.bad.len(), outcome.bad[0].index), (3, 1, 1));
    assert_eq!(outcome.bad[0].origin, Origin::Converter(Part::Value));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "1\n2\n");
}

#[tokio::test]
async fn a_key_that_cannot_be_read_makes_a_bad_record_though_it_is_not_printed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out");
    let mut task = started(&file).await;
    let mut builder = BatchBuilder::default();
    let topic = builder.topic_index(&"t".into());
    for key in ["{}", "{", "7"] {
        builder.push(topic, RowParts { key: Some(key.as_bytes()), value: Some(b"1"), ..RowParts::default() });
    }
    let mut batch = builder.finish();
    let json = |span: Option<longshore_api::Span>| span.map_or(Slot::Null, Slot::Json);
    let slots = (0..).zip(batch.rows());
    let slots = slots.map(|(row, of)| Slots { row, topic, key: json(of.key), value: json(of.value) }).collect();
    batch.set_slots(slots);
    let outcome = task.put(&Arc::new(batch), 0).await.unwrap();
    let bad: Vec<_> = outcome.bad.iter().map(|bad| (bad.index, bad.origin)).collect();
    assert_eq!((outcome.taken, bad), (3, vec![(1, Origin::Converter(Part::Key))]));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "1\n1\n");
}

#[tokio::test]
async fn a_second_run_appends_and_a_put_may_start_within_a_batch() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out");
    let batch = batch_of(&[Some(b"one"), Some(b"two"), Some(b"three")], Slot::Text);
    for _ in 0..2 {
        let mut task = started(&file).await;
        assert_eq!(task.put(&batch, 1).await.unwrap().taken, 2);
        task.stop().await;
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "two\nthree\ntwo\nthree\n");
}

#[tokio::test]
async fn a_line_that_a_crash_tore_is_ended_before_records_are_added() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out");
    std::fs::write(&file, "whole\ntor").unwrap();
    let mut task = started(&file).await;
    task.put(&batch_of(&[Some(b"new")], Slot::Text), 0).await.unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "whole\ntor\nnew\n");
}

#[tokio::test]
async fn flush_delivers_just_what_was_taken() {
    let folder = tempfile::tempdir().unwrap();
    let mut task = started(&folder.path().join("out")).await;
    let taken = Positions::from_iter([(TopicPartition::new("t", 0), 7)]);
    assert_eq!(task.flush(&taken).await.unwrap().delivered.positions(), &taken);
}

#[tokio::test]
async fn a_file_that_cannot_be_made_is_named_in_the_words_of_connect() {
    let error = FileSink.new_task().start(context(), &props("/no/such/folder/out".as_ref())).await.unwrap_err();
    assert_eq!(
        error.trace(),
        "org.apache.kafka.connect.errors.ConnectException: Couldn't find or create file '/no/such/folder/out' for \
         FileStreamSinkTask\nCaused by: java.nio.file.NoSuchFileException: /no/such/folder/out\n"
    );
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_is_retriable_for_put_and_for_flush_and_counts_the_records_once() {
    let mut task = started("/dev/full".as_ref()).await;
    let batch = batch_of(&[Some(b"one"), Some(b"two")], Slot::Text);
    let outcome = task.put(&batch, 0).await.unwrap();
    assert_eq!(outcome.taken, 2, "they wait in memory");
    assert_eq!(outcome.retry.unwrap().kind, ErrorKind::Retriable);
    assert_eq!(task.put(&batch, 0).await.unwrap().taken, 0, "no more is taken while they wait");
    assert_eq!(task.flush(&Positions::new()).await.unwrap_err().kind, ErrorKind::Retriable);
}

#[test]
fn the_contract_names_what_connect_names() {
    assert_eq!(FileSink.class(), "org.apache.kafka.connect.file.FileStreamSinkConnector");
    assert_eq!(FileSink.task_class(), "org.apache.kafka.connect.file.FileStreamSinkTask");
    assert_eq!(FileSink.version(), "4.3.1");
    let keys: Vec<_> = FileSink.config_def().keys().collect();
    assert_eq!((keys.len(), &*keys[0].name, keys[0].group.is_none(), keys[0].order), (1, "file", true, -1));
}

/// A disk that takes so many bytes a write, then fails as told.
#[derive(Clone)]
struct Disk(Arc<Mutex<DiskState>>);

struct DiskState {
    content: Vec<u8>,
    room: usize,
    per_write: usize,
    full: io::ErrorKind,
    sync: Option<io::ErrorKind>,
}

impl Disk {
    fn new(room: usize, per_write: usize, full: io::ErrorKind) -> Self {
        Self(Arc::new(Mutex::new(DiskState { content: Vec::new(), room, per_write, full, sync: None })))
    }

    fn grow(&self, room: usize) {
        self.0.lock().unwrap().room += room;
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().content.clone()).unwrap()
    }
}

impl Output for Disk {
    fn name(&self) -> &str {
        "disk"
    }

    fn append(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut disk = self.0.lock().unwrap();
        let count = bytes.len().min(disk.per_write).min(disk.room);
        if count == 0 {
            return Err(disk.full.into());
        }
        disk.room -= count;
        disk.content.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.lock().unwrap().sync.map_or(Ok(()), |kind| Err(kind.into()))
    }

    fn cut(&self, tail: &[u8]) -> io::Result<()> {
        let mut disk = self.0.lock().unwrap();
        assert!(disk.content.ends_with(tail));
        let length = disk.content.len() - tail.len();
        disk.content.truncate(length);
        Ok(())
    }
}

fn add(writer: &mut Writer<Disk>, text: &str) {
    writer
        .line(|buffer| {
            buffer.extend_from_slice(text.as_bytes());
            Ok(())
        })
        .unwrap();
}

#[tokio::test]
async fn a_line_that_a_full_disk_tore_is_finished_when_there_is_room() {
    let disk = Disk::new(6, 4, io::ErrorKind::StorageFull);
    let mut writer = Writer::new(disk.clone(), context());
    ["one", "two", "three"].iter().for_each(|text| add(&mut writer, text));
    assert_eq!(writer.write_out().await.unwrap_err().kind, ErrorKind::Retriable);
    assert_eq!(disk.text(), "one\ntw");
    disk.grow(100);
    writer.write_out().await.unwrap();
    assert_eq!(disk.text(), "one\ntwo\nthree\n");
}

#[tokio::test]
async fn a_stop_with_a_full_disk_leaves_whole_lines_only() {
    let disk = Disk::new(6, 100, io::ErrorKind::StorageFull);
    let mut writer = Writer::new(disk.clone(), context());
    ["one", "two"].iter().for_each(|text| add(&mut writer, text));
    writer.write_out().await.unwrap_err();
    writer.cut_torn_line();
    assert_eq!(disk.text(), "one\n");
}

#[tokio::test]
async fn a_broken_disk_ends_the_task_and_leaves_whole_lines_only() {
    let disk = Disk::new(6, 100, io::ErrorKind::Other);
    let mut writer = Writer::new(disk.clone(), context());
    ["one", "two"].iter().for_each(|text| add(&mut writer, text));
    let error = writer.write_out().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Fatal);
    assert!(error.to_string().contains("disk"), "{error}");
    assert_eq!(disk.text(), "one\n");
    disk.grow(100);
    assert_eq!(writer.write_out().await.unwrap_err().kind, ErrorKind::Fatal, "there is no way on");
}

#[tokio::test]
async fn a_failed_sync_is_never_tried_again() {
    let disk = Disk::new(100, 100, io::ErrorKind::StorageFull);
    disk.0.lock().unwrap().sync = Some(io::ErrorKind::Other);
    let mut writer = Writer::new(disk.clone(), context());
    add(&mut writer, "one");
    writer.write_out().await.unwrap();
    assert_eq!(writer.sync().await.unwrap_err().kind, ErrorKind::Fatal);
    disk.0.lock().unwrap().sync = None;
    assert_eq!(writer.sync().await.unwrap_err().kind, ErrorKind::Fatal);
}

proptest! {
    #[test]
    fn however_often_the_disk_is_full_every_line_is_written_once_and_in_order(
        lines in prop::collection::vec("[a-z]{0,9}", 0..40),
        rooms in prop::collection::vec(0usize..20, 0..40),
        per_write in 1usize..9,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let expected: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let disk = Disk::new(0, per_write, io::ErrorKind::StorageFull);
        runtime.block_on(async {
            let mut writer = Writer::new(disk.clone(), context());
            let mut waiting = lines.iter();
            for room in rooms {
                disk.grow(room);
                if writer.write_out().await.is_ok() {
                    waiting.by_ref().take(3).for_each(|line| add(&mut writer, line));
                }
                prop_assert!(expected.starts_with(&disk.text()));
            }
            disk.grow(1000);
            writer.write_out().await.unwrap();
            waiting.for_each(|line| add(&mut writer, line));
            writer.write_out().await.unwrap();
            prop_assert_eq!(disk.text(), expected);
            Ok(())
        })?;
    }
}
