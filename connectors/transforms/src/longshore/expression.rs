//! Expression: filters, derives fields and routes by expressions.

use std::sync::Arc;

use longshore_api::config::{
    ConfigKey, ConfigType, Importance, ParsedConfig, ParsedValue, Validator, Width, invalid_value,
};
use longshore_api::{ConnectError, ConnectRecord, Parts, Result, Transform, Value, Verdict};

use super::derive::{Assignments, Fields, Typed, headers};
use crate::expression::{Expression, Language};
use crate::nulls::Nulls;
use crate::part::Side;
use crate::plugin::Configure;

const CONDITION: &str = "filter.condition";
const TOPIC: &str = "topic.expression";
const PARTITION: &str = "partition.expression";
const TIMESTAMP: &str = "timestamp.expression";

/// Changes records by expressions, which all see the record as it came.
#[derive(Debug)]
pub(super) struct ExpressionTransform {
    condition: Option<Expression>,
    /// Key and value as a whole.
    wholes: [(&'static str, Side, Option<Typed>); 2],
    fields: [Fields; 2],
    headers: Assignments,
    topic: Option<Expression>,
    partition: Option<Expression>,
    timestamp: Option<Expression>,
    nulls: Nulls,
    parts: Parts,
}

const EXPRESSION: Validator = Validator::Check(|name, value| match value {
    ParsedValue::Text(text) => Expression::compile(text, Language::Cel)
        .map(|_| ())
        .map_err(|error| invalid_value(name, Some(text), &format!("Invalid expression: {error}"))),
    _ => Ok(()),
});

const ASSIGNMENTS: Validator = Validator::Check(|name, value| match value {
    ParsedValue::Text(text) => Assignments::read(name, text).map(|_| ()),
    _ => Ok(()),
});

fn key(name: &'static str, kind: ConfigType, importance: Importance, order: i32, display: &'static str) -> ConfigKey {
    let group = match name {
        CONDITION | Nulls::KEY => "Filter",
        TOPIC | PARTITION | TIMESTAMP => "Route",
        _ => "Derive",
    };
    ConfigKey::new(name, kind, importance).default_null().shown(group, order, Width::Long, display)
}

impl Configure for ExpressionTransform {
    fn keys() -> Vec<ConfigKey> {
        use ConfigType::{List, String};
        use Importance::{High, Low, Medium};
        let expression = |name, importance, order, display, doc: &'static str| {
            key(name, String, importance, order, display).validator(EXPRESSION).doc(doc)
        };
        let set = |name, order, display| {
            key(name, String, High, order, display).validator(ASSIGNMENTS).doc(
                "Fields to set, as name = expression; name: type = expression. The types are boolean, int8, int16, \
                 int32, int64, float32, float64, string, bytes, date, time and timestamp; without one the expression \
                 or its value tells. Every expression sees the record as it came.",
            )
        };
        let remove =
            |name, order, display, doc: &'static str| key(name, List, Medium, order, display).default("").doc(doc);
        vec![
            expression(CONDITION, High, 1, "Filter condition", "Records for which this is false are dropped."),
            Nulls::key(key(Nulls::KEY, String, Low, 2, "Null handling mode")).doc(
                "What becomes of records without a value where an expression looks at the value or fields of it \
                     are set: keep passes them on as they are, drop drops them, evaluate treats them as any other.",
            ),
            set("value.set", 1, "Fields of the value to set"),
            remove("value.remove", 2, "Fields of the value to remove", "Fields of the value that are left out."),
            set("key.set", 3, "Fields of the key to set"),
            remove("key.remove", 4, "Fields of the key to remove", "Fields of the key that are left out."),
            set("headers.set", 5, "Headers to set"),
            remove("headers.remove", 6, "Headers to remove", "Headers that are left out."),
            expression("value.expression", Medium, 7, "New value", "What takes the place of the whole value."),
            expression("key.expression", Medium, 8, "New key", "What takes the place of the whole key."),
            expression(TOPIC, High, 1, "New topic", "The record's topic; null leaves it as it is."),
            expression(PARTITION, Low, 2, "New partition", "The record's partition; null leaves it as it is."),
            expression(
                TIMESTAMP,
                Low,
                3,
                "New timestamp",
                "The record's timestamp, as a CEL timestamp; null leaves it as it is.",
            ),
        ]
    }

    fn new(config: &ParsedConfig, _side: Side) -> Result<Self> {
        let expression = |name: &str| {
            let compile = |text| Expression::compile(text, Language::Cel);
            config.text(name).map(compile).transpose().map_err(|error| {
                let why = format!("Invalid expression: {error}");
                ConnectError::config(invalid_value(name, config.text(name), &why))
            })
        };
        let mut made = Self {
            condition: expression(CONDITION)?,
            wholes: [
                ("key.expression", Side::Key, expression("key.expression")?.map(Typed::new)),
                ("value.expression", Side::Value, expression("value.expression")?.map(Typed::new)),
            ],
            fields: [
                Fields::new(Side::Key, Assignments::of(config, "key.set", "key.remove")?),
                Fields::new(Side::Value, Assignments::of(config, "value.set", "value.remove")?),
            ],
            headers: Assignments::of(config, "headers.set", "headers.remove")?,
            topic: expression(TOPIC)?,
            partition: expression(PARTITION)?,
            timestamp: expression(TIMESTAMP)?,
            nulls: Nulls::read(config),
            parts: Parts::NONE,
        };
        made.parts = made.touched();
        Ok(made)
    }
}

impl Transform for ExpressionTransform {
    fn parts(&self) -> Parts {
        self.parts
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        if self.parts.value
            && let Some(verdict) = self.nulls.settled(record)
        {
            return Ok(verdict);
        }
        if let Some(condition) = &self.condition
            && !condition.holds(record, CONDITION)?
        {
            return Ok(Verdict::Drop);
        }
        self.change(record)?;
        Ok(Verdict::Keep)
    }
}

impl ExpressionTransform {
    fn touched(&self) -> Parts {
        let wholes = self.wholes.iter().filter(|(.., whole)| whole.is_some()).map(|(_, side, _)| side.parts());
        let fields = self.fields.iter().map(Fields::parts);
        let alone = [&self.condition, &self.topic, &self.partition, &self.timestamp];
        let of_wholes = self.wholes.iter().filter_map(|(.., whole)| whole.as_ref()).map(Typed::parts);
        let read = alone.into_iter().flatten().map(Expression::parts).chain(of_wholes);
        let headers = if self.headers.is_empty() { Parts::NONE } else { self.headers.parts().and(Parts::HEADERS) };
        wholes.chain(fields).chain(read).fold(headers, Parts::and)
    }

