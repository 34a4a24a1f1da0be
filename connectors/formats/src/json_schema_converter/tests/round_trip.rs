//! What is written reads back, schemas and values.

use std::sync::Arc;

use longshore_api::{Schema, Value};
use proptest::prelude::*;

use super::{rules, schema};
use crate::generate;
use crate::json::{Node, Reader};
use crate::json_schema_converter::{Rules, from_connect, read, write};

fn read_back(schema: &Arc<Schema>, value: &Value, rules: &Rules) -> (Vec<u8>, Value) {
    let mut out = Vec::new();
    assert!(write::value(&mut out, schema, value, rules).unwrap());
    let text = String::from_utf8(out.clone()).unwrap();
    let node = Node::read(&mut Reader::new(&text)).unwrap();
    (out, read::value(schema, Some(&node), &read::Again::new()).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn values_read_back_equal(data in generate::record()) {
        let schema = data.schema.unwrap();
        let (_, back) = read_back(&schema, &data.value, &rules());
        prop_assert_eq!(back, data.value);
    }

    #[test]
    fn schemas_read_back_and_their_text_stays(data in generate::record()) {
        let written = data.schema.unwrap();
        let text = from_connect::text(&written, &rules()).unwrap();
        let back = schema(&text);
        prop_assert_eq!(back.fields.len(), written.fields.len());
        let expected = Schema { version: Some(7), ..(*written).clone() };
        prop_assert_eq!(&*back, &expected);
    }

    #[test]
    fn no_document_makes_reading_panic(data in generate::record(), text in "[\\[\\]{}a-c\":,0-9. tnul-]{0,60}") {
        if let Ok(node) = Node::read(&mut Reader::new(&text)) {
            let _ = read::value(&data.schema.unwrap(), Some(&node), &read::Again::new());
        }
    }

    #[test]
    fn no_schema_makes_conversion_panic(text in "[\\[\\]{}\":,]|\"type\":|\"object\"|\"properties\":|\"oneOf\":|\"\\$ref\":\"#\"|\"items\":|null|1") {
        let _ = super::try_schema(&text, &[], &rules());
    }
}
