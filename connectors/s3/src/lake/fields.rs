//! The members of rows, and what kinds of values they hold.

use indexmap::{IndexMap, IndexSet};
use longshore_api::Result;
use longshore_formats::json::{Kind, Reader};

use super::rows::corrupt;

/// The most members of which an object's kinds are kept: rows of a schema have fewer, maps in their place may not.
const MAX_FIELDS: usize = 10_000;
/// The most bytes of such a member's name.
const MAX_NAME: usize = 1 << 10;

/// Calls `visit` with the name, the kind and the JSON text of each member of a row. A row that is no object has one, whose
/// name is `value`.
///
/// # Errors
/// Kind BadRecord: it is no JSON.
pub(crate) fn visit(row: &[u8], mut visit: impl FnMut(&str, Kind, &str)) -> Result<()> {
    let text = std::str::from_utf8(row).map_err(corrupt)?;
    let mut reader = Reader::new(text);
    if reader.peek().map_err(corrupt)? != Kind::Object {
        let kind = reader.peek().map_err(corrupt)?;
        reader.skip().map_err(corrupt)?;
        visit("value", kind, text.trim());
        return Ok(());
    }
    reader.enter(Kind::Object).map_err(corrupt)?;
    let mut first = true;
    while let Some(name) = reader.next_name(first).map_err(corrupt)? {
        first = false;
        let kind = reader.peek().map_err(corrupt)?;
        let start = reader.position();
        reader.skip().map_err(corrupt)?;
        visit(&name, kind, reader.since(start).trim());
    }
    Ok(())
}

/// What kinds of values the members of many rows hold.
#[derive(Debug, Clone, Default)]
pub(crate) struct Kinds {
    members: IndexMap<String, [bool; 5]>,
    /// Whether there were members that are not kept.
    has_more: bool,
}

impl Kinds {
    const NAMES: [&'static str; 5] = ["a boolean", "a number", "a string", "an array", "an object"];

    /// Notes the kinds of a row.
    ///
    /// # Errors
    /// Kind BadRecord: it is no JSON.
    pub(crate) fn add(&mut self, row: &[u8]) -> Result<()> {
        visit(row, |name, kind, _| {
            let at = match kind {
                // Nothing may stand in any place.
                Kind::Null => None,
                Kind::Boolean => Some(0),
                Kind::Number => Some(1),
                Kind::String => Some(2),
                Kind::Array => Some(3),
                Kind::Object => Some(4),
            };
            if let (Some(kinds), Some(at)) = (self.of(name), at) {
                kinds[at] = true;
            }
        })
    }

    /// The kinds of a member; `None` of one that is not kept.
    fn of(&mut self, name: &str) -> Option<&mut [bool; 5]> {
        if !self.members.contains_key(name) {
            if self.members.len() >= MAX_FIELDS || name.len() > MAX_NAME {
                self.has_more = true;
                return None;
            }
            self.members.insert(name.to_owned(), [false; 5]);
        }
        self.members.get_mut(name)
    }

    /// The names of all members, in the order in which they came; `None` if there were too many, or too long ones.
    pub(crate) fn names(&self) -> Option<IndexSet<&str>> {
        (!self.has_more).then(|| self.members.keys().map(String::as_str).collect())
    }

    /// What of others is of another kind here: a sentence for each member. Adds the others' kinds.
    pub(crate) fn merge(&mut self, other: &Kinds) -> Vec<String> {
        let mut conflicts = Vec::new();
        for (name, kinds) in &other.members {
            let Some(known) = self.of(name) else { continue };
            let had: Vec<&str> = named(known);
            let has = named(kinds);
            let is_new = known.iter().zip(kinds).any(|(known, new)| *new && !known);
            if !had.is_empty() && is_new {
                let (has, had) = (has.join(" and "), had.join(" and "));
                conflicts.push(format!("{name} is {has} here and {had} elsewhere"));
            }
            known.iter_mut().zip(kinds).for_each(|(known, new)| *known |= new);
        }
        conflicts
    }
}

fn named(kinds: &[bool; 5]) -> Vec<&'static str> {
    Kinds::NAMES.iter().zip(kinds).filter(|(_, has)| **has).map(|(name, _)| *name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_of_another_kind_is_told_once() {
        let kinds = |rows: &[&str]| {
            let mut kinds = Kinds::default();
            rows.iter().for_each(|row| kinds.add(row.as_bytes()).unwrap());
            kinds
        };
        let mut all = kinds(&[r#"{"a":1,"b":null}"#, r#"{"a":2.5,"c":[1]}"#]);
        assert!(all.merge(&kinds(&[r#"{"b":"x","a":null}"#])).is_empty());
        let conflict = kinds(&[r#"{"a":"1"}"#]);
        assert_eq!(all.merge(&conflict), ["a is a string here and a number elsewhere"]);
        assert!(all.merge(&conflict).is_empty());
        assert!(all.names().unwrap().iter().eq(&["a", "b", "c"]));
    }

    #[test]
    fn what_is_kept_of_many_members_is_bounded() {
        let (mut all, mut one) = (Kinds::default(), Kinds::default());
        for index in 0..MAX_FIELDS {
            all.add(format!(r#"{{"{index}":1}}"#).as_bytes()).unwrap();
        }
        one.add(format!(r#"{{"{}":1,"a":1,"0":"x"}}"#, "b".repeat(MAX_NAME + 1)).as_bytes()).unwrap();
        assert!(one.members.len() == 2 && one.names().is_none());
        assert_eq!(all.merge(&one), ["0 is a string here and a number elsewhere"]);
        assert!(all.members.len() == MAX_FIELDS && all.names().is_none());
    }

    #[test]
    fn texts_of_members_are_as_they_stand() {
        let mut seen = Vec::new();
        visit(br#" {"a": 1.50 , "b" :{"c": [ ]}} "#, |name, _, text| seen.push(format!("{name}={text}"))).unwrap();
        visit(b"\"x\"", |name, _, text| seen.push(format!("{name}={text}"))).unwrap();
        assert_eq!(seen, ["a=1.50", r#"b={"c": [ ]}"#, "value=\"x\""]);
    }
}
