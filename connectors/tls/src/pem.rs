//! PEM (RFC 7468): certificates and a private key, one after the other; text between them is no matter.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pkcs8::EncryptedPrivateKeyInfoRef;

use super::{Certificate, Contents, Identity, StoreError};

const BEGIN: &str = "-----BEGIN ";

pub(super) fn is(bytes: &[u8]) -> bool {
    bytes.windows(BEGIN.len()).any(|window| window == BEGIN.as_bytes())
}

/// What the text holds. Certificates without a key are the trusted ones, with a key they are its chain.
pub(super) fn contents(bytes: &[u8], key_password: Option<&str>) -> Result<Contents, StoreError> {
    let text = std::str::from_utf8(bytes).map_err(|_| StoreError::Format("PEM"))?;
    let (mut certificates, mut key) = (Vec::new(), None);
    for (label, der) in blocks(text)? {
        match label {
            "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => certificates.push(Certificate(der)),
            "PRIVATE KEY" => key = Some(der),
            "ENCRYPTED PRIVATE KEY" => key = Some(decrypt(&der, key_password)?),
            "RSA PRIVATE KEY" => return Err(StoreError::KeyFormat("an RSA key in the form of PKCS#1")),
            "EC PRIVATE KEY" => return Err(StoreError::KeyFormat("an EC key in the form of SEC1")),
            _ => {}
        }
    }
    if certificates.is_empty() && key.is_none() {
        return Err(StoreError::Format("PEM"));
    }
    Ok(match key {
        Some(key) => Contents { identities: vec![Identity { key, chain: certificates }], trusted: Vec::new() },
        None => Contents { identities: Vec::new(), trusted: certificates },
    })
}

fn decrypt(der: &[u8], password: Option<&str>) -> Result<Vec<u8>, StoreError> {
    let password = password.ok_or(StoreError::NoKeyPassword)?;
    let encrypted = EncryptedPrivateKeyInfoRef::try_from(der).map_err(|_| StoreError::Damaged("PEM"))?;
    let key = encrypted.decrypt(password).map_err(|_| StoreError::KeyPassword)?;
    Ok(key.as_bytes().to_vec())
}

/// Label and content of each block.
fn blocks(text: &str) -> Result<Vec<(&str, Vec<u8>)>, StoreError> {
    let damaged = || StoreError::Damaged("PEM");
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some((_, block)) = rest.split_once(BEGIN) {
        let (label, body) = block.split_once("-----").ok_or_else(damaged)?;
        let (body, after) = body.split_once(&format!("-----END {label}-----")).ok_or_else(damaged)?;
        rest = after;
        // Old keys have headers, such as Proc-Type; such a block is nothing that is read here.
        if body.contains(':') {
            blocks.push((label, Vec::new()));
            continue;
        }
        // Where line breaks could not be written, blanks stand for them.
        let body: String = body.chars().filter(|c| !c.is_whitespace()).collect();
        blocks.push((label, STANDARD.decode(body).map_err(|_| damaged())?));
    }
    Ok(blocks)
}

/// A block.
pub(super) fn write(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let mut text = format!("{BEGIN}{label}-----\n");
    for line in body.as_bytes().chunks(64) {
        text.extend(line.iter().map(|byte| char::from(*byte)));
        text.push('\n');
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}
