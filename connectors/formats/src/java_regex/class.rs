//! Sets of characters: in brackets, and behind a backslash.

use super::RegexError;
use super::translate::Parser;

/// What stands behind a backslash.
pub(super) enum Escaped {
    Character(char),
    /// In Rust's syntax, brackets included.
    Set(String),
}

/// Appends a character that stands for itself.
pub(super) fn push_literal(out: &mut String, character: char) {
    if character.is_ascii_punctuation() || character == ' ' {
        if character != ' ' {
            out.push('\\');
        }
        // `\<` and `\>` are edges of words in Rust.
        if matches!(character, '<' | '>') {
            out.pop();
        }
        out.push(character);
    } else if character.is_control() {
        out.push_str(&format!("\\x{{{:x}}}", u32::from(character)));
    } else {
        out.push(character);
    }
}

/// A set in brackets, of which the first has been read.
pub(super) fn bracket(parser: &mut Parser<'_>) -> Result<String, RegexError> {
    let mut out = String::from("[");
    if parser.eat("^") {
        out.push('^');
    }
    let mut is_first = true;
    loop {
        let Some(character) = parser.next() else { return Err(parser.error("Unclosed character class")) };
        match character {
            ']' if !is_first => {
                out.push(']');
                return Ok(out);
            }
            '[' => out.push_str(&nested(parser)?),
            '&' if parser.peek() == Some('&') => {
                parser.next();
                // One side alone is the set itself.
                if !is_first && parser.peek() != Some(']') {
                    out.push_str("&&");
                }
            }
            _ => item(parser, character, &mut out)?,
        }
        is_first = false;
    }
}

fn nested(parser: &mut Parser<'_>) -> Result<String, RegexError> {
    parser.enter()?;
    let set = bracket(parser)?;
    parser.leave();
    Ok(set)
}

/// A character, a range or an escape.
fn item(parser: &mut Parser<'_>, character: char, out: &mut String) -> Result<(), RegexError> {
    let first = match single(parser, character)? {
        Escaped::Set(set) => {
            out.push_str(&set);
            return Ok(());
        }
        Escaped::Character(character) => character,
    };
    let is_range = parser.peek() == Some('-') && !matches!(parser.peek_at(1), None | Some(']' | '['));
    if !is_range {
        push_literal(out, first);
        return Ok(());
    }
    parser.next();
    let next = parser.next().unwrap_or_default();
    match single(parser, next)? {
        Escaped::Character(last) if last >= first => {
            push_literal(out, first);
            out.push('-');
            push_literal(out, last);
            Ok(())
        }
        _ => Err(parser.error("Illegal character range")),
    }
}

fn single(parser: &mut Parser<'_>, character: char) -> Result<Escaped, RegexError> {
    match character {
        '\\' => escape(parser),
        _ => Ok(Escaped::Character(character)),
    }
}

/// What follows a backslash, in brackets or outside.
pub(super) fn escape(parser: &mut Parser<'_>) -> Result<Escaped, RegexError> {
    let Some(character) = parser.next() else { return Err(parser.error_at_end("Unexpected internal error")) };
    let unicode = parser.unicode_classes();
    let set = |ascii: &str, wide: &str| Ok(Escaped::Set(if unicode { wide } else { ascii }.to_owned()));
    match character {
        'd' => set("[0-9]", "\\d"),
        'D' => set("[^0-9]", "\\D"),
        'w' => set("[a-zA-Z0-9_]", "\\w"),
        'W' => set("[^a-zA-Z0-9_]", "\\W"),
        's' => set("[ \\t\\n\\x0b\\x0c\\r]", "\\s"),
        'S' => set("[^ \\t\\n\\x0b\\x0c\\r]", "\\S"),
        'h' => Ok(Escaped::Set(format!("[{HORIZONTAL}]"))),
        'H' => Ok(Escaped::Set(format!("[^{HORIZONTAL}]"))),
        'v' => Ok(Escaped::Set(format!("[{VERTICAL}]"))),
        'V' => Ok(Escaped::Set(format!("[^{VERTICAL}]"))),
        'p' | 'P' => property(parser, character == 'P'),
        't' => Ok(Escaped::Character('\t')),
        'n' => Ok(Escaped::Character('\n')),
        'r' => Ok(Escaped::Character('\r')),
        'f' => Ok(Escaped::Character('\x0c')),
        'a' => Ok(Escaped::Character('\x07')),
        'e' => Ok(Escaped::Character('\x1b')),
        '0' => octal(parser),
        'x' => hexadecimal(parser),
        'u' => unicode_escape(parser),
        'c' => match parser.next() {
            Some(control) if control.is_ascii() => Ok(Escaped::Character(char::from(control as u8 ^ 64))),
            _ => Err(parser.error("Illegal control escape sequence")),
        },
        _ if character.is_ascii_alphanumeric() => Err(parser.error("Illegal/unsupported escape sequence")),
        _ => Ok(Escaped::Character(character)),
    }
}

