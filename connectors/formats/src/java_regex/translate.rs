//! From Java's syntax to Rust's.

use super::RegexError;
use super::class;

/// A pattern in Rust's syntax.
pub(super) struct Translated {
    pub(super) text: String,
    pub(super) needs_fancy: bool,
    /// It has a `$` or `\Z`, which also match before a line terminator at the end.
    pub(super) has_end: bool,
    /// The names of the capturing groups.
    pub(super) groups: Vec<Option<String>>,
}

/// Flags that change how what follows is read.
#[derive(Debug, Clone, Copy, Default)]
struct Flags {
    comments: bool,
    dot_all: bool,
    multiline: bool,
    unix_lines: bool,
    unicode_classes: bool,
}

/// Translates a pattern; `terminated` says whether the texts end with a line terminator.
pub(super) fn translate(pattern: &str, terminated: bool) -> Result<Translated, RegexError> {
    let mut parser = Parser {
        pattern,
        characters: pattern.chars().collect(),
        at: 0,
        out: Translated { text: String::new(), needs_fancy: false, has_end: false, groups: Vec::new() },
        flags: Flags::default(),
        terminated,
        depth: 0,
    };
    parser.alternatives()?;
    match parser.peek() {
        None => Ok(parser.out),
        // Only an unmatched parenthesis ends the alternatives before the pattern does.
        Some(_) => Err(parser.error("Unmatched closing ')'")),
    }
}

/// Java's stack ends somewhere beyond.
const MAX_DEPTH: usize = 200;

pub(super) struct Parser<'a> {
    pattern: &'a str,
    characters: Vec<char>,
    at: usize,
    out: Translated,
    flags: Flags,
    terminated: bool,
    depth: usize,
}

