//! Request bodies: read within bounds, and bound to what the herder takes, with Connect's texts for what does not fit.
//!
//! Connect's bodies are bound by Jackson to Java classes, and clients see its error texts with status 500. Scalars in a
//! configuration become their text; null stays null.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use serde_json::Value as Json;

use super::Api;
use super::error::RestError;
use super::json::{JsonError, Reader, Token};
use crate::herder::RequestConfig;
use crate::task::TargetState;

const ENTITIES: &str = "org.apache.kafka.connect.runtime.rest.entities";
const STRING_MAP: &str = "java.util.LinkedHashMap<java.lang.String,java.lang.String>";
const OBJECT_MAP: &str = "java.util.LinkedHashMap<java.lang.String,java.lang.Object>";
const MAP: &str = "java.util.LinkedHashMap";
const STRING: &str = "java.lang.String";

type Bound<T> = Result<T, JsonError>;

impl From<JsonError> for RestError {
    fn from(error: JsonError) -> Self {
        RestError::internal(error.to_string())
    }
}

/// A whole body, read in time and within the size that the API allows.
pub(super) struct Body(pub(super) Bytes);

impl FromRequest<Api> for Body {
    type Rejection = RestError;

    async fn from_request(request: Request, api: &Api) -> Result<Self, RestError> {
        let typed = request.headers().contains_key(CONTENT_TYPE);
        let read = tokio::time::timeout(api.limits.body, Bytes::from_request(request, &())).await;
        match read.map_err(|_| RestError::http(StatusCode::REQUEST_TIMEOUT))? {
            // Nothing says how to read it.
            Ok(body) if !typed && !body.is_empty() => Err(RestError::http(StatusCode::UNSUPPORTED_MEDIA_TYPE)),
            Ok(body) => Ok(Self(body)),
            Err(rejected) => Err(RestError::http(rejected.into_response().status())),
        }
    }
}

/// What Connect answers when there is no configuration: Java's words for using the missing `variable`.
pub(super) fn null_map(variable: &str) -> RestError {
    null("java.util.Map.get(Object)", variable)
}

/// The same for a PATCH.
pub(super) fn null_patch() -> RestError {
    null("java.util.Map.forEach(java.util.function.BiConsumer)", "patch")
}

fn null(method: &str, variable: &str) -> RestError {
    RestError::internal(format!("Cannot invoke \"{method}\" because \"{variable}\" is null"))
}

/// Body of `POST /connectors`.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Create {
    pub(super) name: Option<String>,
    pub(super) config: Option<RequestConfig>,
    pub(super) initial_state: Option<TargetState>,
}

/// A configuration; `None` for null or no body.
pub(super) fn config(body: &[u8]) -> Result<Option<RequestConfig>, RestError> {
    Ok(whole(body, "java.util.Map", string_map)?)
}

/// A request to create a connector.
pub(super) fn create(body: &[u8]) -> Result<Create, RestError> {
    let request = whole(body, &format!("{ENTITIES}.CreateConnectorRequest"), create_request)?;
    request.ok_or_else(|| null(&format!("{ENTITIES}.CreateConnectorRequest.name()"), "createRequest"))
}

/// Partitions and offsets of a request to alter offsets; empty if there is no list.
pub(super) fn offsets(body: &[u8]) -> Result<Vec<(Json, Json)>, RestError> {
    let class = format!("{ENTITIES}.ConnectorOffsets");
    let list = whole(body, &class, connector_offsets)?.ok_or_else(|| null(&format!("{class}.offsets()"), "offsets"))?;
    let missing = || null(&format!("{ENTITIES}.ConnectorOffset.partition()"), "offset");
    list.into_iter().map(|item| item.ok_or_else(missing)).collect()
}

/// Binds the one value of a body. Null and no value at all are `None`.
fn whole<'a, T>(
    body: &'a [u8],
    class: &str,
    bind: impl FnOnce(&mut Reader<'a>, Token<'a>) -> Bound<Option<T>>,
) -> Bound<Option<T>> {
    let mut reader = Reader::new(body)?;
    let Some(token) = reader.next()? else { return Ok(None) };
    let bound = bind(&mut reader, token)?;
    match reader.next()? {
        None => Ok(bound),
        Some(token) => Err(reader.error(format!(
            "Trailing token (of type {}) found after value (bound as `{class}`): not allowed as per \
             `DeserializationFeature.FAIL_ON_TRAILING_TOKENS`",
            describe(&token).1
        ))),
    }
}

fn string_map<'a>(reader: &mut Reader<'a>, token: Token<'a>) -> Bound<Option<RequestConfig>> {
    if !starts_map(reader, &token, STRING_MAP)? {
        return Ok(None);
    }
    let mut config = RequestConfig::new();
    while let Some(key) = key(reader)? {
        let token = required(reader)?;
        let value = text(reader, token).map_err(|error| error.within(MAP, &key))?;
        config.insert(key, value);
    }
    Ok(Some(config))
}

