//! What is written reads back; no bytes make reading panic.

use std::sync::Arc;

use longshore_api::{Schema, Type, Value};
use proptest::prelude::*;

use super::{ORDER, plan_of, rules};
use crate::generate;
use crate::protobuf_converter::{Rules, decode, encode, from_connect, linked, to_connect};

fn write(schema: &Arc<Schema>, value: &Value, rules: &Rules) -> Result<(String, Vec<u8>), String> {
    let described = from_connect::describe(schema, rules).map_err(|error| error.to_string())?;
    let mut out = Vec::new();
    encode::encode(&mut out, &described.plan, value).map_err(|error| error.to_string())?;
    Ok((described.text, out))
}

fn read(text: &str, bytes: &[u8], rules: &Rules) -> (Arc<Schema>, Value) {
    let linked = linked::Linked::new(text, &[]).unwrap();
    let plan = to_connect::plan(&linked, linked.message(&[0]).unwrap(), None, rules).unwrap();
    let data = decode::decode(bytes, &plan).unwrap();
    (data.schema.unwrap(), data.value)
}

/// Values without what Protobuf does not hold: names of fields count, the order and the schemas do not.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::Struct(fields) => {
            let pairs = fields.schema.fields.iter().zip(&fields.values);
            let mut shown: Vec<String> =
                pairs.map(|(field, value)| format!("{}={}", field.name, plain(value))).collect();
            shown.sort();
            format!("{{{}}}", shown.join(","))
        }
        Value::Array(elements) => format!("{:?}", elements.iter().map(plain).collect::<Vec<_>>()),
        Value::Map(entries) => {
            let shown: Vec<String> =
                entries.iter().map(|(key, value)| format!("{}:{}", plain(key), plain(value))).collect();
            format!("map{shown:?}")
        }
        other => format!("{other:?}"),
    }
}

/// Whether Protobuf has a form for it at all: lists and maps are fields, not parts of lists and maps.
fn has_form(schema: &Schema) -> bool {
    let is_container = |schema: &Schema| matches!(schema.kind, Type::Array | Type::Map);
    schema.value_schema.iter().all(|part| !is_container(part) && has_form(part))
        && schema.fields.iter().all(|field| has_form(&field.schema))
}

/// With this setting null and the type's default differ for every field, so all values read back.
fn exact() -> Rules {
    Rules { optional_for_nullables: true, ..rules() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_is_written_reads_back(data in generate::record()) {
        let schema = data.schema.unwrap();
        match write(&schema, &data.value, &exact()) {
            // A list in a map is written, but reads back as Confluent's converter reads it: the map as a list.
            Ok(_) if !has_form(&schema) => {}
            Ok((text, bytes)) => {
                let (_, back) = read(&text, &bytes, &exact());
                prop_assert_eq!(normal(&plain(&back)), normal(&plain(&data.value)), "{}", text);
            }
            Err(error) => prop_assert!(!has_form(&schema) || error.contains("comes twice"), "{}", error),
        }
    }

    #[test]
    fn what_was_read_is_written_to_the_same_bytes(data in generate::record()) {
        let schema = data.schema.unwrap();
        if let Ok((text, bytes)) = write(&schema, &data.value, &exact()) {
            let (read_schema, back) = read(&text, &bytes, &exact());
            let (again_text, again) = write(&read_schema, &back, &exact()).unwrap();
            prop_assert_eq!(&again, &bytes, "{}\n{}", text, again_text);
        }
    }

    #[test]
    fn no_bytes_make_reading_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = decode::decode(&bytes, &plan_of(ORDER, &rules()));
        let _ = linked::parse(&String::from_utf8_lossy(&bytes));
        let _ = crate::protobuf_converter::descriptor::File::decode(&bytes);
    }

    #[test]
    fn truncated_records_are_errors_or_shorter_records(data in generate::record(), cut in 0..40_usize) {
        let schema = data.schema.unwrap();
        if let Ok((text, bytes)) = write(&schema, &data.value, &exact()) {
            let linked = linked::Linked::new(&text, &[]).unwrap();
            let plan = to_connect::plan(&linked, linked.message(&[0]).unwrap(), None, &exact()).unwrap();
            let _ = decode::decode(&bytes[..cut.min(bytes.len())], &plan);
        }
    }
}

/// An empty list or map and a missing one are the same in Protobuf.
fn normal(text: &str) -> String {
    text.replace("map[]", "Null").replace("=[]", "=Null").replace(":[]", ":Null")
}
