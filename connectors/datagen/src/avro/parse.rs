//! From JSON text to types.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::names::{branch_name, full_name, is_name, primitive};
use super::{Avro, AvroField, Kind, Logical, MAX_DEPTH, MAX_SIZE, MAX_TEXT};

/// Where the rules stand in a type.
const RULES: &str = "arg.properties";

/// The largest `fixed`, in bytes.
const MAX_FIXED: u64 = 1024 * 1024;

/// The most digits of a decimal: as many as a 128 bit number surely holds.
const MAX_PRECISION: u64 = 38;

type Object = Map<String, Json>;

/// Reads a schema. Comments are allowed, as in Java's parser.
///
/// # Errors
/// What is wrong, and where in the schema.
pub(crate) fn parse(text: &str) -> Result<Arc<Avro>, String> {
    if text.len() > MAX_TEXT {
        return Err(format!("it is longer than {MAX_TEXT} bytes"));
    }
    let json: Json = serde_json::from_str(&without_comments(text)).map_err(|error| error.to_string())?;
    Parser::default().avro(&json, &Place { namespace: "", path: "schema".to_owned(), depth: 0 })
}

/// The text without comments; lines keep their numbers.
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut chars, mut in_string) = (text.chars().peekable(), false);
    while let Some(char) = chars.next() {
        match (char, chars.peek()) {
            ('\\', Some(_)) if in_string => {
                out.push(char);
                out.extend(chars.next());
            }
            ('"', _) => {
                in_string = !in_string;
                out.push(char);
            }
            ('/', Some('/')) if !in_string => while chars.next_if(|next| *next != '\n').is_some() {},
            ('/', Some('*')) if !in_string => {
                chars.next();
                let mut last = ' ';
                for next in chars.by_ref().take_while(|next| !is_end(&mut last, *next)) {
                    out.extend((next == '\n').then_some('\n'));
                }
                out.push(' ');
            }
            _ => out.push(char),
        }
    }
    out
}

fn is_end(last: &mut char, next: char) -> bool {
    std::mem::replace(last, next) == '*' && next == '/'
}

/// Where in the schema the parser stands.
struct Place<'a> {
    namespace: &'a str,
    path: String,
    depth: usize,
}

impl<'a> Place<'a> {
    fn inner(&self, namespace: &'a str, step: &str) -> Place<'a> {
        Place { namespace, path: format!("{}{step}", self.path), depth: self.depth + 1 }
    }

    fn error(&self, what: impl std::fmt::Display) -> String {
        format!("{}: {what}", self.path)
    }
}

#[derive(Default)]
struct Parser {
    /// The types that have been defined, by full name.
    named: HashMap<String, Arc<Avro>>,
}

impl Parser {
    fn avro(&mut self, json: &Json, place: &Place<'_>) -> Result<Arc<Avro>, String> {
        if place.depth > MAX_DEPTH {
            return Err(too_deep(place));
        }
        match json {
            Json::String(name) => self.by_name(name, place),
            Json::Array(branches) => self.union(branches, place),
            Json::Object(object) => match object.get("type") {
                Some(Json::String(kind)) if kind == "array" || kind == "map" => self.collection(kind, object, place),
                Some(Json::String(kind)) if matches!(kind.as_str(), "record" | "enum" | "fixed") => {
                    self.named(kind, object, place)
                }
                Some(Json::String(name)) => match primitive(name) {
                    Some(kind) => checked(described(kind, None, object, place)?, place),
                    None => self.by_name(name, place),
                },
                Some(inner) => self.avro(inner, &place.inner(place.namespace, "")),
                None => Err(place.error("\"type\" is missing")),
            },
            _ => Err(place.error("a type is a name, an object or an array")),
        }
    }

    fn by_name(&self, name: &str, place: &Place<'_>) -> Result<Arc<Avro>, String> {
        if let Some(kind) = primitive(name) {
            return checked(plain(kind), place);
        }
        let known = self.named.get(&full_name(name, place.namespace)).or_else(|| self.named.get(name));
        known.cloned().ok_or_else(|| place.error(format!("type {name:?} is not known here, or stands within itself")))
    }

