//! The form in which the recorded cases write schemas and values.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bigdecimal::BigDecimal;
use longshore_api::config::ConfigKey;
use longshore_api::{Data, Field, Map, Schema, Struct, Type, Value};
use longshore_formats::java_text;
use serde_json::{Value as Json, json};

const TYPES: [Type; 12] = [
    Type::Int8,
    Type::Int16,
    Type::Int32,
    Type::Int64,
    Type::Float32,
    Type::Float64,
    Type::Boolean,
    Type::String,
    Type::Bytes,
    Type::Array,
    Type::Map,
    Type::Struct,
];

pub(crate) fn read_data(data: &Json) -> Data {
    let schema = read_schema(&data["schema"]);
    let value = read_value(&data["value"], schema.as_ref());
    Data { schema, value }
}

fn read_schema(json: &Json) -> Option<Arc<Schema>> {
    let kind = *TYPES.iter().find(|kind| kind.name().to_lowercase() == json["type"].as_str().unwrap_or_default())?;
    let text = |member: &str| json[member].as_str().map(Arc::from);
    let mut schema = Schema {
        optional: json["optional"] == true,
        name: text("name"),
        doc: text("doc"),
        version: json["version"].as_i64().map(|version| version as i32),
        key_schema: read_schema(&json["keys"]),
        value_schema: read_schema(&json["values"]).or_else(|| read_schema(&json["items"])),
        ..Schema::new(kind)
    };
    for (name, value) in json["parameters"].as_object().into_iter().flatten() {
        schema.parameters.insert(name.clone(), value.as_str().unwrap().to_owned());
    }
    for field in json["fields"].as_array().into_iter().flatten() {
        schema.fields.push(Field::new(field["field"].as_str().unwrap(), read_schema(&field["schema"]).unwrap()));
    }
    if json.get("default").is_some() {
        schema.default = Some(read_value(&json["default"], None));
    }
    Some(Arc::new(schema))
}

fn read_value(json: &Json, schema: Option<&Arc<Schema>>) -> Value {
    let (value, text) = (&json["v"], json["v"].as_str());
    let int = || value.as_i64().unwrap();
    let element_schema = schema.and_then(|schema| schema.value_schema.as_ref());
    match json["t"].as_str() {
        None => Value::Null,
        Some("boolean") => Value::Boolean(value == true),
        Some("int8") => Value::Int8(int() as i8),
        Some("int16") => Value::Int16(int() as i16),
        Some("int32") => Value::Int32(int() as i32),
        Some("int64") => Value::Int64(int()),
        Some("float32") => Value::Float32(read_float(text.unwrap()) as f32),
        Some("float64") => Value::Float64(read_float(text.unwrap())),
        Some("string") => Value::string(text.unwrap()),
        Some("bytes") => Value::Bytes(STANDARD.decode(text.unwrap()).unwrap().into()),
        Some("decimal") => {
            let (unscaled, scale) = text.unwrap().split_once("e-").unwrap();
            Value::Decimal(BigDecimal::new(unscaled.parse().unwrap(), scale.parse().unwrap()))
        }
        Some("date") => Value::Date(int()),
        Some("array") => {
            Value::Array(value.as_array().unwrap().iter().map(|one| read_value(one, element_schema)).collect())
        }
        Some("map") => {
            let key_schema = schema.and_then(|schema| schema.key_schema.as_ref());
            let entry = |entry: &Json| (read_value(&entry[0], key_schema), read_value(&entry[1], element_schema));
            Value::Map(value.as_array().unwrap().iter().map(entry).collect::<Map>())
        }
        Some("struct") => read_struct(value, schema),
        Some(other) => panic!("unknown type {other}"),
    }
}

fn read_float(text: &str) -> f64 {
    text.replace("Infinity", "inf").parse().unwrap()
}

/// A struct of the schema, or, if its fields are others, of a schema made from its values.
fn read_struct(json: &Json, schema: Option<&Arc<Schema>>) -> Value {
    let members = json.as_object().unwrap();
    let fits = |schema: &&Arc<Schema>| schema.fields.iter().map(|field| &*field.name).eq(members.keys());
    let schema = schema.filter(fits).cloned().unwrap_or_else(|| {
        let field = |(name, value): (&String, &Json)| {
            let value = read_value(value, None);
            let schema = match &value {
                Value::Struct(inner) => Arc::clone(&inner.schema),
                value => Arc::new(Schema::optional(value.kind().unwrap_or(Type::String))),
            };
            Field::new(name.as_str(), schema)
        };
        Arc::new(Schema::structure(members.iter().map(field).collect()))
    });
    let values = schema.fields.iter().map(|field| read_value(&members[&*field.name], Some(&field.schema))).collect();
    Value::Struct(Struct { schema, values })
}

