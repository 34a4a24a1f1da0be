//! Maps out of entries whose keys may come twice.

use std::collections::HashMap;
use std::sync::Arc;

use longshore_api::{Map, Value};

/// Looking through the keys is fastest for the maps that people write; an index bounds the work for others.
const INDEX_FROM: usize = 32;

/// A map in which the last of equal keys counts, in the place of the first.
pub(crate) fn map(entries: Vec<(Value, Value)>) -> Map {
    if entries.len() < INDEX_FROM {
        return entries.into_iter().collect();
    }
    let mut kept: Vec<(Value, Value)> = Vec::with_capacity(entries.len());
    let mut places: HashMap<Key, usize> = HashMap::with_capacity(entries.len());
    for (key, value) in entries {
        let place = *places.entry(Key::of(&key)).or_insert(kept.len());
        match kept.get_mut(place) {
            Some(entry) => entry.1 = value,
            None => kept.push((key, value)),
        }
    }
    Map::from_distinct(kept)
}

/// What tells keys apart: those of most maps are texts, integers or truth values.
#[derive(PartialEq, Eq, Hash)]
enum Key {
    Text(Arc<str>),
    Integer(i64),
    Other(String),
}

impl Key {
    fn of(value: &Value) -> Self {
        match value {
            Value::String(text) => Key::Text(Arc::clone(text)),
            Value::Boolean(value) => Key::Integer(i64::from(*value)),
            Value::Int8(number) => Key::Integer(i64::from(*number)),
            Value::Int16(number) => Key::Integer(i64::from(*number)),
            Value::Int32(number) => Key::Integer(i64::from(*number)),
            Value::Int64(number) => Key::Integer(*number),
            other => Key::Other(format!("{other:?}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_equal_keys_counts_in_the_place_of_the_first() {
        for count in [3, 100, 100_000] {
            let entries = (0..count).chain([1]).map(|key| (Value::Int32(key), Value::Int32(i32::from(key == 1))));
            let mut entries: Vec<_> = entries.collect();
            entries[1].1 = Value::Null;
            let found = map(entries);
            assert_eq!(found.len(), count as usize);
            let second = found.iter().nth(1).map(|(key, value)| (key.clone(), value.clone()));
            assert_eq!(second, Some((Value::Int32(1), Value::Int32(1))));
        }
    }
}
