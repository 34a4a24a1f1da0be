//! gzip in pieces: one member an object, whose blocks are compressed each on its own.
//!
//! Between two pieces an object holds a checksum and a length, and no state of the compressor, which takes a quarter of
//! a megabyte: hundreds of objects can be open at once.

use flate2::{Compress, Compression, Crc, FlushCompress};
use longshore_api::{ConnectError, Result};

/// RFC 1952: deflate, no name, no time, so that the same records give the same bytes.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// An object's gzip member.
pub(crate) struct Gzip {
    crc: Crc,
    has_header: bool,
}

/// Compresses the pieces of any number of objects, one after the other.
pub(crate) struct Compressor(Compress);

impl Compressor {
    /// A compressor of a level from 0 to 9; any other is the default.
    pub(crate) fn new(level: i32) -> Self {
        let level =
            u32::try_from(level).ok().filter(|level| *level <= 9).map_or(Compression::default(), Compression::new);
        Self(Compress::new(level, false))
    }
}

impl Gzip {
    pub(crate) fn new() -> Self {
        Self { crc: Crc::new(), has_header: false }
    }

    /// Appends a piece to an object.
    ///
    /// # Errors
    /// Kind Fatal; not expected.
    pub(crate) fn write(&mut self, compressor: &mut Compressor, piece: &[u8], out: &mut Vec<u8>) -> Result<()> {
        self.deflate(compressor, piece, FlushCompress::Full, out)
    }

    /// Appends the last piece and the end of the member.
    ///
    /// # Errors
    /// Kind Fatal; not expected.
    pub(crate) fn finish(&mut self, compressor: &mut Compressor, piece: &[u8], out: &mut Vec<u8>) -> Result<()> {
        self.deflate(compressor, piece, FlushCompress::Finish, out)?;
        out.extend_from_slice(&self.crc.sum().to_le_bytes());
        out.extend_from_slice(&self.crc.amount().to_le_bytes());
        Ok(())
    }

    fn deflate(
        &mut self,
        compressor: &mut Compressor,
        piece: &[u8],
        flush: FlushCompress,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        if !self.has_header {
            out.extend_from_slice(&HEADER);
            self.has_header = true;
        }
        self.crc.update(piece);
        let compress = &mut compressor.0;
        compress.reset();
        loop {
            let read = usize::try_from(compress.total_in()).unwrap_or(usize::MAX);
            out.reserve((piece.len() - read) / 4 + 1024);
            compress
                .compress_vec(&piece[read..], out, flush)
                .map_err(|error| ConnectError::fatal(format!("gzip failed: {error}")))?;
            // Room that is left says that there is nothing more to come.
            let read = usize::try_from(compress.total_in()).unwrap_or(usize::MAX);
            if read == piece.len() && out.len() < out.capacity() {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    proptest::proptest! {
        #[test]
        fn pieces_make_one_member(
            pieces in proptest::collection::vec(proptest::collection::vec(0..7_u8, 0..5000), 1..6),
            level in -1..=9_i32,
        ) {
            let mut compressor = Compressor::new(level);
            let (mut gzip, mut out) = (Gzip::new(), Vec::new());
            for piece in &pieces[1..] {
                gzip.write(&mut compressor, piece, &mut out).unwrap();
            }
            gzip.finish(&mut compressor, &pieces[0], &mut out).unwrap();
            let mut text = Vec::new();
            // Reads the first member alone: the rest of the text would be missing if there were more.
            flate2::read::GzDecoder::new(&out[..]).read_to_end(&mut text).unwrap();
            let mut expected = pieces[1..].concat();
            expected.extend_from_slice(&pieces[0]);
            proptest::prop_assert_eq!(text, expected);
        }
    }
}
