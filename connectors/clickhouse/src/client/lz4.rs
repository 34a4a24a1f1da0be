//! Frames of LZ4, as `Content-Encoding: lz4` has them.
//!
//! Source: <https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md> (1.6.4): independent blocks of at most 4 MiB, no
//! checksums of contents: TCP has its own.

use lz4_flex::block::{compress_into, get_maximum_output_size};

/// Magic number, version 1 with independent blocks, blocks of 4 MiB, and the checksum of these two bytes.
const HEADER: [u8; 7] = [0x04, 0x22, 0x4D, 0x18, 0x60, 0x70, 0x73];
const BLOCK_BYTES: usize = 4 << 20;
/// Marks a block that is not compressed.
const PLAIN: u32 = 1 << 31;
const LENGTH_BYTES: usize = 4;

/// The frame of some bytes.
pub(super) fn frame(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER.len() + bytes.len() / 2 + 64);
    out.extend_from_slice(&HEADER);
    for block in bytes.chunks(BLOCK_BYTES) {
        let start = out.len() + LENGTH_BYTES;
        out.resize(start + get_maximum_output_size(block.len()), 0);
        let length = match compress_into(block, &mut out[start..]) {
            Ok(length) if length < block.len() => {
                out.truncate(start + length);
                length as u32
            }
            _ => {
                out.truncate(start);
                out.extend_from_slice(block);
                block.len() as u32 | PLAIN
            }
        };
        out[start - LENGTH_BYTES..start].copy_from_slice(&length.to_le_bytes());
    }
    out.extend_from_slice(&[0; LENGTH_BYTES]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a reader of frames makes of one.
    fn read(frame: &[u8]) -> Vec<u8> {
        let mut rest = frame.strip_prefix(&HEADER).unwrap();
        let mut out = Vec::new();
        loop {
            let (length, after) = rest.split_first_chunk().unwrap();
            let length = u32::from_le_bytes(*length);
            if length == 0 {
                assert!(after.is_empty());
                return out;
            }
            let (block, after) = after.split_at((length & !PLAIN) as usize);
            if length & PLAIN == 0 {
                out.extend(lz4_flex::block::decompress(block, BLOCK_BYTES).unwrap());
            } else {
                out.extend_from_slice(block);
            }
            rest = after;
        }
    }

    #[test]
    fn what_is_in_a_frame_comes_out_again() {
        let text = b"{\"n\": 1, \"text\": \"again and again\"}\n".repeat(400_000);
        let framed = frame(&text);
        assert!(framed.len() * 10 < text.len() && read(&framed) == text, "several blocks");
        assert_eq!(read(&frame(b"")), b"");
        // A generator of Lehmer's, whose bytes nothing can shorten.
        let noise: Vec<u8> = (0..100_000u64)
            .scan(1u64, |state, _| {
                *state = *state * 48_271 % 2_147_483_647;
                Some((*state >> 8) as u8)
            })
            .collect();
        let framed = frame(&noise);
        assert!(framed.len() < noise.len() + 100 && read(&framed) == noise);
    }
}
