use longshore_api::{Props, Result};

use crate::config::rest::{AdminEndpoints, HeaderValue};
use crate::config::{Listener, Mode, OverridePolicy, WorkerConfig, keys};

const JSON: &str = "org.apache.kafka.connect.json.JsonConverter";

fn props(pairs: &[(&str, &str)]) -> Props {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

const DISTRIBUTED: [(&str, &str); 6] = [
    ("group.id", "g"),
    ("config.storage.topic", "c"),
    ("offset.storage.topic", "o"),
    ("status.storage.topic", "s"),
    ("key.converter", JSON),
    ("value.converter", JSON),
];

fn distributed(more: &[(&str, &str)]) -> Result<WorkerConfig> {
    let all = props(&[&DISTRIBUTED, more].concat());
    WorkerConfig::load(Mode::Distributed, all, [("HOST".to_owned(), "resolved".to_owned())])
}

#[track_caller]
fn refused(more: &[(&str, &str)], why: &str) {
    let error = distributed(more).unwrap_err().to_string();
    assert!(error.contains(why), "{error}");
}

#[test]
fn defaults_are_those_of_kafka_connect() {
    let worker = distributed(&[("rest.advertised.host.name", "me")]).unwrap();
    assert_eq!(worker.bootstrap_servers, "localhost:9092");
    assert_eq!((worker.offset_flush_interval.as_millis(), worker.offset_flush_timeout.as_millis()), (60_000, 5_000));
    assert_eq!(worker.task_shutdown_timeout.as_millis(), 5_000);
    assert_eq!(worker.listeners, [Listener { scheme: "http".to_owned(), host: String::new(), port: 8083 }]);
    assert_eq!(&*worker.worker_id, "me:8083");
    assert_eq!(worker.override_policy, OverridePolicy::All);
    assert!(worker.topic_creation && worker.topic_tracking && worker.topic_tracking_reset);
    let topics = worker.topics.unwrap();
    assert_eq!((topics.config.partitions, topics.config.replication_factor), (1, 3));
    assert_eq!((topics.offset.partitions, topics.status.partitions), (25, 5));
    assert_eq!(topics.config.settings, props(&[("cleanup.policy", "compact")]));
}

#[test]
fn every_mistake_is_named_at_once() {
    let error = WorkerConfig::load(
        Mode::Distributed,
        props(&[
            ("offset.flush.interval.ms", "soon"),
            ("config.storage.replication.factor", "0"),
            ("offset.storage.topic", "x"),
            ("rest.extension.classes", "com.example.Guard"),
        ]),
        [],
    )
    .unwrap_err()
    .to_string();
    for key in [
        "group.id",
        "key.converter",
        "value.converter",
        "config.storage.topic",
        "status.storage.topic",
        "offset.flush.interval.ms",
        "config.storage.replication.factor",
        "rest.extension.classes",
    ] {
        assert!(error.contains(key), "{key}: {error}");
    }
}

#[test]
fn what_would_be_unsafe_without_effect_is_refused() {
    refused(&[("rest.extension.classes", "com.example.Guard")], "rest.extension.classes");
    refused(&[("exactly.once.source.support", "enabled")], "exactly.once.source.support");
    refused(&[("connector.client.config.override.policy", "com.example.Strict")], "override.policy");
    assert!(distributed(&[("exactly.once.source.support", "disabled"), ("rest.extension.classes", "")]).is_ok());
}

#[test]
fn basic_auth_needs_its_jaas_file() {
    let class = "org.apache.kafka.connect.rest.basic.auth.extension.BasicAuthSecurityRestExtension";
    let file = tempfile::NamedTempFile::new().unwrap();
    let load = |jaas: Option<&str>| {
        let options = format!("-Xmx1g -Djava.security.auth.login.config={} -Dx", file.path().display());
        if let Some(jaas) = jaas {
            std::fs::write(file.path(), jaas).unwrap();
        }
        let environment = jaas.map(|_| ("KAFKA_OPTS".to_owned(), options));
        let more = [("rest.extension.classes", class)];
        WorkerConfig::load(Mode::Distributed, props(&[&DISTRIBUTED[..], &more].concat()), environment)
    };
    let module = "org.apache.kafka.connect.rest.basic.auth.extension.PropertyFileLoginModule";
    let jaas =
        format!("// users\nOther {{ x.Y optional; }};\nKafkaConnect {{ {module} required\n file=\"/etc/users\"; }};");
    assert_eq!(load(Some(&jaas)).unwrap().rest.basic_auth, Some("/etc/users".into()));
    for (jaas, why) in [
        (None, "KAFKA_OPTS=-Djava.security.auth.login.config=FILE"),
        (Some("Other { x.Y optional; };".to_owned()), "there is no entry KafkaConnect"),
        (Some("KafkaConnect { com.example.Ldap required; };".to_owned()), "only one login module is possible"),
        (Some(format!("KafkaConnect {{ {module} required; }};")), "Property Credentials file must be specified"),
        (Some(format!("KafkaConnect {{ {module} required file=x; }}")), "the ; after the } of KafkaConnect is missing"),
    ] {
        let error = load(jaas.as_deref()).unwrap_err().to_string();
        assert!(error.contains(why) && error.contains("rest.extension.classes"), "{error}");
    }
}

#[test]
fn the_rest_api_is_set_up_by_connects_keys() {
    let rest = |more: &[(&str, &str)]| distributed(more).unwrap().rest;
    assert_eq!(rest(&[]).admin, AdminEndpoints::Together);
    assert_eq!(rest(&[("admin.listeners", "")]).admin, AdminEndpoints::Off);
    assert!(
        matches!(rest(&[("admin.listeners", "http://a:1,https://b:2")]).admin, AdminEndpoints::Apart(two) if two.len() == 2)
    );
    assert_eq!(rest(&[]).cors, None);
    let cors = rest(&[("access.control.allow.origin", "http://a, http://b")]).cors.unwrap();
    assert_eq!(
        (cors.origins, cors.methods),
        (vec!["http://a".into(), "http://b".into()], vec!["GET".into(), "POST".into(), "HEAD".into()])
    );
    let ssl = [("ssl.keystore.location", "/k"), ("listeners.https.ssl.key.password", "sesame")];
    let both = rest(&ssl);
    assert_eq!((both.tls.prefix, both.tls.props), ("listeners.https.", props(&[("ssl.key.password", "sesame")])));
    assert_eq!((both.admin_tls.prefix, both.admin_tls.props), ("", props(&[ssl[0]])));
    assert!(!format!("{:?}", rest(&ssl)).contains("sesame"));
    let rules =
        rest(&[("response.http.headers.config", r#"add Cache-Control: no-cache, "set X-A: b, c",setDate Expires:-5"#)]);
    assert_eq!(rules.response_headers.len(), 3);
    assert_eq!(rules.response_headers[1].value, HeaderValue::Text("b, c".into()));
    assert_eq!(rules.response_headers[2].value, HeaderValue::Date(-5));
    for (config, why) in [
        ("Cache-Control:no-cache", "Invalid format of header config 'Cache-Control:no-cache'. Expected: '[action]"),
        ("put a:b", "Invalid header config action: 'put'. Expected one of [set, add, setDate, addDate]"),
        ("set a b:c", "Invalid header name 'a b'. The '[header name]' cannot contain whitespace"),
        ("set a:", "Invalid format of header name and header value pair 'a:'"),
        ("set a:b:c", "Invalid format of header name and header value pair 'a:b:c'"),
        ("setDate a:b", "'b' is no number of milliseconds"),
    ] {
        refused(&[("response.http.headers.config", config)], why);
    }
    let id = |more: &[(&str, &str)]| {
        let worker = distributed(more).unwrap();
        format!("{}://{}", worker.advertised_scheme, worker.worker_id)
    };
    let two = ("listeners", "https://a:1,http://b:2");
    assert_eq!(id(&[two]), "http://b:2");
    assert_eq!(id(&[two, ("rest.advertised.listener", "HTTPS")]), "https://a:1");
    assert_eq!(id(&[("listeners", "https://a:1")]), "https://a:1");
}

#[test]
fn three_topics_have_three_names() {
    refused(&[("status.storage.topic", "c")], "must be three different topics");
}

#[test]
fn topics_get_their_further_settings() {
    let worker = distributed(&[
        ("offset.storage.partitions", "-1"),
        ("offset.storage.replication.factor", "1"),
        ("offset.storage.min.insync.replicas", "2"),
        ("offset.storage.cleanup.policy", "delete"),
        ("config.storage.partitions", "9"),
    ])
    .unwrap();
    let topics = worker.topics.as_ref().unwrap();
    assert_eq!(topics.offset.settings, props(&[("min.insync.replicas", "2"), ("cleanup.policy", "compact")]));
    assert_eq!((topics.offset.partitions, topics.offset.replication_factor), (-1, 1));
    assert_eq!(topics.config.partitions, 1);
    let ignored: Vec<_> = worker.warnings.iter().filter(|warning| warning.contains("is ignored")).collect();
    assert_eq!(ignored.len(), 2, "{ignored:?}");
}

#[test]
fn the_worker_is_known_by_its_advertised_address() {
    let id = |more: &[(&str, &str)]| distributed(more).unwrap().worker_id.to_string();
    assert_eq!(id(&[("listeners", "http://inside:1")]), "inside:1");
    assert_eq!(id(&[("listeners", "HTTP://[::1]:1")]), "[::1]:1");
    let advertised = [("rest.advertised.host.name", "out"), ("rest.advertised.port", "2")];
    assert_eq!(id(&[("listeners", "http://inside:1"), advertised[0], advertised[1]]), "out:2");
    let worker = distributed(&[("listeners", "http://here:0")]).unwrap().bound_to([4711]);
    assert_eq!((&*worker.worker_id, worker.listeners[0].port), ("here:4711", 4711));
    assert_ne!(id(&[]), ":8083", "a host is found");
}

#[test]
fn listeners_that_are_none_are_refused_in_connects_words() {
    refused(&[("listeners", "localhost:8083")], "Listener doesn't have the right format (protocol://hostname:port).");
    refused(&[("listeners", "ftp://localhost:8083")], "Listener protocol must be either \"http\" or \"https\".");
    refused(&[("listeners", "http://localhost:99999")], "listeners");
    refused(&[("listeners", "")], "Empty list");
    refused(&[("connect.protocol", "gossip")], "Invalid Connect protocol compatibility");
}

#[test]
fn variables_are_resolved_and_secrets_stay_out_of_sight() {
    let worker = distributed(&[
        ("config.providers", "env"),
        ("config.providers.env.class", "org.apache.kafka.common.config.provider.EnvVarConfigProvider"),
        ("bootstrap.servers", "${env:HOST}:9092"),
        ("value.converter.basic.auth.user.info", "user:hunter2"),
        ("plugin.path", "${env:HOST}"),
    ])
    .unwrap();
    assert_eq!(worker.bootstrap_servers, "resolved:9092");
    assert_eq!(worker.value_converter.props, props(&[("basic.auth.user.info", "user:hunter2")]));
    assert_eq!(worker.props["plugin.path"], "${env:HOST}");
    assert!(!format!("{worker:?} {:?}", worker.value_converter).contains("hunter2"));
}

#[test]
fn keys_without_effect_are_told() {
    let worker = distributed(&[("internal.key.converter", JSON), ("rest.port", "1"), ("zookeeper.connect", "z")]);
    let warnings = worker.unwrap().warnings.join("\n");
    for key in ["internal.key.converter", "rest.port", "zookeeper.connect"] {
        assert!(warnings.contains(key), "{warnings}");
    }
}

#[test]
fn a_standalone_worker_needs_a_file() {
    let alone = |more: &[(&str, &str)]| {
        let mut all = props(&[("key.converter", JSON), ("value.converter", JSON)]);
        all.extend(props(more));
        WorkerConfig::load(Mode::Standalone, all, [])
    };
    assert!(alone(&[]).unwrap_err().to_string().contains("offset.storage.file.filename"));
    let worker = alone(&[("offset.storage.file.filename", "/tmp/x")]).unwrap();
    assert!(worker.topics.is_none() && worker.group_id.is_empty());
    assert_eq!(worker.offsets_file.unwrap().to_str(), Some("/tmp/x"));
}

#[test]
fn every_key_stands_once_and_says_what_it_does() {
    let mut all = keys::common();
    all.extend(keys::distributed());
    all.extend(keys::standalone());
    let mut seen = std::collections::BTreeSet::new();
    for row in &all {
        assert!(seen.insert(row.key.name.clone()), "{} stands twice", row.key.name);
        assert!(row.key.doc.ends_with('.'), "{}", row.key.name);
    }
    // Every default must be a value that its own row takes.
    for entry in keys::def(&all).validate(&Props::new()) {
        let missing = entry.errors.iter().all(|error| error.starts_with("Missing required"));
        assert!(missing, "{:?}", entry.errors);
    }
}
