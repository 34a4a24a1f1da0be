//! Writes BSON documents, nested ones in place, into one buffer that is used again and again.
//!
//! A document never holds a key twice: the last value of a key wins and takes the last one's place. MongoDB stores
//! doubled keys, and every reader then sees another of the values.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use super::elements::{self, Element};
use super::kind;

/// From this many keys on a document's keys are looked up in a hash map; below, in a bit set and by a scan.
const SCANNED_KEYS: u32 = 32;

/// How deep documents and arrays can nest; what JsonConverter's parser accepts. The server accepts less.
pub(crate) const MAX_DEPTH: usize = 1000;

/// A key that cannot be, or too many levels.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BuildError {
    /// BSON keys end with a zero byte.
    #[error("BSON cstring '{0}' is not valid because it contains a null character at index {1}")]
    NullInKey(String, usize),
    /// Deeper than [`MAX_DEPTH`].
    #[error("nesting depth {} exceeds the maximum allowed ({MAX_DEPTH})", MAX_DEPTH + 1)]
    TooDeep,
    /// BSON's lengths have 31 bits.
    #[error("the document is larger than BSON can say")]
    TooLarge,
}

#[derive(Debug)]
struct Level {
    /// Where the document starts in the buffer.
    start: usize,
    /// How many values an array has, or how many keys a document has got.
    count: u32,
    array: bool,
    /// One bit a hash of the keys so far: a clear bit proves that a key is new.
    seen: [u64; 8],
    /// How many overwritten elements there were when the level began.
    dead: usize,
    /// Hash of a key to where its element starts; made when the keys are many.
    index: Option<HashMap<u64, usize>>,
}

/// Writes one document at a time; see the [module](self).
#[derive(Debug, Default)]
pub(crate) struct Builder {
    buffer: Vec<u8>,
    levels: Vec<Level>,
    /// Elements whose key came again, to be cut out when their document ends.
    dead: Vec<(usize, usize)>,
    /// Where the type byte of the current element stands.
    kind_at: usize,
    /// Where the whole document's `_id` element starts.
    id_at: Option<usize>,
    /// The most levels that were open at once.
    deepest: usize,
    hasher: RandomState,
}

impl Builder {
    /// Forgets everything and begins a document.
    pub(crate) fn begin(&mut self) {
        self.buffer.clear();
        self.levels.clear();
        self.dead.clear();
        self.id_at = None;
        self.deepest = 0;
        self.open(false);
    }

    /// How many levels the document has.
    pub(crate) fn deepest(&self) -> usize {
        self.deepest
    }

