//! The table of keys.

use std::borrow::Cow;

use indexmap::IndexMap;

use super::ConfigValue;
use super::Props;
use super::parse::{self, ParsedConfig, Value};

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ConfigType {
    Boolean,
    String,
    Int,
    Short,
    Long,
    Double,
    List,
    Class,
    Password,
}

impl ConfigType {
    /// The name in REST answers.
    pub fn name(self) -> &'static str {
        match self {
            ConfigType::Boolean => "BOOLEAN",
            ConfigType::String => "STRING",
            ConfigType::Int => "INT",
            ConfigType::Short => "SHORT",
            ConfigType::Long => "LONG",
            ConfigType::Double => "DOUBLE",
            ConfigType::List => "LIST",
            ConfigType::Class => "CLASS",
            ConfigType::Password => "PASSWORD",
        }
    }
}

/// How much a key matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Importance {
    High,
    Medium,
    Low,
}

impl Importance {
    /// The name in REST answers.
    pub fn name(self) -> &'static str {
        match self {
            Importance::High => "HIGH",
            Importance::Medium => "MEDIUM",
            Importance::Low => "LOW",
        }
    }
}

/// How wide a form's field is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Width {
    None,
    Short,
    Medium,
    Long,
}

impl Width {
    /// The name in REST answers.
    pub fn name(self) -> &'static str {
        match self {
            Width::None => "NONE",
            Width::Short => "SHORT",
            Width::Medium => "MEDIUM",
            Width::Long => "LONG",
        }
    }
}

/// What holds where the user says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Default {
    /// The key must be given.
    Required,
    /// Null.
    Null,
    /// A value, written as a user would write it.
    Text(Cow<'static, str>),
}

/// What a value must be beyond its type. The messages are those of Kafka's validators.
#[derive(Debug, Clone, Copy)]
pub enum Validator {
    /// Anything of the type.
    Any,
    /// A number of at least this.
    AtLeast(i64),
    /// A number from the first to the second, both included.
    Between(i64, i64),
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// One of these texts, in any case. Shown in this order.
    OneOfIgnoreCase(&'static [&'static str]),
    /// A text that is not empty; null passes.
    NonEmptyString,
    /// A list that is not empty.
    NonEmptyList,
    /// Any other check: gets the name and the parsed value, gives the whole message.
    Check(fn(&str, &Value) -> Result<(), String>),
}

/// A key: what it is called, what it takes, how it is shown.
#[derive(Debug, Clone)]
pub struct ConfigKey {
    /// Name of the key.
    pub name: Cow<'static, str>,
    /// What its values are.
    pub kind: ConfigType,
    /// What holds where the user says nothing.
    pub default: Default,
    /// What its values must be beyond the type.
    pub validator: Validator,
    /// How much it matters.
    pub importance: Importance,
    /// What it does.
    pub doc: Cow<'static, str>,
    /// The group in which a form shows it.
    pub group: Option<Cow<'static, str>>,
    /// Its place in the group; -1 without a group.
    pub order: i32,
    /// How wide a form's field is.
    pub width: Width,
    /// What a form calls it.
    pub display_name: Cow<'static, str>,
    /// Keys whose values depend on this one.
    pub dependents: Vec<Cow<'static, str>>,
    /// Values that a form would offer.
    pub recommended: Vec<String>,
    /// Whether a form would show it.
    pub visible: bool,
    /// How much of the name is a prefix under which another table holds the key. Validators do not see it: in Connect
    /// too they tell the name that they know.
    pub(super) prefix: usize,
}

impl ConfigKey {
    /// A required key of no group; its display name is its name.
    pub fn new(name: impl Into<Cow<'static, str>>, kind: ConfigType, importance: Importance) -> Self {
        let name = name.into();
        Self {
            display_name: name.clone(),
            name,
            kind,
            default: Default::Required,
            validator: Validator::Any,
            importance,
            doc: Cow::Borrowed(""),
            group: None,
            order: -1,
            width: Width::None,
            dependents: Vec::new(),
            recommended: Vec::new(),
            visible: true,
            prefix: 0,
        }
    }

    /// The same key under a prefix, as it stands in the table of something that contains its owner.
    #[must_use]
    #[doc(alias = "org.apache.kafka.common.config.ConfigDef.embed")]
    pub fn under(mut self, prefix: &str) -> Self {
        self.name = Cow::Owned(format!("{prefix}{}", self.name));
        self.dependents.iter_mut().for_each(|name| *name = Cow::Owned(format!("{prefix}{name}")));
        self.prefix += prefix.len();
        self
    }

