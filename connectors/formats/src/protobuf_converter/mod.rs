//! ProtobufConverter: Protobuf whose schema is in the registry.
//!
//! A schema's text is parsed and its names resolved ([`linked`]); a message of it becomes a Connect schema and a plan
//! ([`to_connect`]) by which bytes become values without anything between ([`decode`]). The other way, a Connect
//! schema becomes the text of a message ([`from_connect`], [`print`]) and a plan for writing ([`encode`]).

mod case;
mod converter;
mod decode;
mod descriptor;
mod encode;
mod from_connect;
mod known;
mod linked;
mod names;
mod options;
mod plan;
mod print;
mod recursion;
mod to_connect;
mod wire;

#[cfg(test)]
mod tests;

use longshore_api::config::ParsedConfig;

pub use converter::ProtobufConverter;

/// What conversions look at.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    /// `generalized.sum.type.support`: enums and unions in the form that all registry formats share.
    generalized_sum_types: bool,
    /// `ignore.default.for.nullables`: null stays null where there is a default.
    ignore_default_for_nullables: bool,
    /// `enhanced.protobuf.schema.support`: names with their packages.
    enhanced: bool,
    scrub_invalid_names: bool,
    int_for_enums: bool,
    optional_for_nullables: bool,
    optional_for_proto2: bool,
    wrapper_for_nullables: bool,
    wrapper_for_raw_primitives: bool,
    generate_struct_for_nulls: bool,
    generate_index_for_unions: bool,
    flatten_unions: bool,
}

impl Rules {
    fn new(config: &ParsedConfig) -> Self {
        Self {
            generalized_sum_types: config.boolean("generalized.sum.type.support"),
            ignore_default_for_nullables: config.boolean("ignore.default.for.nullables"),
            enhanced: config.boolean("enhanced.protobuf.schema.support"),
            scrub_invalid_names: config.boolean("scrub.invalid.names"),
            int_for_enums: config.boolean("int.for.enums"),
            optional_for_nullables: config.boolean("optional.for.nullables"),
            optional_for_proto2: config.boolean("optional.for.proto2"),
            wrapper_for_nullables: config.boolean("wrapper.for.nullables"),
            wrapper_for_raw_primitives: config.boolean("wrapper.for.raw.primitives"),
            generate_struct_for_nulls: config.boolean("generate.struct.for.nulls"),
            generate_index_for_unions: config.boolean("generate.index.for.unions"),
            flatten_unions: config.boolean("flatten.unions"),
        }
    }

    /// A name as it is written.
    fn scrub(&self, name: &str) -> String {
        if self.scrub_invalid_names { case::scrubbed(name) } else { name.to_owned() }
    }
}
