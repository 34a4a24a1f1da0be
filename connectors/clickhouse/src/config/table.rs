//! The table of the sink's keys, in the order in which the Java connector (1.5.0) shows them.

use longshore_api::ConfigKey;
use longshore_api::config::{ConfigDef, ConfigType, Importance, ParsedValue, Validator, Width};

use crate::client::sni;

use ConfigType::{Boolean, Int, List, Long, Password, String as Text};
use Importance::{High, Low, Medium};
use Width::{Long as Wide, Medium as Middle, Short};

/// The keys of the Java connector.
pub(super) fn config_def() -> ConfigDef {
    let connection = connection().into_iter().chain(formats()).chain(state()).chain(behaviour());
    ConfigDef::new(in_group("Connection", connection).chain(in_group("DDL", ddl())))
}

/// Keys that the Java connector does not have. A validation answers with them only where they are set.
pub(super) fn additions() -> ConfigDef {
    ConfigDef::new([
        key("bufferBytes", Long, Low, "0").validator(Validator::AtLeast(0)).doc(
            "The most bytes of records to buffer before they are inserted, beside bufferCount. 0 means no such limit.",
        ),
        key("insertsInFlight", Int, Low, "4")
            .validator(Validator::Between(1, 64))
            .doc("How many inserts, of different partitions, are under way at once."),
        key("insertCompression", Text, Low, "none").validator(Validator::OneOfIgnoreCase(&["none", "lz4"])).doc(
            "How the bodies of inserts are compressed. lz4 is worth its CPU where the network is slower than that.",
        ),
        key("longshore.table.create", Boolean, Medium, "false")
            .doc("Whether a table that does not exist is made, for the fields of the first records that come for it."),
        key("longshore.table.engine", Text, Medium, "MergeTree")
            .doc("The engine of tables that are made, with its arguments: ReplacingMergeTree(_version, is_deleted)"),
        key("longshore.table.order.by", List, Medium, "")
            .doc("The columns by which the rows of tables that are made are ordered; they cannot be NULL."),
        key("longshore.table.options", Text, Low, "")
            .doc("What else the statement says that makes a table: PARTITION BY …, TTL …, SETTINGS …"),
        key("bisectFailedBatches", Boolean, Low, "false").doc(
            "Whether the rows of an insert that the server refuses for their data are tried apart, so that only those \
             that are wrong become dead letters. Takes effect with errors.tolerance=all, and not with exactlyOnce.",
        ),
        key("showOffendingValues", Boolean, Low, "false")
            .doc("Whether errors show the beginning of the value that cannot be written."),
    ])
}

fn key(name: &'static str, kind: ConfigType, importance: Importance, default: &'static str) -> ConfigKey {
    ConfigKey::new(name, kind, importance).default(default)
}

/// Numbers the keys of a group; each has its width and display name already.
fn in_group(group: &'static str, keys: impl IntoIterator<Item = ConfigKey>) -> impl Iterator<Item = ConfigKey> {
    keys.into_iter().zip(1..).map(move |(key, order)| {
        let (width, name) = (key.width, key.display_name.clone());
        key.shown(group, order, width, name)
    })
}

/// Sets how a form shows a key; the group comes later.
fn shown(key: ConfigKey, width: Width, name: &'static str) -> ConfigKey {
    key.shown("", 0, width, name)
}

