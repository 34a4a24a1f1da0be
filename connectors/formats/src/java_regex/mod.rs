//! Regular expressions of `java.util.regex`, compiled to the engines that Rust has.
//!
//! A pattern is parsed by Java's rules and written anew for the `regex` crate, or, where it looks around, refers
//! back or gives nothing back, for `fancy-regex`. What neither can do is an error of the configuration.
//!
//! Differs from Java: upper and lower case are told apart by Unicode's rules even without `(?u)`, `(?m)` knows line
//! feeds only, blocks of Unicode (`\p{InGreek}`), `\X` and `\N{…}` are refused, and a pattern that tries too many
//! ways is an error instead of a task that hangs.

mod class;
mod replacement;
#[cfg(test)]
mod tests;
mod translate;

use std::fmt;

pub use replacement::Replacement;
use translate::Translated;

/// Why a pattern is none: the message of Java's PatternSyntaxException.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegexError(pub String);

impl fmt::Display for RegexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for RegexError {}

/// A compiled pattern.
#[derive(Debug, Clone)]
#[doc(alias = "java.util.regex.Pattern")]
pub struct JavaRegex {
    pattern: String,
    /// For texts that do not end with a line terminator: there `$` is the end.
    plain: Engines,
    /// For those that do; only if the pattern has such a `$`.
    terminated: Option<Engines>,
    groups: Vec<Option<String>>,
}

/// Finds the pattern, and matches it as a whole.
#[derive(Debug, Clone)]
struct Engines {
    find: Engine,
    whole: Engine,
}

#[derive(Debug, Clone)]
enum Engine {
    Plain(regex::Regex),
    Fancy(Box<fancy_regex::Regex>),
}

/// Where each group of a match stands, in bytes; group 0 is the whole match.
type Groups = Vec<Option<(usize, usize)>>;

impl Engines {
    fn compile(translated: &Translated) -> Result<Self, RegexError> {
        let text = &translated.text;
        let find = Engine::compile(text, translated.needs_fancy)?;
        let whole = Engine::compile(&format!("\\A(?:{text})\\z"), translated.needs_fancy)?;
        Ok(Self { find, whole })
    }
}

impl Engine {
    fn compile(text: &str, needs_fancy: bool) -> Result<Self, RegexError> {
        if needs_fancy {
            let regex = fancy_regex::Regex::new(text).map_err(|error| RegexError(error.to_string()))?;
            return Ok(Engine::Fancy(Box::new(regex)));
        }
        regex::Regex::new(text).map(Engine::Plain).map_err(|error| RegexError(error.to_string()))
    }

    fn is_match(&self, text: &str) -> Result<bool, RegexError> {
        match self {
            Engine::Plain(regex) => Ok(regex.is_match(text)),
            Engine::Fancy(regex) => regex.is_match(text).map_err(|error| RegexError(error.to_string())),
        }
    }

    fn groups(&self, text: &str, from: usize) -> Result<Option<Groups>, RegexError> {
        match self {
            Engine::Plain(regex) => Ok(regex
                .captures_at(text, from)
                .map(|found| found.iter().map(|group| group.map(|group| (group.start(), group.end()))).collect())),
            Engine::Fancy(regex) => {
                let found = regex.captures_from_pos(text, from).map_err(|error| RegexError(error.to_string()))?;
                Ok(found
                    .map(|found| found.iter().map(|group| group.map(|group| (group.start(), group.end()))).collect()))
            }
        }
    }
}

/// A match and its groups.
#[derive(Debug, Clone)]
pub struct Match<'t> {
    text: &'t str,
    groups: Groups,
}

impl<'t> Match<'t> {
    /// The text of a group; 0 is the whole match. `None` if the group took no part.
    pub fn group(&self, index: usize) -> Option<&'t str> {
        let (start, end) = (*self.groups.get(index)?)?;
        self.text.get(start..end)
    }

    fn span(&self) -> (usize, usize) {
        self.groups.first().copied().flatten().unwrap_or_default()
    }
}

impl JavaRegex {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// The message of Java's PatternSyntaxException; or one that says what is not supported.
    pub fn new(pattern: &str) -> Result<Self, RegexError> {
        let plain = translate::translate(pattern, false)?;
        let terminated = match plain.has_end {
            true => Some(Engines::compile(&translate::translate(pattern, true)?)?),
            false => None,
        };
        Ok(Self { pattern: pattern.to_owned(), plain: Engines::compile(&plain)?, terminated, groups: plain.groups })
    }