fn create_request<'a>(reader: &mut Reader<'a>, token: Token<'a>) -> Bound<Option<Create>> {
    let class = format!("{ENTITIES}.CreateConnectorRequest");
    if !starts_object(reader, &token, &class)? {
        return Ok(None);
    }
    let mut request = Create::default();
    while let Some(field) = key(reader)? {
        create_member(reader, &field, &class, &mut request).map_err(|error| error.within(&class, &field))?;
    }
    Ok(Some(request))
}

fn create_member(reader: &mut Reader<'_>, field: &str, class: &str, request: &mut Create) -> Bound<()> {
    if !["name", "config", "initial_state"].contains(&field) {
        return Err(unknown(reader, field, class, "3 known properties: \"config\", \"name\", \"initial_state\""));
    }
    let token = required(reader)?;
    match field {
        "name" => request.name = text(reader, token)?,
        "config" => request.config = string_map(reader, token)?,
        _ => request.initial_state = initial_state(reader, token)?,
    }
    Ok(())
}

fn initial_state<'a>(reader: &mut Reader<'a>, token: Token<'a>) -> Bound<Option<TargetState>> {
    let class = format!("{ENTITIES}.CreateConnectorRequest$InitialState");
    if token == Token::StartObject {
        return Err(mismatch(reader, &class, &token));
    }
    let Some(name) = text(reader, token)? else { return Ok(None) };
    let upper = name.to_uppercase();
    match upper.as_str() {
        "RUNNING" => Ok(Some(TargetState::Started)),
        "PAUSED" => Ok(Some(TargetState::Paused)),
        "STOPPED" => Ok(Some(TargetState::Stopped)),
        _ => Err(reader.error(format!(
            "Cannot construct instance of `{class}`, problem: No enum constant \
             {ENTITIES}.CreateConnectorRequest.InitialState.{upper}"
        ))),
    }
}

type OffsetItem = Option<(Json, Json)>;

fn connector_offsets<'a>(reader: &mut Reader<'a>, token: Token<'a>) -> Bound<Option<Vec<OffsetItem>>> {
    let class = format!("{ENTITIES}.ConnectorOffsets");
    if !starts_object(reader, &token, &class)? {
        return Ok(None);
    }
    let mut offsets = Vec::new();
    while let Some(field) = key(reader)? {
        if field != "offsets" {
            let unknown = unknown(reader, &field, &class, "one known property: \"offsets\"");
            return Err(unknown.within(&class, &field));
        }
        let token = required(reader)?;
        offsets = offset_items(reader, token).map_err(|error| error.within(&class, &field))?;
    }
    Ok(Some(offsets))
}

fn offset_items<'a>(reader: &mut Reader<'a>, token: Token<'a>) -> Bound<Vec<OffsetItem>> {
    let mut offsets = Vec::new();
    match token {
        Token::Null => return Ok(offsets),
        Token::StartArray => {}
        other => return Err(mismatch(reader, &format!("java.util.ArrayList<{ENTITIES}.ConnectorOffset>"), &other)),
    }
    loop {
        match required(reader)? {
            Token::EndArray => return Ok(offsets),
            token => {
                let item = offset_item(reader, token);
                offsets.push(item.map_err(|error| error.within("java.util.ArrayList", offsets.len()))?);
            }
        }
    }
}

fn offset_item<'a>(reader: &mut Reader<'a>, token: Token<'a>) -> Bound<OffsetItem> {
    let class = format!("{ENTITIES}.ConnectorOffset");
    if !starts_object(reader, &token, &class)? {
        return Ok(None);
    }
    let (mut partition, mut offset) = (Json::Null, Json::Null);
    while let Some(field) = key(reader)? {
        let value = match field.as_str() {
            "partition" => &mut partition,
            "offset" => &mut offset,
            _ => {
                let unknown = unknown(reader, &field, &class, "2 known properties: \"partition\", \"offset\"");
                return Err(unknown.within(&class, &field));
            }
        };
        let token = required(reader)?;
        *value = match starts_map(reader, &token, OBJECT_MAP).map_err(|error| error.within(&class, &field))? {
            true => tree(reader, token)?,
            false => Json::Null,
        };
    }
    Ok(Some((partition, offset)))
}

