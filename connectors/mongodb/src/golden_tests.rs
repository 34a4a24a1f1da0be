//! Replays what the Java connector 2.0.1 made of records: configuration, key and value in, the write out.
//!
//! `~` stands for `com.mongodb.kafka.connect.sink.`. The form says how the texts were converted: `json` by the
//! schemaless JsonConverter, `schema` by the one with schemas, `text` by the StringConverter.

use std::sync::Arc;

use bson::{Bson, Document};
use longshore_api::config::Props;
use longshore_api::{Batch, BatchBuilder, Part, RowParts, Slot, Slots, TimestampType};
use longshore_formats::{Column, Converter as _, JsonConverter, ReadOptions};
use serde_json::Value;

use crate::config;
use crate::prepared::{Preparer, Rules};
use crate::write_model::{Action, CommandKind, statement};

const WRITES: &str = include_str!("../tests/golden/writes.jsonl");
const VALIDATIONS: &str = include_str!("../tests/golden/validations.jsonl");
const PACKAGE: &str = "com.mongodb.kafka.connect.sink.";

fn cases(lines: &str) -> impl Iterator<Item = Value> {
    lines.lines().map(|line| serde_json::from_str(&line.replace('~', PACKAGE)).unwrap())
}

fn props(config: &Value) -> Props {
    let given = config.as_object().unwrap().iter();
    let given = given.map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned()));
    let base = [("topics", "orders"), ("database", "db")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    base.into_iter().chain(given).collect()
}

fn batch(case: &Value) -> Arc<Batch> {
    let mut builder = BatchBuilder::default();
    let topic = builder.topic_index(&Arc::from("orders"));
    let bytes = |name: &str| case[name].as_str().map(str::as_bytes);
    let timestamp_type = TimestampType::CreateTime;
    let (key, value) = (bytes("key"), bytes("value"));
    builder.push(topic, RowParts { partition: 3, offset: 7, timestamp: 1_700_000_000_000, timestamp_type, key, value });
    let mut batch = builder.finish();
    let row = batch.rows()[0];
    let [key, value] = match case["form"].as_str() {
        Some("text") => [row.key, row.value].map(|part| part.map_or(Slot::Null, Slot::Text)),
        Some("schema") => [Part::Key, Part::Value].map(|part| {
            let converter = JsonConverter::new(&Props::new()).unwrap();
            let mut column = Column::default();
            converter.read_column(&mut batch, part, ReadOptions::default(), &mut column);
            assert!(column.errors.is_empty(), "{:?}", column.errors);
            column.slots[0]
        }),
        _ => [row.key, row.value].map(|part| part.map_or(Slot::Null, Slot::Json)),
    };
    batch.set_slots(vec![Slots { row: 0, topic, key, value }]);
    Arc::new(batch)
}

/// What Longshore makes of a case: namespace, operation and statement; or the messages of the error.
fn written(case: &Value) -> Result<(String, &'static str, Document), Vec<String>> {
    let props = props(&case["config"]);
    config::check_all(&props).map_err(|error| vec![error.to_string()])?;
    let settings = |topic: &str| config::settings(&props, topic);
    let rules = Rules { settings: &settings, most_bytes: 16 << 20, most_runs: 1, converter_tolerates: false, now: 0 };
    let prepared = Preparer::default().prepare(&batch(case), 0, &rules).map_err(|error| {
        let causes = std::iter::successors(Some(&error), |error| error.cause.as_deref());
        causes.filter_map(|error| error.message.clone()).collect::<Vec<_>>()
    })?;
    if let Some(bad) = prepared.bad.first() {
        return Err(vec![bad.error.to_string()]);
    }
    let Some(operation) = prepared.operations.first() else { return Ok((String::new(), "none", Document::new())) };
    let mut buffer = vec![0; 4];
    let kind = operation.action.command();
    statement(&mut buffer, 0, operation.action, kind, &prepared.arena[operation.start..operation.end], 0);
    buffer.push(0);
    let length = buffer.len() as u32;
    buffer[..4].copy_from_slice(&length.to_le_bytes());
    let statement = Document::from_reader(&*buffer).unwrap().get_document("0").unwrap().clone();
    let name = match (kind, operation.action) {
        (CommandKind::Insert, _) => "insert",
        (CommandKind::Delete, _) => "delete",
        (_, Action::Set | Action::SetTimestamps | Action::SetTimestampsBy | Action::UpdateBy { .. }) => "update",
        _ => "replace",
    };
    // The recording cannot tell an object `{"$oid": …}` from an ObjectId.
    let statement = match Bson::try_from(Bson::Document(statement).into_canonical_extjson()).unwrap() {
        Bson::Document(statement) => statement,
        other => panic!("{other}"),
    };
    Ok((prepared.runs[0].namespace.to_string(), name, statement))
}

