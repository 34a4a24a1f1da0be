//! Protobuf's encoding: tags, varints, lengths.

use longshore_api::{ConnectError, Result};

/// How a field's bytes are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WireType {
    Varint,
    Fixed64,
    Length,
    StartGroup,
    EndGroup,
    Fixed32,
}

/// Groups that nobody knows are skipped up to this depth.
const MAX_GROUPS: usize = 100;

/// Reads an encoded message. It never reads beyond the bytes and never allocates by what they say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// How many bytes are left.
    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    /// The number and layout of the next field.
    pub(super) fn tag(&mut self) -> Result<(u32, WireType)> {
        let tag = self.varint()?;
        let wire_type = match tag & 7 {
            0 => WireType::Varint,
            1 => WireType::Fixed64,
            2 => WireType::Length,
            3 => WireType::StartGroup,
            4 => WireType::EndGroup,
            5 => WireType::Fixed32,
            _ => return Err(invalid("Protocol message tag had invalid wire type.")),
        };
        match u32::try_from(tag >> 3) {
            Ok(number @ 1..=0x1FFF_FFFF) => Ok((number, wire_type)),
            _ => Err(invalid("Protocol message contained an invalid tag (zero).")),
        }
    }

    #[inline]
    pub(super) fn varint(&mut self) -> Result<u64> {
        if let Some((&byte @ 0..0x80, rest)) = self.rest.split_first() {
            self.rest = rest;
            return Ok(u64::from(byte));
        }
        self.long_varint()
    }

    fn long_varint(&mut self) -> Result<u64> {
        let mut value = 0;
        for shift in (0..70).step_by(7) {
            let Some((byte, rest)) = self.rest.split_first() else { return Err(truncated()) };
            self.rest = rest;
            value |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(invalid("CodedInputStream encountered a malformed varint."))
    }

    pub(super) fn fixed32(&mut self) -> Result<[u8; 4]> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or_else(truncated)?;
        self.rest = rest;
        Ok(*bytes)
    }

    pub(super) fn fixed64(&mut self) -> Result<[u8; 8]> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or_else(truncated)?;
        self.rest = rest;
        Ok(*bytes)
    }

    /// The bytes of a string, of bytes, of a message, of packed numbers.
    pub(super) fn bytes(&mut self) -> Result<&'a [u8]> {
        let length = self.varint()?;
        let length = usize::try_from(length).ok().filter(|length| *length <= self.rest.len()).ok_or_else(truncated)?;
        let (bytes, rest) = self.rest.split_at(length);
        self.rest = rest;
        Ok(bytes)
    }

    /// Reads over a field that nobody wants. Does not recurse.
    pub(super) fn skip(&mut self, number: u32, wire_type: WireType) -> Result<()> {
        let mut groups = Vec::new();
        let (mut number, mut wire_type) = (number, wire_type);
        loop {
            match wire_type {
                WireType::Varint => drop(self.varint()?),
                WireType::Fixed64 => drop(self.fixed64()?),
                WireType::Length => drop(self.bytes()?),
                WireType::Fixed32 => drop(self.fixed32()?),
                WireType::StartGroup if groups.len() < MAX_GROUPS => groups.push(number),
                WireType::StartGroup => return Err(invalid("Protocol message had too many levels of nesting.")),
                WireType::EndGroup if groups.pop() == Some(number) => {}
                WireType::EndGroup => return Err(unexpected_end_group()),
            }
            if groups.is_empty() {
                return Ok(());
            }
            (number, wire_type) = self.tag()?;
        }
    }
}

/// In the words of Google's library.
#[cold]
pub(super) fn invalid(message: &str) -> ConnectError {
    ConnectError::data(message).with_class("com.google.protobuf.InvalidProtocolBufferException")
}

#[cold]
pub(super) fn unexpected_end_group() -> ConnectError {
    invalid("Protocol message end-group tag did not match expected tag.")
}

#[cold]
fn truncated() -> ConnectError {
    invalid(
        "While parsing a protocol message, the input ended unexpectedly in the middle of a field. This could mean either \
         that the input has been truncated or that an embedded message misreported its own length.",
    )
}

/// The signed number of a zigzag code.
pub(super) fn unzigzag(code: u64) -> i64 {
    (code >> 1) as i64 ^ -((code & 1) as i64)
}

/// The zigzag code of a signed number.
pub(super) fn zigzag(number: i64) -> u64 {
    (number << 1 ^ number >> 63) as u64
}

pub(super) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(super) fn put_tag(out: &mut Vec<u8>, number: u32, wire_type: WireType) {
    put_varint(out, u64::from(number) << 3 | wire_type as u64);
}

pub(super) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Writes what `write` gives behind its length.
pub(super) fn put_nested(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> Result<()>) -> Result<()> {
    let start = out.len();
    // Most messages are short: one byte for the length, more of them where it turns out longer.
    out.push(0);
    write(out)?;
    let length = out.len() - start - 1;
    if let Ok(short @ 0..0x80) = u8::try_from(length) {
        out[start] = short;
    } else {
        let mut prefix = Vec::with_capacity(10);
        put_varint(&mut prefix, length as u64);
        out.splice(start..=start, prefix);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn varints_read_back(value: u64, signed: i64) {
            let mut out = Vec::new();
            put_varint(&mut out, value);
            prop_assert_eq!(Reader::new(&out).varint().unwrap(), value);
            prop_assert_eq!(unzigzag(zigzag(signed)), signed);
        }

        #[test]
        fn nested_bytes_read_back(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut out = vec![7];
            put_nested(&mut out, |out| { out.extend_from_slice(&bytes); Ok(()) }).unwrap();
            prop_assert_eq!(Reader::new(&out[1..]).bytes().unwrap(), &*bytes);
        }
    }

    #[test]
    fn a_length_beyond_the_end_is_an_error() {
        for bytes in [&[5, 1, 2][..], &[0xFF, 0xFF, 0xFF, 0xFF, 0x0F], &[0xFF; 10], &[0x80]] {
            assert!(Reader::new(bytes).bytes().is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn deep_groups_are_skipped_without_recursion_or_refused() {
        let nested = |depth: usize| [vec![0x0B; depth], vec![0x0C; depth]].concat();
        for (depth, taken) in [(1, true), (100, true), (101, false), (1_000_000, false)] {
            let bytes = nested(depth);
            let mut reader = Reader::new(&bytes);
            let (number, wire_type) = reader.tag().unwrap();
            assert_eq!(reader.skip(number, wire_type).is_ok(), taken, "{depth}");
        }
    }
}
