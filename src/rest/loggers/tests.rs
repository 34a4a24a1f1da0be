use std::sync::Arc;

use super::*;

fn levels() -> (LogLevels, Arc<Mutex<Targets>>) {
    let applied = Arc::new(Mutex::new(Targets::new()));
    let sink = applied.clone();
    (LogLevels::new(Level::Info, move |targets| *sink.lock().unwrap() = targets), applied)
}

#[test]
fn a_java_logger_sets_the_part_that_does_its_work() {
    let (loggers, applied) = levels();
    assert_eq!(
        loggers.set("org.apache.kafka.connect.runtime.rest", Level::Debug),
        ["org.apache.kafka.connect.runtime.rest"]
    );
    let targets = applied.lock().unwrap().clone();
    assert!(targets.would_enable("longshore::rest::router", &tracing::Level::DEBUG));
    assert!(!targets.would_enable("longshore::herder", &tracing::Level::DEBUG));
}

#[test]
fn only_loggers_whose_level_changes_are_named() {
    let (loggers, _) = levels();
    assert_eq!(loggers.set("a.b", Level::Info), Vec::<String>::new(), "inherited already");
    assert_eq!(loggers.set("a.b", Level::Warn), ["a.b"]);
    assert_eq!(loggers.set("a.b.c", Level::Error), ["a.b.c"]);
    assert_eq!(loggers.set("a", Level::Warn), ["a", "a.b.c"]);
    assert_eq!(loggers.set("ROOT", Level::Warn), ["root"]);
    assert_eq!(loggers.level("Root").map(|found| found.level), Some(Level::Warn));
    assert_eq!(loggers.level("a.x"), None);
}