    /// Everything is evaluated first, then the record is changed.
    fn change(&mut self, record: &mut ConnectRecord) -> Result<()> {
        let [key, value] = &mut self.wholes;
        let whole = |(name, _, typed): &mut (&'static str, Side, Option<Typed>)| {
            typed.as_mut().map(|typed| typed.data(record, name)).transpose()
        };
        let wholes = [whole(key)?, whole(value)?];
        let values = [self.fields[0].evaluate(record)?, self.fields[1].evaluate(record)?];
        let of_headers = self.headers.evaluate_data(record)?;
        let topic = topic(self.topic.as_ref(), record)?;
        let partition = partition(self.partition.as_ref(), record)?;
        let timestamp = timestamp(self.timestamp.as_ref(), record)?;

        for (fields, values) in self.fields.iter_mut().zip(values) {
            fields.apply(record, values)?;
        }
        for ((_, side, _), whole) in self.wholes.iter().zip(wholes) {
            if let Some(whole) = whole {
                *side.of(record) = whole;
            }
        }
        headers(&self.headers, of_headers, record);
        record.topic = topic.unwrap_or_else(|| Arc::clone(&record.topic));
        record.partition = partition.or(record.partition);
        record.timestamp = timestamp.or(record.timestamp);
        Ok(())
    }
}

fn topic(expression: Option<&Expression>, record: &ConnectRecord) -> Result<Option<Arc<str>>> {
    let Some(expression) = expression else { return Ok(None) };
    match expression.value(record, TOPIC)? {
        Value::Null => Ok(None),
        Value::String(topic) if !topic.is_empty() => Ok(Some(topic)),
        other => Err(unfit(TOPIC, "a text that is not empty", &other)),
    }
}

fn partition(expression: Option<&Expression>, record: &ConnectRecord) -> Result<Option<i32>> {
    let Some(expression) = expression else { return Ok(None) };
    let value = expression.value(record, PARTITION)?;
    let number = match &value {
        Value::Null => return Ok(None),
        Value::Int8(number) => i32::from(*number),
        Value::Int16(number) => i32::from(*number),
        Value::Int32(number) => *number,
        Value::Int64(number) => i32::try_from(*number).unwrap_or(-1),
        _ => -1,
    };
    if number < 0 { Err(unfit(PARTITION, "a number of a partition", &value)) } else { Ok(Some(number)) }
}

fn timestamp(expression: Option<&Expression>, record: &ConnectRecord) -> Result<Option<i64>> {
    let Some(expression) = expression else { return Ok(None) };
    match expression.value(record, TIMESTAMP)? {
        Value::Null => Ok(None),
        Value::Date(millis) if millis >= 0 => Ok(Some(millis)),
        other => Err(unfit(TIMESTAMP, "a timestamp from 1970 on", &other)),
    }
}

fn unfit(name: &str, expected: &str, value: &Value) -> ConnectError {
    let text: String = longshore_formats::java_text::value(value).chars().take(100).collect();
    ConnectError::data(format!("{name}: expected {expected}, found {text} ({})", value.java_class()))
}
