//! Filter: keeps or drops what a JSONPath finds.

use longshore_api::config::{
    ConfigKey, ConfigType, Importance, ParsedConfig, ParsedValue, Validator, Width, invalid_value,
};
use longshore_api::{ConnectError, ConnectRecord, Parts, Result, Transform, Value, Verdict};

use crate::json_path::JsonPath;
use crate::part::{Side, not_a_map, not_a_struct};
use crate::plugin::{Configure, required};

/// Filters records.
#[derive(Debug)]
pub(super) struct Filter {
    side: Side,
    text: String,
    condition: JsonPath,
    includes: bool,
    missing: Missing,
}

/// What becomes of records without the field that the condition asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Missing {
    Fail,
    Include,
    Exclude,
}

const PATH: Validator = Validator::Check(|name, value| match value {
    ParsedValue::Text(text) => JsonPath::new(text).map(|_| ()).map_err(|error| {
        let why = format!("Invalid json path defined: {error}");
        invalid_value(name, Some(text), &why)
    }),
    _ => Ok(()),
});

impl Configure for Filter {
    fn keys() -> Vec<ConfigKey> {
        let shown = |mut key: ConfigKey, width, display: &'static str| {
            key.width = width;
            key.display_name = display.into();
            key
        };
        vec![
            shown(
                required("filter.condition", ConfigType::String, Importance::High)
                    .validator(PATH)
                    .doc("The criteria used to match records to be included or excluded, in JSONPath notation."),
                Width::Long,
                "Filter Condition",
            ),
            shown(
                required("filter.type", ConfigType::String, Importance::High)
                    .validator(Validator::OneOfIgnoreCase(&["include", "exclude"]))
                    .doc("Whether records that match are kept and others dropped, or the other way round."),
                Width::Short,
                "Filter Type",
            ),
            shown(
                required("missing.or.null.behavior", ConfigType::String, Importance::Medium)
                    .default("fail")
                    .validator(Validator::OneOfIgnoreCase(&["fail", "include", "exclude"]))
                    .doc("What becomes of records that do not have the fields of filter.condition."),
                Width::Short,
                "Handle Missing Or Null Fields",
            ),
        ]
    }

    fn new(config: &ParsedConfig, side: Side) -> Result<Self> {
        let text = config.string("filter.condition").to_owned();
        Ok(Self {
            side,
            condition: JsonPath::new(&text).map_err(ConnectError::config)?,
            text,
            includes: config.string("filter.type").eq_ignore_ascii_case("include"),
            missing: match config.string("missing.or.null.behavior").to_lowercase().as_str() {
                "include" => Missing::Include,
                "exclude" => Missing::Exclude,
                _ => Missing::Fail,
            },
        })
    }
}

impl Transform for Filter {
    fn parts(&self) -> Parts {
        self.side.parts()
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        let data = self.side.of(record);
        match (&data.schema, &data.value) {
            (_, Value::Null) => return Ok(Verdict::Keep),
            (None, Value::Map(_)) | (Some(_), Value::Struct(_)) => {}
            (None, other) => return Err(not_a_map(other, "filtering record without schema")),
            (Some(_), other) => return Err(not_a_struct(other, "filtering record with schema")),
        }
        let keeps = match (self.condition.find(&data.value), self.missing) {
            (Ok(found), _) => found.is_empty() != self.includes,
            (Err(_), Missing::Include) => true,
            (Err(_), Missing::Exclude) => false,
            (Err(_), Missing::Fail) => {
                return Err(ConnectError::data(format!(
                    "Unable to apply the JSON Path filter condition `{}` because the path could not be found in the \
                     record. Set ``missing.or.null.behavior`` to ``include`` or ``exclude`` to change how the \
                     transform handles this condition.",
                    self.text
                ))
                .with_class("com.jayway.jsonpath.PathNotFoundException"));
            }
        };
        Ok(if keeps { Verdict::Keep } else { Verdict::Drop })
    }
}
