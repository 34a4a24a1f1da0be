//! The order in which Java's hash maps hold strings: Confluent's converters print some parts of schemas in it.

/// Strings in the order of a `HashMap` or `HashSet` into which they were put one after the other. `capacity` is what
/// the map was made with; Java's default is 16.
pub(crate) fn hash_order<T>(items: Vec<T>, capacity: usize, key: impl Fn(&T) -> &str) -> Vec<T> {
    let mut table = capacity.max(1).next_power_of_two();
    // A table is doubled as soon as it holds more than three quarters of its size.
    while items.len() > table * 3 / 4 {
        table *= 2;
    }
    let mut items = items;
    items.sort_by_key(|item| {
        let hash = string_hash(key(item));
        (hash ^ hash >> 16) as usize & (table - 1)
    });
    items
}

/// The capacity of a `HashMap` that is made as a copy of one with so many entries.
pub(crate) fn copied_capacity(entries: usize) -> usize {
    entries * 4 / 3 + 1
}

/// `String.hashCode`, as the bits that it has in Java's `int`.
pub fn string_hash(text: &str) -> u32 {
    text.encode_utf16().fold(0, |hash: u32, unit| hash.wrapping_mul(31).wrapping_add(u32::from(unit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What OpenJDK 17 prints for hash maps and sets of these strings.
    #[test]
    fn strings_come_in_the_order_of_java() {
        let cases: [(&[&str], &[&str]); 4] = [
            (&["id", "paid", "total", "rate", "tags", "by"], &["total", "rate", "by", "paid", "id", "tags"]),
            (&["key", "value"], &["value", "key"]),
            (&["precision", "scale"], &["precision", "scale"]),
            (
                &["scale", "connect.decimal.precision", "alpha", "beta"],
                &["alpha", "scale", "connect.decimal.precision", "beta"],
            ),
        ];
        for (put, expected) in cases {
            assert_eq!(hash_order(put.to_vec(), 16, |key| key), expected);
        }
        let many: Vec<String> = (0..20).map(|index| format!("field_{index}")).collect();
        let order = [0, 3, 10, 4, 11, 1, 12, 2, 13, 14, 15, 16, 17, 18, 19, 7, 8, 5, 6, 9];
        assert_eq!(hash_order(many, 16, |key| key), order.map(|index| format!("field_{index}")));
    }

    #[test]
    fn a_copy_has_the_order_of_its_own_size() {
        let first = hash_order(vec!["scale", "connect.decimal.precision", "alpha", "beta"], 16, |key| key);
        assert_eq!(hash_order(first, 4, |key| key), ["scale", "connect.decimal.precision", "beta", "alpha"]);
        let members = hash_order(vec!["connect.type", "connect.version", "connect.parameters"], 16, |key| key);
        let copied = hash_order(members, copied_capacity(3), |key| key);
        assert_eq!(copied, ["connect.version", "connect.type", "connect.parameters"]);
        let all = ["connect.type", "connect.version", "connect.parameters", "connect.index"];
        let copied = hash_order(hash_order(all.to_vec(), 16, |key| key), copied_capacity(4), |key| key);
        assert_eq!(copied, ["connect.index", "connect.version", "connect.type", "connect.parameters"]);
    }
}
