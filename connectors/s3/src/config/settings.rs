//! What the keys mean.

use std::time::Duration;

use longshore_api::config::{ParsedConfig, Props};
use longshore_formats::java_time::parse_zone;

use super::table::{BUFFER_MEMORY, MANIFEST, ROTATE_IDLE, WRITER_PER_SCHEMA};
use crate::aiven::Namer;
use crate::format::{self, Column, Formats};
use crate::lake::COMPACTED;
use crate::manifest;
use crate::partitioner::{Affix, Partitioner};
use crate::rotation::Rules;
use crate::schema::Compatibility;

/// The least size of a part that S3 takes, but for an object's last.
pub(crate) const MIN_PART_SIZE: usize = 5 * 1024 * 1024;

pub(super) const ZONE_HELP: &str = "The time zone of paths and of scheduled rotation.";

/// A connector's settings.
#[derive(Debug)]
pub(crate) struct Settings {
    /// How the bucket is reached.
    pub(crate) access: Access,
    /// The template of names, where they have one.
    pub(crate) namer: Option<Namer>,
    /// The names of objects.
    pub(crate) layout: Layout,
    /// What is written of a record, and how.
    pub(crate) formats: Formats,
    /// The paths of records.
    pub(crate) partitioner: Partitioner,
    /// Whether the name of the schema is a part of the path.
    pub(crate) affix: Affix,
    /// When files are closed.
    pub(crate) rules: Rules,
    /// What a changed schema does.
    pub(crate) compatibility: Compatibility,
    /// Whether a path has a file for each schema.
    pub(crate) is_per_schema: bool,
    /// Whether each object gets a manifest.
    pub(crate) has_manifests: bool,
    /// What is done with null values.
    pub(crate) null_values: NullValues,
    /// The most files that a partition has open.
    pub(crate) max_open_files: usize,
    /// The size of parts, in bytes.
    pub(crate) part_size: usize,
    /// The most bytes that the task holds.
    pub(crate) buffer_memory: usize,
    /// The pause before an upload that failed is tried again.
    pub(crate) retry_backoff: Duration,
    /// Whether a bucket's tags cannot be set fails the task, and the tags; `None` for no tags.
    pub(crate) tags: Option<Tags>,
}

/// The tags of objects, beside those of offsets and counts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tags {
    pub(crate) pairs: Vec<(String, String)>,
    pub(crate) is_required: bool,
}

/// How the bucket is reached.
#[derive(Clone)]
pub(crate) struct Access {
    pub(crate) bucket: String,
    pub(crate) region: String,
    /// URL of a server that is not Amazon's.
    pub(crate) endpoint: Option<String>,
    pub(crate) path_style: bool,
    pub(crate) accelerate: bool,
    pub(crate) credentials: Credentials,
    pub(crate) encryption: Encryption,
    pub(crate) acl: Option<String>,
    pub(crate) send_digest: bool,
    /// URL, user and password.
    pub(crate) proxy: Option<(String, String, String)>,
    /// How often a request is tried again at once, and the first pause.
    pub(crate) retries: (u32, Duration),
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access").field("bucket", &self.bucket).finish_non_exhaustive()
    }
}

/// Where credentials come from.
#[derive(Clone)]
pub(crate) enum Credentials {
    /// Environment, profile, web identity, container, instance: in that order.
    Chain,
    Static {
        id: String,
        secret: String,
    },
    AssumeRole {
        arn: String,
        external_id: Option<String>,
        session: String,
        region: Option<String>,
        /// URL of the token service, where it is not Amazon's.
        endpoint: Option<String>,
        /// How long a session lasts; `None` for the service's default.
        duration: Option<Duration>,
    },
}

/// Encryption on the server.
#[derive(Clone, Default)]
pub(crate) struct Encryption {
    /// `AES256`, `aws:kms` or `aws:kms:dsse`.
    pub(crate) algorithm: Option<String>,
    pub(crate) kms_key: Option<String>,
    /// The customer's key, in base64.
    pub(crate) customer_key: Option<String>,
}

/// What is done with a record whose value is null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NullValues {
    Fail,
    Ignore { report: bool },
    Write,
}

/// The names of objects.
#[derive(Debug, Clone, Default)]
pub(crate) struct Layout {
    pub(crate) topics_dir: String,
    pub(crate) directory_delimiter: String,
    pub(crate) file_delimiter: String,
    pub(crate) pad: usize,
    pub(crate) tombstone_path: String,
}

impl Layout {
    /// The first part of the names of a topic's objects, its delimiter included.
    pub(crate) fn topic_prefix(&self, topic: &str) -> String {
        let delimiter = &self.directory_delimiter;
        match self.topics_dir.trim() {
            "" => format!("{topic}{delimiter}"),
            _ => format!("{}{delimiter}{topic}{delimiter}", self.topics_dir),
        }
    }