/// The statement that Java's model is.
fn expected(result: &Value) -> Document {
    let document = |name: &str| {
        let text = result[name].to_string();
        match Bson::try_from(serde_json::from_str::<serde_json::Map<String, Value>>(&text).unwrap()).unwrap() {
            Bson::Document(document) => document,
            other => panic!("{other}"),
        }
    };
    match result["op"].as_str().unwrap() {
        "insert" => document("u"),
        "delete" => bson::doc! { "q": document("q"), "limit": 1 },
        _ => {
            let mut statement = bson::doc! { "q": document("q"), "u": document("u") };
            if result["upsert"] == true {
                statement.insert("upsert", true);
            }
            statement
        }
    }
}

/// A document without what differs from call to call or by purpose: fresh ObjectIds, the place of `_id`, and where the
/// converter gave Java a hash map the order of all fields.
fn comparable(document: &Document, ordered: bool) -> Bson {
    fn value(one: &Bson, ordered: bool) -> Bson {
        match one {
            Bson::Document(document) => comparable(document, ordered),
            Bson::Array(items) => Bson::Array(items.iter().map(|item| value(item, ordered)).collect()),
            Bson::ObjectId(id) if !id.to_hex().starts_with("596e2758") => Bson::String("fresh".to_owned()),
            other => other.clone(),
        }
    }
    let mut fields: Vec<(String, Bson)> =
        document.iter().map(|(key, one)| (key.clone(), value(one, ordered))).collect();
    if ordered {
        fields.sort_by_key(|(key, _)| key != "_id");
    } else {
        fields.sort_by(|one, two| one.0.cmp(&two.0));
    }
    Bson::Document(fields.into_iter().collect())
}

