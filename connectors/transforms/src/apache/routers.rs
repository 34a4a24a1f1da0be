//! Transforms of the topic.

use std::sync::Arc;

use longshore_api::config::{ConfigKey, ConfigType, Importance, ParsedConfig};
use longshore_api::{ConnectError, ConnectRecord, Parts, Result, Transform, Verdict, error::class};
use longshore_formats::java_regex::{JavaRegex, Replacement};
use longshore_formats::java_time::{PatternError, SimpleDateFormat, Zone};

use crate::part::Side;
use crate::plugin::{Configure, REGEX, regex, required};
use crate::record_text;

/// Renames topics that a regular expression matches as a whole.
#[derive(Debug)]
pub(crate) struct RegexRouter {
    regex: JavaRegex,
    /// A replacement that is none is found out by the first topic that matches, as in Java.
    replacement: Result<Replacement>,
    /// The topic that came last, and what it became.
    last: Option<(Arc<str>, Arc<str>)>,
}

impl Configure for RegexRouter {
    fn keys() -> Vec<ConfigKey> {
        vec![
            required("regex", ConfigType::String, Importance::High)
                .validator(REGEX)
                .doc("Regular expression to use for matching."),
            required("replacement", ConfigType::String, Importance::High).doc("Replacement string."),
        ]
    }

    fn new(config: &ParsedConfig, _side: Side) -> Result<Self> {
        let regex = regex(config, "regex")?;
        let replacement = Replacement::new(config.string("replacement"), &regex);
        Ok(Self { regex, replacement, last: None })
    }
}

impl Transform for RegexRouter {
    fn parts(&self) -> Parts {
        Parts::NONE
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        if let Some((from, to)) = &self.last
            && *from == record.topic
        {
            record.topic = Arc::clone(to);
            return Ok(Verdict::Keep);
        }
        let routed = self.route(&record.topic)?.unwrap_or_else(|| Arc::clone(&record.topic));
        self.last = Some((Arc::clone(&record.topic), Arc::clone(&routed)));
        record.topic = routed;
        Ok(Verdict::Keep)
    }
}

impl RegexRouter {
    fn route(&self, topic: &str) -> Result<Option<Arc<str>>> {
        let failed = |error: longshore_formats::java_regex::RegexError| ConnectError::data(error.0);
        if !self.regex.matches(topic).map_err(failed)? {
            return Ok(None);
        }
        let replacement = self.replacement.as_ref().map_err(Clone::clone)?;
        Ok(self.regex.replace_first(topic, replacement).map_err(failed)?.map(Arc::from))
    }
}

/// Makes the topic of its name and the record's timestamp.
#[derive(Debug)]
pub(super) struct TimestampRouter {
    topic_format: String,
    /// A pattern that is none is found out by the first record, as in Java.
    timestamp_format: Result<SimpleDateFormat, PatternError>,
}

impl Configure for TimestampRouter {
    fn keys() -> Vec<ConfigKey> {
        vec![
            required("topic.format", ConfigType::String, Importance::High).default("${topic}-${timestamp}").doc(
                "Format string which can contain ${topic} and ${timestamp} as placeholders for the topic and \
                 timestamp, respectively.",
            ),
            required("timestamp.format", ConfigType::String, Importance::High)
                .default("yyyyMMdd")
                .doc("Format string for the timestamp that is compatible with java.text.SimpleDateFormat."),
        ]
    }

    fn new(config: &ParsedConfig, _side: Side) -> Result<Self> {
        Ok(Self {
            topic_format: config.string("topic.format").to_owned(),
            timestamp_format: SimpleDateFormat::new(config.string("timestamp.format"), Zone::utc()),
        })
    }
}

impl Transform for TimestampRouter {
    fn parts(&self) -> Parts {
        Parts::NONE
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        let Some(timestamp) = record.timestamp else {
            let message = format!("Timestamp missing on record: {}", record_text::record(record));
            return Err(ConnectError::data(message));
        };
        let format = self.timestamp_format.as_ref();
        let format = format.map_err(|error| ConnectError::data(error.0.clone()).with_class(class::ILLEGAL_ARGUMENT))?;
        let topic = self.topic_format.replace("${topic}", &record.topic);
        record.topic = topic.replace("${timestamp}", &format.format(timestamp)).into();
        Ok(Verdict::Keep)
    }
}