    /// Whether a sink gives a partition's object this name, whatever its path. Compaction gives its own others.
    pub(crate) fn is_of(&self, key: &str, topic: &str, partition: i32) -> bool {
        let (delimiter, between) = (&self.directory_delimiter, &self.file_delimiter);
        let name = format!("{delimiter}{topic}{between}{partition}{between}");
        key.rfind(&name).is_some_and(|at| {
            let offset = &key[at + name.len()..];
            offset.starts_with(|first: char| first.is_ascii_digit())
                && !offset.contains(delimiter.as_str())
                && !offset.contains(COMPACTED)
        })
    }

    /// The name of the object of a file that starts at an offset, as far as its format's extension.
    pub(crate) fn key(&self, topic: &str, partition: i32, path: &str, offset: i64) -> String {
        let (prefix, delimiter, between) = (self.topic_prefix(topic), &self.directory_delimiter, &self.file_delimiter);
        let pad = self.pad;
        format!("{prefix}{path}{delimiter}{topic}{between}{partition}{between}{offset:0pad$}")
    }
}

impl Layout {
    /// The name of an object's manifest. Query engines pass over names that begin with an underscore.
    pub(crate) fn manifest_key(&self, key: &str) -> String {
        manifest::key(key, &self.directory_delimiter)
    }
}

