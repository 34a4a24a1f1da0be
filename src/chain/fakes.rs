//! A few transforms whose effects are easy to see.

use std::sync::{Arc, LazyLock};

use longshore_api::config::{ConfigType, Importance};
use longshore_api::transform::Make;
use longshore_api::{
    ConfigDef, ConfigKey, ConnectError, ConnectRecord, Data, Header, Parts, Predicate, Props, Result, Transform,
    TransformPlugin, Value, Verdict,
};

use super::Chain;
use crate::config::{ConnectorConfig, ConnectorKind};
use crate::herder::golden;
use crate::plugins::Plugins;

/// Routes to another topic and partition, and counts in the timestamp.
struct Route {
    to: Arc<str>,
    partition: Option<i32>,
}

impl Transform for Route {
    fn parts(&self) -> Parts {
        Parts::NONE
    }
    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        assert_eq!((&record.key, &record.headers.len()), (&Data::NULL, &0), "nothing is decoded that nobody reads");
        record.topic = Arc::clone(&self.to);
        record.partition = self.partition.or(record.partition);
        record.timestamp = Some(record.timestamp.unwrap_or(0) + 1);
        Ok(Verdict::Keep)
    }
}

struct Drop;

impl Transform for Drop {
    fn parts(&self) -> Parts {
        Parts::NONE
    }
    fn apply(&mut self, _: &mut ConnectRecord) -> Result<Verdict> {
        Ok(Verdict::Drop)
    }
}

/// Drops records without a value, and looks at nothing else.
struct DropMissing;

impl Transform for DropMissing {
    fn parts(&self) -> Parts {
        Parts::PRESENCE
    }
    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        Ok(if record.value.value.is_null() { Verdict::Drop } else { Verdict::Keep })
    }
}

/// Refuses "7"; fails twice before it takes "flaky".
#[derive(Default)]
struct Upper {
    failures: usize,
}

impl Transform for Upper {
    fn parts(&self) -> Parts {
        Parts::VALUE
    }
    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        let text = text(&record.value);
        if text == "7" {
            return Err(ConnectError::data("7 has no upper case"));
        }
        if text == "flaky" && self.failures < 2 {
            self.failures += 1;
            return Err(ConnectError::retriable("not now"));
        }
        record.value.value = Value::string(text.to_uppercase());
        Ok(Verdict::Keep)
    }
}

/// Adds a header.
struct Stamp;

impl Transform for Stamp {
    fn parts(&self) -> Parts {
        Parts::HEADERS
    }
    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        record.headers.push(Header { name: "stamp".into(), value: Data::schemaless(Value::Int8(1)) });
        Ok(Verdict::Keep)
    }
}

/// Holds for values that read "dropped".
struct ToBeDropped;

impl Predicate for ToBeDropped {
    fn parts(&self) -> Parts {
        Parts::VALUE
    }
    fn test(&self, record: &ConnectRecord) -> Result<bool> {
        Ok(text(&record.value) == "dropped")
    }
}

/// The text of a value.
pub(crate) fn text(data: &Data) -> String {
    match &data.value {
        Value::Bytes(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
        value => value.as_str().unwrap_or("?").to_owned(),
    }
}

fn route(props: &Props) -> Result<Box<dyn Transform>> {
    let missing = || ConnectError::config("Missing required configuration \"to\" which has no default value.");
    let to = Arc::from(props.get("to").ok_or_else(missing)?.as_str());
    Ok(Box::new(Route { to, partition: props.get("partition").and_then(|text| text.parse().ok()) }))
}

fn links() -> &'static [TransformPlugin] {
    static LINKS: LazyLock<Vec<TransformPlugin>> = LazyLock::new(|| {
        let transform = |class, make| TransformPlugin {
            class,
            version: "1",
            config: ConfigDef::new([ConfigKey::new("to", ConfigType::String, Importance::High).default_null()]),
            make: Make::Transform(make),
        };
        vec![
            transform("t.Route", route),
            transform("t.Drop", |_| Ok(Box::new(Drop))),
            transform("t.DropMissing", |_| Ok(Box::new(DropMissing))),
            transform("t.Upper", |_| Ok(Box::<Upper>::default())),
            transform("t.Stamp", |_| Ok(Box::new(Stamp))),
            TransformPlugin {
                class: "t.ToBeDropped",
                version: "1",
                config: ConfigDef::default(),
                make: Make::Predicate(|_| Ok(Box::new(ToBeDropped))),
            },
        ]
    });
    &LINKS
}

/// The chain that these transforms make; `p` is a predicate.
pub(crate) fn chain(transforms: &[(&str, &[(&str, &str)])]) -> Chain {
    try_chain(transforms).unwrap()
}

/// The same, or why there is none.
pub(crate) fn try_chain(transforms: &[(&str, &[(&str, &str)])]) -> Result<Chain> {
    let aliases: Vec<&str> = transforms.iter().map(|(alias, _)| *alias).collect();
    let mut props: Props = Props::new();
    let mut set = |key: String, value: &str| props.insert(key, value.to_owned());
    for (key, value) in [("name", "c"), ("connector.class", "X"), ("topics", "t"), ("predicates", "p")] {
        set(key.to_owned(), value);
    }
    set("predicates.p.type".to_owned(), "ToBeDropped");
    set("transforms".to_owned(), &aliases.join(","));
    for (alias, settings) in transforms {
        for (key, value) in *settings {
            set(format!("transforms.{alias}.{key}"), value);
        }
    }
    let config = ConnectorConfig::parse(&golden::worker(&[]), ConnectorKind::Sink, &props)?;
    Chain::new(&Plugins::default().with_links(links()), &config)
}