    /// The `_id` element of the ended document, and where it stands.
    pub(crate) fn id_element(&self) -> Option<Element<'_>> {
        elements::elements_from(&self.buffer, self.id_at?).next()
    }

    /// The document, when it has been [ended](Self::end).
    pub(crate) fn document(&self) -> &[u8] {
        &self.buffer
    }

    /// How many levels are open.
    pub(crate) fn depth(&self) -> usize {
        self.levels.len()
    }

    /// Whether the innermost level is an array.
    pub(crate) fn in_array(&self) -> bool {
        self.levels.last().is_some_and(|level| level.array)
    }

    fn open(&mut self, array: bool) {
        let start = self.buffer.len();
        self.buffer.extend_from_slice(&[0; 4]);
        self.levels.push(Level { start, count: 0, array, seen: [0; 8], dead: self.dead.len(), index: None });
        self.deepest = self.deepest.max(self.levels.len());
    }

    /// Begins an element of the current document; its value follows.
    ///
    /// # Errors
    /// If the key holds a zero byte.
    pub(crate) fn key(&mut self, key: &[u8]) -> Result<(), BuildError> {
        let at = self.buffer.len();
        self.buffer.push(0);
        self.buffer.extend_from_slice(key);
        self.key_written(at)
    }

    /// Begins an element whose key is written piece by piece through [`raw`](Self::raw).
    pub(crate) fn begin_key(&mut self) -> usize {
        self.buffer.push(0);
        self.buffer.len() - 1
    }

    /// Ends the key that was begun at `at`.
    ///
    /// # Errors
    /// If the key holds a zero byte.
    pub(crate) fn key_written(&mut self, at: usize) -> Result<(), BuildError> {
        self.kind_at = at;
        let key = &self.buffer[at + 1..];
        if let Some(zero) = key.iter().position(|byte| *byte == 0) {
            return Err(BuildError::NullInKey(String::from_utf8_lossy(key).into_owned(), zero));
        }
        let bit = mix(key);
        self.buffer.push(0);
        if self.levels.len() == 1 && &self.buffer[at + 1..] == b"_id\0" {
            self.id_at = Some(at);
        }
        let Some(level) = self.levels.last_mut() else { return Ok(()) };
        level.count += 1;
        let (word, mask) = ((bit >> 6) as usize, 1_u64 << (bit & 63));
        let maybe_seen = level.seen[word] & mask != 0;
        level.seen[word] |= mask;
        if level.count > SCANNED_KEYS {
            self.look_up(at);
        } else if maybe_seen {
            self.scan(at);
        }
        Ok(())
    }

    /// Looks for an earlier element with the key of the one at `at` by reading through the document.
    #[cold]
    fn scan(&mut self, at: usize) {
        let Some(level) = self.levels.last() else { return };
        let (start, key) = (level.start, &self.buffer[at + 1..self.buffer.len() - 1]);
        let earlier = elements::elements(&self.buffer[start..at]).filter(|element| element.key == key).last();
        if let Some(element) = earlier {
            self.dead.push((start + element.at, start + element.at + element.bytes.len()));
        }
    }

    /// The same by the level's hash map, which is made when it is first needed.
    fn look_up(&mut self, at: usize) {
        let Some(level) = self.levels.last_mut() else { return };
        let (start, hasher) = (level.start, &self.hasher);
        let index = level.index.get_or_insert_with(|| {
            let before = elements::elements(&self.buffer[start..at]);
            before.map(|element| (hasher.hash_one(element.key), start + element.at)).collect()
        });
        let key = &self.buffer[at + 1..self.buffer.len() - 1];
        let Some(earlier) = index.insert(hasher.hash_one(key), at) else { return };
        // The hash map is keyed by hash alone; two keys of one hash are as good as impossible, and only looked at here.
        let element = elements::elements_from(&self.buffer[start..at], earlier - start).next();
        match element {
            Some(element) if element.key == key => self.dead.push((earlier, earlier + element.bytes.len())),
            _ => self.scan(at),
        }
    }

    /// Begins the next value of the current array.
    pub(crate) fn next_index(&mut self) {
        self.kind_at = self.buffer.len();
        self.buffer.push(0);
        let index = self.levels.last_mut().map_or(0, |level| {
            level.count += 1;
            level.count - 1
        });
        push_decimal(&mut self.buffer, index);
        self.buffer.push(0);
    }

    fn kind(&mut self, kind: u8) {
        if let Some(byte) = self.buffer.get_mut(self.kind_at) {
            *byte = kind;
        }
    }

    /// Begins a nested document as the current element's value.
    ///
    /// # Errors
    /// If it nests too deeply.
    pub(crate) fn begin_document(&mut self) -> Result<(), BuildError> {
        self.nest(false)
    }

    /// Begins an array as the current element's value.
    ///
    /// # Errors
    /// If it nests too deeply.
    pub(crate) fn begin_array(&mut self) -> Result<(), BuildError> {
        self.nest(true)
    }

    fn nest(&mut self, array: bool) -> Result<(), BuildError> {
        if self.levels.len() >= MAX_DEPTH {
            return Err(BuildError::TooDeep);
        }
        self.kind(if array { kind::ARRAY } else { kind::DOCUMENT });
        self.open(array);
        Ok(())
    }

    /// Ends the innermost document or array.
    ///
    /// # Errors
    /// If it is larger than BSON can say.
    pub(crate) fn end(&mut self) -> Result<(), BuildError> {
        let Some(level) = self.levels.pop() else { return Ok(()) };
        if self.dead.len() > level.dead {
            self.cut_dead(level.dead);
        }
        self.buffer.push(0);
        let length = i32::try_from(self.buffer.len() - level.start).map_err(|_| BuildError::TooLarge)?;
        self.buffer[level.start..level.start + 4].copy_from_slice(&length.to_le_bytes());
        Ok(())
    }

    /// Cuts the overwritten elements of the innermost document out of the buffer.
    #[cold]
    fn cut_dead(&mut self, from: usize) {
        let mut dead = self.dead.split_off(from);
        dead.sort_unstable();
        let mut to = dead[0].0;
        for (index, &(_, end)) in dead.iter().enumerate() {
            let next = dead.get(index + 1).map_or(self.buffer.len(), |range| range.0);
            self.buffer.copy_within(end..next, to);
            to += next - end;
        }
        self.buffer.truncate(to);
        if self.levels.is_empty() && self.id_at.is_some() {
            self.id_at =
                elements::elements(&self.buffer).find(|element| element.key == b"_id").map(|element| element.at);
        }
    }

    /// Appends bytes as they are: a piece of a key or of a string.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    pub(crate) fn null(&mut self) {
        self.kind(kind::NULL);
    }

    pub(crate) fn boolean(&mut self, value: bool) {
        self.kind(kind::BOOLEAN);
        self.buffer.push(u8::from(value));
    }

    pub(crate) fn int32(&mut self, value: i32) {
        self.kind(kind::INT32);
        self.raw(&value.to_le_bytes());
    }

    pub(crate) fn int64(&mut self, value: i64) {
        self.kind(kind::INT64);
        self.raw(&value.to_le_bytes());
    }

    pub(crate) fn double(&mut self, value: f64) {
        self.kind(kind::DOUBLE);
        self.raw(&value.to_le_bytes());
    }

    /// A date, in milliseconds since the epoch.
    pub(crate) fn date(&mut self, millis: i64) {
        self.kind(kind::DATE);
        self.raw(&millis.to_le_bytes());
    }

    pub(crate) fn binary(&mut self, subtype: u8, bytes: &[u8]) -> Result<(), BuildError> {
        let length = i32::try_from(bytes.len()).map_err(|_| BuildError::TooLarge)?;
        self.kind(kind::BINARY);
        self.raw(&length.to_le_bytes());
        self.buffer.push(subtype);
        self.raw(bytes);
        Ok(())
    }

    pub(crate) fn string(&mut self, text: &[u8]) {
        let at = self.begin_string();
        self.raw(text);
        self.end_string(at);
    }

    /// Begins a string whose text is written piece by piece through [`raw`](Self::raw).
    pub(crate) fn begin_string(&mut self) -> usize {
        self.kind(kind::STRING);
        self.raw(&[0; 4]);
        self.buffer.len() - 4
    }

    /// Ends the string that was begun at `at`.
    pub(crate) fn end_string(&mut self, at: usize) {
        self.buffer.push(0);
        // No truncation: a document of over 2 GiB is refused when it ends.
        let length = (self.buffer.len() - at - 4) as u32;
        self.buffer[at..at + 4].copy_from_slice(&length.to_le_bytes());
    }

    /// A value of any type whose bytes are known.
    pub(crate) fn value(&mut self, kind: u8, bytes: &[u8]) {
        self.kind(kind);
        self.raw(bytes);
    }
}

/// Nine bits that depend on the whole of a short key and on both ends of a long one.
fn mix(key: &[u8]) -> u64 {
    let (first, last) = match (key.first_chunk::<8>(), key.last_chunk::<8>()) {
        (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
        _ => match (key.first_chunk::<4>(), key.last_chunk::<4>()) {
            (Some(first), Some(last)) => (u32::from_le_bytes(*first).into(), u32::from_le_bytes(*last).into()),
            _ => (key.iter().fold(0, |sum, byte| (sum << 8) | u64::from(*byte)), 0),
        },
    };
    let sum = (first ^ last.rotate_left(29)).wrapping_add(key.len() as u64);
    sum.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 55
}

/// Appends a number's decimal digits.
pub(crate) fn push_decimal(buffer: &mut Vec<u8>, mut number: u32) {
    let mut digits = [0_u8; 10];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    buffer.extend_from_slice(&digits[at..]);
}
