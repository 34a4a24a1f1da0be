//! JAAS configurations, as Java's login modules are given theirs: `Name { module flag key="value" …; };`.
//!
//! Errors say what is missing and never show a value: it may be a password.

use std::iter::Peekable;
use std::vec::IntoIter;

/// A login module with its options.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// Class name of the module.
    pub module: String,
    options: Vec<(String, String)>,
}

impl Login {
    /// An option of the module.
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The options whose names begin so, without that.
    pub fn options_with(&self, prefix: &str) -> impl Iterator<Item = (&str, &str)> {
        self.options.iter().filter_map(move |(key, value)| Some((key.strip_prefix(prefix)?, value.as_str())))
    }

    /// The one login module of a `sasl.jaas.config`: `module flag key="value" …;`.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut tokens = tokens(text)?.into_iter().peekable();
        let login = login(&mut tokens)?;
        match tokens.next() {
            None => Ok(login),
            Some(_) => Err("there is more than one login module".to_owned()),
        }
    }
}

/// The login modules of one entry of a JAAS file.
///
/// # Errors
/// What is wrong with the text, or that the entry is not there.
pub fn entry(text: &str, name: &str) -> Result<Vec<Login>, String> {
    let mut tokens = tokens(text)?.into_iter().peekable();
    let mut found = None;
    while let Some(token) = tokens.next() {
        let (Token::Word(its_name), Some(Token::Open)) = (token, tokens.next()) else {
            return Err("an entry does not begin with its name and a {".to_owned());
        };
        let mut logins = Vec::new();
        while tokens.next_if_eq(&Token::Close).is_none() {
            logins.push(login(&mut tokens)?);
        }
        if tokens.next() != Some(Token::End) {
            return Err(format!("the ; after the }} of {its_name} is missing"));
        }
        if its_name == name {
            found = Some(logins);
        }
    }
    found.ok_or_else(|| format!("there is no entry {name}"))
}

fn login(tokens: &mut Peekable<IntoIter<Token>>) -> Result<Login, String> {
    let Some(Token::Word(module)) = tokens.next() else {
        return Err("the login module is missing".to_owned());
    };
    match tokens.next() {
        Some(Token::Word(flag)) if is_control_flag(&flag) => {}
        _ => return Err("the control flag (required, requisite, sufficient, optional) is missing".to_owned()),
    }
    let mut options = Vec::new();
    loop {
        let key = match tokens.next() {
            Some(Token::Word(key)) => key,
            Some(Token::End) => return Ok(Login { module, options }),
            Some(Token::Equals) => return Err("an option has no name".to_owned()),
            Some(Token::Open | Token::Close) | None => return Err("the closing ; is missing".to_owned()),
        };
        match (tokens.next(), tokens.next()) {
            (Some(Token::Equals), Some(Token::Word(value))) => options.push((key, value)),
            _ => return Err("an option has no =value".to_owned()),
        }
    }
}

fn is_control_flag(word: &str) -> bool {
    ["required", "requisite", "sufficient", "optional"].iter().any(|flag| word.eq_ignore_ascii_case(flag))
}

#[derive(PartialEq)]
enum Token {
    Word(String),
    Equals,
    End,
    Open,
    Close,
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(char) = rest.chars().next() {
        let after = rest.get(char.len_utf8()..).unwrap_or_default();
        rest = match char {
            _ if char.is_whitespace() => after,
            '/' if after.starts_with('/') => after.split_once('\n').map_or("", |(_, after)| after),
            '/' if after.starts_with('*') => after.split_once("*/").ok_or("a comment is not closed")?.1,
            '=' | ';' | '{' | '}' => {
                tokens.push(match char {
                    '=' => Token::Equals,
                    ';' => Token::End,
                    '{' => Token::Open,
                    _ => Token::Close,
                });
                after
            }
            '"' | '\'' => {
                let (word, after) = quoted(after, char)?;
                tokens.push(Token::Word(word));
                after
            }
            _ => {
                let end = rest.find(|c: char| c.is_whitespace() || "=;{}\"".contains(c)).unwrap_or(rest.len());
                let (word, after) = rest.split_at(end);
                tokens.push(Token::Word(word.to_owned()));
                after
            }
        };
    }
    Ok(tokens)
}

/// The rest of a quoted string and what follows it; a backslash takes the next character as it is.
fn quoted(text: &str, quote: char) -> Result<(String, &str), String> {
    let mut word = String::new();
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' => word.extend(chars.next()),
            _ if char == quote => return Ok((word, chars.as_str())),
            _ => word.push(char),
        }
    }
    Err("a quoted value is not closed".to_owned())
}