fn names(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

fn zk_path(_: &str, value: &ParsedValue) -> Result<(), String> {
    match value {
        ParsedValue::Text(text) if text.starts_with('/') => Ok(()),
        _ => Err("zkPath cannot be empty and must begin with a forward slash".to_owned()),
    }
}

fn sni_name(_: &str, value: &ParsedValue) -> Result<(), String> {
    match value {
        ParsedValue::Text(name) if !name.trim().is_empty() => sni::check(name.trim()),
        _ => Ok(()),
    }
}

fn connection() -> Vec<ConfigKey> {
    let switch = |name, doc: &'static str| key(name, Boolean, Low, "false").doc(doc);
    vec![
        shown(ConfigKey::new("hostname", Text, High), Middle, "ClickHouse Hostname.")
            .validator(Validator::NonEmptyString)
            .doc("The host of the ClickHouse server."),
        shown(key("port", Int, High, "8443"), Short, "ClickHouse Port.")
            .validator(Validator::Between(1, 65535))
            .doc("The port of the server's HTTP or HTTPS interface."),
        shown(key("database", Text, Low, "default"), Middle, "Clickhouse database name.")
            .doc("The database to write to."),
        shown(key("username", Text, Low, ""), Middle, "Clickhouse username.")
            .doc("The user to write as; where the key is not set it is `default`."),
        shown(key("password", Password, Low, ""), Middle, "Password for authentication.").doc("The user's password."),
        shown(key("ssl", Boolean, Low, "true"), Middle, "enable SSL.")
            .doc("Whether to connect by HTTPS; where the key is not set it is false."),
        shown(key("jdbcConnectionProperties", Text, Low, ""), Middle, "JDBC properties for Clickhouse connection.")
            .doc("Properties of the connection as the query string of a JDBC URL has them: ?sslmode=strict&…"),
        shown(key("timeoutSeconds", Int, Low, "30"), Short, "ClickHouse driver timeout")
            .validator(Validator::Between(0, 600))
            .doc("How many seconds to wait for a connection or an answer to a question; 0 means ten minutes."),
        shown(key("retryCount", Int, Low, "3"), Short, "ClickHouse driver retry")
            .validator(Validator::Between(3, 10))
            .doc("How often a question about tables or the state is asked again that got no answer."),
        shown(key("tableRefreshInterval", Long, Low, "0"), Short, "table refresh interval")
            .validator(Validator::Between(0, 600))
            .doc("After how many seconds a table is described anew; 0 means only when an insert fails for it."),
        shown(
            switch("exactlyOnce", "Whether to keep in ClickHouse's Keeper what has been inserted."),
            Middle,
            "enable exactly once semantics.",
        ),
        shown(
            switch("suppressTableExistenceException", "Whether records for tables that do not exist are dropped."),
            Short,
            "suppress table existence exception.",
        ),
        shown(key("clickhouseSettings", List, Low, ""), Wide, "ClickHouse settings.")
            .doc("Settings of the server that every insert is sent with: name=value,name=value"),
        shown(key("topic2TableMap", List, Low, ""), Wide, "Table mapping.")
            .doc("Tables for topics that have another name: topic=table,topic=table"),
    ]
}

fn formats() -> Vec<ConfigKey> {
    vec![
        shown(key("errors.tolerance", Text, Low, "none"), Short, "Tolerate errors.")
            .doc("Whether records that cannot be written become dead letters (all) or fail the task (none)."),
        shown(key("customInsertFormat", Boolean, Low, "false"), Middle, "enable custom insert format.")
            .doc("Whether insertFormat is meant to be set; it holds in either case."),
        shown(key("insertFormat", Text, Low, "none"), Wide, "Insert format.")
            .recommended(names(&["NONE"]))
            .doc("The format of values that are strings: csv, tsv or json, which also holds where the key is not set."),
        shown(key("proxyType", Text, Low, ""), Short, "Proxy type")
            .recommended(names(&["IGNORE", "DIRECT", "HTTP", "SOCKS"]))
            .doc("The kind of proxy on the way to the server: http or socks."),
        shown(key("proxyHost", Text, Low, ""), Short, "Proxy host").doc("The proxy's host."),
        shown(key("proxyPort", Int, Low, "-1"), Short, "Proxy port").doc("The proxy's port."),
    ]
}

fn state() -> Vec<ConfigKey> {
    vec![
        shown(key("zkPath", Text, Low, "/kafka-connect"), Middle, "Zookeeper path")
            .validator(Validator::Check(zk_path))
            .doc("The path in Keeper under which exactlyOnce keeps its state."),
        shown(key("zkDatabase", Text, Low, "connect_state"), Middle, "State store database")
            .doc("The name of the table through which that state is read and written."),
        shown(key("enableDbTopicSplit", Boolean, Low, "false"), Short, "enable database topic split from topic name.")
            .doc("Whether a topic's name holds database and table, with dbTopicSplitChar between them."),
        shown(key("dbTopicSplitChar", Text, Low, ""), Short, "Database topic split character")
            .recommended(names(&["_", "-", "."]))
            .doc("What stands between database and table in a topic's name."),
        shown(key("keeperOnCluster", Text, Low, ""), Short, "Keeper on cluster")
            .doc("The cluster on which the table of the state is made; empty for this server alone."),
    ]
}

fn behaviour() -> Vec<ConfigKey> {
    let switch = |name, display: &'static str, doc: &'static str| {
        shown(key(name, Boolean, Low, "false"), Short, display).doc(doc)
    };
    vec![
        switch("bypassRowBinary", "Bypass RowBinary format.", "Whether records with a schema are sent as JSON."),
        shown(key("dateTimeFormats", List, Low, ""), Short, "Date time formats.")
            .doc("Java patterns by which texts are read for columns of times: column=pattern;column=pattern"),
        shown(key("client_version", Text, Low, ""), Short, "Client version")
            .doc("Which of the Java connector's two clients is meant; there is one, so that it makes no difference."),
        switch(
            "tolerateStateMismatch",
            "Tolerate state mismatch.",
            "Whether exactlyOnce drops records from before the range that is known to be written.",
        ),
        switch(
            "bypassSchemaValidation",
            "Bypass schema validation.",
            "Whether a record's schema is not compared with its table beforehand. Every row is checked as it is written.",
        ),
        switch(
            "bypassFieldCleanup",
            "Bypass field cleanup.",
            "Whether members of schemaless records that have no column are sent all the same.",
        ),
        shown(key("debeziumCDCEnabled", Boolean, Medium, "false"), Short, "Enable Debezium CDC envelope processing.")
            .doc("Whether Debezium's change events become rows with a version and a mark of deletion."),
        switch(
            "ignorePartitionsWhenBatching",
            "Ignore partitions when batching.",
            "Whether the records of all partitions of a topic go into one insert. Without effect with exactlyOnce.",
        ),
        shown(key("bufferCount", Int, Low, "0"), Short, "Buffer record count.")
            .validator(Validator::AtLeast(0))
            .doc("How many records to collect before they are inserted. 0 means to insert what a poll has brought."),
        shown(key("bufferFlushTime", Long, Low, "0"), Short, "Buffer flush time in ms.")
            .validator(Validator::AtLeast(0))
            .doc("After how many milliseconds collected records are inserted even if they are fewer; 0 means never."),
        shown(
            key("clickhouseClientInsertTimeoutMs", Long, Low, "240000"),
            Short,
            "ClickHouse client insert timeout in ms.",
        )
        .validator(Validator::AtLeast(100))
        .doc("How many milliseconds an insert may take, unless jdbcConnectionProperties has a socket_timeout."),
        switch(
            "reportInsertedOffsets",
            "Report inserted offsets.",
            "Whether only offsets of inserted records are committed; that is always so.",
        ),
        shown(key("ssl_socket_sni", Text, Low, ""), Middle, "SSL Socket SNI")
            .validator(Validator::Check(sni_name))
            .doc(
                "The name of the server in the TLS handshake, where it is not the host's. The certificate is checked for \
                 this name; sslmode=none among the jdbcConnectionProperties switches that off.",
            ),
    ]
}

fn ddl() -> Vec<ConfigKey> {
    vec![
        shown(key("auto.evolve", Boolean, Medium, "false"), Short, "Auto evolve table schema.")
            .doc("Whether columns are added to the table for fields that have none."),
        shown(key("auto.evolve.ddl.refresh.retries", Int, Low, "3"), Short, "DDL refresh retries")
            .validator(Validator::AtLeast(0))
            .doc("How often a table is described again until an added column can be seen."),
        shown(key("auto.evolve.struct.to.json", Boolean, Medium, "false"), Short, "Map STRUCT to JSON")
            .doc("Whether columns of type JSON are added for structs; otherwise such a field is an error."),
        shown(key("clusterName", Text, Medium, ""), Short, "Cluster name for distributed DDL")
            .doc("The cluster on which columns are added; empty for this server alone."),
    ]
}
