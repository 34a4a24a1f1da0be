//! The keys of Aiven's connector (3.4), with their defaults.

use std::sync::LazyLock;

use longshore_api::config::{
    ConfigDef, ConfigKey, ConfigType, Importance, ParsedValue, Validator, Width, invalid_value,
};
use longshore_formats::java_time::parse_zone;

use super::template::Template;

use ConfigType::{Boolean, Class, Int, List, Long, Password, String as Text};
use Importance::{Low, Medium};

/// The fields of a record that may be written.
pub(super) const FIELDS: [&str; 5] = ["key", "value", "offset", "timestamp", "headers"];
pub(super) const FORMATS: [&str; 5] = ["avro", "csv", "json", "jsonl", "parquet"];
pub(super) const COMPRESSIONS: [&str; 4] = ["none", "gzip", "snappy", "zstd"];

/// The table.
pub(super) static TABLE: LazyLock<ConfigDef> = LazyLock::new(|| {
    let in_group = |group: &'static str, keys: Vec<ConfigKey>| {
        keys.into_iter().zip(1..).map(move |(key, order)| {
            let name = key.name.clone();
            let width = key.width;
            key.shown(group, order, width, name)
        })
    };
    let keys = in_group("AWS", aws())
        .chain(in_group("AWS STS", sts()))
        .chain(deprecated())
        .chain(in_group("S3 retry backoff policy", retries()))
        .chain([part_size()])
        .chain(file())
        .chain(format())
        .chain(timestamp());
    ConfigDef::new(keys)
});

fn key(name: &'static str, kind: ConfigType, importance: Importance, doc: &'static str) -> ConfigKey {
    ConfigKey::new(name, kind, importance).doc(doc).default_null()
}

fn aws() -> Vec<ConfigKey> {
    vec![
        key("aws.access.key.id", Password, Medium, "The id of the access key.")
            .validator(Validator::Check(check_password)),
        key("aws.secret.access.key", Password, Medium, "The secret of the access key.")
            .validator(Validator::Check(check_password)),
        key("aws.credentials.provider", Class, Medium, "Where credentials come from; the default chain."),
        key("aws.s3.bucket.name", Text, Medium, "The bucket."),
        key("aws.s3.sse.algorithm", Text, Medium, "The server side encryption: AES256 or aws:kms.")
            .validator(Validator::NonEmptyString),
        key("aws.s3.endpoint", Text, Low, "The URL of the S3 server, where it is not Amazon's.")
            .validator(Validator::Check(check_url)),
        key("aws.s3.region", Text, Medium, "The region of the bucket; us-east-1 if it is not given."),
        key("aws.s3.prefix", Text, Medium, "The first part of the names of objects, in the older way of naming them."),
        key("aws.s3.fetch.page.size", Int, Medium, "Of Aiven's source; without effect.").default("10"),
        key("aws.s3.fetch.buffer.size", Int, Medium, "Of Aiven's source; without effect.").default("1000"),
    ]
}

fn sts() -> Vec<ConfigKey> {
    vec![
        key("aws.sts.role.arn", Text, Medium, "The role to assume."),
        key("aws.sts.role.session.name", Text, Medium, "The name of the session of the assumed role."),
        key("aws.sts.role.session.duration", Int, Medium, "How long a session lasts, in seconds.")
            .default("3600")
            .validator(Validator::Between(900, 43200)),
        key("aws.sts.role.external.id", Text, Medium, "The external id with which the role is assumed."),
        key("aws.sts.config.endpoint", Text, Medium, "The URL of the token service.")
            .default("https://sts.amazonaws.com"),
    ]
}

/// The names of older versions.
fn deprecated() -> Vec<ConfigKey> {
    let old = |name, kind, doc| key(name, kind, Medium, doc);
    vec![
        old("aws_access_key_id", Password, "The older name of aws.access.key.id."),
        old("aws_secret_access_key", Password, "The older name of aws.secret.access.key."),
        old("aws_s3_bucket", Text, "The older name of aws.s3.bucket.name."),
        key("aws_s3_endpoint", Text, Low, "The older name of aws.s3.endpoint."),
        old("aws_s3_region", Text, "The older name of aws.s3.region."),
        old("aws_s3_prefix", Text, "The older name of aws.s3.prefix."),
        old("output_fields", List, "The older name of format.output.fields.").validator(Validator::Check(check_fields)),
        old("output_compression", Text, "The older name of file.compression.type.")
            .validator(Validator::Check(check_compression)),
    ]
}

