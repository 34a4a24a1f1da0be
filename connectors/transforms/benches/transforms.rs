//! What a transform or predicate costs a record: time, and allocations.
//!
//! Every sample takes 1,000 records; a time of 250 µs is 250 ns a record, 1,000 allocations are one. The fastest sample is
//! the one that shared its processor with nothing else. Run it with `cargo bench -p longshore-transforms`; a part of a name
//! behind `--` chooses.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a benchmark fails loudly")]

mod records;

use divan::counter::ItemsCount;
use divan::{AllocProfiler, Bencher};
use longshore_api::transform::Make;
use longshore_api::{ConnectRecord, Props, Transform};
use records::{document_event, event, gzipped, outbox_event, schemaless, with_headers, with_schema};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

const RECORDS: usize = 1000;

fn main() {
    divan::main();
}

type Config = &'static [(&'static str, &'static str)];

/// Apache Kafka's, which take structs and maps alike.
const APACHE: [(&str, Config); 16] = [
    ("Cast$Value", &[("spec", "f2:int64,f4:string")]),
    ("DropHeaders", &[("headers", "trace")]),
    ("ExtractField$Value", &[("field", "f1")]),
    ("Filter", &[]),
    ("Flatten$Value", &[]),
    ("HeaderFrom$Value", &[("fields", "f1"), ("headers", "f1"), ("operation", "copy")]),
    ("HoistField$Value", &[("field", "all")]),
    ("InsertField$Value", &[("timestamp.field", "at"), ("offset.field", "offset")]),
    ("InsertHeader", &[("header", "origin"), ("value.literal", "shop")]),
    ("MaskField$Value", &[("fields", "f1,f5")]),
    ("RegexRouter", &[("regex", "server1\\.public\\.(.*)"), ("replacement", "$1")]),
    ("ReplaceField$Value", &[("exclude", "f3"), ("renames", "f1:first")]),
    ("TimestampConverter$Value", &[("field", "f1"), ("target.type", "Timestamp"), ("format", "yyyy-MM-dd HH:mm:ss")]),
    ("TimestampRouter", &[]),
    ("ValueToKey", &[("fields", "f0,f1")]),
    ("predicates.HasHeaderKey", &[("name", "trace")]),
];

/// Those of others that take structs and maps alike, and Longshore's own.
const OTHERS: [(&str, Config); 8] = [
    ("com.clickhouse.kafka.connect.transforms.KeyToValue", &[]),
    ("io.aiven.kafka.connect.transforms.ConcatFields$Value", &[("field.names", "f0,f1"), ("output.field.name", "all")]),
    (
        "io.aiven.kafka.connect.transforms.FilterByFieldValue$Value",
        &[("field.name", "f1"), ("field.value.pattern", "^2")],
    ),
    ("io.confluent.connect.transforms.ExtractTopic$Value", &[("field", "f1")]),
    (
        "io.confluent.connect.transforms.Filter$Value",
        &[("filter.condition", "$[?(@.f2 > 1)]"), ("filter.type", "include")],
    ),
    ("io.confluent.connect.transforms.TombstoneHandler", &[]),
    ("longshore.transforms.Expression", &[("filter.condition", "value.f2 > 1 && value.f1.startsWith('2')")]),
    ("longshore.transforms.Expression", &[("value.set", "sum = value.f0 + value.f2; first: string = value.f1")]),
];

/// Those that take records of a kind of their own.
fn of_kinds() -> Vec<(&'static str, Config, ConnectRecord)> {
    let debezium: [(&str, Config); 8] = [
        ("io.debezium.transforms.ExtractNewRecordState", &[]),
        ("io.debezium.transforms.ExtractNewRecordState", &[("add.fields", "op,source.ts_ms")]),
        ("io.debezium.transforms.ByLogicalTableRouter", &[("topic.regex", "(.*)\\.(.*)"), ("topic.replacement", "$2")]),
        ("io.debezium.transforms.ExtractChangedRecordState", &[("header.changed.name", "changed")]),
        ("io.debezium.transforms.Filter", &[("language", "jsr223.groovy"), ("condition", "value.op == 'u'")]),
        (
            "io.debezium.transforms.partitions.PartitionRouting",
            &[("partition.payload.fields", "after.f1"), ("partition.topic.num", "8")],
        ),
        ("io.debezium.transforms.TimezoneConverter", &[("converted.timezone", "Europe/Berlin")]),
        ("io.aiven.kafka.connect.transforms.Hash$Value", &[("field.name", "after.f1"), ("function", "sha256")]),
    ];
    let mut cases: Vec<_> = debezium.into_iter().map(|(class, config)| (class, config, event())).collect();
    let to_value: Config = &[("headers", "trace"), ("fields", "trace"), ("operation", "move")];
    cases.push(("io.debezium.transforms.HeaderToValue", to_value, with_headers(with_schema())));
    cases.push(("io.debezium.transforms.outbox.EventRouter", &[], outbox_event()));
    let documents = "io.debezium.connector.mongodb.transforms.ExtractNewDocumentState";
    cases.push((documents, &[], document_event()));
    cases.push(("io.confluent.connect.transforms.GzipDecompress$Value", &[], gzipped()));
    // Of maps alone.
    let by_time: Config = &[("message.timestamp.keys", "f1"), ("message.timestamp.format", "yyyy-MM-dd HH:mm:ss")];
    cases.push(("io.confluent.connect.transforms.MessageTimestampRouter", by_time, schemaless()));
    cases
}

