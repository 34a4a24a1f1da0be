mod bytes;
mod mapping;
mod round_trip;

use std::sync::Arc;

use longshore_api::{Data, Result, Schema};

use super::decode::Plan;
use super::encode::WritePlan;
use super::schema::Avro;
use super::{Rules, from_connect, to_connect};

/// The rules of a converter that nobody configured.
const DEFAULT: Rules = Rules {
    enhanced: false,
    connect_meta_data: true,
    general_sums: false,
    flatten_singletons: false,
    discard_docs: false,
    optional_map_keys: false,
    scrub: false,
};

fn plan(avro: &str, rules: Rules) -> Result<Plan> {
    to_connect::plan(&Avro::parse(avro).unwrap(), None, rules)
}

fn connect_schema(avro: &str, rules: Rules) -> Arc<Schema> {
    plan(avro, rules).unwrap().schema.unwrap()
}

/// Writes data with the Avro schema that is made of its own.
fn write(data: &Data, rules: Rules) -> Result<(String, Vec<u8>)> {
    let text = from_connect::schema(data.schema.as_deref(), rules)?.to_string();
    let avro = Avro::parse(&text).unwrap_or_else(|error| panic!("{error} in {text}"));
    let mut bytes = Vec::new();
    WritePlan::new(data.schema.as_ref(), &avro, rules)?.write(&data.value, &mut bytes)?;
    Ok((text, bytes))
}

fn read(avro: &str, bytes: &[u8], rules: Rules) -> Result<Data> {
    plan(avro, rules)?.read(bytes)
}
