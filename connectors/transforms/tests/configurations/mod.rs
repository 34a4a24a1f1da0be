//! For each transform and predicate the configurations in which tests and the fuzzer try it.

use longshore_api::Props;

/// The configurations of a class to try; those of others are empty. Records that fit them have fields of the names `a`, `b`,
/// `id`, `ts`, `before`, `after`, `op` and `source`, and headers of some of these.
pub(crate) fn configurations(class: &str) -> Vec<Props> {
    let given: &[&[(&str, &str)]] = match class.rsplit('.').next().unwrap().split('$').next().unwrap() {
        "Cast" => &[
            &[("spec", "a:int8,b:string,id:float64,ts:boolean,op:int64")],
            &[("spec", "string")],
            &[("spec", "int16"), ("replace.null.with.default", "false")],
        ],
        "DropHeaders" => &[&[("headers", "a,b")]],
        "ExtractField" => &[
            &[("field", "after")],
            &[("field", "after.a.b"), ("field.syntax.version", "V2")],
            &[("field", "a"), ("replace.null.with.default", "false")],
        ],
        "Flatten" => &[&[], &[("delimiter", "_")]],
        "HeaderFrom" => &[
            &[("fields", "a,b"), ("headers", "x,y"), ("operation", "move")],
            &[("fields", "id"), ("headers", "x"), ("operation", "copy")],
        ],
        "HoistField" => &[&[("field", "a")]],
        "InsertField" => &[
            &[("topic.field", "t!"), ("partition.field", "p"), ("offset.field", "o"), ("timestamp.field", "when")],
            &[("static.field", "a"), ("static.value", "x")],
        ],
        "InsertHeader" => &[&[("header", "h"), ("value.literal", "[1,2]")]],
        "MaskField" => &[&[("fields", "a,b,ts")], &[("fields", "a,id,op"), ("replacement", "12.5")]],
        "RegexRouter" => {
            &[&[("regex", "(.*)-(\\d+)"), ("replacement", "$2$1")], &[("regex", ".*"), ("replacement", "$3")]]
        }
        "ReplaceField" => {
            &[&[("exclude", "a,op")], &[("include", "id,b"), ("renames", "id:key")], &[("renames", "a:b,b:c")]]
        }
        "SetSchemaMetadata" => &[&[("schema.name", "n"), ("schema.version", "2")]],
        "TimestampConverter" => &[
            &[("field", "ts"), ("target.type", "string"), ("format", "yyyy-MM-dd HH:mm:ss z")],
            &[("target.type", "unix"), ("unix.precision", "nanoseconds"), ("format", "yyyyMMdd")],
            &[("field", "a"), ("target.type", "Date")],
        ],
        "TimestampRouter" => &[&[], &[("timestamp.format", "YYYY-'W'ww zzzz")]],
        "ValueToKey" => &[&[("fields", "id,a")]],
        "HasHeaderKey" => &[&[("name", "a")]],
        "TopicNameMatches" => &[&[("pattern", "t(?!x).*")]],
        "ExtractNewRecordState" | "UnwrapFromEnvelope" => &[
            &[],
            &[("delete.handling.mode", "rewrite"), ("drop.tombstones", "false"), ("add.fields", "op,source.a,b:c")],
            &[("delete.tombstone.handling.mode", "rewrite-with-tombstone"), ("add.headers", "op,id,source.ts")],
            &[("route.by.field", "a"), ("drop.fields.header.name", "a"), ("drop.fields.from.key", "true")],
        ],
        "ByLogicalTableRouter" => &[
            &[("topic.regex", "(.*)"), ("topic.replacement", "all")],
            &[
                ("topic.regex", "t.*"),
                ("topic.replacement", "x"),
                ("key.field.regex", "(.).*"),
                ("key.field.replacement", "$1"),
            ],
        ],
        "ExtractTopic" if class.starts_with("io.aiven") || class.starts_with("com.clickhouse") => {
            &[&[], &[("field.name", "a")], &[("field.name", "b"), ("skip.missing.or.null", "true")]]
        }
        "PartitionRouting" => &[
            &[("partition.payload.fields", "change.a,change.ts,op,source.b"), ("partition.topic.num", "7")],
            &[
                ("partition.payload.fields", "change.b,op"),
                ("partition.topic.num", "100"),
                ("partition.hash.function", "murmur"),
            ],
        ],
        "ExtractTopic" if class.ends_with("$Header") => &[&[("field", "a")]],
        "ExtractTopic" => &[
            &[],
            &[("field", "a"), ("skip.missing.or.null", "true")],
            &[("field", "$.after.a"), ("field.format", "JSON_PATH")],
        ],
        "Filter" if class.starts_with("io.confluent") => &[
            &[("filter.condition", "$[?(@.a > 1 || @.b =~ /x.*/)]"), ("filter.type", "include")],
            &[("filter.condition", "$..a"), ("filter.type", "exclude"), ("missing.or.null.behavior", "exclude")],
        ],
        "Drop" => &[&[], &[("schema.behavior", "validate")], &[("schema.behavior", "force_optional")]],
        "TombstoneHandler" if class.starts_with("io.aiven") => {
            &[&[("behavior", "drop_silent")], &[("behavior", "fail")]]
        }
        "TombstoneHandler" => &[&[], &[("behavior", "fail")]],
        "MessageTimestampRouter" => &[
            &[("message.timestamp.keys", "ts,a")],
            &[("message.timestamp.keys", "b"), ("message.timestamp.format", "yyyy-MM-dd")],
        ],
        "Filter" if class.starts_with("io.debezium") => &[
            &[("language", "jsr223.groovy"), ("condition", "value.op == 'c' && value.after?.a > 1 || !value.b")],
            &[
                ("language", "jsr223.graal.js"),
                ("condition", "value.a > key.b || value.id + 1 == 'x1'"),
                ("null.handling.mode", "evaluate"),
            ],
        ],
        "ContentBasedRouter" => &[
            &[("language", "jsr223.groovy"), ("topic.expression", "value.a == 1 ? 'one' : header.a?.value")],
            &[("language", "jsr223.js"), ("topic.expression", "valueSchema.name"), ("topic.regex", "[a-m].*")],
        ],
        "EventRouter" => &[
            &[],
            &[
                ("table.field.event.id", "id"),
                ("table.field.event.key", "a"),
                ("table.field.event.payload", "b"),
                ("table.field.event.timestamp", "ts"),
                ("table.expand.json.payload", "true"),
                ("table.fields.additional.placement", "ts:header,a:envelope:renamed,op:partition"),
                ("table.fields.additional.error.on.missing", "false"),
                ("route.by.field", "source"),
                ("route.tombstone.on.empty.payload", "true"),
            ],
        ],
        "ExtractNewDocumentState" => &[
            &[("add.fields", "op,source.a"), ("add.headers", "op,ts_ms"), ("operation.header", "true")],
            &[("array.encoding", "document"), ("flatten.struct", "true"), ("delete.handling.mode", "rewrite")],
            &[
                ("delete.tombstone.handling.mode", "rewrite-with-tombstone"),
                ("delete.tombstone.handling.mode.rewrite-with-id", "true"),
            ],
        ],
        "Expression" => &[
            &[("filter.condition", "value.a > 1 || has(value.b) && value.id == key.id")],
            &[
                ("value.set", "a = value.b; new: string = string(value.id); n = 1; ts = value.ts"),
                ("value.remove", "op"),
            ],
            &[("key.set", "k = value"), ("headers.set", "h = key"), ("null.handling.mode", "evaluate")],
            &[
                ("key.expression", "value.after"),
                ("value.expression", "[key]"),
                ("topic.expression", "topic + value.a"),
            ],
            &[("timestamp.expression", "timestamp(value.ts) + duration('1h')"), ("partition.expression", "partition")],
            &[("value.expression", "value.a + value.b * value.id"), ("null.handling.mode", "drop")],
            &[("value.expression", "value.map(name, [name, value[name]])")],
        ],
        "MongoEventRouter" => &[
            &[("collection.field.event.id", "id"), ("route.by.field", "a"), ("collection.field.event.key", "b")],
            &[
                ("collection.field.event.payload", "after"),
                ("collection.field.event.timestamp", "ts"),
                ("collection.expand.json.payload", "true"),
                ("collection.fields.additional.placement", "a:header,b:envelope"),
                ("collection.fields.additional.error.on.missing", "false"),
                ("route.by.field", "op"),
            ],
        ],
        "HeaderToValue" => &[
            &[("headers", "a,b"), ("fields", "fresh,after.x"), ("operation", "move")],
            &[("headers", "id,ts,op"), ("fields", "new,after.b.deep,a"), ("operation", "copy")],
        ],
        "ExtractChangedRecordState" => {
            &[&[], &[("header.changed.name", "changed"), ("header.unchanged.name", "unchanged")]]
        }
        "GeometryFormatTransformer" => &[&[], &[("format", "EWKB")]],
        "SwapGeometryCoordinates" => &[&[], &[("srids", "1, 2")]],
        "CollectionNameTransformation" => &[&[("collection.naming.style", "snake_case")]],
        "FieldNameTransformation" => &[
            &[("column.naming.style", "UPPER_CASE"), ("column.naming.prefix", "c_")],
            &[("column.naming.style", "camel_case")],
        ],
        "SchemaChangeEventFilter" => &[&[("schema.change.event.exclude.list", "CREATE,DROP")]],
        "TimezoneConverter" => &[
            &[("converted.timezone", "America/New_York")],
            &[("converted.timezone", "+05:30"), ("include.list", "source:b:ts,b:source.ts")],
            &[("converted.timezone", "Europe/Berlin"), ("exclude.list", "a:ts,b:before.ts")],
        ],
        "KeyToValue" if class.starts_with("io.aiven") => &[
            &[("key.fields", "*")],
            &[("key.fields", "id,a"), ("value.fields", "key_id,")],
            &[("key.fields", "b,*"), ("value.fields", "a,id")],
        ],
        "KeyToValue" => &[&[], &[("field", "a")]],
        "CaseTransform" => {
            &[&[("field.names", "a,op,none"), ("case", "upper")], &[("field.names", "b"), ("case", "lower")]]
        }
        "ConcatFields" => &[
            &[("field.names", "a,b,after.id"), ("output.field.name", "all"), ("delimiter", "-")],
            &[("field.names", "a"), ("output.field.name", "b"), ("field.replace.missing", "*")],
        ],
        "FilterByFieldValue" => &[
            &[("field.name", "a"), ("field.value", "5")],
            &[("field.name", "after.b"), ("field.value.pattern", "[0-9]"), ("field.value.matches", "false")],
            &[("field.value", "true")],
        ],
        "Hash" => &[
            &[("function", "md5")],
            &[("function", "sha1"), ("field.name", "a"), ("skip.missing.or.null", "true")],
            &[("function", "sha256"), ("field.name", "after.b")],
        ],
        "ExtractTopicFromSchemaName" | "ExtractTopicFromValueSchema" => {
            &[&[], &[("schema.name.topic-map", "x.Envelope:y")], &[("schema.name.regex", "(?:[.]|^)([^.]*)$")]]
        }
        "ChangeTopicCase" => &[&[("from", "LOWER_HYPHEN"), ("to", "UPPER_CAMEL")]],
        "ChangeCase" => &[&[("from", "LOWER_UNDERSCORE"), ("to", "UPPER_UNDERSCORE")]],
        "BytesToString" => &[&[], &[("charset", "UTF-16"), ("fields", "a,b")], &[("fields", "id")]],
        "ExtractNestedField" => {
            &[&[("input.outer.field.name", "after"), ("input.inner.field.name", "a"), ("output.field.name", "fresh")]]
        }
        "PatternFilter" => &[&[("pattern", "[a-m].*"), ("fields", "a,b,op")]],
        "PatternRename" => &[
            &[("field.pattern", "^(.)(.*)"), ("field.replacement", "$2$1")],
            &[("field.pattern", "[AB]"), ("field.replacement", "x"), ("field.pattern.flags", "LITERAL,DOTALL")],
        ],
        "ToJSON" => &[&[], &[("output.schema.type", "BYTES"), ("schemas.enable", "true")]],
        "ToLong" => &[&[("fields", "a,id")]],
        "TopicNameToField" => &[&[("field", "a")], &[("field", "topic")]],
        "ExtractTimestamp" if class.starts_with("io.aiven") => {
            &[&[("field.name", "ts")], &[("field.name", "a"), ("timestamp.resolution", "seconds")]]
        }
        "ExtractTimestamp" => &[&[("field.name", "ts")]],
        "TimestampNowField" => &[&[("fields", "a,now")], &[("fields", "b"), ("target.type", "Unix")]],
        _ => &[&[]],
    };
    given.iter().map(|pairs| pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect()).collect()
}
