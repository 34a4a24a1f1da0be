//! The type bytes of BSON elements (bsonspec.org, version 1.1).

pub(crate) const DOUBLE: u8 = 0x01;
pub(crate) const STRING: u8 = 0x02;
pub(crate) const DOCUMENT: u8 = 0x03;
pub(crate) const ARRAY: u8 = 0x04;
pub(crate) const BINARY: u8 = 0x05;
pub(crate) const UNDEFINED: u8 = 0x06;
pub(crate) const OBJECT_ID: u8 = 0x07;
pub(crate) const BOOLEAN: u8 = 0x08;
pub(crate) const DATE: u8 = 0x09;
pub(crate) const NULL: u8 = 0x0A;
pub(crate) const REGEX: u8 = 0x0B;
pub(crate) const DB_POINTER: u8 = 0x0C;
pub(crate) const CODE: u8 = 0x0D;
pub(crate) const SYMBOL: u8 = 0x0E;
pub(crate) const CODE_WITH_SCOPE: u8 = 0x0F;
pub(crate) const INT32: u8 = 0x10;
pub(crate) const TIMESTAMP: u8 = 0x11;
pub(crate) const INT64: u8 = 0x12;
pub(crate) const DECIMAL128: u8 = 0x13;
pub(crate) const MAX_KEY: u8 = 0x7F;
pub(crate) const MIN_KEY: u8 = 0xFF;

/// Binary subtype of plain bytes.
pub(crate) const SUBTYPE_GENERIC: u8 = 0;
/// Binary subtype of a UUID.
pub(crate) const SUBTYPE_UUID: u8 = 4;

/// The name that Java's driver gives a type, as it stands in messages.
pub(crate) fn java_name(kind: u8) -> &'static str {
    match kind {
        DOUBLE => "BsonDouble",
        STRING => "BsonString",
        DOCUMENT => "BsonDocument",
        ARRAY => "BsonArray",
        BINARY => "BsonBinary",
        UNDEFINED => "BsonUndefined",
        OBJECT_ID => "BsonObjectId",
        BOOLEAN => "BsonBoolean",
        DATE => "BsonDateTime",
        NULL => "BsonNull",
        REGEX => "BsonRegularExpression",
        DB_POINTER => "BsonDbPointer",
        CODE => "BsonJavaScript",
        SYMBOL => "BsonSymbol",
        CODE_WITH_SCOPE => "BsonJavaScriptWithScope",
        INT32 => "BsonInt32",
        TIMESTAMP => "BsonTimestamp",
        INT64 => "BsonInt64",
        DECIMAL128 => "BsonDecimal128",
        MAX_KEY => "BsonMaxKey",
        MIN_KEY => "BsonMinKey",
        _ => "BsonValue",
    }
}

/// The name of a type among Java's `BsonType`s, as it stands in messages.
pub(crate) fn bson_type(kind: u8) -> &'static str {
    match kind {
        DOUBLE => "DOUBLE",
        STRING => "STRING",
        DOCUMENT => "DOCUMENT",
        ARRAY => "ARRAY",
        BINARY => "BINARY",
        UNDEFINED => "UNDEFINED",
        OBJECT_ID => "OBJECT_ID",
        BOOLEAN => "BOOLEAN",
        DATE => "DATE_TIME",
        NULL => "NULL",
        REGEX => "REGULAR_EXPRESSION",
        DB_POINTER => "DB_POINTER",
        CODE => "JAVASCRIPT",
        SYMBOL => "SYMBOL",
        CODE_WITH_SCOPE => "JAVASCRIPT_WITH_SCOPE",
        INT32 => "INT32",
        TIMESTAMP => "TIMESTAMP",
        INT64 => "INT64",
        DECIMAL128 => "DECIMAL128",
        MAX_KEY => "MAX_KEY",
        MIN_KEY => "MIN_KEY",
        _ => "END_OF_DOCUMENT",
    }
}
