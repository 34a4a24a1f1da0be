//! Numbers of JSON that would lose digits in a column of DOUBLEs.

use std::collections::HashSet;
use std::str::FromStr;

use bigdecimal::BigDecimal;
use indexmap::IndexMap;
use longshore_api::Result;
use longshore_formats::json::{Kind, Number, Reader};
use parquet::basic::{LogicalType, Type as Physical};
use parquet::schema::types::Type;

use super::corrupt;

/// The most digits that every number of them keeps in a DOUBLE.
const SAFE_DIGITS: usize = 15;
/// The most members of which such numbers are noted; those of maps may be any.
const MAX_PATHS: usize = 10_000;

/// The first number of each member that a DOUBLE does not hold, and the object in which it stands.
#[derive(Default)]
pub(super) struct Lossy(IndexMap<Vec<String>, (String, String)>);

impl Lossy {
    /// Looks at the numbers of a row, and at its names: of two members of one name a column would have one.
    ///
    /// # Errors
    /// Kind BadRecord: it is no JSON, or has such members.
    pub(super) fn look_at(&mut self, row: &[u8], object: &str) -> Result<()> {
        let text = std::str::from_utf8(row).map_err(corrupt)?;
        self.value(&mut Reader::new(text), &mut Vec::new(), object)
    }

    fn value(&mut self, reader: &mut Reader<'_>, path: &mut Vec<String>, object: &str) -> Result<()> {
        let mut first = true;
        match reader.peek()? {
            Kind::Number => {
                let number = reader.number()?;
                if !is_exact(&number) && self.0.len() < MAX_PATHS && !self.0.contains_key(path) {
                    self.0.insert(path.clone(), (object.to_owned(), format!("{:.40}", number.text())));
                }
            }
            Kind::Object => {
                reader.enter(Kind::Object)?;
                let mut names = HashSet::new();
                while let Some(name) = reader.next_name(first)? {
                    first = false;
                    path.push(name.clone().into_owned());
                    if !names.insert(name) {
                        return Err(corrupt(format!("field {}: it comes twice", path.join("."))));
                    }
                    self.value(reader, path, object)?;
                    path.pop();
                }
            }
            Kind::Array => {
                reader.enter(Kind::Array)?;
                while reader.next_element(first)? {
                    first = false;
                    self.value(reader, path, object)?;
                }
            }
            _ => reader.skip()?,
        }
        Ok(())
    }

    /// The object, and what is wrong with it, if the columns of a schema would change a number.
    pub(super) fn lost(&self, schema: &Type) -> Option<(&str, String)> {
        let (path, (object, number)) = self.0.iter().find(|(path, _)| is_double(schema, path))?;
        let path = path.join(".");
        Some((object, format!("field {path}: the number {number} has more digits than a DOUBLE of Parquet holds")))
    }
}

/// Whether a member's values become DOUBLEs.
fn is_double(schema: &Type, path: &[String]) -> bool {
    let mut node = schema;
    for name in path {
        let inner = if node.is_group() { node.get_fields().iter().find(|field| field.name() == name) } else { None };
        let Some(inner) = inner else { return false };
        node = inner;
        while let Some(LogicalType::List) = node.get_basic_info().logical_type_ref() {
            let element = node.get_fields().first().and_then(|list| list.get_fields().first());
            let Some(element) = element else { return false };
            node = element;
        }
    }
    node.is_primitive() && node.get_physical_type() == Physical::DOUBLE
}

/// Whether a DOUBLE holds exactly this number: the same decimal comes out of it.
fn is_exact(number: &Number<'_>) -> bool {
    if let Some(value) = number.as_i64() {
        return value != i64::MAX && (value as f64) as i64 == value;
    }
    let (text, double) = (number.text(), number.to_f64());
    let mantissa = text.split(['e', 'E']).next().unwrap_or(text);
    let digits = mantissa.bytes().filter(u8::is_ascii_digit).count();
    let is_zero = !mantissa.bytes().any(|digit| (b'1'..=b'9').contains(&digit));
    if is_zero {
        return true;
    }
    // Beyond these, fewer digits are kept, or none; and decimals of any exponent would take any memory.
    if !(1e-290..1e300).contains(&double.abs()) {
        return false;
    }
    digits <= SAFE_DIGITS || BigDecimal::from_str(&double.to_string()).is_ok_and(|kept| kept == number.to_decimal())
}

#[cfg(test)]
mod tests {
    use parquet::schema::parser::parse_message_type;

    use super::*;

    #[test]
    fn numbers_that_a_double_holds_are_told_from_others() {
        let exact = ["0", "-1.5", "0.1", "0.30000000000000004", "1e22", "9007199254740992"];
        for text in exact {
            assert!(is_exact(&Reader::new(text).number().unwrap()), "{text}");
        }
        let others = ["9007199254740993", "12345678901234567890", "0.1234567890123456789", "1e400", "1e-400"];
        for text in others {
            assert!(!is_exact(&Reader::new(text).number().unwrap()), "{text}");
        }
    }

    #[test]
    fn only_columns_of_doubles_lose_digits() {
        let message = "message m { optional double a; optional int64 b; optional binary c (JSON);
            optional group d (LIST) { repeated group list { optional group element { optional double e; } } } }";
        let message = parse_message_type(message).unwrap();
        let lost = |row: &str| {
            let mut lossy = Lossy::default();
            lossy.look_at(row.as_bytes(), "key").unwrap();
            lossy.lost(&message).map(|(object, why)| format!("{object}: {why}"))
        };
        let rest = "has more digits than a DOUBLE of Parquet holds";
        assert_eq!(lost(r#"{"b":9007199254740993,"c":{"x":9007199254740993},"a":0.5}"#), None);
        assert_eq!(
            lost(r#"{"a":9007199254740993}"#).unwrap(),
            format!("key: field a: the number 9007199254740993 {rest}")
        );
        assert_eq!(lost(r#"{"d":[{"e":1},{"e":1e400}]}"#).unwrap(), format!("key: field d.e: the number 1e400 {rest}"));
    }
}
