//! What Aiven's keys mean.

use std::time::Duration;

use longshore_api::config::{ConfigValue, ParsedConfig, Props, add_error, invalid_value};
use longshore_api::{ConnectError, Result};
use longshore_formats::java_time::parse_zone;

use super::Namer;
use super::table::TABLE;
use super::template::Template;
use crate::config::{Access, BUFFER_MEMORY, Credentials, Encryption, Layout, MIN_PART_SIZE, NullValues, Settings};
use crate::format::{Codec, Formats, Output, OutputKind, Packing, Part};
use crate::partitioner::{Affix, Partitioner};
use crate::rotation::Rules;
use crate::schema::Compatibility;

/// What a task holds where `longshore.buffer.memory` does not say.
const DEFAULT_MEMORY: usize = 32 << 20;

/// Checks that look at several keys.
pub(super) fn validate(props: &Props, values: &mut Vec<ConfigValue>) {
    let Ok(config) = TABLE.parse(props) else { return };
    if let Err((key, why)) = read(&config, props) {
        add_error(values, key, why);
    }
}

/// The settings of a task.
///
/// # Errors
/// Kind Config.
pub(super) fn settings(props: &Props) -> Result<Settings> {
    let config = TABLE.parse(props)?;
    read(&config, props).map_err(|(_, why)| ConnectError::config(why))
}

