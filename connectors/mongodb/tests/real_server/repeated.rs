//! Commands that have to be sent again under other circumstances than before: other records, other faults.

use std::sync::Arc;

use bson::{Document, doc};
use longshore_api::{Batch, ErrorKind};

use crate::support::{self, ID, Lab, Sink, WRITE, batch, within_a_minute};

/// Carried out, and not acknowledged.
fn unacknowledged() -> Document {
    doc! { "writeConcernError": { "code": 91, "errmsg": "shutting down" } }
}

fn refs(records: &[String]) -> Vec<&str> {
    records.iter().map(String::as_str).collect()
}

#[tokio::test]
async fn records_that_stay_after_a_revoke_are_written_once_and_those_that_go_no_more() {
    let lab = Lab::new("revoked").await;
    let _alone = support::alone().await;
    let mut sink = Sink::start(&lab, &[("max.batch.size", "100")]).await;
    let records: Vec<String> = (0..300).map(|n| format!(r#"{{"n":{n}}}"#)).collect();
    let batch = batch(&refs(&records));
    // The second of three commands is carried out, and nobody knows.
    lab.fail_after(1, "insert", unacknowledged()).await;
    let outcome = sink.put(&batch).await;
    assert_eq!((outcome.taken, outcome.retry.is_some()), (100, true));
    lab.disarm().await;
    // Every third record is of a partition that goes.
    let mut left = Batch::clone(&batch);
    left.retain_rows(|_, row| row.offset % 3 != 0);
    let outcome = sink.put_from(&Arc::new(left), 66).await;
    assert_eq!((outcome.taken, outcome.bad.len(), outcome.retry), (134, 0, None));
    let mut written: Vec<i64> = lab.documents().await.iter().map(|one| one.get_i64("n").unwrap()).collect();
    written.sort_unstable();
    let expected: Vec<i64> = (0..300).filter(|n| *n < 200 || n % 3 != 0).collect();
    assert_eq!(written, expected);
}

#[tokio::test]
async fn a_revoke_of_other_partitions_leaves_a_command_its_number() {
    let lab = Lab::new("others_revoked").await;
    let _alone = support::alone().await;
    let (insert, provided) = (format!("{WRITE}.InsertOneDefaultStrategy"), format!("{ID}.ProvidedInValueStrategy"));
    let props = [("writemodel.strategy", &*insert), ("document.id.strategy", &*provided), ("errors.tolerance", "all")];
    let mut sink = Sink::start(&lab, &props).await;
    let records: Vec<String> = (0..100).map(|n| format!(r#"{{"_id":{n}}}"#)).collect();
    let batch = batch(&refs(&records));
    lab.fail_after(0, "insert", unacknowledged()).await;
    assert!(sink.put(&batch).await.retry.is_some());
    lab.disarm().await;
    let outcome = sink.put(&Arc::new(Batch::clone(&batch))).await;
    assert_eq!((outcome.taken, outcome.bad.len(), outcome.retry), (100, 0, None));
    assert_eq!(lab.count().await, 100);
}

#[tokio::test]
async fn what_comes_after_a_batch_that_was_given_up_is_not_refused_for_its_number() {
    let lab = Lab::new("given_up").await;
    let _alone = support::alone().await;
    let mut sink = Sink::start(&lab, &[("errors.tolerance", "all")]).await;
    for n in 0..3 {
        assert_eq!(sink.put(&batch(&[&format!(r#"{{"n":{n}}}"#)])).await.bad.len(), 0);
    }
    lab.fail(1, "insert", doc! { "errorCode": 2 }).await;
    let outcome = sink.put(&batch(&[r#"{"n":3}"#])).await;
    assert_eq!((outcome.taken, outcome.bad.len()), (1, 1));
    let outcome = sink.put(&batch(&[r#"{"n":4}"#])).await;
    assert_eq!((outcome.taken, outcome.bad.len()), (1, 0));
    // A batch whose records all went is not put again.
    lab.fail_after(0, "insert", unacknowledged()).await;
    assert!(sink.put(&batch(&[r#"{"n":5}"#])).await.retry.is_some());
    lab.disarm().await;
    let outcome = within_a_minute(sink.put(&batch(&[r#"{"n":6}"#]))).await;
    assert_eq!((outcome.taken, outcome.bad.len(), outcome.retry), (1, 0, None));
    assert_eq!(lab.count().await, 6);
}

#[tokio::test]
async fn without_numbers_insertions_under_fresh_ids_do_not_meet_themselves() {
    let lab = Lab::new("fresh_inserts").await.with_option("retryWrites=false");
    let _alone = support::alone().await;
    let insert = format!("{WRITE}.InsertOneDefaultStrategy");
    let mut sink = Sink::start(&lab, &[("writemodel.strategy", &insert), ("errors.tolerance", "all")]).await;
    lab.fail(1, "insert", unacknowledged()).await;
    let outcome = sink.put(&batch(&[r#"{"n":1}"#, r#"{"n":2}"#])).await;
    assert_eq!((outcome.taken, outcome.bad.len(), outcome.retry), (2, 0, None));
    assert_eq!(lab.count().await, 2);
}

#[tokio::test]
async fn a_refused_record_does_not_make_others_bad_that_were_not_acknowledged_at_first() {
    let lab = Lab::new("refused_and_lost").await;
    let _alone = support::alone().await;
    let (insert, provided) = (format!("{WRITE}.InsertOneDefaultStrategy"), format!("{ID}.ProvidedInValueStrategy"));
    for ordered in ["true", "false"] {
        lab.clear().await;
        let props = [
            ("writemodel.strategy", &*insert),
            ("document.id.strategy", &*provided),
            ("errors.tolerance", "all"),
            ("bulk.write.ordered", ordered),
        ];
        let mut sink = Sink::start(&lab, &props).await;
        lab.fail(1, "insert", unacknowledged()).await;
        let outcome = sink.put(&batch(&[r#"{"_id":1}"#, r#"{"_id":1}"#, r#"{"_id":2}"#])).await;
        assert_eq!((outcome.taken, outcome.retry), (3, None));
        let bad: Vec<usize> = outcome.bad.iter().map(|bad| bad.index).collect();
        assert_eq!(bad, [1], "ordered {ordered}: {}", outcome.bad[0].error);
        assert_eq!(lab.ids("orders").await, [1, 2], "ordered {ordered}");
    }
}

#[tokio::test]
async fn a_write_concern_that_cannot_be_met_is_reported_for_what_was_written_nonetheless() {
    let lab = Lab::new("concern").await;
    let _alone = support::alone().await;
    let mut sink = Sink::start(&lab, &[("errors.tolerance", "all")]).await;
    lab.fail(1, "insert", doc! { "writeConcernError": { "code": 100, "errmsg": "not enough nodes" } }).await;
    let outcome = sink.put(&batch(&[r#"{"n":1}"#, r#"{"n":2}"#])).await;
    assert_eq!((outcome.taken, outcome.retry), (2, None));
    assert_eq!(outcome.bad.iter().map(|bad| bad.index).collect::<Vec<_>>(), [0, 1]);
    assert!(outcome.bad.iter().all(|bad| bad.error.class.ends_with("WriteConcernException")));
    assert_eq!(lab.count().await, 2);
}

#[tokio::test]
async fn a_command_whose_number_the_server_has_forgotten_goes_without_one() {
    let lab = Lab::new("forgotten").await;
    let _alone = support::alone().await;
    let mut sink = Sink::start(&lab, &[("errors.tolerance", "all")]).await;
    // Incomplete history, and a number that is too old.
    for code in [217, 225] {
        lab.clear().await;
        let batch = batch(&[r#"{"n":1}"#, r#"{"n":2}"#]);
        lab.fail_after(0, "insert", unacknowledged()).await;
        assert!(sink.put(&batch).await.retry.is_some());
        lab.fail(1, "insert", doc! { "errorCode": code }).await;
        let outcome = sink.put(&batch).await;
        assert_eq!((outcome.taken, outcome.bad.len(), outcome.retry), (2, 0, None), "{code}");
        assert_eq!(lab.count().await, 2, "{code}");
    }
}

#[tokio::test]
async fn a_login_that_ends_is_no_records_fault_however_tolerant_the_task_is() {
    let lab = Lab::new("login_ends").await;
    let _alone = support::alone().await;
    let mut sink = Sink::start(&lab, &[("errors.tolerance", "all")]).await;
    for code in [13, 18] {
        lab.fail(1, "insert", doc! { "errorCode": code }).await;
        let error = sink.try_put(&batch(&[r#"{"n":1}"#])).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Config, "{error}");
    }
}