    fn union(&mut self, branches: &[Json], place: &Place<'_>) -> Result<Arc<Avro>, String> {
        let (mut parsed, mut names) = (Vec::with_capacity(branches.len()), HashSet::new());
        for (index, branch) in branches.iter().enumerate() {
            let branch = self.avro(branch, &place.inner(place.namespace, &format!("[{index}]")))?;
            if matches!(branch.kind, Kind::Union(_)) {
                return Err(place.error("a union cannot stand in a union"));
            }
            if !names.insert(branch_name(&branch).to_owned()) {
                return Err(place.error("two branches of the union are alike"));
            }
            parsed.push(branch);
        }
        if parsed.is_empty() {
            return Err(place.error("a union needs a branch"));
        }
        checked(plain(Kind::Union(parsed)), place)
    }

    fn collection(&mut self, kind: &str, object: &Object, place: &Place<'_>) -> Result<Arc<Avro>, String> {
        let (member, make): (_, fn(Arc<Avro>) -> Kind) =
            if kind == "array" { ("items", Kind::Array) } else { ("values", Kind::Map) };
        let json = part(object, member, place)?;
        let inner = self.avro(json, &place.inner(place.namespace, &format!(".{member}")))?;
        checked(described(make(inner), None, object, place)?, place)
    }

    fn named(&mut self, kind: &str, object: &Object, place: &Place<'_>) -> Result<Arc<Avro>, String> {
        let namespace = object.get("namespace").and_then(Json::as_str).unwrap_or(place.namespace);
        let full = full_name(text(part(object, "name", place)?, "name", place)?, namespace);
        if !full.split('.').all(is_name) {
            return Err(place.error(format!("{full:?} is no name")));
        }
        if self.named.contains_key(&full) {
            return Err(place.error(format!("type {full:?} is described twice")));
        }
        let namespace = full.rsplit_once('.').map_or("", |(namespace, _)| namespace);
        let inner = match kind {
            "record" => Kind::Record(self.fields(part(object, "fields", place)?, namespace, place)?),
            "enum" => Kind::Enum(symbols(part(object, "symbols", place)?, place)?),
            _ => match part(object, "size", place)?.as_u64() {
                Some(size) if size <= MAX_FIXED => Kind::Fixed(size as usize),
                _ => return Err(place.error(format!("\"size\" must be a number from 0 to {MAX_FIXED}"))),
            },
        };
        let avro = checked(described(inner, Some(full.clone()), object, place)?, place)?;
        self.named.insert(full, Arc::clone(&avro));
        Ok(avro)
    }