type Wrong = (&'static str, String, String);

impl Settings {
    /// Reads them from a configuration whose keys are valid one by one.
    ///
    /// # Errors
    /// The key, its value, and what is wrong with it.
    pub(crate) fn new(config: &ParsedConfig, props: &Props) -> Result<Self, Wrong> {
        let positive = |key| Some(config.integer(key)).filter(|millis| *millis > 0);
        let partitioner = Partitioner::new(config)?;
        let interval = positive("rotate.interval.ms");
        if interval.is_some() && !partitioner.is_time_based() {
            tracing::warn!("rotate.interval.ms has no effect: it needs a time based partitioner");
        }
        let schedule = match positive("rotate.schedule.interval.ms") {
            None => None,
            Some(interval) => Some((interval, schedule_zone(config)?)),
        };
        let size = |key| usize::try_from(config.integer(key)).unwrap_or(usize::MAX);
        Ok(Self {
            access: access(config)?,
            namer: None,
            layout: Layout {
                topics_dir: config.string("topics.dir").to_owned(),
                directory_delimiter: config.string("directory.delim").to_owned(),
                file_delimiter: config.string("file.delim").to_owned(),
                pad: size("filename.offset.zero.pad.width").min(20),
                tombstone_path: config.string("tombstone.encoded.partition").to_owned(),
            },
            formats: formats(config, props)?,
            rules: Rules {
                flush_size: u64::try_from(config.integer("flush.size")).unwrap_or(0).max(1),
                interval: interval.filter(|_| partitioner.is_time_based()),
                on_partition_change: config.boolean("rotate.file.on.partition.change"),
                schedule,
                idle: positive(ROTATE_IDLE),
                at_flush: false,
            },
            partitioner,
            affix: Affix::new(config.string("s3.schema.partition.affix.type")),
            compatibility: Compatibility::new(config.string("schema.compatibility")),
            is_per_schema: config.boolean(WRITER_PER_SCHEMA),
            has_manifests: config.boolean(MANIFEST),
            null_values: match config.string("behavior.on.null.values").to_ascii_lowercase().as_str() {
                "ignore" => NullValues::Ignore { report: config.boolean("report.null.values.to.dlq") },
                "write" => NullValues::Write,
                _ => NullValues::Fail,
            },
            max_open_files: match config.integer("partitioner.max.open.files") {
                most if most > 0 => usize::try_from(most).unwrap_or(usize::MAX),
                _ => usize::MAX,
            },
            part_size: size("s3.part.size"),
            buffer_memory: size(BUFFER_MEMORY),
            retry_backoff: Duration::from_millis(u64::try_from(config.integer("retry.backoff.ms")).unwrap_or(0)),
            tags: tags(config)?,
        })
    }
}

fn schedule_zone(config: &ParsedConfig) -> Result<longshore_formats::java_time::Zone, Wrong> {
    let zone = config.string("timezone");
    if zone.is_empty() {
        let why = "timezone configuration must be set when using rotate.schedule.interval.ms";
        return Err(("timezone", String::new(), why.to_owned()));
    }
    parse_zone(zone)
        .map_err(|_| ("timezone", zone.to_owned(), format!("The datetime zone id '{zone}' is not recognised")))
}

fn text(config: &ParsedConfig, key: &str) -> Option<String> {
    config.text(key).map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn access(config: &ParsedConfig) -> Result<Access, Wrong> {
    let endpoint =
        text(config, "store.url").map(|url| if url.contains("://") { url } else { format!("https://{url}") });
    let part_retries = u32::try_from(config.integer("s3.part.retries")).unwrap_or(u32::MAX);
    let backoff = Duration::from_millis(u64::try_from(config.integer("s3.retry.backoff.ms")).unwrap_or(0));
    Ok(Access {
        bucket: config.string("s3.bucket.name").to_owned(),
        region: config.string("s3.region").to_owned(),
        endpoint,
        path_style: config.boolean("s3.path.style.access.enabled"),
        accelerate: config.boolean("s3.wan.mode"),
        credentials: credentials(config)?,
        encryption: Encryption {
            algorithm: text(config, "s3.ssea.name"),
            kms_key: text(config, "s3.sse.kms.key.id"),
            customer_key: text(config, "s3.sse.customer.key"),
        },
        acl: text(config, "s3.acl.canned"),
        send_digest: config.boolean("s3.send.digest"),
        proxy: text(config, "s3.proxy.url")
            .map(|url| (url, config.string("s3.proxy.user").to_owned(), config.string("s3.proxy.password").to_owned())),
        retries: (part_retries, backoff),
    })
}

/// The providers of credentials that stand for the default chain.
const CHAINS: [&str; 2] = [
    "software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider",
    "com.amazonaws.auth.DefaultAWSCredentialsProviderChain",
];
const ASSUME_ROLE: &str = "io.confluent.connect.s3.auth.AwsAssumeRoleCredentialsProvider";

fn credentials(config: &ParsedConfig) -> Result<Credentials, Wrong> {
    const CLASS: &str = "s3.credentials.provider.class";
    if let (Some(id), Some(secret)) = (text(config, "aws.access.key.id"), text(config, "aws.secret.access.key")) {
        return Ok(Credentials::Static { id, secret });
    }
    match config.string(CLASS) {
        class if CHAINS.contains(&class) || class.is_empty() => Ok(Credentials::Chain),
        ASSUME_ROLE => {
            let required = |key: &'static str| {
                text(config, key).ok_or_else(|| (key, String::new(), format!("{key} is needed by {ASSUME_ROLE}")))
            };
            Ok(Credentials::AssumeRole {
                arn: required("s3.credentials.provider.sts.role.arn")?,
                session: required("s3.credentials.provider.sts.role.session.name")?,
                external_id: text(config, "s3.credentials.provider.sts.role.external.id"),
                region: text(config, "s3.credentials.provider.sts.region"),
                endpoint: None,
                duration: None,
            })
        }
        class => Err((CLASS, class.to_owned(), "Java classes cannot be loaded".to_owned())),
    }
}

fn formats(config: &ParsedConfig, props: &Props) -> Result<Formats, Wrong> {
    let mut columns = vec![(Column::Value, "format.class")];
    if config.boolean("store.kafka.keys") {
        columns.push((Column::Key, "keys.format.class"));
    }
    if config.boolean("store.kafka.headers") {
        columns.push((Column::Headers, "headers.format.class"));
    }
    let columns = columns
        .into_iter()
        .map(|(column, key)| {
            let class = config.string(key);
            let unknown = || (key, class.to_owned(), format!("Class {class} could not be found."));
            format::kind(class).map(|kind| (column, kind)).ok_or_else(unknown)
        })
        .collect::<Result<Vec<_>, _>>()?;
    Formats::new(columns, config, props)
}

fn tags(config: &ParsedConfig) -> Result<Option<Tags>, Wrong> {
    const PAIRS: &str = "s3.object.tagging.key.value.pairs";
    if !config.boolean("s3.object.tagging") {
        return Ok(None);
    }
    let pairs = config.list(PAIRS).iter().filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| match pair.split_once(':') {
        Some((key, value)) if !key.is_empty() => Ok((key.trim().to_owned(), value.trim().to_owned())),
        _ => Err((PAIRS, pair.clone(), "a tag is written key:value".to_owned())),
    });
    Ok(Some(Tags {
        pairs: pairs.collect::<Result<_, _>>()?,
        is_required: config.string("s3.object.behavior.on.tagging.error").eq_ignore_ascii_case("fail"),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_a_partition_are_told_from_those_of_others_and_of_compaction() {
        let layout = Layout {
            topics_dir: "topics".to_owned(),
            directory_delimiter: "/".to_owned(),
            file_delimiter: "+".to_owned(),
            ..Layout::default()
        };
        for key in ["topics/orders/p=3/orders+3+0000001200.json", "topics/orders/a/b/orders+3+7.keys.avro"] {
            assert!(layout.is_of(key, "orders", 3), "{key}");
        }
        for key in [
            "topics/orders/p=31/orders+31+0000001200.json",
            "topics/orders/p=3/orders+3+0000001200.0000004799.compacted.snappy.parquet",
            "topics/orders/p=3/orders+3+part.json",
            "topics/orders/orders+3+12/notes.json",
        ] {
            assert!(!layout.is_of(key, "orders", 3), "{key}");
        }
    }
}
