//! Debezium's MurmurHash3: the variant of 64 bits with Infinispan's constants, in which the bytes behind the last whole
//! block count with their signs. Other programs depend on its numbers.

const SEED: u64 = 9001;
const BLOCK: usize = 16;

/// The upper half of a text's or a number's hash.
pub(super) fn hash(bytes: &[u8]) -> i32 {
    let mut state = State {
        h1: 0x9368_e53c_2f6a_f274 ^ SEED,
        h2: 0x586d_cd20_8f7c_d3fd ^ SEED,
        c1: 0x87c3_7b91_1142_53d5,
        c2: 0x4cf5_ad43_2745_937f,
    };
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    for block in blocks {
        let number = u128::from_le_bytes(*block);
        state.mix(number as u64, (number >> 64) as u64);
    }
    if !rest.is_empty() {
        let (low, high) = rest.split_at(rest.len().min(BLOCK / 2));
        state.mix(signed(low), signed(high));
    }
    (state.end(bytes.len() as u64) >> 32) as i32
}

/// Bytes as a number, the first the lowest; a negative one reaches into all above it.
fn signed(bytes: &[u8]) -> u64 {
    bytes.iter().enumerate().fold(0, |number, (index, byte)| number ^ ((*byte as i8 as u64) << (8 * index)))
}

struct State {
    h1: u64,
    h2: u64,
    c1: u64,
    c2: u64,
}

impl State {
    fn mix(&mut self, k1: u64, k2: u64) {
        self.h1 ^= k1.wrapping_mul(self.c1).rotate_left(23).wrapping_mul(self.c2);
        self.h1 = self.h1.wrapping_add(self.h2);
        self.h2 = self.h2.rotate_left(41);
        self.h2 ^= k2.wrapping_mul(self.c2).rotate_left(23).wrapping_mul(self.c1);
        self.h2 = self.h2.wrapping_add(self.h1);
        self.h1 = self.h1.wrapping_mul(3).wrapping_add(0x52dc_e729);
        self.h2 = self.h2.wrapping_mul(3).wrapping_add(0x3849_5ab5);
        self.c1 = self.c1.wrapping_mul(5).wrapping_add(0x7b7d_159c);
        self.c2 = self.c2.wrapping_mul(5).wrapping_add(0x6bce_6396);
    }

    fn end(mut self, length: u64) -> u64 {
        self.h2 ^= length;
        self.h1 = self.h1.wrapping_add(self.h2);
        self.h2 = self.h2.wrapping_add(self.h1);
        spread(self.h1).wrapping_add(spread(self.h2))
    }
}

fn spread(mut number: u64) -> u64 {
    number = (number ^ (number >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    number = (number ^ (number >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    number ^ (number >> 33)
}

#[cfg(test)]
mod tests {
    use super::hash;

    #[test]
    fn texts_of_every_length_have_their_numbers() {
        for (text, expected) in [
            ("", 89_125_410),
            ("a", -1_119_243_492),
            ("Zoë Müller", -382_612_093),
            ("sixteen letters!", 604_486_171),
            ("a text of more than sixteen bytes — with others", -2_123_254_590),
        ] {
            assert_eq!(hash(text.as_bytes()), expected, "{text}");
        }
    }
}