pub(crate) fn data(data: &Data) -> Json {
    json!({ "schema": data.schema.as_deref().map(schema), "value": value(&data.value) })
}

fn schema(schema: &Schema) -> Json {
    let mut json = json!({ "type": schema.kind.name().to_lowercase(), "optional": schema.optional });
    let mut set = |name: &str, value: Option<Json>| {
        if let Some(value) = value {
            json[name] = value;
        }
    };
    let part = |part: &Option<Arc<Schema>>| part.as_deref().map_or(Json::Null, self::schema);
    set("name", schema.name.as_deref().map(Json::from));
    set("version", schema.version.map(Json::from));
    set("doc", schema.doc.as_deref().map(Json::from));
    set("parameters", (!schema.parameters.is_empty()).then(|| parameters(schema)));
    set("default", schema.default.as_ref().map(value));
    match schema.kind {
        Type::Array => set("items", Some(part(&schema.value_schema))),
        Type::Map => {
            set("keys", Some(part(&schema.key_schema)));
            set("values", Some(part(&schema.value_schema)));
        }
        Type::Struct => {
            let fields = schema.fields.iter();
            let fields = fields.map(|field| json!({ "field": &*field.name, "schema": self::schema(&field.schema) }));
            set("fields", Some(fields.collect()));
        }
        _ => {}
    }
    json
}

fn parameters(schema: &Schema) -> Json {
    Json::Object(schema.parameters.iter().map(|(name, value)| (name.clone(), json!(value))).collect())
}

fn value(value: &Value) -> Json {
    let typed = |name: &str, value: Json| json!({ "t": name, "v": value });
    match value {
        Value::Null => Json::Null,
        Value::Boolean(value) => typed("boolean", json!(value)),
        Value::Int8(value) => typed("int8", json!(value)),
        Value::Int16(value) => typed("int16", json!(value)),
        Value::Int32(value) => typed("int32", json!(value)),
        Value::Int64(value) => typed("int64", json!(value)),
        Value::Float32(value) => typed("float32", json!(java_text::float(*value))),
        Value::Float64(value) => typed("float64", json!(java_text::double(*value))),
        Value::String(value) => typed("string", json!(&**value)),
        Value::Bytes(value) => typed("bytes", json!(STANDARD.encode(value))),
        Value::Decimal(value) => {
            let (unscaled, scale) = value.as_bigint_and_exponent();
            typed("decimal", json!(format!("{unscaled}e-{scale}")))
        }
        Value::Date(value) => typed("date", json!(value)),
        Value::Array(values) => typed("array", values.iter().map(self::value).collect()),
        Value::Map(map) => {
            typed("map", map.iter().map(|(key, value)| json!([self::value(key), self::value(value)])).collect())
        }
        Value::Struct(value) => {
            let fields = value.schema.fields.iter().zip(&value.values);
            let fields = fields.map(|(field, value)| (field.name.to_string(), self::value(value)));
            typed("struct", Json::Object(fields.collect()))
        }
    }
}

/// The same with the entries of maps in one order.
pub(crate) fn sorted(json: &Json) -> Json {
    match json {
        Json::Array(values) => values.iter().map(sorted).collect(),
        Json::Object(members) => {
            let mut members: serde_json::Map<_, _> =
                members.iter().map(|(name, value)| (name.clone(), sorted(value))).collect();
            if members.get("t") == Some(&json!("map"))
                && let Some(Json::Array(entries)) = members.get_mut("v")
            {
                entries.sort_by_key(Json::to_string);
            }
            Json::Object(members)
        }
        other => other.clone(),
    }
}

pub(crate) fn config_key(key: &ConfigKey) -> Json {
    json!({
        "name": key.name,
        "type": key.kind.name(),
        "required": key.is_required(),
        "default_value": key.shown_default(),
        "importance": key.importance.name(),
        "group": key.group,
        "order_in_group": key.order,
        "width": key.width.name(),
        "display_name": key.display_name,
        "dependents": key.dependents,
    })
}
