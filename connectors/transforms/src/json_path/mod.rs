//! JSONPath as Jayway's library has it, over Connect's values.
//!
//! `$`, `.name`, `['a','b']`, `[0,-1]`, `[1:3]`, `*`, `..name` and filters: `[?(@.a == 'x' && !(@.b > 1))]` with `==`,
//! `!=`, `<`, `<=`, `>`, `>=`, `=~ /regex/i`, `in`, `nin`, `!`, `&&`, `||`. A filter on an object looks at the object
//! itself, not at its members, which is where RFC 9535 differs. Functions and script expressions are refused.

mod filter;
mod parse;
#[cfg(test)]
mod tests;

use longshore_api::Value;

use filter::Condition;

/// A compiled path.
#[derive(Debug)]
pub(crate) struct JsonPath {
    steps: Vec<Step>,
}

#[derive(Debug)]
enum Step {
    Names(Vec<String>),
    Indices(Vec<i64>),
    Slice(Option<i64>, Option<i64>),
    Wildcard,
    /// `..`: what the next step finds anywhere below.
    Descend,
    Filter(Condition),
}

/// A path that is bound to lead to one place does not.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotFound;

/// The deepest nesting that `..` looks into.
const MAX_DEPTH: usize = 500;

impl JsonPath {
    /// Compiles a path.
    ///
    /// # Errors
    /// Says what is wrong, and at which character.
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        parse::path(text)
    }

    /// The values to which the path leads.
    ///
    /// # Errors
    /// A path without wildcards and filters that leads nowhere; null on the way counts as nowhere.
    pub(crate) fn find<'v>(&self, value: &'v Value) -> Result<Vec<&'v Value>, NotFound> {
        let found = self.select(value, value);
        if found.is_empty() && self.is_definite() { Err(NotFound) } else { Ok(found) }
    }

    /// Whether it leads to one place at most.
    fn is_definite(&self) -> bool {
        self.steps.iter().all(|step| match step {
            Step::Names(names) => names.len() == 1,
            Step::Indices(indices) => indices.len() == 1,
            _ => false,
        })
    }

    fn select<'v>(&self, root: &'v Value, start: &'v Value) -> Vec<&'v Value> {
        let mut found = vec![start];
        for step in &self.steps {
            let mut next = Vec::new();
            for value in found {
                step.apply(root, value, &mut next);
            }
            found = next;
        }
        found
    }
}

impl Step {
    fn apply<'v>(&self, root: &'v Value, value: &'v Value, found: &mut Vec<&'v Value>) {
        match self {
            Step::Names(names) => found.extend(names.iter().filter_map(|name| member(value, name))),
            Step::Wildcard => children(value, |child| found.push(child)),
            Step::Descend => descend(value, found, 0),
            Step::Filter(condition) => match value {
                Value::Array(elements) => found.extend(elements.iter().filter(|one| condition.holds(root, one))),
                Value::Map(_) | Value::Struct(_) if condition.holds(root, value) => found.push(value),
                _ => {}
            },
            Step::Indices(_) | Step::Slice(..) => {
                let Value::Array(elements) = value else { return };
                let count = elements.len() as i64;
                let at = |index: i64| if index < 0 { index + count } else { index };
                match self {
                    Step::Indices(indices) => {
                        let element = |index: &i64| elements.get(usize::try_from(at(*index)).ok()?);
                        found.extend(indices.iter().filter_map(element));
                    }
                    Step::Slice(from, to) => {
                        let bound = |index: Option<i64>, default| at(index.unwrap_or(default)).clamp(0, count) as usize;
                        let (from, to) = (bound(*from, 0), to.map_or(elements.len(), |to| bound(Some(to), 0)));
                        found.extend(elements.get(from..to.max(from)).unwrap_or_default());
                    }
                    _ => {}
                }
            }
        }
    }
}

fn member<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    match value {
        Value::Map(map) => map.get(name),
        Value::Struct(structure) => structure.get(name),
        _ => None,
    }
}

fn children<'v>(value: &'v Value, mut each: impl FnMut(&'v Value)) {
    match value {
        Value::Array(elements) => elements.iter().for_each(each),
        Value::Map(map) => map.iter().for_each(|(_, child)| each(child)),
        Value::Struct(structure) => structure.values.iter().for_each(each),
        _ => {}
    }
}

fn descend<'v>(value: &'v Value, found: &mut Vec<&'v Value>, depth: usize) {
    found.push(value);
    if depth < MAX_DEPTH {
        children(value, |child| descend(child, found, depth + 1));
    }
}
