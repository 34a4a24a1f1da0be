//! The types of columns, and the values that they take.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bigdecimal::BigDecimal;
use bigdecimal::num_bigint::Sign;
use longshore_api::{ConnectError, Result, Value};
use longshore_formats::json::{Kind, Malformed, Number, Reader};
use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type as Physical};
use parquet::schema::types::Type;

use super::columns::Columns;
use super::documents::kind_name;
use super::plan::at_field;

const MILLIS_PER_DAY: i64 = 86_400_000;

/// The type of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Leaf {
    Boolean,
    /// An integer of 32 bits in the file, and its range.
    Int32(i64, i64),
    /// An integer of 64 bits in the file; `true` for one without a sign.
    Int64(bool),
    Float,
    Double,
    /// Text in UTF-8; `true` for an enum's.
    Text(bool),
    /// Any value, as JSON text.
    Json,
    Bytes,
    Fixed(usize),
    Uuid,
    Date,
    /// Since midnight, in units a millisecond, and whether it takes 32 bits.
    Time(i64, bool),
    /// Since the epoch, in units a millisecond.
    Timestamp(i64),
    Decimal {
        precision: u64,
        scale: i64,
        physical: Physical,
        length: usize,
    },
}

impl fmt::Display for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Leaf::Boolean => f.write_str("BOOLEAN"),
            leaf if *leaf == Leaf::integer(32, true) => f.write_str("INT32"),
            Leaf::Int32(least, most) => write!(f, "INT32 from {least} to {most}"),
            Leaf::Int64(false) => f.write_str("INT64"),
            Leaf::Int64(true) => f.write_str("INT64 without sign"),
            Leaf::Float => f.write_str("FLOAT"),
            Leaf::Double => f.write_str("DOUBLE"),
            Leaf::Text(false) => f.write_str("STRING"),
            Leaf::Text(true) => f.write_str("ENUM"),
            Leaf::Json => f.write_str("JSON"),
            Leaf::Bytes => f.write_str("BYTE_ARRAY"),
            Leaf::Fixed(length) => write!(f, "FIXED_LEN_BYTE_ARRAY({length})"),
            Leaf::Uuid => f.write_str("UUID"),
            Leaf::Date => f.write_str("DATE"),
            Leaf::Time(..) => f.write_str("TIME"),
            Leaf::Timestamp(_) => f.write_str("TIMESTAMP"),
            Leaf::Decimal { precision, scale, .. } => write!(f, "DECIMAL({precision},{scale})"),
        }
    }
}

impl Leaf {
    /// The type of a column of a schema.
    ///
    /// # Errors
    /// Kind BadRecord: nothing can be written to it.
    pub(super) fn new(column: &Type) -> Result<Self> {
        let info = column.get_basic_info();
        let refused = |what: &dyn fmt::Debug| Err(ConnectError::data(format!("the type {what:?} cannot be written")));
        let physical = column.get_physical_type();
        let length = match column {
            Type::PrimitiveType { type_length, .. } => usize::try_from(*type_length).unwrap_or(0),
            Type::GroupType { .. } => 0,
        };
        if physical == Physical::FIXED_LEN_BYTE_ARRAY && length == 0 {
            return Err(ConnectError::data("FIXED_LEN_BYTE_ARRAY needs a length"));
        }
        let unit = |unit: &TimeUnit| match unit {
            TimeUnit::MILLIS => 1,
            TimeUnit::MICROS => 1_000,
            TimeUnit::NANOS => 1_000_000,
        };
        if let Some(logical) = info.logical_type_ref() {
            return Ok(match logical {
                LogicalType::String => Leaf::Text(false),
                LogicalType::Enum => Leaf::Text(true),
                LogicalType::Json => Leaf::Json,
                LogicalType::Uuid => Leaf::Uuid,
                LogicalType::Date => Leaf::Date,
                LogicalType::Time(time) => Leaf::Time(unit(&time.unit), physical == Physical::INT32),
                LogicalType::Timestamp(timestamp) => Leaf::Timestamp(unit(&timestamp.unit)),
                LogicalType::Decimal(_) => Self::decimal(column, length),
                LogicalType::Integer(integer) => Self::integer(integer.bit_width, integer.is_signed),
                other => return refused(other),
            });
        }
        Ok(match info.converted_type() {
            ConvertedType::UTF8 => Leaf::Text(false),
            ConvertedType::ENUM => Leaf::Text(true),
            ConvertedType::JSON => Leaf::Json,
            ConvertedType::DATE => Leaf::Date,
            ConvertedType::TIME_MILLIS => Leaf::Time(1, true),
            ConvertedType::TIME_MICROS => Leaf::Time(1_000, false),
            ConvertedType::TIMESTAMP_MILLIS => Leaf::Timestamp(1),
            ConvertedType::TIMESTAMP_MICROS => Leaf::Timestamp(1_000),
            ConvertedType::DECIMAL => Self::decimal(column, length),
            ConvertedType::INT_8 => Self::integer(8, true),
            ConvertedType::INT_16 => Self::integer(16, true),
            ConvertedType::INT_32 => Self::integer(32, true),
            ConvertedType::INT_64 => Self::integer(64, true),
            ConvertedType::UINT_8 => Self::integer(8, false),
            ConvertedType::UINT_16 => Self::integer(16, false),
            ConvertedType::UINT_32 => Self::integer(32, false),
            ConvertedType::UINT_64 => Self::integer(64, false),
            ConvertedType::NONE => match physical {
                Physical::BOOLEAN => Leaf::Boolean,
                Physical::INT32 => Self::integer(32, true),
                Physical::INT64 => Leaf::Int64(false),
                Physical::FLOAT => Leaf::Float,
                Physical::DOUBLE => Leaf::Double,
                Physical::BYTE_ARRAY => Leaf::Bytes,
                Physical::FIXED_LEN_BYTE_ARRAY => Leaf::Fixed(length),
                Physical::INT96 => return refused(&physical),
            },
            other => return refused(&other),
        })
    }