const HORIZONTAL: &str = " \\t\\x{a0}\\x{1680}\\x{180e}\\x{2000}-\\x{200a}\\x{202f}\\x{205f}\\x{3000}";
const VERTICAL: &str = "\\n\\x0b\\x0c\\r\\x{85}\\x{2028}\\x{2029}";

/// `\0n`, `\0nn`, `\0mnn`.
fn octal(parser: &mut Parser<'_>) -> Result<Escaped, RegexError> {
    let mut code = 0;
    let mut count = 0;
    while let Some(digit) = parser.peek().and_then(|digit| digit.to_digit(8)) {
        if count == 3 || count == 2 && code * 8 + digit > 0o377 {
            break;
        }
        code = code * 8 + digit;
        count += 1;
        parser.next();
    }
    match char::from_u32(code).filter(|_| count > 0) {
        Some(character) => Ok(Escaped::Character(character)),
        None => Err(parser.error("Illegal octal escape sequence")),
    }
}

/// `\xhh`, `\x{h…h}`.
fn hexadecimal(parser: &mut Parser<'_>) -> Result<Escaped, RegexError> {
    if !parser.eat("{") {
        return code(parser, 2, "Illegal hexadecimal escape sequence");
    }
    let mut number = 0;
    let mut count = 0;
    while let Some(digit) = parser.peek().and_then(|digit| digit.to_digit(16)) {
        number = number * 16 + digit;
        count += 1;
        parser.next();
        if number > 0x10_FFFF {
            return Err(parser.error("Hexadecimal codepoint is too big"));
        }
    }
    if parser.next() != Some('}') || count == 0 {
        return Err(parser.error("Unclosed hexadecimal escape sequence"));
    }
    match char::from_u32(number) {
        Some(character) => Ok(Escaped::Character(character)),
        None => Err(parser.error("a surrogate stands for no character")),
    }
}

/// `\uhhhh`; two that are a pair of surrogates are one character.
fn unicode_escape(parser: &mut Parser<'_>) -> Result<Escaped, RegexError> {
    let first = digits(parser, 4).ok_or_else(|| parser.error("Illegal Unicode escape sequence"))?;
    if (0xD800..0xDC00).contains(&first) && parser.eat("\\u") {
        let second = digits(parser, 4).ok_or_else(|| parser.error("Illegal Unicode escape sequence"))?;
        let pair = char::decode_utf16([first as u16, second as u16]).next();
        return match pair {
            Some(Ok(character)) => Ok(Escaped::Character(character)),
            _ => Err(parser.error("a surrogate stands for no character")),
        };
    }
    match char::from_u32(first) {
        Some(character) => Ok(Escaped::Character(character)),
        None => Err(parser.error("a surrogate stands for no character")),
    }
}

fn code(parser: &mut Parser<'_>, count: usize, what: &str) -> Result<Escaped, RegexError> {
    match digits(parser, count).and_then(char::from_u32) {
        Some(character) => Ok(Escaped::Character(character)),
        None => Err(parser.error(what)),
    }
}

fn digits(parser: &mut Parser<'_>, count: usize) -> Option<u32> {
    (0..count).try_fold(0, |number, _| Some(number * 16 + parser.next()?.to_digit(16)?))
}

