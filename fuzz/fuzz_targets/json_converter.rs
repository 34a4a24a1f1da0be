//! JSON to Connect data and back. The first byte says whether there are schemas. What is written of what was read is
//! read as the same, and each line of it as the same after the lines before it as by itself.
#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use longshore_api::{Batch, BatchBuilder, Data, Part, Props, RowParts, Slot};
use longshore_formats::{Column, Converter, JsonNeed, ReadOptions, plugin};

fn converter(schemas: &str) -> Arc<dyn Converter> {
    let props = Props::from_iter([("schemas.enable".to_owned(), schemas.to_owned())]);
    plugin("org.apache.kafka.connect.json.JsonConverter").unwrap().new_converter(&props, false).unwrap().unwrap()
}

static WITH_SCHEMAS: LazyLock<Arc<dyn Converter>> = LazyLock::new(|| converter("true"));
static SCHEMALESS: LazyLock<Arc<dyn Converter>> = LazyLock::new(|| converter("false"));

/// The lines as the records of one batch.
fn batch(lines: &[&[u8]]) -> Batch {
    let mut builder = BatchBuilder::default();
    let topic = builder.topic_index(&Arc::from("topic"));
    lines.iter().for_each(|line| builder.push(topic, RowParts { value: Some(line), ..RowParts::default() }));
    builder.finish()
}

/// Reads the lines one after another, as a task does: what one left behind must not change the next.
fn read_in_a_row(converter: &dyn Converter, lines: &[&[u8]]) {
    let (mut batch, mut column) = (batch(lines), Column::default());
    converter.read_column(&mut batch, Part::Value, ReadOptions { json: JsonNeed::Decoded }, &mut column);
    for (row, line) in lines.iter().enumerate() {
        let failed = column.errors.iter().find(|(failed, _)| *failed as usize == row);
        let read = match (failed, column.slots[row]) {
            (Some((_, error)), _) => Err(error.clone()),
            (None, Slot::Null) => Ok(Data::NULL),
            (None, slot) => Ok(batch.take_data(slot).unwrap()),
        };
        let alone = converter.to_connect("topic", Some(line));
        // Through text: a NaN is no equal of itself.
        assert_eq!(format!("{read:?}"), format!("{alone:?}"), "line {row} of {lines:?}");
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some((first, json)) = bytes.split_first() else { return };
    let converter = if first & 1 == 1 { &*WITH_SCHEMAS } else { &*SCHEMALESS };
    let lines: Vec<&[u8]> = json.split(|byte| *byte == b'\n').take(16).collect();
    read_in_a_row(&**converter, &lines);
    let Ok(data) = converter.to_connect("topic", Some(json)) else { return };
    let mut written = Vec::new();
    if converter.from_connect("topic", &data, &mut written).is_ok_and(|there| there) {
        let again = converter.to_connect("topic", Some(&written)).unwrap_or_else(|error| {
            panic!("{error}: {} was written for {}", String::from_utf8_lossy(&written), String::from_utf8_lossy(json))
        });
        let mut twice = Vec::new();
        assert!(converter.from_connect("topic", &again, &mut twice).unwrap());
        assert_eq!(String::from_utf8_lossy(&written), String::from_utf8_lossy(&twice));
    }
});
