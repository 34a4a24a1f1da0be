//! Typed values of extended JSON: `{"$oid": …}` and its like, and the shell's `ObjectId(…)`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::Node;
use crate::convert::builder::{BuildError, Builder};
use crate::convert::kind;
use crate::date;

type Typed = Result<Node, String>;

/// The typed value that an object stands for, told by its first key; `None` for an ordinary document.
///
/// # Errors
/// If the object has the mark of a type but not its form.
pub(super) fn typed(members: &[(String, Node)]) -> Result<Option<Node>, String> {
    let Some((mark, value)) = members.first().filter(|(key, _)| key.starts_with('$')) else { return Ok(None) };
    let second = members.get(1).map(|(key, value)| (key.as_str(), value));
    let node = match (mark.as_str(), members.len()) {
        ("$oid", 1) => object_id(value)?,
        ("$date", 1) => date_node(value)?,
        ("$numberInt", 1) => number_int(value)?,
        ("$numberLong", 1) => number_long(value)?,
        ("$numberDouble", 1) => number_double(value)?,
        ("$numberDecimal", 1) => decimal(value)?,
        ("$uuid", 1) => uuid(value)?,
        ("$symbol", 1) => text_value(kind::SYMBOL, text(value)?),
        ("$undefined", 1) => Node::Raw(kind::UNDEFINED, Vec::new()),
        ("$minKey", 1) => Node::Raw(kind::MIN_KEY, Vec::new()),
        ("$maxKey", 1) => Node::Raw(kind::MAX_KEY, Vec::new()),
        ("$code", 1) => text_value(kind::CODE, text(value)?),
        _ => return forms_of_several_keys(mark, value, second, members.len()),
    };
    Ok(Some(node))
}

/// Marks that have several forms; an object of none of them is an ordinary document (a query, say).
fn forms_of_several_keys(
    mark: &str,
    value: &Node,
    second: Option<(&str, &Node)>,
    count: usize,
) -> Result<Option<Node>, String> {
    Ok(match (mark, value, second, count) {
        ("$code", Node::String(code), Some(("$scope", Node::Document(scope))), 2) => {
            Some(code_with_scope(code, scope).map_err(|error| error.to_string())?)
        }
        ("$binary", Node::Document(parts), None, 1) => match (get(parts, "base64"), get(parts, "subType")) {
            (Some(Node::String(data)), Some(subtype)) => Some(binary(data, subtype)?),
            _ => None,
        },
        ("$binary", Node::String(data), Some(("$type", subtype)), 2)
        | ("$type", subtype, Some(("$binary", Node::String(data))), 2) => Some(binary(data, subtype)?),
        ("$timestamp", Node::Document(parts), None, 1) => match (get(parts, "t"), get(parts, "i")) {
            (Some(time), Some(increment)) => Some(timestamp(time, increment)?),
            _ => None,
        },
        ("$regularExpression", Node::Document(parts), None, 1) => {
            match (get(parts, "pattern"), get(parts, "options")) {
                (Some(Node::String(pattern)), Some(Node::String(options))) => Some(regex(pattern, options)),
                _ => None,
            }
        }
        ("$regex", Node::String(pattern), None, 1) => Some(regex(pattern, "")),
        ("$regex", Node::String(pattern), Some(("$options", Node::String(options))), 2) => {
            Some(regex(pattern, options))
        }
        ("$dbPointer", Node::Document(parts), None, 1) => match (get(parts, "$ref"), get(parts, "$id")) {
            (Some(Node::String(namespace)), Some(id)) => Some(db_pointer(namespace, id)?),
            _ => None,
        },
        _ => None,
    })
}

/// The value of a shell form; `constructed` if `new` stands before it.
///
/// # Errors
/// If there is no such form.
pub(super) fn shell(name: &str, constructed: bool, arguments: &[Node]) -> Typed {
    match (name, arguments) {
        ("ObjectId", []) => Ok(Node::Raw(kind::OBJECT_ID, bson::oid::ObjectId::new().bytes().to_vec())),
        ("ObjectId", [id]) => object_id(id),
        ("ISODate", []) => Ok(date_value(date::now_millis())),
        ("Date", []) if constructed => Ok(date_value(date::now_millis())),
        ("ISODate" | "Date", [value]) if constructed || name == "ISODate" => date_node(value),
        ("NumberInt", [value]) => number_int(value),
        ("NumberLong", [value]) => number_long(value),
        ("NumberDecimal", [value]) => decimal(value),
        ("BinData", [subtype, Node::String(data)]) => binary(data, subtype),
        ("HexData", [subtype, Node::String(data)]) => bytes_value(subtype_of(subtype)?, &hex(data)?),
        ("UUID" | "GUID", [value]) => uuid(value),
        ("Timestamp", [time, increment]) => timestamp(time, increment),
        ("RegExp", [Node::String(pattern)]) => Ok(regex(pattern, "")),
        ("RegExp", [Node::String(pattern), Node::String(options)]) => Ok(regex(pattern, options)),
        ("DBPointer", [Node::String(namespace), id]) => db_pointer(namespace, id),
        _ => Err(format!("unknown form {name}(…) of {} arguments", arguments.len())),
    }
}

fn get<'a>(members: &'a [(String, Node)], key: &str) -> Option<&'a Node> {
    members.iter().rfind(|(name, _)| name == key).map(|(_, value)| value)
}

fn text(value: &Node) -> Result<&str, String> {
    match value {
        Node::String(text) => Ok(text),
        _ => Err("expected a string in a typed value".to_owned()),
    }
}

