//! The keys of Apicurio's converters, in the mode in which their records are Confluent's.
//!
//! That is the default of version 3: a magic byte, four bytes of content id, the data. Such records are read and
//! written over the registry's API for Confluent's clients.

use longshore_api::{ConnectError, Props, Result};

/// The keys that say the same in Confluent's words.
const SAME: [(&str, &str); 8] = [
    ("apicurio.registry.auto-register", "auto.register.schemas"),
    ("apicurio.registry.find-latest", "use.latest.version"),
    ("apicurio.registry.proxy.host", "proxy.host"),
    ("apicurio.registry.proxy.port", "proxy.port"),
    ("apicurio.registry.tls.truststore.location", "ssl.truststore.location"),
    ("apicurio.registry.tls.truststore.password", "ssl.truststore.password"),
    ("apicurio.registry.tls.truststore.type", "ssl.truststore.type"),
    ("apicurio.registry.tls.certificates", "ssl.truststore.certificates"),
];

/// Values that records of Confluent's form need, where a key is set at all.
const NEEDED: [(&str, &[&str]); 3] = [
    ("apicurio.registry.as-confluent", &["true"]),
    ("apicurio.registry.headers.enabled", &["false"]),
    ("apicurio.registry.use-id", &["contentId"]),
];

/// A converter's keys in Confluent's words. Keys that both have stay as they are.
///
/// # Errors
/// Kind Config, for records in another form than Confluent's and for strategies that give other subjects.
pub fn props(given: &Props) -> Result<Props> {
    for (key, needed) in NEEDED {
        match given.get(key) {
            Some(value) if !needed.iter().any(|one| one.eq_ignore_ascii_case(value)) => {
                let needed = needed.join(", ");
                return Err(ConnectError::config(format!(
                    "Invalid value {value} for configuration {key}: only records in Confluent's form are supported \
                     ({needed})"
                )));
            }
            _ => {}
        }
    }
    let mut props = given.clone();
    // Apicurio's default; Confluent's is the other way round.
    props.entry("auto.register.schemas".to_owned()).or_insert_with(|| "false".to_owned());
    props.insert("latest.compatibility.strict".to_owned(), "false".to_owned());
    for (apicurio, confluent) in SAME {
        if let Some(value) = given.get(apicurio) {
            props.insert(confluent.to_owned(), value.clone());
        }
    }
    if let Some(url) = given.get("apicurio.registry.url") {
        props.insert("schema.registry.url".to_owned(), confluent_api(url));
    } else if !given.contains_key("schema.registry.url") {
        let message = "Missing required configuration \"apicurio.registry.url\" which has no default value.";
        return Err(ConnectError::config(message));
    }
    if let (Some(user), Some(password)) = (login(given, "username"), login(given, "password")) {
        props.insert("basic.auth.credentials.source".to_owned(), "USER_INFO".to_owned());
        props.insert("basic.auth.user.info".to_owned(), format!("{user}:{password}"));
    }
    if let Some(strategy) = given.get("apicurio.registry.artifact-resolver-strategy") {
        let class = confluent_strategy(strategy)?;
        for key in ["key.subject.name.strategy", "value.subject.name.strategy"] {
            props.insert(key.to_owned(), class.clone());
        }
    }
    Ok(props)
}

fn login<'a>(given: &'a Props, part: &str) -> Option<&'a String> {
    let keys = [format!("apicurio.registry.auth.{part}"), format!("apicurio.auth.{part}")];
    keys.iter().find_map(|key| given.get(key))
}

/// The API for Confluent's clients, beside the registry's own.
fn confluent_api(url: &str) -> String {
    let url = url.trim().trim_end_matches('/');
    match url.find("/apis/registry/") {
        Some(own) => format!("{}/apis/ccompat/v7", &url[..own]),
        None if url.contains("/apis/ccompat/") => url.to_owned(),
        None => format!("{url}/apis/ccompat/v7"),
    }
}

fn confluent_strategy(class: &str) -> Result<String> {
    let name = match class.rsplit('.').next().unwrap_or_default() {
        "TopicIdStrategy" => "TopicNameStrategy",
        "RecordIdStrategy" | "QualifiedRecordIdStrategy" => "RecordNameStrategy",
        "TopicRecordIdStrategy" => "TopicRecordNameStrategy",
        _ => {
            return Err(ConnectError::config(format!(
                "Invalid value {class} for configuration apicurio.registry.artifact-resolver-strategy: must be \
                 TopicIdStrategy, RecordIdStrategy, QualifiedRecordIdStrategy or TopicRecordIdStrategy"
            )));
        }
    };
    Ok(format!("io.confluent.kafka.serializers.subject.{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn translated(given: &[(&str, &str)]) -> Result<Props> {
        props(&given.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn apicurios_keys_are_told_in_confluents_words() {
        let props = translated(&[
            ("apicurio.registry.url", "http://r:8080/apis/registry/v3/"),
            ("apicurio.registry.auto-register", "true"),
            ("apicurio.registry.as-confluent", "true"),
            ("apicurio.auth.username", "me"),
            ("apicurio.auth.password", "hunter2"),
            (
                "apicurio.registry.artifact-resolver-strategy",
                "io.apicurio.registry.serde.avro.strategy.RecordIdStrategy",
            ),
        ])
        .unwrap();
        assert_eq!(props["schema.registry.url"], "http://r:8080/apis/ccompat/v7");
        assert_eq!(props["auto.register.schemas"], "true");
        assert_eq!(props["basic.auth.user.info"], "me:hunter2");
        let strategy = "io.confluent.kafka.serializers.subject.RecordNameStrategy";
        assert_eq!(props["value.subject.name.strategy"], strategy);
    }

    #[test]
    fn records_in_apicurios_own_form_are_refused() {
        for (key, value) in [
            ("apicurio.registry.as-confluent", "false"),
            ("apicurio.registry.headers.enabled", "true"),
            ("apicurio.registry.use-id", "globalId"),
            ("apicurio.registry.artifact-resolver-strategy", "x.SimpleTopicIdStrategy"),
        ] {
            let error = translated(&[("apicurio.registry.url", "http://r"), (key, value)]).unwrap_err();
            assert!(error.to_string().contains(key), "{error}");
        }
        assert!(translated(&[]).is_err());
    }
}
