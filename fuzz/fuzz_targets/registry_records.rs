//! Records of Avro, Protobuf and JSON Schema. The first byte says of which schema, the rest follows the schema's id.
#![no_main]

mod registry;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use registry::Formats;

const AVRO: &str = r#"{"type":"record","name":"Node","fields":[
    {"name":"b","type":"boolean"},{"name":"i","type":"int"},{"name":"l","type":"long"},{"name":"f","type":"float"},
    {"name":"d","type":"double"},{"name":"s","type":"string"},{"name":"y","type":"bytes"},
    {"name":"fixed","type":{"type":"fixed","name":"Two","size":2}},
    {"name":"symbol","type":{"type":"enum","name":"E","symbols":["A","B"]}},
    {"name":"amount","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}},
    {"name":"day","type":{"type":"int","logicalType":"date"}},
    {"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},
    {"name":"list","type":{"type":"array","items":"long"}},{"name":"map","type":{"type":"map","values":"string"}},
    {"name":"either","type":["null","int","string",{"type":"array","items":"null"}]},
    {"name":"next","type":["null","Node"]}]}"#;
const PROTOBUF: &str = r#"syntax = "proto3"; import "google/protobuf/timestamp.proto"; import "google/type/date.proto";
    import "google/type/timeofday.proto"; import "confluent/type/decimal.proto";
    message Node { bool b = 1; int32 i = 2; sint64 l = 3; float f = 4; double d = 5; string s = 6; bytes y = 7;
        fixed64 fixed = 8; E symbol = 9; enum E { A = 0; B = 1; } optional uint32 maybe = 10;
        google.protobuf.Timestamp at = 11; google.type.Date day = 12; google.type.TimeOfDay time = 13;
        confluent.type.Decimal amount = 14; repeated sfixed32 list = 15; map<string, Node> map = 16;
        oneof either { int64 one = 17; string other = 18; Node node = 19; } repeated Node nodes = 20; }"#;
const JSON: &str = r##"{"type":"object","title":"Node","properties":{"b":{"type":"boolean"},
    "i":{"type":"integer","connect.type":"int8"},"d":{"type":"number"},"s":{"type":"string"},
    "y":{"type":"string","connect.type":"bytes"},"symbol":{"enum":["A","B"]},
    "amount":{"type":"number","title":"org.apache.kafka.connect.data.Decimal","connect.type":"bytes","connect.parameters":{"scale":"2"}},
    "at":{"type":"integer","title":"org.apache.kafka.connect.data.Timestamp","connect.type":"int64","connect.version":1},
    "list":{"type":"array","items":{"type":"integer"}},
    "map":{"type":"object","connect.type":"map","additionalProperties":{"$ref":"#"}},
    "pairs":{"type":"array","connect.type":"map","items":{"type":"object","properties":{"key":{"type":"integer"},"value":{"type":"string"}}}},
    "either":{"oneOf":[{"type":"null"},{"type":"integer"},{"type":"string"},{"$ref":"#"}]},
    "next":{"oneOf":[{"type":"null"},{"$ref":"#"}]}}}"##;

static FORMATS: LazyLock<(Formats, Vec<i32>)> = LazyLock::new(|| {
    let formats = Formats::new();
    let ids = [AVRO, PROTOBUF, JSON].iter().enumerate().map(|(format, text)| formats.add(format, text)).collect();
    (formats, ids)
});

fuzz_target!(|bytes: &[u8]| {
    let Some((first, body)) = bytes.split_first() else { return };
    let (formats, ids) = &*FORMATS;
    let format = formats.index(*first);
    formats.read(format, ids[format], body);
});