    fn decimal(column: &Type, length: usize) -> Self {
        Leaf::Decimal {
            precision: u64::try_from(column.get_precision()).unwrap_or(0),
            scale: i64::from(column.get_scale()),
            physical: column.get_physical_type(),
            length,
        }
    }

    fn integer(bits: i8, is_signed: bool) -> Self {
        match (bits, is_signed) {
            (64, _) => Leaf::Int64(!is_signed),
            (bits, true) => Leaf::Int32(-1 << (bits - 1), (1 << (bits - 1)) - 1),
            (bits, false) => Leaf::Int32(0, (1 << bits) - 1),
        }
    }

    /// Adds a value of Connect's to a column.
    ///
    /// # Errors
    /// Kind BadRecord: it is none of this type.
    pub(super) fn add(&self, value: &Value, column: usize, repetition: u8, columns: &mut Columns) -> Result<()> {
        let mut fixed = |bytes: &[u8]| columns.fixed(column, repetition, bytes);
        match (self, value) {
            (Leaf::Boolean, Value::Boolean(value)) => fixed(&[u8::from(*value)]),
            (Leaf::Int32(..), Value::Int8(value)) => fixed(&i32::from(*value).to_le_bytes()),
            (Leaf::Int32(..), Value::Int16(value)) => fixed(&i32::from(*value).to_le_bytes()),
            (Leaf::Int32(..), Value::Int32(value)) => fixed(&value.to_le_bytes()),
            (Leaf::Int64(_), Value::Int64(value)) => fixed(&value.to_le_bytes()),
            (Leaf::Float, Value::Float32(value)) => fixed(&value.to_le_bytes()),
            (Leaf::Double, Value::Float64(value)) => fixed(&value.to_le_bytes()),
            (Leaf::Text(_), Value::String(text)) => columns.bytes(column, repetition, text.as_bytes()),
            (Leaf::Bytes, Value::Bytes(bytes)) => columns.bytes(column, repetition, bytes),
            (Leaf::Fixed(length), Value::Bytes(bytes)) if bytes.len() == *length => fixed(bytes),
            (Leaf::Fixed(_), Value::Bytes(bytes)) => return Err(self.expected(&format!("{} bytes", bytes.len()))),
            (Leaf::Date, Value::Date(millis)) => {
                if millis % MILLIS_PER_DAY != 0 {
                    let why = "Kafka Connect Date type should not have any time fields set to non-zero values.";
                    return Err(ConnectError::data(why));
                }
                let days = i32::try_from(millis / MILLIS_PER_DAY).map_err(|_| self.expected("a later day"))?;
                fixed(&days.to_le_bytes());
            }
            (Leaf::Time(..), Value::Date(millis)) if !(0..=MILLIS_PER_DAY).contains(millis) => {
                let why = "Kafka Connect Time type should not have any date fields set to non-zero values.";
                return Err(ConnectError::data(why));
            }
            (Leaf::Time(1, true), Value::Date(millis)) => fixed(&(*millis as i32).to_le_bytes()),
            (Leaf::Timestamp(1), Value::Date(millis)) => fixed(&millis.to_le_bytes()),
            (Leaf::Decimal { .. }, Value::Decimal(value)) => self.add_decimal(value, column, repetition, columns)?,
            (_, value) => return Err(self.expected(value.java_class())),
        }
        Ok(())
    }

