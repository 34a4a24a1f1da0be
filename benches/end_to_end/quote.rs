//! The records: stock quotes, each with its number, as JSON and as Avro.

use std::io::Write as _;

use anyhow::{Result, ensure};
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

/// The number of a topic's first record. All numbers have ten digits, so that all records have one length.
pub(crate) const FIRST_NUMBER: u64 = 1_000_000_000;

/// Bytes of a record as JSON.
pub(crate) const JSON_BYTES: usize = 198;

/// The schema of a record as Avro.
pub(crate) const AVRO_SCHEMA: &str = r#"{"type":"record","name":"Quote","namespace":"quotes","fields":[
{"name":"sequence","type":"long"},{"name":"symbol","type":"string"},{"name":"exchange","type":"string"},
{"name":"side","type":"string"},{"name":"price","type":"double"},{"name":"quantity","type":"int"},
{"name":"bid","type":"double"},{"name":"ask","type":"double"},{"name":"time","type":"long"},
{"name":"account","type":"string"},{"name":"broker","type":"string"},{"name":"currency","type":"string"}]}"#;

/// The columns of a table that takes the records.
pub(crate) const CLICKHOUSE_COLUMNS: &str = "sequence Int64, symbol String, exchange String, side String, \
    price Float64, quantity Int32, bid Float64, ask Float64, time Int64, account String, broker String, currency String";

/// One record.
#[derive(Debug)]
pub(crate) struct Quote {
    number: u64,
    symbol: &'static str,
    side: &'static str,
    price: f64,
    quantity: i32,
    bid: f64,
    ask: f64,
    time: u64,
    account: u32,
}

impl Quote {
    /// The records of a topic in their order: the same at every call.
    pub(crate) fn all(records: u64) -> impl Iterator<Item = Self> {
        let mut random = SmallRng::seed_from_u64(1);
        (FIRST_NUMBER..FIRST_NUMBER + records).map(move |number| Self::random(number, &mut random))
    }

    /// No price ends in a zero, which printing would drop.
    fn random(number: u64, random: &mut SmallRng) -> Self {
        let mut price = || f64::from(random.random_range(1_000..9_999) * 10 + random.random_range(1..10)) / 100.0;
        let (price, bid, ask) = (price(), price(), price());
        Self {
            number,
            symbol: ["ACME", "GLOB", "INIT", "UMBR"].choose(random).unwrap_or(&"ACME"),
            side: if random.random() { "B" } else { "S" },
            price,
            quantity: random.random_range(1_000..10_000),
            bid,
            ask,
            time: 1_767_225_600_000 + number % 1_000_000,
            account: random.random_range(10_000..100_000),
        }
    }

    /// The record as JSON.
    pub(crate) fn write_json(&self, text: &mut Vec<u8>) -> Result<()> {
        let Self { number, symbol, side, price, quantity, bid, ask, time, account } = self;
        text.clear();
        write!(
            text,
            r#"{{"sequence":{number},"symbol":"{symbol}","exchange":"XNAS","side":"{side}","price":{price},"#
        )?;
        write!(text, r#""quantity":{quantity},"bid":{bid},"ask":{ask},"time":{time},"account":"A{account}","#)?;
        write!(text, r#""broker":"NWSC","currency":"USD"}}"#)?;
        let length = text.len();
        ensure!(length == JSON_BYTES, "a record has {length} bytes: {}", String::from_utf8_lossy(text));
        Ok(())
    }

    /// The record as Confluent's serializers write Avro: a zero, the schema's id, the fields.
    pub(crate) fn write_avro(&self, schema: i32, bytes: &mut Vec<u8>) -> Result<()> {
        bytes.clear();
        bytes.push(0);
        bytes.extend(schema.to_be_bytes());
        write_long(bytes, self.number.try_into()?);
        [self.symbol, "XNAS", self.side].into_iter().for_each(|text| write_text(bytes, text));
        bytes.extend(self.price.to_le_bytes());
        write_long(bytes, self.quantity.into());
        bytes.extend(self.bid.to_le_bytes());
        bytes.extend(self.ask.to_le_bytes());
        write_long(bytes, self.time.try_into()?);
        write_text(bytes, &format!("A{}", self.account));
        ["NWSC", "USD"].into_iter().for_each(|text| write_text(bytes, text));
        Ok(())
    }
}

fn write_text(bytes: &mut Vec<u8>, text: &str) {
    write_long(bytes, text.len() as i64);
    bytes.extend(text.as_bytes());
}

fn write_long(bytes: &mut Vec<u8>, number: i64) {
    let mut rest = ((number << 1) ^ (number >> 63)) as u64;
    while rest > 0x7f {
        bytes.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
}

/// The number of a record, in JSON or as Java prints a map.
pub(crate) fn number_of(line: &[u8]) -> Option<u64> {
    const NAME: &[u8] = b"sequence";
    let at = line.windows(NAME.len()).position(|window| window == NAME)?;
    let digits = line.get(at + NAME.len()..)?.iter().skip_while(|byte| matches!(byte, b'"' | b':' | b'='));
    let digits: String = digits.take_while(|byte| byte.is_ascii_digit()).map(|byte| char::from(*byte)).collect();
    digits.parse().ok()
}

/// Which numbers arrived.
#[derive(Debug)]
pub(crate) struct Roll {
    seen: Vec<bool>,
    arrived: u64,
}

impl Roll {
    /// Nothing of so many records yet.
    pub(crate) fn of(records: u64) -> Result<Self> {
        Ok(Self { seen: vec![false; usize::try_from(records)?], arrived: 0 })
    }

    /// Notes a record by its number. An error if it was never written, or arrived before.
    pub(crate) fn note(&mut self, number: u64) -> Result<()> {
        let place = number.checked_sub(FIRST_NUMBER).and_then(|place| self.seen.get_mut(usize::try_from(place).ok()?));
        let Some(place) = place else { anyhow::bail!("record {number} was never written") };
        ensure!(!*place, "record {number} arrived twice");
        *place = true;
        self.arrived += 1;
        Ok(())
    }

    /// Sees that all arrived.
    pub(crate) fn close(self) -> Result<()> {
        let records = self.seen.len() as u64;
        ensure!(self.arrived == records, "{} records arrived, not {records}", self.arrived);
        Ok(())
    }
}
