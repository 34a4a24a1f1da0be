use std::io::Write;
use std::path::Path;

use longshore_api::{Connector, ErrorKind, SourceConnector};
use proptest::prelude::*;

use super::*;

struct Stored(Option<SourceMap>);

#[async_trait]
impl OffsetReader for Stored {
    async fn offset(&self, partition: &SourceMap) -> Result<Option<SourceMap>> {
        assert_eq!(partition.keys().collect::<Vec<_>>(), ["filename"]);
        Ok(self.0.clone())
    }
}

fn map(key: &str, value: Value) -> SourceMap {
    SourceMap::from_iter([(key.to_owned(), value)])
}

fn props(entries: &[(&str, &str)]) -> Props {
    entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

async fn start(file: &Path, position: Option<Value>, batch_size: &str) -> Result<Box<dyn SourceTask>> {
    let mut task = FileSource.new_task();
    let context = TaskContext { connector: "test".into(), task: 0, cancelled: Default::default() };
    let stored = Arc::new(Stored(position.map(|position| map("position", position))));
    let props = props(&[("file", file.to_str().unwrap()), ("topic", "lines"), ("batch.size", batch_size)]);
    task.start(context, stored, &props).await?;
    Ok(task)
}

fn seen(records: &[SourceRecord]) -> Vec<(String, i64)> {
    let one = |record: &SourceRecord| match (&record.value.value, record.source_offset.get("position")) {
        (Value::String(text), Some(Value::Int64(position))) => (text.to_string(), *position),
        other => panic!("{other:?}"),
    };
    records.iter().map(one).collect()
}

fn pairs(expected: &[(&str, i64)]) -> Vec<(String, i64)> {
    expected.iter().map(|(text, position)| ((*text).to_owned(), *position)).collect()
}

#[tokio::test]
async fn lines_become_records_as_connect_makes_them() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("in.txt");
    std::fs::write(&file, "one\ntwo\r\nthree\rfour").unwrap();
    let mut task = start(&file, None, "2000").await.unwrap();
    let records = task.poll().await.unwrap();
    assert_eq!(seen(&records), pairs(&[("one", 4), ("two", 9), ("three", 15)]));
    let record = &records[0];
    assert_eq!(&*record.topic, "lines");
    assert_eq!((record.partition, &record.key), (None, &Data::NULL));
    assert_eq!(record.value.schema.as_deref(), Some(&Schema::new(Type::String)));
    assert_eq!(record.source_partition.get("filename"), Some(&Value::string(file.to_str().unwrap())));
    assert!(record.timestamp.is_some_and(|timestamp| timestamp > 1_700_000_000_000));
}

#[tokio::test]
async fn a_line_without_an_end_is_held_back_until_its_end_comes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("in.txt");
    let mut file = std::fs::File::create(&path).unwrap();
    file.write_all(b"whole\npar").unwrap();
    let mut task = start(&path, None, "2000").await.unwrap();
    assert_eq!(seen(&task.poll().await.unwrap()), pairs(&[("whole", 6)]));
    assert!(task.poll().await.unwrap().is_empty());
    file.write_all(b"tial\n").unwrap();
    assert_eq!(seen(&task.poll().await.unwrap()), pairs(&[("partial", 14)]));
}

#[tokio::test]
async fn a_restart_goes_on_after_the_stored_position() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("in.txt");
    std::fs::write(&file, "one\ntwo\nthree\n").unwrap();
    let mut task = start(&file, Some(Value::Int64(4)), "2000").await.unwrap();
    assert_eq!(seen(&task.poll().await.unwrap()), pairs(&[("two", 8), ("three", 14)]));
}

