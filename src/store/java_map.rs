//! A `HashMap<byte[], byte[]>` as Java serialises it: the content of a standalone worker's offsets file.
//!
//! Grammar of the Java Object Serialization Specification, as far as such a map needs it.

/// More entries than this are no offsets file.
const MAX_ENTRIES: usize = 1 << 22;

const TC_NULL: u8 = 0x70;
const TC_REFERENCE: u8 = 0x71;
const TC_CLASSDESC: u8 = 0x72;
const TC_OBJECT: u8 = 0x73;
const TC_ARRAY: u8 = 0x75;
const TC_BLOCKDATA: u8 = 0x77;
const TC_ENDBLOCKDATA: u8 = 0x78;

/// Stream header, then a HashMap object with its class description, up to the values of its two fields.
const HEAD: &[u8] = b"\xac\xed\x00\x05\x73\x72\x00\x11java.util.HashMap\x05\x07\xda\xc1\xc3\x16\x60\xd1\
    \x03\x00\x02F\x00\x0aloadFactorI\x00\x09thresholdxp";
/// Class description of `byte[]`.
const BYTES_CLASS: &[u8] = b"\x72\x00\x02[B\xac\xf3\x17\xf8\x06\x08\x54\xe0\x02\x00\x00xp";

/// The first handle of a stream, and what gets the next ones: the map's class, the map, the class of `byte[]`.
const FIRST_HANDLE: u32 = 0x007e_0000;
const BYTES_CLASS_HANDLE: u32 = FIRST_HANDLE + 2;
const FIRST_ARRAY_HANDLE: u32 = FIRST_HANDLE + 3;

/// An entry of the map.
pub(super) type Entry = (Vec<u8>, Option<Vec<u8>>);

/// The entries of a serialised map, in the order in which they stand. Null keys are left out.
///
/// # Errors
/// What is wrong, and at which byte.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Entry>, String> {
    let mut reader = Reader { bytes, at: 0, arrays: Vec::new(), class_read: false };
    reader.read_map().map_err(|why| format!("{why} at byte {}", reader.at))
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The arrays that were read, by handle: Java writes an object once and refers to it later.
    arrays: Vec<&'a [u8]>,
    class_read: bool,
}

impl<'a> Reader<'a> {
    fn read_map(&mut self) -> Result<Vec<Entry>, &'static str> {
        if self.take(HEAD.len())? != HEAD {
            return Err("not a serialised HashMap");
        }
        self.take(8)?; // loadFactor and threshold
        if self.take(2)? != [TC_BLOCKDATA, 8] {
            return Err("no size of the map");
        }
        self.u32()?; // buckets
        let size = self.u32()? as usize;
        // Each entry takes two bytes at least.
        if size > MAX_ENTRIES || size > self.bytes.len() {
            return Err("too many entries");
        }
        let mut entries = Vec::new();
        for _ in 0..size {
            let key = self.array()?.map(<[u8]>::to_vec);
            let value = self.array()?.map(<[u8]>::to_vec);
            entries.extend(key.map(|key| (key, value)));
        }
        if self.take(1)? != [TC_ENDBLOCKDATA] {
            return Err("no end of the map");
        }
        Ok(entries)
    }

    fn array(&mut self) -> Result<Option<&'a [u8]>, &'static str> {
        match self.take(1)? {
            [TC_NULL] => Ok(None),
            [TC_REFERENCE] => {
                let index = self.u32()?.checked_sub(FIRST_ARRAY_HANDLE).ok_or("a reference to no array")?;
                self.arrays.get(index as usize).copied().map(Some).ok_or("a reference to no array")
            }
            [TC_ARRAY] => {
                self.class()?;
                let length = self.u32()? as usize;
                let array = self.take(length)?;
                self.arrays.push(array);
                Ok(Some(array))
            }
            _ => Err("not an array of bytes"),
        }
    }

    fn class(&mut self) -> Result<(), &'static str> {
        if self.class_read {
            let reference = self.take(1)? == [TC_REFERENCE] && self.u32()? == BYTES_CLASS_HANDLE;
            return reference.then_some(()).ok_or("not an array of bytes");
        }
        self.class_read = self.take(BYTES_CLASS.len())? == BYTES_CLASS;
        self.class_read.then_some(()).ok_or("not an array of bytes")
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], &'static str> {
        let end = self.at.checked_add(count).ok_or("a length that cannot be")?;
        let taken = self.bytes.get(self.at..end).ok_or("the file ends too early")?;
        self.at = end;
        Ok(taken)
    }

    fn u32(&mut self) -> Result<u32, &'static str> {
        let bytes = self.take(4)?.try_into().map_err(|_| "the file ends too early")?;
        Ok(u32::from_be_bytes(bytes))
    }
}

/// The serialised map of these entries.
///
/// # Errors
/// More entries or longer ones than Java can hold.
pub(super) fn write<'a>(
    entries: impl ExactSizeIterator<Item = (&'a [u8], &'a [u8])>,
) -> Result<Vec<u8>, std::num::TryFromIntError> {
    let size = i32::try_from(entries.len())?;
    // The table that Java would have: a power of two that is at most three quarters full.
    let buckets = (size as u32).saturating_mul(4).div_ceil(3).next_power_of_two().clamp(16, 1 << 30);
    let mut out = HEAD.to_vec();
    out.extend(0.75f32.to_be_bytes());
    out.extend((buckets / 4 * 3).to_be_bytes());
    out.extend([TC_BLOCKDATA, 8]);
    out.extend(buckets.to_be_bytes());
    out.extend(size.to_be_bytes());
    let mut first = true;
    for (key, value) in entries {
        for bytes in [key, value] {
            out.push(TC_ARRAY);
            if std::mem::take(&mut first) {
                out.extend(BYTES_CLASS);
            } else {
                out.push(TC_REFERENCE);
                out.extend(BYTES_CLASS_HANDLE.to_be_bytes());
            }
            out.extend(i32::try_from(bytes.len())?.to_be_bytes());
            out.extend(bytes);
        }
    }
    out.push(TC_ENDBLOCKDATA);
    Ok(out)
}

const _: () = assert!(BYTES_CLASS[0] == TC_CLASSDESC && HEAD[4] == TC_OBJECT);
