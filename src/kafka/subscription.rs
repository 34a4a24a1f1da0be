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
/// Looking all the time would help nobody.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);
/// Kafka's own topics, which a pattern never matches (Java's `exclude.internal.topics`).
const INTERNAL_TOPICS: [&str; 2] = ["__consumer_offsets", "__transaction_state"];

/// Keeps a consumer subscribed.
pub(super) struct Subscriber {
    subscription: Subscription,
    /// Java's `allow.auto.create.topics`.
    creates: bool,
    exclude_internal: bool,
    interval: Duration,
    next_look: Option<Instant>,
    current: Vec<String>,
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
        let creates = props.get("allow.auto.create.topics").is_none_or(|value| value.trim() != "false");
        let interval = Duration::from_millis(age).max(SHORTEST_INTERVAL);
        let next_look = Some(Instant::now());
        Ok(Self { subscription, creates, exclude_internal, interval, next_look, current: Vec::new() })
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
                self.next_look = None;
                self.current = topics.clone();
                if self.creates {
                    create_missing(consumer, &self.current);
                }
                subscribe(consumer, &self.current)
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

/// Asks for topics by name, which makes brokers with `auto.create.topics.enable` create those that are missing. Java's
/// consumer does so by subscribing; the native one only when it refreshes what it knows, minutes later.
fn create_missing(consumer: &BaseConsumer<SinkContext>, topics: &[String]) {
    let end = Instant::now() + METADATA_TIMEOUT;
    for topic in topics {
        let left = end.saturating_duration_since(Instant::now());
        if let Err(error) = consumer.fetch_metadata(Some(topic), left) {
            // Subscribing tells what is wrong, if it lasts.
            tracing::debug!(%error, topic, "a topic could not be asked for before it is subscribed to");
            return;
        }
    }
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