#[tokio::test]
async fn a_poll_gives_no_more_than_the_batch_size() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("in.txt");
    std::fs::write(&file, "1\n2\n3\n4\n5\n").unwrap();
    let mut task = start(&file, None, "2").await.unwrap();
    let mut sizes = Vec::new();
    for _ in 0..3 {
        sizes.push(task.poll().await.unwrap().len());
    }
    assert_eq!(sizes, [2, 2, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_not_there_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("late.txt");
    let mut task = start(&file, None, "2000").await.unwrap();
    assert!(task.poll().await.unwrap().is_empty());
    std::fs::write(&file, "here\n").unwrap();
    assert_eq!(seen(&task.poll().await.unwrap()), pairs(&[("here", 5)]));
}

#[tokio::test]
async fn a_file_that_was_cut_or_replaced_is_read_on_as_java_reads_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("in.txt");
    std::fs::write(&path, "one\ntwo\n").unwrap();
    let mut task = start(&path, None, "2000").await.unwrap();
    assert_eq!(seen(&task.poll().await.unwrap()), pairs(&[("one", 4), ("two", 8)]));

    // Cut: what comes before the reader's position is not read, what comes after it is.
    std::fs::write(&path, "a\n").unwrap();
    assert!(task.poll().await.unwrap().is_empty());
    std::fs::write(&path, "a\nb\nc\nd\nnew\n").unwrap();
    assert_eq!(seen(&task.poll().await.unwrap()), pairs(&[("new", 12)]));

    // Replaced: the file that is open is read on, under whatever name; a restart reads the new one.
    let rotated = folder.path().join("in.txt.1");
    std::fs::rename(&path, &rotated).unwrap();
    std::fs::write(&path, "other\nfile\nwhich is longer\n").unwrap();
    let mut old = std::fs::OpenOptions::new().append(true).open(&rotated).unwrap();
    old.write_all(b"late\n").unwrap();
    assert_eq!(seen(&task.poll().await.unwrap()), pairs(&[("late", 17)]));
    let mut again = start(&path, Some(Value::Int64(11)), "2000").await.unwrap();
    assert_eq!(seen(&again.poll().await.unwrap()), pairs(&[("which is longer", 27)]));
}

#[tokio::test]
async fn bytes_that_are_no_utf8_are_replaced_and_positions_count_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("in.txt");
    std::fs::write(&file, b"h\xc3\xa9\n\xff\n").unwrap();
    let mut task = start(&file, None, "2000").await.unwrap();
    assert_eq!(seen(&task.poll().await.unwrap()), pairs(&[("h\u{e9}", 4), ("\u{fffd}", 6)]));
}

#[tokio::test]
async fn a_pipe_is_read_and_read_again_when_its_next_writer_comes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let mut task = start(&path, None, "2000").await.unwrap();
    for text in ["first", "second"] {
        let writer = path.clone();
        let writing = std::thread::spawn(move || std::fs::write(writer, format!("{text}\n")).unwrap());
        let mut records = Vec::new();
        while records.is_empty() {
            records = task.poll().await.unwrap();
        }
        assert_eq!(seen(&records)[0].0, text);
        writing.join().unwrap();
    }
}

#[tokio::test]
async fn stored_offsets_of_the_wrong_kind_fail_the_start() {
    for (position, message) in [
        (Value::string("4"), "Offset position is the incorrect type"),
        (Value::Int64(-1), "Offset position -1 is negative"),
    ] {
        let error = start(Path::new("/tmp/x"), Some(position), "1").await.err().unwrap();
        assert_eq!((error.kind, error.message.as_deref()), (ErrorKind::Fatal, Some(message)));
    }
}

#[test]
fn there_is_one_task_and_its_keys_are_those_of_connect() {
    let config = props(&[("file", "f"), ("topic", "t"), ("tasks.max", "5")]);
    assert_eq!(FileSource.task_configs(&config, 5).unwrap(), [config]);
    let keys: Vec<_> = FileSource.config_def().keys().map(|key| (&*key.name, key.shown_default())).collect();
    assert_eq!(keys, [("file", None), ("topic", None), ("batch.size", Some("2000".to_owned()))]);
    let errors = |entries: &[(&str, &str)]| -> Vec<String> {
        FileSource.config_def().validate(&props(entries)).into_iter().flat_map(|value| value.errors).collect()
    };
    assert_eq!(errors(&[]), ["Missing required configuration \"topic\" which has no default value."]);
    assert_eq!(errors(&[("topic", "")]), ["Invalid value  for configuration topic: String must be non-empty"]);
    assert_eq!(
        errors(&[("topic", "t"), ("batch.size", "x")]),
        ["Invalid value x for configuration batch.size: Not a number of type INT"]
    );
}

