//! Schemas of Avro, Protobuf and JSON Schema. The first byte says of which, the text up to the first `\0` is the schema,
//! the rest a record of it.
#![no_main]

mod registry;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use registry::Formats;

static FORMATS: LazyLock<Formats> = LazyLock::new(Formats::new);

fuzz_target!(|bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else { return };
    let end = rest.iter().position(|byte| *byte == 0).unwrap_or(rest.len());
    let (Ok(schema), body) = (std::str::from_utf8(&rest[..end]), rest.get(end + 1..).unwrap_or_default()) else {
        return;
    };
    let format = FORMATS.index(*first);
    FORMATS.read(format, FORMATS.add(format, schema), body);
});