    /// The pattern as it was given.
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// How many capturing groups there are.
    pub fn group_count(&self) -> usize {
        self.groups.len()
    }

    /// The index of a named group, from 1.
    pub fn group_index(&self, name: &str) -> Option<usize> {
        self.groups.iter().position(|group| group.as_deref() == Some(name)).map(|index| index + 1)
    }

    fn engines(&self, text: &str) -> &Engines {
        let ends_line = text.ends_with(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']);
        self.terminated.as_ref().filter(|_| ends_line).unwrap_or(&self.plain)
    }

    /// Whether the pattern matches the whole text: `Matcher.matches`.
    ///
    /// # Errors
    /// The pattern tries more ways than is bearable.
    pub fn matches(&self, text: &str) -> Result<bool, RegexError> {
        self.engines(text).whole.is_match(text)
    }

    /// The groups of a match of the whole text.
    ///
    /// # Errors
    /// As [`matches`](Self::matches).
    pub fn match_whole<'t>(&self, text: &'t str) -> Result<Option<Match<'t>>, RegexError> {
        Ok(self.engines(text).whole.groups(text, 0)?.map(|groups| Match { text, groups }))
    }

    /// Whether the pattern is somewhere in the text: `Matcher.find`.
    ///
    /// # Errors
    /// As [`matches`](Self::matches).
    pub fn is_found(&self, text: &str) -> Result<bool, RegexError> {
        self.engines(text).find.is_match(text)
    }

    /// The first match in the text.
    ///
    /// # Errors
    /// As [`matches`](Self::matches).
    pub fn find<'t>(&self, text: &'t str) -> Result<Option<Match<'t>>, RegexError> {
        Ok(self.engines(text).find.groups(text, 0)?.map(|groups| Match { text, groups }))
    }

    /// The text with the first match replaced: `Matcher.replaceFirst`. `None` if there is none.
    ///
    /// # Errors
    /// As [`matches`](Self::matches).
    pub fn replace_first(&self, text: &str, replacement: &Replacement) -> Result<Option<String>, RegexError> {
        let Some(found) = self.find(text)? else { return Ok(None) };
        let (start, end) = found.span();
        let mut replaced = String::with_capacity(text.len());
        replaced.push_str(&text[..start]);
        replacement.append(&found, &mut replaced);
        replaced.push_str(&text[end..]);
        Ok(Some(replaced))
    }

    /// The matches, one behind the other; an error is as of [`matches`](Self::matches), and the last.
    pub fn find_iter<'t>(&self, text: &'t str) -> impl Iterator<Item = Result<Match<'t>, RegexError>> {
        let (find, mut from) = (&self.engines(text).find, 0);
        std::iter::from_fn(move || {
            if from > text.len() {
                return None;
            }
            let groups = match find.groups(text, from) {
                Ok(groups) => groups?,
                Err(error) => {
                    from = text.len() + 1;
                    return Some(Err(error));
                }
            };
            let found = Match { text, groups };
            let (start, end) = found.span();
            // Past an empty match, by one character.
            from = match end > start {
                true => end,
                false => end + text[end..].chars().next().map_or(1, char::len_utf8),
            };
            Some(Ok(found))
        })
    }

    /// The text with all matches replaced: `Matcher.replaceAll`.
    ///
    /// # Errors
    /// As [`matches`](Self::matches).
    pub fn replace_all(&self, text: &str, replacement: &Replacement) -> Result<String, RegexError> {
        self.replace_while(text, replacement, |_| true)
    }

    /// The text with matches replaced until `goes_on`, told how many bytes took a match's place, ends it.
    ///
    /// # Errors
    /// As [`matches`](Self::matches).
    pub fn replace_while(
        &self,
        text: &str,
        replacement: &Replacement,
        mut goes_on: impl FnMut(usize) -> bool,
    ) -> Result<String, RegexError> {
        let (mut replaced, mut copied) = (String::with_capacity(text.len()), 0);
        for found in self.find_iter(text) {
            let found = found?;
            let (start, end) = found.span();
            replaced.push_str(&text[copied..start]);
            let before = replaced.len();
            replacement.append(&found, &mut replaced);
            copied = end;
            if !goes_on(replaced.len() - before) {
                break;
            }
        }
        replaced.push_str(&text[copied..]);
        Ok(replaced)
    }
}
