//! The keys of Confluent's connector (12.1), with their defaults.

use std::sync::LazyLock;

use longshore_api::config::{
    ConfigDef, ConfigKey, ConfigType, Importance, ParsedValue, Validator, Width, invalid_value,
};

use super::settings::{MIN_PART_SIZE, ZONE_HELP};
use crate::format;
use crate::partitioner;

use ConfigType::{Boolean, Class, Int, List, Long, Password, String as Text};
use Importance::{High, Low, Medium};

/// Class of the only storage.
pub(crate) const STORAGE: &str = "io.confluent.connect.s3.storage.S3Storage";

/// The key of Longshore's own that bounds what a task holds.
pub(crate) const BUFFER_MEMORY: &str = "longshore.buffer.memory";
/// The key of Longshore's own that ends the wait of a file to which nothing is added.
pub(crate) const ROTATE_IDLE: &str = "longshore.rotate.idle.ms";

/// The key of Longshore's own that gives a schema to values without one.
pub(crate) const PARQUET_SCHEMA: &str = "longshore.parquet.schema";
/// The key of Longshore's own for manifests beside the objects.
pub(crate) const MANIFEST: &str = "longshore.manifest.enable";
/// The key of Longshore's own that keeps a file open for each schema.
pub(crate) const WRITER_PER_SCHEMA: &str = "longshore.writer.per.schema";

const CANNED_ACLS: &[&str] = &[
    "private",
    "public-read",
    "public-read-write",
    "authenticated-read",
    "aws-exec-read",
    "bucket-owner-read",
    "bucket-owner-full-control",
];

/// The table.
pub(crate) static TABLE: LazyLock<ConfigDef> = LazyLock::new(|| {
    let groups = [
        ("Connector", connector()),
        ("Schema", schema()),
        ("S3", s3()),
        ("Keys and Headers", keys_and_headers()),
        ("Storage", storage()),
        ("Partitioner", partitioner_keys()),
        ("Credentials", credentials()),
        ("Longshore", additions()),
    ];
    ConfigDef::new(groups.into_iter().flat_map(|(group, keys)| {
        keys.into_iter().zip(1..).map(move |(key, order)| {
            let name = display_name(&key.name);
            key.shown(group, order, Width::Long, name)
        })
    }))
});

/// `s3.part.size` becomes `S3 Part Size`.
fn display_name(key: &str) -> String {
    let word = |word: &str| match word {
        "s3" | "ms" | "acl" | "kms" | "sse" | "aws" | "url" => word.to_uppercase(),
        _ => word[..1].to_uppercase() + &word[1..],
    };
    key.split('.').map(word).collect::<Vec<_>>().join(" ")
}

fn key(name: &'static str, kind: ConfigType, importance: Importance, doc: &'static str) -> ConfigKey {
    ConfigKey::new(name, kind, importance).doc(doc)
}

fn connector() -> Vec<ConfigKey> {
    vec![
        key("format.class", Class, High, "How records are written to objects: JSON, Avro, Parquet or bytes.")
            .validator(Validator::Check(format::check_class))
            .recommended(format::CLASSES.iter().map(|(class, _)| (*class).to_owned()).collect()),
        key("flush.size", Int, High, "After so many records of a partition its files are closed and committed."),
        key(
            "rotate.interval.ms",
            Long,
            High,
            "The span of time, by the clock of timestamp.extractor, that files of a partition cover before they are \
             committed; off when not positive. Looked at when a record comes.",
        )
        .default("-1"),
        key(
            "rotate.schedule.interval.ms",
            Long,
            Medium,
            "Files are committed at these intervals of the wall clock, counted from midnight in timezone; off when \
             not positive.",
        )
        .default("-1"),
        key("schemas.cache.config", Int, Low, "How many schemas the Avro format keeps.").default("1000"),
        key("enhanced.avro.schema.support", Boolean, Low, "Whether Avro files keep enums and namespaces.")
            .default("true"),
        key("connect.meta.data", Boolean, Low, "Whether Avro files keep Connect's names and versions of schemas.")
            .default("true"),
        key("retry.backoff.ms", Long, Low, "The pause before a failed upload is tried again, in milliseconds.")
            .default("5000"),
        key("filename.offset.zero.pad.width", Int, Low, "The digits of offsets in names of objects.")
            .default("10")
            .validator(Validator::AtLeast(0)),
        key("avro.codec", Text, Low, "The compression of Avro files: null, deflate, snappy or bzip2.")
            .default("null")
            .validator(Validator::OneOf(&["null", "deflate", "snappy", "bzip2"])),
        key("allow.optional.map.keys", Boolean, Low, "Whether the keys of maps may be optional in Avro files.")
            .default("false"),
        key("parquet.codec", Text, Low, "The compression of Parquet files.")
            .default("snappy")
            .validator(Validator::OneOf(&["none", "snappy", "gzip", "lzo", "brotli", "lz4", "lz4_raw", "zstd"])),
    ]
}