fn props(config: Config) -> Props {
    config.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn make(class: &str, config: Config) -> Box<dyn Transform> {
    match longshore_transforms::plugin(class).unwrap().make {
        Make::Transform(make) => make(&props(config)).unwrap(),
        Make::Predicate(_) => panic!("{class} is a predicate"),
    }
}

fn apply(bencher: Bencher<'_, '_>, transforms: &mut [Box<dyn Transform>], record: &ConnectRecord) {
    bencher.counter(ItemsCount::new(RECORDS)).with_inputs(|| vec![record.clone(); RECORDS]).bench_local_values(
        |mut records| {
            for record in &mut records {
                for transform in &mut *transforms {
                    transform.apply(record).unwrap();
                }
            }
            records
        },
    );
}

fn one(bencher: Bencher<'_, '_>, class: &str, config: Config, record: &ConnectRecord) {
    if let Make::Predicate(make) = longshore_transforms::plugin(class).unwrap().make {
        let predicate = make(&props(config)).unwrap();
        return bencher
            .counter(ItemsCount::new(RECORDS))
            .bench_local(|| (0..RECORDS).filter(|_| predicate.test(divan::black_box(record)).unwrap()).count());
    }
    apply(bencher, &mut [make(class, config)], record);
}

fn apache_names() -> Vec<&'static str> {
    APACHE.iter().map(|(name, _)| *name).collect()
}

fn apache(bencher: Bencher<'_, '_>, name: &str, record: &ConnectRecord) {
    let (name, config) = APACHE.iter().find(|(known, _)| *known == name).unwrap();
    one(bencher, &format!("org.apache.kafka.connect.transforms.{name}"), config, record);
}

#[divan::bench(args = apache_names())]
fn apache_structs(bencher: Bencher<'_, '_>, name: &str) {
    apache(bencher, name, &with_headers(with_schema()));
}

#[divan::bench(args = apache_names())]
fn apache_maps(bencher: Bencher<'_, '_>, name: &str) {
    apache(bencher, name, &with_headers(schemaless()));
}

/// A class by its last name; a number where it is there more than once.
fn labels(classes: impl Iterator<Item = &'static str>) -> Vec<String> {
    classes.enumerate().map(|(index, class)| format!("{index} {}", class.rsplit('.').next().unwrap())).collect()
}

fn number(label: &str) -> usize {
    label.split(' ').next().unwrap().parse().unwrap()
}

fn other_names() -> Vec<String> {
    labels(OTHERS.iter().map(|(class, _)| *class))
}

#[divan::bench(args = other_names())]
fn others_structs(bencher: Bencher<'_, '_>, name: &str) {
    let (class, config) = OTHERS[number(name)];
    one(bencher, class, config, &with_schema());
}

#[divan::bench(args = other_names())]
fn others_maps(bencher: Bencher<'_, '_>, name: &str) {
    let (class, config) = OTHERS[number(name)];
    one(bencher, class, config, &schemaless());
}

#[divan::bench(args = labels(of_kinds().iter().map(|(class, ..)| *class)))]
fn others_events(bencher: Bencher<'_, '_>, name: &str) {
    let (class, config, record) = of_kinds().swap_remove(number(name));
    one(bencher, class, config, &record);
}

/// A chain of five, as configurations have them.
fn chain() -> Vec<Box<dyn Transform>> {
    let names = ["RegexRouter", "InsertField$Value", "ReplaceField$Value", "Cast$Value", "ValueToKey"];
    let config = |name: &str| APACHE.iter().find(|(known, _)| *known == name).unwrap().1;
    let of_name = |name: &str| match name {
        // The field has been renamed by then.
        "ValueToKey" => make("org.apache.kafka.connect.transforms.ValueToKey", &[("fields", "f0,first")]),
        _ => make(&format!("org.apache.kafka.connect.transforms.{name}"), config(name)),
    };
    names.into_iter().map(of_name).collect()
}

#[divan::bench]
fn chain_of_five_structs(bencher: Bencher<'_, '_>) {
    apply(bencher, &mut chain(), &with_schema());
}

#[divan::bench]
fn chain_of_five_maps(bencher: Bencher<'_, '_>) {
    apply(bencher, &mut chain(), &schemaless());
}
