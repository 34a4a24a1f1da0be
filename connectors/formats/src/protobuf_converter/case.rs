//! Names of map fields and of the messages that are their entries, and names made valid.

/// `first_name` gives `FirstNameEntry`; a name without underscore is kept: `tags` gives `tagsEntry`.
pub(super) fn map_entry(field: &str) -> String {
    let mut name = field.to_owned();
    if field.contains('_') {
        name = field.split('_').map(capitalized).collect();
    }
    name + "Entry"
}

fn capitalized(word: &str) -> String {
    let mut characters = word.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(characters.map(|other| other.to_ascii_lowercase())).collect()
}

/// The other way, of the last part of a dotted name: `a.FirstNameEntry` gives `a.first_name`.
pub(super) fn map_field(message: &str) -> String {
    let (scope, name) = match message.rsplit_once('.') {
        Some((scope, name)) => (Some(scope), name),
        None => (None, message),
    };
    let Some(stem) = name.strip_suffix("Entry") else { return message.to_owned() };
    let mut field = String::new();
    for (index, character) in stem.chars().enumerate() {
        if character.is_ascii_uppercase() && index > 0 {
            field.push('_');
        }
        field.push(character.to_ascii_lowercase());
    }
    scope.map_or_else(|| field.clone(), |scope| format!("{scope}.{field}"))
}

/// A name in which everything that an identifier must not have is replaced, as `scrub.invalid.names` asks for.
pub(super) fn scrubbed(name: &str) -> String {
    let is_valid = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let bad_start = |text: &str| text.starts_with(|first: char| first.is_ascii_digit() || first == '_');
    if name.is_empty() || name.chars().all(is_valid) && !bad_start(name) {
        return name.to_owned();
    }
    // Java's URLEncoder: what it escapes becomes underscores and hex digits.
    let mut out = String::new();
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => out.push(char::from(byte)),
            b'.' | b'-' | b'*' | b' ' => out.push('_'),
            other => out.push_str(&format!("_{other:02X}")),
        }
    }
    if bad_start(&out) && !bad_start_was_escape(name) {
        out.insert(0, 'x');
    }
    out
}

/// Whether the first character is one that becomes an underscore: Java looks at the name before that happens.
fn bad_start_was_escape(name: &str) -> bool {
    !name.starts_with(|first: char| first.is_ascii_digit() || first == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn map_fields_and_their_entries() {
        assert_eq!(map_entry("first_name"), "FirstNameEntry");
        assert_eq!(map_entry("tags"), "tagsEntry");
        assert_eq!(map_field("p.FirstNameEntry"), "p.first_name");
        assert_eq!(map_field("TagsEntry"), "tags");
        assert_eq!(map_field("Other"), "Other");
    }

    #[test]
    fn names_are_scrubbed_as_by_confluent() {
        let cases =
            [("ok_1", "ok_1"), ("a-b.c d", "a_b_c_d"), ("1st", "x1st"), ("_x", "x_x"), ("ä", "_C3_A4"), ("$a", "_24a")];
        for (name, expected) in cases {
            assert_eq!(scrubbed(name), expected);
        }
    }
}