fn schema() -> Vec<ConfigKey> {
    let modes = ["NONE", "BACKWARD", "FORWARD", "FULL"];
    vec![
        key(
            "schema.compatibility",
            Text,
            High,
            "What a changed schema does: NONE closes the files, the others project records to the schema of the file \
             where they can.",
        )
        .default("NONE")
        .recommended(modes.map(str::to_owned).to_vec()),
    ]
}

fn s3() -> Vec<ConfigKey> {
    vec![
        key("s3.bucket.name", Text, High, "The bucket."),
        key("s3.object.tagging", Boolean, Low, "Whether objects are tagged with their offsets and record count.")
            .default("false"),
        key("s3.object.tagging.key.value.pairs", List, Low, "Further tags, each key:value.").default(""),
        key("s3.object.behavior.on.tagging.error", Text, Low, "Whether the task fails when tags cannot be set.")
            .default("ignore")
            .validator(Validator::OneOfIgnoreCase(&["ignore", "fail"])),
        key("s3.region", Text, Medium, "The region of the bucket.").default("us-west-2"),
        key("s3.part.size", Int, High, "The size of the parts in which an object is uploaded, in bytes.")
            .default("26214400")
            .validator(Validator::Check(check_part_size)),
        key("s3.credentials.provider.class", Class, Low, "Where credentials come from.")
            .default("software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider"),
        key("aws.access.key.id", Text, High, "The id of the access key; used when both it and the secret are set.")
            .default(""),
        key("aws.secret.access.key", Password, High, "The secret of the access key.").default_null(),
        key("s3.ssea.name", Text, Low, "The server side encryption: AES256, aws:kms or aws:kms:dsse.")
            .default("")
            .validator(Validator::OneOf(&["", "AES256", "aws:kms", "aws:kms:dsse"])),
        key("s3.sse.customer.key", Password, Low, "The customer's key of encryption, in base64; used with AES256.")
            .default_null(),
        key("s3.sse.kms.key.id", Text, Low, "The id of the key of encryption; used with aws:kms.").default(""),
        key("s3.acl.canned", Text, Low, "The canned access control list of objects.")
            .default_null()
            .validator(Validator::Check(check_acl)),
        key("s3.wan.mode", Boolean, Medium, "Whether uploads go through the accelerated endpoint.").default("false"),
        key("s3.compression.type", Text, Low, "The compression of JSON and bytes: none or gzip.")
            .default("none")
            .validator(Validator::OneOfIgnoreCase(&["none", "gzip"])),
        key("s3.compression.level", Int, Low, "The level of gzip, 0 to 9; -1 for its default.")
            .default("-1")
            .validator(Validator::Between(-1, 9)),
        key("json.decimal.format", Text, Medium, "How decimals are written to JSON: BASE64 or NUMERIC.")
            .default("BASE64")
            .validator(Validator::OneOfIgnoreCase(&["BASE64", "NUMERIC"])),
        key("s3.part.retries", Int, Low, "How often a failed request is tried again at once.")
            .default("3")
            .validator(Validator::AtLeast(0)),
        key("s3.retry.backoff.ms", Long, Low, "The first pause between these tries, in milliseconds.")
            .default("200")
            .validator(Validator::AtLeast(0)),
        key("format.bytearray.extension", Text, Low, "The end of the names of objects of bytes.").default(".bin"),
        key("format.bytearray.separator", Text, Low, "What stands after each record of bytes; a line end by default.")
            .default_null(),
        key("s3.proxy.url", Text, Low, "The URL of a proxy.").default(""),
        key("s3.proxy.user", Text, Low, "The user of the proxy.").default_null(),
        key("s3.proxy.password", Password, Low, "The password of the proxy.").default_null(),
        key("s3.http.send.expect.continue", Boolean, Low, "Accepted; uploads do not ask before they send.")
            .default("true"),
        key("behavior.on.null.values", Text, Low, "What is done with a null value: fail, ignore or write.")
            .default("fail")
            .validator(Validator::OneOfIgnoreCase(&["ignore", "fail", "write"])),
        key("report.null.values.to.dlq", Boolean, Low, "Whether ignored null values are reported.").default("true"),
        key("max.write.duration.ms", Long, Low, "Accepted; a call never waits for long.")
            .default("9223372036854775807"),
        key(
            "rotate.file.on.partition.change",
            Boolean,
            Low,
            "Whether, with rotate.interval.ms, a record of another \
             path than the one before closes the files.",
        )
        .default("true"),
        key("tombstone.encoded.partition", Text, Low, "The path of the keys of null values.").default("tombstone"),
        key("s3.schema.partition.affix.type", Text, Low, "Whether the name of the schema is a part of the path.")
            .default("NONE")
            .validator(Validator::OneOfIgnoreCase(&["NONE", "PREFIX", "SUFFIX"])),
        key("s3.send.digest", Boolean, Low, "Whether each upload carries the MD5 sum of its content.").default("false"),
        key("enable.conditional.writes", Boolean, Low, "Accepted; see the connector's README.").default("true"),
        key("max.files.scan.limit", Int, Low, "Accepted without effect.").default("100"),
        key("partitioner.max.open.files", Int, Low, "The most files that a partition has open; -1 for any number.")
            .default("-1"),
    ]
}

