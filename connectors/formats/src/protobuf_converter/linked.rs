//! A schema with its imports, every name resolved to what it names.

use std::collections::{HashMap, HashSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use longshore_api::{ConnectError, Result};
use prost::Message as _;

use super::descriptor::{Enum, Field, FieldType, File, Message};
use super::known;

/// The messages and enums of a schema and of all that it imports.
#[derive(Debug)]
pub(super) struct Linked {
    pub(super) messages: Vec<MessageType>,
    pub(super) enums: Vec<EnumType>,
    /// The top-level messages of the schema itself, which message indexes count.
    roots: Vec<usize>,
}

#[derive(Debug)]
pub(super) struct MessageType {
    pub(super) name: String,
    pub(super) full_name: String,
    pub(super) fields: Vec<LinkedField>,
    pub(super) oneofs: Vec<String>,
    pub(super) is_proto3: bool,
    /// Nested messages, as message indexes count them.
    children: Vec<usize>,
}

#[derive(Debug)]
pub(super) struct LinkedField {
    pub(super) field: Field,
    pub(super) target: Target,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    Scalar,
    Message(usize),
    Enum(usize),
}

#[derive(Debug)]
pub(super) struct EnumType {
    pub(super) name: String,
    pub(super) full_name: String,
    pub(super) values: Vec<(String, i32)>,
    pub(super) is_open: bool,
}

/// Parses a schema as the registry holds it: text, or a `FileDescriptorProto` in base64.
///
/// # Errors
/// Kind BadRecord, saying where the text is wrong.
pub(super) fn parse(text: &str) -> Result<File> {
    match protox_parse::parse("schema.proto", text) {
        Ok(descriptor) => {
            let mut file = File::decode(&descriptor.encode_to_vec())?;
            // What stands for `map<…>` is no message of the text, and not counted by message indexes.
            file.messages.iter_mut().for_each(mark_implicit);
            Ok(file)
        }
        Err(wrong) => {
            let decoded = STANDARD.decode(text.trim()).ok().and_then(|bytes| File::decode(&bytes).ok());
            decoded.ok_or_else(|| ConnectError::data(format!("Could not parse Protobuf - {}", explain(text, &wrong))))
        }
    }
}

/// The parser's message with the line.
fn explain(text: &str, wrong: &protox_parse::ParseError) -> String {
    let line = wrong.span().and_then(|span| text.get(..span.start)).map(|before| before.lines().count().max(1));
    line.map_or_else(|| wrong.to_string(), |line| format!("line {line}: {wrong}"))
}

fn mark_implicit(message: &mut Message) {
    message.implicit = message.map_entry;
    message.messages.iter_mut().for_each(mark_implicit);
}

impl Linked {
    /// Resolves a schema; `references` are the names and texts of what it may import beside the well-known files.
    ///
    /// As in Confluent's, an import that is not to be had is only an error where one of its types is needed.
    ///
    /// # Errors
    /// Kind BadRecord, for texts that do not parse, and for types that nobody defines.
    pub(super) fn new(text: &str, references: &[(String, String)]) -> Result<Self> {
        Self::link(parse(text)?, references)
    }

    /// As [`new`](Self::new), of a file that is parsed.
    pub(super) fn link(root: File, references: &[(String, String)]) -> Result<Self> {
        let mut files = vec![root];
        let mut names = HashSet::new();
        let mut next = 0;
        while let Some(file) = files.get(next) {
            for import in file.imports.clone() {
                if !names.insert(import.clone()) {
                    continue;
                }
                let referenced = references.iter().find(|(name, _)| *name == import).map(|(_, text)| text.as_str());
                if let Some(text) = referenced.or_else(|| known::file(&import)) {
                    let parsed = parse(text).map_err(|cause| {
                        ConnectError::data(format!("the imported schema {import} is not valid")).caused_by(cause)
                    })?;
                    files.push(parsed);
                }
            }
            next += 1;
        }
        let root_file = effective_root(&files, references)?;
        let mut linker =
            Linker { linked: Self { messages: vec![], enums: vec![], roots: vec![] }, names: HashMap::new() };
        for (index, file) in files.into_iter().enumerate() {
            let roots = linker.add_file(file);
            if index == root_file {
                linker.linked.roots = roots;
            }
        }
        linker.resolve()
    }

    /// The message that indexes lead to; the empty list means the first.
    ///
    /// # Errors
    /// Kind BadRecord, if there is none.
    pub(super) fn message(&self, indexes: &[i32]) -> Result<usize> {
        let (mut level, mut found) = (&self.roots, None);
        for index in if indexes.is_empty() { &[0] } else { indexes } {
            let message = usize::try_from(*index).ok().and_then(|index| level.get(index));
            let message =
                *message.ok_or_else(|| ConnectError::data(format!("Invalid message indexes: {indexes:?}")))?;
            (level, found) = (&self.messages[message].children, Some(message));
        }
        found.ok_or_else(|| ConnectError::data("the Protobuf schema has no message"))
    }

    /// The indexes that lead to a message of this full name.
    pub(super) fn indexes(&self, full_name: &str) -> Option<Vec<i32>> {
        self.find(&self.roots, full_name)
    }

    fn find(&self, level: &[usize], full_name: &str) -> Option<Vec<i32>> {
        level.iter().enumerate().find_map(|(index, message)| {
            let message = &self.messages[*message];
            if message.full_name == full_name {
                return Some(vec![index as i32]);
            }
            let mut rest = self.find(&message.children, full_name)?;
            rest.insert(0, index as i32);
            Some(rest)
        })
    }
}

/// The file whose messages are counted: a file of nothing but one public import stands for that one.
fn effective_root(files: &[File], references: &[(String, String)]) -> Result<usize> {
    let Some(root) = files.first() else { return Ok(0) };
    if let ([], [], [import]) = (&*root.messages, &*root.enums, &*root.public_imports)
        && let Some(name) = root.imports.get(*import)
        && let Some((_, text)) = references.iter().find(|(known, _)| known == name)
    {
        let wanted = parse(text)?;
        return Ok(files.iter().position(|file| *file == wanted).unwrap_or(0));
    }
    Ok(0)
}

struct Linker {
    linked: Linked,
    names: HashMap<String, Target>,
}

impl Linker {
    fn add_file(&mut self, file: File) -> Vec<usize> {
        for one in file.enums {
            self.add_enum(&file.package, one, file.is_proto3);
        }
        let mut roots = Vec::new();
        for message in file.messages {
            roots.push(self.add_message(&file.package, message, file.is_proto3));
        }
        roots
    }

    fn add_enum(&mut self, scope: &str, one: Enum, is_open: bool) {
        let full_name = qualified(scope, &one.name);
        self.names.insert(full_name.clone(), Target::Enum(self.linked.enums.len()));
        self.linked.enums.push(EnumType { name: one.name, full_name, values: one.values, is_open });
    }

    fn add_message(&mut self, scope: &str, message: Message, is_proto3: bool) -> usize {
        let full_name = qualified(scope, &message.name);
        let index = self.linked.messages.len();
        self.names.insert(full_name.clone(), Target::Message(index));
        let fields = message.fields.into_iter().map(|field| LinkedField { field, target: Target::Scalar }).collect();
        self.linked.messages.push(MessageType {
            name: message.name,
            full_name: full_name.clone(),
            fields,
            oneofs: message.oneofs,
            is_proto3,
            children: Vec::new(),
        });
        for one in message.enums {
            self.add_enum(&full_name, one, is_proto3);
        }
        let mut children = Vec::new();
        for nested in message.messages {
            let counted = !nested.implicit;
            let child = self.add_message(&full_name, nested, is_proto3);
            if counted {
                children.push(child);
            }
        }
        self.linked.messages[index].children = children;
        index
    }

    fn resolve(mut self) -> Result<Linked> {
        for message in &mut self.linked.messages {
            for LinkedField { field, target } in &mut message.fields {
                let is_named =
                    matches!(field.kind, FieldType::Named | FieldType::Message | FieldType::Enum | FieldType::Group);
                if !is_named {
                    continue;
                }
                *target = look_up(&self.names, &message.full_name, &field.type_name).ok_or_else(|| {
                    ConnectError::data(format!(
                        "the type {} of the field {} in {} is defined nowhere",
                        field.type_name, field.name, message.full_name
                    ))
                })?;
                field.kind = match target {
                    Target::Enum(_) => FieldType::Enum,
                    _ if field.kind == FieldType::Group => FieldType::Group,
                    _ => FieldType::Message,
                };
            }
        }
        Ok(self.linked)
    }
}

fn qualified(scope: &str, name: &str) -> String {
    if scope.is_empty() { name.to_owned() } else { format!("{scope}.{name}") }
}

/// What a name means inside of a message: the innermost scope that knows it wins.
fn look_up(names: &HashMap<String, Target>, scope: &str, name: &str) -> Option<Target> {
    if let Some(absolute) = name.strip_prefix('.') {
        return names.get(absolute).copied();
    }
    let mut scope = scope;
    loop {
        if let Some(target) = names.get(&qualified(scope, name)) {
            return Some(*target);
        }
        if scope.is_empty() {
            return None;
        }
        scope = scope.rsplit_once('.').map_or("", |(outer, _)| outer);
    }
}
