pub(crate) mod fake;
mod secure;

use std::sync::Arc;

use longshore_api::batch::RowParts;
use longshore_api::config::{ConfigKey, ParsedConfig};
use longshore_api::{Batch, BatchBuilder, ErrorKind, Part, Payload, Props, Slot, Slots};

use super::*;
use crate::converter::Column;
use fake::{Asked, Fake};
use longshore_api::{ConnectError, Data, Result, Schema, Value};

/// A format whose data is text and whose schema is what the registry says.
struct Text;

impl Format for Text {
    const KIND: SchemaKind = SchemaKind::Json;
    const NAME: &'static str = "Text";
    type Reader = RegisteredSchema;
    type Writer = RegisteredSchema;

    fn keys() -> Vec<ConfigKey> {
        Vec::new()
    }

    fn new(_config: &ParsedConfig) -> Self {
        Self
    }

    fn reader(&self, schema: &RegisteredSchema) -> Result<RegisteredSchema> {
        Ok(schema.clone())
    }

    fn describe(&self, schema: Option<&Arc<Schema>>) -> Result<Description> {
        let name = schema.and_then(|schema| schema.name.as_deref()).unwrap_or("none");
        let text = format!("schema {name}");
        let schema = SchemaText { kind: SchemaKind::Json, text, references: Vec::new() };
        Ok(Description { schema, record: Some(name.to_owned()) })
    }

    fn writer(&self, _: Option<&Arc<Schema>>, registered: &RegisteredSchema) -> Result<RegisteredSchema> {
        Ok(registered.clone())
    }

    fn can_read(&self, registered: &RegisteredSchema, described: &Description) -> Result<bool> {
        Ok(registered.schema.text == described.schema.text)
    }

    fn record_name(&self, schema: &RegisteredSchema) -> Option<String> {
        schema.schema.text.strip_prefix("schema ").map(str::to_owned)
    }

    /// The text of the schema, its version, and the data.
    fn decode(&self, schema: &RegisteredSchema, framed: &Framed<'_>) -> Result<Data> {
        let data = std::str::from_utf8(framed.data()).map_err(|_| serialization("no text"))?;
        let version = schema.version.map_or("-".to_owned(), |version| version.to_string());
        Ok(Data::schemaless(Value::string(format!("{} v{version} {data}", schema.schema.text))))
    }

    fn encode(&self, _topic: &str, _schema: &RegisteredSchema, data: &Data, out: &mut Vec<u8>) -> Result<()> {
        out.extend_from_slice(data.value.as_str().unwrap_or_default().as_bytes());
        Ok(())
    }

    fn read_failed(topic: &str) -> String {
        format!("cannot read {topic}")
    }

    fn write_failed(topic: &str) -> String {
        format!("cannot write {topic}")
    }

    fn access_failed(topic: &str) -> String {
        format!("no access for {topic}: ")
    }
}

fn try_schemas(is_key: bool, props: &[(&str, &str)]) -> Result<Schemas<Text>> {
    let props: Props = props.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let (registry, settings, _) = Registry::configure(Text::keys(), &props, is_key)?;
    Ok(Schemas::new(Text, registry, settings))
}

fn schemas(props: &[(&str, &str)]) -> Schemas<Text> {
    try_schemas(false, props).unwrap()
}

/// Reads as a task does: what lacked is supplied, and the batch is read again.
async fn read(schemas: &Schemas<Text>, batch: &mut Batch) -> Vec<Result<String>> {
    let mut column = Column::default();
    schemas.read_column(batch, Part::Value, &mut column);
    while column.errors.iter().any(|(_, error)| error.kind == ErrorKind::Retriable) {
        if let Err(error) = schemas.supply().await {
            return column.slots.iter().map(|_| Err(error.clone())).collect();
        }
        schemas.read_column(batch, Part::Value, &mut column);
    }
    let rows = column.slots.iter().enumerate();
    let topic = |row: usize| batch.rows()[row].topic;
    let slots = rows.map(|(row, slot)| Slots { row: row as u32, topic: topic(row), key: Slot::Null, value: *slot });
    let slots = slots.collect();
    batch.set_slots(slots);
    let mut errors = column.errors.into_iter().peekable();
    let outcome = |record: longshore_api::Record<'_>| match record.value() {
        Payload::Data(data) => Ok(data.value.as_str().unwrap().to_owned()),
        other => {
            let failed = errors.next_if(|(row, _)| *row as usize == record.row_index());
            failed.map_or(Ok(format!("{other:?}")), |(_, error)| Err(error))
        }
    };
    batch.records().map(outcome).collect()
}