/// Keys of the provider of credentials; Confluent's table does not show them.
fn credentials() -> Vec<ConfigKey> {
    let hidden = |name, doc| key(name, Text, Low, doc).default_null().hidden();
    vec![
        hidden("s3.credentials.provider.sts.role.arn", "The role to assume."),
        hidden("s3.credentials.provider.sts.role.external.id", "The external id with which the role is assumed."),
        hidden("s3.credentials.provider.sts.role.session.name", "The name of the session of the assumed role."),
        hidden("s3.credentials.provider.sts.region", "The region of the token service."),
    ]
}

fn keys_and_headers() -> Vec<ConfigKey> {
    vec![
        key("store.kafka.keys", Boolean, Low, "Whether keys are written, to objects beside those of the values.")
            .default("false"),
        key("store.kafka.headers", Boolean, Low, "Whether headers are written, to objects beside those of the values.")
            .default("false"),
        key("keys.format.class", Class, Low, "The format of the objects of keys.")
            .default(format::AVRO)
            .validator(Validator::Check(format::check_class)),
        key("headers.format.class", Class, Low, "The format of the objects of headers.")
            .default(format::AVRO)
            .validator(Validator::Check(format::check_class)),
        key("s3.path.style.access.enabled", Boolean, Low, "Whether the bucket stands in the path of the URL.")
            .default("true"),
        key("s3.elastic.buffer.enable", Boolean, Low, "Accepted; buffers always grow as they are needed.")
            .default("false"),
        key("s3.elastic.buffer.init.capacity", Int, Low, "Accepted without effect.")
            .default("131072")
            .validator(Validator::AtLeast(4096)),
    ]
}

