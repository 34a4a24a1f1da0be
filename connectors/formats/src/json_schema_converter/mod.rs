//! JsonSchemaConverter: JSON whose schema is a JSON Schema in the registry.
//!
//! A schema is sorted into what Connect knows ([`shape`]), references resolved ([`document`]), once for every id
//! ([`to_connect`]); records are then read as the Connect schema asks for ([`read`]). Writing goes the other way:
//! the text of a JSON Schema for a Connect schema ([`from_connect`]), once, and the values ([`write`]).

mod converter;
mod document;
mod from_connect;
mod names;
mod pretty;
mod read;
mod shape;
mod to_connect;
mod validator;
mod write;

#[cfg(test)]
mod tests;

use longshore_api::config::ParsedConfig;

use crate::json_converter::DecimalFormat;

pub use converter::JsonSchemaConverter;

/// What conversions look at.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    /// `object.additional.properties`: whether written schemas allow members that they do not name.
    additional_properties: bool,
    /// `use.optional.for.nonrequired`.
    optional_for_nonrequired: bool,
    decimal_format: DecimalFormat,
    /// `generalized.sum.type.support`: enums and unions in the form that all registry formats share.
    generalized_sum_types: bool,
    /// `ignore.default.for.nullables`: null stays null where there is a default.
    ignore_default_for_nullables: bool,
    /// `flatten.singleton.unions`: `oneOf` of one schema is that schema.
    flatten_singleton_unions: bool,
}

impl Rules {
    fn new(config: &ParsedConfig) -> Self {
        let numeric = config.string("decimal.format").eq_ignore_ascii_case("NUMERIC");
        Self {
            additional_properties: config.boolean("object.additional.properties"),
            optional_for_nonrequired: config.boolean("use.optional.for.nonrequired"),
            decimal_format: if numeric { DecimalFormat::Numeric } else { DecimalFormat::Base64 },
            generalized_sum_types: config.boolean("generalized.sum.type.support"),
            ignore_default_for_nullables: config.boolean("ignore.default.for.nullables"),
            flatten_singleton_unions: config.boolean("flatten.singleton.unions"),
        }
    }
}
