//! Base64 as Jackson reads it.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// The bytes of a text. Padding is required; blanks may stand between groups of four, and padded groups may follow
/// one another.
pub(crate) fn decode(text: &str) -> Result<Vec<u8>, String> {
    ENGINE.decode(text).or_else(|error| decode_groups(text).ok_or_else(|| error.to_string()))
}

fn decode_groups(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|blank| blank <= ' ');
        if rest.is_empty() {
            return Some(bytes);
        }
        let group = rest.get(..4)?;
        ENGINE.decode_vec(group, &mut bytes).ok()?;
        rest = &rest[4..];
    }
}