fn storage() -> Vec<ConfigKey> {
    vec![
        key("storage.class", Class, High, "The storage; there is one.").validator(Validator::Check(check_storage)),
        key("topics.dir", Text, High, "The first part of the names of all objects.").default("topics"),
        key("store.url", Text, High, "The URL of the S3 server, where it is not Amazon's.").default_null(),
        key("directory.delim", Text, Medium, "What stands between the parts of a path.").default("/"),
        key("file.delim", Text, Medium, "What stands between topic, partition and offset.").default("+"),
    ]
}

fn partitioner_keys() -> Vec<ConfigKey> {
    vec![
        key("partitioner.class", Class, High, "How records are spread over paths.")
            .default("io.confluent.connect.storage.partitioner.DefaultPartitioner")
            .validator(Validator::Check(partitioner::check_class))
            .dependents(&[
                "partition.field.name",
                "partition.duration.ms",
                "path.format",
                "locale",
                "timezone",
                "schema.generator.class",
            ]),
        key("partition.field.name", List, Medium, "The fields whose values make the path.").default(""),
        key("partition.duration.ms", Long, Medium, "The span of time of a path, in milliseconds.").default("-1"),
        key("path.format", Text, Medium, "The pattern of the path, of Joda-Time.").default(""),
        key("locale", Text, Medium, "The locale; names in paths are English.").default(""),
        key("timezone", Text, Medium, ZONE_HELP).default(""),
        key("timestamp.extractor", Text, Medium, "Which time counts: Wallclock, Record or RecordField.")
            .default("Wallclock")
            .validator(Validator::Check(partitioner::check_extractor)),
        key("timestamp.field", Text, Medium, "The field that holds the time, for RecordField.").default("timestamp"),
    ]
}

fn additions() -> Vec<ConfigKey> {
    vec![
        key(
            BUFFER_MEMORY,
            Long,
            Low,
            "The most bytes of objects that a task holds in memory. What is more goes to the server early, or to \
             temporary files.",
        )
        .default("33554432")
        .validator(Validator::AtLeast(16 * 1024 * 1024)),
        key(
            PARQUET_SCHEMA,
            Text,
            Low,
            "The schema of Parquet files for values that have none, JSON mostly, in Parquet's notation: message \
             order { required int64 id; optional binary name (STRING); }. Without it the schema is found in the values.",
        )
        .default(""),
        key(
            ROTATE_IDLE,
            Long,
            Low,
            "Files of a partition to which nothing was added for so long are committed; off when not positive.",
        )
        .default("-1"),
        key(
            MANIFEST,
            Boolean,
            Low,
            "Whether a manifest stands beside each object: its topic, partition, offsets, count, bytes, checksum, \
             timestamps and schema as JSON.",
        )
        .default("false"),
        key(
            WRITER_PER_SCHEMA,
            Boolean,
            Low,
            "Whether a path has a file for each schema, all of them open, so that producers of two schemas do not close \
             each other's files. Needs schema.compatibility NONE.",
        )
        .default("false"),
    ]
}

fn check_part_size(name: &str, value: &ParsedValue) -> Result<(), String> {
    match value {
        ParsedValue::Integer(size) if *size >= MIN_PART_SIZE as i64 => Ok(()),
        value => Err(invalid_value(
            name,
            value.shown().as_deref(),
            &format!("Part size must be at least: {MIN_PART_SIZE} bytes (5MB)"),
        )),
    }
}

fn check_acl(name: &str, value: &ParsedValue) -> Result<(), String> {
    match value {
        ParsedValue::Text(acl) if !CANNED_ACLS.contains(&acl.as_str()) => {
            Err(invalid_value(name, Some(acl), &format!("Value must be one of: {}", CANNED_ACLS.join(", "))))
        }
        _ => Ok(()),
    }
}

fn check_storage(name: &str, value: &ParsedValue) -> Result<(), String> {
    match value {
        ParsedValue::Text(class) if class == STORAGE => Ok(()),
        ParsedValue::Text(class) => {
            Err(invalid_value(name, Some(class), &format!("Class {class} could not be found.")))
        }
        _ => Ok(()),
    }
}