/// Whether an object of a Java class begins here; false for null.
fn starts_object(reader: &Reader<'_>, token: &Token<'_>, class: &str) -> Bound<bool> {
    let (argument, value) = match token {
        Token::StartObject => return Ok(true),
        Token::Null => return Ok(false),
        Token::Text(text) if text.trim().is_empty() => {
            return Err(reader.error(format!(
                "Cannot coerce empty String (\"\") to `{class}` value (but could if coercion was enabled using \
                 `CoercionConfig`)"
            )));
        }
        Token::Text(text) => ("String", format!("String value ('{text}')")),
        Token::Integer(text) if text.parse::<i32>().is_ok() => ("int/Int", format!("Number value ({text})")),
        Token::Integer(text) if text.parse::<i64>().is_ok() => ("long/Long", format!("Number value ({text})")),
        Token::Integer(text) => ("BigInteger", format!("Number value ({text})")),
        Token::Float(text) => ("double/Double", format!("Number value ({text})")),
        Token::Bool(value) => ("boolean/Boolean", format!("boolean value ({value})")),
        other => return Err(mismatch(reader, class, other)),
    };
    Err(reader.error(format!(
        "Cannot construct instance of `{class}` (although at least one Creator exists): no {argument}-argument \
         constructor/factory method to deserialize from {value}"
    )))
}

/// Whether a map begins here; false for null.
fn starts_map(reader: &Reader<'_>, token: &Token<'_>, class: &str) -> Bound<bool> {
    match token {
        Token::StartObject => Ok(true),
        Token::Null => Ok(false),
        Token::Text(text) if text.trim().is_empty() => Err(reader.error(format!(
            "Cannot coerce empty String (\"\") to element of `{MAP}` (but could if coercion was enabled using \
             `CoercionConfig`)"
        ))),
        Token::Text(text) => Err(reader.error(format!(
            "Cannot construct instance of `{MAP}` (although at least one Creator exists): no \
             String-argument constructor/factory method to deserialize from String value ('{text}')"
        ))),
        other => Err(mismatch(reader, class, other)),
    }
}

/// A scalar's text as it was written; `None` for null.
fn text(reader: &Reader<'_>, token: Token<'_>) -> Bound<Option<String>> {
    match token {
        Token::Text(text) => Ok(Some(text)),
        Token::Integer(text) | Token::Float(text) => Ok(Some(text.to_owned())),
        Token::Bool(value) => Ok(Some(value.to_string())),
        Token::Null => Ok(None),
        other => Err(mismatch(reader, STRING, &other)),
    }
}

/// Any value.
fn tree<'a>(reader: &mut Reader<'a>, token: Token<'a>) -> Bound<Json> {
    Ok(match token {
        Token::StartObject => {
            let mut map = serde_json::Map::new();
            while let Some(key) = key(reader)? {
                let token = required(reader)?;
                map.insert(key, tree(reader, token)?);
            }
            Json::Object(map)
        }
        Token::StartArray => {
            let mut list = Vec::new();
            loop {
                match required(reader)? {
                    Token::EndArray => break Json::Array(list),
                    token => list.push(tree(reader, token)?),
                }
            }
        }
        Token::Text(text) | Token::Key(text) => Json::String(text),
        Token::Integer(text) | Token::Float(text) => {
            serde_json::from_str(text).map_err(|_| reader.error(format!("Numeric value ({text}) out of range")))?
        }
        Token::Bool(value) => Json::Bool(value),
        Token::Null | Token::EndObject | Token::EndArray => Json::Null,
    })
}

/// The next key of the object that is open; `None` at its end.
fn key(reader: &mut Reader<'_>) -> Bound<Option<String>> {
    match required(reader)? {
        Token::Key(key) => Ok(Some(key)),
        _ => Ok(None),
    }
}

/// The next token where the body cannot have ended.
fn required<'a>(reader: &mut Reader<'a>) -> Bound<Token<'a>> {
    reader.next()?.ok_or_else(|| reader.error("Unexpected end-of-input"))
}

fn unknown(reader: &Reader<'_>, field: &str, class: &str, known: &str) -> JsonError {
    reader.error(format!("Unrecognized field \"{field}\" (class {class}), not marked as ignorable ({known})"))
}

fn mismatch(reader: &Reader<'_>, class: &str, token: &Token<'_>) -> JsonError {
    let (kind, name) = describe(token);
    reader.error(format!("Cannot deserialize value of type `{class}` from {kind} value (token `JsonToken.{name}`)"))
}

fn describe(token: &Token<'_>) -> (&'static str, &'static str) {
    match token {
        Token::StartObject => ("Object", "START_OBJECT"),
        Token::EndObject => ("Object", "END_OBJECT"),
        Token::StartArray => ("Array", "START_ARRAY"),
        Token::EndArray => ("Array", "END_ARRAY"),
        Token::Key(_) => ("Object", "FIELD_NAME"),
        Token::Text(_) => ("String", "VALUE_STRING"),
        Token::Integer(_) => ("Integer", "VALUE_NUMBER_INT"),
        Token::Float(_) => ("Floating-point", "VALUE_NUMBER_FLOAT"),
        Token::Bool(true) => ("Boolean", "VALUE_TRUE"),
        Token::Bool(false) => ("Boolean", "VALUE_FALSE"),
        Token::Null => ("null", "VALUE_NULL"),
    }
}