fn integer(value: &Node) -> Result<i64, String> {
    match value {
        Node::Int32(value) => Ok(i64::from(*value)),
        Node::Int64(value) => Ok(*value),
        Node::Double(value) if value.fract() == 0.0 && value.abs() < 9.0e15 => Ok(*value as i64),
        Node::String(text) => text.parse().map_err(|_| format!("{text:?} is no 64-bit integer")),
        _ => Err("expected an integer in a typed value".to_owned()),
    }
}

fn object_id(value: &Node) -> Typed {
    match value {
        Node::Raw(kind::OBJECT_ID, _) => Ok(value.clone()),
        _ => {
            let id = bson::oid::ObjectId::parse_str(text(value)?).map_err(|_| "invalid ObjectId".to_owned())?;
            Ok(Node::Raw(kind::OBJECT_ID, id.bytes().to_vec()))
        }
    }
}

fn date_value(millis: i64) -> Node {
    Node::Raw(kind::DATE, millis.to_le_bytes().to_vec())
}

fn date_node(value: &Node) -> Typed {
    match value {
        Node::String(text) => {
            date::parse_iso(text).map(date_value).ok_or_else(|| format!("{text:?} is no ISO 8601 date"))
        }
        _ => integer(value).map(date_value),
    }
}

fn number_int(value: &Node) -> Typed {
    i32::try_from(integer(value)?).map(Node::Int32).map_err(|_| "a 32-bit integer is out of range".to_owned())
}

fn number_long(value: &Node) -> Typed {
    integer(value).map(Node::Int64)
}

fn number_double(value: &Node) -> Typed {
    match value {
        Node::Double(_) => Ok(value.clone()),
        Node::String(text) => text.parse().map(Node::Double).map_err(|_| format!("{text:?} is no number")),
        _ => integer(value).map(|value| Node::Double(value as f64)),
    }
}

fn decimal(value: &Node) -> Typed {
    let text = match value {
        Node::String(text) => text.clone(),
        Node::Double(value) => value.to_string(),
        _ => integer(value)?.to_string(),
    };
    let value: bson::Decimal128 = text.parse().map_err(|_| format!("{text:?} is no Decimal128"))?;
    Ok(Node::Raw(kind::DECIMAL128, value.bytes().to_vec()))
}

fn uuid(value: &Node) -> Typed {
    let uuid = uuid::Uuid::parse_str(text(value)?).map_err(|_| "invalid UUID".to_owned())?;
    bytes_value(kind::SUBTYPE_UUID, uuid.as_bytes())
}

/// A subtype: a number, or one in hexadecimal as a string.
fn subtype_of(value: &Node) -> Result<u8, String> {
    let wrong = || "expected a binary subtype from 0 to 255".to_owned();
    match value {
        Node::String(text) => {
            let digits = text.get(text.len().saturating_sub(2)..).unwrap_or_default();
            u8::from_str_radix(digits, 16).map_err(|_| wrong())
        }
        _ => u8::try_from(integer(value)?).map_err(|_| wrong()),
    }
}

fn binary(data: &str, subtype: &Node) -> Typed {
    let bytes = BASE64.decode(data).map_err(|_| "invalid base64 in a binary value".to_owned())?;
    bytes_value(subtype_of(subtype)?, &bytes)
}

fn bytes_value(subtype: u8, bytes: &[u8]) -> Typed {
    let length = i32::try_from(bytes.len()).map_err(|_| "a binary value is too long".to_owned())?;
    Ok(Node::Raw(kind::BINARY, [&length.to_le_bytes()[..], &[subtype], bytes].concat()))
}

fn hex(text: &str) -> Result<Vec<u8>, String> {
    let digits: Option<Vec<u32>> = text.chars().map(|char| char.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0).ok_or("invalid hexadecimal digits")?;
    Ok(digits.chunks_exact(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect())
}

fn timestamp(time: &Node, increment: &Node) -> Typed {
    let part = |value| u32::try_from(integer(value)?).map_err(|_| "a part of a timestamp is out of range".to_owned());
    let value = (u64::from(part(time)?) << 32) | u64::from(part(increment)?);
    Ok(Node::Raw(kind::TIMESTAMP, value.to_le_bytes().to_vec()))
}

/// A regular expression; its options are stored in alphabetical order.
pub(super) fn regex(pattern: &str, options: &str) -> Node {
    let mut options: Vec<char> = options.chars().filter(|char| *char != '\0').collect();
    options.sort_unstable();
    let pattern = pattern.split('\0').next().unwrap_or_default();
    let options: String = options.into_iter().collect();
    Node::Raw(kind::REGEX, [pattern.as_bytes(), &[0], options.as_bytes(), &[0]].concat())
}

fn string_bytes(text: &str) -> Vec<u8> {
    // A text inside one Kafka record is shorter than 2 GiB.
    let length = i32::try_from(text.len() + 1).unwrap_or(i32::MAX);
    [&length.to_le_bytes()[..], text.as_bytes(), &[0]].concat()
}

fn text_value(kind: u8, text: &str) -> Node {
    Node::Raw(kind, string_bytes(text))
}

fn code_with_scope(code: &str, scope: &[(String, Node)]) -> Result<Node, BuildError> {
    let mut builder = Builder::default();
    builder.begin();
    super::write_members(scope, &mut builder)?;
    builder.end()?;
    let body = [&string_bytes(code)[..], builder.document()].concat();
    let length = i32::try_from(body.len() + 4).map_err(|_| BuildError::TooLarge)?;
    Ok(Node::Raw(kind::CODE_WITH_SCOPE, [&length.to_le_bytes()[..], &body].concat()))
}

fn db_pointer(namespace: &str, id: &Node) -> Typed {
    match object_id(id)? {
        Node::Raw(_, id) => Ok(Node::Raw(kind::DB_POINTER, [string_bytes(namespace), id].concat())),
        _ => Err("invalid ObjectId".to_owned()),
    }
}