fn retries() -> Vec<ConfigKey> {
    vec![
        key("aws.s3.backoff.delay.ms", Long, Medium, "The first pause before a request is tried again.")
            .default("100")
            .validator(Validator::AtLeast(1)),
        key("aws.s3.backoff.max.delay.ms", Long, Medium, "The longest pause before a request is tried again.")
            .default("20000")
            .validator(Validator::AtLeast(1)),
        key("aws.s3.backoff.max.retries", Int, Medium, "How often a request is tried again at once.")
            .default("3")
            .validator(Validator::Between(1, 30)),
    ]
}

fn part_size() -> ConfigKey {
    key("aws.s3.part.size.bytes", Int, Medium, "The size of the parts in which an object is uploaded, in bytes.")
        .default("5242880")
        .validator(Validator::Check(check_part_size))
        .shown("AWS", 0, Width::None, "aws.s3.part.size.bytes")
}

fn file() -> Vec<ConfigKey> {
    let shown = |key: ConfigKey, order, width| {
        let name = key.name.clone();
        key.shown("File", order, width, name)
    };
    vec![
        shown(
            key("file.name.template", Text, Medium, "The names of objects; {{topic}}-{{partition}}-{{start_offset}}.")
                .validator(Validator::Check(check_template)),
            1,
            Width::Long,
        ),
        shown(key("file.prefix.template", Text, Medium, "Of Aiven's source; without effect."), 2, Width::Long),
        shown(
            key("file.compression.type", Text, Medium, "The compression of objects; gzip if it is not given.")
                .validator(Validator::Check(check_compression))
                .recommended(COMPRESSIONS.map(str::to_owned).to_vec()),
            2,
            Width::None,
        ),
        shown(
            key("file.max.records", Int, Medium, "The most records of an object; 0 for any number.")
                .default("0")
                .validator(Validator::AtLeast(0)),
            4,
            Width::Short,
        ),
        shown(
            key("file.name.timestamp.timezone", Text, Low, "The time zone of {{timestamp}}.")
                .default("Z")
                .validator(Validator::Check(check_zone)),
            5,
            Width::Short,
        ),
        shown(
            key("file.name.timestamp.source", Text, Low, "The time of {{timestamp}}: WALLCLOCK or EVENT.")
                .default("WALLCLOCK")
                .validator(Validator::Check(check_source)),
            6,
            Width::Short,
        ),
    ]
}

fn format() -> Vec<ConfigKey> {
    let shown = |key: ConfigKey, order, width| {
        let name = key.name.clone();
        key.shown("Format", order, width, name)
    };
    vec![
        shown(
            key("format.output.type", Text, Medium, "The format of objects: csv, json, jsonl, avro or parquet.")
                .default("csv")
                .validator(Validator::Check(check_format))
                .recommended(FORMATS.map(str::to_owned).to_vec()),
            0,
            Width::None,
        ),
        shown(
            key("format.output.fields", List, Medium, "What is written of a record; its value if it is not given.")
                .validator(Validator::Check(check_fields))
                .recommended(FIELDS.map(str::to_owned).to_vec()),
            0,
            Width::None,
        ),
        shown(
            key("format.output.fields.value.encoding", Text, Medium, "How csv writes values: base64 or none.")
                .default("base64")
                .validator(Validator::Check(check_encoding))
                .recommended(vec!["none".to_owned(), "base64".to_owned()]),
            1,
            Width::None,
        ),
        shown(
            key("format.output.envelope", Boolean, Medium, "Whether a single field stands in an object of its own.")
                .default("true"),
            2,
            Width::Short,
        ),
    ]
}