/// Why Longshore makes something else of a case, on purpose.
fn meant(case: &Value) -> Option<&'static str> {
    let (config, error) = (&case["config"], case["result"]["error"][0].as_str().unwrap_or_default());
    let value = case["value"].as_str().unwrap_or_default();
    let is = |key: &str, end: &str| config[key].as_str().is_some_and(|class| class.ends_with(end));
    if error.starts_with("ConcurrentModificationException") || error == "NullPointerException: null" {
        return Some("Java's program fails, not the record");
    }
    if is("change.data.capture.handler", ".MongoDbHandler") && value.contains(r#""op":"u""#) && !error.is_empty() {
        let missing = error.contains("`patch`") || error.contains("NULL");
        return (missing && value.contains(r#""after":"{\"_id"#)).then_some("events of change streams are taken, too");
    }
    if matches!(config["field.renamer.mapping"].as_str(), Some(r#"[{"oldName":"value.ab"}]"# | r#"[{"newName":"x"}]"#))
    {
        return Some("half a rule is refused, not ignored");
    }
    if is("timeseries.timefield.auto.convert.locale.language.tag", "fr") {
        return Some("names of months are read in English only");
    }
    let handler = "change.data.capture.handler";
    if is(handler, ".MongoDbHandler") && value.contains(r#""patch":"{}""#) && error.is_empty() {
        return Some("what the driver refuses later is refused at once");
    }
    let shared = is("writemodel.strategy", ".DeleteOneDefaultStrategy")
        && is("post.processor.chain", "AllowListValueProjector")
        && is("document.id.strategy", "FullKeyStrategy")
        && config["document.id.strategy.overwrite.existing"] == "true";
    shared.then_some("what is removed from the value stays in the key")
}

#[test]
fn every_record_is_written_as_the_java_connector_writes_it() {
    let (mut count, mut wrong) = (0, Vec::new());
    for case in cases(WRITES) {
        count += 1;
        let result = &case["result"];
        let actual = written(&case);
        let same = match (&actual, result["error"].is_array()) {
            (Ok((_, "none", _)), false) => result["op"] == "none",
            (Ok((namespace, name, statement)), false) if result["op"] == *name => {
                let ordered = case["form"].as_str().is_some();
                let (mut statement, expected) = (statement.clone(), expected(result));
                if *name == "insert" && !expected.contains_key("_id") {
                    // The driver adds it later.
                    assert!(matches!(statement.remove("_id"), Some(Bson::ObjectId(_))));
                }
                *namespace == result["namespace"] && comparable(&statement, ordered) == comparable(&expected, ordered)
            }
            (Err(_), true) => true,
            _ => false,
        };
        if same != meant(&case).is_none() {
            wrong.push(format!("{case}\n  gives {actual:?}"));
        }
    }
    assert!(count > 1100);
    assert!(wrong.is_empty(), "{} of {count} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_error_has_the_words_of_the_java_connector() {
    // Up to where Java prints the record, whose fields have another order there.
    let head = |text: &str| {
        let text = text.split_once("found `").map_or(text, |(head, _)| head);
        text.split_once(['{', ':']).map_or(text, |(head, _)| head).trim().to_owned()
    };
    let own_words = [
        "JsonParseException",
        "BsonInvalidOperationException",
        "PatternSyntaxException",
        "IndexOutOfBounds",
        "NullPointerException",
        // See the validations.
        "ConfigException",
        "ConnectConfigException",
    ];
    let mut wrong = Vec::new();
    for case in cases(WRITES).filter(|case| meant(case).is_none()) {
        let Some(expected) = case["result"]["error"].as_array() else { continue };
        let expected: Vec<&str> = expected.iter().filter_map(Value::as_str).collect();
        let Err(actual) = written(&case) else { continue };
        let known = expected
            .iter()
            .filter_map(|text| text.split_once(": "))
            .any(|(_, text)| actual.iter().any(|actual| head(actual) == head(text)));
        if !known && !expected.iter().any(|text| own_words.iter().any(|own| text.starts_with(own))) {
            wrong.push(format!("{expected:?}\n  {actual:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

/// Parts of configurations of which Longshore says something else, on purpose.
const MEANT: &[(&str, &str)] = &[
    (r#""delete.writemodel.strategy""#, "what fails at every tombstone is refused at once"),
    (r#""writemodel.strategy":"com.mongodb.kafka.connect.sink.cdc"#, "not Java's constructors"),
    (
        r#""writemodel.strategy":"com.mongodb.kafka.connect.sink.writemodel.strategy.DeleteOneTombstone"#,
        "for deletes only",
    ),
    (r#""document.id.strategy":"""#, "the value that is wrong is shown"),
    (r#""field.renamer."#, "what is wrong, not Java's parser's words, and at once"),
    ("DocumentIdAdder,", "not Java's constructors"),
    (".TimeseriesTimeFieldAutoConversion", "no class to be named"),
    (".PostProcessor", "an abstract class"),
    (".Renamer", "an abstract class"),
    (".DebeziumCdcHandler", "an abstract class"),
    (r#"handler":"com.mongodb.kafka.connect.sink.writemodel"#, "not Java's constructors"),
    ("timeseries.metafield", "the Java connector says this only where it reaches the server"),
    ("topic.override.t", "the key under which it was set is named"),
    ("csfle.enabled", "refused, not written in the clear"),
];

#[test]
fn every_configuration_is_refused_as_the_java_connector_refuses_it() {
    let mut wrong = Vec::new();
    for case in cases(VALIDATIONS) {
        let mut props = props(&case["config"]);
        props.insert("topics".to_owned(), "t".to_owned());
        let mut values = config::def().validate(&props);
        config::validate(&props, &mut values);
        let mut actual: Vec<(String, String)> = values
            .into_iter()
            .flat_map(|value| value.errors.into_iter().map(move |error| (value.name.clone(), error)))
            .collect();
        actual.sort();
        let mut expected: Vec<(String, String)> = case["errors"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(key, errors)| (key.clone(), errors[0].as_str().unwrap().to_owned()))
            .collect();
        expected.sort();
        let text = case["config"].to_string();
        let meant = MEANT.iter().any(|(part, _)| text.contains(part));
        if actual != expected && !meant {
            wrong.push(format!("{case}\n  {actual:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}