fn batch(topic: &str, values: &[Option<Vec<u8>>]) -> Batch {
    let mut builder = BatchBuilder::default();
    let topic = builder.topic_index(&Arc::from(topic));
    for value in values {
        builder.push(topic, RowParts { value: value.as_deref(), ..RowParts::default() });
    }
    builder.finish()
}

fn framed(id: i32, data: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    write_prefix(id, &mut bytes);
    bytes.extend_from_slice(data.as_bytes());
    Some(bytes)
}

#[tokio::test]
async fn the_version_is_that_of_the_subject_that_the_strategy_names() {
    let registry = Fake::start(|asked| match asked.line.as_str() {
        "GET /schemas/ids/1?fetchMaxId=false" => (200, r#"{"schema":"schema a.B","schemaType":"JSON"}"#.to_owned()),
        "POST /subjects/a.B?normalize=false&deleted=false" => (200, r#"{"id":1,"version":2}"#.to_owned()),
        "POST /subjects/t-a.B?normalize=false&deleted=false" => (200, r#"{"id":1,"version":3}"#.to_owned()),
        line => (404, format!(r#"{{"error_code":40401,"message":"{line}"}}"#)),
    });
    for (name, text) in [("RecordName", "schema a.B v2 x"), ("TopicRecordName", "schema a.B v3 x")] {
        let strategy = format!("io.confluent.kafka.serializers.subject.{name}Strategy");
        let props = [("schema.registry.url", &*registry.url), ("value.subject.name.strategy", &strategy)];
        assert_eq!(read(&schemas(&props), &mut batch("t", &[framed(1, "x")])).await, [Ok(text.to_owned())]);
    }
}

/// Two schemas, 1 and 2; 2 is in no subject. Everything else is not there.
fn two_schemas(asked: &Asked) -> fake::Answer {
    let found = |text: &str| (200, format!(r#"{{"schema":"{text}","schemaType":"JSON"}}"#));
    let not_found = |code: i32, what: &str| (404, format!(r#"{{"error_code":{code},"message":"{what} not found"}}"#));
    match asked.line.split(['?', '&']).next().unwrap() {
        "GET /schemas/ids/1" => found("one"),
        "GET /schemas/ids/2" => found("two"),
        "GET /schemas/guids/00010203-0405-0607-0809-0a0b0c0d0e0f" => found("guid"),
        "POST /subjects/t-value" if asked.body.contains("one") => (200, r#"{"id":1,"version":7}"#.to_owned()),
        "POST /subjects/t-value" => not_found(40403, "Schema"),
        path if path.starts_with("GET /schemas/ids") => not_found(40403, "Schema"),
        _ => not_found(40401, "Subject"),
    }
}

fn lines(error: &ConnectError) -> Vec<String> {
    error.trace().lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn schemas_come_once_and_the_bad_record_is_the_one_that_names_none() {
    let registry = Fake::start(two_schemas);
    let schemas = schemas(&[("schema.registry.url", &registry.url)]);
    let values = [framed(1, "a"), None, framed(3, "b"), framed(2, "c"), framed(1, "d"), framed(3, "e")];
    let outcomes = read(&schemas, &mut batch("t", &values)).await;
    let good: Vec<&str> = outcomes.iter().flatten().map(String::as_str).collect();
    assert_eq!(good, ["one v7 a", "Null", "two v- c", "one v7 d"]);
    let bad = outcomes[2].clone().unwrap_err();
    assert_eq!((bad.kind, outcomes[5].clone().unwrap_err()), (ErrorKind::BadRecord, bad.clone()));
    assert_eq!(
        lines(&bad),
        [
            "org.apache.kafka.connect.errors.DataException: cannot read t",
            "Caused by: org.apache.kafka.common.errors.SerializationException: Error retrieving Text value schema for id 3",
            "Caused by: io.confluent.kafka.schemaregistry.client.rest.exceptions.RestClientException: Schema not \
             found; error code: 40403"
        ]
    );
    assert_eq!(
        registry.lines(),
        [
            "GET /schemas/ids/1?fetchMaxId=false&subject=t-value",
            "POST /subjects/t-value?normalize=false&deleted=false",
            "GET /schemas/ids/3?fetchMaxId=false&subject=t-value",
            "GET /schemas/ids/2?fetchMaxId=false&subject=t-value",
            "POST /subjects/t-value?normalize=false&deleted=false",
        ]
    );
    // What was found stays; what was not is asked for again with the next batch.
    read(&schemas, &mut batch("t", &values)).await;
    assert_eq!(registry.lines(), ["GET /schemas/ids/3?fetchMaxId=false&subject=t-value"]);
}

#[tokio::test]
async fn a_batch_may_need_more_schemas_than_are_kept_or_fetched_at_once() {
    let registry = Fake::start(|asked| match asked.line.strip_prefix("GET /schemas/ids/") {
        Some(rest) => {
            let id = rest.split('?').next().unwrap();
            (200, format!(r#"{{"schema":"s{id}","schemaType":"JSON"}}"#))
        }
        None => (404, r#"{"error_code":40401,"message":"Subject not found"}"#.to_owned()),
    });
    let schemas = schemas(&[("schema.registry.url", &registry.url), ("schemas.cache.size", "1")]);
    let values: Vec<_> = (0..100).map(|id| framed(id, "x")).collect();
    for _ in 0..2 {
        let texts: Vec<String> =
            read(&schemas, &mut batch("t", &values)).await.into_iter().map(Result::unwrap).collect();
        assert!(texts.iter().enumerate().all(|(id, text)| *text == format!("s{id} v- x")), "{texts:?}");
    }
    assert_eq!(registry.asked().len(), 2 * 2 * 100, "schema and version of each, for both batches");
}

#[tokio::test]
async fn a_guid_may_stand_before_the_data_and_either_id_in_a_header() {
    let registry = Fake::start(two_schemas);
    let schemas = schemas(&[("schema.registry.url", &registry.url)]);
    let guid: Vec<u8> = std::iter::once(1).chain(0..16).collect();
    let mut builder = BatchBuilder::default();
    let topic = builder.topic_index(&Arc::from("u"));
    builder.push(topic, RowParts { value: Some(&[&guid[..], b"a"].concat()), ..RowParts::default() });
    for header in [framed(1, "").unwrap(), guid] {
        builder.push(topic, RowParts { value: Some(b"b"), ..RowParts::default() });
        builder.header(b"__value_schema_id", Some(b"an older one"));
        builder.header(b"__value_schema_id", Some(&header));
        builder.header(b"__key_schema_id", None);
    }
    let outcomes = read(&schemas, &mut builder.finish()).await;
    let texts: Vec<String> = outcomes.into_iter().map(Result::unwrap).collect();
    assert_eq!(texts, ["guid v- a", "one v- b", "guid v- b"]);
}

#[tokio::test]
async fn bytes_that_name_no_schema_are_bad_records_in_confluents_words() {
    let schemas = schemas(&[("schema.registry.url", "http://127.0.0.1:1")]);
    let values = [Some(b"{}".to_vec()), Some(vec![]), Some(vec![0, 0, 0]), Some(vec![1, 2])];
    let outcomes = read(&schemas, &mut batch("t", &values)).await;
    let causes: Vec<String> = outcomes.into_iter().map(|one| one.unwrap_err().root_cause().to_string()).collect();
    let cut = |length: usize| format!("the schema id is cut off after {length} bytes");
    assert_eq!(causes, ["Unknown magic byte!".to_owned(), "Unknown magic byte!".to_owned(), cut(3), cut(2)]);
}

fn record(name: &str) -> Arc<Schema> {
    Arc::new(Schema::new(longshore_api::Type::Struct).named(name))
}

/// Writes as a task does; the id and text of the schema that was written with.
async fn write(schemas: &Schemas<Text>, topic: &str, schema: &Arc<Schema>) -> Result<(i32, String)> {
    loop {
        match schemas.writer(topic, Some(schema)) {
            Err(error) if error.kind == ErrorKind::Retriable => schemas.supply().await?,
            outcome => return outcome.map(|writer| (writer.id, writer.plan.schema.text.clone())),
        };
    }
}

#[tokio::test]
async fn equal_schemas_are_registered_once_a_subject() {
    let registry = Fake::start(|_| (200, r#"{"id":5}"#.to_owned()));
    let schemas = schemas(&[("schema.registry.url", &registry.url), ("normalize.schemas", "true")]);
    let first = record("a.B");
    for schema in [&first, &first, &record("a.B")] {
        assert_eq!(write(&schemas, "t", schema).await.unwrap(), (5, "schema a.B".to_owned()));
    }
    let asked = registry.asked();
    assert_eq!(asked[0].body, r#"{"schema":"schema a.B","schemaType":"JSON"}"#);
    assert_eq!(registry.lines(), ["POST /subjects/t-value/versions?normalize=true"]);
    write(&schemas, "a/ü", &first).await.unwrap();
    assert_eq!(registry.lines(), ["POST /subjects/a%2F%C3%BC-value/versions?normalize=true"]);
}

#[tokio::test]
async fn the_settings_choose_the_subject_and_the_schema() {
    let registry = Fake::start(|asked| match asked.line.as_str() {
        "GET /subjects/t-a.B/versions/latest" => {
            (200, r#"{"subject":"t-a.B","version":3,"id":9,"schemaType":"JSON","schema":"newer"}"#.to_owned())
        }
        "GET /schemas/ids/4?fetchMaxId=false&subject=t-value" => {
            (200, r#"{"schemaType":"JSON","schema":"fourth"}"#.to_owned())
        }
        "POST /subjects/a.B?normalize=false&deleted=false" => (200, r#"{"id":2,"version":1}"#.to_owned()),
        line => (404, format!(r#"{{"error_code":40401,"message":"{line}"}}"#)),
    });
    let strategy = |name: &str| format!("io.confluent.kafka.serializers.subject.{name}Strategy");
    let with = |props: &[(&str, &str)]| {
        let all = [&[("schema.registry.url", &*registry.url), ("auto.register.schemas", "false")], props].concat();
        schemas(&all)
    };
    let found = with(&[("value.subject.name.strategy", &strategy("RecordName"))]);
    assert_eq!(write(&found, "t", &record("a.B")).await.unwrap(), (2, "schema a.B".to_owned()));
    let by_id = with(&[("use.schema.id", "4"), ("id.compatibility.strict", "false")]);
    assert_eq!(write(&by_id, "t", &record("a.B")).await.unwrap(), (4, "fourth".to_owned()));
    let topic_record = strategy("TopicRecordName");
    let latest = [("use.latest.version", "true"), ("value.subject.name.strategy", &*topic_record)];
    let refused = write(&with(&latest), "t", &record("a.B")).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "cannot write t: Incompatible schema newer for schema schema a.B. Set latest.compatibility.strict=false to \
         disable this check"
    );
    let latest = with(&[latest[0], latest[1], ("latest.compatibility.strict", "false")]);
    assert_eq!(write(&latest, "t", &record("a.B")).await.unwrap(), (9, "newer".to_owned()));
    let missing = write(&with(&[]), "t", &record("a.B")).await.unwrap_err();
    assert_eq!(
        (missing.kind, missing.cause.unwrap().message.unwrap().as_str()),
        (ErrorKind::BadRecord, "Error retrieving Text schemaschema a.B")
    );
}

#[tokio::test]
async fn a_url_that_cannot_serve_is_passed_over_and_none_left_is_retriable() {
    let ill = Fake::start(|_| (503, "<html>".to_owned()));
    let well = Fake::start(two_schemas);
    let secret = ill.url.replace("//", "//user:hunter2@");
    let schemas_of = |urls: &str| schemas(&[("schema.registry.url", urls)]);
    let both = schemas_of(&format!("http://127.0.0.1:1,{secret},{}/", well.url));
    assert_eq!(read(&both, &mut batch("t", &[framed(1, "a")])).await, [Ok("one v7 a".to_owned())]);
    assert_eq!(ill.asked().len(), 1, "the one that answers is asked first from then on");
    assert!(ill.asked()[0].headers.contains(&"authorization: Basic dXNlcjpodW50ZXIy".to_owned()));

    let none = read(&schemas_of(&format!("http://127.0.0.1:1,{secret}")), &mut batch("t", &[framed(1, "a")])).await;
    let error = none[0].clone().unwrap_err();
    assert_eq!(error.kind, ErrorKind::Retriable);
    let told = error.root_cause().to_string();
    assert!(told.starts_with("the schema registry is away: http://127.0.0.1:1: "), "{told}");
    assert!(told.ends_with(&format!("{}: HTTP status 503", ill.url)) && !told.contains("hunter2"), "{told}");
}

#[tokio::test]
async fn a_login_that_is_refused_is_no_records_trouble() {
    let registry = Fake::start(|_| (401, r#"{"error_code":401,"message":"Unauthorized"}"#.to_owned()));
    let schemas = schemas(&[
        ("schema.registry.url", &registry.url),
        ("basic.auth.credentials.source", "USER_INFO"),
        ("schema.registry.basic.auth.user.info", "me:hunter2"),
        ("request.header.X-Cluster", "blue"),
    ]);
    let error = read(&schemas, &mut batch("t", &[framed(1, "a")])).await[0].clone().unwrap_err();
    assert_eq!(
        (error.kind, error.to_string()),
        (ErrorKind::Config, "no access for t: Unauthorized; error code: 401".to_owned())
    );
    let headers = registry.asked()[0].headers.join("\n");
    assert!(headers.contains("authorization: Basic bWU6aHVudGVyMg==") && headers.contains("x-cluster: blue"));
}

#[tokio::test]
async fn a_token_is_fetched_by_the_clients_credentials_and_used_until_it_ends() {
    let registry = Fake::start(|asked| match asked.line.as_str() {
        "POST /token" => (200, r#"{"access_token":"t0ken","expires_in":3600,"token_type":"Bearer"}"#.to_owned()),
        _ => two_schemas(asked),
    });
    let issuer = format!("{}/token", registry.url);
    let settings = [
        ("schema.registry.url", &*registry.url),
        ("bearer.auth.credentials.source", "OAUTHBEARER"),
        ("bearer.auth.issuer.endpoint.url", &issuer),
        ("bearer.auth.client.id", "me"),
        ("bearer.auth.client.secret", "hunter2"),
        ("bearer.auth.scope", "a b"),
        ("bearer.auth.logical.cluster", "lsrc-1"),
    ];
    assert_eq!(read(&schemas(&settings), &mut batch("t", &[framed(1, "a")])).await, [Ok("one v7 a".to_owned())]);
    let asked = registry.asked();
    assert_eq!(
        (asked.len(), &*asked[0].line, &*asked[0].body),
        (3, "POST /token", "grant_type=client_credentials&scope=a%20b")
    );
    let has = |asked: &Asked, header: &str| asked.headers.iter().any(|known| known == header);
    assert!(has(&asked[0], "authorization: Basic bWU6aHVudGVyMg=="));
    for asked in &asked[1..] {
        assert!(has(asked, "authorization: Bearer t0ken") && has(asked, "target-sr-cluster: lsrc-1"), "{asked:?}");
    }
    let refused = Fake::start(|_| (401, r#"{"error":"invalid_client"}"#.to_owned()));
    let issuer = format!("{}/token", refused.url);
    let settings =
        settings.map(|(key, value)| if key.ends_with("endpoint.url") { (key, &*issuer) } else { (key, value) });
    let error = read(&schemas(&settings), &mut batch("t", &[framed(1, "a")])).await[0].clone().unwrap_err();
    assert_eq!(
        (error.kind, error.to_string()),
        (ErrorKind::Config, "no access for t: the token endpoint answers HTTP status 401".to_owned())
    );
}

#[test]
fn settings_that_cannot_work_are_refused_and_no_secret_is_told() {
    let url = ("schema.registry.url", "http://user:hunter2@a");
    for (props, told) in [
        (vec![], "Missing required configuration \"schema.registry.url\" which has no default value."),
        (vec![("schema.registry.url", "ftp://user:hunter2@a")], "schema.registry.url: ftp://a is no URL"),
        (vec![("schema.registry.url", "http://u:hunter2@a b/c")], "schema.registry.url: http://a b/c is no URL"),
        (
            vec![url, ("basic.auth.credentials.source", "USER_INFO")],
            "basic.auth.user.info must be provided when basic.auth.credentials.source is set to USER_INFO",
        ),
        (
            vec![url, ("basic.auth.credentials.source", "KEYTAB")],
            "Invalid value KEYTAB for configuration basic.auth.credentials.source: must be one of URL, USER_INFO, \
             SASL_INHERIT",
        ),
        (
            vec![url, ("basic.auth.credentials.source", "URL"), ("bearer.auth.credentials.source", "STATIC_TOKEN")],
            "Only one of 'basic.auth.credentials.source' and 'bearer.auth.credentials.source' may be specified",
        ),
        (
            vec![url, ("bearer.auth.credentials.source", "OAUTHBEARER"), ("bearer.auth.client.secret", "hunter2")],
            "bearer.auth.client.id must be provided when bearer.auth.credentials.source is set to OAUTHBEARER",
        ),
        (vec![url, ("request.header.X", "hunter2\n")], "request.header.X: no HTTP header"),
        (
            vec![url, ("schema.registry.ssl.endpoint.identification.algorithm", "")],
            "ssl.endpoint.identification.algorithm: the name of the registry's host is always checked; only https is \
             supported",
        ),
        (vec![url, ("proxy.host", "p")], "Invalid value -1 for configuration proxy.port: no port"),
        (
            vec![url, ("ssl.truststore.location", "/nowhere"), ("ssl.truststore.type", "PEM")],
            "Invalid value /nowhere for configuration ssl.truststore.location: /nowhere cannot be read: No such file \
             or directory (os error 2)",
        ),
    ] {
        let refused = try_schemas(false, &props).err().unwrap();
        assert_eq!((refused.kind, refused.to_string().as_str()), (ErrorKind::Config, told));
    }
}