    fn fields(&mut self, json: &Json, namespace: &str, place: &Place<'_>) -> Result<Vec<AvroField>, String> {
        let Json::Array(items) = json else { return Err(place.error("\"fields\" must be an array")) };
        let (mut fields, mut names) = (Vec::with_capacity(items.len()), HashSet::new());
        for item in items {
            let Json::Object(object) = item else { return Err(place.error("a field is an object")) };
            let name = text(part(object, "name", place)?, "name of a field", place)?;
            if !is_name(name) || !names.insert(name) {
                return Err(place.error(format!("{name:?} is no name for a field, or there are two of it")));
            }
            let place = Place { namespace, path: format!("{}.{name}", place.path), depth: place.depth + 1 };
            fields.push(AvroField {
                name: name.into(),
                avro: self.avro(part(object, "type", &place)?, &place)?,
                doc: object.get("doc").and_then(Json::as_str).map(str::to_owned),
                default: object.get("default").cloned(),
                rules: rules(object, &place)?,
            });
        }
        Ok(fields)
    }
}

fn plain(kind: Kind) -> Avro {
    Avro {
        kind,
        name: None,
        doc: None,
        logical: None,
        connect_name: None,
        connect_version: None,
        rules: Map::new(),
        depth: 1,
        size: 1,
    }
}

fn described(kind: Kind, name: Option<String>, object: &Object, place: &Place<'_>) -> Result<Avro, String> {
    let string = |name: &str| object.get(name).and_then(Json::as_str).map(str::to_owned);
    Ok(Avro {
        name,
        doc: string("doc").or_else(|| string("connect.doc")),
        logical: logical(&kind, object, place)?,
        connect_name: string("connect.name"),
        connect_version: object.get("connect.version").and_then(Json::as_i64).and_then(|n| i32::try_from(n).ok()),
        rules: rules(object, place)?,
        ..plain(kind)
    })
}

/// The type with its depth and size, which are bounded: types that stand in each other by name count too.
fn checked(mut avro: Avro, place: &Place<'_>) -> Result<Arc<Avro>, String> {
    let parts: Vec<&Arc<Avro>> = match &avro.kind {
        Kind::Array(inner) | Kind::Map(inner) => vec![inner],
        Kind::Union(branches) => branches.iter().collect(),
        Kind::Record(fields) => fields.iter().map(|field| &field.avro).collect(),
        _ => Vec::new(),
    };
    avro.depth = 1 + parts.iter().map(|part| part.depth).max().unwrap_or(0);
    avro.size = parts.iter().fold(1, |size: usize, part| size.saturating_add(part.size));
    if avro.depth > MAX_DEPTH {
        return Err(too_deep(place));
    }
    if avro.size > MAX_SIZE {
        return Err(place.error(format!("it is made of more than {MAX_SIZE} types")));
    }
    Ok(Arc::new(avro))
}

fn too_deep(place: &Place<'_>) -> String {
    place.error(format!("types stand more than {MAX_DEPTH} deep in each other"))
}

fn part<'a>(object: &'a Object, name: &str, place: &Place<'_>) -> Result<&'a Json, String> {
    object.get(name).ok_or_else(|| place.error(format!("{name:?} is missing")))
}

fn text<'a>(json: &'a Json, what: &str, place: &Place<'_>) -> Result<&'a str, String> {
    json.as_str().ok_or_else(|| place.error(format!("the {what} must be a string")))
}

fn rules(object: &Object, place: &Place<'_>) -> Result<Object, String> {
    match object.get(RULES) {
        None => Ok(Map::new()),
        Some(Json::Object(rules)) => Ok(rules.clone()),
        Some(_) => Err(place.error(format!("{RULES} must be an object"))),
    }
}

/// The logical type. One that does not suit the type is to be ignored, says Avro.
fn logical(kind: &Kind, object: &Object, place: &Place<'_>) -> Result<Option<Logical>, String> {
    let name = object.get("logicalType").and_then(Json::as_str).unwrap_or_default();
    Ok(Some(match (name, kind) {
        ("decimal", Kind::Bytes | Kind::Fixed(_)) => {
            let number = |name: &str| object.get(name).and_then(Json::as_u64).unwrap_or(0);
            let (precision, scale) = (number("precision"), number("scale"));
            if precision == 0 || precision > MAX_PRECISION || scale > precision {
                return Err(place.error(format!(
                    "a decimal needs a precision from 1 to {MAX_PRECISION} and a scale of at most that"
                )));
            }
            Logical::Decimal { precision: precision as u32, scale: scale as u32 }
        }
        ("date", Kind::Int) => Logical::Date,
        ("time-millis", Kind::Int) => Logical::TimeMillis,
        ("time-micros", Kind::Long) => Logical::TimeMicros,
        ("timestamp-millis", Kind::Long) => Logical::TimestampMillis,
        ("timestamp-micros", Kind::Long) => Logical::TimestampMicros,
        ("uuid", Kind::String) => Logical::Uuid,
        _ => return Ok(None),
    }))
}

fn symbols(json: &Json, place: &Place<'_>) -> Result<Vec<Arc<str>>, String> {
    let (mut symbols, mut seen) = (Vec::new(), HashSet::new());
    for item in json.as_array().map(Vec::as_slice).unwrap_or_default() {
        let symbol = text(item, "symbol", place)?;
        if !is_name(symbol) || !seen.insert(symbol) {
            return Err(place.error(format!("{symbol:?} is no symbol, or there are two of it")));
        }
        symbols.push(symbol.into());
    }
    if symbols.is_empty() { Err(place.error("an enum needs a list of symbols")) } else { Ok(symbols) }
}
