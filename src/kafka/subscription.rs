//! What a sink is subscribed to: a list of topics, or whatever matches a pattern.

use std::time::{Duration, Instant};

use longshore_api::{ConnectError, Props, Result};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaResult;
use regex::Regex;

use super::Subscription;
use super::context::SinkContext;

/// How long a metadata request may hold the thread up.
const METADATA_TIMEOUT: Duration = Duration::from_secs(5);
/// When to ask again after the brokers did not answer.
const RETRY: Duration = Duration::from_secs(2);
/// The first and the longest pause between two looks for topics that are not there.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Looking all the time would help nobody.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);
/// Kafka's own topics, which a pattern never matches (Java's `exclude.internal.topics`).
const INTERNAL_TOPICS: [&str; 2] = ["__consumer_offsets", "__transaction_state"];

/// Keeps a consumer subscribed.
pub(super) struct Subscriber {
    subscription: Subscription,
    exclude_internal: bool,
    interval: Duration,
    next_look: Option<Instant>,
    current: Vec<String>,
    /// Listed topics that were not there when they were last asked for.
    missing: Vec<String>,
    pause: Duration,
}

impl Subscriber {
    /// Java's `metadata.max.age.ms` says how often a pattern looks for new topics.
    pub(super) fn new(subscription: Subscription, props: &Props) -> Result<Self> {
        let subscription = match subscription {
            Subscription::Pattern(pattern) => Subscription::Pattern(whole(&pattern)?),
            topics => topics,
        };
        let age = props.get("metadata.max.age.ms").and_then(|age| age.trim().parse().ok()).unwrap_or(300_000);
        let exclude_internal = props.get("exclude.internal.topics").is_none_or(|value| value.trim() != "false");
        let interval = Duration::from_millis(age).max(SHORTEST_INTERVAL);
        Ok(Self {
            subscription,
            exclude_internal,
            interval,
            next_look: Some(Instant::now()),
            current: Vec::new(),
            missing: Vec::new(),
            pause: FIRST_PAUSE,
        })
    }

    /// When there is something to do next.
    pub(super) fn next_look(&self) -> Option<Instant> {
        self.next_look
    }

    /// Subscribes if it is time and something changed.
    pub(super) fn refresh(&mut self, consumer: &BaseConsumer<SinkContext>) -> KafkaResult<()> {
        let now = Instant::now();
        if self.next_look.is_none_or(|look| look > now) {
            return Ok(());
        }
        match &self.subscription {
            Subscription::Topics(topics) => {
                let is_first = self.current.is_empty();
                let before = if is_first { topics.len() } else { self.missing.len() };
                let asked = if is_first { topics } else { &self.missing };
                self.missing = missing(consumer, asked);
                self.current = topics.clone();
                self.pause = if is_first { FIRST_PAUSE } else { (self.pause * 2).min(LONGEST_PAUSE) };
                self.next_look = (!self.missing.is_empty()).then(|| Instant::now() + self.pause);
                // Again where a topic has come: that makes the client look, which else takes `metadata.max.age.ms`.
                if is_first || self.missing.len() < before { subscribe(consumer, &self.current) } else { Ok(()) }
            }
            Subscription::Pattern(pattern) => match consumer.fetch_metadata(None, METADATA_TIMEOUT) {
                Ok(metadata) => {
                    self.next_look = Some(Instant::now() + self.interval);
                    let names = metadata.topics().iter().map(|topic| topic.name());
                    let found = matching(pattern, self.exclude_internal, names);
                    self.change(found, consumer)
                }
                Err(error) => {
                    self.next_look = Some(Instant::now() + RETRY.min(self.interval));
                    tracing::debug!(%error, "the topics for a pattern cannot be listed");
                    Ok(())
                }
            },
        }
    }

    fn change(&mut self, found: Vec<String>, consumer: &BaseConsumer<SinkContext>) -> KafkaResult<()> {
        if found == self.current {
            return Ok(());
        }
        tracing::info!(client = consumer.context().log.client(), topics = found.join(","), "topics match the pattern");
        self.current = found;
        if self.current.is_empty() {
            consumer.unsubscribe();
            return Ok(());
        }
        subscribe(consumer, &self.current)
    }
}

/// The topics that are not there. Asking for them makes brokers create them that may (`auto.create.topics.enable`,
/// `allow.auto.create.topics`): Java's consumer does so by subscribing, the native one only when it refreshes what it
/// knows, minutes later. Those of which the brokers do not tell count as missing.
fn missing(consumer: &BaseConsumer<SinkContext>, topics: &[String]) -> Vec<String> {
    let end = Instant::now() + METADATA_TIMEOUT;
    let is_there = |topic: &str| -> KafkaResult<bool> {
        let metadata = consumer.fetch_metadata(Some(topic), end.saturating_duration_since(Instant::now()))?;
        Ok(metadata.topics().iter().any(|found| found.error().is_none() && !found.partitions().is_empty()))
    };
    let mut missing = Vec::new();
    for (index, topic) in topics.iter().enumerate() {
        match is_there(topic) {
            Ok(true) => {}
            Ok(false) => missing.push(topic.clone()),
            Err(error) => {
                // Subscribing tells what is wrong, if it lasts.
                tracing::debug!(%error, topic, "a topic cannot be asked for");
                missing.extend_from_slice(&topics[index..]);
                break;
            }
        }
    }
    missing
}

fn subscribe(consumer: &BaseConsumer<SinkContext>, topics: &[String]) -> KafkaResult<()> {
    consumer.subscribe(&topics.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The topics that the pattern matches, in order.
fn matching<'a>(pattern: &Regex, exclude_internal: bool, topics: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut found: Vec<String> = topics
        .filter(|topic| !(exclude_internal && INTERNAL_TOPICS.contains(topic)) && pattern.is_match(topic))
        .map(str::to_owned)
        .collect();
    found.sort_unstable();
    found
}

/// Java's `matches`: some way of matching must cover the whole name, not only the one that is found first.
fn whole(pattern: &Regex) -> Result<Regex> {
    Regex::new(&format!(r"\A(?:{})\z", pattern.as_str()))
        .map_err(|error| ConnectError::config(format!("the pattern of topics cannot match whole names: {error}")))
}
