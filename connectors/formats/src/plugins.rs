//! The table of converters.

use std::sync::{Arc, LazyLock};

use longshore_api::config::{ConfigDef, ConfigKey, ConfigType, Importance, Validator, Width};
use longshore_api::{ConnectError, Data, Props, Result};

use crate::avro::AvroConverter;
use crate::converter::{Converter, HeaderConverter};
use crate::json_converter::{self, JsonConverter};
use crate::json_schema_converter::JsonSchemaConverter;
use crate::primitives::{BooleanConverter, ByteArrayConverter, NumberConverter};
use crate::protobuf_converter::ProtobufConverter;
use crate::simple_header::SimpleHeaderConverter;
use crate::string::StringConverter;

/// The version of Kafka whose converters these are.
const KAFKA: &str = "4.3.1";
/// The version of Confluent's converters.
const CONFLUENT: &str = "8.1.0";

/// A converter that is built in.
#[derive(Debug)]
pub struct ConverterPlugin {
    class: &'static str,
    version: &'static str,
    config: ConfigDef,
    make: Make,
}

#[derive(Debug)]
enum Make {
    /// For records, and so for headers too.
    Both(fn(&'static str, &Props) -> Result<Arc<dyn Converter>>),
    /// For records alone; the switch says whether for keys.
    Records(fn(&'static str, &Props, bool) -> Result<Arc<dyn Converter>>),
    /// For headers alone.
    Headers(fn() -> Arc<dyn HeaderConverter>),
}

impl ConverterPlugin {
    /// Java class name under which it is configured.
    pub fn class(&self) -> &'static str {
        self.class
    }

    /// Version of the converter whose behaviour this one has.
    pub fn version(&self) -> &'static str {
        self.version
    }

    /// The keys of the converter, without the prefix under which a worker or connector gives them.
    pub fn config_def(&self) -> &ConfigDef {
        &self.config
    }

    /// Whether it converts keys and values.
    pub fn is_converter(&self) -> bool {
        !matches!(self.make, Make::Headers(_))
    }

    /// Whether it converts headers.
    pub fn is_header_converter(&self) -> bool {
        !matches!(self.make, Make::Records(_))
    }

    /// A converter of keys or values; `None` if it converts headers only. `props` are its keys without prefix;
    /// `converter.type` need not be among them.
    ///
    /// # Errors
    /// Kind Config, for settings that do not parse.
    pub fn new_converter(&self, props: &Props, is_key: bool) -> Option<Result<Arc<dyn Converter>>> {
        match self.make {
            Make::Both(make) => Some(make(self.class, props)),
            Make::Records(make) => Some(make(self.class, props, is_key)),
            Make::Headers(_) => None,
        }
    }

    /// A converter of headers.
    ///
    /// # Errors
    /// As [`new_converter`](Self::new_converter), and for a converter that does not convert headers.
    pub fn new_header_converter(&self, props: &Props) -> Result<Arc<dyn HeaderConverter>> {
        match self.make {
            Make::Both(make) => Ok(Arc::new(Headers(make(self.class, props)?))),
            Make::Headers(make) => Ok(make()),
            Make::Records(_) => Err(ConnectError::config(format!("{} is no HeaderConverter", self.class))),
        }
    }
}

/// A converter of records that serves headers.
struct Headers(Arc<dyn Converter>);

impl HeaderConverter for Headers {
    fn class(&self) -> &'static str {
        self.0.class()
    }

    fn to_connect_header(&self, topic: &str, _name: &str, bytes: Option<&[u8]>) -> Result<Data> {
        self.0.to_connect(topic, bytes)
    }

    fn from_connect_header(&self, topic: &str, _name: &str, data: &Data, out: &mut Vec<u8>) -> Result<bool> {
        self.0.from_connect(topic, data, out)
    }
}

/// All converters that are built in, by class name.
pub fn plugins() -> &'static [ConverterPlugin] {
    static PLUGINS: LazyLock<Vec<ConverterPlugin>> = LazyLock::new(table);
    &PLUGINS
}

/// The converter of a Java class name.
pub fn plugin(class: &str) -> Option<&'static ConverterPlugin> {
    plugins().iter().find(|plugin| plugin.class == class)
}

fn table() -> Vec<ConverterPlugin> {
    let numbers = NumberConverter::classes().map(|class| {
        records(class, vec![], |class, _| {
            // The class comes from the same table, so there always is one.
            let converter = NumberConverter::of_class(class);
            let error = || ConnectError::config(format!("no number converter {class}"));
            Ok(Arc::new(converter.ok_or_else(error)?))
        })
    });
    let mut plugins: Vec<ConverterPlugin> = numbers.collect();
    let of_avro = [AvroConverter::CLASS, AvroConverter::APICURIO_CLASS];
    plugins.extend(of_avro.map(|class| {
        of_registry(class, |class, props, is_key| Ok(Arc::new(AvroConverter::new(class, props, is_key)?)))
    }));
    plugins.extend([
        records(BooleanConverter::CLASS, vec![], |_, _| Ok(Arc::new(BooleanConverter::default()))),
        records(ByteArrayConverter::CLASS, vec![], |_, _| Ok(Arc::new(ByteArrayConverter::default()))),
        records(JsonConverter::CLASS, json_converter::keys(), |_, props| Ok(Arc::new(JsonConverter::new(props)?))),
        of_registry(JsonSchemaConverter::CLASS, |_, props, is_key| {
            Ok(Arc::new(JsonSchemaConverter::new(props, is_key)?))
        }),
        of_registry(ProtobufConverter::CLASS, |_, props, is_key| Ok(Arc::new(ProtobufConverter::new(props, is_key)?))),
        records(StringConverter::CLASS, vec![encoding()], |_, props| Ok(Arc::new(StringConverter::new(props)?))),
        ConverterPlugin {
            class: SimpleHeaderConverter::CLASS,
            version: KAFKA,
            config: ConfigDef::default(),
            make: Make::Headers(|| Arc::new(SimpleHeaderConverter)),
        },
    ]);
    plugins.sort_by_key(|plugin| plugin.class);
    plugins
}

fn records(
    class: &'static str,
    keys: Vec<ConfigKey>,
    make: fn(&'static str, &Props) -> Result<Arc<dyn Converter>>,
) -> ConverterPlugin {
    let kind = ConfigKey::new("converter.type", ConfigType::String, Importance::Low)
        .validator(Validator::OneOf(&["key", "value", "header"]))
        .doc("What the converter is used for; set by the worker.");
    let config = ConfigDef::new(std::iter::once(kind).chain(keys));
    ConverterPlugin { class, version: KAFKA, config, make: Make::Both(make) }
}

/// A converter of the schema registry. As Confluent's, it shows no keys before it is made.
fn of_registry(
    class: &'static str,
    make: fn(&'static str, &Props, bool) -> Result<Arc<dyn Converter>>,
) -> ConverterPlugin {
    ConverterPlugin { class, version: CONFLUENT, config: ConfigDef::default(), make: Make::Records(make) }
}

fn encoding() -> ConfigKey {
    let mut key = ConfigKey::new("converter.encoding", ConfigType::String, Importance::High)
        .default("UTF-8")
        .doc("The encoding of the text: UTF-8, US-ASCII, ISO-8859-1, UTF-16, UTF-16BE or UTF-16LE.");
    key.width = Width::Medium;
    key.display_name = "Encoding".into();
    key
}
