use longshore_api::ErrorKind;

use super::*;

struct Stored(Option<SourceMap>);

#[async_trait]
impl OffsetReader for Stored {
    async fn offset(&self, partition: &SourceMap) -> Result<Option<SourceMap>> {
        assert_eq!(partition.keys().collect::<Vec<_>>(), ["task.id"]);
        Ok(self.0.clone())
    }
}

fn props(entries: &[(&str, &str)]) -> Props {
    let base = [("kafka.topic", "made-up"), ("max.interval", "0")];
    base.iter().chain(entries).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

async fn started(props: &Props, stored: Option<SourceMap>) -> Result<Box<dyn SourceTask>> {
    let mut task = Datagen.new_task();
    let context = TaskContext { connector: "test".into(), task: 0, cancelled: Default::default() };
    task.start(context, Arc::new(Stored(stored)), props).await?;
    Ok(task)
}

async fn made(props: &Props, count: usize, stored: Option<SourceMap>) -> Vec<SourceRecord> {
    let mut task = started(props, stored).await.unwrap();
    let mut records = Vec::new();
    while records.len() < count {
        records.extend(task.poll().await.unwrap());
    }
    records.truncate(count);
    records
}

fn errors(entries: &[(&str, &str)]) -> Vec<(String, String)> {
    let props = props(entries);
    let mut values = KEYS.validate(&props);
    Datagen.validate(&props, &mut values);
    values
        .into_iter()
        .flat_map(|value| value.errors.into_iter().map(move |error| (value.name.clone(), error)))
        .collect()
}

#[tokio::test]
async fn records_carry_topic_key_headers_and_offset() {
    let records = made(&props(&[("quickstart", "ORDERS"), ("random.seed", "5")]), 3, None).await;
    let record = &records[2];
    assert_eq!((&*record.topic, record.partition, record.timestamp), ("made-up", None, None));
    assert_eq!(record.key, Data::new(Arc::new(Schema::new(Type::Int32)), Value::Int32(2)));
    let Value::Struct(value) = &record.value.value else { panic!("{record:?}") };
    assert_eq!(value.get("orderid"), Some(&Value::Int32(2)));
    assert_eq!(record.value.schema.as_deref().and_then(|schema| schema.name.as_deref()), Some("ksql.orders"));
    let headers: Vec<_> = record.headers.iter().map(|header| (&*header.name, header.value.value.clone())).collect();
    let number = Value::Int64;
    assert_eq!(headers, [("task.generation", number(0)), ("task.id", number(0)), ("current.iteration", number(2))]);
    assert_eq!(*record.source_partition, SourceMap::from_iter([("task.id".to_owned(), number(0))]));
    assert_eq!(record.source_offset.get("task.generation"), Some(&number(1)));
    assert_eq!(record.source_offset.get("current.iteration"), Some(&number(3)));
    assert!(matches!(record.source_offset.get("random.seed"), Some(Value::Int64(_))));
}

#[tokio::test]
async fn without_a_key_field_the_key_is_a_null_string() {
    let schema = r#"{"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}]}"#;
    let records = made(&props(&[("schema.string", schema)]), 1, None).await;
    assert_eq!(records[0].key, Data::new(Arc::new(Schema::optional(Type::String)), Value::Null));
    let records = made(&props(&[("schema.string", schema), ("schema.keyfield", "a")]), 1, None).await;
    assert!(matches!(records[0].key.value, Value::Int32(_)));
}

#[tokio::test]
async fn a_restart_goes_on_with_the_very_records_that_would_have_come() {
    let props = props(&[("quickstart", "pageviews"), ("random.seed", "42")]);
    let whole = made(&props, 20, None).await;
    let rest = made(&props, 10, Some(whole[9].source_offset.clone())).await;
    for (first, again) in whole[10..].iter().zip(&rest) {
        assert_eq!(first.value, again.value);
        assert_eq!(first.headers[2], again.headers[2]);
        assert_eq!(again.headers[0].value.value, Value::Int64(1), "the next generation");
    }
}

#[tokio::test]
async fn tasks_of_one_seed_make_different_records_and_each_the_same_again() {
    let of = async |task: &str| {
        let props = props(&[("quickstart", "users"), ("random.seed", "42"), ("task.id", task)]);
        made(&props, 20, None).await.into_iter().map(|record| record.value).collect::<Vec<_>>()
    };
    let (zero, one, again) = (of("0").await, of("1").await, of("1").await);
    assert_ne!(zero, one);
    assert_eq!(one, again);
}

#[tokio::test]
async fn the_task_ends_in_connects_words_after_its_iterations() {
    let mut task = started(&props(&[("quickstart", "users"), ("iterations", "701")]), None).await.unwrap();
    let mut sizes = Vec::new();
    let error = loop {
        match task.poll().await {
            Ok(records) => sizes.push(records.len()),
            Err(error) => break error,
        }
    };
    assert_eq!(sizes, [500, 201]);
    assert_eq!(error.kind, ErrorKind::Fatal);
    assert_eq!(error.message.as_deref(), Some("Stopping connector: generated the configured 701 number of messages"));
}

#[tokio::test(start_paused = true)]
async fn records_come_at_the_pace_that_is_asked_for() {
    let mut config = props(&[("quickstart", "users")]);
    config.insert("max.interval".to_owned(), "100".to_owned());
    let begin = Instant::now();
    made(&config, 200, None).await;
    let took = begin.elapsed().as_millis();
    assert!((7_000..13_000).contains(&took), "{took} ms for 200 records of 50 ms each");
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_is_given_up_loses_no_record() {
    let mut config = props(&[("quickstart", "orders")]);
    config.insert("max.interval".to_owned(), "50".to_owned());
    let mut task = started(&config, None).await.unwrap();
    let mut ids = Vec::new();
    while ids.len() < 50 {
        if let Ok(records) = tokio::time::timeout(Duration::from_millis(3), task.poll()).await {
            ids.extend(records.unwrap().into_iter().map(|record| record.key.value));
        }
    }
    let expected: Vec<_> = (0..ids.len() as i32).map(Value::Int32).collect();
    assert_eq!(ids, expected);
}

#[tokio::test(start_paused = true)]
async fn what_a_pause_missed_is_not_made_up_for() {
    let mut config = props(&[("quickstart", "users")]);
    config.insert("max.interval".to_owned(), "100".to_owned());
    let mut task = started(&config, None).await.unwrap();
    tokio::time::advance(Duration::from_secs(3600)).await;
    assert!(task.poll().await.unwrap().len() < 5);
}

#[tokio::test]
async fn offsets_that_are_no_offsets_fail_the_start() {
    let config = props(&[("quickstart", "users")]);
    let error = started(&config, Some(SourceMap::new())).await.err().unwrap();
    assert!(error.to_string().contains("task.generation"), "{error}");
}

#[test]
fn each_task_gets_its_number() {
    let configs = Datagen.task_configs(&props(&[("quickstart", "users")]), 3).unwrap();
    let ids: Vec<_> = configs.iter().map(|config| config["task.id"].as_str()).collect();
    assert_eq!(ids, ["0", "1", "2"]);
}

#[test]
fn just_one_key_says_what_is_made_up() {
    let must = |keys: &[&str]| -> Vec<(String, String)> {
        let error = "Must set exactly one of schema.string, schema.filename, quickstart";
        keys.iter().map(|key| ((*key).to_owned(), error.to_owned())).collect()
    };
    let record = r#"{"type": "record", "name": "R", "fields": []}"#;
    assert_eq!(errors(&[]), must(&["schema.string", "schema.filename", "quickstart"]));
    assert_eq!(errors(&[("quickstart", "users"), ("schema.string", record)]), must(&["schema.string", "quickstart"]));
    assert_eq!(errors(&[("quickstart", "users")]), []);
    assert_eq!(errors(&[("schema.filename", "users_schema.avro"), ("schema.keyfield", "userid")]), []);
}

#[test]
fn what_is_wrong_with_a_description_is_told_at_its_key() {
    let one = |entries: &[(&str, &str)]| {
        let found = errors(entries);
        assert_eq!(found.len(), 1, "{found:?}");
        found.into_iter().next().map(|(key, error)| format!("{key}: {error}")).unwrap_or_default()
    };
    assert!(one(&[("schema.string", "{")]).starts_with("schema.string: Unable to parse the provided schema: EOF"));
    assert!(one(&[("schema.string", "\"int\"")]).ends_with("it must describe a record"));
    assert_eq!(one(&[("schema.filename", "/no/such.avsc")]), "schema.filename: Unable to find the schema file");
    assert!(one(&[("quickstart", "nope")]).starts_with("quickstart: quickstart must be one out of clickstream_codes,"));
    assert_eq!(
        one(&[("quickstart", "users"), ("schema.keyfield", "nope")]),
        "schema.keyfield: The schema does not contain the field provided in 'schema.keyfield'"
    );
    let field = r#"{"type": "record", "name": "R", "fields": [{"name": "a", "type": {"type": "int", "arg.properties": {"range": {"min": 2, "max": 1}}}}]}"#;
    assert!(one(&[("schema.string", field)]).contains("schema.a: range: "));
}

#[test]
fn a_connector_does_not_start_with_a_wrong_configuration() {
    assert_eq!(Datagen.start(&props(&[])).unwrap_err().kind, ErrorKind::Config);
    assert!(Datagen.start(&props(&[("quickstart", "stock_quotes")])).is_ok());
    let mut no_topic = props(&[("quickstart", "users")]);
    no_topic.shift_remove("kafka.topic");
    assert!(Datagen.start(&no_topic).unwrap_err().to_string().contains("kafka.topic"));
}
