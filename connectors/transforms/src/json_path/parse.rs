//! From text to steps.

use longshore_api::Value;
use longshore_formats::java_number;
use longshore_formats::java_regex::JavaRegex;

use super::filter::{Condition, Operand, Operator};
use super::{JsonPath, Step};

/// The deepest nesting of parentheses and filters.
const MAX_DEPTH: usize = 50;

type Result<T> = std::result::Result<T, String>;

/// A whole text that is a path.
pub(super) fn path(text: &str) -> Result<JsonPath> {
    let mut parser = Parser { text: text.trim(), at: 0, depth: 0 };
    if !parser.eat("$") {
        // The root may be left out.
        if parser.rest().starts_with(['.', '[', '@', '?']) || parser.rest().is_empty() {
            return Err(parser.error("a path begins with $"));
        }
        let first = Step::Names(vec![parser.name()?]);
        let mut path = parser.steps(false)?;
        path.steps.insert(0, first);
        return Ok(path);
    }
    let path = parser.steps(false)?;
    if !parser.rest().is_empty() {
        return Err(parser.error("what follows is no path"));
    }
    Ok(path)
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn error(&self, what: &str) -> String {
        format!("{what}, at character {} of {}", self.text[..self.at].chars().count(), self.text)
    }

    fn eat(&mut self, token: &str) -> bool {
        let is_there = self.rest().starts_with(token);
        if is_there {
            self.at += token.len();
        }
        is_there
    }

    fn skip_blanks(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    /// A token with blanks around it.
    fn token(&mut self, token: &str) -> bool {
        self.skip_blanks();
        let is_there = self.eat(token);
        if is_there {
            self.skip_blanks();
        }
        is_there
    }

    fn expect(&mut self, token: &str) -> Result<()> {
        if self.token(token) { Ok(()) } else { Err(self.error(&format!("expected {token}"))) }
    }

    /// Steps up to what is none; inside a filter a path ends at a blank too.
    fn steps(&mut self, in_filter: bool) -> Result<JsonPath> {
        let mut steps = Vec::new();
        loop {
            if self.eat("..") {
                steps.push(Step::Descend);
                if self.rest().starts_with('[') {
                    continue;
                }
                steps.push(self.named()?);
            } else if self.eat(".") {
                // `$.[…]` is `$[…]`.
                if !self.rest().starts_with('[') {
                    steps.push(self.named()?);
                }
            } else if self.eat("[") {
                steps.push(self.bracket()?);
            } else if self.rest().is_empty() || in_filter {
                return Ok(JsonPath { steps });
            } else {
                return Err(self.error("what follows is no path"));
            }
        }
    }

    fn named(&mut self) -> Result<Step> {
        if self.eat("*") { Ok(Step::Wildcard) } else { Ok(Step::Names(vec![self.name()?])) }
    }

    fn name(&mut self) -> Result<String> {
        let ends = |one: char| one.is_whitespace() || ".[]()=!<>~&|,'\"?@*".contains(one);
        let end = self.rest().find(ends).unwrap_or(self.rest().len());
        let name = &self.rest()[..end];
        if name.is_empty() {
            return Err(self.error("expected a name"));
        }
        self.at += end;
        if self.rest().starts_with('(') {
            return Err(self.error("functions are not supported"));
        }
        Ok(name.to_owned())
    }

    /// What stands in brackets, of which the first has been read.
    fn bracket(&mut self) -> Result<Step> {
        self.skip_blanks();
        if self.eat("?") {
            self.expect("(")?;
            let condition = self.any()?;
            self.expect(")")?;
            self.close()?;
            return Ok(Step::Filter(condition));
        }
        if self.eat("*") {
            self.close()?;
            return Ok(Step::Wildcard);
        }
        if self.rest().starts_with(['\'', '"']) {
            let mut names = vec![self.quoted()?];
            while self.token(",") {
                names.push(self.quoted()?);
            }
            self.close()?;
            return Ok(Step::Names(names));
        }
        let first = self.optional_integer()?;
        if self.token(":") {
            let last = self.optional_integer()?;
            self.close()?;
            return Ok(Step::Slice(first, last));
        }
        let mut indices = vec![first.ok_or_else(|| self.error("expected a name, a number or a filter"))?];
        while self.token(",") {
            indices.push(self.optional_integer()?.ok_or_else(|| self.error("expected a number"))?);
        }
        self.close()?;
        Ok(Step::Indices(indices))
    }

    fn close(&mut self) -> Result<()> {
        self.skip_blanks();
        if self.eat("]") { Ok(()) } else { Err(self.error("expected ]")) }
    }

    fn optional_integer(&mut self) -> Result<Option<i64>> {
        self.skip_blanks();
        let end = self.rest().find(|one: char| !one.is_ascii_digit() && one != '-').unwrap_or(self.rest().len());
        let text = &self.rest()[..end];
        if text.is_empty() {
            return Ok(None);
        }
        let number = text.parse().map_err(|_| self.error("no number"))?;
        self.at += end;
        Ok(Some(number))
    }

    /// A text in single or double quotes, of which either can be escaped.
    fn quoted(&mut self) -> Result<String> {
        self.skip_blanks();
        let mut characters = self.rest().char_indices();
        let quote = characters.next().map(|(_, quote)| quote).filter(|quote| ['\'', '"'].contains(quote));
        let quote = quote.ok_or_else(|| self.error("expected a quoted text"))?;
        let mut text = String::new();
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' => text.push(match characters.next() {
                    Some((_, 'n')) => '\n',
                    Some((_, 't')) => '\t',
                    Some((_, 'r')) => '\r',
                    Some((_, escaped)) => escaped,
                    None => break,
                }),
                _ if character == quote => {
                    self.at += at + character.len_utf8();
                    return Ok(text);
                }
                _ => text.push(character),
            }
        }
        Err(self.error("a text that does not end"))
    }

    fn any(&mut self) -> Result<Condition> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error("nested too deeply"));
        }
        let mut parts = vec![self.all()?];
        while self.token("||") {
            parts.push(self.all()?);
        }
        self.depth -= 1;
        Ok(if parts.len() == 1 { parts.remove(0) } else { Condition::Any(parts) })
    }

    fn all(&mut self) -> Result<Condition> {
        let mut parts = vec![self.condition()?];
        while self.token("&&") {
            parts.push(self.condition()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Condition::All(parts) })
    }

    fn condition(&mut self) -> Result<Condition> {
        self.skip_blanks();
        if self.rest().starts_with('!') && !self.rest().starts_with("!=") {
            self.at += 1;
            self.depth += 1;
            if self.depth > MAX_DEPTH {
                return Err(self.error("nested too deeply"));
            }
            let inner = self.condition()?;
            self.depth -= 1;
            return Ok(Condition::Not(Box::new(inner)));
        }
        if self.token("(") {
            let inner = self.any()?;
            self.expect(")")?;
            return Ok(inner);
        }
        let left = self.operand()?;
        self.skip_blanks();
        if self.token("=~") {
            return Ok(Condition::Matches(left, self.regex()?));
        }
        for (word, negated) in [("in", false), ("nin", true)] {
            let follows = self.rest().strip_prefix(word).is_some_and(|rest| rest.trim_start().starts_with('['));
            if follows {
                self.at += word.len();
                return Ok(Condition::In(left, self.list()?, negated));
            }
        }
        for (sign, operator) in [
            ("==", Operator::Equal),
            ("!=", Operator::NotEqual),
            ("<=", Operator::LessOrEqual),
            (">=", Operator::GreaterOrEqual),
            ("<", Operator::Less),
            (">", Operator::Greater),
        ] {
            if self.token(sign) {
                return Ok(Condition::Compare(left, operator, self.operand()?));
            }
        }
        match left {
            Operand::Literal(_) => Err(self.error("expected a comparison")),
            path => Ok(Condition::Exists(path)),
        }
    }

    fn operand(&mut self) -> Result<Operand> {
        self.skip_blanks();
        if self.eat("@") {
            return Ok(Operand::Here(self.steps(true)?));
        }
        if self.eat("$") {
            return Ok(Operand::Root(self.steps(true)?));
        }
        Ok(Operand::Literal(self.literal()?))
    }

    fn literal(&mut self) -> Result<Value> {
        self.skip_blanks();
        if self.rest().starts_with(['\'', '"']) {
            return Ok(Value::string(self.quoted()?));
        }
        for (word, value) in [("true", Value::Boolean(true)), ("false", Value::Boolean(false)), ("null", Value::Null)] {
            if self.eat(word) {
                return Ok(value);
            }
        }
        let is_part = |one: char| one.is_ascii_digit() || "+-.eE".contains(one);
        let end = self.rest().find(|one: char| !is_part(one)).unwrap_or(self.rest().len());
        let number = java_number::decimal(&self.rest()[..end]).ok_or_else(|| self.error("expected a value"))?;
        self.at += end;
        Ok(Value::Decimal(number))
    }

    fn list(&mut self) -> Result<Vec<Value>> {
        self.expect("[")?;
        let mut values = Vec::new();
        if self.token("]") {
            return Ok(values);
        }
        loop {
            values.push(self.literal()?);
            if self.token("]") {
                return Ok(values);
            }
            self.expect(",")?;
        }
    }

    /// `/pattern/i`; the pattern has to match as a whole.
    fn regex(&mut self) -> Result<JavaRegex> {
        self.expect("/")?;
        let mut end = None;
        let mut escaped = false;
        for (at, character) in self.rest().char_indices() {
            match character {
                '/' if !escaped => {
                    end = Some(at);
                    break;
                }
                _ => escaped = character == '\\' && !escaped,
            }
        }
        let end = end.ok_or_else(|| self.error("a regular expression that does not end"))?;
        let pattern = &self.rest()[..end];
        self.at += end + 1;
        let flags: String = self.rest().chars().take_while(char::is_ascii_alphabetic).collect();
        self.at += flags.len();
        let pattern = if flags.is_empty() { pattern.to_owned() } else { format!("(?{flags}){pattern}") };
        JavaRegex::new(&pattern).map_err(|error| self.error(&error.0))
    }
}
