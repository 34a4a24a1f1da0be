//! As much of DER as the stores need: finding values, and writing one key anew.

pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const OCTETS: u8 = 0x04;
const BITS: u8 = 0x03;
const INTEGER: u8 = 0x02;
const EXPLICIT_0: u8 = 0xa0;
const EXPLICIT_1: u8 = 0xa1;

/// OID 1.2.840.10045.2.1, keys on elliptic curves, as it stands in an `AlgorithmIdentifier`.
const EC_KEY: [u8; 9] = [6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];

/// The content of a value with a tag, and what follows it.
pub(super) fn value(tag: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (its, content, rest) = any(bytes)?;
    (its == tag).then_some((content, rest))
}

fn any(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, length], rest) = bytes.split_first_chunk::<2>()?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(length), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
            (digits.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

fn write(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut bytes = vec![tag];
    if length < 0x80 {
        bytes.push(length as u8);
    } else {
        let digits: Vec<u8> = length.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
        bytes.push(0x80 | digits.len() as u8);
        bytes.extend(digits);
    }
    parts.iter().for_each(|part| bytes.extend_from_slice(part));
    bytes
}

/// A PKCS#8 key on an elliptic curve with its public half, which Java leaves out and TLS libraries want; it comes from
/// the certificate. Any other key stays as it is.
pub(super) fn with_public_key(key: Vec<u8>, certificate: &[u8]) -> Vec<u8> {
    completed(&key, certificate).unwrap_or(key)
}

/// `PrivateKeyInfo { version, algorithm, OCTET STRING { ECPrivateKey { 1, secret, [0] curve?, [1] public? } } }`
fn completed(key: &[u8], certificate: &[u8]) -> Option<Vec<u8>> {
    let (info, _) = value(SEQUENCE, key)?;
    let (version, rest) = value(INTEGER, info)?;
    let (algorithm, rest) = value(SEQUENCE, rest)?;
    let (inner, _) = value(OCTETS, rest)?;
    if !algorithm.starts_with(&EC_KEY) {
        return None;
    }
    let (ec_key, _) = value(SEQUENCE, inner)?;
    let (_, rest) = value(INTEGER, ec_key)?;
    let (secret, mut rest) = value(OCTETS, rest)?;
    while let Some((tag, _, after)) = any(rest) {
        if tag == EXPLICIT_1 {
            return None; // it is there
        }
        rest = after;
    }
    let public = write(EXPLICIT_1, &[&write(BITS, &[public_key(certificate)?])]);
    let ec_key = write(SEQUENCE, &[&write(INTEGER, &[&[1]]), &write(OCTETS, &[secret]), &public]);
    Some(write(SEQUENCE, &[&write(INTEGER, &[version]), &write(SEQUENCE, &[algorithm]), &write(OCTETS, &[&ec_key])]))
}

/// The content of the BIT STRING with the public key:
/// `Certificate { TBS { [0] version?, serial, algorithm, issuer, validity, subject, { algorithm, key }, … }, … }`.
fn public_key(certificate: &[u8]) -> Option<&[u8]> {
    let (certificate, _) = value(SEQUENCE, certificate)?;
    let (mut rest, _) = value(SEQUENCE, certificate)?;
    if let Some((_, after)) = value(EXPLICIT_0, rest) {
        rest = after;
    }
    (_, rest) = value(INTEGER, rest)?;
    for _algorithm_issuer_validity_subject in 0..4 {
        (_, rest) = value(SEQUENCE, rest)?;
    }
    let (subject_key, _) = value(SEQUENCE, rest)?;
    let (_, rest) = value(SEQUENCE, subject_key)?;
    value(BITS, rest).map(|(key, _)| key)
}