fn timestamp() -> Vec<ConfigKey> {
    vec![
        key("timestamp.timezone", Text, Low, "The time zone of {{timestamp}} in aws.s3.prefix.")
            .default("Z")
            .validator(Validator::Check(check_zone))
            .shown("File", 0, Width::Short, "timestamp.timezone"),
        key("timestamp.source", Text, Low, "The time of {{timestamp}} in aws.s3.prefix: WALLCLOCK or EVENT.")
            .default("WALLCLOCK")
            .validator(Validator::Check(check_source))
            .shown("File", 1, Width::Short, "timestamp.source"),
    ]
}

fn check_password(name: &str, value: &ParsedValue) -> Result<(), String> {
    match value {
        ParsedValue::Password(text) if text.is_empty() => {
            Err(invalid_value(name, Some("[hidden]"), "Password must be non-empty"))
        }
        _ => Ok(()),
    }
}

fn check_url(name: &str, value: &ParsedValue) -> Result<(), String> {
    match value {
        ParsedValue::Text(url) if !url.starts_with("http://") && !url.starts_with("https://") => {
            Err(invalid_value(name, Some(url), "should be valid URL"))
        }
        _ => Ok(()),
    }
}

fn check_part_size(name: &str, value: &ParsedValue) -> Result<(), String> {
    const MOST: i64 = 2_000_000_000;
    match value {
        ParsedValue::Integer(size) if *size <= 0 => {
            Err(invalid_value(name, Some(&size.to_string()), "Part size must be greater than 0"))
        }
        ParsedValue::Integer(size) if *size > MOST => {
            let why = format!("Part size must be no more: {MOST} bytes (2GB)");
            Err(invalid_value(name, Some(&size.to_string()), &why))
        }
        _ => Ok(()),
    }
}

fn check_template(name: &str, value: &ParsedValue) -> Result<(), String> {
    let ParsedValue::Text(text) = value else { return Ok(()) };
    if text.starts_with(".well-known/acme-challenge") {
        return Err(invalid_value(name, Some(text), "cannot start with '.well-known/acme-challenge'"));
    }
    let template = Template::new(text).and_then(|template| template.grouping());
    template.map(|_| ()).map_err(|why| invalid_value(name, Some(text), &why))
}

fn one_of(name: &str, value: &ParsedValue, known: &[&str]) -> Result<(), String> {
    match value {
        ParsedValue::Text(text) if !known.iter().any(|known| known.eq_ignore_ascii_case(text)) => {
            let known: Vec<String> = known.iter().map(|known| format!("'{known}'")).collect();
            Err(invalid_value(name, Some(text), &format!("supported values are: {}", known.join(", "))))
        }
        _ => Ok(()),
    }
}

fn check_compression(name: &str, value: &ParsedValue) -> Result<(), String> {
    one_of(name, value, &COMPRESSIONS)
}

fn check_format(name: &str, value: &ParsedValue) -> Result<(), String> {
    one_of(name, value, &FORMATS)
}

fn check_encoding(name: &str, value: &ParsedValue) -> Result<(), String> {
    one_of(name, value, &["none", "base64"])
}

fn check_source(name: &str, value: &ParsedValue) -> Result<(), String> {
    one_of(name, value, &["wallclock", "event"])
}

fn check_fields(name: &str, value: &ParsedValue) -> Result<(), String> {
    let ParsedValue::List(fields) = value else { return Ok(()) };
    let shown = Some(format!("[{}]", fields.join(", ")));
    if fields.is_empty() {
        return Err(invalid_value(name, shown.as_deref(), "cannot be empty"));
    }
    if fields.iter().any(|field| !FIELDS.iter().any(|known| known.eq_ignore_ascii_case(field))) {
        let known: Vec<String> = FIELDS.iter().map(|known| format!("'{known}'")).collect();
        return Err(invalid_value(name, shown.as_deref(), &format!("supported values are: {}", known.join(", "))));
    }
    Ok(())
}

fn check_zone(name: &str, value: &ParsedValue) -> Result<(), String> {
    match value {
        ParsedValue::Text(zone) => {
            parse_zone(zone).map(|_| ()).map_err(|why| invalid_value(name, Some(zone), &why.to_string()))
        }
        _ => Ok(()),
    }
}
