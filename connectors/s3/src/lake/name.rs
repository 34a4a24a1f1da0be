//! What the name of an object says, by the scheme of Confluent's connector:
//! `<path>/<topic>+<partition>+<first offset>[.keys|.headers]<extension>`. What compaction has made is named by its first
//! and its last offset: `<first offset>.<last offset>.compacted`.

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

    /// What stands before the extension.
    fn suffix(self) -> &'static str {
        Self::ALL.iter().find(|(side, _)| *side == self).map_or("", |(_, suffix)| suffix)
    }
}

/// A name that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    /// The key as far as the last delimiter of folders, which is included.
    pub(crate) folder: String,
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) first_offset: i64,
    /// The digits of an offset, as far as there are so many.
    pub(crate) width: usize,
    /// Of an object that compaction has made: the least that it can be.
    pub(crate) last_offset: Option<i64>,
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
        let (digits, tail) = leading_digits(last);
        let range = tail.strip_prefix('.').map(leading_digits);
        let range = range.and_then(|(last, tail)| Some((last.parse().ok()?, tail.strip_prefix(COMPACTED)?)));
        let (last_offset, is_compacted, tail) = match range {
            Some((last, tail)) => (Some(last), true, tail),
            None => (None, false, tail),
        };
        let by_suffix = |(side, suffix): &(Side, &str)| Some((*side, tail.strip_prefix(suffix)?));
        let (side, extension) = Side::ALL.iter().rev().find_map(by_suffix)?;
        (!topic.is_empty() && extension.starts_with('.')).then_some(())?;
        Some(Name {
            folder: folder.to_owned(),
            topic: topic.to_owned(),
            partition: partition.parse().ok()?,
            first_offset: digits.parse().ok()?,
            width: digits.len(),
            last_offset,
            is_compacted,
            side,
            format: Format::of_extension(extension),
        })
    }

    /// The key of the object that compaction makes of several, of which the first has this name.
    pub(crate) fn compacted(&self, first: &Name, last_offset: i64, side: Side, extension: &str) -> String {
        let Name { folder, topic, partition, first_offset, width, .. } = first;
        let (delimiter, side) = (&self.file, side.suffix());
        let offsets = format!("{first_offset:0width$}.{last_offset:0width$}");
        format!("{folder}{topic}{delimiter}{partition}{delimiter}{offsets}{COMPACTED}{side}{extension}")
    }

    /// What the keys of all objects of a name's folder and partition begin with.
    pub(crate) fn beginning(&self, name: &Name) -> String {
        let Name { folder, topic, partition, .. } = name;
        let delimiter = &self.file;
        format!("{folder}{topic}{delimiter}{partition}{delimiter}")
    }

    /// Whether a key is that of a manifest.
    pub(crate) fn is_manifest(&self, key: &str) -> bool {
        let file = key.rsplit_once(&self.directory).map_or(key, |(_, file)| file);
        file.starts_with('_') && file.ends_with(manifest::EXTENSION)
    }
}

/// The digits with which a text begins, and what comes after them.
fn leading_digits(text: &str) -> (&str, &str) {
    text.split_at(text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len())
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
    fn names_of_compaction_are_read_back() {
        let first = scheme().read("a/or+ders+3+0000000007.keys.json.gz").unwrap();
        let key = scheme().compacted(&first, 12, Side::Keys, ".snappy.parquet");
        assert_eq!(key, "a/or+ders+3+0000000007.0000000012.compacted.keys.snappy.parquet");
        let name = scheme().read(&key).unwrap();
        assert!(name.is_compacted && name.topic == "or+ders" && name.side == Side::Keys);
        assert_eq!((name.first_offset, name.last_offset), (7, Some(12)));
        // A second compaction names its objects as the first one does.
        assert_eq!(scheme().compacted(&name, 12, Side::Keys, ".snappy.parquet"), key);
        assert!(key.starts_with(&scheme().beginning(&name)));
    }
}
