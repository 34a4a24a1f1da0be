use longshore_api::{SourceMap, Value};
use proptest::prelude::*;

use super::text;
use crate::store::java_map;
use crate::store::*;
use crate::task::SourceOffsets;

/// Written by Java 17: two values that are one object, a deleted offset, an offset of its own.
const OFFSETS: &[u8] = include_bytes!("offsets.ser");
const EMPTY: &[u8] = include_bytes!("empty.ser");

#[test]
fn javas_files_are_read() {
    assert_eq!(java_map::read(EMPTY).unwrap(), []);
    let mut entries = java_map::read(OFFSETS).unwrap();
    entries.sort();
    let entries: Vec<_> = entries.iter().map(|(key, value)| (text(key), value.as_deref().map(text))).collect();
    let expected = [
        (r#"["local-file-source",{"filename":"test.txt"}]"#, Some(r#"{"position":10}"#)),
        (r#"["other",{"filename":"größe.txt"}]"#, Some(r#"{"position":10}"#)),
        (r#"["reset",{"filename":"x"}]"#, None),
        (r#"["third",{"a":1,"b":null}]"#, Some(r#"{"lsn":123}"#)),
    ];
    assert_eq!(entries, expected);
}

#[test]
fn an_empty_map_is_written_as_java_writes_it_up_to_the_unused_table() {
    let written = java_map::write([].into_iter()).unwrap();
    // Java writes a threshold of 0 for a map that never had an entry; readers compute their own.
    assert_eq!(written.len(), EMPTY.len());
    assert_eq!(written[..EMPTY.len() - 15], EMPTY[..EMPTY.len() - 15]);
    assert_eq!(written[EMPTY.len() - 5..], EMPTY[EMPTY.len() - 5..]);
}

#[test]
fn every_beginning_of_a_file_is_an_error_and_no_panic() {
    for end in 0..OFFSETS.len() {
        assert!(java_map::read(&OFFSETS[..end]).is_err(), "{end}");
    }
}

fn partition(number: i64) -> SourceMap {
    [("file".to_owned(), Value::Int64(number))].into_iter().collect()
}

#[tokio::test]
async fn offsets_outlive_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("connect.offsets");
    let open = async || OffsetStore::open(Box::new(FileLog::open(&path).await.unwrap())).await.unwrap();
    let store = open().await;
    store.put("c", vec![(partition(1).into(), partition(10)), (partition(2).into(), partition(20))]).await.unwrap();
    store.alter("c", &[(partition(1), None)]).await.unwrap();
    drop(store);
    let store = open().await;
    assert_eq!(store.get("c", &partition(1)).await.unwrap(), None);
    assert_eq!(store.get("c", &partition(2)).await.unwrap(), Some(partition(20)));
    let files = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(files, 1, "nothing is left beside the file");
}

#[tokio::test]
async fn a_missing_or_empty_file_holds_nothing_and_a_foreign_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("connect.offsets");
    assert!(FileLog::open(&path).await.unwrap().read_to_end().await.unwrap().is_empty());
    std::fs::write(&path, "").unwrap();
    assert!(FileLog::open(&path).await.is_ok());
    std::fs::write(&path, "not Java's").unwrap();
    let error = FileLog::open(&path).await.err().unwrap().to_string();
    assert!(error.contains("connect.offsets") && error.contains("the file ends too early"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), b"not Java's", "a file that is not ours stays as it is");
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let log = FileLog::open(&folder.path().join("missing/connect.offsets")).await.unwrap();
    let error = log.writer().append(vec![(b"k".to_vec(), None)]).await.unwrap_err();
    assert!(error.to_string().contains("missing/connect.offsets"), "{error}");
}

proptest! {
    #[test]
    fn every_map_is_read_back_as_it_was(
        entries in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..9), prop::collection::vec(any::<u8>(), 0..9)), 0..9)
    ) {
        let pairs = entries.iter().map(|(key, value)| (key.as_slice(), value.as_slice()));
        let read = java_map::read(&java_map::write(pairs).unwrap()).unwrap();
        let read: Vec<_> = read.into_iter().map(|(key, value)| (key, value.unwrap())).collect();
        prop_assert_eq!(read, entries);
    }

    #[test]
    fn damaged_files_do_no_harm(at in 0..OFFSETS.len(), bytes in prop::collection::vec(any::<u8>(), 1..6)) {
        let mut damaged = OFFSETS.to_vec();
        for (place, byte) in damaged[at..].iter_mut().zip(bytes) {
            *place = byte;
        }
        let _ = java_map::read(&damaged);
    }
}