    /// Sets the default, as a user would write it.
    #[must_use]
    pub fn default(mut self, text: impl Into<Cow<'static, str>>) -> Self {
        self.default = Default::Text(text.into());
        self
    }

    /// Makes null the default.
    #[must_use]
    pub fn default_null(mut self) -> Self {
        self.default = Default::Null;
        self
    }

    /// Sets what values must be.
    #[must_use]
    pub fn validator(mut self, validator: Validator) -> Self {
        self.validator = validator;
        self
    }

    /// Says what the key does.
    #[must_use]
    pub fn doc(mut self, doc: impl Into<Cow<'static, str>>) -> Self {
        self.doc = doc.into();
        self
    }

    /// Sets where and how a form shows the key.
    #[must_use]
    pub fn shown(
        mut self,
        group: impl Into<Cow<'static, str>>,
        order: i32,
        width: Width,
        display_name: impl Into<Cow<'static, str>>,
    ) -> Self {
        self.group = Some(group.into());
        self.order = order;
        self.width = width;
        self.display_name = display_name.into();
        self
    }

    /// Sets the keys whose values depend on this one.
    #[must_use]
    pub fn dependents(mut self, names: &[&'static str]) -> Self {
        self.dependents = names.iter().map(|name| Cow::Borrowed(*name)).collect();
        self
    }

    /// Sets the values that a form would offer.
    #[must_use]
    pub fn recommended(mut self, values: Vec<String>) -> Self {
        self.recommended = values;
        self
    }

    /// Hides the key from forms.
    #[must_use]
    pub fn hidden(mut self) -> Self {
        self.visible = false;
        self
    }

    /// Whether it has no default.
    pub fn is_required(&self) -> bool {
        self.default == Default::Required
    }

    /// The default as REST answers show it.
    pub fn shown_default(&self) -> Option<String> {
        match (&self.default, self.kind) {
            (Default::Text(_), ConfigType::Password) => Some(super::HIDDEN.to_owned()),
            (Default::Text(text), _) => Some(text.clone().into_owned()),
            _ => None,
        }
    }
}

/// A table of keys, in the order in which they are shown.
#[derive(Debug, Clone, std::default::Default)]
#[doc(alias = "org.apache.kafka.common.config.ConfigDef")]
pub struct ConfigDef {
    keys: IndexMap<Cow<'static, str>, ConfigKey>,
}

impl ConfigDef {
    /// A table of these keys. A later key of the same name takes the earlier one's place.
    pub fn new(keys: impl IntoIterator<Item = ConfigKey>) -> Self {
        let mut def = Self::default();
        for key in keys {
            def.add(key);
        }
        def
    }

    /// Adds a key at the end, or in the place of the one of the same name.
    pub fn add(&mut self, key: ConfigKey) {
        self.keys.insert(key.name.clone(), key);
    }

    /// The key of a name.
    pub fn get(&self, name: &str) -> Option<&ConfigKey> {
        self.keys.get(name)
    }

    /// The keys in order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &ConfigKey> {
        self.keys.values()
    }

    /// The names of the groups, in the order in which they first come.
    pub fn groups(&self) -> Vec<String> {
        let mut groups: Vec<String> = Vec::new();
        for group in self.keys().filter_map(|key| key.group.as_deref()) {
            if !groups.iter().any(|known| known == group) {
                groups.push(group.to_owned());
            }
        }
        groups
    }

    /// Checks every key and gives one entry for each, with everything that is wrong. Never stops at the first error.
    pub fn validate(&self, props: &Props) -> Vec<ConfigValue> {
        self.keys().map(|key| parse::check(key, props.get(&*key.name).map(String::as_str)).1).collect()
    }

    /// Parses every key.
    ///
    /// # Errors
    /// The entries that have errors, all of them.
    pub fn parse(&self, props: &Props) -> Result<ParsedConfig, Vec<ConfigValue>> {
        let (mut parsed, mut wrong) = (ParsedConfig::default(), Vec::new());
        for key in self.keys() {
            let (value, entry) = parse::check(key, props.get(&*key.name).map(String::as_str));
            if entry.errors.is_empty() { parsed.set(&key.name, value) } else { wrong.push(entry) }
        }
        if wrong.is_empty() { Ok(parsed) } else { Err(wrong) }
    }
}
