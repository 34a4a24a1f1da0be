use longshore_api::{Props, Result};

use crate::config::connector::{DeadLetterSettings, Topics};
use crate::config::{ConnectorConfig, ConnectorKind, Mode, WorkerConfig, clients};
use crate::task::TaskId;

fn props(pairs: &[(&str, &str)]) -> Props {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn worker(more: &[(&str, &str)]) -> WorkerConfig {
    let mut all = props(&[
        ("group.id", "g"),
        ("config.storage.topic", "c"),
        ("offset.storage.topic", "o"),
        ("status.storage.topic", "s"),
        ("key.converter", "K"),
        ("value.converter", "V"),
        ("value.converter.schemas.enable", "false"),
        ("bootstrap.servers", "b:1"),
        ("rest.advertised.host.name", "me"),
    ]);
    all.extend(props(more));
    WorkerConfig::load(Mode::Distributed, all, []).unwrap()
}

fn parse(kind: ConnectorKind, more: &[(&str, &str)]) -> Result<ConnectorConfig> {
    let mut all = props(&[("name", "n"), ("connector.class", "C")]);
    all.extend(props(more));
    ConnectorConfig::parse(&worker(&[]), kind, &all)
}

#[track_caller]
fn refused(kind: ConnectorKind, more: &[(&str, &str)], why: &str) {
    let error = parse(kind, more).unwrap_err().to_string();
    assert!(error.contains(why), "{error}");
}

#[test]
fn a_sink_has_what_its_keys_say() {
    let config = parse(
        ConnectorKind::Sink,
        &[
            ("topics", "a, b"),
            ("tasks.max", "3"),
            ("errors.tolerance", "all"),
            ("errors.retry.timeout", "-1"),
            ("errors.deadletterqueue.topic.name", "dead"),
            ("errors.deadletterqueue.topic.replication.factor", "1"),
            ("transforms", "one"),
            ("transforms.one.type", "T"),
            ("transforms.one.field", "f"),
        ],
    )
    .unwrap();
    assert_eq!((config.name.as_str(), config.tasks_max, config.enforce_tasks_max), ("n", 3, true));
    assert!(config.errors.tolerate && config.errors.retry_timeout.is_none());
    let sink = config.sink().unwrap();
    assert!(matches!(&sink.topics, Topics::List(topics) if topics == &["a", "b"]));
    let dead = DeadLetterSettings { topic: "dead".to_owned(), replication_factor: 1, context_headers: false };
    assert_eq!(sink.dead_letters, Some(dead));
    assert_eq!((config.transforms[0].alias.as_str(), config.transforms[0].plugin.class.as_str()), ("one", "T"));
    assert_eq!(config.transforms[0].plugin.props, props(&[("field", "f")]));
}

#[test]
fn a_pattern_matches_whole_names() {
    let config = parse(ConnectorKind::Sink, &[("topics.regex", "a|b.")]).unwrap();
    let Topics::Pattern(pattern) = &config.sink().unwrap().topics else { panic!("no pattern") };
    assert!(pattern.is_match("a") && pattern.is_match("bx"));
    assert!(!pattern.is_match("ab") && !pattern.is_match("xa"));
    refused(ConnectorKind::Sink, &[("topics.regex", "a)|(b")], "topics.regex");
}

#[test]
fn every_mistake_of_a_connector_is_named() {
    let wrong = [("tasks.max", "0"), ("errors.tolerance", "some"), ("topics", "a,a")];
    for why in ["tasks.max", "errors.tolerance", "'topics' values must not be duplicated"] {
        refused(ConnectorKind::Sink, &wrong, why);
    }
    refused(ConnectorKind::Sink, &[], "Must configure one of topics or topics.regex");
    refused(ConnectorKind::Sink, &[("topics", "a"), ("topics.regex", "b")], "mutually exclusive");
    refused(ConnectorKind::Sink, &[("topics", "a"), ("transforms", "t")], "transforms.t.type");
}

#[test]
fn converters_are_the_connectors_or_the_workers_and_never_mixed() {
    let inherited = parse(ConnectorKind::Source, &[("value.converter.schemas.enable", "true")]).unwrap();
    assert_eq!(inherited.value_converter.class, "V");
    assert_eq!(
        inherited.value_converter.props,
        props(&[("schemas.enable", "false"), ("converter.type", "value")]),
        "settings without a converter of its own count for nothing"
    );
    let own = parse(ConnectorKind::Source, &[("value.converter", "V"), ("key.converter", " X ")]).unwrap();
    assert_eq!(own.value_converter.props, props(&[("converter.type", "value")]));
    assert_eq!(own.key_converter.class, "X");
    assert_eq!(own.header_converter.class, "org.apache.kafka.connect.storage.SimpleHeaderConverter");
}

#[test]
fn missing_topics_are_created_by_the_first_group_that_fits() {
    let groups = [
        ("topic.creation.default.partitions", "3"),
        ("topic.creation.default.replication.factor", "-1"),
        ("topic.creation.default.retention.ms", "1"),
        ("topic.creation.groups", "logs,all,default"),
        ("topic.creation.logs.include", "log-.*, .*-log"),
        ("topic.creation.logs.exclude", "log-x"),
        ("topic.creation.logs.cleanup.policy", "compact"),
        ("topic.creation.all.include", "l.*"),
        ("topic.creation.all.partitions", "7"),
    ];
    let config = parse(ConnectorKind::Source, &groups).unwrap();
    let creation = config.source().unwrap().topic_creation.as_ref().unwrap();
    let topic = |name: &str| creation.topic(name);
    assert_eq!((topic("log-a").partitions, topic("log-a").settings), (3, props(&[("cleanup.policy", "compact")])));
    assert_eq!((topic("log-x").partitions, topic("log-x").replication_factor), (7, -1));
    assert_eq!((topic("x").partitions, topic("x").settings), (3, props(&[("retention.ms", "1")])));
    let off = worker(&[("topic.creation.enable", "false")]);
    let mut all = props(&groups);
    all.extend(props(&[("name", "n"), ("connector.class", "C")]));
    let config = ConnectorConfig::parse(&off, ConnectorKind::Source, &all).unwrap();
    assert!(config.source().unwrap().topic_creation.is_none());
}

#[test]
fn mistakes_in_topic_creation_are_named() {
    let source = |more: &[(&str, &str)], why: &str| refused(ConnectorKind::Source, more, why);
    let partitions = ("topic.creation.default.partitions", "1");
    source(&[partitions], "Missing required configuration \"topic.creation.default.replication.factor\"");
    let factor = ("topic.creation.default.replication.factor", "0");
    source(&[partitions, factor], "Replication factor must be positive and not larger than the number of brokers");
    let factor = ("topic.creation.default.replication.factor", "1");
    source(
        &[partitions, factor, ("topic.creation.groups", "g"), ("topic.creation.g.include", "(")],
        "Syntax error in regular expression",
    );
}

fn task() -> TaskId {
    TaskId { connector: "n".into(), task: 2 }
}

#[test]
fn client_settings_come_from_connect_the_worker_and_the_connector_in_this_order() {
    let worker = worker(&[
        ("security.protocol", "SASL_SSL"),
        ("sasl.jaas.config", "hunter2"),
        ("consumer.max.poll.records", "5"),
        ("consumer.auto.offset.reset", "latest"),
        ("producer.acks", "1"),
        ("admin.client.rack", "r"),
        ("some.client.setting", "x"),
    ]);
    let connector = props(&[("consumer.override.max.poll.records", "9"), ("producer.override.linger.ms", "7")]);
    let consumer = clients::sink_consumer_props(&worker, &connector, &task()).unwrap();
    let expected = props(&[
        ("enable.auto.commit", "false"),
        ("auto.offset.reset", "latest"),
        ("session.timeout.ms", "10000"),
        ("bootstrap.servers", "b:1"),
        ("client.id", "connector-consumer-n-2"),
        ("group.id", "connect-n"),
        ("max.poll.records", "9"),
    ]);
    assert_eq!(consumer, expected);
    let producer = clients::source_producer_props(&worker, &connector, &task()).unwrap();
    assert_eq!((&*producer["acks"], &*producer["linger.ms"]), ("1", "7"));
    assert_eq!(&*producer["client.id"], "connector-producer-n-2");
    assert!(!producer.contains_key("security.protocol"), "tasks do not inherit the worker's own security");
    let dead = clients::dlq_producer_props(&worker, &connector, &task()).unwrap();
    assert_eq!(&*dead["client.id"], "connector-dlq-producer-n-2");
    let admin = clients::source_admin_props(&worker, &connector, &task()).unwrap();
    assert_eq!(
        admin,
        props(&[
            ("bootstrap.servers", "b:1"),
            ("client.id", "connector-adminclient-n-2"),
            ("security.protocol", "SASL_SSL"),
            ("sasl.jaas.config", "hunter2"),
            ("some.client.setting", "x"),
            ("client.rack", "r"),
        ])
    );
}

#[test]
fn internal_clients_are_named_after_the_group() {
    let name = |more: &[(&str, &str)]| clients::internal_props(&worker(more), "configs")["client.id"].clone();
    assert_eq!(name(&[]), "g-configs");
    assert_eq!(name(&[("client.id", "me")]), "g-me-configs");
    let internal = clients::internal_props(&worker(&[("ssl.truststore.type", "PEM"), ("producer.acks", "1")]), "x");
    assert_eq!(internal, props(&[("bootstrap.servers", "b:1"), ("client.id", "g-x"), ("ssl.truststore.type", "PEM")]));
}

#[test]
fn overrides_are_up_to_the_workers_policy() {
    let policy = |policy| worker(&[("connector.client.config.override.policy", policy)]);
    let rack = props(&[("consumer.override.client.rack", "r")]);
    let login = props(&[("consumer.override.sasl.mechanism", "PLAIN")]);
    let props_of = |worker: &WorkerConfig, connector| clients::sink_consumer_props(worker, connector, &task());
    assert!(props_of(&policy("All"), &rack).is_ok());
    assert!(props_of(&policy("Principal"), &login).is_ok());
    let error = props_of(&policy("None"), &login).unwrap_err().to_string();
    let why = "The 'None' policy does not allow 'sasl.mechanism' to be overridden in the connector configuration.";
    assert_eq!(error, format!("Client Config Overrides not allowed [{why}]"));
    let name = "org.apache.kafka.connect.connector.policy.PrincipalConnectorClientConfigOverridePolicy";
    assert!(props_of(&policy(name), &rack).is_err());
}

#[test]
fn the_group_of_a_sink_is_the_one_that_its_consumers_use() {
    let group = |connector: &[(&str, &str)]| clients::sink_group(&worker(&[]), &props(connector), "n");
    assert_eq!(group(&[]), "connect-n");
    assert_eq!(group(&[("consumer.override.group.id", "mine")]), "mine");
}