    /// Adds the JSON value that a reader comes to.
    ///
    /// # Errors
    /// Where the text is malformed, or what it has instead of a value of this type.
    pub(super) fn add_json(
        &self,
        reader: &mut Reader<'_>,
        column: usize,
        repetition: u8,
        columns: &mut Columns,
    ) -> Result<(), Unfit> {
        let kind = reader.peek()?;
        if *self == Leaf::Json {
            let start = reader.position();
            reader.skip()?;
            columns.bytes(column, repetition, reader.since(start).as_bytes());
            return Ok(());
        }
        match kind {
            Kind::Boolean if *self == Leaf::Boolean => {
                columns.fixed(column, repetition, &[u8::from(reader.boolean()?)]);
                Ok(())
            }
            Kind::Number => {
                let number = reader.number()?;
                let of_type = || self.expected(&format!("the number {:.40}", number.text()));
                match self {
                    Leaf::Float => columns.fixed(column, repetition, &number.to_f32().to_le_bytes()),
                    Leaf::Double => columns.fixed(column, repetition, &number.to_f64().to_le_bytes()),
                    Leaf::Decimal { .. } => {
                        self.add_decimal(&number.to_decimal(), column, repetition, columns)?;
                    }
                    Leaf::Int64(true) if number.is_integral() => {
                        let value: u64 = number.text().parse().map_err(|_| of_type())?;
                        columns.fixed(column, repetition, &value.to_le_bytes());
                    }
                    _ => {
                        let value = number.as_i64().ok_or_else(of_type)?;
                        self.add_integer(value, column, repetition, columns)?;
                    }
                }
                Ok(())
            }
            Kind::String => {
                let text = reader.string()?;
                Ok(self.add_text(&text, column, repetition, columns)?)
            }
            kind => {
                reader.skip()?;
                Err(self.expected(kind_name(kind)).into())
            }
        }
    }

    /// Adds an integer: days, or times in the column's own unit, where it is one of these.
    fn add_integer(&self, value: i64, column: usize, repetition: u8, columns: &mut Columns) -> Result<()> {
        let wrong = || self.expected(&format!("the number {value}"));
        let (least, most) = match self {
            Leaf::Int32(least, most) => (*least, *most),
            Leaf::Date => (i64::from(i32::MIN), i64::from(i32::MAX)),
            Leaf::Time(unit, _) => (0, MILLIS_PER_DAY * unit),
            Leaf::Int64(false) | Leaf::Timestamp(_) => (i64::MIN, i64::MAX),
            _ => return Err(wrong()),
        };
        if !(least..=most).contains(&value) {
            return Err(wrong());
        }
        match self {
            Leaf::Int32(..) | Leaf::Date | Leaf::Time(_, true) => {
                columns.fixed(column, repetition, &(value as i32).to_le_bytes());
            }
            _ => columns.fixed(column, repetition, &value.to_le_bytes()),
        }
        Ok(())
    }

    /// Adds what a text says.
    pub(super) fn add_text(&self, text: &str, column: usize, repetition: u8, columns: &mut Columns) -> Result<()> {
        let wrong = || self.expected("another text");
        match self {
            Leaf::Text(_) => columns.bytes(column, repetition, text.as_bytes()),
            Leaf::Bytes => columns.bytes(column, repetition, &STANDARD.decode(text).map_err(|_| wrong())?),
            Leaf::Fixed(length) => {
                let bytes = STANDARD.decode(text).map_err(|_| wrong())?;
                if bytes.len() != *length {
                    return Err(self.expected(&format!("{} bytes", bytes.len())));
                }
                columns.fixed(column, repetition, &bytes);
            }
            Leaf::Uuid => {
                columns.fixed(column, repetition, &uuid(text).ok_or_else(wrong)?.to_be_bytes());
            }
            Leaf::Date => {
                let date: jiff::civil::Date = text.parse().map_err(|_| wrong())?;
                let days = (date - jiff::civil::date(1970, 1, 1)).get_days();
                columns.fixed(column, repetition, &days.to_le_bytes());
            }
            Leaf::Time(unit, _) => {
                let time: jiff::civil::Time = text.parse().map_err(|_| wrong())?;
                let seconds = (i64::from(time.hour()) * 60 + i64::from(time.minute())) * 60 + i64::from(time.second());
                let nanos = seconds * 1_000_000_000 + i64::from(time.subsec_nanosecond());
                self.add_integer(nanos / (1_000_000 / unit), column, repetition, columns)?;
            }
            Leaf::Timestamp(unit) => {
                let nanos = timestamp(text).ok_or_else(wrong)?.as_nanosecond();
                let value = nanos.div_euclid(i128::from(1_000_000 / unit));
                let value = i64::try_from(value).map_err(|_| wrong())?;
                self.add_integer(value, column, repetition, columns)?;
            }
            Leaf::Decimal { .. } => {
                let is_short = text.len() <= Number::MAX_DIGITS;
                let value: BigDecimal = text.parse().ok().filter(|_| is_short).ok_or_else(wrong)?;
                self.add_decimal(&value, column, repetition, columns)?;
            }
            _ => return Err(self.expected("a text")),
        }
        Ok(())
    }