#[test]
fn exactly_once_needs_a_file() {
    let support = |entries: &[(&str, &str)]| FileSource.exactly_once_support(&props(entries));
    assert_eq!(support(&[("topic", "t"), ("file", "f")]), Some(ExactlyOnceSupport::Supported));
    assert_eq!(support(&[("topic", "t")]), Some(ExactlyOnceSupport::Unsupported));
}

#[test]
fn offsets_that_a_user_stores_are_checked_in_the_words_of_connect() {
    let file = |name: &str| Some(map("filename", Value::string(name)));
    let position = |value: Value| Some(map("position", value));
    let no_long = "The value for the 'position' key in the offset is expected to be a Long value";
    let cases = [
        (file("f"), position(Value::Int64(2)), None),
        (file("other"), position(Value::Int64(0)), None),
        (None, None, None),
        (Some(SourceMap::new()), None, None),
        (
            Some(map("bogus", Value::Null)),
            position(Value::Int64(1)),
            Some("Partition objects should contain the key 'filename'"),
        ),
        (None, position(Value::Int64(1)), Some("Partition objects cannot be null")),
        (
            Some(SourceMap::new()),
            Some(SourceMap::new()),
            Some("Offset objects should either be null or contain the key 'position'"),
        ),
        (file("f"), position(Value::string("x")), Some(no_long)),
        (file("f"), position(Value::Float64(1.5)), Some(no_long)),
        (file("f"), position(Value::Null), Some(no_long)),
        (
            file("f"),
            position(Value::Int64(-1)),
            Some("The value for the 'position' key in the offset should be a non-negative value"),
        ),
    ];
    let config = props(&[("file", "f"), ("topic", "t")]);
    for (partition, offset, expected) in cases {
        let outcome = FileSource.alter_offsets(&config, &[(partition, offset)]);
        assert_eq!(outcome.err().and_then(|error| error.message).as_deref(), expected);
    }
    let stdin = FileSource.alter_offsets(&props(&[("topic", "t")]), &[]).unwrap_err();
    assert!(stdin.to_string().starts_with("Offsets cannot be modified if the 'file' configuration is unspecified."));
}

#[test]
fn a_line_that_is_too_long_is_an_error_that_says_where() {
    let mut lines = Lines::with_limit(10, 4);
    lines.push(b"1234\n12345");
    assert_eq!(lines.next_line().unwrap(), Some(lines::Line { text: b"1234", end: 15 }));
    assert_eq!(lines.next_line().unwrap_err().to_string(), "the line at byte 15 is longer than 4 bytes");
}

/// What the lines of whole bytes are, told in another way: by looking at each byte and the one after it.
fn expected_lines(bytes: &[u8]) -> Vec<(Vec<u8>, u64)> {
    let (mut found, mut line, mut at) = (Vec::new(), Vec::new(), 0);
    while at < bytes.len() {
        let ends = match (bytes[at], bytes.get(at + 1)) {
            (b'\n', _) => 1,
            (b'\r', Some(b'\n')) => 2,
            (b'\r', Some(_)) => 1,
            (b'\r', None) => return found,
            _ => 0,
        };
        if ends == 0 {
            line.push(bytes[at]);
        }
        at += ends.max(1);
        if ends > 0 {
            found.push((std::mem::take(&mut line), at as u64));
        }
    }
    found
}

fn take_all(lines: &mut Lines, into: &mut Vec<(Vec<u8>, u64)>) {
    while let Some(line) = lines.next_line().unwrap() {
        into.push((line.text.to_vec(), line.end));
    }
}

proptest! {
    #[test]
    fn any_pieces_of_any_bytes_give_the_same_lines_and_positions(
        pieces in prop::collection::vec(
            prop::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), any::<u8>()], 0..12), 0..12),
    ) {
        let whole = pieces.concat();
        let (mut lines, mut found) = (Lines::new(0), Vec::new());
        for piece in &pieces {
            lines.push(piece);
            take_all(&mut lines, &mut found);
        }
        prop_assert_eq!(lines.read_position(), whole.len() as u64);
        prop_assert_eq!(&found, &expected_lines(&whole));
        // Going on after any line gives the lines after it.
        for (index, (_, end)) in found.iter().enumerate() {
            let (mut rest, mut after) = (Lines::new(*end), Vec::new());
            rest.push(&whole[*end as usize..]);
            take_all(&mut rest, &mut after);
            prop_assert_eq!(&after, &found[index + 1..]);
        }
    }
}
