//! `errors.restart.*`: whether and when what failed is started again by itself.
//!
//! Longshore's own keys. They are no rows of the framework's table: validation shows them only to those who set one,
//! so that its answers are Kafka Connect's for everybody else.

use std::time::Duration;

use longshore_api::config::ConfigType::{Boolean, Int, Long};
use longshore_api::config::Importance::Low;
use longshore_api::config::{ConfigDef, ConfigKey, Validator, Width};
use longshore_api::{ConnectError, Props, Result};

use crate::task::restart::RestartPolicy;

/// What all the keys begin with.
const PREFIX: &str = "errors.restart.";
const GROUP: &str = "Error Handling";

/// The keys, for those who set one; none for others.
pub fn keys(config: &Props) -> Vec<ConfigKey> {
    if config.keys().any(|key| key.starts_with(PREFIX)) { table() } else { Vec::new() }
}

fn table() -> Vec<ConfigKey> {
    vec![
        ConfigKey::new("errors.restart.enable", Boolean, Low)
            .default("false")
            .doc(
                "Whether a failed connector or task is started again by itself, if what failed may go away: not after \
                 an error of the configuration or of a record, which would come again.",
            )
            .shown(GROUP, 9, Width::Short, "Restart Failed"),
        ConfigKey::new("errors.restart.max.attempts", Int, Low)
            .default("-1")
            .validator(Validator::AtLeast(-1))
            .doc("How many restarts in a row there may be; -1 for any number.")
            .shown(GROUP, 10, Width::Short, "Restarts in a Row"),
        ConfigKey::new("errors.restart.delay.ms", Long, Low)
            .default("10000")
            .validator(Validator::AtLeast(0))
            .doc("The pause before the first restart, in milliseconds. It doubles with each further one.")
            .shown(GROUP, 11, Width::Medium, "First Restart Delay"),
        ConfigKey::new("errors.restart.delay.max.ms", Long, Low)
            .default("600000")
            .validator(Validator::AtLeast(0))
            .doc("The longest pause before a restart, in milliseconds.")
            .shown(GROUP, 12, Width::Medium, "Maximum Restart Delay"),
        ConfigKey::new("errors.restart.reset.ms", Long, Low)
            .default("600000")
            .validator(Validator::AtLeast(0))
            .doc("What has run for so many milliseconds is healthy: its restarts are forgotten.")
            .shown(GROUP, 13, Width::Medium, "Restart Reset Time"),
    ]
}

/// The policy of a connector whose variables are resolved; `None` if it wants no restarts.
///
/// # Errors
/// Everything that is wrong, each message naming its key.
pub fn policy(config: &Props) -> Result<Option<RestartPolicy>> {
    let parsed = ConfigDef::new(keys(config)).parse(config).map_err(ConnectError::from)?;
    if !config.contains_key("errors.restart.enable") || !parsed.boolean("errors.restart.enable") {
        return Ok(None);
    }
    let millis = |key| Duration::from_millis(u64::try_from(parsed.integer(key)).unwrap_or_default());
    Ok(Some(RestartPolicy {
        max_attempts: u32::try_from(parsed.integer("errors.restart.max.attempts")).ok(),
        delay: millis("errors.restart.delay.ms"),
        delay_max: millis("errors.restart.delay.max.ms"),
        reset: millis("errors.restart.reset.ms"),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn props(pairs: &[(&str, &str)]) -> Props {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_connector_that_does_not_ask_has_no_policy_and_no_keys() {
        assert_eq!(policy(&props(&[("errors.tolerance", "all")])).unwrap(), None);
        assert!(keys(&props(&[("errors.tolerance", "all")])).is_empty());
        assert_eq!(policy(&props(&[("errors.restart.max.attempts", "3")])).unwrap(), None);
    }

    #[test]
    fn the_defaults_are_patient() {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        let asked = policy(&props(&[("errors.restart.enable", "true")])).unwrap();
        let delay = Duration::from_secs(10);
        let patient = RestartPolicy { max_attempts: None, delay, delay_max: minutes(10), reset: minutes(10) };
        assert_eq!(asked, Some(patient));
    }

    #[test]
    fn all_that_is_wrong_is_named() {
        let wrong = props(&[("errors.restart.enable", "maybe"), ("errors.restart.delay.ms", "-5")]);
        let message = policy(&wrong).unwrap_err().to_string();
        assert!(message.contains("errors.restart.enable") && message.contains("errors.restart.delay.ms"), "{message}");
    }
}
