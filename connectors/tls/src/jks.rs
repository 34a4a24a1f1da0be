//! JKS, Java's own format of key stores: `sun.security.provider.JavaKeyStore` and `KeyProtector`.
//!
//! ```text
//! magic FEEDFEED, version, count, entries, SHA-1 of (password, "Mighty Aphrodite", all before)
//! entry: tag, alias, ms since the epoch, then
//!   tag 1: encrypted private key, chain of certificates
//!   tag 2: certificate
//! ```
//! Numbers are big-endian; texts have two bytes of length, byte strings four.

use sha1::{Digest as _, Sha1};

use super::{Certificate, Contents, Identity, StoreError, der};

const MAGIC: [u8; 4] = [0xfe, 0xed, 0xfe, 0xed];
const WHITENER: &[u8] = b"Mighty Aphrodite";
const SUM: usize = 20;
/// `AlgorithmIdentifier` of Java's key protector: OID 1.3.6.1.4.1.42.2.17.1.1 without parameters.
const PROTECTOR: [u8; 16] = [0x30, 14, 6, 10, 0x2b, 6, 1, 4, 1, 0x2a, 2, 0x11, 1, 1, 5, 0];

pub(super) fn is(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

/// Without a password the sum is not checked and private keys are left out, as in Java.
pub(super) fn contents(
    bytes: &[u8],
    password: Option<&str>,
    key_password: Option<&str>,
) -> Result<Contents, StoreError> {
    let (body, sum) = bytes.split_at_checked(bytes.len().saturating_sub(SUM)).ok_or_else(damaged)?;
    if let Some(password) = password
        && digest(&[&utf16(password), WHITENER, body]) != *sum
    {
        return Err(StoreError::Password);
    }
    let mut reader = Reader(body);
    reader.take(MAGIC.len())?;
    let version = reader.number(4)?;
    if !matches!(version, 1 | 2) {
        return Err(damaged());
    }
    let mut contents = Contents::default();
    for _ in 0..reader.number(4)? {
        let tag = reader.number(4)?;
        reader.bytes(2)?;
        reader.take(8)?;
        match tag {
            1 => {
                let key = reader.bytes(4)?;
                let count = reader.number(4)?;
                let chain = (0..count).map(|_| reader.certificate(version)).collect::<Result<_, _>>()?;
                if let Some(password) = key_password.or(password) {
                    contents.identities.push(Identity { key: decrypt(key, password)?, chain });
                }
            }
            2 => contents.trusted.push(reader.certificate(version)?),
            _ => return Err(damaged()),
        }
    }
    Ok(contents)
}

fn damaged() -> StoreError {
    StoreError::Damaged("JKS")
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], StoreError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or_else(damaged)?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self, size: usize) -> Result<usize, StoreError> {
        Ok(self.take(size)?.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)))
    }

    /// A string that its length stands before.
    fn bytes(&mut self, size_of_length: usize) -> Result<&'a [u8], StoreError> {
        let length = self.number(size_of_length)?;
        self.take(length)
    }

    fn certificate(&mut self, version: usize) -> Result<Certificate, StoreError> {
        if version == 2 && self.bytes(2)? != b"X.509" {
            return Err(damaged());
        }
        Ok(Certificate(self.bytes(4)?.to_vec()))
    }
}

/// The key out of an `EncryptedPrivateKeyInfo`: salt, the key under a stream of chained SHA-1 sums, and its own sum.
fn decrypt(info: &[u8], password: &str) -> Result<Vec<u8>, StoreError> {
    let (info, _) = der::value(der::SEQUENCE, info).ok_or_else(damaged)?;
    let rest = info.strip_prefix(&PROTECTOR).ok_or_else(damaged)?;
    let (protected, _) = der::value(der::OCTETS, rest).ok_or_else(damaged)?;
    let (salt, protected) = protected.split_at_checked(SUM).ok_or_else(damaged)?;
    let (encrypted, sum) = protected.split_at_checked(protected.len().saturating_sub(SUM)).ok_or_else(damaged)?;
    let password = utf16(password);
    let mut key = Vec::with_capacity(encrypted.len());
    let mut stream = digest(&[&password, salt]);
    for block in encrypted.chunks(SUM) {
        key.extend(block.iter().zip(&stream).map(|(byte, mask)| byte ^ mask));
        stream = digest(&[&password, &stream]);
    }
    if digest(&[&password, &key]) == *sum { Ok(key) } else { Err(StoreError::KeyPassword) }
}

fn digest(parts: &[&[u8]]) -> Vec<u8> {
    let mut sum = Sha1::new();
    for part in parts {
        sum.update(part);
    }
    sum.finalize().to_vec()
}

/// Java's characters as bytes.
fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_be_bytes).collect()
}