type Wrong = (&'static str, String);

fn read(config: &ParsedConfig, props: &Props) -> Result<Settings, Wrong> {
    let either =
        |key: &'static str, old: &'static str| config.text(key).or_else(|| config.text(old)).map(str::to_owned);
    let prefix = either("aws.s3.prefix", "aws_s3_prefix");
    let compression = either("file.compression.type", "output_compression").unwrap_or_else(|| "gzip".to_owned());
    let packing = Packing::new(&compression).ok_or(("file.compression.type", "unknown compression".to_owned()))?;
    let kind = OutputKind::new(config.string("format.output.type"))
        .ok_or(("format.output.type", "unknown format".to_owned()))?;
    let buffer_memory = match props.get(BUFFER_MEMORY).map(|text| text.trim().parse::<usize>()) {
        None => DEFAULT_MEMORY,
        Some(Ok(bytes)) if bytes >= 16 << 20 => bytes,
        Some(_) => {
            let why = "a number of at least 16777216 is needed";
            return Err((BUFFER_MEMORY, invalid_value(BUFFER_MEMORY, props.get(BUFFER_MEMORY).map(|x| &**x), why)));
        }
    };
    let size = |key| usize::try_from(config.integer(key)).unwrap_or(usize::MAX);
    Ok(Settings {
        access: access(config)?,
        layout: Layout::default(),
        namer: Some(namer(config, prefix.as_deref(), kind, packing)?),
        formats: Formats::of_output(output(config, kind)?, packing, codec(props)?, buffer_memory),
        partitioner: Partitioner::Default(None),
        affix: Affix::None,
        rules: Rules::at_flush(),
        compatibility: Compatibility::Any,
        is_per_schema: false,
        has_manifests: false,
        null_values: NullValues::Write,
        max_open_files: 1000,
        part_size: size("aws.s3.part.size.bytes").max(MIN_PART_SIZE),
        buffer_memory,
        retry_backoff: Duration::from_millis(u64::try_from(config.integer("aws.s3.backoff.max.delay.ms")).unwrap_or(0)),
        tags: None,
    })
}

/// `avro.codec`, which is in no table of Aiven's connector but read by its writer of Avro.
fn codec(props: &Props) -> Result<Codec, Wrong> {
    let name = props.get("avro.codec").map_or("null", |name| name.trim());
    let why = "Longshore does not have this codec: take deflate, snappy or null";
    Codec::new(name).ok_or_else(|| ("avro.codec", invalid_value("avro.codec", Some(name), why)))
}

fn namer(config: &ParsedConfig, prefix: Option<&str>, kind: OutputKind, packing: Packing) -> Result<Namer, Wrong> {
    let avro = if kind == OutputKind::Avro { ".avro" } else { "" };
    let extension = packing.extension();
    // A prefix brings the older names back, whatever the template says.
    let (key, text, zone, source) = match (prefix, config.text("file.name.template")) {
        (Some(prefix), _) => {
            let name = "{{topic}}-{{partition}}-{{start_offset:padding=true}}";
            ("aws.s3.prefix", format!("{prefix}{name}{avro}{extension}"), "timestamp.timezone", "timestamp.source")
        }
        (None, template) => {
            let default = || format!("{{{{topic}}}}-{{{{partition}}}}-{{{{start_offset}}}}{avro}{extension}");
            let text = template.map_or_else(default, str::to_owned);
            ("file.name.template", text, "file.name.timestamp.timezone", "file.name.timestamp.source")
        }
    };
    let wrong = |why: String| (key, invalid_value(key, Some(&text), &why));
    let template = Template::new(&text).map_err(wrong)?;
    let grouping = template.grouping().map_err(wrong)?;
    let max_records = u64::try_from(config.integer("file.max.records")).unwrap_or(0);
    if grouping == super::Grouping::Key && max_records > 1 {
        let why = format!("When file.name.template is {text}, file.max.records must be either 1 or not set");
        return Err(("file.max.records", why));
    }
    let id = config.string(zone);
    let zone = parse_zone(id).map_err(|why| (zone, invalid_value(zone, Some(id), &why.to_string())))?;
    Ok(Namer {
        template,
        grouping,
        zone,
        is_event_time: config.string(source).eq_ignore_ascii_case("event"),
        max_records: if max_records == 0 { u64::MAX } else { max_records },
    })
}

fn output(config: &ParsedConfig, kind: OutputKind) -> Result<Output, Wrong> {
    let named = ["format.output.fields", "output_fields"].into_iter().map(|key| config.list(key));
    let fields = named.into_iter().find(|fields| !fields.is_empty()).unwrap_or_default();
    let parts: Vec<Part> = match fields {
        [] => vec![Part::Value],
        fields => fields.iter().filter_map(|field| Part::new(field)).collect(),
    };
    let has_envelope = config.boolean("format.output.envelope");
    if !has_envelope && fields.len() != 1 {
        let why = "When format.output.envelope is false, format.output.fields must contain only one field";
        return Err(("format.output.envelope", why.to_owned()));
    }
    let is_base64 = config.string("format.output.fields.value.encoding").eq_ignore_ascii_case("base64");
    Ok(Output { kind, parts, has_envelope, is_base64 })
}

fn access(config: &ParsedConfig) -> Result<Access, Wrong> {
    let text = |key: &'static str| config.text(key).map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    let either = |key, old| text(key).or_else(|| text(old));
    let bucket = either("aws.s3.bucket.name", "aws_s3_bucket").ok_or_else(|| {
        let why = "Neither aws.s3.bucket.name nor aws_s3_bucket properties have been set";
        ("aws.s3.bucket.name", why.to_owned())
    })?;
    let endpoint = either("aws.s3.endpoint", "aws_s3_endpoint");
    let region = either("aws.s3.region", "aws_s3_region");
    let backoff = Duration::from_millis(u64::try_from(config.integer("aws.s3.backoff.delay.ms")).unwrap_or(0));
    let retries = u32::try_from(config.integer("aws.s3.backoff.max.retries")).unwrap_or(0);
    Ok(Access {
        bucket,
        credentials: credentials(config, &text, region.clone())?,
        region: region.unwrap_or_else(|| "us-east-1".to_owned()),
        path_style: endpoint.is_some(),
        endpoint,
        accelerate: false,
        encryption: Encryption { algorithm: text("aws.s3.sse.algorithm"), ..Encryption::default() },
        acl: None,
        send_digest: false,
        proxy: None,
        retries: (retries, backoff),
    })
}

/// `region` is the one that is given, under either name.
fn credentials(
    config: &ParsedConfig,
    text: &dyn Fn(&'static str) -> Option<String>,
    region: Option<String>,
) -> Result<Credentials, Wrong> {
    const PROVIDER: &str = "aws.credentials.provider";
    const CHAINS: [&str; 2] = [
        "software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider",
        "com.amazonaws.auth.DefaultAWSCredentialsProviderChain",
    ];
    if let (Some(arn), Some(session)) = (text("aws.sts.role.arn"), text("aws.sts.role.session.name")) {
        let seconds = u64::try_from(config.integer("aws.sts.role.session.duration")).unwrap_or(3600);
        return Ok(Credentials::AssumeRole {
            arn,
            session,
            external_id: text("aws.sts.role.external.id"),
            region,
            endpoint: text("aws.sts.config.endpoint").filter(|url| url != "https://sts.amazonaws.com"),
            duration: Some(Duration::from_secs(seconds)),
        });
    }
    let keys = [("aws.access.key.id", "aws.secret.access.key"), ("aws_access_key_id", "aws_secret_access_key")];
    for (id, secret) in keys {
        if let (Some(id), Some(secret)) = (text(id), text(secret)) {
            return Ok(Credentials::Static { id, secret });
        }
    }
    match text(PROVIDER) {
        Some(class) if !CHAINS.contains(&class.as_str()) => {
            Err((PROVIDER, invalid_value(PROVIDER, Some(&class), "Java classes cannot be loaded")))
        }
        _ => Ok(Credentials::Chain),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_assumed_in_the_region_of_either_name() {
        for key in ["aws.s3.region", "aws_s3_region"] {
            let props = [
                ("name", "sink"),
                ("connector.class", "io.aiven.kafka.connect.s3.AivenKafkaConnectS3SinkConnector"),
                ("topics", "orders"),
                ("aws.s3.bucket.name", "lake"),
                ("aws.sts.role.arn", "arn:aws:iam::123456789012:role/writer"),
                ("aws.sts.role.session.name", "sink"),
                (key, "eu-north-1"),
            ];
            let props: Props = props.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
            let access = access(&TABLE.parse(&props).unwrap()).unwrap();
            let Credentials::AssumeRole { region, .. } = access.credentials else { panic!("no role is assumed") };
            assert_eq!((region.as_deref(), access.region.as_str()), (Some("eu-north-1"), "eu-north-1"), "{key}");
        }
    }
}
