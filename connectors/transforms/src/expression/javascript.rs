//! Regular expressions of JavaScript, written as Java's.

use longshore_formats::java_regex::{JavaRegex, Replacement};

/// A pattern between slashes.
#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) regex: JavaRegex,
    /// The flag `g`: all that is found counts, not the first alone.
    pub(super) all: bool,
}

impl Pattern {
    /// Compiles what stands between the slashes, and the flags behind them.
    ///
    /// # Errors
    /// Says which flag or which part of the pattern cannot be had.
    pub(super) fn compile(text: &str, flags: &str) -> Result<Self, String> {
        let mut modes = String::new();
        for (index, flag) in flags.char_indices() {
            if flags[..index].contains(flag) {
                return Err(format!("the flag {flag} of a pattern is there twice"));
            }
            match flag {
                'i' | 'm' | 's' => modes.push(flag),
                // Characters are always whole here.
                'g' | 'u' => {}
                other => return Err(format!("the flag {other} of a pattern is not supported")),
            }
        }
        let translated = translated(text, modes.contains('m'))?;
        let text = if modes.is_empty() { translated } else { format!("(?{modes}){translated}") };
        let regex = JavaRegex::new(&text).map_err(|error| format!("invalid pattern: {error}"))?;
        Ok(Self { regex, all: flags.contains('g') })
    }
}

/// The same pattern by Java's rules: there `$` also stands before a last line end, and a bracket or `&&` in a class has a
/// meaning.
fn translated(pattern: &str, by_line: bool) -> Result<String, String> {
    let mut out = String::with_capacity(pattern.len());
    let mut characters = pattern.chars().peekable();
    let mut in_class = false;
    while let Some(one) = characters.next() {
        match one {
            '\\' => escape(characters.next(), in_class, &mut characters, &mut out)?,
            '[' if in_class => out.push_str("\\["),
            '[' => {
                let negated = characters.next_if_eq(&'^').is_some();
                if characters.next_if_eq(&']').is_some() {
                    out.push_str(if negated { "[\\s\\S]" } else { "(?!)" });
                } else {
                    in_class = true;
                    out.push_str(if negated { "[^" } else { "[" });
                }
            }
            ']' if in_class => {
                in_class = false;
                out.push(']');
            }
            '&' if in_class => out.push_str("\\&"),
            '$' if !in_class && !by_line => out.push_str("\\z"),
            other => out.push(other),
        }
    }
    Ok(out)
}

type Characters<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn escape(escaped: Option<char>, in_class: bool, rest: &mut Characters<'_>, out: &mut String) -> Result<(), String> {
    match escaped {
        Some('v') => out.push_str("\\x0B"),
        Some('b') if in_class => out.push_str("\\x08"),
        Some('0') if !rest.peek().is_some_and(char::is_ascii_digit) => out.push_str("\\x00"),
        Some('u') if rest.peek() == Some(&'{') => out.push_str("\\x"),
        // Other letters stand for themselves in JavaScript, and mean something in Java.
        Some(letter) if letter.is_ascii_alphabetic() && !"dDwWsSbBnrtfcxukpP".contains(letter) => {
            return Err(format!("\\{letter} in a pattern is not supported"));
        }
        Some(other) => out.extend(['\\', other]),
        None => out.push('\\'),
    }
    Ok(())
}

/// What takes the place of a match: `$1`, `$<name>`, `$&`, and `$$` for a dollar.
///
/// # Errors
/// Says what cannot be had.
pub(super) fn replacement(text: &str, regex: &JavaRegex) -> Result<Replacement, String> {
    let mut java = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(one) = rest.chars().next() {
        rest = &rest[one.len_utf8()..];
        let next = rest.chars().next();
        match (one, next) {
            ('\\', _) => java.push_str("\\\\"),
            ('$', Some('$' | '&')) => {
                java.push_str(if next == Some('$') { "\\$" } else { "$0" });
                rest = &rest[1..];
            }
            ('$', Some('`' | '\'')) => return Err("$` and $' in what replaces a pattern are not supported".into()),
            ('$', Some('<')) => match rest[1..].split_once('>').filter(|(name, _)| regex.group_index(name).is_some()) {
                Some((name, behind)) => {
                    java.push_str(&format!("${{{name}}}"));
                    rest = behind;
                }
                None => return Err("$< in what replaces a pattern must name a group of it".into()),
            },
            ('$', Some(digit @ '1'..='9')) if digit as usize - '0' as usize <= regex.group_count() => java.push('$'),
            ('$', _) => java.push_str("\\$"),
            (other, _) => java.push(other),
        }
    }
    Replacement::new(&java, regex).map_err(|error| error.to_string())
}
