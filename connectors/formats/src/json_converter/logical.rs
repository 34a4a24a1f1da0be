//! Decimal, Date, Time and Timestamp: from their values to what stands for them, and back.

use bigdecimal::BigDecimal;
use longshore_api::schema::logical;
use longshore_api::{ConnectError, ErrorKind, Result, Schema, Value};
use num_bigint::BigInt;

use super::DecimalFormat;
use super::base64_text;
use crate::java_text;
use crate::java_text::calendar::MILLIS_PER_DAY;
use crate::json::{Node, writer};

/// Reads a value of a logical type, which `name` is.
pub(crate) fn read(name: &str, schema: &Schema, node: &Node<'_>) -> Result<Value> {
    let wrong = |kind: &str, needed: &str| {
        let found = node.kind_name();
        let message = format!("Invalid type for {kind}, underlying representation should be {needed} but was {found}");
        ConnectError::data(message)
    };
    let whole = |kind: &str| match node {
        Node::Number(number) => number.as_i32().ok_or_else(|| wrong(kind, "integer")),
        _ => Err(wrong(kind, "integer")),
    };
    match name {
        logical::DECIMAL => match node {
            Node::Number(number) => Ok(Value::Decimal(number.to_decimal())),
            Node::String(text) => decimal(schema, text)
                .map(Value::Decimal)
                .map_err(|cause| ConnectError::data("Invalid bytes for Decimal field").caused_by(cause)),
            _ => Err(wrong("Decimal", "numeric or bytes")),
        },
        logical::DATE => whole("Date").map(|days| Value::Date(i64::from(days) * MILLIS_PER_DAY)),
        logical::TIME => match i64::from(whole("Time")?) {
            millis @ 0..=MILLIS_PER_DAY => Ok(Value::Date(millis)),
            _ => Err(ConnectError::data(
                "Time values must use number of milliseconds greater than 0 and less than 86400000",
            )),
        },
        _ => match node {
            Node::Number(number) if number.is_integral() => Ok(Value::Date(number.to_i64())),
            _ => Err(wrong("Timestamp", "integral")),
        },
    }
}

fn decimal(schema: &Schema, text: &str) -> Result<BigDecimal> {
    let bytes = base64_text::decode(text).map_err(ConnectError::data)?;
    let scale = scale(schema)?;
    if bytes.is_empty() {
        let class = "java.lang.NumberFormatException";
        return Err(ConnectError::new(ErrorKind::BadRecord, class, "Zero length BigInteger"));
    }
    Ok(BigDecimal::new(BigInt::from_signed_bytes_be(&bytes), scale))
}

/// The scale that a Decimal schema gives.
fn scale(schema: &Schema) -> Result<i64> {
    let text = schema
        .parameters
        .get("scale")
        .ok_or_else(|| ConnectError::data("Invalid Decimal schema: scale parameter not found."))?;
    let scale: i32 = text.parse().map_err(|_| {
        let class = "java.lang.NumberFormatException";
        let cause = ConnectError::new(ErrorKind::BadRecord, class, format!("For input string: \"{text}\""));
        ConnectError::data("Invalid scale parameter found in Decimal schema: ").caused_by(cause)
    })?;
    Ok(i64::from(scale))
}

/// Writes a value of a logical type, which `name` is.
pub(crate) fn write(
    out: &mut Vec<u8>,
    name: &str,
    schema: &Schema,
    value: &Value,
    decimal_format: DecimalFormat,
) -> Result<()> {
    let wrong = |kind: &str, needed: &str| {
        let found = value.java_class();
        ConnectError::data(format!("Invalid type for {kind}, expected {needed} but was class {found}"))
    };
    let millis = |kind: &str| match value {
        Value::Date(millis) => Ok(*millis),
        _ => Err(wrong(kind, "Date")),
    };
    match name {
        logical::DECIMAL => {
            let Value::Decimal(value) = value else { return Err(wrong("Decimal", "BigDecimal")) };
            match decimal_format {
                DecimalFormat::Numeric => out.extend_from_slice(java_text::decimal(value).as_bytes()),
                DecimalFormat::Base64 => writer::base64(out, &unscaled(schema, value)?),
            }
        }
        logical::DATE => {
            let millis = millis("Date")?;
            if millis % MILLIS_PER_DAY != 0 {
                let message = "Kafka Connect Date type should not have any time fields set to non-zero values.";
                return Err(ConnectError::data(message));
            }
            writer::integer(out, millis / MILLIS_PER_DAY);
        }
        logical::TIME => match millis("Time")? {
            millis @ 0..=MILLIS_PER_DAY => writer::integer(out, millis),
            _ => {
                let message = "Kafka Connect Time type should not have any date fields set to non-zero values.";
                return Err(ConnectError::data(message));
            }
        },
        _ => writer::integer(out, millis("Timestamp")?),
    }
    Ok(())
}

fn unscaled(schema: &Schema, value: &BigDecimal) -> Result<Vec<u8>> {
    let (digits, found) = value.as_bigint_and_exponent();
    let scale = scale(schema)?;
    if found != scale {
        return Err(ConnectError::data(format!(
            "Decimal value has mismatching scale for given Decimal schema. Schema has scale {scale}, value has scale \
             {found}."
        )));
    }
    Ok(digits.to_signed_bytes_be())
}
