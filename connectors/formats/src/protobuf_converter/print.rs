//! The text of a schema, byte for byte as Confluent's converter registers it.

use super::descriptor::{Enum, Field, File, Label, Message};
use super::options::FieldMeta;
use crate::java_order::hash_order;

/// The text of a file of proto3.
pub(super) fn text(file: &File) -> String {
    let mut out = String::from("syntax = \"proto3\";\n");
    if !file.package.is_empty() {
        out.push_str(&format!("package {};\n", file.package));
    }
    if !file.imports.is_empty() {
        out.push('\n');
        for import in &file.imports {
            out.push_str(&format!("import \"{import}\";\n"));
        }
    }
    out.push('\n');
    for one in &file.messages {
        out.push_str(&message(one));
    }
    out
}

fn message(one: &Message) -> String {
    let mut out = format!("message {} {{", one.name);
    let plain: Vec<&Field> = one.fields.iter().filter(|field| field.oneof.is_none()).collect();
    if !plain.is_empty() {
        out.push('\n');
        for field in plain {
            indent(&mut out, &self::field(field));
        }
    }
    if !one.oneofs.is_empty() {
        out.push('\n');
        for (index, name) in one.oneofs.iter().enumerate() {
            let mut oneof = format!("oneof {name} {{\n");
            for member in one.fields.iter().filter(|field| field.oneof == Some(index)) {
                indent(&mut oneof, &self::field(member));
            }
            oneof.push_str("}\n");
            indent(&mut out, &oneof);
        }
    }
    if !one.messages.is_empty() || !one.enums.is_empty() {
        out.push('\n');
        for nested in &one.messages {
            indent(&mut out, &message(nested));
        }
        for nested in &one.enums {
            indent(&mut out, &enumeration(nested));
        }
    }
    out.push_str("}\n");
    out
}

fn field(field: &Field) -> String {
    let label = match field.label {
        Label::Repeated => "repeated ",
        _ if field.proto3_optional => "optional ",
        _ => "",
    };
    let kind = if field.type_name.is_empty() { field.kind.name() } else { &field.type_name };
    format!("{label}{kind} {} = {}{};\n", field.name, field.number, options(&field.meta))
}

fn options(meta: &FieldMeta) -> String {
    if meta.params.is_empty() {
        return String::new();
    }
    // In the order of the hash map in which Confluent's converter collects them.
    let params = hash_order(meta.params.iter().collect(), 16, |(name, _)| name);
    let mut list = String::from("params: [\n");
    for (index, (name, value)) in params.iter().enumerate() {
        let key = format!("key: \"{}\"", escaped(name));
        let value = format!("value: \"{}\"", escaped(value));
        // Those that came first are written the other way round, which is kept.
        let value_first = matches!(name.as_str(), "precision" | "scale");
        let [first, second] = if value_first { [value, key] } else { [key, value] };
        let mut entry = String::from("{\n");
        indent(&mut entry, &format!("{first},"));
        indent(&mut entry, &second);
        entry.push('}');
        if index + 1 < params.len() {
            entry.push(',');
        }
        indent(&mut list, &entry);
    }
    list.push(']');
    let mut out = String::from(" [(confluent.field_meta) = {\n");
    indent(&mut out, &list);
    out.push_str("}]");
    out
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\r', "\\r").replace('\t', "\\t")
}

fn enumeration(one: &Enum) -> String {
    let mut out = format!("enum {} {{", one.name);
    if !one.values.is_empty() {
        out.push('\n');
        for (symbol, number) in &one.values {
            indent(&mut out, &format!("{symbol} = {number};"));
        }
    }
    out.push_str("}\n");
    out
}

/// Appends lines, two blanks before each.
fn indent(out: &mut String, text: &str) {
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        out.push_str("  ");
        out.push_str(line);
        out.push('\n');
    }
}