/// `\pL`, `\p{Lu}`, `\p{Alpha}`, `\p{IsLatin}`, `\p{javaLowerCase}`, `\p{script=Greek}`.
fn property(parser: &mut Parser<'_>, negated: bool) -> Result<Escaped, RegexError> {
    let name = match parser.next() {
        Some('{') => {
            let mut name = String::new();
            loop {
                match parser.next() {
                    Some('}') => break name,
                    Some(character) => name.push(character),
                    None => return Err(parser.error("Unclosed character family")),
                }
            }
        }
        Some(one) => one.to_string(),
        None => return Err(parser.error("Illegal/unsupported escape sequence")),
    };
    let unknown = || parser.error(&format!("Unknown character property name {{{name}}}"));
    let known = posix(&name, parser.unicode_classes()).map(str::to_owned).or_else(|| unicode(&name));
    let set = known.ok_or_else(unknown)?;
    // Rust knows the same names of categories, scripts and binary properties; others are none.
    if regex::Regex::new(&set).is_err() {
        return Err(unknown());
    }
    Ok(Escaped::Set(if negated { format!("[^{set}]") } else { set }))
}

fn posix(name: &str, wide: bool) -> Option<&'static str> {
    let (ascii, unicode) = match name {
        "Lower" => ("[a-z]", "\\p{Lowercase}"),
        "Upper" => ("[A-Z]", "\\p{Uppercase}"),
        "ASCII" => ("[\\x00-\\x7f]", "[\\x00-\\x7f]"),
        "Alpha" => ("[a-zA-Z]", "\\p{Alphabetic}"),
        "Digit" => ("[0-9]", "\\p{Nd}"),
        "Alnum" => ("[a-zA-Z0-9]", "[\\p{Alphabetic}\\p{Nd}]"),
        "Punct" => ("[!-/:-@\\[-`{-~]", "\\p{P}"),
        "Graph" => ("[!-~]", "[^\\s\\p{Cc}\\p{Cn}]"),
        "Print" => ("[ -~]", "[^\\p{Cc}\\p{Cn}]"),
        "Blank" => ("[ \\t]", "[\\p{Zs}\\t]"),
        "Cntrl" => ("[\\x00-\\x1f\\x7f]", "\\p{Cc}"),
        "XDigit" => ("[0-9a-fA-F]", "[\\p{Nd}\\p{Hex_Digit}]"),
        "Space" => ("[ \\t\\n\\x0b\\x0c\\r]", "\\s"),
        "L1" => ("[\\x00-\\x{ff}]", "[\\x00-\\x{ff}]"),
        "LC" => ("[\\p{Lu}\\p{Ll}\\p{Lt}]", "[\\p{Lu}\\p{Ll}\\p{Lt}]"),
        "LD" => ("[\\p{L}\\p{Nd}]", "[\\p{L}\\p{Nd}]"),
        "all" => ("[\\s\\S]", "[\\s\\S]"),
        "javaLowerCase" => ("\\p{Lowercase}", "\\p{Lowercase}"),
        "javaUpperCase" => ("\\p{Uppercase}", "\\p{Uppercase}"),
        "javaAlphabetic" => ("\\p{Alphabetic}", "\\p{Alphabetic}"),
        "javaTitleCase" => ("\\p{Lt}", "\\p{Lt}"),
        "javaDigit" => ("\\p{Nd}", "\\p{Nd}"),
        "javaLetter" => ("\\p{L}", "\\p{L}"),
        "javaLetterOrDigit" => ("[\\p{L}\\p{Nd}]", "[\\p{L}\\p{Nd}]"),
        "javaWhitespace" => (
            "[\\t-\\r\\x1c-\\x1f\\p{Z}--\\x{a0}\\x{2007}\\x{202f}]",
            "[\\t-\\r\\x1c-\\x1f\\p{Z}--\\x{a0}\\x{2007}\\x{202f}]",
        ),
        "javaSpaceChar" => ("\\p{Z}", "\\p{Z}"),
        _ => return None,
    };
    Some(if wide { unicode } else { ascii })
}

fn unicode(name: &str) -> Option<String> {
    if let Some((kind, value)) = name.split_once('=') {
        let known = ["sc", "script", "gc", "general_category"].contains(&kind.to_lowercase().as_str());
        return known.then(|| format!("\\p{{{kind}={value}}}"));
    }
    // Blocks; Rust has none.
    if name.starts_with("In") {
        return None;
    }
    let bare = name.strip_prefix("Is").unwrap_or(name);
    let plain = bare.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (plain && !bare.is_empty()).then(|| format!("\\p{{{bare}}}"))
}
