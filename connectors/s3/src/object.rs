//! An object in the making: what its encoder wrote and what has not gone to the server yet.

use longshore_api::Result;
use sha2::{Digest, Sha256};

use crate::format::{Encoder, Fit, Item};
use crate::gzip::Compressor;
use crate::packing::Packer;
use crate::spill::Spill;

/// Bytes that are compressed at a time: long enough that starting anew costs next to nothing in size.
const PIECE: usize = 256 * 1024;

/// An object to which records are added.
pub(crate) struct Object {
    pub(crate) key: String,
    encoder: Box<dyn Encoder>,
    packer: Option<Packer>,
    /// What the encoder wrote, while it waits for compression.
    raw: Vec<u8>,
    /// What can go to the server.
    ready: Vec<u8>,
    /// What could, in a temporary file; it comes before `ready`.
    spilled: Spill,
    /// What left `ready` so far.
    summary: Summary,
}

/// The length of an object and, where somebody asks for it, its checksum.
#[derive(Clone)]
pub(crate) struct Summary {
    pub(crate) bytes: u64,
    pub(crate) digest: Option<Sha256>,
}

impl Summary {
    pub(crate) fn new(is_digested: bool) -> Self {
        Self { bytes: 0, digest: is_digested.then(Sha256::new) }
    }

    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        if let Some(digest) = &mut self.digest {
            digest.update(bytes);
        }
    }
}

impl Object {
    /// An object without records. `is_digested` asks for its checksum.
    pub(crate) fn new(key: String, encoder: Box<dyn Encoder>, packer: Option<Packer>, is_digested: bool) -> Self {
        let summary = Summary::new(is_digested);
        Self { key, encoder, packer, raw: Vec::new(), ready: Vec::new(), spilled: Spill::default(), summary }
    }

    /// The length and the checksum of what was taken.
    pub(crate) fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Encodes a record into `scratch`, which [`append`](Self::append) is to be given.
    ///
    /// # Errors
    /// Kind BadRecord; nothing has happened.
    pub(crate) fn encode(&mut self, item: Item<'_>, scratch: &mut Vec<u8>) -> Result<Fit> {
        self.encoder.encode(item, scratch)
    }

    /// Adds the record that was encoded last; says how many bytes of memory that takes, about.
    ///
    /// # Errors
    /// Kind Fatal.
    pub(crate) fn append(&mut self, encoded: &[u8], compressor: &mut Option<Compressor>) -> Result<usize> {
        let out = if self.packer.is_some() { &mut self.raw } else { &mut self.ready };
        let added = self.encoder.append(encoded, out)?;
        if self.raw.len() >= PIECE {
            self.compress(compressor)?;
        }
        Ok(added)
    }

    fn compress(&mut self, compressor: &mut Option<Compressor>) -> Result<()> {
        if let Some(packer) = &mut self.packer {
            packer.write(compressor, &self.raw, &mut self.ready)?;
            self.raw.clear();
        }
        Ok(())
    }

    /// Adds the end of the object.
    ///
    /// # Errors
    /// Kind Fatal.
    pub(crate) fn finish(&mut self, compressor: &mut Option<Compressor>) -> Result<()> {
        let out = if self.packer.is_some() { &mut self.raw } else { &mut self.ready };
        self.encoder.finish(out)?;
        if let Some(packer) = &mut self.packer {
            packer.finish(compressor, &self.raw, &mut self.ready)?;
            self.raw = Vec::new();
        }
        Ok(())
    }

    /// Bytes of memory that the object takes.
    pub(crate) fn held(&self) -> usize {
        self.raw.capacity() + self.ready.capacity() + self.encoder.held()
    }

    /// Bytes that can go to the server.
    pub(crate) fn ready(&self) -> usize {
        self.ready.len() + self.spilled.len()
    }

    /// Takes what can go to the server into memory.
    ///
    /// # Errors
    /// Kind Fatal: the temporary file cannot be read.
    pub(crate) fn take_ready(&mut self) -> Result<Vec<u8>> {
        self.take_rest().load()
    }

    /// Takes what can go to the server, wherever it is.
    pub(crate) fn take_rest(&mut self) -> Rest {
        self.summary.add(&self.ready);
        Rest { spilled: std::mem::take(&mut self.spilled), ready: std::mem::take(&mut self.ready) }
    }

    /// Moves what the object holds to a temporary file. What cannot be moved stays where it is.
    ///
    /// # Errors
    /// Kind Fatal: it cannot be written.
    pub(crate) fn spill(&mut self, compressor: &mut Option<Compressor>) -> Result<()> {
        let out = if self.packer.is_some() { &mut self.raw } else { &mut self.ready };
        self.encoder.release(out)?;
        self.compress(compressor)?;
        self.raw = Vec::new();
        self.spilled.append(&self.ready)?;
        self.summary.add(&self.ready);
        self.ready = Vec::new();
        Ok(())
    }
}

/// Bytes of an object, some of them maybe in a temporary file: hundreds of objects end at the same time, and not all of
/// them are to be in memory then.
pub(crate) struct Rest {
    spilled: Spill,
    ready: Vec<u8>,
}

impl Rest {
    /// How much memory it will take more once it is loaded.
    pub(crate) fn missing(&self) -> usize {
        match self.spilled.len() {
            0 => 0,
            length => length + self.ready.len(),
        }
    }

    /// All bytes.
    ///
    /// # Errors
    /// Kind Fatal: the temporary file cannot be read.
    pub(crate) fn load(mut self) -> Result<Vec<u8>> {
        if self.spilled.len() == 0 {
            return Ok(self.ready);
        }
        let mut bytes = Vec::with_capacity(self.missing());
        self.spilled.read(0, self.spilled.len(), &mut bytes)?;
        bytes.append(&mut self.ready);
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes nothing of its own.
    struct Plain;

    impl Encoder for Plain {
        fn encode(&mut self, _: Item<'_>, _: &mut Vec<u8>) -> Result<Fit> {
            Ok(Fit::Here)
        }
    }

    #[test]
    fn what_cannot_be_spilled_stays() {
        let mut object = Object::new("key".to_owned(), Box::new(Plain), None, false);
        object.spilled = Spill::read_only();
        object.append(b"one", &mut None).unwrap();
        assert!(object.spill(&mut None).is_err());
        object.spilled = Spill::default();
        object.spill(&mut None).unwrap();
        object.append(b"two", &mut None).unwrap();
        assert_eq!(object.take_ready().unwrap(), b"onetwo");
        assert_eq!(object.summary().bytes, 6);
    }
}
