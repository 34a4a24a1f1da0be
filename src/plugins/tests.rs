use std::sync::Arc;

use async_trait::async_trait;
use longshore_api::{ConfigDef, Connector, Plugin, SinkConnector, SinkTask, SourceConnector, SourceTask};

use super::*;

struct Named(&'static str, ConfigDef);

#[async_trait]
impl Connector for Named {
    fn class(&self) -> &'static str {
        self.0
    }

    fn task_class(&self) -> &'static str {
        "Task"
    }

    fn version(&self) -> &'static str {
        "1"
    }

    fn config_def(&self) -> &ConfigDef {
        &self.1
    }
}

impl SinkConnector for Named {
    fn new_task(&self) -> Box<dyn SinkTask> {
        unreachable!("these plugins run no task")
    }
}

impl SourceConnector for Named {
    fn new_task(&self) -> Box<dyn SourceTask> {
        unreachable!("these plugins run no task")
    }
}

fn sink(class: &'static str) -> Plugin {
    Plugin::Sink(Arc::new(Named(class, ConfigDef::default())))
}

fn source(class: &'static str) -> Plugin {
    Plugin::Source(Arc::new(Named(class, ConfigDef::default())))
}

fn converter(class: &'static str, records: bool) -> ConverterPlugin {
    ConverterPlugin {
        class,
        version: "1",
        config: ConfigDef::default(),
        converts_records: records,
        converts_headers: true,
    }
}

fn table() -> Plugins {
    Plugins::new(
        vec![source("b.LinesSourceConnector"), sink("c.LinesSinkConnector"), sink("a.Drain"), sink("x.Drain")],
        vec![converter("a.TextConverter", true), converter("a.SimpleHeaderConverter", false)],
    )
}

#[test]
fn a_connector_is_found_by_class_simple_name_and_short_name() {
    for name in ["c.LinesSinkConnector", "LinesSinkConnector", "LinesSink"] {
        assert_eq!(table().connector(name).unwrap().connector().class(), "c.LinesSinkConnector");
    }
}

#[test]
fn an_unknown_connector_is_told_with_those_that_are_there() {
    assert_eq!(
        table().connector("NoSuch").unwrap_err(),
        "Failed to find any class that implements Connector and which name matches NoSuch, available connectors \
         are: a.Drain, c.LinesSinkConnector, x.Drain, b.LinesSourceConnector"
    );
    assert!(table().connector("").is_err());
}

#[test]
fn a_short_name_of_two_connectors_is_refused() {
    assert_eq!(
        table().connector("Drain").unwrap_err(),
        "More than one connector matches alias Drain. Please use full package and class name instead. Classes \
         found: a.Drain, x.Drain"
    );
    assert!(table().connector("x.Drain").is_ok());
}

#[test]
fn a_converter_is_found_only_where_it_serves() {
    let table = table();
    for name in ["a.TextConverter", "TextConverter", "Text"] {
        assert_eq!(table.converter(name, ConverterKind::Record).unwrap().class, "a.TextConverter");
    }
    assert!(table.converter("a.SimpleHeaderConverter", ConverterKind::Record).is_none());
    assert!(table.converter("a.SimpleHeaderConverter", ConverterKind::Header).is_some());
}

#[test]
fn the_list_stands_by_kind_and_class_and_names_a_double_role_twice() {
    let names =
        |only| table().list(only).iter().map(|info| format!("{} {}", info.kind, info.class)).collect::<Vec<_>>();
    assert_eq!(
        names(true),
        ["sink a.Drain", "sink c.LinesSinkConnector", "sink x.Drain", "source b.LinesSourceConnector"]
    );
    assert_eq!(
        names(false)[4..],
        ["converter a.TextConverter", "header_converter a.SimpleHeaderConverter", "header_converter a.TextConverter"]
    );
}

#[test]
fn no_two_built_in_plugins_share_a_class_name() {
    let builtin = Plugins::builtin();
    let mut names: Vec<_> = builtin.list(false).iter().map(|info| (info.kind, info.class)).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}
