//! The compression of whole objects, piece by piece.

use longshore_api::{ConnectError, Result};

use crate::gzip::{Compressor, Gzip};

/// How objects are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    None,
    /// Of a level; -1 is the default.
    Gzip(i32),
    /// In the framing of Java's `SnappyOutputStream`.
    Snappy,
    Zstd,
}

impl Packing {
    /// The compression of a name, in any case.
    pub(crate) fn new(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "none" => Self::None,
            "gzip" => Self::Gzip(-1),
            "snappy" => Self::Snappy,
            "zstd" => Self::Zstd,
            _ => return None,
        })
    }

    /// What names of objects end with.
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gzip(_) => ".gz",
            Self::Snappy => ".snappy",
            Self::Zstd => ".zst",
        }
    }

    /// What objects share.
    pub(crate) fn compressor(self) -> Option<Compressor> {
        match self {
            Self::Gzip(level) => Some(Compressor::new(level)),
            _ => None,
        }
    }

    /// What an object has of its own; `None` if it is not compressed.
    pub(crate) fn packer(self) -> Option<Packer> {
        match self {
            Self::None => None,
            Self::Gzip(_) => Some(Packer::Gzip(Gzip::new())),
            Self::Snappy => Some(Packer::Snappy { has_header: false }),
            Self::Zstd => Some(Packer::Zstd),
        }
    }
}

/// The compression of one object.
pub(crate) enum Packer {
    Gzip(Gzip),
    Snappy {
        has_header: bool,
    },
    /// A frame for each piece.
    Zstd,
}

/// Magic bytes, version and the least version that can read it.
const SNAPPY_HEADER: [u8; 16] = [0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1];
/// Bytes of a block of Java's stream.
const SNAPPY_BLOCK: usize = 32 * 1024;
/// The level of Java's stream.
const ZSTD_LEVEL: i32 = 3;

impl Packer {
    /// Appends a piece to an object.
    ///
    /// # Errors
    /// Kind Fatal; not expected.
    pub(crate) fn write(&mut self, compressor: &mut Option<Compressor>, piece: &[u8], out: &mut Vec<u8>) -> Result<()> {
        match (self, compressor) {
            (Packer::Gzip(gzip), Some(compressor)) => gzip.write(compressor, piece, out),
            (packer, _) => packer.append(piece, out),
        }
    }

    /// Appends the last piece and the end.
    ///
    /// # Errors
    /// Kind Fatal; not expected.
    pub(crate) fn finish(
        &mut self,
        compressor: &mut Option<Compressor>,
        piece: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<()> {
        match (self, compressor) {
            (Packer::Gzip(gzip), Some(compressor)) => gzip.finish(compressor, piece, out),
            (packer, _) => packer.append(piece, out),
        }
    }

    fn append(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let failed =
            |why: &dyn std::fmt::Display| ConnectError::fatal(format!("an object could not be compressed: {why}"));
        match self {
            Packer::Gzip(_) => return Err(failed(&"there is no compressor")),
            Packer::Snappy { has_header } => {
                if !std::mem::replace(has_header, true) {
                    out.extend_from_slice(&SNAPPY_HEADER);
                }
                for block in piece.chunks(SNAPPY_BLOCK) {
                    let packed = snap::raw::Encoder::new().compress_vec(block).map_err(|error| failed(&error))?;
                    out.extend_from_slice(&(packed.len() as u32).to_be_bytes());
                    out.extend_from_slice(&packed);
                }
            }
            Packer::Zstd if piece.is_empty() => {}
            Packer::Zstd => {
                out.extend_from_slice(&zstd::bulk::compress(piece, ZSTD_LEVEL).map_err(|error| failed(&error))?);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_can_be_unpacked() {
        let pieces = [b"one".repeat(30_000), b"two".to_vec(), Vec::new()];
        for (name, unpack) in [
            ("zstd", (|packed| zstd::decode_all(packed).unwrap()) as fn(&[u8]) -> Vec<u8>),
            ("snappy", |packed| {
                let mut rest = packed.strip_prefix(&SNAPPY_HEADER).unwrap();
                let mut text = Vec::new();
                while let Some((length, after)) = rest.split_first_chunk() {
                    let (block, after) = after.split_at(u32::from_be_bytes(*length) as usize);
                    text.extend(snap::raw::Decoder::new().decompress_vec(block).unwrap());
                    rest = after;
                }
                text
            }),
        ] {
            let packing = Packing::new(name).unwrap();
            let (mut packer, mut packed) = (packing.packer().unwrap(), Vec::new());
            packer.write(&mut None, &pieces[0], &mut packed).unwrap();
            packer.write(&mut None, &pieces[1], &mut packed).unwrap();
            packer.finish(&mut None, &pieces[2], &mut packed).unwrap();
            assert_eq!(unpack(&packed), pieces.concat(), "{name}");
        }
    }
}