    /// Adds a decimal whose digits after the point are not more than the scale.
    fn add_decimal(&self, value: &BigDecimal, column: usize, repetition: u8, columns: &mut Columns) -> Result<()> {
        let Leaf::Decimal { precision, scale, physical, length } = self else {
            return Err(self.expected("a decimal"));
        };
        // Bounds the work of bringing 1e999999 and 1e-999999 to the scale.
        let (unscaled, found) = value.as_bigint_and_exponent();
        let digits = i64::try_from(value.digits()).unwrap_or(i64::MAX);
        let least = found.saturating_sub(digits);
        let is_zero = unscaled.sign() == Sign::NoSign;
        if !is_zero && least.saturating_neg().saturating_add(*scale) > i64::try_from(*precision).unwrap_or(i64::MAX) {
            return Err(self.expected("a decimal of more digits"));
        }
        let inexact = || self.expected(&format!("a decimal of the scale {found}"));
        if !is_zero && found.saturating_sub(*scale) > digits {
            return Err(inexact());
        }
        let scaled = if is_zero { BigDecimal::from(0).with_scale(*scale) } else { value.with_scale(*scale) };
        if scaled != *value {
            return Err(inexact());
        }
        let unscaled = scaled.as_bigint_and_exponent().0;
        let bytes = unscaled.to_signed_bytes_be();
        match physical {
            Physical::BYTE_ARRAY => columns.bytes(column, repetition, &bytes),
            Physical::INT32 => {
                let value = i32::try_from(&unscaled).map_err(|_| self.expected("a larger decimal"))?;
                columns.fixed(column, repetition, &value.to_le_bytes());
            }
            Physical::INT64 => {
                let value = i64::try_from(&unscaled).map_err(|_| self.expected("a larger decimal"))?;
                columns.fixed(column, repetition, &value.to_le_bytes());
            }
            _ => {
                let missing = length.checked_sub(bytes.len()).ok_or_else(|| self.expected("a larger decimal"))?;
                let sign = if unscaled.sign() == Sign::Minus { 0xff } else { 0 };
                let mut filled = vec![sign; missing];
                filled.extend_from_slice(&bytes);
                columns.fixed(column, repetition, &filled);
            }
        }
        Ok(())
    }

    /// The error that something else was found than a value of this type.
    pub(super) fn expected(&self, found: &str) -> ConnectError {
        ConnectError::data(format!("expected {self}, found {found}"))
    }
}

/// A UUID as RFC 9562 writes it: 32 hexadecimal digits in groups of 8, 4, 4, 4 and 12.
fn uuid(text: &str) -> Option<u128> {
    let groups = text.split('-');
    let is_uuid = groups.clone().map(str::len).eq([8, 4, 4, 4, 12]);
    let digits: String = groups.collect();
    (is_uuid && digits.bytes().all(|digit| digit.is_ascii_hexdigit())).then_some(())?;
    u128::from_str_radix(&digits, 16).ok()
}

/// A time by ISO 8601; one without an offset is in UTC.
fn timestamp(text: &str) -> Option<jiff::Timestamp> {
    let civil = || text.parse::<jiff::civil::DateTime>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok();
    text.parse().ok().or_else(|| civil().map(|zoned| zoned.timestamp()))
}

/// Why a JSON text is no record of a schema.
#[derive(Debug)]
pub(super) enum Unfit {
    Malformed(Malformed),
    /// A member comes twice: the last one counts, which a single pass cannot know.
    Twice,
    Wrong(ConnectError),
}

impl Unfit {
    /// The same, of a field.
    pub(super) fn in_field(self, field: &str) -> Self {
        match self {
            Unfit::Wrong(error) => Unfit::Wrong(at_field(error, field)),
            other => other,
        }
    }
}

impl From<Malformed> for Unfit {
    fn from(malformed: Malformed) -> Self {
        Unfit::Malformed(malformed)
    }
}

impl From<ConnectError> for Unfit {
    fn from(error: ConnectError) -> Self {
        Unfit::Wrong(error)
    }
}
