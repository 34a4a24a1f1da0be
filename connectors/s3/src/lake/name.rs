//! What the name of an object says, by the scheme of Confluent's connector:
//! `<path>/<topic>+<partition>+<first offset>[.compacted][.keys|.headers]<extension>`.

use crate::manifest;

/// What stands in the names of objects that compaction has made.
pub(crate) const COMPACTED: &str = ".compacted";

/// The format of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub(crate) enum Format {
    Json,
    Csv,
    Avro,
    Parquet,
}

impl Format {
    /// Its name in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Format::Json => "json",
            Format::Csv => "csv",
            Format::Avro => "avro",
            Format::Parquet => "parquet",
        }
    }

    /// The format of an extension such as `.json.gz` or `.snappy.parquet`, and whether gzip is around it.
    fn of_extension(extension: &str) -> Option<(Self, bool)> {
        let (inner, is_gzip) = match extension.strip_suffix(".gz") {
            Some(inner) => (inner, true),
            None => (extension, false),
        };
        let format = match inner.rsplit('.').next()? {
            "json" | "jsonl" => Format::Json,
            "csv" => Format::Csv,
            "avro" => Format::Avro,
            "parquet" => Format::Parquet,
            _ => return None,
        };
        Some((format, is_gzip))
    }
}

/// Part of a record that an object holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub(crate) enum Side {
    Value,
    Keys,
    Headers,
}

impl Side {
    const ALL: [(Side, &'static str); 3] = [(Side::Value, ""), (Side::Keys, ".keys"), (Side::Headers, ".headers")];
}

/// A name that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    /// The key as far as the last delimiter of folders, which is included.
    pub(crate) folder: String,
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) first_offset: i64,
    pub(crate) is_compacted: bool,
    pub(crate) side: Side,
    /// `None` for a format that cannot be looked into.
    pub(crate) format: Option<(Format, bool)>,
}

/// How the names of a lake are put together: `directory.delim` and `file.delim` of the connector.
#[derive(Debug, Clone)]
pub(crate) struct Scheme {
    pub(crate) directory: String,
    pub(crate) file: String,
}

impl Scheme {
    /// Reads the name of an object; `None` for objects that no sink has named.
    pub(crate) fn read(&self, key: &str) -> Option<Name> {
        let at = key.rfind(&self.directory).map_or(0, |at| at + self.directory.len());
        let (folder, file) = key.split_at(at);
        let (rest, last) = file.rsplit_once(&self.file)?;
        let (topic, partition) = rest.rsplit_once(&self.file)?;
        let digits = last.len() - last.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (digits, tail) = last.split_at(digits);
        let (is_compacted, tail) = match tail.strip_prefix(COMPACTED) {
            Some(tail) => (true, tail),
            None => (false, tail),
        };
        let by_suffix = |(side, suffix): &(Side, &str)| Some((*side, tail.strip_prefix(suffix)?));
        let (side, extension) = Side::ALL.iter().rev().find_map(by_suffix)?;
        (!topic.is_empty() && extension.starts_with('.')).then_some(())?;
        Some(Name {
            folder: folder.to_owned(),
            topic: topic.to_owned(),
            partition: partition.parse().ok()?,
            first_offset: digits.parse().ok()?,
            is_compacted,
            side,
            format: Format::of_extension(extension),
        })
    }

    /// Whether a key is that of a manifest.
    pub(crate) fn is_manifest(&self, key: &str) -> bool {
        let file = key.rsplit_once(&self.directory).map_or(key, |(_, file)| file);
        file.starts_with('_') && file.ends_with(manifest::EXTENSION)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scheme() -> Scheme {
        Scheme { directory: "/".to_owned(), file: "+".to_owned() }
    }

    #[test]
    fn names_of_the_connector_are_read() {
        let cases = [
            ("topics/orders/partition=3/orders+3+0000001200.json", 1200, Side::Value, Some((Format::Json, false))),
            ("orders+3+0000001200.json.gz", 1200, Side::Value, Some((Format::Json, true))),
            ("a/orders+3+7.snappy.parquet", 7, Side::Value, Some((Format::Parquet, false))),
            ("a/orders+3+7.keys.avro", 7, Side::Keys, Some((Format::Avro, false))),
            ("a/orders+3+7.headers.json", 7, Side::Headers, Some((Format::Json, false))),
            ("a/orders+3+7.bin", 7, Side::Value, None),
        ];
        for (key, offset, side, format) in cases {
            let name = scheme().read(key).unwrap();
            let read = (name.topic.as_str(), name.partition, name.first_offset, name.side, name.format);
            assert_eq!(read, ("orders", 3, offset, side, format), "{key}");
            assert!(!name.is_compacted);
        }
        for key in
            ["a/readme.json", "a/orders+x+1.json", "a/orders+1+.json", "a/orders+1+2", "a/_orders+1+2.json.manifest"]
        {
            assert!(scheme().read(key).is_none_or(|name| name.format.is_none()), "{key}");
        }
        assert!(scheme().is_manifest("a/_orders+1+2.json.manifest"));
    }

    #[test]
    fn names_of_compaction_are_read() {
        let name = scheme().read("a/or+ders+3+0000000007.compacted.keys.snappy.parquet").unwrap();
        assert!(name.is_compacted && name.topic == "or+ders" && name.side == Side::Keys);
    }
}