impl Parser<'_> {
    pub(super) fn peek(&self) -> Option<char> {
        self.peek_at(0)
    }

    pub(super) fn peek_at(&self, ahead: usize) -> Option<char> {
        self.characters.get(self.at + ahead).copied()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let character = self.peek()?;
        self.at += 1;
        Some(character)
    }

    pub(super) fn eat(&mut self, text: &str) -> bool {
        let is_there = text.chars().enumerate().all(|(ahead, one)| self.peek_at(ahead) == Some(one));
        if is_there {
            self.at += text.chars().count();
        }
        is_there
    }

    pub(super) fn unicode_classes(&self) -> bool {
        self.flags.unicode_classes
    }

    /// An error at the last character that was read.
    pub(super) fn error(&self, what: &str) -> RegexError {
        self.error_at(what, self.at as isize - 1)
    }

    /// The message of a PatternSyntaxException: what, where, the pattern, and a mark under the place.
    pub(super) fn error_at(&self, what: &str, index: isize) -> RegexError {
        let Ok(index) = usize::try_from(index) else { return RegexError(format!("{what}\n{}", self.pattern)) };
        let mut message = format!("{what} near index {index}\n{}", self.pattern);
        if index < self.characters.len() {
            let blanks = self.characters[..index].iter().map(|one| if *one == '\t' { '\t' } else { ' ' });
            message.push('\n');
            message.extend(blanks);
            message.push('^');
        }
        RegexError(message)
    }

    pub(super) fn error_at_end(&self, what: &str) -> RegexError {
        self.error_at(what, self.characters.len() as isize)
    }

    fn unsupported(&self, what: &str) -> RegexError {
        RegexError(format!("{what} is not supported in a regular expression here\n{}", self.pattern))
    }

    /// Goes one level deeper.
    pub(super) fn enter(&mut self) -> Result<(), RegexError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH { Err(self.unsupported("nesting that deep")) } else { Ok(()) }
    }

    pub(super) fn leave(&mut self) {
        self.depth -= 1;
    }

    fn alternatives(&mut self) -> Result<(), RegexError> {
        self.enter()?;
        loop {
            self.sequence()?;
            if !self.eat("|") {
                break;
            }
            self.out.text.push('|');
        }
        self.leave();
        Ok(())
    }

    fn sequence(&mut self) -> Result<(), RegexError> {
        loop {
            if self.flags.comments && self.skip_comment() {
                continue;
            }
            match self.peek() {
                None | Some('|' | ')') => return Ok(()),
                Some(sign @ ('*' | '+' | '?')) => {
                    self.at += 1;
                    return Err(self.error(&format!("Dangling meta character '{sign}'")));
                }
                Some('{') => return Err(self.error_at("Illegal repetition", self.at as isize + 1)),
                Some(_) => {
                    let start = self.out.text.len();
                    if self.atom()? {
                        self.quantifier(start)?;
                    }
                }
            }
        }
    }

    /// Skips a blank or a comment; whether there was one.
    fn skip_comment(&mut self) -> bool {
        match self.peek() {
            Some(' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c') => {
                self.at += 1;
                true
            }
            Some('#') => {
                while self.next().is_some_and(|one| one != '\n') {}
                true
            }
            _ => false,
        }
    }

    /// One thing that may be repeated; `false` where flags or a quotation stood that leave nothing to repeat.
    fn atom(&mut self) -> Result<bool, RegexError> {
        match self.next() {
            Some('(') => return self.group(),
            Some('[') => {
                let class = class::bracket(self)?;
                self.out.text.push_str(&class);
            }
            Some('.') => self.dot(),
            Some('^') if self.flags.multiline => self.out.text.push_str("(?m:^)"),
            Some('^') => self.out.text.push_str("\\A"),
            Some('$') if self.flags.multiline => self.out.text.push_str("(?m:$)"),
            Some('$') => self.end(),
            Some('\\') => return self.escape(),
            Some(character) => self.literal(character),
            None => {}
        }
        Ok(true)
    }

    fn literal(&mut self, character: char) {
        class::push_literal(&mut self.out.text, character);
    }

    fn dot(&mut self) {
        self.out.text.push_str(match self.flags {
            Flags { dot_all: true, .. } => "(?s:.)",
            Flags { unix_lines: true, .. } => "[^\\n]",
            _ => "[^\\n\\r\\x{85}\\x{2028}\\x{2029}]",
        });
    }

    /// The end of the text, or what is before a line terminator there.
    fn end(&mut self) {
        self.out.has_end = true;
        if self.terminated {
            self.out.needs_fancy = true;
            let terminator = if self.flags.unix_lines { "\\n" } else { "(?:\\r\\n|[\\n\\r\\x{85}\\x{2028}\\x{2029}])" };
            // Between a return and a line feed is no end of a line.
            self.out.text.push_str(&format!("(?:(?!(?<=\\r)\\n)(?={terminator}?\\z)|\\z)"));
        } else {
            self.out.text.push_str("\\z");
        }
    }

    /// What follows a parenthesis.
    fn group(&mut self) -> Result<bool, RegexError> {
        let outer = self.flags;
        let open = if !self.eat("?") {
            self.out.groups.push(None);
            "(".to_owned()
        } else if self.eat("<=") || self.eat("<!") {
            self.out.needs_fancy = true;
            format!("(?<{}", self.characters[self.at - 1])
        } else if self.eat("=") || self.eat("!") || self.eat(">") {
            self.out.needs_fancy = true;
            format!("(?{}", self.characters[self.at - 1])
        } else if self.eat("<") {
            let name = self.group_name()?;
            let open = format!("(?<{name}>");
            self.out.groups.push(Some(name));
            open
        } else if self.eat(":") {
            "(?:".to_owned()
        } else {
            let ignore_case = self.inline_flags()?;
            let case = match ignore_case {
                None => "",
                Some(true) => "i",
                Some(false) => "-i",
            };
            match self.next() {
                Some(')') => {
                    if !case.is_empty() {
                        self.out.text.push_str(&format!("(?{case})"));
                    }
                    return Ok(false);
                }
                Some(':') => format!("(?{case}:"),
                Some(_) => return Err(self.error("Unknown inline modifier")),
                None => return Err(self.error_at_end("Unknown inline modifier")),
            }
        };
        self.out.text.push_str(&open);
        self.alternatives()?;
        if self.next() != Some(')') {
            return Err(self.error_at_end("Unclosed group"));
        }
        self.out.text.push(')');
        self.flags = outer;
        Ok(true)
    }

    fn group_name(&mut self) -> Result<String, RegexError> {
        if !self.peek().is_some_and(|first| first.is_ascii_alphabetic()) {
            let what = "capturing group name does not start with a Latin letter";
            return Err(self.error_at(what, self.at as isize));
        }
        let mut name = String::new();
        while let Some(character) = self.peek().filter(char::is_ascii_alphanumeric) {
            name.push(character);
            self.at += 1;
        }
        if self.next() != Some('>') {
            return Err(self.error("named capturing group is missing trailing '>'"));
        }
        if self.out.groups.iter().any(|known| known.as_deref() == Some(&name)) {
            return Err(self.error(&format!("Named capturing group <{name}> is already defined")));
        }
        Ok(name)
    }

    /// Reads flags up to what ends them; whether case is to be ignored, if they say so.
    fn inline_flags(&mut self) -> Result<Option<bool>, RegexError> {
        let (mut ignore_case, mut on) = (None, true);
        while let Some(flag) = self.peek() {
            match flag {
                'i' => ignore_case = Some(on),
                'm' => self.flags.multiline = on,
                's' => self.flags.dot_all = on,
                'd' => self.flags.unix_lines = on,
                'x' => self.flags.comments = on,
                'U' => self.flags.unicode_classes = on,
                // Case is always told by Unicode's rules.
                'u' => {}
                '-' if on => on = false,
                ')' | ':' => break,
                _ => {
                    self.at += 1;
                    return Err(self.error("Unknown inline modifier"));
                }
            }
            self.at += 1;
        }
        Ok(ignore_case)
    }

    fn escape(&mut self) -> Result<bool, RegexError> {
        let Some(character) = self.next() else { return Err(self.error_at_end("Unexpected internal error")) };
        match character {
            'Q' => return self.quotation(),
            'A' | 'z' => self.out.text.push_str(if character == 'A' { "\\A" } else { "\\z" }),
            'Z' => self.end(),
            'b' if self.peek() == Some('{') => return Err(self.unsupported("\\b{…}")),
            'b' | 'B' => self.out.text.push_str(if character == 'b' { "\\b" } else { "\\B" }),
            // Where the search begins; fancy-regex has it too.
            'G' => {
                self.out.needs_fancy = true;
                self.out.text.push_str("\\G");
            }
            'R' => self.out.text.push_str("(?:\\r\\n|[\\n\\x0b\\x0c\\r\\x{85}\\x{2028}\\x{2029}])"),
            'k' => self.named_back_reference()?,
            '1'..='9' => self.back_reference(character),
            'X' | 'N' => return Err(self.unsupported(&format!("\\{character}"))),
            _ => {
                self.at -= 1;
                match class::escape(self)? {
                    class::Escaped::Character(character) => self.literal(character),
                    class::Escaped::Set(set) => self.out.text.push_str(&set),
                }
            }
        }
        Ok(true)
    }

    /// `\Q…\E`: all but the last character goes out here, so that a quantifier behind it repeats that one alone.
    fn quotation(&mut self) -> Result<bool, RegexError> {
        let start = self.at;
        let rest = &self.characters[start..];
        let end = rest.windows(2).position(|pair| pair == ['\\', 'E']);
        let quoted: Vec<char> = rest[..end.unwrap_or(rest.len())].to_vec();
        let behind = start + end.map_or(rest.len(), |end| end + 2);
        let Some((last, others)) = quoted.split_last() else {
            self.at = behind;
            return Ok(false);
        };
        for character in others {
            self.literal(*character);
        }
        self.at = behind;
        let last_start = self.out.text.len();
        self.literal(*last);
        self.quantifier(last_start)?;
        Ok(false)
    }

    fn named_back_reference(&mut self) -> Result<(), RegexError> {
        if self.next() != Some('<') {
            return Err(self.error("\\k is not followed by '<' for named capturing group"));
        }
        let mut name = String::new();
        while let Some(character) = self.peek().filter(char::is_ascii_alphanumeric) {
            name.push(character);
            self.at += 1;
        }
        let index = self.out.groups.iter().position(|group| group.as_deref() == Some(&name));
        match (self.next(), index) {
            (Some('>'), Some(_)) => {
                self.out.needs_fancy = true;
                self.out.text.push_str(&format!("\\k<{name}>"));
                Ok(())
            }
            (Some('>'), None) => Err(self.error(&format!("named capturing group <{name}> does not exist"))),
            _ => Err(self.error("named capturing group is missing trailing '>'")),
        }
    }

    /// As many digits as there are groups for; a group that is not there never matches.
    fn back_reference(&mut self, first: char) {
        let mut index = first as usize - '0' as usize;
        while let Some(digit) = self.peek().and_then(|digit| digit.to_digit(10)) {
            let longer = index * 10 + digit as usize;
            if longer > self.out.groups.len() {
                break;
            }
            index = longer;
            self.at += 1;
        }
        if index > self.out.groups.len() {
            self.out.text.push_str("[^\\s\\S]");
            return;
        }
        self.out.needs_fancy = true;
        self.out.text.push_str(&format!("(?:\\{index})"));
    }

    /// The quantifier of what has been written from `start` on.
    fn quantifier(&mut self, start: usize) -> Result<(), RegexError> {
        if self.flags.comments {
            while self.skip_comment() {}
        }
        let repetition = match self.peek() {
            Some(sign @ ('*' | '+' | '?')) => {
                self.at += 1;
                sign.to_string()
            }
            Some('{') => self.counted()?,
            _ => return Ok(()),
        };
        let kind = match self.peek() {
            Some(kind @ ('?' | '+')) => {
                self.at += 1;
                Some(kind)
            }
            _ => None,
        };
        self.out.text.push_str(&repetition);
        match kind {
            Some('+') => {
                self.out.needs_fancy = true;
                self.out.text.insert_str(start, "(?>");
                self.out.text.push(')');
            }
            Some(_) => self.out.text.push('?'),
            None => {}
        }
        if let Some(sign @ ('*' | '+' | '?')) = self.peek() {
            self.at += 1;
            return Err(self.error(&format!("Dangling meta character '{sign}'")));
        }
        Ok(())
    }

    /// `{2}`, `{2,}`, `{2,5}`.
    fn counted(&mut self) -> Result<String, RegexError> {
        if !self.peek_at(1).is_some_and(|digit| digit.is_ascii_digit()) {
            return Err(self.error_at("Illegal repetition", self.at as isize + 1));
        }
        self.at += 1;
        let least = self.count()?;
        let mut most = Some(least);
        if self.eat(",") {
            most = None;
            if self.peek() != Some('}') {
                most = Some(self.count()?);
            }
        }
        match self.next() {
            Some('}') => {}
            Some(_) => return Err(self.error("Unclosed counted closure")),
            None => return Err(self.error_at_end("Unclosed counted closure")),
        }
        match most {
            Some(most) if most < least => Err(self.error("Illegal repetition range")),
            Some(most) if most == least => Ok(format!("{{{least}}}")),
            Some(most) => Ok(format!("{{{least},{most}}}")),
            None => Ok(format!("{{{least},}}")),
        }
    }

    fn count(&mut self) -> Result<u32, RegexError> {
        let mut count: u32 = 0;
        while let Some(digit) = self.peek().and_then(|digit| digit.to_digit(10)) {
            self.at += 1;
            let longer = count.checked_mul(10).and_then(|tens| tens.checked_add(digit));
            count = longer
                .filter(|count| *count <= i32::MAX as u32)
                .ok_or_else(|| self.error("Illegal repetition range"))?;
        }
        Ok(count)
    }
}
