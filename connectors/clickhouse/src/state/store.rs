//! Where the state of exactly once is kept: a table of the engine KeeperMap, in the Java connector's form.

use longshore_api::ConnectError;

use super::{Phase, Range, Stored};
use crate::client::{Client, text};
use crate::config::Settings;
use crate::errors::Failure;
use crate::table::full_name;

/// The table.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    table: String,
}

impl Store {
    /// The table that the keys name; makes it if it is not there.
    ///
    /// # Errors
    /// If there is no Keeper, or no privilege.
    pub(crate) async fn open(client: &Client, settings: &Settings) -> Result<Self, Failure> {
        let (state, table) = (&settings.state, full_name(&settings.database, &settings.state.table));
        let cluster = match state.cluster.as_str() {
            "" => String::new(),
            cluster => format!(" ON CLUSTER {}", crate::client::quoted(cluster)),
        };
        let path = text(&state.path);
        let statement = format!(
            "CREATE TABLE IF NOT EXISTS {table}{cluster} (`key` String, minOffset BIGINT, maxOffset BIGINT, state String) \
             ENGINE=KeeperMap({path}) PRIMARY KEY `key`"
        );
        let made = client.ask(&statement, &[]).await;
        made.map_err(|failure| match failure {
            Failure::Refused(refusal) => Failure::Settings(ConnectError::config(format!(
                "exactlyOnce: the table {table} for its state cannot be made (the server needs a Keeper and \
                 keeper_map_path_prefix): {}",
                refusal.message
            ))),
            other => other,
        })?;
        Ok(Self { table })
    }

    /// What is stored of a partition.
    pub(crate) async fn read(&self, client: &Client, key: &str) -> Result<Option<Stored>, Failure> {
        let statement = format!(
            "SELECT minOffset, maxOffset, state FROM {} WHERE `key` = {} FORMAT JSONCompactStringsEachRow",
            self.table,
            text(key)
        );
        let answer = client.ask(&statement, &[]).await.map_err(|failure| self.named(failure))?;
        let Some(line) = answer.lines().next() else { return Ok(None) };
        let wrong =
            || Failure::Settings(ConnectError::fatal(format!("the state of {key} in {} makes no sense", self.table)));
        parse(line).ok_or_else(wrong).map(Some)
    }

    /// Stores a partition's state in the place of the one before.
    pub(crate) async fn write(&self, client: &Client, key: &str, stored: Stored) -> Result<(), Failure> {
        let Stored { phase, range: Range { min, max } } = stored;
        let phase = name(phase);
        // Carried out twice it stores the same.
        let statement = format!(
            "INSERT INTO {} SETTINGS wait_for_async_insert=1 VALUES ({}, {min}, {max}, '{phase}')",
            self.table,
            text(key)
        );
        client.ask(&statement, &[]).await.map(drop).map_err(|failure| self.named(failure))
    }

    /// Forgets a partition's state where it would have records passed over that are to be read again, from an offset on
    /// or (`None`) from wherever they begin. Whether there was a state.
    pub(crate) async fn rewind(&self, client: &Client, key: &str, to: Option<i64>) -> Result<bool, Failure> {
        let Some(stored) = self.read(client, key).await? else { return Ok(false) };
        if to.is_none_or(|to| to <= stored.range.max) {
            let statement = format!("ALTER TABLE {} DELETE WHERE `key` = {}", self.table, text(key));
            client.ask(&statement, &[]).await.map_err(|failure| self.named(failure))?;
        }
        Ok(true)
    }

    /// A refusal is not that of an insert of records: nobody may take it for a bad record.
    fn named(&self, failure: Failure) -> Failure {
        match failure {
            Failure::Refused(refusal) => Failure::Settings(ConnectError::fatal(format!(
                "the state in {} cannot be used: {}",
                self.table, refusal.message
            ))),
            other => other,
        }
    }
}

fn name(phase: Phase) -> &'static str {
    match phase {
        Phase::Before => "BEFORE_PROCESSING",
        Phase::After => "AFTER_PROCESSING",
    }
}

/// A row; the Java connector stores no other states.
fn parse(line: &str) -> Option<Stored> {
    let [min, max, state]: [String; 3] = serde_json::from_str(line).ok()?;
    let phase = match state.as_str() {
        "BEFORE_PROCESSING" => Phase::Before,
        "AFTER_PROCESSING" => Phase::After,
        _ => return None,
    };
    Some(Stored { phase, range: Range { min: min.parse().ok()?, max: max.parse().ok()? } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_those_of_the_java_connector() {
        let range = Range { min: 5, max: 9 };
        assert_eq!(parse(r#"["5","9","BEFORE_PROCESSING"]"#), Some(Stored { phase: Phase::Before, range }));
        assert_eq!(parse(r#"["5","9","AFTER_PROCESSING"]"#), Some(Stored { phase: Phase::After, range }));
        for line in ["", "[]", r#"["5","9","x"]"#, r#"["a","9","AFTER_PROCESSING"]"#] {
            assert_eq!(parse(line), None);
        }
    }
}
